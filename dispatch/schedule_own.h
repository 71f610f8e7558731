/* SPDX-License-Identifier: Apache-2.0 */
/* What schedule.c (the picture) and schedule_pass.c (the choosing) know of each other. */
#pragma once

#include "dispatch/heap.h"
#include "dispatch/schedule.h"

enum { BUCKETS = 40 }; /* of needs: half a power of two each; 0 is "any host" */

struct link {
    struct link *next;
    uint64_t hash;
};
struct table {
    struct link **at;
    size_t n, room; /* room: a power of two */
};

struct host;
struct flow;

/* A name that was seen: owner, revision or host. Owners and revisions stay until the end. */
struct owner {
    struct link link;
    struct flow *flows[SCHEDULE_CLASSES];
    char name[];
};
struct revision {
    struct link link;
    struct host **hosts; /* that have it in their cache */
    size_t n, room;
    char name[];
};

enum job_state { JOB_WAITS, JOB_RESERVED, JOB_RUNS, JOB_PARKED };

struct job {
    struct link link; /* hash: of the id */
    struct heap_place in_bucket, in_age;
    uint64_t id;
    enum schedule_class class; /* it has now */
    double need, seconds;
    int64_t queued, slots, until;
    uint64_t plans;
    enum job_state state;
    int bucket;
    bool lifted;
    struct owner *owner;
    struct revision *revision; /* NULL none */
    struct host *host;         /* it runs on or reserved */
    struct job *prev, *next;   /* on its host; parked ones; those put aside */
    char *avoid[SCHEDULE_AVOID_MAX];
};

/* The waiting jobs of one owner in one class. */
struct flow {
    struct heap_place place; /* in its class */
    struct owner *owner;
    enum schedule_class class;
    double virtual, key; /* key: virtual end of the head */
    struct job *head;
    struct heap buckets[BUCKETS];
    size_t n;
    /* of one pass */
    uint64_t blocked;
    unsigned tries;
    bool touched;
    struct flow *next_touched, *next;
};

/* Hosts alike. */
struct shape {
    int64_t slots;
    double memory, usable; /* MiB of one slot */
    size_t n_hosts, n_open;
    struct host *free[SCHEDULE_SLOTS_MAX + 1]; /* open hosts by how many slots are free */
};

struct host {
    struct link link;
    struct shape *shape;      /* NULL: not yet put */
    struct host *prev, *next; /* of shape->free */
    size_t index;             /* in schedule.hosts */
    bool open, listed;
    uint64_t plans;
    int64_t free;
    struct job *runs;
    struct job *reserved; /* the job that waits for it */
    int64_t reserved_at;
    struct revision **cached;
    size_t n_cached;
    char name[];
};

struct class
{
    struct heap flows, age;
    double virtual;
};

struct schedule {
    struct table jobs, owners, revisions, names;
    struct host **hosts;
    size_t n_hosts, room_hosts;
    struct shape **shapes;
    size_t n_shapes, room_shapes;
    struct flow *flows;
    struct class classes[SCHEDULE_CLASSES];
    struct job *parked;
    size_t waiting;
    int64_t free_slots;
    double largest; /* MiB that the largest host can hold */
    struct schedule_choice *choices;
    size_t n_choices, room_choices;
    /* of one pass */
    double too_big, no_reserve; /* no host has so much now; none can be reserved for so much */
    unsigned reservations;
};

/* The thing of that name, whose name begins `offset` bytes into it; made if need be and wanted.
 * NULL: there is none, or memory is out. */
void *schedule_named(struct table *t, const char *name, size_t offset, bool make);
void schedule_forget(struct table *t, struct link *link);
void host_uses(struct schedule *s, struct host *host, int64_t slots);
double slot_usable(const struct schedule_host *host); /* MiB of one slot for models */

/* Slots of a host of this shape; 0: too large for it. */
int64_t shape_slots(const struct shape *shape, double need);
struct host *schedule_host(const struct schedule *s, const char *name);
bool job_avoids(const struct job *job, const struct host *host);
/* Has the host what it needs beside memory? */
bool job_may_run(const struct job *job, const struct host *host);

/* In and out of the flow of its owner and class. The heaps' memory stays: what was taken out
 * in a pass can be put back in it without failing. */
int flow_add(struct schedule *s, struct job *job);
void flow_take(struct schedule *s, struct job *job);
/* Its head and key are others now. */
void flow_settle(struct schedule *s, struct flow *flow);

/* It begins there. */
void job_begins(struct schedule *s, struct job *job, struct host *host, int64_t slots,
                int64_t until);
/* Neither waits nor runs nor reserves; the caller says what it does now. */
void job_unplace(struct schedule *s, struct job *job);
void job_park(struct schedule *s, struct job *job);
/* One that reserved or was parked is in the queue again. JB_ENOMEM: it is in no list, and is
 * found only by its id. */
int job_waits_again(struct schedule *s, struct job *job);

/* The least need of a bucket. */
double bucket_least(int bucket);
