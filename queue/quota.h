/* SPDX-License-Identifier: Apache-2.0 */
/* How many submissions an owner has left. */
#pragma once

#include "base/conf.h"
#include "store/job.h"

struct quota {
    uint64_t used;
    int64_t allowed;
    bool doubled;
    int64_t wait; /* seconds until a place is free; 0: there is one */
};

/* `owner` as queue_owner() gives it; `now` in microseconds UTC. The store's errors. */
int queue_quota(struct store_txn *txn, const struct conf *conf, const char *owner, int64_t now,
                struct quota *ret_quota);
