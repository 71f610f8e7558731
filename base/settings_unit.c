/* SPDX-License-Identifier: Apache-2.0 */
#include "base/settings_unit.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *suffix;
    int64_t factor;
};

/* Largest first: the first exact one is how a value is shown. */
static const struct unit durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                        {"s", 1000},     {"ms", 1},      {0}};
static const struct unit sizes[] = {{"T", (int64_t)1 << 40},
                                    {"G", (int64_t)1 << 30},
                                    {"M", (int64_t)1 << 20},
                                    {"K", (int64_t)1 << 10},
                                    {"", 1},
                                    {0}};

int
settings_unit_parse(enum setting_type type, const char *text, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    int64_t value;

    int rc = jb_parse_int((struct jb_str){text, digits}, 0, INT64_MAX, &value);
    if (rc)
        return rc;
    for (const struct unit *u = type == SETTING_SIZE ? sizes : durations; u->suffix; u++) {
        if (strcmp(text + digits, u->suffix) != 0)
            continue;
        if (__builtin_mul_overflow(value, u->factor, ret))
            return JB_EINVAL;
        return 0;
    }
    return JB_EPARSE;
}

void
settings_unit_format(enum setting_type type, double value, char out[SETTINGS_UNIT_SIZE])
{
    if (type != SETTING_SIZE && type != SETTING_DURATION) {
        snprintf(out, SETTINGS_UNIT_SIZE, "%.15g", value);
        return;
    }
    for (const struct unit *u = type == SETTING_SIZE ? sizes : durations; u->suffix; u++) {
        double count = value / (double)u->factor;
        if ((count >= 1 && count == floor(count)) || u->factor == 1) {
            snprintf(out, SETTINGS_UNIT_SIZE, "%.0f%s", count, u->suffix);
            return;
        }
    }
}

const char *
settings_unit_hint(enum setting_type type)
{
    return type == SETTING_SIZE
               ? "a size in quotes, like \"64K\", \"16M\" or \"64G\""
               : "a duration in quotes, like \"500ms\", \"15s\", \"10m\" or \"2h\"";
}

size_t
settings_field_size(enum setting_type type)
{
    switch (type) {
    case SETTING_STRING:
    case SETTING_PATH: return sizeof(const char *);
    case SETTING_INT:
    case SETTING_DURATION:
    case SETTING_SIZE: return sizeof(int64_t);
    case SETTING_NUMBER: return sizeof(double);
    case SETTING_BOOL: return sizeof(bool);
    case SETTING_CHOICE: return sizeof(int);
    case SETTING_STRINGS: return sizeof(struct setting_strings);
    case SETTING_LIST: return sizeof(struct setting_list);
    }
    return 0;
}
