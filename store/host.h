/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of GPU hosts and the attempts at evaluations, with the conventions of record.h.
 * The registry is what revokes: a handshake and every message is checked against it.
 */
#pragma once

#include "store/job.h"

enum { HOST_HASH_SIZE = 32 };

struct host {
    const char *name;  /* [a-z0-9-]{1,40} */
    const char *state; /* "new" (has a token, no key), "active", "draining", "quarantined",
                          "removed" */
    const char *url;   /* https://address:port; "" while new */
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
    uint64_t failures;  /* infrastructure failures in a row */
    uint64_t recent;    /* bits of the last ten attempts, 1 = failed through the host */
    uint64_t holds;     /* quarantines so far: each is longer */
    int64_t hold_until; /* quarantined until then, and until its canary passed */
    const char *reason; /* why it is as it is; "" */
};

int store_host_check(const struct host *host, struct jb_error *err);
/* Logged as kind "host" when what people see differs (not seen, boot, counters). */
int store_host_put(struct store_txn *txn, const struct host *host,
                   enum store_outcome *ret_outcome);
int store_host_get(struct store_txn *txn, const char *name, struct jb_arena *arena,
                   struct host *ret_host); /* JB_ENOENT */
int store_hosts_each(struct store_txn *txn, struct jb_arena *arena,
                     int (*each)(void *ctx, const struct host *host), void *ctx);

/* One try at one request. Live from the lease to its end; the last ones of a request are kept.
 */
struct attempt {
    uint64_t fence; /* its number; also what it is known by */
    const char *id; /* 32 hex digits, on the wire */
    uint64_t request, round;
    const char *host;
    const char *state; /* "leased", "running", "storing", "cancelling", "ended" */
    const char *spec;  /* JSON */
    int64_t leased, started, ended;
    int64_t lease_until; /* the dispatcher's clock: by then the host has stopped for sure */
    bool cancel, canary;
    uint64_t log_epoch, log_end;  /* fetched so far; the bytes are files beside the store */
    const char *failure, *reason; /* of an ended one; "" success */
};

/* A new fence, greater than any before; the transaction that leases raises it. */
int store_fence_next(struct store_txn *txn, uint64_t *ret_fence);
int store_attempt_put(struct store_txn *txn, const struct attempt *attempt);
int store_attempt_get(struct store_txn *txn, uint64_t fence, struct jb_arena *arena,
                      struct attempt *ret_attempt);
/* The live one of a request; JB_ENOENT. */
int store_attempt_live(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                       struct attempt *ret_attempt);
/* All that are live (state not "ended"), by fence. */
int store_attempts_live_each(struct store_txn *txn, struct jb_arena *arena,
                             int (*each)(void *ctx, const struct attempt *attempt), void *ctx);
/* Of a request, oldest first. */
int store_attempts_of(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                      int (*each)(void *ctx, const struct attempt *attempt), void *ctx);

/* Results of single benchmarks, kept so that a retry repeats only what is missing. Gone when
 * the request is finished or submitted anew. */
struct part {
    const char *benchmark; /* key */
    struct jb_str doc;     /* as its plan wrote it */
    double seconds;
    uint64_t fence; /* of the attempt that made it */
};
int store_part_put(struct store_txn *txn, uint64_t request, uint64_t round,
                   const struct part *part);
int store_parts_each(struct store_txn *txn, uint64_t request, uint64_t round,
                     struct jb_arena *arena, int (*each)(void *ctx, const struct part *part),
                     void *ctx);
int store_parts_delete(struct store_txn *txn, uint64_t request);
