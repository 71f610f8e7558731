/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import_run.h"

#include <stdio.h>
#include <string.h>

#define BATCH_ITEMS 500
#define BATCH_BYTES (32 << 20)
#define ARENA_BYTES ((size_t)512 << 20)

struct item {
    const char *path;
    void *record;
    enum store_outcome outcome;
};

struct batch {
    const struct import_work *work;
    struct jb_arena *arena;
    struct jb_error *err;
    struct import_counts *counts;
    size_t n;
    struct item items[BATCH_ITEMS];
};

void
import_problem(const struct import_sink *sink, const char *path, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    if (!sink || !sink->problem)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    sink->problem(sink->ctx, path, text);
}

static void
progress(const struct import_work *work, size_t done)
{
    if (work->sink && work->sink->progress)
        work->sink->progress(work->sink->ctx, done, work->n);
}

static bool
stopped(const struct import_work *work)
{
    return work->sink && work->sink->stop && work->sink->stop(work->sink->ctx);
}

/* Failures of what is in an item, as against those of the store. */
static bool
items_fault(int code)
{
    return code == JB_EINVAL || code == JB_EUNPROC || code == JB_ETOOBIG ||
           code == JB_ECONFLICT || code == JB_EPARSE;
}

static int
batch_put(struct batch *b, size_t from, size_t to, struct jb_error *err)
{
    struct store_txn *txn;
    int rc;

    rc = store_begin(b->work->store, STORE_WRITE, b->work->actor, err, &txn);
    if (rc)
        return rc;
    for (size_t i = from; i < to; i++) {
        rc = b->work->put(b->work->ctx, txn, b->items[i].record, b->arena, err,
                          &b->items[i].outcome);
        if (rc) {
            const char *reason = store_txn_reason(txn)->text;

            jb_fail(err, rc, "%s", *reason ? reason : jb_strerror(rc));
            store_abort(txn);
            return rc;
        }
    }
    return store_commit(txn, err);
}

static void
count_items(struct batch *b, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        switch (b->items[i].outcome) {
        case STORE_SAME: b->counts->same++; break;
        case STORE_NEW: b->counts->added++; break;
        case STORE_CHANGED: b->counts->changed++; break;
        }
}

static int
batch_commit(struct batch *b)
{
    struct jb_error err = {0};
    int rc;

    if (!b->n)
        return 0;
    rc = batch_put(b, 0, b->n, &err);
    if (!rc) {
        count_items(b, 0, b->n);
        return 0;
    }
    if (!items_fault(rc))
        return jb_fail(b->err, rc, "%s", err.text);
    /* One of them spoiled the transaction for all: one transaction each finds it. */
    for (size_t i = 0; i < b->n; i++) {
        jb_error_clear(&err);
        rc = batch_put(b, i, i + 1, &err);
        if (!rc) {
            count_items(b, i, i + 1);
        } else if (items_fault(rc)) {
            b->counts->broken++;
            import_problem(b->work->sink, b->items[i].path, "%s", err.text);
        } else {
            return jb_fail(b->err, rc, "%s", err.text);
        }
    }
    return 0;
}

static int
batch_read(struct batch *b, size_t *at)
{
    const struct import_work *work = b->work;

    b->n = 0;
    while (*at < work->n && b->n < BATCH_ITEMS && jb_arena_used(b->arena) < BATCH_BYTES) {
        struct item *item = &b->items[b->n];
        struct jb_error err = {0};
        int rc;

        *item = (struct item){.path = ""};
        rc = work->read(work->ctx, *at, b->arena, &err, &item->path, &item->record);
        if (rc == JB_ENOMEM)
            return jb_fail(b->err, rc, "%s", err.text);
        ++*at;
        b->counts->files++;
        if (rc) {
            b->counts->broken++;
            import_problem(work->sink, item->path, "%s", err.text);
        } else if (item->record) {
            b->n++;
        }
        if (*at % 100 == 0)
            progress(work, *at);
    }
    return 0;
}

int
import_work_run(const struct import_work *work, struct jb_error *err,
                struct import_counts *ret_counts)
{
    struct import_counts counts = {0};
    struct batch b = {.work = work, .err = err, .counts = &counts};
    size_t at = 0;
    int rc = 0;

    *ret_counts = counts;
    b.arena = jb_arena_new(ARENA_BYTES);
    if (!b.arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    while (!rc && at < work->n && !stopped(work)) {
        rc = batch_read(&b, &at);
        if (!rc)
            rc = batch_commit(&b);
        jb_arena_reset(b.arena);
        progress(work, at);
    }
    jb_arena_free(b.arena);
    *ret_counts = counts;
    return rc;
}
