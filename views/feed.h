/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atom feeds (RFC 4287): new results on the board and what happened to requests. Ids are tag
 * URIs (RFC 4151) that hold what an entry is about and when it happened, so that they never
 * change; links are relative to the host. Titles are in both languages.
 */
#pragma once

#include "base/conf.h"
#include "board/board.h"
#include "queue/lists.h"

#define FEED_RESULTS 50
#define FEED_STATUS  100

struct feed {
    const struct conf *conf;
    const struct board *board;
    const struct queue_lists *lists;
    const char *name; /* of this board among all, [a-z0-9]+: part of every id */
};

/* Rows by the time of their evaluation, newest first, the first FEED_RESULTS. A row of unknown
 * time stands by the time of its submission, or not at all. JB_ENOMEM and errors of `out`. */
int feed_put_results(const struct feed *feed, struct jb_buf *out, struct jb_error *err);

/* Submitted, started, finished, failed, cancelled: newest first, the first FEED_STATUS. Errors
 * as above. */
int feed_put_status(const struct feed *feed, struct jb_buf *out, struct jb_error *err);
