/* SPDX-License-Identifier: Apache-2.0 */
#include "arena_help.h"

#include "harness/jsontext.h"
#include "harness/scores.h"

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

static struct benchmark_source sem_sources[] = {{DIALECT_CN, STRINGS("c-sem-v2"), ""}};
static struct benchmark_source truth_sources[] = {
    {DIALECT_LIGHTEVAL, STRINGS("truthfulqa:mc"), ""}};
static struct benchmark_source cmmlu_sources[] = {{DIALECT_CN, STRINGS("cmmlu"), "acc_norm"},
                                                  {DIALECT_PRESENT, STRINGS("cmmlu"), "acc"}};

static const struct benchmark board[] = {
    {.key = "arc",
     .header = "C-ARC",
     .shots = 25,
     .metric = "acc_norm",
     .tasks = STRINGS("c_arc_challenge")},
    {.key = "truth",
     .header = "C-TruthfulQA",
     .metric = "mc2",
     .tasks = STRINGS("truthfulqa_mc"),
     .sources = {1, truth_sources}},
    {.key = "sem",
     .header = "C-SEM",
     .shots = 5,
     .metric = "acc",
     .tasks = STRINGS("sem-A", "sem-B", "sem-C", "sem-D"),
     .sources = {1, sem_sources}},
    {.key = "cmmlu",
     .header = "CMMLU",
     .shots = 5,
     .metric = "acc",
     .tasks = STRINGS("cmmlu-*"),
     .count = 3,
     .sources = {2, cmmlu_sources}},
};
#define BENCHMARKS (sizeof(board) / sizeof(board[0]))

static struct scores
read_ok(const char *doc)
{
    struct jb_error err = {0};
    struct scores s;

    if (scores_read(jb_str(doc), board, BENCHMARKS, arena, &err, &s))
        fail_msg("%s", err.text);
    return s;
}

static void
read_fails(const char *doc, size_t n, int code, const char *reason)
{
    struct jb_error err = {0};
    struct scores s;

    assert_int_equal(scores_read((struct jb_str){doc, n}, board, BENCHMARKS, arena, &err, &s),
                     code);
    if (!strstr(err.text, reason))
        fail_msg("\"%s\" is not in \"%s\"", reason, err.text);
}

static const struct score *
score_of(const struct scores *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].benchmark, key) == 0)
            return &s->items[i];
    return NULL;
}

static const char *
problem_of(const struct scores *s, const char *key)
{
    for (size_t i = 0; i < s->problems; i++)
        if (strcmp(s->problem[i].benchmark, key) == 0)
            return s->problem[i].reason;
    return NULL;
}

static void
has_problem(const struct scores *s, const char *key, const char *reason)
{
    const char *found = problem_of(s, key);

    assert_null(score_of(s, key));
    if (!found || !strstr(found, reason))
        fail_msg("%s: \"%s\" is not in \"%s\"", key, reason, found ? found : "(no problem)");
}

/* The same measurement in every dialect, tasks in another order each time. */
static void
test_dialects_agree(void **state)
{
    static const struct {
        enum harness_dialect dialect;
        const char *doc;
    } docs[] = {
        {DIALECT_PINNED,
         "{\"results\":{\"c_arc_challenge\":{\"acc\":0.4224,\"acc_norm\":0.4735,\"acc_norm_"
         "stderr\":0.01},"
         "\"sem-A\":{\"acc\":0.6993},\"sem-B\":{\"acc\":0.6329},\"sem-C\":{\"acc\":0.7036},"
         "\"sem-D\":{\"acc\":0.7324},"
         "\"cmmlu-a\":{\"acc\":0.1},\"cmmlu-b\":{\"acc\":0.2},\"cmmlu-c\":{\"acc\":0.35}},"
         "\"versions\":{},\"config\":{\"model\":\"hf-causal-experimental\","
         "\"model_args\":\"pretrained=o/m,dtype=float16,revision=abc\"}}"},
        {DIALECT_PRESENT, "{\"results\":{\"cmmlu\":{\"acc,none\":0.9,\"alias\":\"cmmlu\"},"
                          "\"cmmlu_b\":{\"acc,none\":0.2,\"acc_stderr,none\":\"N/A\"},"
                          "\"cmmlu_c\":{\"acc,none\":0.35},\"cmmlu_a\":{\"acc,none\":0.1},"
                          "\"sem-D\":{\"acc,none\":0.7324},\"sem-C\":{\"acc,none\":0.7036},"
                          "\"sem-B\":{\"acc,none\":0.6329},\"sem-A\":{\"acc,none\":0.6993},"
                          "\"c_arc_challenge\":{\"alias\":\"c_arc\",\"acc,none\":0.4224,\"acc_"
                          "norm,none\":0.4735,\"acc_norm_stderr,none\":0.01}},"
                          "\"groups\":{\"cmmlu\":{\"acc,none\":0.9}},\"group_subtasks\":{"
                          "\"cmmlu\":[\"cmmlu_a\",\"cmmlu_b\",\"cmmlu_c\"]},"
                          "\"configs\":{},\"n-samples\":{\"c_arc_challenge\":{\"original\":"
                          "1172,\"effective\":1172}},"
                          "\"config\":{\"model\":\"hf\",\"model_args\":{\"pretrained\":\"o/"
                          "m\",\"dtype\":\"float16\",\"revision\":\"abc\"}},"
                          "\"date\":1716448481.5}"},
        {DIALECT_LIGHTEVAL,
         "{\"config_general\":{\"model_name\":\"o/"
         "m\",\"model_sha\":\"abc\",\"model_dtype\":\"torch.float16\"},"
         "\"results\":{\"harness|sem-B|5\":{\"acc\":0.6329},\"harness|sem-A|5\":{\"acc\":0."
         "6993},\"harness|sem-D|5\":{\"acc\":0.7324},"
         "\"harness|sem-C|5\":{\"acc\":0.7036},\"harness|cmmlu-c|5\":{\"acc\":0.35},\"harness|"
         "cmmlu-a|5\":{\"acc\":0.1},"
         "\"harness|cmmlu-b|5\":{\"acc\":0.2},\"harness|c:arc:challenge|25\":{\"acc\":0.4224,"
         "\"acc_norm\":0.4735,\"acc_norm_stderr\":0.01},"
         "\"all\":{\"acc\":0.5}}}"},
        {DIALECT_CN, "{\"config_general\":{\"model_name\":\"o/"
                     "m\",\"model_sha\":\"abc\",\"model_dtype\":\"float16\"},"
                     "\"results\":{\"harness-c_arc_challenge\":{\"acc_norm\":47.35,\"acc_"
                     "stderr\":0},\"harness-c-sem-v2\":{\"acc\":69.205},"
                     "\"harness-cmmlu\":{\"acc_norm\":21.666666666666668}}}"},
        {DIALECT_TEMPLATE,
         "{\"config\":{\"model_name\":\"o/"
         "m\",\"model_sha\":\"abc\",\"model_dtype\":\"torch.float16\"},"
         "\"results\":{\"c_arc_challenge\":{\"acc_norm\":0.4735},\"sem-A\":{\"acc\":0.6993},"
         "\"sem-B\":{\"acc\":0.6329},"
         "\"sem-C\":{\"acc\":0.7036},\"sem-D\":{\"acc\":0.7324},\"cmmlu-a\":{\"acc\":0.1},"
         "\"cmmlu-b\":{\"acc\":0.2},\"cmmlu-c\":{\"acc\":0.35}}}"},
        {DIALECT_TEMPLATE, "{\"config\":{\"model_name\":\"o/"
                           "m\",\"model_sha\":\"abc\",\"model_dtype\":\"float16\"},"
                           "\"results\":{\"c_arc_challenge\":{\"acc_norm\":47.35},\"sem-A\":{"
                           "\"acc\":69.93},\"sem-B\":{\"acc\":63.29},"
                           "\"sem-C\":{\"acc\":70.36},\"sem-D\":{\"acc\":73.24},\"cmmlu-a\":{"
                           "\"acc\":10},\"cmmlu-b\":{\"acc\":20},\"cmmlu-c\":{\"acc\":35}}}"},
        {DIALECT_TABLE, "{\"jinbang\":{\"dialect\":\"table\"},\"config_general\":{\"model_"
                        "name\":\"o/m\",\"model_sha\":\"abc\",\"model_dtype\":\"float16\"},"
                        "\"results\":{\"C-ARC\":{\"score\":47.35},\"c-sem\":{\"score\":69.205},"
                        "\"CMMLU\":{\"score\":21.666666666666668}}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
        struct scores s = read_ok(docs[i].doc);

        assert_int_equal(s.dialect, docs[i].dialect);
        assert_string_equal(s.model, "o/m");
        assert_string_equal(s.revision, "abc");
        assert_string_equal(s.precision, "float16");
        assert_int_equal(s.problems, 0);
        assert_int_equal(s.n, 3);
        /* exactly, not nearly */
        assert_true(score_of(&s, "arc")->value == 47.35);
        assert_true(score_of(&s, "sem")->value == 69.205);
        assert_true(fabs(score_of(&s, "cmmlu")->value - 65.0 / 3) < 1e-10);
        if (docs[i].dialect <= DIALECT_LIGHTEVAL)
            assert_true(fabs(score_of(&s, "arc")->error - 1.0) < 1e-12);
        else
            assert_true(isnan(score_of(&s, "arc")->error));
        if (docs[i].dialect == DIALECT_PRESENT) {
            assert_int_equal(score_of(&s, "arc")->items, 1172);
            assert_int_equal(s.time, 1716448481500000);
        }
    }
}

#define PINNED(results)                                                                        \
    "{\"results\":{" results                                                                   \
    "},\"versions\":{},\"config\":{\"model\":\"hf\",\"model_args\":\"pretrained=o/m\"}}"

static void
test_nan_costs_one(void **state)
{
    struct scores s = read_ok(
        PINNED("\"c_arc_challenge\":{\"acc_norm\":NaN},\"truthfulqa_mc\":{\"mc2\":0.5,\"mc2_"
               "stderr\":NaN},"
               "\"sem-A\":{\"acc\":0.1},\"sem-B\":{\"acc\":-Infinity},\"sem-C\":{\"acc\":0.1},"
               "\"sem-D\":{\"acc\":0.1},"
               "\"cmmlu-a\":{\"acc\":1e999},\"cmmlu-b\":{\"acc\":1},\"cmmlu-c\":{\"acc\":1}"));

    (void)state;
    assert_int_equal(s.n, 1);
    assert_true(score_of(&s, "truth")->value == 50);
    assert_true(isnan(score_of(&s, "truth")->error));
    has_problem(&s, "arc", "is NaN, not a number");
    has_problem(&s, "sem", "is -Infinity, not a number");
    has_problem(&s, "cmmlu", "not finite");
}

static void
test_missing_is_no_zero(void **state)
{
    struct scores s =
        read_ok(PINNED("\"c_arc_challenge\":{\"acc\":0.4},\"truthfulqa_mc\":{\"mc2\":null},"
                       "\"sem-A\":{\"acc\":0.1},\"sem-D\":{\"acc\":0.1},"
                       "\"cmmlu-a\":{\"acc\":0.1},\"cmmlu-b\":{\"acc\":0.1}"));

    (void)state;
    assert_int_equal(s.n, 0);
    has_problem(&s, "arc", "task c_arc_challenge has no acc_norm");
    has_problem(&s, "truth", "is null");
    has_problem(&s, "sem", "2 tasks are missing, the first sem-B");
    has_problem(&s, "cmmlu", "2 tasks of cmmlu-* instead of 3");
    s = read_ok(PINNED("\"cmmlu-a\":{\"acc\":0.1},\"cmmlu-b\":{\"acc\":0.1},\"cmmlu-c\":{"
                       "\"acc\":0.1},\"cmmlu-d\":{\"acc\":0.1}"));
    has_problem(&s, "cmmlu", "4 tasks of cmmlu-* instead of 3");
    assert_null(problem_of(&s, "arc")); /* not measured is no problem */
}

static void
test_scales_never_mix(void **state)
{
    static const char two[] =
        "{\"config_general\":{},\"results\":{\"harness|a|1\":{},\"harness-b\":{}}}";
    struct scores s = read_ok(
        PINNED("\"c_arc_challenge\":{\"acc_norm\":47.35},\"truthfulqa_mc\":{\"mc2\":-0.1}"));

    (void)state;
    has_problem(&s, "arc", "47.35, outside 0 to 1");
    has_problem(&s, "truth", "-0.1, outside 0 to 1");
    s = read_ok("{\"config_general\":{\"model_name\":\"o/"
                "m\"},\"results\":{\"harness-c_arc_challenge\":{\"acc_norm\":0.47},"
                "\"harness-c-sem-v2\":{\"acc\":100.5}}}");
    assert_true(score_of(&s, "arc")->value == 0.47);
    has_problem(&s, "sem", "100.5, outside 0 to 100");
    /* one value above 1 makes the whole template file percent */
    s = read_ok("{\"config\":{\"model_name\":\"o/"
                "m\"},\"results\":{\"c_arc_challenge\":{\"acc_norm\":0.5},"
                "\"truthfulqa_mc\":{\"mc2\":40}}}");
    assert_true(score_of(&s, "arc")->value == 0.5);
    assert_true(score_of(&s, "truth")->value == 40);
    read_fails(two, strlen(two), JB_EUNPROC, "two dialects");
}

static void
test_present_filters(void **state)
{
    struct scores s = read_ok(
        "{\"git_hash\":\"x\",\"config\":{\"model_args\":\"pretrained=o/base,peft=o/"
        "adapter,load_in_8bit=True\"},"
        "\"results\":{\"c_arc_challenge\":{\"acc_norm,strict\":0.5,\"acc_norm,flexible\":0.6},"
        "\"truthfulqa_mc\":{\"mc2,flexible\":0.25,\"mc2_stderr,flexible\":0.02}}}");

    (void)state;
    assert_string_equal(s.model, "o/adapter");
    assert_string_equal(s.precision, "8bit");
    has_problem(&s, "arc", "2 filters");
    assert_true(score_of(&s, "truth")->value == 25);
    assert_true(fabs(score_of(&s, "truth")->error - 2) < 1e-12);
    s = read_ok("{\"git_hash\":\"x\",\"results\":{\"cmmlu\":{\"acc,none\":0.5},\"cmmlu_a\":{"
                "\"acc,none\":0.5}},"
                "\"group_subtasks\":{\"cmmlu\":[\"cmmlu_a\",\"cmmlu_b\"]}}");
    has_problem(&s, "cmmlu", "task cmmlu_b is missing");
    s = read_ok(
        "{\"git_hash\":\"x\",\"results\":{\"cmmlu\":{\"acc,none\":0.5},\"cmmlu_a\":{\"acc,"
        "none\":0.5}},"
        "\"group_subtasks\":{\"cmmlu\":[\"cmmlu\",\"cmmlu_a\"]}}"); /* a group within itself */
    assert_true(score_of(&s, "cmmlu")->value == 50);
}

static void
test_lighteval_keys(void **state)
{
    struct scores s = read_ok(
        "{\"config_general\":{\"model_name\":\"o/m\",\"model_dtype\":\"None\"},\"results\":{"
        "\"harness|c_arc_challenge|0\":{\"acc_norm\":0.1},\"harness|c_arc_challenge|25\":{"
        "\"acc_norm\":0.2},"
        "\"harness|truthfulqa:mc|0\":{\"mc1\":0.3,\"mc2\":0.4},"
        "\"harness|sem-A|0\":{\"acc\":1},\"harness|sem-A|1\":{\"acc\":1}}}");

    (void)state;
    assert_string_equal(s.precision, "GPTQ");
    assert_true(score_of(&s, "arc")->value == 20); /* the shots of the board */
    assert_true(score_of(&s, "truth")->value == 40);
    has_problem(&s, "sem", "task sem-A stands there 2 times, none with 5 shots");
}

static void
test_not_results(void **state)
{
    static const struct {
        const char *doc;
        int code;
        const char *reason;
    } bad[] = {
        {"", JB_EPARSE, "line 1 column 1 (byte 0): empty"},
        {"{\"a\":\n  1,}", JB_EPARSE, "line 2 column 5"},
        {"{\"a\":1} x", JB_EPARSE, "something follows"},
        {"{\"a\":01}", JB_EPARSE, "not a number"},
        {"{\"a\":\"\\ud83d\"}", JB_EPARSE, "surrogate"},
        {"{\"a\":\"\\u0000\"}", JB_EPARSE, "zero character"},
        {"{\"a\":\"\t\"}", JB_EPARSE, "control character"},
        {"{\"a\":\"\xff\"}", JB_EPARSE, "not UTF-8"},
        {"{\"a\":nan}", JB_EPARSE, "a value was expected"},
        {"{\"a\"", JB_EPARSE, "a colon"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", JB_ETOOBIG, "nested too deeply"},
        {"[1]", JB_EUNPROC, "not a JSON object"},
        {"{\"results\":[]}", JB_EUNPROC, "no object \"results\""},
        {"{\"results\":{}}", JB_EUNPROC, "none of the known"},
        {"{\"config_general\":{},\"results\":{\"x\":{}}}", JB_EUNPROC, "no task of the form"},
        {PINNED("\"other\":{\"acc\":0.5}"), JB_EUNPROC, "none of the board's benchmarks"},
    };
    char *big = calloc(1, (8 << 20) + 2);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        read_fails(bad[i].doc, strlen(bad[i].doc), bad[i].code, bad[i].reason);
    assert_non_null(big);
    memset(big, ' ', (8 << 20) + 1);
    read_fails(big, (8 << 20) + 1, JB_ETOOBIG, "more than");
    memset(big, '[', 1000000);
    read_fails(big, 1000000, JB_ETOOBIG, "nested");
    free(big);
}

static void
test_samples(void **state)
{
    struct benchmark_source cn_sem[] = {{DIALECT_CN, STRINGS("c-sem-v2"), ""}};
    struct benchmark_source cn_cmmlu[] = {{DIALECT_CN, STRINGS("cmmlu"), "acc_norm"}};
    const struct benchmark cn[] = {
        {.key = "arc", .metric = "acc_norm", .header = "", .tasks = STRINGS("c_arc_challenge")},
        {.key = "hellaswag",
         .metric = "acc_norm",
         .header = "",
         .tasks = STRINGS("c_hellaswag")},
        {.key = "truth", .metric = "mc2", .header = "", .tasks = STRINGS("c_truthfulqa_mc")},
        {.key = "winogrande", .metric = "acc", .header = "", .tasks = STRINGS("c_winogrande")},
        {.key = "gsm8k", .metric = "acc", .header = "", .tasks = STRINGS("c_gsm8k")},
        {.key = "sem",
         .metric = "acc",
         .header = "",
         .tasks = STRINGS("x"),
         .sources = {1, cn_sem}},
        {.key = "cmmlu",
         .metric = "acc",
         .header = "",
         .tasks = STRINGS("cmmlu-*"),
         .count = 67,
         .sources = {1, cn_cmmlu}},
    };
    const struct benchmark hf[] = {
        {.key = "mmlu",
         .metric = "acc",
         .header = "",
         .tasks = STRINGS("hendrycksTest-*"),
         .count = 57},
        {.key = "winogrande", .metric = "acc", .header = "", .tasks = STRINGS("winogrande")},
        {.key = "gsm8k", .metric = "acc", .header = "", .tasks = STRINGS("gsm8k")},
        {.key = "drop", .metric = "f1", .header = "", .tasks = STRINGS("drop")},
    };
    struct jb_error err = {0};
    struct scores s;
    double sum = 0;

    (void)state;
    assert_int_equal(
        scores_read(data_file("results/"
                              "cn_hfl_llama-3-chinese-8b-instruct-v2_results_2024-05-"
                              "23T07-14-41.086185.excerpt.json"),
                    cn, 7, arena, &err, &s),
        0);
    assert_int_equal(s.n, 7);
    assert_int_equal(s.dialect, DIALECT_CN);
    for (size_t i = 0; i < 7; i++) {
        sum += s.items[i].value;
        assert_true(isnan(s.items[i].error)); /* their 0 says nothing */
    }
    assert_true(fabs(sum / 7 - 54.96) < 0.005);
    assert_int_equal(
        scores_read(data_file("results/"
                              "hf_CHIH-HUNG_llama-2-13b-OpenOrca_5w_results_2023-10-"
                              "15T01-39-25.710626.excerpt.json"),
                    hf, 4, arena, &err, &s),
        0);
    assert_int_equal(s.n, 3);
    assert_string_equal(s.model, "CHIH-HUNG/llama-2-13b-OpenOrca_5w");
    assert_string_equal(s.revision, "67c4472f389c5a1373657060892aae68ed6e9909");
    assert_true(fabs(score_of(&s, "winogrande")->value - 77.74269928966061) < 1e-9);
    assert_int_equal(
        scores_read(data_file("harness/llama-13B_mmlu_5-shot.json"), hf, 4, arena, &err, &s),
        0);
    assert_true(fabs(score_of(&s, "mmlu")->value - 45.26211996475325) < 1e-9);
    assert_true(fabs(score_of(&s, "mmlu")->error - 0.49544176005932195) < 1e-9);
    assert_int_equal(
        scores_read(data_file("harness/bloom-560m_gsm8k_8-shot.json"), hf, 4, arena, &err, &s),
        0);
    assert_string_equal(s.model, "bigscience/bloom-560m");
    assert_true(fabs(score_of(&s, "gsm8k")->value - 0.530705079605762) < 1e-9);
}

static void
test_members(void **state)
{
    struct jb_str object =
        JB_STR(" { \"a\" : [1, {\"b\": \"}\\\"\"}] ,\"\\u0062\":true, \"c\":-1e3 } ");
    struct jsontext_member m;
    size_t at = 0;

    (void)state;
    assert_true(jsontext_next(object, &at, &m));
    assert_true(jsontext_key_is(m.key, "a"));
    assert_true(jb_str_is(m.value, "[1, {\"b\": \"}\\\"\"}]"));
    assert_true(jsontext_next(object, &at, &m));
    assert_true(jsontext_key_is(m.key, "b"));
    assert_true(jb_str_is(m.value, "true"));
    assert_true(jsontext_next(object, &at, &m));
    assert_true(jb_str_is(m.value, "-1e3"));
    assert_false(jsontext_next(object, &at, &m));
    at = 0;
    assert_false(jsontext_next(JB_STR("{}"), &at, &m));
    assert_string_equal(jsontext_key(JB_STR("\\ud83d\\udfe2 \\n\\u00e9"), arena), "🟢 \né");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialects_agree),
        cmocka_unit_test(test_nan_costs_one),
        cmocka_unit_test(test_missing_is_no_zero),
        cmocka_unit_test(test_scales_never_mix),
        cmocka_unit_test(test_present_filters),
        cmocka_unit_test(test_lighteval_keys),
        cmocka_unit_test(test_not_results),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_members),
    };

    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
