/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/jsontext.h"

#include "base/text.h"

#include <cjson/cJSON.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 60 /* cJSON reads numbers through a buffer of 64 */

struct scan {
    const char *p;
    size_t n, at;
    size_t words, values;
    struct jb_error *err;
};

static int
scan_fail(const struct scan *s, int code, const char *reason)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < s->at && i < s->n; i++) {
        if (s->p[i] == '\n') {
            line++;
            column = 1;
        } else {
            column++;
        }
    }
    return jb_fail(s->err, code, "line %zu column %zu (byte %zu): %s", line, column, s->at,
                   reason);
}

static size_t
skip_space(const char *p, size_t n, size_t at)
{
    while (at < n && (p[at] == ' ' || p[at] == '\n' || p[at] == '\t' || p[at] == '\r'))
        at++;
    return at;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Four hex digits at `at`, or -1. */
static long
hex4(const char *p, size_t n, size_t at)
{
    long value = 0;

    if (n - at < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(p[at + i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static int
scan_escape(struct scan *s)
{
    long unit, low;

    /* s->at stands on the backslash */
    if (s->n - s->at < 2)
        return scan_fail(s, JB_EPARSE, "the string does not end");
    if (s->p[s->at + 1] != 'u') {
        if (!memchr("\"\\/bfnrt", s->p[s->at + 1], 8))
            return scan_fail(s, JB_EPARSE, "unknown escape in a string");
        s->at += 2;
        return 0;
    }
    unit = hex4(s->p, s->n, s->at + 2);
    if (unit < 0)
        return scan_fail(s, JB_EPARSE, "\\u without four hex digits");
    if (unit == 0)
        return scan_fail(s, JB_EPARSE, "a zero character in a string");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return scan_fail(s, JB_EPARSE, "half of a surrogate pair");
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (s->n - s->at < 12 || s->p[s->at + 6] != '\\' || s->p[s->at + 7] != 'u')
            return scan_fail(s, JB_EPARSE, "half of a surrogate pair");
        low = hex4(s->p, s->n, s->at + 8);
        if (low < 0xdc00 || low > 0xdfff)
            return scan_fail(s, JB_EPARSE, "half of a surrogate pair");
        s->at += 6;
    }
    s->at += 6;
    return 0;
}

static int
scan_string(struct scan *s)
{
    size_t start = s->at++;

    while (s->at < s->n) {
        unsigned char c = (unsigned char)s->p[s->at];

        if (c == '"') {
            s->at++;
            return 0;
        }
        if (c < 0x20)
            return scan_fail(s, JB_EPARSE, "a control character in a string");
        if (c == '\\') {
            int rc = scan_escape(s);

            if (rc)
                return rc;
        } else {
            s->at++;
        }
    }
    s->at = start;
    return scan_fail(s, JB_EPARSE, "the string does not end");
}

static bool
is_digit(const struct scan *s)
{
    return s->at < s->n && s->p[s->at] >= '0' && s->p[s->at] <= '9';
}

static int
scan_number(struct scan *s)
{
    size_t start = s->at;

    if (s->p[s->at] == '-')
        s->at++;
    if (!is_digit(s))
        goto bad;
    if (s->p[s->at] == '0')
        s->at++;
    else
        while (is_digit(s))
            s->at++;
    if (s->at < s->n && s->p[s->at] == '.') {
        s->at++;
        if (!is_digit(s))
            goto bad;
        while (is_digit(s))
            s->at++;
    }
    if (s->at < s->n && (s->p[s->at] == 'e' || s->p[s->at] == 'E')) {
        s->at++;
        if (s->at < s->n && (s->p[s->at] == '+' || s->p[s->at] == '-'))
            s->at++;
        if (!is_digit(s))
            goto bad;
        while (is_digit(s))
            s->at++;
    }
    if (is_digit(s))
        goto bad; /* 012 */
    if (s->at - start > NUMBER_MAX) {
        s->at = start;
        return scan_fail(s, JB_EPARSE, "a number of more than 60 characters");
    }
    return 0;
bad:
    s->at = start;
    return scan_fail(s, JB_EPARSE, "not a number");
}

/* Length of one of Python's words at p, or 0. */
static size_t
python_word(const char *p, size_t n)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);

        if (n >= len && memcmp(p, words[i], len) == 0)
            return len;
    }
    return 0;
}

static int
scan_scalar(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *p = s->p + s->at;
    size_t left = s->n - s->at, len;

    if (*p == '"')
        return scan_string(s);
    len = python_word(p, left);
    if (len) {
        s->words++;
        s->at += len;
        return 0;
    }
    if (*p == '-' || (*p >= '0' && *p <= '9'))
        return scan_number(s);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        len = strlen(words[i]);
        if (left >= len && memcmp(p, words[i], len) == 0) {
            s->at += len;
            return 0;
        }
    }
    return scan_fail(s, JB_EPARSE, "a value was expected here");
}

/* A key, the colon and the space after it. */
static int
scan_key(struct scan *s)
{
    int rc;

    if (s->at == s->n || s->p[s->at] != '"')
        return scan_fail(s, JB_EPARSE, "a key in quotes was expected here");
    rc = scan_string(s);
    if (rc)
        return rc;
    s->at = skip_space(s->p, s->n, s->at);
    if (s->at == s->n || s->p[s->at] != ':')
        return scan_fail(s, JB_EPARSE, "a colon was expected here");
    s->at = skip_space(s->p, s->n, s->at + 1);
    return 0;
}

static int
scan_document(struct scan *s, const struct jsontext_limits *limits)
{
    char closing[JSONTEXT_DEPTH];
    unsigned depth = 0, most = limits->depth < JSONTEXT_DEPTH ? limits->depth : JSONTEXT_DEPTH;
    int rc;

    s->at = skip_space(s->p, s->n, 0);
    for (;;) {
        /* a value begins here */
        if (s->at == s->n)
            return scan_fail(s, JB_EPARSE, s->values ? "the text ends too early" : "empty");
        if (++s->values > limits->values)
            return scan_fail(s, JB_ETOOBIG, "more values than are read");
        if (s->p[s->at] == '{' || s->p[s->at] == '[') {
            bool object = s->p[s->at] == '{';

            if (depth == most)
                return scan_fail(s, JB_ETOOBIG, "nested too deeply");
            closing[depth++] = object ? '}' : ']';
            s->at = skip_space(s->p, s->n, s->at + 1);
            if (s->at == s->n || s->p[s->at] != closing[depth - 1]) {
                rc = object ? scan_key(s) : 0;
                if (rc)
                    return rc;
                continue;
            }
        } else {
            rc = scan_scalar(s);
            if (rc)
                return rc;
            s->at = skip_space(s->p, s->n, s->at);
        }
        /* a value has ended: close what closes, then a comma or the end */
        while (depth > 0 && s->at < s->n && s->p[s->at] == closing[depth - 1]) {
            depth--;
            s->at = skip_space(s->p, s->n, s->at + 1);
        }
        if (depth == 0)
            break;
        if (s->at == s->n)
            return scan_fail(s, JB_EPARSE, "the text ends too early");
        if (s->p[s->at] != ',')
            return scan_fail(s, JB_EPARSE,
                             closing[depth - 1] == '}' ? "a comma or } was expected here"
                                                       : "a comma or ] was expected here");
        s->at = skip_space(s->p, s->n, s->at + 1);
        if (closing[depth - 1] == '}') {
            rc = scan_key(s);
            if (rc)
                return rc;
        }
    }
    if (s->at != s->n)
        return scan_fail(s, JB_EPARSE, "something follows the value");
    return 0;
}

static int
scan_all(struct scan *s, const struct jsontext_limits *limits)
{
    if (s->n > limits->bytes)
        return jb_fail(s->err, JB_ETOOBIG, "%zu bytes, more than the %zu that are read", s->n,
                       limits->bytes);
    s->at = jb_utf8_valid(s->p, s->n);
    if (s->at != s->n)
        return scan_fail(s, JB_EPARSE, "not UTF-8");
    return scan_document(s, limits);
}

int
jsontext_check(struct jb_str text, const struct jsontext_limits *limits, struct jb_error *err)
{
    struct scan s = {.p = text.p ? text.p : "", .n = text.n, .err = err};

    return scan_all(&s, limits);
}

/* The text with Python's words put in quotes. */
static char *
quote_words(struct jb_str text, size_t words, size_t *ret_n)
{
    char *out = malloc(text.n + 2 * words + 1);
    size_t n = 0;
    bool in_string = false;

    if (!out)
        return NULL;
    for (size_t i = 0; i < text.n;) {
        size_t len = in_string ? 0 : python_word(text.p + i, text.n - i);

        if (len) {
            out[n++] = '"';
            memcpy(out + n, text.p + i, len);
            n += len;
            out[n++] = '"';
            i += len;
            continue;
        }
        if (text.p[i] == '"')
            in_string = !in_string;
        else if (text.p[i] == '\\')
            out[n++] =
                text.p[i++]; /* only strings have them: the character after it is no quote */
        out[n++] = text.p[i++];
    }
    out[n] = '\0';
    *ret_n = n;
    return out;
}

int
jsontext_parse(struct jb_str text, const struct jsontext_limits *limits, struct jb_error *err,
               struct cJSON **ret_root)
{
    struct scan s = {.p = text.p ? text.p : "", .n = text.n, .err = err};
    char *quoted = NULL;
    cJSON *root;
    int rc;

    rc = scan_all(&s, limits);
    if (rc)
        return rc;
    if (s.words) {
        size_t n;

        quoted = quote_words(text, s.words, &n);
        if (!quoted)
            return jb_fail(err, JB_ENOMEM, "out of memory");
        text = (struct jb_str){quoted, n};
    }
    root = cJSON_ParseWithLength(text.p, text.n);
    free(quoted);
    if (!root)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    *ret_root = root;
    return 0;
}

/* Past the string that begins at `at`. */
static size_t
skip_string(const char *p, size_t n, size_t at)
{
    for (at++; at < n && p[at] != '"'; at++)
        if (p[at] == '\\')
            at++;
    return at < n ? at + 1 : n;
}

static size_t
skip_value(const char *p, size_t n, size_t at)
{
    size_t depth = 0;

    while (at < n) {
        char c = p[at];

        if (c == '"') {
            at = skip_string(p, n, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
            at++;
        } else if (depth == 0 && (c == ',' || skip_space(p, n, at) != at)) {
            return at;
        } else {
            at++;
            continue; /* inside a number, a word or white space of a container */
        }
        if (depth == 0)
            return at;
    }
    return n;
}

bool
jsontext_next(struct jb_str object, size_t *at, struct jsontext_member *ret_member)
{
    const char *p = object.p;
    size_t n = object.n, i = skip_space(p, n, *at), key, end;

    if (*at == 0) {
        if (i == n || p[i] != '{')
            return false;
        i++;
    } else if (i < n && p[i] == ',') {
        i++;
    } else {
        return false;
    }
    key = skip_space(p, n, i);
    if (key == n || p[key] != '"')
        return false;
    end = skip_string(p, n, key);
    i = skip_space(p, n, end);
    if (i == n || p[i] != ':' || end - key < 2)
        return false;
    i = skip_space(p, n, i + 1);
    ret_member->key = (struct jb_str){p + key + 1, end - key - 2};
    end = skip_value(p, n, i);
    ret_member->value = (struct jb_str){p + i, end - i};
    *at = end;
    return true;
}

/* Resolves the escapes of checked text; `out` has room for key.n + 1. */
static void
unescape(struct jb_str key, char *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

    for (size_t i = 0; i < key.n;) {
        const char *short_form;
        uint32_t cp;
        long unit;

        if (key.p[i] != '\\' || i + 1 == key.n) {
            *out++ = key.p[i++];
            continue;
        }
        if (key.p[i + 1] != 'u') {
            short_form = strchr(from, key.p[i + 1]);
            *out++ = short_form ? to[short_form - from] : key.p[i + 1];
            i += 2;
            continue;
        }
        unit = hex4(key.p, key.n, i + 2);
        if (unit < 0)
            break;
        cp = (uint32_t)unit;
        i += 6;
        if (cp >= 0xd800 && cp < 0xdc00 && key.n - i >= 6) {
            unit = hex4(key.p, key.n, i + 2);
            cp = 0x10000 + ((cp - 0xd800) << 10) + ((uint32_t)unit - 0xdc00);
            i += 6;
        }
        if (cp < 0x80) {
            *out++ = (char)cp;
        } else if (cp < 0x800) {
            *out++ = (char)(0xc0 | cp >> 6);
            *out++ = (char)(0x80 | (cp & 63));
        } else if (cp < 0x10000) {
            *out++ = (char)(0xe0 | cp >> 12);
            *out++ = (char)(0x80 | (cp >> 6 & 63));
            *out++ = (char)(0x80 | (cp & 63));
        } else {
            *out++ = (char)(0xf0 | cp >> 18);
            *out++ = (char)(0x80 | (cp >> 12 & 63));
            *out++ = (char)(0x80 | (cp >> 6 & 63));
            *out++ = (char)(0x80 | (cp & 63));
        }
    }
    *out = '\0';
}

char *
jsontext_key(struct jb_str key, struct jb_arena *arena)
{
    char *out = jb_arena_alloc(arena, key.n + 1);

    if (out)
        unescape(key, out);
    return out;
}

bool
jsontext_key_is(struct jb_str key, const char *name)
{
    char small[512];

    if (key.n == 0 || !memchr(key.p, '\\', key.n))
        return jb_str_is(key, name);
    if (key.n >= sizeof(small))
        return false; /* no name that is asked for has more than 80 characters */
    unescape(key, small);
    return strcmp(small, name) == 0;
}
