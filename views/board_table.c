/* SPDX-License-Identifier: Apache-2.0 */
/* The table: the product. Headers that sort, and rows that are mostly copies of what
 * row_html.h made once. */
#include "base/text.h"
#include "board/choices.h"
#include "views/board_parts.h"
#include "views/label.h"
#include "views/links.h"
#include "views/row_html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS_MAX = 64, TYPES_MAX = 32, SMALL = 8 << 10 };

struct table {
    const struct board *board;
    const struct board_config *config;
    const struct conf *conf;
    const struct row_html *html;
    enum text_lang lang;
    const struct board_view *view;
    size_t shown[COLUMNS_MAX]; /* columns in order */
    size_t n_shown;
    double best[COLUMNS_MAX];         /* of shown[i], as displayed; NAN none */
    struct jb_buf start[COLUMNS_MAX]; /* start tag of shown[i] where row_html.h has none */
    struct jb_buf icons[TYPES_MAX], names[TYPES_MAX]; /* of types */
    struct jb_buf yes, no, flagged, removed, baseline;
};

void
board_put_column_name(const struct board *board, size_t column, enum text_lang lang,
                      struct jb_buf *out)
{
    const struct board_column *c = board_column(board, column);

    switch (c->field) {
    case FIELD_T: label_put(out, lang, "类型", "Type"); break;
    case FIELD_MODEL: label_put(out, lang, "模型", "Model"); break;
    case FIELD_AVERAGE: label_put(out, lang, "平均", "Average"); break;
    case FIELD_TYPE: label_put(out, lang, "模型类型", "Model type"); break;
    case FIELD_ARCHITECTURE: label_put(out, lang, "架构", "Architecture"); break;
    case FIELD_PRECISION: label_put(out, lang, "精度", "Precision"); break;
    case FIELD_MERGED: label_put(out, lang, "合并", "Merged"); break;
    case FIELD_LICENSE: label_put(out, lang, "许可证", "Licence"); break;
    case FIELD_PARAMS: label_put(out, lang, "参数量（十亿）", "Parameters (B)"); break;
    case FIELD_LIKES: label_put(out, lang, "点赞", "Likes"); break;
    case FIELD_SHA: label_put(out, lang, "提交版本", "Commit"); break;
    default: jb_put_html(out, jb_str(c->header)); break;
    }
}

static bool
is_score(const struct board_column *c)
{
    return c->field == FIELD_AVERAGE || c->field == FIELD_SCORE;
}

static const char *
class_of(const struct board_column *c)
{
    return c->field == FIELD_T        ? "t"
           : c->field == FIELD_MODEL  ? "m"
           : c->field == FIELD_SHA    ? "h"
           : is_score(c)              ? "n"
           : c->type == COLUMN_NUMBER ? "n"
                                      : "x";
}

/* What a column is, for a tooltip. */
static void
put_explanation(const struct table *t, const struct board_column *c, struct jb_buf *out)
{
    const struct benchmark *b = t->config->benchmarks.items;

    if (c->field == FIELD_AVERAGE) {
        jb_buf_puts(out, " title=\"");
        label_put(out, t->lang, "各项的算术平均；缺一项就没有平均分",
                  "Mean of the benchmarks; none while one is missing");
        jb_buf_putc(out, '"');
    }
    if (c->field != FIELD_SCORE)
        return;
    b += c->benchmark;
    jb_buf_puts(out, " title=\"");
    jb_put_html(out, jb_str(b->name[0] ? b->name : b->header));
    jb_buf_printf(out, ", %lld-shot, ", (long long)b->shots);
    jb_put_html(out, jb_str(b->metric));
    if (!b->in_average) {
        jb_buf_puts(out, "; ");
        label_put(out, t->lang, "不计入平均", "not in the average");
    }
    jb_buf_putc(out, '"');
}

static void
put_heading(const struct table *t, size_t i, struct jb_buf *out)
{
    const struct board_column *c = board_column(t->board, i);
    bool here = t->view->sort == i && (t->view->sorted || !t->view->query.text.n);
    struct board_view v = *t->view, d;

    /* A second click turns the order; text begins at its start, numbers at the top. */
    board_view_default(t->board, &d);
    v.sort = i;
    v.descending = here ? !t->view->descending : board_column_descends(c);
    v.sorted = v.query.text.n || i != d.sort || !v.descending;
    jb_buf_printf(out, "<th scope=\"col\" class=\"%s\"", class_of(c));
    if (here)
        jb_buf_printf(out, " aria-sort=\"%s\"",
                      t->view->descending ? "descending" : "ascending");
    put_explanation(t, c, out);
    jb_buf_puts(out, "><a href=\"");
    board_put_link(t->board, t->conf, t->lang, &v, out);
    jb_buf_puts(out, "\">");
    if (c->field == FIELD_T) {
        jb_buf_puts(out, "<abbr title=\"");
        board_put_column_name(t->board, i, t->lang, out);
        jb_buf_puts(out, "\">T</abbr>");
    } else {
        board_put_column_name(t->board, i, t->lang, out);
    }
    jb_buf_puts(out, "</a></th>");
}

static void
put_head(const struct table *t, struct jb_buf *out)
{
    jb_buf_puts(out, "<thead><tr><th scope=\"col\" class=\"r\" title=\"");
    label_put(out, t->lang, "在默认显示的模型中按平均分的名次",
              "Place by average among the models shown by default");
    jb_buf_puts(out, "\">#</th>");
    for (size_t i = 0; i < t->n_shown; i++)
        put_heading(t, t->shown[i], out);
    jb_buf_puts(out, "</tr></thead>\n");
}

/* The score as the table shows it, in hundredths. */
static double
shown_score(const struct board_row *row, const struct board_column *c)
{
    double d = c->field == FIELD_AVERAGE ? row->average : row->scores[c->benchmark];

    return isnan(d) || row->baseline ? NAN : round(d * 100);
}

static void
find_best(struct table *t, const uint32_t *rows, size_t n)
{
    for (size_t i = 0; i < t->n_shown; i++) {
        const struct board_column *c = board_column(t->board, t->shown[i]);
        t->best[i] = NAN;
        for (size_t k = 0; is_score(c) && k < n; k++) {
            double d = shown_score(board_row(t->board, rows[k]), c);
            if (!isnan(d) && (isnan(t->best[i]) || d > t->best[i]))
                t->best[i] = d;
        }
    }
}

static void
put_score(const struct table *t, size_t i, const struct board_row *row, struct jb_str cell,
          struct jb_buf *out)
{
    const struct board_column *c = board_column(t->board, t->shown[i]);
    const char *gt = memchr(cell.p, '>', cell.n);
    size_t tag = gt ? (size_t)(gt - cell.p) + 1 : cell.n;

    if (isnan(t->best[i]) || shown_score(row, c) < t->best[i] || isnan(shown_score(row, c))) {
        jb_buf_str(out, cell);
        return;
    }
    jb_buf_put(out, cell.p, tag);
    jb_buf_puts(out, "<b>");
    jb_buf_put(out, cell.p + tag, cell.n - tag);
    jb_buf_puts(out, "</b>");
}

static void
put_model(const struct table *t, const struct board_row *row, struct jb_str links,
          struct jb_buf *out)
{
    bool linked = link_is_http(row->flag_url);

    jb_buf_str(out, row->baseline ? jb_buf_view(&t->baseline) : links);
    if (row->flagged && linked) {
        jb_buf_puts(out, "<a class=\"jb-flag\" href=\"");
        jb_put_html(out, row->flag_url);
        jb_buf_puts(out, "\">");
    } else if (row->flagged) {
        jb_buf_puts(out, "<span class=\"jb-flag\">");
    }
    if (row->flagged) {
        jb_buf_str(out, jb_buf_view(&t->flagged));
        jb_buf_puts(out, linked ? "</a>" : "</span>");
    }
    if (!row->available) {
        jb_buf_puts(out, "<span class=\"jb-flag\">");
        jb_buf_str(out, jb_buf_view(&t->removed));
        jb_buf_puts(out, "</span>");
    }
}

static void
put_row(const struct table *t, size_t r, struct jb_buf *out)
{
    const struct board_row *row = board_row(t->board, r);

    jb_buf_str(out, row_html_start(t->html, r));
    for (size_t i = 0; i < t->n_shown; i++) {
        const struct board_column *c = board_column(t->board, t->shown[i]);
        struct jb_str cell = row_html_cell(t->html, r, t->shown[i]);
        jb_buf_str(out, jb_buf_view(&t->start[i]));
        switch (c->field) {
        case FIELD_T: jb_buf_str(out, jb_buf_view(&t->icons[row->type])); break;
        case FIELD_TYPE: jb_buf_str(out, jb_buf_view(&t->names[row->type])); break;
        case FIELD_MODEL: put_model(t, row, cell, out); break;
        case FIELD_MERGED: jb_buf_str(out, jb_buf_view(row->merged ? &t->yes : &t->no)); break;
        case FIELD_AVERAGE:
        case FIELD_SCORE: put_score(t, i, row, cell, out); break;
        default: jb_buf_str(out, cell); break;
        }
    }
    jb_buf_putc(out, '\n');
}

static void
prepare_columns(struct table *t)
{
    for (size_t i = 0; i < board_columns(t->board) && i < COLUMNS_MAX; i++) {
        const struct board_column *c = board_column(t->board, i);
        if (!(t->view->columns >> i & 1) ||
            (c->state != COLUMN_PINNED && !board_column_selectable(c)))
            continue;
        struct jb_buf *start = &t->start[t->n_shown];
        *start = JB_BUF(SMALL);
        t->shown[t->n_shown++] = i;
        if (is_score(c))
            continue;
        jb_buf_printf(start, "<td class=%s", class_of(c));
        if (c->field != FIELD_T && c->field != FIELD_MODEL) {
            jb_buf_puts(start, " data-l=\"");
            board_put_column_name(t->board, i, t->lang, start);
            jb_buf_putc(start, '"');
        }
        jb_buf_putc(start, '>');
    }
}

static void
prepare_words(struct table *t)
{
    const struct board_type *types = t->config->types.items;

    for (size_t i = 0; i < t->config->types.n && i < TYPES_MAX; i++) {
        struct jb_buf *icon = &t->icons[i], *name = &t->names[i];
        struct jb_buf text = JB_BUF(SMALL);
        *icon = *name = JB_BUF(SMALL);
        label_put(&text, t->lang, types[i].zh, types[i].label[0] ? types[i].label : "unknown");
        jb_put_html(name, jb_buf_view(&text));
        jb_buf_puts(icon, "<span aria-hidden=true>");
        jb_put_html(icon, jb_str(types[i].icon));
        jb_buf_puts(icon, "</span><span class=vh>");
        jb_buf_str(icon, jb_buf_view(name));
        jb_buf_puts(icon, "</span>");
        jb_buf_free(&text);
    }
    t->yes = t->no = t->flagged = t->removed = t->baseline = JB_BUF(SMALL);
    label_put(&t->yes, t->lang, "是", "yes");
    label_put(&t->no, t->lang, "否", "no");
    label_put(&t->flagged, t->lang, "被标记", "flagged");
    label_put(&t->removed, t->lang, "已下架", "not on the hub");
    label_put(&t->baseline, t->lang, "基线", "Baseline");
}

static void
release(struct table *t)
{
    for (size_t i = 0; i < t->n_shown; i++)
        jb_buf_free(&t->start[i]);
    for (size_t i = 0; i < TYPES_MAX; i++) {
        jb_buf_free(&t->icons[i]);
        jb_buf_free(&t->names[i]);
    }
    jb_buf_free(&t->yes);
    jb_buf_free(&t->no);
    jb_buf_free(&t->flagged);
    jb_buf_free(&t->removed);
    jb_buf_free(&t->baseline);
}

void
board_table_put(const struct cells *cells, const struct conf *conf, enum text_lang lang,
                const struct board_view *view, const uint32_t *rows, size_t n, size_t shown,
                struct jb_buf *out)
{
    const struct board *board = cells_board(cells);
    struct table t = {.board = board,
                      .config = board_config_of(board),
                      .conf = conf,
                      .html = cells_rows(cells),
                      .lang = lang,
                      .view = view};

    prepare_columns(&t);
    prepare_words(&t);
    find_best(&t, rows, n);
    jb_buf_puts(out, "<div class=\"jb-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    label_put(out, lang, "榜单", "Board");
    jb_buf_puts(out, "\"><table class=\"jb-table\">");
    put_head(&t, out);
    jb_buf_puts(out, "<tbody>\n");
    for (size_t k = 0; k < shown; k++)
        put_row(&t, rows[k], out);
    jb_buf_puts(out, "</tbody></table></div>\n");
    release(&t);
}
