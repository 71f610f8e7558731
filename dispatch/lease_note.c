/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept for people and for the next start: how far attempts are, what hosts are. */
#include <config.h>

#include "dispatch/lease_own.h"

#include "base/log.h"
#include "queue/host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A host is written down again when it was last seen so long ago. */
#define SEEN_US       (INT64_C(60) * 1000000)
/* Certificates are judged by the wall clock. */
#define SKEW_ALARM_MS INT64_C(60000)
#define SKEW_STEP_MS  INT64_C(5000)

void
lease_note_state(struct lease_live *live, const struct wire_state *state, int64_t now_us)
{
    size_t there = 0, more = 0, last = 0;

    for (size_t b = 0; b < live->plan->n_benchmarks; b++) {
        for (size_t i = 0; i < state->n_done && !live->parts[b].there; i++)
            if (!strcmp(state->done[i], live->plan->benchmarks[b].key)) {
                live->parts[b].there = true;
                live->parts[b].seconds = 0;
                last = b;
                more++;
            }
        there += live->parts[b].there;
    }
    /* Until the manifest says it: from one to the next. Several at once: nobody knows. */
    if (more == 1 && live->since_us && now_us > live->since_us)
        live->parts[last].seconds = (double)(now_us - live->since_us) / 1e6;
    if (more)
        live->since_us = now_us;
    live->log_epoch_there = state->log_epoch;
    live->log_there = state->log_end;
    if (there == live->done && !strcmp(state->step, live->step) &&
        fabs(state->progress - live->progress) < 0.005)
        return;
    live->untold = true;
    live->done = there;
    live->progress = state->progress;
    snprintf(live->step, sizeof(live->step), "%s", state->step);
}

static int
put_names(const char *const *names, size_t n, struct jb_arena *arena, const char **ret_text)
{
    struct jb_buf text = JB_BUF(STORE_TEXT_MAX);

    for (size_t i = 0; i < n && text.n + strlen(names[i]) + 1 < STORE_TEXT_MAX; i++) {
        jb_buf_puts(&text, i ? " " : "");
        jb_buf_puts(&text, names[i]);
    }
    *ret_text = text.err ? NULL : jb_arena_dup(arena, text.p ? text.p : "", text.n);
    jb_buf_free(&text);
    return *ret_text ? 0 : JB_ENOMEM;
}

static void
alarm_skew(const struct lease_host *host)
{
    static struct jb_log_limit limit;

    if (llabs(host->skew_ms) > SKEW_ALARM_MS)
        jb_log_limited(&limit, JB_LOG_WARNING,
                       "host %s: its clock is %lld s %s ours; certificates are judged by it",
                       host->name, (long long)(llabs(host->skew_ms) / 1000),
                       host->skew_ms > 0 ? "ahead of" : "behind");
}

int
lease_note_info(struct lease *l, struct lease_host *host, const struct wire_info *info,
                int64_t now_us, struct jb_error *err)
{
    struct store_txn *txn;
    enum store_outcome outcome;
    struct host is;
    int rc;

    host->skew_ms = (info->wall_us - now_us) / 1000;
    alarm_skew(host);
    if ((rc = lease_begin(l, err, &txn)))
        return rc;
    if (!(rc = store_host_get(txn, host->name, l->arena, &is))) {
        is.boot_id = info->boot_id;
        is.version = info->version;
        is.engine = info->engine;
        is.slots = info->slots;
        is.gpus = (int64_t)info->n_gpus;
        is.gpu = info->n_gpus ? info->gpus[0].name : "";
        is.memory_mib = host->info.memory_mib;
        is.policy = info->policy;
        is.refuses = info->draining;
        if (llabs(host->skew_ms - is.skew_ms) > SKEW_STEP_MS)
            is.skew_ms = host->skew_ms;
        if (now_us - is.seen >= SEEN_US || is.seen > now_us)
            is.seen = now_us;
        host->told_us = is.seen;
        if (!(rc = put_names(info->plans, info->n_plans, l->arena, &is.plans)) &&
            !(rc = store_host_check(&is, NULL)))
            rc = store_host_put(txn, &is, &outcome);
        else if (rc == JB_EINVAL || rc == JB_ETOOBIG) {
            /* It says what cannot be kept: it gets its work all the same. */
            rc = JB_ENOENT;
        }
    }
    if (!rc)
        return outcome == STORE_SAME ? (store_abort(txn), 0) : lease_end(l, txn, rc, err);
    if (rc == JB_ENOENT) {
        store_abort(txn);
        return 0;
    }
    return lease_end(l, txn, rc, err);
}

static int
note_attempt(struct lease *l, struct store_txn *txn, struct lease_live *live)
{
    struct attempt a;
    int rc = lease_attempt(txn, live, l->arena, &a);

    if (rc)
        return rc == JB_ECONFLICT ? 0 : rc;
    a.progress = live->progress < 0 ? -1 : live->progress;
    a.step = live->step;
    a.done = live->done;
    a.of = live->of;
    return store_attempt_put(txn, &a);
}

int
lease_note_host(struct lease *l, struct lease_host *host, int64_t now_us, struct jb_error *err)
{
    bool seen = now_us - host->told_us >= SEEN_US || host->told_us > now_us;
    enum store_outcome outcome;
    struct store_txn *txn;
    struct host is;
    size_t untold = 0;
    int rc;

    for (const struct lease_live *live = l->live; live; live = live->next)
        untold +=
            live->untold && !live->ended && !live->canary && !strcmp(live->host, host->name);
    if (!untold && !seen)
        return 0;
    if ((rc = lease_begin(l, err, &txn)))
        return rc;
    for (struct lease_live *live = l->live; live && !rc; live = live->next)
        if (live->untold && !live->ended && !live->canary && !strcmp(live->host, host->name))
            rc = note_attempt(l, txn, live);
    if (!rc && seen) {
        rc = store_host_get(txn, host->name, l->arena, &is);
        is.seen = now_us;
        rc = rc ? (rc == JB_ENOENT ? 0 : rc) : store_host_put(txn, &is, &outcome);
    }
    if ((rc = lease_end(l, txn, rc, err)))
        return rc;
    host->told_us = seen ? now_us : host->told_us;
    for (struct lease_live *live = l->live; live; live = live->next)
        if (!strcmp(live->host, host->name))
            live->untold = false;
    return 0;
}
