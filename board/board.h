/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaderboard in memory: an immutable, reference-counted snapshot of the store. One row per
 * model, revision and precision, sorted by average (highest first, rows without one last, then
 * by name, so that equal stores give equal boards). Knows no HTTP and no HTML: typed values,
 * folded names, bit sets per filter choice.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "board/config.h"
#include "store/record.h"

/* The frame of columns that every board has around its benchmarks, in table order
 * (23 columns with the original's seven). */
enum board_field {
    FIELD_T,
    FIELD_MODEL,
    FIELD_AVERAGE,
    FIELD_SCORE, /* one column per benchmark; see board_column.benchmark */
    FIELD_TYPE,
    FIELD_ARCHITECTURE,
    FIELD_WEIGHT_TYPE,
    FIELD_PRECISION,
    FIELD_MERGED,
    FIELD_LICENSE,
    FIELD_PARAMS,
    FIELD_LIKES,
    FIELD_AVAILABLE,
    FIELD_SHA,
    FIELD_FLAGGED,
    FIELD_MOE,
    FIELD_NAME, /* model_name_for_query / fullname */
};

enum board_column_state {
    COLUMN_PINNED,
    COLUMN_DEFAULT,
    COLUMN_OPTIONAL,
    COLUMN_HIDDEN,
    COLUMN_NAME
};
enum board_column_type { COLUMN_STR, COLUMN_MARKDOWN, COLUMN_NUMBER, COLUMN_BOOL };

struct board_column {
    enum board_field field;
    int benchmark; /* index into config->benchmarks for FIELD_SCORE, else -1 */
    const char *header;
    enum board_column_type type;
    enum board_column_state state;
};

enum board_hide {
    HIDE_DELETED = 1, /* "Private or deleted" */
    HIDE_MERGED = 2,  /* "Contains a merge/moerge" */
    HIDE_FLAGGED = 4, /* "Flagged" */
    HIDE_MOE = 8,     /* "MoE" */
};
#define BOARD_HIDE_DEFAULT (HIDE_DELETED | HIDE_MERGED | HIDE_FLAGGED)

struct board_row {
    struct jb_str model;     /* hub id, after aliases; "Baseline" for the baseline row */
    struct jb_str revision;  /* sha or as typed; "" unknown; "N/A" in the baseline row */
    struct jb_str precision; /* "None" in the baseline row */
    struct jb_str weight_type, architecture, license;
    struct jb_str base_model;     /* "" none, unknown */
    struct jb_str flag_url;       /* discussion; "" */
    int type;                     /* index into config->types */
    double params, likes;         /* NAN unknown */
    double average;               /* NAN when a benchmark of the average is missing */
    const double *scores;         /* one per benchmark, NAN missing */
    const double *errors;         /* standard errors, NAN unknown */
    int64_t submitted, evaluated; /* microseconds UTC; 0 unknown */
    uint64_t request;             /* id; 0 none */
    bool merged, moe, flagged, available, baseline;
};

struct board;

/*
 * Rows of the results that a finished request stands behind (board/build.c says which). What is
 * stored under a former id of a model (results, flag, block, model information) counts for the
 * present one. Left out: blocked and hidden models, requests that are hidden or under embargo,
 * results without a benchmark of this board. Models
 * whose tags say that they are undisclosed merges are flagged; the flag "merged" holds their
 * link. `config` must outlive the board. JB_ENOMEM and what the store says.
 */
int board_build(struct store_txn *txn, const struct board_config *config, struct jb_error *err,
                struct board **ret_board);
struct board *board_ref(struct board *board);
void board_unref(struct board *board);

const struct board_config *board_config_of(const struct board *board);
size_t board_rows(const struct board *board); /* the baseline row included */
const struct board_row *board_row(const struct board *board, size_t row);
size_t board_columns(const struct board *board);
const struct board_column *board_column(const struct board *board, size_t column);

/* What a filter asks for. Bit i of a set stands for choice i of the config (types, precisions
 * with `?` last, sizes) or column i of the board. */
struct board_query {
    struct jb_str text; /* as typed; "" = all */
    uint32_t types, precisions, sizes;
    unsigned hide; /* enum board_hide */
};

void board_query_default(const struct board *board,
                         struct board_query *ret_query); /* everything ticked, default hides */

struct board_limits {
    size_t max_parts, max_bytes; /* conf.search; more is ignored */
};

/*
 * Rows that match, in the order shown: by average, or for a text in the order of its parts
 * (parts split at `;`, trimmed, empty ones dropped, each a literal, case-insensitive substring
 * of the model id, union without repeats; parts beginning `license` filter by licence: several
 * are or-ed, and-ed with the names; a text of separators only matches nothing). `ret_rows`
 * lives in `arena`. Bounded whatever the text is.
 */
int board_filter(const struct board *board, const struct board_query *query,
                 const struct board_limits *limits, struct jb_arena *arena,
                 struct jb_error *err, const uint32_t **ret_rows, size_t *ret_n);

/* Reorders `rows` by a column, text without regard to case; missing values last whichever way;
 * ties by the default order. */
void board_sort(const struct board *board, size_t column, bool descending, uint32_t *rows,
                size_t n);
