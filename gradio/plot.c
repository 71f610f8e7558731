/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/plot.h"

#include "base/clock.h"

#include <math.h>

#define PLOT_BYTES ((size_t)16 << 20)
/* The same on white and on black: the front ends do not tell a plot which theme they have. */
#define TEXT_COLOR "#767676"
#define GRID_COLOR "rgba(128,128,128,0.25)"

static const char *const titles[PLOT_MAX] = {
    [PLOT_AVERAGE] = "Average of Top Scores and Human Baseline Over Time (from last update)",
    [PLOT_BENCHMARKS] = "Top Scores and Human Baseline Over Time (from last update)",
};

/* Okabe and Ito's, which the colour-blind can tell apart; without the black and the yellow. */
static const char *const colors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                     "#e69f00", "#56b4e9", "#767676"};

static void
put_time(struct jb_json *j, int64_t time)
{
    char text[JB_TIME_SIZE];

    jb_time_format(time, 0, text);
    jb_json_text(j, text);
}

static void
put_line_style(struct jb_json *j, const char *color, const char *dash, const char *shape)
{
    jb_json_key(j, "line");
    jb_json_object(j);
    jb_json_ktext(j, "color", color);
    jb_json_ktext(j, "dash", dash);
    jb_json_ktext(j, "shape", shape);
    jb_json_end(j);
}

/* The records, and the last one once more at the last update: the line goes on until then. */
static void
put_records(struct jb_json *j, const struct board *board, const struct timeline *t,
            const struct timeline_series *s, const char *color)
{
    size_t n = s->n ? s->n + 1 : 0;

    jb_json_object(j);
    jb_json_ktext(j, "type", "scatter");
    jb_json_ktext(j, "mode", "lines+markers");
    jb_json_ktext(j, "name", s->name);
    jb_json_ktext(j, "legendgroup", s->name);
    jb_json_key(j, "x");
    jb_json_array(j);
    for (size_t i = 0; i < n; i++)
        put_time(j, i < s->n ? s->points[i].time : t->last);
    jb_json_end(j);
    jb_json_key(j, "y");
    jb_json_array(j);
    for (size_t i = 0; i < n; i++)
        jb_json_double(j, s->points[i < s->n ? i : s->n - 1].score);
    jb_json_end(j);
    jb_json_key(j, "customdata");
    jb_json_array(j);
    for (size_t i = 0; i < n; i++) {
        jb_json_array(j);
        jb_json_str(j, board_row(board, s->points[i < s->n ? i : s->n - 1].row)->model);
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_ktext(j, "hovertemplate",
                  "Model: %{customdata[0]}<br>Date: %{x|%Y-%m-%d}<br>Score: "
                  "%{y:.2f}<extra>%{fullData.name}</extra>");
    put_line_style(j, color, "solid", "hv");
    jb_json_end(j);
}

/* A score that does not change: people, or random answers. */
static void
put_level(struct jb_json *j, const struct timeline *t, const struct timeline_series *s,
          double score, const char *who, const char *color, const char *dash)
{
    struct jb_buf name = JB_BUF(4096);

    if (isnan(score))
        return;
    jb_buf_printf(&name, "%s (%s)", s->name, who);
    jb_json_object(j);
    jb_json_ktext(j, "type", "scatter");
    jb_json_ktext(j, "mode", "lines");
    jb_json_kstr(j, "name", jb_buf_view(&name));
    jb_json_ktext(j, "legendgroup", s->name);
    jb_json_kbool(j, "showlegend", false);
    jb_json_key(j, "x");
    jb_json_array(j);
    put_time(j, t->first);
    put_time(j, t->last);
    jb_json_end(j);
    jb_json_key(j, "y");
    jb_json_array(j);
    jb_json_double(j, score);
    jb_json_double(j, score);
    jb_json_end(j);
    jb_json_ktext(j, "hovertemplate", "%{y:.2f}<extra>%{fullData.name}</extra>");
    put_line_style(j, color, dash, "linear");
    jb_json_end(j);
    if (name.err && !j->out->err)
        j->out->err = name.err;
    jb_buf_free(&name);
}

static void
put_axis(struct jb_json *j, const char *axis, const char *title, const char *type)
{
    jb_json_key(j, axis);
    jb_json_object(j);
    jb_json_ktext(j, "type", type);
    jb_json_key(j, "title");
    jb_json_object(j);
    jb_json_ktext(j, "text", title);
    jb_json_end(j);
    jb_json_ktext(j, "gridcolor", GRID_COLOR);
    jb_json_ktext(j, "zerolinecolor", GRID_COLOR);
    if (axis[0] == 'y') {
        jb_json_key(j, "range");
        jb_json_array(j);
        jb_json_int(j, 0);
        jb_json_int(j, 100);
        jb_json_end(j);
    }
    jb_json_end(j);
}

static void
put_layout(struct jb_json *j, const struct timeline *t, enum plot plot)
{
    jb_json_object(j);
    jb_json_key(j, "title");
    jb_json_object(j);
    jb_json_ktext(j, "text", titles[plot]);
    jb_json_key(j, "font");
    jb_json_object(j);
    jb_json_kint(j, "size", 14);
    jb_json_end(j);
    jb_json_end(j);
    put_axis(j, "xaxis", "Date", "date");
    put_axis(j, "yaxis", "Score", "linear");
    jb_json_key(j, "font");
    jb_json_object(j);
    jb_json_ktext(j, "color", TEXT_COLOR);
    jb_json_end(j);
    jb_json_ktext(j, "paper_bgcolor", "rgba(0,0,0,0)");
    jb_json_ktext(j, "plot_bgcolor", "rgba(0,0,0,0)");
    jb_json_kbool(j, "showlegend", true);
    jb_json_key(j, "legend");
    jb_json_object(j);
    jb_json_ktext(j, "orientation", "h");
    jb_json_kdouble(j, "y", -0.25);
    jb_json_end(j);
    if (!t->dated) {
        jb_json_key(j, "annotations");
        jb_json_array(j);
        jb_json_object(j);
        jb_json_ktext(j, "text", "还没有带日期的结果<br>No result has a date yet");
        jb_json_ktext(j, "xref", "paper");
        jb_json_ktext(j, "yref", "paper");
        jb_json_kdouble(j, "x", 0.5);
        jb_json_kdouble(j, "y", 0.5);
        jb_json_kbool(j, "showarrow", false);
        jb_json_end(j);
        jb_json_end(j);
    }
    jb_json_end(j);
}

void
plot_put(const struct board *board, const struct timeline *timeline, enum plot plot,
         struct jb_json *j)
{
    size_t from = plot == PLOT_AVERAGE ? 0 : 1;
    size_t to = plot == PLOT_AVERAGE ? 1 : timeline->n;
    struct jb_buf text = JB_BUF(PLOT_BYTES);
    struct jb_json figure;

    jb_json_init(&figure, &text);
    jb_json_object(&figure);
    jb_json_key(&figure, "data");
    jb_json_array(&figure);
    for (size_t i = from; i < to; i++) {
        const struct timeline_series *s = &timeline->series[i];
        const char *color = colors[(i - from) % (sizeof(colors) / sizeof(colors[0]))];

        put_records(&figure, board, timeline, s, color);
        if (timeline->dated) {
            put_level(&figure, timeline, s, s->human, "human", color, "dash");
            put_level(&figure, timeline, s, s->baseline, "random", color, "dot");
        }
    }
    jb_json_end(&figure);
    jb_json_key(&figure, "layout");
    put_layout(&figure, timeline, plot);
    jb_json_end(&figure);
    jb_json_object(j);
    jb_json_ktext(j, "type", "plotly");
    jb_json_kstr(j, "plot", jb_buf_view(&text));
    jb_json_end(j);
    if (text.err && !j->out->err)
        j->out->err = text.err;
    jb_buf_free(&text);
}
