/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over records, the counters that move with them, and the change log. */
#include <config.h>

#include "records_help.h"

static int
see_request(void *ctx, const struct request *request)
{
    struct seen *seen = ctx;

    assert_true(seen->n < 32);
    seen->ids[seen->n] = request->id;
    seen->docs += request->doc.n;
    snprintf(seen->name[seen->n++], 64, "%s", request->model);
    return 0;
}

static int
see_result(void *ctx, const struct result *result)
{
    struct seen *seen = ctx;

    assert_true(seen->n < 32);
    seen->ids[seen->n] = result->id;
    seen->docs += result->doc.n;
    snprintf(seen->name[seen->n++], 64, "%s", result->path);
    return 0;
}

static int
see_change(void *ctx, const struct change *change)
{
    struct seen *seen = ctx;

    assert_true(seen->n < 32);
    assert_string_equal(change->actor, "test");
    assert_true(change->time > INT64_C(1500000000000000));
    seen->ids[seen->n] = change->seq;
    snprintf(seen->name[seen->n++], 64, "%s %s %d %s", change->kind, change->action,
             (int)change->id, change->name);
    return 0;
}

static void
test_moves(void **state)
{
    struct fixture *f = *state;
    struct request request = a_request("a/b"), aliased = a_request("a/old");
    struct result result = a_result("a/b", "a/b/results_1.json");
    struct store_seq seq = fixture_seq(f);

    /* A request of a model without results is not on the board, ... */
    assert_int_equal(put_request(f, &request), STORE_NEW);
    assert_moved(f, &seq, 0, 1, 1);
    request.likes = 1;
    assert_int_equal(put_request(f, &request), STORE_CHANGED);
    assert_moved(f, &seq, 0, 0, 1);
    assert_int_equal(put_result(f, &result), STORE_NEW);
    assert_moved(f, &seq, 1, 0, 1);
    /* ... with results it is. */
    request.likes = 2;
    assert_int_equal(put_request(f, &request), STORE_CHANGED);
    assert_moved(f, &seq, 1, 0, 1);
    request.status = "FINISHED";
    assert_int_equal(put_request(f, &request), STORE_CHANGED);
    assert_moved(f, &seq, 1, 1, 1);
    request.job_id = "12";
    assert_int_equal(put_request(f, &request), STORE_CHANGED);
    assert_moved(f, &seq, 0, 0, 1);
    /* Under another name it may be there, too. */
    assert_int_equal(put_request(f, &aliased), STORE_NEW);
    assert_moved(f, &seq, 0, 1, 1);
    assert_int_equal(put_note(f, NOTE_ALIAS, "a/old", "a/b"), STORE_NEW);
    assert_moved(f, &seq, 1, 0, 1);
    aliased.likes = 3;
    assert_int_equal(put_request(f, &aliased), STORE_CHANGED);
    assert_moved(f, &seq, 1, 0, 1);
    /* Each counter grows by one, however much a transaction changes. */
    fixture_fill(f, 10);
    assert_moved(f, &seq, 1, 1, 20);
    /* What is aborted never was. */
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "x", "y", &outcome), 0);
    store_abort(txn);
    assert_moved(f, &seq, 0, 0, 0);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_request_delete(txn, request.id), 0);
    fixture_commit(f, txn);
    assert_moved(f, &seq, 1, 1, 1);
    assert_sound(f);
}

static void
test_walks(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};

    fixture_fill(f, 10);
    struct request second = a_request("org1/model-1");
    second.precision = "8bit";
    assert_int_equal(put_request(f, &second), STORE_NEW);
    struct request longer = a_request("org1/model-10"); /* begins like the other */
    assert_int_equal(put_request(f, &longer), STORE_NEW);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_requests_each(txn, f->arena, false, see_request, &seen), 0);
    assert_int_equal(seen.n, 12);
    assert_int_equal(seen.docs, 0);
    for (int i = 0; i < 12; i++)
        assert_int_equal(seen.ids[i], i + 1);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(store_requests_each(txn, f->arena, true, see_request, &seen), 0);
    assert_int_equal(seen.docs, 10 * strlen("{\"model\": \"x\"}"));
    memset(&seen, 0, sizeof seen);
    assert_int_equal(store_results_each(txn, f->arena, true, see_result, &seen), 0);
    assert_int_equal(seen.n, 10);
    assert_int_equal(seen.docs, 10 * strlen("{\"results\": {}}"));
    memset(&seen, 0, sizeof seen);
    assert_int_equal(
        store_model_requests(txn, "org1/model-1", f->arena, true, see_request, &seen), 0);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.ids[0], 2);
    assert_int_equal(seen.ids[1], second.id);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(
        store_model_results(txn, "org1/model-1", f->arena, false, see_result, &seen), 0);
    assert_int_equal(seen.n, 1);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(store_model_results(txn, "org1/model", f->arena, false, see_result, &seen),
                     0);
    assert_int_equal(store_model_results(txn, "", f->arena, false, see_result, &seen), 0);
    assert_int_equal(seen.n, 0);
    store_abort(txn);
}

struct rewriter {
    struct store_txn *txn;
    int n;
};

/* Deletes every third, changes the others. */
static int
rewrite(void *ctx, const struct request *request)
{
    struct rewriter *r = ctx;
    struct request changed = *request;
    enum store_outcome outcome;

    if (++r->n % 3 == 0)
        return store_request_delete(r->txn, request->id);
    changed.status = "CANCELLED";
    changed.architectures =
        "a much longer value than was there before, so that the record moves within its page";
    return store_request_put(r->txn, &changed, &outcome);
}

static void
test_writing_in_a_walk(void **state)
{
    struct fixture *f = *state;
    struct store_stat stat_;

    fixture_fill(f, 300);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct rewriter r = {txn, 0};
    assert_int_equal(store_requests_each(txn, f->arena, false, rewrite, &r), 0);
    assert_int_equal(r.n, 300);
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_stat_get(txn, &stat_), 0);
    assert_int_equal(stat_.requests, 200);
    assert_int_equal(stat_.results, 300);
    assert_int_equal(stat_.changes, 900);
    struct request got;
    assert_int_equal(store_request_get(txn, 299, f->arena, &got), 0);
    assert_string_equal(got.status, "CANCELLED");
    assert_true(jb_str_is(got.doc, "{\"model\": \"x\"}"));
    store_abort(txn);
    assert_sound(f);
}

static void
test_arena_too_small(void **state)
{
    struct fixture *f = *state;
    struct jb_arena *small = jb_arena_new(64);
    struct request got;

    assert_non_null(small);
    fixture_fill(f, 1);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_request_get(txn, 1, small, &got), JB_ENOMEM);
    store_abort(txn);
    jb_arena_free(small);
}

static void
test_changes(void **state)
{
    struct fixture *f = *state;
    struct request request = a_request("a/b");
    struct result result = a_result("a/b", "a/b/results_1.json");
    struct model_info model = {.model = "a/b", .likes = NAN};
    struct seen seen = {0};

    put_request(f, &request);
    put_result(f, &result);
    put_model(f, &model);
    put_note(f, NOTE_FLAG, "a/b", "");
    put_note(f, NOTE_ALIAS, "a/c", "a/b");
    put_note(f, NOTE_BLOCKED, "a/d", "asked for it");
    request.status = "RUNNING";
    put_request(f, &request);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    store_result_delete(txn, 1);
    store_request_delete(txn, 1);
    store_note_delete(txn, NOTE_FLAG, "a/b");
    store_model_delete(txn, "a/b");
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_changes_each(txn, 0, f->arena, see_change, &seen), 0);
    static const char *const expected[] = {
        "request new 1 a/b main float16 Original",
        "result new 1 a/b results_1.json",
        "model new 0 a/b",
        "flag new 0 a/b",
        "alias new 0 a/c",
        "blocked new 0 a/d",
        "request changed 1 a/b main float16 Original",
        "result deleted 1 a/b results_1.json",
        "request deleted 1 a/b main float16 Original",
        "flag deleted 0 a/b",
        "model deleted 0 a/b",
    };
    assert_int_equal(seen.n, sizeof expected / sizeof *expected);
    for (int i = 0; i < seen.n; i++) {
        assert_int_equal(seen.ids[i], i + 1);
        assert_string_equal(seen.name[i], expected[i]);
    }
    memset(&seen, 0, sizeof seen);
    assert_int_equal(store_changes_each(txn, 9, f->arena, see_change, &seen), 0);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.ids[0], 10);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(store_changes_each(txn, 11, f->arena, see_change, &seen), 0);
    assert_int_equal(store_changes_each(txn, UINT64_MAX, f->arena, see_change, &seen), 0);
    assert_int_equal(seen.n, 0);
    store_abort(txn);
    assert_sound(f);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_moves),
        WITH_STORE(test_walks),
        WITH_STORE(test_writing_in_a_walk),
        WITH_STORE(test_arena_too_small),
        WITH_STORE(test_changes),
    };

    return cmocka_run_group_tests_name("store_walks", tests, NULL, NULL);
}
