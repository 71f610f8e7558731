/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every native page, error pages, and the files that pages refer to. */
#pragma once

#include "base/buf.h"
#include "base/conf.h"
#include "views/texts.h"

/* A file compiled in: style sheets, the small script, the icon. The name carries a hash of the
 * content, so that it may be cached for ever: /static/board.<hash>.css under the mount. */
struct asset {
    const char *name; /* "board.css" */
    const char *path; /* "board.<8 hex>.css" */
    const char *type; /* MIME type */
    struct jb_str content;
};
const struct asset *asset_find(const char *path); /* by name or by path; NULL */
size_t asset_count(void);
const struct asset *asset_at(size_t i);

struct page {
    const char *title;
    enum text_lang lang;
    const char
        *here; /* path of this page without the mount, for navigation and the language switch */
    int refresh; /* seconds until a browser loads it again; 0 never */
};

/* <!doctype … <body> and </body></html>; between them one <div class="jb">. */
void layout_start(const struct conf *conf, const struct page *page, struct jb_buf *out);
void layout_end(const struct conf *conf, const struct page *page, struct jb_buf *out);

/* Title and navigation. On the board's own pages `subtitle` follows the title; elsewhere it is
 * the name of the board (NULL: site.title). */
void layout_put_top(const struct conf *conf, const struct page *page, const char *subtitle,
                    struct jb_buf *out);

/* What <head> needs for the board's look, all of it files of ours: the style sheet and icon,
 * which come as early as they can, and the scripts, which on `/` may stand only behind the
 * config that clients take for the second script. For pages that make their own frame. */
void layout_put_links(const struct conf *conf, struct jb_buf *out);
void layout_put_scripts(const struct conf *conf, struct jb_buf *out);

/* A whole error page: what happened, why, what to do, in both languages. `reason` is a phrase
 * without a full stop. */
void layout_error_page(const struct conf *conf, int status, const char *reason,
                       struct jb_buf *out);

/* CSP of the native pages. They have no inline script and no inline style. */
void layout_put_csp(const struct conf *conf, struct jb_buf *out);
