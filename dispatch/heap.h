/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary heap of things that know their place in it, so that any of them can be taken out or
 * moved when its key changed. A thing is in one heap per member of type `struct heap_place`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct heap_place {
    size_t at; /* 1 and up; 0: in no heap */
};

struct heap {
    struct heap_place **p; /* p[0] is never used */
    size_t n, room;
    bool (*less)(const struct heap_place *a, const struct heap_place *b);
};

/* JB_ENOMEM. */
int heap_push(struct heap *h, struct heap_place *thing);
struct heap_place *heap_first(const struct heap *h);        /* NULL: empty */
void heap_remove(struct heap *h, struct heap_place *thing); /* must be in it */
void heap_moved(struct heap *h, struct heap_place *thing);  /* its key is another one now */
void heap_free(struct heap *h);
