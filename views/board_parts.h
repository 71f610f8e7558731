/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the board's page, for the files of this folder. */
#pragma once

#include "views/board_page.h"

void filter_form_put(const struct board *board, const struct conf *conf, enum text_lang lang,
                     const struct board_view *view, struct jb_buf *out);
void filter_chips_put(const struct board *board, const struct conf *conf, enum text_lang lang,
                      const struct board_view *view, struct jb_buf *out);

/* The first `shown` of n rows; the best of a column is the best of all n. */
void board_table_put(const struct cells *cells, const struct conf *conf, enum text_lang lang,
                     const struct board_view *view, const uint32_t *rows, size_t n,
                     size_t shown, struct jb_buf *out);

/* The name of a column for people, escaped. Benchmarks keep theirs. */
void board_put_column_name(const struct board *board, size_t column, enum text_lang lang,
                           struct jb_buf *out);

/* The address of a view, escaped for an attribute. */
void board_put_link(const struct board *board, const struct conf *conf, enum text_lang lang,
                    const struct board_view *view, struct jb_buf *out);
