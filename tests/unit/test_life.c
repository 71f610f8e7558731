/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 2, moves between states, moderation and what hangs on them. */
#include <config.h>

#include "queue_help.h"

static void
test_pass_and_same(void **state)
{
    struct fixture *f = *state;
    static const char *const tags[] = {"merge", "flagged:undisclosed_moe"};
    uint64_t id = queue_accepted(f, "org/model");
    struct hub_verdict v = queue_pass(COMMIT_A);
    struct request r;
    struct model_info model;

    v.n_tags = 2;
    v.tags = tags;
    assert_int_equal(queue_say(f, id, 1, &v, NOW + 5), 0);
    struct job job = queue_job(f, id, &r);
    assert_string_equal(job.state, "QUEUED");
    assert_string_equal(r.status, "PENDING");
    assert_string_equal(r.commit, COMMIT_A);
    assert_string_equal(r.architectures, "LlamaForCausalLM");
    assert_true(r.params == 6.738);
    assert_int_equal(job.checked, NOW + 5);
    assert_int_equal(job.queued, NOW + 5);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_model_get(txn, "org/model", f->arena, &model), 0);
    store_abort(txn);
    assert_true(model.likes == 12 && model.still_on_hub && model.n_tags == 2);
    assert_string_equal(model.license, "apache-2.0");
    /* A second verdict changes nothing. */
    assert_int_equal(queue_say(f, id, 1, &v, NOW + 6), JB_ECONFLICT);
    /* Another revision of the same commit, the model in other letters. */
    struct submission s = queue_submission("ORG/Model");
    s.revision = JB_STR("v1.0");
    struct queue_answer a = queue_send_at(f, &s, NOW);
    assert_int_equal(queue_used(f, "org"), 2);
    assert_int_equal(queue_say(f, a.request, 1, &v, NOW + 7), 0);
    job = queue_job(f, a.request, &r);
    assert_string_equal(job.state, "DUPLICATE");
    assert_string_equal(r.status, "CANCELLED");
    assert_int_equal(job.same_as, id);
    assert_int_equal(queue_used(f, "org"), 1);
    assert_sound(f);
}

static void
test_hub_away(void **state)
{
    struct fixture *f = *state;
    uint64_t id = queue_accepted(f, "org/model");
    struct hub_verdict v = {.retry = true, .reason = "503", .params = NAN, .likes = NAN};
    struct store_seq before = fixture_seq(f);

    assert_int_equal(queue_say(f, id, 1, &v, NOW), 0);
    struct job job = queue_job(f, id, NULL);
    assert_string_equal(job.state, "SUBMITTED");
    assert_int_equal(job.checks, 1);
    assert_in_range(job.due - NOW, 800000, 1200000);
    v.retry_at = NOW + 5 * SECOND_US;
    assert_int_equal(queue_say(f, id, 1, &v, NOW), 0);
    assert_int_equal(queue_job(f, id, NULL).due, NOW + 5 * SECOND_US);
    assert_int_equal(queue_used(f, "org"), 1);
    assert_true(fixture_seq(f).queue >= before.queue);
    assert_int_equal(queue_say(f, id, 1, &v, NOW), 0);
    job = queue_job(f, id, NULL);
    assert_string_equal(job.state, "FAILED");
    assert_string_equal(job.failure, "hub_network");
    assert_int_equal(queue_used(f, "org"), 0);
    assert_sound(f);
}

static void
test_run(void **state)
{
    struct fixture *f = *state;
    uint64_t id = queue_queued(f, "org/model", COMMIT_A);
    struct request r;

    assert_int_equal(queue_event(f, id, QUEUE_EVENT_START, QUEUE_SUBMITTER, NOW), JB_ECONFLICT);
    assert_int_equal(queue_event(f, 77, QUEUE_EVENT_START, QUEUE_OPERATOR, NOW), JB_ENOENT);
    assert_int_equal(queue_event(f, id, QUEUE_EVENT_START, QUEUE_OPERATOR, NOW + 9), 0);
    struct job job = queue_job(f, id, &r);
    assert_string_equal(job.state, "RUNNING");
    assert_string_equal(r.status, "RUNNING");
    assert_int_equal(job.attempts, 1);
    assert_int_equal(job.started, NOW + 9);

    struct queue_move fail = {.event = QUEUE_EVENT_FAIL,
                              .who = QUEUE_OPERATOR,
                              .failure = FAILURE_HARNESS_CRASH,
                              .reason = "exit status 1",
                              .log_tail = "a\nexport HF_TOKEN=hf_abcdefghijklmnop\nboom\n"};
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum queue_state now;
    assert_int_equal(queue_move(txn, id, &fail, NOW + 99, &f->err, &now), 0);
    fixture_commit(f, txn);
    assert_int_equal(now, QUEUE_FAILED);
    job = queue_job(f, id, &r);
    assert_string_equal(job.failure, "harness_crash");
    assert_string_equal(job.reason, "exit status 1");
    assert_string_equal(job.log_tail, "a\nexport HF_TOKEN=[…]\nboom\n");
    assert_int_equal(job.ended, NOW + 99);
    assert_int_equal(queue_used(f, "org"), 1); /* the model's fault */

    /* Its commit is free for another request, which gets it; then a rerun of this one is not.
     */
    assert_int_equal(queue_event(f, id, QUEUE_EVENT_RERUN, QUEUE_SUBMITTER, NOW + 100), 0);
    job = queue_job(f, id, &r);
    assert_string_equal(job.state, "QUEUED");
    assert_string_equal(job.failure, "");
    assert_string_equal(job.log_tail, "");
    assert_int_equal(job.attempts, 0);
    assert_int_equal(queue_event(f, id, QUEUE_EVENT_CANCEL, QUEUE_SUBMITTER, NOW + 101), 0);
    assert_int_equal(queue_used(f, "org"), 0); /* it had not begun anew */
    struct submission s = queue_submission("org/model");
    s.revision = JB_STR("other");
    struct queue_answer a = queue_send_at(f, &s, NOW);
    struct hub_verdict v = queue_pass(COMMIT_A);
    assert_int_equal(queue_say(f, a.request, 1, &v, NOW), 0);
    assert_string_equal(queue_job(f, a.request, NULL).state, "QUEUED");
    assert_int_equal(queue_event(f, id, QUEUE_EVENT_RERUN, QUEUE_OPERATOR, NOW), JB_ECONFLICT);
    assert_string_equal(queue_job(f, id, NULL).state, "CANCELLED");
    assert_sound(f);
}

static void
test_platform_failure_gives_back(void **state)
{
    struct fixture *f = *state;
    uint64_t id = queue_queued(f, "org/model", COMMIT_A);
    struct queue_move fail = {
        .event = QUEUE_EVENT_FAIL, .who = QUEUE_PLATFORM, .failure = FAILURE_WORKER_LOST};

    assert_int_equal(queue_event(f, id, QUEUE_EVENT_START, QUEUE_PLATFORM, NOW), 0);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(queue_move(txn, id, &fail, NOW, &f->err, NULL), 0);
    fixture_commit(f, txn);
    assert_int_equal(queue_used(f, "org"), 0);
    assert_sound(f);
}

static void
test_rerun_begins_with_the_check(void **state)
{
    struct fixture *f = *state;
    uint64_t id = queue_accepted(f, "org/model");
    struct hub_verdict v = {
        .failure = FAILURE_CARD_SHORT, .commit = COMMIT_A, .params = NAN, .likes = NAN};

    assert_int_equal(queue_say(f, id, 1, &v, NOW), 0);
    assert_int_equal(queue_event(f, id, QUEUE_EVENT_RERUN, QUEUE_SUBMITTER, NOW), 0);
    assert_string_equal(queue_job(f, id, NULL).state, "SUBMITTED");
    assert_sound(f);
}

static void
test_result_arrives(void **state)
{
    struct fixture *f = *state;
    uint64_t id = queue_queued(f, "org/model", COMMIT_A);
    struct result result = a_result("org/model", "org/model/results_2026-01-01.json");
    size_t n = 9;
    int timings = 0;
    struct request r;

    /* An imported request that waits elsewhere is not ours to finish. */
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;
    struct request imported = a_request("org/model");
    imported.revision = "older";
    assert_int_equal(store_request_put(txn, &imported, &outcome), 0);
    result.revision = COMMIT_B;
    assert_int_equal(queue_result_arrived(txn, &result, NOW, &f->err, &n), 0);
    assert_int_equal(n, 0);
    result.precision = "bfloat16";
    result.revision = COMMIT_A;
    assert_int_equal(queue_result_arrived(txn, &result, NOW, &f->err, &n), 0);
    assert_int_equal(n, 0);
    fixture_commit(f, txn);
    assert_int_equal(queue_event(f, id, QUEUE_EVENT_START, QUEUE_OPERATOR, NOW), 0);
    txn = fixture_begin(f, STORE_WRITE);
    result.precision = "float16";
    assert_int_equal(queue_result_arrived(txn, &result, NOW + 90 * SECOND_US, &f->err, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(queue_result_arrived(txn, &result, NOW + 95 * SECOND_US, &f->err, &n), 0);
    assert_int_equal(n, 0);
    fixture_commit(f, txn);
    struct job job = queue_job(f, id, &r);
    assert_string_equal(job.state, "FINISHED");
    assert_string_equal(r.status, "FINISHED");
    assert_int_equal(job.ended, NOW + 90 * SECOND_US);
    assert_string_equal(queue_job(f, imported.id, &r).state, "QUEUED");
    (void)timings;
    assert_sound(f);
}

static void
test_moderation(void **state)
{
    struct fixture *f = *state;
    uint64_t id = queue_queued(f, "org/model", COMMIT_A);
    struct submission s = queue_submission("org/model");
    struct hub_verdict v = queue_pass(COMMIT_A);
    char secret[QUEUE_SECRET_SIZE];
    struct request r;
    size_t n;

    s.precision = JB_STR("bfloat16");
    uint64_t other = queue_send_at(f, &s, NOW).request;
    assert_int_equal(queue_say(f, other, 1, &v, NOW), 0);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(
        queue_correct(txn, other, &(struct queue_correction){.precision = "float16"}, &f->err),
        JB_ECONFLICT);
    store_abort(txn);
    f->err = (struct jb_error){0};
    assert_string_equal((queue_job(f, other, &r), r.precision), "bfloat16");
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(
        queue_correct(txn, other,
                      &(struct queue_correction){.precision = "4bit", .model_type = "💬 : chat"},
                      &f->err),
        0);
    assert_int_equal(queue_embargo(txn, id, NOW + DAY_US, &f->err), 0);
    assert_int_equal(queue_hide(txn, other, true, &f->err), 0);
    assert_int_equal(queue_prioritise(txn, id, 0, &f->err), 0);
    assert_int_equal(queue_new_secret(txn, id, &f->err, secret), 0);
    fixture_commit(f, txn);
    queue_job(f, other, &r);
    assert_string_equal(r.precision, "4bit");
    struct job job = queue_job(f, id, &r);
    assert_int_equal(job.embargo, NOW + DAY_US);
    assert_int_equal(job.priority, 0);
    assert_true(queue_secret_fits(&job, jb_str(secret)));
    assert_int_equal(queue_used(f, "org"), 2);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(queue_quota_reset(txn, "org", &f->err, &n), 0);
    fixture_commit(f, txn);
    assert_int_equal(n, 2);
    assert_int_equal(queue_used(f, "org"), 0);
    struct queue_lists *lists;
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(queue_lists_build(txn, NOW, &f->err, &lists), 0);
    store_abort(txn);
    assert_null(queue_lists_find(lists, other));
    const struct queue_entry *e = queue_lists_find(lists, id);
    assert_true(e && e->place == 1 && !e->start.known && e->ours);
    assert_int_equal(queue_lists_next_embargo(lists), NOW + DAY_US);
    queue_lists_unref(lists);
    assert_sound(f);
}

static struct queue_answer
own(struct fixture *f, uint64_t id, const char *secret, enum queue_event event, int64_t now)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct queue_answer a;

    assert_int_equal(
        queue_own(txn, &f->conf, id, jb_str(secret), event, now, f->arena, &f->err, &a), 0);
    if (a.kind == ANSWER_SUCCESS || a.kind == ANSWER_WAITING)
        fixture_commit(f, txn);
    else
        store_abort(txn);
    return a;
}

static void
test_own(void **state)
{
    struct fixture *f = *state;
    struct queue_answer sent = queue_send(f, "org/model"), a;
    struct hub_verdict v = queue_pass(COMMIT_A);
    uint64_t id = sent.request;

    a = own(f, id, "jbs_wrong", QUEUE_EVENT_CANCEL, NOW);
    assert_int_equal(a.status, 403);
    assert_int_equal(own(f, 99, sent.secret, QUEUE_EVENT_CANCEL, NOW).status, 404);
    assert_int_equal(own(f, id, sent.secret, QUEUE_EVENT_RERUN, NOW).status, 409);
    a = own(f, id, sent.secret, QUEUE_EVENT_CANCEL, NOW);
    assert_true(a.status == 200 && a.kind == ANSWER_SUCCESS);
    assert_string_equal(a.code, "cancelled");
    assert_int_equal(queue_used(f, "org"), 0);
    assert_int_equal(own(f, id, sent.secret, QUEUE_EVENT_CANCEL, NOW).status, 409);
    /* Again: it takes a place, if there is one. */
    for (int i = 0; i < 5; i++) {
        char model[32];
        snprintf(model, sizeof model, "org/m%d", i);
        queue_accepted(f, model);
    }
    a = own(f, id, sent.secret, QUEUE_EVENT_RERUN, NOW + 5);
    assert_int_equal(a.status, 429);
    assert_int_equal(queue_used(f, "org"), 5);
    a = own(f, id, sent.secret, QUEUE_EVENT_RERUN, NOW + 8 * DAY_US);
    assert_string_equal(a.code, "accepted"); /* it was never checked */
    assert_int_equal(queue_job(f, id, NULL).accepted, NOW + 8 * DAY_US);
    assert_int_equal(queue_used(f, "org"), 6);
    assert_int_equal(queue_say(f, id, 1, &v, NOW), 0);
    /* One that still has its place keeps it, a full quota or not; it counts from now. */
    assert_int_equal(queue_event(f, id, QUEUE_EVENT_START, QUEUE_PLATFORM, NOW), 0);
    struct queue_move fail = {
        .event = QUEUE_EVENT_FAIL, .who = QUEUE_PLATFORM, .failure = FAILURE_OUT_OF_MEMORY};
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(queue_move(txn, id, &fail, NOW, &f->err, NULL), 0);
    fixture_commit(f, txn);
    a = own(f, id, sent.secret, QUEUE_EVENT_RERUN, NOW + 9 * DAY_US);
    assert_string_equal(a.code, "queued");
    assert_int_equal(queue_job(f, id, NULL).accepted, NOW + 9 * DAY_US);
    assert_int_equal(queue_used(f, "org"), 6);
    assert_sound(f);
}

/* Every state, every event, everybody: what the table allows leads to a sound store, what it
 * does not leaves everything as it was. */
static void
test_every_move(void **state)
{
    struct fixture *f = *state;
    int made = 0, refused = 0;

    for (enum queue_state from = 0; from < QUEUE_STATE_MAX; from++)
        for (enum queue_event event = 0; event < QUEUE_EVENT_MAX; event++)
            for (enum queue_who who = 0; who <= QUEUE_OPERATOR; who++) {
                enum queue_state to = queue_next(from, event, who);
                struct store_txn *txn = fixture_begin(f, STORE_WRITE);
                struct request r = a_request("org/model");
                struct job job = {.round = 1,
                                  .priority = 1,
                                  .owner = "org",
                                  .accepted = NOW,
                                  .checked = NOW,
                                  .queued = NOW,
                                  .charged = true};
                const struct queue_move move = {.event = event, .who = who, .due = NOW + 5};
                enum store_outcome outcome;
                enum queue_state now = QUEUE_STATE_MAX;
                struct jb_error err = {0};

                r.status = queue_state_status(from);
                job.state = queue_state_word(from);
                assert_int_equal(store_request_put(txn, &r, &outcome), 0);
                job.id = r.id;
                assert_int_equal(store_quota_add(txn, "org", NOW, r.id), 0);
                assert_int_equal(store_job_put(txn, &job, &outcome), 0);
                int rc = queue_move(txn, r.id, &move, NOW + 9, &err, &now);
                if (to == QUEUE_STATE_MAX) {
                    assert_int_equal(rc, JB_ECONFLICT);
                    assert_non_null(strstr(err.text, queue_event_word(event)));
                    refused++;
                } else {
                    assert_int_equal(rc, 0);
                    assert_int_equal(now, to);
                    made++;
                }
                assert_int_equal(store_txn_error(txn), 0);
                fixture_commit(f, txn);
                if (made % 16 == 1)
                    assert_sound(f);
                txn = fixture_begin(f, STORE_WRITE);
                assert_int_equal(store_request_delete(txn, r.id), 0);
                fixture_commit(f, txn);
            }
    assert_true(made > 60 && refused > 300);
    assert_sound(f);
}

static void
test_redact(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain\n", "plain\n"},
        {"no end", "no end\n"},
        {"token: hf_AbCdEfGhIjKl next", "token: […] next\n"},
        {"HF_TOKEN=\"abc def\" x", "HF_TOKEN=\"[…] def\" x\n"},
        {"password = hunter2;", "password = […];\n"},
        {"Authorization: Bearer abc.def", "Authorization: […]\n"},
        {"curl -H 'bearer xyz123'", "curl -H 'bearer […]'\n"},
        {"https://user:pw@host/x?a=b", "https://[…]@host/x?a=b\n"},
        {"https://host/x@y", "https://host/x@y\n"},
        {"api_key=k1 secret: 's2'", "api_key=[…] secret: '[…]'\n"},
        {"\"access_token\": \"zz\"", "\"access_token\": \"[…]\"\n"},
        {"AKIAABCDEFGHIJKLMNOP", "[…]\n"},
        {"tokenizer: fast", "tokenizer: fast\n"},
        {"tokens 5", "tokens 5\n"},
        {"\033[31mred\033[0m \033]0;title\a!", "red !\n"},
        {" 10%\r 20%\r100%", "100%\n"},
        {"a\tb\001\302\205\342\200\256c\377", "a b"
                                              "c\xef\xbf\xbd\n"},
        {"金榜 ok", "金榜 ok\n"},
        {"\u061cle\u200bft\u200f \u202eover\u2069", "left over\n"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct jb_buf out = JB_BUF(1 << 16);
        queue_redact(jb_str(cases[i].in), &out);
        assert_string_equal(out.p ? out.p : "", cases[i].out);
        jb_buf_free(&out);
    }
    /* The end of a long one, from the start of a line. */
    struct jb_buf in = JB_BUF(1 << 20), out = JB_BUF(1 << 16);
    for (int i = 0; i < 20000; i++)
        jb_buf_printf(&in, "line %d of the log\n", i);
    queue_redact(jb_buf_view(&in), &out);
    assert_in_range(out.n, 3500, STORE_TEXT_MAX);
    assert_memory_equal(out.p, "…\nline ", 9);
    assert_string_equal(out.p + out.n - 22, "line 19999 of the log\n");
    jb_buf_reset(&in);
    jb_buf_reset(&out);
    for (int i = 0; i < 9000; i++)
        jb_buf_puts(&in, "金");
    queue_redact(jb_buf_view(&in), &out);
    assert_int_equal(out.n, strlen(out.p));
    assert_in_range(out.n, 3500, STORE_TEXT_MAX);
    jb_buf_free(&in);
    jb_buf_free(&out);
}

static void
add_run(struct estimates *e, double params, const char *precision, double seconds)
{
    const struct timing t = {.benchmark = "",
                             .precision = precision,
                             .params = params,
                             .seconds = seconds,
                             .time = 1};
    assert_int_equal(estimates_add(e, &t), 0);
}

static void
test_estimates(void **state)
{
    struct estimates *e = estimates_new();

    (void)state;
    assert_int_equal(estimates_learn(e), 0);
    assert_false(estimates_run(e, 7, "float16", NULL, 0).known);
    add_run(e, 6.7, "float16", 100);
    add_run(e, 7.2, "float16", 200);
    assert_int_equal(estimates_learn(e), 0);
    assert_false(estimates_run(e, 7, "float16", NULL, 0).known);
    add_run(e, 6.9, "float16", 300);
    assert_int_equal(estimates_learn(e), 0);
    struct queue_estimate run = estimates_run(e, 7, "float16", NULL, 0);
    assert_true(run.known && run.middle == 200 && run.runs == 3);
    assert_true(run.low == 120 && run.high == 280);
    /* Of another precision: any of that size; of another size: scaled, and wider. */
    run = estimates_run(e, 7, "4bit", NULL, 0);
    assert_true(run.known && run.middle == 200);
    run = estimates_run(e, 14, "float16", NULL, 0);
    assert_true(run.known && run.middle == 400 && run.high / run.low > 280.0 / 120);
    assert_false(estimates_run(e, NAN, "float16", NULL, 0).known);
    /* Two run side by side: the third begins when the first of them ends. */
    struct estimate_walk *w = estimate_walk_new(e, 2);
    estimate_walk_running(w, 7, "float16", 50);
    estimate_walk_running(w, 7, "float16", 150);
    struct queue_estimate a = estimate_walk_next(w, 7, "float16");
    struct queue_estimate b = estimate_walk_next(w, 7, "float16");
    struct queue_estimate c = estimate_walk_next(w, 7, "float16");
    assert_true(a.known && a.middle == 50 && b.middle == 150 && c.middle == 250);
    assert_true(a.low <= a.middle && a.middle <= a.high);
    /* Behind one of which nothing is known, nothing is known. */
    assert_true(estimate_walk_next(w, NAN, "float16").known);
    assert_false(estimate_walk_next(w, 7, "float16").known);
    estimate_walk_free(w);
    estimates_free(e);
    /* By benchmark, when whole evaluations are not known. */
    e = estimates_new();
    for (int i = 0; i < 3; i++) {
        struct timing t = {
            .benchmark = "arc", .precision = "float16", .params = 7, .seconds = 10};
        assert_int_equal(estimates_add(e, &t), 0);
        t.benchmark = "cmmlu";
        t.seconds = 20;
        assert_int_equal(estimates_add(e, &t), 0);
    }
    assert_int_equal(estimates_learn(e), 0);
    static const char *const both[] = {"arc", "cmmlu"}, *const more[] = {"arc", "gsm8k"};
    assert_true(estimates_run(e, 7, "float16", both, 2).middle == 30);
    assert_false(estimates_run(e, 7, "float16", more, 2).known);
    estimates_free(e);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_pass_and_same),
        WITH_STORE(test_hub_away),
        WITH_STORE(test_run),
        WITH_STORE(test_platform_failure_gives_back),
        WITH_STORE(test_rerun_begins_with_the_check),
        WITH_STORE(test_result_arrives),
        WITH_STORE(test_moderation),
        WITH_STORE(test_own),
        WITH_STORE(test_every_move),
        cmocka_unit_test(test_redact),
        cmocka_unit_test(test_estimates),
    };

    return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
