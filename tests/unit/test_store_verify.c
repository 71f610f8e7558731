/* SPDX-License-Identifier: Apache-2.0 */
/* The verification finds damage that is planted behind the store's back. */
#include <config.h>

#include "plant_help.h"

#include "store/codec.h"

static void
test_sound(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct model_info model = {.model = "a/b", .likes = 1, .doc = JB_STR("{}")};
    enum store_outcome outcome;

    store_model_put(txn, &model, &outcome);
    store_note_put(txn, NOTE_ALIAS, "a", "b", &outcome);
    fixture_commit(f, txn);
    assert_sound(f);
    struct jb_error err = {0};
    assert_int_equal(store_verify(f->store, NULL, NULL, &err), 0);
}

static void
test_bad_values(void **state)
{
    struct fixture *f = *state;
    struct jb_buf b = JB_BUF(1 << 16);

    plant(f, "request", ID("\2"), KEY("nonsense, not a record"));
    FINDS(f, "request/2: the CRC does not match");
    struct request got;
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_request_get(txn, 2, f->arena, &got), JB_ECORRUPT);
    assert_non_null(strstr(store_txn_reason(txn)->text, "request/2"));
    store_abort(txn);
    plant(f, "result", ID("\3"), KEY("x"));
    FINDS(f, "request/2", "result/3: the value is cut short");
    plant(f, "flag", KEY("a/b"), KEY("another"));
    FINDS(f, "request/2", "result/3", "flag/a/b: the CRC");
    note_encode("text", &b);
    plant(f, "flag", KEY("a/b"), b.p, b.n);
    plant(f, "model", KEY("a/b"), b.p, b.n);
    FINDS(f, "request/2", "result/3", "model/a/b: the value is of kind 0x6e instead of 0x69");
    plant(f, "change", ID("\4"), b.p, b.n);
    FINDS(f, "request/2", "result/3", "model/a/b", "change/4: the value is of kind");
    jb_buf_free(&b);
}

static void
test_bad_fields(void **state)
{
    struct fixture *f = *state;
    struct jb_buf b = JB_BUF(1 << 16);
    struct request request = a_request("org1/model-1");

    request.path = "../../etc/passwd";
    request_encode(&request, strlen("{\"model\": \"x\"}"), &b);
    plant(f, "request", ID("\2"), b.p, b.n);
    FINDS(f, "request/2: path: ");
    jb_buf_free(&b);
}

static void
test_indexes(void **state)
{
    struct fixture *f = *state;

    plant(f, "request_key", KEY("org1/model-1\0main\0float16\0Original\0"), NULL, 0);
    FINDS(f, "request/2: has no entry in request_key");
    plant(f, "request_model", KEY("org1/model-1\0\0\0\0\0\0\0\0\2"), NULL, 0);
    FINDS(f, "request/2: has no entry in request_key",
          "request/2: has no entry in request_model");
    plant(f, "request_key", KEY("org1/model-1\0main\0float16\0Original\0"), ID("\2"));
    plant(f, "request_model", KEY("org1/model-1\0\0\0\0\0\0\0\0\2"), "", 0);
    assert_sound(f);
    plant(f, "request_key", KEY("org1/model-1\0main\0float16\0Original\0"), ID("\3"));
    FINDS(f, "request/2: the entry in request_key names 3 instead",
          "request_key/org1/model-1|main|float16|Original|: names request 3, which is another");
    plant(f, "request_key", KEY("org1/model-1\0main\0float16\0Original\0"), ID("\2"));
    plant(f, "result_key", KEY("nobody\0"), ID("\x7f"));
    FINDS(f, "result_key/nobody|: names result 127, which is not there");
    plant(f, "result_key", KEY("nobody\0"), KEY("odd"));
    FINDS(f, "result_key/nobody|: does not hold an id");
    plant(f, "result_key", KEY("nobody\0"), NULL, 0);
    plant(f, "result_model", KEY("org1/model-1\0\0\0\0\0\0\0\0\x7f"), "", 0);
    FINDS(f, "result_model/org1/model-1|127: names result 127, which is not there");
    plant(f, "result_model", KEY("org1/model-1\0\0\0\0\0\0\0\0\x7f"), NULL, 0);
    plant(f, "result_model", KEY("other\0\0\0\0\0\0\0\0\2"), "", 0);
    FINDS(f, "result_model/other|2: names result 2, which is of another model");
    plant(f, "result_model", KEY("other\0\0\0\0\0\0\0\0\2"), NULL, 0);
    plant(f, "result_model", KEY("short"), "", 0);
    FINDS(f, "result_model/short: the key is not a model and an id");
    plant(f, "result_model", KEY("short"), NULL, 0);
    plant(f, "request", KEY("odd"), KEY("x"));
    FINDS(f, "request/odd: the key is not an id");
    plant(f, "request", KEY("odd"), NULL, 0);
    assert_sound(f);
}

/* Deleting a record alone leaves its indexes and its document hanging. */
static void
test_lost_record(void **state)
{
    struct fixture *f = *state;

    plant(f, "result", ID("\1"), NULL, 0);
    FINDS(f, "result_key/org0/model-0|",
          "result_model/org0/model-0|1: names result 1, which is not there",
          "doc/r1: belongs to no result");
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct result got;
    assert_int_equal(store_result_get(txn, 1, f->arena, &got), JB_ENOENT);
    assert_int_equal(
        store_result_find(txn, "org0/model-0", "0123456789abcdef0123456789abcdef01234567",
                          "float16", "results_2024-05-23T07-14-41.000000.json", f->arena, &got),
        JB_ECORRUPT);
    store_abort(txn);
}

static void
test_documents(void **state)
{
    struct fixture *f = *state;
    char doc[32] = "      {\"model\": \"y\"}";

    plant(f, "doc", KEY("q\0\0\0\0\0\0\0\2"), doc, 20);
    FINDS(f, "doc/q2: the CRC does not match");
    codec_seal(doc, 20, CODEC_DOC, 1);
    plant(f, "doc", KEY("q\0\0\0\0\0\0\0\2"), doc, 20);
    assert_sound(f);
    codec_seal(doc, 19, CODEC_DOC, 1);
    plant(f, "doc", KEY("q\0\0\0\0\0\0\0\2"), doc, 19);
    FINDS(f, "request/2: its document has 13 bytes instead of 14");
    plant(f, "doc", KEY("q\0\0\0\0\0\0\0\2"), NULL, 0);
    FINDS(f, "request/2: its document of 14 bytes is missing");
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct request got;
    assert_int_equal(store_request_get(txn, 2, f->arena, &got), JB_ECORRUPT);
    store_abort(txn);
    plant(f, "doc", KEY("ia/b"), doc, 19);
    FINDS(f, "request/2", "doc/ia/b: belongs to no model");
    plant(f, "doc", KEY("zzz"), doc, 19);
    FINDS(f, "request/2", "doc/ia/b", "doc/zzz: the key is not that of a document");
}

static void
test_counters(void **state)
{
    struct fixture *f = *state;
    struct jb_buf b = JB_BUF(64);

    plant(f, "change", ID("\5"), NULL, 0);
    FINDS(f, "change/6: follows entry 4");
    plant(f, "change", ID("\x0a"), NULL, 0);
    FINDS(f, "change/6: follows entry 4",
          "meta/change_seq: is 10, but the last entry of change is 9");
    codec_begin(&b);
    codec_put_uint(&b, 3);
    codec_end(&b, CODEC_META, 1);
    plant(f, "meta", KEY("request_id"), b.p, b.n);
    FINDS(f, "change/6", "meta/change_seq",
          "meta/request_id: is 3, but the last entry of request is 5");
    b.p[2] ^= 1;
    plant(f, "meta", KEY("request_id"), b.p, b.n);
    FINDS(f, "change/6", "meta/change_seq", "meta/request_id: the CRC does not match");
    plant(f, "meta", KEY("stranger"), b.p, b.n);
    FINDS(f, "change/6", "meta/change_seq", "meta/request_id: the CRC",
          "meta/stranger: not known");
    jb_buf_free(&b);
}

static void
test_missing_database(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    fixture_close(f);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
    assert_int_equal(mdb_env_open(env, f->path, MDB_NOTLS, 0660), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "alias", 0, &dbi), 0);
    assert_int_equal(mdb_drop(txn, dbi, 1), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_int_equal(store_open(&f->conf, true, &err, &f->store), JB_ECORRUPT);
    assert_non_null(strstr(err.text, "alias is missing"));
}

static void
test_apart(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    struct told told = {0};
    char data[128];

    fixture_close(f);
    assert_int_equal(store_verify_apart(&f->conf, tell, &told, &err), 0);
    fixture_open(f);
    plant(f, "flag", KEY("a\nb"), KEY("x"));
    fixture_close(f);
    assert_int_equal(store_verify_apart(&f->conf, tell, &told, &err), 1);
    assert_non_null(strstr(told.text[0], "flag/a\\x0ab: the value is cut short"));

    /* A file cut in the middle: reading behind its end kills. */
    snprintf(data, sizeof data, "%s/data.mdb", f->path);
    memset(&told, 0, sizeof told);
    assert_int_equal(truncate(data, 3 * 4096), 0);
    int rc = store_verify_apart(&f->conf, tell, &told, &err);
    assert_true(rc > 0 || rc == JB_ECORRUPT);
    if (rc > 0)
        assert_non_null(strstr(told.text[told.n - 1], "damaged"));

    memset(&err, 0, sizeof err);
    f->conf.store.path = "/nonexistent";
    assert_int_equal(store_verify_apart(&f->conf, tell, &told, &err), JB_ENOENT);
    assert_non_null(strstr(err.text, "jinbang init"));
}

static int
setup(void **state)
{
    fixture_setup(state);
    fixture_fill(*state, 5);
    return 0;
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_sound),       WITH_STORE(test_bad_values),
        WITH_STORE(test_bad_fields),  WITH_STORE(test_indexes),
        WITH_STORE(test_lost_record), WITH_STORE(test_documents),
        WITH_STORE(test_counters),    WITH_STORE(test_missing_database),
        WITH_STORE(test_apart),
    };

    return cmocka_run_group_tests_name("store_verify", tests, NULL, NULL);
}
