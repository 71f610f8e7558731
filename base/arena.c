/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_STEP = 1 << 20 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) char p[];
};

struct jb_arena {
    struct block *newest;
    struct block *first;
    size_t cap;
    size_t used;
};

struct jb_str
jb_str(const char *text)
{
    return (struct jb_str){text, text ? strlen(text) : 0};
}

int
jb_str_eq(struct jb_str a, struct jb_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int
jb_str_is(struct jb_str a, const char *text)
{
    return jb_str_eq(a, jb_str(text));
}

static struct block *
block_new(size_t size)
{
    struct block *b = malloc(sizeof(*b) + size);

    if (b) {
        b->next = NULL;
        b->size = size;
        b->used = 0;
    }
    return b;
}

struct jb_arena *
jb_arena_new(size_t cap)
{
    struct jb_arena *a = calloc(1, sizeof(*a));

    if (a)
        a->cap = cap;
    return a;
}

void
jb_arena_free(struct jb_arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->newest, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

void
jb_arena_reset(struct jb_arena *a)
{
    for (struct block *b = a->newest, *next; b; b = next) {
        next = b->next;
        if (b != a->first)
            free(b);
    }
    a->newest = a->first;
    if (a->first) {
        a->first->next = NULL;
        a->first->used = 0;
    }
    a->used = 0;
}

void *
jb_arena_alloc(struct jb_arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);

    if (n > a->cap || a->used > a->cap - n)
        return NULL;
    size_t rounded = (n + align - 1) / align * align;
    if (rounded == 0)
        rounded = align;
    struct block *b = a->newest;
    if (!b || b->size - b->used < rounded) {
        size_t size = b ? b->size * 2 : FIRST_BLOCK;
        if (size > LARGEST_STEP)
            size = LARGEST_STEP;
        if (size < rounded)
            size = rounded;
        b = block_new(size);
        if (!b)
            return NULL;
        b->next = a->newest;
        a->newest = b;
        if (!a->first)
            a->first = b;
    }
    void *p = b->p + b->used;
    b->used += rounded;
    a->used += rounded;
    return memset(p, 0, n);
}

void *
jb_arena_array(struct jb_arena *a, size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    return jb_arena_alloc(a, n);
}

char *
jb_arena_dup(struct jb_arena *a, const char *p, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *copy = jb_arena_alloc(a, n + 1);
    if (copy && n)
        memcpy(copy, p, n);
    return copy;
}

char *
jb_arena_printf(struct jb_arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    char *text = jb_arena_alloc(a, (size_t)n + 1);
    if (text) {
        va_start(ap, fmt);
        vsnprintf(text, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return text;
}

size_t
jb_arena_used(const struct jb_arena *a)
{
    return a->used;
}
