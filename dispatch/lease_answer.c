/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer about an attempt means. */
#include "dispatch/lease_own.h"

#include <stdio.h>
#include <string.h>

enum { PART_TRIES = 5, RETRY_AFTER_MOST = 300000 };

/* Full jitter, and not before the host wants it. */
static int64_t
later(struct lease *l, struct lease_live *live, const struct lease_reply *reply, int64_t now)
{
    int64_t wait = lease_backoff(l, &live->wait);
    int64_t least =
        reply->retry_after_ms < RETRY_AFTER_MOST ? reply->retry_after_ms : RETRY_AFTER_MOST;

    return now + (wait > least ? wait : least);
}

/* The host said something about an attempt of ours. */
int
lease_take_state(struct lease *l, struct lease_live *live, const struct wire_state *state,
                 int64_t now_us, struct jb_error *err)
{
    int rc;

    if (state->fence != live->fence || live->ended)
        return 0;
    if (!live->accepted) {
        if ((rc = lease_store_started(l, live, now_us, err)) || live->ended)
            return rc;
        live->accepted = true;
        live->wait = 0;
        live->due = 0;
        live->since_us = now_us;
    }
    lease_note_state(live, state, now_us);
    if (live->phase >= WIRE_SUCCEEDED)
        return 0;
    live->phase = state->phase;
    if (live->phase == WIRE_FAILED) {
        snprintf(live->failure, sizeof(live->failure), "%s", state->failure);
        snprintf(live->reason, sizeof(live->reason), "%s", state->reason);
    } else if (live->phase == WIRE_LOST) {
        snprintf(live->failure, sizeof(live->failure), "%s", "worker_lost");
        snprintf(live->reason, sizeof(live->reason), "%s", LEASE_DIED);
    }
    if (live->phase >= WIRE_SUCCEEDED)
        live->due = 0;
    return 0;
}

int
lease_fails(struct lease *l, struct lease_live *live, const char *failure, const char *reason,
            int64_t now_us, struct jb_error *err)
{
    snprintf(live->failure, sizeof(live->failure), "%s", failure);
    snprintf(live->reason, sizeof(live->reason), "%s", reason);
    return lease_store_end(l, live, LEASE_END_FAILED, now_us, err);
}

static int
put_answered(struct lease *l, struct lease_live *live, const struct lease_reply *reply,
             int64_t now_ms, int64_t now_us, struct jb_error *err)
{
    struct wire_state state;

    if (reply->status == 200 && !wire_state_read(reply->body, l->arena, NULL, &state))
        return lease_take_state(l, live, &state, now_us, err);
    live->refused = reply->status == 409 || reply->status == 412 || reply->status == 422;
    switch (reply->status) {
    case 429: return lease_store_end(l, live, LEASE_END_REFUSED, now_us, err);
    case 409:
        return lease_fails(l, live, "worker_lost", "its host holds another attempt of this id",
                           now_us, err);
    case 412:
        return lease_fails(l, live, "worker_lost", "its host has seen a later attempt", now_us,
                           err);
    case 422:
        return lease_fails(l, live, "worker_lost", "its host's own rules refuse it", now_us,
                           err);
    default: live->due = later(l, live, reply, now_ms); return 0;
    }
}

static int
manifest_answered(struct lease *l, struct lease_live *live, const struct lease_reply *reply,
                  int64_t now_ms, int64_t now_us, struct jb_error *err)
{
    struct jb_error why = {0};
    struct wire_manifest m;
    int rc;

    if (reply->status == 404 || reply->status == 410)
        return lease_fails(l, live, "upload_failed", "its host has no result of it", now_us,
                           err);
    if (reply->status != 200) {
        live->due = later(l, live, reply, now_ms);
        return 0;
    }
    if (wire_manifest_read(reply->body, l->arena, &why, &m))
        return lease_fails(l, live, "bad_result_json", why.text, now_us, err);
    if (strcmp(m.id, live->id) != 0 || m.fence != live->fence ||
        strcmp(m.spec_hash, live->spec_hash) != 0)
        return lease_fails(l, live, "bad_result_json", "the manifest is of another attempt",
                           now_us, err);
    if ((rc = lease_store_ready(l, live, now_us, err)) || live->ended)
        return rc;
    for (size_t i = 0; i < m.n; i++)
        for (size_t b = 0; b < live->plan->n_benchmarks; b++)
            if (!strcmp(m.parts[i].benchmark, live->plan->benchmarks[b].key)) {
                live->parts[b].there = live->parts[b].judged = true;
                live->parts[b].seconds = m.parts[i].seconds;
                /* What was fetched early is compared too. */
                if (strcmp(live->parts[b].sha256, m.parts[i].sha256) != 0)
                    live->parts[b].stored = false;
                memcpy(live->parts[b].sha256, m.parts[i].sha256, SPEC_HASH_HEX);
            }
    snprintf(live->plan_version, sizeof(live->plan_version), "%s", m.plan_version);
    snprintf(live->environment, sizeof(live->environment), "%s", m.environment);
    live->manifest = true;
    live->wait = 0;
    return 0;
}

static int
part_answered(struct lease *l, struct lease_live *live, const struct lease_reply *reply,
              int64_t now_ms, int64_t now_us, struct jb_error *err)
{
    const bool gone = reply->status == 404 || reply->status == 410;
    int rc;

    if (reply->status == 200) {
        rc = lease_store_part(l, live, live->part, reply->body, err);
        if (!rc || rc != JB_EUNPROC)
            return rc;
        if (err)
            jb_error_clear(err);
    }
    if (!gone && reply->status != 200) {
        live->due = later(l, live, reply, now_ms);
        return 0;
    }
    if (gone || ++live->parts[live->part].tries >= PART_TRIES) {
        if (live->phase != WIRE_SUCCEEDED) {
            live->parts[live->part].there = false; /* it counts as not done */
            return 0;
        }
        return gone ? lease_fails(l, live, "upload_failed",
                                  "its host has no result of a benchmark", now_us, err)
                    : lease_store_end(l, live, LEASE_END_FAILED, now_us, err);
    }
    return 0;
}

static int
cancel_answered(struct lease *l, struct lease_live *live, const struct lease_reply *reply,
                int64_t now_ms, int64_t now_us, struct jb_error *err)
{
    struct wire_state state;

    if (reply->status == 404 || reply->status == 410)
        return lease_store_end(l, live, LEASE_END_FAILED, now_us, err);
    live->due = later(l, live, reply, now_ms);
    if (reply->status == 200 && !wire_state_read(reply->body, l->arena, NULL, &state))
        return lease_take_state(l, live, &state, now_us, err);
    return 0;
}

int
lease_live_answered(struct lease *l, struct lease_live *live, const struct lease_reply *reply,
                    int64_t now_ms, int64_t now_us, struct jb_error *err)
{
    live->token = 0;
    if (live->ended)
        return 0;
    switch (live->call) {
    case LEASE_PUT: return put_answered(l, live, reply, now_ms, now_us, err);
    case LEASE_MANIFEST: return manifest_answered(l, live, reply, now_ms, now_us, err);
    case LEASE_PART: return part_answered(l, live, reply, now_ms, now_us, err);
    case LEASE_CANCEL: return cancel_answered(l, live, reply, now_ms, now_us, err);
    case LEASE_LOG:
    case LEASE_INFO:
    case LEASE_RENEW:
    case LEASE_DELETE: break;
    }
    return 0;
}
