/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site: one immutable snapshot of everything that depends on the store, the settings and
 * the texts, with its bodies ready to send. Made on a thread of its own when the store changes,
 * and swapped by pointer; a request holds a reference while it uses one.
 */
#pragma once

#include "base/conf.h"
#include "board/board.h"
#include "fcgi/response.h"
#include "gradio/site.h"
#include "queue/lists.h"
#include "queue/registry.h"
#include "store/store.h"
#include "views/board_page.h"
#include "views/cells.h"
#include "views/programs.h"
#include "views/texts.h"

/* Settings, board file and texts as read from disk; shared by the sites made from them. */
struct sources;

/* Reads everything; all mistakes are in `report`. */
int sources_load(const char *conf_file, struct settings_report *report, struct jb_error *err,
                 struct sources **ret_sources);
void sources_unref(struct sources *sources); /* NULL is fine */
const struct conf *sources_conf(const struct sources *sources);

enum site_ready {
    READY_HOME,   /* / */
    READY_CONFIG, /* /config */
    READY_INFO,   /* /info */
    READY_ZH,     /* /zh/ */
    READY_EN,
    READY_ABOUT,
    READY_ABOUT_ZH,
    READY_ABOUT_EN,
    READY_FAQ,
    READY_FAQ_ZH,
    READY_FAQ_EN,
    READY_HISTORY,
    READY_HISTORY_ZH,
    READY_HISTORY_EN,
    READY_QUEUE,
    READY_QUEUE_ZH,
    READY_QUEUE_EN,
    READY_HOSTS,
    READY_HOSTS_ZH,
    READY_HOSTS_EN,
    READY_FEED_RESULTS,
    READY_FEED_STATUS,
    READY_API_FORMATTED,
    READY_API_CSV,
    READY_API_STATUS,
    READY_API_PENDING,
    READY_OPENAPI,
    READY_MAX,
};

/* What depends on the board and not on the queue: sites made after a change of the queue alone
 * share it. Private to site.c. */
struct site_board;

struct site {
    unsigned refs; /* private */
    struct sources *sources;
    const struct conf *conf;
    const struct texts *texts;
    struct site_board *shared; /* private; owns board, cells, programs and some of ready */
    struct board *board;
    struct queue_lists *lists;
    struct queue_registry *hosts;
    struct cells *cells;
    struct gradio_site *gradio;
    struct programs *programs;
    struct ready ready[READY_MAX];
    struct board_limits limits;
    char *csp; /* of the native pages */
    struct store_seq seq;
    int64_t made;       /* when the lists were made, microseconds UTC */
    char feed_name[33]; /* of this store, in the ids of its feeds */
    double build_seconds;
};

struct site *site_ref(struct site *site);
void site_unref(struct site *site); /* NULL is fine */
/* site_unref() for an output_owner. */
void site_release(void *site);

/* The rows of a view in its order; they live in `arena`. Errors as board_filter(). */
int site_rows(const struct site *site, const struct board_view *view, struct jb_arena *arena,
              struct jb_error *err, const uint32_t **ret_rows, size_t *ret_n);

/* Renders the board for a view that is not the default one; lang LANG_MAX = the page `/`. */
int site_render(const struct site *site, enum text_lang lang, const struct board_view *view,
                struct jb_arena *arena, struct jb_error *err, struct jb_buf *out);

/* Keeps the current site up to date. */
struct keeper;

/*
 * Loads the sources, opens the store, makes the first site and starts the thread. `err` or
 * `report` say what is wrong.
 */
int keeper_new(const char *conf_file, struct settings_report *report, struct jb_error *err,
               struct keeper **ret_keeper);
struct site *keeper_site(struct keeper *k); /* a new reference */
const struct conf *
keeper_conf(const struct keeper *k); /* of the start; lives as long as the keeper */
/* Reads settings, board file and texts again; mistakes are logged and the old ones stay. */
void keeper_reload(struct keeper *k);
/* Makes it look at the store now, as when the doorbell rings. */
void keeper_wake(struct keeper *k);
/* Who wants to know of the store's changes. */
struct keeper_watch {
    void *ctx;
    /* On the keeper's thread, whenever the store may have changed and every second;
     * `change_seq` is that of store_seq. `txn` is for reading and ends with the call; NULL: the
     * store cannot be read. Must not wait for anybody. */
    void (*look)(void *ctx, struct store_txn *txn, uint64_t change_seq, int64_t now_ms);
};
/* `watch` is copied; what it uses must live until keeper_stop(). */
void keeper_watch(struct keeper *k, const struct keeper_watch *watch);
void keeper_stop(struct keeper *k);
void keeper_free(struct keeper *k);

/* The store that it keeps open; lives as long as the keeper. */
struct store *keeper_store(struct keeper *k);

struct keeper_stat {
    uint64_t rebuilds, failures;
    struct store_stat store;
};
int keeper_stat(struct keeper *k, struct keeper_stat *ret_stat);
