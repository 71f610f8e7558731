/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A submission, stage 1: everything that can be said without the hub, in one transaction,
 * durable before the answer. (Facts: the checks, their order and the meaning of their answers
 * are the Space's submit handler.) Stage 2 is queue/verdict.h.
 */
#pragma once

#include "base/conf.h"
#include "queue/answer.h"

/* What a form or a program sends. Any text, not yet checked. */
struct submission {
    struct jb_str model, base_model, revision, precision, weight_type, model_type;
    bool private_;
    /* Chosen by the client: the same one again gives the same answer and secret. Empty: none.
     */
    struct jb_str nonce;
    /* Made by us from what stays the same when a page sends its form again (session and
     * content): it answers again only while the first submission has not ended. */
    bool nonce_derived;
};

/* A model type that may be chosen; an answer may name it by any of these, or as `<icon> :
 * <label>` (how requests store it) or `<icon> <label>`. */
struct submit_type {
    const char *key, *icon, *label;
};

/* What the board offers, as the form shows it. Pointers live as long as the rules. */
struct submit_rules {
    const struct conf *conf;           /* submit.* */
    struct setting_strings precisions; /* "float16" …; `?` among them is not offered */
    const struct submit_type *types;   /* without the unknown one */
    size_t n_types;
};

#define SUBMIT_NONCE_MIN 8
#define SUBMIT_NONCE_MAX 128

/*
 * The whole of stage 1 in the write transaction given; `now` in microseconds UTC. 0 also when
 * the submission is refused: the answer says so, and nothing was changed (store_abort() or
 * commit, it is the same). ANSWER_WAITING: accepted, if and when the transaction commits; wake
 * the dispatcher by the commit's doorbell. ANSWER_SUCCESS: accepted and queued already
 * (built-in models). JB_E*: the store failed, the reason is in `err`.
 */
int queue_submit(struct store_txn *txn, const struct submit_rules *rules,
                 const struct submission *submission, int64_t now, struct jb_arena *arena,
                 struct jb_error *err, struct queue_answer *ret_answer);

/* Whom the quota counts a model for: the part before the slash, in lower case; "-" for all bare
 * names together. NULL: no memory. */
const char *queue_owner(const char *model, struct jb_arena *arena);

/* "jbs_" and 40 hex digits. */
#define QUEUE_SECRET_SIZE 45
/* True when `secret` is the one of the job; constant time. */
bool queue_secret_fits(const struct job *job, struct jb_str secret);
