/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of our own runs, strictly, and one document made of several. */
#include "arena_help.h"

#include "harness/compose.h"
#include "harness/scores.h"
#include "harness/strict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRINGS(...)                                                                           \
    {                                                                                          \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[])     \
        {                                                                                      \
            __VA_ARGS__                                                                        \
        }                                                                                      \
    }

static const struct benchmark board[] = {
    {.key = "mmlu",
     .header = "MMLU",
     .shots = 5,
     .metric = "acc",
     .tasks = STRINGS("hendrycksTest-*"),
     .count = 57},
    {.key = "gsm8k", .header = "GSM8K", .shots = 8, .metric = "acc", .tasks = STRINGS("gsm8k")},
    {.key = "two", .header = "Two", .shots = 5, .metric = "acc", .tasks = STRINGS("a", "b")},
};
enum { MMLU, GSM8K, TWO };

/* The document with one text in the place of another. */
static struct jb_str
damaged(struct jb_str doc, const char *from, const char *to)
{
    char *text = jb_arena_dup(arena, doc.p, doc.n), *at = strstr(text, from);

    if (!at)
        fail_msg("no %s in the sample", from);
    *at = '\0';
    return jb_str(jb_arena_printf(arena, "%s%s%s", text, to, at + strlen(from)));
}

static double
strict(int b, struct jb_str doc, enum harness_dialect dialect)
{
    struct jb_error err = {0};
    struct score score;
    const char *failure = NULL;

    if (harness_strict_scores(doc, &board[b], dialect, 0, arena, &err, &score, &failure))
        fail_msg("%s: %s", failure, err.text);
    assert_string_equal(score.benchmark, board[b].key);
    return score.value;
}

static void
refused(int b, struct jb_str doc, int64_t limit, const char *failure)
{
    struct jb_error err = {0};
    struct score score;
    const char *got = NULL;

    assert_int_equal(
        harness_strict_scores(doc, &board[b], DIALECT_PINNED, limit, arena, &err, &score, &got),
        JB_EUNPROC);
    if (strcmp(got, failure) != 0)
        fail_msg("%s (%s) instead of %s", got, err.text, failure);
    assert_true(err.text[0]);
}

static void
test_real(void **state)
{
    struct jb_str mmlu = data_file("harness/llama-13B_mmlu_5-shot.json");
    double sum = 0;
    int n = 0;

    (void)state;
    /* the mean of all `acc` of the file, taken another way */
    for (const char *p = mmlu.p; (p = strstr(p, "\"acc\": ")); n++)
        sum += strtod(p += 7, NULL);
    assert_int_equal(n, 57);
    assert_true(fabs(strict(MMLU, mmlu, DIALECT_PINNED) - 100 * sum / n) < 1e-6);
    assert_true(
        fabs(strict(GSM8K, data_file("harness/llama-7B_gsm8k_8-shot.json"), DIALECT_PINNED) -
             100 * 0.0803639120545868) < 1e-6);
}

static void
test_damaged(void **state)
{
    struct jb_str mmlu = data_file("harness/llama-13B_mmlu_5-shot.json");
    struct jb_str gsm = data_file("harness/llama-7B_gsm8k_8-shot.json");
    struct jb_str zero;

    (void)state;
    refused(MMLU, damaged(mmlu, "\"hendrycksTest-anatomy\": {", "\"other\": {"), 0,
            "incomplete_results");
    refused(MMLU, gsm, 0, "incomplete_results");
    refused(GSM8K, damaged(gsm, "\"acc\":", "\"acc_norm\":"), 0, "incomplete_results");
    refused(GSM8K, damaged(gsm, "0.0803639120545868", "NaN"), 0, "precision_nan");
    refused(GSM8K, damaged(gsm, "0.0803639120545868", "Infinity"), 0, "precision_nan");
    refused(GSM8K, damaged(gsm, "0.0803639120545868", "-Infinity"), 0, "precision_nan");
    refused(GSM8K, damaged(gsm, "0.0803639120545868", "null"), 0, "precision_nan");
    refused(GSM8K, damaged(gsm, "0.0803639120545868", "1e999"), 0, "precision_nan");
    refused(GSM8K, damaged(gsm, "0.0803639120545868", "1.5"), 0, "bad_result_json");
    refused(GSM8K, damaged(gsm, "0.0803639120545868", "-0.1"), 0, "bad_result_json");
    refused(GSM8K, damaged(gsm, "0.0803639120545868", "\"much\""), 0, "bad_result_json");
    refused(GSM8K, damaged(gsm, "\"num_fewshot\": 8", "\"num_fewshot\": 5"), 0,
            "bad_result_json");
    refused(GSM8K, damaged(gsm, "\"limit\": null", "\"limit\": 10"), 0, "incomplete_results");
    refused(GSM8K, damaged(gsm, "\"limit\": null", "\"limit\": 10"), 20, "incomplete_results");
    refused(GSM8K, gsm, 10, "incomplete_results");
    refused(GSM8K, (struct jb_str){gsm.p, gsm.n / 2}, 0, "bad_result_json");
    refused(GSM8K, jb_str(""), 0, "bad_result_json");
    refused(GSM8K, jb_str("[]"), 0, "bad_result_json");
    refused(TWO,
            jb_str("{\"results\":{\"a\":{\"acc\":0.5}},\"versions\":{},\"config\":{\"model\":"
                   "\"x\",\"num_fewshot\":5}}"),
            0, "incomplete_results");
    /* of another harness */
    refused(TWO,
            jb_str("{\"results\":{\"a\":{\"acc,none\":0.5},\"b\":{\"acc,none\":0.5}},"
                   "\"n-shot\":{\"a\":5,\"b\":5},\"config\":{\"model\":\"hf\"}}"),
            0, "bad_result_json");
    /* a true 0 is a score */
    zero = damaged(gsm, "0.0803639120545868", "0.0");
    assert_true(strict(GSM8K, zero, DIALECT_PINNED) == 0);
}

static void
test_present(void **state)
{
    static const char doc[] =
        "{\"results\":{\"a\":{\"acc,none\":0.25,\"acc_stderr,none\":\"N/A\"},"
        "\"b\":{\"acc,none\":0.75}},\"n-shot\":{\"a\":5,\"b\":%d},\"n-samples\":{\"a\":"
        "{\"original\":9,\"effective\":9},\"b\":{\"original\":4,\"effective\":4}},\"config\":"
        "{\"model\":\"hf\",\"limit\":null}}";
    struct jb_error err = {0};
    struct score score;
    const char *failure = NULL;
    char text[600];

    (void)state;
    snprintf(text, sizeof(text), doc, 5);
    assert_int_equal(harness_strict_scores(jb_str(text), &board[TWO], DIALECT_PRESENT, 0, arena,
                                           &err, &score, &failure),
                     0);
    assert_true(score.value == 50 && score.items == 13);
    snprintf(text, sizeof(text), doc, 0);
    assert_int_equal(harness_strict_scores(jb_str(text), &board[TWO], DIALECT_PRESENT, 0, arena,
                                           &err, &score, &failure),
                     JB_EUNPROC);
    assert_string_equal(failure, "bad_result_json");
}

static const struct compose_run run = {.model = "org/model",
                                       .revision = "0123456789abcdef0123456789abcdef01234567",
                                       .precision = "8bit",
                                       .weight_type = "Original",
                                       .plan = "harness-b281b09",
                                       .plan_version = "b281b09",
                                       .suite = "2024-1",
                                       .job = 42,
                                       .start_us = 1716448481086185,
                                       .end_us = 1716448481586185};

static void
test_compose(void **state)
{
    struct compose_part parts[] = {
        {"mmlu", data_file("harness/llama-13B_mmlu_5-shot.json"), 12.5, "ab"},
        {"gsm8k",
         damaged(data_file("harness/llama-7B_gsm8k_8-shot.json"), "\"acc_stderr\": ",
                 "\"x\": NaN, \"say \\\"NaN\": -Infinity, \"acc_stderr\": "),
         NAN, ""},
    };
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_error err = {0};
    struct scores s;

    (void)state;
    if (harness_compose(&run, DIALECT_PINNED, parts, 2, arena, &err, &out))
        fail_msg("%s", err.text);
    assert_non_null(strstr(out.p, "\"x\": null, \"say \\\"NaN\": null"));
    assert_non_null(strstr(out.p, "\"acc\": 0.0803639120545868"));
    assert_non_null(strstr(out.p, "\"total_evaluation_time_secondes\":\"0.500000\""));
    assert_null(strstr(out.p, "pretrained")); /* command lines stay where they were */
    if (scores_read(jb_buf_view(&out), board, 3, arena, &err, &s))
        fail_msg("%s", err.text);
    assert_int_equal(s.dialect, DIALECT_PINNED);
    assert_string_equal(s.model, run.model);
    assert_string_equal(s.revision, run.revision);
    assert_string_equal(s.precision, "8bit");
    assert_true(s.time == run.end_us);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.problems, 0);
    assert_true(s.items[0].value == strict(MMLU, parts[0].doc, DIALECT_PINNED));
    assert_true(s.items[1].value == strict(GSM8K, parts[1].doc, DIALECT_PINNED));
    assert_string_equal(harness_compose_path(&run, arena),
                        "org/model/results_2024-05-23T07-14-41.586185.json");
    jb_buf_free(&out);
}

static void
test_compose_refuses(void **state)
{
    struct jb_str gsm = data_file("harness/llama-7B_gsm8k_8-shot.json");
    struct compose_part twice[] = {{"a", gsm, 1, ""}, {"b", gsm, 1, ""}};
    struct jb_buf out = JB_BUF(1 << 20), small = JB_BUF(100);
    struct jb_error err = {0};

    (void)state;
    assert_int_equal(harness_compose(&run, DIALECT_PINNED, twice, 2, arena, &err, &out), 0);
    jb_buf_reset(&out);
    twice[1].doc = damaged(gsm, "0.0803639120545868", "0.9");
    assert_int_equal(harness_compose(&run, DIALECT_PINNED, twice, 2, arena, &err, &out),
                     JB_ECONFLICT);
    jb_error_clear(&err);
    jb_buf_reset(&out);
    twice[1].doc = jb_str("{\"results\":{},");
    assert_int_equal(harness_compose(&run, DIALECT_PINNED, twice, 2, arena, &err, &out),
                     JB_EPARSE);
    assert_non_null(strstr(err.text, "results of b"));
    jb_error_clear(&err);
    jb_buf_reset(&out);
    twice[1].doc = jb_str("{\"config\":{}}");
    assert_int_equal(harness_compose(&run, DIALECT_PINNED, twice, 2, arena, &err, &out),
                     JB_EUNPROC);
    assert_int_equal(harness_compose(&run, DIALECT_PINNED, twice, 1, arena, NULL, &small),
                     JB_ETOOBIG);
    jb_buf_free(&out);
    jb_buf_free(&small);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_present),
        cmocka_unit_test(test_compose),
        cmocka_unit_test(test_compose_refuses),
    };

    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
