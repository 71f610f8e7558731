/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming JSON writer onto a buffer. Keeps a stack of what is open, so that a missing comma
 * or an unclosed brace cannot be written; misuse sets the buffer's err to JB_EINVAL. Numbers
 * come out as Python's json module writes them; NaN and infinities as null. Text is UTF-8 as it
 * is, with the escapes JSON needs (invalid bytes become U+FFFD).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define JB_JSON_DEPTH 64

struct jb_json {
    struct jb_buf *out;
    unsigned depth;
    unsigned char stack[JB_JSON_DEPTH]; /* private */
    bool script; /* also write < > & ' as \u003c …: safe inside <script> */
};

void jb_json_init(struct jb_json *j, struct jb_buf *out);

void jb_json_object(struct jb_json *j); /* { */
void jb_json_end(struct jb_json *j);    /* } or ], whichever is open */
void jb_json_array(struct jb_json *j);  /* [ */
void jb_json_key(struct jb_json *j, const char *key);
void jb_json_keyn(struct jb_json *j, struct jb_str key);

void jb_json_str(struct jb_json *j, struct jb_str s);
void jb_json_text(struct jb_json *j, const char *text); /* NULL writes null */
void jb_json_int(struct jb_json *j, int64_t n);
void jb_json_double(struct jb_json *j, double d);
void jb_json_bool(struct jb_json *j, bool b);
void jb_json_null(struct jb_json *j);
void jb_json_raw(struct jb_json *j, struct jb_str json); /* already JSON, copied as it is */

/* key and value in one line */
void jb_json_kstr(struct jb_json *j, const char *key, struct jb_str s);
void jb_json_ktext(struct jb_json *j, const char *key, const char *text);
void jb_json_kint(struct jb_json *j, const char *key, int64_t n);
void jb_json_kdouble(struct jb_json *j, const char *key, double d);
void jb_json_kbool(struct jb_json *j, const char *key, bool b);
void jb_json_knull(struct jb_json *j, const char *key);

/* 0 when everything that was opened is closed and the buffer holds no error; else JB_E*. */
int jb_json_finish(struct jb_json *j);

/* One JSON string with its quotes, outside a writer. */
void jb_put_json(struct jb_buf *b, struct jb_str s);

/* Rewrites a JSON text so that it may stand in a <script> element: inside strings (the only
 * place they can occur) < > & ' U+2028 U+2029 become \uXXXX. */
void jb_put_script_json(struct jb_buf *b, struct jb_str json);
