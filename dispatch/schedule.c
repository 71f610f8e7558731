/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/schedule_own.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIB_OF_GPU  2048.0
#define USED_MOST   0.9
#define WEIGHTS     1.2
#define BUCKET_BASE 512.0

#define job_of(place, member)                                                                  \
    ((struct job *)(void *)((char *)(place)-offsetof(struct job, member)))

static uint64_t
hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

static uint64_t
hash_of_id(uint64_t id)
{
    id *= UINT64_C(0x9e3779b97f4a7c15);
    return id ^ id >> 32;
}

static int
table_add(struct table *t, struct link *link)
{
    if (t->n >= t->room) {
        size_t room = t->room ? 2 * t->room : 64;
        struct link **at = calloc(room, sizeof(*at));

        if (!at)
            return JB_ENOMEM;
        for (size_t i = 0; i < t->room; i++)
            for (struct link *l = t->at[i], *next; l; l = next) {
                next = l->next;
                l->next = at[l->hash & (room - 1)];
                at[l->hash & (room - 1)] = l;
            }
        free(t->at);
        t->at = at;
        t->room = room;
    }
    link->next = t->at[link->hash & (t->room - 1)];
    t->at[link->hash & (t->room - 1)] = link;
    t->n++;
    return 0;
}

void
schedule_forget(struct table *t, struct link *link)
{
    struct link **l = &t->at[link->hash & (t->room - 1)];

    while (*l != link)
        l = &(*l)->next;
    *l = link->next;
    t->n--;
}

void *
schedule_named(struct table *t, const char *name, size_t offset, bool make)
{
    uint64_t hash = hash_of(name);
    size_t n = strlen(name) + 1;
    struct link *l = t->room ? t->at[hash & (t->room - 1)] : NULL;

    for (; l; l = l->next)
        if (l->hash == hash && !strcmp((const char *)l + offset, name))
            return l;
    if (!make || !(l = calloc(1, offset + n)))
        return NULL;
    memcpy((char *)l + offset, name, n);
    l->hash = hash;
    if (!table_add(t, l))
        return l;
    free(l);
    return NULL;
}

static struct job *
job_find(const struct schedule *s, uint64_t id)
{
    uint64_t hash = hash_of_id(id);
    struct link *l = s->jobs.room ? s->jobs.at[hash & (s->jobs.room - 1)] : NULL;

    while (l && ((struct job *)(void *)l)->id != id)
        l = l->next;
    return (struct job *)(void *)l;
}

struct host *
schedule_host(const struct schedule *s, const char *name)
{
    return schedule_named((struct table *)&s->names, name, offsetof(struct host, name), false);
}

double
schedule_need(double params, double bits, double kv_mib)
{
    if (isnan(params) || params <= 0)
        return 0;
    return WEIGHTS * params * 1e9 * bits / 8 / (1 << 20) + kv_mib;
}

int64_t
shape_slots(const struct shape *shape, double need)
{
    if (need <= 0)
        return 1;
    if (shape->usable <= 0 || need > shape->usable * (double)shape->slots)
        return 0;
    return (int64_t)fmax(1, ceil(need / shape->usable));
}

double
slot_usable(const struct schedule_host *host)
{
    return (USED_MOST * (double)host->memory_mib - MIB_OF_GPU * (double)host->gpus) /
           (double)host->slots;
}

static double
effective_need(const struct schedule_job *job)
{
    /* One that ran out of memory on so much needs a host where it may use more. */
    return job->more_than_mib > 0 ? fmax(job->need_mib, USED_MOST * job->more_than_mib + 1)
                                  : job->need_mib;
}

int64_t
schedule_slots(const struct schedule_host *host, const struct schedule_job *job)
{
    const struct shape shape = {.slots = host->slots, .usable = slot_usable(host)};

    return shape_slots(&shape, effective_need(job));
}

double
bucket_least(int bucket)
{
    return bucket > 1 ? BUCKET_BASE * exp2((bucket - 1) / 2.0) : 0;
}

static int
bucket_of(double need)
{
    if (need <= 0)
        return 0;
    return (int)fmax(1, fmin(BUCKETS - 1, 1 + floor(2 * log2(need / BUCKET_BASE))));
}

static bool
older(const struct job *a, const struct job *b)
{
    return a->queued != b->queued ? a->queued < b->queued : a->id < b->id;
}

static bool
older_in_bucket(const struct heap_place *a, const struct heap_place *b)
{
    return older(job_of(a, in_bucket), job_of(b, in_bucket));
}

static bool
older_in_class(const struct heap_place *a, const struct heap_place *b)
{
    return older(job_of(a, in_age), job_of(b, in_age));
}

static bool
ends_first(const struct heap_place *a, const struct heap_place *b)
{
    const struct flow *x = (const void *)a, *y = (const void *)b;

    if (x->key < y->key || x->key > y->key)
        return x->key < y->key;
    return older(x->head, y->head);
}

struct schedule *
schedule_new(void)
{
    struct schedule *s = calloc(1, sizeof(*s));

    if (s)
        s->too_big = s->no_reserve = INFINITY;
    for (int i = 0; s && i < SCHEDULE_CLASSES; i++) {
        s->classes[i].flows.less = ends_first;
        s->classes[i].age.less = older_in_class;
    }
    return s;
}

static void
job_free(struct job *job)
{
    for (int i = 0; i < SCHEDULE_AVOID_MAX; i++)
        free(job->avoid[i]);
    free(job);
}

static void
table_free(struct table *t, void (*release)(struct link *link))
{
    for (size_t i = 0; i < t->room; i++)
        for (struct link *l = t->at[i], *next; l; l = next) {
            next = l->next;
            release(l);
        }
    free(t->at);
}

static void
release_job(struct link *l)
{
    job_free((struct job *)(void *)l);
}

static void
release_owner(struct link *l)
{
    free(l);
}

static void
release_revision(struct link *l)
{
    free(((struct revision *)(void *)l)->hosts);
    free(l);
}

static void
release_host(struct link *l)
{
    free(((struct host *)(void *)l)->cached);
    free(l);
}

void
schedule_free(struct schedule *s)
{
    if (!s)
        return;
    table_free(&s->jobs, release_job);
    table_free(&s->owners, release_owner);
    table_free(&s->revisions, release_revision);
    table_free(&s->names, release_host);
    for (struct flow *f = s->flows, *next; f; f = next) {
        next = f->next;
        for (int i = 0; i < BUCKETS; i++)
            heap_free(&f->buckets[i]);
        free(f);
    }
    for (int i = 0; i < SCHEDULE_CLASSES; i++) {
        heap_free(&s->classes[i].flows);
        heap_free(&s->classes[i].age);
    }
    for (size_t i = 0; i < s->n_shapes; i++)
        free(s->shapes[i]);
    free(s->shapes);
    free(s->hosts);
    free(s->choices);
    free(s);
}

size_t
schedule_waiting(const struct schedule *s)
{
    return s->waiting;
}

int64_t
schedule_free_slots(const struct schedule *s)
{
    return s->free_slots;
}

bool
job_avoids(const struct job *job, const struct host *host)
{
    for (int i = 0; i < SCHEDULE_AVOID_MAX && job->avoid[i]; i++)
        if (!strcmp(job->avoid[i], host->name))
            return true;
    return false;
}

bool
job_may_run(const struct job *job, const struct host *host)
{
    return !job->plans || (job->plans & host->plans);
}

static struct flow *
flow_of(struct schedule *s, struct owner *owner, enum schedule_class class)
{
    struct flow *f = owner->flows[class];

    if (f || !(f = calloc(1, sizeof(*f))))
        return f;
    f->owner = owner;
    f->class = class;
    for (int i = 0; i < BUCKETS; i++)
        f->buckets[i].less = older_in_bucket;
    f->next = s->flows;
    s->flows = f;
    return owner->flows[class] = f;
}

void
flow_settle(struct schedule *s, struct flow *flow)
{
    struct heap *heap = &s->classes[flow->class].flows;
    struct job *head = NULL;

    for (int i = 0; i < BUCKETS; i++) {
        struct heap_place *first = heap_first(&flow->buckets[i]);

        if (!first || flow->blocked >> i & 1)
            continue;
        if (bucket_least(i) >= s->too_big && bucket_least(i) >= s->no_reserve)
            continue;
        if (!head || older(job_of(first, in_bucket), head))
            head = job_of(first, in_bucket);
    }
    flow->head = head;
    if (head)
        flow->key = flow->virtual + head->seconds;
    if (head && flow->place.at)
        heap_moved(heap, &flow->place);
    else if (flow->place.at)
        heap_remove(heap, &flow->place);
    else if (head)
        heap_push(heap, &flow->place); /* room for it was made by flow_add() */
}

int
flow_add(struct schedule *s, struct job *job)
{
    struct flow *f = flow_of(s, job->owner, job->class);
    struct class *class = &s->classes[job->class];

    if (!f || heap_push(&f->buckets[job->bucket], &job->in_bucket))
        return JB_ENOMEM;
    if (!f->place.at) {
        /* A seat in the heap of the class, so that settling cannot fail. */
        f->head = job;
        f->key = f->virtual;
        if (heap_push(&class->flows, &f->place)) {
            heap_remove(&f->buckets[job->bucket], &job->in_bucket);
            return JB_ENOMEM;
        }
    }
    if (f->n++ == 0)
        f->virtual = fmax(f->virtual, class->virtual);
    flow_settle(s, f);
    return 0;
}

void
flow_take(struct schedule *s, struct job *job)
{
    struct flow *f = job->owner->flows[job->class];

    heap_remove(&f->buckets[job->bucket], &job->in_bucket);
    f->n--;
    flow_settle(s, f);
}

static void
chain(struct job **list, struct job *job)
{
    job->prev = NULL;
    if ((job->next = *list))
        job->next->prev = job;
    *list = job;
}

static void
unchain(struct job **list, struct job *job)
{
    if (job->prev)
        job->prev->next = job->next;
    else
        *list = job->next;
    if (job->next)
        job->next->prev = job->prev;
    job->prev = job->next = NULL;
}

void
job_unplace(struct schedule *s, struct job *job)
{
    if (job->state == JOB_RUNS) {
        unchain(&job->host->runs, job);
        host_uses(s, job->host, -job->slots);
    } else {
        s->waiting--;
        if (job->state == JOB_RESERVED)
            job->host->reserved = NULL;
        else if (job->state == JOB_PARKED)
            unchain(&s->parked, job);
        else if (job->in_bucket.at)
            flow_take(s, job);
    }
    if (job->in_age.at)
        heap_remove(&s->classes[job->class].age, &job->in_age);
    job->host = NULL;
}

void
job_begins(struct schedule *s, struct job *job, struct host *host, int64_t slots, int64_t until)
{
    job_unplace(s, job);
    job->state = JOB_RUNS;
    job->host = host;
    job->slots = slots;
    job->until = until;
    chain(&host->runs, job);
    host_uses(s, host, slots);
}

void
job_park(struct schedule *s, struct job *job)
{
    job_unplace(s, job);
    s->waiting++;
    job->state = JOB_PARKED;
    chain(&s->parked, job);
}

/* Everything but where it is. */
static int
job_make(struct schedule *s, const struct schedule_job *is, struct job **ret_job)
{
    struct job *job;

    if ((unsigned)is->class >= SCHEDULE_CLASSES || !(is->seconds > 0) || !(is->need_mib >= 0))
        return JB_EINVAL;
    if (!(job = calloc(1, sizeof(*job))))
        return JB_ENOMEM;
    job->id = is->id;
    job->link.hash = hash_of_id(is->id);
    job->class = is->class;
    job->need = effective_need(is);
    job->bucket = bucket_of(job->need);
    job->seconds = is->seconds;
    job->queued = is->queued;
    job->plans = is->plans;
    job->owner = schedule_named(&s->owners, is->owner ? is->owner : "",
                                offsetof(struct owner, name), true);
    bool ok = job->owner != NULL;
    if (is->revision && *is->revision)
        ok = (job->revision = schedule_named(&s->revisions, is->revision,
                                             offsetof(struct revision, name), true)) &&
             ok;
    for (int i = 0; i < SCHEDULE_AVOID_MAX && is->avoid[i] && ok; i++)
        ok = (job->avoid[i] = strdup(is->avoid[i])) != NULL;
    if (!ok || table_add(&s->jobs, &job->link)) {
        job_free(job);
        return JB_ENOMEM;
    }
    *ret_job = job;
    return 0;
}

int
job_waits_again(struct schedule *s, struct job *job)
{
    struct class *class = &s->classes[job->class];

    if (job->state == JOB_RESERVED)
        job->host->reserved = NULL;
    else if (job->state == JOB_PARKED)
        unchain(&s->parked, job);
    job->host = NULL;
    job->state = JOB_WAITS;
    return (!job->lifted && !job->in_age.at && heap_push(&class->age, &job->in_age)) ||
                   flow_add(s, job)
               ? JB_ENOMEM
               : 0;
}

static void
job_forget(struct schedule *s, struct job *job)
{
    schedule_forget(&s->jobs, &job->link);
    job_free(job);
}

static int
job_waits(struct schedule *s, struct job *job)
{
    struct class *class = &s->classes[job->class];

    if (heap_push(&class->age, &job->in_age))
        return JB_ENOMEM;
    job->state = JOB_WAITS;
    if (flow_add(s, job)) {
        heap_remove(&class->age, &job->in_age);
        return JB_ENOMEM;
    }
    s->waiting++;
    return 0;
}

int
schedule_job_put(struct schedule *s, const struct schedule_job *is)
{
    struct job *job;
    int rc;

    schedule_job_drop(s, is->id);
    if ((rc = job_make(s, is, &job)))
        return rc;
    if ((rc = job_waits(s, job)))
        job_forget(s, job);
    return rc;
}

int
schedule_job_runs(struct schedule *s, const struct schedule_job *is, const char *name,
                  int64_t slots, int64_t until)
{
    struct host *host = schedule_host(s, name);
    struct job *job;
    int rc;

    if (!host || !host->shape)
        return JB_ENOENT;
    schedule_job_drop(s, is->id);
    if ((rc = job_make(s, is, &job)))
        return rc;
    s->waiting++;
    job->state = JOB_WAITS;
    job_begins(s, job, host, slots, until);
    return 0;
}

bool
schedule_job_drop(struct schedule *s, uint64_t id)
{
    struct job *job = job_find(s, id);

    if (!job)
        return false;
    job_unplace(s, job);
    job_forget(s, job);
    return true;
}
