/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts of the picture: alike ones form a shape, in which they are found by free slots. */
#include "dispatch/schedule_own.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
host_list(struct schedule *s, struct host *host)
{
    struct host **list;

    if (!host->open || host->free < 0)
        return;
    list = &host->shape->free[host->free];
    host->prev = NULL;
    if ((host->next = *list))
        host->next->prev = host;
    *list = host;
    host->listed = true;
    s->free_slots += host->free;
}

static void
host_unlist(struct schedule *s, struct host *host)
{
    if (!host->listed)
        return;
    if (host->prev)
        host->prev->next = host->next;
    else
        host->shape->free[host->free] = host->next;
    if (host->next)
        host->next->prev = host->prev;
    host->listed = false;
    s->free_slots -= host->free;
}

void
host_uses(struct schedule *s, struct host *host, int64_t slots)
{
    host_unlist(s, host);
    host->free -= slots;
    host_list(s, host);
}

/* NULL when memory is out. */
static struct shape *
shape_of(struct schedule *s, const struct schedule_host *is)
{
    const double usable = slot_usable(is), memory = (double)is->memory_mib / (double)is->slots;
    struct shape *shape;

    for (size_t i = 0; i < s->n_shapes; i++) {
        shape = s->shapes[i];
        if (shape->slots == is->slots && fabs(shape->usable - usable) < 1 &&
            fabs(shape->memory - memory) < 1)
            return shape;
    }
    /* A shape without hosts becomes the new one. */
    for (size_t i = 0; i < s->n_shapes; i++)
        if (s->shapes[i]->n_hosts == 0) {
            *s->shapes[i] =
                (struct shape){.slots = is->slots, .memory = memory, .usable = usable};
            return s->shapes[i];
        }
    if (s->n_shapes == s->room_shapes) {
        size_t room = s->room_shapes ? 2 * s->room_shapes : 16;
        struct shape **shapes = realloc(s->shapes, room * sizeof(*shapes));

        if (!shapes)
            return NULL;
        s->shapes = shapes;
        s->room_shapes = room;
    }
    if (!(shape = calloc(1, sizeof(*shape))))
        return NULL;
    *shape = (struct shape){.slots = is->slots, .memory = memory, .usable = usable};
    return s->shapes[s->n_shapes++] = shape;
}

static void
uncache(struct host *host)
{
    for (size_t i = 0; i < host->n_cached; i++) {
        struct revision *r = host->cached[i];

        for (size_t j = 0; j < r->n; j++)
            if (r->hosts[j] == host) {
                r->hosts[j] = r->hosts[--r->n];
                break;
            }
    }
    free(host->cached);
    host->cached = NULL;
    host->n_cached = 0;
}

static int
cache(struct schedule *s, struct host *host, const struct schedule_host *is)
{
    uncache(host);
    if (is->n_cached && !(host->cached = calloc(is->n_cached, sizeof(struct revision *))))
        return JB_ENOMEM;
    for (size_t i = 0; i < is->n_cached; i++) {
        struct revision *r =
            schedule_named(&s->revisions, is->cached[i], offsetof(struct revision, name), true);

        if (!r)
            return JB_ENOMEM;
        if (r->n == r->room) {
            size_t room = r->room ? 2 * r->room : 2;
            struct host **hosts = realloc(r->hosts, room * sizeof(struct host *));

            if (!hosts)
                return JB_ENOMEM;
            r->hosts = hosts;
            r->room = room;
        }
        r->hosts[r->n++] = host;
        host->cached[host->n_cached++] = r;
    }
    return 0;
}

static void
measure(struct schedule *s)
{
    s->largest = 0;
    for (size_t i = 0; i < s->n_shapes; i++)
        if (s->shapes[i]->n_hosts)
            s->largest = fmax(s->largest, s->shapes[i]->usable * (double)s->shapes[i]->slots);
}

/* Jobs that were larger than any host may have one now. */
static int
unpark(struct schedule *s)
{
    for (struct job *job = s->parked, *next; job; job = next) {
        int rc;

        next = job->next;
        if (job->need <= s->largest && (rc = job_waits_again(s, job)))
            return rc;
    }
    return 0;
}

static int
room_for_host(struct schedule *s)
{
    if (s->n_hosts == s->room_hosts) {
        size_t room = s->room_hosts ? 2 * s->room_hosts : 16;
        struct host **hosts = realloc(s->hosts, room * sizeof(struct host *));

        if (!hosts)
            return JB_ENOMEM;
        s->hosts = hosts;
        s->room_hosts = room;
    }
    return 0;
}

int
schedule_host_put(struct schedule *s, const struct schedule_host *is)
{
    struct shape *shape;
    struct host *host;
    int64_t used = 0;
    int rc;

    if (is->slots < 1 || is->slots > SCHEDULE_SLOTS_MAX || is->gpus < 0 || is->memory_mib < 0)
        return JB_EINVAL;
    if (room_for_host(s) || !(shape = shape_of(s, is)))
        return JB_ENOMEM;
    shape->n_hosts++; /* held, so that nobody takes it for an empty one */
    host = schedule_named(&s->names, is->name, offsetof(struct host, name), true);
    if (!host || cache(s, host, is)) {
        shape->n_hosts--;
        return JB_ENOMEM;
    }
    if (host->shape) {
        host_unlist(s, host);
        host->shape->n_hosts--;
        host->shape->n_open -= host->open;
    } else {
        host->index = s->n_hosts;
        s->hosts[s->n_hosts++] = host;
    }
    for (const struct job *job = host->runs; job; job = job->next)
        used += job->slots;
    host->shape = shape;
    host->open = is->open;
    host->plans = is->plans;
    host->free = is->slots - used;
    shape->n_open += host->open;
    host_list(s, host);
    measure(s);
    if (host->reserved && (!host->open || !shape_slots(shape, host->reserved->need)) &&
        (rc = job_waits_again(s, host->reserved)))
        return rc;
    return unpark(s);
}

void
schedule_host_drop(struct schedule *s, const char *name)
{
    struct host *host = schedule_host(s, name);

    if (!host)
        return;
    while (host->runs)
        schedule_job_drop(s, host->runs->id);
    /* Its place in the heaps was kept when it reserved: this cannot fail. */
    if (host->reserved)
        job_waits_again(s, host->reserved);
    if (host->shape) {
        host_unlist(s, host);
        host->shape->n_hosts--;
        host->shape->n_open -= host->open;
        s->hosts[host->index] = s->hosts[--s->n_hosts];
        s->hosts[host->index]->index = host->index;
        measure(s);
    }
    uncache(host);
    schedule_forget(&s->names, &host->link);
    free(host);
}
