/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded JSON reader that walks over a text without building anything: values that nobody
 * wants (a whole posted table) are checked and stepped over at the speed of memory. Strict
 * RFC 8259; errors are worded and placed as Python's json module does, for Gradio's clients.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define SCAN_DEPTH 32 /* objects and arrays within each other */

enum scan_kind {
    SCAN_NONE, /* the end, or something that starts no value */
    SCAN_OBJECT,
    SCAN_ARRAY,
    SCAN_STRING,
    SCAN_NUMBER,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NULL,
};

struct scan_item {
    enum scan_kind kind;
    struct jb_str raw; /* as written, a string with its quotes */
};

struct scan {
    const char *p;
    size_t n, at;
    unsigned depth;
    const char *error; /* what was expected, NULL while all is well */
    size_t error_at;   /* byte offset */
};

void scan_init(struct scan *s, struct jb_str text);

/* What comes next, blanks stepped over. */
enum scan_kind scan_peek(struct scan *s);

/* Steps over one whole value. JB_EPARSE, JB_ETOOBIG (too deep). */
int scan_value(struct scan *s, struct scan_item *ret_item);

/*
 * Steps into an object or array, the one scan_peek() has seen. Then scan_next() until it
 * returns 0, at the end of it. In an object it stands before the value after each call, with
 * the name (raw, with quotes) in `ret_key`; in an array `ret_key` is left alone. The caller
 * reads the value with scan_value() or by stepping into it.
 */
int scan_enter(struct scan *s);
int scan_next(struct scan *s, bool first, struct jb_str *ret_key);

/* Nothing but blanks may follow. */
int scan_finish(struct scan *s);

/* Reads a raw string: escapes decoded, in `arena` unless there are none. A lone surrogate
 * becomes U+FFFD. JB_EUNPROC when it is not UTF-8, JB_ENOMEM. */
int scan_string(struct jb_str raw, struct jb_arena *arena, struct jb_str *ret_text);

/* A number without fraction or exponent that fits. JB_EUNPROC. */
int scan_int(struct jb_str raw, int64_t *ret);
