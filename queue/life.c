/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/life.h"

#include "base/buf.h"
#include "queue/names.h"

#include <string.h>

#define TAIL_MAX ((size_t)64 << 10)

const char *
life_folded(const char *model, struct jb_arena *arena)
{
    char *folded = jb_arena_dup(arena, model, strlen(model));

    for (char *p = folded; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 'a' - 'A');
    return folded;
}

int
life_load(struct store_txn *txn, uint64_t id, struct jb_arena *arena, struct life *ret_life)
{
    struct life life = {0};
    int rc = store_request_get(txn, id, arena, &life.request);

    if (rc)
        return rc;
    rc = store_job_get(txn, id, arena, &life.job);
    if (rc && rc != JB_ENOENT)
        return rc;
    life.has_job = rc == 0;
    if (!life.has_job)
        life.job = (struct job){.id = id, .state = "", .priority = 1};
    life.state = queue_state_of(life.job.state, life.request.status);
    *ret_life = life;
    return 0;
}

int
life_store(struct store_txn *txn, struct life *life)
{
    enum store_outcome outcome;
    int rc;

    life->job.state = queue_state_word(life->state);
    rc = store_request_put(txn, &life->request, &outcome);
    life->job.id = life->request.id;
    return rc ? rc : store_job_put(txn, &life->job, &outcome);
}

int
life_charge(struct store_txn *txn, struct life *life)
{
    if (life->job.charged || !life->job.owner || !*life->job.owner)
        return 0;
    life->job.charged = true;
    return store_quota_add(txn, life->job.owner, life->job.accepted, life->request.id);
}

int
life_refund(struct store_txn *txn, struct life *life)
{
    if (!life->job.charged)
        return 0;
    life->job.charged = false;
    return store_quota_remove(txn, life->job.owner, life->job.accepted, life->request.id);
}

/* Who holds a commit under another name of the model. */
struct elsewhere {
    struct store_txn *txn;
    const struct request *request;
    struct jb_arena *arena;
    uint64_t holder; /* 0 nobody */
};

static int
look_elsewhere(void *ctx, const char *name)
{
    struct elsewhere *e = ctx;
    const struct request *r = e->request;
    const char *model = life_folded(name, e->arena);
    uint64_t holder = 0;
    int rc = model ? store_commit_owner(e->txn, model, r->commit, r->precision, r->weight_type,
                                        &holder)
                   : JB_ENOMEM;

    if (!rc && holder && holder != r->id)
        e->holder = holder;
    return rc ? rc : e->holder != 0;
}

int
life_holder(struct store_txn *txn, const struct request *request, struct jb_arena *arena,
            uint64_t *ret_holder)
{
    struct elsewhere e = {.txn = txn, .request = request, .arena = arena};
    int rc = request->commit && *request->commit
                 ? queue_names_each(txn, request->model, look_elsewhere, &e)
                 : 0;

    if (rc < 0)
        return rc;
    *ret_holder = e.holder;
    return 0;
}

int
life_claim(struct store_txn *txn, const struct life *life, struct jb_arena *arena,
           struct jb_error *err, uint64_t *ret_holder)
{
    const struct request *r = &life->request;
    const char *model = life_folded(r->model, arena);
    uint64_t holder = 0;
    int rc;

    if (!model)
        return jb_fail(err, JB_ENOMEM, "no memory for a claim");
    if (!r->commit || !*r->commit)
        return 0;
    if ((rc = life_holder(txn, r, arena, &holder)))
        return rc;
    if (!holder)
        rc = store_commit_claim(txn, model, r->commit, r->precision, r->weight_type, r->id,
                                &holder);
    if (rc)
        return rc;
    if (ret_holder)
        *ret_holder = holder;
    return holder == r->id
               ? 0
               : jb_fail(err, JB_ECONFLICT,
                         "request %llu is of the same commit, precision and weight type",
                         (unsigned long long)holder);
}

int
life_unclaim(struct store_txn *txn, const struct life *life, struct jb_arena *arena)
{
    const struct request *r = &life->request;
    const char *model = life_folded(r->model, arena);

    if (!model)
        return JB_ENOMEM;
    if (!r->commit || !*r->commit)
        return 0;
    return store_commit_release(txn, model, r->commit, r->precision, r->weight_type, r->id);
}

static int
keep_log(struct life *life, const char *log, struct jb_arena *arena)
{
    struct jb_buf tail = JB_BUF(TAIL_MAX);

    queue_redact(jb_str(log), &tail);
    const char *kept = tail.err ? NULL : jb_arena_dup(arena, tail.p ? tail.p : "", tail.n);
    jb_buf_free(&tail);
    if (!kept)
        return JB_ENOMEM;
    life->job.log_tail = kept;
    return 0;
}

static void
forget_failure(struct job *job)
{
    job->failure = job->reason = job->log_tail = "";
    job->same_as = 0;
    job->due = 0;
}

/* It ended without a result: others may have its commit now. */
static int
end_badly(struct store_txn *txn, struct life *life, int64_t now, bool refund,
          struct jb_arena *arena)
{
    int rc = life_unclaim(txn, life, arena);

    life->job.ended = now;
    life->job.due = 0;
    return rc || !refund ? rc : life_refund(txn, life);
}

static int
learn(struct store_txn *txn, const struct life *life, int64_t now)
{
    const struct timing timing = {.benchmark = "",
                                  .precision = life->request.precision,
                                  .params = life->request.params,
                                  .seconds = (double)(now - life->job.started) / 1e6,
                                  .time = now};

    if (!life->job.started || now <= life->job.started || life->job.ended)
        return 0;
    return store_timing_add(txn, &timing);
}

static int
again(struct store_txn *txn, struct life *life, int64_t now, struct jb_arena *arena,
      struct jb_error *err)
{
    int rc = life->state == QUEUE_QUEUED ? life_claim(txn, life, arena, err, NULL) : 0;

    if (rc)
        return rc;
    forget_failure(&life->job);
    life->job.attempts = life->job.checks = 0;
    life->job.started = life->job.ended = 0;
    life->job.queued = life->state == QUEUE_QUEUED ? now : 0;
    return 0;
}

/* What belongs to the event; the state is the new one already. */
static int
effects(struct store_txn *txn, struct life *life, const struct queue_move *move,
        enum queue_state from, int64_t now, struct jb_arena *arena, struct jb_error *err)
{
    struct job *job = &life->job;
    bool ours = queue_failure_class(move->failure)->ours;
    int rc;

    switch (move->event) {
    case QUEUE_EVENT_SUBMIT:
        /* The place in the ledger stands under the time that changes here. */
        if ((rc = life_refund(txn, life)))
            return rc;
        job->round++;
        forget_failure(job);
        job->attempts = job->checks = 0;
        job->accepted = now;
        job->checked = job->queued = job->started = job->ended = 0;
        return 0;
    case QUEUE_EVENT_PASS:
        job->checked = job->queued = now;
        job->due = 0;
        return life_claim(txn, life, arena, err, NULL);
    case QUEUE_EVENT_SAME:
        job->checked = now;
        job->same_as = move->same_as;
        /* The claim is the other one's: releasing does nothing to it. */
        return end_badly(txn, life, now, true, arena);
    case QUEUE_EVENT_REFUSE: job->checked = now; return end_badly(txn, life, now, true, arena);
    case QUEUE_EVENT_LEASE: job->attempts += move->counts; return 0;
    case QUEUE_EVENT_START:
        job->started = now;
        job->ended = 0;
        job->due = 0;
        job->attempts += from != QUEUE_LEASED; /* begun by hand */
        return 0;
    case QUEUE_EVENT_RESULT:
        if ((rc = learn(txn, life, now)))
            return rc;
        forget_failure(job);
        job->ended = now;
        return queue_state_ended(from) ? life_claim(txn, life, arena, err, NULL) : 0;
    case QUEUE_EVENT_RETRY: job->due = move->due; return 0;
    case QUEUE_EVENT_RETURN:
        job->due = 0;
        /* A host that refused: it keeps its place, and this was no attempt. */
        if (from == QUEUE_LEASED)
            job->attempts -= job->attempts > 0;
        else
            job->queued = now;
        return 0;
    case QUEUE_EVENT_FAIL:
    case QUEUE_EVENT_POISON: return end_badly(txn, life, now, ours, arena);
    case QUEUE_EVENT_CANCEL:
        if (life->state == QUEUE_CANCELLING)
            return 0;
        return end_badly(txn, life, now, job->attempts == 0, arena);
    case QUEUE_EVENT_STOPPED: return end_badly(txn, life, now, false, arena);
    case QUEUE_EVENT_RERUN: return again(txn, life, now, arena, err);
    case QUEUE_EVENT_RECHECK:
        /* The revision may be another commit by now. */
        if ((rc = life_unclaim(txn, life, arena)))
            return rc;
        job->checked = 0;
        return again(txn, life, now, arena, err);
    case QUEUE_EVENT_READY:
    case QUEUE_EVENT_OUTDATED:
    case QUEUE_EVENT_MAX: break;
    }
    return 0;
}

int
life_apply(struct store_txn *txn, struct life *life, const struct queue_move *move, int64_t now,
           struct jb_arena *arena, struct jb_error *err)
{
    enum queue_state from = life->state, to = queue_next(from, move->event, move->who);
    struct life after = *life;
    int rc;

    if (to == QUEUE_STATE_MAX)
        return jb_fail(err, JB_ECONFLICT, "request %llu is %s: it cannot be made to %s%s",
                       (unsigned long long)life->request.id,
                       from == QUEUE_STATE_MAX ? life->request.status : queue_state_word(from),
                       queue_event_word(move->event),
                       queue_next(from, move->event, QUEUE_OPERATOR) == QUEUE_STATE_MAX
                           ? ""
                           : " by whoever asks");
    /* What never passed the check with the hub begins with it. */
    if (move->event == QUEUE_EVENT_RERUN && life->has_job && !life->job.queued)
        to = QUEUE_SUBMITTED;
    after.state = to;
    if ((rc = effects(txn, &after, move, from, now, arena, err)))
        return rc;
    if (move->failure != FAILURE_NONE)
        after.job.failure = queue_failure_class(move->failure)->word;
    if (move->reason)
        after.job.reason = move->reason;
    if (move->log_tail && (rc = keep_log(&after, move->log_tail, arena)))
        return jb_fail(err, rc, "no memory for the end of a log");
    after.request.status = queue_state_status(to);
    *life = after;
    return 0;
}
