/* SPDX-License-Identifier: Apache-2.0 */
#include "board/choices.h"

#include <stdio.h>
#include <string.h>

static const char *const hides[BOARD_HIDES] = {"Private or deleted", "Contains a merge/moerge",
                                               "Flagged", "MoE"};

static const struct board_type *
type_at(const struct board_config *config, size_t i)
{
    return (const struct board_type *)config->types.items + i;
}

void
board_type_label(const struct board_config *config, size_t type, char out[BOARD_LABEL_SIZE])
{
    const struct board_type *t = type_at(config, type);

    snprintf(out, BOARD_LABEL_SIZE, "%s %s", t->icon, t->label);
}

const char *
board_hide_label(size_t i)
{
    return i < BOARD_HIDES ? hides[i] : "";
}

size_t
board_precisions(const struct board_config *config)
{
    return config->precisions.n + 1;
}

const char *
board_precision_label(const struct board_config *config, size_t i)
{
    return i < config->precisions.n ? config->precisions.items[i] : "?";
}

int
board_type_find(const struct board_config *config, struct jb_str label)
{
    char text[BOARD_LABEL_SIZE];

    for (size_t i = 0; i < config->types.n; i++) {
        const struct board_type *t = type_at(config, i);
        board_type_label(config, i, text);
        if (jb_str_is(label, text) || jb_str_is(label, t->icon) || jb_str_is(label, t->key))
            return (int)i;
    }
    return -1;
}

int
board_precision_find(const struct board_config *config, struct jb_str label)
{
    for (size_t i = 0; i < board_precisions(config); i++)
        if (jb_str_is(label, board_precision_label(config, i)))
            return (int)i;
    return -1;
}

int
board_size_find(const struct board_config *config, struct jb_str label)
{
    const struct board_size *sizes = config->sizes.items;

    for (size_t i = 0; i < config->sizes.n; i++)
        if (jb_str_is(label, sizes[i].label))
            return (int)i;
    return -1;
}

int
board_hide_find(struct jb_str label)
{
    for (int i = 0; i < BOARD_HIDES; i++)
        if (jb_str_is(label, hides[i]))
            return i;
    return -1;
}

int
board_column_find(const struct board *board, struct jb_str header)
{
    for (size_t i = 0; i < board_columns(board); i++)
        if (jb_str_is(header, board_column(board, i)->header))
            return (int)i;
    return -1;
}

bool
board_column_selectable(const struct board_column *column)
{
    return column->state == COLUMN_DEFAULT || column->state == COLUMN_OPTIONAL;
}
