/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts, attempts and parts: what is stored comes back, what the log tells, one live attempt of
 * a request, what goes with a request, what the verification finds. */
#include <config.h>

#include "job_help.h"
#include "plant_help.h"

#include "store/codec.h"

#define ID_A     "00112233445566778899aabbccddeeff"
#define ID_B     "ffeeddccbbaa99887766554433221100"
#define BYTES(k) (k).p, (k).n

static struct host
a_host(const char *name)
{
    return (struct host){
        .name = name,
        .state = "active",
        .url = "https://192.0.2.7:8443",
        .has_key = true,
        .key = {1, 2, 0xff},
        .engine = "local",
        .slots = 2,
        .gpus = 8,
        .memory_mib = 655360,
        .gpu = "NVIDIA H100",
    };
}

static enum store_outcome
put_host(struct fixture *f, const struct host *host)
{
    enum store_outcome outcome = 99;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    assert_int_equal(store_host_put(txn, host, &outcome), 0);
    fixture_commit(f, txn);
    return outcome;
}

static void
assert_same_host(const struct host *a, const struct host *b)
{
    struct jb_buf x = JB_BUF(1 << 16), y = JB_BUF(1 << 16);

    assert_string_equal(a->name, b->name);
    assert_int_equal(host_encode(a, &x), 0);
    assert_int_equal(host_encode(b, &y), 0);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.p, y.p, x.n);
    jb_buf_free(&x);
    jb_buf_free(&y);
}

static int
list_host(void *ctx, const struct host *host)
{
    strcat(strcat(ctx, host->name), " ");
    return 0;
}

static void
test_hosts(void **state)
{
    struct fixture *f = *state;
    struct host got;
    char names[200] = "";
    const struct host all = {
        .name = "gpu-1",
        .state = "quarantined",
        .url = "https://[2001:db8::1]:8443",
        .has_key = true,
        .has_next = true,
        .has_token = true,
        .key = {1},
        .next = {2},
        .token = {3},
        .token_until = 4,
        .certificate_until = 5,
        .seen = 6,
        .boot_id = "boot",
        .version = "1.2",
        .engine = "slurm",
        .slots = 7,
        .memory_mib = 8,
        .gpus = 9,
        .gpu = "NVIDIA A100",
        .failures = 10,
        .failed_on = {11, 12},
        .recent = 13,
        .holds = 14,
        .hold_until = 15,
        .reason = "三次失败",
    };

    assert_int_equal(put_host(f, &all), STORE_NEW);
    struct host least = {.name = "a", .state = "new"};
    assert_int_equal(put_host(f, &least), STORE_NEW);
    assert_int_equal(put_host(f, &all), STORE_SAME);
    fixture_close(f);
    fixture_open(f);
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_host_get(txn, "gpu-1", f->arena, &got), 0);
    assert_same_host(&got, &all);
    assert_int_equal(got.failed_on[1], 12);
    assert_string_equal(got.reason, all.reason);
    assert_int_equal(store_host_get(txn, "a", f->arena, &got), 0);
    assert_same_host(&got, &least);
    assert_int_equal(store_host_get(txn, "b", f->arena, &got), JB_ENOENT);
    assert_int_equal(store_host_get(txn, "", f->arena, &got), JB_ENOENT);
    assert_int_equal(store_hosts_each(txn, f->arena, list_host, names), 0);
    assert_string_equal(names, "a gpu-1 ");
    struct store_stat stat;
    assert_int_equal(store_stat_get(txn, &stat), 0);
    assert_int_equal(stat.hosts, 2);
    store_abort(txn);
    assert_sound(f);
}

static void
assert_host_refused(struct fixture *f, struct host host, int code, const char *reason)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_host_put(txn, &host, &outcome), code);
    assert_non_null(strstr(store_txn_reason(txn)->text, reason));
    assert_int_equal(store_commit(txn, NULL), code);
}

static void
test_host_checks(void **state)
{
    static const char *const names[] = {NULL, "", "-a", "a-", "A", "a.b", "a/b", "a b", "主机"};
    struct fixture *f = *state;
    struct host host = a_host("gpu-1");
    char name[HOST_LABEL_MAX + 2];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        host.name = names[i];
        assert_host_refused(f, host, JB_EINVAL, "name: ");
    }
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    host.name = name;
    assert_host_refused(f, host, JB_EINVAL, "name: ");
    name[HOST_LABEL_MAX] = '\0';
    assert_int_equal(put_host(f, &host), STORE_NEW);
    host = a_host("gpu-1");
    host.state = "asleep";
    assert_host_refused(f, host, JB_EINVAL, "state: ");
    host = a_host("gpu-1");
    host.url = "https://\n";
    assert_host_refused(f, host, JB_EINVAL, "url: ");
    host = a_host("gpu-1");
    host.gpus = -1;
    assert_host_refused(f, host, JB_EINVAL, "gpus: negative");
}

struct last {
    uint64_t seq;
    char action[16], name[64], before[1024], after[1024];
};

static int
see_change(void *ctx, const struct change *change)
{
    struct last *last = ctx;

    assert_string_equal(change->kind, "host");
    last->seq = change->seq;
    snprintf(last->action, sizeof last->action, "%s", change->action);
    snprintf(last->name, sizeof last->name, "%s", change->name);
    snprintf(last->before, sizeof last->before, "%s", change->before);
    snprintf(last->after, sizeof last->after, "%s", change->after);
    return 0;
}

static struct last
last_change(struct fixture *f)
{
    struct last last = {0};
    struct store_txn *txn = fixture_begin(f, STORE_READ);

    assert_int_equal(store_changes_each(txn, 0, f->arena, see_change, &last), 0);
    store_abort(txn);
    return last;
}

static void
test_host_log(void **state)
{
    struct fixture *f = *state;
    struct store_seq seq = fixture_seq(f);
    struct host host = {.name = "gpu-1",
                        .state = "new",
                        .has_token = true,
                        .token = {0xde, 0xad, 0xbe, 0xef},
                        .token_until = T0};

    put_host(f, &host);
    assert_moved(f, &seq, 0, 1, 1);
    struct last last = last_change(f);
    assert_string_equal(last.action, "new");
    assert_string_equal(last.name, "gpu-1");
    assert_string_equal(last.before, "");
    assert_string_equal(last.after, "{\"state\":\"new\",\"new_token\":true,\"token_until\":"
                                    "\"2026-09-21T14:13:20Z\"}");
    /* The key comes, the token goes: never its hash. */
    struct host active = a_host("gpu-1");
    put_host(f, &active);
    assert_moved(f, &seq, 0, 1, 1);
    last = last_change(f);
    assert_string_equal(last.action, "changed");
    assert_non_null(strstr(last.before, "\"state\":\"new\""));
    assert_non_null(strstr(last.after, "\"state\":\"active\""));
    assert_non_null(strstr(last.after, "\"key\":\"0102ff00"));
    assert_null(strstr(last.before, "dead"));
    assert_null(strstr(last.after, "dead"));
    /* What nobody sees. */
    active.seen = T0;
    active.boot_id = "another";
    active.failures = 2;
    active.recent = 3;
    assert_int_equal(put_host(f, &active), STORE_CHANGED);
    assert_moved(f, &seq, 0, 0, 0);
    /* What the log tells and the page does not. */
    active.reason = "three in a row";
    put_host(f, &active);
    assert_moved(f, &seq, 0, 0, 1);
    active.state = "draining";
    put_host(f, &active);
    assert_moved(f, &seq, 0, 1, 1);
    assert_string_equal(last_change(f).after, "{\"state\":\"draining\"}");
    assert_sound(f);
}

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
        WITH_STORE(test_hosts),          WITH_STORE(test_host_checks),
        WITH_STORE(test_host_log),       WITH_STORE(test_attempts),
        WITH_STORE(test_attempt_checks), WITH_STORE(test_attempts_kept),
        WITH_STORE(test_parts),          WITH_STORE(test_delete),
        WITH_STORE(test_verify),
    };

    return cmocka_run_group_tests_name("store_hosts", tests, NULL, NULL);
}
