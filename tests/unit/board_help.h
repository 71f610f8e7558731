/* SPDX-License-Identifier: Apache-2.0 */
/* A store and a board file of the project, and boards made of them. Includes <config.h>, so it
 * comes first. */
#pragma once

#include <config.h> /* nftw of store_help.h */

#include "store_help.h"

#include "board/choices.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct boarding {
    struct fixture *f;
    struct board_config config;
    struct store_txn *txn; /* open for writing until boarding_build() */
    struct board *board;
    int results;
};

static inline int
boarding_setup(void **state)
{
    struct boarding *b = calloc(1, sizeof *b);
    struct settings_report report = {.text = JB_BUF(1 << 20)};
    const char *src = getenv("JB_SRCDIR");
    char file[512];

    assert_non_null(b);
    assert_int_equal(fixture_setup((void **)&b->f), 0);
    snprintf(file, sizeof file, "%s/contrib/boards/mini-leaderboard.conf", src ? src : ".");
    assert_int_equal(board_config_load(file, b->f->arena, &b->config, &report), 0);
    jb_buf_free(&report.text);
    b->txn = fixture_begin(b->f, STORE_WRITE);
    *state = b;
    return 0;
}

static inline int
boarding_teardown(void **state)
{
    struct boarding *b = *state;
    struct fixture *f = b->f;

    store_abort(b->txn);
    board_unref(b->board);
    fixture_teardown((void **)&f);
    free(b);
    return 0;
}

/* Keeps what was written and makes a board of it. */
static inline void
boarding_build(struct boarding *b)
{
    fixture_commit(b->f, b->txn);
    b->txn = NULL;
    struct store_txn *txn = fixture_begin(b->f, STORE_READ);
    board_unref(b->board);
    b->board = NULL;
    int rc = board_build(txn, &b->config, &b->f->err, &b->board);
    if (rc)
        print_error("%s\n", b->f->err.text);
    assert_int_equal(rc, 0);
    store_abort(txn);
}

static inline void
boarding_reopen(struct boarding *b)
{
    b->txn = fixture_begin(b->f, STORE_WRITE);
}

static inline uint64_t
put_request(struct boarding *b, struct request request)
{
    enum store_outcome outcome;

    assert_int_equal(store_request_put(b->txn, &request, &outcome), 0);
    return request.id;
}

static inline struct request
finished(const char *model, const char *revision, const char *precision)
{
    struct request r = a_request(model);

    r.status = "FINISHED";
    r.revision = revision;
    r.precision = precision;
    return r;
}

/* A result of n scores at a time. */
static inline void
put_scores(struct boarding *b, const char *model, const char *revision, const char *precision,
           int64_t time, const struct result_score *scores, size_t n)
{
    char path[64];
    struct result r = a_result(model, path);
    enum store_outcome outcome;

    snprintf(path, sizeof path, "results_2024-05-23T07-14-41.%06d.json", b->results++);
    r.revision = revision;
    r.precision = precision;
    r.time = time;
    r.scores = scores;
    r.n = n;
    assert_int_equal(store_result_put(b->txn, &r, &outcome), 0);
}

/* All six scores of the sample's board are `value`. */
static inline void
put_flat(struct boarding *b, const char *model, const char *revision, const char *precision,
         int64_t time, double value)
{
    const struct result_score scores[] = {
        {"arc", value, NAN, 0},        {"hellaswag", value, NAN, 0},  {"mmlu", value, NAN, 0},
        {"truthfulqa", value, NAN, 0}, {"winogrande", value, NAN, 0}, {"gsm8k", value, NAN, 0}};

    put_scores(b, model, revision, precision, time, scores, 6);
}

static inline void
put_note(struct boarding *b, enum store_note kind, const char *name, const char *text)
{
    enum store_outcome outcome;

    assert_int_equal(store_note_put(b->txn, kind, name, text, &outcome), 0);
}

static inline void
put_info(struct boarding *b, const char *model, double likes, const char *license, bool on_hub,
         const char *tag, const char *tag2)
{
    const char *const tags[] = {tag, tag2};
    struct model_info info = {.model = model,
                              .likes = likes,
                              .license = license,
                              .still_on_hub = on_hub,
                              .n_tags = tag2  ? 2
                                        : tag ? 1
                                              : 0,
                              .tags = tags,
                              .doc = JB_STR("{}")};
    enum store_outcome outcome;

    assert_int_equal(store_model_put(b->txn, &info, &outcome), 0);
}

static inline size_t
rows_of(const struct boarding *b, const char *model)
{
    size_t n = 0;

    for (size_t i = 0; i < board_rows(b->board); i++)
        n += jb_str_is(board_row(b->board, i)->model, model) != 0;
    return n;
}

/* The only row of a model. */
static inline const struct board_row *
the_row(const struct boarding *b, const char *model)
{
    assert_int_equal(rows_of(b, model), 1);
    for (size_t i = 0; i < board_rows(b->board); i++)
        if (jb_str_is(board_row(b->board, i)->model, model))
            return board_row(b->board, i);
    return NULL;
}
