/* SPDX-License-Identifier: Apache-2.0 */
#include "views/cells.h"
#include "base/json.h"
#include "base/text.h"
#include "views/links.h"
#include "views/row_html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_MAX = 1 << 30, CELL_MAX = 64 << 10 };

struct cells {
    struct board *board;
    size_t columns;
    char *json;    /* the cells of all rows, ',' between those of a row */
    uint32_t *end; /* (row * columns + column) -> offset behind the cell */
    struct row_html *rows;
};

static const char link_style[] =
    "color: var(--link-text-color); text-decoration: underline;text-decoration-style: dotted;";

/* `url` is escaped already. */
static void
put_link(struct jb_buf *out, struct jb_str url, struct jb_str text)
{
    jb_buf_puts(out, "<a target=\"_blank\" href=\"");
    jb_buf_str(out, url);
    jb_buf_printf(out, "\" style=\"%s\">", link_style);
    jb_put_html(out, text);
    jb_buf_puts(out, "</a>");
}

/* "#12" of a discussion address, or all of it. */
static struct jb_str
discussion_number(struct jb_str url)
{
    size_t n = url.n;

    while (n && url.p[n - 1] >= '0' && url.p[n - 1] <= '9')
        n--;
    return n < url.n ? (struct jb_str){url.p + n, url.n - n} : (struct jb_str){NULL, 0};
}

static void
put_model_markup(const struct board_row *row, const struct cells_options *options,
                 struct jb_buf *out)
{
    if (row->baseline) {
        jb_buf_puts(out, "<p>Baseline</p>");
        return;
    }
    struct jb_buf url = JB_BUF(CELL_MAX);
    link_put_hub(options->hub_url, row->model, &url);
    put_link(out, jb_buf_view(&url), row->model);
    jb_buf_puts(out, "  ");
    jb_buf_reset(&url);
    link_put_model(options->mount, row->model, &url);
    put_link(out, jb_buf_view(&url), JB_STR("📑"));
    if (row->flagged)
        jb_buf_puts(out, " has been flagged!");
    if (row->flagged && link_is_http(row->flag_url)) {
        struct jb_str number = discussion_number(row->flag_url);
        struct jb_buf text = JB_BUF(200);
        jb_buf_puts(&text, "See discussion");
        if (number.n && number.n < 20)
            jb_buf_printf(&text, " #%.*s", JB_STR_FMT(number));
        jb_buf_putc(out, ' ');
        jb_buf_reset(&url);
        jb_put_html(&url, row->flag_url);
        put_link(out, jb_buf_view(&url), jb_buf_view(&text));
        jb_buf_free(&text);
    }
    jb_buf_free(&url);
}

static double
round2(double d)
{
    return isnan(d) ? d : round(d * 100) / 100;
}

static void
put_type_label(struct jb_json *j, const struct board_config *config, int type)
{
    const struct board_type *t = (const struct board_type *)config->types.items + type;

    jb_json_text(j, t->label);
}

static void
put_cell(const struct board *board, const struct board_row *row, const struct board_column *c,
         const struct cells_options *options, struct jb_buf *scratch, struct jb_json *j)
{
    const struct board_config *config = board_config_of(board);
    const struct board_type *types = config->types.items;

    switch (c->field) {
    case FIELD_T: jb_json_text(j, types[row->type].icon); break;
    case FIELD_MODEL:
        jb_buf_reset(scratch);
        put_model_markup(row, options, scratch);
        jb_json_str(j, jb_buf_view(scratch));
        break;
    case FIELD_AVERAGE: jb_json_double(j, round2(row->average)); break;
    case FIELD_SCORE: jb_json_double(j, round2(row->scores[c->benchmark])); break;
    case FIELD_TYPE: put_type_label(j, config, row->type); break;
    case FIELD_ARCHITECTURE: jb_json_str(j, row->architecture); break;
    case FIELD_WEIGHT_TYPE: jb_json_str(j, row->weight_type); break;
    case FIELD_PRECISION: jb_json_str(j, row->precision); break;
    case FIELD_MERGED: jb_json_bool(j, row->merged); break;
    case FIELD_LICENSE: jb_json_str(j, row->license.n ? row->license : JB_STR("?")); break;
    case FIELD_PARAMS: jb_json_double(j, row->params); break;
    case FIELD_LIKES:
        if (isnan(row->likes))
            jb_json_null(j);
        else
            jb_json_int(j, (int64_t)row->likes);
        break;
    case FIELD_AVAILABLE: jb_json_bool(j, row->available); break;
    case FIELD_SHA: jb_json_str(j, row->revision); break;
    case FIELD_FLAGGED: jb_json_bool(j, row->flagged); break;
    case FIELD_MOE: jb_json_bool(j, row->moe); break;
    case FIELD_NAME: jb_json_str(j, row->baseline ? JB_STR("baseline") : row->model); break;
    }
}

static int
encode(struct cells *cells, const struct cells_options *options)
{
    const struct board *board = cells->board;
    struct jb_buf out = JB_BUF(CELLS_MAX), scratch = JB_BUF(CELL_MAX);
    size_t rows = board_rows(board);

    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < cells->columns; c++) {
            struct jb_json j;
            if (c)
                jb_buf_putc(&out, ',');
            jb_json_init(&j, &out);
            j.script = true;
            put_cell(board, board_row(board, r), board_column(board, c), options, &scratch, &j);
            cells->end[r * cells->columns + c] = (uint32_t)out.n;
        }
    }
    jb_buf_free(&scratch);
    if (out.err) {
        int rc = out.err;
        jb_buf_free(&out);
        return rc;
    }
    if (out.p) {
        /* The buffer doubles as it grows; what stays is as large as it must be. */
        char *fit = realloc(out.p, out.n + 1);
        cells->json = fit ? fit : out.p;
    }
    return 0;
}

int
cells_new(struct board *board, const struct cells_options *options, struct jb_error *err,
          struct cells **ret_cells)
{
    struct cells *cells = calloc(1, sizeof(*cells));
    int rc = JB_ENOMEM;

    if (cells) {
        size_t n = board_rows(board) * board_columns(board);
        cells->board = board_ref(board);
        cells->columns = board_columns(board);
        cells->end = calloc(n ? n : 1, sizeof(*cells->end));
        if (cells->end)
            rc = encode(cells, options);
        if (rc == 0)
            rc = row_html_new(board, options, &cells->rows);
    }
    if (rc) {
        cells_free(cells);
        return jb_fail(err, rc, "the cells of the board cannot be made: %s", jb_strerror(rc));
    }
    *ret_cells = cells;
    return 0;
}

void
cells_free(struct cells *cells)
{
    if (!cells)
        return;
    row_html_free(cells->rows);
    board_unref(cells->board);
    free(cells->json);
    free(cells->end);
    free(cells);
}

const struct board *
cells_board(const struct cells *cells)
{
    return cells->board;
}

const struct row_html *
cells_rows(const struct cells *cells)
{
    return cells->rows;
}

/* Where a cell begins: behind the comma after the one before, or behind the row before. */
static size_t
cell_begin(const struct cells *cells, size_t row, size_t column)
{
    size_t i = row * cells->columns + column;

    return i == 0 ? 0 : cells->end[i - 1] + (column ? 1u : 0u);
}

struct jb_str
cells_json(const struct cells *cells, size_t row, size_t column)
{
    size_t begin = cell_begin(cells, row, column);

    return (struct jb_str){cells->json + begin,
                           cells->end[row * cells->columns + column] - begin};
}

void
cells_put_row(const struct cells *cells, size_t row, uint64_t columns, struct jb_buf *out)
{
    const char *separator = "[";

    for (size_t c = 0; c < cells->columns;) {
        if (!(columns >> c & 1)) {
            c++;
            continue;
        }
        size_t last = c;
        while (last + 1 < cells->columns && (columns >> (last + 1) & 1))
            last++;
        size_t begin = cell_begin(cells, row, c);
        jb_buf_putc(out, *separator);
        jb_buf_put(out, cells->json + begin, cells->end[row * cells->columns + last] - begin);
        separator = ",";
        c = last + 1;
    }
    jb_buf_puts(out, *separator == '[' ? "[]" : "]");
}

void
cells_put_headers(const struct cells *cells, uint64_t columns, const char *name_header,
                  struct jb_buf *out)
{
    struct jb_json j;

    jb_json_init(&j, out);
    j.script = true;
    jb_json_array(&j);
    for (size_t c = 0; c < cells->columns; c++) {
        const struct board_column *column = board_column(cells->board, c);
        if (columns >> c & 1)
            jb_json_text(&j, column->field == FIELD_NAME ? name_header : column->header);
    }
    jb_json_end(&j);
}

void
cells_put_frame(const struct cells *cells, const uint32_t *rows, size_t n, uint64_t columns,
                const char *name_header, struct jb_buf *out)
{
    jb_buf_puts(out, "{\"headers\":");
    cells_put_headers(cells, columns, name_header, out);
    jb_buf_puts(out, ",\"data\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            jb_buf_putc(out, ',');
        cells_put_row(cells, rows[i], columns, out);
    }
    jb_buf_puts(out, "],\"metadata\":null}");
}
