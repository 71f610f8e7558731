/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the character at p, 0 when it is not valid. */
static size_t
utf8_length(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2)
        return 0;
    if (p[0] < 0xe0)
        return n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (p[0] < 0xf0) {
        if (n < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
            return 0;
        return 3;
    }
    if (p[0] > 0xf4 || n < 4)
        return 0;
    if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
        return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return 4;
}

size_t
jb_utf8_valid(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;

    while (i < n) {
        size_t len = utf8_length(p + i, n - i);
        if (!len)
            return i;
        i += len;
    }
    return n;
}

size_t
jb_utf8_decode(const char *text, size_t n, uint32_t *ret_cp)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len = utf8_length(p, n);

    switch (len) {
    case 1: *ret_cp = p[0]; return 1;
    case 2: *ret_cp = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu); return 2;
    case 3: *ret_cp = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu); return 3;
    case 4:
        *ret_cp =
            (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
        return 4;
    default: *ret_cp = 0xfffd; return 1;
    }
}

static uint32_t
fold_cp(uint32_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c + 32;
    if (c < 0xc0)
        return c;
    if (c <= 0xde)
        return c == 0xd7 ? c : c + 32;
    if (c >= 0x100 && c <= 0x17e) {
        if (c == 0x130 || c == 0x131 || c == 0x138 || c == 0x149)
            return c;
        if (c == 0x178)
            return 0xff;
        /* Pairs are even/odd, but odd/even in these two stretches. */
        bool upper_is_odd = (c >= 0x139 && c <= 0x148) || c >= 0x179;
        return (c & 1) == (upper_is_odd ? 1u : 0u) ? c + 1 : c;
    }
    if (c >= 0x391 && c <= 0x3a9)
        return c == 0x3a2 ? c : c + 32;
    if (c >= 0x410 && c <= 0x42f)
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if (c >= 0xff21 && c <= 0xff3a)
        return c + 32;
    return c;
}

static size_t
encode_cp(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t
jb_fold(const char *p, size_t n, char *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)p[i];
        if (c < 0x80) {
            out[at++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            i++;
            continue;
        }
        size_t len = utf8_length((const unsigned char *)p + i, n - i);
        if (!len) {
            out[at++] = p[i++];
            continue;
        }
        uint32_t cp;
        i += jb_utf8_decode(p + i, n - i, &cp);
        at += encode_cp(fold_cp(cp), out + at);
    }
    out[at] = '\0';
    return at;
}

bool
jb_cp_forbidden(uint32_t c)
{
    if (c < 0x20)
        return c != '\t' && c != '\n';
    return (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || (c >= 0xfdd0 && c <= 0xfdef) ||
           (c & 0xfffe) == 0xfffe;
}

/* Copies what needs no escape in runs; `escape` writes one byte's replacement or returns false
 * for a byte that stands for itself. Invalid UTF-8 becomes U+FFFD. */
static void
put_escaped(struct jb_buf *b, struct jb_str s, bool (*escape)(struct jb_buf *, unsigned char))
{
    size_t run = 0, i = 0;

    while (i < s.n) {
        unsigned char c = (unsigned char)s.p[i];
        size_t len = utf8_length((const unsigned char *)s.p + i, s.n - i);
        if (len > 1) {
            i += len;
            continue;
        }
        if (run < i)
            jb_buf_put(b, s.p + run, i - run);
        if (len == 0)
            jb_buf_puts(b, "\xef\xbf\xbd");
        else if (!escape(b, c))
            jb_buf_putc(b, (char)c);
        run = ++i;
    }
    if (run < s.n)
        jb_buf_put(b, s.p + run, s.n - run);
}

static bool
escape_html(struct jb_buf *b, unsigned char c)
{
    const char *text = c == '&'    ? "&amp;"
                       : c == '<'  ? "&lt;"
                       : c == '>'  ? "&gt;"
                       : c == '"'  ? "&quot;"
                       : c == '\'' ? "&#39;"
                                   : NULL;

    /* NUL may not stand in HTML at all. */
    if (c == 0)
        text = "\xef\xbf\xbd";
    if (text)
        jb_buf_puts(b, text);
    return text != NULL;
}

void
jb_put_html(struct jb_buf *b, struct jb_str s)
{
    put_escaped(b, s, escape_html);
}

static void
put_url(struct jb_buf *b, struct jb_str s, const char *keep)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || (c && strchr(keep, c));
        if (plain) {
            jb_buf_putc(b, (char)c);
        } else {
            char enc[3] = {'%', hex[c >> 4], hex[c & 15]};
            jb_buf_put(b, enc, 3);
        }
    }
}

void
jb_put_url_path(struct jb_buf *b, struct jb_str s)
{
    put_url(b, s, "-._~/");
}

void
jb_put_url_query(struct jb_buf *b, struct jb_str s)
{
    put_url(b, s, "-._~");
}

void
jb_put_csv(struct jb_buf *b, struct jb_str s)
{
    /* A spreadsheet would run such a field as a formula. */
    bool formula = s.n && s.p[0] && strchr("=+-@\t\r", s.p[0]);
    bool quote = formula;

    for (size_t i = 0; i < s.n && !quote; i++)
        quote = s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
    if (!quote) {
        jb_buf_str(b, s);
        return;
    }
    jb_buf_putc(b, '"');
    if (formula)
        jb_buf_putc(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            jb_buf_putc(b, '"');
        jb_buf_putc(b, s.p[i]);
    }
    jb_buf_putc(b, '"');
}

static bool
escape_prometheus(struct jb_buf *b, unsigned char c)
{
    const char *text = c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;

    if (text)
        jb_buf_puts(b, text);
    return text != NULL;
}

void
jb_put_prometheus(struct jb_buf *b, struct jb_str s)
{
    put_escaped(b, s, escape_prometheus);
}

static bool
id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
}

static int
check_part(struct jb_str part, const char *what, struct jb_error *err)
{
    if (part.n == 0)
        return jb_fail(err, JB_EINVAL, "the %s is empty", what);
    if (part.p[0] == '-' || part.p[0] == '.')
        return jb_fail(err, JB_EINVAL, "the %s starts with '%c'", what, part.p[0]);
    if (part.p[part.n - 1] == '.')
        return jb_fail(err, JB_EINVAL, "the %s ends with '.'", what);
    for (size_t i = 0; i < part.n; i++) {
        if (!id_char(part.p[i]))
            return jb_fail(
                err, JB_EINVAL,
                "the %s has a character that is not a letter, digit, '.', '_' or '-'", what);
        if (i && part.p[i] == part.p[i - 1] && (part.p[i] == '.' || part.p[i] == '-'))
            return jb_fail(err, JB_EINVAL, "the %s has '%c%c'", what, part.p[i], part.p[i]);
    }
    return 0;
}

int
jb_model_id_check(struct jb_str id, struct jb_error *err)
{
    if (id.n == 0)
        return jb_fail(err, JB_EINVAL, "the model id is empty");
    if (id.n > 96)
        return jb_fail(err, JB_EINVAL, "the model id is longer than 96 bytes");
    const char *slash = memchr(id.p, '/', id.n);
    struct jb_str name = id;
    if (slash) {
        struct jb_str org = {id.p, (size_t)(slash - id.p)};
        name = (struct jb_str){slash + 1, id.n - org.n - 1};
        if (memchr(name.p, '/', name.n))
            return jb_fail(err, JB_EINVAL, "the model id has more than one '/'");
        int rc = check_part(org, "organisation of the model id", err);
        if (rc)
            return rc;
    }
    int rc = check_part(name, "name of the model id", err);
    if (rc)
        return rc;
    if (name.n >= 4 && memcmp(name.p + name.n - 4, ".git", 4) == 0)
        return jb_fail(err, JB_EINVAL, "the model id ends in '.git'");
    return 0;
}

int
jb_revision_check(struct jb_str r, struct jb_error *err)
{
    if (r.n == 0)
        return jb_fail(err, JB_EINVAL, "the revision is empty");
    if (r.n > 128)
        return jb_fail(err, JB_EINVAL, "the revision is longer than 128 bytes");
    if (strchr("-/.", r.p[0]))
        return jb_fail(err, JB_EINVAL, "the revision starts with '%c'", r.p[0]);
    for (size_t i = 0; i < r.n; i++) {
        if (!id_char(r.p[i]) && r.p[i] != '/')
            return jb_fail(
                err, JB_EINVAL,
                "the revision has a character that is not a letter, digit, '.', '_', "
                "'/' or '-'");
        if (i && r.p[i] == r.p[i - 1] && (r.p[i] == '.' || r.p[i] == '/'))
            return jb_fail(err, JB_EINVAL, "the revision has '%c%c'", r.p[i], r.p[i]);
    }
    return 0;
}

bool
jb_is_commit(struct jb_str s)
{
    if (s.n != 40)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

int
jb_parse_int(struct jb_str s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = s.n && s.p[0] == '-';
    int64_t value = 0;

    if (s.n == (negative ? 1u : 0u))
        return JB_EPARSE;
    for (size_t i = negative; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return JB_EPARSE;
        int digit = s.p[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return JB_EINVAL;
    }
    if (value < min || value > max)
        return JB_EINVAL;
    *ret = value;
    return 0;
}

/* strtod() reads '.' only in the C locale; no program calls setlocale, so this is it. The
 * grammar is checked first, since strtod() also takes hex, "inf" and leading blanks. */
int
jb_parse_double(struct jb_str s, double *ret)
{
    char text[64];
    size_t i = 0, digits = 0;

    if (s.n == 0 || s.n >= sizeof(text))
        return JB_EPARSE;
    if (s.p[i] == '-' || s.p[i] == '+')
        i++;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        digits++;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            digits++;
    if (!digits)
        return JB_EPARSE;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
            i++;
        size_t first = i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
        if (i == first)
            return JB_EPARSE;
    }
    if (i != s.n)
        return JB_EPARSE;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    double d = strtod(text, NULL);
    if (!isfinite(d))
        return JB_EINVAL;
    *ret = d;
    return 0;
}

size_t
jb_format_double(double d, char out[JB_DOUBLE_SIZE])
{
    char digits[40];
    int precision = 1;

    if (d == 0)
        return (size_t)snprintf(out, JB_DOUBLE_SIZE, signbit(d) ? "-0.0" : "0.0");
    /* The shortest decimal that reads back the same; 17 digits always do. */
    for (; precision <= 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*e", precision - 1, d);
        if (strtod(digits, NULL) == d)
            break;
    }
    const char *p = digits;
    char *o = out;
    if (*p == '-')
        *o++ = *p++;
    char mantissa[24] = "";
    size_t n = 0;
    for (; *p && *p != 'e'; p++)
        if (*p != '.')
            mantissa[n++] = *p;
    int exponent = (int)strtol(p + 1, NULL, 10);
    if (exponent < -4 || exponent >= 16) {
        *o++ = mantissa[0];
        if (n > 1) {
            *o++ = '.';
            memcpy(o, mantissa + 1, n - 1);
            o += n - 1;
        }
        o += snprintf(o, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return (size_t)(o - out);
    }
    if (exponent < 0) {
        *o++ = '0';
        *o++ = '.';
        for (int i = -1; i > exponent; i--)
            *o++ = '0';
        memcpy(o, mantissa, n);
        o += n;
    } else {
        for (size_t i = 0; i <= (size_t)exponent || i < n; i++) {
            if (i == (size_t)exponent + 1)
                *o++ = '.';
            *o++ = i < n ? mantissa[i] : '0';
        }
        if (n <= (size_t)exponent + 1) {
            *o++ = '.';
            *o++ = '0';
        }
    }
    *o = '\0';
    return (size_t)(o - out);
}
