/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "queue/lists.h"

#include <stdlib.h>
#include <string.h>

/* Both are far above what a queue holds, and end a run-away. */
#define LISTS_MAX  ((size_t)1 << 30)
#define RECORD_MAX ((size_t)1 << 20)

struct table {
    struct queue_entry *entries;
    size_t n, room;
};

struct queue_lists {
    unsigned refs;
    struct jb_arena *arena; /* the strings */
    struct table tables[QUEUE_TABLE_NONE];
};

struct build {
    struct queue_lists *lists;
    struct jb_arena *record;
};

static int
keep(struct jb_arena *arena, const char *text, struct jb_str *ret)
{
    size_t n = strlen(text);
    const char *p = jb_arena_dup(arena, text, n);

    if (!p)
        return JB_ENOMEM;
    *ret = (struct jb_str){p, n};
    return 0;
}

static int
add(void *ctx, const struct request *request)
{
    struct build *build = ctx;
    struct jb_arena *arena = build->lists->arena;
    enum queue_table which = queue_state_table(queue_state_from_status(request->status));
    int rc;

    if (which == QUEUE_TABLE_NONE) {
        jb_arena_reset(build->record);
        return 0;
    }
    struct table *table = &build->lists->tables[which];
    if (table->n == table->room) {
        size_t room = table->room ? table->room * 2 : 64;
        struct queue_entry *entries = reallocarray(table->entries, room, sizeof *entries);
        if (!entries)
            return JB_ENOMEM;
        table->entries = entries;
        table->room = room;
    }
    struct queue_entry entry = {
        .id = request->id, .private_ = request->private_, .submitted = request->submitted};
    if ((rc = keep(arena, request->model, &entry.model)) ||
        (rc = keep(arena, request->revision, &entry.revision)) ||
        (rc = keep(arena, request->precision, &entry.precision)) ||
        (rc = keep(arena, request->weight_type, &entry.weight_type)) ||
        (rc = keep(arena, request->status, &entry.status)))
        return rc;
    table->entries[table->n++] = entry;
    jb_arena_reset(build->record);
    return 0;
}

static int
oldest_first(const void *pa, const void *pb)
{
    const struct queue_entry *a = pa, *b = pb;

    if (a->submitted != b->submitted)
        return a->submitted < b->submitted ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int
newest_first(const void *a, const void *b)
{
    return oldest_first(b, a);
}

static void
lists_free(struct queue_lists *lists)
{
    for (int i = 0; i < QUEUE_TABLE_NONE; i++)
        free(lists->tables[i].entries);
    jb_arena_free(lists->arena);
    free(lists);
}

int
queue_lists_build(struct store_txn *txn, int64_t now, struct jb_error *err,
                  struct queue_lists **ret_lists)
{
    struct queue_lists *lists = calloc(1, sizeof *lists);
    struct build build = {lists, jb_arena_new(RECORD_MAX)};
    int rc = JB_ENOMEM;

    (void)now;
    if (!lists || !build.record || !(lists->arena = jb_arena_new(LISTS_MAX))) {
        jb_fail(err, rc, "no memory for the queue tables");
        goto out;
    }
    rc = store_requests_each(txn, build.record, false, add, &build);
    if (rc) {
        jb_fail(err, rc, "%s",
                store_txn_error(txn) ? store_txn_reason(txn)->text
                                     : "no memory for the queue tables");
        goto out;
    }
    for (int i = 0; i < QUEUE_TABLE_NONE; i++) {
        struct table *table = &lists->tables[i];
        bool newest =
            i == QUEUE_TABLE_FINISHED || i == QUEUE_TABLE_FAILED || i == QUEUE_TABLE_CANCELLED;
        if (table->n)
            qsort(table->entries, table->n, sizeof *table->entries,
                  newest ? newest_first : oldest_first);
    }
    lists->refs = 1;
    *ret_lists = lists;
out:
    jb_arena_free(build.record);
    if (rc && lists)
        lists_free(lists);
    return rc;
}

struct queue_lists *
queue_lists_ref(struct queue_lists *lists)
{
    if (lists)
        __atomic_add_fetch(&lists->refs, 1, __ATOMIC_RELAXED);
    return lists;
}

void
queue_lists_unref(struct queue_lists *lists)
{
    if (lists && __atomic_sub_fetch(&lists->refs, 1, __ATOMIC_ACQ_REL) == 0)
        lists_free(lists);
}

const struct queue_entry *
queue_lists_table(const struct queue_lists *lists, enum queue_table table, size_t *ret_n)
{
    if ((unsigned)table >= QUEUE_TABLE_NONE) {
        *ret_n = 0;
        return NULL;
    }
    *ret_n = lists->tables[table].n;
    return lists->tables[table].entries;
}
