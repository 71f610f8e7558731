/* SPDX-License-Identifier: Apache-2.0 */
/* From bodies to answers, on the sample board. */
#include <config.h>

#include "tests/unit/gradio_help.h"

#include "base/clock.h"
#include "gradio/call.h"

static const struct board_limits limits = {64, 4096};

/* Runs a call; the body of the answer, or of the error, comes back parsed. */
static cJSON *
send_call(struct world *w, enum gradio_route route, const char *name, const char *query,
          const char *body, int *ret_status)
{
    struct gradio_call call = {route, jb_str(name), jb_str(query), jb_str(body), NULL};
    struct gradio_answer answer = {0};
    struct jb_arena *arena = jb_arena_new(1 << 20);
    struct jb_error err = {0};
    struct jb_buf out = JB_BUF(64 << 20);
    cJSON *json;
    int rc;

    assert_non_null(arena);
    rc = gradio_call_run(w->site, &call, &limits, arena, &err, &answer);
    *ret_status = 0;
    if (rc)
        gradio_error_body(rc, &err, &out, ret_status);
    else
        assert_int_equal(gradio_run_body(&answer, true, 0.25, &out, ret_status), 0);
    jb_blob_unref(answer.outcome.output);
    json = json_of(jb_buf_view(&out));
    jb_buf_free(&out);
    jb_arena_free(arena);
    return json;
}

static cJSON *
run(struct world *w, const char *name, const char *body, int wanted)
{
    int status;
    cJSON *json = send_call(w, ROUTE_RUN, name, "", body, &status);

    assert_int_equal(status, wanted);
    return json;
}

static const cJSON *
frame(const cJSON *json)
{
    const cJSON *data = at(json, "data");

    assert_int_equal(cJSON_GetArraySize(data), 1);
    return cJSON_GetArrayItem(data, 0);
}

static int
rows_of(struct world *w, const char *name, const char *body)
{
    cJSON *json = run(w, name, body, 200);
    int n = cJSON_GetArraySize(at(frame(json), "data"));

    cJSON_Delete(json);
    return n;
}

static void
test_filter(void **state)
{
    struct world *w = world_new(SAMPLE);
    cJSON *json =
        run(w, "update_table", "{\"data\":[null,null,null,null,null,null,null]}", 200);
    const cJSON *headers = at(frame(json), "headers"), *row;
    int all = cJSON_GetArraySize(at(frame(json), "data")), width = cJSON_GetArraySize(headers);
    struct board_query query;
    const uint32_t *rows;
    size_t n;
    (void)state;

    board_query_default(w->board, &query);
    assert_int_equal(board_filter(w->board, &query, &limits, w->arena, NULL, &rows, &n), 0);
    assert_int_equal(all, n);
    assert_string_equal(cJSON_GetArrayItem(headers, 0)->valuestring, "T");
    assert_string_equal(cJSON_GetArrayItem(headers, 2)->valuestring, "Average ⬆️");
    assert_string_equal(cJSON_GetArrayItem(headers, width - 1)->valuestring,
                        "model_name_for_query");
    cJSON_ArrayForEach(row, at(frame(json), "data"))
        assert_int_equal(cJSON_GetArraySize(row), width);
    cJSON_Delete(json);

    /* one of each; the table that is posted does not count */
    json = run(w, "update_table_3",
               "{\"data\":[{\"headers\":[\"x\"],\"data\":[[1,{\"a\":[\"\\u0041\"]}]]},[\"Hub "
               "License\",\"ARC\"],null,[\"bfloat16\"],null,[],\"llama\"],\"event_data\":null,"
               "\"trigger_id\":5,\"session_hash\":\"x\"}",
               200);
    headers = at(frame(json), "headers");
    assert_int_equal(cJSON_GetArraySize(headers), 5); /* in table order, not tick order */
    assert_string_equal(cJSON_GetArrayItem(headers, 2)->valuestring, "ARC");
    assert_string_equal(cJSON_GetArrayItem(headers, 3)->valuestring, "Hub License");
    query.precisions = 1u << 1;
    query.hide = 0;
    query.text = JB_STR("llama");
    assert_int_equal(board_filter(w->board, &query, &limits, w->arena, NULL, &rows, &n), 0);
    assert_int_equal(cJSON_GetArraySize(at(frame(json), "data")), n);
    assert_true(n > 0 && (int)n < all);
    cJSON_Delete(json);

    /* escaped, as Python's clients send it */
    assert_true(
        rows_of(w, "update_table",
                "{\"data\":[null,null,[\"\\ud83d\\udfe2 pretrained\"],null,null,null,\"\"]}") >
        0);
    assert_int_equal(rows_of(w, "update_table",
                             "{\"data\":[null,null,[],null,null,null,\"no such model\"]}"),
                     0);
    assert_int_equal(
        rows_of(w, "update_table", "{\"data\":[null,null,null,null,null,null,\";\"]}"), 0);
    /* more arguments than wanted are dropped; a text may be a number */
    assert_true(
        rows_of(w, "update_table", "{\"data\":[null,null,null,null,null,null,7,8,[9]]}") > 0);
    world_free(w);
}

static void
test_predict(void **state)
{
    static const char *const bodies[] = {"{\"data\":[]}", "{\"data\":[\"\"]}",
                                         "{\"data\":[\"\",\"\"]}", "{\"data\":[1,2,3]}"};
    struct world *w = world_new(SAMPLE);
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        cJSON *json = run(w, "predict", bodies[i], 200);
        const cJSON *headers = at(frame(json), "headers"), *data = at(frame(json), "data");
        int width = cJSON_GetArraySize(headers);

        assert_int_equal(cJSON_GetArraySize(data), 286);
        assert_int_equal(width, (int)board_columns(w->board));
        assert_string_equal(cJSON_GetArrayItem(headers, width - 1)->valuestring,
                            "model_name_for_query");
        /* the last four headers, whatever their order: clients cut them off */
        for (int k = 2; k <= 4; k++) {
            const char *h = cJSON_GetArrayItem(headers, width - k)->valuestring;
            assert_true(!strcmp(h, "Model sha") || !strcmp(h, "Flagged") || !strcmp(h, "MoE"));
        }
        assert_non_null(strstr(
            cJSON_GetArrayItem(cJSON_GetArrayItem(data, 285), 1)->valuestring, "Baseline"));
        cJSON_Delete(json);
    }
    world_free(w);
}

static void
test_load_query(void **state)
{
    static const struct {
        const char *query, *wanted;
    } cases[] = {
        {"", ""},
        {"__theme=light", ""},
        {"query=llama", "llama"},
        {"a=b&query=llama%3B+%E4%B8%AD&c", "llama; 中"},
        {"query=a&query=b", "b"},
        {"xquery=a", ""},
        {"query", ""},
        {"query=%zz%4", "%zz%4"},
        {"query=%ff", ""},
        {"query=%22%3C/script%3E", "\"</script>"},
    };
    struct world *w = world_new(0);
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int status;
        cJSON *json = send_call(w, ROUTE_JOIN, "", cases[i].query,
                                "{\"data\":[],\"fn_index\":2,\"session_hash\":\"s\"}", &status);

        assert_int_equal(status, 200);
        assert_int_equal(cJSON_GetArraySize(at(json, "data")), 2);
        for (int k = 0; k < 2; k++)
            assert_string_equal(cJSON_GetArrayItem(at(json, "data"), k)->valuestring,
                                cases[i].wanted);
        cJSON_Delete(json);
    }
    world_free(w);
}

static void
test_named(void **state)
{
    struct world *w = world_new(SAMPLE);
    int status;
    cJSON *json = send_call(w, ROUTE_CALL_V2, "update_table", "",
                            "{\"query\":\"llama\",\"columns\":[\"ARC\"]}", &status);
    (void)state;

    assert_int_equal(status, 200);
    assert_int_equal(cJSON_GetArraySize(at(frame(json), "headers")), 4);
    assert_true(cJSON_GetArraySize(at(frame(json), "data")) > 0);
    cJSON_Delete(json);
    json = send_call(w, ROUTE_CALL_V2, "update_table", "", "{\"bogus\":1}", &status);
    assert_int_equal(status, 422);
    cJSON_Delete(json);
    json = send_call(w, ROUTE_CALL_V2, "update_table", "", "{\"2data\":1}", &status);
    assert_string_equal(
        cJSON_GetArrayItem(at(cJSON_GetArrayItem(at(json, "detail"), 0), "loc"), 1)
            ->valuestring,
        "2data");
    cJSON_Delete(json);
    json = send_call(w, ROUTE_CALL_V2, "nope", "", "{}", &status);
    assert_int_equal(status, 404);
    cJSON_Delete(json);
    json = send_call(w, ROUTE_CALL, "add_new_eval", "",
                     "{\"data\":[\"a/b\",\"\",\"\",\"float16\",false,\"Original\",null]}",
                     &status);
    assert_int_equal(status, 501); /* nothing here runs it */
    cJSON_Delete(json);
    world_free(w);
}

/* fn_index wins over the name; the SPA calls everything as /run/predict. */
static void
test_which_function(void **state)
{
    struct world *w = world_new(SAMPLE);
    struct gradio_call call = {ROUTE_RUN, JB_STR("predict"), JB_STR(""),
                               JB_STR("{\"fn_index\":2,\"data\":[]}"), NULL};
    struct gradio_answer answer = {0};
    struct jb_error err = {0};
    cJSON *json;
    int status;
    (void)state;

    assert_int_equal(gradio_call_run(w->site, &call, &limits, w->arena, &err, &answer), 0);
    assert_int_equal(answer.fn_index, 2);
    assert_true(answer.outcome.micros >= 0);
    jb_blob_unref(answer.outcome.output);

    call = (struct gradio_call){
        ROUTE_JOIN, JB_STR(""), JB_STR(""),
        JB_STR("{\"session_hash\":\"\\u0061b\",\"fn_index\":9,\"data\":[]}"), NULL};
    assert_int_equal(gradio_call_run(w->site, &call, &limits, w->arena, &err, &answer), 0);
    assert_true(jb_str_is(answer.session, "ab"));
    jb_blob_unref(answer.outcome.output);

    json = send_call(w, ROUTE_RUN, "nope", "", "{\"data\":[]}", &status);
    assert_int_equal(status, 404);
    cJSON_Delete(json);
    json = send_call(w, ROUTE_JOIN, "", "",
                     "{\"data\":[],\"fn_index\":9999,\"session_hash\":\"z\"}", &status);
    assert_int_equal(status, 404);
    assert_string_equal(at(json, "detail")->valuestring,
                        "There is no function with fn_index 9999.");
    cJSON_Delete(json);
    json = send_call(w, ROUTE_JOIN, "", "", "{\"data\":[],\"fn_index\":0}", &status);
    assert_int_equal(status, 400);
    assert_string_equal(at(json, "detail")->valuestring, "Session hash not found.");
    cJSON_Delete(json);
    world_free(w);
}

/* Errors of functions: answers with an `error`, status 500 on /run. */
static void
test_function_errors(void **state)
{
    struct world *w = world_new(SAMPLE);
    cJSON *json = run(w, "update_table", "{\"data\":[null,null,null]}", 500);
    (void)state;

    assert_memory_equal(at(json, "error")->valuestring,
                        "An event handler (update_table) didn't receive enough input values "
                        "(needed: 7, got: 3).",
                        80);
    cJSON_Delete(json);
    json = run(w, "update_table", "{\"data\":[null,null,null,null,[\"~99\"],null,\"\"]}", 500);
    assert_string_equal(at(json, "error")->valuestring,
                        "Value: ~99 is not in the list of choices: ['?', '~1.5', '~3', '~7', "
                        "'~13', '~35', '~60', '70+']");
    assert_string_equal(at(json, "title")->valuestring, "Error");
    cJSON_Delete(json);
    json = run(w, "update_table",
               "{\"data\":[null,[\"<img src=x onerror=alert(1)>\"],null,null,null,null,\"\"]}",
               500);
    assert_null(strchr(at(json, "error")->valuestring, '<'));
    cJSON_Delete(json);
    json = run(w, "update_table", "{\"data\":[null,[[1]],null,null,null,null,\"\"]}", 500);
    cJSON_Delete(json);
    json = run(w, "update_table", "{\"data\":[null,\"ARC\",null,null,null,null,\"\"]}", 500);
    assert_string_equal(at(json, "error")->valuestring, "columns: expected a list of choices.");
    cJSON_Delete(json);
    json = run(w, "update_table", "{\"data\":[null,null,null,null,null,null,[\"q\"]]}", 500);
    assert_string_equal(at(json, "error")->valuestring, "query: expected a text.");
    cJSON_Delete(json);
    world_free(w);
}

/* Bodies that are no calls: 422 as FastAPI words it. */
static void
test_bad_bodies(void **state)
{
    struct world *w = world_new(0);
    cJSON *json = run(w, "predict", "{\"data\":", 422);
    const cJSON *d = cJSON_GetArrayItem(at(json, "detail"), 0);
    char deep[200];
    (void)state;

    assert_string_equal(at(d, "type")->valuestring, "json_invalid");
    assert_string_equal(cJSON_GetArrayItem(at(d, "loc"), 0)->valuestring, "body");
    assert_int_equal(cJSON_GetArrayItem(at(d, "loc"), 1)->valueint, 8);
    assert_string_equal(at(d, "msg")->valuestring, "JSON decode error");
    assert_string_equal(at(at(d, "ctx"), "error")->valuestring, "Expecting value");
    cJSON_Delete(json);
    json = run(w, "predict", "{}", 422);
    d = cJSON_GetArrayItem(at(json, "detail"), 0);
    assert_string_equal(at(d, "type")->valuestring, "missing");
    assert_string_equal(cJSON_GetArrayItem(at(d, "loc"), 1)->valuestring, "data");
    assert_string_equal(at(d, "msg")->valuestring, "Field required");
    cJSON_Delete(json);
    {
        static const char *const others[] = {
            "",
            "[]",
            "null",
            "{\"data\":{}}",
            "{\"data\":[],\"fn_index\":\"x\"}",
            "{\"data\":[],\"fn_index\":1.5}",
            "{\"data\":[],\"fn_index\":1e99}",
            "{\"data\":[],\"session_hash\":7}",
            "{\"data\":[NaN]}",
            "{\"data\":[]} {}",
            "{\"data\":[],\"session_hash\":\"\xff\"}",
        };
        for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
            cJSON_Delete(run(w, "predict", others[i], 422));
    }
    memset(deep, '[', sizeof(deep));
    memcpy(deep, "{\"data\":", 8);
    deep[sizeof(deep) - 1] = '\0';
    cJSON_Delete(run(w, "predict", deep, 413));
    world_free(w);
}

static void
test_cancel_body(void **state)
{
    struct jb_arena *arena = jb_arena_new(1 << 16);
    struct jb_str session, event;
    struct jb_error err = {0};
    (void)state;

    assert_int_equal(
        gradio_cancel_read(JB_STR("{\"session_hash\":\"s\",\"fn_index\":0,\"event_id\":\"x\"}"),
                           arena, &err, &session, &event),
        0);
    assert_true(jb_str_is(session, "s"));
    assert_true(jb_str_is(event, "x"));
    static const struct {
        const char *body, *reason;
    } bad[] = {
        {"", "body: Field required"},
        {"{}", "body.session_hash: Field required"},
        {"{\"session_hash\":\"s\",\"event_id\":\"x\"}", "body.fn_index: Field required"},
        {"{\"session_hash\":\"s\",\"fn_index\":0}", "body.event_id: Field required"},
        {"{\"event_id\":[]}", "body.event_id: Input should be a valid string"},
        {"{\"event_id\":null}", "body.event_id: Input should be a valid string"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(gradio_cancel_read(jb_str(bad[i].body), arena, &err, &session, &event),
                         JB_EUNPROC);
        assert_string_equal(err.text, bad[i].reason);
        jb_error_clear(&err);
    }
    assert_true(jb_str_is(session, "s"));
    assert_int_equal(gradio_reset_read(JB_STR("{\"event_id\":\"y\"}"), arena, &err, &event), 0);
    assert_true(jb_str_is(event, "y"));
    assert_int_equal(gradio_reset_read(JB_STR("{\"a\":1}"), arena, &err, &event), JB_EUNPROC);
    assert_string_equal(err.text, "body.event_id: Field required");
    jb_error_clear(&err);
    assert_int_equal(gradio_cancel_read(JB_STR("x"), arena, &err, &session, &event), JB_EPARSE);
    jb_arena_free(arena);
}

/* The default answer and /predict are the site's own blobs; a posted table of some megabytes is
 * stepped over. */
static void
test_ready(void **state)
{
    struct world *w = world_new(SAMPLE);
    struct gradio_call call = {ROUTE_RUN, JB_STR("update_table"), JB_STR(""),
                               JB_STR("{\"data\":[null,null,null,null,null,null,\"\"]}"), NULL};
    struct gradio_answer a = {0}, b = {0};
    struct jb_error err = {0};
    struct jb_buf body = JB_BUF(32 << 20);
    int64_t begin;
    (void)state;

    assert_int_equal(gradio_call_run(w->site, &call, &limits, w->arena, &err, &a), 0);
    jb_buf_puts(&body, "{\"data\":[{\"headers\":[],\"data\":[");
    for (int i = 0; i < 100000; i++)
        jb_buf_printf(&body, "%s[%d,\"<a href=\\\"x\\\">y</a>\",null]", i ? "," : "", i);
    jb_buf_puts(&body, "]},null,null,null,null,null,\"\"]}");
    call.body = jb_buf_view(&body);
    begin = jb_monotonic_ms();
    assert_int_equal(gradio_call_run(w->site, &call, &limits, w->arena, &err, &b), 0);
    assert_true(jb_monotonic_ms() - begin < 2000);
    assert_ptr_equal(a.outcome.output, b.outcome.output);
    jb_blob_unref(a.outcome.output);
    jb_blob_unref(b.outcome.output);
    jb_buf_free(&body);
    world_free(w);
}

static int
submit_run(void *ctx, struct jb_str session, const struct jb_str args[GRADIO_INPUTS_MAX],
           struct jb_arena *arena, struct jb_error *err, struct gradio_outcome *ret_outcome)
{
    struct jb_str *kept = ctx;
    (void)arena;

    memcpy(kept, args, GRADIO_INPUTS_MAX * sizeof(*kept));
    kept[GRADIO_INPUTS_MAX] = session;
    if (jb_str_is(args[0], "full"))
        return jb_fail(err, JB_EBUSY, "no room");
    *ret_outcome = (struct gradio_outcome){.waiting = true, .wait_id = 5, .deadline_ms = 99};
    return 0;
}

/* What runs /add_new_eval gets its arguments, and its outcome may wait. */
static void
test_submit(void **state)
{
    struct world *w = world_new(SAMPLE);
    struct jb_str args[GRADIO_INPUTS_MAX + 1];
    struct gradio_submit submit = {args, submit_run};
    struct gradio_call call = {
        ROUTE_RUN, JB_STR("add_new_eval"), JB_STR(""),
        JB_STR("{\"session_hash\":\"s1\",\"data\":[\"o/"
               "\\u006d\",null,\"main\",\"float16\",false,\"Original\",null]}"),
        &submit};
    struct gradio_answer answer = {0};
    struct jb_error err = {0};
    (void)state;

    assert_int_equal(gradio_call_run(w->site, &call, &limits, w->arena, &err, &answer), 0);
    assert_int_equal(answer.fn_index, 8);
    assert_true(answer.outcome.waiting);
    assert_int_equal(answer.outcome.wait_id, 5);
    assert_int_equal(answer.outcome.deadline_ms, 99);
    assert_null(answer.outcome.output);
    assert_true(jb_str_is(args[GRADIO_INPUTS_MAX], "s1"));
    assert_true(jb_str_is(args[0], "o/m"));
    assert_true(jb_str_is(args[1], ""));
    assert_true(jb_str_is(args[2], "main"));
    assert_true(jb_str_is(args[4], "false"));
    assert_true(jb_str_is(args[5], "Original"));

    call.body = JB_STR("{\"data\":[\"full\",\"\",\"\",\"\",false,\"\",\"\"]}");
    assert_int_equal(gradio_call_run(w->site, &call, &limits, w->arena, &err, &answer),
                     JB_EBUSY);
    assert_string_equal(err.text, "no room");
    /* not run at all: an argument of the wrong kind, and too few */
    args[0] = JB_STR("untouched");
    call.body = JB_STR("{\"data\":[{},\"\",\"\",\"\",false,\"\",\"\"]}");
    assert_int_equal(gradio_call_run(w->site, &call, &limits, w->arena, &err, &answer), 0);
    assert_false(answer.outcome.success);
    assert_false(answer.outcome.waiting);
    jb_blob_unref(answer.outcome.output);
    call.body = JB_STR("{\"data\":[\"o/m\"]}");
    assert_int_equal(gradio_call_run(w->site, &call, &limits, w->arena, &err, &answer), 0);
    assert_false(answer.outcome.success);
    jb_blob_unref(answer.outcome.output);
    assert_true(jb_str_is(args[0], "untouched"));
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter),         cmocka_unit_test(test_predict),
        cmocka_unit_test(test_load_query),     cmocka_unit_test(test_named),
        cmocka_unit_test(test_which_function), cmocka_unit_test(test_function_errors),
        cmocka_unit_test(test_bad_bodies),     cmocka_unit_test(test_cancel_body),
        cmocka_unit_test(test_ready),          cmocka_unit_test(test_submit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
