/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "import_help.h"

#include "store/table.h"

static const char *const arc[] = {"arc"}, *const hellaswag[] = {"h"};
static const struct benchmark board[] = {
    {.key = "arc", .header = "ARC", .metric = "acc_norm", .tasks = {1, arc}},
    {.key = "hellaswag", .header = "HellaSwag", .metric = "acc_norm", .tasks = {1, hellaswag}},
};

static struct import_counts
import_file(struct fixture *f, const char *file, bool invert, struct heard *heard)
{
    const struct import_table_options options = {.invert = invert};
    struct import_counts counts = {0};

    if (import_table(f->store, file, board, 2, &options, "test", &heard->sink, &f->err,
                     &counts))
        fail_msg("%s", f->err.text);
    return counts;
}

static void
import_fails(struct fixture *f, const char *name, const char *text, int code,
             const char *reason)
{
    const struct import_table_options options = {0};
    struct import_counts counts;

    write_text(f, name, text);
    jb_error_clear(&f->err);
    assert_int_equal(import_table(f->store, below(f, name), board, 2, &options, "test", NULL,
                                  &f->err, &counts),
                     code);
    if (!strstr(f->err.text, reason))
        fail_msg("\"%s\" is not in \"%s\"", reason, f->err.text);
}

static void
test_csv_sample(void **state)
{
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    const char *file = test_data(f, "tables/hf_v1_first20.csv");
    struct import_counts counts = import_file(f, file, true, heard);
    struct store_txn *txn;
    struct request r;
    struct model_info m;
    struct result res;

    assert_counts(&counts, 20, 0, 0, 0);
    assert_heard(heard, "csv", "column \"mmlu\" is not known");
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_request_find(txn, "paloalma/Le_Triomphant-ECE-TW3",
                                        "aa4d9084fcfb69afff6b2bac5c1350bf29a159cb", "bfloat16",
                                        "Original", f->arena, &r),
                     0);
    assert_string_equal(r.model_type, "🤝 : base merges and moerges");
    assert_string_equal(r.status, "FINISHED");
    assert_true(r.params == 72 && r.submitted == 1714911764000000);
    assert_int_equal(
        store_result_find(txn, r.model, r.revision, r.precision,
                          "results_2024-05-05T12-22-44_bfloat16_Original_aa4d9084fcfb.json",
                          f->arena, &res),
        0);
    assert_int_equal(res.n, 2);
    assert_true(res.scores[0].value == 78.5 && res.scores[1].value == 90.3);
    assert_string_equal(res.dialect, "table");
    assert_int_equal(store_model_get(txn, r.model, f->arena, &m), 0);
    assert_true(m.likes == 2 && m.still_on_hub && m.n_tags == 1);
    assert_string_equal(m.tags[0], "merge"); /* FALSE means merged in this table */
    store_abort(txn);
    counts = import_file(f, file, true, heard);
    assert_counts(&counts, 0, 0, 20, 0);
    /* out, into another store, and out again: the same bytes */
    assert_int_equal(
        export_all(f->store, below(f, "out"), NULL, &heard->sink, &f->err, &counts), 0);
    assert_int_equal(import_requests(f->store, below(f, "out/requests"), "test", &heard->sink,
                                     &f->err, &counts),
                     0);
    assert_counts(&counts, 0, 0, 20, 0);
    assert_int_equal(import_results(f->store, below(f, "out/results"), board, 2, "test",
                                    &heard->sink, &f->err, &counts),
                     0);
    assert_counts(&counts, 0, 0, 20, 0);
    assert_int_equal(import_models(f->store, below(f, "out/model_infos.json"), "test",
                                   &heard->sink, &f->err, &counts),
                     0);
    assert_int_equal(counts.added + counts.changed + counts.broken, 0);
    assert_sound(f);
    free(heard);
}

static void
test_json_columns(void **state)
{
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct import_counts counts;
    struct store_txn *txn;
    struct model_info m;
    struct request r;
    const char *text;

    write_text(f, "t.json",
               "{\"T\": {\"0\": \"💬\", \"1\": \"💬\", \"2\": \"?\", \"3\": \"?\"},"
               "\"Model\": {\"0\": \"<a target=\\\"_blank\\\" href=\\\"x\\\">o/m&amp;n</a>  "
               "<a>📑</a>\", \"1\": \"<a>o/m&amp;n</a>\", "
               "\"2\": \"<p>Baseline</p>\", \"3\": \"<a>o/m&amp;n</a>\"},"
               "\"ARC\": {\"0\": 50.5, \"2\": 25, \"1\": 60, \"3\": 1},"
               "\"HellaSwag\": {\"0\": NaN, \"1\": 101, \"2\": 25},"
               "\"Average ⬆️\": {\"0\": 0},"
               "\"Type\": {\"0\": \"💬 chat\", \"1\": \"chat\"},"
               "\"Hub License\": {\"0\": [\"mit\", \"other\"]},"
               "\"Precision\": {\"0\": \"float16\", \"1\": \"4bit\", \"3\": \"4bit\"},"
               "\"Merged\": {\"0\": false, \"1\": true}, \"Flagged\": {\"1\": true},"
               "\"#Params (B)\": {\"0\": 7.24}, \"Hub ❤️\": {\"0\": 3}}");
    counts = import_file(f, below(f, "t.json"), false, heard);
    assert_counts(&counts, 2, 0, 0, 1);
    assert_heard(heard, "t.json",
                 "row 3: o/m&n: the same model, revision, precision and weight type as row 1");
    assert_heard(heard, "row 0: o/m&n", "no score for HellaSwag: not a number");
    assert_heard(heard, "o/m&n/results_table_4bit_Original_main.json",
                 "no score for hellaswag: acc_norm of task HellaSwag is 101");
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(
        store_request_find(txn, "o/m&n", "main", "float16", "Original", f->arena, &r), 0);
    assert_string_equal(r.model_type, "💬 : chat");
    assert_int_equal(store_model_get(txn, "o/m&n", f->arena, &m), 0);
    assert_string_equal(m.license, "mit, other");
    assert_int_equal(m.n_tags, 1); /* merged in one of its rows */
    assert_int_equal(store_note_get(txn, NOTE_FLAG, "o/m&n", f->arena, &text), 0);
    store_abort(txn);
    counts = import_file(f, below(f, "t.json"), false, heard);
    assert_counts(&counts, 0, 0, 2, 1);
    free(heard);
}

static void
test_refused(void **state)
{
    struct fixture *f = *state;

    import_fails(f, "a.csv", "", JB_EPARSE, "no header line");
    import_fails(f, "a.csv", "model,arc\n\"a/b,1\n", JB_EPARSE, "a quote");
    import_fails(f, "a.csv", "model,arc\na/b\n", JB_EPARSE, "row 2: fewer fields");
    import_fails(f, "a.csv", "model,arc\na/b,1,2\n", JB_EPARSE, "row 2: more fields");
    import_fails(f, "a.csv", "model,arc\na/\xff,1\n", JB_EPARSE, "not UTF-8");
    import_fails(f, "a.csv", "arc,hellaswag\n1,2\n", JB_EUNPROC, "no column of models");
    import_fails(f, "a.csv", "model,x\na/b,2\n", JB_EUNPROC, "no column is a benchmark");
    import_fails(f, "a.csv", "model,arc,Type,type\na/b,2,,\n", JB_EUNPROC, "two columns");
    import_fails(f, "a.txt", "model,arc\na/b,2\n", JB_EINVAL, "a .csv or a .json");
    import_fails(f, "a.json", "{}", JB_EUNPROC, "not an object of columns");
    import_fails(f, "a.json", "{\"Model\": 1}", JB_EUNPROC, "no object of rows");
    import_fails(f, "a.json", "{\"Model\": {\"0\": \"a/b\"}, \"ARC\": {\"1\": 1}}", JB_EUNPROC,
                 "row 1 is not in the first");
    import_fails(f, "a.json", "{\"Model\": {\"0\": \"a/b\", \"0\": 1}, \"ARC\": {}}",
                 JB_EUNPROC, "twice");
    import_fails(f, "a.json", "{\"Model\": {\"0\": \"a/b\"}, \"ARC\": [1]}", JB_EUNPROC,
                 "some columns are lists");
    import_fails(f, "a.json", "{\"Model\": [\"a/b\"], \"ARC\": [1, 2]}", JB_EUNPROC,
                 "more rows");
}

/* A broken row costs only itself. */
static void
test_broken_rows(void **state)
{
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct import_counts counts;

    write_text(f, "t.csv",
               "\xef\xbb\xbfmodel,arc,precision,date,hellaswag\n"
               "../x,1,float16,,2\n"
               "a/b,1,float16,yesterday,2\n"
               "c/d,one,float16,,\n"
               "e/f,1.5,float16,2024-01-02T03:04:05Z,\n");
    counts = import_file(f, below(f, "t.csv"), false, heard);
    assert_counts(&counts, 2, 0, 0, 2);
    assert_heard(heard, "t.csv", "row 2: a part of the model name");
    assert_heard(heard, "t.csv", "row 3: date \"yesterday\"");
    assert_heard(heard, "row 4: c/d", "no score for arc: not a number");
    assert_heard(heard, "row 4: c/d", "no scores");
    counts = import_file(f, below(f, "t.csv"), false, heard);
    assert_counts(&counts, 0, 0, 2, 2);
    free(heard);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_csv_sample, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_json_columns, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_broken_rows, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
