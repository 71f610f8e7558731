/* SPDX-License-Identifier: Apache-2.0 */
/* A small board of the sample's columns, with models whose names and links mean harm. */
#pragma once

#include <config.h> /* nftw of store_help.h */

#include "store_help.h"

#include "base/clock.h"
#include "board/board.h"
#include "views/cells.h"
#include "views/texts.h"

#define HOSTILE      "evil/</script><img src=x onerror=alert(1)>\"'&"
#define HOSTILE_TEXT "<b>&\"'"
#define SHA          "0123456789abcdef0123456789abcdef01234567"

struct views {
    struct fixture *f;
    struct board_config config;
    struct board *board;
    struct cells *cells;
    struct conf conf;
};

static inline void
add_model(struct views *v, struct store_txn *txn, const char *model, int number, size_t n,
          const struct result_score *scores)
{
    static const char arch[] = HOSTILE_TEXT;
    enum store_outcome outcome;
    char path[64];
    struct request request = a_request(model);
    struct result result = a_result(model, path);

    snprintf(path, sizeof path, "results_2024-05-23T07-14-41.%06d.json", number);
    request.status = "FINISHED";
    request.model_type = number % 2 ? "💬" : "🟢 : pretrained";
    request.architectures = arch;
    request.license = "mit";
    request.likes = 12;
    result.n = n;
    result.scores = scores;
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    assert_int_equal(store_result_put(txn, &result, &outcome), 0);
    (void)v;
}

/* Rows: good/model (best), the hostile one, solo (no GSM8K, so no average), bad/flagged, the
 * baseline where its average puts it. */
static inline int
views_setup(void **state)
{
    static const struct result_score best[] = {
        {"arc", 81.224, NAN, 0},      {"hellaswag", 99.999, NAN, 0}, {"mmlu", 70, NAN, 0},
        {"truthfulqa", 60.5, NAN, 0}, {"winogrande", 0, NAN, 0},     {"gsm8k", 55.5, NAN, 0}};
    static const struct result_score low[] = {
        {"arc", 41, NAN, 0},        {"hellaswag", 42, NAN, 0},  {"mmlu", 43, NAN, 0},
        {"truthfulqa", 44, NAN, 0}, {"winogrande", 45, NAN, 0}, {"gsm8k", 46, NAN, 0}};
    struct views *v = calloc(1, sizeof *v);
    struct fixture *f;
    struct settings_report report = {.text = JB_BUF(1 << 20)};
    const char *src = getenv("JB_SRCDIR");
    enum store_outcome outcome;
    char file[512];

    assert_non_null(v);
    assert_int_equal(fixture_setup((void **)&v->f), 0);
    f = v->f;
    snprintf(file, sizeof file, "%s/contrib/boards/mini-leaderboard.conf", src ? src : ".");
    assert_int_equal(board_config_load(file, f->arena, &v->config, &report), 0);
    jb_buf_free(&report.text);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    add_model(v, txn, "good/model", 1, 6, best);
    add_model(v, txn, HOSTILE, 2, 6, low);
    add_model(v, txn, "solo", 3, 5, low);
    add_model(v, txn, "bad/flagged", 4, 6, low);
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "bad/flagged",
                                    "https://example.org/discussions/12?a=1&b=\"", &outcome),
                     0);
    assert_int_equal(store_note_put(txn, NOTE_FLAG, HOSTILE, "javascript:alert(1)", &outcome),
                     0);
    fixture_commit(f, txn);
    v->conf.site.title = "Title & <more>";
    v->conf.site.mount = "/m";
    v->conf.site.hub_url = "https://hub.example";
    v->conf.site.max_inline_rows = 1000;
    v->conf.site.frame_ancestors = "'self'";
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(board_build(txn, &v->config, &f->err, &v->board), 0);
    store_abort(txn);
    struct cells_options options = {v->conf.site.hub_url, v->conf.site.mount};
    assert_int_equal(cells_new(v->board, &options, &f->err, &v->cells), 0);
    *state = v;
    return 0;
}

static inline int
views_teardown(void **state)
{
    struct views *v = *state;
    struct fixture *f = v->f;

    cells_free(v->cells);
    board_unref(v->board);
    fixture_teardown((void **)&f);
    free(v);
    return 0;
}

static inline size_t
row_of(const struct views *v, const char *model)
{
    for (size_t i = 0; i < board_rows(v->board); i++)
        if (jb_str_is(board_row(v->board, i)->model, model))
            return i;
    fail_msg("no row of %s", model);
    return 0;
}

static inline size_t
column_of(const struct views *v, enum board_field field, int benchmark)
{
    for (size_t i = 0; i < board_columns(v->board); i++)
        if (board_column(v->board, i)->field == field &&
            (field != FIELD_SCORE || board_column(v->board, i)->benchmark == benchmark))
            return i;
    fail_msg("no such column");
    return 0;
}

/* How often `what` stands in a text. */
static inline size_t
times(const char *in, const char *what)
{
    size_t n = 0;

    for (const char *p = in; (p = strstr(p, what)); p++)
        n++;
    return n;
}

/* Nothing hostile got through, and every link of ours keeps the mount. */
static inline void
assert_harmless(const char *html)
{
    assert_null(strstr(html, "<img"));
    assert_null(strstr(html, "<script>"));
    assert_null(strstr(html, "onerror=alert(1)>"));
    assert_null(strstr(html, "\"javascript:"));
    assert_null(strstr(html, "<b>&"));
    /* our own links stay under the mount */
    assert_int_equal(times(html, "href=\"/"), times(html, "href=\"/m/"));
    assert_int_equal(times(html, "src=\"/"), times(html, "src=\"/m/"));
    assert_int_equal(times(html, "action=\"/"), times(html, "action=\"/m/"));
    assert_null(strstr(html, " style="));
}

static inline struct texts *
our_texts(struct views *v)
{
    const char *src = getenv("JB_SRCDIR");
    struct texts *texts;
    char path[512];

    snprintf(path, sizeof path, "%s/views/texts", src ? src : ".");
    if (texts_load(path, &v->f->err, &texts))
        fail_msg("%s", v->f->err.text);
    return texts;
}
