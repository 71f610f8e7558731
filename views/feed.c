/* SPDX-License-Identifier: Apache-2.0 */
#include "views/feed.h"

#include "base/clock.h"
#include "base/text.h"
#include "views/links.h"
#include "views/queue_label.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* XML 1.0 has no place for most control characters, not even escaped. */
static void
put_xml(struct jb_buf *out, struct jb_str s)
{
    size_t from = 0, valid = jb_utf8_valid(s.p, s.n), step;

    for (size_t at = 0; at < valid; at += step) {
        uint32_t cp = 0;

        step = jb_utf8_decode(s.p + at, valid - at, &cp);
        if (!jb_cp_forbidden(cp) && cp != '\r')
            continue;
        jb_put_html(out, (struct jb_str){s.p + from, at - from});
        from = at + step;
    }
    jb_put_html(out, (struct jb_str){s.p + from, valid - from});
}

static void
put_element_time(struct jb_buf *out, const char *name, int64_t us)
{
    char text[JB_TIME_SIZE];

    jb_time_format(us > 0 ? us : 0, 0, text);
    jb_buf_printf(out, "<%s>%s</%s>\n", name, text, name);
}

static void
put_tag(const struct feed *f, const char *what, struct jb_buf *out)
{
    /* RFC 4151: an authority that owns its name; .invalid belongs to nobody, and the name
     * before it is drawn for this board alone. */
    jb_buf_printf(out, "<id>tag:%s.jinbang.invalid,2024:%s", f->name, what);
}

static void
put_start(const struct feed *f, const char *name, const char *zh, const char *en,
          const char *page, int64_t updated, struct jb_buf *out)
{
    const struct board_config *config = board_config_of(f->board);
    const char *title = config->title[0] ? config->title : f->conf->site.title;
    const char *mount = f->conf->site.mount;

    jb_buf_puts(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                     "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
    put_tag(f, "feed/", out);
    jb_buf_printf(out, "%s</id>\n<title>%s · %s · ", name, zh, en);
    put_xml(out, jb_str(title));
    jb_buf_puts(out, "</title>\n");
    put_element_time(out, "updated", updated);
    jb_buf_printf(out,
                  "<link rel=\"self\" type=\"application/atom+xml\" "
                  "href=\"%s/feeds/%s.atom\"/>\n"
                  "<link rel=\"alternate\" type=\"text/html\" href=\"%s%s\"/>\n"
                  "<author><name>",
                  mount, name, mount, page);
    put_xml(out, jb_str(title));
    jb_buf_puts(out, "</name></author>\n");
}

/* --- results ---------------------------------------------------------------------------------
 */

struct dated {
    int64_t time;
    size_t at;
};

static int
newest_first(const void *pa, const void *pb)
{
    const struct dated *a = pa, *b = pb;

    if (a->time != b->time)
        return a->time > b->time ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

static void
put_scores(const struct board_config *config, const struct board_row *row, struct jb_buf *out)
{
    const struct benchmark *b = config->benchmarks.items;

    jb_buf_puts(out, "<summary>");
    if (!isnan(row->average))
        jb_buf_printf(out, "平均 Average %.2f", row->average);
    for (size_t i = 0; i < config->benchmarks.n; i++) {
        if (isnan(row->scores[i]))
            continue;
        jb_buf_puts(out, " · ");
        put_xml(out, jb_str(b[i].header));
        jb_buf_printf(out, " %.2f", row->scores[i]);
    }
    jb_buf_puts(out, "</summary>\n");
}

static void
put_result(const struct feed *f, const struct board_row *row, int64_t time, struct jb_buf *out)
{
    jb_buf_puts(out, "<entry>\n");
    put_tag(f, "result/", out);
    /* A request keeps its number when its model gets another name. */
    if (row->request) {
        jb_buf_printf(out, "%" PRIu64, row->request);
    } else {
        jb_put_url_path(out, row->model);
        jb_buf_putc(out, '/');
        jb_put_url_query(out, row->revision);
        jb_buf_putc(out, '/');
        jb_put_url_query(out, row->precision);
    }
    jb_buf_printf(out, "/%" PRId64 "</id>\n<title>新结果 New result: ", time);
    put_xml(out, row->model);
    jb_buf_puts(out, " (");
    put_xml(out, row->precision);
    jb_buf_puts(out, ")</title>\n");
    put_element_time(out, "updated", time);
    jb_buf_puts(out, "<link rel=\"alternate\" type=\"text/html\" href=\"");
    link_put_model(f->conf->site.mount, row->model, out);
    jb_buf_puts(out, "\"/>\n");
    put_scores(board_config_of(f->board), row, out);
    jb_buf_puts(out, "</entry>\n");
}

int
feed_put_results(const struct feed *f, struct jb_buf *out, struct jb_error *err)
{
    size_t rows = board_rows(f->board), n = 0;
    struct dated *list = calloc(rows ? rows : 1, sizeof *list);

    if (!list)
        return jb_fail(err, JB_ENOMEM, "no memory for a feed");
    for (size_t i = 0; i < rows; i++) {
        const struct board_row *row = board_row(f->board, i);
        int64_t time = row->evaluated > 0 ? row->evaluated : row->submitted;
        if (!row->baseline && time > 0)
            list[n++] = (struct dated){time, i};
    }
    qsort(list, n, sizeof *list, newest_first);
    put_start(f, "results", "新结果", "New results", "/", n ? list[0].time : 0, out);
    for (size_t i = 0; i < n && i < FEED_RESULTS; i++)
        put_result(f, board_row(f->board, list[i].at), list[i].time, out);
    free(list);
    jb_buf_puts(out, "</feed>\n");
    return out->err ? jb_fail(err, out->err, "a feed does not fit into memory") : 0;
}

/* --- status ----------------------------------------------------------------------------------
 */

struct event {
    int64_t time;
    const struct queue_entry *entry;
    const char *word; /* of the state, for the id */
    enum queue_state state;
};

struct newest {
    struct event events[FEED_STATUS];
    size_t n;
};

static bool
is_newer(const struct event *a, const struct event *b)
{
    if (a->time != b->time)
        return a->time > b->time;
    if (a->entry->id != b->entry->id)
        return a->entry->id > b->entry->id;
    return strcmp(a->word, b->word) < 0; /* equal lists give equal feeds */
}

/* Keeps the newest ones in order: most events of a long queue are older and go at once. */
static void
add_event(struct newest *list, struct event event)
{
    size_t at;

    if (event.time <= 0 ||
        (list->n == FEED_STATUS && !is_newer(&event, &list->events[FEED_STATUS - 1])))
        return;
    if (list->n < FEED_STATUS)
        list->n++;
    for (at = list->n - 1; at && is_newer(&event, &list->events[at - 1]); at--)
        list->events[at] = list->events[at - 1];
    list->events[at] = event;
}

static void
add_entry(struct newest *list, const struct queue_entry *e)
{
    enum queue_state end = e->state == QUEUE_PENDING_NEW_EVAL ? QUEUE_FINISHED
                           : e->state == QUEUE_QUARANTINED    ? QUEUE_FAILED
                                                              : e->state;

    add_event(list, (struct event){e->submitted, e, "submitted", QUEUE_SUBMITTED});
    add_event(list, (struct event){e->started, e, "started", QUEUE_RUNNING});
    if (queue_state_ended(e->state))
        add_event(list, (struct event){e->ended, e, queue_state_word(end), end});
}

static const char *
event_title(const struct event *e, bool zh)
{
    switch (e->state) {
    case QUEUE_SUBMITTED: return zh ? "已提交" : "Submitted";
    case QUEUE_RUNNING: return zh ? "开始评测" : "Started";
    case QUEUE_FINISHED: return zh ? "评测完成" : "Finished";
    case QUEUE_FAILED: return zh ? "评测失败" : "Failed";
    case QUEUE_CANCELLED: return zh ? "已取消" : "Cancelled";
    default: return queue_state_label(e->state, zh ? LANG_ZH : LANG_EN);
    }
}

static void
put_event(const struct feed *f, const struct event *event, struct jb_buf *out)
{
    const struct queue_entry *e = event->entry;
    const struct queue_failure_class *c = queue_failure_class(e->failure);

    jb_buf_puts(out, "<entry>\n");
    put_tag(f, "request/", out);
    jb_buf_printf(out, "%" PRIu64 "/%s/%" PRId64 "</id>\n<title>%s · %s: ", e->id, event->word,
                  event->time, event_title(event, true), event_title(event, false));
    put_xml(out, e->model);
    jb_buf_puts(out, " (");
    put_xml(out, e->revision);
    jb_buf_puts(out, ", ");
    put_xml(out, e->precision);
    jb_buf_puts(out, ")</title>\n");
    put_element_time(out, "updated", event->time);
    jb_buf_printf(
        out, "<link rel=\"alternate\" type=\"text/html\" href=\"%s/requests/%" PRIu64 "\"/>\n",
        f->conf->site.mount, e->id);
    if (event->state == QUEUE_FAILED && (c->word[0] || e->reason.n)) {
        jb_buf_puts(out, "<summary>");
        if (c->word[0])
            jb_buf_printf(out, "%s。 %s. ", c->zh, c->en);
        put_xml(out, e->reason);
        jb_buf_puts(out, "</summary>\n");
    }
    jb_buf_puts(out, "</entry>\n");
}

int
feed_put_status(const struct feed *f, struct jb_buf *out, struct jb_error *err)
{
    struct newest *list = calloc(1, sizeof *list);

    if (!list)
        return jb_fail(err, JB_ENOMEM, "no memory for a feed");
    for (int t = 0; t < QUEUE_TABLE_NONE; t++) {
        size_t n = 0;
        const struct queue_entry *entries =
            queue_lists_table(f->lists, (enum queue_table)t, &n);
        for (size_t i = 0; i < n; i++)
            add_entry(list, &entries[i]);
    }
    put_start(f, "status", "评测状态", "Status of requests", "/queue",
              list->n ? list->events[0].time : 0, out);
    for (size_t i = 0; i < list->n; i++)
        put_event(f, &list->events[i], out);
    free(list);
    jb_buf_puts(out, "</feed>\n");
    return out->err ? jb_fail(err, out->err, "a feed does not fit into memory") : 0;
}
