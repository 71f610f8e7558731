/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text from outside, before cJSON sees it: a strict check with positions and bounds, and
 * views of an object's members where they stand, so that one can be changed in place. What
 * Python's json module writes beyond the standard (NaN, Infinity, -Infinity) is let through and
 * reaches the reader as a string of that word, which no reader of numbers takes for a number.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct cJSON;

struct jsontext_limits {
    size_t bytes;
    unsigned depth; /* at most JSONTEXT_DEPTH */
    size_t values;  /* objects, arrays, strings, numbers and words, members counted by their
                       value */
};

#define JSONTEXT_DEPTH 64

/*
 * JB_EPARSE with line, column and reason: not JSON, invalid UTF-8, a lone surrogate, \u0000, a
 * number of more than 60 characters, anything after the value. JB_ETOOBIG: past a limit. A byte
 * order mark is not skipped.
 */
int jsontext_check(struct jb_str text, const struct jsontext_limits *limits,
                   struct jb_error *err);

/* As jsontext_check(), then the tree; free it with cJSON_Delete(). JB_ENOMEM. */
int jsontext_parse(struct jb_str text, const struct jsontext_limits *limits,
                   struct jb_error *err, struct cJSON **ret_root);

struct jsontext_member {
    struct jb_str key;   /* as written, without its quotes */
    struct jb_str value; /* as written, without the white space around it */
};

/*
 * The next member of an object; `*at` is 0 at first. `object` has passed jsontext_check().
 * False at the end, or when `object` is no object.
 */
bool jsontext_next(struct jb_str object, size_t *at, struct jsontext_member *ret_member);

/* Does a key (or string without its quotes) as written stand for `name`, escapes resolved? */
bool jsontext_key_is(struct jb_str key, const char *name);

/* A key as written, escapes resolved; NULL when memory is out. */
char *jsontext_key(struct jb_str key, struct jb_arena *arena);
