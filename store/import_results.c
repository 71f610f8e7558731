/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import_results.h"

#include "base/clock.h"
#include "harness/scores.h"
#include "store/document.h"
#include "store/import_run.h"

#include <stdlib.h>
#include <string.h>

#define RESULT_MAX (8 << 20)

struct results {
    const char *dir;
    const struct import_sink *sink;
    const struct benchmark *benchmarks;
    size_t n;
    struct import_list list;
    uint64_t *ids; /* of a rescore */
    size_t ids_n, ids_room;
    struct store *store;
};

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* `results_2024-05-23T07-14-41.086185.json` -> its time; 0 when the name has none. */
static int64_t
name_time(const char *name)
{
    size_t n;
    int64_t us;

    if (strncmp(name, "results_", 8) != 0)
        return 0;
    name += 8;
    n = strspn(name, "0123456789T:.-");
    while (n && name[n - 1] == '.')
        n--;
    return n && jb_time_parse(name, n, &us) == 0 ? us : 0;
}

/* The model of a place in the layout: <org>/<model>/results_….json, or <model>/results_….json.
 */
static const char *
path_model(const char *path, struct jb_arena *arena)
{
    const char *first = strchr(path, '/');
    const char *second = first ? strchr(first + 1, '/') : NULL;
    const char *end = second ? second : first;

    return end ? jb_arena_dup(arena, path, (size_t)(end - path)) : "";
}

int
import_result_make(struct jb_str doc, const char *path, const struct benchmark *benchmarks,
                   size_t n, const struct import_sink *sink, struct jb_arena *arena,
                   struct jb_error *err, struct result *ret_result)
{
    struct result_score *items;
    struct result r = {.path = path, .doc = doc};
    struct scores s;
    int rc;

    rc = scores_read(doc, benchmarks, n, arena, err, &s);
    if (rc)
        return rc;
    r.model = s.model;
    if (document_model_check(r.model, NULL) != 0)
        r.model = path_model(path, arena);
    if (!r.model)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    if (!r.model[0])
        return jb_fail(err, JB_EUNPROC,
                       "names no model of the hub, and lies in no folder of one");
    rc = document_model_check(r.model, err);
    if (rc)
        return rc;
    r.revision = s.revision;
    r.precision = s.precision;
    r.time = name_time(base_name(path));
    if (!r.time)
        r.time = s.time;
    r.dialect = harness_dialect_name(s.dialect);
    items = jb_arena_array(arena, s.n + 1, sizeof(*items));
    if (!items)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t i = 0; i < s.n; i++)
        items[i] = (struct result_score){s.items[i].benchmark, s.items[i].value,
                                         s.items[i].error, s.items[i].items};
    r.n = s.n;
    r.scores = items;
    rc = store_result_check(&r, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < s.problems; i++)
        import_problem(sink, path, "no score for %s: %s", s.problem[i].benchmark,
                       s.problem[i].reason);
    *ret_result = r;
    return 0;
}

static int
read_result(void *ctx, size_t i, struct jb_arena *arena, struct jb_error *err,
            const char **ret_path, void **ret_record)
{
    struct results *all = ctx;
    struct result *r = jb_arena_alloc(arena, sizeof(*r));
    struct jb_str bytes;
    int rc;

    *ret_path = all->list.paths[i];
    if (!r)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = import_file_read(all->dir, *ret_path, RESULT_MAX, arena, err, &bytes);
    if (!rc)
        rc = import_result_make(bytes, *ret_path, all->benchmarks, all->n, all->sink, arena,
                                err, r);
    if (rc)
        return rc;
    *ret_record = r;
    return 0;
}

static int
put_result(void *ctx, struct store_txn *txn, void *record, struct jb_arena *arena,
           struct jb_error *err, enum store_outcome *ret_outcome)
{
    struct results *all = ctx;
    struct result *r = record, stored;
    int rc;

    (void)err;
    rc = store_result_find(txn, r->model, r->revision, r->precision, base_name(r->path), arena,
                           &stored);
    if (rc && rc != JB_ENOENT)
        return rc;
    /* The same run in two places: the first in order stays, so that the next import agrees. */
    if (rc == 0 && strcmp(stored.path, r->path) != 0) {
        if (stored.doc.n == r->doc.n && memcmp(stored.doc.p, r->doc.p, r->doc.n) == 0) {
            r->path = stored.path;
        } else if (import_list_has(&all->list, stored.path)) {
            import_problem(all->sink, r->path, "the same run as %s, which is kept",
                           stored.path);
            *ret_outcome = STORE_SAME;
            return 0;
        }
    }
    r->id = 0;
    return store_result_put(txn, r, ret_outcome);
}

int
import_results(struct store *store, const char *dir, const struct benchmark *benchmarks,
               size_t n, const char *actor, const struct import_sink *sink,
               struct jb_error *err, struct import_counts *ret_counts)
{
    struct results all = {.dir = dir, .sink = sink, .benchmarks = benchmarks, .n = n};
    struct import_work work = {.store = store,
                               .actor = actor,
                               .sink = sink,
                               .ctx = &all,
                               .read = read_result,
                               .put = put_result};
    int rc;

    rc = import_list_read(dir, ".json", sink, err, &all.list);
    if (rc)
        return rc;
    work.n = all.list.n;
    rc = import_work_run(&work, err, ret_counts);
    import_list_free(&all.list);
    return rc;
}

static int
collect_id(void *ctx, const struct result *result)
{
    struct results *all = ctx;

    if (all->ids_n == all->ids_room) {
        size_t room = all->ids_room ? 2 * all->ids_room : 1024;
        uint64_t *ids = realloc(all->ids, room * sizeof(*ids));

        if (!ids)
            return JB_ENOMEM;
        all->ids = ids;
        all->ids_room = room;
    }
    all->ids[all->ids_n++] = result->id;
    return 0;
}

static int
list_ids(struct results *all, struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new((size_t)1 << 30);
    struct store_txn *txn;
    int rc;

    if (!arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = store_begin(all->store, STORE_READ, NULL, err, &txn);
    if (!rc) {
        rc = store_results_each(txn, arena, false, collect_id, all);
        if (rc)
            (void)jb_fail(err, rc, "%s", jb_strerror(rc));
        store_abort(txn);
    }
    jb_arena_free(arena);
    return rc;
}

static int
read_stored(void *ctx, size_t i, struct jb_arena *arena, struct jb_error *err,
            const char **ret_path, void **ret_record)
{
    struct results *all = ctx;
    struct result *r = jb_arena_alloc(arena, sizeof(*r)), made;
    struct store_txn *txn;
    int rc;

    if (!r)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = store_begin(all->store, STORE_READ, NULL, err, &txn);
    if (rc)
        return rc;
    rc = store_result_get(txn, all->ids[i], arena, r);
    store_abort(txn);
    if (rc == JB_ENOENT)
        return 0; /* deleted meanwhile */
    if (rc)
        return jb_fail(err, rc, "%s", jb_strerror(rc));
    *ret_path = r->path;
    if (!r->doc.n)
        return 0;
    rc = import_result_make(r->doc, r->path, all->benchmarks, all->n, all->sink, arena, err,
                            &made);
    if (rc == JB_EUNPROC) {
        /* measured something that the board no longer shows */
        made.n = 0;
        rc = 0;
        jb_error_clear(err);
    }
    if (rc)
        return rc;
    r->n = made.n;
    r->scores = made.scores;
    *ret_record = r;
    return 0;
}

static int
put_stored(void *ctx, struct store_txn *txn, void *record, struct jb_arena *arena,
           struct jb_error *err, enum store_outcome *ret_outcome)
{
    (void)ctx;
    (void)arena;
    (void)err;
    return store_result_put(txn, record, ret_outcome);
}

int
import_rescore(struct store *store, const struct benchmark *benchmarks, size_t n,
               const char *actor, const struct import_sink *sink, struct jb_error *err,
               struct import_counts *ret_counts)
{
    struct results all = {.store = store, .sink = sink, .benchmarks = benchmarks, .n = n};
    struct import_work work = {.store = store,
                               .actor = actor,
                               .sink = sink,
                               .ctx = &all,
                               .read = read_stored,
                               .put = put_stored};
    int rc;

    rc = list_ids(&all, err);
    if (!rc) {
        work.n = all.ids_n;
        rc = import_work_run(&work, err, ret_counts);
    }
    free(all.ids);
    return rc;
}
