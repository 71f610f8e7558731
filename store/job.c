/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/env.h"

#include <string.h>

static int
job_read(struct store_txn *txn, uint64_t id, struct jb_str value, struct jb_arena *arena,
         struct job *ret_job)
{
    struct jb_error err = {0};
    struct job job;
    int rc = job_decode(value, arena, &err, &job);

    if (rc)
        return store_txn_fail(txn, rc, "job/%llu: %s", (unsigned long long)id, err.text);
    job.id = id;
    *ret_job = job;
    return 0;
}

/* JB_ENOENT does not stick. */
static int
job_load(struct store_txn *txn, uint64_t id, struct jb_arena *arena, struct job *ret_job,
         struct jb_str *ret_value)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, id);
    int rc = store_get(txn, DBI_JOB, &key, &value);
    if (rc)
        return rc;
    rc = job_read(txn, id, value, arena, ret_job);
    if (!rc && ret_value)
        *ret_value = value;
    return rc;
}

static void
state_prefix(struct store_key *key, const char *state)
{
    store_key_put(key, state, strlen(state) + 1);
}

int
job_state_key(struct store_txn *txn, const struct job *job, struct store_key *ret_key)
{
    struct store_key key = {0};

    state_prefix(&key, job->state);
    store_key_id(&key, job->priority);
    store_key_id(&key, (uint64_t)job->due);
    store_key_id(&key, job->id);
    if (key.over)
        return store_txn_fail(txn, JB_ETOOBIG, "job %llu: its state is too long",
                              (unsigned long long)job->id);
    *ret_key = key;
    return 0;
}

static bool
secret_differs(const struct job *a, const struct job *b)
{
    return a->has_secret != b->has_secret ||
           (a->has_secret && memcmp(a->secret, b->secret, sizeof a->secret) != 0);
}

/* What people may learn of it, and so what the log tells. Never the digest of the secret; a new
 * one is told as such. */
static void
job_differs(struct difference *d, const struct job *old, const struct job *now)
{
    difference_text(d, "state", old->state, now->state);
    difference_count(d, "round", old->round, now->round);
    difference_text(d, "failure", old->failure, now->failure);
    difference_text(d, "reason", old->reason, now->reason);
    difference_count(d, "log_bytes", old->log_tail ? strlen(old->log_tail) : 0,
                     now->log_tail ? strlen(now->log_tail) : 0);
    difference_count(d, "same_as", old->same_as, now->same_as);
    difference_count(d, "attempts", old->attempts, now->attempts);
    difference_count(d, "priority", old->priority, now->priority);
    difference_text(d, "owner", old->owner, now->owner);
    difference_truth(d, "charged", old->charged, now->charged);
    difference_time(d, "accepted", old->accepted, now->accepted);
    difference_time(d, "started", old->started, now->started);
    difference_time(d, "ended", old->ended, now->ended);
    difference_time(d, "embargo", old->embargo, now->embargo);
    difference_truth(d, "hidden", old->hidden, now->hidden);
    if (d->had && d->has && secret_differs(old, now))
        difference_truth(d, "new_secret", false, true);
}

static bool
text_differs(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") != 0;
}

/* What the queue tables and the page of a submission show. The priority is seen in the place in
 * the queue. */
static bool
queue_differs(const struct job *a, const struct job *b)
{
    return text_differs(a->state, b->state) || text_differs(a->failure, b->failure) ||
           text_differs(a->reason, b->reason) || text_differs(a->log_tail, b->log_tail) ||
           a->same_as != b->same_as || a->attempts != b->attempts ||
           a->priority != b->priority || a->started != b->started || a->ended != b->ended ||
           a->hidden != b->hidden;
}

static bool
is_told(const struct job *a, const struct job *b)
{
    return queue_differs(a, b) || a->round != b->round || text_differs(a->owner, b->owner) ||
           a->charged != b->charged || a->accepted != b->accepted || a->embargo != b->embargo ||
           secret_differs(a, b) || text_differs(a->log_tail, b->log_tail);
}

static int
job_log(struct store_txn *txn, const struct request *request, const struct job *old,
        const struct job *now)
{
    static const struct job none;
    char title[REQUEST_TITLE_SIZE];
    struct difference d;

    if (old && !is_told(old, now))
        return 0;
    request_title(request, title);
    difference_begin(&d, txn, old != NULL, true);
    job_differs(&d, old ? old : &none, now);
    bool board = old ? old->embargo != now->embargo || old->hidden != now->hidden
                     : now->embargo != 0 || now->hidden;
    return store_changed(txn, "job", title, now->id, &d, board,
                         !old || queue_differs(old, now));
}

int
store_job_put(struct store_txn *txn, const struct job *job, enum store_outcome *ret_outcome)
{
    struct store_key key = {0}, state, old_state;
    struct request request;
    struct job old;
    struct jb_str old_value;
    struct jb_arena *scratch;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = store_job_check(job, &txn->err)) || (rc = job_state_key(txn, job, &state)))
        return rc;
    if (!(scratch = store_txn_scratch(txn)))
        return txn->err.code;
    rc = request_load(txn, job->id, false, scratch, &request, NULL, NULL);
    if (rc == JB_ENOENT)
        return store_txn_fail(txn, rc, "there is no request %llu for a job",
                              (unsigned long long)job->id);
    if (rc)
        return rc;
    rc = job_load(txn, job->id, scratch, &old, &old_value);
    if (rc && rc != JB_ENOENT)
        return rc;
    bool is_new = rc == JB_ENOENT, moved = is_new;
    if ((rc = job_encode(job, &txn->value)))
        return store_txn_fail(txn, rc, "job %llu: no memory", (unsigned long long)job->id);
    if (!is_new) {
        if (jb_str_eq(old_value, jb_buf_view(&txn->value))) {
            *ret_outcome = STORE_SAME;
            return 0;
        }
        if ((rc = job_state_key(txn, &old, &old_state)))
            return rc;
        moved = !jb_str_eq(store_key_view(&old_state), store_key_view(&state));
        if (moved)
            store_del(txn, DBI_JOB_STATE, &old_state);
    }
    store_key_id(&key, job->id);
    store_put(txn, DBI_JOB, &key, jb_buf_view(&txn->value));
    if (moved)
        store_put(txn, DBI_JOB_STATE, &state, JB_STR(""));
    if ((rc = store_txn_error(txn)) || (rc = job_log(txn, &request, is_new ? NULL : &old, job)))
        return rc;
    *ret_outcome = is_new ? STORE_NEW : STORE_CHANGED;
    return 0;
}

int
store_job_get(struct store_txn *txn, uint64_t id, struct jb_arena *arena, struct job *ret_job)
{
    return job_load(txn, id, arena, ret_job, NULL);
}

int
job_delete(struct store_txn *txn, uint64_t id, struct jb_arena *arena)
{
    struct store_key key = {0}, state, quota;
    struct job job;
    int rc = job_load(txn, id, arena, &job, NULL);

    if (rc)
        return rc == JB_ENOENT ? 0 : rc;
    if ((rc = job_state_key(txn, &job, &state)))
        return rc;
    store_key_id(&key, id);
    store_del(txn, DBI_JOB_STATE, &state);
    if (job.charged) {
        quota_key(&quota, job.owner, job.accepted, id);
        store_del(txn, DBI_QUOTA, &quota);
    }
    return store_del(txn, DBI_JOB, &key);
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    int (*each)(void *ctx, const struct job *job);
    void *ctx;
};

static int
each_job(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct job job;

    if (key.n != 8)
        return store_txn_fail(walk->txn, JB_ECORRUPT, "job: a key is not an id");
    int rc = job_read(walk->txn, store_id_from(key.p), value, walk->arena, &job);
    return rc ? rc : walk->each(walk->ctx, &job);
}

int
store_jobs_each(struct store_txn *txn, struct jb_arena *arena,
                int (*each)(void *ctx, const struct job *job), void *ctx)
{
    struct walk walk = {txn, arena, each, ctx};

    return store_walk(txn, DBI_JOB, JB_STR(""), JB_STR(""), each_job, &walk);
}

struct due {
    struct store_txn *txn;
    size_t prefix;
    int64_t until;
    bool late; /* the rest of this priority is due later */
    uint64_t priority;
    int (*each)(void *ctx, uint64_t id, int64_t due);
    void *ctx;
};

static int
each_due(void *ctx, struct jb_str key, struct jb_str value)
{
    struct due *due = ctx;

    (void)value;
    if (key.n != due->prefix + 24)
        return store_txn_fail(due->txn, JB_ECORRUPT,
                              "job_state: a key is not a state and three numbers");
    const char *p = key.p + due->prefix;
    int64_t time = (int64_t)store_id_from(p + 8);
    if (time > due->until) {
        due->late = true;
        due->priority = store_id_from(p);
        return 1;
    }
    return due->each(due->ctx, store_id_from(p + 16), time);
}

int
store_jobs_due(struct store_txn *txn, const char *state, int64_t until,
               int (*each)(void *ctx, uint64_t id, int64_t due), void *ctx)
{
    struct store_key prefix = {0}, after = {0};
    struct due due = {.txn = txn, .until = until, .each = each, .ctx = ctx};
    int rc = 0;

    state_prefix(&prefix, state);
    if (prefix.over)
        return store_txn_error(txn); /* no such word is ever stored */
    due.prefix = prefix.n;
    do {
        due.late = false;
        rc = store_walk(txn, DBI_JOB_STATE, store_key_view(&prefix), store_key_view(&after),
                        each_due, &due);
        /* On with the next priority. */
        after = prefix;
        store_key_id(&after, due.priority);
        store_key_id(&after, UINT64_MAX);
        store_key_id(&after, UINT64_MAX);
    } while (due.late);
    return rc;
}

static int
count_one(void *ctx, struct jb_str key, struct jb_str value)
{
    uint64_t *n = ctx;

    (void)key;
    (void)value;
    ++*n;
    return 0;
}

int
store_jobs_count(struct store_txn *txn, const char *state, uint64_t *ret_n)
{
    struct store_key prefix = {0};
    uint64_t n = 0;

    state_prefix(&prefix, state);
    int rc = prefix.over ? store_txn_error(txn)
                         : store_walk(txn, DBI_JOB_STATE, store_key_view(&prefix), JB_STR(""),
                                      count_one, &n);
    if (!rc)
        *ret_n = n;
    return rc;
}
