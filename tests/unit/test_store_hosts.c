/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts: what is stored comes back, what is refused, what the log tells. */
#include <config.h>

#include "hosts_help.h"

#include "store/codec.h"

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

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_hosts),
        WITH_STORE(test_host_checks),
        WITH_STORE(test_host_log),
    };

    return cmocka_run_group_tests_name("store_hosts", tests, NULL, NULL);
}
