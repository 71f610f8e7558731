/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct board, for the files of this folder. */
#pragma once

#include "board/board.h"

/* What a row is filtered by, side by side. */
struct board_facets {
    uint8_t type, precision; /* index of the choice */
    uint8_t size;            /* FACET_NONE: no bucket */
    uint8_t hide;            /* enum board_hide bits that hold for the row */
};

enum { FACET_NONE = 255, FACET_ANY = 254 };

struct board {
    unsigned refs;
    const struct board_config *config;
    struct jb_arena *arena;
    struct board_row *rows;
    size_t n_rows;
    struct board_column *columns;
    size_t n_columns;
    struct board_facets *facets;
    char *names;           /* folded model ids of all rows, each ended by NUL */
    uint32_t *name_at;     /* where a row's begins; n_rows + 1 of them */
    const char **licenses; /* folded, each once */
    size_t n_licenses;
    uint32_t *license_of; /* by row */
    uint32_t **ranks;     /* by column, then row; equal values have equal ranks */
};

/* Fills columns from the config. */
int board_make_columns(struct board *board);
/* Fills facets, names, licences and ranks from the sorted rows. */
int board_make_indexes(struct board *board);
