/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing what begins. */
#include "dispatch/schedule_own.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_HOSTS = 256,  /* of one shape, that could take a job but may not */
    LOOK_JOBS = 8,     /* of one owner and size, behind one that no host may take now */
    RESERVE_PASS = 16, /* new reservations of a pass */
    LIFT_PASS = 2000   /* jobs lifted in a pass; the rest is lifted in the next */
};
#define OVERDUE           (INT64_C(60) * 1000000) /* what runs longer than expected ends in a minute */

#define job_of_age(place) ((struct job *)(void *)((char *)(place)-offsetof(struct job, in_age)))

static int64_t
ends(const struct job *job, int64_t now)
{
    return now + (int64_t)fmin(job->seconds * 1e6, 1e17);
}

static bool
may_begin(const struct job *job, const struct host *host, int64_t now)
{
    return !host->reserved || host->reserved == job || job->class < host->reserved->class ||
           ends(job, now) <= host->reserved_at;
}

/* Does it avoid every open host that it fits? Then it avoids none. */
static bool
avoids_all(const struct schedule *s, const struct job *job)
{
    if (job->plans) {
        for (size_t i = 0; i < s->n_hosts; i++) {
            const struct host *host = s->hosts[i];
            if (host->open && shape_slots(host->shape, job->need) && job_may_run(job, host) &&
                !job_avoids(job, host))
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < s->n_shapes; i++) {
        const struct shape *shape = s->shapes[i];
        size_t avoided = 0;

        if (!shape->n_open || !shape_slots(shape, job->need))
            continue;
        for (int j = 0; j < SCHEDULE_AVOID_MAX && job->avoid[j]; j++) {
            const struct host *host = schedule_host(s, job->avoid[j]);
            avoided += host && host->open && host->shape == shape;
        }
        if (avoided < shape->n_open)
            return false;
    }
    return true;
}

/* A host for it, and on how many slots; NULL: *ret_room says whether one has the room. */
static struct host *
find(const struct schedule *s, const struct job *job, int64_t now, int64_t *ret_slots,
     bool *ret_room)
{
    const bool anywhere = !job->avoid[0] || avoids_all(s, job);
    struct host *best = NULL;
    double least = INFINITY;

    *ret_room = false;
    for (size_t i = 0; job->revision && i < job->revision->n && i < LOOK_HOSTS; i++) {
        struct host *host = job->revision->hosts[i];
        int64_t slots = host->shape ? shape_slots(host->shape, job->need) : 0;

        if (host->open && slots && host->free >= slots && job_may_run(job, host) &&
            (anywhere || !job_avoids(job, host)) && may_begin(job, host, now)) {
            *ret_slots = slots;
            return host;
        }
    }
    for (size_t i = 0; i < s->n_shapes; i++) {
        struct shape *shape = s->shapes[i];
        const int64_t slots = shape->n_open ? shape_slots(shape, job->need) : 0;
        const double takes = shape->memory * (double)slots;
        unsigned looked = 0;
        bool found = false;

        if (!slots)
            continue;
        for (int64_t free = slots; free <= shape->slots && !found; free++)
            for (struct host *h = shape->free[free]; h && looked++ < LOOK_HOSTS; h = h->next) {
                *ret_room = true;
                if ((found = takes >= least))
                    break;
                if ((!anywhere && job_avoids(job, h)) || !job_may_run(job, h) ||
                    !may_begin(job, h, now))
                    continue;
                best = h;
                least = takes;
                *ret_slots = slots;
                found = true;
                break;
            }
    }
    return best;
}

static int
by_time(const void *a, const void *b)
{
    const struct job *const *x = a, *const *y = b;

    return ((*x)->until > (*y)->until) - ((*x)->until < (*y)->until);
}

/* When so many slots of the host are free. */
static int64_t
free_at(const struct host *host, int64_t slots, int64_t now)
{
    const struct job *runs[SCHEDULE_SLOTS_MAX];
    int64_t free = host->free;
    size_t n = 0;

    if (free >= slots)
        return now;
    for (const struct job *job = host->runs; job && n < SCHEDULE_SLOTS_MAX; job = job->next)
        runs[n++] = job;
    qsort(runs, n, sizeof(*runs), by_time);
    for (size_t i = 0; i < n; i++)
        if ((free += runs[i]->slots) >= slots)
            return runs[i]->until > now ? runs[i]->until : now + OVERDUE;
    return INT64_MAX;
}

static bool
reserve(struct schedule *s, struct job *job, int64_t now)
{
    const bool anywhere = !job->avoid[0] || avoids_all(s, job);
    struct host *best = NULL;
    int64_t soonest = INT64_MAX;

    if (s->reservations >= RESERVE_PASS || job->need >= s->no_reserve)
        return false;
    for (size_t i = 0; i < s->n_hosts; i++) {
        struct host *host = s->hosts[i];
        int64_t slots = host->open && !host->reserved ? shape_slots(host->shape, job->need) : 0;
        int64_t at;

        if (!slots || !job_may_run(job, host) || (!anywhere && job_avoids(job, host)))
            continue;
        if ((at = free_at(host, slots, now)) < soonest) {
            soonest = at;
            best = host;
        }
    }
    if (!best) {
        if (!job->avoid[0] && !job->plans)
            s->no_reserve = job->need;
        return false;
    }
    flow_take(s, job);
    job->state = JOB_RESERVED;
    job->host = best;
    best->reserved = job;
    best->reserved_at = soonest;
    s->reservations++;
    return true;
}

static int
tell(struct schedule *s, struct schedule_choice choice)
{
    if (s->n_choices == s->room_choices) {
        size_t room = s->room_choices ? 2 * s->room_choices : 64;
        struct schedule_choice *choices = realloc(s->choices, room * sizeof(*choices));

        if (!choices)
            return JB_ENOMEM;
        s->choices = choices;
        s->room_choices = room;
    }
    s->choices[s->n_choices++] = choice;
    return 0;
}

static int
begin(struct schedule *s, struct job *job, struct host *host, int64_t slots, int64_t now)
{
    struct flow *flow = job->owner->flows[job->class];
    struct class *class = &s->classes[job->class];
    int rc =
        tell(s, (struct schedule_choice){.job = job->id, .host = host->name, .slots = slots});

    if (rc)
        return rc;
    if (flow) { /* none when it was lifted while it waited for its own host */
        class->virtual = fmax(class->virtual, flow->virtual);
        flow->virtual += job->seconds;
    }
    job_begins(s, job, host, slots, ends(job, now));
    if (flow)
        flow_settle(s, flow);
    return 0;
}

static int
lift(struct schedule *s, int64_t now)
{
    unsigned n = 0;

    for (int c = SCHEDULE_NORMAL; c < SCHEDULE_CLASSES; c++) {
        struct class *from = &s->classes[c];
        struct heap_place *first;

        while ((first = heap_first(&from->age)) && n++ < LIFT_PASS) {
            struct job *job = job_of_age(first);
            int rc;

            if (job->queued > now - SCHEDULE_LIFT)
                break;
            heap_remove(&from->age, first);
            if (job->state == JOB_WAITS)
                flow_take(s, job);
            job->class --;
            job->lifted = true;
            if (job->state == JOB_WAITS && (rc = flow_add(s, job)))
                return rc;
        }
    }
    return 0;
}

/* Those that wait for a host of their own come first. */
static int
settle_reservations(struct schedule *s, int64_t now)
{
    for (size_t i = 0; i < s->n_hosts; i++) {
        struct host *host = s->hosts[i];
        struct job *job = host->reserved;
        int64_t slots;
        bool room;
        int rc;

        if (!job)
            continue;
        slots = shape_slots(host->shape, job->need);
        if (host->free < slots && !(host = find(s, job, now, &slots, &room))) {
            s->hosts[i]->reserved_at = free_at(s->hosts[i], slots, now);
            continue;
        }
        if ((rc = begin(s, job, host, slots, now)))
            return rc;
    }
    return 0;
}

static void
touch(struct flow *flow, struct flow **touched)
{
    if (flow->touched)
        return;
    flow->touched = true;
    flow->next_touched = *touched;
    *touched = flow;
}

/* The head of a flow: it begins, reserves, or stands aside until the pass is over. */
static int
serve(struct schedule *s, struct flow *flow, int64_t now, struct job **aside,
      struct flow **touched)
{
    struct job *job = flow->head;
    int bucket = job->bucket;
    struct host *host;
    int64_t slots = 0;
    bool room;
    int rc;

    touch(flow, touched);
    if (job->need > s->largest) {
        rc = tell(s, (struct schedule_choice){.job = job->id,
                                              .needs_gib = (int64_t)ceil(job->need / 1024)});
        if (!rc)
            job_park(s, job);
        return rc;
    }
    if ((host = find(s, job, now, &slots, &room)))
        return begin(s, job, host, slots, now);
    if (!room)
        s->too_big = fmin(s->too_big, job->need);
    if (room && flow->tries++ < LOOK_JOBS) {
        flow_take(s, job);
        job->next = *aside;
        *aside = job;
        return 0;
    }
    flow->tries = 0;
    flow->blocked |= UINT64_C(1) << bucket;
    if (room || !reserve(s, job, now))
        flow_settle(s, flow);
    return 0;
}

int
schedule_pass(struct schedule *s, int64_t now, const struct schedule_choice **ret_choices,
              size_t *ret_n)
{
    struct job *aside = NULL;
    struct flow *touched = NULL;
    int rc = 0;

    s->n_choices = 0;
    s->reservations = 0;
    if (s->n_hosts && !(rc = lift(s, now)))
        rc = settle_reservations(s, now);
    for (int c = 0; c < SCHEDULE_CLASSES && s->n_hosts && !rc; c++) {
        struct heap *flows = &s->classes[c].flows;

        while (s->free_slots > 0 && heap_first(flows) && !rc)
            rc = serve(s, (struct flow *)(void *)heap_first(flows), now, &aside, &touched);
    }
    s->too_big = s->no_reserve = INFINITY;
    for (struct job *job = aside, *next; job; job = next) {
        next = job->next;
        job->next = NULL;
        flow_add(s, job); /* the room it had is still there */
    }
    for (struct flow *flow = touched; flow; flow = flow->next_touched) {
        flow->touched = false;
        flow->blocked = 0;
        flow->tries = 0;
        flow_settle(s, flow);
    }
    if (rc)
        return rc;
    *ret_choices = s->choices;
    *ret_n = s->n_choices;
    return 0;
}
