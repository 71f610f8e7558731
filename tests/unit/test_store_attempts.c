/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts and parts: one live attempt of a request, what goes with a request, and what the
 * verification finds of hosts, attempts and parts. */
#include <config.h>

#include "hosts_help.h"
#include "plant_help.h"

#include "store/codec.h"

#define ID_A     "00112233445566778899aabbccddeeff"
#define ID_B     "ffeeddccbbaa99887766554433221100"
#define BYTES(k) (k).p, (k).n

static struct attempt
an_attempt(uint64_t fence, uint64_t request, const char *id, const char *state)
{
    return (struct attempt){
        .fence = fence,
        .id = id,
        .request = request,
        .round = 1,
        .host = "gpu-1",
        .state = state,
        .spec = "{\"plan\":\"random-baseline\"}",
        .leased = T0,
        .lease_until = T0 + 900 * SECONDS,
        .failure = "",
        .reason = "",
    };
}

static uint64_t
next_fence(struct store_txn *txn)
{
    uint64_t fence = 0;

    assert_int_equal(store_fence_next(txn, &fence), 0);
    return fence;
}

static int
list_attempt(void *ctx, const struct attempt *attempt)
{
    char *text = ctx;

    snprintf(text + strlen(text), 20, "%llu ", (unsigned long long)attempt->fence);
    return 0;
}

static void
assert_same_attempt(const struct attempt *a, const struct attempt *b)
{
    struct jb_buf x = JB_BUF(1 << 20), y = JB_BUF(1 << 20);

    assert_int_equal(a->fence, b->fence);
    assert_int_equal(attempt_encode(a, &x), 0);
    assert_int_equal(attempt_encode(b, &y), 0);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.p, y.p, x.n);
    jb_buf_free(&x);
    jb_buf_free(&y);
}

static void
test_attempts(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct attempt got;
    char fences[200] = "";
    const char *path;

    put_some_request(txn, "a/b");
    put_some_request(txn, "a/c");
    fixture_commit(f, txn);
    struct store_seq seq = fixture_seq(f);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(next_fence(txn), 1);
    assert_int_equal(next_fence(txn), 2);
    struct attempt a = an_attempt(2, 1, ID_A, "leased");
    a.cancel = a.canary = true;
    a.log_epoch = 3;
    a.log_end = 4;
    a.started = 5;
    assert_int_equal(store_attempt_put(txn, &a), 0);
    assert_int_equal(store_fence_check(txn, 1, 2), 0);
    assert_int_equal(store_fence_check(txn, 1, 1), JB_ECONFLICT);
    assert_int_equal(store_fence_check(txn, 2, 2), JB_ECONFLICT);
    assert_int_equal(store_fence_check(txn, 2, 0), JB_ECONFLICT);
    fixture_commit(f, txn);
    assert_moved(f, &seq, 0, 0, 0);
    assert_sound(f);
    fixture_close(f);
    fixture_open(f);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_attempt_get(txn, 1, f->arena, &got), JB_ENOENT);
    assert_int_equal(store_attempt_get(txn, 2, f->arena, &got), 0);
    assert_same_attempt(&got, &a);
    assert_int_equal(store_attempt_live(txn, 1, f->arena, &got), 0);
    assert_int_equal(got.fence, 2);
    assert_int_equal(store_attempt_live(txn, 2, f->arena, &got), JB_ENOENT);
    assert_int_equal(next_fence(txn), 3);
    struct attempt b = an_attempt(3, 2, ID_B, "running");
    assert_int_equal(store_attempt_put(txn, &b), 0);
    assert_int_equal(store_attempts_live_each(txn, f->arena, list_attempt, fences), 0);
    assert_string_equal(fences, "2 3 ");
    struct store_stat stat;
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_stat_get(txn, &stat), 0);
    assert_int_equal(stat.attempts, 2);
    assert_int_equal(stat.live_attempts, 2);
    store_abort(txn);
    /* The first ends, the next follows it. */
    txn = fixture_begin(f, STORE_WRITE);
    a.state = "ended";
    a.failure = "lease_lost";
    a.reason = "nothing heard";
    a.ended = T0 + 7;
    assert_int_equal(store_attempt_put(txn, &a), 0);
    assert_int_equal(store_attempt_live(txn, 1, f->arena, &got), JB_ENOENT);
    assert_int_equal(store_fence_check(txn, 1, 2), JB_ECONFLICT);
    struct attempt c = an_attempt(next_fence(txn), 1, ID_B, "leased");
    assert_int_equal(store_attempt_put(txn, &c), 0);
    assert_int_equal(store_attempt_put(txn, &a), 0); /* said twice */
    assert_int_equal(store_fence_check(txn, 1, 4), 0);
    fences[0] = '\0';
    assert_int_equal(store_attempts_of(txn, 1, f->arena, list_attempt, fences), 0);
    assert_string_equal(fences, "2 4 ");
    fences[0] = '\0';
    assert_int_equal(store_attempts_live_each(txn, f->arena, list_attempt, fences), 0);
    assert_string_equal(fences, "4 3 ");
    fences[0] = '\0';
    assert_int_equal(store_attempts_each(txn, f->arena, list_attempt, fences), 0);
    assert_string_equal(fences, "2 3 4 ");
    fixture_commit(f, txn);
    assert_sound(f);
    assert_int_equal(store_attempt_log(f->store, 7, f->arena, &path), 0);
    assert_memory_equal(path, f->path, strlen(f->path));
    assert_string_equal(path + strlen(f->path), "/logs/7.log");
}

static void
assert_attempt_refused(struct fixture *f, struct attempt attempt, int code, const char *reason)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    assert_int_equal(store_attempt_put(txn, &attempt), code);
    if (!strstr(store_txn_reason(txn)->text, reason))
        print_error("%s\n", store_txn_reason(txn)->text);
    assert_non_null(strstr(store_txn_reason(txn)->text, reason));
    assert_int_equal(store_commit(txn, NULL), code);
}

static void
test_attempt_checks(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    put_some_request(txn, "a/b");
    put_some_request(txn, "a/c");
    for (int i = 0; i < 3; i++)
        next_fence(txn);
    struct attempt first = an_attempt(1, 1, ID_A, "leased");
    assert_int_equal(store_attempt_put(txn, &first), 0);
    fixture_commit(f, txn);

    assert_attempt_refused(f, an_attempt(4, 2, ID_B, "leased"), JB_EINVAL,
                           "fence 4 was never given out");
    assert_attempt_refused(f, an_attempt(2, 9, ID_B, "leased"), JB_ENOENT,
                           "there is no request 9");
    assert_attempt_refused(f, an_attempt(2, 1, ID_B, "leased"), JB_ECONFLICT,
                           "attempt 1 at request 1 is live");
    assert_attempt_refused(f, an_attempt(1, 2, ID_A, "running"), JB_ECONFLICT,
                           "attempt 1 is another one");
    assert_attempt_refused(f, an_attempt(1, 1, ID_B, "running"), JB_ECONFLICT,
                           "attempt 1 is another one");
    assert_attempt_refused(f, an_attempt(0, 1, ID_B, "leased"), JB_EINVAL, "fence: 0");
    assert_attempt_refused(f, an_attempt(2, 0, ID_B, "leased"), JB_EINVAL, "request: 0");
    assert_attempt_refused(f, an_attempt(2, 2, "00", "leased"), JB_EINVAL, "id: ");
    assert_attempt_refused(f, an_attempt(2, 2, "XX112233445566778899aabbccddeeff", "leased"),
                           JB_EINVAL, "id: ");
    assert_attempt_refused(f, an_attempt(2, 2, ID_B, "asleep"), JB_EINVAL, "state: ");
    struct attempt odd = an_attempt(2, 2, ID_B, "leased");
    odd.host = "";
    assert_attempt_refused(f, odd, JB_EINVAL, "host: missing");
    odd = an_attempt(2, 2, ID_B, "ended");
    odd.reason = "two\nlines";
    assert_attempt_refused(f, odd, JB_EINVAL, "reason: ");
    /* The dead stay dead. */
    txn = fixture_begin(f, STORE_WRITE);
    first.state = "ended";
    assert_int_equal(store_attempt_put(txn, &first), 0);
    fixture_commit(f, txn);
    first.state = "running";
    assert_attempt_refused(f, first, JB_ECONFLICT, "attempt 1 has ended");
    assert_sound(f);
}

static void
test_attempts_kept(void **state)
{
    struct fixture *f = *state;
    struct attempt got;

    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    put_some_request(txn, "a/b");
    put_some_request(txn, "a/c");
    struct attempt other = an_attempt(next_fence(txn), 2, ID_B, "leased");
    assert_int_equal(store_attempt_put(txn, &other), 0);
    for (int i = 0; i < ATTEMPTS_KEPT + 3; i++) {
        struct attempt a = an_attempt(next_fence(txn), 1, ID_A, "leased");
        assert_int_equal(store_attempt_put(txn, &a), 0);
        a.state = "ended";
        assert_int_equal(store_attempt_put(txn, &a), 0);
    }
    char fences[400] = "";
    assert_int_equal(store_attempts_of(txn, 1, f->arena, list_attempt, fences), 0);
    assert_memory_equal(fences, "5 6 7 ", 6);
    assert_int_equal(store_attempt_get(txn, 4, f->arena, &got), JB_ENOENT);
    assert_int_equal(store_attempt_get(txn, 1, f->arena, &got), 0);
    fixture_commit(f, txn);
    assert_sound(f);
}

static int
list_part(void *ctx, const struct part *part)
{
    char *text = ctx;

    snprintf(text + strlen(text), 60, "%s=%.*s/%g/%llu ", part->benchmark,
             JB_STR_FMT(part->doc), part->seconds, (unsigned long long)part->fence);
    return 0;
}

static void
test_parts(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    char parts[400] = "";

    put_some_request(txn, "a/b");
    put_some_request(txn, "a/c");
    const struct part sem = {"c_sem", JB_STR("{}"), 1.5, 7}, arc = {"arc", JB_STR("[1]"), 2, 7},
                      again = {"c_sem", JB_STR("{\"a\":1}"), 3, 8}, none = {"x", {0}, 0, 9};
    assert_int_equal(store_part_put(txn, 1, 1, &sem), 0);
    assert_int_equal(store_part_put(txn, 1, 1, &arc), 0);
    assert_int_equal(store_part_put(txn, 1, 1, &again), 0);
    assert_int_equal(store_part_put(txn, 1, 2, &none), 0);
    assert_int_equal(store_part_put(txn, 2, 1, &sem), 0);
    assert_int_equal(store_parts_each(txn, 1, 1, f->arena, list_part, parts), 0);
    assert_string_equal(parts, "arc=[1]/2/7 c_sem={\"a\":1}/3/8 ");
    fixture_commit(f, txn);
    assert_sound(f);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_parts_delete(txn, 1), 0);
    assert_int_equal(store_parts_delete(txn, 1), 0);
    parts[0] = '\0';
    assert_int_equal(store_parts_each(txn, 1, 1, f->arena, list_part, parts), 0);
    assert_int_equal(store_parts_each(txn, 1, 2, f->arena, list_part, parts), 0);
    assert_string_equal(parts, "");
    assert_int_equal(store_parts_each(txn, 2, 1, f->arena, list_part, parts), 0);
    assert_string_equal(parts, "c_sem={}/1.5/7 ");
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_part_put(txn, 9, 1, &sem), JB_ENOENT);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_part_put(txn, 1, 1, &(struct part){"", JB_STR("{}"), 1, 1}),
                     JB_EINVAL);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_part_put(txn, 1, 1, &(struct part){"x", JB_STR("{}"), NAN, 1}),
                     JB_EINVAL);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    char *big = calloc(1, PART_DOC_MAX + 1);
    struct part large = {"x", {big, PART_DOC_MAX + 1}, 1, 1};
    assert_int_equal(store_part_check(&large, &f->err), JB_ETOOBIG);
    large.doc.n--;
    assert_int_equal(store_part_put(txn, 1, 1, &large), 0);
    free(big);
    fixture_commit(f, txn);
    assert_sound(f);
}

/* A request takes its attempts and parts with it, and nothing of others. */
static void
test_delete(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    const struct part part = {"c_sem", JB_STR("{}"), 1, 1};
    struct attempt got;
    char parts[100] = "";

    for (uint64_t id = 1; id <= 2; id++) {
        put_some_request(txn, id == 1 ? "a/b" : "a/c");
        struct attempt a = an_attempt(next_fence(txn), id, ID_A, "leased");
        assert_int_equal(store_attempt_put(txn, &a), 0);
        a.state = "ended";
        assert_int_equal(store_attempt_put(txn, &a), 0);
        a = an_attempt(next_fence(txn), id, ID_B, "running");
        assert_int_equal(store_attempt_put(txn, &a), 0);
        assert_int_equal(store_part_put(txn, id, 1, &part), 0);
    }
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_request_delete(txn, 1), 0);
    assert_int_equal(store_attempt_get(txn, 1, f->arena, &got), JB_ENOENT);
    assert_int_equal(store_attempt_get(txn, 2, f->arena, &got), JB_ENOENT);
    assert_int_equal(store_attempt_live(txn, 1, f->arena, &got), JB_ENOENT);
    assert_int_equal(store_attempt_live(txn, 2, f->arena, &got), 0);
    assert_int_equal(store_attempt_get(txn, 3, f->arena, &got), 0);
    assert_int_equal(store_parts_each(txn, 1, 1, f->arena, list_part, parts), 0);
    assert_string_equal(parts, "");
    assert_int_equal(store_parts_each(txn, 2, 1, f->arena, list_part, parts), 0);
    assert_string_equal(parts, "c_sem={}/1/1 ");
    fixture_commit(f, txn);
    assert_sound(f);
}

static void
plant_attempt(struct fixture *f, const struct attempt *attempt)
{
    struct jb_buf b = JB_BUF(1 << 16);
    struct store_key key = {0};

    store_key_id(&key, attempt->fence);
    assert_int_equal(attempt_encode(attempt, &b), 0);
    plant(f, "attempt", BYTES(key), b.p, b.n);
    jb_buf_free(&b);
}

static void
test_verify(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct attempt a = an_attempt(1, 1, ID_A, "leased"),
                   other = an_attempt(2, 1, ID_B, "leased");
    struct store_key of, odd;
    const struct part part = {"c_sem", JB_STR("{}"), 1, 1};

    put_some_request(txn, "a/b");
    next_fence(txn);
    next_fence(txn);
    assert_int_equal(store_attempt_put(txn, &a), 0);
    assert_int_equal(store_part_put(txn, 1, 1, &part), 0);
    fixture_commit(f, txn);
    struct host host = a_host("gpu-1");
    put_host(f, &host);
    assert_sound(f);

    plant(f, "host", KEY("gpu-1"), "nonsense, no host", 17);
    FINDS(f, "host/gpu-1: the CRC does not match");
    plant(f, "host", KEY("gpu-1"), NULL, 0);
    struct jb_buf b = JB_BUF(1 << 16);
    assert_int_equal(host_encode(&host, &b), 0);
    plant(f, "host", KEY("GPU"), b.p, b.n);
    FINDS(f, "host/GPU: name: ");
    plant(f, "host", KEY("GPU"), NULL, 0);
    jb_buf_free(&b);

    plant(f, "attempt", ID("\1"), NULL, 0);
    FINDS(f, "attempt_live/1: names attempt 1, which is not there",
          "attempt_of/1 1: names attempt 1, which is not there");
    plant(f, "attempt", ID("\1"), "nonsense", 8);
    FINDS(f, "attempt/1: the CRC does not match");
    a.state = "ended";
    plant_attempt(f, &a);
    FINDS(f, "attempt_live/1: names attempt 1, which has ended");
    a.request = 7;
    plant_attempt(f, &a);
    FINDS(f, "attempt/1: belongs to no request", "attempt/1: has no entry in attempt_of",
          "attempt_live/1: names attempt 1, which is at another",
          "attempt_of/1 1: names attempt 1, which is at another");
    a = an_attempt(1, 1, ID_A, "running");
    plant_attempt(f, &a);
    assert_sound(f);
    plant(f, "attempt_live", ID("\1"), NULL, 0);
    FINDS(f, "attempt/1: lives, but has no entry in attempt_live");
    plant(f, "attempt_live", ID("\1"), "odd", 3);
    FINDS(f, "attempt_live/1: is not an id with a fence");
    plant(f, "attempt_live", ID("\1"), ID("\1"));
    attempt_of_key(&of, 1, 2);
    plant(f, "attempt_of", BYTES(of), "x", 1);
    plant_attempt(f, &other);
    FINDS(f, "attempt/2: lives beside attempt 1", "attempt_of/1 2: the value is not empty");
    plant(f, "attempt_of", BYTES(of), "", 0);
    other.state = "ended";
    plant_attempt(f, &other);
    assert_sound(f);
    other.fence = 3;
    attempt_of_key(&of, 1, 3);
    plant(f, "attempt_of", BYTES(of), "", 0);
    plant_attempt(f, &other);
    FINDS(f, "meta/fence: is 2, but the last entry of attempt is 3");
    plant(f, "attempt_of", BYTES(of), NULL, 0);
    plant(f, "attempt", ID("\3"), NULL, 0);
    plant(f, "attempt_of", "odd", 3, "", 0);
    FINDS(f, "attempt_of/odd: the key is not an id and a fence");
    plant(f, "attempt_of", "odd", 3, NULL, 0);

    attempt_of_key(&odd, 1, 1);
    store_key_put(&odd, "c_sem", 5);
    plant(f, "part", BYTES(odd), "nonsense", 8);
    FINDS(f, "part/1 1 c_sem: the CRC does not match");
    plant(f, "part", BYTES(odd), NULL, 0);
    plant(f, "part", "odd", 3, "", 0);
    FINDS(f, "part/odd: the key is not two numbers and a benchmark");
    plant(f, "part", "odd", 3, NULL, 0);
    struct jb_buf p = JB_BUF(1 << 10);
    assert_int_equal(part_encode(&part, &p), 0);
    attempt_of_key(&odd, 9, 1);
    store_key_put(&odd, "c_sem", 5);
    plant(f, "part", BYTES(odd), p.p, p.n);
    jb_buf_free(&p);
    FINDS(f, "part/9 1 c_sem: belongs to no request");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_attempts),      WITH_STORE(test_attempt_checks),
        WITH_STORE(test_attempts_kept), WITH_STORE(test_parts),
        WITH_STORE(test_delete),        WITH_STORE(test_verify),
    };

    return cmocka_run_group_tests_name("store_attempts", tests, NULL, NULL);
}
