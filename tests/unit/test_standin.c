/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped plans against the stand-in harness: what each way of failing comes to, by exit
 * status, log and result file, and what is well ends in a score.
 */
#include <config.h>

#include "base/clock.h"
#include "harness/benchmark.h"
#include "harness/plan.h"
#include "harness/strict.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define TAIL   ((size_t)64 << 10)

#define STRINGS(...)                                                                           \
    {                                                                                          \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[])     \
        {                                                                                      \
            __VA_ARGS__                                                                        \
        }                                                                                      \
    }

/* Two tasks, so that one can be missing. */
static const struct benchmark sem = {.key = "sem",
                                     .shots = 5,
                                     .metric = "acc",
                                     .tasks = STRINGS("c_sem_v1-LLSRC", "c_sem_v1-SLSRC")};

static char dir[] = "/tmp/jinbang-standin.XXXXXX";
static struct jb_arena *arena;
static struct plans plans;

static int
setup(void **state)
{
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    const char *top = getenv("JB_SRCDIR");
    char text[4096];

    (void)state;
    arena = jb_arena_new(64 << 20);
    if (!arena || !mkdtemp(dir))
        return -1;
    snprintf(text, sizeof(text), "python3 -B '%s/tests/harness/standin.py' --install '%s'",
             top ? top : ".", dir);
    if (system(text) != 0)
        return -1;
    snprintf(text, sizeof(text), "%s/plans.conf", dir);
    if (plan_load(text, arena, &plans, &report)) {
        print_error("%s", report.text.p ? report.text.p : "?");
        return -1;
    }
    return 0;
}

static int
teardown(void **state)
{
    char text[128];

    (void)state;
    jb_arena_free(arena);
    snprintf(text, sizeof(text), "rm -rf '%s'", dir);
    return system(text) == 0 ? 0 : -1;
}

/* Runs it in its own group with both outputs to the log; ends it after `ms`. */
static struct plan_end
execute(const struct plan_command *command, const char *work, const char *log, int64_t ms)
{
    char **env = jb_arena_array(arena, command->n_env + 3, sizeof(*env));
    int64_t until = jb_monotonic_ms() + ms;
    struct plan_end end = {0};
    pid_t pid, got;

    for (size_t i = 0; i < command->n_env; i++)
        env[i] = command->env[i];
    env[command->n_env] = jb_arena_printf(arena, "PATH=%s", getenv("PATH"));
    env[command->n_env + 1] = jb_arena_printf(arena, "HOME=%s", work);
    pid = fork();
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        setpgid(0, 0);
        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(work) != 0)
            _exit(126);
        execvpe(command->argv[0], command->argv, env);
        _exit(127);
    }
    assert_true(pid > 0);
    while ((got = waitpid(pid, &end.status, WNOHANG)) == 0) {
        if (jb_monotonic_ms() > until && !end.timed_out) {
            end.timed_out = true;
            kill(-pid, SIGKILL);
        }
        usleep(5000);
    }
    assert_int_equal(got, pid);
    kill(-pid, SIGKILL); /* what it left behind */
    return end;
}

static struct jb_str
tail_of(const char *log)
{
    char *bytes = jb_arena_alloc(arena, TAIL);
    FILE *file = fopen(log, "r");
    size_t n;

    assert_non_null(file);
    if (fseek(file, -(long)TAIL, SEEK_END) != 0)
        rewind(file);
    n = fread(bytes, 1, TAIL, file);
    fclose(file);
    return (struct jb_str){bytes, n};
}

static size_t runs;

/* One run; the failure's word, or "" and the score. */
static const char *
run_model(const char *name, const char *model, int64_t ms, struct score *ret_score,
          char ret_reason[PLAN_REASON])
{
    const struct plan *plan = plan_find(&plans, name);
    char *work = jb_arena_printf(arena, "%s/run%zu", dir, runs++);
    char *out = jb_arena_printf(arena, "%s/out", work);
    char *log = jb_arena_printf(arena, "%s/log", work);
    struct plan_paths paths = {.out = out};
    struct plan_job job = {.model = model,
                           .revision = COMMIT,
                           .precision = "float16",
                           .weight_type = "Original",
                           .gpus = 1,
                           .shots = 5,
                           .n_tasks = 2,
                           .tasks = sem.tasks.items};
    const char *failure = NULL;
    struct plan_command command;
    struct jb_error err = {0};
    struct plan_end end;
    struct jb_str doc, tail;
    int rc;

    assert_int_equal(mkdir(work, 0700), 0);
    assert_int_equal(mkdir(out, 0700), 0);
    if (plan_argv(plan, &job, &paths, arena, &err, &command))
        fail_msg("%s: %s", model, err.text);
    end = execute(&command, work, log, ms);
    tail = tail_of(log);
    rc = end.status || end.timed_out ? JB_ENOENT : plan_results(plan, out, arena, &err, &doc);
    if (rc == JB_ENOENT)
        return plan_failure(&plans, plan, &job, &end, tail, ret_reason);
    if (!rc) {
        assert_true(plan_progress(plan, tail) == 1);
        rc = harness_strict_scores(doc, &sem, (enum harness_dialect)plan->dialect, 0, arena,
                                   &err, ret_score, &failure);
    }
    snprintf(ret_reason, PLAN_REASON, "%.*s", PLAN_REASON - 1, err.text);
    return rc == 0 ? "" : failure ? failure : "bad_result_json";
}

static void
test_well(void **state)
{
    static const char *const names[] = {"harness-b281b09", "lm-eval"};
    char reason[PLAN_REASON];
    struct score first, again;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(run_model(names[i], "org/model", 30000, &first, reason), "");
        assert_true(first.value > 20 && first.value < 80);
        assert_string_equal(run_model(names[i], "org/model", 30000, &again, reason), "");
        assert_true(again.value == first.value);
        assert_int_equal(first.items, i == 0 ? 0 : 200);
    }
}

static void
test_failures(void **state)
{
    static const struct {
        const char *kind, *failure;
        int64_t ms;
    } kinds[] = {
        {"oom", "out_of_memory", 0},
        {"oom-late", "out_of_memory", 0},
        {"killed", "out_of_memory", 0},
        {"killed-late", "out_of_memory", 0},
        {"remote-code", "remote_code_required", 0},
        {"tokenizer", "tokenizer_missing", 0},
        {"config", "config_unsupported", 0},
        {"not-found", "not_found", 0},
        {"gated", "gated", 0},
        {"revision", "revision_missing", 0},
        {"corrupt", "weights_corrupt", 0},
        {"adapter", "adapter_base_mismatch", 0},
        {"network", "hub_network", 0},
        {"dataset", "dataset_missing", 0},
        {"task", "task_missing", 0},
        {"traceback", "harness_crash", 0},
        {"segv", "harness_crash", 0},
        {"term", "preempted", 0},
        {"hang", "timeout", 600},
        {"hang-deaf", "timeout", 600},
        {"nan-crash", "precision_nan", 0},
        {"disk", "disk_full", 0},
        {"disk-quiet", "disk_full", 0},
        {"nan", "precision_nan", 0},
        {"infinite", "precision_nan", 0},
        {"partial", "incomplete_results", 0},
        {"badjson", "bad_result_json", 0},
        {"cut", "bad_result_json", 0},
        {"range", "bad_result_json", 0},
        {"shots", "bad_result_json", 0},
        {"limited", "incomplete_results", 0},
        {"empty", "incomplete_results", 0},
        {"link", "bad_result_json", 0},
        {"noise", "", 0},
        {"child", "", 0},
    };
    static const char *const names[] = {"harness-b281b09", "lm-eval"};
    char reason[PLAN_REASON];
    struct score score;

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        for (size_t k = 0; k < 2; k++) {
            char *model = jb_arena_printf(arena, "fail/%s", kinds[i].kind);
            const char *failure =
                run_model(names[k], model, kinds[i].ms ? kinds[i].ms : 30000, &score, reason);

            if (strcmp(failure, kinds[i].failure) != 0)
                fail_msg("%s by %s: %s (%s) instead of %s", model, names[k], failure, reason,
                         kinds[i].failure);
        }
    }
}

static void
test_sometimes(void **state)
{
    char reason[PLAN_REASON];
    struct score score;

    (void)state;
    assert_string_equal(run_model("lm-eval", "flaky/network", 30000, &score, reason),
                        "hub_network");
    assert_string_equal(run_model("lm-eval", "flaky/network", 30000, &score, reason), "");
    assert_string_equal(run_model("lm-eval", "fail/oom.c_sem_v1", 30000, &score, reason),
                        "out_of_memory");
    assert_string_equal(run_model("lm-eval", "fail/oom.arc", 30000, &score, reason), "");
}

/* An adapter: both sides fetched at their commits, then run from the folders. */
static void
test_fetched(void **state)
{
    static const char *const names[] = {"harness-b281b09", "lm-eval"};
    char *work = jb_arena_printf(arena, "%s/fetched", dir);
    char *log = jb_arena_printf(arena, "%s/log", work);
    struct plan_paths paths = {NULL, jb_arena_printf(arena, "%s/model", work),
                               jb_arena_printf(arena, "%s/base", work)};
    struct plan_job job = {.model = "org/adapter",
                           .revision = COMMIT,
                           .base_model = "org/base",
                           .base_revision = COMMIT,
                           .precision = "bfloat16",
                           .weight_type = "Adapter",
                           .gpus = 1,
                           .shots = 5,
                           .n_tasks = 2,
                           .tasks = sem.tasks.items};
    struct jb_error err = {0};

    (void)state;
    assert_int_equal(mkdir(work, 0700), 0);
    for (size_t i = 0; i < 2; i++) {
        const struct plan *plan = plan_find(&plans, names[i]);
        struct plan_command fetch[2], command;
        struct plan_end end;
        struct jb_str doc;
        size_t n;

        paths.out = jb_arena_printf(arena, "%s/%s", work, names[i]);
        assert_int_equal(mkdir(paths.out, 0700), 0);
        assert_int_equal(plan_fetch(plan, &job, &paths, arena, &err, &n, fetch), 0);
        assert_int_equal(n, 2);
        for (size_t k = 0; k < n; k++) {
            end = execute(&fetch[k], work, log, 30000);
            assert_int_equal(end.status, 0);
        }
        assert_int_equal(plan_argv(plan, &job, &paths, arena, &err, &command), 0);
        end = execute(&command, work, log, 30000);
        if (end.status)
            fail_msg("%.*s", JB_STR_FMT(tail_of(log)));
        assert_int_equal(plan_results(plan, paths.out, arena, &err, &doc), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_sometimes),
        cmocka_unit_test(test_fetched),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
