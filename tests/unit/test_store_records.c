/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, results, models and notes: what a put keeps and says. */
#include <config.h>

#include "records_help.h"

static int
see_model(void *ctx, const struct model_info *model)
{
    struct seen *seen = ctx;

    assert_true(seen->n < 32);
    seen->docs += model->doc.n;
    snprintf(seen->name[seen->n++], 64, "%s", model->model);
    return 0;
}

static int
see_note(void *ctx, const char *name, const char *text)
{
    struct seen *seen = ctx;

    assert_true(seen->n < 32);
    snprintf(seen->name[seen->n++], 64, "%s=%s", name, text);
    return 0;
}

static void
test_request(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    struct request got, request = {
                            .model = "org/模型",
                            .base_model = "org/base",
                            .revision = "main",
                            .commit = "0123456789abcdef0123456789abcdef01234567",
                            .precision = "bfloat16",
                            .weight_type = "Adapter",
                            .status = "PENDING",
                            .model_type = "🟢 : pretrained",
                            .architectures = "LlamaForCausalLM",
                            .license = "mit",
                            .job_id = "847392",
                            .params = 34.389,
                            .likes = 12,
                            .private_ = true,
                            .submitted = -1,
                            .path = "org/模型_eval_request_True_bfloat16_Adapter.json",
                            .doc = JB_STR("{\"model\": \"x\", \"odd\": [1, \0 2]}"),
                        };

    assert_int_equal(put_request(f, &request), STORE_NEW);
    assert_int_equal(request.id, 1);
    assert_moved(f, &seq, 0, 1, 1);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_request_get(txn, 1, f->arena, &got), 0);
    store_abort(txn); /* what was read outlives the transaction */
    assert_int_equal(got.id, 1);
    assert_string_equal(got.model, request.model);
    assert_string_equal(got.base_model, request.base_model);
    assert_string_equal(got.revision, request.revision);
    assert_string_equal(got.commit, request.commit);
    assert_string_equal(got.precision, request.precision);
    assert_string_equal(got.weight_type, request.weight_type);
    assert_string_equal(got.status, request.status);
    assert_string_equal(got.model_type, request.model_type);
    assert_string_equal(got.architectures, request.architectures);
    assert_string_equal(got.license, request.license);
    assert_string_equal(got.job_id, request.job_id);
    assert_true(got.params == 34.389 && got.likes == 12 && got.private_ && got.submitted == -1);
    assert_string_equal(got.path, request.path);
    assert_true(jb_str_eq(got.doc, request.doc));
    assert_sound(f);

    /* The same again, with and without id, with and without document. */
    assert_int_equal(put_request(f, &request), STORE_SAME);
    request.id = 0;
    assert_int_equal(put_request(f, &request), STORE_SAME);
    assert_int_equal(request.id, 1);
    request.doc = JB_STR("");
    assert_int_equal(put_request(f, &request), STORE_SAME);
    assert_moved(f, &seq, 0, 0, 0);

    /* A change without a document keeps the one that is there. */
    request.status = "RUNNING";
    assert_int_equal(put_request(f, &request), STORE_CHANGED);
    assert_moved(f, &seq, 0, 1, 1);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(
        store_request_find(txn, "org/模型", "main", "bfloat16", "Adapter", f->arena, &got), 0);
    assert_string_equal(got.status, "RUNNING");
    assert_int_equal(got.doc.n, sizeof "{\"model\": \"x\", \"odd\": [1, \0 2]}" - 1);
    assert_int_equal(
        store_request_find(txn, "org/模型", "main", "bfloat16", "Original", f->arena, &got),
        JB_ENOENT);
    assert_int_equal(
        store_request_find(txn, NULL, "main", "bfloat16", "Original", f->arena, &got),
        JB_ENOENT);
    store_abort(txn);

    /* A new document of the same length, and one that is longer. */
    request.doc = JB_STR("{\"model\": \"x\", \"odd\": [1, \0 3]}");
    assert_int_equal(put_request(f, &request), STORE_CHANGED);
    request.doc = JB_STR("{\"model\": \"x\", \"odd\": [1, \0 3]}  ");
    assert_int_equal(put_request(f, &request), STORE_CHANGED);
    assert_moved(f, &seq, 0, 0, 2); /* no table shows it */
    request.job_id = "1";
    assert_int_equal(put_request(f, &request), STORE_CHANGED);
    assert_moved(f, &seq, 0, 0, 1);
    assert_sound(f);
}

static void
test_request_identity(void **state)
{
    struct fixture *f = *state;
    struct request a = a_request("a/b"), b = a_request("a/b"), got;
    enum store_outcome outcome;
    struct jb_error err = {0};

    assert_int_equal(put_request(f, &a), STORE_NEW);
    b.revision = "v2";
    assert_int_equal(put_request(f, &b), STORE_NEW);
    assert_int_equal(b.id, 2);
    /* Another identity moves the indexes along. */
    b.revision = "v3";
    b.model = "a/c";
    assert_int_equal(put_request(f, &b), STORE_CHANGED);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(
        store_request_find(txn, "a/b", "v2", "float16", "Original", f->arena, &got), JB_ENOENT);
    assert_int_equal(
        store_request_find(txn, "a/c", "v3", "float16", "Original", f->arena, &got), 0);
    assert_int_equal(got.id, 2);
    store_abort(txn);
    assert_sound(f);
    /* One that is taken is refused, and so is an id that never was. */
    b.model = "a/b";
    b.revision = "main";
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_request_put(txn, &b, &outcome), JB_ECONFLICT);
    assert_int_equal(store_commit(txn, &err), JB_ECONFLICT);
    b.id = 99;
    b.model = "a/d";
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_request_put(txn, &b, &outcome), JB_ENOENT);
    assert_int_equal(store_txn_error(txn), JB_ENOENT);
    store_abort(txn);
    /* Ids are never used again. */
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_request_delete(txn, 2), 0);
    assert_int_equal(store_request_delete(txn, 2), JB_ENOENT);
    fixture_commit(f, txn);
    b.id = 0;
    assert_int_equal(put_request(f, &b), STORE_NEW);
    assert_int_equal(b.id, 3);
    assert_sound(f);
}

static void
test_long_names(void **state)
{
    struct fixture *f = *state;
    char model[STORE_NAME_MAX + 1], revision[STORE_NAME_MAX + 1], word[STORE_WORD_MAX + 1],
        path[256];
    struct request request = a_request(model), got;
    struct result result = a_result(model, path), found;

    memset(model, 'm', sizeof model);
    memset(revision, 'r', sizeof revision);
    memset(word, 'w', sizeof word);
    memset(path, 'p', sizeof path);
    model[STORE_NAME_MAX] = revision[STORE_NAME_MAX] = word[STORE_WORD_MAX] = path[255] = '\0';
    request.revision = result.revision = revision;
    request.precision = request.weight_type = request.status = result.precision = word;
    assert_int_equal(put_request(f, &request), STORE_NEW);
    assert_int_equal(put_result(f, &result), STORE_NEW);
    assert_int_equal(put_request(f, &request), STORE_SAME);
    result.id = 0;
    assert_int_equal(put_result(f, &result), STORE_SAME);
    /* What differs only in the last byte is another. */
    path[254] = 'q';
    result.id = 0;
    assert_int_equal(put_result(f, &result), STORE_NEW);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_request_find(txn, model, revision, word, word, f->arena, &got), 0);
    assert_int_equal(store_result_find(txn, model, revision, word, path, f->arena, &found), 0);
    assert_int_equal(found.id, 2);
    store_abort(txn);
    assert_sound(f);
}

static void
test_checks(void **state)
{
    struct fixture *f = *state;
    char long_model[STORE_NAME_MAX + 2];
    struct request r = a_request("a/b");
    struct result s = a_result("a/b", "a/b/results_1.json");
    struct model_info m = {.model = "a/b", .likes = NAN};
    struct jb_error err;

    (void)f;
    memset(long_model, 'x', sizeof long_model);
    long_model[sizeof long_model - 1] = '\0';
#define REFUSED(field, bad, call, code, reason)                                                \
    do {                                                                                       \
        __typeof__(field) kept = field;                                                        \
        memset(&err, 0, sizeof err);                                                           \
        assert_int_equal(call, 0);                                                             \
        field = bad;                                                                           \
        assert_int_equal(call, code);                                                          \
        if (!strstr(err.text, reason))                                                         \
            print_error("\"%s\" does not say \"%s\"\n", err.text, reason);                     \
        assert_non_null(strstr(err.text, reason));                                             \
        field = kept;                                                                          \
    } while (0)
    REFUSED(r.model, long_model, store_request_check(&r, &err), JB_ETOOBIG, "201 bytes");
    REFUSED(r.model, "", store_request_check(&r, &err), JB_EINVAL, "missing");
    REFUSED(r.model, NULL, store_request_check(&r, &err), JB_EINVAL, "missing");
    REFUSED(r.model, "a\nb", store_request_check(&r, &err), JB_EINVAL, "control");
    REFUSED(r.revision, "\xff", store_request_check(&r, &err), JB_EINVAL,
            "revision: not valid UTF-8");
    REFUSED(r.license, "\xc0\x80", store_request_check(&r, &err), JB_EINVAL,
            "license: not valid UTF-8");
    REFUSED(r.params, INFINITY, store_request_check(&r, &err), JB_EINVAL, "params");
    REFUSED(r.path, "/etc/passwd", store_request_check(&r, &err), JB_EINVAL, "relative path");
    REFUSED(r.path, "a/../../b", store_request_check(&r, &err), JB_EINVAL, "relative path");
    REFUSED(r.path, "a/./b", store_request_check(&r, &err), JB_EINVAL, "relative path");
    REFUSED(r.path, "a//b", store_request_check(&r, &err), JB_EINVAL, "relative path");
    REFUSED(r.path, "a/", store_request_check(&r, &err), JB_EINVAL, "relative path");
    REFUSED(r.doc.n, (size_t)STORE_DOC_MAX + 1, store_request_check(&r, &err), JB_ETOOBIG,
            "document");
    REFUSED(s.path, "", store_result_check(&s, &err), JB_EINVAL, "file name");
    REFUSED(s.path, "..", store_result_check(&s, &err), JB_EINVAL, "relative path");
    REFUSED(s.precision, long_model, store_result_check(&s, &err), JB_ETOOBIG, "precision");
    REFUSED(s.n, STORE_LIST_MAX + 1, store_result_check(&s, &err), JB_ETOOBIG, "scores");
    struct result_score bad[2] = {{"a", 1, NAN, 0}, {"a", 2, NAN, 0}};
    REFUSED(s.scores, (bad[1].benchmark = "b", bad[1].value = NAN, s.n = 2, bad),
            store_result_check(&s, &err), JB_EINVAL, "score of b");
    s.n = 3;
    REFUSED(s.scores, (bad[1].benchmark = "a", bad[1].value = 2, s.n = 2, bad),
            store_result_check(&s, &err), JB_EINVAL, "two scores of a");
    s.n = 3;
    REFUSED(s.scores, (bad[0].benchmark = NULL, s.n = 1, bad), store_result_check(&s, &err),
            JB_EINVAL, "no benchmark");
    REFUSED(m.likes, -INFINITY, store_model_check(&m, &err), JB_EINVAL, "likes");
    REFUSED(m.model, "", store_model_check(&m, &err), JB_EINVAL, "missing");
    const char *alias = "a/b";
    REFUSED(alias, "", store_note_check(NOTE_ALIAS, "old", alias, &err), JB_EINVAL, "missing");
    REFUSED(alias, "", store_note_check(NOTE_FLAG, alias, "", &err), JB_EINVAL, "missing");
    enum store_note kind = NOTE_FLAG;
    REFUSED(kind, NOTE_MAX, store_note_check(kind, "a", "", &err), JB_EINVAL, "kind of note");
#undef REFUSED
}

static void
test_result(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    struct result got, result = a_result("a/b", "a/b/results_2024-05-23T07-14-41.086185.json");

    assert_int_equal(put_result(f, &result), STORE_NEW);
    assert_moved(f, &seq, 1, 0, 1);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_result_find(txn, "a/b", result.revision, "float16",
                                       "results_2024-05-23T07-14-41.086185.json", f->arena,
                                       &got),
                     0);
    assert_int_equal(store_result_find(txn, "a/b", "", "float16",
                                       "results_2024-05-23T07-14-41.086185.json", f->arena,
                                       &got),
                     JB_ENOENT);
    store_abort(txn);
    assert_int_equal(got.id, 1);
    assert_string_equal(got.model, "a/b");
    assert_string_equal(got.revision, result.revision);
    assert_string_equal(got.precision, "float16");
    assert_string_equal(got.dialect, "cn");
    assert_string_equal(got.path, result.path);
    assert_true(got.time == result.time);
    assert_int_equal(got.n, 3);
    assert_string_equal(got.scores[0].benchmark, "c_arc");
    assert_true(got.scores[0].value == 47.35 && got.scores[0].error == 1.5 &&
                got.scores[0].items == 1172);
    assert_true(isnan(got.scores[1].error));
    assert_true(jb_str_eq(got.doc, result.doc));

    assert_int_equal(put_result(f, &result), STORE_SAME);
    result.doc = JB_STR("");
    assert_int_equal(put_result(f, &result), STORE_SAME);
    assert_moved(f, &seq, 0, 0, 0);
    result.doc = JB_STR("{\"results\": {}, \"more\": 1}");
    assert_int_equal(put_result(f, &result), STORE_CHANGED);
    assert_moved(f, &seq, 0, 0, 1);
    const struct result_score scores[] = {{"c_arc", 47.36, 1.5, 1172}};
    result.n = 1;
    result.scores = scores;
    assert_int_equal(put_result(f, &result), STORE_CHANGED);
    assert_moved(f, &seq, 1, 0, 1);
    /* The folder of the file is no part of the identity, its name is. */
    result.id = 0;
    result.path = "elsewhere/results_2024-05-23T07-14-41.086185.json";
    assert_int_equal(put_result(f, &result), STORE_CHANGED);
    assert_int_equal(result.id, 1);
    result.path = "a/b/results_other.json";
    assert_int_equal(put_result(f, &result), STORE_CHANGED); /* by its id */
    assert_int_equal(result.id, 1);
    result.id = 0;
    result.path = "a/b/results_third.json";
    assert_int_equal(put_result(f, &result), STORE_NEW);
    assert_int_equal(result.id, 2);
    assert_sound(f);
    fixture_seq(f);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_result_delete(txn, 1), 0);
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_result_get(txn, 1, f->arena, &got), JB_ENOENT);
    store_abort(txn);
    assert_sound(f);
}

static void
test_model(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    static const char *const tags[] = {"merge", "flagged:undisclosed_merge"};
    struct model_info got, model = {.model = "a/b",
                                    .likes = 1,
                                    .license = "mit, apache-2.0",
                                    .still_on_hub = true,
                                    .n_tags = 2,
                                    .tags = tags,
                                    .doc = JB_STR("{\"likes\": 1}")};

    assert_int_equal(put_model(f, &model), STORE_NEW);
    assert_moved(f, &seq, 1, 0, 1);
    assert_int_equal(put_model(f, &model), STORE_SAME);
    model.doc = JB_STR("");
    assert_int_equal(put_model(f, &model), STORE_SAME);
    assert_moved(f, &seq, 0, 0, 0);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_model_get(txn, "a/b", f->arena, &got), 0);
    assert_int_equal(store_model_get(txn, "", f->arena, &got), JB_ENOENT);
    store_abort(txn);
    assert_string_equal(got.model, "a/b");
    assert_string_equal(got.license, "mit, apache-2.0");
    assert_true(got.likes == 1 && got.still_on_hub && got.n_tags == 2);
    assert_string_equal(got.tags[0], "merge");
    assert_string_equal(got.tags[1], "flagged:undisclosed_merge");
    assert_true(jb_str_is(got.doc, "{\"likes\": 1}"));
    model.doc = JB_STR("{\"likes\":  1}");
    assert_int_equal(put_model(f, &model), STORE_CHANGED);
    assert_moved(f, &seq, 0, 0, 1);
    model.likes = NAN;
    assert_int_equal(put_model(f, &model), STORE_CHANGED);
    assert_moved(f, &seq, 1, 0, 1);
    model.still_on_hub = false;
    model.n_tags = 0;
    assert_int_equal(put_model(f, &model), STORE_CHANGED);
    struct model_info other = {.model = "a/a", .likes = NAN};
    assert_int_equal(put_model(f, &other), STORE_NEW);
    assert_sound(f);
    struct seen seen = {0};
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_models_each(txn, f->arena, true, see_model, &seen), 0);
    store_abort(txn);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.name[0], "a/a");
    assert_int_equal(seen.docs, strlen("{\"likes\":  1}"));
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_model_delete(txn, "a/b"), 0);
    assert_int_equal(store_model_get(txn, "a/b", f->arena, &got), JB_ENOENT);
    fixture_commit(f, txn);
    assert_sound(f);
}

static void
test_notes(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    const char *text;

    for (enum store_note kind = 0; kind < NOTE_MAX; kind++) {
        const int queue = kind == NOTE_HIDDEN; /* its requests leave the tables */
        assert_int_equal(put_note(f, kind, "old/name", "new/name"), STORE_NEW);
        assert_moved(f, &seq, 1, queue, 1);
        assert_int_equal(put_note(f, kind, "old/name", "new/name"), STORE_SAME);
        assert_moved(f, &seq, 0, 0, 0);
        assert_int_equal(put_note(f, kind, "old/name", "newer/name"), STORE_CHANGED);
        assert_int_equal(put_note(f, kind, "another", "one"), STORE_NEW);
        assert_moved(f, &seq, 2, 2 * queue, 2);
        struct store_txn *txn = fixture_begin(f, STORE_WRITE);
        assert_int_equal(store_note_get(txn, kind, "old/name", f->arena, &text), 0);
        assert_string_equal(text, "newer/name");
        assert_int_equal(store_note_get(txn, kind, "none", f->arena, &text), JB_ENOENT);
        struct seen seen = {0};
        assert_int_equal(store_notes_each(txn, kind, f->arena, see_note, &seen), 0);
        assert_int_equal(seen.n, 2);
        assert_string_equal(seen.name[0], "another=one");
        assert_string_equal(seen.name[1], "old/name=newer/name");
        assert_int_equal(store_note_delete(txn, kind, "another"), 0);
        assert_int_equal(store_note_delete(txn, kind, "another"), JB_ENOENT);
        fixture_commit(f, txn);
        assert_moved(f, &seq, 1, queue, 1);
    }
    assert_int_equal(put_note(f, NOTE_FLAG, "no/text", NULL), STORE_NEW);
    assert_int_equal(put_note(f, NOTE_FLAG, "no/text", ""), STORE_SAME);
    assert_sound(f);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_request),    WITH_STORE(test_request_identity),
        WITH_STORE(test_long_names), WITH_STORE(test_checks),
        WITH_STORE(test_result),     WITH_STORE(test_model),
        WITH_STORE(test_notes),
    };

    return cmocka_run_group_tests_name("store_records", tests, NULL, NULL);
}
