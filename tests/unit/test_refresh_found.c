/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tests/unit/store_help.h"

#include "dispatch/refresh_found.h"
#include "store/document.h"

#define MINUTE ((int64_t)60 * 1000000)
#define HOUR   (60 * MINUTE)

static const struct refresh_fact liked = {
    .model = "org/model", .there = true, .likes = 5, .license = "mit", .tagged = true};

/* Notes one fact, stores what there is; how many records changed. */
static size_t
stored(struct fixture *f, struct refresh_found *found, const struct refresh_fact *fact,
       int64_t now, int64_t interval)
{
    struct store_txn *txn;
    size_t changed = 77;

    assert_int_equal(refresh_found_add(found, fact, now, interval), 0);
    assert_int_equal(refresh_found_n(found), 1);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(refresh_found_store(found, txn, &changed), 0);
    fixture_commit(f, txn);
    refresh_found_clear(found);
    assert_int_equal(refresh_found_n(found), 0);
    return changed;
}

static struct model_info
model(struct fixture *f, const char *name)
{
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct model_info m = {0};

    assert_int_equal(store_model_get(txn, name, f->arena, &m), 0);
    store_abort(txn);
    return m;
}

static bool
is_there(struct fixture *f, const char *name)
{
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct model_info m;
    int rc = store_model_get(txn, name, f->arena, &m);

    store_abort(txn);
    assert_true(rc == 0 || rc == JB_ENOENT);
    return rc == 0;
}

static void
only_what_differs(void **state)
{
    struct fixture *f = *state;
    struct refresh_found *found = refresh_found_new();
    struct refresh_fact fact = liked;
    struct store_seq seq;

    assert_int_equal(stored(f, found, &fact, 0, 2 * HOUR), 1);
    assert_true(model(f, "org/model").likes == 5);
    assert_string_equal(model(f, "org/model").license, "mit");
    assert_true(model(f, "org/model").still_on_hub);
    seq = fixture_seq(f);
    assert_int_equal(stored(f, found, &fact, 2 * HOUR, 2 * HOUR), 0);
    assert_moved(f, &seq, 0, 0, 0);
    /* what the hub did not say stays */
    fact.likes = NAN;
    fact.license = "";
    assert_int_equal(stored(f, found, &fact, 4 * HOUR, 2 * HOUR), 0);
    assert_moved(f, &seq, 0, 0, 0);
    fact.likes = 6;
    assert_int_equal(stored(f, found, &fact, 6 * HOUR, 2 * HOUR), 1);
    assert_true(model(f, "org/model").likes == 6);
    assert_string_equal(model(f, "org/model").license, "mit");
    refresh_found_free(found);
}

static void
other_tags_and_members_stay(void **state)
{
    static const char doc[] =
        "{\"likes\": 1, \"own\": [1, 2], \"license\": \"mit\", \"still_on_hub\": true, "
        "\"tags\": [\"zh\", \"moe\", \"flagged:undisclosed_moe\", \"x\"]}";
    struct fixture *f = *state;
    struct refresh_found *found = refresh_found_new();
    struct refresh_fact fact = liked;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;
    struct model_info m;
    struct jb_buf out = JB_BUF(1 << 16);

    assert_int_equal(document_model_read("org/model", JB_STR(doc), f->arena, &f->err, &m), 0);
    assert_int_equal(store_model_put(txn, &m, &outcome), 0);
    fixture_commit(f, txn);

    fact.likes = 1;
    fact.n_tags = 2;
    fact.tags[0] = "flagged:undisclosed_moe";
    fact.tags[1] = "moe";
    assert_int_equal(stored(f, found, &fact, 0, 2 * HOUR), 0);
    /* its tags are not known: they stay */
    fact.tagged = false;
    fact.n_tags = 0;
    assert_int_equal(stored(f, found, &fact, 0, 2 * HOUR), 0);
    fact.tagged = true;
    fact.n_tags = 1;
    fact.tags[0] = "merge";
    assert_int_equal(stored(f, found, &fact, 0, 2 * HOUR), 1);
    m = model(f, "org/model");
    assert_int_equal(m.n_tags, 3);
    assert_string_equal(m.tags[0], "zh");
    assert_string_equal(m.tags[1], "x");
    assert_string_equal(m.tags[2], "merge");
    assert_int_equal(document_model_write(&m, f->arena, &f->err, &out), 0);
    assert_non_null(strstr(out.p, "\"own\": [1, 2]"));
    jb_buf_free(&out);
    refresh_found_free(found);
}

static void
gone_only_when_missing_twice(void **state)
{
    struct fixture *f = *state;
    struct refresh_found *found = refresh_found_new();
    struct refresh_fact there = liked,
                        gone = {.model = "org/model", .likes = NAN, .license = ""};

    assert_int_equal(stored(f, found, &there, 0, 2 * HOUR), 1);
    assert_int_equal(stored(f, found, &gone, HOUR, 2 * HOUR), 0);
    assert_int_equal(stored(f, found, &gone, HOUR + 59 * MINUTE, 2 * HOUR), 0);
    assert_true(model(f, "org/model").still_on_hub);
    /* seen in between: it begins anew */
    assert_int_equal(stored(f, found, &there, 2 * HOUR, 2 * HOUR), 0);
    assert_int_equal(stored(f, found, &gone, 3 * HOUR, 2 * HOUR), 0);
    assert_int_equal(stored(f, found, &gone, 4 * HOUR, 2 * HOUR), 1);
    struct model_info m = model(f, "org/model");
    assert_false(m.still_on_hub);
    assert_true(m.likes == 5);
    assert_string_equal(m.license, "mit");
    assert_int_equal(stored(f, found, &gone, 6 * HOUR, 2 * HOUR), 0);
    assert_int_equal(stored(f, found, &there, 8 * HOUR, 2 * HOUR), 1);
    assert_true(model(f, "org/model").still_on_hub);
    /* a short interval is a short wait; a clock set back begins anew */
    assert_int_equal(stored(f, found, &gone, 9 * HOUR, MINUTE), 0);
    assert_int_equal(stored(f, found, &gone, 8 * HOUR, MINUTE), 0);
    assert_int_equal(stored(f, found, &gone, 8 * HOUR + MINUTE, MINUTE), 1);
    refresh_found_free(found);
}

static void
nothing_is_made_of_nothing(void **state)
{
    struct fixture *f = *state;
    struct refresh_found *found = refresh_found_new();
    struct refresh_fact fact = {
        .model = "org/unknown", .there = true, .likes = NAN, .license = ""};

    assert_int_equal(stored(f, found, &fact, 0, 2 * HOUR), 0);
    assert_false(is_there(f, "org/unknown"));
    fact.there = false;
    assert_int_equal(stored(f, found, &fact, 0, 2 * HOUR), 0);
    assert_false(is_there(f, "org/unknown"));
    assert_int_equal(stored(f, found, &fact, 2 * HOUR, 2 * HOUR), 1);
    assert_false(model(f, "org/unknown").still_on_hub);
    refresh_found_free(found);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(only_what_differs),
        WITH_STORE(other_tags_and_members_stay),
        WITH_STORE(gone_only_when_missing_twice),
        WITH_STORE(nothing_is_made_of_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
