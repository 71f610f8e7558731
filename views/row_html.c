/* SPDX-License-Identifier: Apache-2.0 */
#include "views/row_html.h"
#include "base/text.h"
#include "views/links.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HTML_MAX = 1 << 30 };

struct row_html {
    size_t columns;
    char *html;
    uint32_t *end; /* row * (columns + 1) + i; i = 0 is the start, i = column + 1 a cell */
};

static void
put_score(struct jb_buf *out, double d, const char *label)
{
    double share = d > 0 ? d < 100 ? d : 100 : 0; /* also of NAN */

    jb_buf_printf(out, "<td class=\"s b%d", (int)share);
    if (label) {
        jb_buf_puts(out, "\" data-l=\"");
        jb_put_html(out, jb_str(label));
        jb_buf_puts(out, "\">");
    } else {
        jb_buf_puts(out, " a\">");
    }
    if (isnan(d))
        jb_buf_puts(out, "–");
    else
        jb_buf_printf(out, "%.2f", d);
}

static void
put_text(struct jb_buf *out, struct jb_str s)
{
    jb_put_html(out, s.n ? s : JB_STR("–"));
}

static void
put_number(struct jb_buf *out, double d, int digits)
{
    if (isnan(d))
        jb_buf_puts(out, "–");
    else
        jb_buf_printf(out, "%.*f", digits, d);
}

/* The organisation dimmed, the name strong. */
static void
put_model(struct jb_buf *out, const struct board_row *row, const struct cells_options *options)
{
    const char *slash = row->model.n ? memchr(row->model.p, '/', row->model.n) : NULL;
    size_t org = slash ? (size_t)(slash - row->model.p) + 1 : 0;

    if (row->baseline)
        return;
    jb_buf_puts(out, "<a href=\"");
    link_put_hub(options->hub_url, row->model, out);
    jb_buf_puts(out, "\">");
    jb_put_html(out, (struct jb_str){row->model.p, org});
    jb_buf_puts(out, "<strong>");
    jb_put_html(out, (struct jb_str){row->model.p + org, row->model.n - org});
    jb_buf_puts(out, "</strong></a>");
    /* Relative: the page of the language that the board is read in. */
    jb_buf_puts(out, " <a class=d href=\"models/");
    jb_put_url_path(out, row->model);
    jb_buf_puts(out, "\">📑</a>");
}

static void
put_cell(struct jb_buf *out, const struct board_row *row, const struct board_column *c,
         const struct cells_options *options)
{
    switch (c->field) {
    case FIELD_MODEL: put_model(out, row, options); break;
    case FIELD_AVERAGE: put_score(out, row->average, NULL); break;
    case FIELD_SCORE: put_score(out, row->scores[c->benchmark], c->header); break;
    case FIELD_ARCHITECTURE: put_text(out, row->architecture); break;
    case FIELD_PRECISION: put_text(out, row->baseline ? JB_STR("") : row->precision); break;
    case FIELD_LICENSE: put_text(out, row->license); break;
    case FIELD_SHA: put_text(out, row->baseline ? JB_STR("") : row->revision); break;
    case FIELD_PARAMS: put_number(out, row->params, 2); break;
    case FIELD_LIKES: put_number(out, row->likes, 0); break;
    default: break;
    }
}

struct place {
    size_t n, shown;
    double average;
};

static void
put_start(struct jb_buf *out, const struct board_row *row, struct place *place)
{
    bool ranked = !row->baseline && row->available && !row->merged && !row->flagged &&
                  !isnan(row->average);

    if (!ranked) {
        jb_buf_puts(out, row->baseline ? "<tr class=base><td class=r>" : "<tr><td class=r>–");
        return;
    }
    place->n++;
    if (place->n == 1 || row->average < place->average)
        place->shown = place->n;
    place->average = row->average;
    jb_buf_printf(out, "<tr><td class=r>%zu", place->shown);
}

static int
make(struct row_html *rows, const struct board *board, const struct cells_options *options)
{
    struct jb_buf out = JB_BUF(HTML_MAX);
    struct place place = {0};
    uint32_t *end = rows->end;

    for (size_t r = 0; r < board_rows(board); r++) {
        const struct board_row *row = board_row(board, r);
        put_start(&out, row, &place);
        *end++ = (uint32_t)out.n;
        for (size_t c = 0; c < rows->columns; c++) {
            put_cell(&out, row, board_column(board, c), options);
            *end++ = (uint32_t)out.n;
        }
    }
    if (out.err) {
        int rc = out.err;
        jb_buf_free(&out);
        return rc;
    }
    if (out.p) {
        char *fit = realloc(out.p, out.n + 1);
        rows->html = fit ? fit : out.p;
    }
    return 0;
}

int
row_html_new(const struct board *board, const struct cells_options *options,
             struct row_html **ret_rows)
{
    struct row_html *rows = calloc(1, sizeof(*rows));
    int rc = JB_ENOMEM;

    if (!rows)
        return rc;
    rows->columns = board_columns(board);
    size_t n = board_rows(board) * (rows->columns + 1);
    rows->end = calloc(n ? n : 1, sizeof(*rows->end));
    if (rows->end)
        rc = make(rows, board, options);
    if (rc) {
        row_html_free(rows);
        return rc;
    }
    *ret_rows = rows;
    return 0;
}

void
row_html_free(struct row_html *rows)
{
    if (!rows)
        return;
    free(rows->html);
    free(rows->end);
    free(rows);
}

static struct jb_str
piece(const struct row_html *rows, size_t i)
{
    size_t begin = i ? rows->end[i - 1] : 0;

    return (struct jb_str){rows->html + begin, rows->end[i] - begin};
}

struct jb_str
row_html_start(const struct row_html *rows, size_t row)
{
    return piece(rows, row * (rows->columns + 1));
}

struct jb_str
row_html_cell(const struct row_html *rows, size_t row, size_t column)
{
    return piece(rows, row * (rows->columns + 1) + column + 1);
}
