/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request and its job while something happens to both. Private to queue/: the files of this
 * folder load a life, apply events to it, and store it; only life.c changes a state.
 */
#pragma once

#include "queue/move.h"

struct life {
    struct request request;
    struct job job;
    bool has_job;
    enum queue_state state;
};

/* JB_ENOENT, not sticky. Strings live in the arena. */
int life_load(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
              struct life *ret_life);

/*
 * Applies the move to the records in memory, and in the store to what hangs on them: the claim
 * on the commit, the quota, what is learned from a run. The life is to be stored then, or the
 * transaction aborted. JB_ECONFLICT as queue_move(), with nothing done.
 */
int life_apply(struct store_txn *txn, struct life *life, const struct queue_move *move,
               int64_t now, struct jb_arena *arena, struct jb_error *err);

/* Puts both records. */
int life_store(struct store_txn *txn, struct life *life);

/* A place in the quota's ledger at job.accepted, taken or given back; once each. */
int life_charge(struct store_txn *txn, struct life *life);
int life_refund(struct store_txn *txn, struct life *life);

/* The model id as claims and quotas compare it: hub ids do not differ by case. NULL: no memory.
 */
const char *life_folded(const char *model, struct jb_arena *arena);

/* Which other request holds the commit of this one, under whatever name the model had; 0 none.
 */
int life_holder(struct store_txn *txn, const struct request *request, struct jb_arena *arena,
                uint64_t *ret_holder);
/* Claims the commit, if it has one. JB_ECONFLICT, not sticky, with the holder. */
int life_claim(struct store_txn *txn, const struct life *life, struct jb_arena *arena,
               struct jb_error *err, uint64_t *ret_holder);
int life_unclaim(struct store_txn *txn, const struct life *life, struct jb_arena *arena);
