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

/* Names in addresses: of a column (a benchmark's key, "average", "params"), of a hide option
 * ("deleted"). */
const char *board_column_key(const struct board *board, size_t column);
const char *board_hide_key(size_t i);

/* The direction in which a first click on a header sorts: numbers from the highest. */
bool board_column_descends(const struct board_column *column);

void board_view_default(const struct board *board, struct board_view *ret_view);

/*
 * Reads a raw query string (`query`, `type`, `precision`, `size`, `hide`, `column`, `sort`,
 * `order`; repeated keys add up, of the first and the last two the last one counts; empty
 * values and unknown keys are ignored). A set that is not named is as by default; `hide=none`
 * and `column=none` name an empty one. Strings live in `arena`. JB_EINVAL with the reason for a
 * value that is not a choice or a search with control characters, JB_ETOOBIG past the limits
 * (32 KiB, 256 parameters, a search of limits->max_bytes), JB_EPARSE for broken %-escapes or
 * UTF-8, JB_ENOMEM.
 */
int board_view_parse(const struct board *board, struct jb_str query_string,
                     const struct board_limits *limits, struct jb_arena *arena,
                     struct jb_error *err, struct board_view *ret_view);
/* A part of the rows, for programs. */
struct board_page {
    uint64_t offset, limit; /* in rows; `limit` holds the default before reading */
    uint64_t most;          /* largest limit that is taken */
};

/*
 * The same for programs, which should learn of a mistake: an unknown key is JB_EINVAL as well.
 * `offset` and `limit` are read too, and without `hide` nothing is hidden: who asks for data
 * gets all of it unless told otherwise.
 */
int board_view_parse_page(const struct board *board, struct jb_str query_string,
                          const struct board_limits *limits, struct jb_arena *arena,
                          struct jb_error *err, struct board_view *ret_view,
                          struct board_page *page);

bool board_view_is_default(const struct board *board, const struct board_view *view);
/* The canonical query string of a view, without '?'; "" for the default one. */
void board_view_put(const struct board *board, const struct board_view *view,
                    struct jb_buf *out);

/* The same for programs: what the pages hide by default is named, columns are left out. */
void board_view_put_page(const struct board *board, const struct board_view *view,
                         struct jb_buf *out);

/* Body of the board, with its masthead: what stands inside <gradio-app> or <body>. Rows past
 * site.max_inline_rows are left out with a note that says so. */
int board_page_put(const struct cells *cells, const struct texts *texts, enum text_lang lang,
                   const struct conf *conf, const struct board_view *view, const uint32_t *rows,
                   size_t n, struct jb_buf *out, struct jb_error *err);
