/* SPDX-License-Identifier: Apache-2.0 */
/* A native page of /path, /zh/path and /en/path around what it shows. */
#pragma once

#include "board/config.h"
#include "views/layout.h"

struct frame {
    const struct conf *conf;
    const struct board_config *board;
    enum text_lang lang;
    const char *path;    /* of the page, without mount and language, escaped for an address */
    const char *zh, *en; /* its title, plain text; `en` "" where one does for both */
    const char *class_;  /* of <main>, beside jb-text; "" */
    int refresh;         /* seconds until it is loaded again; 0 never */
};

/* Everything before and behind the content. Errors stand in `out`. */
void frame_start(const struct frame *frame, struct jb_buf *out);
void frame_end(const struct frame *frame, struct jb_buf *out);

/* Mount and language, what an address of a page in the same language begins with. */
void frame_put_base(const struct conf *conf, enum text_lang lang, struct jb_buf *out);
