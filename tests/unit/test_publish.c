/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "import_help.h"

#include "queue/publish.h"
#include "queue/state.h"

#define NOW    INT64_C(1764028800000000)
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define OTHER  "89abcdef0123456789abcdef0123456789abcdef"

static uint64_t
put_request(struct fixture *f, struct request r)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_request_put(txn, &r, &outcome), 0);
    fixture_commit(f, txn);
    return r.id;
}

static void
put_job(struct fixture *f, struct job job)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_job_put(txn, &job, &outcome), 0);
    fixture_commit(f, txn);
}

static void
put_note(struct fixture *f, enum store_note kind, const char *name, const char *text)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_note_put(txn, kind, name, text, &outcome), 0);
    fixture_commit(f, txn);
}

static bool
goes_out(struct fixture *f, const struct request *request, const struct result *result,
         const char *model, int64_t now)
{
    struct queue_publish *publish = queue_publish_new(now);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct export_rule rule = queue_publish_rule(publish);
    int rc = request  ? rule.request(rule.ctx, txn, request)
             : result ? rule.result(rule.ctx, txn, result)
                      : rule.model(rule.ctx, txn, model);

    store_abort(txn);
    queue_publish_free(publish);
    assert_true(rc == 0 || rc == 1);
    return rc;
}

static bool
request_goes_out(struct fixture *f, uint64_t id)
{
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct request r;

    assert_int_equal(store_request_get(txn, id, f->arena, &r), 0);
    store_abort(txn);
    return goes_out(f, &r, NULL, NULL, NOW);
}

static void
test_requests(void **state)
{
    static const struct {
        enum queue_state state;
        bool out;
    } all[] = {{QUEUE_SUBMITTED, false}, {QUEUE_QUEUED, true},    {QUEUE_RUNNING, true},
               {QUEUE_FINISHED, true},   {QUEUE_FAILED, true},    {QUEUE_CANCELLED, true},
               {QUEUE_DUPLICATE, false}, {QUEUE_RETRY_WAIT, true}};
    struct fixture *f = *state;
    uint64_t id = put_request(f, a_request("o/m"));

    assert_true(request_goes_out(f, id)); /* imported: no job */
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct job job = {.id = id, .state = queue_state_word(all[i].state)};
        put_job(f, job);
        assert_int_equal(request_goes_out(f, id), all[i].out);
        job.hidden = true;
        put_job(f, job);
        assert_false(request_goes_out(f, id));
    }
    id = put_request(f, a_request("o/old"));
    assert_true(request_goes_out(f, id));
    assert_true(goes_out(f, NULL, NULL, "o/old", NOW));
    put_note(f, NOTE_ALIAS, "o/old", "o/new");
    assert_true(request_goes_out(f, id));
    put_note(f, NOTE_HIDDEN, "o/new", "");
    assert_false(request_goes_out(f, id));
    assert_false(goes_out(f, NULL, NULL, "o/old", NOW));
    assert_false(goes_out(f, NULL, NULL, "o/new", NOW));
    assert_true(goes_out(f, NULL, NULL, "o/m", NOW));
}

static struct job
finished(uint64_t id, int64_t embargo, bool hidden)
{
    return (struct job){.id = id,
                        .state = queue_state_word(QUEUE_FINISHED),
                        .embargo = embargo,
                        .hidden = hidden};
}

static void
test_embargo(void **state)
{
    struct fixture *f = *state;
    struct result of = a_result("o/m", "o/m/results_1.json"), newer = of, eight = of, bare = of;
    struct request r = a_request("o/m");

    newer.revision = OTHER;
    eight.precision = "8bit";
    bare.revision = "";
    assert_true(goes_out(f, NULL, &of, NULL, NOW)); /* nobody asked for it */
    r.commit = COMMIT;
    uint64_t id = put_request(f, r);
    assert_true(goes_out(f, NULL, &of, NULL, NOW));
    put_job(f, finished(id, NOW + 1, false));
    assert_false(goes_out(f, NULL, &of, NULL, NOW));
    assert_false(goes_out(f, NULL, &bare, NULL, NOW));
    assert_true(goes_out(f, NULL, &newer, NULL, NOW));
    assert_true(goes_out(f, NULL, &eight, NULL, NOW));
    assert_true(goes_out(f, NULL, &of, NULL, NOW + 1));
    /* A branch whose commit nobody knows may be any. */
    r.id = id;
    r.commit = "";
    put_request(f, r);
    assert_false(goes_out(f, NULL, &newer, NULL, NOW));
    /* Under whatever name. */
    of.model = "o/renamed";
    assert_true(goes_out(f, NULL, &of, NULL, NOW));
    put_note(f, NOTE_ALIAS, "o/m", "o/renamed");
    assert_false(goes_out(f, NULL, &of, NULL, NOW));
    put_note(f, NOTE_ALIAS, "o/third", "o/m");
    of.model = "o/third";
    assert_false(goes_out(f, NULL, &of, NULL, NOW));
}

static void
test_hidden(void **state)
{
    struct fixture *f = *state;
    struct result of = a_result("o/m", "o/m/results_1.json");
    struct request branch = a_request("o/m"), exact = branch;
    uint64_t id = put_request(f, branch);

    put_job(f, finished(id, 0, true));
    assert_false(goes_out(f, NULL, &of, NULL, NOW));
    exact.revision = COMMIT;
    exact.commit = COMMIT;
    uint64_t other = put_request(f, exact);
    assert_true(goes_out(f, NULL, &of, NULL, NOW));
    /* The nearer one decides. */
    put_job(f, finished(id, 0, false));
    put_job(f, finished(other, 0, true));
    assert_false(goes_out(f, NULL, &of, NULL, NOW));
    put_job(f, finished(other, 0, false));
    assert_true(goes_out(f, NULL, &of, NULL, NOW));
    put_note(f, NOTE_HIDDEN, "o/m", "asked for by its author");
    assert_false(goes_out(f, NULL, &of, NULL, NOW));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_embargo, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_hidden, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
