/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to a submitter: colour, escapes, the JSON of programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "views/answer.h"

static struct queue_answer
an_answer(enum answer_kind kind, const char *code)
{
    return (struct queue_answer){
        .kind = kind, .status = 200, .code = code, .zh = "模型 <b>", .en = "model </p>\"'&"};
}

static void
test_paragraph(void **state)
{
    static const struct {
        enum answer_kind kind;
        const char *colour;
    } kinds[] = {{ANSWER_ERROR, "red"},
                 {ANSWER_WARNING, "orange"},
                 {ANSWER_SUCCESS, "green"},
                 {ANSWER_WAITING, "green"}};
    (void)state;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct queue_answer answer = an_answer(kinds[i].kind, "x");
        struct jb_buf b = JB_BUF(4096);
        char start[100];

        snprintf(start, sizeof start,
                 "<p style=\"color: %s; font-size: 20px; text-align: center;\">模型 &lt;b&gt;",
                 kinds[i].colour);
        answer_put_gradio(&answer, "/m", &b);
        assert_memory_equal(b.p, start, strlen(start));
        assert_non_null(strstr(b.p, "<br>model &lt;/p&gt;&quot;&#39;&amp;</p>"));
        assert_null(strstr(b.p, "href"));
        assert_null(strstr(b.p, "<code>"));
        jb_buf_free(&b);
    }
}

static void
test_paragraph_links(void **state)
{
    struct queue_answer answer = an_answer(ANSWER_WAITING, "accepted");
    struct jb_buf b = JB_BUF(4096);
    (void)state;

    answer.request = 17;
    answer.secret = "jbs_<x>";
    answer_put_gradio(&answer, "/m", &b);
    assert_non_null(strstr(b.p, "href=\"/m/requests/17\""));
    assert_non_null(strstr(b.p, "<code>jbs_&lt;x&gt;</code>"));
    jb_buf_free(&b);
}

static cJSON *
json_of(const struct queue_answer *answer)
{
    struct jb_buf b = JB_BUF(4096);
    cJSON *json;

    answer_put_json(answer, "/m", &b);
    assert_int_equal(b.err, 0);
    json = cJSON_ParseWithLength(b.p, b.n);
    assert_non_null(json);
    jb_buf_free(&b);
    return json;
}

static const char *
text_at(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(json, key);

    assert_non_null(item);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static void
test_json(void **state)
{
    struct queue_answer answer = an_answer(ANSWER_WAITING, "waiting");
    (void)state;

    answer.request = 17;
    answer.secret = "jbs_1";
    answer.retry_after = 3;
    cJSON *json = json_of(&answer);
    assert_string_equal(text_at(json, "status"), "accepted");
    assert_string_equal(text_at(json, "code"), "waiting");
    assert_string_equal(text_at(json, "secret"), "jbs_1");
    assert_string_equal(text_at(cJSON_GetObjectItem(json, "message"), "zh"), "模型 <b>");
    assert_string_equal(text_at(cJSON_GetObjectItem(json, "message"), "en"), "model </p>\"'&");
    assert_int_equal(cJSON_GetObjectItem(json, "request")->valueint, 17);
    assert_int_equal(cJSON_GetObjectItem(json, "retry_after")->valueint, 3);
    assert_string_equal(text_at(cJSON_GetObjectItem(json, "links"), "request"),
                        "/m/api/requests/17");
    assert_string_equal(text_at(cJSON_GetObjectItem(json, "links"), "page"), "/m/requests/17");
    cJSON_Delete(json);
}

static void
test_json_status(void **state)
{
    static const struct {
        enum answer_kind kind;
        const char *code, *status;
    } cases[] = {{ANSWER_SUCCESS, "queued", "queued"},
                 {ANSWER_SUCCESS, "cancelled", "cancelled"},
                 {ANSWER_WARNING, "duplicate", "duplicate"},
                 {ANSWER_WARNING, "blocked", "refused"},
                 {ANSWER_ERROR, "quota", "refused"}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct queue_answer answer = an_answer(cases[i].kind, cases[i].code);
        cJSON *json = json_of(&answer);
        assert_string_equal(text_at(json, "status"), cases[i].status);
        assert_null(text_at(json, "request"));
        assert_null(text_at(json, "secret"));
        assert_null(text_at(json, "retry_after"));
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "links")), 0);
        cJSON_Delete(json);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paragraph),
        cmocka_unit_test(test_paragraph_links),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_status),
    };

    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
