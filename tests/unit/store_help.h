/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of its own, for the tests of store/ and queue/. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/record.h"

struct fixture {
    char dir[64];
    char path[96], run[96], file[96];
    struct conf conf;
    struct store *store;
    struct jb_arena *arena;
    struct jb_error err;
};

/* Where it is made: a test with thousands of commits puts it into memory. */
static const char *fixture_parent = "/tmp";

static inline struct fixture *
fixture_new(int64_t map_size)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "%s/jinbang-store.XXXXXX", fixture_parent);
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/store", f->dir);
    snprintf(f->run, sizeof f->run, "%s/run", f->dir);
    snprintf(f->file, sizeof f->file, "%s/backup.mdb", f->dir);
    assert_int_equal(mkdir(f->run, 0770), 0);
    f->conf.store.path = f->path;
    f->conf.store.map_size = map_size;
    f->conf.store.max_readers = 16;
    f->conf.run.dir = f->run;
    f->arena = jb_arena_new(64u << 20);
    assert_non_null(f->arena);
    return f;
}

static inline void
fixture_open(struct fixture *f)
{
    int rc = store_open(&f->conf, false, &f->err, &f->store);

    if (rc)
        print_error("%s\n", f->err.text);
    assert_int_equal(rc, 0);
}

static inline void
fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static inline int
fixture_setup(void **state)
{
    struct fixture *f = fixture_new(64 << 20);

    assert_int_equal(store_create(&f->conf, &f->err), 0);
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int
fixture_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int
fixture_teardown(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    jb_arena_free(f->arena);
    nftw(f->dir, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static inline struct store_txn *
fixture_begin(struct fixture *f, enum store_mode mode)
{
    struct store_txn *txn = NULL;
    int rc = store_begin(f->store, mode, "test", &f->err, &txn);

    if (rc)
        print_error("%s\n", f->err.text);
    assert_int_equal(rc, 0);
    return txn;
}

static inline void
fixture_commit(struct fixture *f, struct store_txn *txn)
{
    int rc = store_commit(txn, &f->err);

    if (rc)
        print_error("%s\n", f->err.text);
    assert_int_equal(rc, 0);
}

static inline struct store_seq
fixture_seq(struct fixture *f)
{
    struct store_seq seq = {0};
    struct store_txn *txn = fixture_begin(f, STORE_READ);

    assert_int_equal(store_seq_get(txn, &seq), 0);
    store_abort(txn);
    return seq;
}

/* By how much the counters moved since `seq`, which is brought up to date. */
static inline void
assert_moved(struct fixture *f, struct store_seq *seq, int board, int queue, int change)
{
    struct store_seq now = fixture_seq(f);

    assert_int_equal(now.board - seq->board, board);
    assert_int_equal(now.queue - seq->queue, queue);
    assert_int_equal(now.change - seq->change, change);
    *seq = now;
}

static inline struct request
a_request(const char *model)
{
    return (struct request){
        .model = model,
        .revision = "main",
        .precision = "float16",
        .weight_type = "Original",
        .status = "PENDING",
        .model_type = "pretrained",
        .params = 7.242,
        .likes = NAN,
        .submitted = 1701679943000000,
    };
}

static inline struct result
a_result(const char *model, const char *path)
{
    static const struct result_score scores[] = {
        {"c_arc", 47.35, 1.5, 1172}, {"cmmlu", 52.9, NAN, 0}, {"c_sem", 69.205, NAN, 0}};

    return (struct result){
        .model = model,
        .revision = "0123456789abcdef0123456789abcdef01234567",
        .precision = "float16",
        .time = 1716448486086185,
        .dialect = "cn",
        .path = path,
        .n = 3,
        .scores = scores,
        .doc = JB_STR("{\"results\": {}}"),
    };
}

/* One request and one result of each of n models, in one transaction. */
static inline void
fixture_fill(struct fixture *f, int n)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    for (int i = 0; i < n; i++) {
        char model[64], path[128];
        snprintf(model, sizeof model, "org%d/model-%d", i % 7, i);
        snprintf(path, sizeof path, "%s/results_2024-05-23T07-14-41.%06d.json", model, i);
        struct request request = a_request(model);
        request.doc = JB_STR("{\"model\": \"x\"}");
        struct result result = a_result(model, path);
        assert_int_equal(store_request_put(txn, &request, &outcome), 0);
        assert_int_equal(outcome, STORE_NEW);
        assert_int_equal(store_result_put(txn, &result, &outcome), 0);
        assert_int_equal(outcome, STORE_NEW);
    }
    fixture_commit(f, txn);
}

struct told {
    int n;
    char text[16][256];
};

static inline void
tell(void *ctx, const char *text)
{
    struct told *told = ctx;

    if (told->n < 16)
        snprintf(told->text[told->n], sizeof told->text[0], "%s", text);
    told->n++;
}

static inline void
assert_sound(struct fixture *f)
{
    struct told told = {0};
    int n = store_verify(f->store, tell, &told, &f->err);

    for (int i = 0; i < told.n && i < 16; i++)
        print_error("%s\n", told.text[i]);
    assert_int_equal(n, 0);
    assert_int_equal(told.n, 0);
}
