/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every cell of a board, encoded once as JSON: what the Gradio tables hold. The Model cell is
 * markup with two anchors, the second leads to our page of the model. An answer to a filter is
 * then copies of these bytes. Cells of a row stand one after the other with ',' between them,
 * so that a run of columns is one copy. < > & ' are written \u003c …, so that the same bytes
 * may stand in a <script>. The rows of the native table (row_html.h) are made and kept beside
 * them.
 */
#pragma once

#include "base/buf.h"
#include "board/board.h"

struct cells;
struct row_html;

struct cells_options {
    const char *hub_url; /* base of model links */
    const char *mount;   /* "" or "/path" */
};

/* References the board. */
int cells_new(struct board *board, const struct cells_options *options, struct jb_error *err,
              struct cells **ret_cells);
void cells_free(struct cells *cells);

const struct board *cells_board(const struct cells *cells);
const struct row_html *cells_rows(const struct cells *cells);

/* The JSON of one cell. */
struct jb_str cells_json(const struct cells *cells, size_t row, size_t column);

/* Appends `[cell,cell,…]` of the columns whose bit is set in `columns` (bit i = column i of the
 * board). */
void cells_put_row(const struct cells *cells, size_t row, uint64_t columns, struct jb_buf *out);

/* Appends ["header",…] of the columns. */
void cells_put_headers(const struct cells *cells, uint64_t columns, const char *name_header,
                       struct jb_buf *out);

/* Appends {"headers":[…],"data":[[…],…],"metadata":null}. `name_header` is the header of the
 * name column: "model_name_for_query" or "fullname". */
void cells_put_frame(const struct cells *cells, const uint32_t *rows, size_t n,
                     uint64_t columns, const char *name_header, struct jb_buf *out);
