/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of one request and of one model, and the request for programs. */
#include "queue_views_help.h"

#include <cjson/cJSON.h>

#include "views/model_page.h"
#include "views/request_json.h"
#include "views/request_page.h"

struct shown {
    struct request request;
    struct job job;
    struct request_facts facts;
};

static struct shown
a_shown(const char *state)
{
    struct shown s = {.request = a_request(HOSTILE_MODEL),
                      .job = {.id = 17,
                              .state = state,
                              .round = 1,
                              .failure = "",
                              .reason = "",
                              .log_tail = "",
                              .has_secret = true,
                              .accepted = NOW - 5 * HOUR}};

    s.request.id = 17;
    s.request.status = queue_state_status(queue_state_from_word(state));
    s.request.base_model = s.request.commit = s.request.architectures = "";
    return s;
}

static void
put_page(struct views *v, struct shown *s, const struct request_view *view, enum text_lang lang,
         struct jb_buf *out)
{
    static const struct request_view none;

    s->facts.request = &s->request;
    s->facts.job = &s->job;
    s->facts.lists_time = NOW;
    jb_buf_reset(out);
    assert_int_equal(request_page_put(&v->conf, v->board, &s->facts, view ? view : &none, lang,
                                      out, &v->f->err),
                     0);
    assert_harmless(out->p);
}

static void
test_waiting(void **state)
{
    struct views *v = *state;
    struct shown s = a_shown("QUEUED");
    struct queue_entry entry = {.place = 3,
                                .start = {.known = true, .low = 3600, .high = 7200}};
    struct jb_buf b = JB_BUF(1 << 20);

    s.job.checked = s.job.queued = NOW - 4 * HOUR;
    s.facts.entry = &entry;
    put_page(v, &s, NULL, LANG_MAX, &b);
    assert_non_null(strstr(b.p, "队列第 3 位"));
    assert_non_null(strstr(b.p, "place 3 in the queue"));
    assert_non_null(strstr(b.p, "2024-05-23T08:14:46Z"));
    assert_non_null(strstr(b.p, "http-equiv=\"refresh\" content=\"30\""));
    assert_int_equal(times(b.p, "</li>"), 5);
    assert_int_equal(times(b.p, "class=\"todo\""), 2);
    assert_non_null(strstr(b.p, "?manage=1"));
    assert_null(strstr(b.p, "<form"));
    put_page(v, &s, &(struct request_view){.manage = true}, LANG_ZH, &b);
    assert_null(strstr(b.p, "http-equiv=\"refresh\""));
    assert_non_null(strstr(b.p, "method=\"post\" action=\"/m/zh/requests/17/cancel\""));
    assert_null(strstr(b.p, "/rerun"));
    s.job.has_secret = false;
    put_page(v, &s, &(struct request_view){.manage = true}, LANG_ZH, &b);
    assert_null(strstr(b.p, "<form"));
    jb_buf_free(&b);
}

static void
test_refresh(void **state)
{
    static const struct {
        const char *word;
        int seconds;
    } cases[] = {{"SUBMITTED", 5}, {"QUEUED", 5},    {"RETRY_WAIT", 30}, {"LEASED", 5},
                 {"RUNNING", 5},   {"STORING", 5},   {"CANCELLING", 5},  {"FINISHED", 0},
                 {"FAILED", 0},    {"CANCELLED", 0}, {"DUPLICATE", 0},   {"QUARANTINED", 0}};
    struct views *v = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shown s = a_shown(cases[i].word);
        struct jb_buf b = JB_BUF(1 << 20);

        assert_int_not_equal(queue_state_from_word(cases[i].word), QUEUE_STATE_MAX);
        put_page(v, &s, NULL, LANG_EN, &b);
        assert_int_equal(strstr(b.p, "http-equiv=\"refresh\"") != NULL, cases[i].seconds > 0);
        assert_int_equal(request_page_refresh(&s.facts, &(struct request_view){0}),
                         cases[i].seconds);
        jb_buf_free(&b);
    }
}

static void
test_failed(void **state)
{
    const struct queue_failure_class *c = queue_failure_class(FAILURE_OUT_OF_MEMORY);
    struct views *v = *state;
    struct shown s = a_shown("FAILED");
    struct queue_answer answer = {.kind = ANSWER_ERROR,
                                  .code = "secret",
                                  .zh = "密钥不对",
                                  .en = "not the secret " HOSTILE_REASON};
    struct jb_buf b = JB_BUF(1 << 20);

    s.job.failure = "out_of_memory";
    s.job.reason = HOSTILE_REASON;
    s.job.log_tail = HOSTILE_LOG;
    s.job.attempts = 2;
    s.job.started = NOW - 2 * HOUR;
    s.job.ended = NOW - HOUR;
    put_page(v, &s, &(struct request_view){.answer = &answer}, LANG_MAX, &b);
    assert_non_null(strstr(b.p, c->zh));
    assert_non_null(strstr(b.p, c->zh_do));
    assert_non_null(strstr(b.p, c->en_do));
    assert_non_null(strstr(b.p, "<q lang=\"en\">&lt;script&gt;"));
    assert_non_null(strstr(b.p, "Attempts so far: 2."));
    assert_non_null(strstr(b.p, "first line\n&lt;/code&gt;"));
    assert_non_null(strstr(b.p, "not the secret &lt;script&gt;"));
    assert_non_null(strstr(b.p, "role=\"alert\""));
    assert_non_null(strstr(b.p, "action=\"/m/requests/17/rerun\""));
    assert_null(strstr(b.p, "/cancel\""));
    assert_int_equal(times(b.p, "</li>"), 3); /* nothing is known of check and queue */
    assert_non_null(strstr(b.p, "href=\"/m/api/requests/17/file\""));
    jb_buf_free(&b);
}

static void
test_ends(void **state)
{
    struct views *v = *state;
    struct shown s = a_shown("DUPLICATE");
    struct jb_buf b = JB_BUF(1 << 20);

    s.job.same_as = 5;
    put_page(v, &s, NULL, LANG_EN, &b);
    assert_non_null(strstr(b.p, "href=\"/m/en/requests/5\""));
    s = a_shown("FINISHED");
    s.facts.row = board_row(v->board, row_of(v, "good/model"));
    put_page(v, &s, NULL, LANG_EN, &b);
    assert_non_null(strstr(b.p, ">81.22<"));
    assert_non_null(strstr(b.p, ">finished <span>"));
    /* imported, and its status is none that we know */
    s = a_shown("");
    s.request.status = HOSTILE_TEXT;
    s.job.accepted = 0;
    s.job.round = 0;
    s.job.has_secret = false;
    put_page(v, &s, NULL, LANG_MAX, &b);
    assert_non_null(strstr(b.p, "<strong>&lt;b&gt;"));
    jb_buf_free(&b);
}

/* A host that means harm, in all that it can say. */
static struct evaluation
an_evaluation(bool live)
{
    static const struct queue_step steps[] = {{"arc", true, false, 61.4},
                                              {HOSTILE_TEXT, false, true, NAN},
                                              {"mmlu", false, false, NAN}};
    static struct queue_attempt attempts[2];
    static struct queue_log log;

    log = (struct queue_log){.fence = 9,
                             .from = 4096,
                             .next = 9000,
                             .end = 9100,
                             .ended = !live,
                             .text = JB_STR(HOSTILE_LOG)};
    attempts[0] = (struct queue_attempt){.record = {.fence = 9,
                                                    .round = 1,
                                                    .host = "<b>host",
                                                    .state = live ? "running" : "ended",
                                                    .leased = NOW - 130000000,
                                                    .started = NOW - 125000000,
                                                    .ended = live ? 0 : NOW - 120000000,
                                                    .failure = "",
                                                    .reason = "",
                                                    .step = HOSTILE_TEXT},
                                         .live = live,
                                         .progress = live ? 0.417 : NAN,
                                         .at = live ? 2 : 0,
                                         .done = 1,
                                         .n_steps = 3,
                                         .steps = steps};
    attempts[1] = (struct queue_attempt){.record = {.fence = 7,
                                                    .round = 1,
                                                    .host = "gpu-2",
                                                    .state = "ended",
                                                    .leased = NOW - HOUR,
                                                    .ended = NOW - HOUR / 2,
                                                    .failure = "out_of_memory",
                                                    .reason = HOSTILE_REASON,
                                                    .step = ""},
                                         .progress = NAN};
    return (struct evaluation){.attempts = attempts, .n_attempts = 2, .log = &log, .now = NOW};
}

static void
test_running(void **state)
{
    struct views *v = *state;
    struct shown s = a_shown("RUNNING");
    struct jb_buf b = JB_BUF(1 << 20);

    s.job.attempts = 2;
    s.job.failure = "worker_lost";
    s.job.reason = "of the attempt before";
    s.facts.evaluation = an_evaluation(true);
    for (int lang = 0; lang <= LANG_MAX; lang++) {
        put_page(v, &s, NULL, (enum text_lang)lang, &b);
        assert_non_null(strstr(b.p, "value=\"41\""));
        assert_non_null(strstr(b.p, "<strong>&lt;b&gt;host</strong>"));
        assert_non_null(strstr(b.p, " 2 / 3 <strong>&lt;b&gt;"));
        assert_non_null(strstr(b.p, "<details class=\"jb-log\" open>"));
        assert_non_null(strstr(b.p, "first line\n&lt;/code&gt;&lt;/pre&gt;"));
        assert_non_null(strstr(b.p, "href=\"/m/api/requests/17/log?from=0\""));
        assert_non_null(strstr(b.p, "<q lang=\"en\">&lt;script&gt;"));
        assert_non_null(strstr(b.p, "http-equiv=\"refresh\" content=\"5\""));
        assert_int_equal(times(b.p, "<tr><td class=\"r\">"), 2);
        assert_null(strstr(b.p, "of the attempt before"));
    }
    assert_non_null(strstr(b.p, "2 min 5 s"));
    assert_non_null(strstr(b.p, "1 min 1 s"));
    put_page(v, &s, NULL, LANG_ZH, &b);
    assert_non_null(strstr(b.p, "2 分 5 秒"));
    /* ended: nothing moves any more */
    s = a_shown("FINISHED");
    s.job.log_tail = "what the job kept";
    s.job.started = NOW - 65000000;
    s.job.ended = NOW;
    s.facts.evaluation = an_evaluation(false);
    put_page(v, &s, NULL, LANG_EN, &b);
    assert_null(strstr(b.p, "<progress"));
    assert_null(strstr(b.p, "http-equiv=\"refresh\""));
    assert_non_null(strstr(b.p, "<details class=\"jb-log\"><summary>"));
    assert_null(strstr(b.p, "what the job kept"));
    assert_non_null(strstr(b.p, ">5 s</td>"));
    assert_non_null(strstr(b.p, "<span>Took 1 min 5 s</span>"));
    /* a log that may not be seen yet */
    s.facts.evaluation.log = NULL;
    put_page(v, &s, NULL, LANG_EN, &b);
    assert_null(strstr(b.p, "first line"));
    jb_buf_free(&b);
}

static const cJSON *
at(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    if (!item)
        fail_msg("no %s", key);
    return item;
}

static void
test_json(void **state)
{
    struct views *v = *state;
    struct shown s = a_shown("FAILED");
    struct queue_entry entry = {0};
    struct jb_buf b = JB_BUF(1 << 20);

    s.facts = (struct request_facts){.request = &s.request, .job = &s.job, .lists_time = NOW};
    s.job.failure = "out_of_memory";
    s.job.reason = HOSTILE_REASON;
    s.job.log_tail = HOSTILE_LOG;
    s.job.ended = NOW;
    s.job.secret[0] = 0x5a;
    request_json_put(&s.facts, v->board, "/m", &b);
    cJSON *json = cJSON_ParseWithLength(b.p, b.n);
    assert_non_null(json);
    assert_string_equal(at(json, "name")->valuestring, HOSTILE_MODEL);
    assert_string_equal(at(json, "state")->valuestring, "FAILED");
    assert_string_equal(at(at(json, "failure"), "class")->valuestring, "out_of_memory");
    assert_string_equal(at(at(json, "failure"), "reason")->valuestring, HOSTILE_REASON);
    assert_non_null(at(at(at(json, "failure"), "zh"), "todo")->valuestring);
    assert_string_equal(at(json, "log_tail")->valuestring, HOSTILE_LOG);
    assert_true(cJSON_IsNull(at(json, "place")));
    assert_true(cJSON_IsNull(at(json, "estimated_start")));
    assert_true(cJSON_IsNull(at(json, "scores")));
    assert_string_equal(at(at(json, "times"), "ended")->valuestring, "2024-05-23T07:14:46Z");
    assert_string_equal(at(at(json, "links"), "file")->valuestring, "/m/api/requests/17/file");
    assert_null(strstr(b.p, "secret"));
    cJSON_Delete(json);
    jb_buf_reset(&b);
    entry = (struct queue_entry){.place = 2,
                                 .start = {.known = true, .low = 60, .high = 3600, .runs = 9}};
    s.job.state = "QUEUED";
    s.facts.entry = &entry;
    s.facts.row = board_row(v->board, row_of(v, "solo"));
    request_json_put(&s.facts, v->board, "", &b);
    json = cJSON_ParseWithLength(b.p, b.n);
    assert_int_equal(at(json, "place")->valueint, 2);
    assert_string_equal(at(at(json, "estimated_start"), "from")->valuestring,
                        "2024-05-23T07:15:46Z");
    assert_true(cJSON_IsNull(at(at(json, "scores"), "average")));
    assert_float_equal(at(at(json, "scores"), "arc")->valuedouble, 41, 1e-9);
    cJSON_Delete(json);
    jb_buf_free(&b);
}

static void
test_json_evaluation(void **state)
{
    struct views *v = *state;
    struct shown s = a_shown("RUNNING");
    struct jb_buf b = JB_BUF(1 << 20);

    s.facts = (struct request_facts){.request = &s.request,
                                     .job = &s.job,
                                     .lists_time = NOW,
                                     .evaluation = an_evaluation(true)};
    request_json_put(&s.facts, v->board, "/m", &b);
    cJSON *json = cJSON_ParseWithLength(b.p, b.n);
    const cJSON *all = at(json, "evaluations"), *live = cJSON_GetArrayItem(all, 0);
    assert_int_equal(cJSON_GetArraySize(all), 2);
    assert_string_equal(at(live, "host")->valuestring, "<b>host");
    assert_string_equal(at(live, "benchmark")->valuestring, HOSTILE_TEXT);
    assert_float_equal(at(live, "progress")->valuedouble, 0.417, 1e-9);
    assert_float_equal(at(live, "seconds")->valuedouble, 125, 1e-9);
    assert_true(cJSON_IsNull(at(live, "ended")));
    const cJSON *step = cJSON_GetArrayItem(at(live, "benchmarks"), 0);
    assert_string_equal(at(step, "name")->valuestring, "ARC");
    assert_string_equal(at(step, "state")->valuestring, "done");
    assert_float_equal(at(step, "seconds")->valuedouble, 61.4, 1e-9);
    step = cJSON_GetArrayItem(at(live, "benchmarks"), 1);
    assert_string_equal(at(step, "state")->valuestring, "running");
    assert_string_equal(at(at(live, "links"), "log")->valuestring,
                        "/m/api/requests/17/log?attempt=9&from=0");
    assert_string_equal(at(cJSON_GetArrayItem(all, 1), "reason")->valuestring, HOSTILE_REASON);
    assert_true(cJSON_IsNull(at(cJSON_GetArrayItem(all, 1), "progress")));
    assert_string_equal(at(json, "log_tail")->valuestring, HOSTILE_LOG);
    cJSON_Delete(json);
    jb_buf_reset(&b);
    request_json_put_log(17, s.facts.evaluation.log, "/m", &b);
    json = cJSON_ParseWithLength(b.p, b.n);
    assert_int_equal(at(json, "next")->valueint, 9000);
    assert_string_equal(at(json, "text")->valuestring, HOSTILE_LOG);
    assert_string_equal(at(at(json, "links"), "next")->valuestring,
                        "/m/api/requests/17/log?attempt=9&from=9000");
    cJSON_Delete(json);
    jb_buf_free(&b);
}

static void
test_model(void **state)
{
    struct views *v = *state;
    struct store_txn *txn = fixture_begin(v->f, STORE_WRITE);
    const char *const former[] = {"old/<b>name"};
    struct result result = {
        .id = 3, .path = "x/y/results_<b>.json", .precision = HOSTILE_TEXT, .time = NOW};
    struct jb_buf b = JB_BUF(1 << 20);

    uint64_t id = put_failed(txn, HOSTILE);
    fixture_commit(v->f, txn);
    struct queue_lists *lists = the_lists(v);
    const struct queue_entry *entry = queue_lists_find(lists, id);
    assert_non_null(entry);
    uint32_t row = (uint32_t)row_of(v, HOSTILE);
    struct model_facts facts = {.model = jb_str(HOSTILE),
                                .rows = &row,
                                .n_rows = 1,
                                .requests = &entry,
                                .n_requests = 1,
                                .results = &result,
                                .n_results = 1,
                                .former = former,
                                .n_former = 1,
                                .flag = "javascript:alert(1)",
                                .blocked = true,
                                .gone = true};
    for (int lang = 0; lang <= LANG_MAX; lang++) {
        jb_buf_reset(&b);
        assert_int_equal(
            model_page_put(&v->conf, v->board, &facts, (enum text_lang)lang, &b, &v->f->err),
            0);
        assert_harmless(b.p);
        assert_non_null(strstr(b.p, "<h1>evil/&lt;/script&gt;"));
        assert_non_null(strstr(b.p, "href=\"https://hub.example/evil/%3C"));
        assert_non_null(strstr(b.p, "href=\"/m/api/results/3\""));
        assert_non_null(strstr(b.p, "<code>old/&lt;b&gt;name</code>"));
        assert_non_null(strstr(b.p, "<q lang=\"en\">&lt;script&gt;"));
        assert_non_null(strstr(b.p, ">41.00<"));
        assert_int_equal(times(b.p, "jb-say warn"), 3);
    }
    assert_null(strstr(b.p, "javascript:"));
    assert_true(model_facts_any(&facts));
    facts = (struct model_facts){.model = JB_STR("x"), .flag = "https://example.org/9"};
    assert_true(model_facts_any(&facts));
    jb_buf_reset(&b);
    assert_int_equal(model_page_put(&v->conf, v->board, &facts, LANG_EN, &b, &v->f->err), 0);
    assert_non_null(strstr(b.p, "href=\"https://example.org/9\""));
    assert_non_null(strstr(b.p, "No result yet."));
    facts.flag = NULL;
    assert_false(model_facts_any(&facts));
    queue_lists_unref(lists);
    jb_buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_waiting, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_refresh, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_failed, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_ends, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_running, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_json, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_json_evaluation, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_model, views_setup, views_teardown),
    };

    return cmocka_run_group_tests_name("request_page", tests, NULL, NULL);
}
