/* SPDX-License-Identifier: Apache-2.0 */
/* The queue as a page: every table, nothing hostile, and never more than a page of rows. */
#include "queue_views_help.h"

#include "views/queue_label.h"
#include "views/queue_page.h"

#define MANY 5000

static void
put_page(struct views *v, const struct queue_lists *lists, enum queue_table table, size_t page,
         enum text_lang lang, struct jb_buf *out)
{
    struct queue_view view = {table, page};

    assert_int_equal(
        queue_page_put(&v->conf, &v->config, lists, NOW, lang, &view, out, &v->f->err), 0);
    assert_harmless(out->p);
}

static void
test_tables(void **state)
{
    static const char *const words[LANG_MAX] = {"排队中", "queued"};
    struct views *v = *state;
    struct store_txn *txn = fixture_begin(v->f, STORE_WRITE);

    put_request(txn, HOSTILE_MODEL, "PENDING", NOW - HOUR);
    put_request(txn, "o/running", "RUNNING", NOW - 2 * HOUR);
    put_request(txn, "o/stopped", "CANCELLED", NOW - 4 * HOUR);
    uint64_t id = put_failed(txn, HOSTILE_MODEL "2");
    fixture_commit(v->f, txn);
    struct queue_lists *lists = the_lists(v);
    for (int lang = 0; lang <= LANG_MAX; lang++) {
        struct jb_buf b = JB_BUF(8 << 20);
        char link[80];

        put_page(v, lists, QUEUE_TABLE_NONE, 1, (enum text_lang)lang, &b);
        assert_int_equal(times(b.p, "<table"), 5);
        assert_int_equal(times(b.p, "</tr>") - 5, 4 + 4); /* the board's four are finished */
        snprintf(link, sizeof link, "href=\"/m%s/requests/%llu\"",
                 lang == LANG_ZH   ? "/zh"
                 : lang == LANG_EN ? "/en"
                                   : "",
                 (unsigned long long)id);
        assert_non_null(strstr(b.p, link));
        assert_non_null(
            strstr(b.p, "evil/<strong>&lt;img src=x&gt;&quot;&#39;&amp;2</strong>"));
        assert_non_null(strstr(b.p, "models/evil/%3Cimg%20src%3Dx%3E%22%27%262\""));
        assert_non_null(strstr(b.p, "&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert_non_null(strstr(b.p, "first line\n&lt;/code&gt;"));
        for (int w = 0; w < LANG_MAX; w++) {
            const struct queue_failure_class *c = queue_failure_class(FAILURE_OUT_OF_MEMORY);
            bool shown = lang == w || lang == LANG_MAX;
            assert_int_equal(strstr(b.p, words[w]) != NULL, shown);
            assert_int_equal(strstr(b.p, w == LANG_ZH ? c->zh_do : c->en_do) != NULL, shown);
        }
        jb_buf_free(&b);
    }
    queue_lists_unref(lists);
}

static void
test_empty(void **state)
{
    struct views *v = *state;
    struct fixture *f = v->f, *other = fixture_new(64 << 20);
    struct jb_buf b = JB_BUF(1 << 20);

    assert_int_equal(store_create(&other->conf, &other->err), 0);
    fixture_open(other);
    v->f = other;
    struct queue_lists *lists = the_lists(v);
    put_page(v, lists, QUEUE_TABLE_NONE, 1, LANG_MAX, &b);
    assert_non_null(strstr(b.p, "队列是空的"));
    assert_non_null(strstr(b.p, "The queue is empty"));
    assert_non_null(strstr(b.p, "href=\"/m/submit\""));
    assert_null(strstr(b.p, "<table"));
    queue_lists_unref(lists);
    jb_buf_free(&b);
    v->f = f;
    void *gone = other;
    fixture_teardown(&gone);
}

static void
test_many(void **state)
{
    struct views *v = *state;
    struct store_txn *txn = fixture_begin(v->f, STORE_WRITE);
    struct jb_buf b = JB_BUF(8 << 20);
    struct queue_view view;

    for (int i = 0; i < MANY; i++) {
        char model[64];
        snprintf(model, sizeof model, "o/model-%d", i);
        put_request(txn, model, i % 2 ? "FAILED" : "PENDING", NOW - i * HOUR);
    }
    fixture_commit(v->f, txn);
    struct queue_lists *lists = the_lists(v);
    put_page(v, lists, QUEUE_TABLE_NONE, 1, LANG_EN, &b);
    assert_int_equal(times(b.p, "</tr>"), 3 + 50 + 4 + 50); /* of three tables with rows */
    assert_non_null(strstr(b.p, "1–50 of 2500"));
    assert_non_null(strstr(b.p, "/queue?table=failed&amp;page=2"));
    assert_true(b.n < 100000);
    jb_buf_reset(&b);
    put_page(v, lists, QUEUE_TABLE_FAILED, 50, LANG_ZH, &b);
    assert_int_equal(times(b.p, "</tr>"), 1 + 50);
    assert_non_null(strstr(b.p, "第 2451–2500 条，共 2500 条"));
    assert_null(strstr(b.p, "page=51"));
    assert_int_equal(queue_view_read(lists, JB_STR("failed"), JB_STR("50"), &v->f->err, &view),
                     0);
    assert_int_equal(view.page, 50);
    assert_int_equal(queue_view_read(lists, JB_STR("failed"), JB_STR("51"), NULL, &view),
                     JB_ENOENT);
    jb_buf_free(&b);
    queue_lists_unref(lists);
}

static void
test_view(void **state)
{
    struct views *v = *state;
    struct queue_lists *lists = the_lists(v);
    struct queue_view view;
    static const struct {
        const char *table, *page;
        int rc;
    } cases[] = {{"", "", 0},
                 {"pending", "", 0},
                 {"cancelled", "1", 0},
                 {"cancelled", "2", JB_ENOENT},
                 {"", "1", JB_EINVAL},
                 {"none", "", JB_EINVAL},
                 {"failed", "0", JB_EINVAL},
                 {"failed", "-1", JB_EINVAL},
                 {"failed", "1x", JB_EINVAL},
                 {"failed", "99999999999999999999", JB_EINVAL}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            queue_view_read(lists, jb_str(cases[i].table), jb_str(cases[i].page), NULL, &view),
            cases[i].rc);
    for (int t = 0; t < QUEUE_TABLE_NONE; t++)
        assert_int_equal(queue_table_from_key(jb_str(queue_table_key((enum queue_table)t))), t);
    queue_lists_unref(lists);
}

static void
test_labels(void **state)
{
    struct views *v = *state;
    struct queue_estimate start = {.known = true, .low = 3600, .high = 7200, .middle = 5000};
    struct jb_buf b = JB_BUF(1 << 16);

    start_label_put(&v->conf, &start, NOW, LANG_EN, &b);
    assert_non_null(strstr(b.p,
                           "<time datetime=\"2024-05-23T08:14:46Z\">2024-05-23 08:14</time> – "
                           "<time datetime=\"2024-05-23T09:14:46Z\">09:14</time>"));
    jb_buf_reset(&b);
    start.high = 86400;
    start_label_put(&v->conf, &start, NOW, LANG_EN, &b);
    assert_non_null(strstr(b.p, ">2024-05-24 07:14</time>"));
    jb_buf_reset(&b);
    start.known = false;
    start_label_put(&v->conf, &start, NOW, LANG_MAX, &b);
    assert_string_equal(b.p, "未知 unknown");
    /* whole lines from the end, and never half a character */
    jb_buf_reset(&b);
    log_label_put(JB_STR("one\ntwo\nthree\n\n"), 9, LANG_EN, &b);
    assert_non_null(strstr(b.p, "<code>three</code>"));
    jb_buf_reset(&b);
    log_label_put(JB_STR("一二三"), 4, LANG_EN, &b);
    assert_non_null(strstr(b.p, "<code>三</code>"));
    jb_buf_reset(&b);
    log_label_put(JB_STR("\n\n"), 9, LANG_EN, &b);
    assert_int_equal(b.n, 0);
    time_label_put(&v->conf, 0, &b);
    assert_string_equal(b.p, "–");
    for (int s = 0; s <= QUEUE_STATE_MAX; s++)
        for (int lang = 0; lang < LANG_MAX; lang++)
            assert_true(*queue_state_label((enum queue_state)s, (enum text_lang)lang));
    jb_buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tables, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_empty, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_many, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_view, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_labels, views_setup, views_teardown),
    };

    return cmocka_run_group_tests_name("queue_page", tests, NULL, NULL);
}
