/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the export folder as `jinbang export` would write it, file by file from the change log.
 * The cursor moves when everything up to it is on disk; after a kill in between, or when the
 * folder is another one, every file is compared with what it is to be. At each start names are
 * compared in any case.
 */
#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "dispatch/export_work.h"
#include "queue/publish.h"

#include <stdlib.h>
#include <string.h>

#define CURSOR      "export"
#define MARK_FOLDER "export.folder" /* which folder it is the cursor of */

#define BYTES_MAX   ((size_t)512 << 20)
#define CHANGES_MAX 2000 /* taken from the log at once */
#define SLICE       50   /* ms of writing in one run */
#define INTERVAL    (200 * 1000)
#define WAIT_FIRST  (1000 * 1000)
#define WAIT_MOST   (60 * 1000 * 1000)
#define ALL_LISTS   ((1u << EXPORT_LISTS) - 1)
#define MODELS_LIST (1u << EXPORT_MODELS)

static void
embargoes_clear(struct export_task *t)
{
    struct embargo *e, *next;

    HASH_ITER (hh, t->embargoes, e, next) {
        HASH_DEL(t->embargoes, e);
        free(e);
    }
}

static void
forget(struct export_task *t)
{
    export_index_free(t->index);
    folder_close(t->folder);
    embargoes_clear(t);
    t->index = NULL;
    t->folder = NULL;
    t->applied = t->saved = 0;
}

static void
export_stop(void *task)
{
    struct export_task *t = task;

    forget(t);
    jb_arena_free(t->records);
    jb_arena_free(t->changes);
    jb_buf_free(&t->out);
    free(t->dir);
    free(t);
}

static int
take_settings(struct export_task *t)
{
    const char *dir = t->d->conf->export_.dir;
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char *copy;

    if (t->dir && strcmp(t->dir, dir) == 0)
        return 0;
    copy = strdup(dir);
    if (!copy || crypto_sha256(jb_str(dir), digest)) {
        free(copy);
        return JB_ENOMEM;
    }
    free(t->dir);
    t->dir = copy;
    memcpy(&t->dir_mark, digest, sizeof(t->dir_mark));
    t->not_before = 0;
    forget(t);
    return 0;
}

static void
export_reload(void *task)
{
    if (take_settings(task))
        jb_log(JB_LOG_ERR, "export: no memory for new settings; the old ones stay");
}

static void *
export_start(struct dispatch *d, struct jb_error *err)
{
    struct export_task *t = calloc(1, sizeof(*t));

    if (!t) {
        jb_fail(err, JB_ENOMEM, "export: out of memory");
        return NULL;
    }
    t->d = d;
    t->out = JB_BUF(BYTES_MAX);
    t->records = jb_arena_new(BYTES_MAX);
    t->changes = jb_arena_new((size_t)16 << 20);
    if (!t->records || !t->changes || take_settings(t)) {
        jb_fail(err, JB_ENOMEM, "export: out of memory");
        export_stop(t);
        return NULL;
    }
    return t;
}

static int
set_embargo(struct work *w, uint64_t id, int64_t until)
{
    struct export_task *t = w->t;
    struct embargo *e = NULL;

    HASH_FIND(hh, t->embargoes, &id, sizeof(id), e);
    if (!e && until <= w->now)
        return 0;
    if (e && until <= w->now) {
        HASH_DEL(t->embargoes, e);
        free(e);
        return 0;
    }
    if (!e) {
        e = calloc(1, sizeof(*e));
        if (!e)
            return JB_ENOMEM;
        e->id = id;
        HASH_ADD(hh, t->embargoes, id, sizeof(e->id), e);
        if (e->lost) {
            free(e);
            return JB_ENOMEM;
        }
    }
    e->until = until;
    return 0;
}

/* Does it go out, and as what? Its bytes are another matter: `changed`. */
static int
place_request(struct work *w, const struct request *r, bool changed)
{
    struct export_name name;
    int passes = w->rule.request(w->rule.ctx, w->txn, r);
    int rc = passes < 0 ? passes : export_request_name(r, w->t->records, &name);

    if (rc)
        return rc;
    return passes ? export_index_put(w->t->index, EXPORT_REQUESTS, &name, r->model, changed)
                  : export_index_drop(w->t->index, EXPORT_REQUESTS, r->id);
}

static int
place_result(struct work *w, const struct result *r, bool changed)
{
    struct export_name name;
    int passes = w->rule.result(w->rule.ctx, w->txn, r);
    int rc = passes < 0 ? passes : export_result_name(r, w->t->records, &name);

    if (rc)
        return rc;
    return passes ? export_index_put(w->t->index, EXPORT_RESULTS, &name, r->model, changed)
                  : export_index_drop(w->t->index, EXPORT_RESULTS, r->id);
}

static int
each_request(void *ctx, const struct request *r)
{
    struct work *w = ctx;
    int rc = place_request(w, r, false);

    jb_arena_reset(w->t->records);
    return rc;
}

static int
each_result(void *ctx, const struct result *r)
{
    struct work *w = ctx;
    int rc = place_result(w, r, false);

    jb_arena_reset(w->t->records);
    return rc;
}

static int
each_job(void *ctx, const struct job *job)
{
    struct work *w = ctx;
    int rc = set_embargo(w, job->id, job->embargo);

    jb_arena_reset(w->t->records);
    return rc;
}

static int
place_all(struct work *w)
{
    int rc = store_requests_each(w->txn, w->t->records, false, each_request, w);

    if (!rc)
        rc = store_results_each(w->txn, w->t->records, false, each_result, w);
    if (!rc)
        w->t->reconsider = false;
    return rc ? export_failed(w, rc) : 0;
}

static int
touch_results(struct work *w, const char *model)
{
    return store_model_results(w->txn, model, w->t->records, false, each_result, w);
}

static int
touch_request(struct work *w, uint64_t id)
{
    struct export_task *t = w->t;
    const char *was = export_index_model(t->index, EXPORT_REQUESTS, id);
    char *model = was ? strdup(was) : NULL;
    struct request r;
    struct job job;
    int rc;

    if (was && !model)
        return JB_ENOMEM;
    rc = store_request_get(w->txn, id, t->records, &r);
    if (rc == JB_ENOENT) {
        rc = export_index_drop(t->index, EXPORT_REQUESTS, id);
        if (!rc)
            rc = set_embargo(w, id, 0);
    } else if (!rc) {
        rc = store_job_get(w->txn, id, t->records, &job);
        if (!rc || rc == JB_ENOENT)
            rc = set_embargo(w, id, rc ? 0 : job.embargo);
        if (!rc)
            rc = place_request(w, &r, true);
        /* The walk resets the arena that the request is in. */
        if (!rc && (!model || strcmp(model, r.model) != 0)) {
            char *now = strdup(r.model);
            rc = now ? touch_results(w, now) : JB_ENOMEM;
            free(now);
        }
    }
    if (!rc && model)
        rc = touch_results(w, model);
    free(model);
    jb_arena_reset(t->records);
    return rc;
}

static int
touch_result(struct work *w, uint64_t id)
{
    struct result r;
    int rc = store_result_get(w->txn, id, w->t->records, &r);

    if (rc == JB_ENOENT)
        rc = export_index_drop(w->t->index, EXPORT_RESULTS, id);
    else if (!rc)
        rc = place_result(w, &r, true);
    jb_arena_reset(w->t->records);
    return rc;
}

/* Does it decide what goes out beyond the record itself? Then everything is asked again. A
 * word too many does no harm. */
static bool
decides(const struct change *c)
{
    if (strcmp(c->kind, "alias") == 0 || strcmp(c->kind, "hidden") == 0)
        return true;
    if (strcmp(c->kind, "job") == 0)
        return strstr(c->before, "\"hidden\"") || strstr(c->after, "\"hidden\"") ||
               strstr(c->before, "\"embargo\"") || strstr(c->after, "\"embargo\"");
    /* Of one that did not go out itself, nobody knows the model any more. */
    return strcmp(c->kind, "request") == 0 &&
           (strcmp(c->action, "deleted") == 0 ||
            (strcmp(c->action, "changed") == 0 && strstr(c->before, "\"model\"")));
}

static int
each_change(void *ctx, const struct change *c)
{
    struct work *w = ctx;
    struct export_task *t = w->t;
    int list = export_list_of(c->kind), rc = 0;
    bool job = strcmp(c->kind, "job") == 0;

    if (w->n_changes == CHANGES_MAX)
        return 1;
    w->n_changes++;
    if (c->seq != t->applied + 1) /* a gap: look at everything */
        return 2;
    if (list >= 0)
        t->lists |= 1u << list;
    if (decides(c))
        t->reconsider = true;
    if (strcmp(c->kind, "hidden") == 0 || strcmp(c->kind, "alias") == 0)
        t->lists |= MODELS_LIST;
    if (job || strcmp(c->kind, "request") == 0)
        rc = touch_request(w, c->id);
    else if (strcmp(c->kind, "result") == 0)
        rc = touch_result(w, c->id);
    if (!rc)
        t->applied = c->seq;
    jb_arena_reset(t->changes);
    return rc;
}

static int
found_file(void *ctx, const char *file)
{
    struct work *w = ctx;
    bool ours = false;
    int rc = export_index_found(w->t->index, file, &ours);

    if (rc)
        return jb_fail(w->err, rc, "out of memory");
    if (ours || !export_file_is_ours(file))
        return 0;
    rc = folder_delete(w->t->folder, file, w->err);
    w->t->removed++;
    return rc;
}

/* The whole picture anew, from store and folder. */
static int
look_around(struct work *w)
{
    struct export_task *t = w->t;
    struct store_seq seq;
    uint64_t mark = 0;
    int rc;

    forget(t);
    rc = folder_open(t->dir, true, w->err, &t->folder);
    if (rc)
        return rc;
    t->index = export_index_new();
    if (!t->index)
        return jb_fail(w->err, JB_ENOMEM, "out of memory");
    rc = store_seq_get(w->txn, &seq);
    if (!rc)
        rc = store_cursor_get(w->txn, CURSOR, &t->saved);
    if (!rc)
        rc = store_mark_get(w->txn, MARK_FOLDER, &mark);
    if (!rc)
        rc = store_jobs_each(w->txn, t->records, each_job, w);
    if (rc)
        return export_failed(w, rc);
    t->mark_saved = mark == t->dir_mark;
    rc = place_all(w);
    for (int layout = 0; !rc && layout < EXPORT_LAYOUTS; layout++)
        rc = folder_walk(t->folder, export_folders[layout], found_file, w, w->err);
    if (!rc)
        rc = folder_walk(t->folder, "", found_file, w, w->err);
    if (rc)
        return rc;
    rc = export_index_settle(t->index, !t->mark_saved || !t->saved || t->saved != seq.change);
    if (rc)
        return jb_fail(w->err, rc, "out of memory");
    t->applied = seq.change;
    t->lists = ALL_LISTS;
    t->models_after = 0;
    return 0;
}

/* The embargoes that are over; when the next one ends, INT64_MAX none. */
static int64_t
end_embargoes(struct export_task *t, int64_t now)
{
    struct embargo *e, *next;
    int64_t first = INT64_MAX;

    HASH_ITER (hh, t->embargoes, e, next) {
        if (e->until <= now) {
            HASH_DEL(t->embargoes, e);
            free(e);
            t->reconsider = true;
        } else if (e->until < first) {
            first = e->until;
        }
    }
    return first;
}

static int
look_and_write(struct work *w)
{
    struct export_task *t = w->t;
    int rc = 0;

    if (t->folder && !folder_is_there(t->folder))
        forget(t);
    if (!t->index) {
        rc = look_around(w);
        if (rc)
            forget(t); /* half a picture is none */
    } else {
        rc = store_changes_each(w->txn, t->applied, t->changes, each_change, w);
        if (rc == 2) {
            jb_log(JB_LOG_NOTICE, "export: the change log has a gap; looking at everything");
            rc = look_around(w);
            if (rc)
                forget(t);
        } else if (rc < 0) {
            rc = export_failed(w, rc);
        } else {
            rc = 0;
        }
    }
    if (rc)
        return rc;
    (void)end_embargoes(t, w->now);
    if (t->reconsider)
        rc = place_all(w);
    if (!rc)
        rc = export_write_groups(w);
    return rc ? rc : export_write_lists(w);
}

static bool
all_written(const struct export_task *t)
{
    return t->index && !t->lists && !t->reconsider && !export_index_dirty(t->index);
}

static int
save_cursor(struct export_task *t, struct jb_error *err)
{
    struct store_txn *txn;
    int rc;

    if (t->saved == t->applied && t->mark_saved)
        return 0;
    rc = store_begin(t->d->store, STORE_WRITE, "dispatch", err, &txn);
    if (rc)
        return rc;
    store_cursor_put(txn, CURSOR, t->applied);
    store_mark_put(txn, MARK_FOLDER, t->dir_mark);
    rc = store_commit(txn, err);
    t->d->restart |= rc == JB_EIO;
    if (rc)
        return rc;
    t->saved = t->applied;
    t->mark_saved = true;
    return 0;
}

static int
work(struct export_task *t, int64_t now, struct jb_error *err)
{
    struct work w = {.t = t, .err = err, .now = now};
    struct queue_publish *publish = queue_publish_new(now);
    int rc;

    if (!publish)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    w.rule = queue_publish_rule(publish);
    w.deadline = jb_monotonic_ms() + SLICE;
    rc = store_begin(t->d->store, STORE_READ, NULL, err, &w.txn);
    if (!rc) {
        rc = look_and_write(&w);
        store_abort(w.txn);
    }
    queue_publish_free(publish);
    jb_arena_reset(t->records);
    jb_arena_reset(t->changes);
    if (rc || !all_written(t))
        return rc;
    rc = folder_sync(t->folder, err);
    if (!rc)
        rc = save_cursor(t, err);
    if (!rc && (t->written || t->removed)) {
        jb_log(JB_LOG_INFO, "export: %zu files written, %zu removed", t->written, t->removed);
        t->written = t->removed = 0;
    }
    return rc;
}

static int64_t
export_run(void *task, int64_t now)
{
    struct export_task *t = task;
    struct jb_error err = {0};
    int64_t embargo;

    if (!*t->dir)
        return INT64_MAX;
    if (t->not_before > now + WAIT_MOST) /* the clock was set back */
        t->not_before = 0;
    if (now < t->not_before)
        return t->not_before;
    embargo = end_embargoes(t, now);
    if (all_written(t) && t->saved == t->applied && t->mark_saved &&
        t->applied == t->d->seq.change)
        return embargo;
    if (work(t, now, &err)) {
        t->wait = t->wait ? 2 * t->wait : WAIT_FIRST;
        if (t->wait > WAIT_MOST)
            t->wait = WAIT_MOST;
        jb_log(JB_LOG_ERR, "export: %s; next try in %lld s", err.text,
               (long long)(t->wait / 1000000));
        return t->not_before = now + t->wait;
    }
    t->wait = 0;
    if (t->index && export_index_dirty(t->index))
        return now;
    t->not_before = now + INTERVAL;
    embargo = end_embargoes(t, now);
    return !all_written(t) || t->applied != t->d->seq.change ? t->not_before : embargo;
}

const struct dispatch_task dispatch_export = {
    .name = "export",
    .start = export_start,
    .run = export_run,
    .reload = export_reload,
    .stop = export_stop,
};
