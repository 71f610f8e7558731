/* SPDX-License-Identifier: Apache-2.0 */
#include "views/queue_page.h"

#include "base/text.h"
#include "views/label.h"
#include "views/queue_label.h"

#include <inttypes.h>
#include <string.h>

/* Of a log on this page, where there may be many; a request's own page has all of it. */
enum { LOG_MAX = 1200 };

/* In the order of the page. */
static const enum queue_table order[] = {QUEUE_TABLE_RUNNING, QUEUE_TABLE_PENDING,
                                         QUEUE_TABLE_FINISHED, QUEUE_TABLE_FAILED,
                                         QUEUE_TABLE_CANCELLED};
#define TABLES (sizeof(order) / sizeof(order[0]))

struct writing {
    const struct conf *conf;
    int64_t now;
    enum text_lang lang;
    struct jb_buf *out;
};

static size_t
pages_of(size_t n)
{
    return n ? (n - 1) / QUEUE_PAGE_ROWS + 1 : 1;
}

int
queue_view_read(const struct queue_lists *lists, struct jb_str table, struct jb_str page,
                struct jb_error *err, struct queue_view *ret_view)
{
    struct queue_view view = {queue_table_from_key(table), 1};
    int64_t number = 1;
    size_t n = 0;

    if (table.n && view.table == QUEUE_TABLE_NONE)
        return jb_fail(err, JB_EINVAL,
                       "table is running, pending, finished, failed or cancelled");
    if (page.n && !table.n)
        return jb_fail(err, JB_EINVAL, "a page needs the table that it is of");
    if (page.n && jb_parse_int(page, 1, INT32_MAX, &number))
        return jb_fail(err, JB_EINVAL, "page is a number from 1");
    if (table.n)
        queue_lists_table(lists, view.table, &n);
    if ((uint64_t)number > pages_of(n))
        return jb_fail(err, JB_ENOENT, "the table has %zu pages", pages_of(n));
    view.page = (size_t)number;
    *ret_view = view;
    return 0;
}

/* --- cells -----------------------------------------------------------------------------------
 */

/* A start tag, with the name of the column for narrow screens. */
static void
cell(struct writing *w, const char *class_, const char *zh, const char *en)
{
    jb_buf_printf(w->out, "<td class=\"%s\" data-l=\"", class_);
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "\">");
}

static void
text_cell(struct writing *w, const char *class_, const char *zh, const char *en,
          struct jb_str text)
{
    cell(w, class_, zh, en);
    jb_put_html(w->out, text.n ? text : JB_STR("–"));
    jb_buf_puts(w->out, "</td>");
}

/* What is empty is left out on narrow screens. */
static void
time_cell(struct writing *w, const char *zh, const char *en, int64_t us)
{
    cell(w, us > 0 ? "x" : "x o", zh, en);
    time_label_put(w->conf, us, w->out);
    jb_buf_puts(w->out, "</td>");
}

static void
model_cell(struct writing *w, const struct queue_entry *e)
{
    const char *slash = e->model.n ? memchr(e->model.p, '/', e->model.n) : NULL;
    size_t org = slash ? (size_t)(slash - e->model.p) + 1 : 0;

    jb_buf_puts(w->out, "<td class=\"m\"><a href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_printf(w->out, "/requests/%" PRIu64 "\">", e->id);
    jb_put_html(w->out, (struct jb_str){e->model.p, org});
    jb_buf_puts(w->out, "<strong>");
    jb_put_html(w->out, (struct jb_str){e->model.p + org, e->model.n - org});
    jb_buf_puts(w->out, "</strong></a>&nbsp;<a class=\"d\" href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_puts(w->out, "/models/");
    jb_put_url_path(w->out, e->model);
    jb_buf_puts(w->out, "\" title=\"");
    label_put(w->out, w->lang, "模型页", "The model");
    jb_buf_puts(w->out, "\">📑</a></td>");
}

static void
state_cell(struct writing *w, const struct queue_entry *e)
{
    cell(w, "x", "状态", "State");
    if (e->state < QUEUE_STATE_MAX)
        state_label_put(e->state, w->lang, w->out);
    else
        jb_put_html(w->out, e->status);
    if (e->same_as) {
        jb_buf_puts(w->out, " <a href=\"");
        frame_put_base(w->conf, w->lang, w->out);
        jb_buf_printf(w->out, "/requests/%" PRIu64 "\">#%" PRIu64 "</a>", e->same_as,
                      e->same_as);
    }
    jb_buf_puts(w->out, "</td>");
}

static void
failure_cell(struct writing *w, const struct queue_entry *e)
{
    cell(w, "w", "原因", "Why");
    failure_label_put(e->failure, e->reason, true, w->lang, w->out);
    if (e->failure == FAILURE_NONE && !e->reason.n) {
        jb_buf_puts(w->out, "<p>");
        label_put(w->out, w->lang, "没有记录原因。", "No reason is recorded.");
        jb_buf_puts(w->out, "</p>");
    }
    log_label_put(e->log_tail, LOG_MAX, w->lang, w->out);
    jb_buf_puts(w->out, "</td>");
}

static void
attempts_cell(struct writing *w, const struct queue_entry *e)
{
    if (e->attempts || e->ours) {
        cell(w, "n", "尝试", "Attempts");
        jb_buf_printf(w->out, "%" PRIu64 "</td>", e->attempts);
    } else {
        cell(w, "n o", "尝试", "Attempts");
        jb_buf_puts(w->out, "–</td>");
    }
}

static void
place_cells(struct writing *w, const struct queue_entry *e)
{
    cell(w, e->place ? "x" : "x o", "预计开始", "Expected start");
    if (e->place)
        start_label_put(w->conf, &e->start, w->now, w->lang, w->out);
    else
        jb_buf_puts(w->out, "–");
    jb_buf_puts(w->out, "</td>");
}

static void
put_row(struct writing *w, enum queue_table table, const struct queue_entry *e)
{
    jb_buf_puts(w->out, "<tr>");
    if (table == QUEUE_TABLE_PENDING) {
        jb_buf_puts(w->out, "<td class=\"r\">");
        if (e->place)
            jb_buf_printf(w->out, "%zu", e->place);
        else
            jb_buf_puts(w->out, "–");
        jb_buf_puts(w->out, "</td>");
    }
    model_cell(w, e);
    text_cell(w, "h", "版本", "Revision", e->revision);
    text_cell(w, "x", "精度", "Precision", e->precision);
    text_cell(w, "x", "权重", "Weights", e->weight_type);
    if (table == QUEUE_TABLE_FAILED)
        failure_cell(w, e);
    else
        state_cell(w, e);
    switch (table) {
    case QUEUE_TABLE_RUNNING:
        time_cell(w, "开始", "Started", e->started);
        attempts_cell(w, e);
        break;
    case QUEUE_TABLE_PENDING:
        time_cell(w, "提交", "Submitted", e->submitted);
        place_cells(w, e);
        break;
    case QUEUE_TABLE_FAILED:
        attempts_cell(w, e);
        time_cell(w, "结束", "Ended", e->ended);
        break;
    default:
        time_cell(w, "提交", "Submitted", e->submitted);
        time_cell(w, "结束", "Ended", e->ended);
        break;
    }
    jb_buf_puts(w->out, "</tr>\n");
}

/* --- tables ----------------------------------------------------------------------------------
 */

static void
heading(struct writing *w, const char *class_, const char *zh, const char *en)
{
    jb_buf_printf(w->out, "<th scope=\"col\" class=\"%s\">", class_);
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "</th>");
}

static void
put_head(struct writing *w, enum queue_table table)
{
    jb_buf_puts(w->out, "<thead><tr>");
    if (table == QUEUE_TABLE_PENDING)
        heading(w, "r", "位次", "Place");
    heading(w, "m", "模型", "Model");
    heading(w, "h", "版本", "Revision");
    heading(w, "x", "精度", "Precision");
    heading(w, "x", "权重", "Weights");
    if (table == QUEUE_TABLE_FAILED)
        heading(w, "w", "原因与办法", "Why, and what to do");
    else
        heading(w, "x", "状态", "State");
    switch (table) {
    case QUEUE_TABLE_RUNNING:
        heading(w, "x", "开始", "Started");
        heading(w, "n", "尝试", "Attempts");
        break;
    case QUEUE_TABLE_PENDING:
        heading(w, "x", "提交", "Submitted");
        heading(w, "x", "预计开始", "Expected start");
        break;
    case QUEUE_TABLE_FAILED:
        heading(w, "n", "尝试", "Attempts");
        heading(w, "x", "结束", "Ended");
        break;
    default:
        heading(w, "x", "提交", "Submitted");
        heading(w, "x", "结束", "Ended");
        break;
    }
    jb_buf_puts(w->out, "</tr></thead>\n");
}

static void
put_table(struct writing *w, enum queue_table table, const struct queue_entry *entries,
          size_t n)
{
    jb_buf_puts(w->out,
                "<div class=\"jb-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    label_put(w->out, w->lang, queue_table_label(table, LANG_ZH),
              queue_table_label(table, LANG_EN));
    jb_buf_puts(w->out, "\"><table class=\"jb-table jb-q\">");
    put_head(w, table);
    jb_buf_puts(w->out, "<tbody>\n");
    for (size_t i = 0; i < n; i++)
        put_row(w, table, &entries[i]);
    jb_buf_puts(w->out, "</tbody></table></div>\n");
}

static void
put_page_link(struct writing *w, enum queue_table table, size_t page, const char *zh,
              const char *en)
{
    jb_buf_puts(w->out, " <a href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_printf(w->out, "/queue?table=%s", queue_table_key(table));
    if (page > 1)
        jb_buf_printf(w->out, "&amp;page=%zu", page);
    jb_buf_puts(w->out, "\">");
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "</a>");
}

static void
put_pages(struct writing *w, enum queue_table table, size_t page, size_t n)
{
    size_t pages = pages_of(n), from = (page - 1) * QUEUE_PAGE_ROWS + 1;
    size_t to = page * QUEUE_PAGE_ROWS < n ? page * QUEUE_PAGE_ROWS : n;

    if (pages == 1)
        return;
    jb_buf_puts(w->out, "<nav class=\"jb-pages\" aria-label=\"");
    label_put(w->out, w->lang, "翻页", "Pages");
    jb_buf_puts(w->out, "\"><span>");
    if (w->lang != LANG_EN)
        jb_buf_printf(w->out, "第 %zu–%zu 条，共 %zu 条 ", from, to, n);
    if (w->lang != LANG_ZH)
        jb_buf_printf(w->out, "%zu–%zu of %zu", from, to, n);
    jb_buf_puts(w->out, "</span>");
    if (page > 2)
        put_page_link(w, table, 1, "首页", "first");
    if (page > 1)
        put_page_link(w, table, page - 1, "上一页", "previous");
    if (page < pages)
        put_page_link(w, table, page + 1, "下一页", "next");
    if (page + 1 < pages)
        put_page_link(w, table, pages, "末页", "last");
    jb_buf_puts(w->out, "</nav>\n");
}

static void
put_section(struct writing *w, const struct queue_lists *lists, enum queue_table table,
            size_t page)
{
    size_t n = 0, from = (page - 1) * QUEUE_PAGE_ROWS;
    const struct queue_entry *entries = queue_lists_table(lists, table, &n);

    if (from > n)
        from = n;
    size_t shown = n - from < QUEUE_PAGE_ROWS ? n - from : QUEUE_PAGE_ROWS;
    jb_buf_printf(w->out, "<section id=\"%s\"><h2>", queue_table_key(table));
    label_put(w->out, w->lang, queue_table_label(table, LANG_ZH),
              queue_table_label(table, LANG_EN));
    jb_buf_printf(w->out, " <small>%zu</small></h2>\n", n);
    if (n) {
        put_table(w, table, entries + from, shown);
    } else {
        jb_buf_puts(w->out, "<p class=\"jb-foot\">");
        label_put(w->out, w->lang, "目前没有。", "None at present.");
        jb_buf_puts(w->out, "</p>\n");
    }
    put_pages(w, table, page, n);
    jb_buf_puts(w->out, "</section>\n");
}

/* How many there are, as links to the tables. */
static void
put_counts(struct writing *w, const struct queue_lists *lists, const struct queue_view *view)
{
    jb_buf_puts(w->out, "<nav class=\"jb-counts\" aria-label=\"");
    label_put(w->out, w->lang, "各表", "Tables");
    jb_buf_puts(w->out, "\">");
    for (size_t i = 0; i < TABLES; i++) {
        size_t n = 0;

        queue_lists_table(lists, order[i], &n);
        jb_buf_puts(w->out, "<a href=\"");
        if (view->table == QUEUE_TABLE_NONE) {
            jb_buf_printf(w->out, "#%s\"", queue_table_key(order[i]));
        } else {
            frame_put_base(w->conf, w->lang, w->out);
            jb_buf_printf(w->out, "/queue?table=%s\"%s", queue_table_key(order[i]),
                          view->table == order[i] ? " aria-current=\"page\"" : "");
        }
        jb_buf_puts(w->out, ">");
        label_put(w->out, w->lang, queue_table_label(order[i], LANG_ZH),
                  queue_table_label(order[i], LANG_EN));
        jb_buf_printf(w->out, " <strong>%zu</strong></a>", n);
    }
    if (view->table != QUEUE_TABLE_NONE) {
        jb_buf_puts(w->out, "<a href=\"");
        frame_put_base(w->conf, w->lang, w->out);
        jb_buf_puts(w->out, "/queue\">");
        label_put(w->out, w->lang, "全部", "All tables");
        jb_buf_puts(w->out, "</a>");
    }
    jb_buf_puts(w->out, "</nav>\n");
}

static void
put_empty(struct writing *w)
{
    jb_buf_puts(w->out, "<p class=\"jb-none\">");
    label_put(w->out, w->lang, "队列是空的：还没有人提交过模型。",
              "The queue is empty: no model has been submitted yet.");
    jb_buf_puts(w->out, "</p>\n");
}

static void
put_submit_link(struct writing *w)
{
    jb_buf_puts(w->out, "<p><a class=\"jb-go\" href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_puts(w->out, "/submit\">");
    label_put(w->out, w->lang, "提交一个模型", "Submit a model");
    jb_buf_puts(w->out, "</a> <a href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_puts(w->out, "/hosts\">");
    label_put(w->out, w->lang, "评测主机", "Hosts");
    jb_buf_puts(w->out, "</a></p>\n");
}

int
queue_page_put(const struct conf *conf, const struct board_config *board,
               const struct queue_lists *lists, int64_t now, enum text_lang lang,
               const struct queue_view *view, struct jb_buf *out, struct jb_error *err)
{
    struct frame frame = {.conf = conf,
                          .board = board,
                          .lang = lang,
                          .path = "/queue",
                          .zh = "评测队列",
                          .en = "Queue",
                          .class_ = "jb-queue"};
    struct writing w = {conf, now, lang, out};
    size_t all = 0;

    for (size_t i = 0; i < TABLES; i++) {
        size_t n = 0;
        queue_lists_table(lists, order[i], &n);
        all += n;
    }
    frame_start(&frame, out);
    jb_buf_puts(out, "<h1>");
    label_put(out, lang, "评测队列", "Queue");
    jb_buf_puts(out, "</h1>\n");
    if (all)
        put_counts(&w, lists, view);
    else
        put_empty(&w);
    put_submit_link(&w);
    for (size_t i = 0; i < TABLES && all; i++)
        if (view->table == QUEUE_TABLE_NONE || view->table == order[i])
            put_section(&w, lists, order[i], view->page);
    jb_buf_puts(out, "<p class=\"jb-foot\">");
    zone_label_put(conf, lang, now, out);
    jb_buf_puts(out, "</p>\n");
    frame_end(&frame, out);
    return out->err ? jb_fail(err, out->err, "the page does not fit into memory") : 0;
}
