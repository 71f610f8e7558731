/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for what, and what a look at the store brings them. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fcgi/waits.h"

#include <stdio.h>
#include <string.h>

#define A "0123456789abcdef0123456789abcde0"
#define B "0123456789abcdef0123456789abcde1"
#define C "0123456789abcdef0123456789abcde2"

/* A store of three requests: what it says of each, and how often it was asked. */
struct requests {
    struct {
        int says, says_expired;
        const char *text; /* of the outcome, or of the progress */
        int asked, asked_expired;
    } of[3];
};

static int
look(void *ctx, struct store_txn *txn, uint64_t wait_id, bool expired,
     struct waits_news *ret_news)
{
    struct requests *r = ctx;
    int says = expired ? r->of[wait_id].says_expired : r->of[wait_id].says;
    const char *text = expired ? "\"goes on\"" : r->of[wait_id].text;

    assert_non_null(txn);
    r->of[wait_id].asked += !expired;
    r->of[wait_id].asked_expired += expired;
    if (says > 0) {
        ret_news->outcome.success = !expired;
        ret_news->outcome.output = jb_blob_new(text, strlen(text));
    } else if (says == 0 && !expired && text) {
        assert_true(ret_news->progress < 0);
        snprintf(ret_news->desc, sizeof(ret_news->desc), "%s", text);
        ret_news->progress = 0.5;
    }
    return says;
}

/* It is only passed on. */
static struct store_txn *const txn = (struct store_txn *)&look;

static void
add(struct waits *w, const char *event, uint64_t id, int64_t deadline, bool fresh)
{
    bool new = !fresh;

    assert_int_equal(waits_add_event(w, event, id, deadline, &new), 0);
    assert_int_equal(new, fresh);
}

static void
expect_settled(struct waits *w, const char *event, bool success, const char *text)
{
    struct waits_note note;

    assert_true(waits_take(w, &note));
    assert_true(note.settled);
    assert_string_equal(note.event, event);
    assert_int_equal(note.run.outlet, 0);
    assert_int_equal(note.outcome.success, success);
    assert_false(note.outcome.waiting);
    assert_string_equal(note.outcome.output->p, text);
    jb_blob_unref(note.outcome.output);
}

static void
expect_progress(struct waits *w, const char *event, const char *text)
{
    struct waits_note note;

    assert_true(waits_take(w, &note));
    assert_false(note.settled);
    assert_string_equal(note.event, event);
    assert_string_equal(note.desc, text);
    assert_true(note.progress == 0.5);
    assert_null(note.outcome.output);
}

static void
expect_nothing(struct waits *w)
{
    struct waits_note note;

    assert_false(waits_take(w, &note));
}

/* All who wait for an id hear of it; others do not. */
static void
test_settle(void **state)
{
    struct waits *w = waits_new();
    struct requests r = {0};
    struct waits_hooks hooks = {&r, look};
    (void)state;

    assert_non_null(w);
    assert_false(waits_look(w, &hooks, txn, 1, 1000));
    add(w, A, 0, 5000, true);
    add(w, B, 0, 6000, false);
    add(w, C, 1, 6000, true);
    assert_false(waits_look(w, &hooks, txn, 1, 1001));
    expect_nothing(w);
    assert_int_equal(r.of[0].asked, 1); /* once for both */
    assert_int_equal(r.of[1].asked, 1);
    r.of[0].says = 1, r.of[0].text = "[\"fine\"]";
    assert_false(waits_look(w, &hooks, txn, 1, 1002)); /* nothing has changed, says the store */
    assert_true(waits_look(w, &hooks, txn, 2, 1003));
    assert_int_equal(r.of[0].asked_expired + r.of[1].asked_expired, 0);
    expect_settled(w, A, true, "[\"fine\"]");
    expect_settled(w, B, true, "[\"fine\"]");
    expect_nothing(w);
    assert_false(waits_drop_event(w, A));
    assert_false(waits_look(w, &hooks, txn, 3, 1004));
    assert_int_equal(r.of[0].asked, 2);
    assert_int_equal(r.of[1].asked, 3);
    assert_true(waits_drop_event(w, C));
    assert_false(waits_look(w, &hooks, txn, 4, 1005));
    assert_int_equal(r.of[1].asked, 3);
    waits_free(w);
}

/* A new id, a change, or a second: else it need not be read again. */
static void
test_when_to_look(void **state)
{
    struct waits *w = waits_new();
    struct requests r = {0};
    struct waits_hooks hooks = {&r, look};
    (void)state;

    add(w, A, 0, 50000, true);
    assert_false(waits_look(w, &hooks, txn, 7, 10000));
    assert_false(waits_look(w, &hooks, txn, 7, 10001));
    assert_false(waits_look(w, &hooks, txn, 7, 10999));
    assert_int_equal(r.of[0].asked, 1);
    add(w, B, 1, 50000, true);
    assert_false(waits_look(w, &hooks, txn, 7, 10999));
    assert_int_equal(r.of[0].asked, 1);
    assert_int_equal(r.of[1].asked, 1);
    assert_false(waits_look(w, &hooks, txn, 7, 11000));
    assert_int_equal(r.of[0].asked, 2);
    assert_false(waits_look(w, &hooks, txn, 8, 11001));
    assert_int_equal(r.of[0].asked, 3);
    assert_int_equal(r.of[1].asked, 3);
    waits_free(w);
}

/* The deadline is each one's own; a verdict at the last moment is for all. */
static void
test_deadlines(void **state)
{
    struct waits *w = waits_new();
    struct requests r = {0};
    struct waits_hooks hooks = {&r, look};
    (void)state;

    r.of[0].says_expired = 1;
    add(w, A, 0, 5000, true);
    add(w, B, 0, 5500, false);
    assert_false(waits_look(w, &hooks, txn, 1, 4999));
    assert_true(waits_look(w, &hooks, txn, 1, 5000));
    expect_settled(w, A, false, "\"goes on\"");
    expect_nothing(w);
    assert_int_equal(r.of[0].asked_expired, 1);
    assert_false(waits_look(w, &hooks, txn, 1, 5001));
    r.of[0].says = 1, r.of[0].text = "[1]";
    assert_true(waits_look(w, &hooks, txn, 1, 5500));
    expect_settled(w, B, true, "[1]");
    assert_int_equal(r.of[0].asked_expired, 1);

    /* a hook may let them wait longer, and is asked each time */
    r.of[1].says_expired = 0;
    add(w, A, 1, 6000, true);
    assert_false(waits_look(w, &hooks, txn, 1, 6000));
    assert_false(waits_look(w, &hooks, txn, 1, 6001));
    assert_int_equal(r.of[1].asked_expired, 2);
    expect_nothing(w);

    /* when the store cannot be read, those whose time is over are told so, no one else */
    r.of[1].says = JB_EIO;
    add(w, B, 2, 9000, true);
    add(w, C, 1, 9000, false);
    assert_true(waits_look(w, &hooks, txn, 2, 6100));
    {
        struct waits_note note;
        assert_true(waits_take(w, &note));
        assert_string_equal(note.event, A);
        assert_true(note.settled);
        assert_false(note.outcome.success);
        assert_non_null(strstr(note.outcome.output->p, "cannot be read"));
        jb_blob_unref(note.outcome.output);
    }
    expect_nothing(w);
    assert_false(waits_look(w, &hooks, NULL, 0, 8999));
    assert_true(waits_look(w, &hooks, NULL, 0, 9000));
    for (int i = 0; i < 2; i++) {
        struct waits_note note;
        assert_true(waits_take(w, &note));
        assert_non_null(strstr(note.outcome.output->p, "cannot be read"));
        jb_blob_unref(note.outcome.output);
    }
    expect_nothing(w);
    waits_free(w);
}

/* Told once, and to those who come later. */
static void
test_progress(void **state)
{
    struct waits *w = waits_new();
    struct requests r = {0};
    struct waits_hooks hooks = {&r, look};
    char longer[WAITS_DESC_MAX + 50];
    struct waits_note note;
    (void)state;

    r.of[0].text = "asks the hub";
    add(w, A, 0, 50000, true);
    assert_true(waits_look(w, &hooks, txn, 1, 1000));
    assert_false(waits_look(w, &hooks, txn, 2, 1001)); /* the same again */
    expect_progress(w, A, "asks the hub");
    expect_nothing(w);
    add(w, B, 0, 50000, false);
    expect_progress(w, B, "asks the hub");
    expect_nothing(w);
    r.of[0].text = "reads the card";
    assert_true(waits_look(w, &hooks, txn, 3, 1002));
    r.of[0].text = "reads the licence"; /* the last counts */
    assert_true(waits_look(w, &hooks, txn, 4, 1003));
    expect_progress(w, A, "reads the licence");
    /* progress that was not taken gives way to the outcome */
    r.of[0].says = 1, r.of[0].text = "[1]";
    assert_true(waits_look(w, &hooks, txn, 5, 1004));
    expect_settled(w, B, true, "[1]");
    expect_settled(w, A, true, "[1]");
    expect_nothing(w);
    assert_false(waits_progress(w, 0, jb_str("x"), 1)); /* nobody waits */

    /* a long text is cut between characters */
    memset(longer, 'x', sizeof(longer));
    memcpy(longer + WAITS_DESC_MAX - 3, "榜", 3);
    add(w, A, 0, 50000, true);
    assert_true(waits_progress(w, 0, (struct jb_str){longer, sizeof(longer)}, 0.5));
    assert_true(waits_take(w, &note));
    assert_int_equal(strlen(note.desc), WAITS_DESC_MAX - 3);
    waits_free(w);
}

static void
test_runs(void **state)
{
    struct waits *w = waits_new();
    struct jb_blob *head = jb_blob_new("X: y\r\n", 6);
    struct waits_run run = {9, head, true, 8, 500};
    struct gradio_outcome good = {.success = true, .output = jb_blob_new("[1]", 3)};
    struct waits_note note;
    bool fresh = false;
    (void)state;

    assert_int_equal(waits_add_run(w, &run, 3, 5000, &fresh), 0);
    assert_true(fresh);
    add(w, A, 3, 4000, false);
    run.outlet = 10;
    assert_int_equal(waits_add_run(w, &run, 4, 5000, &fresh), 0);
    assert_int_equal(waits_runs(w), 2);
    assert_true(waits_progress(w, 3, jb_str("x"), 0.5));
    assert_false(waits_progress(w, 4, jb_str("x"), 0.5)); /* no event waits for it */
    expect_progress(w, A, "x");
    expect_nothing(w);
    assert_true(waits_settle(w, 3, &good, 4500)); /* the run's deadline is later */
    expect_settled(w, A, true, "[1]");
    expect_nothing(w);
    assert_true(waits_settle(w, 3, &good, INT64_MAX));
    assert_false(waits_settle(w, 3, &good, INT64_MAX));
    assert_true(waits_take(w, &note));
    assert_string_equal(note.event, "");
    assert_int_equal(note.run.outlet, 9);
    assert_int_equal(note.run.since_ms, 500);
    assert_int_equal(note.run.fn_index, 8);
    assert_true(note.run.prefixed);
    assert_ptr_equal(note.run.head, head);
    assert_ptr_equal(note.outcome.output, good.output);
    jb_blob_unref(note.run.head);
    jb_blob_unref(note.outcome.output);
    assert_int_equal(waits_runs(w), 1);
    assert_false(waits_drop_run(w, 9));
    assert_true(waits_drop_run(w, 10));
    assert_int_equal(waits_runs(w), 0);

    /* dropped between verdict and news; and what nobody takes goes with the table */
    add(w, A, 1, 1, true);
    add(w, B, 2, 1, true);
    add(w, C, 2, 1, false);
    assert_int_equal(waits_add_run(w, &run, 1, 5000, &fresh), 0);
    waits_settle_all(w, &good);
    assert_true(waits_drop_event(w, A));
    assert_true(waits_take(w, &note));
    assert_int_equal(note.run.outlet, 10);
    jb_blob_unref(note.run.head);
    jb_blob_unref(note.outcome.output);
    expect_settled(w, B, true, "[1]");
    jb_blob_unref(good.output);
    jb_blob_unref(head);
    waits_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settle),    cmocka_unit_test(test_when_to_look),
        cmocka_unit_test(test_deadlines), cmocka_unit_test(test_progress),
        cmocka_unit_test(test_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
