/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board as people see it: filter panel (a plain GET form), table, notes. Used inside `/`
 * (between the head and the tail that gradio/ makes) and as the native pages /zh/ and /en/.
 */
#pragma once

#include "base/buf.h"
#include "base/conf.h"
#include "board/board.h"
#include "views/cells.h"
#include "views/texts.h"

/* What a reader asked for in the URL; every combination has one canonical query string. */
struct board_view {
    struct board_query query;
    uint64_t columns; /* bit i = column i of the board is shown (pinned ones always) */
    size_t sort;      /* column; FIELD_AVERAGE's by default */
    bool descending;
    bool sorted; /* the reader chose an order (a search keeps its own otherwise) */
};

#define BOARD_KEY_SIZE 64

/* Names in addresses: of a column ("c-arc", "params-b"), of a hide option ("deleted"). */
void board_column_key(const struct board_column *column, char out[BOARD_KEY_SIZE]);
const char *board_hide_key(size_t i);

void board_view_default(const struct board *board, struct board_view *ret_view);

/*
 * Reads a raw query string (`query`, `type`, `precision`, `size`, `hide`, `column`, `sort`,
 * `order`; repeated keys add up; unknown keys are ignored). Strings live in `arena`. JB_EINVAL
 * with the reason for a value that is not a choice, JB_ETOOBIG past the limits, JB_EPARSE for
 * broken %-escapes or UTF-8.
 */
int board_view_parse(const struct board *board, struct jb_str query_string,
                     const struct board_limits *limits, struct jb_arena *arena,
                     struct jb_error *err, struct board_view *ret_view);
bool board_view_is_default(const struct board *board, const struct board_view *view);
/* The canonical query string of a view, without '?'; "" for the default one. */
void board_view_put(const struct board *board, const struct board_view *view,
                    struct jb_buf *out);

/* Body of the board: everything inside <gradio-app> or <main>. Rows past `max_rows` are left
 * out with a note that says so and links to the full data. */
int board_page_put(const struct cells *cells, const struct texts *texts, enum text_lang lang,
                   const struct conf *conf, const struct board_view *view, const uint32_t *rows,
                   size_t n, struct jb_buf *out, struct jb_error *err);
