/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the innermost open thing expects next. */
enum { TOP, TOP_DONE, OBJECT_FIRST, OBJECT, VALUE, ARRAY_FIRST, ARRAY };

void
jb_json_init(struct jb_json *j, struct jb_buf *out)
{
    *j = (struct jb_json){.out = out};
    j->stack[0] = TOP;
}

static void
misuse(struct jb_json *j)
{
    if (!j->out->err)
        j->out->err = JB_EINVAL;
}

/* Called before every value: writes the comma, checks that a value may stand here. */
static void
before_value(struct jb_json *j)
{
    unsigned char *state = &j->stack[j->depth];

    switch (*state) {
    case TOP: *state = TOP_DONE; break;
    case VALUE: *state = OBJECT; break;
    case ARRAY_FIRST: *state = ARRAY; break;
    case ARRAY: jb_buf_putc(j->out, ','); break;
    default: misuse(j);
    }
}

static void
open_level(struct jb_json *j, char c, unsigned char state)
{
    before_value(j);
    if (j->depth + 1 >= JB_JSON_DEPTH) {
        misuse(j);
        return;
    }
    j->stack[++j->depth] = state;
    jb_buf_putc(j->out, c);
}

void
jb_json_object(struct jb_json *j)
{
    open_level(j, '{', OBJECT_FIRST);
}

void
jb_json_array(struct jb_json *j)
{
    open_level(j, '[', ARRAY_FIRST);
}

void
jb_json_end(struct jb_json *j)
{
    switch (j->stack[j->depth]) {
    case OBJECT_FIRST:
    case OBJECT: jb_buf_putc(j->out, '}'); break;
    case ARRAY_FIRST:
    case ARRAY: jb_buf_putc(j->out, ']'); break;
    default: misuse(j); return;
    }
    j->depth--;
}

static const char hex[] = "0123456789abcdef";

static void
put_u(struct jb_buf *b, unsigned c)
{
    char text[6] = {'\\',       'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15],
                    hex[c & 15]};

    jb_buf_put(b, text, sizeof(text));
}

static void
put_string(struct jb_buf *b, struct jb_str s, bool script)
{
    size_t run = 0, i = 0;

    jb_buf_putc(b, '"');
    while (i < s.n) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80) {
            uint32_t cp;
            size_t len = jb_utf8_decode(s.p + i, s.n - i, &cp);
            bool bad = len == 1;
            if (!bad && !(script && (cp == 0x2028 || cp == 0x2029))) {
                i += len;
                continue;
            }
            jb_buf_put(b, s.p + run, i - run);
            if (bad)
                jb_buf_puts(b, "\xef\xbf\xbd");
            else
                put_u(b, cp);
            run = i += len;
            continue;
        }
        bool special = script && (c == '<' || c == '>' || c == '&' || c == '\'');
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && !special) {
            i++;
            continue;
        }
        jb_buf_put(b, s.p + run, i - run);
        switch (c) {
        case '"': jb_buf_puts(b, "\\\""); break;
        case '\\': jb_buf_puts(b, "\\\\"); break;
        case '\n': jb_buf_puts(b, "\\n"); break;
        case '\r': jb_buf_puts(b, "\\r"); break;
        case '\t': jb_buf_puts(b, "\\t"); break;
        case 0x7f: jb_buf_putc(b, (char)c); break;
        default: put_u(b, c);
        }
        run = ++i;
    }
    if (run < s.n)
        jb_buf_put(b, s.p + run, s.n - run);
    jb_buf_putc(b, '"');
}

void
jb_json_keyn(struct jb_json *j, struct jb_str key)
{
    unsigned char *state = &j->stack[j->depth];

    if (*state == OBJECT)
        jb_buf_putc(j->out, ',');
    else if (*state != OBJECT_FIRST)
        misuse(j);
    *state = VALUE;
    put_string(j->out, key, j->script);
    jb_buf_putc(j->out, ':');
}

void
jb_json_key(struct jb_json *j, const char *key)
{
    jb_json_keyn(j, jb_str(key));
}

void
jb_json_str(struct jb_json *j, struct jb_str s)
{
    before_value(j);
    put_string(j->out, s, j->script);
}

void
jb_json_text(struct jb_json *j, const char *text)
{
    if (text)
        jb_json_str(j, jb_str(text));
    else
        jb_json_null(j);
}

void
jb_json_int(struct jb_json *j, int64_t n)
{
    char text[24];

    before_value(j);
    int len = snprintf(text, sizeof(text), "%lld", (long long)n);
    jb_buf_put(j->out, text, (size_t)len);
}

void
jb_json_double(struct jb_json *j, double d)
{
    char text[JB_DOUBLE_SIZE];

    if (!isfinite(d)) {
        jb_json_null(j);
        return;
    }
    before_value(j);
    jb_buf_put(j->out, text, jb_format_double(d, text));
}

void
jb_json_bool(struct jb_json *j, bool b)
{
    before_value(j);
    jb_buf_puts(j->out, b ? "true" : "false");
}

void
jb_json_null(struct jb_json *j)
{
    before_value(j);
    jb_buf_puts(j->out, "null");
}

void
jb_json_raw(struct jb_json *j, struct jb_str json)
{
    before_value(j);
    jb_buf_str(j->out, json);
}

void
jb_json_kstr(struct jb_json *j, const char *key, struct jb_str s)
{
    jb_json_key(j, key);
    jb_json_str(j, s);
}

void
jb_json_ktext(struct jb_json *j, const char *key, const char *text)
{
    jb_json_key(j, key);
    jb_json_text(j, text);
}

void
jb_json_kint(struct jb_json *j, const char *key, int64_t n)
{
    jb_json_key(j, key);
    jb_json_int(j, n);
}

void
jb_json_kdouble(struct jb_json *j, const char *key, double d)
{
    jb_json_key(j, key);
    jb_json_double(j, d);
}

void
jb_json_kbool(struct jb_json *j, const char *key, bool b)
{
    jb_json_key(j, key);
    jb_json_bool(j, b);
}

void
jb_json_knull(struct jb_json *j, const char *key)
{
    jb_json_key(j, key);
    jb_json_null(j);
}

int
jb_json_finish(struct jb_json *j)
{
    if (j->depth || j->stack[0] != TOP_DONE)
        misuse(j);
    return j->out->err;
}

void
jb_put_json(struct jb_buf *b, struct jb_str s)
{
    put_string(b, s, false);
}

void
jb_put_script_json(struct jb_buf *b, struct jb_str json)
{
    size_t run = 0;

    for (size_t i = 0; i < json.n; i++) {
        unsigned char c = (unsigned char)json.p[i];
        unsigned cp = 0;
        size_t len = 1;
        if (c == '<' || c == '>' || c == '&' || c == '\'')
            cp = c;
        else if (c == 0xe2 && i + 2 < json.n && (unsigned char)json.p[i + 1] == 0x80 &&
                 ((unsigned char)json.p[i + 2] | 1) == 0xa9) {
            cp = 0x2028u + ((unsigned char)json.p[i + 2] & 1);
            len = 3;
        }
        if (!cp)
            continue;
        jb_buf_put(b, json.p + run, i - run);
        put_u(b, cp);
        i += len - 1;
        run = i + 1;
    }
    if (run < json.n)
        jb_buf_put(b, json.p + run, json.n - run);
}
