/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch/export_index.h"

struct fixture {
    struct export_index *index;
    struct jb_arena *arena;
    char done[4096]; /* what settle() did, a word each: +file -file */
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->index = export_index_new();
    assert_int_equal(export_index_settle(f->index, false), 0);
    f->arena = jb_arena_new(1 << 20);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    export_index_free(f->index);
    jb_arena_free(f->arena);
    free(f);
    return 0;
}

static void
put_named(struct fixture *f, enum export_layout layout, uint64_t id, const char *path,
          const char *hex, int64_t time, bool changed)
{
    struct export_name name = {.id = id, .time = time, .path = path};

    snprintf(name.hex, sizeof name.hex, "%s", hex);
    assert_int_equal(export_index_put(f->index, layout, &name, "o/m", changed), 0);
}

static void
put(struct fixture *f, uint64_t id, const char *path, const char *hex, int64_t time)
{
    put_named(f, EXPORT_REQUESTS, id, path, hex, time, false);
}

static int
gone(void *ctx, const char *file)
{
    struct fixture *f = ctx;

    strncat(f->done, "-", sizeof f->done - strlen(f->done) - 1);
    strncat(f->done, file, sizeof f->done - strlen(f->done) - 1);
    strncat(f->done, " ", sizeof f->done - strlen(f->done) - 1);
    return 0;
}

/* Writes and deletes all that is dirty. */
static const char *
settle(struct fixture *f)
{
    struct export_group *group;

    f->done[0] = '\0';
    while ((group = export_index_next(f->index))) {
        struct export_file *files;
        size_t n;

        assert_int_equal(export_group_files(group, f->arena, &files, &n), 0);
        for (size_t i = 0; i < n; i++)
            snprintf(f->done + strlen(f->done), sizeof f->done - strlen(f->done), "+%llu:%s ",
                     (unsigned long long)files[i].id, files[i].file);
        assert_int_equal(export_group_gone(f->index, group, files, n, gone, f), 0);
        assert_int_equal(export_group_done(f->index, group, files, n), 0);
    }
    assert_int_equal(export_index_dirty(f->index), 0);
    return f->done;
}

#define HEX1 "0123456789ab"
#define HEX2 "ba9876543210"

static void
test_one(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "o/a.json", HEX1, 10);
    assert_string_equal(settle(f), "+1:requests/o/a.json ");
    put(f, 1, "o/a.json", HEX1, 10);
    assert_string_equal(settle(f), "");
    put_named(f, EXPORT_REQUESTS, 1, "o/a.json", HEX1, 10, true);
    assert_string_equal(settle(f), "+1:requests/o/a.json ");
    put_named(f, EXPORT_RESULTS, 1, "o/a.json", HEX1, 10, false);
    assert_string_equal(settle(f), "+1:results/o/a.json ");
    assert_int_equal(export_index_drop(f->index, EXPORT_REQUESTS, 1), 0);
    assert_string_equal(settle(f), "-requests/o/a.json ");
    assert_int_equal(export_index_drop(f->index, EXPORT_REQUESTS, 1), 0);
    assert_string_equal(settle(f), "");
}

/* The newest has the plain name, whichever came last. */
static void
test_owner(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "o/a.json", HEX1, 10);
    put(f, 2, "o/a.json", HEX2, 5);
    assert_string_equal(settle(f), "+1:requests/o/a.json +2:requests/o/a_" HEX2 ".json ");
    put(f, 2, "o/a.json", HEX2, 20);
    assert_string_equal(settle(f), "+1:requests/o/a_" HEX1
                                   ".json +2:requests/o/a.json -requests/o/a_" HEX2 ".json ");
    assert_int_equal(export_index_drop(f->index, EXPORT_REQUESTS, 2), 0);
    assert_string_equal(settle(f), "+1:requests/o/a.json -requests/o/a_" HEX1 ".json ");
    /* The same age: the one that was stored later. */
    put(f, 3, "o/a.json", HEX2, 10);
    assert_string_equal(settle(f), "+1:requests/o/a_" HEX1 ".json +3:requests/o/a.json ");
    /* A commit instead of a branch. */
    put(f, 1, "o/a.json", "cccccccccccc", 10);
    assert_string_equal(settle(f), "+1:requests/o/a_cccccccccccc.json +3:requests/o/a.json "
                                   "-requests/o/a_" HEX1 ".json ");
}

static void
test_moved(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "o/a.json", HEX1, 10);
    (void)settle(f);
    put(f, 1, "o/b.json", HEX1, 10);
    /* What goes away goes first. */
    assert_string_equal(settle(f), "-requests/o/a.json +1:requests/o/b.json ");
}

/* What goes away does not take with it what another group has under that name. */
static void
test_same_name_twice(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "o/a.json", HEX1, 10);
    put(f, 2, "o/a.json", HEX2, 20);
    (void)settle(f);
    put(f, 3, "o/a_" HEX1 ".json", HEX1, 30);
    (void)settle(f);
    assert_int_equal(export_index_drop(f->index, EXPORT_REQUESTS, 1), 0);
    assert_string_equal(settle(f), "+2:requests/o/a.json ");
}

static void
test_found(void **state)
{
    struct fixture *f = *state;
    bool ours;

    export_index_free(f->index);
    f->index = export_index_new();
    put(f, 1, "o/a.json", HEX1, 10);
    put(f, 2, "o/a.json", HEX2, 20);
    put(f, 3, "o/b.json", HEX1, 10);
    put(f, 5, "o/d.json", HEX1, 10);
    assert_int_equal(export_index_dirty(f->index), 0);
    assert_int_equal(export_index_found(f->index, "requests/o/a.json", &ours), 0);
    assert_true(ours);
    assert_int_equal(export_index_found(f->index, "requests/o/a_" HEX1 ".json", &ours), 0);
    assert_true(ours);
    assert_int_equal(export_index_found(f->index, "requests/o/b.json", &ours), 0);
    assert_true(ours);
    assert_int_equal(export_index_found(f->index, "requests/o/b_" HEX2 ".json", &ours), 0);
    assert_true(ours); /* once, perhaps */
    assert_int_equal(export_index_found(f->index, "requests/o/c.json", &ours), 0);
    assert_false(ours);
    assert_int_equal(export_index_found(f->index, "requests/o/a_123.json", &ours), 0);
    assert_false(ours);
    assert_int_equal(export_index_settle(f->index, false), 0);
    /* b has one too many, d is missing. */
    assert_int_equal(export_index_dirty(f->index), 2);
    assert_string_equal(settle(f), "+3:requests/o/b.json -requests/o/b_" HEX2
                                   ".json +5:requests/o/d.json ");
    assert_int_equal(export_index_settle(f->index, true), 0);
    assert_int_equal(export_index_dirty(f->index), 3);
}

static void
test_names(void **state)
{
    static const char *const ours[] = {
        "requests/o/m_eval_request_False_float16_Original.json",
        "requests/m_eval_request_False_False_False.json",
        "requests/o/m_eval_request_False_float16_Original.json.123.tmp",
        "results/o/m/results_2024-05-23T07-14-41.json",
        "results/o/m/main/16bit/eval_arc.json",
        "model_infos.json.77.tmp",
    };
    static const char *const theirs[] = {"requests/README.md",
                                         "requests/o/notes.json",
                                         "results/o/m/scores.json",
                                         "README.md",
                                         "model_infos.json",
                                         "flags.json",
                                         "other/results_1.json",
                                         "requestsx/a_eval_request_b.json",
                                         "o/m_eval_request_False_float16_Original.json",
                                         "results/o/results_1.txt",
                                         "results/results_1.json.tmp.bak",
                                         "x.1.tmp"};

    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (!export_file_is_ours(ours[i]))
            fail_msg("%s", ours[i]);
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
        if (export_file_is_ours(theirs[i]))
            fail_msg("%s", theirs[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_name_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_found, setup, teardown),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
