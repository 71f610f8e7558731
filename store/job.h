/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the board itself keeps of a request's life, beside the hub-shaped record: its state,
 * what became of it and why, who may cancel it, what the quota counts. A request that was
 * imported has no job until somebody moves it. Rules are in queue/; here is only what is
 * stored.
 *
 * All within a transaction, with the conventions of record.h.
 */
#pragma once

#include "store/record.h"

#define STORE_DIGEST_SIZE 32

struct job {
    uint64_t id;         /* of the request */
    const char *state;   /* word of queue/state.h; never empty */
    uint64_t round;      /* which submission of this request it is: 1, 2 after a resubmission */
    const char *failure; /* word of queue/failure.h; "" none */
    const char *reason;  /* what exactly happened, one line, for the submitter; "" none */
    const char *log_tail; /* end of the log, redacted; "" none */
    uint64_t same_as;     /* the request that this one is a duplicate of; 0 none */
    uint64_t attempts;    /* evaluations begun, that count */
    uint64_t checks;      /* tries of the check with the hub */
    int64_t due; /* when it is looked at next; microseconds UTC as all times here; 0 now */
    uint64_t priority;       /* 0 first, 1 normal, 2 last */
    const char *owner;       /* whom the quota counts it for, folded; "" nobody */
    bool charged;            /* it counts at present */
    int64_t accepted;        /* when it was submitted (of this round); 0 unknown, as below */
    int64_t checked;         /* verdict of the hub */
    int64_t queued;          /* entered the queue (last time) */
    int64_t started;         /* began to run (last time) */
    int64_t ended;           /* finished, failed, cancelled */
    int64_t embargo;         /* its result is published from then on; 0 at once */
    bool hidden;             /* deleted by a moderator: shown nowhere, kept */
    const char *base_commit; /* of the base model, as the check found it; "" none */
    bool has_secret;
    unsigned char secret[STORE_DIGEST_SIZE]; /* SHA-256 of the submitter's secret */
};

/* JB_EINVAL, JB_ETOOBIG. */
int store_job_check(const struct job *job, struct jb_error *err);
/*
 * The job of request job->id, which must exist (JB_ENOENT). Logged as kind "job" with what
 * differs; moves queue_seq when a queue table shows the difference, board_seq when it decides
 * whether a result is shown (embargo, hidden). Counters and times that nobody sees (checks,
 * due) are stored without a log entry and without moving either.
 */
int store_job_put(struct store_txn *txn, const struct job *job,
                  enum store_outcome *ret_outcome);
int store_job_get(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
                  struct job *ret_job); /* JB_ENOENT */
/* By request id. store_request_delete() deletes the job with its request, and its entry in the
 * quota. */
int store_jobs_each(struct store_txn *txn, struct jb_arena *arena,
                    int (*each)(void *ctx, const struct job *job), void *ctx);
/* Those in a state with due <= until, by priority, due, id. Ends when `each` is not 0, as the
 * walks of record.h. */
int store_jobs_due(struct store_txn *txn, const char *state, int64_t until,
                   int (*each)(void *ctx, uint64_t id, int64_t due), void *ctx);
/* How many jobs are in a state, counted by the index. */
int store_jobs_count(struct store_txn *txn, const char *state, uint64_t *ret_n);

/*
 * Uniqueness by commit: (model, commit, precision, weight type) belongs to one request. A claim
 * of what another holds changes nothing and gives that one's id in ret_owner; else ret_owner is
 * `id`. The claim is of what the request says when the transaction ends: store_request_put() of
 * one that holds a claim and gets another commit, model, precision or weight type takes the
 * claim along, or gives it up where the new one belongs to another; store_request_delete()
 * gives it up. Models compare without regard to the case of ASCII letters, as they do at the
 * hub. JB_EINVAL: no commit.
 */
int store_commit_claim(struct store_txn *txn, const char *model, const char *commit,
                       const char *precision, const char *weight_type, uint64_t id,
                       uint64_t *ret_owner);
/* Who holds it; 0 nobody. */
int store_commit_owner(struct store_txn *txn, const char *model, const char *commit,
                       const char *precision, const char *weight_type, uint64_t *ret_owner);
/* Gives it up if `id` holds it. */
int store_commit_release(struct store_txn *txn, const char *model, const char *commit,
                         const char *precision, const char *weight_type, uint64_t id);

/* What a nonce was answered: a repeated POST finds its first answer by the digest of its nonce.
 */
struct nonce {
    uint64_t request; /* id */
    uint64_t round;   /* of that request */
    int64_t time;
};
int store_nonce_put(struct store_txn *txn, const unsigned char digest[STORE_DIGEST_SIZE],
                    const struct nonce *nonce);
int store_nonce_get(struct store_txn *txn, const unsigned char digest[STORE_DIGEST_SIZE],
                    struct nonce *ret_nonce); /* JB_ENOENT */
/* Forgets at most `most` of those before `before`; ret_n says how many. */
int store_nonces_expire(struct store_txn *txn, int64_t before, size_t most, size_t *ret_n);

/* The quota's ledger: one entry per submission that counts. Logged by the job that it is of. */
int store_quota_add(struct store_txn *txn, const char *owner, int64_t time, uint64_t id);
int store_quota_remove(struct store_txn *txn, const char *owner, int64_t time, uint64_t id);
/* Entries of one owner with time > since; ret_oldest (may be NULL) is the first of them, 0
 * none. */
int store_quota_count(struct store_txn *txn, const char *owner, int64_t since, uint64_t *ret_n,
                      int64_t *ret_oldest);
/* All entries, by owner and time; owner NULL = everybody. */
int store_quota_each(struct store_txn *txn, const char *owner, struct jb_arena *arena,
                     int (*each)(void *ctx, const char *owner, int64_t time, uint64_t id),
                     void *ctx);

/* How long evaluations took, for estimates. `benchmark` "" is a whole evaluation. Kept: the
 * last STORE_TIMINGS_MAX. */
#define STORE_TIMINGS_MAX 20000
struct timing {
    const char *benchmark, *precision;
    double params;  /* billions; NAN unknown */
    double seconds; /* wall clock, > 0 */
    int64_t time;   /* when it ended */
};
int store_timing_add(struct store_txn *txn, const struct timing *timing);
/* Oldest first. */
int store_timings_each(struct store_txn *txn, struct jb_arena *arena,
                       int (*each)(void *ctx, const struct timing *timing), void *ctx);

#define DELIVERY_BODY_MAX (64u << 10)
/* An event on its way to a webhook. */
struct delivery {
    uint64_t id;        /* 0 when new */
    const char *target; /* name of the webhook in the settings */
    const char *event;  /* "submitted", "started", "finished", "failed" */
    const char *body;   /* JSON, as it is signed and sent; at most DELIVERY_BODY_MAX */
    uint64_t attempts;
    int64_t created, due;
    bool dead;         /* given up: a dead letter */
    const char *error; /* of the last try; "" */
};
int store_delivery_put(struct store_txn *txn, struct delivery *delivery);
int store_delivery_get(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
                       struct delivery *ret_delivery);
int store_delivery_delete(struct store_txn *txn, uint64_t id);
/* What somebody did to a delivery by hand, for the change log: `before` is NULL of one that is
 * made, `after` of one that is dropped. What the dispatcher does to them is told nowhere. */
int store_delivery_log(struct store_txn *txn, const struct delivery *before,
                       const struct delivery *after);
int store_deliveries_each(struct store_txn *txn, struct jb_arena *arena,
                          int (*each)(void *ctx, const struct delivery *delivery), void *ctx);

/* Where a reader of the change log stands, by the reader's name ("export", "webhooks"). Without
 * a log entry. One that is not there is 0. */
int store_cursor_get(struct store_txn *txn, const char *name, uint64_t *ret_seq);
int store_cursor_put(struct store_txn *txn, const char *name, uint64_t seq);

/* Any other number that a program keeps under a name; 0 when it is not there. Without a log
 * entry. */
int store_mark_get(struct store_txn *txn, const char *name, uint64_t *ret_value);
int store_mark_put(struct store_txn *txn, const char *name, uint64_t value);
