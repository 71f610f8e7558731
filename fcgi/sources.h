/* SPDX-License-Identifier: Apache-2.0 */
/* What a site is made from beside the store, and the making. For keeper.c and site.c. */
#pragma once

#include "fcgi/site.h"
#include "gradio/frontend.h"

struct sources *sources_ref(struct sources *sources);
const struct board_config *sources_board(const struct sources *sources);
const struct texts *sources_texts(const struct sources *sources);
const struct gradio_frontend *sources_frontend(const struct sources *sources);

/* One site from a consistent view of the store; `app_id` is fixed per process. What `before`
 * (NULL: none) shows of the board is taken over when only the queue has changed since. */
int site_new(struct sources *sources, struct store *store, const struct site *before,
             uint64_t app_id, struct jb_error *err, struct site **ret_site);
