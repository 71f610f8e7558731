/* SPDX-License-Identifier: Apache-2.0 */
#include "views/model_page.h"

#include "base/clock.h"
#include "base/text.h"
#include "views/label.h"
#include "views/links.h"
#include "views/queue_label.h"
#include "views/request_page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct writing {
    const struct conf *conf;
    const struct board *board;
    const struct model_facts *facts;
    enum text_lang lang;
    struct jb_buf *out;
};

bool
model_facts_any(const struct model_facts *f)
{
    return f->n_rows || f->n_requests || f->n_former || f->flag || f->blocked;
}

static void
put_heading(struct writing *w, const char *zh, const char *en, size_t n)
{
    jb_buf_puts(w->out, "<h2>");
    label_put(w->out, w->lang, zh, en);
    jb_buf_printf(w->out, " <small>%zu</small></h2>\n", n);
}

static void
put_note(struct writing *w, const char *zh, const char *en, struct jb_str url)
{
    jb_buf_puts(w->out, "<div class=\"jb-say warn\"><p>");
    label_put(w->out, w->lang, zh, en);
    if (link_is_http(url)) {
        jb_buf_puts(w->out, " <a href=\"");
        jb_put_html(w->out, url);
        jb_buf_puts(w->out, "\">");
        label_put(w->out, w->lang, "查看讨论", "See the discussion");
        jb_buf_puts(w->out, "</a>");
    }
    jb_buf_puts(w->out, "</p></div>\n");
}

static void
put_links(struct writing *w)
{
    const struct board_config *config = board_config_of(w->board);

    jb_buf_puts(w->out, "<p class=\"jb-links\"><a href=\"");
    link_put_hub(w->conf->site.hub_url, w->facts->model, w->out);
    jb_buf_puts(w->out, "\">");
    label_put(w->out, w->lang, "模型仓库", "On the hub");
    jb_buf_puts(w->out, "</a>");
    if (config->details_url[0]) {
        jb_buf_puts(w->out, "<a href=\"");
        link_put_details(config, w->facts->model, w->out);
        jb_buf_puts(w->out, "\">");
        label_put(w->out, w->lang, "评测细节数据", "Dataset of details");
        jb_buf_puts(w->out, "</a>");
    }
    jb_buf_printf(w->out, "<a href=\"%s/api/models/", w->conf->site.mount);
    jb_put_url_path(w->out, w->facts->model);
    jb_buf_puts(w->out, "/status\">JSON</a></p>\n");
}

static void
put_fact(struct writing *w, const char *zh, const char *en, struct jb_str value)
{
    if (!value.n)
        return;
    jb_buf_puts(w->out, "<dt>");
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "</dt><dd>");
    jb_put_html(w->out, value);
    jb_buf_puts(w->out, "</dd>\n");
}

static void
put_row(struct writing *w, const struct board_row *row)
{
    const struct board_config *config = board_config_of(w->board);
    const struct board_type *type = (const struct board_type *)config->types.items + row->type;
    struct jb_buf name = JB_BUF(4 << 10), params = JB_BUF(64);

    jb_buf_puts(w->out, "<article class=\"jb-row\">\n<h3>");
    jb_put_html(w->out, row->precision);
    if (row->revision.n) {
        jb_buf_puts(w->out, " <code>");
        jb_put_html(w->out, row->revision);
        jb_buf_puts(w->out, "</code>");
    }
    jb_buf_puts(w->out, "</h3>\n");
    row_scores_put(w->board, row, w->lang, w->out);
    jb_buf_printf(&name, "%s ", type->icon);
    label_put(&name, w->lang, type->zh, type->label[0] ? type->label : "unknown");
    if (!isnan(row->params) && row->params > 0)
        jb_buf_printf(&params, "%.3g", row->params);
    jb_buf_puts(w->out, "<dl class=\"jb-facts\">\n");
    put_fact(w, "模型类型", "Model type", jb_buf_view(&name));
    put_fact(w, "架构", "Architecture", row->architecture);
    put_fact(w, "权重类型", "Weights type", row->weight_type);
    put_fact(w, "参数量（十亿）", "Parameters (B)", jb_buf_view(&params));
    put_fact(w, "许可证", "Licence", row->license);
    put_fact(w, "基座模型", "Base model", row->base_model);
    if (row->evaluated) {
        jb_buf_puts(w->out, "<dt>");
        label_put(w->out, w->lang, "评测时间", "Evaluated");
        jb_buf_puts(w->out, "</dt><dd>");
        time_label_put(w->conf, row->evaluated, w->out);
        jb_buf_puts(w->out, "</dd>\n");
    }
    jb_buf_puts(w->out, "</dl>\n</article>\n");
    jb_buf_free(&name);
    jb_buf_free(&params);
}

static void
put_rows(struct writing *w)
{
    put_heading(w, "榜单上的成绩", "On the board", w->facts->n_rows);
    if (!w->facts->n_rows) {
        jb_buf_puts(w->out, "<p class=\"jb-foot\">");
        label_put(w->out, w->lang, "还没有成绩。", "No result yet.");
        jb_buf_puts(w->out, "</p>\n");
    }
    for (size_t i = 0; i < w->facts->n_rows; i++)
        put_row(w, board_row(w->board, w->facts->rows[i]));
}

static void
put_request(struct writing *w, const struct queue_entry *e)
{
    jb_buf_puts(w->out, "<li><a href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_printf(w->out, "/requests/%" PRIu64 "\">#%" PRIu64 "</a> <strong>", e->id, e->id);
    if (e->state < QUEUE_STATE_MAX)
        state_label_put(e->state, w->lang, w->out);
    else
        jb_put_html(w->out, e->status);
    jb_buf_puts(w->out, "</strong> <span>");
    jb_put_html(w->out, e->precision);
    jb_buf_puts(w->out, " · ");
    jb_put_html(w->out, e->weight_type);
    jb_buf_puts(w->out, " · <code>");
    jb_put_html(w->out, e->commit.n ? e->commit : e->revision);
    jb_buf_puts(w->out, "</code> · ");
    time_label_put(w->conf, e->submitted, w->out);
    jb_buf_puts(w->out, "</span>");
    if (e->state == QUEUE_FAILED || e->state == QUEUE_QUARANTINED)
        failure_label_put(e->failure, e->reason, false, w->lang, w->out);
    jb_buf_puts(w->out, "</li>\n");
}

static void
put_requests(struct writing *w)
{
    if (!w->facts->n_requests)
        return;
    put_heading(w, "提交", "Requests", w->facts->n_requests);
    jb_buf_puts(w->out, "<ul class=\"jb-list\">\n");
    for (size_t i = 0; i < w->facts->n_requests; i++)
        put_request(w, w->facts->requests[i]);
    jb_buf_puts(w->out, "</ul>\n");
}

/* The file name without its folders. */
static struct jb_str
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return jb_str(slash ? slash + 1 : path);
}

static void
put_results(struct writing *w)
{
    if (!w->facts->n_results)
        return;
    put_heading(w, "结果文件", "Result files", w->facts->n_results);
    jb_buf_puts(w->out, "<ul class=\"jb-list\">\n");
    for (size_t i = 0; i < w->facts->n_results; i++) {
        const struct result *r = &w->facts->results[i];

        jb_buf_printf(w->out, "<li><a href=\"%s/api/results/%" PRIu64 "\">",
                      w->conf->site.mount, r->id);
        jb_put_html(w->out, base_name(r->path));
        jb_buf_puts(w->out, "</a> <span>");
        jb_put_html(w->out, jb_str(r->precision));
        jb_buf_puts(w->out, " · ");
        time_label_put(w->conf, r->time, w->out);
        jb_buf_puts(w->out, "</span></li>\n");
    }
    jb_buf_puts(w->out, "</ul>\n");
}

static void
put_former(struct writing *w)
{
    if (!w->facts->n_former)
        return;
    jb_buf_puts(w->out, "<p>");
    label_put(w->out, w->lang, "曾用名：", "Former names:");
    for (size_t i = 0; i < w->facts->n_former; i++) {
        jb_buf_puts(w->out, i ? ", <code>" : " <code>");
        jb_put_html(w->out, jb_str(w->facts->former[i]));
        jb_buf_puts(w->out, "</code>");
    }
    jb_buf_puts(w->out, "</p>\n");
}

static void
put_body(struct writing *w)
{
    const struct model_facts *f = w->facts;
    struct jb_str none = {NULL, 0};

    jb_buf_puts(w->out, "<h1>");
    jb_put_html(w->out, f->model);
    jb_buf_puts(w->out, "</h1>\n");
    put_links(w);
    if (f->flag)
        put_note(w, "该模型被社区标记，最好不要参考它的成绩。",
                 "The community flagged this model; its scores are better ignored.",
                 jb_str(f->flag));
    if (f->blocked)
        put_note(w, "应作者要求，该模型不列入榜单。",
                 "Its authors asked for it not to be on the board.", none);
    if (f->gone)
        put_note(w, "该模型已不在模型仓库中，或不再公开。",
                 "The model is no longer on the hub, or no longer public.", none);
    put_former(w);
    put_rows(w);
    put_requests(w);
    put_results(w);
    jb_buf_puts(w->out, "<p class=\"jb-foot\">");
    zone_label_put(w->conf, w->lang, jb_now_us(), w->out);
    jb_buf_puts(w->out, "</p>\n");
}

int
model_page_put(const struct conf *conf, const struct board *board,
               const struct model_facts *facts, enum text_lang lang, struct jb_buf *out,
               struct jb_error *err)
{
    struct writing w = {conf, board, facts, lang, out};
    struct jb_buf path = JB_BUF(8 << 10), name = JB_BUF(4 << 10);

    jb_buf_puts(&path, "/models/");
    jb_put_url_path(&path, facts->model);
    jb_buf_str(&name, facts->model);
    if (!path.err && !name.err) {
        struct frame frame = {.conf = conf,
                              .board = board_config_of(board),
                              .lang = lang,
                              .path = path.p,
                              .zh = name.p,
                              .en = lang == LANG_MAX ? "" : name.p,
                              .class_ = "jb-model"};
        frame_start(&frame, out);
        put_body(&w);
        frame_end(&frame, out);
    } else if (!out->err) {
        out->err = path.err ? path.err : name.err;
    }
    jb_buf_free(&path);
    jb_buf_free(&name);
    return out->err ? jb_fail(err, out->err, "the page does not fit into memory") : 0;
}
