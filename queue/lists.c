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
    struct queue_entry **by_id; /* all of them */
    struct queue_entry **by_model;
    size_t n;
    int64_t next_embargo;
};

struct build {
    struct store_txn *txn;
    struct queue_lists *lists;
    struct jb_arena *walk, *record; /* emptied after each request */
    const char **hidden;            /* names of hidden models, sorted */
    size_t n_hidden, hidden_room;
    int64_t now;
};

static int
keep(struct jb_arena *arena, const char *text, struct jb_str *ret)
{
    size_t n = text ? strlen(text) : 0;
    const char *p = n ? jb_arena_dup(arena, text, n) : "";

    if (!p)
        return JB_ENOMEM;
    *ret = (struct jb_str){p, n};
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
each_hidden(void *ctx, const char *name, const char *text)
{
    struct build *b = ctx;

    (void)text;
    if (b->n_hidden == b->hidden_room) {
        size_t room = b->hidden_room ? 2 * b->hidden_room : 16;
        const char **names = reallocarray(b->hidden, room, sizeof *names);
        if (!names)
            return JB_ENOMEM;
        b->hidden = names;
        b->hidden_room = room;
    }
    /* The arena of the lists, since the walk's own is emptied. */
    const char *kept = jb_arena_dup(b->lists->arena, name, strlen(name));
    if (!kept)
        return JB_ENOMEM;
    b->hidden[b->n_hidden++] = kept;
    return 0;
}

static bool
is_hidden(const struct build *b, const struct request *request, const struct job *job)
{
    return job->hidden || (b->n_hidden && bsearch(&request->model, b->hidden, b->n_hidden,
                                                  sizeof *b->hidden, by_name));
}

/* What a table is ordered by: when it came to its turn, or to its end. */
static int64_t
moment(const struct request *request, const struct job *job, enum queue_state state)
{
    switch (queue_state_table(state)) {
    case QUEUE_TABLE_PENDING: return job->queued ? job->queued : request->submitted;
    case QUEUE_TABLE_RUNNING: return job->started ? job->started : request->submitted;
    case QUEUE_TABLE_FINISHED:
    case QUEUE_TABLE_FAILED:
    case QUEUE_TABLE_CANCELLED:
    case QUEUE_TABLE_NONE: break;
    }
    return job->ended ? job->ended : request->submitted;
}

static int
grow(struct table *table)
{
    if (table->n < table->room)
        return 0;
    size_t room = table->room ? table->room * 2 : 64;
    struct queue_entry *entries = reallocarray(table->entries, room, sizeof *entries);
    if (!entries)
        return JB_ENOMEM;
    table->entries = entries;
    table->room = room;
    return 0;
}

static int
add_entry(struct build *b, const struct request *request, const struct job *job)
{
    struct jb_arena *arena = b->lists->arena;
    enum queue_state state = queue_state_of(job->state, request->status);
    enum queue_table which = queue_state_table(state);
    int rc;

    if (job->embargo > b->now &&
        (!b->lists->next_embargo || job->embargo < b->lists->next_embargo))
        b->lists->next_embargo = job->embargo;
    if (which == QUEUE_TABLE_NONE || is_hidden(b, request, job))
        return 0;
    struct table *table = &b->lists->tables[which];
    struct queue_entry e = {.id = request->id,
                            .state = state,
                            .failure = queue_failure_from(job->failure),
                            .private_ = request->private_,
                            .ours = job->round > 0,
                            .attempts = job->attempts,
                            .same_as = job->same_as,
                            .params = request->params,
                            .priority = job->priority,
                            .moment = moment(request, job, state),
                            .submitted = request->submitted,
                            .started = job->started,
                            .ended = job->ended,
                            .due = job->due};
    if ((rc = grow(table)) || (rc = keep(arena, request->model, &e.model)) ||
        (rc = keep(arena, request->revision, &e.revision)) ||
        (rc = keep(arena, request->precision, &e.precision)) ||
        (rc = keep(arena, request->weight_type, &e.weight_type)) ||
        (rc = keep(arena, request->status, &e.status)) ||
        (rc = keep(arena, request->commit, &e.commit)) ||
        (rc = keep(arena, job->reason, &e.reason)) ||
        (rc = keep(arena, job->log_tail, &e.log_tail)))
        return rc;
    table->entries[table->n++] = e;
    b->lists->n++;
    return 0;
}

static int
each_request(void *ctx, const struct request *request)
{
    struct build *b = ctx;
    struct job job = {0};
    int rc = store_job_get(b->txn, request->id, b->record, &job);

    if (rc == JB_ENOENT)
        job = (struct job){.state = "", .priority = 1};
    else if (rc)
        return rc;
    rc = add_entry(b, request, &job);
    jb_arena_reset(b->record);
    jb_arena_reset(b->walk);
    return rc;
}

static int
oldest_first(const void *pa, const void *pb)
{
    const struct queue_entry *a = pa, *b = pb;

    if (a->moment != b->moment)
        return a->moment < b->moment ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int
newest_first(const void *a, const void *b)
{
    return oldest_first(b, a);
}

static int
by_turn(const void *pa, const void *pb)
{
    const struct queue_entry *a = pa, *b = pb;

    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return oldest_first(pa, pb);
}

static int
by_id(const void *pa, const void *pb)
{
    const struct queue_entry *a = *(struct queue_entry *const *)pa,
                             *b = *(struct queue_entry *const *)pb;

    return a->id < b->id ? -1 : a->id > b->id;
}

static int
by_model(const void *pa, const void *pb)
{
    const struct queue_entry *a = *(struct queue_entry *const *)pa,
                             *b = *(struct queue_entry *const *)pb;
    int c = strcmp(a->model.p, b->model.p);

    return c ? c : by_id(pa, pb);
}

static int
index_entries(struct queue_lists *lists)
{
    size_t n = 0;

    lists->by_id = calloc(lists->n ? lists->n : 1, sizeof *lists->by_id);
    lists->by_model = calloc(lists->n ? lists->n : 1, sizeof *lists->by_model);
    if (!lists->by_id || !lists->by_model)
        return JB_ENOMEM;
    for (int t = 0; t < QUEUE_TABLE_NONE; t++)
        for (size_t i = 0; i < lists->tables[t].n; i++)
            lists->by_id[n++] = &lists->tables[t].entries[i];
    memcpy(lists->by_model, lists->by_id, n * sizeof *lists->by_id);
    qsort(lists->by_id, n, sizeof *lists->by_id, by_id);
    qsort(lists->by_model, n, sizeof *lists->by_model, by_model);
    return 0;
}

static int
each_timing(void *ctx, const struct timing *timing)
{
    return estimates_add(ctx, timing);
}

/* Places, and when each turn comes. */
static int
estimate(struct build *b)
{
    const struct table *running = &b->lists->tables[QUEUE_TABLE_RUNNING];
    const struct table *pending = &b->lists->tables[QUEUE_TABLE_PENDING];
    struct estimates *e = estimates_new();
    struct estimate_walk *w = NULL;
    size_t place = 0;
    int rc = e ? store_timings_each(b->txn, b->record, each_timing, e) : JB_ENOMEM;

    if (!rc)
        rc = estimates_learn(e);
    if (!rc && !(w = estimate_walk_new(e, running->n)))
        rc = JB_ENOMEM;
    for (size_t i = 0; i < running->n && !rc; i++) {
        const struct queue_entry *r = &running->entries[i];
        estimate_walk_running(w, r->params, r->precision.p,
                              r->started ? (double)(b->now - r->started) / 1e6 : 0);
    }
    for (size_t i = 0; i < pending->n && !rc; i++) {
        struct queue_entry *p = &pending->entries[i];
        if (p->state == QUEUE_SUBMITTED)
            continue;
        p->place = ++place;
        p->start = estimate_walk_next(w, p->params, p->precision.p);
    }
    estimate_walk_free(w);
    estimates_free(e);
    return rc;
}

static void
lists_free(struct queue_lists *lists)
{
    for (int i = 0; i < QUEUE_TABLE_NONE; i++)
        free(lists->tables[i].entries);
    free(lists->by_id);
    free(lists->by_model);
    jb_arena_free(lists->arena);
    free(lists);
}

int
queue_lists_build(struct store_txn *txn, int64_t now, struct jb_error *err,
                  struct queue_lists **ret_lists)
{
    struct queue_lists *lists = calloc(1, sizeof *lists);
    struct build build = {.txn = txn, .lists = lists, .now = now};
    int rc = JB_ENOMEM;

    build.walk = jb_arena_new(RECORD_MAX);
    build.record = jb_arena_new(LISTS_MAX);
    if (!lists || !build.record || !build.walk || !(lists->arena = jb_arena_new(LISTS_MAX)))
        goto out;
    rc = store_notes_each(txn, NOTE_HIDDEN, build.record, each_hidden, &build);
    if (rc)
        goto out;
    if (build.n_hidden)
        qsort(build.hidden, build.n_hidden, sizeof *build.hidden, by_name);
    if ((rc = store_requests_each(txn, build.walk, false, each_request, &build)))
        goto out;
    for (int i = 0; i < QUEUE_TABLE_NONE; i++) {
        struct table *table = &lists->tables[i];
        if (table->n)
            qsort(table->entries, table->n, sizeof *table->entries,
                  i == QUEUE_TABLE_PENDING   ? by_turn
                  : i == QUEUE_TABLE_RUNNING ? oldest_first
                                             : newest_first);
    }
    if ((rc = index_entries(lists)) || (rc = estimate(&build)))
        goto out;
    lists->refs = 1;
    *ret_lists = lists;
out:
    if (rc)
        jb_fail(err, rc, "%s",
                store_txn_error(txn) ? store_txn_reason(txn)->text
                                     : "no memory for the queue tables");
    free(build.hidden);
    jb_arena_free(build.record);
    jb_arena_free(build.walk);
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

const struct queue_entry *
queue_lists_find(const struct queue_lists *lists, uint64_t id)
{
    const struct queue_entry wanted = {.id = id}, *key = &wanted;
    struct queue_entry **found =
        lists->n ? bsearch(&key, lists->by_id, lists->n, sizeof *lists->by_id, by_id) : NULL;

    return found ? *found : NULL;
}

size_t
queue_lists_model(const struct queue_lists *lists, struct jb_str model,
                  void (*each)(void *ctx, const struct queue_entry *entry), void *ctx)
{
    size_t low = 0, high = lists->n, n = 0;

    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct jb_str *at = &lists->by_model[mid]->model;
        size_t shared = at->n < model.n ? at->n : model.n;
        int c = memcmp(at->p, model.p ? model.p : "", shared);
        if (c < 0 || (c == 0 && at->n < model.n))
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < lists->n && jb_str_eq(lists->by_model[low]->model, model); low++, n++)
        if (each)
            each(ctx, lists->by_model[low]);
    return n;
}

int64_t
queue_lists_next_embargo(const struct queue_lists *lists)
{
    return lists->next_embargo;
}
