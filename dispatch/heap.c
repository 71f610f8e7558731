/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/heap.h"

#include "base/error.h"

#include <stdlib.h>

static void
set(struct heap *h, size_t at, struct heap_place *thing)
{
    h->p[at] = thing;
    thing->at = at;
}

static void
rise(struct heap *h, struct heap_place *thing)
{
    size_t at = thing->at;

    for (; at > 1 && h->less(thing, h->p[at / 2]); at /= 2)
        set(h, at, h->p[at / 2]);
    set(h, at, thing);
}

static void
sink(struct heap *h, struct heap_place *thing)
{
    size_t at = thing->at, next;

    for (; (next = 2 * at) <= h->n; at = next) {
        if (next < h->n && h->less(h->p[next + 1], h->p[next]))
            next++;
        if (!h->less(h->p[next], thing))
            break;
        set(h, at, h->p[next]);
    }
    set(h, at, thing);
}

int
heap_push(struct heap *h, struct heap_place *thing)
{
    if (h->n + 1 >= h->room) {
        size_t room = h->room ? 2 * h->room : 4;
        struct heap_place **p = realloc(h->p, room * sizeof(*p));

        if (!p)
            return JB_ENOMEM;
        h->p = p;
        h->room = room;
    }
    set(h, ++h->n, thing);
    rise(h, thing);
    return 0;
}

struct heap_place *
heap_first(const struct heap *h)
{
    return h->n ? h->p[1] : NULL;
}

void
heap_moved(struct heap *h, struct heap_place *thing)
{
    rise(h, thing);
    sink(h, thing);
}

void
heap_remove(struct heap *h, struct heap_place *thing)
{
    struct heap_place *last = h->p[h->n--];
    size_t at = thing->at;

    thing->at = 0;
    if (last == thing)
        return;
    set(h, at, last);
    heap_moved(h, last);
}

void
heap_free(struct heap *h)
{
    free(h->p);
    h->p = NULL;
    h->n = h->room = 0;
}
