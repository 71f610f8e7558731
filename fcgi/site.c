/* SPDX-License-Identifier: Apache-2.0 */
/* One snapshot and its ready bodies. */
#include "fcgi/site.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "fcgi/openapi.h"
#include "fcgi/sources.h"
#include "views/feed.h"
#include "views/history_page.h"
#include "views/hosts_page.h"
#include "views/layout.h"
#include "views/queue_page.h"
#include "views/text_page.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 64 << 20 };

struct site_board {
    unsigned refs;
    struct board *board;
    struct cells *cells;
    struct programs *programs;
    struct jb_blob *home;          /* the board as it stands in the page `/` */
    struct ready ready[READY_MAX]; /* those of is_shared() */
};

/* Bodies in which nothing of the queue stands. */
static bool
is_shared(enum site_ready which)
{
    switch (which) {
    case READY_ZH:
    case READY_EN:
    case READY_ABOUT:
    case READY_ABOUT_ZH:
    case READY_ABOUT_EN:
    case READY_FAQ:
    case READY_FAQ_ZH:
    case READY_FAQ_EN:
    case READY_HISTORY:
    case READY_HISTORY_ZH:
    case READY_HISTORY_EN:
    case READY_API_FORMATTED:
    case READY_API_CSV: return true;
    default: return false;
    }
}

static void
shared_unref(struct site_board *shared)
{
    if (!shared || __atomic_sub_fetch(&shared->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < READY_MAX; i++)
        ready_free(&shared->ready[i]);
    programs_free(shared->programs);
    cells_free(shared->cells);
    board_unref(shared->board);
    jb_blob_unref(shared->home);
    free(shared);
}

struct site *
site_ref(struct site *site)
{
    __atomic_add_fetch(&site->refs, 1, __ATOMIC_RELAXED);
    return site;
}

void
site_unref(struct site *site)
{
    if (!site || __atomic_sub_fetch(&site->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < READY_MAX; i++)
        if (!is_shared((enum site_ready)i))
            ready_free(&site->ready[i]);
    gradio_site_free(site->gradio);
    queue_lists_unref(site->lists);
    queue_registry_free(site->hosts);
    shared_unref(site->shared);
    sources_unref(site->sources);
    free(site->csp);
    free(site);
}

void
site_release(void *site)
{
    site_unref(site);
}

int
site_rows(const struct site *site, const struct board_view *view, struct jb_arena *arena,
          struct jb_error *err, const uint32_t **ret_rows, size_t *ret_n)
{
    const uint32_t *rows;
    size_t n;

    int rc = board_filter(site->board, &view->query, &site->limits, arena, err, &rows, &n);
    if (rc)
        return rc;
    if (view->sorted && n) {
        uint32_t *sorted = jb_arena_array(arena, n, sizeof(*sorted));
        if (!sorted)
            return jb_fail(err, JB_ENOMEM, "the board does not fit into memory");
        memcpy(sorted, rows, n * sizeof(*sorted));
        board_sort(site->board, view->sort, view->descending, sorted, n);
        rows = sorted;
    }
    *ret_rows = rows;
    *ret_n = n;
    return 0;
}

static int
put_board(const struct site *site, enum text_lang lang, const struct board_view *view,
          struct jb_arena *arena, struct jb_error *err, struct jb_buf *out)
{
    const uint32_t *rows = NULL;
    size_t n = 0;
    int rc = site_rows(site, view, arena, err, &rows, &n);

    if (rc)
        return rc;
    return board_page_put(site->cells, site->texts, lang, site->conf, view, rows, n, out, err);
}

int
site_render(const struct site *site, enum text_lang lang, const struct board_view *view,
            struct jb_arena *arena, struct jb_error *err, struct jb_buf *out)
{
    if (lang == LANG_MAX)
        return put_board(site, lang, view, arena, err, out);
    const struct board_config *config = board_config_of(site->board);
    const char *title =
        lang == LANG_ZH && config->title_zh[0] ? config->title_zh : config->title;
    struct page page = {.title = title[0] ? title : site->conf->site.title,
                        .lang = lang,
                        .here = lang == LANG_ZH ? "/zh/" : "/en/"};
    layout_start(site->conf, &page, out);
    int rc = put_board(site, lang, view, arena, err, out);
    layout_end(site->conf, &page, out);
    return rc ? rc : out->err;
}

static int
make_ready(struct site *site, enum site_ready which, struct slice *slices, size_t n,
           const char *type, const char *csp)
{
    struct ready_options options = {.type = type,
                                    .cache = "no-cache",
                                    .csp = csp,
                                    .gzip_level = (int)site->conf->web.gzip_level};

    /* Large, and seldom asked for beside the pages: half a second of a large board's start
     * would go into the last tenth. */
    if ((which == READY_API_FORMATTED || which == READY_API_CSV) && options.gzip_level > 4)
        options.gzip_level = 4;
    int rc = ready_make(slices, n, &options, &site->ready[which]);
    if (rc == 0 && is_shared(which))
        site->shared->ready[which] = site->ready[which];
    return rc;
}

/* Makes a ready body from a buffer, which it frees. */
static int
ready_from_buf(struct site *site, enum site_ready which, struct jb_buf *b, const char *csp)
{
    struct jb_blob *blob = jb_blob_from_buf(b);

    if (!blob)
        return JB_ENOMEM;
    struct slice slice = {{blob->p, blob->n}, blob};
    int rc = make_ready(site, which, &slice, 1, "text/html; charset=utf-8", csp);
    jb_blob_unref(blob);
    return rc;
}

/* The same of another type, without a policy for scripts. */
static int
ready_typed(struct site *site, enum site_ready which, struct jb_buf *b, const char *type)
{
    struct jb_blob *blob = jb_blob_from_buf(b);

    if (!blob)
        return JB_ENOMEM;
    struct slice slice = {{blob->p, blob->n}, blob};
    int rc = make_ready(site, which, &slice, 1, type, NULL);
    jb_blob_unref(blob);
    return rc;
}

static int
ready_json(struct site *site, enum site_ready which, struct jb_buf *b)
{
    return ready_typed(site, which, b, "application/json");
}

/* The rows for programs. */
static int
build_rows(struct site *site, struct jb_error *err)
{
    struct slice objects[] = {{JB_STR("["), NULL}, {{NULL, 0}, NULL}, {JB_STR("]"), NULL}};
    struct slice lines[2] = {{{NULL, 0}, NULL}, {{NULL, 0}, NULL}};
    struct jb_buf b = JB_BUF(PAGE_MAX);
    int rc = programs_new(site->board, err, &site->shared->programs);

    if (rc)
        return rc;
    objects[1].bytes = programs_objects(site->shared->programs);
    rc = make_ready(site, READY_API_FORMATTED, objects, 3, "application/json", NULL);
    programs_put_header(site->board, &b);
    struct jb_blob *header = jb_blob_from_buf(&b);
    if (rc == 0 && !header)
        rc = JB_ENOMEM;
    if (rc == 0) {
        lines[0] = (struct slice){{header->p, header->n}, header};
        lines[1].bytes = programs_lines(site->shared->programs);
        rc = make_ready(site, READY_API_CSV, lines, 2, "text/csv; charset=utf-8", NULL);
    }
    jb_blob_unref(header);
    return rc ? jb_fail(err, rc, "the answers for programs do not fit into memory") : 0;
}

static int
build_api(struct site *site, struct jb_error *err)
{
    struct jb_buf b = JB_BUF(PAGE_MAX);

    programs_put_status(site->lists, &b);
    int rc = ready_json(site, READY_API_STATUS, &b);
    if (rc == 0) {
        b = JB_BUF(PAGE_MAX);
        programs_put_pending(site->lists, &b);
        rc = ready_json(site, READY_API_PENDING, &b);
    }
    if (rc == 0) {
        b = JB_BUF(PAGE_MAX);
        rc = openapi_put(site->conf, site->board, site->gradio, &b);
        if (rc == 0)
            rc = ready_json(site, READY_OPENAPI, &b);
    }
    return rc ? jb_fail(err, rc, "the answers for programs do not fit into memory") : 0;
}

static int
build_boards(struct site *site, struct jb_arena *arena, struct jb_error *err)
{
    struct board_view view;

    board_view_default(site->board, &view);
    struct jb_buf b = JB_BUF(PAGE_MAX);
    int rc = site_render(site, LANG_MAX, &view, arena, err, &b);
    site->shared->home = jb_blob_from_buf(&b);
    if (rc || !site->shared->home)
        return rc ? rc : JB_ENOMEM;
    for (int lang = LANG_ZH; lang < LANG_MAX && rc == 0; lang++) {
        struct jb_buf page = JB_BUF(PAGE_MAX);
        jb_arena_reset(arena);
        rc = site_render(site, (enum text_lang)lang, &view, arena, err, &page);
        if (rc)
            jb_buf_free(&page);
        else
            rc = ready_from_buf(site, lang == LANG_ZH ? READY_ZH : READY_EN, &page, site->csp);
    }
    return rc;
}

static int
build_home(struct site *site)
{
    struct jb_blob *board = site->shared->home;
    struct slice home[] = {{gradio_site_page_head(site->gradio), NULL},
                           {{board->p, board->n}, board},
                           {gradio_site_page_tail(site->gradio), NULL}};

    return make_ready(site, READY_HOME, home, 3, "text/html; charset=utf-8",
                      gradio_site_csp(site->gradio));
}

static int
build_texts(struct site *site, struct jb_error *err)
{
    static const struct {
        enum site_ready which;
        enum text_name text;
        enum text_lang lang;
    } pages[] = {
        {READY_ABOUT, TEXT_ABOUT, LANG_MAX},   {READY_ABOUT_ZH, TEXT_ABOUT, LANG_ZH},
        {READY_ABOUT_EN, TEXT_ABOUT, LANG_EN}, {READY_FAQ, TEXT_FAQ, LANG_MAX},
        {READY_FAQ_ZH, TEXT_FAQ, LANG_ZH},     {READY_FAQ_EN, TEXT_FAQ, LANG_EN},
    };

    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct jb_buf b = JB_BUF(PAGE_MAX);
        int rc = text_page_put(site->conf, board_config_of(site->board), site->texts,
                               pages[i].lang, pages[i].text, &b, err);
        if (rc) {
            jb_buf_free(&b);
            return rc;
        }
        rc = ready_from_buf(site, pages[i].which, &b, site->csp);
        if (rc)
            return jb_fail(err, rc, "a page does not fit into memory");
    }
    return 0;
}

static int
build_history(struct site *site, struct jb_arena *arena, struct jb_error *err)
{
    static const struct {
        enum site_ready which;
        enum text_lang lang;
    } pages[] = {
        {READY_HISTORY, LANG_MAX}, {READY_HISTORY_ZH, LANG_ZH}, {READY_HISTORY_EN, LANG_EN}};
    struct timeline timeline;
    int rc;

    jb_arena_reset(arena);
    rc = timeline_build(site->board, arena, &timeline);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]) && rc == 0; i++) {
        struct jb_buf b = JB_BUF(PAGE_MAX);

        rc = history_page_put(site->conf, site->board, &timeline, pages[i].lang, &b, err);
        if (rc)
            jb_buf_free(&b);
        else
            rc = ready_from_buf(site, pages[i].which, &b, site->csp);
    }
    return rc ? jb_fail(err, rc, "the pages of the history do not fit into memory") : 0;
}

static int
build_queue(struct site *site, struct jb_error *err)
{
    static const struct {
        enum site_ready which;
        enum text_lang lang;
    } pages[] = {{READY_QUEUE, LANG_MAX}, {READY_QUEUE_ZH, LANG_ZH}, {READY_QUEUE_EN, LANG_EN}};
    struct queue_view view = {QUEUE_TABLE_NONE, 1};

    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct jb_buf b = JB_BUF(PAGE_MAX);
        int rc = queue_page_put(site->conf, board_config_of(site->board), site->lists,
                                site->made, pages[i].lang, &view, &b, err);
        if (rc)
            jb_buf_free(&b);
        else
            rc = ready_from_buf(site, pages[i].which, &b, site->csp);
        if (rc)
            return jb_fail(err, rc, "a page does not fit into memory");
    }
    return 0;
}

static int
build_hosts(struct site *site, struct jb_error *err)
{
    static const struct {
        enum site_ready which;
        enum text_lang lang;
    } pages[] = {{READY_HOSTS, LANG_MAX}, {READY_HOSTS_ZH, LANG_ZH}, {READY_HOSTS_EN, LANG_EN}};

    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct jb_buf b = JB_BUF(PAGE_MAX);
        int rc = hosts_page_put(site->conf, board_config_of(site->board), site->hosts,
                                site->lists, site->made, pages[i].lang, &b, err);
        if (rc)
            jb_buf_free(&b);
        else
            rc = ready_from_buf(site, pages[i].which, &b, site->csp);
        if (rc)
            return jb_fail(err, rc, "a page does not fit into memory");
    }
    return 0;
}

static int
build_feeds(struct site *site, struct jb_error *err)
{
    struct feed feed = {site->conf, site->board, site->lists, site->feed_name};
    struct jb_buf results = JB_BUF(PAGE_MAX), status = JB_BUF(PAGE_MAX);
    int rc = feed_put_results(&feed, &results, err);

    if (rc == 0)
        rc = feed_put_status(&feed, &status, err);
    if (rc == 0)
        rc = ready_typed(site, READY_FEED_RESULTS, &results, "application/atom+xml");
    if (rc == 0)
        rc = ready_typed(site, READY_FEED_STATUS, &status, "application/atom+xml");
    jb_buf_free(&results);
    jb_buf_free(&status);
    return rc ? jb_fail(err, rc, "a feed does not fit into memory") : 0;
}

/* Always the same for a store, and says nothing of its key. */
static int
name_feeds(struct site *site, struct store_txn *txn)
{
    unsigned char key[STORE_SECRET_SIZE], mac[CRYPTO_SHA256_SIZE];
    int rc = store_secret(txn, key);

    if (rc == 0)
        rc = crypto_hmac_sha256((struct jb_str){(const char *)key, sizeof(key)},
                                JB_STR("feeds"), mac);
    if (rc == 0)
        crypto_hex(mac, 16, site->feed_name);
    return rc;
}

/* What `before` shows of the board is what there is now. */
static bool
may_share(const struct site *site, const struct site *before)
{
    if (!before || before->sources != site->sources || before->seq.board != site->seq.board)
        return false;
    int64_t embargo = queue_lists_next_embargo(before->lists);
    return !embargo || embargo > site->made;
}

/* Board and cells, or those of the site before. */
static int
take_board(struct site *site, struct store_txn *txn, const struct site *before,
           struct jb_error *err, bool *ret_fresh)
{
    *ret_fresh = !may_share(site, before);
    if (!*ret_fresh) {
        site->shared = before->shared;
        __atomic_add_fetch(&site->shared->refs, 1, __ATOMIC_RELAXED);
        return 0;
    }
    site->shared = calloc(1, sizeof(*site->shared));
    if (!site->shared)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    site->shared->refs = 1;
    return board_build(txn, sources_board(site->sources), err, &site->shared->board);
}

/* All that is read of the store, in one transaction. */
static int
read_store(struct site *site, struct store *store, const struct site *before,
           struct jb_error *err, bool *ret_fresh)
{
    struct store_txn *txn = NULL;
    int rc = store_begin(store, STORE_READ, NULL, err, &txn);

    if (rc == 0)
        rc = store_seq_get(txn, &site->seq);
    site->made = jb_now_us();
    if (rc == 0)
        rc = take_board(site, txn, before, err, ret_fresh);
    if (rc == 0)
        rc = name_feeds(site, txn);
    if (rc == 0)
        rc = queue_lists_build(txn, site->made, err, &site->lists);
    if (rc == 0)
        rc = queue_registry_build(txn, err, &site->hosts);
    store_abort(txn);
    return rc;
}

/* What sites that come after may share. */
static int
build_shared(struct site *site, struct jb_arena *arena, struct jb_error *err)
{
    int rc = build_boards(site, arena, err);

    if (rc == 0)
        rc = build_texts(site, err);
    if (rc == 0)
        rc = build_rows(site, err);
    if (rc == 0)
        rc = build_history(site, arena, err);
    return rc;
}

/* What tells of the queue too. */
static int
build_own(struct site *site, uint64_t app_id, struct jb_error *err)
{
    int rc = gradio_site_new(site->conf, site->board, site->lists, site->cells, site->texts,
                             sources_frontend(site->sources), app_id, err, &site->gradio);

    if (rc == 0) {
        struct slice config = {gradio_site_config(site->gradio), NULL};
        struct slice info = {gradio_site_info(site->gradio), NULL};
        rc = make_ready(site, READY_CONFIG, &config, 1, "application/json", NULL);
        if (rc == 0)
            rc = make_ready(site, READY_INFO, &info, 1, "application/json", NULL);
    }
    if (rc == 0)
        rc = build_home(site);
    if (rc == 0)
        rc = build_queue(site, err);
    if (rc == 0)
        rc = build_hosts(site, err);
    if (rc == 0)
        rc = build_feeds(site, err);
    if (rc == 0)
        rc = build_api(site, err);
    return rc;
}

int
site_new(struct sources *sources, struct store *store, const struct site *before,
         uint64_t app_id, struct jb_error *err, struct site **ret_site)
{
    int64_t begin = jb_now_us();
    struct site *site = calloc(1, sizeof(*site));
    struct jb_arena *arena = jb_arena_new((size_t)1 << 31);
    bool fresh = true;

    if (!site || !arena) {
        free(site);
        jb_arena_free(arena);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    site->refs = 1;
    site->sources = sources_ref(sources);
    site->conf = sources_conf(sources);
    site->texts = sources_texts(sources);
    site->limits = (struct board_limits){(size_t)site->conf->search.max_parts,
                                         (size_t)site->conf->search.max_bytes};
    struct jb_buf csp = JB_BUF(4096);
    layout_put_csp(site->conf, &csp);
    site->csp = csp.p; /* NULL sends none */
    int rc = read_store(site, store, before, err, &fresh);
    if (rc == 0 && fresh) {
        const struct cells_options options = {.hub_url = site->conf->site.hub_url,
                                              .mount = site->conf->site.mount};
        rc = cells_new(site->shared->board, &options, err, &site->shared->cells);
    }
    if (rc == 0) {
        site->board = site->shared->board;
        site->cells = site->shared->cells;
        rc = fresh ? build_shared(site, arena, err) : 0;
        site->programs = site->shared->programs;
        for (size_t i = 0; i < READY_MAX; i++)
            if (is_shared((enum site_ready)i))
                site->ready[i] = site->shared->ready[i];
    }
    if (rc == 0)
        rc = build_own(site, app_id, err);
    jb_arena_free(arena);
    if (rc) {
        site_unref(site);
        return jb_fail(err, rc, "%s", jb_strerror(rc));
    }
    site->build_seconds = (double)(jb_now_us() - begin) / 1e6;
    *ret_site = site;
    return 0;
}
