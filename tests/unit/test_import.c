/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "import_help.h"

static const char *const tasks_arc[] = {"c_arc_challenge"}, *const tasks_gsm8k[] = {"c_gsm8k"};
static const struct benchmark board[] = {
    {.key = "arc", .header = "C-ARC", .metric = "acc_norm", .tasks = {1, tasks_arc}},
    {.key = "gsm8k", .header = "C-GSM8K", .metric = "acc", .tasks = {1, tasks_gsm8k}},
};

/* Source in the samples, place in the layout. */
static const char *const requests[][2] = {
    {"requests/01-ai_Yi-34B-200K_eval_request_False_bfloat16_Original.json",
     "01-ai/Yi-34B-200K_eval_request_False_bfloat16_Original.json"},
    {"requests/01-ai_Yi-34B-Chat_eval_request_False_bfloat16_Original.json",
     "01-ai/Yi-34B-Chat_eval_request_False_bfloat16_Original.json"},
    {"requests/01-ai_Yi-34B_eval_request_False_bfloat16_Original.json",
     "01-ai/Yi-34B_eval_request_False_bfloat16_Original.json"},
    {"requests/cn_AbacusResearch_Jallabi-34B_eval_request_False_bfloat16_Original.json",
     "AbacusResearch/Jallabi-34B_eval_request_False_bfloat16_Original.json"},
};
#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

static struct import_counts
import_dir(struct fixture *f, const char *dir, struct heard *heard)
{
    struct import_counts counts = {0};

    if (import_requests(f->store, below(f, dir), "test", &heard->sink, &f->err, &counts))
        fail_msg("%s", f->err.text);
    return counts;
}

static struct import_counts
export_to(struct fixture *f, const char *dir, struct heard *heard)
{
    struct import_counts counts = {0};

    if (export_all(f->store, below(f, dir), NULL, &heard->sink, &f->err, &counts))
        fail_msg("%s", f->err.text);
    return counts;
}

static void
test_requests_round_trip(void **state)
{
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct import_counts counts;
    struct store_seq before;

    for (size_t i = 0; i < REQUESTS; i++)
        copy_data(f, requests[i][0], jb_arena_printf(f->arena, "in/%s", requests[i][1]));
    counts = import_dir(f, "in", heard);
    assert_counts(&counts, 4, 0, 0, 0);
    before = fixture_seq(f);
    counts = import_dir(f, "in", heard);
    assert_counts(&counts, 0, 0, 4, 0);
    assert_int_equal(fixture_seq(f).change, before.change);
    counts = export_to(f, "out", heard);
    assert_counts(&counts, 4 + 4, 0, 0, 0);
    for (size_t i = 0; i < REQUESTS; i++)
        assert_same_file(
            f, below(f, jb_arena_printf(f->arena, "in/%s", requests[i][1])),
            below(f, jb_arena_printf(f->arena, "out/requests/%s", requests[i][1])));
    counts = export_to(f, "out", heard);
    assert_counts(&counts, 0, 0, 4 + 4, 0);
    counts = import_dir(f, "out/requests", heard);
    assert_counts(&counts, 0, 0, 4, 0);
    assert_int_equal(heard->n, 0);
    assert_sound(f);
    free(heard);
}

static void
test_broken_files(void **state)
{
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct import_counts counts;

    copy_data(f, requests[0][0], "in/b.json");
    write_text(f, "in/a.json", "{\"model\": ");
    write_text(f, "in/c.json", "{\"model\": \"x/</script><b>\", \"status\": \"PENDING\"}");
    write_text(f, "in/d.json", "");
    write_text(f, "in/e/f.json", "{\"model\": \"o/m\", \"status\": \"PENDING\"}");
    write_text(f, "in/.git/g.json", "not looked at");
    write_text(f, "in/h.txt", "not looked at");
    write_text(f, "secret.json", "{\"model\": \"o/secret\", \"status\": \"PENDING\"}");
    assert_int_equal(symlink("../secret.json", below(f, "in/out.json")), 0);
    assert_int_equal(symlink("e/f.json", below(f, "in/within.json")), 0);
    assert_int_equal(symlink("nowhere", below(f, "in/gone.json")), 0);
    assert_int_equal(symlink("..", below(f, "in/up")), 0);
    counts = import_dir(f, "in", heard);
    assert_int_equal(counts.files, 6);
    assert_counts(&counts, 2, 0, 1, 3);
    assert_heard(heard, "a.json", "the text ends too early");
    assert_heard(heard, "c.json", "more than one slash");
    assert_heard(heard, "d.json", "empty");
    assert_heard(heard, "out.json", "out of the folder");
    assert_heard(heard, "up", "out of the folder");
    assert_heard(heard, "gone.json", "link to nothing");
    free(heard);
}

/* Two files of the same request: one is kept, always the same. */
static void
test_twins(void **state)
{
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct import_counts counts;

    write_text(f, "in/o/m_eval_request_False_False_False.json",
               "{\"model\": \"o/m\", \"status\": \"FAILED\", \"submitted_time\": "
               "\"2023-05-01T00:00:00Z\", \"precision\": \"float16\"}");
    write_text(f, "in/o/m_eval_request_False_float16_Original.json",
               "{\"model\": \"o/m\", \"status\": \"FINISHED\", \"submitted_time\": "
               "\"2023-06-01T00:00:00Z\", \"precision\": \"float16\"}");
    counts = import_dir(f, "in", heard);
    assert_counts(&counts, 1, 1, 0, 0);
    counts = import_dir(f, "in", heard);
    assert_counts(&counts, 0, 0, 2, 0);
    assert_heard(heard, "False_False",
                 "the same request as o/m_eval_request_False_float16_Original.json");
    free(heard);
}

static void
test_changed_since(void **state)
{
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct import_counts counts;
    struct store_txn *txn;
    struct request r;
    enum store_outcome outcome;

    copy_data(f, requests[3][0], jb_arena_printf(f->arena, "in/%s", requests[3][1]));
    import_dir(f, "in", heard);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_request_find(txn, "AbacusResearch/Jallabi-34B", "main", "bfloat16",
                                        "Original", f->arena, &r),
                     0);
    r.status = "PENDING";
    r.doc.n = 0; /* keeps the bytes */
    assert_int_equal(store_request_put(txn, &r, &outcome), 0);
    assert_int_equal(outcome, STORE_CHANGED);
    fixture_commit(f, txn);
    /* the old file tells nothing new */
    counts = import_dir(f, "in", heard);
    assert_counts(&counts, 0, 0, 1, 0);
    export_to(f, "out", heard);
    assert_non_null(
        strstr(slurp(f,
                     below(f, "out/requests/AbacusResearch/"
                              "Jallabi-34B_eval_request_False_bfloat16_Original.json"),
                     NULL),
               "  \"status\": \"PENDING\",\n  \"submitted_time\""));
    counts = import_dir(f, "out/requests", heard);
    assert_counts(&counts, 0, 0, 1, 0);
    /* a new one does */
    write_text(f, "in/AbacusResearch/Jallabi-34B_eval_request_False_bfloat16_Original.json",
               "{\"model\": \"AbacusResearch/Jallabi-34B\", \"status\": \"RUNNING\", "
               "\"precision\": \"bfloat16\"}");
    counts = import_dir(f, "in", heard);
    assert_counts(&counts, 0, 1, 0, 0);
    free(heard);
}

/* The layout has no revision in its names: the newest owns the plain one. */
static void
test_revisions_share_a_name(void **state)
{
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct request r = a_request("o/m");
    enum store_outcome outcome;
    struct import_counts counts;

    r.revision = r.commit = "0123456789abcdef0123456789abcdef01234567";
    assert_int_equal(store_request_put(txn, &r, &outcome), 0);
    r = a_request("o/m");
    r.submitted += 1000000;
    r.status = "RUNNING";
    assert_int_equal(store_request_put(txn, &r, &outcome), 0);
    fixture_commit(f, txn);
    counts = export_to(f, "out", heard);
    assert_counts(&counts, 2 + 4, 0, 0, 0);
    assert_non_null(strstr(
        slurp(f, below(f, "out/requests/o/m_eval_request_False_float16_Original.json"), NULL),
        "RUNNING"));
    assert_non_null(strstr(
        slurp(
            f,
            below(f, "out/requests/o/m_eval_request_False_float16_Original_0123456789ab.json"),
            NULL),
        "PENDING"));
    counts = import_dir(f, "out/requests", heard);
    assert_counts(&counts, 0, 0, 2, 0);
    assert_int_equal(heard->n, 0);
    free(heard);
}

static struct import_counts
import_res(struct fixture *f, const char *dir, struct heard *heard)
{
    struct import_counts counts = {0};

    if (import_results(f->store, below(f, dir), board, 2, "test", &heard->sink, &f->err,
                       &counts))
        fail_msg("%s", f->err.text);
    return counts;
}

static int
keep_result(void *ctx, const struct result *r)
{
    *(struct result *)ctx = *r;
    return 0;
}

static struct result
result_of(struct fixture *f, const char *model)
{
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct result r = {0};

    assert_int_equal(store_model_results(txn, model, f->arena, true, keep_result, &r), 0);
    store_abort(txn);
    return r;
}

static void
test_results(void **state)
{
    static const char place[] =
        "in/hfl/llama-3-chinese-8b-instruct-v2/results_2024-05-23T07-14-41.086185.json";
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct import_counts counts;
    struct result r;

    copy_data(
        f,
        "results/"
        "cn_hfl_llama-3-chinese-8b-instruct-v2_results_2024-05-23T07-14-41.086185.excerpt.json",
        place);
    write_text(f, "in/o/m/results_2024-01-02T03-04-05.000006.json",
               "{\"results\":{\"c_arc_challenge\":{\"acc_norm\":NaN},\"c_gsm8k\":{\"acc\":0.5}}"
               ",\"versions\":{},"
               "\"config\":{\"model\":\"hf\",\"model_args\":\"pretrained=/data/local/"
               "copy,dtype=bfloat16\"}}");
    write_text(f, "in/o/m/bad.json", "{\"results\": 1}");
    counts = import_res(f, "in", heard);
    assert_counts(&counts, 2, 0, 0, 1);
    assert_heard(heard, "bad.json", "no object \"results\"");
    assert_heard(heard, "000006.json",
                 "no score for arc: acc_norm of task c_arc_challenge is NaN");
    r = result_of(f, "hfl/llama-3-chinese-8b-instruct-v2");
    assert_int_equal(r.time, 1716448481086185);
    assert_string_equal(r.dialect, "cn");
    assert_int_equal(r.n, 2);
    assert_true(r.scores[0].value == 47.35 && r.scores[1].value == 44.81);
    r = result_of(f, "o/m"); /* the folder names the model where the document cannot */
    assert_int_equal(r.n, 1);
    assert_string_equal(r.precision, "bfloat16");
    counts = import_res(f, "in", heard);
    assert_counts(&counts, 0, 0, 2, 1);
    export_to(f, "out", heard);
    assert_same_file(f, below(f, place),
                     below(f, "out/results/hfl/llama-3-chinese-8b-instruct-v2/"
                              "results_2024-05-23T07-14-41.086185.json"));
    counts = import_res(f, "out/results", heard);
    assert_counts(&counts, 0, 0, 2, 0);
    assert_sound(f);
    /* another board file */
    assert_int_equal(
        import_rescore(f->store, board + 1, 1, "test", &heard->sink, &f->err, &counts), 0);
    assert_counts(&counts, 0, 1, 1, 0);
    assert_int_equal(result_of(f, "hfl/llama-3-chinese-8b-instruct-v2").n, 1);
    assert_int_equal(import_rescore(f->store, board, 2, "test", &heard->sink, &f->err, &counts),
                     0);
    assert_counts(&counts, 0, 1, 1, 0);
    assert_int_equal(result_of(f, "hfl/llama-3-chinese-8b-instruct-v2").n, 2);
    free(heard);
}

static void
test_models_and_notes(void **state)
{
    static const char infos[] =
        "{\"a/b\": {\"likes\": 1, \"license\": \"mit\", \"still_on_hub\": true, \"tags\": "
        "[\"moe\"], \"x\": {\"y\": [null]}}, "
        "\"c/d\": {\"likes\": 0, \"still_on_hub\": false}}";
    struct fixture *f = *state;
    struct heard *heard = heard_new();
    struct import_counts counts;

    write_text(f, "infos.json", infos);
    write_text(f, "blocked.json", "[\"a/b\", \"c/d\"]");
    write_text(f, "flags.json", "{\"a/b\": \"https://example.org/1\", \"x\": 3}");
    for (int again = 0; again < 2; again++) {
        assert_int_equal(import_models(f->store, below(f, "infos.json"), "test", &heard->sink,
                                       &f->err, &counts),
                         0);
        assert_counts(&counts, again ? 0 : 2, 0, again ? 2 : 0, 0);
        assert_int_equal(import_notes(f->store, NOTE_BLOCKED, below(f, "blocked.json"), "test",
                                      &heard->sink, &f->err, &counts),
                         0);
        assert_counts(&counts, again ? 0 : 2, 0, again ? 2 : 0, 0);
        assert_int_equal(import_notes(f->store, NOTE_FLAG, below(f, "flags.json"), "test",
                                      &heard->sink, &f->err, &counts),
                         0);
        assert_counts(&counts, again ? 0 : 1, 0, again ? 1 : 0, 1);
    }
    assert_heard(heard, "flags.json: x", "no string");
    export_to(f, "out", heard);
    assert_string_equal(slurp(f, below(f, "out/model_infos.json"), NULL), infos);
    assert_string_equal(slurp(f, below(f, "out/flags.json"), NULL),
                        "{\n  \"a/b\": \"https://example.org/1\"\n}\n");
    assert_string_equal(slurp(f, below(f, "out/aliases.json"), NULL), "{}\n");
    write_text(f, "infos.json", "{\"a/b\": 1, \"c/d\": {\"likes\": 5}");
    assert_int_equal(
        import_models(f->store, below(f, "infos.json"), "test", &heard->sink, &f->err, &counts),
        JB_EPARSE);
    assert_non_null(strstr(f->err.text, "infos.json: line 1"));
    free(heard);
}

static bool
stop_at_once(void *ctx)
{
    (void)ctx;
    return true;
}

static bool
stop_second(void *ctx)
{
    return ++*(int *)ctx > 1;
}

static void
test_stops_between_batches(void **state)
{
    struct fixture *f = *state;
    struct import_counts counts;
    int asked = 0;
    struct import_sink sink = {.stop = stop_at_once};

    for (int i = 0; i < 600; i++)
        write_text(
            f, jb_arena_printf(f->arena, "in/%03d.json", i),
            jb_arena_printf(f->arena, "{\"model\": \"o/m%d\", \"status\": \"PENDING\"}", i));
    assert_int_equal(import_requests(f->store, below(f, "in"), "test", &sink, &f->err, &counts),
                     0);
    assert_int_equal(counts.files, 0);
    sink = (struct import_sink){.stop = stop_second, .ctx = &asked};
    assert_int_equal(import_requests(f->store, below(f, "in"), "test", &sink, &f->err, &counts),
                     0);
    assert_counts(&counts, 500, 0, 0, 0);
    assert_int_equal(import_requests(f->store, below(f, "in"), "test", NULL, &f->err, &counts),
                     0);
    assert_counts(&counts, 100, 0, 500, 0);
    assert_int_equal(
        import_requests(f->store, below(f, "none"), "test", NULL, &f->err, &counts), JB_ENOENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_round_trip, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_broken_files, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_twins, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_changed_since, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_revisions_share_a_name, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_results, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_models_and_notes, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_stops_between_batches, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
