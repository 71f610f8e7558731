/* SPDX-License-Identifier: Apache-2.0 */
/* A lease: what is to be evaluated, and who does it from now on. */
#include <config.h>

#include "dispatch/lease_own.h"

#include "base/buf.h"
#include "base/failpoint.h"
#include "crypto/digest.h"
#include "queue/host.h"
#include "queue/move.h"

#include <string.h>

static struct setting_strings
tasks_of(const struct benchmark *b, enum harness_dialect dialect, const char **ret_metric)
{
    const struct benchmark_source *sources = b->sources.items;

    *ret_metric = b->metric;
    for (size_t i = 0; i < b->sources.n; i++)
        if (sources[i].dialect == (int)dialect && sources[i].tasks.n) {
            if (sources[i].metric && *sources[i].metric)
                *ret_metric = sources[i].metric;
            return sources[i].tasks;
        }
    return b->tasks;
}

int
lease_spec_tasks(const struct lease_plan *plan, size_t b, struct spec_task *tasks, size_t *n,
                 struct jb_error *err)
{
    const struct benchmark *benchmark = &plan->benchmarks[b];
    const char *metric;
    struct setting_strings names = tasks_of(benchmark, plan->dialect, &metric);

    for (size_t i = 0; i < names.n; i++) {
        if (*n == SPEC_TASKS_MAX)
            return jb_fail(err, JB_EINVAL, "more than %d tasks", SPEC_TASKS_MAX);
        tasks[(*n)++] = (struct spec_task){.benchmark = benchmark->key,
                                           .task = names.items[i],
                                           .metric = metric,
                                           .shots = benchmark->shots};
    }
    return 0;
}

struct stored {
    const struct lease_plan *plan;
    bool there[LEASE_BENCHMARKS];
};

static int
each_stored(void *ctx, const struct part *part)
{
    struct stored *stored = ctx;

    for (size_t b = 0; b < stored->plan->n_benchmarks; b++)
        if (!strcmp(stored->plan->benchmarks[b].key, part->benchmark))
            stored->there[b] = true;
    return 0;
}

/* Of a request that was checked before the commit was kept: what is there now. */
static const char *
base_revision(const struct job *job)
{
    return job->base_commit && *job->base_commit ? job->base_commit : "main";
}

/* What is not done yet. JB_EINVAL. */
static int
make_spec(struct lease *l, struct store_txn *txn, const struct lease_plan *plan,
          const struct request *r, const struct job *job, struct jb_error *err,
          struct spec *ret_spec)
{
    struct stored stored = {.plan = plan};
    struct spec_task *tasks = jb_arena_array(l->arena, SPEC_TASKS_MAX, sizeof(*tasks));
    const char *revision = r->commit && *r->commit ? r->commit : r->revision;
    size_t n = 0;
    int rc = store_parts_each(txn, r->id, job->round, l->arena, each_stored, &stored);

    if (rc || !tasks)
        return rc ? rc : JB_ENOMEM;
    for (size_t b = 0; b < plan->n_benchmarks && !rc; b++)
        if (!stored.there[b])
            rc = lease_spec_tasks(plan, b, tasks, &n, err);
    /* All is there already, and only publishing was left: one is run again. */
    if (!rc && !n)
        rc = lease_spec_tasks(plan, 0, tasks, &n, err);
    if (rc)
        return rc;
    *ret_spec = (struct spec){.plan = plan->name,
                              .model = r->model,
                              .revision = revision,
                              .base_model = r->base_model ? r->base_model : "",
                              .base_revision =
                                  r->base_model && *r->base_model ? base_revision(job) : "",
                              .precision = r->precision,
                              .weight_type = r->weight_type,
                              .params = r->params,
                              .seed = plan->seed,
                              .wall_seconds = plan->wall_seconds,
                              .suite = plan->suite,
                              .n_tasks = n,
                              .tasks = tasks};
    return spec_check(ret_spec, err);
}

int
lease_new_id(struct jb_arena *arena, const char **ret_id)
{
    unsigned char bytes[ATTEMPT_ID_HEX / 2];
    char *id = jb_arena_alloc(arena, ATTEMPT_ID_HEX + 1);

    if (!id)
        return JB_ENOMEM;
    int rc = crypto_random(bytes, sizeof(bytes));
    if (rc)
        return rc;
    crypto_hex(bytes, sizeof(bytes), id);
    *ret_id = id;
    return 0;
}

int
lease_store_offer(struct lease *l, const struct lease_work *work, int64_t now_us,
                  struct jb_error *err, struct lease_live **ret_live)
{
    static const struct queue_move move = {
        .event = QUEUE_EVENT_LEASE, .who = QUEUE_PLATFORM, .counts = true};
    const struct lease_plan *plan = lease_plan_of(l, work->plan);
    const uint64_t request = work->request;
    const char *name = work->host;
    struct attempt a = {.request = request,
                        .host = name,
                        .state = "leased",
                        .leased = now_us,
                        .slots = work->slots,
                        .mib = work->mib,
                        .progress = -1};
    struct jb_buf json = JB_BUF(ATTEMPT_SPEC_MAX);
    struct lease_live *live = NULL;
    struct store_txn *txn;
    struct request r;
    struct spec spec;
    struct host host;
    struct job job = {.round = 0};
    int rc;

    if (!plan)
        return jb_fail(err, JB_EINVAL, "there is no plan \"%.60s\"", work->plan);
    if ((rc = lease_begin(l, err, &txn)))
        return rc;
    if (!(rc = store_host_get(txn, name, l->arena, &host)) &&
        queue_host_work(&host, now_us) != HOST_ANY_WORK)
        rc = jb_fail(err, JB_EBUSY, "host %s is %s", name, host.state);
    if (!rc)
        rc = queue_load(txn, request, l->arena, &r, &job);
    if (!rc)
        rc = make_spec(l, txn, plan, &r, &job, err, &spec);
    if (!rc) {
        spec_put(&spec, &json);
        rc = json.err;
    }
    if (!rc)
        rc = queue_move(txn, request, &move, now_us, err, NULL);
    if (!rc)
        rc = store_fence_next(txn, &a.fence);
    if (!rc)
        rc = lease_new_id(l->arena, &a.id);
    if (!rc) {
        a.round = job.round;
        a.spec = json.p;
        a.lease_until = now_us + (l->rules->lease_ms + l->rules->grace_ms) * 1000;
        rc = store_attempt_put(txn, &a);
    }
    if (!rc)
        rc = lease_make_live(l, &a, &live);
    if (!rc)
        jb_failpoint("before-commit", "lease");
    rc = lease_end(l, txn, rc, err);
    jb_buf_free(&json);
    if (rc) {
        lease_live_free(live);
    } else {
        jb_failpoint("after-commit", "lease");
        *ret_live = live;
    }
    return rc;
}
