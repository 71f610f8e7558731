/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts: what each has and what runs there. Names only, no addresses. */
#pragma once

#include "queue/lists.h"
#include "queue/registry.h"
#include "views/frame.h"

/* What the state of a host is called. */
void host_label_put(enum queue_host_state state, enum text_lang lang, struct jb_buf *out);

/* The whole page; a run whose request stands in no list (hidden) is not named. `now`: when the
 * lists were made. JB_ENOMEM. */
int hosts_page_put(const struct conf *conf, const struct board_config *board,
                   const struct queue_registry *registry, const struct queue_lists *lists,
                   int64_t now, enum text_lang lang, struct jb_buf *out, struct jb_error *err);
