/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a finished board. */
#include "board/choices.h"
#include "board/snapshot.h"

#include <stdlib.h>

struct board *
board_ref(struct board *board)
{
    __atomic_add_fetch(&board->refs, 1, __ATOMIC_RELAXED);
    return board;
}

void
board_unref(struct board *board)
{
    if (!board || __atomic_sub_fetch(&board->refs, 1, __ATOMIC_ACQ_REL))
        return;
    jb_arena_free(board->arena);
    free(board);
}

const struct board_config *
board_config_of(const struct board *board)
{
    return board->config;
}

size_t
board_rows(const struct board *board)
{
    return board->n_rows;
}

const struct board_row *
board_row(const struct board *board, size_t row)
{
    return &board->rows[row];
}

size_t
board_columns(const struct board *board)
{
    return board->n_columns;
}

const struct board_column *
board_column(const struct board *board, size_t column)
{
    return &board->columns[column];
}

void
board_query_default(const struct board *board, struct board_query *ret_query)
{
    const struct board_config *c = board->config;

    *ret_query = (struct board_query){
        .types = (1u << c->types.n) - 1,
        .precisions = (1u << board_precisions(c)) - 1,
        .sizes = (1u << c->sizes.n) - 1,
        .hide = BOARD_HIDE_DEFAULT,
    };
}
