/* SPDX-License-Identifier: Apache-2.0 */
/* A Gradio site made from the sample board, or from a store of the test's own. */
#pragma once

#include "tests/unit/store_help.h"

#include "board/board.h"
#include "gradio/site.h"
#include "store/import.h"
#include "views/cells.h"
#include "views/texts.h"

#include <cjson/cJSON.h>

struct world {
    struct fixture *f;
    struct jb_arena *arena;
    struct conf conf;
    struct board_config config;
    struct texts *texts;
    struct board *board;
    struct queue_lists *lists;
    struct cells *cells;
    struct gradio_site *site;
};

static inline const char *
world_path(struct jb_arena *arena, const char *name)
{
    const char *src = getenv("JB_SRCDIR");
    char *path = jb_arena_printf(arena, "%s/%s", src ? src : ".", name);

    assert_non_null(path);
    return path;
}

#define SAMPLE      1 /* the 285 rows */
#define QUEUED      2 /* some requests in every queue */
#define NO_BASELINE 4
#define UNDER_MOUNT 8

static inline void
world_request(struct world *w, const char *model, const char *status)
{
    struct store_txn *txn;
    struct request r = {.model = model,
                        .base_model = "",
                        .revision = "main",
                        .commit = "",
                        .precision = "float16",
                        .weight_type = "Original",
                        .status = status,
                        .model_type = "",
                        .architectures = "",
                        .license = "",
                        .job_id = "",
                        .params = NAN,
                        .likes = NAN,
                        .submitted = 1,
                        .path = ""};
    enum store_outcome outcome;

    assert_int_equal(store_begin(w->f->store, STORE_WRITE, "test", &w->f->err, &txn), 0);
    assert_int_equal(store_request_put(txn, &r, &outcome), 0);
    assert_int_equal(store_commit(txn, &w->f->err), 0);
}

static inline void
world_build(struct world *w)
{
    struct cells_options options = {w->conf.site.hub_url, w->conf.site.mount};
    struct store_txn *txn;
    struct jb_error err = {0};
    int rc;

    assert_int_equal(store_begin(w->f->store, STORE_READ, NULL, &err, &txn), 0);
    assert_int_equal(board_build(txn, &w->config, &err, &w->board), 0);
    assert_int_equal(queue_lists_build(txn, 1, &err, &w->lists), 0);
    store_abort(txn);
    assert_int_equal(cells_new(w->board, &options, &err, &w->cells), 0);
    rc = gradio_site_new(&w->conf, w->board, w->lists, w->cells, w->texts, NULL,
                         UINT64_C(9015704980254381015), &err, &w->site);
    if (rc)
        print_error("%s\n", err.text);
    assert_int_equal(rc, 0);
}

static inline struct world *
world_new(unsigned what)
{
    struct world *w = calloc(1, sizeof(*w));
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    struct jb_error err = {0};
    struct import_counts counts;
    void *state;

    assert_non_null(w);
    fixture_setup(&state);
    w->f = state;
    w->arena = jb_arena_new(16 << 20);
    assert_non_null(w->arena);
    assert_int_equal(settings_defaults(conf_table, w->arena, &w->conf), 0);
    w->conf.site.mount = what & UNDER_MOUNT ? "/board" : "";
    assert_int_equal(
        board_config_load(world_path(w->arena, "contrib/boards/mini-leaderboard.conf"),
                          w->arena, &w->config, &report),
        0);
    jb_buf_free(&report.text);
    if (what & NO_BASELINE)
        w->config.baseline = false;
    assert_int_equal(texts_load(world_path(w->arena, "views/texts"), &err, &w->texts), 0);
    if (what & SAMPLE) {
        struct import_table_options options = {0};
        struct import_sink sink = {0};

        assert_int_equal(
            import_table(
                w->f->store,
                world_path(w->arena, "contrib/boards/sample/gradio_mini_leaderboard_285.json"),
                w->config.benchmarks.items, w->config.benchmarks.n, &options, "test", &sink,
                &err, &counts),
            0);
    }
    if (what & QUEUED) {
        world_request(w, "org/running-1", "RUNNING");
        world_request(w, "org/running-2", "RUNNING");
        world_request(w, "org/pending-1", "PENDING");
        world_request(w, "bare</script><!--\"'&", "RERUN");
        world_request(w, "org/finished", "FINISHED");
    }
    world_build(w);
    return w;
}

static inline void
world_free(struct world *w)
{
    void *state = w->f;

    gradio_site_free(w->site);
    cells_free(w->cells);
    queue_lists_unref(w->lists);
    board_unref(w->board);
    texts_free(w->texts);
    jb_arena_free(w->arena);
    fixture_teardown(&state);
    free(w);
}

/* --- reading what came out -------------------------------------------------------------------
 */

static inline cJSON *
json_of(struct jb_str text)
{
    cJSON *json = cJSON_ParseWithLength(text.p, text.n);

    assert_non_null(json);
    return json;
}

static inline const cJSON *
at(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

    if (!item)
        print_error("no member %s\n", key);
    assert_non_null(item);
    return item;
}
