/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions that wait for the check with the hub, several at once. */
#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/dispatch.h"
#include "dispatch/hub.h"
#include "queue/move.h"
#include "queue/verdict.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_MAX ((size_t)1 << 20)
/* After the store refused a verdict: the same would be asked of the hub again and again. */
#define HOLD_US    ((int64_t)10 * 1000000)

struct slot {
    struct check_task *task;
    bool busy;
    uint64_t id, round;
    char model[STORE_NAME_MAX + 1];
    struct hub_check *check;
};

struct check_task {
    struct dispatch *d;
    struct hub_known *known;
    struct jb_arena *record;
    size_t n; /* slots: hub.parallel of the start */
    struct slot *slots;
    uint64_t *ids; /* room for as many */
    int64_t hold;
};

static void
tell(const struct slot *slot, const struct hub_verdict *v)
{
    const char *reason = v->reason ? v->reason : "";

    if (v->retry)
        jb_log(JB_LOG_WARNING, "request %llu, %s: the hub is to be asked again: %s",
               (unsigned long long)slot->id, slot->model, reason);
    else if (v->failure)
        jb_log(JB_LOG_INFO, "request %llu, %s: refused, %s: %s", (unsigned long long)slot->id,
               slot->model, queue_failure_class(v->failure)->word, reason);
    else
        jb_log(JB_LOG_INFO, "request %llu, %s: passed, commit %s", (unsigned long long)slot->id,
               slot->model, v->commit);
}

static void
on_verdict(void *ctx, const struct hub_verdict *verdict)
{
    struct slot *slot = ctx;
    struct dispatch *d = slot->task->d;
    struct store_txn *txn = NULL;
    struct jb_error err = {0};
    int64_t now = jb_now_us();
    int rc = store_begin(d->store, STORE_WRITE, "dispatch", &err, &txn);

    if (!rc) {
        rc = queue_verdict(txn, d->conf, slot->id, slot->round, verdict, now, &err);
        if (rc)
            store_abort(txn);
        else
            rc = store_commit(txn, &err);
    }
    slot->busy = false;
    slot->check = NULL;
    if (rc == 0) {
        tell(slot, verdict);
    } else if (rc == JB_ECONFLICT) {
        jb_log(JB_LOG_INFO, "request %llu, %s: %s", (unsigned long long)slot->id, slot->model,
               err.text);
    } else {
        jb_log(JB_LOG_ERR, "request %llu, %s: the verdict is not stored: %s",
               (unsigned long long)slot->id, slot->model,
               err.text[0] ? err.text : jb_strerror(rc));
        slot->task->hold = now + HOLD_US;
        d->restart = d->restart || rc == JB_EIO;
    }
}

static bool
is_under_way(const struct check_task *t, uint64_t id)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->slots[i].busy && t->slots[i].id == id)
            return true;
    return false;
}

/* Ids for the free slots. */
struct due {
    const struct check_task *task;
    size_t n, room;
    uint64_t *ids;
};

static int
take_due(void *ctx, uint64_t id, int64_t at)
{
    struct due *due = ctx;

    (void)at;
    if (!is_under_way(due->task, id))
        due->ids[due->n++] = id;
    return due->n == due->room;
}

static struct slot *
free_slot(struct check_task *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (!t->slots[i].busy)
            return &t->slots[i];
    return NULL;
}

/* What the store says of a request, then, without the store, the first question to the hub. */
static int
begin(struct check_task *t, uint64_t id, struct jb_error *err)
{
    struct dispatch *d = t->d;
    struct slot *slot = free_slot(t);
    struct store_txn *txn = NULL;
    struct request request;
    struct job job;
    int rc;

    jb_arena_reset(t->record);
    rc = store_begin(d->store, STORE_READ, NULL, err, &txn);
    if (!rc)
        rc = queue_load(txn, id, t->record, &request, &job);
    if (rc && txn && store_txn_error(txn))
        jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    store_abort(txn);
    if (rc == JB_ENOENT ||
        (!rc && queue_state_from_word(job.state) != QUEUE_SUBMITTED)) /* since a moment ago */
        return 0;
    if (rc)
        return rc;
    const struct hub_source source = {.http = d->http,
                                      .conf = d->conf,
                                      .url = d->hub_url,
                                      .token = d->hub_token,
                                      .known = t->known};
    const struct hub_query query = {.model = request.model,
                                    .revision = request.revision,
                                    .precision = request.precision,
                                    .weight_type = request.weight_type,
                                    .base_model = request.base_model,
                                    .private_ = request.private_};
    slot->busy = true;
    slot->id = id;
    slot->round = job.round;
    memcpy(slot->model, request.model, strlen(request.model) + 1);
    struct hub_check *check = NULL;
    rc = hub_check_start(&source, &query, on_verdict, slot, err, &check);
    if (rc)
        slot->busy = false;
    else
        slot->check = check;
    return rc;
}

static int64_t
check_run(void *task, int64_t now)
{
    struct check_task *t = task;
    struct store_txn *txn = NULL;
    struct jb_error err = {0};
    struct due due = {.task = t, .ids = t->ids};
    int rc;

    for (size_t i = 0; i < t->n; i++)
        due.room += !t->slots[i].busy;
    if (!due.room)
        return INT64_MAX;
    /* A clock that was set back must not hold us for long. */
    if (now < t->hold && t->hold - now <= HOLD_US)
        return t->hold;
    rc = store_begin(t->d->store, STORE_READ, NULL, &err, &txn);
    if (!rc) {
        rc = store_jobs_due(txn, queue_state_word(QUEUE_SUBMITTED), now, take_due, &due);
        if (rc < 0)
            jb_fail(&err, rc, "%s", store_txn_reason(txn)->text);
        store_abort(txn);
    }
    for (size_t i = 0; rc >= 0 && i < due.n; i++)
        rc = begin(t, due.ids[i], &err);
    if (rc < 0) {
        static struct jb_log_limit limit;
        jb_log_limited(&limit, JB_LOG_ERR, "submissions cannot be checked: %s",
                       err.text[0] ? err.text : jb_strerror(rc));
        t->hold = now + HOLD_US;
    }
    return INT64_MAX;
}

static void
check_stop(void *task)
{
    struct check_task *t = task;

    for (size_t i = 0; i < t->n; i++)
        hub_check_cancel(t->slots[i].check);
    free(t->slots);
    free(t->ids);
    jb_arena_free(t->record);
    hub_known_unref(t->known);
    free(t);
}

static void *
check_start(struct dispatch *d, struct jb_error *err)
{
    struct check_task *t = calloc(1, sizeof *t);

    if (!t) {
        jb_fail(err, JB_ENOMEM, "out of memory");
        return NULL;
    }
    t->d = d;
    t->n = (size_t)d->conf->hub.parallel;
    t->slots = calloc(t->n, sizeof *t->slots);
    t->ids = calloc(t->n, sizeof *t->ids);
    t->record = jb_arena_new(RECORD_MAX);
    if (!t->slots || !t->ids || !t->record) {
        jb_fail(err, JB_ENOMEM, "out of memory");
        t->n = 0;
    }
    for (size_t i = 0; i < t->n; i++)
        t->slots[i].task = t;
    if (!t->n || hub_known_load(d->conf->hub.architectures, err, &t->known)) {
        check_stop(t);
        return NULL;
    }
    return t;
}

static void
check_reload(void *task)
{
    struct check_task *t = task;
    struct hub_known *known;
    struct jb_error err = {0};

    if (hub_known_load(t->d->conf->hub.architectures, &err, &known)) {
        jb_log(JB_LOG_ERR, "reload: %s; the architectures known so far stay", err.text);
        return;
    }
    hub_known_unref(t->known);
    t->known = known;
}

const struct dispatch_task dispatch_check = {
    .name = "check",
    .start = check_start,
    .run = check_run,
    .reload = check_reload,
    .stop = check_stop,
};
