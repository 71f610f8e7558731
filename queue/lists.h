/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue tables in memory: an immutable list of every request by table, newest first in
 * finished, failed and cancelled, in the order of their turn in running and pending; what has
 * the same time stands by id. Hidden requests and those of hidden models are left out. With
 * places and estimates. Reference-counted like the board.
 */
#pragma once

#include "queue/estimate.h"
#include "queue/failure.h"
#include "queue/state.h"
#include "store/job.h"

struct queue_entry {
    uint64_t id;
    struct jb_str model, revision, precision, weight_type, status;
    struct jb_str commit; /* "" unknown */
    struct jb_str reason, log_tail;
    enum queue_state state;
    enum queue_failure failure;
    bool private_;
    bool ours; /* submitted here, not imported */
    uint64_t attempts;
    uint64_t same_as; /* 0 none */
    double params;    /* billions; NAN unknown */
    uint64_t priority;
    int64_t moment;    /* when it came to its turn or its end: what its table is ordered by */
    int64_t submitted; /* microseconds UTC; 0 unknown; so the others */
    int64_t started, ended, due;
    size_t place;                /* 1 is the next one; 0 does not wait for a host */
    struct queue_estimate start; /* of a waiting one */
};

struct queue_lists;

/* Strings end in a NUL that is not counted. `now` in microseconds UTC. JB_ENOMEM and what the
 * store says. */
int queue_lists_build(struct store_txn *txn, int64_t now, struct jb_error *err,
                      struct queue_lists **ret_lists);
struct queue_lists *queue_lists_ref(struct queue_lists *lists);
void queue_lists_unref(struct queue_lists *lists);
/* Lives as long as the lists; an empty table gives NULL and 0. */
const struct queue_entry *queue_lists_table(const struct queue_lists *lists,
                                            enum queue_table table, size_t *ret_n);
/* By id, in whichever table; NULL. */
const struct queue_entry *queue_lists_find(const struct queue_lists *lists, uint64_t id);
/* Those of a model (exact id), oldest first: calls `each` for each. Returns how many. */
size_t queue_lists_model(const struct queue_lists *lists, struct jb_str model,
                         void (*each)(void *ctx, const struct queue_entry *entry), void *ctx);
/* When the earliest embargo still to come ends; 0 none. The board is to be made anew then. */
int64_t queue_lists_next_embargo(const struct queue_lists *lists);
