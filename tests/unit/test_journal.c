/* SPDX-License-Identifier: Apache-2.0 */
/* The journal, as kill -9 at each of its steps leaves it. */
#include <config.h>

#include "tests/unit/agent_help.h"

struct spooled {
    char dir[64], spool[80];
    struct journal *j;
    struct journal_limits limits;
    struct run_lease lease;
    struct jb_arena *arena;
};

static void
reopen(struct spooled *s)
{
    struct jb_error err = {0};

    journal_close(s->j);
    s->j = NULL;
    if (journal_open(s->spool, &s->limits, &err, &s->j))
        fail_msg("%s", err.text);
}

static int
setup(void **state)
{
    struct spooled *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    help_folder(s->dir);
    snprintf(s->spool, sizeof(s->spool), "%s/spool", s->dir);
    s->limits.attempts = 8;
    s->lease = (struct run_lease){"boot", 1000, 1000};
    s->arena = jb_arena_new(16 << 20);
    assert_non_null(s->arena);
    reopen(s);
    *state = s;
    return 0;
}

static int
teardown(void **state)
{
    struct spooled *s = *state;

    journal_close(s->j);
    help_remove(s->dir);
    jb_arena_free(s->arena);
    free(s);
    return 0;
}

static int
add(struct spooled *s, int number, struct attempt **ret)
{
    static struct spec_task tasks[3];
    struct wire_offer offer;
    struct jb_error err = {0};

    help_offer(&offer, tasks, number, "good", 3);
    assert_int_equal(spec_hash(&offer.spec, offer.spec_hash), 0);
    return journal_add(s->j, &offer, number % 4, &s->lease, &err, ret);
}

static char *
path_of(struct spooled *s, int number, const char *file)
{
    return jb_arena_printf(s->arena, "%s/attempts/%032x/%s", s->spool, number, file);
}

static void
test_kept(void **state)
{
    struct spooled *s = *state;
    struct attempt *a;
    struct jb_str doc;
    struct jb_error err = {0};

    assert_int_equal(add(s, 1, &a), 0);
    assert_int_equal(add(s, 1, &a), JB_EEXIST);
    a->phase = WIRE_FAILED;
    strcpy(a->failure, "timeout");
    strcpy(a->reason, "\"it\" took 中文 too long");
    a->cancel = true;
    assert_int_equal(journal_part_put(s->j, a, "arc", JB_STR("{\"a\":1}"), 1.5, &err), 0);
    assert_int_equal(journal_part_put(s->j, a, "sem", JB_STR("{}"), 2, &err), 0);
    assert_int_equal(journal_part_put(s->j, a, "arc", JB_STR("{\"a\":2}"), 2.5, &err), 0);
    assert_int_equal(a->n_parts, 2);
    reopen(s);
    assert_int_equal(journal_count(s->j), 1);
    a = journal_find(s->j, "00000000000000000000000000000001");
    assert_non_null(a);
    assert_int_equal(a->phase, WIRE_FAILED);
    assert_string_equal(a->failure, "timeout");
    assert_string_equal(a->reason, "\"it\" took 中文 too long");
    assert_true(a->cancel);
    assert_int_equal(a->slot, 1);
    assert_string_equal(a->boot_id, "boot");
    assert_int_equal(a->n_parts, 2);
    assert_true(a->parts[0].seconds == 2.5);
    assert_int_equal(a->offer.spec.n_tasks, 3);
    assert_int_equal(journal_part_get(a, "arc", s->arena, &err, &doc), 0);
    assert_true(jb_str_is(doc, "{\"a\":2}"));
    assert_int_equal(journal_part_get(a, "mmlu", s->arena, NULL, &doc), JB_ENOENT);
    /* a result that changed on the disk is not passed on */
    FILE *f = fopen(path_of(s, 1, "results/arc.json"), "w");
    assert_non_null(f);
    fputs("{\"a\":3}", f);
    fclose(f);
    assert_int_equal(journal_part_get(a, "arc", s->arena, NULL, &doc), JB_ECORRUPT);
    assert_int_equal(journal_remove(s->j, a, &err), 0);
    assert_int_equal(journal_count(s->j), 0);
    reopen(s);
    assert_int_equal(journal_count(s->j), 0);
    assert_int_equal(add(s, 1, &a), JB_ECONFLICT);
}

static void
test_one_agent(void **state)
{
    struct spooled *s = *state;
    struct journal *other;
    struct jb_error err = {0};

    assert_int_equal(journal_open(s->spool, &s->limits, &err, &other), JB_EBUSY);
}

/* Adding: fence raised, folder made aside, files in it one by one, renamed. */
static void
test_killed_while_adding(void **state)
{
    static const char *const files[] = {"results", "offer.json", "lease", "state.json"};
    struct spooled *s = *state;
    struct attempt *a;

    for (size_t steps = 0; steps <= 4; steps++) {
        int number = 10 + (int)steps;
        char aside[160], from[200], to[200];

        assert_int_equal(add(s, number, &a), 0);
        /* back to what it was after so many steps */
        snprintf(aside, sizeof(aside), "%s/attempts/.new-%032x", s->spool, number);
        snprintf(from, sizeof(from), "%s/attempts/%032x", s->spool, number);
        assert_int_equal(rename(from, aside), 0);
        for (size_t k = steps; k < 4; k++) {
            snprintf(to, sizeof(to), "%s/%s", aside, files[k]);
            tree_remove(AT_FDCWD, to, NULL);
        }
        if (steps < 4) { /* a file is written halfway */
            snprintf(to, sizeof(to), "%s/.%s.new", aside, files[steps]);
            FILE *f = fopen(to, "w");
            assert_non_null(f);
            fputs("{\"half", f);
            fclose(f);
        }
        reopen(s);
        assert_int_equal(journal_count(s->j), 0);
        assert_int_not_equal(access(aside, F_OK), 0);
        /* the same offer comes again and is taken */
        assert_int_equal(add(s, number, &a), 0);
        a->phase = WIRE_CANCELLED;
        assert_int_equal(journal_remove(s->j, a, NULL), 0);
    }
}

/* Writing a file: half of it aside, or all of it aside but not renamed. */
static void
test_killed_while_saving(void **state)
{
    struct spooled *s = *state;
    struct attempt *a;

    assert_int_equal(add(s, 1, &a), 0);
    a->phase = WIRE_RUNNING;
    assert_int_equal(journal_save(s->j, a, NULL), 0);
    for (int half = 0; half < 2; half++) {
        FILE *f = fopen(path_of(s, 1, ".state.json.new"), "w");
        assert_non_null(f);
        fputs(half ? "{\"phase\":\"succ" : "", f);
        fclose(f);
        reopen(s);
        assert_int_equal(journal_count(s->j), 1);
        a = journal_at(s->j, 0);
        assert_int_equal(a->phase, WIRE_RUNNING);
        assert_int_equal(journal_save(s->j, a, NULL), 0);
    }
    /* a result is there, its entry in the state is not: it is collected again */
    assert_int_equal(journal_part_put(s->j, a, "arc", JB_STR("{}"), 1, NULL), 0);
    a->n_parts = 0;
    assert_int_equal(journal_save(s->j, a, NULL), 0);
    reopen(s);
    a = journal_at(s->j, 0);
    assert_int_equal(a->n_parts, 0);
    assert_int_equal(journal_part_put(s->j, a, "arc", JB_STR("{}"), 1, NULL), 0);
}

static void
test_killed_while_removing(void **state)
{
    struct spooled *s = *state;
    struct attempt *a;
    char from[400], to[400];

    /* the fence closed, the folder there still: DELETE comes again */
    assert_int_equal(add(s, 1, &a), 0);
    assert_int_equal(journal_remove(s->j, a, NULL), JB_EBUSY);
    a->phase = WIRE_SUCCEEDED;
    assert_int_equal(journal_save(s->j, a, NULL), 0);
    snprintf(from, sizeof(from), "cp -a %s/attempts %s/copy", s->spool, s->dir);
    assert_int_equal(system(from), 0);
    assert_int_equal(journal_remove(s->j, a, NULL), 0);
    snprintf(from, sizeof(from), "cp -a %s/copy/. %s/attempts/", s->dir, s->spool);
    assert_int_equal(system(from), 0);
    reopen(s);
    assert_int_equal(journal_count(s->j), 1);
    a = journal_at(s->j, 0);
    assert_int_equal(a->phase, WIRE_SUCCEEDED);
    assert_int_equal(journal_remove(s->j, a, NULL), 0);
    /* renamed away, not yet removed */
    assert_int_equal(add(s, 2, &a), 0);
    snprintf(from, sizeof(from), "%s/attempts/%032x", s->spool, 2);
    snprintf(to, sizeof(to), "%s/attempts/.old-%032x", s->spool, 2);
    assert_int_equal(rename(from, to), 0);
    reopen(s);
    assert_int_equal(journal_count(s->j), 0);
    assert_int_not_equal(access(to, F_OK), 0);
}

static void
test_damaged(void **state)
{
    struct spooled *s = *state;
    struct attempt *a;
    char path[160];

    assert_int_equal(add(s, 1, &a), 0);
    assert_int_equal(add(s, 2, &a), 0);
    FILE *f = fopen(path_of(s, 1, "state.json"), "w");
    assert_non_null(f);
    fputs("{}", f);
    fclose(f);
    jb_log_level_set(-1);
    reopen(s);
    jb_log_level_set(JB_LOG_ERR);
    assert_int_equal(journal_count(s->j), 1);
    snprintf(path, sizeof(path), "%s/attempts/.bad-%032x/cancel", s->spool, 1);
    assert_int_equal(access(path, F_OK), 0);
}

static void
test_fences(void **state)
{
    struct spooled *s = *state;
    struct wire_offer offer;
    struct spec_task tasks[3];
    struct attempt *a;
    struct jb_error err = {0};

    assert_int_equal(add(s, 5, &a), 0); /* job 5, fence 50 */
    for (int again = 0; again < 2; again++) {
        assert_int_equal(journal_fence_check(s->j, 5, 49, &err), JB_ECONFLICT);
        assert_int_equal(journal_fence_check(s->j, 5, 50, NULL), 0);
        assert_int_equal(journal_fence_check(s->j, 5, 51, NULL), 0);
        assert_int_equal(journal_fence_check(s->j, 6, 1, NULL), 0);
        reopen(s);
    }
    assert_non_null(strstr(err.text, "50"));
    /* a refused one changes nothing */
    help_offer(&offer, tasks, 5, "good", 1);
    offer.id[0] = 'a';
    offer.fence = 40;
    assert_int_equal(spec_hash(&offer.spec, offer.spec_hash), 0);
    assert_int_equal(journal_add(s->j, &offer, 0, &s->lease, NULL, &a), JB_ECONFLICT);
    assert_int_equal(journal_count(s->j), 1);
}

static void
test_bounds(void **state)
{
    struct spooled *s = *state;
    struct attempt *a;

    for (int i = 1; i <= 8; i++)
        assert_int_equal(add(s, i, &a), 0);
    assert_int_equal(add(s, 9, &a), JB_ELIMIT);
    a = journal_at(s->j, 3);
    a->phase = WIRE_LOST;
    assert_int_equal(journal_remove(s->j, a, NULL), 0);
    assert_int_equal(journal_count(s->j), 7);
    s->limits.bytes = 1024;
    reopen(s);
    assert_int_equal(journal_count(s->j), 7);
    assert_int_equal(add(s, 9, &a), JB_EFULL);
}

static void
test_spool(void **state)
{
    struct spooled *s = *state;
    struct jb_buf text = JB_BUF(1 << 20);
    struct spool log;
    uint64_t epoch, end;
    char line[32];
    int dir = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(spool_look(dir, NULL, &epoch, &end), 0);
    assert_true(epoch == 0 && end == 0);
    assert_int_equal(spool_open(dir, 8192, NULL, &log), 0);
    for (int i = 0; i < 2000; i++) {
        int n = snprintf(line, sizeof(line), "line %d\n", i);
        assert_int_equal(spool_write(&log, (struct jb_str){line, (size_t)n}, NULL), 0);
        if (i == 500) { /* the writer starts again */
            spool_close(&log);
            assert_int_equal(spool_open(dir, 8192, NULL, &log), 0);
        }
    }
    assert_int_equal(spool_look(dir, NULL, &epoch, &end), 0);
    assert_true(epoch == log.epoch && end == log.end && end <= 8192);
    assert_int_equal(spool_read(dir, epoch, 0, 1 << 20, NULL, &text), 0);
    assert_int_equal(text.n, end);
    assert_int_equal(strncmp(text.p, "line 0\nline 1\n", 14), 0);
    assert_non_null(strstr(text.p, "left out here"));
    assert_string_equal(text.p + text.n - 10, "line 1999\n");
    assert_int_equal(spool_read(dir, epoch, end + 1, 10, NULL, &text), JB_EINVAL);
    assert_int_equal(spool_read(dir, epoch - 1, 0, 10, NULL, &text), JB_ENOENT);
    spool_close(&log);
    jb_buf_free(&text);
    close(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kept),
        TEST(test_one_agent),
        TEST(test_killed_while_adding),
        TEST(test_killed_while_saving),
        TEST(test_killed_while_removing),
        TEST(test_damaged),
        TEST(test_fences),
        TEST(test_bounds),
        TEST(test_spool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
