/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every native page, error pages, and the files that pages refer to. */
#pragma once

#include "base/buf.h"
#include "base/conf.h"
#include "views/texts.h"

/* A file compiled in: style sheets, the small script, the icon. The name carries a hash of the
 * content, so that it may be cached for ever: /static/board.<hash>.css under the mount. */
struct asset {
    const char *name;      /* "board.css" */
    const char *path;      /* "board.<8 hex>.css" */
    const char *type;      /* MIME type */
    struct jb_str content;
};
const struct asset *asset_find(const char *path); /* by name or by path; NULL */
size_t asset_count(void);
const struct asset *asset_at(size_t i);

struct page {
    const char *title;
    enum text_lang lang;
    const char *here; /* path of this page without the mount, for navigation and the language switch */
};

/* <!doctype … <main> and </main> … </html>. */
void layout_start(const struct conf *conf, const struct page *page, struct jb_buf *out);
void layout_end(const struct conf *conf, const struct page *page, struct jb_buf *out);

/* What <head> needs for the board's look (style sheet link, color-scheme, theme switch), for pages
 * that make their own frame. */
void layout_put_head(const struct conf *conf, struct jb_buf *out);

/* A whole error page: what happened, why, what to do, in both languages. */
void layout_error_page(const struct conf *conf, int status, const char *reason, struct jb_buf *out);

/* CSP of the native pages, with the hash of the inline theme script. */
const char *layout_csp(void);
