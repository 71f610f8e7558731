/* SPDX-License-Identifier: Apache-2.0 */
/* The table: the product. */
#include "base/text.h"
#include "board/choices.h"
#include "views/board_parts.h"
#include "views/label.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct table {
    const struct board *board;
    const struct board_config *config;
    const struct conf *conf;
    enum text_lang lang;
    const struct board_view *view;
    double best[64]; /* of each column, among the rows shown */
};

static double
score_of(const struct board_row *row, const struct board_column *c)
{
    return c->field == FIELD_AVERAGE ? row->average : row->scores[c->benchmark];
}

static bool
is_score(const struct board_column *c)
{
    return c->field == FIELD_AVERAGE || c->field == FIELD_SCORE;
}

static bool
shown(const struct table *t, size_t column)
{
    return (t->view->columns >> column & 1) &&
           board_column(t->board, column)->field != FIELD_NAME;
}

static void
put_heading(const struct table *t, size_t i, struct jb_buf *out)
{
    const struct board_column *c = board_column(t->board, i);
    const struct benchmark *benchmarks = t->config->benchmarks.items;
    bool here = t->view->sort == i && (t->view->sorted || !t->view->query.text.n);
    struct board_view v = *t->view;

    /* A second click turns the order; text begins at its start, numbers at the top. */
    v.sorted = true;
    v.sort = i;
    v.descending =
        here ? !t->view->descending : c->type == COLUMN_NUMBER || c->type == COLUMN_BOOL;
    jb_buf_printf(out, "<th scope=\"col\" class=\"%s\"",
                  c->field == FIELD_MODEL    ? "m"
                  : c->field == FIELD_T      ? "t"
                  : c->type == COLUMN_NUMBER ? "n"
                                             : "x");
    if (here)
        jb_buf_printf(out, " aria-sort=\"%s\"",
                      t->view->descending ? "descending" : "ascending");
    if (c->field == FIELD_SCORE) {
        const struct benchmark *b = &benchmarks[c->benchmark];
        jb_buf_puts(out, " title=\"");
        jb_put_html(out, jb_str(b->name[0] ? b->name : b->header));
        jb_buf_printf(out, ", %lld-shot, ", (long long)b->shots);
        jb_put_html(out, jb_str(b->metric));
        jb_buf_putc(out, '"');
    }
    jb_buf_puts(out, "><a href=\"");
    board_put_link(t->board, t->conf, t->lang, &v, out);
    jb_buf_puts(out, "\">");
    if (c->field == FIELD_T) {
        jb_buf_puts(out, "<abbr title=\"");
        label_put(out, t->lang, "类型", "Type");
        jb_buf_puts(out, "\">T</abbr>");
    } else if (c->field == FIELD_MODEL) {
        label_put(out, t->lang, "模型", "Model");
    } else if (c->field == FIELD_AVERAGE) {
        label_put(out, t->lang, "平均", "Average");
    } else {
        jb_put_html(out, jb_str(c->header));
    }
    jb_buf_puts(out, "</a></th>");
}

static void
put_type(const struct table *t, const struct board_row *row, struct jb_buf *out)
{
    const struct board_type *type =
        (const struct board_type *)t->config->types.items + row->type;

    jb_buf_puts(out, "<td class=\"t\"><span aria-hidden=\"true\">");
    jb_put_html(out, jb_str(type->icon));
    jb_buf_puts(out, "</span><span class=\"vh\">");
    jb_put_html(out, jb_str(t->lang == LANG_ZH ? type->zh
                            : type->label[0]   ? type->label
                                               : "unknown"));
    jb_buf_puts(out, "</span></td>");
}

static void
put_model(const struct table *t, const struct board_row *row, struct jb_buf *out)
{
    jb_buf_puts(out, "<td class=\"m\">");
    if (row->baseline) {
        label_put(out, t->lang, "基线", "Baseline");
        jb_buf_puts(out, "</td>");
        return;
    }
    const char *slash = memchr(row->model.p, '/', row->model.n);
    size_t org = slash ? (size_t)(slash - row->model.p) + 1 : 0;
    jb_buf_puts(out, "<a href=\"");
    jb_put_html(out, jb_str(t->conf->site.hub_url));
    jb_buf_putc(out, '/');
    jb_put_url_path(out, row->model);
    jb_buf_puts(out, "\" rel=\"noopener\">");
    if (org) {
        jb_buf_puts(out, "<span class=\"o\">");
        jb_put_html(out, (struct jb_str){row->model.p, org});
        jb_buf_puts(out, "</span>");
    }
    jb_buf_puts(out, "<strong>");
    jb_put_html(out, (struct jb_str){row->model.p + org, row->model.n - org});
    jb_buf_puts(out, "</strong></a>");
    if (row->flagged) {
        bool link = row->flag_url.n > 8 && memcmp(row->flag_url.p, "http", 4) == 0;
        jb_buf_puts(out, link ? "<a class=\"jb-flag\" href=\"" : "<span class=\"jb-flag\">");
        if (link) {
            jb_put_html(out, row->flag_url);
            jb_buf_puts(out, "\">");
        }
        label_put(out, t->lang, "被标记", "flagged");
        jb_buf_puts(out, link ? "</a>" : "</span>");
    }
    jb_buf_puts(out, "</td>");
}

static void
put_data_label(const struct board_column *c, struct jb_buf *out)
{
    jb_buf_puts(out, " data-l=\"");
    jb_put_html(out, jb_str(c->header));
    jb_buf_putc(out, '"');
}

static void
put_score(const struct table *t, const struct board_row *row, size_t i, struct jb_buf *out)
{
    const struct board_column *c = board_column(t->board, i);
    double d = score_of(row, c);
    bool average = c->field == FIELD_AVERAGE;
    int whole = isnan(d) ? 0 : d < 0 ? 0 : d > 100 ? 100 : (int)d;

    jb_buf_printf(out, "<td class=\"s b%d%s\"", whole, average ? " a" : "");
    if (!average)
        put_data_label(c, out);
    jb_buf_putc(out, '>');
    if (isnan(d))
        jb_buf_puts(out, "–");
    else if (!row->baseline && d >= t->best[i])
        jb_buf_printf(out, "<b>%.2f</b>", d);
    else
        jb_buf_printf(out, "%.2f", d);
    jb_buf_puts(out, "</td>");
    /* On a phone the second line begins here. */
    if (average)
        jb_buf_puts(out, "<td class=\"k\" hidden></td>");
}

static void
put_text(const struct board_column *c, struct jb_str text, struct jb_buf *out)
{
    jb_buf_puts(out, c->field == FIELD_SHA ? "<td class=\"h\"" : "<td class=\"x\"");
    put_data_label(c, out);
    jb_buf_putc(out, '>');
    jb_put_html(out, text.n ? text : JB_STR("–"));
    jb_buf_puts(out, "</td>");
}

static void
put_number(const struct board_column *c, double d, struct jb_buf *out)
{
    jb_buf_puts(out, "<td class=\"n\"");
    put_data_label(c, out);
    if (isnan(d))
        jb_buf_puts(out, ">–</td>");
    else
        jb_buf_printf(out, ">%.*f</td>", c->field == FIELD_LIKES ? 0 : 2, d);
}

static void
put_bool(const struct table *t, const struct board_column *c, bool yes, struct jb_buf *out)
{
    jb_buf_puts(out, "<td class=\"x\"");
    put_data_label(c, out);
    jb_buf_putc(out, '>');
    label_put(out, t->lang == LANG_MAX ? LANG_EN : t->lang, yes ? "是" : "否",
              yes ? "yes" : "no");
    jb_buf_puts(out, "</td>");
}

static void
put_cell(const struct table *t, const struct board_row *row, size_t i, struct jb_buf *out)
{
    const struct board_column *c = board_column(t->board, i);
    const struct board_type *types = t->config->types.items;

    switch (c->field) {
    case FIELD_T: put_type(t, row, out); break;
    case FIELD_MODEL: put_model(t, row, out); break;
    case FIELD_AVERAGE:
    case FIELD_SCORE: put_score(t, row, i, out); break;
    case FIELD_TYPE:
        put_text(c, jb_str(t->lang == LANG_ZH ? types[row->type].zh : types[row->type].label),
                 out);
        break;
    case FIELD_ARCHITECTURE: put_text(c, row->architecture, out); break;
    case FIELD_WEIGHT_TYPE: put_text(c, row->weight_type, out); break;
    case FIELD_PRECISION: put_text(c, row->baseline ? JB_STR("") : row->precision, out); break;
    case FIELD_MERGED: put_bool(t, c, row->merged, out); break;
    case FIELD_LICENSE: put_text(c, row->license, out); break;
    case FIELD_PARAMS: put_number(c, row->params, out); break;
    case FIELD_LIKES: put_number(c, row->likes, out); break;
    case FIELD_AVAILABLE: put_bool(t, c, row->available, out); break;
    case FIELD_SHA: put_text(c, row->revision, out); break;
    case FIELD_FLAGGED: put_bool(t, c, row->flagged, out); break;
    case FIELD_MOE: put_bool(t, c, row->moe, out); break;
    case FIELD_NAME: break;
    }
}

static void
find_best(struct table *t, const uint32_t *rows, size_t n)
{
    for (size_t i = 0; i < board_columns(t->board) && i < 64; i++) {
        const struct board_column *c = board_column(t->board, i);
        t->best[i] = INFINITY;
        if (!is_score(c) || !shown(t, i))
            continue;
        double best = -INFINITY;
        for (size_t k = 0; k < n; k++) {
            const struct board_row *row = board_row(t->board, rows[k]);
            double d = score_of(row, c);
            if (!row->baseline && d > best)
                best = d;
        }
        t->best[i] = best;
    }
}

void
board_table_put(const struct board *board, const struct conf *conf, enum text_lang lang,
                const struct board_view *view, const uint32_t *rows, size_t n,
                struct jb_buf *out)
{
    struct table t = {.board = board,
                      .config = board_config_of(board),
                      .conf = conf,
                      .lang = lang,
                      .view = view};
    size_t rank = 0;

    find_best(&t, rows, n);
    jb_buf_puts(out, "<div class=\"jb-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    label_put(out, lang, "榜单", "Board");
    jb_buf_puts(out,
                "\"><table class=\"jb-table\"><thead><tr><th scope=\"col\" class=\"r\">#</th>");
    for (size_t i = 0; i < board_columns(board); i++)
        if (shown(&t, i))
            put_heading(&t, i, out);
    jb_buf_puts(out, "</tr></thead>\n<tbody>\n");
    for (size_t k = 0; k < n; k++) {
        const struct board_row *row = board_row(board, rows[k]);
        jb_buf_puts(out, row->baseline ? "<tr class=\"base\"><td class=\"r\">"
                                       : "<tr><td class=\"r\">");
        if (!row->baseline)
            jb_buf_printf(out, "%zu", ++rank);
        jb_buf_puts(out, "</td>");
        for (size_t i = 0; i < board_columns(board); i++)
            if (shown(&t, i))
                put_cell(&t, row, i, out);
        jb_buf_puts(out, "</tr>\n");
    }
    jb_buf_puts(out, "</tbody></table></div>\n");
}
