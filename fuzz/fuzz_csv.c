/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, as CSV and as JSON: every cell of what was read can be read. */
#include "store/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
look(const struct table *table)
{
    size_t sum = 0;

    for (size_t c = 0; c < table->columns; c++)
        sum += strlen(table->headers[c]);
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        const struct cell *cell = &table->cells[i];

        if (cell->kind == CELL_TEXT && !cell->text)
            abort();
        if (cell->text)
            sum += strlen(cell->text);
    }
    if (sum == SIZE_MAX)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jb_arena *arena = jb_arena_new(64u << 20);
    struct jb_str bytes = {(const char *)data, n};
    struct jb_error err = {0};
    struct table table;

    if (!arena)
        return 0;
    if (table_read_csv(bytes, arena, &err, &table) == 0)
        look(&table);
    else if (!err.code)
        abort();
    jb_error_clear(&err);
    if (table_read_json(bytes, arena, &err, &table) == 0)
        look(&table);
    else if (!err.code)
        abort();
    jb_arena_free(arena);
    return 0;
}
