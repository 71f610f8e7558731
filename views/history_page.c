/* SPDX-License-Identifier: Apache-2.0 */
#include "views/history_page.h"

#include "base/text.h"
#include "views/chart.h"
#include "views/label.h"
#include "views/layout.h"

#include <math.h>
#include <stdio.h>

struct history {
    const struct board *board;
    const struct timeline *timeline;
    enum text_lang lang;
};

static void
put_figure(const struct history *h, size_t i, struct jb_buf *out)
{
    char id[32];
    struct chart chart = {h->board, h->timeline, &h->timeline->series[i], h->lang, id, i != 0};

    snprintf(id, sizeof(id), "chart-%zu", i);
    jb_buf_printf(out, "<figure><figcaption>");
    jb_put_html(out, jb_str(h->timeline->series[i].name));
    jb_buf_puts(out, "</figcaption>");
    chart_put(&chart, out);
    jb_buf_puts(out, "</figure>\n");
}

static void
put_level(const struct history *h, const struct timeline_series *s, double score,
          const char *zh, const char *en, struct jb_buf *out)
{
    if (isnan(score))
        return;
    jb_buf_puts(out, "<tr><th scope=\"row\">");
    jb_put_html(out, jb_str(s->name));
    jb_buf_puts(out, "</th><td></td><td>");
    label_put(out, h->lang, zh, en);
    jb_buf_printf(out, "</td><td class=\"n\">%.2f</td></tr>\n", score);
}

/* The numbers of series `from` to before `to`. */
static void
put_table(const struct history *h, size_t from, size_t to, struct jb_buf *out)
{
    char date[CHART_DATE_SIZE];

    jb_buf_puts(out, "<details><summary>");
    label_put(out, h->lang, "数据表", "The numbers");
    jb_buf_puts(out, "</summary><div class=\"wide\"><table><thead><tr><th scope=\"col\">");
    label_put(out, h->lang, "基准", "Benchmark");
    jb_buf_puts(out, "</th><th scope=\"col\">");
    label_put(out, h->lang, "日期 (UTC)", "Date (UTC)");
    jb_buf_puts(out, "</th><th scope=\"col\">");
    label_put(out, h->lang, "模型", "Model");
    jb_buf_puts(out, "</th><th scope=\"col\" class=\"n\">");
    label_put(out, h->lang, "最高分", "Best score");
    jb_buf_puts(out, "</th></tr></thead><tbody>\n");
    for (size_t i = from; i < to; i++) {
        const struct timeline_series *s = &h->timeline->series[i];

        for (size_t k = 0; k < s->n; k++) {
            chart_date(s->points[k].time, date);
            jb_buf_puts(out, "<tr><th scope=\"row\">");
            jb_put_html(out, jb_str(s->name));
            jb_buf_printf(out, "</th><td>%s</td><td>", date);
            jb_put_html(out, board_row(h->board, s->points[k].row)->model);
            jb_buf_printf(out, "</td><td class=\"n\">%.2f</td></tr>\n", s->points[k].score);
        }
        put_level(h, s, s->human, "人类", "people", out);
        put_level(h, s, s->baseline, "随机作答", "random answers", out);
    }
    jb_buf_puts(out, "</tbody></table></div></details>\n");
}

static void
put_note(const struct history *h, struct jb_buf *out)
{
    char date[CHART_DATE_SIZE];

    jb_buf_puts(out, "<p>");
    if (!h->timeline->dated) {
        label_put(out, h->lang, "还没有带日期的结果，所以这里只有人类与随机作答的参考线。",
                  "No result has a date yet, so there are only the lines of people and of "
                  "random answers.");
    } else {
        chart_date(h->timeline->last, date);
        if (h->lang != LANG_EN)
            jb_buf_printf(out,
                          "截至 %s，%zu 个有日期的结果；被标记的模型不计入。日期为评测日期，"
                          "不详时为提交日期。 ",
                          date, h->timeline->dated);
        if (h->lang != LANG_ZH)
            jb_buf_printf(out,
                          "%zu results with a date, until %s; flagged models do not count. The "
                          "date is that of the evaluation, or of the submission where that is "
                          "not known.",
                          h->timeline->dated, date);
    }
    jb_buf_puts(out, "</p>\n");
}

int
history_page_put(const struct conf *conf, const struct board *board,
                 const struct timeline *timeline, enum text_lang lang, struct jb_buf *out,
                 struct jb_error *err)
{
    const struct board_config *config = board_config_of(board);
    struct history h = {board, timeline, lang};
    const char *title = config->title[0] ? config->title : conf->site.title;
    char here[32], full[512];

    if (lang == LANG_ZH && config->title_zh[0])
        title = config->title_zh;
    snprintf(here, sizeof(here), "%s/history",
             lang == LANG_ZH   ? "/zh"
             : lang == LANG_EN ? "/en"
                               : "");
    snprintf(full, sizeof(full), "%s · %s",
             lang == LANG_ZH ? "分数走势" : "Metrics through time", title);
    struct page page = {.title = full, .lang = lang, .here = here};
    layout_start(conf, &page, out);
    jb_buf_puts(out, "<div class=\"jb\">\n");
    layout_put_top(conf, &page, title, out);
    jb_buf_puts(out, "<main class=\"jb-text jb-history\">\n<h1>");
    label_put(out, lang, "分数走势", "Metrics through time");
    jb_buf_puts(out, "</h1>\n");
    put_note(&h, out);
    jb_buf_puts(out, "<h2>");
    label_put(out, lang, "历来最高平均分", "The best average so far");
    jb_buf_puts(out, "</h2>\n<div class=\"one\">\n");
    put_figure(&h, 0, out);
    jb_buf_puts(out, "</div>\n");
    put_table(&h, 0, 1, out);
    jb_buf_puts(out, "<h2>");
    label_put(out, lang, "各基准历来最高分", "The best score of each benchmark so far");
    jb_buf_puts(out, "</h2>\n<div class=\"many\">\n");
    for (size_t i = 1; i < timeline->n; i++)
        put_figure(&h, i, out);
    jb_buf_puts(out, "</div>\n");
    put_table(&h, 1, timeline->n, out);
    jb_buf_puts(out, "</main></div>\n");
    layout_end(conf, &page, out);
    return out->err ? jb_fail(err, out->err, "the page does not fit into memory") : 0;
}
