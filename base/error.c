/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Cuts at a character, never inside one. */
static void
trim_partial_character(char *text)
{
    size_t n = strlen(text);
    size_t i = n;

    while (i > 0 && n - i < 3 && ((unsigned char)text[i - 1] & 0xc0) == 0x80)
        i--;
    if (i == 0)
        return;
    unsigned char lead = (unsigned char)text[i - 1];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (n - (i - 1) < want)
        text[i - 1] = '\0';
}

int
jb_vfail(struct jb_error *err, int code, const char *fmt, va_list ap)
{
    if (!err || err->code)
        return code;
    err->code = code;
    int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
    if (n >= (int)sizeof(err->text))
        trim_partial_character(err->text);
    return code;
}

int
jb_fail(struct jb_error *err, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    jb_vfail(err, code, fmt, ap);
    va_end(ap);
    return code;
}

static int
code_of_errno(int no)
{
    switch (no) {
    case ENOSPC:
    case EDQUOT: return JB_EFULL;
    case ENOENT: return JB_ENOENT;
    case EACCES:
    case EPERM: return JB_EACCES;
    case ENOMEM: return JB_ENOMEM;
    default: return JB_EIO;
    }
}

int
jb_fail_errno(struct jb_error *err, int no, const char *fmt, ...)
{
    int code = code_of_errno(no);
    va_list ap;

    if (!err || err->code)
        return code;
    va_start(ap, fmt);
    jb_vfail(err, code, fmt, ap);
    va_end(ap);
    size_t n = strlen(err->text);
    snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(no));
    return code;
}

void
jb_error_prefix(struct jb_error *err, const char *fmt, ...)
{
    char prefix[sizeof(err->text)];
    char old[sizeof(err->text)];
    va_list ap;

    if (!err || !err->code)
        return;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof(prefix), fmt, ap);
    va_end(ap);
    memcpy(old, err->text, sizeof(old));
    size_t n = strlen(prefix);
    if (n > sizeof(err->text) - 3)
        n = sizeof(err->text) - 3;
    memcpy(err->text, prefix, n);
    memcpy(err->text + n, ": ", 3);
    size_t room = sizeof(err->text) - n - 3;
    size_t keep = strlen(old);
    if (keep > room)
        keep = room;
    memcpy(err->text + n + 2, old, keep);
    err->text[n + 2 + keep] = '\0';
    if (keep == room)
        trim_partial_character(err->text);
}

void
jb_error_clear(struct jb_error *err)
{
    if (err) {
        err->code = 0;
        err->text[0] = '\0';
    }
}

const char *
jb_strerror(int code)
{
    switch (code) {
    case 0: return "no error";
#define X(name, number, status, text)                                                          \
    case name: return text;
        JB_ERRORS(X)
#undef X
    default: return "unknown error";
    }
}

int
jb_error_status(int code)
{
    switch (code) {
    case 0: return 200;
#define X(name, number, status, text)                                                          \
    case name: return status;
        JB_ERRORS(X)
#undef X
    default: return 500;
    }
}
