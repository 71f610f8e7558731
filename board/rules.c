/* SPDX-License-Identifier: Apache-2.0 */
#include "board/rules.h"

int
board_submit_rules(const struct board_config *config, const struct conf *conf,
                   struct jb_arena *arena, struct submit_rules *ret_rules)
{
    const struct board_type *types = config->types.items;
    size_t n = config->types.n ? config->types.n - 1 : 0; /* the last one is unknown */
    struct submit_type *offered = jb_arena_array(arena, n ? n : 1, sizeof(*offered));

    if (!offered)
        return JB_ENOMEM;
    for (size_t i = 0; i < n; i++)
        offered[i] = (struct submit_type){types[i].key, types[i].icon, types[i].label};
    *ret_rules = (struct submit_rules){
        .conf = conf, .precisions = config->precisions, .types = offered, .n_types = n};
    return 0;
}
