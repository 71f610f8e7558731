/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An evaluation for people: how far it is, the attempts at it, its log. Names and reasons come
 * from hosts: all is escaped.
 */
#pragma once

#include "board/config.h"
#include "queue/attempts.h"
#include "views/frame.h"

struct evaluation {
    const struct queue_attempt *attempts; /* newest first */
    size_t n_attempts;
    const struct queue_log *log; /* end of the log of the newest; NULL nothing to show */
    int64_t now;
};

/* The newest attempt when it is under way, else NULL. */
const struct queue_attempt *evaluation_live(const struct evaluation *e);

/* The header of a benchmark's column, or the key when the board has none of it. */
struct jb_str benchmark_label(const struct board_config *board, const char *key);

/* A bar, which host runs which benchmark since when, and what is done. Nothing of one that is
 * not under way. */
void evaluation_put_progress(const struct evaluation *e, const struct board_config *board,
                             enum text_lang lang, struct jb_buf *out);
/* A table with heading; nothing when there was none. */
void evaluation_put_attempts(const struct evaluation *e, const struct conf *conf,
                             enum text_lang lang, struct jb_buf *out);
/* The end of the log, open while it grows, with the address of all of it. */
void evaluation_put_log(const struct evaluation *e, const struct conf *conf, uint64_t request,
                        enum text_lang lang, struct jb_buf *out);
