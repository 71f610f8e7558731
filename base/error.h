/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One error convention for every program.
 *
 * Functions return an int: 0, or a negative JB_E* code. What the code cannot say, the reason a
 * person can act on, goes into a struct jb_error that the caller gives (NULL: not wanted). It
 * is set where the failure is first understood and is not overwritten on the way up; use
 * jb_error_prefix() to add where it happened. Codes of foreign libraries are translated in the
 * file that calls the library.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* X(name, number, HTTP status a web route answers with, text) */
#define JB_ERRORS(X)                                                                           \
    X(JB_EINVAL, 1, 400, "invalid value")                                                      \
    X(JB_EPARSE, 2, 400, "cannot be parsed")                                                   \
    X(JB_EUNPROC, 3, 422, "does not have the expected form")                                   \
    X(JB_ENOENT, 4, 404, "not found")                                                          \
    X(JB_EEXIST, 5, 409, "exists already")                                                     \
    X(JB_EACCES, 6, 403, "not allowed")                                                        \
    X(JB_EMETHOD, 7, 405, "method not allowed")                                                \
    X(JB_ETOOBIG, 8, 413, "too large")                                                         \
    X(JB_ELIMIT, 9, 429, "too many")                                                           \
    X(JB_EGONE, 10, 410, "gone")                                                               \
    X(JB_ENOTSUP, 11, 501, "not supported")                                                    \
    X(JB_EBUSY, 12, 503, "busy")                                                               \
    X(JB_EFULL, 13, 503, "no space left")                                                      \
    X(JB_ETIMEDOUT, 14, 504, "timed out")                                                      \
    X(JB_ENOMEM, 15, 500, "out of memory")                                                     \
    X(JB_EIO, 16, 500, "input/output error")                                                   \
    X(JB_ECORRUPT, 17, 500, "stored data is damaged")                                          \
    X(JB_EVERSION, 18, 500, "made by a newer version")                                         \
    X(JB_ECONFLICT, 19, 409, "conflicts with what is stored")                                  \
    X(JB_ECLOSED, 20, 500, "closed by the other side")

enum jb_errcode {
#define X(name, number, status, text) name = -number,
    JB_ERRORS(X)
#undef X
};

/* The reason beside a code. `text` is UTF-8, one line, without a trailing full stop. */
struct jb_error {
    int code; /* 0 or JB_E* */
    char text[480];
};

/*
 * Set code and text, unless `err` is NULL or holds an error already. Returns `code`, so that
 * `return jb_fail(err, JB_EINVAL, "…")` is the usual line. Text too long is cut at a character.
 */
int jb_fail(struct jb_error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int jb_vfail(struct jb_error *err, int code, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* As jb_fail(), followed by ": " and the system's text for errno `no`. ENOSPC and EDQUOT turn
 * the code into JB_EFULL, ENOENT into JB_ENOENT, EACCES and EPERM into JB_EACCES, ENOMEM into
 * JB_ENOMEM; every other errno keeps JB_EIO. Returns the code. */
int jb_fail_errno(struct jb_error *err, int no, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the text that is there. Does nothing when `err` is NULL or clear. */
void jb_error_prefix(struct jb_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Forget what is there. */
void jb_error_clear(struct jb_error *err);

/* Fixed English text of a code ("not found"); "unknown error" for a number not in the list. */
const char *jb_strerror(int code);

/* HTTP status of a code; 200 for 0, 500 for an unknown one. */
int jb_error_status(int code);
