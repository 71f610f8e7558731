/* SPDX-License-Identifier: Apache-2.0 */
/* The change log says what differs, and a store of the first schema is brought up to date. */
#include <config.h>

#include "job_help.h"
#include "plant_help.h"

#include "store/codec.h"

#include <sys/wait.h>

struct last {
    struct change change;
    struct jb_arena *arena;
};

static int
keep_last(void *ctx, const struct change *change)
{
    struct last *last = ctx;

    last->change = *change;
    return 0;
}

/* The last entry, as kind, action, what was and what is. */
static void
assert_logged(struct fixture *f, const char *head, const char *before, const char *after)
{
    struct last last = {.arena = f->arena};
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    char got[128];

    assert_int_equal(store_changes_each(txn, 0, f->arena, keep_last, &last), 0);
    snprintf(got, sizeof got, "%s %s", last.change.kind, last.change.action);
    assert_string_equal(got, head);
    assert_string_equal(last.change.before, before);
    assert_string_equal(last.change.after, after);
    store_abort(txn);
}

static void
put_request(struct fixture *f, struct request *request)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_request_put(txn, request, &outcome), 0);
    fixture_commit(f, txn);
}

static void
test_requests(void **state)
{
    struct fixture *f = *state;
    struct request request = a_request("a/b");

    request.likes = 12;
    put_request(f, &request);
    assert_logged(f, "request new", "",
                  "{\"model\":\"a/b\",\"revision\":\"main\",\"precision\":\"float16\","
                  "\"weight_type\":\"Original\",\"status\":\"PENDING\","
                  "\"model_type\":\"pretrained\",\"params\":7.242,\"likes\":12,"
                  "\"submitted\":\"2023-12-04T08:52:23Z\"}");
    request.status = "FINISHED";
    request.license = "含\"引号\"\n";
    request.likes = NAN;
    request.private_ = true;
    request.submitted = 0;
    put_request(f, &request);
    assert_logged(f, "request changed",
                  "{\"status\":\"PENDING\",\"license\":\"\",\"likes\":12,\"private\":false,"
                  "\"submitted\":\"2023-12-04T08:52:23Z\"}",
                  "{\"status\":\"FINISHED\",\"license\":\"含\\\"引号\\\"\\n\",\"likes\":null,"
                  "\"private\":true,\"submitted\":null}");
    /* Only the document is another: nothing that has a name. */
    request.doc = JB_STR("{\"model\": \"a/b\"}");
    put_request(f, &request);
    assert_logged(f, "request changed", "", "");
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_request_delete(txn, request.id), 0);
    fixture_commit(f, txn);
    assert_logged(f, "request deleted",
                  "{\"model\":\"a/b\",\"revision\":\"main\",\"precision\":\"float16\","
                  "\"weight_type\":\"Original\",\"status\":\"FINISHED\","
                  "\"model_type\":\"pretrained\",\"license\":\"含\\\"引号\\\"\\n\","
                  "\"params\":7.242,\"private\":true}",
                  "");
    assert_sound(f);
}

static void
test_results(void **state)
{
    struct fixture *f = *state;
    struct result result = a_result("a/b", "a/b/results_1.json");
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    store_result_put(txn, &result, &outcome);
    fixture_commit(f, txn);
    assert_logged(f, "result new", "",
                  "{\"path\":\"a/b/results_1.json\","
                  "\"time\":\"2024-05-23T07:14:46.086185Z\",\"scores\":3}");
    result.n = 2;
    result.precision = "bfloat16";
    txn = fixture_begin(f, STORE_WRITE);
    store_result_put(txn, &result, &outcome);
    fixture_commit(f, txn);
    assert_logged(f, "result changed", "{\"precision\":\"float16\",\"scores\":3}",
                  "{\"precision\":\"bfloat16\",\"scores\":2}");
    txn = fixture_begin(f, STORE_WRITE);
    store_result_delete(txn, result.id);
    fixture_commit(f, txn);
    assert_logged(f, "result deleted",
                  "{\"path\":\"a/b/results_1.json\","
                  "\"time\":\"2024-05-23T07:14:46.086185Z\",\"scores\":2}",
                  "");
}

static void
put_model(struct fixture *f, const struct model_info *model)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_model_put(txn, model, &outcome), 0);
    fixture_commit(f, txn);
}

static void
test_models(void **state)
{
    struct fixture *f = *state;
    static const char *const tags[] = {"merge", "moe"};
    static char tag[STORE_NAME_MAX + 1];
    const char *many[30];
    struct model_info model = {.model = "a/b",
                               .likes = 0,
                               .license = "mit",
                               .still_on_hub = true,
                               .n_tags = 1,
                               .tags = tags};

    put_model(f, &model);
    assert_logged(
        f, "model new", "",
        "{\"likes\":0,\"license\":\"mit\",\"still_on_hub\":true,\"tags\":[\"merge\"]}");
    model.n_tags = 2;
    model.still_on_hub = false;
    put_model(f, &model);
    assert_logged(f, "model changed", "{\"still_on_hub\":true,\"tags\":[\"merge\"]}",
                  "{\"still_on_hub\":false,\"tags\":[\"merge\",\"moe\"]}");
    model.n_tags = 0;
    model.tags = NULL;
    put_model(f, &model);
    assert_logged(f, "model changed", "{\"tags\":[\"merge\",\"moe\"]}", "{\"tags\":[]}");
    /* A list that is too long is cut and says so. */
    memset(tag, 't', STORE_NAME_MAX);
    for (size_t i = 0; i < 30; i++)
        many[i] = tag;
    model.tags = many;
    model.n_tags = 30;
    put_model(f, &model);
    struct last last = {.arena = f->arena};
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_changes_each(txn, 0, f->arena, keep_last, &last), 0);
    size_t n = strlen(last.change.after);
    assert_true(n > 4000 && n < 4300);
    assert_non_null(strstr(last.change.after, ",\"…\"]}"));
    store_abort(txn);
    model = (struct model_info){.model = "a/b", .likes = NAN};
    put_model(f, &model);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_model_delete(txn, "a/b"), 0);
    fixture_commit(f, txn);
    assert_logged(f, "model deleted", "", "");
    assert_sound(f);
}

static void
put_note(struct fixture *f, enum store_note kind, const char *text)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    if (text)
        assert_int_equal(store_note_put(txn, kind, "a/b", text, &outcome), 0);
    else
        assert_int_equal(store_note_delete(txn, kind, "a/b"), 0);
    fixture_commit(f, txn);
}

static void
test_notes(void **state)
{
    struct fixture *f = *state;

    put_note(f, NOTE_FLAG, "");
    assert_logged(f, "flag new", "", "");
    put_note(f, NOTE_FLAG, "https://x.example/1");
    assert_logged(f, "flag changed", "{\"text\":\"\"}", "{\"text\":\"https://x.example/1\"}");
    put_note(f, NOTE_FLAG, NULL);
    assert_logged(f, "flag deleted", "{\"text\":\"https://x.example/1\"}", "");
    put_note(f, NOTE_HIDDEN, "作弊");
    assert_logged(f, "hidden new", "", "{\"text\":\"作弊\"}");
    put_note(f, NOTE_HIDDEN, NULL);
    assert_logged(f, "hidden deleted", "{\"text\":\"作弊\"}", "");
    assert_sound(f);
}

static void
test_jobs(void **state)
{
    struct fixture *f = *state;
    struct request request = a_request("a/b");

    put_request(f, &request);
    struct job job = a_job(1, "SUBMITTED");
    job.charged = true;
    job.has_secret = true;
    memset(job.secret, 's', sizeof job.secret);
    put_job(f, &job);
    assert_logged(f, "job new", "",
                  "{\"state\":\"SUBMITTED\",\"round\":1,\"priority\":1,\"owner\":\"org\","
                  "\"charged\":true,\"accepted\":\"2026-09-21T14:13:20Z\"}");
    struct last last = {.arena = f->arena};
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_changes_each(txn, 0, f->arena, keep_last, &last), 0);
    assert_string_equal(last.change.name, "a/b main float16 Original");
    assert_int_equal(last.change.id, 1);
    store_abort(txn);
    job.state = "FAILED";
    job.failure = "timeout";
    job.reason = "too slow";
    job.log_tail = "line\nsecret things\n";
    job.charged = false;
    job.attempts = 2;
    job.checks = 3;
    job.due = T0;
    job.started = T0 + 1;
    job.ended = T0 + SECONDS;
    job.embargo = T0;
    job.hidden = true;
    job.same_as = 7;
    put_job(f, &job);
    assert_logged(
        f, "job changed",
        "{\"state\":\"SUBMITTED\",\"failure\":\"\",\"reason\":\"\",\"log_bytes\":0,"
        "\"same_as\":0,\"attempts\":0,\"charged\":true,\"started\":null,\"ended\":null,"
        "\"embargo\":null,\"hidden\":false}",
        "{\"state\":\"FAILED\",\"failure\":\"timeout\",\"reason\":\"too slow\","
        "\"log_bytes\":19,\"same_as\":7,\"attempts\":2,\"charged\":false,"
        "\"started\":\"2026-09-21T14:13:20.000001Z\",\"ended\":\"2026-09-21T14:13:21Z\","
        "\"embargo\":\"2026-09-21T14:13:20Z\",\"hidden\":true}");
    job.secret[0] = 'x';
    put_job(f, &job);
    assert_logged(f, "job changed", "{\"new_secret\":false}", "{\"new_secret\":true}");
    assert_sound(f);
}

/* A text at the limit stays, one beyond is cut where a character begins. */
static void
test_deliveries(void **state)
{
    struct fixture *f = *state;
    struct delivery d = {.target = "chat",
                         .event = "failed",
                         .body = "{}",
                         .attempts = 4,
                         .dead = true,
                         .error = "answered 500"};
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct store_seq had, has;

    assert_int_equal(store_seq_get(txn, &had), 0);
    assert_int_equal(store_delivery_put(txn, &d), 0);
    assert_int_equal(store_seq_get(txn, &has), 0);
    assert_int_equal(has.change, had.change); /* the dispatcher's own are told nowhere */
    assert_int_equal(store_delivery_log(txn, NULL, &d), 0);
    fixture_commit(f, txn);
    assert_logged(f, "delivery new", "",
                  "{\"event\":\"failed\",\"dead\":true,\"attempts\":4,"
                  "\"error\":\"answered 500\"}");
    struct delivery again = d;
    again.dead = false;
    again.attempts = 0;
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_delivery_log(txn, &d, &again), 0);
    fixture_commit(f, txn);
    assert_logged(f, "delivery changed", "{\"dead\":true,\"attempts\":4}",
                  "{\"dead\":false,\"attempts\":0}");
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_delivery_log(txn, &again, NULL), 0);
    fixture_commit(f, txn);
    assert_logged(f, "delivery deleted", "{\"event\":\"failed\",\"error\":\"answered 500\"}",
                  "");
    assert_sound(f);
    txn = fixture_begin(f, STORE_READ);
    assert_int_not_equal(store_delivery_log(txn, NULL, &d), 0);
    store_abort(txn);
}

static void
test_cut(void **state)
{
    struct fixture *f = *state;
    static char text[2 * DIFFERENCE_TEXT_MAX], expected[3 * DIFFERENCE_TEXT_MAX];
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    const char *before, *after;
    struct difference d;

    memset(text, 'x', DIFFERENCE_TEXT_MAX);
    difference_begin(&d, txn, false, true);
    difference_text(&d, "text", NULL, text);
    assert_int_equal(difference_end(&d, txn, &before, &after), 0);
    assert_string_equal(before, "");
    snprintf(expected, sizeof expected, "{\"text\":\"%s\"}", text);
    assert_string_equal(after, expected);
    memcpy(text + DIFFERENCE_TEXT_MAX - 2, "字字", sizeof "字字");
    difference_begin(&d, txn, true, false);
    difference_text(&d, "text", text, NULL);
    assert_int_equal(difference_end(&d, txn, &before, &after), 0);
    text[DIFFERENCE_TEXT_MAX - 2] = '\0';
    snprintf(expected, sizeof expected, "{\"text\":\"%s…\"}", text);
    assert_string_equal(before, expected);
    assert_string_equal(after, "");
    store_abort(txn);
}

static void
put_old_change(const char *name, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_int(b, T0);
    codec_put_text(b, "web");
    codec_put_text(b, "request");
    codec_put_text(b, "new");
    codec_put_text(b, name);
    codec_put_uint(b, 1);
    assert_int_equal(codec_end(b, CODEC_CHANGE, 1), 0);
}

static int
see_old(void *ctx, const struct change *change)
{
    int *n = ctx;

    assert_string_equal(change->before, "");
    if (++*n == 1) {
        assert_string_equal(change->actor, "web");
        assert_string_equal(change->name, "old/entry");
        assert_string_equal(change->after, "");
    } else {
        assert_string_not_equal(change->after, "");
    }
    return 0;
}

static void
test_old_entries(void **state)
{
    struct fixture *f = *state;
    struct request request = a_request("a/b");
    struct jb_buf b = JB_BUF(4096);
    int n = 0;

    put_request(f, &request);
    request = a_request("a/c");
    put_request(f, &request);
    put_old_change("old/entry", &b);
    plant(f, "change", "\0\0\0\0\0\0\0\1", 8, b.p, b.n);
    jb_buf_free(&b);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_changes_each(txn, 0, f->arena, see_old, &n), 0);
    assert_int_equal(n, 2);
    store_abort(txn);
    assert_sound(f);
}

/* What an older version of the store was: the later databases, from `first` on, are not there.
 */
static void
make_schema(struct fixture *f, uint64_t schema, int first)
{
    struct jb_buf b = JB_BUF(64);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {sizeof META_SCHEMA - 1, (void *)(uintptr_t)META_SCHEMA}, v;

    codec_begin(&b);
    codec_put_uint(&b, schema);
    codec_end(&b, CODEC_META, 1);
    v = (MDB_val){b.n, b.p};
    fixture_close(f);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
    assert_int_equal(mdb_env_open(env, f->path, MDB_NOTLS, 0660), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    for (int i = first; i < DBI_MAX; i++) {
        assert_int_equal(mdb_dbi_open(txn, store_dbi_names[i], 0, &dbi), 0);
        assert_int_equal(mdb_drop(txn, dbi, 1), 0);
    }
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    jb_buf_free(&b);
}

static void
test_migration(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    struct store *store;
    struct request got;

    fixture_fill(f, 3);
    struct store_seq seq = fixture_seq(f);
    make_schema(f, 1, DBI_HIDDEN);
    assert_int_equal(store_open(&f->conf, true, &err, &store), JB_EVERSION);
    assert_non_null(strstr(err.text, "the store has schema 1, this program reads 3"));
    assert_non_null(strstr(err.text, "jinbang-web"));
    /* Still as it was: refused again. */
    memset(&err, 0, sizeof err);
    assert_int_equal(store_open(&f->conf, true, &err, &store), JB_EVERSION);
    fixture_open(f);
    assert_moved(f, &seq, 0, 0, 0);
    assert_sound(f);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_request_get(txn, 2, f->arena, &got), 0);
    assert_string_equal(got.model, "org1/model-1");
    store_abort(txn);
    struct job job = a_job(2, "QUEUED");
    assert_int_equal(put_job(f, &job), STORE_NEW);
    fixture_close(f);
    memset(&err, 0, sizeof err);
    assert_int_equal(store_open(&f->conf, true, &err, &f->store), 0);
    assert_sound(f);
}

/* From the second schema: what it had stays. */
static void
test_migration_from_2(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    struct store *store;
    struct job got;
    uint64_t fence;

    fixture_fill(f, 3);
    struct job job = a_job(2, "QUEUED");
    assert_int_equal(put_job(f, &job), STORE_NEW);
    struct store_seq seq = fixture_seq(f);
    make_schema(f, 2, DBI_HOST);
    assert_int_equal(store_open(&f->conf, true, &err, &store), JB_EVERSION);
    assert_non_null(strstr(err.text, "the store has schema 2, this program reads 3"));
    fixture_open(f);
    assert_moved(f, &seq, 0, 0, 0);
    assert_sound(f);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_job_get(txn, 2, f->arena, &got), 0);
    assert_string_equal(got.state, "QUEUED");
    assert_int_equal(store_fence_next(txn, &fence), 0);
    assert_int_equal(fence, 1);
    fixture_commit(f, txn);
    assert_sound(f);
}

/* Programs that start together after an upgrade all want to do it. */
static void
test_migration_by_several(void **state)
{
    struct fixture *f = *state;
    pid_t pids[4];

    fixture_fill(f, 3);
    make_schema(f, 1, DBI_HIDDEN);
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct jb_error err = {0};
            struct store *store;
            int rc = store_open(&f->conf, false, &err, &store);

            if (rc)
                print_error("%s\n", err.text);
            else
                store_close(store);
            _exit(rc ? 1 : 0);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    fixture_open(f);
    assert_sound(f);
}

/* Nearly full disk: it stays as it was and says why. */
static void
test_migration_without_room(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};

    fixture_fill(f, 1);
    make_schema(f, 1, DBI_HIDDEN);
    f->conf.store.min_free = INT64_MAX;
    assert_int_equal(store_open(&f->conf, false, &err, &f->store), JB_EFULL);
    assert_non_null(strstr(err.text, "store.min_free"));
    f->conf.store.min_free = 0;
    memset(&err, 0, sizeof err);
    assert_int_equal(store_open(&f->conf, true, &err, &f->store), JB_EVERSION);
    fixture_open(f);
    assert_sound(f);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_requests),
        WITH_STORE(test_results),
        WITH_STORE(test_models),
        WITH_STORE(test_notes),
        WITH_STORE(test_jobs),
        WITH_STORE(test_deliveries),
        WITH_STORE(test_cut),
        WITH_STORE(test_old_entries),
        WITH_STORE(test_migration),
        WITH_STORE(test_migration_from_2),
        WITH_STORE(test_migration_by_several),
        WITH_STORE(test_migration_without_room),
    };

    return cmocka_run_group_tests_name("store_log", tests, NULL, NULL);
}
