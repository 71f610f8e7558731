/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the native table as HTML, made once per board, so that a page is mostly copies.
 * What depends on the language (the name of a type, yes and no, flagged) is not here; the table
 * puts it in. Optional end tags are left out, they are half of the bytes of a cell.
 */
#pragma once

#include "board/board.h"
#include "views/cells.h"

struct row_html;

/* `board` must outlive the result. JB_ENOMEM, JB_ETOOBIG. */
int row_html_new(const struct board *board, const struct cells_options *options,
                 struct row_html **ret_rows);
void row_html_free(struct row_html *rows);

/* `<tr><td class=r>12`: the place by average among the models that are shown by default, equal
 * averages sharing a place; "–" for those that are not. */
struct jb_str row_html_start(const struct row_html *rows, size_t row);

/*
 * Of a score or the average the whole cell, `<td class="s b78" data-l="ARC">78.67`: the class
 * gives the length of the bar, the first '>' ends the start tag. Of the Model column the links,
 * of the other columns the text, both without a start tag. Empty for what depends on the
 * language.
 */
struct jb_str row_html_cell(const struct row_html *rows, size_t row, size_t column);
