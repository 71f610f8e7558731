/* SPDX-License-Identifier: Apache-2.0 */
/* Shims with real processes, started by the local engine: how jobs end, and what is left. */
#include <config.h>

#include "tests/unit/agent_help.h"

#include "agent/process.h"
#include "agent/run.h"

#include <signal.h>

/* Two uids of this run's own: limits count all processes of a uid. */
#define JOB_UID (100000 + 2 * (getpid() % 1000000))

struct one {
    char dir[64];
    int fd;
    struct jb_arena *arena;
    struct engine *engine;
    struct run run;
    struct run_step steps[4];
    struct engine_job job;
    char boot[BOOT_ID_SIZE];
};

static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "WHO=job"};

static void
lease(struct one *o, int64_t ms)
{
    struct run_lease l = {.until_ms = jb_monotonic_ms() + ms};

    memcpy(l.boot_id, o->boot, sizeof(l.boot_id));
    assert_int_equal(run_lease_write(o->fd, &l, NULL), 0);
}

static void
add(struct one *o, const char *name, const char *script)
{
    const char **argv = jb_arena_array(o->arena, 3, sizeof(*argv));

    assert_non_null(argv);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = script;
    o->steps[o->run.n_steps++] = (struct run_step){name, o->dir, 3, 2, argv, env};
}

static int
setup(void **state)
{
    const struct engine_local_config local = {.nvidia_smi = "", .slots = 1, .first_uid = -1};
    struct one *o = calloc(1, sizeof(*o));
    int64_t slots;

    assert_non_null(o);
    help_folder(o->dir);
    o->arena = jb_arena_new(1 << 20);
    assert_non_null(o->arena);
    o->fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(boot_id_read(o->boot, NULL), 0);
    assert_int_equal(engine_local_new(&local, NULL, &o->engine, &slots), 0);
    o->run = (struct run){.limits = {.uid = -1, .gid = -1},
                          .wall_ms = 20000,
                          .grace_ms = 300,
                          .log_max = 64 << 10,
                          .steps = o->steps};
    o->job = (struct engine_job){"x", o->dir, o->fd, 0, 20, 0};
    lease(o, 60000);
    *state = o;
    return 0;
}

static int
teardown(void **state)
{
    struct one *o = *state;

    close(o->fd);
    help_remove(o->dir);
    o->engine->calls->free(o->engine);
    jb_arena_free(o->arena);
    free(o);
    return 0;
}

static void
begin(struct one *o)
{
    struct jb_buf json = JB_BUF(RUN_JSON_MAX);

    run_put(&o->run, &json);
    assert_int_equal(file_put(o->fd, "run.json", jb_buf_view(&json), NULL), 0);
    jb_buf_free(&json);
    assert_int_equal(o->engine->calls->start(o->engine, &o->job, NULL), 0);
}

static enum engine_life
look(struct one *o)
{
    struct engine_look seen = {.life = ENGINE_UNKNOWN};

    assert_int_equal(o->engine->calls->look(o->engine, &o->job, NULL, &seen), 0);
    return seen.life;
}

static struct run_end
finish(struct one *o, int ms)
{
    int64_t until = jb_monotonic_ms() + ms;
    struct run_end end = {0};

    while (look(o) != ENGINE_OVER) {
        if (jb_monotonic_ms() > until)
            fail_msg("not over after %d ms, life %d", ms, look(o));
        help_pause(10);
    }
    assert_int_equal(run_end_read(o->fd, o->arena, NULL, &end), 0);
    return end;
}

static const char *
log_of(struct one *o)
{
    struct jb_buf text = JB_BUF(1 << 20);
    uint64_t epoch, end;
    char *copy;

    assert_int_equal(spool_look(o->fd, NULL, &epoch, &end), 0);
    assert_int_equal(spool_read(o->fd, epoch, 0, 1 << 20, NULL, &text), 0);
    assert_int_equal(text.n, end);
    copy = jb_arena_dup(o->arena, text.p ? text.p : "", text.n);
    jb_buf_free(&text);
    return copy;
}

static struct run_step_end
step(struct one *o, size_t i)
{
    struct run_step_end end = {0};

    assert_int_equal(run_step_end_read(o->fd, i, o->arena, NULL, &end), 0);
    return end;
}

static void
wait_running(struct one *o, const char *word)
{
    for (int i = 0; i < 500; i++) {
        if (file_is(o->fd, "log.1") && strstr(log_of(o), word))
            return;
        help_pause(10);
        jb_arena_reset(o->arena);
    }
    fail_msg("it does not begin");
}

static void
test_success(void **state)
{
    struct one *o = *state;

    add(o, "", "echo before $WHO; pwd; echo err >&2");
    add(o, "arc", "echo second; [ \"$(cat)\" = \"\" ] && ls /proc/self/fd | wc -l");
    begin(o);
    assert_int_equal(finish(o, 10000).cause, RUN_DONE);
    assert_int_equal(step(o, 0).cause, RUN_DONE);
    assert_true(step(o, 1).seconds < 10);
    assert_non_null(strstr(log_of(o), "before job\n"));
    assert_non_null(strstr(log_of(o), "err\n"));
    assert_non_null(strstr(log_of(o), o->dir));
    /* 0, 1, 2 and the one that reads the folder */
    assert_non_null(strstr(log_of(o), "second\n4\n"));
    /* started again: nothing runs again */
    assert_int_equal(o->engine->calls->start(o->engine, &o->job, NULL), 0);
    help_pause(200);
    assert_null(strstr(strstr(log_of(o), "before job") + 1, "before job"));
}

static void
test_failure(void **state)
{
    struct one *o = *state;

    add(o, "arc", "exit 7");
    add(o, "sem", "echo never");
    begin(o);
    struct run_end end = finish(o, 10000);
    assert_int_equal(end.cause, RUN_STEP);
    assert_int_equal(end.step, 0);
    assert_int_equal(WEXITSTATUS((int)step(o, 0).status), 7);
    assert_null(strstr(log_of(o), "never"));
    assert_false(file_is(o->fd, "step.1.json"));
}

static void
test_no_program(void **state)
{
    struct one *o = *state;
    static const char *const argv[] = {"no-such-program-here"};

    o->steps[o->run.n_steps++] = (struct run_step){"arc", o->dir, 1, 2, argv, env};
    begin(o);
    assert_int_equal(finish(o, 10000).cause, RUN_STEP);
    assert_int_equal(WEXITSTATUS((int)step(o, 0).status), 127);
    assert_non_null(strstr(log_of(o), "cannot run"));
}

static void
test_wall(void **state)
{
    struct one *o = *state;

    o->run.wall_ms = 700;
    add(o, "arc", "sleep 600");
    begin(o);
    int64_t began = jb_monotonic_ms();
    assert_int_equal(finish(o, 10000).cause, RUN_WALL);
    assert_true(jb_monotonic_ms() - began >= 600);
    assert_int_equal(step(o, 0).cause, RUN_WALL);
    assert_int_equal(WTERMSIG((int)step(o, 0).status), SIGTERM);
}

static void
test_deaf(void **state)
{
    struct one *o = *state;

    add(o, "arc", "trap '' TERM HUP INT; echo deaf; while :; do sleep 0.1; done");
    begin(o);
    wait_running(o, "deaf");
    assert_int_equal(file_put(o->fd, "cancel", JB_STR(""), NULL), 0);
    int64_t began = jb_monotonic_ms();
    assert_int_equal(finish(o, 10000).cause, RUN_CANCELLED);
    assert_true(jb_monotonic_ms() - began >= 300); /* the grace */
    assert_int_equal(WTERMSIG((int)step(o, 0).status), SIGKILL);
}

/* What left the group and the session is ended all the same. */
static void
test_strays(void **state)
{
    struct one *o = *state;
    char path[96];
    struct stat a, b;

    add(o, "arc",
        "setsid sh -c 'trap \"\" TERM; while :; do echo x >> stray; sleep 0.05; done' & "
        "while [ ! -s stray ]; do sleep 0.05; done; exit 0");
    begin(o);
    assert_int_equal(finish(o, 10000).cause, RUN_DONE);
    snprintf(path, sizeof(path), "%s/stray", o->dir);
    assert_int_equal(stat(path, &a), 0);
    help_pause(300);
    assert_int_equal(stat(path, &b), 0);
    assert_int_equal(a.st_size, b.st_size);
}

static void
test_lease(void **state)
{
    struct one *o = *state;

    lease(o, 900);
    add(o, "arc", "echo begun; sleep 600");
    begin(o);
    wait_running(o, "begun");
    lease(o, 1500);
    help_pause(1000);
    assert_int_equal(look(o), ENGINE_RUNNING); /* the renewal counted */
    assert_int_equal(finish(o, 10000).cause, RUN_LEASE);
}

/* A lease of another boot is none. */
static void
test_lease_of_other_boot(void **state)
{
    struct one *o = *state;
    struct run_lease l = {"0000", INT64_C(1) << 50, 60000};

    assert_int_equal(run_lease_write(o->fd, &l, NULL), 0);
    add(o, "arc", "echo ran");
    begin(o);
    assert_int_equal(finish(o, 10000).cause, RUN_LEASE);
    assert_null(strstr(log_of(o), "ran\n"));
}

static void
test_log_cap(void **state)
{
    struct one *o = *state;
    uint64_t epoch, end;

    add(o, "arc",
        "echo first; i=0; while [ $i -lt 30000 ]; do echo line $i of many; i=$((i+1)); done; "
        "echo last");
    begin(o);
    assert_int_equal(finish(o, 30000).cause, RUN_DONE);
    const char *text = log_of(o);
    assert_non_null(strstr(text, "first\nline 0 of many\n"));
    assert_non_null(strstr(text, "bytes of the log are left out here"));
    assert_non_null(strstr(text, "line 29999 of many\nlast\n"));
    assert_int_equal(spool_look(o->fd, NULL, &epoch, &end), 0);
    assert_true(end <= 64 << 10);
    assert_true(epoch > 5);
}

static void
test_signal(void **state)
{
    struct one *o = *state;
    struct process shim;

    add(o, "arc", "echo begun; sleep 600");
    begin(o);
    wait_running(o, "begun");
    assert_int_equal(run_process_read(o->fd, o->arena, NULL, &shim), 0);
    assert_true(process_lives(&shim));
    assert_int_equal(kill((pid_t)shim.pid, SIGTERM), 0);
    assert_int_equal(finish(o, 10000).cause, RUN_STOPPED);
}

/* The shim dies without a word: so does its job, and the engine says so. */
static void
test_shim_killed(void **state)
{
    struct one *o = *state;
    struct process shim;
    char path[96];
    struct stat a, b;

    add(o, "arc", "echo begun; while :; do echo x >> alive; sleep 0.05; done");
    begin(o);
    wait_running(o, "begun");
    assert_int_equal(run_process_read(o->fd, o->arena, NULL, &shim), 0);
    assert_int_equal(kill((pid_t)shim.pid, SIGKILL), 0);
    for (int i = 0; look(o) != ENGINE_LOST; i++) {
        assert_true(i < 500);
        help_pause(10);
    }
    snprintf(path, sizeof(path), "%s/alive", o->dir);
    for (int i = 0;; i++) { /* sh ends at once, the sleep within it after its 50 ms */
        assert_int_equal(stat(path, &a), 0);
        help_pause(300);
        assert_int_equal(stat(path, &b), 0);
        if (a.st_size == b.st_size)
            break;
        assert_true(i < 30);
    }
    /* and is not started again */
    assert_int_equal(o->engine->calls->start(o->engine, &o->job, NULL), 0);
    help_pause(200);
    assert_int_equal(look(o), ENGINE_LOST);
}

static void
test_other_boot(void **state)
{
    struct one *o = *state;
    struct process shim = {1, 1, "11111111-2222-3333-4444-555555555555"};

    assert_int_equal(run_process_write(o->fd, &shim, NULL), 0);
    assert_int_equal(look(o), ENGINE_LOST);
}

static void
test_broken_run(void **state)
{
    struct one *o = *state;

    assert_int_equal(file_put(o->fd, "run.json", JB_STR("{\"limits\":1}"), NULL), 0);
    assert_int_equal(o->engine->calls->start(o->engine, &o->job, NULL), 0);
    struct run_end end = finish(o, 10000);
    assert_int_equal(end.cause, RUN_BROKEN);
    assert_non_null(strstr(end.reason, "limits"));
}

/* As another uid: what it may not, and that a fork bomb stays within its bounds. */
static void
test_uid(void **state)
{
    struct one *o = *state;

    if (getuid() != 0) {
        skip();
        return;
    }
    assert_int_equal(file_put(o->fd, "secret", JB_STR("key"), NULL), 0);
    o->run.limits = (struct confinement){
        .uid = JOB_UID, .gid = JOB_UID, .file_size = 1 << 20, .processes = 40, .files = 64};
    add(o, "arc",
        "id -u; id -G; cat secret; ls .; ulimit -n; grep NoNewPrivs /proc/self/status; "
        "echo x > run.json; echo done");
    begin(o);
    assert_int_equal(finish(o, 10000).cause, RUN_DONE);
    const char *text = log_of(o);
    char ids[64];
    snprintf(ids, sizeof ids, "\n%d\n%d\n", JOB_UID, JOB_UID);
    assert_non_null(strstr(text, ids));
    assert_null(strstr(text, "key"));
    assert_non_null(strstr(text, "NoNewPrivs:\t1"));
    assert_non_null(strstr(text, "\n64\n"));
    assert_null(strstr(text, "shim.json"));
    assert_non_null(strstr(text, "done"));
}

static void
test_fork_bomb(void **state)
{
    struct one *o = *state;
    char count[64];

    if (getuid() != 0) {
        skip();
        return;
    }
    snprintf(count, sizeof count, "ps -o pid= -U %d | wc -l", JOB_UID + 1);
    o->run.wall_ms = 4000;
    o->run.limits = (struct confinement){.uid = JOB_UID + 1, .gid = -1, .processes = 40};
    /* A fork that fails ends the inner shell; the outer one has none to make. */
    add(o, "arc", "(while :; do sleep 600 & done); exec sleep 600");
    begin(o);
    int most = 0;
    while (look(o) != ENGINE_OVER) {
        FILE *f = popen(count, "r");
        int n = 0;
        assert_non_null(f);
        assert_int_equal(fscanf(f, "%d", &n), 1);
        pclose(f);
        if (n > most)
            most = n;
        help_pause(20);
    }
    assert_true(most > 5);
    assert_true(most <= 40);
    assert_int_equal(finish(o, 30000).cause, RUN_WALL);
    FILE *f = popen(count, "r");
    int n = -1;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    assert_int_equal(n, 0);
}

static void
test_gpus(void **state)
{
    static const char text[] = "NVIDIA H100 80GB HBM3, 81559, 81008\n"
                               "NVIDIA H100 80GB HBM3, 81559, [N/A]\r\n\n";
    struct one *o = *state;
    struct engine_gpus gpus;
    struct engine *e;
    int64_t slots = 0;
    char path[96], script[] = "#!/bin/sh\n"
                              "[ $# = 2 ] || exit 9\n"
                              "printf 'A, 100, 90\\nB, 100, 80\\nC, 100, 70\\n'\n";

    assert_int_equal(gpus_parse(jb_str(text), o->arena, NULL, &gpus), 0);
    assert_int_equal(gpus.n, 2);
    assert_string_equal(gpus.gpus[0].name, "NVIDIA H100 80GB HBM3");
    assert_int_equal(gpus.gpus[0].free_mib, 81008);
    assert_int_equal(gpus.gpus[1].free_mib, 0);
    assert_int_equal(gpus_parse(JB_STR("nonsense\n"), o->arena, NULL, &gpus), JB_EPARSE);
    assert_int_equal(gpus_find("/no/such/program", o->arena, NULL, &gpus), 0);
    assert_int_equal(gpus.n, 0);
    assert_int_equal(gpus_find("/bin/false", o->arena, NULL, &gpus), JB_EIO);

    snprintf(path, sizeof(path), "%s/smi", o->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(script, f);
    fclose(f);
    chmod(path, 0755);
    struct engine_local_config local = {
        .nvidia_smi = path, .gpus_per_slot = 1, .first_uid = -1};
    assert_int_equal(engine_local_new(&local, NULL, &e, &slots), 0);
    assert_int_equal(slots, 3);
    assert_string_equal(e->calls->devices(e, 2), "2");
    e->calls->free(e);
    local.gpus_per_slot = 2;
    assert_int_equal(engine_local_new(&local, NULL, &e, &slots), 0);
    assert_int_equal(slots, 1);
    assert_string_equal(e->calls->devices(e, 0), "0,1");
    e->calls->free(e);
    local.slots = 2;
    assert_int_equal(engine_local_new(&local, NULL, &e, &slots), JB_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_success),     TEST(test_failure),
        TEST(test_no_program),  TEST(test_wall),
        TEST(test_deaf),        TEST(test_strays),
        TEST(test_lease),       TEST(test_lease_of_other_boot),
        TEST(test_log_cap),     TEST(test_signal),
        TEST(test_shim_killed), TEST(test_other_boot),
        TEST(test_broken_run),  TEST(test_uid),
        TEST(test_fork_bomb),   TEST(test_gpus),
    };
    help_shim(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
