/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in the store of test_simulation.c, whatever happened. */
#include <config.h>

#include "simulation.h"

#include "queue/host.h"
#include "queue/move.h"

struct counting {
    unsigned n;
    const char *stale;
    uint64_t places;
};

static int
count_place(void *ctx, const char *owner, int64_t time, uint64_t id)
{
    struct counting *c = ctx;

    (void)owner;
    (void)time;
    for (int i = 0; i < JOBS; i++)
        c->places += w.jobs[i].id == id;
    return 0;
}

static int
count_result(void *ctx, const struct result *result)
{
    struct counting *c = ctx;

    c->n++;
    for (size_t b = 0; b < result->n; b++)
        if (result->scores[b].value < 49.9 || result->scores[b].value > 50.1)
            c->stale = "a result that its host did not announce";
    return result->n == BENCHMARKS ? 0 : (c->stale = "a result of some benchmarks", 0);
}

static int
check_part(void *ctx, const struct part *part)
{
    struct counting *c = ctx;
    const char *at = strstr(part->doc.p, "versions");
    unsigned long long fence = 0;

    if (!at || sscanf(at, "versions\": {\"%*2s\": %llu", &fence) != 1 || fence != part->fence)
        c->stale = "a part of another fence";
    return 0;
}

static int
count_part(void *ctx, const struct part *part)
{
    (void)part;
    ((struct counting *)ctx)->n++;
    return 0;
}

/* A place in the quota is given back only for what was not the submitter's fault. */
static void
inspect_quota(struct job_seen *seen, const struct job *job, enum queue_state state)
{
    bool ours = queue_failure_class(queue_failure_from(job->failure))->ours;

    if (job->charged && !seen->charged)
        simulation_wrong("a place in the quota is taken again");
    if (!job->charged && seen->charged) {
        w.refunds++;
        if (!((state == QUEUE_FAILED || state == QUEUE_QUARANTINED) && ours) &&
            !(state == QUEUE_CANCELLED && job->attempts == 0))
            simulation_wrong("a place in the quota is given back for nothing");
    } else if (job->charged && (state == QUEUE_FAILED || state == QUEUE_QUARANTINED) && ours) {
        simulation_wrong("a place in the quota is kept for our own failure");
    }
    seen->charged = job->charged;
}

/* What counts of a log is what the host wrote, of one epoch. */
static int
inspect_log(void *ctx, const struct attempt *a)
{
    const char *path;
    FILE *f;

    (void)ctx;
    assert_int_equal(store_attempt_log(w.f->store, a->fence, w.f->arena, &path), 0);
    if (!a->log_end)
        return 0;
    if (!(f = fopen(path, "r"))) {
        simulation_wrong("a log is not there");
        return 0;
    }
    /* Whoever dies while a log turns leaves its end for the next one to mend. */
    for (uint64_t at = 0; at < a->log_end && (at < LOG_KEPT || !w.died); at++)
        if (getc(f) != simulation_log_byte(a->fence, a->log_epoch, at)) {
            simulation_wrong("a log is not what its host wrote");
            break;
        }
    w.log_bytes += a->log_end;
    fclose(f);
    return 0;
}

static void
inspect_lease(struct store_txn *txn, struct job_seen *seen, const struct attempt *live)
{
    struct host host;

    if (live->fence <= seen->last_fence)
        return;
    seen->last_fence = live->fence;
    if (store_host_get(txn, live->host, w.f->arena, &host) ||
        queue_host_work(&host, simulation_wall()) != HOST_ANY_WORK)
        simulation_wrong("a lease to a host that gets no work");
}

static bool
at_a_host(enum queue_state state)
{
    return state == QUEUE_LEASED || state == QUEUE_RUNNING || state == QUEUE_STORING;
}

bool
simulation_inspect(bool thorough)
{
    struct store_txn *txn = fixture_begin(w.f, STORE_READ);
    struct counting places = {0};
    uint64_t charged = 0;
    bool over = true;

    for (int i = 0; i < JOBS; i++) {
        struct job_seen *seen = &w.jobs[i];
        struct counting c = {0};
        struct request request;
        struct attempt live;
        struct job job;

        assert_int_equal(queue_load(txn, seen->id, w.f->arena, &request, &job), 0);
        enum queue_state state = queue_state_from_word(job.state);
        bool finished = state == QUEUE_FINISHED;
        bool is_live = store_attempt_live(txn, seen->id, w.f->arena, &live) == 0;

        if (finished && !seen->was_finished) {
            seen->finished++;
            w.results++;
            thorough = true;
        }
        seen->was_finished = finished;
        if (thorough) {
            store_model_results(txn, request.model, w.f->arena, false, count_result, &c);
            if (c.n != seen->finished)
                simulation_wrong("not one result for each time it finished");
            store_parts_each(txn, seen->id, job.round, w.f->arena, check_part, &c);
            if (c.stale)
                simulation_wrong(c.stale);
            if (w.rules.log_ms)
                store_attempts_of(txn, seen->id, w.f->arena, inspect_log, NULL);
        }
        if (thorough && finished) {
            c.n = 0;
            store_parts_each(txn, seen->id, job.round, w.f->arena, count_part, &c);
            if (c.n)
                simulation_wrong("parts are left after the end: a rerun would take them");
        }
        if (job.attempts > MOST)
            simulation_wrong("more attempts than allowed");
        if (at_a_host(state) && !is_live)
            simulation_wrong("a job is at a host without an attempt");
        inspect_quota(seen, &job, state);
        charged += job.charged;
        if (is_live)
            inspect_lease(txn, seen, &live);
        over = over && queue_state_ended(state) && !is_live;
    }
    if (thorough) {
        store_quota_each(txn, "org", w.f->arena, count_place, &places);
        if (places.places != charged)
            simulation_wrong("the ledger of the quota and the jobs differ");
    }
    store_abort(txn);
    jb_arena_reset(w.f->arena);
    return over;
}
