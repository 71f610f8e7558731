/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A submission, stage 2: what the hub says becomes the state of the request, in one
 * transaction.
 */
#pragma once

#include "base/conf.h"
#include "queue/failure.h"
#include "store/job.h"

/* What the hub check found. Strings NULL or "" where there is nothing. */
struct hub_verdict {
    enum queue_failure failure; /* FAILURE_NONE: passed */
    const char *reason;         /* what exactly, one line of English, "" none */
    bool retry;                 /* the hub could not be asked: try again at `retry_at` */
    int64_t retry_at;           /* microseconds UTC; 0: by the settings' back-off */
    const char *commit;         /* 40 hex */
    const char *base_commit;    /* of the base model, adapters and deltas */
    const char *architectures;  /* "LlamaForCausalLM", several joined by ", " */
    const char *license;
    double params; /* billions, 3 decimals; NAN unknown */
    double likes;  /* NAN unknown */
    size_t n_tags;
    const char *const *tags; /* "merge", "moe", "flagged:undisclosed_merge", … */
};

/*
 * Applies it to request `id` as it was submitted in round `round`. Passed: QUEUED, or DUPLICATE
 * when the commit belongs to another request, with its quota back; refused: FAILED with the
 * class and the reason, quota back; to be tried again: the next time is set, and after
 * hub.retries FAILED with the quota back. What the hub said of the model is stored with it.
 * JB_ECONFLICT, not sticky and without any change: it is not waiting for a verdict any more.
 */
int queue_verdict(struct store_txn *txn, const struct conf *conf, uint64_t id, uint64_t round,
                  const struct hub_verdict *verdict, int64_t now, struct jb_error *err);
