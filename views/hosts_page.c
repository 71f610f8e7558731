/* SPDX-License-Identifier: Apache-2.0 */
#include "views/hosts_page.h"

#include "base/text.h"
#include "views/label.h"
#include "views/queue_label.h"

#include <inttypes.h>

static const struct {
    const char *zh, *en;
} states[HOST_STATE_MAX] = {
    [HOST_NEW] = {"等待接入", "waits for enrolment"},
    [HOST_ACTIVE] = {"工作中", "at work"},
    [HOST_DRAINING] = {"不接新任务", "takes nothing new"},
    [HOST_QUARANTINED] = {"隔离检查中", "in quarantine"},
    [HOST_REMOVED] = {"已移除", "removed"},
};

struct writing {
    const struct conf *conf;
    const struct queue_lists *lists;
    enum text_lang lang;
    struct jb_buf *out;
};

void
host_label_put(enum queue_host_state state, enum text_lang lang, struct jb_buf *out)
{
    if ((unsigned)state < HOST_STATE_MAX)
        label_put(out, lang, states[state].zh, states[state].en);
}

static void
heading(struct writing *w, const char *class_, const char *zh, const char *en)
{
    jb_buf_printf(w->out, "<th scope=\"col\" class=\"%s\">", class_);
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "</th>");
}

static void
cell(struct writing *w, const char *class_, const char *zh, const char *en)
{
    jb_buf_printf(w->out, "<td class=\"%s\" data-l=\"", class_);
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "\">");
}

static void
gpus_cell(struct writing *w, const struct queue_host *h)
{
    cell(w, h->gpus ? "x" : "x o", "显卡", "GPUs");
    if (h->gpus) {
        jb_buf_printf(w->out, "%" PRId64 " × ", h->gpus);
        jb_put_html(w->out, *h->gpu ? jb_str(h->gpu) : JB_STR("GPU"));
        if (h->memory_mib)
            jb_buf_printf(w->out, " <small>%" PRId64 " GiB</small>", h->memory_mib / 1024);
    } else {
        jb_buf_puts(w->out, "–");
    }
    jb_buf_puts(w->out, "</td>");
}

static void
put_run(struct writing *w, const struct queue_run *run)
{
    const struct queue_entry *e = queue_lists_find(w->lists, run->request);

    jb_buf_puts(w->out, "<div>");
    if (run->canary) {
        label_put(w->out, w->lang, "检查任务", "a check of the host");
    } else if (e) {
        jb_buf_puts(w->out, "<a href=\"");
        frame_put_base(w->conf, w->lang, w->out);
        jb_buf_printf(w->out, "/requests/%" PRIu64 "\">", e->id);
        jb_put_html(w->out, e->model);
        jb_buf_puts(w->out, "</a> <small>");
        jb_put_html(w->out, e->precision);
        jb_buf_puts(w->out, "</small>");
    } else {
        label_put(w->out, w->lang, "一项评测", "an evaluation");
    }
    if (!run->running) {
        jb_buf_puts(w->out, " <small>");
        label_put(w->out, w->lang, "（即将开始）", "(about to start)");
        jb_buf_puts(w->out, "</small>");
    }
    jb_buf_puts(w->out, "</div>");
}

static void
put_row(struct writing *w, const struct queue_host *h)
{
    jb_buf_puts(w->out, "<tr><td class=\"m\"><strong>");
    jb_put_html(w->out, jb_str(h->name));
    jb_buf_puts(w->out, "</strong></td>");
    cell(w, "x", "状态", "State");
    host_label_put(h->state, w->lang, w->out);
    jb_buf_puts(w->out, "</td>");
    gpus_cell(w, h);
    cell(w, "n", "并行数", "At once");
    jb_buf_printf(w->out, "%zu / %" PRId64 "</td>", h->n_runs, h->slots);
    cell(w, h->n_runs ? "w" : "w o", "正在评测", "Runs now");
    for (size_t i = 0; i < h->n_runs; i++)
        put_run(w, &h->runs[i]);
    if (!h->n_runs)
        jb_buf_puts(w->out, "–");
    jb_buf_puts(w->out, "</td></tr>\n");
}

static void
put_table(struct writing *w, const struct queue_host *hosts, size_t n)
{
    jb_buf_puts(w->out,
                "<div class=\"jb-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    label_put(w->out, w->lang, "主机", "Hosts");
    jb_buf_puts(w->out, "\"><table class=\"jb-table jb-q\"><thead><tr>");
    heading(w, "m", "主机", "Host");
    heading(w, "x", "状态", "State");
    heading(w, "x", "显卡", "GPUs");
    heading(w, "n", "并行数", "At once");
    heading(w, "w", "正在评测", "Runs now");
    jb_buf_puts(w->out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++)
        put_row(w, &hosts[i]);
    jb_buf_puts(w->out, "</tbody></table></div>\n");
}

static void
put_sum(struct writing *w, const struct queue_host *hosts, size_t n)
{
    int64_t gpus = 0;
    size_t runs = 0;

    for (size_t i = 0; i < n; i++) {
        gpus += hosts[i].gpus;
        runs += hosts[i].n_runs;
    }
    jb_buf_puts(w->out, "<p>");
    if (w->lang != LANG_EN)
        jb_buf_printf(w->out, "%zu 台主机，%" PRId64 " 块显卡，正在评测 %zu 项。", n, gpus,
                      runs);
    if (w->lang == LANG_MAX)
        jb_buf_putc(w->out, ' ');
    if (w->lang != LANG_ZH)
        jb_buf_printf(w->out, "%zu host%s, %" PRId64 " GPU%s, %zu evaluation%s under way.", n,
                      n == 1 ? "" : "s", gpus, gpus == 1 ? "" : "s", runs,
                      runs == 1 ? "" : "s");
    jb_buf_puts(w->out, "</p>\n");
}

int
hosts_page_put(const struct conf *conf, const struct board_config *board,
               const struct queue_registry *registry, const struct queue_lists *lists,
               int64_t now, enum text_lang lang, struct jb_buf *out, struct jb_error *err)
{
    const struct frame frame = {.conf = conf,
                                .board = board,
                                .lang = lang,
                                .path = "/hosts",
                                .zh = "评测主机",
                                .en = "Hosts",
                                .class_ = "jb-queue"};
    struct writing w = {conf, lists, lang, out};
    size_t n;
    const struct queue_host *hosts = queue_registry_hosts(registry, &n);

    frame_start(&frame, out);
    jb_buf_puts(out, "<h1>");
    label_put(out, lang, "评测主机", "Hosts");
    jb_buf_puts(out, "</h1>\n");
    if (n) {
        put_sum(&w, hosts, n);
        put_table(&w, hosts, n);
    } else {
        jb_buf_puts(out, "<p class=\"jb-none\">");
        label_put(out, lang, "目前没有主机：评测由人工进行。",
                  "There are no hosts at present: evaluations are made by hand.");
        jb_buf_puts(out, "</p>\n");
    }
    jb_buf_puts(out, "<p><a class=\"jb-go\" href=\"");
    frame_put_base(conf, lang, out);
    jb_buf_puts(out, "/queue\">");
    label_put(out, lang, "评测队列", "Queue");
    jb_buf_puts(out, "</a></p>\n<p class=\"jb-foot\">");
    zone_label_put(conf, lang, now, out);
    jb_buf_puts(out, "</p>\n");
    frame_end(&frame, out);
    return out->err ? jb_fail(err, out->err, "the page does not fit into memory") : 0;
}
