/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cli/arrivals.h"

#include "base/clock.h"
#include "queue/move.h"

#include <stdlib.h>
#include <string.h>

/* The change log up to where its results have been looked at, and one; 0: no import is under
 * way. */
#define MARK      "import results"
#define ARENA_MAX ((size_t)512 << 20)

struct ids {
    uint64_t *ids;
    size_t n, room;
};

static int
keep(struct ids *all, uint64_t id)
{
    if (all->n == all->room) {
        size_t room = all->room ? 2 * all->room : 256;
        uint64_t *ids = reallocarray(all->ids, room, sizeof(*ids));

        if (!ids)
            return JB_ENOMEM;
        all->ids = ids;
        all->room = room;
    }
    all->ids[all->n++] = id;
    return 0;
}

struct gathering {
    struct store_txn *txn;
    struct jb_arena *arena;
    struct ids results, jobs;
    int64_t waits_since; /* of the job under way */
};

static int
each_change(void *ctx, const struct change *c)
{
    struct gathering *g = ctx;
    int rc = strcmp(c->kind, "result") == 0 && strcmp(c->action, "deleted") != 0
                 ? keep(&g->results, c->id)
                 : 0;

    jb_arena_reset(g->arena);
    return rc;
}

static int
each_job(void *ctx, const struct job *job)
{
    struct gathering *g = ctx;
    int rc = queue_state_ended(queue_state_from_word(job->state)) ? 0 : keep(&g->jobs, job->id);

    jb_arena_reset(g->arena);
    return rc;
}

static int
each_result(void *ctx, const struct result *r)
{
    struct gathering *g = ctx;

    return r->time && r->time >= g->waits_since ? keep(&g->results, r->id) : 0;
}

/* Results of models that somebody waits for. */
static int
gather_waited_for(struct gathering *g)
{
    int rc = store_jobs_each(g->txn, g->arena, each_job, g);

    for (size_t i = 0; i < g->jobs.n && !rc; i++) {
        struct request request;
        struct job job;

        rc = queue_load(g->txn, g->jobs.ids[i], g->arena, &request, &job);
        if (rc)
            break;
        /* Queued once with the verdict: it waits since it was submitted; queued again since:
         * what was measured before is what was not wanted. */
        g->waits_since = job.queued > job.checked ? job.queued : job.accepted;
        rc = store_model_results(g->txn, request.model, g->arena, false, each_result, g);
        jb_arena_reset(g->arena);
    }
    return rc;
}

static int
finish_all(struct gathering *g, struct jb_error *err, size_t *ret_n)
{
    int64_t now = jb_now_us();
    size_t finished = 0;

    for (size_t i = 0; i < g->results.n; i++) {
        struct result result;
        size_t n = 0;
        int rc = store_result_get(g->txn, g->results.ids[i], g->arena, &result);

        if (rc == JB_ENOENT) /* deleted since */
            continue;
        if (!rc)
            rc = queue_result_arrived(g->txn, &result, now, err, &n);
        if (rc)
            return rc;
        finished += n;
        jb_arena_reset(g->arena);
    }
    *ret_n = finished;
    return 0;
}

int
arrivals_begin(struct cli *cli, struct store *store, struct jb_error *err, uint64_t *ret_mark)
{
    struct store_txn *txn;
    struct store_seq seq;
    uint64_t mark;
    int rc = store_begin(store, STORE_WRITE, cli->actor, err, &txn);

    if (rc)
        return rc;
    rc = store_cursor_get(txn, MARK, &mark);
    if (!rc && !mark) {
        rc = store_seq_get(txn, &seq);
        if (!rc)
            rc = store_cursor_put(txn, MARK, mark = seq.change);
    }
    if (rc) {
        cli_reason(txn, rc, err);
        store_abort(txn);
    } else if (!(rc = store_commit(txn, err))) {
        *ret_mark = mark;
    }
    return rc;
}

int
arrivals_end(struct cli *cli, struct store *store, uint64_t mark, struct jb_error *err,
             size_t *ret_n)
{
    struct gathering g = {.arena = jb_arena_new(ARENA_MAX)};
    size_t n = 0;
    int rc;

    if (!g.arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = store_begin(store, STORE_WRITE, cli->actor, err, &g.txn);
    if (rc)
        goto out;
    rc = store_changes_each(g.txn, mark, g.arena, each_change, &g);
    if (!rc)
        rc = gather_waited_for(&g);
    if (!rc)
        rc = finish_all(&g, err, &n);
    if (!rc)
        rc = store_cursor_put(g.txn, MARK, 0);
    if (rc) {
        cli_reason(g.txn, rc, err);
        store_abort(g.txn);
    } else if (!(rc = store_commit(g.txn, err))) {
        *ret_n = n;
    }
out:
    free(g.results.ids);
    free(g.jobs.ids);
    jb_arena_free(g.arena);
    return rc;
}
