/* SPDX-License-Identifier: Apache-2.0 */
/* What a site is made from, and the site itself: private to gradio/. */
#pragma once

#include "base/json.h"
#include "gradio/choices.h"
#include "gradio/frontend.h"
#include "gradio/session.h"
#include "gradio/site.h"
#include "views/cells.h"
#include "views/texts.h"

struct gradio_site {
    struct jb_arena *arena;
    struct board *board;
    struct queue_lists *lists;
    const struct cells *cells;
    struct choices choices[CHOICES_MAX];
    uint64_t app_id;
    bool show_error;

    uint64_t columns_all;     /* of the full table */
    uint64_t columns_always;  /* pinned, and the name column */
    const uint32_t *rows_all; /* the baseline last */
    size_t n_all;
    const uint32_t *rows_default; /* what the board shows unasked */
    size_t n_default;

    struct jb_buf config, info, head, tail, csp;
    struct jb_blob *predict;        /* answer of /predict */
    struct jb_blob *update_default; /* answer of /update_table with nothing chosen */
};

/* The JSON of a config without its last member, `"root":…}`. */
int config_put(const struct gradio_site *site, const struct conf *conf,
               const struct texts *texts, struct jb_buf *out, struct jb_error *err);

/* The `components` array alone; config_put() calls it. */
void config_put_components(const struct gradio_site *site, const struct conf *conf,
                           const struct texts *texts, struct jb_json *j);

/* A queue table as a frame: {"headers":…,"data":…,"metadata":null}, at most `max` rows. The
 * model leads to the page of the request under `mount`. */
void queue_frame_put(const struct queue_lists *lists, enum queue_table table, size_t max,
                     const char *mount, struct jb_json *j);
/* The columns of the Space, and of what failed or was cancelled two more. */
size_t queue_frame_columns(enum queue_table table);
#define QUEUE_FRAME_COLUMNS 8
extern const char *const queue_frame_headers[QUEUE_FRAME_COLUMNS];
extern const char *const queue_frame_types[QUEUE_FRAME_COLUMNS];

/* Body of GET /info. */
int info_put(const struct gradio_site *site, struct jb_buf *out, struct jb_error *err);

/* head, tail and csp of the site, from its config and info. */
int page_make(struct gradio_site *site, const struct conf *conf,
              const struct gradio_frontend *frontend, struct jb_error *err);
