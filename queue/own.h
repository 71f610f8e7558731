/* SPDX-License-Identifier: Apache-2.0 */
/* What the holder of a submission's secret may do with it. */
#pragma once

#include "queue/state.h"
#include "queue/submit.h"

/*
 * Cancels (QUEUE_EVENT_CANCEL) or evaluates again (QUEUE_EVENT_RERUN) request `id`, in the
 * write transaction given. 0 also when it is refused: then the answer is an error or a warning,
 * and the transaction is to be aborted: 404 there is none or it has no secret, 403 the secret
 * is another one, 409 not in its state, 429 an evaluation again needs a place in the quota
 * (unless the failure was ours). JB_E*: the store failed.
 */
int queue_own(struct store_txn *txn, const struct conf *conf, uint64_t id, struct jb_str secret,
              enum queue_event event, int64_t now, struct jb_arena *arena, struct jb_error *err,
              struct queue_answer *ret_answer);
