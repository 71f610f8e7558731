/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a waiting request will begin: learned from how long evaluations of like size, precision
 * and benchmarks took. Without enough of them the answer is that it is not known.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timing;

struct queue_estimate {
    bool known;
    /* Seconds from the time of the lists: median, and the tenth and ninetieth part of a
     * hundred. Those of several runs are added up, so that at least 80 % lie between when runs
     * do not hang together. */
    double low, middle, high;
    size_t runs; /* past evaluations that it is learned from */
};

struct estimates;

/* NULL: memory is out. */
struct estimates *estimates_new(void);
void estimates_free(struct estimates *e);
/* A past run; JB_ENOMEM. */
int estimates_add(struct estimates *e, const struct timing *timing);
/* After the last one was added. JB_ENOMEM. */
int estimates_learn(struct estimates *e);

/* How long a whole evaluation takes (seconds): its own size and precision if there are at least
 * three runs of it, else any precision of that size, else scaled from the nearest sizes. By
 * benchmarks (names) when whole evaluations are not known but each benchmark is. */
struct queue_estimate estimates_run(const struct estimates *e, double params,
                                    const char *precision, const char *const *benchmarks,
                                    size_t n_benchmarks);

/* Walks the queue in its order: `slots` evaluations run at once (at least 1, learned from what
 * ran side by side). Begin with what runs now (`elapsed` seconds), then ask for each waiting
 * one in turn. */
struct estimate_walk;
struct estimate_walk *estimate_walk_new(const struct estimates *e, size_t slots);
void estimate_walk_free(struct estimate_walk *w);
void estimate_walk_running(struct estimate_walk *w, double params, const char *precision,
                           double elapsed);
struct queue_estimate estimate_walk_next(struct estimate_walk *w, double params,
                                         const char *precision);
