/* SPDX-License-Identifier: Apache-2.0 */
#include "views/texts.h"
#include "base/buf.h"
#include "base/text.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_FILE_MAX = 256 << 10 };

struct texts {
    struct text items[LANG_MAX][TEXT_MAX];
    struct jb_buf markdown[LANG_MAX][TEXT_MAX];
    char *html[LANG_MAX][TEXT_MAX];
};

static const char *const names[TEXT_MAX] = {"intro", "about", "faq", "submit"};

const char *
text_lang_code(enum text_lang lang)
{
    return lang == LANG_EN ? "en" : "zh";
}

/* 0, JB_ENOENT, or an error with the file's name. */
static int
read_file(const char *path, struct jb_buf *ret_text, struct jb_error *err)
{
    char chunk[8192];
    struct jb_buf b = JB_BUF(TEXT_FILE_MAX);
    FILE *f = fopen(path, "re");

    if (!f)
        return errno == ENOENT || errno == ENOTDIR ? JB_ENOENT
                                                   : jb_fail_errno(err, errno, "%s", path);
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
        jb_buf_put(&b, chunk, n);
    int rc = 0;
    if (ferror(f))
        rc = jb_fail_errno(err, errno, "%s", path);
    else if (b.err == JB_ETOOBIG)
        rc = jb_fail(err, JB_ETOOBIG, "%s: a text has at most %d KiB", path,
                     TEXT_FILE_MAX >> 10);
    else if (b.err)
        rc = jb_fail(err, b.err, "out of memory");
    fclose(f);
    size_t bad = b.p ? jb_utf8_valid(b.p, b.n) : 0;
    if (rc == 0 && bad != b.n)
        rc = jb_fail(err, JB_EPARSE, "%s: is not UTF-8 at byte %zu", path, bad);
    if (rc)
        jb_buf_free(&b);
    else
        *ret_text = b;
    return rc;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* GitHub's flavour: tables and plain addresses as links. Raw HTML and script links are dropped,
 * which is what cmark does unless told otherwise. */
static char *
render(const char *text, size_t n)
{
    pthread_once(&once, cmark_gfm_core_extensions_ensure_registered);
    cmark_parser *parser = cmark_parser_new(CMARK_OPT_DEFAULT);
    static const char *const extensions[] = {"table", "autolink", "strikethrough"};
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        cmark_syntax_extension *e = cmark_find_syntax_extension(extensions[i]);
        if (e)
            cmark_parser_attach_syntax_extension(parser, e);
    }
    cmark_parser_feed(parser, text, n);
    cmark_node *document = cmark_parser_finish(parser);
    char *html = document ? cmark_render_html(document, CMARK_OPT_DEFAULT,
                                              cmark_parser_get_syntax_extensions(parser))
                          : NULL;
    cmark_node_free(document);
    cmark_parser_free(parser);
    return html;
}

static int
load_one(struct texts *t, const char *folder, enum text_lang lang, enum text_name name,
         struct jb_error *err)
{
    char path[4096];
    struct jb_buf *markdown = &t->markdown[lang][name];
    int rc = JB_ENOENT;

    if (folder[0]) {
        snprintf(path, sizeof(path), "%s/%s/%s.md", folder, text_lang_code(lang), names[name]);
        rc = read_file(path, markdown, err);
    }
    if (rc == JB_ENOENT) {
        snprintf(path, sizeof(path), "%s/texts/%s/%s.md", JB_PKGDATADIR, text_lang_code(lang),
                 names[name]);
        rc = read_file(path, markdown, err);
        if (rc == JB_ENOENT)
            rc = jb_fail(err, rc, "%s: there is no such file, and none in site.texts", path);
    }
    if (rc)
        return rc;
    char *html = render(markdown->p ? markdown->p : "", markdown->n);
    if (!html)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    t->html[lang][name] = html;
    t->items[lang][name] =
        (struct text){.markdown = jb_buf_view(markdown), .html = jb_str(html)};
    return 0;
}

int
texts_load(const char *folder, struct jb_error *err, struct texts **ret_texts)
{
    struct texts *t = calloc(1, sizeof(*t));

    if (!t)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (int lang = 0; lang < LANG_MAX; lang++) {
        for (int name = 0; name < TEXT_MAX; name++) {
            int rc = load_one(t, folder, (enum text_lang)lang, (enum text_name)name, err);
            if (rc) {
                texts_free(t);
                return rc;
            }
        }
    }
    *ret_texts = t;
    return 0;
}

void
texts_free(struct texts *t)
{
    if (!t)
        return;
    for (int lang = 0; lang < LANG_MAX; lang++) {
        for (int name = 0; name < TEXT_MAX; name++) {
            jb_buf_free(&t->markdown[lang][name]);
            free(t->html[lang][name]);
        }
    }
    free(t);
}

const struct text *
texts_get(const struct texts *t, enum text_lang lang, enum text_name name)
{
    return &t->items[lang][name];
}
