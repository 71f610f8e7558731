/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an attempt in Slurm is, from what its folder and the queue say. What the folder says
 * comes first: the queue forgets, and its controller may be down or have lost its newest jobs,
 * so that "unknown to Slurm" is not "lost". No clocks, no files.
 */
#pragma once

#include "agent/engine.h"
#include "agent/slurm_queue.h"

enum slurm_sight {
    SLURM_UNSEEN,  /* no look at the queue since the last submission, or none of late */
    SLURM_ABSENT,  /* it is not there */
    SLURM_PRESENT, /* `line` */
};

struct slurm_view {
    bool over;     /* over.json is there */
    bool begun;    /* a shim took the lock */
    bool intent;   /* slurm.json is there */
    bool asked;    /* sbatch is to be called, or being called */
    bool known;    /* sbatch gave an id, or it was found by its name */
    bool cancel;   /* somebody wants it to end */
    bool unwanted; /* the lease ran out */
    bool settled;  /* the queue has said the same for so long that files would be here by now */
    enum slurm_sight sight;
    const struct slurm_line *line;
    unsigned refusals;   /* in a row, of sbatch */
    const char *refusal; /* what it said; "" */
};

struct slurm_fate {
    struct engine_look look;
    bool scancel; /* if it is in the queue */
    /* The look is true only if no shim begins: take the lock first; who finds it taken sees a
     * job that has begun. */
    bool lock;
};

#define SLURM_REFUSALS_MAX 3

struct slurm_fate slurm_fate(const struct slurm_view *view);
