/* SPDX-License-Identifier: Apache-2.0 */
/* What is durable of attempts: taking them up, moving them on, and looking what others did. */
#include <config.h>

#include "dispatch/lease_own.h"

#include "base/buf.h"
#include "base/failpoint.h"
#include "queue/host.h"
#include "queue/move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTOR "dispatch"

int
lease_begin(struct lease *l, struct jb_error *err, struct store_txn **ret_txn)
{
    return l->dead ? JB_ECLOSED : store_begin(l->store, STORE_WRITE, ACTOR, err, ret_txn);
}

/* Ends the transaction; `rc` other than 0 undoes it. */
int
lease_end(struct lease *l, struct store_txn *txn, int rc, struct jb_error *err)
{
    if (!rc && l->net.dies && l->net.dies(l->net.ctx, "before commit")) {
        l->dead = true;
        rc = JB_ECLOSED;
    }
    if (!rc)
        jb_failpoint("before-commit", NULL);
    if (rc) {
        int sticky = store_txn_error(txn);

        if (sticky && err && !err->code)
            *err = *store_txn_reason(txn);
        store_abort(txn);
        return rc;
    }
    if ((rc = store_commit(txn, err)))
        return rc;
    jb_failpoint("after-commit", NULL);
    if (l->net.dies && l->net.dies(l->net.ctx, "after commit")) {
        l->dead = true;
        return JB_ECLOSED;
    }
    return 0;
}

/* Is it in the registry? A new one may be another machine of the same name. */
static bool
is_known(const struct host *host)
{
    enum queue_host_state state = queue_host_from_word(host->state);

    return state != HOST_NEW && state != HOST_REMOVED && state != HOST_STATE_MAX;
}

/* The attempt as it is stored, if it is the live one. JB_ECONFLICT else. */
int
lease_attempt(struct store_txn *txn, const struct lease_live *live, struct jb_arena *arena,
              struct attempt *ret_attempt)
{
    int rc = store_fence_check(txn, live->request, live->fence);

    return rc ? rc : store_attempt_get(txn, live->fence, arena, ret_attempt);
}

int
lease_attempt_at_host(struct store_txn *txn, const struct lease_live *live,
                      struct jb_arena *arena, struct attempt *ret_attempt)
{
    struct host host;
    int rc = lease_attempt(txn, live, arena, ret_attempt);

    if (rc || (rc = store_host_get(txn, live->host, arena, &host)))
        return rc == JB_ENOENT ? JB_EBUSY : rc;
    return is_known(&host) ? 0 : JB_EBUSY;
}

/* A conflict means that the attempt is not ours to go on with: it is over, and no error. */
int
lease_settle(struct lease_live *live, int rc, struct jb_error *err)
{
    if (rc != JB_ECONFLICT && rc != JB_EBUSY)
        return rc;
    if (err)
        jb_error_clear(err);
    live->ended = live->ended || rc == JB_ECONFLICT;
    return 0;
}

int
lease_move(struct store_txn *txn, const struct lease_live *live, const struct job *job,
           const struct queue_move *move, int64_t now_us, struct jb_error *err)
{
    enum queue_state state = queue_state_from_word(job->state);
    int rc;

    if (state != QUEUE_LEASED && state != QUEUE_RUNNING && state != QUEUE_STORING &&
        state != QUEUE_CANCELLING)
        return JB_EBUSY;
    rc = queue_move(txn, live->request, move, now_us, err, NULL);
    return rc == JB_ECONFLICT ? JB_EBUSY : rc;
}

/* The object of a stored attempt, with the body of its offer. */
int
lease_make_live(struct lease *l, const struct attempt *a, struct lease_live **ret_live)
{
    struct lease_live *live = calloc(1, sizeof(*live));
    struct wire_offer offer = {
        .job = a->request, .fence = a->fence, .lease_seconds = l->rules->lease_ms / 1000};
    struct jb_buf body = JB_BUF(SPEC_BODY_MAX);
    int rc = live ? spec_read(jb_str(a->spec), l->arena, NULL, &offer.spec) : JB_ENOMEM;

    if (!rc)
        rc = spec_hash(&offer.spec, offer.spec_hash);
    if (!rc) {
        live->plan = lease_plan_of(l, offer.spec.plan);
        memcpy(offer.id, a->id, WIRE_ID_SIZE);
        wire_offer_put(&offer, &body);
        rc = body.err;
    }
    if (!rc && !(live->offer = strdup(body.p)))
        rc = JB_ENOMEM;
    jb_buf_free(&body);
    if (rc) {
        lease_live_free(live);
        return rc;
    }
    live->fence = a->fence;
    live->request = a->request;
    live->round = a->round;
    live->cancel = a->cancel;
    live->slots = a->slots;
    live->progress = -1;
    live->log_epoch = a->log_epoch;
    live->log_end = a->log_end;
    for (size_t i = 0; i < offer.spec.n_tasks; i++)
        live->of += i == 0 || strcmp(offer.spec.tasks[i].benchmark,
                                     offer.spec.tasks[i - 1].benchmark) != 0;
    live->leased = a->leased;
    snprintf(live->id, sizeof(live->id), "%s", a->id);
    snprintf(live->host, sizeof(live->host), "%s", a->host);
    memcpy(live->spec_hash, offer.spec_hash, SPEC_HASH_HEX);
    live->accepted = strcmp(a->state, "leased") != 0;
    live->ready = !strcmp(a->state, "storing");
    *ret_live = live;
    return 0;
}

struct loading {
    struct lease *l;
    int rc;
};

static int
each_live(void *ctx, const struct attempt *a)
{
    struct loading *loading = ctx;
    struct lease_live *live;

    if ((loading->rc = lease_make_live(loading->l, a, &live)))
        return 1;
    live->next = loading->l->live;
    loading->l->live = live;
    return 0;
}

int
lease_store_load(struct lease *l, struct jb_error *err)
{
    struct loading loading = {.l = l};
    struct store_txn *txn;
    int rc = store_begin(l->store, STORE_READ, NULL, err, &txn);

    if (rc)
        return rc;
    rc = store_attempts_live_each(txn, l->arena, each_live, &loading);
    if (rc && !loading.rc && err)
        *err = *store_txn_reason(txn);
    store_abort(txn);
    return loading.rc ? jb_fail(err, loading.rc, "an attempt cannot be taken up again") : rc;
}

int
lease_store_is_live(struct lease *l, const struct wire_state *state, struct jb_error *err,
                    bool *ret_live)
{
    struct store_txn *txn;
    struct attempt a;
    int rc = store_begin(l->store, STORE_READ, NULL, err, &txn);

    if (rc)
        return rc;
    rc = store_attempt_get(txn, state->fence, l->arena, &a);
    if (rc && rc != JB_ENOENT && err)
        *err = *store_txn_reason(txn);
    *ret_live = !rc && !strcmp(a.id, state->id) && strcmp(a.state, ATTEMPT_ENDED) != 0;
    store_abort(txn);
    return rc == JB_ENOENT ? 0 : rc;
}

/* The attempt is `state` now, its job moves by `event`. */
static int
advance(struct lease *l, struct lease_live *live, const char *state, enum queue_event event,
        int64_t now_us, struct jb_error *err)
{
    const struct queue_move move = {.event = event, .who = QUEUE_PLATFORM};
    struct store_txn *txn;
    struct attempt a;
    struct request r;
    struct job job;
    int rc = lease_begin(l, err, &txn);

    if (rc)
        return rc;
    rc = lease_attempt_at_host(txn, live, l->arena, &a);
    if (!rc)
        rc = queue_load(txn, live->request, l->arena, &r, &job);
    if (!rc && strcmp(job.state, queue_state_word(QUEUE_CANCELLING)) != 0)
        rc = lease_move(txn, live, &job, &move, now_us, err);
    if (!rc) {
        a.state = state;
        a.started = a.started ? a.started : now_us;
        rc = store_attempt_put(txn, &a);
    }
    return lease_settle(live, lease_end(l, txn, rc, err), err);
}

int
lease_store_started(struct lease *l, struct lease_live *live, int64_t now_us,
                    struct jb_error *err)
{
    if (live->canary)
        return 0;
    return advance(l, live, "running", QUEUE_EVENT_START, now_us, err);
}

int
lease_store_ready(struct lease *l, struct lease_live *live, int64_t now_us,
                  struct jb_error *err)
{
    int rc = live->ready || live->canary
                 ? 0
                 : advance(l, live, "storing", QUEUE_EVENT_READY, now_us, err);

    live->ready = rc == 0;
    return rc;
}

enum { DUE_MAX = 64 };

struct due {
    uint64_t ids[DUE_MAX];
    size_t n;
    int64_t now, next;
};

static int
each_due(void *ctx, uint64_t id, int64_t at)
{
    struct due *due = ctx;

    if (at > due->now || due->n == DUE_MAX) {
        due->next = at;
        return 1;
    }
    due->ids[due->n++] = id;
    return 0;
}

static int
return_due(struct lease *l, const struct due *due, int64_t now_us, struct jb_error *err)
{
    static const struct queue_move move = {.event = QUEUE_EVENT_RETURN, .who = QUEUE_PLATFORM};
    struct store_txn *txn;
    int rc = lease_begin(l, err, &txn);

    if (rc)
        return rc;
    for (size_t i = 0; i < due->n && !rc; i++) {
        rc = queue_move(txn, due->ids[i], &move, now_us, err, NULL);
        if (rc == JB_ECONFLICT || rc == JB_ENOENT) {
            if (err)
                jb_error_clear(err);
            rc = 0;
        }
    }
    return lease_end(l, txn, rc, err);
}

static int
each_host(void *ctx, const struct host *host)
{
    struct lease *l = ctx;
    struct lease_host *known = l->hosts;

    while (known && strcmp(known->name, host->name) != 0)
        known = known->next;
    if (!is_known(host))
        return 0;
    if (!known) {
        if (!(known = calloc(1, sizeof(*known))))
            return 1;
        snprintf(known->name, sizeof(known->name), "%s", host->name);
        known->next = l->hosts;
        l->hosts = known;
    }
    known->wanted = true;
    known->held = queue_host_from_word(host->state) == HOST_QUARANTINED;
    known->hold_until = host->hold_until;
    return 0;
}

/* What people did to the job of an attempt. */
static int
look_at(struct lease *l, struct store_txn *txn, struct lease_live *live, bool *ret_over)
{
    struct job job;
    struct request r;
    int rc = store_fence_check(txn, live->request, live->fence);

    *ret_over = false;
    if (rc == JB_ECONFLICT) {
        live->ended = true;
        return 0;
    }
    if (!rc)
        rc = queue_load(txn, live->request, l->arena, &r, &job);
    if (rc)
        return rc == JB_ENOENT ? (live->ended = true, 0) : rc;
    switch (queue_state_from_word(job.state)) {
    case QUEUE_CANCELLING:
        if (!live->cancel)
            live->due = 0;
        live->cancel = true;
        break;
    case QUEUE_LEASED:
    case QUEUE_RUNNING:
    case QUEUE_STORING: *ret_over = job.round != live->round; break;
    default: *ret_over = true;
    }
    return 0;
}

int
lease_store_look(struct lease *l, int64_t now_us, struct jb_error *err)
{
    struct due due = {.now = now_us, .next = INT64_MAX};
    struct store_txn *txn;
    struct store_seq seq;
    int rc = store_begin(l->store, STORE_READ, NULL, err, &txn);

    if (rc)
        return rc;
    rc = store_seq_get(txn, &seq);
    /* What people do to jobs and hosts is logged. */
    if (!rc && l->looked && seq.change == l->change && now_us < l->retry_us) {
        store_abort(txn);
        return 0;
    }
    for (struct lease_host *host = l->hosts; host; host = host->next)
        host->wanted = false;
    if (!rc)
        rc = store_hosts_each(txn, l->arena, each_host, l);
    rc = rc == 1 ? JB_ENOMEM : rc;
    for (struct lease_live *live = l->live; live && !rc; live = live->next) {
        const struct lease_host *host = lease_host_of(l, live->host);

        live->over = false;
        if (!live->ended && !live->canary)
            rc = look_at(l, txn, live, &live->over);
        if (!live->over && !(host && host->wanted)) {
            live->over = true;
            snprintf(live->failure, sizeof(live->failure), "%s", "worker_lost");
            snprintf(live->reason, sizeof(live->reason), "%s", "its host was removed");
        }
    }
    if (!rc)
        rc = store_jobs_due(txn, queue_state_word(QUEUE_RETRY_WAIT), INT64_MAX, each_due, &due);
    rc = rc == 1 ? 0 : rc;
    if (rc && err && store_txn_error(txn))
        *err = *store_txn_reason(txn);
    store_abort(txn);
    if (rc)
        return rc;
    l->looked = true;
    l->change = seq.change;
    l->retry_us = due.next;
    for (struct lease_live *live = l->live; live && !rc; live = live->next)
        if (live->over)
            rc = lease_store_end(l, live, LEASE_END_FAILED, now_us, err);
    return rc || !due.n ? rc : return_due(l, &due, now_us, err);
}
