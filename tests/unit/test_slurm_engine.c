/* SPDX-License-Identifier: Apache-2.0 */
/* The engine for Slurm over tests/slurm/standin.sh, with real shims. */
#include <config.h>

#include "tests/unit/agent_help.h"

#include "agent/slurm_job.h"

#include <sys/stat.h>

enum { WAIT_MS = 20000, JOBS = 12 };

struct cluster {
    char dir[64];
    struct jb_arena *arena;
    struct engine *engine;
    struct engine_slurm_config config;
    char boot[BOOT_ID_SIZE];
    char folders[JOBS][200];
    char ids[JOBS][WIRE_ID_SIZE];
    struct engine_job jobs[JOBS];
};

/* --- the cluster's side ------------------------------------------------------------------- */

static void
put(struct cluster *c, const char *name, const char *text)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", c->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static const char *
read_text(struct cluster *c, const char *name)
{
    char path[200];
    struct jb_str text = {"", 0};

    snprintf(path, sizeof(path), "%s/%s", c->dir, name);
    file_read(path, 1 << 20, c->arena, NULL, &text);
    return jb_arena_dup(c->arena, text.p, text.n);
}

/* What the queue says of a job. */
static void
put_job(struct cluster *c, int id, const char *state, const char *reason, const char *name)
{
    char path[200], line[300];

    snprintf(path, sizeof(path), "jobs/%d", id);
    snprintf(line, sizeof(line), "%d|2026-01-01T00:00:00|%s|%s|%s\n", id, state, reason, name);
    put(c, path, line);
}

static size_t
calls(struct cluster *c, const char *what)
{
    const char *text = read_text(c, "calls");
    size_t n = 0;

    while ((text = strstr(text, what)) != NULL) {
        n++;
        text += strlen(what);
    }
    return n;
}

static struct slurm_record
record(struct cluster *c, int i)
{
    struct slurm_record r;

    assert_int_equal(slurm_record_read(c->jobs[i].dir, c->arena, NULL, &r), 0);
    return r;
}

/* Runs the script of a job as a node would. */
static int
run_script(struct cluster *c, int id)
{
    char text[200];

    snprintf(text, sizeof(text), "sh %s/script.%d </dev/null >/dev/null 2>&1", c->dir, id);
    int status = system(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- the agent's side --------------------------------------------------------------------- */

static void
open_engine(struct cluster *c)
{
    struct jb_error err = {0};

    if (engine_slurm_new(&c->config, &err, &c->engine))
        fail_msg("%s", err.text);
}

static void
restart(struct cluster *c)
{
    c->engine->calls->free(c->engine);
    open_engine(c);
}

static void
lease(struct cluster *c, int i, int64_t ms)
{
    struct run_lease l = {.until_ms = jb_monotonic_ms() + ms, .length_ms = ms};

    memcpy(l.boot_id, c->boot, sizeof(l.boot_id));
    assert_int_equal(run_lease_write(c->jobs[i].dir, &l, NULL), 0);
}

static void
prepare(struct cluster *c, int i)
{
    static const char *const env[] = {"PATH=/usr/bin:/bin"};
    const char *argv[] = {"sh", "-c", "echo x >> count", NULL};
    struct run_step step = {"arc", c->folders[i], 3, 1, argv, env};
    struct run run = {.limits = {.uid = -1, .gid = -1},
                      .wall_ms = 20000,
                      .grace_ms = 300,
                      .log_max = 64 << 10,
                      .n_steps = 1,
                      .steps = &step};
    struct jb_buf json = JB_BUF(RUN_JSON_MAX);

    snprintf(c->ids[i], sizeof(c->ids[i]), "%032x", i + 1);
    snprintf(c->folders[i], sizeof(c->folders[i]), "%s/%032x", c->config.spool, i + 1);
    assert_int_equal(mkdir(c->folders[i], 0700), 0);
    c->jobs[i] = (struct engine_job){c->ids[i],
                                     c->folders[i],
                                     open(c->folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                     i,
                                     60,
                                     1e9};
    assert_true(c->jobs[i].dir >= 0);
    run_put(&run, &json);
    assert_int_equal(file_put(c->jobs[i].dir, "run.json", jb_buf_view(&json), NULL), 0);
    jb_buf_free(&json);
    lease(c, i, 60000);
}

static int
setup(void **state)
{
    static const char *const names[] = {"sbatch", "squeue", "scancel"};
    struct cluster *c = calloc(1, sizeof(*c));
    const char *top = getenv("JB_SRCDIR");
    char path[400], paths[3][100], self[4096] = "";

    assert_non_null(c);
    help_folder(c->dir);
    c->arena = jb_arena_new(16 << 20);
    assert_non_null(c->arena);
    assert_int_equal(boot_id_read(c->boot, NULL), 0);
    static const char *const folders[] = {"bin", "jobs", "spool"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", c->dir, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    snprintf(path, sizeof(path), "%s/tests/slurm/standin.sh", top ? top : ".");
    for (size_t i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/bin/%s", c->dir, names[i]);
        assert_int_equal(symlink(path, paths[i]), 0);
    }
    assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
    c->config = (struct engine_slurm_config){
        .sbatch = jb_arena_printf(c->arena, "%s", paths[0]),
        .squeue = jb_arena_printf(c->arena, "%s", paths[1]),
        .scancel = jb_arena_printf(c->arena, "%s", paths[2]),
        .conf = "",
        .program = "",
        .spool = jb_arena_printf(c->arena, "%s/spool", c->dir),
        .partition = "eval",
        .account = "",
        .qos = "",
        .slots = JOBS,
        .gpus_per_slot = 1,
        .gpu_name = "GPU",
        .time_extra = 600000,
        .poll = 100,
        .settle = 250,
        .limit = 10000,
    };
    open_engine(c);
    *state = c;
    return 0;
}

static int
teardown(void **state)
{
    struct cluster *c = *state;

    c->engine->calls->free(c->engine);
    for (int i = 0; i < JOBS; i++)
        if (c->jobs[i].id)
            close(c->jobs[i].dir);
    help_remove(c->dir);
    jb_arena_free(c->arena);
    free(c);
    return 0;
}

static struct engine_look
look(struct cluster *c, int i)
{
    struct engine_look seen;
    struct jb_error err = {0};

    if (c->engine->calls->tick)
        c->engine->calls->tick(c->engine);
    if (c->engine->calls->look(c->engine, &c->jobs[i], &err, &seen))
        fail_msg("%s", err.text);
    return seen;
}

/* As the agent does: what has not begun is started. Until it is in that state. */
static struct engine_look
until(struct cluster *c, int i, enum engine_life life)
{
    int64_t end = jb_monotonic_ms() + WAIT_MS;
    struct engine_look seen;

    while ((seen = look(c, i)).life != life) {
        if (seen.life == ENGINE_NONE)
            assert_int_equal(c->engine->calls->start(c->engine, &c->jobs[i], NULL), 0);
        if (jb_monotonic_ms() > end)
            fail_msg("job %d: life %d, not %d (%s)", i, (int)seen.life, (int)life, seen.reason);
        help_pause(5);
    }
    return seen;
}

/* Until so many calls were made of a command. */
static void
until_calls(struct cluster *c, int i, const char *what, size_t n)
{
    int64_t end = jb_monotonic_ms() + WAIT_MS;

    while (calls(c, what) < n) {
        if (look(c, i).life == ENGINE_NONE)
            assert_int_equal(c->engine->calls->start(c->engine, &c->jobs[i], NULL), 0);
        if (jb_monotonic_ms() > end)
            fail_msg("%zu calls of %s, not %zu", calls(c, what), what, n);
        help_pause(5);
    }
}

/* Until sbatch took it and has said so. */
static void
until_id(struct cluster *c, int i, int64_t id)
{
    int64_t end = jb_monotonic_ms() + WAIT_MS;
    struct slurm_record r = {.id = 0};

    while (r.id != id) {
        if (look(c, i).life == ENGINE_NONE)
            assert_int_equal(c->engine->calls->start(c->engine, &c->jobs[i], NULL), 0);
        slurm_record_read(c->jobs[i].dir, c->arena, NULL, &r);
        if (jb_monotonic_ms() > end)
            fail_msg("job %d has the id %d, not %d", i, (int)r.id, (int)id);
        help_pause(5);
    }
}

/* Ticks alone, until the queue says so of a job. */
static void
until_state(struct cluster *c, int id, const char *state)
{
    int64_t end = jb_monotonic_ms() + WAIT_MS;
    char path[40];

    snprintf(path, sizeof(path), "jobs/%d", id);
    while (!strstr(read_text(c, path), state)) {
        c->engine->calls->tick(c->engine);
        if (jb_monotonic_ms() > end)
            fail_msg("job %d is not %s", id, state);
        help_pause(5);
    }
}

static const char *
count(struct cluster *c, int i)
{
    char path[200];

    snprintf(path, sizeof(path), "spool/%s/count", c->ids[i]);
    return read_text(c, path);
}

static void
cancel(struct cluster *c, int i)
{
    assert_int_equal(file_put(c->jobs[i].dir, "cancel", JB_STR(""), NULL), 0);
    assert_int_equal(c->engine->calls->cancel(c->engine, &c->jobs[i], NULL), 0);
}

/* --- tests -------------------------------------------------------------------------------- */

static void
test_runs(void **state)
{
    struct cluster *c = *state;

    put(c, "mode", "run");
    prepare(c, 0);
    assert_int_equal(look(c, 0).life, ENGINE_NONE);
    until(c, 0, ENGINE_OVER);
    assert_string_equal(count(c, 0), "x\n");
    assert_int_equal(calls(c, "sbatch"), 1);
    assert_int_equal(record(c, 0).id, 101);
    c->engine->calls->clean(c->engine, &c->jobs[0]);
    until_state(c, 101, "COMPLETED");
    assert_int_equal(calls(c, "scancel"), 0);
    /* another copy, of an operator's requeue */
    assert_int_equal(run_script(c, 101), SHIM_TWICE);
    assert_string_equal(count(c, 0), "x\n");
}

/* sbatch took the job and its answer was lost. */
static void
test_lost_answer(void **state)
{
    struct cluster *c = *state;

    put(c, "mode", "lost");
    c->config.limit = 700;
    restart(c);
    prepare(c, 0);
    until_calls(c, 0, "sbatch", 1);
    assert_int_equal(record(c, 0).id, 0);
    assert_int_equal(look(c, 0).life, ENGINE_WAITING);
    int64_t end = jb_monotonic_ms() + WAIT_MS;
    while (record(c, 0).id == 0 && jb_monotonic_ms() < end) {
        assert_true(look(c, 0).life != ENGINE_LOST);
        help_pause(5);
    }
    assert_int_equal(record(c, 0).id, 101);
    assert_string_equal(record(c, 0).submitted, "2026-01-01T00:00:00");
    assert_int_equal(run_script(c, 101), 0);
    until(c, 0, ENGINE_OVER);
    assert_int_equal(calls(c, "sbatch"), 1);
}

/* It was never taken: submitted again, under its name; also by another agent. */
static void
test_silent(void **state)
{
    struct cluster *c = *state;

    put(c, "mode", "silent");
    prepare(c, 0);
    until_calls(c, 0, "sbatch", 1);
    struct slurm_record first = record(c, 0);
    restart(c);
    put(c, "mode", "run");
    enum engine_life life = look(c, 0).life;
    assert_true(life == ENGINE_UNKNOWN);
    until(c, 0, ENGINE_OVER);
    assert_int_equal(calls(c, "sbatch"), 2);
    assert_string_equal(record(c, 0).name, first.name);
    assert_int_equal(record(c, 0).id, 101);
    assert_string_equal(count(c, 0), "x\n");
}

/* A controller that lost its newest jobs gives their ids again. */
static void
test_stranger(void **state)
{
    struct cluster *c = *state;

    prepare(c, 0);
    prepare(c, 1);
    until_calls(c, 0, "sbatch", 1);
    int64_t end = jb_monotonic_ms() + WAIT_MS;
    while (!record(c, 0).submitted[0] && jb_monotonic_ms() < end) {
        assert_int_equal(look(c, 0).life, ENGINE_WAITING);
        help_pause(5);
    }
    assert_int_equal(record(c, 0).id, 101);
    put_job(c, 101, "RUNNING", "None", "theirs");
    put(c, "mode", "run");
    until(c, 0, ENGINE_OVER);
    assert_int_equal(calls(c, "sbatch"), 2);
    assert_int_equal(record(c, 0).id, 102);
    /* and once more, cancelled before it is known that the id is not ours any more */
    put(c, "mode", "");
    until_id(c, 1, 103);
    put_job(c, 103, "RUNNING", "None", "theirs");
    cancel(c, 1);
    while (look(c, 1).life != ENGINE_NONE && jb_monotonic_ms() < end)
        help_pause(5);
    assert_int_equal(look(c, 1).life, ENGINE_NONE);
    assert_non_null(strstr(read_text(c, "jobs/101"), "RUNNING"));
    assert_non_null(strstr(read_text(c, "jobs/103"), "RUNNING"));
    char wanted[100];
    snprintf(wanted, sizeof(wanted), "scancel --name=%s 103\n", record(c, 1).name);
    assert_non_null(strstr(read_text(c, "calls"), wanted));
    assert_int_equal(calls(c, "sbatch"), 3);
}

/* The controller is down: nothing is given up, nothing is submitted blindly. */
static void
test_down(void **state)
{
    struct cluster *c = *state;

    put(c, "mode", "down");
    put(c, "queue", "down");
    prepare(c, 0);
    until_calls(c, 0, "sbatch", 1);
    until(c, 0, ENGINE_UNKNOWN);
    int64_t end = jb_monotonic_ms() + 700;
    while (jb_monotonic_ms() < end) {
        assert_int_equal(look(c, 0).life, ENGINE_UNKNOWN);
        help_pause(5);
    }
    assert_int_equal(calls(c, "sbatch"), 1);
    put(c, "mode", "run");
    put(c, "queue", "");
    until(c, 0, ENGINE_OVER);
    assert_int_equal(calls(c, "sbatch"), 2);
}

static void
test_refused(void **state)
{
    struct cluster *c = *state;

    put(c, "mode", "refuse");
    prepare(c, 0);
    struct engine_look seen = until(c, 0, ENGINE_LOST);
    assert_string_equal(seen.failure, "worker_lost");
    assert_non_null(strstr(seen.reason, "Invalid account"));
    assert_int_equal(calls(c, "sbatch"), 3);
}

static void
test_held(void **state)
{
    struct cluster *c = *state;

    prepare(c, 0);
    until_id(c, 0, 101);
    put_job(c, 101, "PENDING", "launch failed requeued held", record(c, 0).name);
    struct engine_look seen = until(c, 0, ENGINE_LOST);
    assert_string_equal(seen.failure, "worker_lost");
    assert_non_null(strstr(seen.reason, "launch failed requeued held"));
    c->engine->calls->clean(c->engine, &c->jobs[0]);
    until_state(c, 101, "CANCELLED");
    /* somebody releases it all the same */
    assert_int_equal(run_script(c, 101), SHIM_TWICE);
    assert_string_equal(count(c, 0), "");
}

static void
test_cancelled_in_queue(void **state)
{
    struct cluster *c = *state;

    prepare(c, 0);
    until_calls(c, 0, "sbatch", 1);
    cancel(c, 0);
    int64_t end = jb_monotonic_ms() + WAIT_MS;
    while (look(c, 0).life != ENGINE_NONE && jb_monotonic_ms() < end)
        help_pause(5);
    assert_int_equal(look(c, 0).life, ENGINE_NONE);
    c->engine->calls->clean(c->engine, &c->jobs[0]);
    until_state(c, 101, "CANCELLED");
    assert_int_equal(run_script(c, 101), SHIM_TWICE);
    /* before it was even submitted */
    prepare(c, 1);
    assert_int_equal(look(c, 1).life, ENGINE_NONE);
    cancel(c, 1);
    assert_int_equal(look(c, 1).life, ENGINE_NONE);
    assert_int_equal(calls(c, "sbatch"), 1);
}

/* A scancel that had no effect is made again. */
static void
test_cancel_again(void **state)
{
    struct cluster *c = *state;

    prepare(c, 0);
    until_id(c, 0, 101);
    struct slurm_record r = record(c, 0);
    cancel(c, 0);
    until_state(c, 101, "CANCELLED");
    put_job(c, 101, "PENDING", "Priority", r.name);
    until_state(c, 101, "CANCELLED");
    assert_true(calls(c, "scancel") >= 2);
}

/* Two jobs of one name, of a lost answer that was none: one of them goes. */
static void
test_twice(void **state)
{
    struct cluster *c = *state;

    prepare(c, 0);
    until_id(c, 0, 101);
    struct slurm_record r = record(c, 0);
    put_job(c, 102, "PENDING", "Dependency", r.name);
    put_job(c, 101, "RUNNING", "None", r.name);
    until_state(c, 102, "CANCELLED");
    for (int64_t end = jb_monotonic_ms() + 400; jb_monotonic_ms() < end; help_pause(5))
        assert_int_equal(look(c, 0).life, ENGINE_WAITING);
    assert_int_equal(record(c, 0).id, 101);
    assert_non_null(strstr(read_text(c, "jobs/101"), "RUNNING"));
    assert_int_equal(calls(c, "scancel"), 1);
}

/* What was submitted is not known any more: it will not run, and nothing instead of it. */
static void
test_damaged(void **state)
{
    struct cluster *c = *state;

    prepare(c, 0);
    until_id(c, 0, 101);
    assert_int_equal(file_put(c->jobs[0].dir, "slurm.json", JB_STR("{}"), NULL), 0);
    restart(c);
    struct engine_look seen = look(c, 0);
    assert_int_equal(seen.life, ENGINE_LOST);
    assert_string_equal(seen.failure, "worker_lost");
    c->engine->calls->clean(c->engine, &c->jobs[0]);
    assert_int_equal(run_script(c, 101), SHIM_TWICE);
    assert_string_equal(count(c, 0), "");
    assert_int_equal(calls(c, "sbatch"), 1);
}

/* The queue's answer is older than the shim's first act: it waits no more. */
static void
test_begins(void **state)
{
    struct cluster *c = *state;

    c->config.poll = 1500;
    restart(c);
    prepare(c, 0);
    until_id(c, 0, 101);
    int64_t end = jb_monotonic_ms() + WAIT_MS;
    while (!record(c, 0).submitted[0] && jb_monotonic_ms() < end) {
        look(c, 0);
        help_pause(5);
    }
    for (end = jb_monotonic_ms() + 400; jb_monotonic_ms() < end; help_pause(5))
        assert_int_equal(look(c, 0).life, ENGINE_WAITING);
    assert_int_equal(shim_lock_take(c->jobs[0].dir, c->folders[0]), 0);
    put_job(c, 101, "RUNNING", "None", record(c, 0).name);
    for (end = jb_monotonic_ms() + 400; jb_monotonic_ms() < end; help_pause(5))
        assert_int_equal(look(c, 0).life, ENGINE_RUNNING);
    assert_int_equal(calls(c, "scancel"), 0);
}

/* The end of each state, with a shim that began and left nothing, all at once. */
static void
test_ends(void **state)
{
    static const struct {
        const char *state, *failure;
    } rows[] = {
        {"TIMEOUT", "timeout"},       {"OUT_OF_MEMORY", "out_of_memory"},
        {"NODE_FAIL", "worker_lost"}, {"PREEMPTED", "preempted"},
        {"BOOT_FAIL", "worker_lost"}, {"COMPLETED", "incomplete_results"},
        {"CANCELLED", "preempted"},   {"FAILED", "worker_lost"},
        {"PENDING", "preempted"},
    };
    enum { N = sizeof(rows) / sizeof(rows[0]) };
    struct cluster *c = *state;

    for (int i = 0; i < N; i++) {
        prepare(c, i);
        until_id(c, i, 101 + i);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(shim_lock_take(c->jobs[i].dir, c->folders[i]), 0);
        put_job(c, 101 + i, rows[i].state, "None", record(c, i).name);
    }
    for (int i = 0; i < N; i++) {
        struct engine_look seen = until(c, i, ENGINE_LOST);
        assert_string_equal(seen.failure, rows[i].failure);
    }
    /* out of the queue with what was put back into it */
    until_state(c, 101 + N - 1, "CANCELLED");
    assert_int_equal(calls(c, "sbatch"), N);
    assert_int_equal(calls(c, "scancel"), 1);
}

/* The agent goes away and comes back while a job waits, and while it runs. */
static void
test_restart(void **state)
{
    struct cluster *c = *state;

    prepare(c, 0);
    until_id(c, 0, 101);
    restart(c);
    assert_int_equal(look(c, 0).life, ENGINE_WAITING);
    assert_int_equal(record(c, 0).id, 101);
    assert_int_equal(run_script(c, 101), 0);
    restart(c);
    assert_int_equal(look(c, 0).life, ENGINE_OVER);
    assert_int_equal(calls(c, "sbatch"), 1);
}

/* Nobody renews the lease of what waits. */
static void
test_lease(void **state)
{
    struct cluster *c = *state;

    prepare(c, 0);
    until_id(c, 0, 101);
    lease(c, 0, 1);
    struct engine_look seen = until(c, 0, ENGINE_LOST);
    assert_non_null(strstr(seen.reason, "lease"));
    c->engine->calls->clean(c->engine, &c->jobs[0]);
    until_state(c, 101, "CANCELLED");
}

/* A node whose clock has nothing to do with ours: it ends when the file stands still. */
static void
test_counter(void **state)
{
    struct cluster *c = *state;
    struct run_lease l = {"another-boot", 5, 700};
    struct run_end end;
    struct run_step step = {"arc", c->folders[0], 2, 0, (const char *const[]){"sleep", "600"},
                            NULL};
    struct run run = {.limits = {.uid = -1, .gid = -1},
                      .wall_ms = 60000,
                      .grace_ms = 300,
                      .log_max = 64 << 10,
                      .n_steps = 1,
                      .steps = &step};
    struct jb_buf json = JB_BUF(RUN_JSON_MAX);

    put(c, "mode", "run");
    prepare(c, 0);
    run_put(&run, &json);
    assert_int_equal(file_put(c->jobs[0].dir, "run.json", jb_buf_view(&json), NULL), 0);
    jb_buf_free(&json);
    assert_int_equal(run_lease_write(c->jobs[0].dir, &l, NULL), 0);
    until(c, 0, ENGINE_RUNNING);
    int64_t began = jb_monotonic_ms();
    while (jb_monotonic_ms() < began + 1500) {
        l.until_ms++;
        assert_int_equal(run_lease_write(c->jobs[0].dir, &l, NULL), 0);
        assert_int_equal(look(c, 0).life, ENGINE_RUNNING);
        help_pause(50);
    }
    until(c, 0, ENGINE_OVER);
    assert_int_equal(run_end_read(c->jobs[0].dir, c->arena, NULL, &end), 0);
    assert_int_equal(end.cause, RUN_LEASE);
}

/* Through the agent: the host, a result. */
static void
test_agent(void **state)
{
    struct cluster *c = *state;
    void *inner = NULL;
    struct wire_offer offer;
    struct spec_task tasks[2];
    struct wire_info info;
    const char *body;

    assert_int_equal(help_setup(&inner), 0);
    struct world *w = inner;
    help_close(w);
    put(c, "mode", "run");
    w->conf.engine.kind = AGENT_SLURM;
    w->conf.slurm.sbatch = c->config.sbatch;
    w->conf.slurm.squeue = c->config.squeue;
    w->conf.slurm.scancel = c->config.scancel;
    w->conf.slurm.poll = 100;
    w->conf.slurm.settle = 250;
    w->conf.slurm.gpus = false;
    help_open(w);
    assert_int_equal(help_call(w, "GET", "/v1/info", NULL, &body, NULL), 200);
    assert_int_equal(wire_info_read(jb_str(body), w->arena, NULL, &info), 0);
    assert_string_equal(info.engine, "slurm");
    assert_int_equal(info.slots, 2);
    help_offer(&offer, tasks, 1, "good", 2);
    assert_int_equal(help_put(w, &offer, NULL), 200);
    struct attempt *a = help_finish(w, offer.id, WAIT_MS);
    assert_int_equal(a->phase, WIRE_SUCCEEDED);
    assert_int_equal(a->n_parts, 2);
    const char *args = read_text(c, "calls");
    assert_non_null(strstr(args, " --mem=18673M ")); /* 16 GiB and 1.2 times 2 GB */
    assert_null(strstr(args, "org/model"));

    help_teardown(&inner);
}

/* Settings that do not go together. */
static void
test_config(void **state)
{
    struct cluster *c = *state;
    struct engine_slurm_config config = c->config;
    struct engine *none;

    config.spool = "/it's";
    assert_int_equal(engine_slurm_new(&config, NULL, &none), JB_EINVAL);
    config = c->config;
    config.slots = 0;
    assert_int_equal(engine_slurm_new(&config, NULL, &none), JB_EINVAL);
    config = c->config;
    config.gpus = true;
    config.gpus_per_slot = 8;
    assert_int_equal(engine_slurm_new(&config, NULL, &none), JB_EINVAL);
    config.gpus_per_slot = 2;
    assert_int_equal(engine_slurm_new(&config, NULL, &none), 0);
    struct engine_gpus gpus;
    assert_int_equal(none->calls->gpus(none, c->arena, NULL, &gpus), 0);
    assert_int_equal(gpus.n, 2 * JOBS);
    assert_null(none->calls->devices(none, 0));
    none->calls->free(none);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_runs),         T(test_lost_answer), T(test_silent), T(test_stranger),
        T(test_down),         T(test_refused),     T(test_held),   T(test_cancelled_in_queue),
        T(test_cancel_again), T(test_begins),      T(test_twice),  T(test_damaged),
        T(test_ends),         T(test_restart),     T(test_lease),  T(test_counter),
        T(test_agent),        T(test_config),
    };

    help_shim(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
