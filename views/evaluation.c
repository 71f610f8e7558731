/* SPDX-License-Identifier: Apache-2.0 */
#include "views/evaluation.h"

#include "base/text.h"
#include "queue/failure.h"
#include "views/label.h"
#include "views/queue_label.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool
is_state(const struct attempt *a, const char *state)
{
    return strcmp(a->state, state) == 0;
}

const struct queue_attempt *
evaluation_live(const struct evaluation *e)
{
    return e->n_attempts && e->attempts[0].live ? &e->attempts[0] : NULL;
}

struct jb_str
benchmark_label(const struct board_config *board, const char *key)
{
    const struct benchmark *b = board->benchmarks.items;

    for (size_t i = 0; i < board->benchmarks.n; i++)
        if (strcmp(b[i].key, key) == 0)
            return jb_str(b[i].header);
    return jb_str(key);
}

static double
seconds_between(int64_t from, int64_t to)
{
    return from > 0 && to >= from ? (double)(to - from) / 1e6 : NAN;
}

/* --- how far it is ---------------------------------------------------------------------------
 */

static void
put_where(const struct evaluation *e, const struct queue_attempt *a,
          const struct board_config *board, enum text_lang lang, struct jb_buf *out)
{
    jb_buf_puts(out, "<p><span>");
    label_put(out, lang, "主机", "Host");
    jb_buf_puts(out, " <strong>");
    jb_put_html(out, jb_str(a->record.host));
    jb_buf_puts(out, "</strong></span>");
    if (a->at) {
        jb_buf_puts(out, " <span>");
        label_put(out, lang, "基准", "Benchmark");
        jb_buf_printf(out, " %zu / %zu <strong>", a->at, a->n_steps);
        jb_put_html(out, benchmark_label(board, a->record.step));
        jb_buf_puts(out, "</strong></span>");
    } else if (a->n_steps) {
        jb_buf_puts(out, " <span>");
        label_put(out, lang, "已完成的基准", "Benchmarks done");
        jb_buf_printf(out, " %zu / %zu</span>", a->done, a->n_steps);
    }
    if (a->record.started > 0) {
        jb_buf_puts(out, " <span>");
        label_put(out, lang, "已用", "So far");
        jb_buf_putc(out, ' ');
        duration_label_put(seconds_between(a->record.started, e->now), lang, out);
        jb_buf_puts(out, "</span>");
    }
    jb_buf_puts(out, "</p>\n");
}

static void
put_step(const struct queue_step *step, const struct board_config *board, enum text_lang lang,
         struct jb_buf *out)
{
    jb_buf_printf(out, "<li%s>",
                  step->done  ? ""
                  : step->now ? " class=\"now\" aria-current=\"step\""
                              : " class=\"todo\"");
    jb_put_html(out, benchmark_label(board, step->benchmark));
    jb_buf_puts(out, " <span>");
    if (step->done)
        label_put(out, lang, "完成", "done");
    else if (step->now)
        label_put(out, lang, "进行中", "under way");
    else
        label_put(out, lang, "等待", "to do");
    if (step->done && step->seconds > 0) {
        jb_buf_puts(out, " · ");
        duration_label_put(step->seconds, lang, out);
    }
    jb_buf_puts(out, "</span></li>\n");
}

void
evaluation_put_progress(const struct evaluation *e, const struct board_config *board,
                        enum text_lang lang, struct jb_buf *out)
{
    const struct queue_attempt *a = evaluation_live(e);

    if (!a)
        return;
    jb_buf_puts(out, "<section class=\"jb-run\"><h2>");
    label_put(out, lang, "评测进度", "Progress");
    jb_buf_puts(out, "</h2>\n");
    if (!isnan(a->progress)) {
        int percent = (int)(a->progress * 100);
        jb_buf_puts(out, "<p class=\"bar\"><progress max=\"100\" aria-label=\"");
        label_put(out, lang, "评测进度", "Progress");
        jb_buf_printf(out, "\" value=\"%d\"></progress> <b>%d %%</b></p>\n", percent, percent);
    }
    put_where(e, a, board, lang, out);
    if (a->n_steps) {
        jb_buf_puts(out, "<ul class=\"jb-marks\">\n");
        for (size_t i = 0; i < a->n_steps; i++)
            put_step(&a->steps[i], board, lang, out);
        jb_buf_puts(out, "</ul>\n");
    }
    jb_buf_puts(out, "</section>\n");
}

/* --- attempts --------------------------------------------------------------------------------
 */

static void
heading(const char *class_, const char *zh, const char *en, enum text_lang lang,
        struct jb_buf *out)
{
    jb_buf_printf(out, "<th scope=\"col\" class=\"%s\">", class_);
    label_put(out, lang, zh, en);
    jb_buf_puts(out, "</th>");
}

static void
cell(const char *class_, const char *zh, const char *en, enum text_lang lang,
     struct jb_buf *out)
{
    jb_buf_printf(out, "<td class=\"%s\" data-l=\"", class_);
    label_put(out, lang, zh, en);
    jb_buf_puts(out, "\">");
}

static void
put_outcome(const struct attempt *a, enum text_lang lang, struct jb_buf *out)
{
    const struct queue_failure_class *c = queue_failure_class(queue_failure_from(a->failure));

    if (is_state(a, "leased"))
        state_label_put(QUEUE_LEASED, lang, out);
    else if (is_state(a, "running"))
        state_label_put(QUEUE_RUNNING, lang, out);
    else if (is_state(a, "storing"))
        state_label_put(QUEUE_STORING, lang, out);
    else if (is_state(a, "cancelling"))
        state_label_put(QUEUE_CANCELLING, lang, out);
    else if (c->word[0])
        label_put(out, lang, c->zh, c->en);
    else if (a->failure[0])
        label_put(out, lang, "失败", "failed");
    else if (a->cancel)
        state_label_put(QUEUE_CANCELLED, lang, out);
    else if (a->reason[0])
        label_put(out, lang, "结束", "ended");
    else
        state_label_put(QUEUE_FINISHED, lang, out);
}

static void
put_attempt(const struct evaluation *e, size_t i, const struct conf *conf, enum text_lang lang,
            struct jb_buf *out)
{
    const struct attempt *a = &e->attempts[i].record;
    int64_t from = a->started > 0 ? a->started : a->leased;

    jb_buf_printf(out, "<tr><td class=\"r\">%zu</td><td class=\"m\"><strong>",
                  e->n_attempts - i);
    jb_put_html(out, jb_str(a->host));
    jb_buf_puts(out, "</strong></td>");
    cell("w", "结果", "Outcome", lang, out);
    put_outcome(a, lang, out);
    if (a->reason[0]) {
        jb_buf_puts(out, " <q lang=\"en\">");
        jb_put_html(out, jb_str(a->reason));
        jb_buf_puts(out, "</q>");
    }
    jb_buf_puts(out, "</td>");
    cell("x", "开始", "Began", lang, out);
    time_label_put(conf, from, out);
    jb_buf_puts(out, "</td>");
    cell("n", "用时", "Took", lang, out);
    duration_label_put(seconds_between(from, a->ended > 0 ? a->ended : e->now), lang, out);
    jb_buf_puts(out, "</td></tr>\n");
}

void
evaluation_put_attempts(const struct evaluation *e, const struct conf *conf,
                        enum text_lang lang, struct jb_buf *out)
{
    if (!e->n_attempts)
        return;
    jb_buf_puts(out, "<h2>");
    label_put(out, lang, "评测记录", "Attempts");
    jb_buf_puts(out, "</h2>\n<div class=\"jb-scroll\" tabindex=\"0\" role=\"region\" "
                     "aria-label=\"");
    label_put(out, lang, "评测记录", "Attempts");
    jb_buf_puts(out, "\"><table class=\"jb-table jb-q\"><thead><tr>");
    heading("r", "#", "#", lang == LANG_EN ? LANG_EN : LANG_ZH, out);
    heading("m", "主机", "Host", lang, out);
    heading("w", "结果", "Outcome", lang, out);
    heading("x", "开始", "Began", lang, out);
    heading("n", "用时", "Took", lang, out);
    jb_buf_puts(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < e->n_attempts; i++)
        put_attempt(e, i, conf, lang, out);
    jb_buf_puts(out, "</tbody></table></div>\n");
}

/* --- log -------------------------------------------------------------------------------------
 */

void
evaluation_put_log(const struct evaluation *e, const struct conf *conf, uint64_t request,
                   enum text_lang lang, struct jb_buf *out)
{
    const struct queue_log *log = e->log;
    bool live = evaluation_live(e) != NULL;

    if (!log || log->end == 0)
        return;
    jb_buf_printf(out, "<details class=\"jb-log\"%s><summary>", live ? " open" : "");
    if (log->from)
        label_put(out, lang, "日志末尾", "End of the log");
    else
        label_put(out, lang, "日志", "Log");
    /* the innermost box is turned over by the style, so that it shows its end */
    jb_buf_puts(out, "</summary><pre class=\"end\"><code>");
    jb_put_html(out, log->text);
    jb_buf_printf(out, "</code></pre>\n<p><a href=\"%s/api/requests/%" PRIu64 "/log?from=0\">",
                  conf->site.mount, request);
    label_put(out, lang, "完整日志", "The whole log");
    jb_buf_puts(out, "</a></p></details>\n");
}
