/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept beside jobs: nonces, quota, timings, deliveries, cursors. */
#include <config.h>

#include "job_help.h"

static void
digest_of(int n, unsigned char ret_digest[STORE_DIGEST_SIZE])
{
    /* First bytes that also begin keys of the other form. */
    memset(ret_digest, n % 2 ? 't' : 'd', STORE_DIGEST_SIZE);
    ret_digest[STORE_DIGEST_SIZE - 1] = (unsigned char)n;
}

static void
test_nonces(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    unsigned char digest[STORE_DIGEST_SIZE];
    struct nonce got;
    size_t n = 99;

    for (int i = 0; i < 10; i++) {
        digest_of(i, digest);
        const struct nonce nonce = {(uint64_t)i + 1, 2, T0 + i};
        assert_int_equal(store_nonce_put(txn, digest, &nonce), 0);
    }
    fixture_commit(f, txn);
    assert_moved(f, &seq, 0, 0, 0);
    assert_sound(f);
    txn = fixture_begin(f, STORE_WRITE);
    digest_of(3, digest);
    assert_int_equal(store_nonce_get(txn, digest, &got), 0);
    assert_int_equal(got.request, 4);
    assert_int_equal(got.round, 2);
    assert_int_equal(got.time, T0 + 3);
    digest_of(10, digest);
    assert_int_equal(store_nonce_get(txn, digest, &got), JB_ENOENT);
    assert_int_equal(store_nonces_expire(txn, T0, 100, &n), 0);
    assert_int_equal(n, 0);
    /* Number 3 is answered again, later. */
    digest_of(3, digest);
    assert_int_equal(store_nonce_put(txn, digest, &(struct nonce){7, 1, T0 + 50}), 0);
    assert_int_equal(store_nonces_expire(txn, T0 + 8, 2, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_nonces_expire(txn, T0 + 8, 100, &n), 0);
    assert_int_equal(n, 5);
    assert_int_equal(store_nonces_expire(txn, T0 + 8, 100, &n), 0);
    assert_int_equal(n, 0);
    for (int i = 0; i < 10; i++) {
        digest_of(i, digest);
        assert_int_equal(store_nonce_get(txn, digest, &got), i == 3 || i >= 8 ? 0 : JB_ENOENT);
    }
    fixture_commit(f, txn);
    assert_sound(f);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_nonce_put(txn, digest, &(struct nonce){0, 1, T0}), JB_EINVAL);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_nonce_put(txn, digest, &(struct nonce){1, 1, -1}), JB_EINVAL);
    store_abort(txn);
}

static void
assert_quota(struct store_txn *txn, const char *owner, int64_t since, uint64_t n,
             int64_t oldest)
{
    uint64_t got = 99;
    int64_t first = 99;

    assert_int_equal(store_quota_count(txn, owner, since, &got, &first), 0);
    assert_int_equal(got, n);
    assert_int_equal(first, oldest);
    assert_int_equal(store_quota_count(txn, owner, since, &got, NULL), 0);
    assert_int_equal(got, n);
}

struct entries {
    int n;
    char text[8][64];
};

static int
see_entry(void *ctx, const char *owner, int64_t time, uint64_t id)
{
    struct entries *seen = ctx;

    assert_true(seen->n < 8);
    snprintf(seen->text[seen->n++], 64, "%s %d %d", owner, (int)(time - T0), (int)id);
    return 0;
}

static void
test_quota(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct entries seen = {0};
    static char longest[600];

    memset(longest, 'x', sizeof longest - 1);
    assert_int_equal(store_quota_add(txn, "org", T0 + 10, 1), 0);
    assert_int_equal(store_quota_add(txn, "org", T0 + 20, 2), 0);
    assert_int_equal(store_quota_add(txn, "org", T0 + 20, 3), 0);
    assert_int_equal(store_quota_add(txn, "org2", T0, 4), 0);
    assert_int_equal(store_quota_add(txn, "", T0, 5), 0);
    assert_int_equal(store_quota_add(txn, "org", T0 + 10, 1), 0); /* once only */
    assert_quota(txn, "org", 0, 3, T0 + 10);
    assert_quota(txn, "org", -1, 3, T0 + 10);
    assert_quota(txn, "org", T0 + 9, 3, T0 + 10);
    assert_quota(txn, "org", T0 + 10, 2, T0 + 20); /* at `since` does not count */
    assert_quota(txn, "org", T0 + 19, 2, T0 + 20);
    assert_quota(txn, "org", T0 + 20, 0, 0);
    assert_quota(txn, "org2", 0, 1, T0);
    assert_quota(txn, "", 0, 1, T0);
    assert_quota(txn, NULL, 0, 1, T0);
    assert_quota(txn, "or", 0, 0, 0);
    assert_quota(txn, longest, 0, 0, 0);
    assert_int_equal(store_quota_each(txn, NULL, f->arena, see_entry, &seen), 0);
    assert_int_equal(seen.n, 5);
    assert_string_equal(seen.text[0], " 0 5");
    assert_string_equal(seen.text[1], "org 10 1");
    assert_string_equal(seen.text[4], "org2 0 4");
    memset(&seen, 0, sizeof seen);
    assert_int_equal(store_quota_each(txn, "org", f->arena, see_entry, &seen), 0);
    assert_int_equal(seen.n, 3);
    assert_string_equal(seen.text[2], "org 20 3");
    assert_int_equal(store_quota_remove(txn, "org", T0 + 20, 2), 0);
    assert_int_equal(store_quota_remove(txn, "org", T0 + 20, 2), 0);
    assert_int_equal(store_quota_remove(txn, "org", T0 + 11, 1), 0); /* no such entry */
    assert_quota(txn, "org", 0, 2, T0 + 10);
    assert_int_equal(store_quota_add(txn, "org", -5, 1), JB_EINVAL);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_quota_add(txn, longest, T0, 1), JB_ETOOBIG);
    store_abort(txn);
}

struct timings {
    uint64_t n;
    double first, last;
    struct jb_arena *arena;
};

static int
see_timing(void *ctx, const struct timing *timing)
{
    struct timings *seen = ctx;

    if (seen->n++ == 0)
        seen->first = timing->seconds;
    seen->last = timing->seconds;
    assert_string_equal(timing->benchmark, "cmmlu");
    assert_string_equal(timing->precision, "float16");
    assert_true(isnan(timing->params));
    jb_arena_reset(seen->arena);
    return 0;
}

static void
test_timings(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    struct timing timing = {"cmmlu", "float16", NAN, 1, T0};
    struct timings seen = {.arena = f->arena};
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    for (int i = 1; i <= STORE_TIMINGS_MAX + 25; i++) {
        timing.seconds = i;
        assert_int_equal(store_timing_add(txn, &timing), 0);
        if (i == STORE_TIMINGS_MAX)
            assert_int_equal(store_timings_each(txn, f->arena, see_timing, &seen), 0);
    }
    fixture_commit(f, txn);
    assert_int_equal(seen.n, STORE_TIMINGS_MAX);
    assert_true(seen.first == 1);
    memset(&seen, 0, sizeof seen);
    seen.arena = f->arena;
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_timings_each(txn, f->arena, see_timing, &seen), 0);
    store_abort(txn);
    assert_int_equal(seen.n, STORE_TIMINGS_MAX);
    assert_true(seen.first == 26);
    assert_true(seen.last == STORE_TIMINGS_MAX + 25);
    assert_moved(f, &seq, 0, 0, 0);
    assert_sound(f);
    static const double bad[] = {0, -1, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        timing.seconds = bad[i];
        txn = fixture_begin(f, STORE_WRITE);
        assert_int_equal(store_timing_add(txn, &timing), JB_EINVAL);
        store_abort(txn);
    }
}

static int
see_delivery(void *ctx, const struct delivery *delivery)
{
    uint64_t *sum = ctx;

    *sum = *sum * 10 + delivery->id;
    return 0;
}

static void
test_deliveries(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    static char body[DELIVERY_BODY_MAX + 2];
    struct delivery got, d = {.target = "chat",
                              .event = "finished",
                              .body = "{\"模型\": 1}",
                              .created = T0,
                              .due = T0 + 1};
    struct store_stat stat;
    uint64_t sum = 0;

    memset(body, ' ', DELIVERY_BODY_MAX + 1);
    for (uint64_t i = 1; i <= 3; i++) {
        d.id = 0;
        assert_int_equal(store_delivery_put(txn, &d), 0);
        assert_int_equal(d.id, i);
    }
    d.attempts = 8;
    d.dead = true;
    d.error = "HTTP 500";
    d.due = T0 + 2;
    assert_int_equal(store_delivery_put(txn, &d), 0);
    assert_int_equal(d.id, 3);
    assert_int_equal(store_delivery_get(txn, 3, f->arena, &got), 0);
    assert_int_equal(got.id, 3);
    assert_string_equal(got.target, "chat");
    assert_string_equal(got.event, "finished");
    assert_string_equal(got.body, "{\"模型\": 1}");
    assert_int_equal(got.attempts, 8);
    assert_int_equal(got.created, T0);
    assert_int_equal(got.due, T0 + 2);
    assert_true(got.dead);
    assert_string_equal(got.error, "HTTP 500");
    assert_int_equal(store_delivery_get(txn, 4, f->arena, &got), JB_ENOENT);
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_stat_get(txn, &stat), 0);
    assert_int_equal(stat.deliveries, 2);
    assert_int_equal(stat.dead_deliveries, 1);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_delivery_delete(txn, 2), 0);
    assert_int_equal(store_delivery_delete(txn, 2), JB_ENOENT);
    assert_int_equal(store_deliveries_each(txn, f->arena, see_delivery, &sum), 0);
    assert_int_equal(sum, 13);
    /* An id is never used again. */
    assert_int_equal(store_delivery_delete(txn, 3), 0);
    d.id = 0;
    d.body = body + 1;
    assert_int_equal(store_delivery_put(txn, &d), 0);
    assert_int_equal(d.id, 4);
    fixture_commit(f, txn);
    assert_moved(f, &seq, 0, 0, 0);
    assert_sound(f);
    txn = fixture_begin(f, STORE_WRITE);
    d.id = 9;
    assert_int_equal(store_delivery_put(txn, &d), JB_ENOENT);
    assert_int_equal(store_txn_error(txn), JB_ENOENT);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    d.id = 4;
    d.body = body;
    assert_int_equal(store_delivery_put(txn, &d), JB_ETOOBIG);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    d.body = "";
    d.target = NULL;
    assert_int_equal(store_delivery_put(txn, &d), JB_EINVAL);
    store_abort(txn);
}

static void
test_cursors(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    uint64_t at = 99;

    assert_int_equal(store_cursor_get(txn, "export", &at), 0);
    assert_int_equal(at, 0);
    put_some_request(txn, "a/b");
    put_some_request(txn, "a/c");
    assert_int_equal(store_cursor_put(txn, "export", 1), 0);
    assert_int_equal(store_cursor_put(txn, "webhooks", 2), 0);
    assert_int_equal(store_cursor_put(txn, "export", 2), 0);
    assert_int_equal(store_mark_put(txn, "export", UINT64_MAX), 0);
    fixture_commit(f, txn);
    assert_moved(f, &seq, 0, 1, 2);
    assert_sound(f);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_cursor_get(txn, "export", &at), 0);
    assert_int_equal(at, 2);
    assert_int_equal(store_mark_get(txn, "export", &at), 0);
    assert_true(at == UINT64_MAX);
    assert_int_equal(store_mark_get(txn, "webhooks", &at), 0);
    assert_int_equal(at, 0);
    assert_int_equal(store_cursor_get(txn, "webhook", &at), 0);
    assert_int_equal(at, 0);
    assert_int_equal(store_cursor_put(txn, "export", 1), JB_EACCES);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_cursor_put(txn, "", 1), JB_EINVAL);
    store_abort(txn);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_nonces),     WITH_STORE(test_quota),   WITH_STORE(test_timings),
        WITH_STORE(test_deliveries), WITH_STORE(test_cursors),
    };

    return cmocka_run_group_tests_name("store_ledgers", tests, NULL, NULL);
}
