/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/export.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "store/document.h"
#include "store/folder.h"
#include "store/import_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_MAX ((size_t)512 << 20)

const char *const export_folders[EXPORT_LAYOUTS] = {"requests", "results"};

struct entry {
    struct export_name name;
    bool owner; /* of the plain name */
};

struct export
{
    struct store_txn *txn;
    struct folder *folder;
    const struct export_rule *rule;
    const struct import_sink *sink;
    struct jb_error *err;
    struct import_counts counts;
    struct jb_arena *arena; /* of one record */
    struct jb_buf out;
    struct entry *entries;
    size_t n, room, done, total;
    int rc;
};

static int
nomem(struct jb_error *err)
{
    return jb_fail(err, JB_ENOMEM, "out of memory");
}

static int
name_hex(const char *commit, const char *revision, char ret_hex[13])
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    int rc;

    if (commit && strlen(commit) == 40) {
        memcpy(ret_hex, commit, 12);
        ret_hex[12] = '\0';
        return 0;
    }
    rc = crypto_sha256(jb_str(revision), digest);
    if (!rc)
        crypto_hex(digest, 6, ret_hex);
    return rc;
}

int
export_request_name(const struct request *r, struct jb_arena *arena,
                    struct export_name *ret_name)
{
    struct export_name name = {.id = r->id, .time = r->submitted};
    int rc;

    name.path = r->path && r->path[0] ? r->path : document_request_path(r, arena);
    if (!name.path)
        return JB_ENOMEM;
    rc = name_hex(r->commit, r->revision, name.hex);
    if (!rc)
        *ret_name = name;
    return rc;
}

int
export_result_name(const struct result *r, struct jb_arena *arena, struct export_name *ret_name)
{
    struct export_name name = {.id = r->id, .time = r->time, .path = r->path};
    char time[JB_TIME_SIZE];
    int rc;

    if (!r->path || !r->path[0]) {
        jb_time_format(r->time, 1, time);
        time[strcspn(time, "Z")] = '\0';
        for (char *p = time; *p; p++)
            if (*p == ':')
                *p = '-';
        name.path = jb_arena_printf(arena, "%s/results_%s.json", r->model, time);
    }
    if (!name.path)
        return JB_ENOMEM;
    rc = name_hex(r->revision, r->revision, name.hex);
    if (!rc)
        *ret_name = name;
    return rc;
}

int
export_name_order(const struct export_name *a, const struct export_name *b)
{
    if (a->time != b->time)
        return a->time > b->time ? -1 : 1;
    return a->id > b->id ? -1 : a->id < b->id;
}

char *
export_name_file(const struct export_name *name, enum export_layout layout, bool owner,
                 struct jb_arena *arena)
{
    size_t n = strlen(name->path);

    if (owner)
        return jb_arena_printf(arena, "%s/%s", export_folders[layout], name->path);
    n -= n > 5 && strcmp(name->path + n - 5, ".json") == 0 ? 5 : 0;
    return jb_arena_printf(arena, "%s/%.*s_%s.json", export_folders[layout], (int)n, name->path,
                           name->hex);
}

int
export_request_write(struct store_txn *txn, const struct request *r, struct jb_arena *arena,
                     struct jb_error *err, struct jb_buf *out)
{
    struct job job = {0};
    int rc = store_job_get(txn, r->id, arena, &job);

    if (rc && rc != JB_ENOENT)
        return jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    return document_request_write(r, job.started, arena, err, out);
}

/* Does the rule let it through? Negative on a failure. */
static int
passes_request(const struct export_rule *rule, struct store_txn *txn, const struct request *r)
{
    return rule ? rule->request(rule->ctx, txn, r) : 1;
}

static int
passes_result(const struct export_rule *rule, struct store_txn *txn, const struct result *r)
{
    return rule ? rule->result(rule->ctx, txn, r) : 1;
}

static bool
stopped(const struct export *e)
{
    return e->sink && e->sink->stop && e->sink->stop(e->sink->ctx);
}

/* Problems of one file are told and the rest goes on; a full disk ends it. `path` is what is
 * told, below its layout. */
static int
export_file(struct export *e, const char *file, const char *path)
{
    enum folder_outcome outcome = FOLDER_SAME;
    struct jb_error why = {0};
    int rc;

    e->counts.files++;
    rc = folder_write(e->folder, file, jb_buf_view(&e->out), &why, &outcome);
    if (rc == JB_EFULL || rc == JB_EIO || rc == JB_ENOMEM)
        return jb_fail(e->err, rc, "%s", why.text);
    if (rc) {
        e->counts.broken++;
        import_problem(e->sink, path, "%s", why.text);
    } else if (outcome == FOLDER_SAME) {
        e->counts.same++;
    } else if (outcome == FOLDER_NEW) {
        e->counts.added++;
    } else {
        e->counts.changed++;
    }
    return 0;
}

static int
add_entry(struct export *e, const struct export_name *name)
{
    struct entry *entry;

    if (e->n == e->room) {
        size_t room = e->room ? 2 * e->room : 1024;
        struct entry *entries = reallocarray(e->entries, room, sizeof(*entries));

        if (!entries)
            return nomem(e->err);
        e->entries = entries;
        e->room = room;
    }
    entry = &e->entries[e->n];
    *entry = (struct entry){.name = *name};
    entry->name.path = strdup(name->path);
    if (!entry->name.path)
        return nomem(e->err);
    e->n++;
    return 0;
}

static void
entries_clear(struct export *e)
{
    for (size_t i = 0; i < e->n; i++)
        free((char *)e->entries[i].name.path);
    e->n = 0;
}

static int
by_path(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->name.path, y->name.path);

    return order ? order : export_name_order(&x->name, &y->name);
}

static int
by_id(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->name.id < y->name.id ? -1 : x->name.id > y->name.id;
}

static void
choose_owners(struct export *e)
{
    if (!e->n)
        return;
    qsort(e->entries, e->n, sizeof(*e->entries), by_path);
    for (size_t i = 0; i < e->n; i++)
        e->entries[i].owner =
            i == 0 || strcmp(e->entries[i].name.path, e->entries[i - 1].name.path) != 0;
    qsort(e->entries, e->n, sizeof(*e->entries), by_id);
}

static const struct entry *
find_entry(const struct export *e, uint64_t id)
{
    struct entry wanted = {.name.id = id};

    return e->n ? bsearch(&wanted, e->entries, e->n, sizeof(*e->entries), by_id) : NULL;
}

static int
export_entry(struct export *e, const struct entry *entry, enum export_layout layout)
{
    const char *file = export_name_file(&entry->name, layout, entry->owner, e->arena);
    int rc;

    if (!file)
        return nomem(e->err);
    rc = export_file(e, file, strchr(file, '/') + 1);
    jb_arena_reset(e->arena);
    e->done++;
    if (e->done % 100 == 0 && e->sink && e->sink->progress)
        e->sink->progress(e->sink->ctx, e->done, e->total);
    return rc;
}

/* After a failure that is not in the transaction. */
static int
list_entry(struct export *e, int passes, int rc, const struct export_name *name)
{
    if (passes < 0 || rc)
        e->rc = jb_fail(e->err, passes < 0 ? passes : rc, "%s",
                        store_txn_error(e->txn) ? store_txn_reason(e->txn)->text
                                                : jb_strerror(passes < 0 ? passes : rc));
    else
        e->rc = passes ? add_entry(e, name) : 0;
    jb_arena_reset(e->arena);
    return e->rc;
}

static int
list_request(void *ctx, const struct request *r)
{
    struct export *e = ctx;
    struct export_name name = {0};
    int passes = passes_request(e->rule, e->txn, r);

    return list_entry(e, passes, export_request_name(r, e->arena, &name), &name);
}

static int
export_request(void *ctx, const struct request *r)
{
    struct export *e = ctx;
    struct jb_error why = {0};
    const struct entry *entry = find_entry(e, r->id);

    if (stopped(e))
        return 1;
    if (!entry)
        return 0;
    jb_buf_reset(&e->out);
    e->rc = export_request_write(e->txn, r, e->arena, &why, &e->out);
    if (e->rc == JB_ENOMEM || store_txn_error(e->txn))
        return jb_fail(e->err, e->rc, "%s", why.text);
    if (e->rc) {
        e->counts.files++;
        e->counts.broken++;
        import_problem(e->sink, r->model, "%s", why.text);
        return e->rc = 0;
    }
    return e->rc = export_entry(e, entry, EXPORT_REQUESTS);
}

static int
list_result(void *ctx, const struct result *r)
{
    struct export *e = ctx;
    struct export_name name = {0};
    int passes = passes_result(e->rule, e->txn, r);

    return list_entry(e, passes, export_result_name(r, e->arena, &name), &name);
}

static int
export_result(void *ctx, const struct result *r)
{
    struct export *e = ctx;
    const struct entry *entry = find_entry(e, r->id);

    if (stopped(e))
        return 1;
    if (!r->doc.n || !entry)
        return 0;
    jb_buf_reset(&e->out);
    jb_buf_str(&e->out, r->doc);
    if (e->out.err)
        return e->rc = jb_fail(e->err, e->out.err, "%s", r->path);
    return e->rc = export_entry(e, entry, EXPORT_RESULTS);
}

/* 0, or what the walk (or the function walked with) failed of; 1 when it was stopped. */
static int
walked(struct export *e, int rc)
{
    if (rc < 0 && !(e->err && e->err->code))
        (void)jb_fail(e->err, rc, "%s",
                      store_txn_error(e->txn) ? store_txn_reason(e->txn)->text
                                              : jb_strerror(rc));
    return rc;
}

static int
export_lists(struct export *e)
{
    int rc = 0;

    for (int i = 0; !rc && i < EXPORT_LISTS; i++) {
        jb_buf_reset(&e->out);
        rc = export_list_write(e->txn, (enum export_list)i, e->rule, e->arena, e->err, &e->out);
        if (!rc)
            rc = export_file(e, export_list_file((enum export_list)i),
                             export_list_file((enum export_list)i));
    }
    return rc;
}

static int
export_layouts(struct export *e)
{
    struct store_stat stat;
    int rc;

    rc = walked(e, store_stat_get(e->txn, &stat));
    if (rc)
        return rc;
    e->total = stat.requests + stat.results;
    rc = walked(e, store_requests_each(e->txn, e->arena, false, list_request, e));
    choose_owners(e);
    if (!rc)
        rc = walked(e, store_requests_each(e->txn, e->arena, true, export_request, e));
    entries_clear(e);
    if (!rc)
        rc = walked(e, store_results_each(e->txn, e->arena, false, list_result, e));
    choose_owners(e);
    if (!rc)
        rc = walked(e, store_results_each(e->txn, e->arena, true, export_result, e));
    entries_clear(e);
    return rc;
}

int
export_all(struct store *store, const char *dir, const struct export_rule *rule,
           const struct import_sink *sink, struct jb_error *err,
           struct import_counts *ret_counts)
{
    struct export e = {.rule = rule, .sink = sink, .err = err, .out = JB_BUF(EXPORT_MAX)};
    int rc = folder_open(dir, false, err, &e.folder);

    if (rc)
        return rc;
    e.arena = jb_arena_new(EXPORT_MAX);
    rc = e.arena ? store_begin(store, STORE_READ, NULL, err, &e.txn) : nomem(err);
    if (!rc) {
        rc = export_layouts(&e);
        if (!rc)
            rc = export_lists(&e);
        store_abort(e.txn);
    }
    if (rc >= 0)
        rc = 0;
    *ret_counts = e.counts;
    jb_buf_free(&e.out);
    jb_arena_free(e.arena);
    free(e.entries);
    folder_close(e.folder);
    return rc;
}
