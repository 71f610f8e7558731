/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back from a quarantine: an evaluation with known scores. It goes the way of any
 * attempt, but nothing of it is stored but how it ended; whoever dies begins another one.
 */
#include <config.h>

#include "dispatch/lease_own.h"

#include "base/buf.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "harness/strict.h"
#include "queue/host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After an end that says nothing of the host. */
#define AGAIN_MS INT64_C(60000)

static int
make_offer(struct lease *l, struct lease_live *live, struct jb_error *err)
{
    const struct lease_canary *canary = l->rules->canary;
    struct spec_task *tasks = jb_arena_array(l->arena, SPEC_TASKS_MAX, sizeof(*tasks));
    struct wire_offer offer = {.job = LEASE_CANARY_JOB,
                               .fence = live->fence,
                               .lease_seconds = l->rules->lease_ms / 1000,
                               .spec = {.plan = canary->plan->name,
                                        .model = canary->model,
                                        .revision = canary->revision,
                                        .base_model = "",
                                        .base_revision = "",
                                        .precision = canary->precision,
                                        .weight_type = canary->weight_type,
                                        .params = canary->params,
                                        .seed = canary->plan->seed,
                                        .wall_seconds = canary->plan->wall_seconds,
                                        .suite = canary->plan->suite,
                                        .tasks = tasks}};
    struct jb_buf body = JB_BUF(SPEC_BODY_MAX);
    const char *id;
    int rc = tasks ? 0 : JB_ENOMEM;

    for (size_t b = 0; b < canary->plan->n_benchmarks && !rc; b++)
        rc = lease_spec_tasks(canary->plan, b, tasks, &offer.spec.n_tasks, err);
    if (!rc)
        rc = spec_check(&offer.spec, err);
    if (!rc)
        rc = spec_hash(&offer.spec, offer.spec_hash);
    if (!rc)
        rc = lease_new_id(l->arena, &id);
    if (rc)
        return rc;
    memcpy(offer.id, id, WIRE_ID_SIZE);
    wire_offer_put(&offer, &body);
    if (!(rc = body.err) && !(live->offer = strdup(body.p)))
        rc = JB_ENOMEM;
    jb_buf_free(&body);
    memcpy(live->id, offer.id, WIRE_ID_SIZE);
    memcpy(live->spec_hash, offer.spec_hash, SPEC_HASH_HEX);
    return rc;
}

int
lease_canary_start(struct lease *l, struct lease_host *host, int64_t now_ms, int64_t now_us,
                   struct jb_error *err)
{
    struct lease_live *live;
    struct store_txn *txn;
    int rc;

    if (!l->rules->canary || !host->held || now_us < host->hold_until || !host->stamped ||
        now_ms < host->canary_due || lease_live_at(l, host->name))
        return 0;
    if (!(live = calloc(1, sizeof(*live))))
        return JB_ENOMEM;
    live->canary = true;
    live->request = LEASE_CANARY_JOB;
    live->plan = l->rules->canary->plan;
    live->progress = -1;
    live->put_until = live->deadline = now_ms + l->rules->lease_ms;
    snprintf(live->host, sizeof(live->host), "%s", host->name);
    if (!(rc = lease_begin(l, err, &txn)))
        rc = lease_end(l, txn, store_fence_next(txn, &live->fence), err);
    if (!rc)
        rc = make_offer(l, live, err);
    if (rc) {
        lease_live_free(live);
        host->canary_due = now_ms + AGAIN_MS;
        return rc;
    }
    live->next = l->live;
    l->live = live;
    jb_log(JB_LOG_INFO, "host %s: its canary begins", host->name);
    return 0;
}

int
lease_canary_part(struct lease *l, struct lease_live *live, size_t benchmark, struct jb_str doc)
{
    const struct lease_canary *canary = l->rules->canary;
    const struct benchmark *b = &live->plan->benchmarks[benchmark];
    char reason[sizeof(live->reason)];
    struct jb_error why = {0};
    const char *failure;
    struct score score;
    int rc = harness_strict_scores(doc, b, live->plan->dialect, live->plan->limit, l->arena,
                                   &why, &score, &failure);

    if (rc)
        return rc == JB_EUNPROC ? lease_refuse(live, failure, why.text) : rc;
    if (!(fabs(score.value - canary->scores[benchmark]) <= canary->tolerances[benchmark])) {
        snprintf(reason, sizeof(reason), "%s is %.2f there and should be %.2f", b->key,
                 score.value, canary->scores[benchmark]);
        return lease_refuse(live, "bad_result_json", reason);
    }
    live->parts[benchmark].stored = true;
    return 0;
}

static bool
is_complete(const struct lease_live *live)
{
    for (size_t b = 0; b < live->plan->n_benchmarks; b++)
        if (!live->parts[b].stored)
            return false;
    return true;
}

int
lease_canary_end(struct lease *l, struct lease_live *live, enum lease_canary_end how,
                 int64_t now_us, struct jb_error *err)
{
    struct lease_host *host = lease_host_of(l, live->host);
    char reason[HOST_REASON_SIZE] = "its canary came back as it should";
    enum queue_host_event event = HOST_EVENT_PASS;
    struct store_txn *txn;
    int rc;

    live->ended = true;
    if (how == LEASE_CANARY_AGAIN) {
        if (host)
            host->canary_due = l->now_ms + AGAIN_MS;
        return 0;
    }
    if (how == LEASE_CANARY_DONE && !is_complete(live)) {
        how = LEASE_CANARY_MISSED;
        snprintf(live->reason, sizeof(live->reason), "a benchmark has no result");
    }
    if (how == LEASE_CANARY_MISSED) {
        event = HOST_EVENT_MISS;
        snprintf(reason, sizeof(reason), "its canary failed: %.*s", HOST_REASON_SIZE - 24,
                 live->reason);
    }
    if ((rc = lease_begin(l, err, &txn)))
        return rc;
    rc = queue_host_move(txn, live->host, event, event == HOST_EVENT_PASS ? "" : reason, now_us,
                         l->arena, err);
    if (rc == JB_ECONFLICT || rc == JB_ENOENT) {
        /* An operator was faster. */
        store_abort(txn);
        if (err)
            jb_error_clear(err);
        return 0;
    }
    if (!rc)
        jb_log(JB_LOG_NOTICE, "host %s: %s", live->host, reason);
    return lease_end(l, txn, rc, err);
}
