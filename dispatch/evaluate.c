/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluations: what waits is given to hosts that have room, and what comes of it is stored. */
#include <config.h>

#include "dispatch/evaluate.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "queue/move.h"

#include <stdlib.h>
#include <string.h>

enum { SET_ASIDE_MS = 10000, LOG_MS = 15000, LOG_WATCHED_MS = 2000 };

#define RECORD_MAX ((size_t)4 << 20)
#define WALK_MAX   ((size_t)64 << 20)
#define LOG_MAX    ((int64_t)64 << 20)
/* After the store refused: the same would be tried again and again. */
#define HOLD_US    ((int64_t)5 * 1000000)

struct evaluate_task {
    struct dispatch *d;
    struct evaluate *now; /* NULL: nothing is evaluated here */
};

/* ---- one set of settings ---- */

static void
evaluate_free(struct evaluate *e)
{
    if (!e)
        return;
    host_client_free(e->client);
    lease_free(e->lease);
    renew_free(e->renew);
    schedule_free(e->schedule);
    estimates_free(e->estimates);
    for (struct evaluate_host *host = e->hosts, *next; host; host = next) {
        next = host->next;
        free(host);
    }
    while (e->large)
        evaluate_drop_large(e, e->large->request);
    jb_arena_free(e->arena);
    jb_arena_free(e->walk);
    suites_free(e->suites);
    free(e);
}

static void
fail(struct evaluate *e, int rc, const struct jb_error *err, int64_t now)
{
    static struct jb_log_limit limit;

    if (!rc)
        return;
    jb_log_limited(&limit, JB_LOG_ERR, "evaluations: %s",
                   err->text[0] ? err->text : jb_strerror(rc));
    e->hold = now + HOLD_US;
    e->d->restart = e->d->restart || rc == JB_EIO;
}

/* A host without room is left alone for a while. */
static void
on_answer(void *ctx, const struct host_answer *answer)
{
    struct evaluate *e = ctx;
    struct jb_error err = {0};
    int64_t now_ms = jb_monotonic_ms(), now = jb_now_us();
    const int status = answer->reply.status;

    if (status == 200)
        jb_failpoint("before-taking", host_client_word(answer->call));
    if (answer->call == LEASE_PUT && (status == 429 || status == 503)) {
        struct evaluate_host *host = evaluate_host_of(e, answer->host);
        int64_t wait = answer->reply.retry_after_ms;
        if (host)
            host->closed = now_ms + (wait > 0 && wait < SET_ASIDE_MS ? wait : SET_ASIDE_MS);
    }
    e->stirred = true;
    fail(e, lease_answer(e->lease, answer->token, &answer->reply, now_ms, now, &err), &err,
         now);
    jb_error_clear(&err);
}

static struct lease_rules
rules_of(const struct conf *conf, const struct suites *suites)
{
    struct lease_rules rules = {
        .lease_ms = conf->evaluate.lease,
        .grace_ms = conf->evaluate.grace,
        .restart_ms = conf->evaluate.restart,
        .renew_ms = conf->evaluate.renew,
        .suspect_ms = conf->evaluate.suspect,
        .answer_ms = conf->evaluate.answer,
        .log_ms = LOG_MS,
        .log_watched_ms = LOG_WATCHED_MS,
        .log_max = LOG_MAX,
        .retry_ms = conf->evaluate.retry_first,
        .retry_most_ms = conf->evaluate.retry_most,
        .most_attempts = (uint64_t)conf->evaluate.attempts,
    };

    rules.plans = suites_plans(suites, &rules.n_plans);
    rules.canary = suites_canary(suites);
    (void)crypto_random(&rules.random, sizeof(rules.random));
    return rules;
}

/* JB_EINVAL: settings that cannot work together. */
static int
check_rules(const struct lease_rules *rules, struct jb_error *err)
{
    if (rules->suspect_ms < rules->renew_ms * 3 / 2)
        return jb_fail(err, JB_EINVAL,
                       "evaluate.suspect must be 1.5 times evaluate.renew at least");
    if (rules->lease_ms < rules->renew_ms * 3 / 2)
        return jb_fail(err, JB_EINVAL,
                       "evaluate.lease must be 1.5 times evaluate.renew at least");
    return 0;
}

/* NULL without an error: nothing is evaluated here. */
static struct evaluate *
evaluate_new(struct dispatch *d, struct jb_error *err)
{
    struct evaluate *e;
    int rc;

    if (!d->conf->evaluate.plans.n)
        return NULL;
    if (!(e = calloc(1, sizeof(*e)))) {
        jb_fail(err, JB_ENOMEM, "out of memory");
        return NULL;
    }
    e->d = d;
    e->stirred = true;
    rc = suites_load(d->conf, err, &e->suites);
    if (!rc) {
        e->rules = rules_of(d->conf, e->suites);
        rc = check_rules(&e->rules, err);
    }
    if (!rc && (!(e->schedule = schedule_new()) || !(e->arena = jb_arena_new(RECORD_MAX)) ||
                !(e->walk = jb_arena_new(WALK_MAX))))
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc)
        rc = host_client_new(d, on_answer, e, err, &e->client);
    if (!rc)
        rc = renew_new(d, e->client, err, &e->renew);
    if (!rc) {
        const struct lease_net net = {.ctx = e->client, .send = host_client_send};
        rc = lease_new(d->store, &net, &e->rules, jb_monotonic_ms(), err, &e->lease);
    }
    if (rc) {
        evaluate_free(e);
        return NULL;
    }
    return e;
}

int
evaluate_check(const struct conf *conf, struct jb_error *err)
{
    struct suites *suites = NULL;
    struct lease_rules rules;
    int rc = suites_load(conf, err, &suites);

    if (!rc && conf->evaluate.plans.n) {
        rules = rules_of(conf, suites);
        rc = check_rules(&rules, err);
    }
    suites_free(suites);
    return rc;
}

/* ---- what begins ---- */

/* What is chosen, given to the host; what cannot be is put back. */
static int
offer(struct evaluate *e, const struct schedule_choice *choice, int64_t now_ms, int64_t now,
      struct jb_error *err)
{
    const struct evaluate_host *at = evaluate_host_of(e, choice->host);
    struct evaluate_host *host = evaluate_host_of(e, choice->host);
    size_t n, plan = SIZE_MAX;
    const struct lease_plan *plans = suites_plans(e->suites, &n);
    struct store_txn *txn = NULL;
    struct request r;
    struct job job;
    int rc = store_begin(e->d->store, STORE_READ, NULL, err, &txn);

    if (rc)
        return rc;
    jb_arena_reset(e->arena);
    rc = queue_load(txn, choice->job, e->arena, &r, &job);
    if (rc && rc != JB_ENOENT && store_txn_error(txn))
        *err = *store_txn_reason(txn);
    store_abort(txn);
    if (!rc)
        plan = suites_choose(e->suites, &r, job.base_commit);
    if (rc == JB_ENOENT || plan == SIZE_MAX || !at)
        return evaluate_request(e, choice->job, now, err);
    if (rc)
        return rc;
    const struct lease_work work = {
        .request = choice->job,
        .host = choice->host,
        .plan = plans[plan].name,
        .slots = choice->slots,
        .mib = suites_wants_gpu(e->suites, plan) && at->slots > 0
                   ? at->memory_mib * choice->slots / at->slots
                   : 0,
    };
    rc = lease_offer(e->lease, &work, now_ms, now, err);
    switch (rc) {
    case 0:
        jb_log(JB_LOG_INFO, "request %llu, %s: offered to host %s, plan %s",
               (unsigned long long)r.id, r.model, choice->host, work.plan);
        return 0;
    case JB_EBUSY:
        host->closed = now_ms + SET_ASIDE_MS;
        jb_error_clear(err);
        return evaluate_request(e, choice->job, now, err);
    case JB_ECONFLICT:
    case JB_ENOENT: jb_error_clear(err); return evaluate_request(e, choice->job, now, err);
    case JB_EINVAL:
        jb_log(JB_LOG_ERR, "request %llu, %s: cannot be given to a host: %s",
               (unsigned long long)r.id, r.model, err->text);
        jb_error_clear(err);
        schedule_job_drop(e->schedule, choice->job);
        return 0;
    default: schedule_job_drop(e->schedule, choice->job); return rc;
    }
}

static int
begin(struct evaluate *e, int64_t now_ms, int64_t now, struct jb_error *err)
{
    const struct schedule_choice *choices;
    struct schedule_choice *own;
    size_t n;
    int rc = schedule_pass(e->schedule, now, &choices, &n);

    if (rc)
        return jb_fail(err, rc, "out of memory");
    if (!n)
        return 0;
    /* They are the scheduler's until it is told something; names are those of our hosts. */
    if (!(own = calloc(n, sizeof(*own))))
        return jb_fail(err, JB_ENOMEM, "out of memory");
    memcpy(own, choices, n * sizeof(*own));
    for (size_t i = 0; i < n; i++) {
        const struct evaluate_host *host =
            own[i].host ? evaluate_host_of(e, own[i].host) : NULL;
        own[i].host = own[i].host ? host ? host->name : "" : NULL;
    }
    for (size_t i = 0; i < n; i++) {
        int one = own[i].host ? offer(e, &own[i], now_ms, now, err)
                              : evaluate_add_large(e, own[i].job, own[i].needs_gib);
        /* What was not reached is seen again when the scheduler is filled again. */
        e->filled = e->filled && !one;
        rc = rc ? rc : one;
    }
    free(own);
    e->stirred = true;
    return rc;
}

/* ---- a round ---- */

static int
round_of(struct evaluate *e, int64_t now_ms, int64_t now, struct jb_error *err)
{
    int rc = 0;

    if (!e->filled)
        rc = evaluate_fill(e, now, err);
    else
        rc = evaluate_follow(e, now, err);
    if (!rc && (e->stirred || now_ms >= e->lease_due)) {
        e->stirred = false;
        rc = lease_run(e->lease, now_ms, now, err, &e->lease_due);
    }
    if (!rc && (rc = evaluate_hosts_tell(e, now_ms)))
        jb_fail(err, rc, "out of memory");
    if (!rc && schedule_waiting(e->schedule) && schedule_free_slots(e->schedule) > 0)
        rc = begin(e, now_ms, now, err);
    if (!rc)
        rc = evaluate_refuse_large(e, now, err);
    return rc;
}

static int64_t
evaluate_run(void *task, int64_t now)
{
    struct evaluate_task *t = task;
    struct evaluate *e = t->now;
    struct jb_error err = {0};
    int64_t now_ms = jb_monotonic_ms(), next;

    if (!e)
        return INT64_MAX;
    /* A clock that was set back must not hold us for long. */
    if (now < e->hold && e->hold - now <= HOLD_US)
        return e->hold;
    next = host_client_run(e->client, now_ms);
    fail(e, round_of(e, now_ms, now, &err), &err, now);
    jb_error_clear(&err);
    int64_t renewal = renew_run(e->renew, now_ms, now);
    next = renewal < next ? renewal : next;
    next = e->lease_due < next ? e->lease_due : next;
    if (e->stirred) /* what was begun has calls of its own */
        return now;
    return next == INT64_MAX ? next : next <= now_ms ? now : now + (next - now_ms) * 1000;
}

static void *
evaluate_start(struct dispatch *d, struct jb_error *err)
{
    struct evaluate_task *t = calloc(1, sizeof(*t));

    if (!t) {
        jb_fail(err, JB_ENOMEM, "out of memory");
        return NULL;
    }
    t->d = d;
    t->now = evaluate_new(d, err);
    if (!t->now && err->code) {
        free(t);
        return NULL;
    }
    return t;
}

/* What runs is taken up again from the store, as after a restart. */
static void
evaluate_reload(void *task)
{
    struct evaluate_task *t = task;
    struct jb_error err = {0};
    struct evaluate *fresh = evaluate_new(t->d, &err);

    if (!fresh && err.code) {
        jb_log(JB_LOG_ERR, "reload: %s; the old settings of evaluations stay", err.text);
        jb_error_clear(&err);
        return;
    }
    evaluate_free(t->now);
    t->now = fresh;
}

static void
evaluate_stop(void *task)
{
    struct evaluate_task *t = task;

    evaluate_free(t->now);
    free(t);
}

const struct dispatch_task dispatch_evaluate = {
    .name = "evaluate",
    .start = evaluate_start,
    .run = evaluate_run,
    .reload = evaluate_reload,
    .stop = evaluate_stop,
};
