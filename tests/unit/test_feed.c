/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds: bounded, newest first, ids that stay the same, and no character that XML forbids. */
#include "queue_views_help.h"

#include "views/feed.h"

static void
put_feed(struct views *v, const struct queue_lists *lists, bool status, struct jb_buf *out)
{
    struct feed feed = {&v->conf, v->board, lists, "0123abcd"};
    struct jb_error err = {0};

    jb_buf_reset(out);
    assert_int_equal(
        status ? feed_put_status(&feed, out, &err) : feed_put_results(&feed, out, &err), 0);
    assert_harmless(out->p);
    assert_int_equal(strncmp(out->p, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed ", 45),
                     0);
    assert_string_equal(out->p + out->n - 8, "</feed>\n");
    for (const char *p = out->p; *p; p++)
        assert_true((unsigned char)*p >= 0x20 || *p == '\n');
}

static void
test_results(void **state)
{
    struct views *v = *state;
    struct queue_lists *lists = the_lists(v);
    struct jb_buf b = JB_BUF(1 << 20), again = JB_BUF(1 << 20);

    put_feed(v, lists, false, &b);
    assert_int_equal(times(b.p, "<entry>"), 4); /* not the baseline */
    assert_int_equal(times(b.p, "<id>tag:0123abcd.jinbang.invalid,2024:result/"), 4);
    assert_non_null(strstr(b.p, "<updated>2024-05-23T07:14:46Z</updated>"));
    assert_non_null(strstr(b.p, "evil/&lt;/script&gt;"));
    assert_non_null(strstr(b.p, "href=\"/m/models/good/model\""));
    assert_non_null(strstr(b.p, "新结果 New result"));
    put_feed(v, lists, false, &again);
    assert_string_equal(b.p, again.p);
    queue_lists_unref(lists);
    jb_buf_free(&b);
    jb_buf_free(&again);
}

static void
test_status(void **state)
{
    struct views *v = *state;
    struct store_txn *txn = fixture_begin(v->f, STORE_WRITE);
    struct jb_buf b = JB_BUF(1 << 20);
    char text[200];

    uint64_t id = put_failed(txn, HOSTILE_MODEL);
    fixture_commit(v->f, txn);
    struct queue_lists *lists = the_lists(v);
    put_feed(v, lists, true, &b);
    snprintf(text, sizeof text,
             "<id>tag:0123abcd.jinbang.invalid,2024:request/%llu/FAILED/%lld</id>\n"
             "<title>评测失败 · Failed: evil/&lt;img",
             (unsigned long long)id, (long long)NOW);
    const char *first = strstr(b.p, "<entry>\n");
    assert_non_null(first);
    assert_int_equal(strncmp(first + 8, text, strlen(text)), 0); /* the newest */
    assert_non_null(strstr(b.p, "&lt;script&gt;alert(1)"));
    snprintf(text, sizeof text, "request/%llu/submitted/%lld</id>", (unsigned long long)id,
             (long long)(NOW - 3 * HOUR));
    assert_non_null(strstr(b.p, text));
    assert_non_null(strstr(b.p, "<updated>2024-05-23T07:14:46Z</updated>\n<link rel=\"self\""));
    queue_lists_unref(lists);
    jb_buf_free(&b);
}

static void
test_many(void **state)
{
    struct views *v = *state;
    struct store_txn *txn = fixture_begin(v->f, STORE_WRITE);
    struct jb_buf b = JB_BUF(1 << 20);
    char before[32] = "9999";
    size_t n = 0;

    for (int i = 0; i < 3000; i++) {
        char model[64];
        snprintf(model, sizeof model, "o/model-%d", i);
        put_request(txn, model, "PENDING", NOW - (i * 7919 % 3000) * HOUR);
    }
    fixture_commit(v->f, txn);
    struct queue_lists *lists = the_lists(v);
    put_feed(v, lists, true, &b);
    assert_int_equal(times(b.p, "<entry>"), FEED_STATUS);
    for (const char *p = strstr(b.p, "<entry>"); p; p = strstr(p + 1, "<entry>")) {
        const char *updated = strstr(p, "<updated>");
        char time[32];
        snprintf(time, sizeof time, "%.20s", updated + 9);
        assert_true(strcmp(time, before) <= 0);
        memcpy(before, time, sizeof time);
        n++;
    }
    assert_int_equal(n, FEED_STATUS);
    queue_lists_unref(lists);
    jb_buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_results, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_status, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_many, views_setup, views_teardown),
    };

    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
