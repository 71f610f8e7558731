/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer that is born with its cap. Errors stick: once an append fails (cap or
 * memory), every later append does nothing and `err` keeps the first code, so that a writer
 * checks once, at the end. Always NUL-terminated after the content (the NUL is not counted).
 */
#pragma once

#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct jb_buf {
    char *p;
    size_t n;
    size_t room; /* allocated, private */
    size_t cap;
    int err; /* 0, JB_ETOOBIG or JB_ENOMEM */
};

#define JB_BUF(limit) ((struct jb_buf){.cap = (limit)})

void jb_buf_free(struct jb_buf *b);  /* frees and clears, keeps the cap */
void jb_buf_reset(struct jb_buf *b); /* empties, keeps the memory, clears err */
int jb_buf_reserve(struct jb_buf *b, size_t more);
void jb_buf_put(struct jb_buf *b, const void *p, size_t n);
void jb_buf_str(struct jb_buf *b, struct jb_str s);
void jb_buf_puts(struct jb_buf *b, const char *text);
void jb_buf_putc(struct jb_buf *b, char c);
void jb_buf_printf(struct jb_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Content as a string view; valid until the next append. */
struct jb_str jb_buf_view(const struct jb_buf *b);

/*
 * Immutable shared bytes with a reference count (atomic): ready bodies, answers on their way to
 * several streams. jb_blob_ref() and jb_blob_unref() may be called from any thread.
 */
struct jb_blob {
    unsigned refs; /* private */
    size_t n;
    char p[]; /* n bytes and a NUL */
};

struct jb_blob *jb_blob_new(const void *p, size_t n); /* copies; NULL when memory is out */
struct jb_blob *jb_blob_from_buf(struct jb_buf *b);   /* copies, frees `b`; NULL on its error */
struct jb_blob *jb_blob_ref(struct jb_blob *b);       /* NULL stays NULL */
void jb_blob_unref(struct jb_blob *b);                /* NULL is fine */

/* gzip (RFC 1952, mtime 0, so that equal input gives equal bytes) at `level` 1..9.
 * JB_ENOMEM. */
int jb_gzip(struct jb_str in, int level, struct jb_blob **ret_out);
