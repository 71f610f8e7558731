/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts at hosts, from the lease to the stored result. The store is the truth: a step is
 * committed before the message leaves that it is the reason of, with the attempt's fence
 * checked in the same transaction, so that whoever comes back late writes nothing. Clock and
 * network are given from outside.
 *
 * Deadlines are of a monotonic clock and live in memory; after a restart every live attempt
 * gets a full lease and five minutes more. A host's lease ends at "its stamp + lease"; as that
 * stamp was taken before we received it, the host has stopped when `lease + grace` have passed
 * here since then. An offer whose outcome is not known is repeated at the same host; nothing is
 * offered elsewhere before that host said no, or its lease has passed.
 *
 * Which request begins where is not decided here (dispatch/schedule.h): the caller offers, and
 * asks with lease_each() what runs, with lease_past_of() what went wrong before.
 */
#pragma once

#include "harness/benchmark.h"
#include "queue/failure.h"
#include "store/host.h"
#include "wire/message.h"

#define LEASE_BENCHMARKS 64
#define LEASE_AVOID_MAX  8

/* Calls of wire/message.h. */
enum lease_call {
    LEASE_INFO,     /* GET /v1/info */
    LEASE_PUT,      /* PUT /v1/attempts/{attempt}, body */
    LEASE_RENEW,    /* POST /v1/renew, body */
    LEASE_LOG,      /* GET /v1/attempts/{attempt}/log?from={from}&epoch={epoch} */
    LEASE_MANIFEST, /* GET /v1/attempts/{attempt}/result */
    LEASE_PART,     /* GET /v1/attempts/{attempt}/result/{part} */
    LEASE_CANCEL,   /* POST /v1/attempts/{attempt}/cancel */
    LEASE_DELETE,   /* DELETE /v1/attempts/{attempt} */
};

/* What is to be sent. Its strings are good until send() returns. */
struct lease_ask {
    const char *host; /* its url is in the registry */
    enum lease_call call;
    const char *attempt, *part; /* "" where they have no part in it */
    uint64_t from, epoch;       /* of LEASE_LOG; epoch 0: leave it out */
    struct jb_str body;
    uint64_t token; /* not 0 */
};

/* What came. */
struct lease_reply {
    int status; /* of HTTP; 0: none came, and it is not known whether the call arrived */
    struct jb_str body;
    int64_t retry_after_ms;                /* of Retry-After; 0 none */
    uint64_t log_epoch, log_end, log_kept; /* X-Log-*, of LEASE_LOG */
};

struct lease_net {
    void *ctx;
    /* The answer comes by lease_answer() with the token, not from within, or never. */
    void (*send)(void *ctx, const struct lease_ask *ask);
    /* NULL, or of tests: the process dies here when it returns true. */
    bool (*dies)(void *ctx, const char *where);
};

/* How something is evaluated: a plan that agents know by name, and what it makes. */
struct lease_plan {
    const char *name, *suite;
    enum harness_dialect dialect;
    int64_t seed, limit, wall_seconds; /* limit: items that it runs of each task; 0 all */
    size_t n_benchmarks;               /* 1..LEASE_BENCHMARKS; all of them make a result */
    const struct benchmark *benchmarks;
};

/* A tiny evaluation with known scores, by which a host comes back from its quarantine. */
struct lease_canary {
    const struct lease_plan *plan; /* not one of rules.plans: it may have a limit of its own */
    const char *model, *revision, *precision, *weight_type;
    double params;
    const double *scores, *tolerances; /* of the plan's benchmarks, 0..100 */
};

struct lease_rules {
    int64_t lease_ms, grace_ms; /* kill grace and margin */
    int64_t restart_ms;         /* more after a restart */
    int64_t renew_ms, suspect_ms;
    int64_t answer_ms;              /* a call without an answer for so long has none */
    int64_t log_ms, log_watched_ms; /* how often a log is read on; 0 never */
    int64_t log_max;                /* bytes of one log that are kept */
    size_t n_plans;
    const struct lease_plan *plans;
    const struct lease_canary *canary; /* NULL none: an operator lifts quarantines */
    int64_t retry_ms, retry_most_ms;   /* first wait after a failure of a host or the hub */
    uint64_t most_attempts;            /* of any kind, at one request */
    uint64_t random;                   /* seed of jitter */
};

struct lease;

/* What runs is taken up from the store. `rules` and what they point to outlive it. JB_EINVAL,
 * JB_ENOMEM, errors of the store. */
int lease_new(struct store *store, const struct lease_net *net, const struct lease_rules *rules,
              int64_t now_ms, struct jb_error *err, struct lease **ret_lease);
void lease_free(struct lease *l); /* calls under way are forgotten: cancel them */

struct lease_work {
    uint64_t request;
    const char *host;
    const char *plan; /* name of one of rules.plans */
    int64_t slots;    /* that it takes there */
    int64_t mib; /* GPU memory that these give it; 0 none. Remembered for lease_past_of() */
};

/*
 * A queued request to a host: committed, then sent. JB_EBUSY: the host gets no work (state,
 * silent); JB_ECONFLICT: the request is not queued; JB_ENOENT: no such request or host;
 * JB_EINVAL: it makes no spec. None of these is the end of anything.
 */
int lease_offer(struct lease *l, const struct lease_work *work, int64_t now_ms, int64_t now_us,
                struct jb_error *err);

/* An answer, or that none comes. Answers to what is no longer asked are dropped. Errors as of
 * lease_run(). */
int lease_answer(struct lease *l, uint64_t token, const struct lease_reply *reply,
                 int64_t now_ms, int64_t now_us, struct jb_error *err);

/* What is due; ret_next: when it is to be called at the latest, in now_ms' clock; sooner after
 * a ring of the doorbell. JB_EIO and other errors of the store; JB_ECLOSED when `dies` said so:
 * the object is only good to be freed. */
int lease_run(struct lease *l, int64_t now_ms, int64_t now_us, struct jb_error *err,
              int64_t *ret_next);

/* What the host said of itself when it last answered, good until the next call of lease_run()
 * or lease_answer(). */
struct lease_info {
    int64_t slots, gpus, memory_mib; /* memory of all GPUs */
    bool draining;
    size_t n_cached, n_plans;
    const char *const *cached, *const *plans;
};
/* NULL: it does not answer, and gets no work. */
const struct lease_info *lease_host(const struct lease *l, const char *host);
size_t lease_live(const struct lease *l);
size_t lease_live_at(const struct lease *l, const char *host);

/* What is live: for a scheduler that begins, and to see what has come and gone. Canaries are
 * not among them; a host with a canary gets no other work. */
struct lease_item {
    uint64_t request, fence;
    const char *host, *plan;
    int64_t slots;
    int64_t leased; /* microseconds UTC */
};
void lease_each(const struct lease *l, void (*each)(void *ctx, const struct lease_item *item),
                void *ctx);

/* What earlier attempts of a round say about where to go on. Strings live in the arena. */
struct lease_hint {
    const char *avoid[LEASE_AVOID_MAX]; /* hosts; NULL at the end */
    int64_t more_than_mib;              /* memory ran out on so much; 0 none */
};
int lease_past_of(struct store_txn *txn, uint64_t request, uint64_t round, int64_t now_us,
                  struct jb_arena *arena, struct lease_hint *ret_hint);

/* What follows from a failure: letters of queue/failure.h. */
enum lease_verdict { LEASE_RETRY, LEASE_FAIL, LEASE_POISON };
struct lease_past {
    unsigned i, m, o, b;       /* earlier failures of each class in this round, this one too */
    unsigned b_hosts;          /* different hosts of class B */
    unsigned died_hosts;       /* different hosts that died under it */
    uint64_t attempts, most;   /* all */
    int64_t first_ms, most_ms; /* waits */
};
/* `random` spreads the wait; ret_wait_ms of RETRY. */
enum lease_verdict lease_judge(char letter, const struct lease_past *past, uint32_t random,
                               int64_t *ret_wait_ms);
