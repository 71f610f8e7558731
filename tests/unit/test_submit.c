/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 1 of a submission: checks, their order, the quota, nonces and secrets. */
#include <config.h>

#include "queue_help.h"

static void
assert_refused(struct fixture *f, const struct submission *s, const char *code,
               enum answer_kind kind, int status)
{
    struct store_seq before = fixture_seq(f);
    struct queue_answer a = queue_send_at(f, s, NOW);
    struct store_seq after = fixture_seq(f);

    assert_string_equal(a.code, code);
    assert_int_equal(a.kind, kind);
    assert_int_equal(a.status, status);
    assert_true(a.zh && *a.zh && a.en && *a.en);
    assert_null(a.secret);
    assert_int_equal(before.change, after.change);
}

static void
test_accepted(void **state)
{
    struct fixture *f = *state;
    struct submission s = queue_submission("  Org/Model-7b \n");
    struct request r;

    s.base_model = JB_STR(" base/model ");
    s.precision = JB_STR("float16 (half)");
    struct queue_answer a = queue_send_at(f, &s, NOW);
    assert_string_equal(a.code, "accepted");
    assert_non_null(a.secret);
    assert_int_equal(strlen(a.secret), QUEUE_SECRET_SIZE - 1);
    struct job job = queue_job(f, a.request, &r);
    assert_string_equal(job.state, "SUBMITTED");
    assert_string_equal(r.status, "PENDING");
    assert_string_equal(r.model, "Org/Model-7b");
    assert_string_equal(r.revision, "main");
    assert_string_equal(r.precision, "float16");
    assert_string_equal(r.base_model, "base/model");
    assert_string_equal(r.model_type, "🟢 : pretrained");
    assert_int_equal(r.submitted, NOW);
    assert_int_equal(job.round, 1);
    assert_int_equal(job.accepted, NOW);
    assert_string_equal(job.owner, "org");
    assert_true(job.charged);
    assert_true(queue_secret_fits(&job, jb_str(a.secret)));
    assert_false(queue_secret_fits(&job, JB_STR("jbs_0000")));
    assert_false(queue_secret_fits(&job, JB_STR("")));
    assert_int_equal(queue_used(f, "org"), 1);
    assert_sound(f);
}

static void
test_refusals(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *model, *code;
    } models[] = {
        {"", "model_missing"},
        {"   ", "model_missing"},
        {"a/b/c", "model_invalid"},
        {"../etc/passwd", "model_invalid"},
        {"org/..", "model_invalid"},
        {"https://huggingface.co/org/model", "model_invalid"},
        {"org/mo del", "model_invalid"},
        {"org/m</script>", "model_invalid"},
        {"org/m\"x", "model_invalid"},
        {"org/m,x=1", "model_invalid"},
        {"org/m=x", "model_invalid"},
        {"org/m\x01x", "model_invalid"},
        {"org/m\xe2\x80\xae"
         "x",
         "model_invalid"},
        {"huggingface.co\xe2\x81\x84"
         "org/m",
         "model_invalid"},
        {"-rf/x", "model_invalid"},
    };
    struct submission s;

    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        s = queue_submission(models[i].model);
        assert_refused(f, &s, models[i].code, ANSWER_ERROR, 422);
    }
    s = queue_submission("org/model");
    s.model = (struct jb_str){"org/model\0x", 11};
    assert_refused(f, &s, "model_invalid", ANSWER_ERROR, 422);
    char *long_name = malloc(10001);
    memset(long_name, 'a', 10000);
    long_name[10000] = '\0';
    s = queue_submission(long_name);
    assert_refused(f, &s, "model_invalid", ANSWER_ERROR, 422);
    free(long_name);
    s = queue_submission("org/model");
    s.revision = JB_STR("a b");
    assert_refused(f, &s, "revision_invalid", ANSWER_ERROR, 422);
    s.revision = JB_STR("../x");
    assert_refused(f, &s, "revision_invalid", ANSWER_ERROR, 422);
    s = queue_submission("org/model");
    s.precision = JB_STR("?");
    assert_refused(f, &s, "precision_invalid", ANSWER_ERROR, 422);
    s.precision = JB_STR("float64");
    assert_refused(f, &s, "precision_invalid", ANSWER_ERROR, 422);
    s = queue_submission("org/model");
    s.weight_type = JB_STR("original");
    assert_refused(f, &s, "weight_type_invalid", ANSWER_ERROR, 422);
    s.weight_type = JB_STR("Adapter");
    assert_refused(f, &s, "base_model_missing", ANSWER_ERROR, 422);
    s.base_model = JB_STR("a b");
    assert_refused(f, &s, "base_model_invalid", ANSWER_ERROR, 422);
    s = queue_submission("org/model");
    s.nonce = JB_STR("short");
    assert_refused(f, &s, "nonce_invalid", ANSWER_ERROR, 422);
    f->conf.submit.open = false;
    struct submit_rules rules = queue_rules(f);
    f->conf.submit.open = false;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct queue_answer a;
    s = queue_submission("org/model");
    assert_int_equal(queue_submit(txn, &rules, &s, NOW, f->arena, &f->err, &a), 0);
    store_abort(txn);
    assert_string_equal(a.code, "closed");
    assert_int_equal(a.status, 403);
}

static void
test_types(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = {"💬 : chat models (RLHF, DPO, IFT, ...)",
                                       "💬 chat models (RLHF, DPO, IFT, ...)", "💬", "chat",
                                       "chat models (RLHF, DPO, IFT, ...)"};
    static const char *const bad[] = {"", "?", "💬x", "chatty", "🟢 : chat"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char model[32];
        struct request r;
        snprintf(model, sizeof model, "o%zu/m", i);
        struct submission s = queue_submission(model);
        s.model_type = jb_str(good[i]);
        struct queue_answer a = queue_send_at(f, &s, NOW);
        assert_string_equal(a.code, "accepted");
        queue_job(f, a.request, &r);
        assert_string_equal(r.model_type, good[0]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct submission s = queue_submission("org/m");
        s.model_type = jb_str(bad[i]);
        assert_refused(f, &s, "model_type_missing", ANSWER_ERROR, 422);
    }
}

/* Each later check is also broken: the first one answers. */
static void
test_precedence(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;
    struct submission s;

    assert_int_equal(store_note_put(txn, NOTE_BLOCKED, "Org/Blocked", "asked", &outcome), 0);
    fixture_commit(f, txn);
    queue_accepted(f, "org/there");
    for (int i = 0; i < 4; i++) {
        char model[32];
        snprintf(model, sizeof model, "org/m%d", i);
        queue_accepted(f, model);
    }
    s = queue_submission("org/blocked");
    s.model_type = JB_STR("");
    assert_refused(f, &s, "model_type_missing", ANSWER_ERROR, 422);
    s.model_type = JB_STR("chat");
    assert_refused(f, &s, "quota", ANSWER_ERROR, 429);
    s = queue_submission("org/there");
    assert_refused(f, &s, "quota", ANSWER_ERROR, 429);
    f->conf.submit.quota = 6;
    struct submit_rules rules = queue_rules(f);
    f->conf.submit.quota = 6;
    struct queue_answer a;
    txn = fixture_begin(f, STORE_WRITE);
    s = queue_submission("ORG/blocked");
    s.weight_type = JB_STR("Adapter");
    assert_int_equal(queue_submit(txn, &rules, &s, NOW, f->arena, &f->err, &a), 0);
    assert_string_equal(a.code, "blocked");
    assert_int_equal(a.kind, ANSWER_WARNING);
    s = queue_submission("org/there");
    s.weight_type = JB_STR("Adapter");
    assert_int_equal(queue_submit(txn, &rules, &s, NOW, f->arena, &f->err, &a), 0);
    assert_string_equal(a.code, "base_model_missing");
    s = queue_submission("org/there");
    assert_int_equal(queue_submit(txn, &rules, &s, NOW, f->arena, &f->err, &a), 0);
    assert_string_equal(a.code, "duplicate");
    assert_int_equal(a.status, 409);
    assert_int_equal(a.request, 1);
    store_abort(txn);
}

static void
test_quota(void **state)
{
    struct fixture *f = *state;
    struct submission s;
    struct queue_answer a;
    char model[32];

    for (int i = 0; i < 6; i++) {
        snprintf(model, sizeof model, "%s/m%d", i % 2 ? "ORG" : "org", i);
        s = queue_submission(model);
        a = queue_send_at(f, &s, NOW + i * SECOND_US);
        assert_string_equal(a.code, i < 5 ? "accepted" : "quota");
    }
    /* The first of them leaves the window after seven days. */
    assert_int_equal(a.retry_after, 7 * 86400 - 5);
    assert_non_null(strstr(a.en, "5"));
    s = queue_submission("org/m9");
    a = queue_send_at(f, &s, NOW + 7 * DAY_US - SECOND_US);
    assert_string_equal(a.code, "quota");
    a = queue_send_at(f, &s, NOW + 7 * DAY_US);
    assert_string_equal(a.code, "accepted");
    for (int i = 0; i < 11; i++) {
        snprintf(model, sizeof model, "big/m%d", i);
        assert_string_equal(queue_send(f, model).code, i < 10 ? "accepted" : "quota");
    }
    /* Bare names share one. */
    for (int i = 0; i < 6; i++) {
        snprintf(model, sizeof model, "bare%d", i);
        assert_string_equal(queue_send(f, model).code, i < 5 ? "accepted" : "quota");
    }
    for (int i = 0; i < 8; i++) {
        char revision[16];
        snprintf(revision, sizeof revision, "r%d", i);
        s = queue_submission("jinbang/random");
        s.revision = jb_str(revision);
        a = queue_send_at(f, &s, NOW);
        assert_string_equal(a.code, "queued");
        assert_int_equal(a.kind, ANSWER_SUCCESS);
    }
    assert_sound(f);
}

static void
test_nonce(void **state)
{
    struct fixture *f = *state;
    struct submission s = queue_submission("org/model");

    s.nonce = JB_STR("0123456789abcdef");
    struct queue_answer first = queue_send_at(f, &s, NOW);
    struct queue_answer again = queue_send_at(f, &s, NOW + DAY_US);
    assert_string_equal(again.code, "accepted");
    assert_int_equal(first.request, again.request);
    assert_string_equal(first.secret, again.secret);
    assert_int_equal(queue_used(f, "org"), 1);
    /* Not even a full quota changes the answer. */
    for (int i = 0; i < 4; i++) {
        char model[32];
        snprintf(model, sizeof model, "org/m%d", i);
        queue_accepted(f, model);
    }
    assert_string_equal(queue_send_at(f, &s, NOW).secret, first.secret);
    struct submission other = queue_submission("org2/other");
    other.nonce = s.nonce;
    assert_refused(f, &other, "nonce_reused", ANSWER_ERROR, 422);
    other.nonce = JB_STR("0123456789abcdeg");
    struct queue_answer second = queue_send_at(f, &other, NOW);
    assert_string_equal(second.code, "accepted");
    assert_string_not_equal(second.secret, first.secret);
    /* Without one: the second time it is there already, and nobody gets the secret. */
    struct submission plain = queue_submission("org2/other");
    struct queue_answer third = queue_send_at(f, &plain, NOW);
    assert_string_equal(third.code, "duplicate");
    assert_null(third.secret);
    assert_int_equal(third.request, second.request);
    /* What the nonce is told later is how it stands then. */
    struct hub_verdict v = queue_pass(COMMIT_A);
    assert_int_equal(queue_say(f, first.request, 1, &v, NOW), 0);
    again = queue_send_at(f, &s, NOW);
    assert_string_equal(again.code, "queued");
    assert_string_equal(again.secret, first.secret);
    assert_sound(f);
}

static void
test_derived_nonce(void **state)
{
    struct fixture *f = *state;
    struct submission s = queue_submission("org/model");

    s.nonce = JB_STR("session and content");
    s.nonce_derived = true;
    struct queue_answer first = queue_send_at(f, &s, NOW);
    assert_string_equal(queue_send_at(f, &s, NOW).secret, first.secret);
    struct hub_verdict v = {.failure = FAILURE_LICENSE_MISSING, .params = NAN, .likes = NAN};
    assert_int_equal(queue_say(f, first.request, 1, &v, NOW), 0);
    /* The same form again, after the licence was added. */
    struct queue_answer again = queue_send_at(f, &s, NOW);
    assert_string_equal(again.code, "accepted");
    assert_int_equal(again.request, first.request);
    assert_int_equal(queue_job(f, first.request, NULL).round, 2);
    /* One that the client chose stays with its first answer. */
    struct submission chosen = queue_submission("org/chosen");
    chosen.nonce = JB_STR("0123456789abcdef");
    first = queue_send_at(f, &chosen, NOW);
    assert_int_equal(queue_say(f, first.request, 1, &v, NOW), 0);
    again = queue_send_at(f, &chosen, NOW);
    assert_string_equal(again.code, "license_missing");
    assert_int_equal(again.status, 422);
    assert_sound(f);
}

static void
test_again_after_failure(void **state)
{
    struct fixture *f = *state;
    uint64_t id = queue_accepted(f, "org/model");
    struct hub_verdict v = {
        .failure = FAILURE_NOT_FOUND, .reason = "404", .params = NAN, .likes = NAN};
    struct request r;

    assert_int_equal(queue_say(f, id, 1, &v, NOW), 0);
    assert_int_equal(queue_used(f, "org"), 0);
    struct job job = queue_job(f, id, &r);
    assert_string_equal(job.state, "FAILED");
    assert_string_equal(job.failure, "not_found");
    struct submission s = queue_submission("org/model");
    struct queue_answer a = queue_send_at(f, &s, NOW + DAY_US);
    assert_string_equal(a.code, "accepted");
    assert_int_equal(a.request, id);
    job = queue_job(f, id, &r);
    assert_string_equal(job.state, "SUBMITTED");
    assert_string_equal(job.failure, "");
    assert_int_equal(job.round, 2);
    assert_int_equal(r.submitted, NOW + DAY_US);
    assert_int_equal(queue_used(f, "org"), 1);
    /* A verdict of the first round comes late. */
    assert_int_equal(queue_say(f, id, 1, &v, NOW), JB_ECONFLICT);
    /* Imported requests that failed may be submitted as well, finished ones not. */
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct request old = a_request("old/failed");
    enum store_outcome outcome;
    old.status = "FAILED";
    assert_int_equal(store_request_put(txn, &old, &outcome), 0);
    old = a_request("old/done");
    old.status = "FINISHED";
    assert_int_equal(store_request_put(txn, &old, &outcome), 0);
    fixture_commit(f, txn);
    queue_accepted(f, "old/failed");
    assert_string_equal(queue_send(f, "old/done").code, "duplicate");
    assert_sound(f);
}

static void
test_alias_hidden_commit(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;
    struct request r;

    assert_int_equal(store_note_put(txn, NOTE_ALIAS, "old/name", "new/name", &outcome), 0);
    assert_int_equal(store_note_put(txn, NOTE_HIDDEN, "gone/model", "spam", &outcome), 0);
    fixture_commit(f, txn);
    uint64_t id = queue_accepted(f, "old/name");
    queue_job(f, id, &r);
    assert_string_equal(r.model, "new/name");
    assert_string_equal(queue_send(f, "new/name").code, "duplicate");
    assert_string_equal(queue_send(f, "gone/model").code, "hidden");
    /* The commit that another request was resolved to, typed. */
    id = queue_queued(f, "org/model", COMMIT_A);
    struct submission s = queue_submission("Org/model");
    s.revision = JB_STR(COMMIT_A);
    struct queue_answer a = queue_send_at(f, &s, NOW);
    assert_string_equal(a.code, "duplicate");
    assert_int_equal(a.request, id);
    s.precision = JB_STR("bfloat16");
    assert_string_equal(queue_send_at(f, &s, NOW).code, "accepted");
    assert_sound(f);
}

/* Submitted under one name, renamed, submitted under any other: the same. */
static void
test_renamed(void **state)
{
    struct fixture *f = *state;
    enum store_outcome outcome;
    static const char *const names[][2] = {{"a/first", "a/second"}, {"a/second", "a/third"}};

    uint64_t id = queue_queued(f, "a/first", COMMIT_A);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(store_note_put(txn, NOTE_ALIAS, names[i][0], names[i][1], &outcome),
                         0);
    assert_int_equal(store_note_put(txn, NOTE_ALIAS, "a/other", "a/stranger", &outcome), 0);
    fixture_commit(f, txn);
    static const char *const all[] = {"a/first", "a/second", "a/third"};
    for (size_t i = 0; i < 3; i++) {
        struct queue_answer a = queue_send(f, all[i]);
        assert_string_equal(a.code, "duplicate");
        assert_int_equal(a.request, id);
        /* By the commit, typed. */
        struct submission s = queue_submission(all[i]);
        s.revision = JB_STR(COMMIT_A);
        a = queue_send_at(f, &s, NOW);
        assert_string_equal(a.code, "duplicate");
        assert_int_equal(a.request, id);
    }
    /* By what the hub says of a branch. */
    struct submission s = queue_submission("a/third");
    s.revision = JB_STR("v1");
    struct queue_answer a = queue_send_at(f, &s, NOW);
    assert_string_equal(a.code, "accepted");
    struct hub_verdict v = queue_pass(COMMIT_A);
    assert_int_equal(queue_say(f, a.request, 1, &v, NOW), 0);
    struct job job = queue_job(f, a.request, NULL);
    assert_string_equal(job.state, "DUPLICATE");
    assert_int_equal(job.same_as, id);
    assert_string_equal(queue_send(f, "a/stranger").code, "accepted");
    assert_sound(f);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_accepted),
        WITH_STORE(test_refusals),
        WITH_STORE(test_types),
        WITH_STORE(test_precedence),
        WITH_STORE(test_quota),
        WITH_STORE(test_nonce),
        WITH_STORE(test_derived_nonce),
        WITH_STORE(test_again_after_failure),
        WITH_STORE(test_alias_hidden_commit),
        WITH_STORE(test_renamed),
    };

    return cmocka_run_group_tests_name("submit", tests, NULL, NULL);
}
