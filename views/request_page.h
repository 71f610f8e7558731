/* SPDX-License-Identifier: Apache-2.0 */
/* One submission, for people: /requests/<id>. */
#pragma once

#include "board/board.h"
#include "queue/answer.h"
#include "queue/lists.h"
#include "views/evaluation.h"

/* What is known of a request; also views/request_json.h. */
struct request_facts {
    const struct request *request;
    const struct job *job;           /* of queue_load() */
    const struct queue_entry *entry; /* of the lists, for place and estimate; NULL none */
    int64_t lists_time;              /* what its estimate counts from */
    const struct board_row *row;     /* that the request stands behind; NULL none */
    struct evaluation evaluation;
};

struct request_view {
    const struct queue_answer *answer; /* to a form of this page; NULL none */
    bool manage; /* the forms for the secret are open (`?manage=1`), so it does not reload */
};

/* Seconds after which the page loads itself again: often while something is under way, seldom
 * while it waits for its turn, 0 when nothing more happens by itself. */
int request_page_refresh(const struct request_facts *facts, const struct request_view *view);

/* The whole page. JB_ENOMEM. */
int request_page_put(const struct conf *conf, const struct board *board,
                     const struct request_facts *facts, const struct request_view *view,
                     enum text_lang lang, struct jb_buf *out, struct jb_error *err);

/* The scores of a row as a list, for pages about one model. */
void row_scores_put(const struct board *board, const struct board_row *row, enum text_lang lang,
                    struct jb_buf *out);
