/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the lease machine know of each other: lease.c (the object and its clock),
 * lease_answer.c (what answers mean), lease_host.c (calls that are of a host); and what is
 * durable: lease_store.c (taking up, moving on, looking), lease_offer.c, lease_result.c,
 * lease_end.c, each step one transaction.
 */
#pragma once

#include "dispatch/lease.h"
#include "queue/move.h"

#define LEASE_DIED "the host lost it" /* the reason of worker_lost when its host died */

struct lease_live {
    struct lease_live *next;
    uint64_t fence, request, round;
    char id[WIRE_ID_SIZE], host[HOST_LABEL_MAX + 1];
    const struct lease_plan *plan; /* NULL: its name is none of the rules' any more */
    int64_t slots, leased;
    char *offer; /* body of its PUT */
    char spec_hash[SPEC_HASH_HEX];
    bool accepted, cancel, ended; /* ended: in the store; the object is about to go */
    bool over;                    /* somebody moved its job on */
    bool ready;                   /* the store knows that the result is there */
    enum wire_phase phase;
    char failure[STORE_WORD_MAX + 1], reason[640];
    int64_t deadline, put_until, due, wait; /* due: of its next call */
    uint64_t token, named; /* outstanding calls: its own; the renewal that names it */
    enum lease_call call;
    int64_t asked;
    bool manifest;
    bool refused; /* by the host's own rules: no failure of the host */
    /* For people: of the last state, and whether it is written down. */
    bool untold;
    double progress;
    char step[STORE_WORD_MAX + 1];
    size_t done, of;
    int64_t since_us; /* when the last part was done, or it began; 0 unknown */
    /* Its log: ours (durable), at the host by its last word, the call for it. */
    uint64_t log_epoch, log_end, log_epoch_there, log_there, log_token, log_from;
    int64_t log_due, log_asked, log_looked, log_until;
    unsigned log_tries;
    bool canary;
    char plan_version[257], environment[1025];
    size_t part; /* that is asked for */
    struct {
        bool there, stored, judged; /* at the host; here; by the manifest's hash */
        char sha256[SPEC_HASH_HEX];
        double seconds;
        unsigned tries;
    } parts[LEASE_BENCHMARKS];
};

struct lease_host {
    struct lease_host *next;
    char name[HOST_LABEL_MAX + 1];
    bool stamped, wanted;
    int64_t info_due, told_us, skew_ms;
    bool held; /* quarantined, until: */
    int64_t hold_until, canary_due;
    struct jb_arena *arena; /* of info */
    struct lease_info info;
    int64_t stamp_ms, stamp_at, seen, next_call, asked;
    uint64_t token;
    enum lease_call call;
};

/* What a host still has and may free. */
struct lease_gone {
    struct lease_gone *next;
    char id[WIRE_ID_SIZE], host[HOST_LABEL_MAX + 1];
    int64_t next_call, wait, asked;
    uint64_t token;
    bool runs; /* it must be stopped first */
    enum lease_call call;
};

struct lease {
    struct store *store;
    struct lease_net net;
    const struct lease_rules *rules;
    struct lease_live *live;
    struct lease_host *hosts;
    struct lease_gone *gone;
    struct jb_arena *arena;
    uint64_t tokens, random;
    bool dead, looked;
    uint64_t change;  /* of the change log, when it was looked at */
    int64_t retry_us; /* when the next retry is due */
    int64_t now_ms;   /* of lease_run() and lease_answer() */
    int64_t tidy_ms;  /* when files of logs are looked through again */
};

uint32_t lease_random(struct lease *l);
int64_t lease_backoff(struct lease *l,
                      int64_t *wait); /* full jitter: 1 s doubled to a minute, or less */
uint64_t lease_send(struct lease *l, struct lease_ask ask); /* with a token of its own */
bool lease_dies(struct lease *l, const char *where);
struct lease_host *lease_host_of(const struct lease *l, const char *name);
struct lease_live *lease_live_of(const struct lease *l, const char *host, const char *id);
void lease_live_free(struct lease_live *live);
/* The host has it and may free it. JB_ENOMEM. */
int lease_add_gone(struct lease *l, const char *host, const char *id);
const struct lease_plan *lease_plan_of(const struct lease *l, const char *name);

/* lease_answer.c */
int lease_live_answered(struct lease *l, struct lease_live *live,
                        const struct lease_reply *reply, int64_t now_ms, int64_t now_us,
                        struct jb_error *err);
/* What the host says of an attempt that is ours. */
int lease_take_state(struct lease *l, struct lease_live *live, const struct wire_state *state,
                     int64_t now_us, struct jb_error *err);
int lease_fails(struct lease *l, struct lease_live *live, const char *failure,
                const char *reason, int64_t now_us, struct jb_error *err);

/* lease_host.c */
int lease_host_answered(struct lease *l, struct lease_host *host,
                        const struct lease_reply *reply, int64_t now_ms, int64_t now_us,
                        struct jb_error *err);
int lease_host_run(struct lease *l, struct lease_host *host, int64_t now);
void lease_host_free(struct lease_host *host);
/* True: the host has freed it. */
bool lease_gone_answered(struct lease *l, struct lease_gone *gone,
                         const struct lease_reply *reply, int64_t now);
int lease_gone_run(struct lease *l, struct lease_gone *gone, int64_t now);

/* lease_note.c: for people */
void lease_note_state(struct lease_live *live, const struct wire_state *state, int64_t now_us);
int lease_note_info(struct lease *l, struct lease_host *host, const struct wire_info *info,
                    int64_t now_us, struct jb_error *err);
/* Progress of its attempts, and that it was seen: at most one transaction. */
int lease_note_host(struct lease *l, struct lease_host *host, int64_t now_us,
                    struct jb_error *err);

/* lease_log.c. A file that cannot be written is told and holds up nothing. */
void lease_log_take_up(struct lease *l, struct lease_live *live);
void lease_log_run(struct lease *l, struct lease_live *live, int64_t now, int64_t now_us);
int64_t lease_log_next(const struct lease *l, const struct lease_live *live, int64_t now);
/* Is the end of an attempt to wait for more of its log? */
bool lease_log_wants(const struct lease *l, struct lease_live *live, int64_t now);
int lease_log_answered(struct lease *l, struct lease_live *live,
                       const struct lease_reply *reply, int64_t now, struct jb_error *err);
const char *lease_log_tail(struct lease *l, const struct lease_live *live); /* NULL none */
void lease_log_tidy(struct lease *l); /* resets the arena */

/* lease_canary.c. A live attempt with `canary` set; the steps below that store come here
 * with it. */
#define LEASE_CANARY_JOB ((UINT64_C(1) << 53) - 1) /* on the wire; no request has it */
int lease_canary_start(struct lease *l, struct lease_host *host, int64_t now_ms, int64_t now_us,
                       struct jb_error *err);
int lease_canary_part(struct lease *l, struct lease_live *live, size_t benchmark,
                      struct jb_str doc);
enum lease_canary_end { LEASE_CANARY_DONE, LEASE_CANARY_MISSED, LEASE_CANARY_AGAIN };
int lease_canary_end(struct lease *l, struct lease_live *live, enum lease_canary_end how,
                     int64_t now_us, struct jb_error *err);

/* A write transaction and its end; `rc` other than 0 undoes it. */
int lease_begin(struct lease *l, struct jb_error *err, struct store_txn **ret_txn);
int lease_end(struct lease *l, struct store_txn *txn, int rc, struct jb_error *err);
/* The attempt as it is stored, if it is the live one. JB_ECONFLICT else. The second one: and if
 * its host is in the registry; JB_EBUSY else. */
int lease_attempt(struct store_txn *txn, const struct lease_live *live, struct jb_arena *arena,
                  struct attempt *ret_attempt);
int lease_attempt_at_host(struct store_txn *txn, const struct lease_live *live,
                          struct jb_arena *arena, struct attempt *ret_attempt);
/* Moves the job of an attempt. JB_EBUSY: somebody moved it on; the next look ends the attempt.
 */
int lease_move(struct store_txn *txn, const struct lease_live *live, const struct job *job,
               const struct queue_move *move, int64_t now_us, struct jb_error *err);
/* A conflict (fence) means that the attempt is not ours to go on with: it is over, and no
 * error. So is JB_EBUSY, with nothing done. */
int lease_settle(struct lease_live *live, int rc, struct jb_error *err);
int lease_make_live(struct lease *l, const struct attempt *a, struct lease_live **ret_live);
/* Adds the tasks of a benchmark. JB_EINVAL. */
int lease_spec_tasks(const struct lease_plan *plan, size_t benchmark, struct spec_task *tasks,
                     size_t *n, struct jb_error *err);
int lease_new_id(struct jb_arena *arena, const char **ret_id);
int lease_refuse(struct lease_live *live, const char *failure, const char *reason);
/* The host's record of failures, in the same transaction. */
int lease_credit(struct lease *l, struct store_txn *txn, const struct lease_live *live,
                 bool through_host, int64_t now_us);

/* Each is one transaction that checks the fence; live->ended when it is not that of the live
 * attempt any more, or was ended by this. */
int lease_store_offer(struct lease *l, const struct lease_work *work, int64_t now_us,
                      struct jb_error *err, struct lease_live **ret_live);
int lease_store_load(struct lease *l, struct jb_error *err);
/* An attempt that we do not know, in the store: another dispatcher, which should not be, may
 * have begun it. */
int lease_store_is_live(struct lease *l, const struct wire_state *state, struct jb_error *err,
                        bool *ret_live);
int lease_store_started(struct lease *l, struct lease_live *live, int64_t now_us,
                        struct jb_error *err);
int lease_store_ready(struct lease *l, struct lease_live *live, int64_t now_us,
                      struct jb_error *err);
/* JB_EUNPROC: the document is refused, live->failure and reason say why. */
int lease_store_part(struct lease *l, struct lease_live *live, size_t benchmark,
                     struct jb_str doc, struct jb_error *err);
int lease_store_finish(struct lease *l, struct lease_live *live, int64_t now_us,
                       struct jb_error *err);
enum lease_end {
    LEASE_END_FAILED, /* by live->failure */
    LEASE_END_REFUSED /* the host is full: it does not count */
};
int lease_store_end(struct lease *l, struct lease_live *live, enum lease_end end,
                    int64_t now_us, struct jb_error *err);
/* Cancels, and what an operator did; retries whose wait is over; hosts of the registry. */
int lease_store_look(struct lease *l, int64_t now_us, struct jb_error *err);
