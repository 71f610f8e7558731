/* SPDX-License-Identifier: Apache-2.0 */
/* Which plan a request goes by, with the boards and plans that are installed. */
#include <config.h>

#include "arena_help.h"

#include "dispatch/suites.h"

#include <math.h>
#include <string.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define NONE   SIZE_MAX

static struct conf conf;
static struct suites *suites;

/* evaluate.plans of one of our boards. */
static int
load(const char *board, const char *const *plans, size_t n, struct jb_error *err)
{
    const char *top = getenv("JB_SRCDIR");

    top = top ? top : ".";
    conf.site.board = jb_arena_printf(arena, "%s/contrib/boards/%s", top, board);
    conf.evaluate.plans_file = jb_arena_printf(arena, "%s/contrib/harness/plans.conf", top);
    conf.evaluate.plans = (struct setting_strings){n, plans};
    conf.evaluate.suite = "1";
    conf.evaluate.wall = 60000;
    suites = NULL;
    return suites_load(&conf, err, &suites);
}

static size_t
choose(const char *model, const char *revision, const char *precision, const char *type)
{
    const bool based = strcmp(type, "Original") != 0;
    const struct request r = {.model = model,
                              .revision = "main",
                              .commit = revision,
                              .base_model = based ? "o/base" : "",
                              .precision = precision,
                              .weight_type = type,
                              .params = NAN};

    return suites_choose(suites, &r, based ? COMMIT : "");
}

static void
test_choose(void **state)
{
    static const char *const plans[] = {"harness-b281b09", "random-baseline"};
    struct jb_error err = {0};
    const struct lease_plan *all;
    size_t n;

    (void)state;
    if (load("demo.conf", plans, 2, &err))
        fail_msg("%s", err.text);
    all = suites_plans(suites, &n);
    assert_int_equal(n, 2);
    assert_string_equal(all[1].name, "random-baseline");
    assert_int_equal(all[0].n_benchmarks, 7);
    assert_int_equal(all[1].n_benchmarks, 1);
    assert_string_equal(all[1].benchmarks[0].key, "c_sem_v1");
    assert_int_equal(all[0].wall_seconds, 60);
    assert_true(suites_wants_gpu(suites, 0));
    assert_false(suites_wants_gpu(suites, 1));
    /* The plan that names a model comes before one that stands before it. */
    assert_int_equal(choose("jinbang/random", "", "float16", "Original"), 1);
    assert_int_equal(choose("o/m", COMMIT, "float16", "Original"), 0);
    assert_int_equal(choose("o/m", COMMIT, "4bit", "Adapter"), 0);
    /* Not at a commit, not of the plan, no precision, injection. */
    assert_int_equal(choose("o/m", "", "float16", "Original"), NONE);
    assert_int_equal(choose("o/m", COMMIT, "float16", "Delta"), NONE);
    assert_int_equal(choose("o/m", COMMIT, "float64", "Original"), NONE);
    assert_int_equal(choose("o/m,peft=o/x", COMMIT, "float16", "Original"), NONE);
    suites_free(suites);
}

/* A board's keys that are not ours to read are left alone in all of them. */
static void
test_boards(void **state)
{
    static const char *const boards[] = {"demo.conf", "mini-leaderboard.conf"};
    static const char *const plans[] = {"harness-b281b09"};
    struct jb_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(boards) / sizeof(*boards); i++) {
        if (load(boards[i], plans, 1, &err))
            fail_msg("%s: %s", boards[i], err.text);
        suites_free(suites);
    }
    if (load("open-cn-llm.conf", plans, 1, &err))
        fail_msg("%s", err.text);
    suites_free(suites);
}

static void
test_refused(void **state)
{
    static const char *const random[] = {"random-baseline"}, *const none[] = {"nonsense"},
                             *const today[] = {"lm-eval"};
    struct jb_error err = {0};

    (void)state;
    assert_int_equal(load("demo.conf", none, 1, &err), JB_EINVAL);
    assert_non_null(strstr(err.text, "no plan \"nonsense\""));
    jb_error_clear(&err);
    assert_int_equal(load("mini-leaderboard.conf", random, 1, &err), JB_EINVAL);
    assert_non_null(strstr(err.text, "runs 0 benchmarks"));
    jb_error_clear(&err);
    /* A plan for any model that lacks tasks of the average. */
    assert_int_equal(load("mini-leaderboard.conf", today, 1, &err), JB_EINVAL);
    assert_non_null(strstr(err.text, "of the benchmark"));
    jb_error_clear(&err);
    assert_int_equal(load("missing.conf", random, 1, &err), JB_EINVAL);
    assert_non_null(strstr(err.text, "missing.conf"));
    jb_error_clear(&err);
    /* Nothing to evaluate: no file is looked at. */
    assert_int_equal(load("missing.conf", NULL, 0, &err), 0);
    suites_free(suites);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_boards),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
