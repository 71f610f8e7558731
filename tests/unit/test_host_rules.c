/* SPDX-License-Identifier: Apache-2.0 */
/* What may become of a host: the table, tokens, keys, quarantine and the way back. */
#include <config.h>

#include "queue_help.h"

#include "crypto/digest.h"
#include "queue/host.h"

#define MINUTE_US (60 * SECOND_US)

static struct host
active(void)
{
    return (struct host){.name = "gpu-1",
                         .state = "active",
                         .url = "https://192.0.2.7:8443",
                         .has_key = true,
                         .key = {7},
                         .reason = ""};
}

static void
test_table(void **state)
{
    /* new, active, draining, quarantined, removed; '-' cannot happen */
    static const char *const next[HOST_EVENT_MAX] = {
        [HOST_EVENT_ADD] = "n---n",        [HOST_EVENT_ENROL] = "a----",
        [HOST_EVENT_DRAIN] = "-d---",      [HOST_EVENT_UNDRAIN] = "--a--",
        [HOST_EVENT_QUARANTINE] = "-qq--", [HOST_EVENT_PASS] = "---a-",
        [HOST_EVENT_MISS] = "---q-",       [HOST_EVENT_LIFT] = "---a-",
        [HOST_EVENT_REMOVE] = "rrrr-",
    };

    (void)state;
    for (int event = 0; event < HOST_EVENT_MAX; event++) {
        for (int from = 0; from < HOST_STATE_MAX; from++) {
            enum queue_host_state to = queue_host_next(from, event);
            char c = to == HOST_STATE_MAX ? '-' : queue_host_word(to)[0];
            assert_int_equal(c, next[event][from]);
        }
        assert_true(*queue_host_event_word(event));
    }
    assert_int_equal(queue_host_next(HOST_STATE_MAX, HOST_EVENT_ADD), HOST_STATE_MAX);
    assert_int_equal(queue_host_next(HOST_NEW, HOST_EVENT_MAX), HOST_STATE_MAX);
    for (int s = 0; s < HOST_STATE_MAX; s++)
        assert_int_equal(queue_host_from_word(queue_host_word(s)), s);
    assert_int_equal(queue_host_from_word(NULL), HOST_STATE_MAX);
    assert_int_equal(queue_host_from_word("asleep"), HOST_STATE_MAX);
}

static void
test_names(void **state)
{
    static const char *const good[] = {"https://192.0.2.7:8443", "https://[2001:db8::1]:1",
                                       "https://gpu-1.example:65535"};
    static const char *const bad[] = {"",
                                      "http://192.0.2.7:8443",
                                      "https://192.0.2.7",
                                      "https://:8443",
                                      "https://a:0",
                                      "https://a:65536",
                                      "https://a:8443/",
                                      "https://a:8443/x",
                                      "https://u@a:8443",
                                      "https://[::1:8443",
                                      "https://a:84 43",
                                      "https://a b:1",
                                      "https://a:99999999999999999999"};

    (void)state;
    assert_true(queue_host_name("gpu-1"));
    assert_false(queue_host_name(NULL));
    assert_false(queue_host_name("gpu_1"));
    assert_false(queue_host_name("-"));
    assert_false(queue_host_name("dispatcher"));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(queue_host_url(good[i], NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(queue_host_url(bad[i], NULL), JB_EINVAL);
}

static void
test_enrolment(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct jb_error err = {0};
    char token[HOST_TOKEN_SIZE] = "", second[HOST_TOKEN_SIZE];
    unsigned char hash[HOST_HASH_SIZE], key[HOST_HASH_SIZE] = {9};
    struct host host;

    assert_int_equal(queue_host_add(txn, "Gpu", "", NOW, f->arena, &err, token), JB_EINVAL);
    assert_int_equal(queue_host_add(txn, "gpu-1", "ftp://x", NOW, f->arena, &err, token),
                     JB_EINVAL);
    assert_int_equal(queue_host_add(txn, "gpu-1", "", NOW, f->arena, &err, second), 0);
    assert_int_equal(queue_host_add(txn, "gpu-1", "https://a:1", NOW, f->arena, &err, token),
                     0);
    assert_int_equal(strlen(token), 64);
    assert_string_not_equal(token, second);
    assert_int_equal(store_host_get(txn, "gpu-1", f->arena, &host), 0);
    assert_string_equal(host.state, "new");
    assert_string_equal(host.url, "https://a:1");
    assert_false(queue_host_knows(&host, key));
    /* The first token is void. */
    assert_int_equal(crypto_sha256(jb_str(second), hash), 0);
    assert_int_equal(queue_host_token(&host, hash, NOW, &err), JB_EACCES);
    assert_int_equal(crypto_sha256(jb_str(token), hash), 0);
    assert_int_equal(queue_host_token(&host, hash, NOW, &err), 0);
    assert_int_equal(queue_host_token(&host, hash, NOW + HOST_TOKEN_LIFE - 1, &err), 0);
    assert_int_equal(queue_host_token(&host, hash, NOW + HOST_TOKEN_LIFE, &err), JB_EACCES);
    assert_int_equal(
        queue_host_enrol(txn, "gpu-2", "https://a:1", key, NOW, NOW, f->arena, &err),
        JB_ENOENT);
    assert_int_equal(
        queue_host_enrol(txn, "gpu-1", "https://b:2", key, NOW + DAY_US, NOW, f->arena, &err),
        0);
    /* Once. */
    assert_int_equal(
        queue_host_enrol(txn, "gpu-1", "https://b:2", key, NOW, NOW, f->arena, &err),
        JB_ECONFLICT);
    assert_int_equal(queue_host_add(txn, "gpu-1", "", NOW, f->arena, &err, token),
                     JB_ECONFLICT);
    assert_int_equal(store_host_get(txn, "gpu-1", f->arena, &host), 0);
    assert_string_equal(host.state, "active");
    assert_string_equal(host.url, "https://b:2");
    assert_int_equal(host.certificate_until, NOW + DAY_US);
    assert_false(host.has_token);
    assert_int_equal(queue_host_token(&host, hash, NOW, &err), JB_ECONFLICT);
    assert_true(queue_host_knows(&host, key));
    key[1] = 1;
    assert_false(queue_host_knows(&host, key));
    memcpy(host.next, key, sizeof key);
    assert_false(queue_host_knows(&host, key));
    host.has_next = true;
    assert_true(queue_host_knows(&host, key));
    /* Removed is refused at once, and the name can be used again. */
    assert_int_equal(
        queue_host_move(txn, "gpu-1", HOST_EVENT_REMOVE, "sold", NOW, f->arena, &err), 0);
    assert_int_equal(store_host_get(txn, "gpu-1", f->arena, &host), 0);
    key[1] = 0;
    assert_false(queue_host_knows(&host, key));
    assert_false(host.has_key);
    assert_string_equal(host.reason, "sold");
    err = (struct jb_error){0};
    assert_int_equal(queue_host_move(txn, "gpu-1", HOST_EVENT_DRAIN, "", NOW, f->arena, &err),
                     JB_ECONFLICT);
    assert_non_null(strstr(err.text, "host gpu-1 is removed: drain is not possible"));
    assert_int_equal(queue_host_move(txn, "x", HOST_EVENT_DRAIN, "", NOW, f->arena, &err),
                     JB_ENOENT);
    assert_int_equal(queue_host_add(txn, "gpu-1", "", NOW, f->arena, &err, token), 0);
    fixture_commit(f, txn);
    assert_sound(f);
}

/* An unset key of zeroes is nobody's key. */
static void
test_no_key(void **state)
{
    const unsigned char none[HOST_HASH_SIZE] = {0};
    struct host host = active();

    (void)state;
    host.has_key = false;
    memset(host.key, 0, sizeof host.key);
    assert_false(queue_host_knows(&host, none));
}

static void
test_in_a_row(void **state)
{
    char reason[HOST_REASON_SIZE];
    struct host host = active();

    (void)state;
    assert_false(queue_host_outcome(&host, 1, true, NOW, reason));
    assert_false(queue_host_outcome(&host, 1, true, NOW, reason)); /* the same job */
    assert_false(queue_host_outcome(&host, 2, true, NOW, reason));
    assert_false(queue_host_outcome(&host, 1, true, NOW, reason));
    host.recent = 0; /* only those in a row */
    assert_true(queue_host_outcome(&host, 3, true, NOW, reason));
    assert_string_equal(host.state, "quarantined");
    assert_string_equal(host.reason, "3 infrastructure failures in a row, each on another job");
    assert_int_equal(host.hold_until, NOW + 10 * MINUTE_US);
    assert_int_equal(host.failures, 0);
    /* A good one between them, and it is not in a row. */
    host = active();
    assert_false(queue_host_outcome(&host, 1, true, NOW, reason));
    assert_false(queue_host_outcome(&host, 2, true, NOW, reason));
    assert_false(queue_host_outcome(&host, 3, false, NOW, reason));
    assert_false(queue_host_outcome(&host, 4, true, NOW, reason));
    assert_false(queue_host_outcome(&host, 5, true, NOW, reason));
    assert_string_equal(host.state, "active");
    assert_true(queue_host_outcome(&host, 6, true, NOW, reason));
}

static void
test_of_the_last(void **state)
{
    char reason[HOST_REASON_SIZE];
    struct host host = active();

    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        assert_false(queue_host_outcome(&host, 2 * i + 1, true, NOW, reason));
        assert_false(queue_host_outcome(&host, 2 * i + 2, false, NOW, reason));
    }
    struct host later = host;
    assert_true(queue_host_outcome(&host, 9, true, NOW, reason));
    assert_string_equal(host.reason, "5 infrastructure failures of the last 10 attempts");
    /* The oldest fall out. */
    for (uint64_t i = 0; i < 3; i++)
        assert_false(queue_host_outcome(&later, 20 + i, false, NOW, reason));
    assert_false(queue_host_outcome(&later, 30, true, NOW, reason));
    assert_string_equal(later.state, "active");
}

static void
test_holds(void **state)
{
    static const int minutes[] = {10, 20, 40, 80, 160, 320, 360, 360};
    struct host host = active();
    int64_t now = NOW;

    (void)state;
    for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
        enum queue_host_event event = i ? HOST_EVENT_MISS : HOST_EVENT_QUARANTINE;
        assert_int_equal(queue_host_apply(&host, event, "again", now, NULL), 0);
        assert_int_equal(host.hold_until, now + minutes[i] * MINUTE_US);
        assert_int_equal(queue_host_work(&host, host.hold_until - 1), HOST_NO_WORK);
        assert_int_equal(queue_host_work(&host, host.hold_until), HOST_ONLY_CANARY);
        now = host.hold_until;
    }
    assert_int_equal(queue_host_apply(&host, HOST_EVENT_PASS, "", now, NULL), 0);
    assert_int_equal(queue_host_work(&host, now), HOST_ANY_WORK);
    /* Soon after: long; a day after: short again. */
    struct host later = host;
    assert_int_equal(queue_host_apply(&host, HOST_EVENT_QUARANTINE, "", now, NULL), 0);
    assert_int_equal(host.hold_until, now + HOST_HOLD_MOST);
    now += HOST_FORGIVE + 1;
    assert_int_equal(queue_host_apply(&later, HOST_EVENT_QUARANTINE, "", now, NULL), 0);
    assert_int_equal(later.hold_until, now + HOST_HOLD_FIRST);
    /* An operator lifts it. */
    assert_int_equal(queue_host_apply(&host, HOST_EVENT_LIFT, "", now, NULL), 0);
    assert_string_equal(host.state, "active");
    assert_int_equal(host.holds, 0);
    assert_int_equal(host.hold_until, 0);
}

static void
test_work(void **state)
{
    struct host host = active();

    (void)state;
    assert_int_equal(queue_host_work(&host, NOW), HOST_ANY_WORK);
    for (int s = 0; s < HOST_STATE_MAX; s++) {
        host.state = queue_host_word(s);
        host.hold_until = NOW + 1;
        assert_int_equal(queue_host_work(&host, NOW),
                         s == HOST_ACTIVE ? HOST_ANY_WORK : HOST_NO_WORK);
        unsigned char key[HOST_HASH_SIZE] = {7};
        assert_int_equal(queue_host_knows(&host, key),
                         s == HOST_ACTIVE || s == HOST_DRAINING || s == HOST_QUARANTINED);
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),    cmocka_unit_test(test_names),
        WITH_STORE(test_enrolment),      cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_in_a_row), cmocka_unit_test(test_of_the_last),
        cmocka_unit_test(test_holds),    cmocka_unit_test(test_work),
    };

    return cmocka_run_group_tests_name("host_rules", tests, NULL, NULL);
}
