/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h> /* timegm */

#include "views/chart.h"

#include "base/clock.h"
#include "base/text.h"
#include "views/label.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define DAY ((int64_t)86400 * 1000000)

/* Where things stand, in units of the picture; the browser scales it. */
struct frame {
    int width, height;
    int left, right, top, bottom; /* margins */
    int most_ticks;
    int64_t first, span; /* microseconds */
};

static const struct frame large = {420, 250, 30, 12, 14, 24, 5, 0, 0};
static const struct frame little = {300, 190, 30, 10, 14, 24, 3, 0, 0};

void
chart_date(int64_t time, char ret_date[CHART_DATE_SIZE])
{
    char text[JB_TIME_SIZE];

    jb_time_format(time, 0, text);
    memcpy(ret_date, text, CHART_DATE_SIZE - 1);
    ret_date[CHART_DATE_SIZE - 1] = '\0';
}

static double
x_of(const struct frame *f, int64_t time)
{
    return f->left +
           (double)(time - f->first) / (double)f->span * (f->width - f->left - f->right);
}

static double
y_of(const struct frame *f, double score)
{
    double part = score < 0 ? 0 : score > 100 ? 1 : score / 100;

    return f->height - f->bottom - part * (f->height - f->top - f->bottom);
}

static void
put_line(struct jb_buf *out, const char *class, double x1, double y1, double x2, double y2)
{
    jb_buf_printf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                  class, x1, y1, x2, y2);
}

static void
put_text_start(struct jb_buf *out, const char *class, double x, double y)
{
    jb_buf_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
}

static void
put_scores(const struct frame *f, struct jb_buf *out)
{
    for (int score = 0; score <= 100; score += 25) {
        put_line(out, "g", f->left, y_of(f, score), f->width - f->right, y_of(f, score));
        put_text_start(out, "y", f->left - 5, y_of(f, score) + 4);
        jb_buf_printf(out, "%d</text>", score);
    }
}

/* Microseconds of the first of a month, counted from January of year 0. */
static int64_t
month_start(int month)
{
    struct tm tm = {.tm_year = month / 12 - 1900, .tm_mon = month % 12, .tm_mday = 1};

    return (int64_t)timegm(&tm) * 1000000;
}

static int
month_of(int64_t time)
{
    time_t seconds = (time_t)(time / 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    return (tm.tm_year + 1900) * 12 + tm.tm_mon;
}

static void
put_tick(const struct frame *f, int64_t time, const char *class, bool day, struct jb_buf *out)
{
    char date[CHART_DATE_SIZE];

    chart_date(time, date);
    put_line(out, "g", x_of(f, time), f->height - f->bottom, x_of(f, time),
             f->height - f->bottom + 4);
    put_text_start(out, class, x_of(f, time), f->height - 8);
    jb_buf_printf(out, "%.*s</text>", day ? 10 : 7, date);
}

/* Months, as many as there is room for; the ends where it is less than that. */
static void
put_times(const struct frame *f, struct jb_buf *out)
{
    static const int steps[] = {1, 2, 3, 6, 12, 24, 60, 120, 600};
    int first = month_of(f->first - 1) + 1, last = month_of(f->first + f->span);
    size_t s = 0;

    while (s + 1 < sizeof(steps) / sizeof(steps[0]) &&
           last / steps[s] - (first - 1) / steps[s] > f->most_ticks)
        s++;
    if (last - first < 1) {
        put_tick(f, f->first, "x s", true, out);
        put_tick(f, f->first + f->span, "x e", true, out);
        return;
    }
    for (int month = (first + steps[s] - 1) / steps[s] * steps[s]; month <= last;
         month += steps[s]) {
        double x = x_of(f, month_start(month));

        put_tick(f, month_start(month), x > f->width - f->right - 12 ? "x e" : "x", false, out);
    }
}

/* A level that does not move: people, random answers. */
static void
put_level(const struct chart *chart, const struct frame *f, const char *class, double score,
          const char *zh, const char *en, struct jb_buf *out)
{
    if (isnan(score))
        return;
    double y = y_of(f, score);
    put_line(out, class, f->left, y, f->width - f->right, y);
    put_text_start(out, class, f->left + 4, y - 4 < f->top - 4 ? y + 12 : y - 4);
    label_put(out, chart->lang, zh, en);
    jb_buf_printf(out, " %.1f</text>", score);
}

static void
put_records(const struct chart *chart, const struct frame *f, struct jb_buf *out)
{
    const struct timeline_series *s = chart->series;
    char date[CHART_DATE_SIZE];

    if (!s->n)
        return;
    jb_buf_printf(out, "<path class=\"l\" d=\"M%.1f %.1f", x_of(f, s->points[0].time),
                  y_of(f, s->points[0].score));
    for (size_t i = 1; i < s->n; i++)
        jb_buf_printf(out, "H%.1fV%.1f", x_of(f, s->points[i].time),
                      y_of(f, s->points[i].score));
    jb_buf_printf(out, "H%d\"/>", f->width - f->right);
    for (size_t i = 0; i < s->n; i++) {
        chart_date(s->points[i].time, date);
        jb_buf_printf(out, "<circle class=\"p\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>",
                      x_of(f, s->points[i].time), y_of(f, s->points[i].score),
                      chart->small ? 2 : 3);
        jb_put_html(out, board_row(chart->board, s->points[i].row)->model);
        jb_buf_printf(out, ", %.2f, %s</title></circle>", s->points[i].score, date);
    }
    const struct timeline_point *best = &s->points[s->n - 1];
    /* Under the line where people's label could be in the way. */
    double y = y_of(f, best->score);
    bool below = !isnan(s->human) && s->human > best->score && s->human < best->score + 15;
    put_text_start(out, "b", f->width - f->right, below ? y + 15 : y - 6);
    jb_buf_printf(out, "%.2f</text>", best->score);
}

static void
put_description(const struct chart *chart, struct jb_buf *out)
{
    const struct timeline_series *s = chart->series;
    char date[CHART_DATE_SIZE];

    if (!s->n) {
        label_put(out, chart->lang, "还没有带日期的结果。", "No result with a date yet.");
        return;
    }
    const struct timeline_point *best = &s->points[s->n - 1];
    chart_date(best->time, date);
    if (chart->lang != LANG_EN) {
        jb_buf_printf(out, "%zu 次刷新最高分；目前最高 %.2f，", s->n, best->score);
        jb_put_html(out, board_row(chart->board, best->row)->model);
        jb_buf_printf(out, "，%s。", date);
    }
    if (chart->lang != LANG_ZH) {
        jb_buf_printf(out, "%zu records; the best is %.2f by ", s->n, best->score);
        jb_put_html(out, board_row(chart->board, best->row)->model);
        jb_buf_printf(out, " of %s.", date);
    }
}

void
chart_put(const struct chart *chart, struct jb_buf *out)
{
    struct frame f = chart->small ? little : large;
    const struct timeline *t = chart->timeline;

    f.first = t->first;
    f.span = t->last - t->first;
    if (f.span < 2 * DAY) {
        f.first -= DAY;
        f.span += 2 * DAY;
    }
    jb_buf_printf(out,
                  "<svg class=\"jb-chart\" viewBox=\"0 0 %d %d\" role=\"img\" "
                  "aria-labelledby=\"%s-t %s-d\"><title id=\"%s-t\">",
                  f.width, f.height, chart->id, chart->id, chart->id);
    jb_put_html(out, jb_str(chart->series->name));
    jb_buf_printf(out, "</title><desc id=\"%s-d\">", chart->id);
    put_description(chart, out);
    jb_buf_puts(out, "</desc>");
    put_scores(&f, out);
    if (t->dated)
        put_times(&f, out);
    put_level(chart, &f, "ba", chart->series->baseline, "随机", "random", out);
    put_level(chart, &f, "hu", chart->series->human, "人类", "people", out);
    put_records(chart, &f, out);
    jb_buf_puts(out, "</svg>");
}
