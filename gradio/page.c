/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around the board in `/`. Scrapers take the second script element of the document
 * and cut a fixed number of characters off both ends: exactly one script stands before the
 * config, and the config's element has no attribute and nothing but the assignment in it.
 */
#include <config.h> /* memmem */
#include "gradio/parts.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "views/layout.h"

#include <string.h>

static void
put_meta(const struct conf *conf, const struct board_config *board, struct jb_buf *b)
{
    const char *title = board->title && *board->title ? board->title : conf->site.title;

    jb_buf_puts(b, "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<title>");
    if (board->title_zh && *board->title_zh) {
        jb_put_html(b, jb_str(board->title_zh));
        jb_buf_puts(b, " · ");
    }
    jb_put_html(b, jb_str(title));
    jb_buf_puts(b, "</title>\n");
}

static void
put_root(struct jb_buf *b, const char *root)
{
    jb_buf_puts(b, ",\"root\":");
    jb_put_json(b, jb_str(root));
    jb_buf_putc(b, '}');
}

/* Adds 'sha256-…' of every inline script (an element without attributes) of `html`. */
static int
put_script_hashes(struct jb_buf *csp, struct jb_str html)
{
    static const char open[] = "<script>", close[] = "</script>";
    const char *p = html.p, *end = html.p + html.n;
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char text[4 * ((CRYPTO_SHA256_SIZE + 2) / 3) + 1];

    while ((p = memmem(p, (size_t)(end - p), open, sizeof(open) - 1))) {
        const char *stop;
        int rc;

        p += sizeof(open) - 1;
        stop = memmem(p, (size_t)(end - p), close, sizeof(close) - 1);
        if (!stop)
            break;
        rc = crypto_sha256((struct jb_str){p, (size_t)(stop - p)}, digest);
        if (rc)
            return rc;
        crypto_base64(digest, sizeof(digest), text);
        jb_buf_printf(csp, " 'sha256-%s'", text);
        p = stop;
    }
    return 0;
}

static int
make_csp(struct gradio_site *site, const struct conf *conf)
{
    struct jb_buf *b = &site->csp;
    int rc;

    jb_buf_puts(b, "default-src 'self'; script-src 'self'");
    rc = put_script_hashes(b, jb_buf_view(&site->head));
    if (!rc)
        rc = put_script_hashes(b, jb_buf_view(&site->tail));
    /* the front end sets styles on its elements */
    jb_buf_puts(b, "; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
                   "font-src 'self' data:; connect-src 'self'; object-src 'none'; "
                   "base-uri 'self'; form-action 'self'; frame-ancestors ");
    jb_buf_puts(b, *conf->site.frame_ancestors ? conf->site.frame_ancestors : "'self'");
    return rc ? rc : b->err;
}

/* What starts the front end. The names were checked to be harmless. */
static void
put_frontend(const struct conf *conf, const struct gradio_frontend *f, struct jb_buf *b)
{
    const char *mount = conf->site.mount;

    for (size_t i = 0; i < f->styles.n; i++)
        jb_buf_printf(b, "<link rel=\"stylesheet\" crossorigin href=\"%s/%s\">\n", mount,
                      f->styles.items[i]);
    for (size_t i = 0; i < f->preloads.n; i++)
        jb_buf_printf(b, "<link rel=\"modulepreload\" crossorigin href=\"%s/%s\">\n", mount,
                      f->preloads.items[i]);
    jb_buf_printf(b, "<script type=\"module\" crossorigin src=\"%s/%s\"></script>\n", mount,
                  f->entry);
}

int
page_make(struct gradio_site *site, const struct conf *conf,
          const struct gradio_frontend *frontend, struct jb_error *err)
{
    struct jb_buf *b = &site->head;
    int rc;

    put_meta(conf, board_config_of(site->board), b);
    layout_put_links(conf, b);
    jb_buf_puts(b, "<script>window.__gradio_mode__ = \"app\";</script>\n"
                   "<script>window.gradio_config = ");
    jb_put_script_json(b, jb_buf_view(&site->config));
    put_root(b, *conf->site.mount ? conf->site.mount : "/");
    jb_buf_puts(b, ";</script>\n<script>window.gradio_api_info = ");
    jb_put_script_json(b, jb_buf_view(&site->info));
    jb_buf_puts(b, ";</script>\n");
    layout_put_scripts(conf, b);
    if (frontend && frontend->version)
        put_frontend(conf, frontend, b);
    jb_buf_puts(b, "</head>\n<body>\n<gradio-app control_page_title=\"true\" embed=\"false\" "
                   "eager=\"true\" style=\"display: flex; flex-direction: column; "
                   "flex-grow: 1\">\n");
    jb_buf_puts(&site->tail, "</gradio-app>\n</body>\n</html>\n");
    rc = b->err ? b->err : site->tail.err;
    if (!rc)
        rc = make_csp(site, conf);
    if (rc)
        return jb_fail(err, rc, "the page cannot be made");
    put_root(&site->config, "");
    return site->config.err ? jb_fail(err, site->config.err, "the config cannot be made") : 0;
}
