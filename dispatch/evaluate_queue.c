/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way into the scheduler: all of them once, then what the change log names.
 */
#include <config.h>

#include "dispatch/evaluate.h"

#include "base/log.h"
#include "queue/move.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGES = 1024, KV_PER_BILLION = 150, KV_MOST = 2048 };

#define SECONDS_UNKNOWN 3600.0
#define LEARN_AGAIN     (INT64_C(600) * 1000000)

/* ---- what a request needs ---- */

static double
bits_of(const char *precision)
{
    static const struct {
        const char *word;
        double bits;
    } known[] = {{"float32", 32}, {"8bit", 8}, {"4bit", 4.4}, {"GPTQ", 4.4}};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(precision, known[i].word) == 0)
            return known[i].bits;
    return 16;
}

/* MiB. The cache of keys and values is that of models without grouped queries at 2,048 tokens:
 * 1 GiB of 7 billion parameters; larger ones have grouped queries. Deltas are added up on the
 * host. */
static double
need_of(const struct request *r)
{
    const bool delta = strcmp(r->weight_type, "Delta") == 0;

    if (!(r->params > 0))
        return 0;
    return schedule_need(r->params, bits_of(r->precision) * (delta ? 2 : 1),
                         fmin(r->params * KV_PER_BILLION, KV_MOST));
}

static enum schedule_class
class_of(const struct job *job)
{
    return job->priority == 0   ? SCHEDULE_OPERATOR
           : job->priority == 1 ? SCHEDULE_NORMAL
                                : SCHEDULE_BULK;
}

static int
each_timing(void *ctx, const struct timing *timing)
{
    return estimates_add(ctx, timing);
}

static int
learn(struct evaluate *e, struct store_txn *txn, int64_t now)
{
    struct estimates *fresh;
    int rc;

    if (e->estimates && now >= e->learned && now - e->learned < LEARN_AGAIN)
        return 0;
    if (!(fresh = estimates_new()))
        return JB_ENOMEM;
    jb_arena_reset(e->walk);
    rc = store_timings_each(txn, e->walk, each_timing, fresh);
    if (!rc)
        rc = estimates_learn(fresh);
    if (rc) {
        estimates_free(fresh);
        return rc;
    }
    estimates_free(e->estimates);
    e->estimates = fresh;
    e->learned = now;
    return 0;
}

static double
seconds_of(const struct evaluate *e, const struct request *r, const struct lease_plan *plan)
{
    const char *benchmarks[LEASE_BENCHMARKS];
    struct queue_estimate estimate;

    for (size_t i = 0; i < plan->n_benchmarks; i++)
        benchmarks[i] = plan->benchmarks[i].key;
    estimate =
        estimates_run(e->estimates, r->params, r->precision, benchmarks, plan->n_benchmarks);
    return estimate.known && estimate.middle > 0 ? estimate.middle : SECONDS_UNKNOWN;
}

/* What the scheduler is to know of it; JB_ENOENT: no plan takes it. */
static int
make_job(struct evaluate *e, struct store_txn *txn, const struct request *r,
         const struct job *job, int64_t now, struct schedule_job *ret_job)
{
    size_t n, plan = suites_choose(e->suites, r, job->base_commit);
    const struct lease_plan *plans = suites_plans(e->suites, &n);
    struct lease_hint hint = {.avoid = {NULL}};
    const char *commit = r->commit && *r->commit ? r->commit : r->revision;
    int rc;

    if (plan == SIZE_MAX)
        return JB_ENOENT;
    if ((rc = learn(e, txn, now)) ||
        (rc = lease_past_of(txn, r->id, job->round, now, e->arena, &hint)))
        return rc;
    *ret_job = (struct schedule_job){
        .id = r->id,
        .class = class_of(job),
        .owner = job->owner ? job->owner : "",
        .need_mib = suites_wants_gpu(e->suites, plan) ? need_of(r) : 0,
        .more_than_mib = (double)hint.more_than_mib,
        .seconds = seconds_of(e, r, &plans[plan]),
        .queued = job->queued,
        .plans = UINT64_C(1) << plan,
        .revision = jb_arena_printf(e->arena, "%s@%s", r->model, commit),
    };
    for (size_t i = 0; i < LEASE_AVOID_MAX && i < SCHEDULE_AVOID_MAX && hint.avoid[i]; i++)
        ret_job->avoid[i] = hint.avoid[i];
    return ret_job->revision ? 0 : JB_ENOMEM;
}

/* ---- into the scheduler, and out of it ---- */

static int
take(struct evaluate *e, struct store_txn *txn, uint64_t id, int64_t now)
{
    struct schedule_job is;
    struct request r;
    struct job job;
    int rc;

    jb_arena_reset(e->arena);
    evaluate_drop_large(e, id);
    rc = queue_load(txn, id, e->arena, &r, &job);
    if (rc && rc != JB_ENOENT)
        return rc;
    if (!rc)
        switch (queue_state_from_word(job.state)) {
        case QUEUE_LEASED:
        case QUEUE_RUNNING:
        case QUEUE_STORING:
        case QUEUE_CANCELLING: return 0; /* it runs where it was put */
        case QUEUE_QUEUED:
            rc = make_job(e, txn, &r, &job, now, &is);
            if (rc != JB_ENOENT)
                return rc ? rc : schedule_job_put(e->schedule, &is);
            jb_log(JB_LOG_DEBUG, "request %llu, %s: no plan takes it", (unsigned long long)id,
                   r.model);
            break;
        default: break;
        }
    schedule_job_drop(e->schedule, id);
    return 0;
}

static int
read_begin(struct evaluate *e, struct jb_error *err, struct store_txn **ret_txn)
{
    return store_begin(e->d->store, STORE_READ, NULL, err, ret_txn);
}

static int
read_end(struct store_txn *txn, int rc, struct jb_error *err)
{
    if (rc && txn && store_txn_error(txn) && !err->code)
        *err = *store_txn_reason(txn);
    store_abort(txn);
    return rc && !err->code ? jb_fail(err, rc, "the queue") : rc;
}

int
evaluate_request(struct evaluate *e, uint64_t request, int64_t now, struct jb_error *err)
{
    struct store_txn *txn = NULL;
    int rc = read_begin(e, err, &txn);

    if (!rc)
        rc = take(e, txn, request, now);
    return read_end(txn, rc, err);
}

/* Ids, as many as there are. */
struct ids {
    uint64_t *items;
    size_t n, room;
};

static int
add_id(struct ids *ids, uint64_t id)
{
    if (ids->n == ids->room) {
        size_t room = ids->room ? 2 * ids->room : 256;
        uint64_t *items = realloc(ids->items, room * sizeof(*items));

        if (!items)
            return JB_ENOMEM;
        ids->items = items;
        ids->room = room;
    }
    ids->items[ids->n++] = id;
    return 0;
}

static int
each_queued(void *ctx, uint64_t id, int64_t due)
{
    (void)due;
    return add_id(ctx, id);
}

struct running {
    struct evaluate *e;
    const char *host;
};

static void
each_live(void *ctx, const struct lease_item *item)
{
    const struct running *running = ctx;
    const struct schedule_job is = {
        .id = item->request, .class = SCHEDULE_NORMAL, .owner = "", .seconds = SECONDS_UNKNOWN};

    if (strcmp(item->host, running->host) == 0)
        schedule_job_runs(running->e->schedule, &is, item->host,
                          item->slots > 0 ? item->slots : 1,
                          item->leased + (int64_t)(SECONDS_UNKNOWN * 1e6));
}

void
evaluate_runs(struct evaluate *e, const char *host)
{
    struct running running = {e, host};

    lease_each(e->lease, each_live, &running);
}

int
evaluate_fill(struct evaluate *e, int64_t now, struct jb_error *err)
{
    struct ids ids = {0};
    struct store_txn *txn = NULL;
    struct store_seq seq = {.change = 0};
    int rc = read_begin(e, err, &txn);

    if (!rc)
        rc = store_seq_get(txn, &seq);
    if (!rc)
        rc = evaluate_hosts_read(e, txn);
    if (!rc)
        rc = store_jobs_due(txn, queue_state_word(QUEUE_QUEUED), INT64_MAX, each_queued, &ids);
    for (size_t i = 0; i < ids.n && !rc; i++)
        rc = take(e, txn, ids.items[i], now);
    free(ids.items);
    if (!rc) {
        e->filled = true;
        e->cursor = seq.change;
    }
    return read_end(txn, rc, err);
}

struct changes {
    struct ids ids;
    uint64_t seq;
    size_t n;
    bool hosts;
};

static int
each_change(void *ctx, const struct change *change)
{
    struct changes *c = ctx;
    int rc = 0;

    if (strcmp(change->kind, "host") == 0)
        c->hosts = true;
    else if (strcmp(change->kind, "job") == 0 || strcmp(change->kind, "request") == 0)
        rc = add_id(&c->ids, change->id);
    c->seq = change->seq;
    return rc ? rc : ++c->n == CHANGES;
}

int
evaluate_follow(struct evaluate *e, int64_t now, struct jb_error *err)
{
    struct changes c = {.seq = e->cursor};
    struct store_txn *txn = NULL;
    int rc;

    if (e->d->seq.change == e->cursor)
        return 0;
    if (e->d->seq.change < e->cursor) { /* it was put back to an older state */
        e->filled = false;
        return 0;
    }
    rc = read_begin(e, err, &txn);
    jb_arena_reset(e->walk);
    if (!rc)
        rc = store_changes_each(txn, e->cursor, e->walk, each_change, &c);
    rc = rc == 1 ? 0 : rc;
    if (!rc && c.hosts)
        rc = evaluate_hosts_read(e, txn);
    for (size_t i = 0; i < c.ids.n && !rc; i++)
        rc = take(e, txn, c.ids.items[i], now);
    free(c.ids.items);
    if (!rc) {
        e->cursor = c.seq;
        e->stirred = e->stirred || c.n;
    }
    return read_end(txn, rc, err);
}

/* ---- larger than any host ---- */

void
evaluate_drop_large(struct evaluate *e, uint64_t request)
{
    for (struct evaluate_large **at = &e->large, *large; (large = *at); at = &large->next)
        if (large->request == request) {
            *at = large->next;
            free(large);
            return;
        }
}

int
evaluate_add_large(struct evaluate *e, uint64_t request, int64_t gib)
{
    struct evaluate_large *large = calloc(1, sizeof(*large));

    if (!large)
        return JB_ENOMEM;
    evaluate_drop_large(e, request);
    large->request = request;
    large->gib = gib;
    large->next = e->large;
    e->large = large;
    return 0;
}

static int
refuse(struct evaluate *e, const struct evaluate_large *large, int64_t most_mib, int64_t now,
       struct jb_error *err)
{
    struct queue_move move = {
        .event = QUEUE_EVENT_FAIL, .who = QUEUE_PLATFORM, .failure = FAILURE_TOO_LARGE};
    struct lease_hint hint = {.more_than_mib = 0};
    char reason[200];
    struct store_txn *txn = NULL;
    struct request r;
    struct job job;
    int rc = store_begin(e->d->store, STORE_WRITE, "dispatch", err, &txn);

    if (rc)
        return rc;
    jb_arena_reset(e->arena);
    rc = queue_load(txn, large->request, e->arena, &r, &job);
    if (!rc && queue_state_from_word(job.state) != QUEUE_QUEUED)
        rc = JB_ECONFLICT;
    if (!rc)
        rc = lease_past_of(txn, large->request, job.round, now, e->arena, &hint);
    if (!rc && hint.more_than_mib > 0) {
        move.failure = FAILURE_OUT_OF_MEMORY;
        snprintf(reason, sizeof(reason),
                 "%lld GiB of GPU memory are not enough, and no host has more",
                 (long long)(hint.more_than_mib + 512) / 1024);
    } else {
        snprintf(reason, sizeof(reason),
                 "needs %lld GiB of GPU memory; the largest host has %lld GiB",
                 (long long)large->gib, (long long)(most_mib + 512) / 1024);
    }
    move.reason = reason;
    if (!rc)
        rc = queue_move(txn, large->request, &move, now, err, NULL);
    if (rc && store_txn_error(txn))
        *err = *store_txn_reason(txn);
    if (rc)
        store_abort(txn);
    else if (!(rc = store_commit(txn, err)))
        jb_log(JB_LOG_INFO, "request %llu, %s: %s", (unsigned long long)large->request, r.model,
               reason);
    if (rc != JB_ECONFLICT && rc != JB_ENOENT)
        return rc;
    jb_error_clear(err);
    return 0;
}

int
evaluate_refuse_large(struct evaluate *e, int64_t now, struct jb_error *err)
{
    int64_t most_mib = 0;
    int rc = 0;

    if (!e->large || e->d->conf->evaluate.too_large != CONF_TOO_LARGE_FAIL || !e->hosts)
        return 0;
    for (const struct evaluate_host *host = e->hosts; host; host = host->next) {
        if (!host->known)
            return 0; /* it may be the large one */
        most_mib = host->memory_mib > most_mib ? host->memory_mib : most_mib;
    }
    for (struct evaluate_large *large; (large = e->large) && !rc;) {
        rc = refuse(e, large, most_mib, now, err);
        if (!rc)
            evaluate_drop_large(e, large->request);
    }
    return rc;
}
