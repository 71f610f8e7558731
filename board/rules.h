/* SPDX-License-Identifier: Apache-2.0 */
/* What a board takes submissions of, for queue/submit.h. */
#pragma once

#include "board/config.h"
#include "queue/submit.h"

/* Lives in the arena and in both arguments. JB_ENOMEM. */
int board_submit_rules(const struct board_config *config, const struct conf *conf,
                       struct jb_arena *arena, struct submit_rules *ret_rules);
