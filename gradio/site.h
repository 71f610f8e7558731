/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Gradio face of one snapshot: everything that depends only on the board and the queue
 * tables, made once per change. Immutable; owned by the snapshot that made it.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/error.h"
#include "board/board.h"
#include "queue/lists.h"

struct gradio_site;
struct texts;           /* views/texts.h */
struct gradio_frontend; /* gradio/frontend.h */
struct cells;           /* views/cells.h */

/* `app_id` is fixed per process start; without a `frontend` (NULL, or one without version) `/`
 * is the board alone. The site keeps references to board and lists. */
int gradio_site_new(const struct conf *conf, struct board *board, struct queue_lists *lists,
                    const struct cells *cells, const struct texts *texts,
                    const struct gradio_frontend *frontend, uint64_t app_id,
                    struct jb_error *err, struct gradio_site **ret_site);
void gradio_site_free(struct gradio_site *site);

/* Ready bodies. Owned by the site. */
struct jb_str gradio_site_config(const struct gradio_site *site); /* GET /config: root "" */
struct jb_str gradio_site_info(const struct gradio_site *site);   /* GET /info */

/* The page `/` in three parts: what stands before the server-rendered board (doctype, scripts
 * with config and info, head), and what stands after it. The board itself comes from views/. */
struct jb_str gradio_site_page_head(const struct gradio_site *site);
struct jb_str gradio_site_page_tail(const struct gradio_site *site);
/* The functions as members of `paths` of an OpenAPI document, whose schemas have an Error. */
struct jb_json;
void gradio_site_put_paths(const struct gradio_site *site, struct jb_json *j);
/* The number of /app_id and of the config. */
uint64_t gradio_site_app_id(const struct gradio_site *site);
/* Content-Security-Policy of that page, with the hashes of its inline scripts. */
const char *gradio_site_csp(const struct gradio_site *site);
