/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves a request from state to state by the table of state.h, with everything that belongs to
 * the move: the status for the datasets, times, attempts, quota, the claim on its commit, how
 * long it ran. The one place where a state changes.
 */
#pragma once

#include "queue/failure.h"
#include "queue/state.h"
#include "store/job.h"

struct queue_move {
    enum queue_event event;
    enum queue_who who;
    enum queue_failure failure; /* of RETRY, FAIL, POISON, REFUSE */
    const char *reason;         /* one line; NULL none */
    const char
        *log_tail;    /* raw end of a log: redacted and cut here; NULL keeps what is there */
    int64_t due;      /* of RETRY: when it is due again; else 0 */
    bool counts;      /* of LEASE: this attempt counts */
    uint64_t same_as; /* of SAME */
};

/*
 * Applies it to request `id`. JB_ENOENT (no such request) and JB_ECONFLICT (that cannot happen
 * in its state, or `who` may not; the reason names both) do not stick and change nothing.
 * ret_state (may be NULL): what it is now. A request without a job gets one.
 */
int queue_move(struct store_txn *txn, uint64_t id, const struct queue_move *move, int64_t now,
               struct jb_error *err, enum queue_state *ret_state);

/* The request and its job; an imported request has an all-empty job with the state its status
 * says. JB_ENOENT, not sticky. */
int queue_load(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
               struct request *ret_request, struct job *ret_job);

/*
 * A result arrived for a model: every open request that was submitted here and that it is of
 * (model, precision, its commit or revision; a result without a revision fits any) is finished,
 * and how long it ran is learned. ret_n: how many.
 */
int queue_result_arrived(struct store_txn *txn, const struct result *result, int64_t now,
                         struct jb_error *err, size_t *ret_n);

/* The end of a log that people may read: at most STORE_TEXT_MAX bytes of whole lines, without
 * control and bidirectional characters and terminal sequences, tokens, passwords, keys and
 * addresses with a user masked. */
void queue_redact(struct jb_str log, struct jb_buf *out);
/* The same for all of it; it has to begin with a line. */
void queue_redact_lines(struct jb_str log, struct jb_buf *out);
