/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of columns around the benchmarks: order, headers and states are what clients of the
 * original board rely on. */
#include "board/columns.h"
#include "board/snapshot.h"

#include <string.h>

static const struct board_column before[] = {
    {FIELD_T, -1, "T", COLUMN_STR, COLUMN_PINNED},
    {FIELD_MODEL, -1, "Model", COLUMN_MARKDOWN, COLUMN_PINNED},
    {FIELD_AVERAGE, -1, NULL, COLUMN_NUMBER, COLUMN_DEFAULT},
};

static const struct board_column after[] = {
    {FIELD_TYPE, -1, "Type", COLUMN_STR, COLUMN_OPTIONAL},
    {FIELD_ARCHITECTURE, -1, "Architecture", COLUMN_STR, COLUMN_OPTIONAL},
    {FIELD_WEIGHT_TYPE, -1, "Weight type", COLUMN_STR, COLUMN_HIDDEN},
    {FIELD_PRECISION, -1, "Precision", COLUMN_STR, COLUMN_OPTIONAL},
    {FIELD_MERGED, -1, "Merged", COLUMN_BOOL, COLUMN_OPTIONAL},
    {FIELD_LICENSE, -1, "Hub License", COLUMN_STR, COLUMN_OPTIONAL},
    {FIELD_PARAMS, -1, "#Params (B)", COLUMN_NUMBER, COLUMN_OPTIONAL},
    {FIELD_LIKES, -1, "Hub ❤️", COLUMN_NUMBER, COLUMN_OPTIONAL},
    {FIELD_AVAILABLE, -1, "Available on the hub", COLUMN_BOOL, COLUMN_HIDDEN},
    {FIELD_SHA, -1, "Model sha", COLUMN_STR, COLUMN_OPTIONAL},
    {FIELD_FLAGGED, -1, "Flagged", COLUMN_BOOL, COLUMN_HIDDEN},
    {FIELD_MOE, -1, "MoE", COLUMN_BOOL, COLUMN_HIDDEN},
    {FIELD_NAME, -1, "model_name_for_query", COLUMN_STR, COLUMN_NAME},
};

enum { BEFORE = sizeof(before) / sizeof(before[0]), AFTER = sizeof(after) / sizeof(after[0]) };

bool
columns_frame_has(const char *header)
{
    for (size_t i = 0; i < BEFORE; i++)
        if (before[i].header && strcmp(before[i].header, header) == 0)
            return true;
    for (size_t i = 0; i < AFTER; i++)
        if (strcmp(after[i].header, header) == 0)
            return true;
    /* What later versions call the name column. */
    return strcmp(header, "fullname") == 0;
}

int
board_make_columns(struct board *board)
{
    const struct board_config *config = board->config;
    const struct benchmark *benchmarks = config->benchmarks.items;
    size_t n = BEFORE + config->benchmarks.n + AFTER;
    struct board_column *columns = jb_arena_array(board->arena, n, sizeof(*columns));
    size_t at = 0;

    if (!columns)
        return JB_ENOMEM;
    for (size_t i = 0; i < BEFORE; i++) {
        columns[at] = before[i];
        if (columns[at].field == FIELD_AVERAGE)
            columns[at].header = config->average_header;
        at++;
    }
    for (size_t i = 0; i < config->benchmarks.n; i++)
        columns[at++] = (struct board_column){FIELD_SCORE, (int)i, benchmarks[i].header,
                                              COLUMN_NUMBER, COLUMN_DEFAULT};
    for (size_t i = 0; i < AFTER; i++)
        columns[at++] = after[i];
    board->columns = columns;
    board->n_columns = n;
    return 0;
}
