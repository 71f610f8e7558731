/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which waiting evaluation begins on which host. A picture in memory that is moved on job by
 * job: no pass looks at all of the queue. Knows neither store nor network nor clock.
 *
 * Order: operator before normal before bulk; waiting 72 hours lifts a job by one class. Inside
 * a class every owner has a virtual time that grows by the estimated seconds of what was begun
 * for it, and the job that would end first in virtual time is next; of one owner the oldest.
 * Capacity: weights = parameters x bits / 8; need = 1.2 x weights + KV cache, and 2 GiB on each
 * GPU; at most 0.9 of the memory is used. A host's memory is shared out evenly to its slots; a
 * large job takes several of them.
 * A job that no host has room for now reserves the host that will have it first; others begin
 * there only if they end before. A host that has the revision in its cache is preferred, then
 * the one whose room the job fills best.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schedule_class { SCHEDULE_OPERATOR, SCHEDULE_NORMAL, SCHEDULE_BULK, SCHEDULE_CLASSES };

#define SCHEDULE_LIFT      (INT64_C(72) * 3600 * 1000000) /* microseconds, as all times */
#define SCHEDULE_AVOID_MAX 8
#define SCHEDULE_SLOTS_MAX 64

struct schedule;

struct schedule_job {
    uint64_t id;
    enum schedule_class class;
    const char *owner;    /* "" nobody: they share one place */
    double need_mib;      /* schedule_need(); 0 any host, even without a GPU */
    double more_than_mib; /* memory ran out on so much: it needs more; 0 none */
    double seconds;       /* estimated; > 0 */
    int64_t queued;
    uint64_t plans;                        /* one bit: what the host must have; 0 nothing */
    const char *revision;                  /* "model@commit"; "" none */
    const char *avoid[SCHEDULE_AVOID_MAX]; /* hosts it failed on; NULL at the end */
};

struct schedule_host {
    const char *name;
    int64_t slots;      /* 1..SCHEDULE_SLOTS_MAX */
    int64_t gpus;       /* 0 none */
    int64_t memory_mib; /* of all its GPUs */
    bool open;          /* may be given new work */
    uint64_t plans;     /* bits of what it has */
    size_t n_cached;
    const char *const *cached; /* revisions */
};

struct schedule_choice {
    uint64_t job;
    const char *host; /* NULL: larger than any host */
    int64_t slots;
    int64_t needs_gib; /* of one that is larger */
};

/* MiB for weights and KV cache, without what each GPU takes for itself. Billions of parameters
 * (NAN or 0: unknown, 0 is the answer), bits per weight, KV cache in MiB. */
double schedule_need(double params, double bits, double kv_mib);
/* How many slots of the host the job takes; 0: it does not fit. */
int64_t schedule_slots(const struct schedule_host *host, const struct schedule_job *job);

struct schedule *schedule_new(void); /* NULL when memory is out */
void schedule_free(struct schedule *s);

/* A host, or what it is now; what runs there still does. JB_EINVAL, JB_ENOMEM. */
int schedule_host_put(struct schedule *s, const struct schedule_host *host);
/* It is gone, with what ran there. */
void schedule_host_drop(struct schedule *s, const char *name);

/* It waits, whether it was known or not. JB_EINVAL, JB_ENOMEM. */
int schedule_job_put(struct schedule *s, const struct schedule_job *job);
/* It runs there already, expected to end at `until`. JB_ENOENT: no such host. */
int schedule_job_runs(struct schedule *s, const struct schedule_job *job, const char *host,
                      int64_t slots, int64_t until);
/* It neither waits nor runs any more; false: it did neither. */
bool schedule_job_drop(struct schedule *s, uint64_t id);
size_t schedule_waiting(const struct schedule *s);
int64_t schedule_free_slots(const struct schedule *s); /* of open hosts */

/*
 * Chooses what begins now; chosen jobs run from then on. Jobs larger than any host are told
 * once and then wait for a larger one. The choices are of the scheduler, until the next call.
 * JB_ENOMEM: nothing is lost, call again.
 */
int schedule_pass(struct schedule *s, int64_t now, const struct schedule_choice **ret_choices,
                  size_t *ret_n);
