/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory that is taken bit by bit and given back at once. One per request; never
 * shared between threads. Allocation fails (NULL) past the arena's cap or when memory is out.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct jb_arena;

/* A byte string that is not necessarily ended by NUL; `p` may be NULL only when n == 0. */
struct jb_str {
    const char *p;
    size_t n;
};

#define JB_STR(literal) ((struct jb_str){(literal), sizeof(literal) - 1})
#define JB_STR_FMT(s)   (int)(s).n, (s).p /* for "%.*s" */

struct jb_str jb_str(const char *text); /* NULL gives the empty string */
int jb_str_eq(struct jb_str a, struct jb_str b);
int jb_str_is(struct jb_str a, const char *text);

/* New arena that refuses to hold more than `cap` bytes; NULL when memory is out. */
struct jb_arena *jb_arena_new(size_t cap);
void jb_arena_free(struct jb_arena *a); /* NULL is fine */

/* Give everything back but keep the first block for use again. */
void jb_arena_reset(struct jb_arena *a);

/* Zeroed, aligned for any type. NULL when n is past the cap or memory is out. */
void *jb_arena_alloc(struct jb_arena *a, size_t n);
void *jb_arena_array(struct jb_arena *a, size_t count, size_t size); /* checked product */
char *jb_arena_dup(struct jb_arena *a, const char *p, size_t n);     /* adds a NUL */
char *jb_arena_printf(struct jb_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far. */
size_t jb_arena_used(const struct jb_arena *a);
