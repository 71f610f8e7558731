/* SPDX-License-Identifier: Apache-2.0 */
/* States and the tables of the queue. */
#include <config.h>

#include "store_help.h"

#include "queue/lists.h"

static void
test_states(void **state)
{
    static const struct {
        const char *status;
        enum queue_state state;
        enum queue_table table;
    } cases[] = {
        {"PENDING", QUEUE_QUEUED, QUEUE_TABLE_PENDING},
        {"RERUN", QUEUE_RETRY_WAIT, QUEUE_TABLE_PENDING},
        {"RUNNING", QUEUE_RUNNING, QUEUE_TABLE_RUNNING},
        {"FINISHED", QUEUE_FINISHED, QUEUE_TABLE_FINISHED},
        {"FINISHED_2024", QUEUE_FINISHED, QUEUE_TABLE_FINISHED},
        {"PENDING_NEW_EVAL", QUEUE_PENDING_NEW_EVAL, QUEUE_TABLE_FINISHED},
        {"FAILED", QUEUE_FAILED, QUEUE_TABLE_FAILED},
        {"CANCELLED", QUEUE_CANCELLED, QUEUE_TABLE_CANCELLED},
        {"SUBMITTED", QUEUE_STATE_MAX, QUEUE_TABLE_NONE},
        {"pending", QUEUE_STATE_MAX, QUEUE_TABLE_NONE},
        {"PENDING ", QUEUE_STATE_MAX, QUEUE_TABLE_NONE},
        {"", QUEUE_STATE_MAX, QUEUE_TABLE_NONE},
        {NULL, QUEUE_STATE_MAX, QUEUE_TABLE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(queue_state_from_status(cases[i].status), cases[i].state);
        assert_int_equal(queue_state_table(cases[i].state), cases[i].table);
    }
    for (enum queue_state s = 0; s < QUEUE_STATE_MAX; s++)
        assert_int_equal(queue_state_from_word(queue_state_word(s)), s);
    /* Every status is one that the datasets know. */
    for (enum queue_state s = 0; s < QUEUE_STATE_MAX; s++)
        assert_int_equal(queue_state_table(queue_state_from_status(queue_state_status(s))),
                         queue_state_table(s));
    assert_string_equal(queue_state_word(QUEUE_STATE_MAX), "");
}

static void
put(struct fixture *f, const char *model, const char *status, int64_t submitted)
{
    struct request request = a_request(model);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    request.status = status;
    request.submitted = submitted;
    request.private_ = submitted == 5;
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    fixture_commit(f, txn);
}

static void
assert_table(const struct queue_lists *lists, enum queue_table table, const char *models)
{
    size_t n;
    const struct queue_entry *entries = queue_lists_table(lists, table, &n);
    char got[256] = "";

    for (size_t i = 0; i < n; i++) {
        strcat(got, entries[i].model.p);
        assert_int_equal(strlen(entries[i].model.p), entries[i].model.n);
    }
    assert_string_equal(got, models);
}

static void
test_lists(void **state)
{
    struct fixture *f = *state;
    struct queue_lists *lists;
    size_t n;
    static const char *const statuses[] = {"PENDING", "RUNNING",   "FINISHED",
                                           "FAILED",  "CANCELLED", "odd"};

    for (int i = 0; i < 6; i++) {
        char model[3] = {"prfxcu"[i], '2', 0};
        put(f, model, statuses[i], 5);
        model[1] = '1';
        put(f, model, statuses[i], 4);
        model[1] = '3';
        put(f, model, statuses[i], 5);
    }
    put(f, "s1", "RERUN", 9);
    put(f, "n1", "PENDING_NEW_EVAL", 0);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(queue_lists_build(txn, 1, &f->err, &lists), 0);
    store_abort(txn);
    assert_table(lists, QUEUE_TABLE_PENDING, "p1p2p3s1");
    assert_table(lists, QUEUE_TABLE_RUNNING, "r1r2r3");
    assert_table(lists, QUEUE_TABLE_FINISHED, "f3f2f1n1");
    assert_table(lists, QUEUE_TABLE_FAILED, "x3x2x1");
    assert_table(lists, QUEUE_TABLE_CANCELLED, "c3c2c1");
    assert_table(lists, QUEUE_TABLE_NONE, "");
    const struct queue_entry *entries = queue_lists_table(lists, QUEUE_TABLE_PENDING, &n);
    assert_true(jb_str_is(entries[1].status, "PENDING") &&
                jb_str_is(entries[1].revision, "main") &&
                jb_str_is(entries[1].precision, "float16") &&
                jb_str_is(entries[1].weight_type, "Original"));
    assert_true(entries[1].private_ && !entries[0].private_ && entries[1].submitted == 5 &&
                entries[1].id == 1);
    assert_ptr_equal(queue_lists_ref(lists), lists);
    queue_lists_unref(lists);
    assert_table(lists, QUEUE_TABLE_RUNNING, "r1r2r3");
    queue_lists_unref(lists);
    queue_lists_unref(NULL);
    assert_null(queue_lists_ref(NULL));
}

static void
test_empty_and_broken(void **state)
{
    struct fixture *f = *state;
    struct queue_lists *lists = NULL;
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct jb_error err = {0};
    enum store_outcome outcome;

    assert_int_equal(queue_lists_build(txn, 1, &err, &lists), 0);
    for (enum queue_table table = 0; table <= QUEUE_TABLE_NONE; table++)
        assert_table(lists, table, "");
    queue_lists_unref(lists);
    lists = NULL;
    /* A transaction that failed before says why. */
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "a", "", &outcome), JB_EACCES);
    assert_int_equal(queue_lists_build(txn, 1, &err, &lists), JB_EACCES);
    assert_null(lists);
    assert_non_null(strstr(err.text, "transaction for reading"));
    store_abort(txn);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        WITH_STORE(test_lists),
        WITH_STORE(test_empty_and_broken),
    };

    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
