/* SPDX-License-Identifier: Apache-2.0 */
/* Logs come from hosts and from programs that ran there; their end is shown to everybody. */
#include "base/text.h"
#include "queue/move.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define KEPT (STORE_TEXT_MAX - 64)
#define MASK "[…]"

/* Tokens that give themselves away by how they begin. */
static const struct {
    const char *prefix;
    size_t least; /* characters behind it */
} tokens[] = {
    {"hf_", 8},   {"api_org_", 8}, {"sk-", 12},  {"ghp_", 12},        {"gho_", 12},
    {"ghs_", 12}, {"glpat-", 8},   {"AKIA", 12}, {"github_pat_", 12}, {"xoxb-", 8},
    {"xoxp-", 8}, {"eyJ", 20},     {"jbs_", 8},  {"AIza", 20},
};

/* Names whose value is nobody's business; matched at the end of a word, in any case. */
static const char *const names[] = {"token",       "secret",     "password",      "passwd",
                                    "pwd",         "apikey",     "api_key",       "api-key",
                                    "access_key",  "access-key", "authorization", "credential",
                                    "credentials", "cookie",     "private_key"};

static bool
is_token(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '/' ||
           c == '+' || c == '=' || c == '~' || c == '%';
}

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* How much of a token begins at p, 0 none. */
static size_t
token_at(const char *p, size_t n)
{
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        size_t k = strlen(tokens[i].prefix), end = k;
        if (n < k || memcmp(p, tokens[i].prefix, k) != 0)
            continue;
        while (end < n && (is_word(p[end]) || p[end] == '.'))
            end++;
        if (end - k >= tokens[i].least)
            return end;
    }
    return 0;
}

static bool
ends_with_name(const char *p, size_t n)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t k = strlen(names[i]);
        if (n >= k && strncasecmp(p + n - k, names[i], k) == 0)
            return true;
    }
    return false;
}

/* After a secret name: up to where its value begins, 0 when none follows. */
static size_t
to_value(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && (p[i] == '"' || p[i] == '\'' || p[i] == ' ' || p[i] == '\t'))
        i++;
    if (i == n || (p[i] != '=' && p[i] != ':'))
        return 0;
    for (i++; i < n && (p[i] == '"' || p[i] == '\'' || p[i] == ' ' || p[i] == '\t');)
        i++;
    return i < n ? i : 0;
}

/* The user in scheme://user:password@host: length up to the '@', 0 none. */
static size_t
user_at(const char *p, size_t n)
{
    for (size_t i = 0; i < n && p[i] != '/' && !isspace((unsigned char)p[i]); i++)
        if (p[i] == '@')
            return i;
    return 0;
}

static size_t
value_end(const char *p, size_t n)
{
    size_t end = 0;

    /* "Authorization: Bearer abc": the scheme goes with it. */
    for (int word = 0; word < 2; word++) {
        size_t start = end;
        while (end < n && is_token(p[end]))
            end++;
        if (word || !((end - start == 6 && strncasecmp(p + start, "bearer", 6) == 0) ||
                      (end - start == 5 && strncasecmp(p + start, "basic", 5) == 0)))
            break;
        while (end < n && p[end] == ' ')
            end++;
    }
    if (!end) /* an odd one: up to the next blank or quote */
        while (end < n && !isspace((unsigned char)p[end]) && p[end] != '"' && p[end] != '\'')
            end++;
    return end;
}

/* One line without control sequences -> masked. */
static void
put_masked(const char *p, size_t n, struct jb_buf *out)
{
    for (size_t i = 0; i < n;) {
        bool begins = i == 0 || !is_word(p[i - 1]);
        size_t k = begins ? token_at(p + i, n - i) : 0;

        if (k) {
            jb_buf_puts(out, MASK);
            i += k;
            continue;
        }
        if (n - i > 3 && memcmp(p + i, "://", 3) == 0) {
            jb_buf_put(out, p + i, 3);
            i += 3;
            if ((k = user_at(p + i, n - i))) {
                jb_buf_puts(out, MASK);
                i += k;
            }
            continue;
        }
        if (begins && n - i > 7 && strncasecmp(p + i, "bearer ", 7) == 0) {
            jb_buf_put(out, p + i, 7);
            jb_buf_puts(out, MASK);
            i += 7;
            i += value_end(p + i, n - i);
            continue;
        }
        if (!begins || !is_word(p[i])) {
            jb_buf_putc(out, p[i++]);
            continue;
        }
        size_t end = i;
        while (end < n && is_word(p[end]))
            end++;
        jb_buf_put(out, p + i, end - i);
        if (ends_with_name(p + i, end - i) && (k = to_value(p + end, n - end))) {
            jb_buf_put(out, p + end, k);
            jb_buf_puts(out, MASK);
            end += k;
            end += value_end(p + end, n - end);
        }
        i = end;
    }
}

/* Behind an escape character: how long its sequence is. */
static size_t
sequence(const char *p, size_t n)
{
    size_t i = 1;

    if (n && p[0] == '[') {
        while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x40)
            i++;
        return i < n ? i + 1 : n;
    }
    if (n && (p[0] == ']' || p[0] == 'P' || p[0] == '_' || p[0] == '^')) {
        while (i < n && p[i] != '\a' && p[i] != '\033')
            i++;
        return i < n ? i + (p[i] == '\033' && i + 1 < n ? 2 : 1) : n;
    }
    return n ? 1 : 0;
}

/* Marks of direction and joiners, which jb_cp_forbidden() lets through in names. */
static bool
is_mark(uint32_t cp)
{
    return cp == 0x61c || (cp >= 0x200b && cp <= 0x200f) || cp == 0x2060;
}

/* One line: what a terminal shows of it in the end, without what is not text. */
static void
put_line(const char *p, size_t n, struct jb_buf *plain, struct jb_buf *out)
{
    jb_buf_reset(plain);
    for (size_t i = 0; i < n;) {
        if (p[i] == '\033') {
            i++;
            i += sequence(p + i, n - i);
            continue;
        }
        if (p[i] == '\r') { /* a progress bar begins its line anew */
            if (i + 1 < n)
                jb_buf_reset(plain);
            i++;
            continue;
        }
        size_t good = jb_utf8_valid(p + i, n - i);
        if (!good) {
            jb_buf_puts(plain, "\xef\xbf\xbd");
            i++;
            continue;
        }
        uint32_t cp;
        size_t len = jb_utf8_decode(p + i, good, &cp);
        if (cp == '\t')
            jb_buf_putc(plain, ' ');
        else if (cp >= 0x20 && cp != 0x7f && !jb_cp_forbidden(cp) && !is_mark(cp))
            jb_buf_put(plain, p + i, len);
        i += len;
    }
    put_masked(plain->p ? plain->p : "", plain->n, out);
    jb_buf_putc(out, '\n');
}

void
queue_redact_lines(struct jb_str log, struct jb_buf *out)
{
    struct jb_buf plain = JB_BUF(4 * log.n + 64);

    for (size_t i = 0; i < log.n;) {
        const char *nl = memchr(log.p + i, '\n', log.n - i);
        size_t end = nl ? (size_t)(nl - log.p) : log.n;
        put_line(log.p + i, end - i, &plain, out);
        i = end + 1;
    }
    if (plain.err && !out->err)
        out->err = plain.err;
    jb_buf_free(&plain);
}

void
queue_redact(struct jb_str log, struct jb_buf *out)
{
    /* More than is kept, since sequences and progress bars go; from the start of a line. */
    size_t from = log.n > (size_t)16 * KEPT ? log.n - (size_t)16 * KEPT : 0;
    struct jb_buf all = JB_BUF((size_t)128 * KEPT);

    if (from) {
        const char *nl = memchr(log.p + from, '\n', log.n - from);
        from = nl ? (size_t)(nl - log.p) + 1 : from;
    }
    queue_redact_lines((struct jb_str){log.p + from, log.n - from}, &all);
    size_t start = all.n > KEPT ? all.n - KEPT : 0;
    if (start) {
        const char *nl = memchr(all.p + start, '\n', all.n - start - 1);
        start = nl ? (size_t)(nl - all.p) + 1 : start;
        while (!nl && start < all.n && ((unsigned char)all.p[start] & 0xc0) == 0x80)
            start++;
        jb_buf_puts(out, "…\n");
    }
    if (all.err && !out->err)
        out->err = all.err;
    jb_buf_put(out, all.p ? all.p + start : "", all.n - start);
    jb_buf_free(&all);
}
