/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue tables in memory: an immutable list of every request by table, newest first in
 * finished and failed, oldest first in running and pending; what was submitted at the same time
 * stands by id. Reference-counted like the board.
 */
#pragma once

#include "queue/state.h"
#include "store/record.h"

struct queue_entry {
    uint64_t id;
    struct jb_str model, revision, precision, weight_type, status;
    bool private_;
    int64_t submitted; /* microseconds UTC; 0 unknown */
};

struct queue_lists;

/* Strings end in a NUL that is not counted. JB_ENOMEM and what the store says. */
int queue_lists_build(struct store_txn *txn, struct jb_error *err,
                      struct queue_lists **ret_lists);
struct queue_lists *queue_lists_ref(struct queue_lists *lists);
void queue_lists_unref(struct queue_lists *lists);
/* Lives as long as the lists; an empty table gives NULL and 0. */
const struct queue_entry *queue_lists_table(const struct queue_lists *lists,
                                            enum queue_table table, size_t *ret_n);
