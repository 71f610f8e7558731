/* SPDX-License-Identifier: Apache-2.0 */
/* From a spec to commands, and from what they left to results. */
#include <config.h>

#include "agent/agent.h"
#include "agent/files.h"
#include "agent/spool.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FETCHES_MAX = 2,
    ENV_MAX = 128,
    TAIL_MAX = 256 << 10, /* of a log that is searched for the failure */
    PROGRESS_TAIL = 16 << 10,
    ARENA_MAX = 32 << 20,
};

/* --- the jobs of a spec ------------------------------------------------------------------- */

size_t
agent_job(const struct agent *agent, const struct plan *plan, const struct spec *spec,
          size_t from, const char *tasks[SPEC_TASKS_MAX], struct plan_job *ret_job)
{
    const struct spec_task *first = &spec->tasks[from];
    int64_t gpus = agent->engine->calls->devices(agent->engine, 0) == NULL ||
                           agent->engine->calls->devices(agent->engine, 0)[0]
                       ? agent->conf->jobs.gpus_per_slot
                       : 0;
    size_t n = 0;

    while (from + n < spec->n_tasks &&
           strcmp(spec->tasks[from + n].benchmark, first->benchmark) == 0) {
        tasks[n] = spec->tasks[from + n].task;
        n++;
    }
    *ret_job = (struct plan_job){
        .model = spec->model,
        .revision = spec->revision,
        .base_model = spec->base_model,
        .base_revision = spec->base_revision,
        .precision = spec->precision,
        .weight_type = spec->weight_type,
        .seed = spec->seed,
        .limit = agent->conf->jobs.limit,
        .gpus = gpus < plan->max_gpus ? gpus : plan->max_gpus,
        .shots = first->shots,
        .n_tasks = n,
        .tasks = tasks,
    };
    return n;
}

/* --- preparing ---------------------------------------------------------------------------- */

struct work {
    const struct agent *agent;
    const struct attempt *a;
    struct jb_arena *arena;
    struct jb_error *err;
    int64_t uid, gid;
    size_t n_steps;
    struct run_step steps[RUN_STEPS_MAX];
};

/* A folder the job owns; `path` lies below the attempt's. */
static int
own_folder(struct work *w, const char *path)
{
    /* nothing of the job runs yet: nobody can put a link in the way */
    if (mkdirat(w->a->dir, path, 0700) && errno != EEXIST)
        return jb_fail_errno(w->err, errno, "%s", path);
    if (w->uid >= 0 &&
        fchownat(w->a->dir, path, (uid_t)w->uid, (gid_t)w->gid, AT_SYMLINK_NOFOLLOW))
        return jb_fail_errno(w->err, errno, "%s", path);
    return 0;
}

static const char *
path_of(struct work *w, const char *what, const char *name)
{
    return jb_arena_printf(w->arena, "%s/work/%s%s%s", w->a->folder, what, name ? "/" : "",
                           name ? name : "");
}

static int
no_memory(struct work *w)
{
    return jb_fail(w->err, JB_ENOMEM, "out of memory");
}

static int
make_env(struct work *w, const struct plan_command *command, struct run_step *step)
{
    const struct agent *agent = w->agent;
    const char *devices = agent->engine->calls->devices(agent->engine, w->a->slot);
    const char **env = jb_arena_array(w->arena, ENV_MAX, sizeof(*env));
    size_t n = 0;

    if (!env)
        return no_memory(w);
    if (command->n_env + agent->conf->jobs.env.n > ENV_MAX - 8)
        return jb_fail(w->err, JB_EINVAL, "more than %d variables", ENV_MAX - 8);
    env[n++] = jb_arena_printf(w->arena, "PATH=%s", agent->conf->jobs.path);
    env[n++] = jb_arena_printf(w->arena, "HOME=%s/work/home", w->a->folder);
    env[n++] = jb_arena_printf(w->arena, "TMPDIR=%s/work/tmp", w->a->folder);
    if (devices)
        env[n++] = jb_arena_printf(w->arena, "CUDA_VISIBLE_DEVICES=%s", devices);
    for (size_t i = 0; i < n; i++)
        if (!env[i])
            return no_memory(w);
    for (size_t i = 0; i < agent->conf->jobs.env.n; i++)
        env[n++] = agent->conf->jobs.env.items[i];
    for (size_t i = 0; i < command->n_env; i++)
        env[n++] = command->env[i];
    step->env = env;
    step->n_env = n;
    return 0;
}

static int
add_step(struct work *w, const char *name, const char *cwd, const struct plan_command *command)
{
    struct run_step *step = &w->steps[w->n_steps];

    if (w->n_steps == RUN_STEPS_MAX)
        return jb_fail(w->err, JB_EINVAL, "more than %d steps", RUN_STEPS_MAX);
    if (!cwd)
        return no_memory(w);
    *step = (struct run_step){.name = name,
                              .cwd = cwd,
                              .n_argv = command->n,
                              .argv = (const char *const *)command->argv};
    w->n_steps++;
    return make_env(w, command, step);
}

static int
add_benchmark(struct work *w, const struct plan *plan, const struct plan_job *job,
              const char *benchmark)
{
    struct plan_paths paths = {.out = path_of(w, "out", benchmark),
                               .model_dir = path_of(w, "model", NULL),
                               .base_dir = path_of(w, "base", NULL)};
    struct plan_command commands[FETCHES_MAX], command;
    char name[100];
    size_t n = 0;
    int rc;

    if (!paths.out || !paths.model_dir || !paths.base_dir)
        return no_memory(w);
    if (w->n_steps == 0) {
        rc = plan_fetch(plan, job, &paths, w->arena, w->err, &n, commands);
        for (size_t i = 0; !rc && i < n; i++)
            rc = add_step(w, "", path_of(w, "home", NULL), &commands[i]);
        if (rc)
            return rc;
    }
    snprintf(name, sizeof(name), "work/out/%.64s", benchmark);
    rc = own_folder(w, name);
    snprintf(name, sizeof(name), "work/cwd/%.64s", benchmark);
    if (!rc)
        rc = own_folder(w, name);
    if (!rc)
        rc = plan_argv(plan, job, &paths, w->arena, w->err, &command);
    return rc ? rc : add_step(w, benchmark, path_of(w, "cwd", benchmark), &command);
}

static int
write_run(struct work *w)
{
    const struct agent_conf *conf = w->agent->conf;
    struct run run = {.limits = {.uid = w->uid,
                                 .gid = w->gid,
                                 .address_space = conf->jobs.memory,
                                 .file_size = conf->jobs.file_size,
                                 .processes = conf->jobs.processes,
                                 .files = conf->jobs.files},
                      .wall_ms = w->a->offer.spec.wall_seconds * 1000,
                      .grace_ms = conf->jobs.grace,
                      .log_max = conf->spool.max_log,
                      .n_steps = w->n_steps,
                      .steps = w->steps};
    struct jb_buf json = JB_BUF(RUN_JSON_MAX);
    int rc;

    run_put(&run, &json);
    rc = json.err ? jb_fail(w->err, json.err, "run.json")
                  : file_put(w->a->dir, "run.json", jb_buf_view(&json), w->err);
    jb_buf_free(&json);
    return rc;
}

int
work_prepare(const struct agent *agent, const struct attempt *a, struct jb_error *err)
{
    static const char *const folders[] = {"work",       "work/home", "work/tmp", "work/cwd",
                                          "work/model", "work/base", "work/out"};
    const struct spec *spec = &a->offer.spec;
    const struct plan *plan = agent_plan(agent, spec->plan);
    const struct agent_conf *conf = agent->conf;
    struct jb_arena *arena = jb_arena_new(ARENA_MAX);
    struct work *w = arena ? jb_arena_alloc(arena, sizeof(*w)) : NULL;
    const char **tasks = w ? jb_arena_array(arena, SPEC_TASKS_MAX, sizeof(*tasks)) : NULL;
    int rc = 0;

    if (!tasks) {
        jb_arena_free(arena);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    *w = (struct work){.agent = agent, .a = a, .arena = arena, .err = err};
    w->uid = conf->jobs.first_uid < 0 ? -1 : conf->jobs.first_uid + a->slot;
    w->gid = conf->jobs.gid < 0 ? w->uid : conf->jobs.gid;
    if (!plan)
        rc = jb_fail(err, JB_EACCES, "there is no plan %s here any more", spec->plan);
    if (!rc)
        rc = tree_remove(a->dir, "work", err);
    for (size_t i = 0; !rc && i < sizeof(folders) / sizeof(folders[0]); i++)
        rc = own_folder(w, folders[i]);
    for (size_t i = 0; !rc && i < spec->n_tasks;) {
        struct plan_job job;
        size_t from = i;

        i += agent_job(agent, plan, spec, i, tasks, &job);
        rc = add_benchmark(w, plan, &job, spec->tasks[from].benchmark);
    }
    if (!rc)
        rc = write_run(w);
    jb_arena_free(arena);
    return rc;
}

/* --- collecting --------------------------------------------------------------------------- */

/* Benchmarks of the spec in order, each once; `at` is moved on. NULL at the end. */
static const char *
next_benchmark(const struct spec *spec, size_t *at)
{
    const char *key;

    if (*at >= spec->n_tasks)
        return NULL;
    key = spec->tasks[*at].benchmark;
    while (*at < spec->n_tasks && strcmp(spec->tasks[*at].benchmark, key) == 0)
        (*at)++;
    return key;
}

static bool
has_part(const struct attempt *a, const char *benchmark)
{
    for (size_t i = 0; i < a->n_parts; i++)
        if (strcmp(a->parts[i].benchmark, benchmark) == 0)
            return true;
    return false;
}

static int
read_tail(const struct attempt *a, size_t most, struct jb_buf *ret_tail, struct jb_error *err)
{
    uint64_t epoch, end;
    int rc = spool_look(a->dir, err, &epoch, &end);

    if (rc || epoch == 0)
        return rc;
    return spool_read(a->dir, epoch, end > most ? end - most : 0, most, err, ret_tail);
}

/* The commands that were written for it; the steps of its benchmarks are found by name. */
static int
read_run(const struct attempt *a, struct jb_arena *arena, struct jb_error *err, struct run *ret)
{
    struct jb_str json;
    int rc = file_get(a->dir, "run.json", RUN_JSON_MAX, arena, err, &json);

    return rc ? rc : run_read(json, arena, err, ret);
}

static int
collect_step(struct agent *agent, struct attempt *a, const struct plan *plan, const char *name,
             double seconds, struct jb_arena *arena, struct jb_error *err)
{
    char *out = jb_arena_printf(arena, "%s/work/out/%s", a->folder, name);
    struct jb_error why = {0};
    struct jb_str doc;
    int rc = out ? plan_results(plan, out, arena, &why, &doc) : JB_ENOMEM;

    /* what is no result is told at the end, as a failure of the attempt */
    if (rc == JB_ENOENT || rc == JB_EACCES || rc == JB_ETOOBIG)
        return 0;
    if (rc)
        return jb_fail(err, rc, "result of %s: %s", name, why.text);
    return journal_part_put(agent->journal, a, name, doc, seconds, err);
}

int
work_collect(struct agent *agent, struct attempt *a, struct jb_error *err)
{
    const struct plan *plan = agent_plan(agent, a->offer.spec.plan);
    struct jb_arena *arena = jb_arena_new(ARENA_MAX);
    size_t ended = 0, n = 0;
    struct run run;
    int rc = arena ? read_run(a, arena, err, &run) : jb_fail(err, JB_ENOMEM, "out of memory");

    a->step[0] = '\0';
    for (size_t i = 0; !rc && i < run.n_steps; i++) {
        const struct run_step *step = &run.steps[i];
        struct run_step_end end;

        n++;
        rc = run_step_end_read(a->dir, i, arena, err, &end);
        if (rc == JB_ENOENT) {
            jb_error_clear(err);
            rc = 0;
            snprintf(a->step, sizeof(a->step), "%s", step->name);
            n = run.n_steps;
            break;
        }
        if (!rc && end.cause == RUN_DONE) {
            ended++;
            if (plan && step->name[0] && !has_part(a, step->name))
                rc = collect_step(agent, a, plan, step->name, end.seconds, arena, err);
        }
    }
    if (!rc && n) {
        struct jb_buf tail = JB_BUF(PROGRESS_TAIL);
        double within = -1;

        if (plan && a->step[0] && read_tail(a, PROGRESS_TAIL, &tail, NULL) == 0)
            within = plan_progress(plan, jb_buf_view(&tail));
        a->progress = ((double)ended + (within > 0 && within <= 1 ? within : 0)) / (double)n;
        jb_buf_free(&tail);
    }
    jb_arena_free(arena);
    return rc;
}

/* --- the end ------------------------------------------------------------------------------ */

/* A step of the harness went wrong: the log says why. */
static int
end_by_log(struct agent *agent, struct attempt *a, const struct plan_end *how,
           struct jb_error *err)
{
    const struct plan *plan = agent_plan(agent, a->offer.spec.plan);
    const char *tasks[SPEC_TASKS_MAX], *failure = "harness_crash";
    struct jb_buf tail = JB_BUF(TAIL_MAX);
    char reason[PLAN_REASON] = "";
    struct plan_job job;
    int rc = read_tail(a, TAIL_MAX, &tail, err);

    if (!rc && plan) {
        agent_job(agent, plan, &a->offer.spec, 0, tasks, &job);
        failure = plan_failure(&agent->plans, plan, &job, how, jb_buf_view(&tail), reason);
    }
    if (!rc)
        attempt_end(a, WIRE_FAILED, failure, reason);
    jb_buf_free(&tail);
    return rc;
}

static int
end_done(struct agent *agent, struct attempt *a, struct jb_error *err)
{
    const struct plan_end fine = {0};
    size_t at = 0;

    for (const char *key; (key = next_benchmark(&a->offer.spec, &at)) != NULL;)
        if (!has_part(a, key))
            return end_by_log(agent, a, &fine, err);
    a->progress = 1;
    attempt_end(a, WIRE_SUCCEEDED, "", "");
    return 0;
}

int
work_end(struct agent *agent, struct attempt *a, struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new(1 << 20);
    struct run_step_end step = {0};
    struct run_end end = {.reason = ""};
    int rc = arena ? run_end_read(a->dir, arena, err, &end)
                   : jb_fail(err, JB_ENOMEM, "out of memory");

    if (!rc && (end.cause == RUN_STEP || end.cause == RUN_WALL)) {
        rc = run_step_end_read(a->dir, (size_t)end.step, arena, err, &step);
        if (rc == JB_ENOENT && end.cause == RUN_WALL) {
            /* the limit came between two steps */
            jb_error_clear(err);
            rc = 0;
        }
    }
    if (!rc) {
        const struct plan_end how = {(int)step.status, end.cause == RUN_WALL};

        switch (end.cause) {
        case RUN_DONE: rc = end_done(agent, a, err); break;
        case RUN_STEP:
        case RUN_WALL: rc = end_by_log(agent, a, &how, err); break;
        case RUN_CANCELLED: attempt_end(a, WIRE_CANCELLED, "", "cancelled"); break;
        case RUN_LEASE:
            attempt_end(a, WIRE_FAILED, "worker_lost",
                        "the dispatcher was not heard of for the time of the lease");
            break;
        case RUN_STOPPED:
            /* a cluster's own signal may be there before the file is */
            if (a->cancel)
                attempt_end(a, WIRE_CANCELLED, "", "cancelled");
            else
                attempt_end(a, WIRE_FAILED, "preempted", "stopped by a signal");
            break;
        case RUN_BROKEN:
        default:
            attempt_end(a, WIRE_FAILED,
                        strstr(end.reason, strerror(ENOSPC)) ? "disk_full" : "worker_lost",
                        end.reason);
        }
    }
    jb_arena_free(arena);
    return rc;
}
