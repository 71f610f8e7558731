/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a libconfig tree by a table. The only file, with settings_unit.c, that knows how a
 * settings file looks; libconfig itself appears nowhere else. */
#include <config.h>

#include "base/settings.h"
#include "base/settings_unit.h"
#include "base/text.h"

#include <errno.h>
#include <libconfig.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, KEY_MAX = 200 };

struct reader {
    const char *name; /* of the file, for messages */
    const char *dir;  /* of the file, for relative paths; "" for none */
    struct jb_arena *arena;
    struct settings_report *report;
    const char *const *foreign;
    int err; /* JB_ENOMEM sticks */
};

static void complain(struct reader *r, const config_setting_t *at, const char *key,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void
complain(struct reader *r, const config_setting_t *at, const char *key, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    unsigned line = at ? config_setting_source_line(at) : 0;
    jb_buf_printf(&r->report->text, "%s:%u: %s: %s\n", r->name, line ? line : 1, key, text);
    r->report->n++;
}

static void *
out_of_memory(struct reader *r)
{
    r->err = JB_ENOMEM;
    return NULL;
}

static const char *
keep_text(struct reader *r, const char *text)
{
    const char *copy = jb_arena_dup(r->arena, text, strlen(text));

    return copy ? copy : out_of_memory(r);
}

/* NULL or why the text cannot be a value. */
static const char *
bad_text(const char *text)
{
    size_t n = strlen(text);

    if (jb_utf8_valid(text, n) != n)
        return "is not UTF-8";
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += jb_utf8_decode(text + i, n - i, &cp);
        if (jb_cp_forbidden(cp))
            return "holds a control character";
    }
    return NULL;
}

static bool
in_range(const struct setting *s, double value)
{
    return (s->min == 0 && s->max == 0) || (value >= s->min && value <= s->max);
}

static void
complain_range(struct reader *r, const config_setting_t *at, const char *key,
               const struct setting *s)
{
    char low[SETTINGS_UNIT_SIZE], high[SETTINGS_UNIT_SIZE];

    settings_unit_format(s->type, s->min, low);
    settings_unit_format(s->type, s->max, high);
    complain(r, at, key, "must be between %s and %s", low, high);
}

static bool
read_string(struct reader *r, const config_setting_t *at, const char *key, const char **ret)
{
    if (config_setting_type(at) != CONFIG_TYPE_STRING) {
        complain(r, at, key, "must be a text in double quotes");
        return false;
    }
    const char *text = config_setting_get_string(at);
    const char *why = bad_text(text);
    if (why) {
        complain(r, at, key, "%s", why);
        return false;
    }
    *ret = text;
    return true;
}

static bool
read_path(struct reader *r, const char *text, const char **ret)
{
    if (text[0] == '/' || text[0] == '\0' || r->dir[0] == '\0')
        *ret = keep_text(r, text);
    else if (!(*ret = jb_arena_printf(r->arena, "%s/%s", r->dir, text)))
        out_of_memory(r);
    return !r->err;
}

static bool
read_number(struct reader *r, const config_setting_t *at, const char *key, double *ret)
{
    switch (config_setting_type(at)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64: *ret = (double)config_setting_get_int64(at); return true;
    case CONFIG_TYPE_FLOAT: *ret = config_setting_get_float(at); break;
    default: complain(r, at, key, "must be a number"); return false;
    }
    if (isfinite(*ret))
        return true;
    complain(r, at, key, "must be a finite number");
    return false;
}

static bool
read_int(struct reader *r, const config_setting_t *at, const char *key, int64_t *ret)
{
    int type = config_setting_type(at);

    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
        complain(r, at, key, "must be a whole number");
        return false;
    }
    *ret = config_setting_get_int64(at);
    return true;
}

static bool
read_unit(struct reader *r, const config_setting_t *at, const char *key,
          const struct setting *s, int64_t *ret)
{
    if (config_setting_type(at) != CONFIG_TYPE_STRING ||
        settings_unit_parse(s->type, config_setting_get_string(at), ret)) {
        complain(r, at, key, "must be %s", settings_unit_hint(s->type));
        return false;
    }
    return true;
}

static bool
read_choice(struct reader *r, const config_setting_t *at, const char *key,
            const struct setting *s, int *ret)
{
    const char *text;
    int index = 0;

    if (!read_string(r, at, key, &text))
        return false;
    size_t n = strlen(text);
    for (const char *p = s->choices; p; index++) {
        const char *bar = strchr(p, '|');
        size_t len = bar ? (size_t)(bar - p) : strlen(p);
        if (len == n && memcmp(p, text, n) == 0) {
            *ret = index;
            return true;
        }
        p = bar ? bar + 1 : NULL;
    }
    complain(r, at, key, "must be one of %s", s->choices);
    return false;
}

static bool
read_strings(struct reader *r, const config_setting_t *at, const char *key,
             struct setting_strings *ret)
{
    int type = config_setting_type(at);
    bool one = type == CONFIG_TYPE_STRING;
    bool ok = true;

    if (!one && type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
        complain(r, at, key, "must be a list of texts, like [ \"a\", \"b\" ]");
        return false;
    }
    size_t n = one ? 1 : (size_t)config_setting_length(at);
    const char **items = jb_arena_array(r->arena, n ? n : 1, sizeof(*items));
    if (!items)
        return out_of_memory(r);
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *item = one ? at : config_setting_get_elem(at, (unsigned)i);
        const char *text;
        if (!read_string(r, item, key, &text)) {
            ok = false;
            continue;
        }
        items[i] = keep_text(r, text);
    }
    *ret = (struct setting_strings){n, items};
    return ok && !r->err;
}

static void read_group(struct reader *r, config_setting_t *group, const char *prefix,
                       const struct setting *table, void *target, bool top);

static bool
read_list(struct reader *r, const config_setting_t *at, const char *key,
          const struct setting *s, struct setting_list *ret)
{
    if (config_setting_type(at) != CONFIG_TYPE_LIST) {
        complain(r, at, key, "must be a list of groups, like ( { … }, { … } )");
        return false;
    }
    size_t n = (size_t)config_setting_length(at);
    char *items = jb_arena_array(r->arena, n ? n : 1, s->item_size);
    if (!items)
        return out_of_memory(r);
    for (size_t i = 0; i < n; i++) {
        config_setting_t *item = config_setting_get_elem(at, (unsigned)i);
        char path[3 * KEY_MAX];
        snprintf(path, sizeof(path), "%s[%zu]", key, i);
        if (config_setting_type(item) != CONFIG_TYPE_GROUP)
            complain(r, item, path, "must be a group, like { … }");
        else
            read_group(r, item, path, s->items, items + i * s->item_size, false);
    }
    *ret = (struct setting_list){n, items};
    return !r->err;
}

static void
read_value(struct reader *r, const config_setting_t *at, const char *key,
           const struct setting *s, void *field)
{
    size_t before = r->report->n;
    const char *text = NULL;
    double number = 0;

    switch (s->type) {
    case SETTING_STRING:
        if (read_string(r, at, key, &text))
            *(const char **)field = keep_text(r, text);
        break;
    case SETTING_PATH:
        if (read_string(r, at, key, &text))
            read_path(r, text, field);
        break;
    case SETTING_INT:
        if (read_int(r, at, key, field))
            number = (double)*(int64_t *)field;
        break;
    case SETTING_NUMBER:
        if (read_number(r, at, key, field))
            number = *(double *)field;
        break;
    case SETTING_BOOL:
        if (config_setting_type(at) != CONFIG_TYPE_BOOL)
            complain(r, at, key, "must be true or false");
        else
            *(bool *)field = config_setting_get_bool(at);
        break;
    case SETTING_DURATION:
    case SETTING_SIZE:
        if (read_unit(r, at, key, s, field))
            number = (double)*(int64_t *)field;
        break;
    case SETTING_STRINGS: read_strings(r, at, key, field); break;
    case SETTING_CHOICE: read_choice(r, at, key, s, field); break;
    case SETTING_LIST: read_list(r, at, key, s, field); break;
    }
    if (r->err || r->report->n != before)
        return;
    bool ranged = s->type == SETTING_INT || s->type == SETTING_NUMBER ||
                  s->type == SETTING_DURATION || s->type == SETTING_SIZE;
    if (ranged && !in_range(s, number)) {
        complain_range(r, at, key, s);
        return;
    }
    const char *why = s->check ? s->check(field) : NULL;
    if (why)
        complain(r, at, key, "%s", why);
}

/* Distance in single edits; keys are short. */
static unsigned
edit_distance(const char *a, const char *b)
{
    unsigned row[64];
    size_t n = strlen(b);

    if (n >= 64 || strlen(a) >= 64)
        return 64;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1]; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned best = corner + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            corner = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

static void
complain_unknown(struct reader *r, const config_setting_t *at, const char *shown,
                 const char *key, const struct setting *table)
{
    const char *nearest = NULL;
    unsigned best = 4;

    for (const struct setting *s = table; s->key; s++) {
        unsigned d = edit_distance(key, s->key);
        if (d < best) {
            best = d;
            nearest = s->key;
        }
    }
    if (nearest)
        complain(r, at, shown, "unknown setting; did you mean %s?", nearest);
    else
        complain(r, at, shown, "unknown setting");
}

static bool
is_foreign(const struct reader *r, const char *name)
{
    for (const char *const *f = r->foreign; f && *f; f++)
        if (strcmp(*f, name) == 0)
            return true;
    return false;
}

/* Every key of the file must be in the table; `path` is relative to the table. */
static void
check_known(struct reader *r, config_setting_t *group, const char *prefix, const char *path,
            const struct setting *table, bool top)
{
    int n = config_setting_length(group);

    for (int i = 0; i < n; i++) {
        config_setting_t *item = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(item);
        char key[KEY_MAX], shown[2 * KEY_MAX];
        bool known = false, is_prefix = false;

        if (top && !path[0] && is_foreign(r, name))
            continue;
        snprintf(key, sizeof(key), "%s%s%s", path, path[0] ? "." : "", name);
        snprintf(shown, sizeof(shown), "%s%s%s", prefix, prefix[0] ? "." : "", key);
        size_t len = strlen(key);
        for (const struct setting *s = table; s->key; s++) {
            known = known || strcmp(s->key, key) == 0;
            is_prefix = is_prefix || (strncmp(s->key, key, len) == 0 && s->key[len] == '.');
        }
        if (known)
            continue;
        if (!is_prefix)
            complain_unknown(r, item, shown, key, table);
        else if (config_setting_type(item) != CONFIG_TYPE_GROUP)
            complain(r, item, shown, "must be a group, like { … }");
        else
            check_known(r, item, prefix, key, table, top);
    }
}

static bool set_default(struct jb_arena *arena, const struct setting *s, void *field);

static void
read_group(struct reader *r, config_setting_t *group, const char *prefix,
           const struct setting *table, void *target, bool top)
{
    check_known(r, group, prefix, "", table, top);
    for (const struct setting *s = table; s->key; s++) {
        void *field = (char *)target + s->offset;
        config_setting_t *at = config_setting_lookup(group, s->key);
        char shown[2 * KEY_MAX];

        snprintf(shown, sizeof(shown), "%s%s%s", prefix, prefix[0] ? "." : "", s->key);
        if (at)
            read_value(r, at, shown, s, field);
        else if (!s->def)
            complain(r, group, shown, "is missing");
        else if (!set_default(r->arena, s, field))
            out_of_memory(r);
        if (r->err)
            return;
    }
}

/* The items of a default list stand between bars. */
static bool
default_strings(struct jb_arena *arena, const char *def, struct setting_strings *ret)
{
    size_t n = def[0] != '\0';

    for (const char *p = def; *p; p++)
        n += *p == '|';
    const char **items = jb_arena_array(arena, n ? n : 1, sizeof(*items));
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t length = strcspn(def, "|");
        if (!(items[i] = jb_arena_dup(arena, def, length)))
            return false;
        def += length + 1;
    }
    *ret = (struct setting_strings){n, items};
    return true;
}

static bool
set_default(struct jb_arena *arena, const struct setting *s, void *field)
{
    switch (s->type) {
    case SETTING_STRING:
    case SETTING_PATH: *(const char **)field = s->def; return true;
    case SETTING_INT: return jb_parse_int(jb_str(s->def), INT64_MIN, INT64_MAX, field) == 0;
    case SETTING_NUMBER:
        if (strcmp(s->def, "nan") == 0) {
            *(double *)field = NAN;
            return true;
        }
        return jb_parse_double(jb_str(s->def), field) == 0;
    case SETTING_BOOL: *(bool *)field = strcmp(s->def, "true") == 0; return true;
    case SETTING_DURATION:
    case SETTING_SIZE: return settings_unit_parse(s->type, s->def, field) == 0;
    case SETTING_CHOICE: {
        int index = 0;
        for (const char *p = s->choices; p; index++) {
            const char *bar = strchr(p, '|');
            size_t len = bar ? (size_t)(bar - p) : strlen(p);
            if (strlen(s->def) == len && memcmp(p, s->def, len) == 0)
                *(int *)field = index;
            p = bar ? bar + 1 : NULL;
        }
        return true;
    }
    case SETTING_STRINGS: return default_strings(arena, s->def, field);
    case SETTING_LIST: *(struct setting_list *)field = (struct setting_list){0}; return true;
    }
    return false;
}

int
settings_defaults(const struct setting *table, struct jb_arena *arena, void *target)
{
    for (const struct setting *s = table; s->key; s++)
        if (s->def && !set_default(arena, s, (char *)target + s->offset))
            return JB_ENOMEM;
    return 0;
}

static size_t
target_size(const struct setting *table)
{
    size_t size = 0;

    for (const struct setting *s = table; s->key; s++)
        if (s->offset + 64 > size)
            size = s->offset + 64;
    return size;
}

/* libconfig's own include would read any file the text names. */
static bool
has_include(const char *text, unsigned *ret_line)
{
    unsigned line = 1;

    for (const char *p = text; *p; line++) {
        const char *q = p + strspn(p, " \t\r");
        if (strncmp(q, "@include", 8) == 0) {
            *ret_line = line;
            return true;
        }
        p = strchr(p, '\n');
        if (!p)
            break;
        p++;
    }
    return false;
}

static int
parse(struct reader *r, const char *text, size_t n, const struct setting *table, void *target)
{
    unsigned line = 0;

    if (memchr(text, '\0', n)) {
        jb_buf_printf(&r->report->text, "%s:1: file: holds a NUL byte\n", r->name);
        r->report->n++;
        return JB_EINVAL;
    }
    if (has_include(text, &line)) {
        jb_buf_printf(&r->report->text, "%s:%u: @include: is not supported\n", r->name, line);
        r->report->n++;
        return JB_EINVAL;
    }
    /* Values are read into a scratch copy, so that a mistake leaves the target as it was. */
    size_t size = target_size(table);
    void *scratch = calloc(1, size);
    if (!scratch)
        return JB_ENOMEM;
    config_t config;
    config_init(&config);
    if (!config_read_string(&config, text)) {
        const char *why = config_error_text(&config);
        jb_buf_printf(&r->report->text, "%s:%d: syntax: %s\n", r->name,
                      config_error_line(&config), why ? why : "cannot be read");
        r->report->n++;
    } else {
        read_group(r, config_root_setting(&config), "", table, scratch, true);
    }
    int rc = r->err ? r->err : r->report->n ? JB_EINVAL : 0;
    if (rc == 0)
        for (const struct setting *s = table; s->key; s++)
            memcpy((char *)target + s->offset, (char *)scratch + s->offset,
                   settings_field_size(s->type));
    config_destroy(&config);
    free(scratch);
    return rc;
}

int
settings_parse(const char *name, const char *text, size_t n, const struct setting *table,
               const char *const *foreign, struct jb_arena *arena, void *target,
               struct settings_report *report)
{
    struct reader r = {name, "", arena, report, foreign, 0};
    char *copy = jb_arena_dup(arena, text, n);

    if (report->text.cap == 0)
        report->text.cap = FILE_MAX;
    return copy ? parse(&r, copy, n, table, target) : JB_ENOMEM;
}

/* Into `buf`, with the mistakes in the report. */
static int
read_file(const char *file, struct jb_buf *buf, struct settings_report *report)
{
    char chunk[4096];
    FILE *f = fopen(file, "re");
    int no = f ? 0 : errno;

    while (f && !buf->err) {
        size_t n = fread(chunk, 1, sizeof(chunk), f);
        jb_buf_put(buf, chunk, n);
        if (n < sizeof(chunk))
            break;
    }
    if (f) {
        if (ferror(f))
            no = errno;
        fclose(f);
    }
    if (buf->err == JB_ENOMEM)
        return JB_ENOMEM;
    if (buf->err)
        no = EFBIG;
    if (!no)
        return 0;
    jb_buf_printf(&report->text, "%s:1: file: %s\n", file, strerror(no));
    report->n++;
    return no == ENOENT ? JB_ENOENT : JB_EIO;
}

int
settings_load(const char *file, const struct setting *table, const char *const *foreign,
              struct jb_arena *arena, void *target, struct settings_report *report)
{
    struct jb_buf text = JB_BUF(FILE_MAX);

    if (report->text.cap == 0)
        report->text.cap = FILE_MAX;
    int rc = read_file(file, &text, report);
    const char *slash = strrchr(file, '/');
    const char *dir = slash ? jb_arena_dup(arena, file, (size_t)(slash - file)) : ".";
    if (rc == 0 && !dir)
        rc = JB_ENOMEM;
    if (rc == 0) {
        struct reader r = {file, dir[0] ? dir : "/", arena, report, foreign, 0};
        rc = parse(&r, text.p ? text.p : "", text.n, table, target);
    }
    jb_buf_free(&text);
    return rc;
}
