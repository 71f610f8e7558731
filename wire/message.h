/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between dispatcher and agent: JSON bodies of the calls
 *
 *   GET    /v1/info
 *   PUT    /v1/attempts/{id}              wire_offer -> wire_state
 *   GET    /v1/attempts/{id}              wire_state
 *   POST   /v1/renew                      wire_renew -> wire_renewed
 *   GET    /v1/attempts/{id}/log?from=N[&epoch=E]
 *                                         bytes; X-Log-Epoch, X-Log-End, X-Log-Kept
 *   GET    /v1/attempts/{id}/result       the manifest; ETag "sha256"
 *   GET    /v1/attempts/{id}/result/{key} the results of one benchmark, as its plan wrote them
 *   POST   /v1/attempts/{id}/cancel
 *   DELETE /v1/attempts/{id}              all of it is durable with the dispatcher
 *   POST   /v1/drain                      wire_drain -> wire_info
 *   POST   /v1/csr                        (empty) -> a new key's CSR, PEM, for the renewal
 *   POST   /v1/certificate                a leaf of that key with its issuer behind it, PEM
 *                                         (dispatcher carries it) -> {}
 *
 * Every message may come twice, late, or after its answer was lost: PUT of the same id and spec
 * hash is 200 with the state, another hash 409, a fence below the highest seen for the job 412
 * (equal to it when its attempt was deleted), no free slot or draining 429 with Retry-After,
 * against the local policy 422, no disk 503. DELETE of what is not there is 200, of what runs
 * 409. A log is read on from X-Log-End; when the epoch is not the one asked for, or the log
 * ends before `from`, the answer is 416 with the same headers, and reading goes on at min(from,
 * X-Log-Kept), since below that all epochs are the same. Durations only, never wall clocks: the
 * agent's monotonic stamp goes along, and a lease is "until your stamp + seconds". All readers
 * are strict and bounded; errors JB_EPARSE, JB_EUNPROC, JB_ETOOBIG, JB_ENOMEM with the reason.
 * Whole numbers are at most 2^53.
 */
#pragma once

#include "crypto/pki.h"
#include "wire/spec.h"

#define WIRE_PROTOCOL     1
#define WIRE_ID_SIZE      33 /* attempt id: 32 lower-case hex digits and a NUL */
#define WIRE_BODY_MAX     ((size_t)1 << 20)
#define WIRE_LOG_MAX      ((size_t)256 << 10) /* of one answer */
#define WIRE_ATTEMPTS_MAX 256                 /* of one host */

struct wire_offer {
    char id[WIRE_ID_SIZE];
    uint64_t job;   /* request id */
    uint64_t fence; /* grows with each attempt of anything */
    int64_t lease_seconds;
    char spec_hash[SPEC_HASH_HEX];
    struct spec spec;
};

enum wire_phase {
    WIRE_ACCEPTED, /* journalled, not begun */
    WIRE_RUNNING,
    WIRE_SUCCEEDED, /* the result is there */
    WIRE_FAILED,
    WIRE_CANCELLED,
    WIRE_LOST, /* it was there before a reboot, or its process went without a word */
    WIRE_PHASE_MAX
};
const char *wire_phase_word(enum wire_phase phase); /* "accepted" … */

struct wire_state {
    char id[WIRE_ID_SIZE];
    uint64_t fence;
    enum wire_phase phase;
    double progress;     /* 0..1, negative unknown */
    const char *step;    /* what it does now: a benchmark's key; "" */
    const char *failure; /* word of queue/failure.h, of WIRE_FAILED; "" */
    const char *reason;  /* one line; "" */
    uint64_t log_epoch, log_end;
    size_t n_done; /* benchmarks whose result can be fetched */
    const char *const *done;
};

struct wire_gpu {
    const char *name;
    int64_t total_mib, free_mib;
};

struct wire_info {
    const char *host; /* name in its certificate */
    const char *boot_id;
    const char *version; /* of the agent */
    int64_t protocol_min, protocol_max;
    int64_t monotonic_ms, wall_us;
    int64_t slots, slots_free;
    int64_t memory_mib;    /* of the host, not of its GPUs */
    int64_t disk_free_mib; /* where jobs put models */
    const char *engine;    /* "local", "slurm" */
    const char *policy;    /* digest of the allow-list, hex */
    bool draining;
    size_t n_gpus;
    const struct wire_gpu *gpus;
    size_t n_plans;
    const char *const *plans;
    size_t n_cached; /* revisions in its cache, "model@commit" */
    const char *const *cached;
};

/* All attempts of a host in one call. A cancel travels in it. */
struct wire_renewal {
    char id[WIRE_ID_SIZE];
    uint64_t fence;
    int64_t lease_seconds;
    bool cancel;
};
struct wire_renew {
    int64_t stamp_ms; /* the agent's, from its last answer: the lease counts from it */
    size_t n;
    const struct wire_renewal *items;
};
struct wire_renewed {
    int64_t monotonic_ms;
    const char *boot_id;
    size_t n;
    const struct wire_state
        *states; /* also of attempts that were not named: the host has them */
};

/* The manifest of a result. */
struct wire_part {
    const char *benchmark;
    uint64_t size;
    char sha256[SPEC_HASH_HEX];
    double seconds; /* how long it took */
};
struct wire_manifest {
    char id[WIRE_ID_SIZE];
    uint64_t fence;
    char spec_hash[SPEC_HASH_HEX];
    const char *plan, *plan_version; /* harness commit or package version */
    const char *environment;         /* one line: packages, GPU; "" */
    size_t n;
    const struct wire_part *parts;
    const char *key, *signature; /* of the host, wire_manifest_sign(); "" unsigned */
};

/* POST /v1/drain; its answer is the host's info. */
struct wire_drain {
    bool drain; /* take no new attempts; false: take them again */
};

/* The body of every answer that is not 200: why. */
struct wire_refusal {
    const char *error; /* one line */
};

/* Writers: an error stands in `out`. Offers are read with their spec checked by spec_check()
 * and its hash compared. */
void wire_offer_put(const struct wire_offer *offer, struct jb_buf *out);
int wire_offer_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                    struct wire_offer *ret_offer);
void wire_state_put(const struct wire_state *state, struct jb_buf *out);
int wire_state_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                    struct wire_state *ret_state);
void wire_info_put(const struct wire_info *info, struct jb_buf *out);
int wire_info_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                   struct wire_info *ret_info);
void wire_renew_put(const struct wire_renew *renew, struct jb_buf *out);
int wire_renew_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                    struct wire_renew *ret_renew);
void wire_renewed_put(const struct wire_renewed *renewed, struct jb_buf *out);
int wire_renewed_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                      struct wire_renewed *ret_renewed);
void wire_manifest_put(const struct wire_manifest *manifest, struct jb_buf *out);
int wire_manifest_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                       struct wire_manifest *ret_manifest);
/*
 * Signed by the host, so that whoever keeps the bytes can say later where they come from: key
 * is the host's public one, signature, the last member, is over "jinbang-manifest-1\n" and the
 * bytes of the manifest with "" in its place (crypto/pki.h). Sets both, in the arena.
 */
int wire_manifest_sign(struct wire_manifest *manifest, struct jb_str key_pem,
                       struct jb_arena *arena, struct jb_error *err);
/* Of the bytes as they came: signed with one of these keys, given by their hash. JB_EACCES with
 * the reason; what wire_manifest_read() says. */
int wire_manifest_check(struct jb_str json, size_t n_keys,
                        const unsigned char (*keys)[PKI_HASH_SIZE], struct jb_error *err);
void wire_drain_put(const struct wire_drain *drain, struct jb_buf *out);
int wire_drain_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                    struct wire_drain *ret_drain);
void wire_refusal_put(const struct wire_refusal *refusal, struct jb_buf *out);
int wire_refusal_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                      struct wire_refusal *ret_refusal);
bool wire_id_valid(struct jb_str id);
