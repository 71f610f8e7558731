/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts as a page: what runs where, nothing hostile, no address, nobody who is hidden. */
#include "queue_views_help.h"

#include "store/host.h"
#include "views/hosts_page.h"

static void
put_host(struct store_txn *txn, const char *name, const char *state, int64_t gpus)
{
    const struct host host = {.name = name,
                              .state = state,
                              .url = "https://192.0.2.7:8443",
                              .boot_id = "boot-of-it",
                              .engine = "local",
                              .slots = gpus,
                              .gpus = gpus,
                              .gpu = gpus == 8 ? "<script>alert(1)</script> H100" : "",
                              .memory_mib = gpus * 81920,
                              .reason = "because-of-this"};
    enum store_outcome outcome;

    assert_int_equal(store_host_put(txn, &host, &outcome), 0);
}

static void
put_attempt(struct store_txn *txn, uint64_t request, const char *host, const char *state,
            bool canary)
{
    struct attempt a = {.id = "00112233445566778899aabbccddeeff",
                        .request = request,
                        .host = host,
                        .state = state,
                        .canary = canary};

    assert_int_equal(store_fence_next(txn, &a.fence), 0);
    assert_int_equal(store_attempt_put(txn, &a), 0);
}

static void
put_page(struct views *v, enum text_lang lang, struct jb_buf *out)
{
    struct store_txn *txn = fixture_begin(v->f, STORE_READ);
    struct queue_registry *registry;
    struct queue_lists *lists;

    assert_int_equal(queue_lists_build(txn, NOW, &v->f->err, &lists), 0);
    assert_int_equal(queue_registry_build(txn, &v->f->err, &registry), 0);
    store_abort(txn);
    assert_int_equal(
        hosts_page_put(&v->conf, &v->config, registry, lists, NOW, lang, out, &v->f->err), 0);
    assert_harmless(out->p);
    queue_lists_unref(lists);
    queue_registry_free(registry);
}

static void
test_none(void **state)
{
    struct views *v = *state;
    struct jb_buf b = JB_BUF(1 << 20);

    put_page(v, LANG_MAX, &b);
    assert_non_null(strstr(b.p, "目前没有主机"));
    assert_non_null(strstr(b.p, "There are no hosts"));
    assert_null(strstr(b.p, "<table"));
    jb_buf_free(&b);
}

static void
test_hosts(void **state)
{
    struct views *v = *state;
    struct store_txn *txn = fixture_begin(v->f, STORE_WRITE);
    enum store_outcome outcome;

    put_host(txn, "gpu-1", "active", 8);
    put_host(txn, "gpu-2", "draining", 1);
    put_host(txn, "gpu-3", "quarantined", 0);
    put_host(txn, "gpu-4", "new", 0);
    put_host(txn, "gpu-5", "removed", 8);
    uint64_t hostile = put_request(txn, HOSTILE_MODEL, "RUNNING", NOW - HOUR);
    uint64_t hidden = put_request(txn, "o/secret", "RUNNING", NOW - HOUR);
    uint64_t ended = put_request(txn, "o/over", "RUNNING", NOW - HOUR);
    uint64_t canary = put_request(txn, "o/canary", "RUNNING", NOW - HOUR);
    assert_int_equal(store_note_put(txn, NOTE_HIDDEN, "o/secret", "why", &outcome), 0);
    put_attempt(txn, hostile, "gpu-1", "running", false);
    put_attempt(txn, hidden, "gpu-1", "leased", false);
    put_attempt(txn, ended, "gpu-2", "ended", false);
    put_attempt(txn, canary, "gpu-3", "running", true);
    fixture_commit(v->f, txn);
    for (int lang = 0; lang <= LANG_MAX; lang++) {
        struct jb_buf b = JB_BUF(1 << 20);
        char link[80];

        put_page(v, (enum text_lang)lang, &b);
        assert_int_equal(times(b.p, "</tr>"), 1 + 3);
        assert_null(strstr(b.p, "gpu-4"));
        assert_null(strstr(b.p, "gpu-5"));
        assert_null(strstr(b.p, "192.0.2.7"));
        assert_null(strstr(b.p, "boot-of-it"));
        assert_null(strstr(b.p, "because-of-this"));
        assert_null(strstr(b.p, "o/secret"));
        assert_null(strstr(b.p, "o/over"));
        assert_null(strstr(b.p, "o/canary"));
        snprintf(link, sizeof link, "href=\"/m%s/requests/%llu\"",
                 lang == LANG_ZH   ? "/zh"
                 : lang == LANG_EN ? "/en"
                                   : "",
                 (unsigned long long)hostile);
        assert_non_null(strstr(b.p, link));
        assert_non_null(strstr(b.p, "8 × &lt;script&gt;alert(1)&lt;/script&gt; H100 "
                                    "<small>640 GiB</small>"));
        assert_non_null(strstr(b.p, ">2 / 8</td>"));
        assert_non_null(strstr(b.p, ">0 / 1</td>"));
        assert_int_equal(strstr(b.p, "in quarantine") != NULL, lang != LANG_ZH);
        assert_int_equal(strstr(b.p, "隔离检查中") != NULL, lang != LANG_EN);
        assert_int_equal(strstr(b.p, "3 hosts, 9 GPUs, 3 evaluations under way.") != NULL,
                         lang != LANG_ZH);
        assert_int_equal(strstr(b.p, "3 台主机，9 块显卡，正在评测 3 项。") != NULL,
                         lang != LANG_EN);
        assert_int_equal(strstr(b.p, "(about to start)") != NULL, lang != LANG_ZH);
        jb_buf_free(&b);
    }
}

#define WITH_VIEWS(test) cmocka_unit_test_setup_teardown(test, views_setup, views_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {WITH_VIEWS(test_none), WITH_VIEWS(test_hosts)};

    return cmocka_run_group_tests_name("hosts_page", tests, NULL, NULL);
}
