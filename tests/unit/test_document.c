/* SPDX-License-Identifier: Apache-2.0 */
#include "arena_help.h"

#include "store/document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct request
read_ok(struct jb_str doc, const char *path)
{
    struct jb_error err = {0};
    struct request r;

    if (document_request_read(doc, path, arena, &err, &r))
        fail_msg("%s: %s", path, err.text);
    assert_int_equal(store_request_check(&r, &err), 0);
    return r;
}

static const char *
write_ok(const struct request *r)
{
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_error err = {0};
    const char *text;

    if (document_request_write(r, 0, arena, &err, &out))
        fail_msg("%s", err.text);
    text = jb_arena_dup(arena, out.p, out.n);
    jb_buf_free(&out);
    return text;
}

/* The oldest shape, and one of the Portuguese fork: raw UTF-8, indented, its own members. */
static const char oldest[] =
    "{\"model\": \"huggyllama/llama-13b\", \"base_model\": \"\", \"revision\": \"main\", "
    "\"private\": false, "
    "\"8bit_eval\": true, \"is_delta_weight\": false, \"status\": \"FINISHED\"}";
static const char portuguese[] =
    "{\n    \"model\": \"nome/modelo\",\n    \"base_model\": null,\n"
    "    \"precision\": \"8bit (LLM.int8)\",\n    \"status\": \"FAILED\",\n"
    "    \"submitted_time\": \"2024-02-05 23:09:53\",\n"
    "    \"model_type\": \"🟢 : pretrained\",\n    \"job_id\": 17,\n"
    "    \"error_msg\": \"não foi possível\",\n"
    "    \"result_metrics\": {\"a\": 0.50, \"b\": [1, 2e-3]}\n}\n";

static void
test_eras(void **state)
{
    struct request r;

    (void)state;
    r = read_ok(
        data_file("requests/01-ai_Yi-34B-200K_eval_request_False_bfloat16_Original.json"),
        "01-ai/Yi-34B-200K_eval_request_False_bfloat16_Original.json");
    assert_string_equal(r.model, "01-ai/Yi-34B-200K");
    assert_string_equal(r.model_type, "🟢 : pretrained");
    assert_string_equal(r.job_id, "847392");
    assert_string_equal(r.license, "other");
    assert_true(r.likes == 153 && r.params == 34.389);
    assert_int_equal(r.submitted, 1701679943000000);
    r = read_ok(
        data_file("requests/01-ai_Yi-34B-Chat_eval_request_False_bfloat16_Original.json"), "");
    assert_string_equal(r.model_type, ""); /* a real [] */
    r = read_ok(data_file("requests/01-ai_Yi-34B_eval_request_False_bfloat16_Original.json"),
                "");
    assert_string_equal(r.architectures, "LlamaForCausalLM");
    assert_string_equal(r.commit, "");
    r = read_ok(
        data_file(
            "requests/cn_AbacusResearch_Jallabi-34B_eval_request_False_bfloat16_Original.json"),
        "");
    assert_string_equal(r.status, "CANCELLED");
    assert_string_equal(r.job_id, "");
    r = read_ok(data_file("requests/v2_01-ai_Yi-34B_eval_request_False_bfloat16_Original.json"),
                "");
    assert_string_equal(r.commit, "e1e7da8c75cfd5c44522228599fd4d2990cedd1c");
    assert_string_equal(r.base_model, "");
    r = read_ok(jb_str(oldest), "huggyllama/llama-13b_eval_request_False_True_False.json");
    assert_string_equal(r.precision, "8bit");
    assert_string_equal(r.weight_type, "Original");
    assert_true(isnan(r.params));
    r = read_ok(jb_str(portuguese), "nome/modelo_eval_request_True_float16_adapter.json");
    assert_string_equal(r.precision, "8bit"); /* the body, not the name */
    assert_string_equal(r.weight_type, "Adapter");
    assert_true(r.private_);
    assert_string_equal(r.revision, "main");
    assert_int_equal(r.submitted, 1707174593000000);
}

static void
test_untouched_is_same_bytes(void **state)
{
    static const char *const names[] = {
        "requests/01-ai_Yi-34B-200K_eval_request_False_bfloat16_Original.json",
        "requests/01-ai_Yi-34B-Chat_eval_request_False_bfloat16_Original.json",
        "requests/01-ai_Yi-34B_eval_request_False_bfloat16_Original.json",
        "requests/cn_AbacusResearch_Jallabi-34B_eval_request_False_bfloat16_Original.json",
        "requests/v2_01-ai_Yi-34B_eval_request_False_bfloat16_Original.json",
    };
    struct request r;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct jb_str doc = data_file(names[i]);

        r = read_ok(doc, names[i]);
        assert_string_equal(write_ok(&r), doc.p);
    }
    r = read_ok(jb_str(oldest), "huggyllama/llama-13b_eval_request_False_True_False.json");
    assert_string_equal(write_ok(&r), oldest);
    r = read_ok(jb_str(portuguese), "nome/modelo_eval_request_True_float16_adapter.json");
    assert_string_equal(write_ok(&r), portuguese);
}

static void
test_changes_are_spliced(void **state)
{
    struct request r =
        read_ok(jb_str(portuguese), "nome/modelo_eval_request_True_float16_adapter.json");

    (void)state;
    r.status = "FINISHED";
    r.job_id = "18";
    r.params = 7.242;
    r.architectures = "Llamaé";
    assert_string_equal(
        write_ok(&r), "{\n    \"model\": \"nome/modelo\",\n    \"base_model\": null,\n"
                      "    \"precision\": \"8bit (LLM.int8)\",\n    \"status\": \"FINISHED\",\n"
                      "    \"submitted_time\": \"2024-02-05 23:09:53\",\n"
                      "    \"model_type\": \"🟢 : pretrained\",\n    \"job_id\": 18,\n"
                      "    \"error_msg\": \"não foi possível\",\n"
                      "    \"result_metrics\": {\"a\": 0.50, \"b\": [1, 2e-3]},\n"
                      "    \"params\": 7.242,\n    \"architectures\": \"Llamaé\"\n}\n");
    r = read_ok(
        data_file("requests/01-ai_Yi-34B-Chat_eval_request_False_bfloat16_Original.json"), "");
    r.status = "RUNNING";
    r.model_type = "💬 : chat";
    r.commit = "e1e7da8c75cfd5c44522228599fd4d2990cedd1c";
    r.job_id = "12";
    assert_string_equal(
        write_ok(&r),
        "{\"model\": \"01-ai/Yi-34B-Chat\", \"base_model\": \"\", \"revision\": \"main\", "
        "\"private\": "
        "false, \"precision\": \"bfloat16\", \"weight_type\": \"Original\", \"status\": "
        "\"RUNNING\", "
        "\"submitted_time\": \"2023-12-04T08:52:11Z\", \"model_type\": \"\\ud83d\\udcac : "
        "chat\", "
        "\"likes\": 21, \"params\": 34.389, \"license\": \"other\", \"job_id\": \"12\", "
        "\"job_start_time\": \"2023-12-04T18:08:32.473232\", "
        "\"commit\": \"e1e7da8c75cfd5c44522228599fd4d2990cedd1c\"}\n");
}

static void
test_ours_in_their_order(void **state)
{
    struct request r = {.model = "o/m",
                        .revision = "main",
                        .precision = "float16",
                        .weight_type = "Original",
                        .status = "PENDING",
                        .model_type = "🟢 : pretrained",
                        .params = 7,
                        .likes = NAN,
                        .submitted = 1701679943000000};
    struct request again;
    const char *text = write_ok(&r);

    (void)state;
    assert_string_equal(
        text,
        "{\"model\": \"o/m\", \"base_model\": \"\", \"revision\": \"main\", \"private\": "
        "false, "
        "\"precision\": \"float16\", \"params\": 7.0, \"architectures\": \"\", "
        "\"weight_type\": "
        "\"Original\", \"status\": \"PENDING\", \"submitted_time\": \"2023-12-04T08:52:23Z\", "
        "\"model_type\": \"\\ud83d\\udfe2 : pretrained\", \"job_id\": -1, \"job_start_time\": "
        "null}");
    again = read_ok(jb_str(text), document_request_path(&r, arena));
    assert_string_equal(again.path, "o/m_eval_request_False_float16_Original.json");
    assert_string_equal(write_ok(&again), text);
    again.doc.n = 0;
    assert_string_equal(write_ok(&again), text);
    again.job_id = "0703434"; /* no JSON number */
    assert_non_null(strstr(write_ok(&again), "\"job_id\": \"0703434\""));
}

static void
test_refused(void **state)
{
    static const struct {
        const char *doc;
        int code;
        const char *reason;
    } bad[] = {
        {"{\"model\": \"a/b\"", JB_EPARSE, "line 1 column 16"},
        {"[]", JB_EUNPROC, "not a JSON object"},
        {"{\"status\": \"PENDING\"}", JB_EUNPROC, "no \"model\""},
        {"{\"model\": \"a/b\"}", JB_EUNPROC, "no \"status\""},
        {"{\"model\": \"a/b\", \"status\": 1}", JB_EUNPROC, "no \"status\""},
        {"{\"model\": \"a/b\", \"st\\u0061tus\": \"X\", \"status\": \"Y\"}", JB_EUNPROC,
         "twice"},
        {"{\"model\": \"../b\", \"status\": \"X\"}", JB_EUNPROC, "dots"},
        {"{\"model\": \"a/b/c\", \"status\": \"X\"}", JB_EUNPROC, "more than one slash"},
        {"{\"model\": \"a/\\n\", \"status\": \"X\"}", JB_EUNPROC, "character"},
        {"{\"model\": \"a/\\u202eb\", \"status\": \"X\"}", JB_EUNPROC, "character"},
        {"{\"model\": \"a/b\", \"status\": \"X\", \"precision\": \"../x\"}", JB_EUNPROC,
         "precision"},
        {"{\"model\": \"a/b\", \"status\": \"X\", \"weight_type\": \"a/b\"}", JB_EUNPROC,
         "weight_type"},
        {"{\"model\": \"a/b\", \"status\": \"X\", \"revision\": \"a\\u0007\"}", JB_EUNPROC,
         "revision"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct jb_error err = {0};
        struct request r;

        assert_int_equal(document_request_read(jb_str(bad[i].doc), "", arena, &err, &r),
                         bad[i].code);
        if (!strstr(err.text, bad[i].reason))
            fail_msg("\"%s\" is not in \"%s\"", bad[i].reason, err.text);
    }
}

/* NaN in a request costs that member only, and stays in the bytes. */
static void
test_python_words(void **state)
{
    static const char doc[] =
        "{\"model\": \"a/b\", \"status\": \"PENDING\", \"params\": NaN, \"x\": -Infinity}";
    struct request r = read_ok(jb_str(doc), "");

    (void)state;
    assert_true(isnan(r.params));
    assert_string_equal(write_ok(&r), doc);
}

static void
splices(const char *object, const char *expected)
{
    const struct document_change changes[] = {{"a", JB_STR("1")}, {"b", JB_STR("\"x\"")}};
    struct jb_buf out = JB_BUF(1000);
    struct jb_error err = {0};

    assert_int_equal(document_splice(jb_str(object), changes, 2, &err, &out), 0);
    assert_string_equal(out.p, expected);
    jb_buf_free(&out);
}

static void
test_splice(void **state)
{
    struct jb_buf out = JB_BUF(1000);

    (void)state;
    splices("{}", "{\"a\": 1, \"b\": \"x\"}");
    splices(" { } \n", " {\"a\": 1, \"b\": \"x\" } \n");
    splices("{\"a\":0}", "{\"a\":1, \"b\":\"x\"}");
    splices("{\"b\":[{}],\"a\":{\"a\":2}}", "{\"b\":\"x\",\"a\":1}");
    splices("{\"c\":1,\"a\":2}", "{\"c\":1,\"a\":1,\"b\":\"x\"}");
    splices("{\n\t\"c\" : 1\n}", "{\n\t\"c\" : 1,\n\t\"a\" : 1,\n\t\"b\" : \"x\"\n}");
    splices("{\"\\u0061\": 5, \"b\": 6}", "{\"\\u0061\": 1, \"b\": \"x\"}");
    assert_int_equal(document_splice(JB_STR("[]"), NULL, 0, NULL, &out), JB_EUNPROC);
    jb_buf_free(&out);
}

static void
test_model_info(void **state)
{
    static const char doc[] =
        "{\"likes\": 5, \"license\": [\"mit\", \"other\"], \"still_on_hub\": false, "
        "\"tags\": [\"moe\", \"flagged:undisclosed_merge\"], \"downloads\": 12}";
    struct jb_buf out = JB_BUF(1000);
    struct jb_error err = {0};
    struct model_info m;

    (void)state;
    assert_int_equal(document_model_read("a/b", jb_str(doc), arena, &err, &m), 0);
    assert_true(m.likes == 5 && !m.still_on_hub && m.n_tags == 2);
    assert_string_equal(m.license, "mit, other");
    assert_int_equal(document_model_write(&m, arena, &err, &out), 0);
    assert_string_equal(out.p, doc);
    jb_buf_reset(&out);
    m.likes = 6;
    m.n_tags = 1;
    assert_int_equal(document_model_write(&m, arena, &err, &out), 0);
    assert_string_equal(
        out.p, "{\"likes\": 6, \"license\": [\"mit\", \"other\"], \"still_on_hub\": false, "
               "\"tags\": [\"moe\"], \"downloads\": 12}");
    jb_buf_free(&out);
    assert_int_equal(document_model_read("a/b", JB_STR("7"), arena, &err, &m), JB_EUNPROC);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eras),
        cmocka_unit_test(test_untouched_is_same_bytes),
        cmocka_unit_test(test_changes_are_spliced),
        cmocka_unit_test(test_ours_in_their_order),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_python_words),
        cmocka_unit_test(test_splice),
        cmocka_unit_test(test_model_info),
    };

    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
