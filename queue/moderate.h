/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What those who look after the board do to requests and models, beside moving requests
 * (queue/move.h) and notes (flag, alias, blocked, hidden; store/record.h). All of it is in the
 * change log with before and after. Non-sticky refusals: JB_ENOENT, JB_EINVAL, JB_ECONFLICT
 * with the reason.
 */
#pragma once

#include "queue/submit.h"

/* New precision, weight type or model type; NULL keeps. JB_ECONFLICT: another request has that
 * identity or commit already. After a refusal the transaction is to be aborted: the claim on
 * the commit was given up before the new one was tried. */
struct queue_correction {
    const char *precision, *weight_type, *model_type, *base_model;
};
int queue_correct(struct store_txn *txn, uint64_t id, const struct queue_correction *correction,
                  struct jb_error *err);

/* Publication time of its result, microseconds UTC; 0 lifts it. */
int queue_embargo(struct store_txn *txn, uint64_t id, int64_t until, struct jb_error *err);

/* Hidden everywhere, kept in the store; or shown again. */
int queue_hide(struct store_txn *txn, uint64_t id, bool hidden, struct jb_error *err);

int queue_prioritise(struct store_txn *txn, uint64_t id, unsigned priority,
                     struct jb_error *err);

/* A new secret for the submitter, the old one is void. JB_EIO: no random bytes. */
int queue_new_secret(struct store_txn *txn, uint64_t id, struct jb_error *err,
                     char ret_secret[QUEUE_SECRET_SIZE]);

/* Everything that counts for an owner is forgotten; ret_n: how many. */
int queue_quota_reset(struct store_txn *txn, const char *owner, struct jb_error *err,
                      size_t *ret_n);

/* The present id of a model: follows aliases, at most eight. Lives in the arena. */
int queue_model_now(struct store_txn *txn, const char *model, struct jb_arena *arena,
                    const char **ret_model);
