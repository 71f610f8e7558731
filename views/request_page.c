/* SPDX-License-Identifier: Apache-2.0 */
#include "views/request_page.h"

#include "base/text.h"
#include "views/label.h"
#include "views/queue_label.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { FAST = 5, SLOW = 30 };

struct writing {
    const struct conf *conf;
    const struct board *board;
    const struct request_facts *facts;
    const struct request_view *view;
    enum queue_state state;
    enum text_lang lang;
    struct jb_buf *out;
};

static enum queue_state
state_of(const struct request_facts *f)
{
    return queue_state_of(f->job->state, f->request->status);
}

int
request_page_refresh(const struct request_facts *facts, const struct request_view *view)
{
    enum queue_state state = state_of(facts);

    if (view->manage || view->answer || state == QUEUE_STATE_MAX || queue_state_ended(state))
        return 0;
    if (state == QUEUE_RETRY_WAIT)
        return SLOW;
    /* the next one may begin at any moment */
    return state == QUEUE_QUEUED && facts->entry && facts->entry->place > 1 ? SLOW : FAST;
}

static void
put_request_link(struct writing *w, uint64_t id, const char *more)
{
    jb_buf_puts(w->out, "<a href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_printf(w->out, "/requests/%" PRIu64 "%s\">", id, more);
}

/* --- what became of it -----------------------------------------------------------------------
 */

static void
put_answer(struct writing *w)
{
    const struct queue_answer *a = w->view->answer;

    if (!a)
        return;
    bool good = a->kind == ANSWER_SUCCESS || a->kind == ANSWER_WAITING;
    jb_buf_printf(w->out, "<div class=\"jb-say %s\" role=\"%s\">",
                  good                      ? "good"
                  : a->kind == ANSWER_ERROR ? "bad"
                                            : "warn",
                  good ? "status" : "alert");
    if (w->lang != LANG_EN) {
        jb_buf_puts(w->out, "<p lang=\"zh-CN\">");
        jb_put_html(w->out, jb_str(a->zh));
        jb_buf_puts(w->out, "</p>");
    }
    if (w->lang != LANG_ZH) {
        jb_buf_puts(w->out, "<p lang=\"en\">");
        jb_put_html(w->out, jb_str(a->en));
        jb_buf_puts(w->out, "</p>");
    }
    jb_buf_puts(w->out, "</div>\n");
}

static void
put_state(struct writing *w)
{
    const struct request_facts *f = w->facts;
    bool bad = w->state == QUEUE_FAILED || w->state == QUEUE_QUARANTINED;

    jb_buf_printf(w->out, "<p class=\"jb-state%s\"><strong>", bad ? " bad" : "");
    if (w->state == QUEUE_STATE_MAX)
        jb_put_html(w->out, jb_str(f->request->status));
    else
        state_label_put(w->state, w->lang, w->out);
    jb_buf_puts(w->out, "</strong>");
    if (f->entry && f->entry->place) {
        jb_buf_puts(w->out, " <span>");
        if (w->lang != LANG_EN)
            jb_buf_printf(w->out, "队列第 %zu 位", f->entry->place);
        if (w->lang == LANG_MAX)
            jb_buf_puts(w->out, " · ");
        if (w->lang != LANG_ZH)
            jb_buf_printf(w->out, "place %zu in the queue", f->entry->place);
        jb_buf_puts(w->out, "</span> <span>");
        label_put(w->out, w->lang, "预计开始", "expected start");
        jb_buf_puts(w->out, w->lang == LANG_EN ? ": " : "：");
        start_label_put(w->conf, &f->entry->start, f->lists_time, w->lang, w->out);
        jb_buf_puts(w->out, "</span>");
    }
    if (w->state == QUEUE_FINISHED && f->job->started > 0 && f->job->ended >= f->job->started) {
        jb_buf_puts(w->out, " <span>");
        label_put(w->out, w->lang, "用时", "Took");
        jb_buf_putc(w->out, ' ');
        duration_label_put((double)(f->job->ended - f->job->started) / 1e6, w->lang, w->out);
        jb_buf_puts(w->out, "</span>");
    }
    jb_buf_puts(w->out, "</p>\n");
    if (w->state == QUEUE_DUPLICATE && f->job->same_as) {
        jb_buf_puts(w->out, "<p>");
        label_put(w->out, w->lang, "与这次提交是同一个模型和 commit：",
                  "The same model and commit as");
        jb_buf_putc(w->out, ' ');
        put_request_link(w, f->job->same_as, "");
        jb_buf_printf(w->out, "#%" PRIu64 "</a></p>\n", f->job->same_as);
    }
}

static void
put_failure(struct writing *w)
{
    const struct job *job = w->facts->job;
    enum queue_failure failure = queue_failure_from(job->failure);
    struct jb_str reason = jb_str(job->reason), log = jb_str(job->log_tail);

    if (w->facts->evaluation.log && w->facts->evaluation.log->end) /* it stands there */
        log = JB_STR("");
    if (failure == FAILURE_NONE && !reason.n && !log.n &&
        (!job->attempts || w->facts->evaluation.n_attempts))
        return;
    bool ended = w->state == QUEUE_FAILED || w->state == QUEUE_QUARANTINED;
    jb_buf_puts(w->out, "<section class=\"jb-why\"><h2>");
    if (ended)
        label_put(w->out, w->lang, "为什么失败，怎么办", "Why it failed, and what to do");
    else
        label_put(w->out, w->lang, "评测过程", "The evaluation");
    jb_buf_puts(w->out, "</h2>\n");
    failure_label_put(failure, reason, ended, w->lang, w->out);
    if (job->attempts && !w->facts->evaluation.n_attempts) {
        jb_buf_puts(w->out, "<p>");
        if (w->lang != LANG_EN)
            jb_buf_printf(w->out, "已尝试 %" PRIu64 " 次。 ", job->attempts);
        if (w->lang != LANG_ZH)
            jb_buf_printf(w->out, "Attempts so far: %" PRIu64 ".", job->attempts);
        jb_buf_puts(w->out, "</p>");
    }
    log_label_put(log, STORE_TEXT_MAX, w->lang, w->out);
    jb_buf_puts(w->out, "</section>\n");
}

/* --- timeline --------------------------------------------------------------------------------
 */

/* How far a state has got: the last step that is done or under way. */
static size_t
stage_of(enum queue_state state)
{
    switch (state) {
    case QUEUE_SUBMITTED: return 1;
    case QUEUE_QUEUED:
    case QUEUE_LEASED:
    case QUEUE_RETRY_WAIT: return 2;
    case QUEUE_RUNNING:
    case QUEUE_STORING:
    case QUEUE_CANCELLING: return 3;
    default: return 4;
    }
}

static void
put_step(struct writing *w, const char *zh, const char *en, int64_t time, bool now, bool todo)
{
    jb_buf_printf(w->out, "<li%s>",
                  now    ? " class=\"now\" aria-current=\"step\""
                  : todo ? " class=\"todo\""
                         : "");
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, " <span>");
    if (time)
        time_label_put(w->conf, time, w->out);
    else if (now)
        label_put(w->out, w->lang, "进行中", "under way");
    jb_buf_puts(w->out, "</span></li>\n");
}

/* What is behind us without a time is left out: imported requests have none. */
static void
put_timeline(struct writing *w)
{
    const struct job *job = w->facts->job;
    size_t stage = stage_of(w->state);
    bool ended = queue_state_ended(w->state);
    const struct {
        const char *zh, *en;
        int64_t time;
    } steps[] = {
        {"收到提交", "accepted", job->accepted ? job->accepted : w->facts->request->submitted},
        {"核对完成", "checked", stage > 1 ? job->checked : 0},
        {"进入队列", "queued", stage > 1 ? job->queued : 0},
        {"开始评测", "started", stage > 2 ? job->started : 0},
        {ended ? queue_state_label(w->state, LANG_ZH) : "结束",
         ended ? queue_state_label(w->state, LANG_EN) : "ended", ended ? job->ended : 0},
    };

    if (w->state == QUEUE_STATE_MAX)
        return;
    jb_buf_puts(w->out, "<h2>");
    label_put(w->out, w->lang, "经过", "Timeline");
    jb_buf_puts(w->out, "</h2>\n<ol class=\"jb-steps\">\n");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        bool now = i == stage && !ended && !steps[i].time, last = i == 4;

        if (!steps[i].time && !now && (i < stage || (ended && !last)))
            continue;
        put_step(w, steps[i].zh, steps[i].en, steps[i].time, now,
                 !steps[i].time && !now && !ended);
    }
    jb_buf_puts(w->out, "</ol>\n<p class=\"jb-foot\">");
    zone_label_put(w->conf, w->lang, w->facts->lists_time, w->out);
    jb_buf_puts(w->out, "</p>\n");
}

/* --- facts -----------------------------------------------------------------------------------
 */

static void
fact_start(struct writing *w, const char *zh, const char *en)
{
    jb_buf_puts(w->out, "<dt>");
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "</dt><dd>");
}

static void
put_fact(struct writing *w, const char *zh, const char *en, const char *text)
{
    if (!text || !text[0])
        return;
    fact_start(w, zh, en);
    jb_put_html(w->out, jb_str(text));
    jb_buf_puts(w->out, "</dd>\n");
}

static void
put_facts(struct writing *w)
{
    const struct request *r = w->facts->request;

    jb_buf_puts(w->out, "<h2>");
    label_put(w->out, w->lang, "提交内容", "The request");
    jb_buf_puts(w->out, "</h2>\n<dl class=\"jb-facts\">\n");
    fact_start(w, "模型", "Model");
    jb_buf_puts(w->out, "<a href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_puts(w->out, "/models/");
    jb_put_url_path(w->out, jb_str(r->model));
    jb_buf_puts(w->out, "\">");
    jb_put_html(w->out, jb_str(r->model));
    jb_buf_puts(w->out, "</a></dd>\n");
    put_fact(w, "版本", "Revision", r->revision);
    put_fact(w, "commit", "Commit", r->commit);
    put_fact(w, "模型类型", "Model type", r->model_type);
    put_fact(w, "精度", "Precision", r->precision);
    put_fact(w, "权重类型", "Weights type", r->weight_type);
    put_fact(w, "基座模型", "Base model", r->base_model);
    put_fact(w, "架构", "Architecture", r->architectures);
    if (!isnan(r->params) && r->params > 0) {
        fact_start(w, "参数量（十亿）", "Parameters (B)");
        jb_buf_printf(w->out, "%.3g</dd>\n", r->params);
    }
    put_fact(w, "数据集中的状态", "Status in the dataset", r->status);
    jb_buf_puts(w->out, "</dl>\n");
}

static void
put_score(double score, double error, struct jb_buf *out)
{
    jb_buf_puts(out, " <b>");
    if (isnan(score))
        jb_buf_puts(out, "–");
    else
        jb_buf_printf(out, "%.2f", score);
    jb_buf_puts(out, "</b>");
    if (!isnan(score) && !isnan(error))
        jb_buf_printf(out, " <small>± %.2f</small>", error);
    jb_buf_puts(out, "</li>\n");
}

void
row_scores_put(const struct board *board, const struct board_row *row, enum text_lang lang,
               struct jb_buf *out)
{
    const struct board_config *config = board_config_of(board);
    const struct benchmark *b = config->benchmarks.items;

    jb_buf_puts(out, "<ul class=\"jb-scores\">\n<li class=\"all\">");
    label_put(out, lang, "平均", "Average");
    put_score(row->average, NAN, out);
    for (size_t i = 0; i < config->benchmarks.n; i++) {
        jb_buf_puts(out, "<li>");
        jb_put_html(out, jb_str(b[i].header));
        put_score(row->scores[i], row->errors[i], out);
    }
    jb_buf_puts(out, "</ul>\n");
}

static void
put_scores(struct writing *w)
{
    if (!w->facts->row)
        return;
    jb_buf_puts(w->out, "<h2>");
    label_put(w->out, w->lang, "结果", "Result");
    jb_buf_puts(w->out, "</h2>\n");
    row_scores_put(w->board, w->facts->row, w->lang, w->out);
}

static void
put_files(struct writing *w)
{
    uint64_t id = w->facts->request->id;
    const char *mount = w->conf->site.mount;

    jb_buf_puts(w->out, "<p class=\"jb-foot jb-data\">");
    label_put(w->out, w->lang, "数据", "As data");
    jb_buf_puts(w->out, w->lang == LANG_EN ? ":" : "：");
    jb_buf_printf(w->out, " <a href=\"%s/api/requests/%" PRIu64 "\">JSON</a>", mount, id);
    jb_buf_printf(w->out, " <a href=\"%s/api/requests/%" PRIu64 "/file\">", mount, id);
    label_put(w->out, w->lang, "请求文件", "request file");
    jb_buf_puts(w->out, "</a></p>\n");
}

/* --- what its submitter may do ---------------------------------------------------------------
 */

static void
put_form(struct writing *w, const char *what, const char *zh, const char *en)
{
    jb_buf_puts(w->out, "<form class=\"jb-form\" method=\"post\" action=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_printf(w->out,
                  "/requests/%" PRIu64 "/%s\">\n<div class=\"jb-field\"><label for=\"s-%s\">",
                  w->facts->request->id, what, what);
    label_put(w->out, w->lang, "提交时得到的密钥", "The secret given at submission");
    jb_buf_printf(w->out,
                  "</label>\n<input type=\"password\" id=\"s-%s\" name=\"secret\" "
                  "autocomplete=\"off\" maxlength=\"200\" required></div>\n"
                  "<p><button type=\"submit\">",
                  what);
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "</button></p>\n</form>\n");
}

static void
put_manage(struct writing *w)
{
    bool cancel = queue_next(w->state, QUEUE_EVENT_CANCEL, QUEUE_SUBMITTER) != QUEUE_STATE_MAX;
    bool rerun = queue_next(w->state, QUEUE_EVENT_RERUN, QUEUE_SUBMITTER) != QUEUE_STATE_MAX;

    if (!w->facts->job->has_secret || (!cancel && !rerun))
        return;
    jb_buf_puts(w->out, "<h2>");
    label_put(w->out, w->lang, "如果这是您的提交", "If this submission is yours");
    jb_buf_puts(w->out, "</h2>\n");
    if (request_page_refresh(w->facts, w->view)) {
        /* what is typed would be lost when the page loads itself again */
        jb_buf_puts(w->out, "<p>");
        put_request_link(w, w->facts->request->id, "?manage=1");
        label_put(w->out, w->lang, "用密钥取消评测", "Cancel it with your secret");
        jb_buf_puts(w->out, "</a></p>\n");
        return;
    }
    if (cancel)
        put_form(w, "cancel", "取消评测", "Cancel the evaluation");
    if (rerun)
        put_form(w, "rerun", "重新评测", "Evaluate it again");
}

int
request_page_put(const struct conf *conf, const struct board *board,
                 const struct request_facts *facts, const struct request_view *view,
                 enum text_lang lang, struct jb_buf *out, struct jb_error *err)
{
    struct writing w = {conf, board, facts, view, state_of(facts), lang, out};
    struct jb_buf path = JB_BUF(100), zh = JB_BUF(4 << 10), en = JB_BUF(4 << 10);
    const struct request *r = facts->request;

    jb_buf_printf(&path, "/requests/%" PRIu64, r->id);
    jb_buf_printf(&zh, "%s #%" PRIu64 " · %s", lang == LANG_ZH ? "提交" : "提交 Request", r->id,
                  r->model);
    jb_buf_printf(&en, "Request #%" PRIu64 " · %s", r->id, r->model);
    if (!path.err && !zh.err && !en.err) {
        struct frame frame = {.conf = conf,
                              .board = board_config_of(board),
                              .lang = lang,
                              .path = path.p,
                              .zh = zh.p,
                              .en = lang == LANG_MAX ? "" : en.p,
                              .class_ = "jb-request",
                              .refresh = request_page_refresh(facts, view)};
        frame_start(&frame, out);
        jb_buf_puts(out, "<h1><small>");
        label_put(out, lang, "提交", "Request");
        jb_buf_printf(out, " #%" PRIu64 "</small> ", r->id);
        jb_put_html(out, jb_str(r->model));
        jb_buf_puts(out, "</h1>\n");
        put_answer(&w);
        put_state(&w);
        evaluation_put_progress(&facts->evaluation, frame.board, lang, out);
        if (!evaluation_live(&facts->evaluation)) /* its past stands with the attempts */
            put_failure(&w);
        put_scores(&w);
        evaluation_put_log(&facts->evaluation, conf, r->id, lang, out);
        put_timeline(&w);
        evaluation_put_attempts(&facts->evaluation, conf, lang, out);
        put_facts(&w);
        put_files(&w);
        put_manage(&w);
        frame_end(&frame, out);
    } else if (!out->err) {
        out->err = path.err ? path.err : zh.err ? zh.err : en.err;
    }
    jb_buf_free(&path);
    jb_buf_free(&zh);
    jb_buf_free(&en);
    return out->err ? jb_fail(err, out->err, "the page does not fit into memory") : 0;
}
