/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of GPU hosts and the attempts at evaluations, with the conventions of record.h.
 * The registry is what revokes: a handshake and every message is checked against it. What may
 * become of a host and when is in queue/host.h; here is only what is stored.
 */
#pragma once

#include "store/job.h"

enum { HOST_HASH_SIZE = 32, HOST_LABEL_MAX = 40, HOST_FAILED_ON = 2 };

struct host {
    const char *name;  /* [a-z0-9-]{1,40}, no hyphen at either end: a DNS label */
    const char *state; /* "new" (has a token, no key), "active", "draining", "quarantined",
                          "removed" */
    const char *url;   /* https://address:port; "" unknown */
    bool has_key, has_next;
    unsigned char key[HOST_HASH_SIZE], next[HOST_HASH_SIZE]; /* SHA-256 of its public keys */
    bool has_token;
    unsigned char token[HOST_HASH_SIZE]; /* SHA-256 of the one-time token */
    int64_t token_until;                 /* microseconds UTC as all times */
    int64_t certificate_until;
    int64_t seen; /* last answer */
    const char *boot_id, *version, *engine;
    int64_t slots, memory_mib; /* GPU memory of all cards */
    int64_t gpus;
    const char *gpu;    /* what its cards are called, for people: "NVIDIA H100 80GB HBM3"; "" */
    const char *plans;  /* what it can run: names of plans, a blank between two; "" */
    const char *policy; /* digest of what it allows, hex; "" unknown */
    int64_t skew_ms;    /* its wall clock ahead of ours, when last looked at */
    bool refuses;       /* its own operator drains it */
    uint64_t failures;  /* infrastructure failures in a row, each on another request */
    uint64_t failed_on[HOST_FAILED_ON]; /* requests of the last of those, newest first; 0 */
    uint64_t recent;    /* bits of the last ten attempts, 1 = failed through the host */
    uint64_t holds;     /* quarantines so far: each is longer */
    int64_t hold_until; /* quarantined until then, and until its canary passed */
    const char *reason; /* why it is as it is, one line; "" */
};

/* What store_host_put() would refuse in any store. JB_EINVAL, JB_ETOOBIG. */
int store_host_check(const struct host *host, struct jb_error *err);
/* Logged as kind "host" under its name when what people see differs (not seen, boot, counters;
 * never the hash of the token: a new one is told as such). Moves queue_seq when the page of
 * hosts shows the difference. */
int store_host_put(struct store_txn *txn, const struct host *host,
                   enum store_outcome *ret_outcome);
int store_host_get(struct store_txn *txn, const char *name, struct jb_arena *arena,
                   struct host *ret_host); /* JB_ENOENT */
/* By name, those that were removed too: a name keeps its history. */
int store_hosts_each(struct store_txn *txn, struct jb_arena *arena,
                     int (*each)(void *ctx, const struct host *host), void *ctx);

#define ATTEMPT_ID_HEX   32 /* digits of an attempt's id */
#define ATTEMPT_SPEC_MAX (256u << 10)
#define ATTEMPTS_KEPT    16 /* of one request; older ones go when a new one is put */

/* One try at one request. Live from the lease to its end; the last ones of a request are kept.
 */
struct attempt {
    uint64_t fence; /* its number; also what it is known by */
    const char *id; /* 32 lower-case hex digits, on the wire */
    uint64_t request, round;
    const char *host;  /* name in the registry */
    const char *state; /* "leased", "running", "storing", "cancelling", "ended" */
    const char *spec;  /* JSON */
    int64_t leased, started, ended;
    int64_t lease_until; /* the dispatcher's clock: by then the host has stopped for sure */
    bool cancel, canary;
    uint64_t log_epoch, log_end;  /* fetched so far; the bytes are files beside the store */
    const char *failure, *reason; /* of an ended one; "" success */
    int64_t slots, mib; /* what it has of the host: slots, GPU memory; 0 unknown or none */
    double progress;    /* of all of it, 0..1, negative unknown; a cheap hint */
    const char *step;   /* what it does now: key of a benchmark; "" */
    uint64_t done, of;  /* benchmarks with a result at the host; all of this attempt */
};
#define ATTEMPT_ENDED "ended"

/* A new fence, greater than any before; the transaction that leases raises it. */
int store_fence_next(struct store_txn *txn, uint64_t *ret_fence);
/* The last one given out; 0 none. */
int store_fence_last(struct store_txn *txn, uint64_t *ret_fence);
/*
 * Is this fence the live attempt of the request? Asked in the transaction of every write that
 * an attempt is the reason of. JB_ECONFLICT (does not stick): another one is live, or none.
 */
int store_fence_check(struct store_txn *txn, uint64_t request, uint64_t fence);

/* Keys of the benchmarks in its spec, in their order, each once. JB_ENOMEM. */
#define ATTEMPT_BENCHMARKS 256
int store_attempt_benchmarks(const struct attempt *attempt, struct jb_arena *arena,
                             const char *const **ret_keys, size_t *ret_n);

int store_attempt_check(const struct attempt *attempt, struct jb_error *err);
/*
 * JB_ENOENT: no such request. JB_EINVAL: a fence that was never given out. JB_ECONFLICT: of
 * this fence there is an attempt at another request or under another id, or one that ended and
 * would live again; or another attempt at the request is live. Without an entry in the log, and
 * neither board_seq nor queue_seq moves: the job tells.
 */
int store_attempt_put(struct store_txn *txn, const struct attempt *attempt);
int store_attempt_get(struct store_txn *txn, uint64_t fence, struct jb_arena *arena,
                      struct attempt *ret_attempt); /* JB_ENOENT */
/* The live one of a request; JB_ENOENT. */
int store_attempt_live(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                       struct attempt *ret_attempt);
/* All that are live (state not "ended"), by request. */
int store_attempts_live_each(struct store_txn *txn, struct jb_arena *arena,
                             int (*each)(void *ctx, const struct attempt *attempt), void *ctx);
/* All that are kept, by fence. */
int store_attempts_each(struct store_txn *txn, struct jb_arena *arena,
                        int (*each)(void *ctx, const struct attempt *attempt), void *ctx);
/* Of a request, oldest first. */
int store_attempts_of(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                      int (*each)(void *ctx, const struct attempt *attempt), void *ctx);
/* The file with an attempt's log, in the folder "logs" of the store; "logs" itself for fence 0.
 * Whoever fetches logs makes it and removes those whose attempt is gone. JB_ENOMEM. */
int store_attempt_log(const struct store *store, uint64_t fence, struct jb_arena *arena,
                      const char **ret_path);

/* Somebody reads it now: it is fetched more often for ATTEMPT_WATCHED_US. A hint in the same
 * folder; nothing happens when it cannot be left. */
#define ATTEMPT_WATCHED_US (INT64_C(30) * 1000000)
void store_attempt_watch(const struct store *store, uint64_t fence, struct jb_arena *arena);
bool store_attempt_watched(const struct store *store, uint64_t fence, int64_t now,
                           struct jb_arena *arena);

/* Results of single benchmarks, kept so that a retry repeats only what is missing. Gone when
 * the request is finished or submitted anew, and with the request. */
#define PART_DOC_MAX (2u << 20)
struct part {
    const char *benchmark; /* key */
    struct jb_str doc;     /* as its plan wrote it */
    double seconds;
    uint64_t fence; /* of the attempt that made it */
};
int store_part_check(const struct part *part, struct jb_error *err);
/* The same benchmark of a round again replaces it. JB_ENOENT: no such request. */
int store_part_put(struct store_txn *txn, uint64_t request, uint64_t round,
                   const struct part *part);
/* By benchmark. */
int store_parts_each(struct store_txn *txn, uint64_t request, uint64_t round,
                     struct jb_arena *arena, int (*each)(void *ctx, const struct part *part),
                     void *ctx);
int store_parts_delete(struct store_txn *txn, uint64_t request); /* of all rounds; none: 0 */
