/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue: what runs, waits, is finished, failed or was cancelled, each a table of
 * QUEUE_PAGE_ROWS rows a page. The default view shows the first page of every table.
 */
#pragma once

#include "queue/lists.h"
#include "views/frame.h"

#define QUEUE_PAGE_ROWS 50

struct queue_view {
    enum queue_table table; /* QUEUE_TABLE_NONE: all of them */
    size_t page;            /* 1 is the first */
};

/*
 * `table` ("failed") and `page` as they stand in an address, empty where they do not; a page
 * without a table is a mistake. A page behind the last one is JB_ENOENT, everything else that
 * is wrong JB_EINVAL.
 */
int queue_view_read(const struct queue_lists *lists, struct jb_str table, struct jb_str page,
                    struct jb_error *err, struct queue_view *ret_view);

/* The whole page. `now`: when the lists were made, which their estimates count from. JB_ENOMEM.
 */
int queue_page_put(const struct conf *conf, const struct board_config *board,
                   const struct queue_lists *lists, int64_t now, enum text_lang lang,
                   const struct queue_view *view, struct jb_buf *out, struct jb_error *err);
