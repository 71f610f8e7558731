/* SPDX-License-Identifier: Apache-2.0 */
/* A table of cells, read from CSV or from column-oriented JSON. Private to store/import_table.c
 * and the readers. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define TABLE_BYTES   (64 << 20)
#define TABLE_ROWS    200000
#define TABLE_COLUMNS 256
#define TABLE_CELL    16384 /* bytes; longer ones are refused */

enum cell_kind { CELL_NONE, CELL_TEXT, CELL_NUMBER, CELL_TRUE, CELL_FALSE };

struct cell {
    enum cell_kind kind;
    const char *text; /* CELL_TEXT; a list of strings comes joined by ", " */
    double number;
};

struct table {
    size_t columns, rows;
    const char **headers;
    size_t first_line;  /* number for people of row 0: line of the file, or 0 */
    struct cell *cells; /* row by row */
};

/*
 * RFC 4180 with a header line; fields are UTF-8 (a byte order mark is skipped), all cells text,
 * empty ones none. A row of another number of fields than the header is an error.
 * JB_EPARSE with the line, JB_ETOOBIG, JB_ENOMEM. Everything returned lives in `arena`.
 */
int table_read_csv(struct jb_str bytes, struct jb_arena *arena, struct jb_error *err,
                   struct table *ret_table);

/* {column: {row: value}}: the rows of the first column, in its order; a row that a column lacks
 * is a cell without value. {column: [value, …]} too. */
int table_read_json(struct jb_str bytes, struct jb_arena *arena, struct jb_error *err,
                    struct table *ret_table);

/* What a cell says, whether it was a JSON value or text. */
double table_number(const struct cell *cell);          /* NAN: no number */
int table_truth(const struct cell *cell, bool invert); /* 1 yes, 0 no, -1 not said */

/* The text of the first link of a Model cell, `<a …>org/name</a> …`, or of a plain cell, in
 * `arena`; NULL when memory is out. */
const char *table_link_text(const char *cell, struct jb_arena *arena);
