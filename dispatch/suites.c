/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/suites.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUITES_ARENA   ((size_t)32 << 20)
#define CANARY_SECONDS 3600

struct suites {
    struct jb_arena *arena;
    struct plans harness;
    size_t n;
    struct lease_plan plans[SUITES_MAX];
    const struct plan *by[SUITES_MAX];
    const char *suite;
    bool has_canary;
    struct lease_canary canary;
    struct lease_plan canary_plan;
    double scores[LEASE_BENCHMARKS], tolerances[LEASE_BENCHMARKS];
};

/* What a board file holds beside its benchmarks; board/ reads that. */
static const char *const foreign[] = {
    "title",          "title_zh", "origin",         "origin_url", "origin_date",
    "origin_license", "citation", "details_url",    "types",      "precisions",
    "sizes",          "baseline", "average_header", NULL,
};

struct board_part {
    struct setting_list benchmarks;
};

static const struct setting board_table[] = {
    {"benchmarks", SETTING_LIST, offsetof(struct board_part, benchmarks), NULL,
     .items = benchmark_table, .item_size = sizeof(struct benchmark)},
    {0},
};

/* The settings may be replaced while these stay. */
static const char *
own_text(struct suites *s, const char *text)
{
    return jb_arena_dup(s->arena, text, strlen(text));
}

/* The first complaint of a report. */
static int
complain(int rc, const char *file, const struct settings_report *report, struct jb_error *err)
{
    const char *text = report->text.n ? report->text.p : "";

    if (*text)
        return jb_fail(err, JB_EINVAL, "%.*s", (int)strcspn(text, "\n"), text);
    return jb_fail(err, rc, "%s: %s", file, jb_strerror(rc));
}

static int
load_board(const char *file, struct jb_arena *arena, struct jb_error *err,
           struct board_part *ret_board)
{
    struct settings_report report = {0};
    int rc = settings_load(file, board_table, foreign, arena, ret_board, &report);

    if (rc)
        rc = complain(rc, file, &report, err);
    jb_buf_free(&report.text);
    return rc;
}

static int
load_plans(const char *file, struct jb_arena *arena, struct jb_error *err,
           struct plans *ret_plans)
{
    struct settings_report report = {0};
    int rc = plan_load(file, arena, ret_plans, &report);

    if (rc)
        rc = complain(rc, file, &report, err);
    jb_buf_free(&report.text);
    return rc;
}

static const struct setting_strings *
tasks_of(const struct benchmark *b, int dialect)
{
    const struct benchmark_source *sources = b->sources.items;

    for (size_t i = 0; i < b->sources.n; i++)
        if (sources[i].dialect == dialect && sources[i].tasks.n)
            return &sources[i].tasks;
    return &b->tasks;
}

/* Is a task, or a prefix of tasks, among those that the plan allows? */
static bool
allows(const struct plan *plan, const char *task)
{
    for (size_t i = 0; i < plan->tasks.n; i++) {
        const char *allowed = plan->tasks.items[i];
        size_t n = strlen(allowed);
        bool prefix = n && allowed[n - 1] == '*';

        if (strcmp(allowed, task) == 0 || (prefix && strncmp(allowed, task, n - 1) == 0))
            return true;
    }
    return false;
}

static bool
runs(const struct plan *plan, const struct benchmark *b)
{
    const struct setting_strings *tasks = tasks_of(b, plan->dialect);

    for (size_t i = 0; i < tasks->n; i++)
        if (!allows(plan, tasks->items[i]))
            return false;
    return tasks->n > 0 && b->shots <= plan->max_shots;
}

static int
add(struct suites *s, const struct conf *conf, const struct board_part *board, const char *name,
    struct jb_error *err)
{
    const struct benchmark *all = board->benchmarks.items;
    const struct plan *plan = plan_find(&s->harness, name);
    struct benchmark *own;
    size_t n = 0;

    if (!plan)
        return jb_fail(err, JB_EINVAL, "evaluate.plans: %s has no plan \"%.60s\"",
                       conf->evaluate.plans_file, name);
    if (s->n == SUITES_MAX)
        return jb_fail(err, JB_EINVAL, "evaluate.plans: more than %d", SUITES_MAX);
    if (!(own = jb_arena_array(s->arena, board->benchmarks.n + 1, sizeof(*own))))
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t i = 0; i < board->benchmarks.n; i++)
        if (runs(plan, &all[i]))
            own[n++] = all[i];
        else if (!plan->models.n && all[i].in_average)
            return jb_fail(
                err, JB_EINVAL,
                "evaluate.plans: plan %.60s lacks tasks or shots of the benchmark %s", name,
                all[i].key);
    if (!n || n > LEASE_BENCHMARKS)
        return jb_fail(err, JB_EINVAL, "evaluate.plans: plan %.60s runs %zu benchmarks of %s",
                       name, n, conf->site.board);
    s->plans[s->n] = (struct lease_plan){.name = plan->name,
                                         .suite = s->suite,
                                         .dialect = (enum harness_dialect)plan->dialect,
                                         .seed = conf->evaluate.seed,
                                         .limit = conf->evaluate.limit,
                                         .wall_seconds = conf->evaluate.wall / 1000,
                                         .n_benchmarks = n,
                                         .benchmarks = own};
    s->by[s->n++] = plan;
    return 0;
}

/* "benchmark=score" */
static int
add_known(struct suites *s, const struct conf *conf, const struct board_part *board,
          const struct plan *plan, const char *text, struct jb_error *err)
{
    struct benchmark *own = (struct benchmark *)s->canary_plan.benchmarks;
    const struct benchmark *all = board->benchmarks.items;
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0, i = 0;
    char *end = NULL;
    double score = equals ? strtod(equals + 1, &end) : NAN;

    if (!n || end == equals + 1 || *end || !(score >= 0 && score <= 100))
        return jb_fail(err, JB_EINVAL, "evaluate.canary: \"%.80s\" is not benchmark=score",
                       text);
    while (i < board->benchmarks.n &&
           (strncmp(all[i].key, text, n) != 0 || all[i].key[n] != '\0'))
        i++;
    if (i == board->benchmarks.n || !runs(plan, &all[i]))
        return jb_fail(err, JB_EINVAL, "evaluate.canary: plan %.60s runs no benchmark %.*s",
                       plan->name, (int)(n < 60 ? n : 60), text);
    s->scores[s->canary_plan.n_benchmarks] = score;
    s->tolerances[s->canary_plan.n_benchmarks] = conf->evaluate.canary_tolerance;
    own[s->canary_plan.n_benchmarks++] = all[i];
    return 0;
}

static int
add_canary(struct suites *s, const struct conf *conf, const struct board_part *board,
           struct jb_error *err)
{
    const struct plan *plan = plan_find(&s->harness, conf->evaluate.canary_plan);
    struct benchmark *own = jb_arena_array(s->arena, LEASE_BENCHMARKS, sizeof(*own));
    const struct setting_strings *known = &conf->evaluate.canary;
    const int64_t wall = conf->evaluate.wall / 1000;
    int rc = 0;

    if (!own)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    if (!plan)
        return jb_fail(err, JB_EINVAL, "evaluate.canary_plan: %s has no plan \"%.60s\"",
                       conf->evaluate.plans_file, conf->evaluate.canary_plan);
    if (known->n > LEASE_BENCHMARKS)
        return jb_fail(err, JB_EINVAL, "evaluate.canary: more than %d benchmarks",
                       LEASE_BENCHMARKS);
    s->canary_plan =
        (struct lease_plan){.name = plan->name,
                            .suite = s->suite,
                            .dialect = (enum harness_dialect)plan->dialect,
                            .seed = conf->evaluate.seed,
                            .limit = conf->evaluate.limit,
                            .wall_seconds = wall < CANARY_SECONDS ? wall : CANARY_SECONDS,
                            .benchmarks = own};
    for (size_t i = 0; i < known->n && !rc; i++)
        rc = add_known(s, conf, board, plan, known->items[i], err);
    s->canary = (struct lease_canary){.plan = &s->canary_plan,
                                      .model = own_text(s, conf->evaluate.canary_model),
                                      .revision = own_text(s, conf->evaluate.canary_revision),
                                      .precision = own_text(s, conf->evaluate.canary_precision),
                                      .weight_type = "Original",
                                      .params = NAN,
                                      .scores = s->scores,
                                      .tolerances = s->tolerances};
    if (!rc && (!s->canary.model || !s->canary.revision || !s->canary.precision))
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    s->has_canary = !rc;
    return rc;
}

int
suites_load(const struct conf *conf, struct jb_error *err, struct suites **ret_suites)
{
    struct jb_arena *arena = jb_arena_new(SUITES_ARENA);
    struct suites *s = arena ? jb_arena_alloc(arena, sizeof(*s)) : NULL;
    struct board_part board = {{0, NULL}};
    int rc = 0;

    if (!s) {
        jb_arena_free(arena);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    s->arena = arena;
    if (!(s->suite = own_text(s, conf->evaluate.suite)))
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc && conf->evaluate.plans.n) {
        rc = load_board(conf->site.board, arena, err, &board);
        if (!rc)
            rc = load_plans(conf->evaluate.plans_file, arena, err, &s->harness);
    }
    for (size_t i = 0; i < conf->evaluate.plans.n && !rc; i++)
        rc = add(s, conf, &board, conf->evaluate.plans.items[i], err);
    if (!rc && conf->evaluate.plans.n && conf->evaluate.canary.n)
        rc = add_canary(s, conf, &board, err);
    if (rc)
        suites_free(s);
    else
        *ret_suites = s;
    return rc;
}

void
suites_free(struct suites *suites)
{
    if (suites)
        jb_arena_free(suites->arena);
}

const struct lease_plan *
suites_plans(const struct suites *suites, size_t *ret_n)
{
    *ret_n = suites->n;
    return suites->plans;
}

const struct lease_canary *
suites_canary(const struct suites *suites)
{
    return suites->has_canary ? &suites->canary : NULL;
}

size_t
suites_choose(const struct suites *suites, const struct request *r, const char *base_commit)
{
    const bool based = r->base_model && *r->base_model;
    const char *revision = r->commit && *r->commit ? r->commit : r->revision;

    for (int named = 1; named >= 0; named--)
        for (size_t i = 0; i < suites->n; i++) {
            const struct benchmark *b = suites->plans[i].benchmarks;
            const struct setting_strings *tasks = tasks_of(b, suites->by[i]->dialect);
            const struct plan_job job = {.model = r->model,
                                         .revision = revision,
                                         .base_model = based ? r->base_model : "",
                                         .base_revision = based ? base_commit : "",
                                         .precision = r->precision,
                                         .weight_type = r->weight_type,
                                         .shots = b->shots,
                                         .n_tasks = tasks->n,
                                         .tasks = tasks->items};
            if ((suites->by[i]->models.n > 0) == named &&
                plan_allows(suites->by[i], &job, NULL) == 0)
                return i;
        }
    return SIZE_MAX;
}

bool
suites_wants_gpu(const struct suites *suites, size_t plan)
{
    return suites->by[plan]->max_gpus > 0;
}
