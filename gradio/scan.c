/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/scan.h"

#include "base/text.h"

#include <string.h>

void
scan_init(struct scan *s, struct jb_str text)
{
    *s = (struct scan){.p = text.p, .n = text.n};
}

static int
fail_at(struct scan *s, size_t at, const char *what)
{
    if (!s->error) {
        s->error = what;
        s->error_at = at;
    }
    return JB_EPARSE;
}

static void
skip_blanks(struct scan *s)
{
    while (s->at < s->n && (s->p[s->at] == ' ' || s->p[s->at] == '\n' || s->p[s->at] == '\t' ||
                            s->p[s->at] == '\r'))
        s->at++;
}

enum scan_kind
scan_peek(struct scan *s)
{
    skip_blanks(s);
    if (s->at >= s->n)
        return SCAN_NONE;
    switch (s->p[s->at]) {
    case '{': return SCAN_OBJECT;
    case '[': return SCAN_ARRAY;
    case '"': return SCAN_STRING;
    case 't': return SCAN_TRUE;
    case 'f': return SCAN_FALSE;
    case 'n': return SCAN_NULL;
    case '-': return SCAN_NUMBER;
    default: return s->p[s->at] >= '0' && s->p[s->at] <= '9' ? SCAN_NUMBER : SCAN_NONE;
    }
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* At the opening quote; afterwards behind the closing one. */
static int
skip_string(struct scan *s)
{
    size_t start = s->at++;

    while (s->at < s->n) {
        unsigned char c = (unsigned char)s->p[s->at];

        if (c == '"') {
            s->at++;
            return 0;
        }
        if (c < 0x20)
            return fail_at(s, s->at, "Invalid control character at");
        if (c != '\\') {
            s->at++;
            continue;
        }
        if (s->at + 1 >= s->n)
            break;
        c = (unsigned char)s->p[s->at + 1];
        if (c == 'u') {
            for (size_t i = 2; i < 6; i++)
                if (s->at + i >= s->n || hex_digit(s->p[s->at + i]) < 0)
                    return fail_at(s, s->at + 1, "Invalid \\uXXXX escape");
            s->at += 6;
        } else if (memchr("\"\\/bfnrt", c, 8)) {
            s->at += 2;
        } else {
            return fail_at(s, s->at, "Invalid \\escape");
        }
    }
    return fail_at(s, start, "Unterminated string starting at");
}

static size_t
digits(const struct scan *s, size_t at)
{
    size_t start = at;

    while (at < s->n && s->p[at] >= '0' && s->p[at] <= '9')
        at++;
    return at - start;
}

static int
skip_number(struct scan *s)
{
    size_t at = s->at, n;

    if (s->p[at] == '-')
        at++;
    n = digits(s, at);
    if (!n)
        return fail_at(s, s->at, "Expecting value");
    if (n > 1 && s->p[at] == '0')
        n = 1; /* what follows the zero is then out of place, as in Python */
    at += n;
    if (at < s->n && s->p[at] == '.' && (n = digits(s, at + 1)))
        at += 1 + n;
    if (at < s->n && (s->p[at] == 'e' || s->p[at] == 'E')) {
        size_t sign = at + 1 < s->n && (s->p[at + 1] == '+' || s->p[at + 1] == '-');

        if ((n = digits(s, at + 1 + sign)))
            at += 1 + sign + n;
    }
    s->at = at;
    return 0;
}

static int
skip_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    if (s->n - s->at < n || memcmp(s->p + s->at, word, n))
        return fail_at(s, s->at, "Expecting value");
    s->at += n;
    return 0;
}

int
scan_enter(struct scan *s)
{
    if (s->depth >= SCAN_DEPTH) {
        fail_at(s, s->at, "Nested too deeply");
        return JB_ETOOBIG;
    }
    s->depth++;
    s->at++;
    return 0;
}

/* The end of what was entered, or the comma before the next; `close` is its bracket. */
static int
step(struct scan *s, bool first, char close)
{
    skip_blanks(s);
    if (s->at < s->n && s->p[s->at] == close) {
        s->at++;
        s->depth--;
        return 0;
    }
    if (!first) {
        if (s->at >= s->n || s->p[s->at] != ',')
            return fail_at(s, s->at, "Expecting ',' delimiter");
        s->at++;
        skip_blanks(s);
    }
    return 1;
}

static int
next_key(struct scan *s, bool first, struct jb_str *ret_key)
{
    int rc = step(s, first, '}');
    size_t start = s->at;

    if (rc <= 0)
        return rc;
    if (s->at >= s->n || s->p[s->at] != '"')
        return fail_at(s, s->at, "Expecting property name enclosed in double quotes");
    rc = skip_string(s);
    if (rc)
        return rc;
    *ret_key = (struct jb_str){s->p + start, s->at - start};
    skip_blanks(s);
    if (s->at >= s->n || s->p[s->at] != ':')
        return fail_at(s, s->at, "Expecting ':' delimiter");
    s->at++;
    return 1;
}

int
scan_next(struct scan *s, bool first, struct jb_str *ret_key)
{
    return ret_key ? next_key(s, first, ret_key) : step(s, first, ']');
}

/* Recursion is bounded by SCAN_DEPTH. */
static int
skip_container(struct scan *s, bool object)
{
    struct jb_str key;
    struct scan_item item;
    bool first = true;
    int rc = scan_enter(s);

    if (rc)
        return rc;
    while ((rc = scan_next(s, first, object ? &key : NULL)) > 0) {
        first = false;
        rc = scan_value(s, &item);
        if (rc)
            return rc;
    }
    return rc;
}

int
scan_value(struct scan *s, struct scan_item *ret_item)
{
    enum scan_kind kind = scan_peek(s);
    size_t start = s->at;
    int rc = 0;

    switch (kind) {
    case SCAN_OBJECT:
    case SCAN_ARRAY: rc = skip_container(s, kind == SCAN_OBJECT); break;
    case SCAN_STRING: rc = skip_string(s); break;
    case SCAN_NUMBER: rc = skip_number(s); break;
    case SCAN_TRUE: rc = skip_word(s, "true"); break;
    case SCAN_FALSE: rc = skip_word(s, "false"); break;
    case SCAN_NULL: rc = skip_word(s, "null"); break;
    case SCAN_NONE: rc = fail_at(s, s->at, "Expecting value"); break;
    }
    if (rc)
        return rc;
    ret_item->kind = kind;
    ret_item->raw = (struct jb_str){s->p + start, s->at - start};
    return 0;
}

int
scan_finish(struct scan *s)
{
    skip_blanks(s);
    return s->at < s->n ? fail_at(s, s->at, "Extra data") : 0;
}

static uint32_t
hex4(const char *p)
{
    uint32_t cp = 0;

    for (int i = 0; i < 4; i++)
        cp = cp << 4 | (uint32_t)hex_digit(p[i]);
    return cp;
}

static size_t
put_utf8(char *out, uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

/* A \uXXXX at `p`, with its second half if there is one; returns the bytes read. */
static size_t
read_escape(const char *p, const char *end, uint32_t *ret_cp)
{
    uint32_t cp = hex4(p + 2), low;

    *ret_cp = cp;
    if (cp < 0xd800 || cp > 0xdfff)
        return 6;
    *ret_cp = 0xfffd;
    if (cp > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return 6;
    low = hex4(p + 8);
    if (low < 0xdc00 || low > 0xdfff)
        return 6;
    *ret_cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

int
scan_string(struct jb_str raw, struct jb_arena *arena, struct jb_str *ret_text)
{
    const char *p = raw.p + 1, *end = raw.p + raw.n - 1;
    char *out, *o;

    if (jb_utf8_valid(p, (size_t)(end - p)) != (size_t)(end - p))
        return JB_EUNPROC;
    if (!memchr(p, '\\', (size_t)(end - p))) {
        *ret_text = (struct jb_str){p, (size_t)(end - p)};
        return 0;
    }
    /* no escape is shorter than what it stands for */
    o = out = jb_arena_alloc(arena, raw.n);
    if (!out)
        return JB_ENOMEM;
    while (p < end) {
        uint32_t cp;

        if (*p != '\\') {
            *o++ = *p++;
            continue;
        }
        switch (p[1]) {
        case 'u':
            p += read_escape(p, end, &cp);
            o += put_utf8(o, cp);
            continue;
        case 'b': *o++ = '\b'; break;
        case 'f': *o++ = '\f'; break;
        case 'n': *o++ = '\n'; break;
        case 'r': *o++ = '\r'; break;
        case 't': *o++ = '\t'; break;
        default: *o++ = p[1]; break;
        }
        p += 2;
    }
    *ret_text = (struct jb_str){out, (size_t)(o - out)};
    return 0;
}

int
scan_int(struct jb_str raw, int64_t *ret)
{
    return jb_parse_int(raw, INT64_MIN, INT64_MAX, ret) ? JB_EUNPROC : 0;
}
