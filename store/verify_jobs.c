/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs with their index, claims, nonces, quota; timings and deliveries. */
#include "store/codec.h"
#include "store/verify.h"

#include <string.h>

/* A job, or NULL: it is missing, or damaged and reported where it stands. */
static const struct job *
job_of(struct verify *v, uint64_t id, bool *ret_missing, struct job *job)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, id);
    int rc = store_get(v->txn, DBI_JOB, &key, &value);
    *ret_missing = rc == JB_ENOENT;
    if (rc || job_decode(value, v->arena, NULL, job) || store_job_check(job, NULL))
        return NULL;
    job->id = id;
    return job;
}

bool
verify_is_there(struct verify *v, enum store_dbi dbi, const struct store_key *key)
{
    struct jb_str value;

    return store_get(v->txn, dbi, key, &value) != JB_ENOENT;
}

void
verify_empty(struct verify *v, enum store_dbi dbi, struct jb_str key, struct jb_str value)
{
    if (value.n)
        verify_problem(v, dbi, key, "the value is not empty");
}

static int
verify_job(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct store_key id_key = {0}, state, quota;
    struct job job;
    int rc;

    jb_arena_reset(v->arena);
    if (key.n != 8) {
        verify_problem(v, DBI_JOB, key, "the key is not an id");
        return 0;
    }
    if (job_decode(value, v->arena, &err, &job) || store_job_check(&job, &err)) {
        verify_problem(v, DBI_JOB, key, "%s", err.text);
        return 0;
    }
    job.id = store_id_from(key.p);
    store_key_id(&id_key, job.id);
    if (!verify_is_there(v, DBI_REQUEST, &id_key))
        verify_problem(v, DBI_JOB, key, "belongs to no request");
    if ((rc = job_state_key(v->txn, &job, &state)))
        return rc;
    if (!verify_is_there(v, DBI_JOB_STATE, &state))
        verify_problem(v, DBI_JOB, key, "has no entry in job_state");
    quota_key(&quota, job.owner, job.accepted, job.id);
    if (job.charged && !verify_is_there(v, DBI_QUOTA, &quota))
        verify_problem(v, DBI_JOB, key, "counts, but has no entry in quota");
    return store_txn_error(v->txn);
}

/* An index of jobs whose keys are a word, a NUL and numbers, the last of them the job's. */
struct job_index {
    enum store_dbi dbi;
    size_t least, numbers; /* bytes of the shortest word, and how many behind its NUL */
    const char *form, *verb, *wrong;
    /* The key that the job has there; *ret_has: it has one. */
    int (*key)(struct verify *v, const struct job *job, struct store_key *ret_key,
               bool *ret_has);
};

static int
state_of(struct verify *v, const struct job *job, struct store_key *ret_key, bool *ret_has)
{
    *ret_has = true;
    return job_state_key(v->txn, job, ret_key);
}

static int
quota_of(struct verify *v, const struct job *job, struct store_key *ret_key, bool *ret_has)
{
    (void)v;
    *ret_has = job->charged;
    quota_key(ret_key, job->owner, job->accepted, job->id);
    return 0;
}

static int
verify_index(struct verify *v, const struct job_index *x, struct jb_str key,
             struct jb_str value)
{
    size_t behind = 1 + 8 * x->numbers;
    struct store_key own;
    struct job job;
    bool missing, has = false;
    int rc;

    jb_arena_reset(v->arena);
    if (key.n < x->least + behind || memchr(key.p, '\0', key.n) != key.p + key.n - behind) {
        verify_problem(v, x->dbi, key, "the key is not %s", x->form);
        return 0;
    }
    verify_empty(v, x->dbi, key, value);
    uint64_t id = store_id_from(key.p + key.n - 8);
    const struct job *found = job_of(v, id, &missing, &job);
    if (found && (rc = x->key(v, found, &own, &has)))
        return rc;
    if (missing)
        verify_problem(v, x->dbi, key, "%s job %llu, which is not there", x->verb,
                       (unsigned long long)id);
    else if (found && (!has || !jb_str_eq(store_key_view(&own), key)))
        verify_problem(v, x->dbi, key, "%s job %llu, which %s", x->verb, (unsigned long long)id,
                       x->wrong);
    return store_txn_error(v->txn);
}

static int
verify_state(void *ctx, struct jb_str key, struct jb_str value)
{
    static const struct job_index index = {
        .dbi = DBI_JOB_STATE,
        .least = 1,
        .numbers = 3,
        .form = "a state and three numbers",
        .verb = "names",
        .wrong = "is not in this state",
        .key = state_of,
    };

    return verify_index(ctx, &index, key, value);
}

static int
verify_quota(void *ctx, struct jb_str key, struct jb_str value)
{
    static const struct job_index index = {
        .dbi = DBI_QUOTA,
        .numbers = 2,
        .form = "an owner and two numbers",
        .verb = "counts",
        .wrong = "does not count so",
        .key = quota_of,
    };

    return verify_index(ctx, &index, key, value);
}

static int
verify_claim(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct store_key id_key = {0}, identity;
    struct jb_str record;
    struct request request;
    uint64_t doc_n;
    int rc;

    jb_arena_reset(v->arena);
    if (value.n != 8) {
        verify_problem(v, DBI_COMMIT_KEY, key, "does not hold an id");
        return 0;
    }
    uint64_t id = store_id_from(value.p);
    store_key_id(&id_key, id);
    rc = store_get(v->txn, DBI_REQUEST, &id_key, &record);
    if (rc == JB_ENOENT) {
        verify_problem(v, DBI_COMMIT_KEY, key, "names request %llu, which is not there",
                       (unsigned long long)id);
        return 0;
    }
    /* A damaged request is reported where it stands. */
    if (rc || request_decode(record, v->arena, NULL, &request, &doc_n))
        return store_txn_error(v->txn);
    if (request.commit[0]) {
        if ((rc = claim_identity(v->txn, request.model, request.commit, request.precision,
                                 request.weight_type, &identity)))
            return rc;
        if (jb_str_eq(store_key_view(&identity), key))
            return 0;
    }
    verify_problem(v, DBI_COMMIT_KEY, key, "names request %llu, which is of another commit",
                   (unsigned long long)id);
    return 0;
}

static int
verify_nonce(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct store_key other;
    struct jb_str record;
    struct nonce nonce;

    if (key.n == 1 + STORE_DIGEST_SIZE && key.p[0] == 'd') {
        if (nonce_decode(value, &err, &nonce) || nonce_check(&nonce, &err)) {
            verify_problem(v, DBI_NONCE, key, "%s", err.text);
            return 0;
        }
        nonce_time_key(&other, nonce.time, (const unsigned char *)key.p + 1);
        if (!verify_is_there(v, DBI_NONCE, &other))
            verify_problem(v, DBI_NONCE, key, "has no entry by time");
    } else if (key.n == 9 + STORE_DIGEST_SIZE && key.p[0] == 't') {
        verify_empty(v, DBI_NONCE, key, value);
        nonce_key(&other, (const unsigned char *)key.p + 9);
        int rc = store_get(v->txn, DBI_NONCE, &other, &record);
        if (rc == JB_ENOENT)
            verify_problem(v, DBI_NONCE, key, "names a nonce that is not there");
        else if (!rc && !nonce_decode(record, NULL, &nonce) &&
                 nonce.time != (int64_t)store_id_from(key.p + 1))
            verify_problem(v, DBI_NONCE, key, "names a nonce of another time");
    } else {
        verify_problem(v, DBI_NONCE, key, "the key is not that of a nonce");
    }
    return store_txn_error(v->txn);
}

static int
verify_timing(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct timing timing;

    jb_arena_reset(v->arena);
    if (key.n != 8) {
        verify_problem(v, DBI_TIMING, key, "the key is not a number");
        return 0;
    }
    uint64_t seq = store_id_from(key.p);
    if (v->last && seq != v->last + 1)
        verify_problem(v, DBI_TIMING, key, "follows entry %llu", (unsigned long long)v->last);
    v->last = seq;
    if (timing_decode(value, v->arena, &err, &timing) || timing_check(&timing, &err))
        verify_problem(v, DBI_TIMING, key, "%s", err.text);
    return 0;
}

static int
verify_delivery(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct delivery delivery;

    jb_arena_reset(v->arena);
    if (key.n != 8) {
        verify_problem(v, DBI_DELIVERY, key, "the key is not an id");
        return 0;
    }
    v->last = store_id_from(key.p);
    if (delivery_decode(value, v->arena, &err, &delivery) || delivery_check(&delivery, &err))
        verify_problem(v, DBI_DELIVERY, key, "%s", err.text);
    return 0;
}

int
verify_jobs(struct verify *v)
{
    static const struct {
        enum store_dbi dbi;
        int (*each)(void *ctx, struct jb_str key, struct jb_str value);
        const char *counter; /* NULL none */
        bool exact;
    } walks[] = {
        {DBI_JOB, verify_job, NULL, false},
        {DBI_JOB_STATE, verify_state, NULL, false},
        {DBI_COMMIT_KEY, verify_claim, NULL, false},
        {DBI_NONCE, verify_nonce, NULL, false},
        {DBI_QUOTA, verify_quota, NULL, false},
        {DBI_TIMING, verify_timing, META_TIMING, true},
        {DBI_DELIVERY, verify_delivery, META_DELIVERY, false},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof walks / sizeof *walks && !rc; i++) {
        v->last = 0;
        rc = store_walk(v->txn, walks[i].dbi, JB_STR(""), JB_STR(""), walks[i].each, v);
        if (!rc && walks[i].counter)
            verify_counter(v, walks[i].counter, walks[i].dbi, walks[i].exact);
    }
    return rc;
}
