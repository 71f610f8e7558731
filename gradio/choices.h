/* SPDX-License-Identifier: Apache-2.0 */
/* What can be chosen in each control, made from a board once: text, what it stands for, ticked
 * by default or not. Config, info and calls all read it here. */
#pragma once

#include "base/buf.h"
#include "board/board.h"

enum choice_set {
    CHOICES_NONE,
    CHOICES_COLUMNS,    /* bit = column of the board */
    CHOICES_HIDE,       /* bits of enum board_hide */
    CHOICES_TYPES,      /* bit = type of the board's config */
    CHOICES_PRECISIONS, /* bit = precision, `?` last */
    CHOICES_SIZES,
    CHOICES_FORM_TYPE, /* of the submission form */
    CHOICES_FORM_PRECISION,
    CHOICES_FORM_WEIGHT,
    CHOICES_MAX,
};

struct choice {
    struct jb_str text;
    uint64_t bits;
    bool ticked;
};

struct choices {
    size_t n;
    const struct choice *items;
    uint64_t ticked; /* bits of those ticked by default */
};

/* Fills CHOICES_MAX sets; memory from `arena`. JB_ENOMEM; JB_ENOTSUP for a board with more
 * choices than bits. */
int choices_make(const struct board *board, struct jb_arena *arena, struct jb_error *err,
                 struct choices sets[CHOICES_MAX]);

const struct choice *choices_find(const struct choices *set,
                                  struct jb_str text); /* NULL: none */

/* The texts as Python shows a list: ['a', 'b'] without the brackets. */
void choices_put_python(const struct choices *set, struct jb_buf *out);
