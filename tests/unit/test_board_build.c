/* SPDX-License-Identifier: Apache-2.0 */
#include "board_help.h"

#define assert_str(s, text)                                                                    \
    do {                                                                                       \
        struct jb_str s_ = (s);                                                                \
        if (!jb_str_is(s_, text))                                                              \
            fail_msg("%s is \"%.*s\", not \"%s\"", #s, JB_STR_FMT(s_), text);                  \
    } while (0)

/* Scores are compared as doubles; cmocka has floats only. */
#define assert_number(a, b)                                                                    \
    do {                                                                                       \
        double a_ = (a), b_ = (b);                                                             \
        if (!(a_ > b_ - 1e-9 && a_ < b_ + 1e-9))                                               \
            fail_msg("%s is %.10g, not %.10g", #a, a_, b_);                                    \
    } while (0)

enum { ARC, HELLASWAG, MMLU, TRUTHFULQA, WINOGRANDE, GSM8K };

static void
test_empty(void **state)
{
    struct boarding *b = *state;

    boarding_build(b);
    assert_int_equal(board_rows(b->board), 1);
    const struct board_row *row = board_row(b->board, 0);
    assert_true(row->baseline);
    assert_str(row->model, "Baseline");
    assert_str(row->revision, "N/A");
    assert_str(row->precision, "None");
    assert_int_equal(row->type, b->config.types.n - 1);
    assert_true(row->available && !row->merged && !row->moe && !row->flagged);
    assert_true(isnan(row->params) && isnan(row->likes));
    assert_number(row->scores[WINOGRANDE], 50);
    assert_number(row->average, (25.0 * 4 + 50 + 21) / 6);
    assert_ptr_equal(board_config_of(b->board), &b->config);

    boarding_reopen(b);
    b->config.baseline = false;
    boarding_build(b);
    assert_int_equal(board_rows(b->board), 0);
}

/* The 23 columns of the original around its benchmarks; here six instead of seven. */
static void
test_columns(void **state)
{
    static const struct {
        const char *header;
        enum board_column_type type;
        enum board_column_state state;
    } want[] = {
        {"T", COLUMN_STR, COLUMN_PINNED},
        {"Model", COLUMN_MARKDOWN, COLUMN_PINNED},
        {"Average ⬆️", COLUMN_NUMBER, COLUMN_DEFAULT},
        {"ARC", COLUMN_NUMBER, COLUMN_DEFAULT},
        {"HellaSwag", COLUMN_NUMBER, COLUMN_DEFAULT},
        {"MMLU", COLUMN_NUMBER, COLUMN_DEFAULT},
        {"TruthfulQA", COLUMN_NUMBER, COLUMN_DEFAULT},
        {"Winogrande", COLUMN_NUMBER, COLUMN_DEFAULT},
        {"GSM8K", COLUMN_NUMBER, COLUMN_DEFAULT},
        {"Type", COLUMN_STR, COLUMN_OPTIONAL},
        {"Architecture", COLUMN_STR, COLUMN_OPTIONAL},
        {"Weight type", COLUMN_STR, COLUMN_HIDDEN},
        {"Precision", COLUMN_STR, COLUMN_OPTIONAL},
        {"Merged", COLUMN_BOOL, COLUMN_OPTIONAL},
        {"Hub License", COLUMN_STR, COLUMN_OPTIONAL},
        {"#Params (B)", COLUMN_NUMBER, COLUMN_OPTIONAL},
        {"Hub ❤️", COLUMN_NUMBER, COLUMN_OPTIONAL},
        {"Available on the hub", COLUMN_BOOL, COLUMN_HIDDEN},
        {"Model sha", COLUMN_STR, COLUMN_OPTIONAL},
        {"Flagged", COLUMN_BOOL, COLUMN_HIDDEN},
        {"MoE", COLUMN_BOOL, COLUMN_HIDDEN},
        {"model_name_for_query", COLUMN_STR, COLUMN_NAME},
    };
    struct boarding *b = *state;

    boarding_build(b);
    assert_int_equal(board_columns(b->board), sizeof want / sizeof want[0]);
    for (size_t i = 0; i < board_columns(b->board); i++) {
        const struct board_column *c = board_column(b->board, i);
        assert_string_equal(c->header, want[i].header);
        assert_int_equal(c->type, want[i].type);
        assert_int_equal(c->state, want[i].state);
        assert_int_equal(c->benchmark, c->field == FIELD_SCORE ? (int)i - 3 : -1);
        assert_int_equal(board_column_find(b->board, jb_str(c->header)), i);
        assert_int_equal(board_column_selectable(c),
                         c->state == COLUMN_DEFAULT || c->state == COLUMN_OPTIONAL);
    }
    assert_int_equal(board_column_find(b->board, JB_STR("Average")), -1);
}

static void
test_row(void **state)
{
    static const struct result_score scores[] = {
        {"arc", 60, 1.25, 1172},    {"hellaswag", 70, NAN, 0},  {"mmlu", 80, NAN, 0},
        {"truthfulqa", 50, NAN, 0}, {"winogrande", 40, NAN, 0}, {"gsm8k", 30.6, NAN, 0},
        {"drop", 99, NAN, 0}}; /* no benchmark of this board */
    struct boarding *b = *state;
    struct request r = finished("org/model", "main", "bfloat16");

    r.model_type = "💬 : chat models (RLHF, DPO, IFT, ...)";
    r.architectures = "LlamaForCausalLM";
    r.params = 6.74;
    uint64_t id = put_request(b, r);
    put_info(b, "org/model", 17, "apache-2.0", true, NULL, NULL);
    put_scores(b, "org/model", SHA_A, "bfloat16", 7000, scores, 7);
    boarding_build(b);
    assert_int_equal(board_rows(b->board), 2);
    const struct board_row *row = board_row(b->board, 0);
    assert_str(row->model, "org/model");
    assert_str(row->revision, SHA_A);
    assert_str(row->precision, "bfloat16");
    assert_str(row->weight_type, "Original");
    assert_str(row->architecture, "LlamaForCausalLM");
    assert_str(row->license, "apache-2.0");
    assert_str(row->flag_url, "");
    assert_int_equal(row->type, 2);
    assert_number(row->params, 6.74);
    assert_number(row->likes, 17);
    assert_number(row->scores[ARC], 60);
    assert_number(row->errors[ARC], 1.25);
    assert_true(isnan(row->errors[MMLU]));
    assert_number(row->average, (60 + 70 + 80 + 50 + 40 + 30.6) / 6);
    assert_int_equal(row->submitted, r.submitted);
    assert_int_equal(row->evaluated, 7000);
    assert_int_equal(row->request, id);
    assert_true(row->available && !row->merged && !row->moe && !row->flagged && !row->baseline);
}

/* Only what a finished request of its model and precision stands behind is shown. */
static void
test_request_behind(void **state)
{
    static const char *const not_yet[] = {"PENDING", "RUNNING", "FAILED", "CANCELLED", "RERUN"};
    struct boarding *b = *state;
    char model[32];

    for (size_t i = 0; i < 5; i++) {
        snprintf(model, sizeof model, "not/%zu", i);
        struct request r = finished(model, "main", "float16");
        r.status = not_yet[i];
        put_request(b, r);
        put_flat(b, model, "", "float16", 1, 50);
    }
    struct request again = finished("new/eval", "main", "float16");
    again.status = "PENDING_NEW_EVAL";
    put_request(b, again);
    put_flat(b, "new/eval", "", "float16", 1, 50);
    again = finished("finished/word", "main", "float16");
    again.status = "FINISHED_2024";
    put_request(b, again);
    put_flat(b, "finished/word", "", "float16", 1, 50);

    put_flat(b, "no/request", "", "float16", 1, 50);
    put_request(b, finished("other/precision", "main", "bfloat16"));
    put_flat(b, "other/precision", "", "float16", 1, 50);
    put_request(b, finished("other/commit", SHA_B, "float16"));
    put_flat(b, "other/commit", SHA_A, "float16", 1, 50);
    put_request(b, finished("same/commit", SHA_A, "float16"));
    put_flat(b, "same/commit", SHA_A, "float16", 1, 50);
    put_request(b, finished("any/precision", "main", "4bit"));
    put_flat(b, "any/precision", "", "", 1, 50);
    put_request(b, finished("no/result", "main", "float16"));
    boarding_build(b);
    for (size_t i = 0; i < 5; i++) {
        snprintf(model, sizeof model, "not/%zu", i);
        assert_int_equal(rows_of(b, model), 0);
    }
    assert_int_equal(rows_of(b, "new/eval"), 1);
    assert_int_equal(rows_of(b, "finished/word"), 1);
    assert_int_equal(rows_of(b, "no/request"), 0);
    assert_int_equal(rows_of(b, "other/precision"), 0);
    assert_int_equal(rows_of(b, "other/commit"), 0);
    assert_int_equal(rows_of(b, "same/commit"), 1);
    assert_int_equal(rows_of(b, "no/result"), 0);
    assert_str(the_row(b, "any/precision")->precision, "4bit");
    assert_int_equal(board_rows(b->board), 5);
}

/* A result that does not say its revision belongs to the newest finished request. */
static void
test_no_revision(void **state)
{
    struct boarding *b = *state;
    struct request old = finished("cn/model", SHA_A, "float16");
    struct request young = finished("cn/model", SHA_B, "float16");
    struct request broken = finished("cn/model", "main", "float16");

    old.submitted = 100;
    young.submitted = 200;
    young.params = 13;
    broken.submitted = 300;
    broken.status = "FAILED";
    put_request(b, young);
    put_request(b, old);
    put_request(b, broken);
    put_flat(b, "cn/model", "", "float16", 1, 50);
    struct request branch = finished("cn/branch", "main", "float16");
    put_request(b, branch);
    put_flat(b, "cn/branch", "", "float16", 1, 40);
    struct request resolved = finished("cn/resolved", "main", "float16");
    resolved.commit = SHA_A;
    put_request(b, resolved);
    put_flat(b, "cn/resolved", "", "float16", 1, 30);
    boarding_build(b);
    assert_str(the_row(b, "cn/model")->revision, SHA_B);
    assert_number(the_row(b, "cn/model")->params, 13);
    assert_str(the_row(b, "cn/branch")->revision, "main");
    assert_str(the_row(b, "cn/resolved")->revision, SHA_A);
}

/* Two revisions, two precisions: rows of their own. The same of both: one row. */
static void
test_row_key(void **state)
{
    struct boarding *b = *state;
    struct request a = finished("org/m", SHA_A, "float16"),
                   two = finished("org/m", SHA_B, "float16");

    a.params = 1;
    two.params = 2;
    put_request(b, a);
    put_request(b, two);
    put_request(b, finished("org/m", SHA_A, "4bit"));
    put_flat(b, "org/m", SHA_A, "float16", 1, 10);
    put_flat(b, "org/m", SHA_B, "float16", 2, 20);
    put_flat(b, "org/m", SHA_A, "4bit", 3, 30);
    put_flat(b, "org/m", SHA_A, "float16", 4, 40);
    boarding_build(b);
    assert_int_equal(rows_of(b, "org/m"), 3);
    for (size_t i = 0; i < board_rows(b->board); i++) {
        const struct board_row *row = board_row(b->board, i);
        if (row->baseline)
            continue;
        bool four = jb_str_is(row->precision, "4bit"), is_b = jb_str_is(row->revision, SHA_B);
        assert_number(row->average, four ? 30 : is_b ? 20 : 40);
        if (!four)
            assert_number(row->params, is_b ? 2 : 1);
    }
}

/* Later runs win benchmark by benchmark, in whatever order they were stored. */
static void
test_merge(void **state)
{
    static const struct result_score early[] = {
        {"arc", 10, 1, 0}, {"hellaswag", 11, 1, 0}, {"mmlu", 12, 1, 0}};
    static const struct result_score middle[] = {{"arc", 20, 2, 0}, {"gsm8k", 21, 2, 0}};
    static const struct result_score late[] = {{"mmlu", 30, NAN, 0}, {"winogrande", 31, 3, 0}};
    struct boarding *b = *state;

    put_request(b, finished("org/m", "main", "float16"));
    put_scores(b, "org/m", SHA_A, "float16", 300, late, 2);
    put_scores(b, "org/m", SHA_A, "float16", 100, early, 3);
    put_scores(b, "org/m", SHA_A, "float16", 200, middle, 2);
    boarding_build(b);
    const struct board_row *row = the_row(b, "org/m");
    assert_number(row->scores[ARC], 20);
    assert_number(row->errors[ARC], 2);
    assert_number(row->scores[HELLASWAG], 11);
    assert_number(row->scores[MMLU], 30);
    assert_true(isnan(row->errors[MMLU])); /* of the run that gave the score */
    assert_number(row->scores[WINOGRANDE], 31);
    assert_number(row->scores[GSM8K], 21);
    assert_true(isnan(row->scores[TRUTHFULQA]));
    assert_true(isnan(row->average));
    assert_int_equal(row->evaluated, 300);
}

/* By average; without one last; then by name, revision, precision. */
static void
test_order(void **state)
{
    static const struct result_score part[] = {{"arc", 99, NAN, 0}};
    static const char *const want[] = {"top/model", "a/tie",     "b/tie",  "b/tie",
                                       "Baseline",  "low/model", "x/part", "y/part"};
    struct boarding *b = *state;

    put_request(b, finished("y/part", "main", "float16"));
    put_scores(b, "y/part", "", "float16", 1, part, 1);
    put_request(b, finished("x/part", "main", "float16"));
    put_scores(b, "x/part", "", "float16", 1, part, 1);
    put_request(b, finished("b/tie", SHA_B, "float16"));
    put_flat(b, "b/tie", SHA_B, "float16", 1, 40);
    put_request(b, finished("b/tie", SHA_A, "float16"));
    put_flat(b, "b/tie", SHA_A, "float16", 1, 40);
    put_request(b, finished("a/tie", "main", "float16"));
    put_flat(b, "a/tie", "", "float16", 1, 40);
    put_request(b, finished("low/model", "main", "float16"));
    put_flat(b, "low/model", "", "float16", 1, 0);
    put_request(b, finished("top/model", "main", "float16"));
    put_flat(b, "top/model", "", "float16", 1, 100);
    boarding_build(b);
    assert_int_equal(board_rows(b->board), 8);
    for (size_t i = 0; i < 8; i++)
        assert_str(board_row(b->board, i)->model, want[i]);
    assert_str(board_row(b->board, 2)->revision, SHA_A);
    assert_number(the_row(b, "low/model")->average, 0);
    assert_true(isnan(the_row(b, "x/part")->average));
}

/* A benchmark outside the average is shown but does not count, present or missing. */
static void
test_outside_average(void **state)
{
    static const struct result_score scores[] = {{"arc", 10, NAN, 0},
                                                 {"hellaswag", 20, NAN, 0},
                                                 {"mmlu", 30, NAN, 0},
                                                 {"truthfulqa", 40, NAN, 0},
                                                 {"winogrande", 50, NAN, 0}};
    struct boarding *b = *state;

    ((struct benchmark *)b->config.benchmarks.items)[GSM8K].in_average = false;
    put_request(b, finished("org/m", "main", "float16"));
    put_scores(b, "org/m", "", "float16", 1, scores, 5);
    put_request(b, finished("org/n", "main", "float16"));
    put_flat(b, "org/n", "", "float16", 1, 7);
    boarding_build(b);
    assert_number(the_row(b, "org/m")->average, 30);
    assert_true(isnan(the_row(b, "org/m")->scores[GSM8K]));
    assert_number(the_row(b, "org/n")->average, 7);
    assert_number(the_row(b, "Baseline")->average, (25.0 * 4 + 50) / 5);
}

/* Scores of benchmarks that this board does not have make no row. */
static void
test_foreign_scores(void **state)
{
    static const struct result_score scores[] = {{"drop", 10, NAN, 0}};
    struct boarding *b = *state;

    put_request(b, finished("org/m", "main", "float16"));
    put_scores(b, "org/m", "", "float16", 1, scores, 1);
    boarding_build(b);
    assert_int_equal(rows_of(b, "org/m"), 0);
}

static void
test_types(void **state)
{
    static const struct {
        const char *text;
        int type;
    } want[] = {
        {"🟢 : pretrained", 0},
        {"pretrained", 0},
        {"🟩 : continuously pretrained", 0},
        {"🔶 : fine-tuned on domain-specific datasets", 1},
        {"fine-tuned", 1},
        {"🔶 : fine-tuned on a pretrained model", 1}, /* the icon before any word */
        {"💬", 2},
        {"⭕ : instruction-tuned", 2},
        {"🟦 : RL-tuned", 2},
        {"RL-tuned", 2},
        {"🤝 : base merges and moerges", 3},
        {"merged", 3},
        {"?", 4},
        {"", 4},
        {"? : ", 4},
        {"something new", 4},
    };
    struct boarding *b = *state;
    char model[32];

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        snprintf(model, sizeof model, "org/m%zu", i);
        struct request r = finished(model, "main", "float16");
        r.model_type = want[i].text;
        put_request(b, r);
        put_flat(b, model, "", "float16", 1, 50);
    }
    boarding_build(b);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        snprintf(model, sizeof model, "org/m%zu", i);
        if (the_row(b, model)->type != want[i].type)
            fail_msg("\"%s\" is type %d", want[i].text, the_row(b, model)->type);
    }
}

static void
with_row(struct boarding *b, const char *model)
{
    put_request(b, finished(model, "main", "float16"));
    put_flat(b, model, "", "float16", 1, 50);
}

static void
test_model_facts(void **state)
{
    struct boarding *b = *state;
    const struct board_row *row;
    struct request r = finished("old/file", "main", "float16");

    r.likes = 5;
    r.license = "mit";
    put_request(b, r);
    put_flat(b, "old/file", "", "float16", 1, 50);
    r.model = "both/known";
    r.id = 0;
    put_request(b, r);
    put_flat(b, "both/known", "", "float16", 1, 50);
    put_info(b, "both/known", 9, "llama2", true, NULL, NULL);
    r.model = "half/known";
    put_request(b, r);
    put_flat(b, "half/known", "", "float16", 1, 50);
    put_info(b, "half/known", NAN, "", true, NULL, NULL);
    r = finished("private/model", "main", "float16");
    r.private_ = true;
    put_request(b, r);
    put_flat(b, "private/model", "", "float16", 1, 50);
    with_row(b, "not/known");
    with_row(b, "gone/model");
    put_info(b, "gone/model", 1, "mit", false, NULL, NULL);
    with_row(b, "a/merge");
    put_info(b, "a/merge", 1, "mit", true, "merge", NULL);
    with_row(b, "a/moe");
    put_info(b, "a/moe", 1, "mit", true, "moe", "conversational");
    with_row(b, "secret/merge");
    put_info(b, "secret/merge", 1, "mit", true, "flagged:undisclosed_merge", NULL);
    with_row(b, "secret/moe");
    put_info(b, "secret/moe", 1, "mit", true, "flagged:undisclosed_moe", "moerge");
    boarding_build(b);

    row = the_row(b, "old/file");
    assert_number(row->likes, 5);
    assert_str(row->license, "mit");
    assert_true(row->available);
    row = the_row(b, "both/known");
    assert_number(row->likes, 9);
    assert_str(row->license, "llama2");
    row = the_row(b, "half/known");
    assert_number(row->likes, 5);
    assert_str(row->license, "mit");
    row = the_row(b, "not/known");
    assert_true(isnan(row->likes) && row->available);
    assert_str(row->license, "");
    assert_false(the_row(b, "private/model")->available);
    assert_false(the_row(b, "gone/model")->available);
    row = the_row(b, "a/merge");
    assert_true(row->merged && !row->moe && !row->flagged);
    row = the_row(b, "a/moe");
    assert_true(!row->merged && row->moe && !row->flagged);
    row = the_row(b, "secret/merge");
    assert_true(row->merged && !row->moe && row->flagged);
    assert_str(row->flag_url, "");
    row = the_row(b, "secret/moe");
    assert_true(!row->merged && row->moe && row->flagged);
}

static void
test_flags(void **state)
{
    struct boarding *b = *state;

    with_row(b, "bad/model");
    with_row(b, "bad/silent");
    with_row(b, "good/model");
    with_row(b, "secret/merge");
    with_row(b, "known/merge");
    put_info(b, "secret/merge", 1, "mit", true, "flagged:undisclosed_merge", NULL);
    put_info(b, "known/merge", 1, "mit", true, "flagged:undisclosed_merge", NULL);
    put_note(b, NOTE_FLAG, "bad/model", "https://example.org/discussions/1");
    put_note(b, NOTE_FLAG, "bad/silent", "");
    put_note(b, NOTE_FLAG, "merged", "https://example.org/discussions/510");
    put_note(b, NOTE_FLAG, "known/merge", "https://example.org/discussions/7");
    boarding_build(b);
    assert_true(the_row(b, "bad/model")->flagged);
    assert_str(the_row(b, "bad/model")->flag_url, "https://example.org/discussions/1");
    assert_true(the_row(b, "bad/silent")->flagged);
    assert_str(the_row(b, "bad/silent")->flag_url, "");
    assert_false(the_row(b, "good/model")->flagged);
    assert_str(the_row(b, "secret/merge")->flag_url, "https://example.org/discussions/510");
    assert_str(the_row(b, "known/merge")->flag_url, "https://example.org/discussions/7");
}

/* Everything under an old id belongs to the present one, and a rename sheds nothing. */
static void
test_aliases(void **state)
{
    static const struct result_score more[] = {{"arc", 90, NAN, 0}};
    struct boarding *b = *state;

    put_note(b, NOTE_ALIAS, "old/name", "new/name");
    put_note(b, NOTE_ALIAS, "older/name", "old/name");
    put_request(b, finished("older/name", SHA_A, "float16"));
    put_flat(b, "older/name", SHA_A, "float16", 1, 30);
    put_request(b, finished("new/name", SHA_A, "float16"));
    put_scores(b, "new/name", SHA_A, "float16", 2, more, 1);
    put_note(b, NOTE_FLAG, "old/name", "https://example.org/discussions/2");
    put_info(b, "older/name", 3, "mit", false, "merge", NULL);

    put_note(b, NOTE_ALIAS, "was/blocked", "is/blocked");
    put_note(b, NOTE_BLOCKED, "was/blocked", "asked by its author");
    with_row(b, "was/blocked");
    with_row(b, "is/blocked");

    put_note(b, NOTE_ALIAS, "first/id", "second/id");
    put_info(b, "first/id", 1, "old", true, NULL, NULL);
    put_info(b, "second/id", 2, "new", true, NULL, NULL);
    put_note(b, NOTE_FLAG, "first/id", "https://example.org/old");
    put_note(b, NOTE_FLAG, "second/id", "https://example.org/new");
    with_row(b, "second/id");
    /* The other way round in the order of names. */
    put_note(b, NOTE_ALIAS, "z/id", "a/id");
    put_info(b, "a/id", 2, "new", true, NULL, NULL);
    put_info(b, "z/id", 1, "old", true, NULL, NULL);
    with_row(b, "a/id");

    put_note(b, NOTE_ALIAS, "circle/a", "circle/b");
    put_note(b, NOTE_ALIAS, "circle/b", "circle/a");
    with_row(b, "circle/a");
    boarding_build(b);

    assert_int_equal(rows_of(b, "older/name") + rows_of(b, "old/name"), 0);
    const struct board_row *row = the_row(b, "new/name");
    assert_number(row->scores[ARC], 90);
    assert_number(row->scores[GSM8K], 30);
    assert_true(row->flagged && row->merged && row->available);
    assert_str(row->flag_url, "https://example.org/discussions/2");
    assert_number(row->likes, 3);
    assert_int_equal(rows_of(b, "was/blocked") + rows_of(b, "is/blocked"), 0);
    assert_number(the_row(b, "second/id")->likes, 2);
    assert_str(the_row(b, "second/id")->flag_url, "https://example.org/new");
    assert_number(the_row(b, "a/id")->likes, 2);
    assert_str(the_row(b, "a/id")->license, "new");
    assert_int_equal(rows_of(b, "circle/a") + rows_of(b, "circle/b"), 1);
}

static void
test_blocked(void **state)
{
    struct boarding *b = *state;

    with_row(b, "org/blocked");
    with_row(b, "org/blocked-not");
    put_note(b, NOTE_BLOCKED, "org/blocked", "asked by its author");
    boarding_build(b);
    assert_int_equal(rows_of(b, "org/blocked"), 0);
    assert_int_equal(rows_of(b, "org/blocked-not"), 1);
}

/* A board stands on its own: the store may change or go. */
static void
test_snapshot(void **state)
{
    struct boarding *b = *state;

    with_row(b, "org/m");
    boarding_build(b);
    struct board *kept = board_ref(b->board);
    boarding_reopen(b);
    with_row(b, "org/n");
    put_note(b, NOTE_BLOCKED, "org/m", "");
    boarding_build(b);
    assert_int_equal(rows_of(b, "org/m"), 0);
    assert_int_equal(rows_of(b, "org/n"), 1);
    fixture_close(b->f);
    assert_int_equal(board_rows(kept), 2);
    assert_str(board_row(kept, 0)->model, "org/m");
    board_unref(kept);
    board_unref(NULL);
}

/* Equal stores give equal boards, however they were filled. */
static void
test_deterministic(void **state)
{
    enum { N = 40 };
    struct boarding *one = *state, *two;
    char model[32];

    assert_int_equal(boarding_setup((void **)&two), 0);
    for (int i = 0; i < N; i++) {
        snprintf(model, sizeof model, "org/m%d", i);
        put_request(one, finished(model, "main", "float16"));
        put_flat(one, model, "", "float16", i, i % 4 * 10);
        snprintf(model, sizeof model, "org/m%d", N - 1 - i);
        put_request(two, finished(model, "main", "float16"));
        put_flat(two, model, "", "float16", N - 1 - i, (N - 1 - i) % 4 * 10);
    }
    boarding_build(one);
    boarding_build(two);
    assert_int_equal(board_rows(one->board), N + 1);
    assert_int_equal(board_rows(two->board), N + 1);
    for (size_t i = 0; i < N + 1; i++) {
        const struct board_row *a = board_row(one->board, i), *b = board_row(two->board, i);
        assert_true(jb_str_eq(a->model, b->model));
        assert_number(a->average, b->average);
    }
    boarding_teardown((void **)&two);
}

/* A store that fails says so, and no board comes of it. */
static void
test_failed_store(void **state)
{
    struct boarding *b = *state;
    struct request wrong = finished("", "main", "float16");
    enum store_outcome outcome;
    struct board *board = NULL;

    assert_true(store_request_put(b->txn, &wrong, &outcome) < 0);
    assert_true(board_build(b->txn, &b->config, &b->f->err, &board) < 0);
    assert_null(board);
    assert_true(b->f->err.text[0] != '\0');
}

#define unit(f) cmocka_unit_test_setup_teardown(f, boarding_setup, boarding_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        unit(test_empty),          unit(test_columns),       unit(test_row),
        unit(test_request_behind), unit(test_no_revision),   unit(test_row_key),
        unit(test_merge),          unit(test_order),         unit(test_outside_average),
        unit(test_foreign_scores), unit(test_types),         unit(test_model_facts),
        unit(test_flags),          unit(test_aliases),       unit(test_blocked),
        unit(test_snapshot),       unit(test_deterministic), unit(test_failed_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
