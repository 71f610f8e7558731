/* SPDX-License-Identifier: Apache-2.0 */
/* The table as text for people: the man page and the annotated file of defaults. */
#include "base/settings.h"
#include "base/settings_unit.h"

#include <string.h>

static const char *
type_name(enum setting_type type)
{
    switch (type) {
    case SETTING_STRING: return "text";
    case SETTING_PATH: return "path";
    case SETTING_INT: return "whole number";
    case SETTING_NUMBER: return "number";
    case SETTING_BOOL: return "true or false";
    case SETTING_DURATION: return "duration";
    case SETTING_SIZE: return "size";
    case SETTING_STRINGS: return "list of texts";
    case SETTING_CHOICE: return "one of";
    case SETTING_LIST: return "list of groups";
    }
    return "";
}

static bool
quoted(enum setting_type type)
{
    return type == SETTING_STRING || type == SETTING_PATH || type == SETTING_DURATION ||
           type == SETTING_SIZE || type == SETTING_CHOICE;
}

static void
put_range(const struct setting *s, struct jb_buf *out)
{
    char low[SETTINGS_UNIT_SIZE], high[SETTINGS_UNIT_SIZE];

    if (s->type == SETTING_CHOICE) {
        jb_buf_printf(out, " %s", s->choices);
    } else if (s->min != 0 || s->max != 0) {
        settings_unit_format(s->type, s->min, low);
        settings_unit_format(s->type, s->max, high);
        jb_buf_printf(out, ", %s to %s", low, high);
    }
}

/* mdoc wants a new line for each sentence; a line may not start with a control character, and a
 * backslash starts an escape. */
static void
put_mdoc_text(struct jb_buf *out, const char *text)
{
    bool line_start = true;

    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            jb_buf_puts(out, "\\&");
        line_start = false;
        if (*text == '\\') {
            jb_buf_puts(out, "\\e");
        } else if (text[0] == '.' && text[1] == ' ') {
            jb_buf_puts(out, ".\n");
            text++;
            line_start = true;
        } else {
            jb_buf_putc(out, *text);
        }
    }
}

/* A default list, its items between commas. */
static void
put_mdoc_list(const char *def, struct jb_buf *out)
{
    for (; *def; def++) {
        char c[] = {*def, '\0'};

        put_mdoc_text(out, *def == '|' ? ", " : c);
    }
}

void
settings_mdoc(const struct setting *table, struct jb_buf *out)
{
    for (const struct setting *s = table; s->key; s++) {
        jb_buf_printf(out, ".It Ic %s\n", s->key);
        put_mdoc_text(out, s->help);
        jb_buf_puts(out, "\n.br\n");
        jb_buf_printf(out, "Type: %s", type_name(s->type));
        put_range(s, out);
        if (!s->def)
            jb_buf_puts(out, "; must be given.\n");
        else if (s->def[0] == '\0')
            jb_buf_puts(out, "; default: empty.\n");
        else {
            jb_buf_puts(out, "; default: ");
            if (s->type == SETTING_STRINGS)
                put_mdoc_list(s->def, out);
            else
                put_mdoc_text(out, s->def);
            jb_buf_puts(out, ".\n");
        }
    }
}

/* How many leading groups two dotted keys share. */
static size_t
group_length(const char *key)
{
    const char *dot = strrchr(key, '.');

    return dot ? (size_t)(dot - key) : 0;
}

/* A default list as it stands in a file. */
static void
put_strings(const char *def, struct jb_buf *out)
{
    jb_buf_puts(out, "[ ");
    for (const char *p = def; *p; p += strspn(p, "|")) {
        size_t n = strcspn(p, "|");
        jb_buf_printf(out, "%s\"%.*s\"", p == def ? "" : ", ", (int)n, p);
        p += n;
    }
    jb_buf_puts(out, def[0] ? " ];\n" : "];\n");
}

void
settings_example(const struct setting *table, struct jb_buf *out)
{
    const char *open = "";
    size_t open_n = 0;

    for (const struct setting *s = table; s->key; s++) {
        size_t n = group_length(s->key);
        if (n != open_n || strncmp(open, s->key, n) != 0) {
            if (open_n)
                jb_buf_puts(out, "};\n\n");
            if (n)
                jb_buf_printf(out, "%.*s = {\n", (int)n, s->key);
            open = s->key;
            open_n = n;
        }
        const char *indent = n ? "    " : "";
        jb_buf_printf(out, "%s# %s\n%s# %s", indent, s->help, indent, type_name(s->type));
        put_range(s, out);
        jb_buf_printf(out, "\n%s%s%s = ", indent, s->def ? "#" : "", s->key + (n ? n + 1 : 0));
        const char *def = s->def ? s->def : "";
        if (s->type == SETTING_STRINGS)
            put_strings(def, out);
        else if (s->type == SETTING_LIST)
            jb_buf_puts(out, "( );\n");
        else
            jb_buf_printf(out, quoted(s->type) ? "\"%s\";\n" : "%s;\n", def);
    }
    if (open_n)
        jb_buf_puts(out, "};\n");
}
