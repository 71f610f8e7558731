/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for people and the files they refer to. */
#include "fcgi/handlers.h"
#include "fcgi/server.h"
#include "views/layout.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_MAX = 64 << 20 };

static void
answer_ready(struct handling *h, enum site_ready which)
{
    response_ready(h->response, h->request, &h->site->ready[which]);
}

/* A view that somebody asked for in the URL: the board is rendered, the rest was ready. Not
 * compressed here; nginx does that for what has no Content-Encoding. */
static void
answer_view(struct handling *h, enum text_lang lang, const struct board_view *view)
{
    struct jb_buf b = JB_BUF(PAGE_MAX);
    struct jb_error err = {0};
    int rc = site_render(h->site, lang, view, h->request->arena, &err, &b);

    if (rc) {
        jb_buf_free(&b);
        server_error(h, jb_error_status(rc), err.text[0] ? err.text : jb_strerror(rc));
        return;
    }
    struct jb_blob *board = jb_blob_from_buf(&b);
    if (!board) {
        server_error(h, 500, "out of memory");
        return;
    }
    struct response *r = h->response;
    struct jb_str head = {NULL, 0}, tail = {NULL, 0};
    if (lang == LANG_MAX) {
        head = gradio_site_page_head(h->site->gradio);
        tail = gradio_site_page_tail(h->site->gradio);
    }
    response_header(r, "Content-Type", "text/html; charset=utf-8");
    response_header(r, "Content-Security-Policy",
                    lang == LANG_MAX ? gradio_site_csp(h->site->gradio) : h->site->csp);
    response_header(r, "Cache-Control", "no-cache");
    response_header(r, "Vary", "Accept-Encoding");
    jb_buf_printf(&r->head, "Content-Length: %zu\r\n", head.n + board->n + tail.n);
    response_slice(r, head, NULL);
    response_slice(r, (struct jb_str){board->p, board->n}, board);
    response_slice(r, tail, NULL);
    jb_blob_unref(board);
}

static void
answer_board(struct handling *h, enum text_lang lang, enum site_ready which)
{
    struct board_view view;
    struct jb_error err = {0};
    int rc = 0;

    if (h->request->query.n == 0) {
        answer_ready(h, which);
        return;
    }
    rc = board_view_parse(h->site->board, h->request->query, &h->site->limits,
                          h->request->arena, &err, &view);
    if (rc)
        server_error(h, jb_error_status(rc), err.text[0] ? err.text : jb_strerror(rc));
    else if (board_view_is_default(h->site->board, &view))
        answer_ready(h, which);
    else
        answer_view(h, lang, &view);
}

void
handle_home(struct handling *h)
{
    answer_board(h, LANG_MAX, READY_HOME);
}

void
handle_zh(struct handling *h)
{
    answer_board(h, LANG_ZH, READY_ZH);
}

void
handle_en(struct handling *h)
{
    answer_board(h, LANG_EN, READY_EN);
}

void
handle_about(struct handling *h)
{
    answer_ready(h, READY_ABOUT);
}

void
handle_about_zh(struct handling *h)
{
    answer_ready(h, READY_ABOUT_ZH);
}

void
handle_about_en(struct handling *h)
{
    answer_ready(h, READY_ABOUT_EN);
}

void
handle_faq(struct handling *h)
{
    answer_ready(h, READY_FAQ);
}

void
handle_faq_zh(struct handling *h)
{
    answer_ready(h, READY_FAQ_ZH);
}

void
handle_faq_en(struct handling *h)
{
    answer_ready(h, READY_FAQ_EN);
}

void
handle_history(struct handling *h)
{
    answer_ready(h, READY_HISTORY);
}

void
handle_history_zh(struct handling *h)
{
    answer_ready(h, READY_HISTORY_ZH);
}

void
handle_history_en(struct handling *h)
{
    answer_ready(h, READY_HISTORY_EN);
}

static void
answer_asset(struct handling *h, const char *name)
{
    const struct ready *ready = server_asset(h->server, name);

    if (ready)
        response_ready(h->response, h->request, ready);
    else
        server_error(h, 404, "there is no such file");
}

void
handle_static(struct handling *h)
{
    char name[128];

    snprintf(name, sizeof(name), "%.*s", JB_STR_FMT(h->request->param[0]));
    const struct asset *asset = asset_find(name);
    if (asset && strcmp(asset->path, name) != 0) {
        /* What may be cached for ever stands only under the name with the hash. */
        h->response->status = 307;
        jb_buf_printf(&h->response->head,
                      "Location: %s/static/%s\r\nCache-Control: no-cache\r\nContent-Length: "
                      "0\r\n",
                      h->site->conf->site.mount, asset->path);
        return;
    }
    answer_asset(h, name);
}

void
handle_favicon(struct handling *h)
{
    answer_asset(h, "favicon.svg");
}

void
handle_theme(struct handling *h)
{
    answer_asset(h, "theme.css");
    response_cors(h->response, h->request);
}
