/* SPDX-License-Identifier: Apache-2.0 */
/* One model: /models/<id>. Its rows, requests, result files, flag and former names. */
#pragma once

#include "board/board.h"
#include "queue/lists.h"
#include "views/frame.h"

struct model_facts {
    struct jb_str model;  /* present id */
    const uint32_t *rows; /* of the board */
    size_t n_rows;
    const struct queue_entry *const *requests; /* newest first */
    size_t n_requests;
    const struct result *results; /* those that a row shows, newest first; without documents */
    size_t n_results;
    const char *const *former; /* names that lead here */
    size_t n_former;
    const char *flag; /* address of the discussion, "" without one; NULL not flagged */
    bool blocked;     /* its authors asked for it not to be on the board */
    bool gone;        /* no longer on the hub */
};

/* Whether there is anything to show. */
bool model_facts_any(const struct model_facts *facts);

/* The whole page. JB_ENOMEM. */
int model_page_put(const struct conf *conf, const struct board *board,
                   const struct model_facts *facts, enum text_lang lang, struct jb_buf *out,
                   struct jb_error *err);
