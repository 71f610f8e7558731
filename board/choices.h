/* SPDX-License-Identifier: Apache-2.0 */
/* The choices of the filters, as people and Gradio clients name them. */
#pragma once

#include "board/board.h"

#define BOARD_LABEL_SIZE 160
#define BOARD_HIDES      4

/* "🟢 pretrained"; "? " for the unknown type (symbol, blank, empty name, as the Space has
 * it). */
void board_type_label(const struct board_config *config, size_t type,
                      char out[BOARD_LABEL_SIZE]);

/* "Private or deleted", … for i in 0..BOARD_HIDES-1; its bit is 1 << i. */
const char *board_hide_label(size_t i);

/* Precisions of the config and "?" after them. */
size_t board_precisions(const struct board_config *config);
const char *board_precision_label(const struct board_config *config, size_t i);

/* From a label to the index of the choice, -1 if it is none. A type is known by its label, its
 * icon or its key. */
int board_type_find(const struct board_config *config, struct jb_str label);
int board_precision_find(const struct board_config *config, struct jb_str label);
int board_size_find(const struct board_config *config, struct jb_str label);
int board_hide_find(struct jb_str label);
int board_column_find(const struct board *board, struct jb_str header);

/* Whether the column selector offers the column. */
bool board_column_selectable(const struct board_column *column);
