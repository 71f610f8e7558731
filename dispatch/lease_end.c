/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an attempt that brought no result, and what follows from it. */
#include <config.h>

#include "dispatch/lease_own.h"

#include "queue/host.h"
#include "queue/move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The host's record of failures, in the same transaction. */
int
lease_credit(struct lease *l, struct store_txn *txn, const struct lease_live *live,
             bool through_host, int64_t now_us)
{
    char reason[HOST_REASON_SIZE];
    enum store_outcome outcome;
    struct host host;
    int rc = store_host_get(txn, live->host, l->arena, &host);
    enum queue_host_state state;

    if (rc)
        return rc == JB_ENOENT ? 0 : rc;
    state = queue_host_from_word(host.state);
    if (state != HOST_ACTIVE && state != HOST_DRAINING)
        return 0;
    queue_host_outcome(&host, live->request, through_host, now_us, reason);
    return store_host_put(txn, &host, &outcome);
}

/* A host that had no room is not asked again for so long, if there is another. */
#define FULL_US     (INT64_C(60) * 1000000)

/* The hub may be ill for days; what counts is how often lately. */
#define M_WINDOW_US (INT64_C(24) * 3600 * 1000000)
/* Waiting longer than that for a hub that asks for it is no use. */
enum { HUB_WAIT_MOST = 24 * 3600 };

struct history {
    int64_t now_us;
    uint64_t round;
    struct lease_past past;
    const char *b_host, *died_host;
    uint64_t n;
};

static int
each_past(void *ctx, const struct attempt *a)
{
    struct history *h = ctx;
    enum queue_failure failure = queue_failure_from(a->failure);

    if (a->round != h->round || strcmp(a->state, ATTEMPT_ENDED) != 0 || !*a->failure)
        return 0;
    switch (queue_failure_class(failure)->letter) {
    case 'I': h->past.i++; break;
    case 'M': h->past.m += h->now_us - a->ended < M_WINDOW_US; break;
    case 'O': h->past.o++; break;
    case 'B':
        h->past.b++;
        h->past.b_hosts += !h->b_host || strcmp(h->b_host, a->host) != 0;
        h->b_host = a->host;
        break;
    default: break;
    }
    if (failure == FAILURE_WORKER_LOST && !strcmp(a->reason, LEASE_DIED)) {
        h->past.died_hosts += !h->died_host || strcmp(h->died_host, a->host) != 0;
        h->died_host = a->host;
    }
    return 0;
}

/* Seconds that the hub asked for, by the line of the log: "Retry-After: 120", "Retry after 120
 * seconds"; 0 none. */
static int64_t
hub_wait(const char *reason)
{
    for (const char *at = reason; *at; at++)
        if (!strncasecmp(at, "retry", 5) && (at[5] == '-' || at[5] == ' ') &&
            !strncasecmp(at + 6, "after", 5)) {
            long long seconds = strtoll(at + 11 + strspn(at + 11, ":= \""), NULL, 10);

            return seconds < 0 ? 0 : seconds < HUB_WAIT_MOST ? seconds : HUB_WAIT_MOST;
        }
    return 0;
}

/* How the job goes on after a failure, by what happened to it before. */
static int
judge(struct lease *l, struct store_txn *txn, const struct lease_live *live,
      const struct job *job, char letter, int64_t now_us, struct queue_move *move)
{
    struct history h = {.now_us = now_us, .round = live->round};
    int64_t wait = 0;
    int rc;

    h.past.attempts = job->attempts;
    h.past.most = l->rules->most_attempts;
    h.past.first_ms = l->rules->retry_ms;
    h.past.most_ms = l->rules->retry_most_ms;
    if ((rc = store_attempts_of(txn, live->request, l->arena, each_past, &h)))
        return rc;
    switch (lease_judge(letter, &h.past, lease_random(l), &wait)) {
    case LEASE_RETRY:
        if (letter == 'M' && wait < hub_wait(live->reason) * 1000)
            wait = hub_wait(live->reason) * 1000;
        move->event = QUEUE_EVENT_RETRY;
        move->due = now_us + wait * 1000;
        break;
    case LEASE_FAIL: move->event = QUEUE_EVENT_FAIL; break;
    case LEASE_POISON: move->event = QUEUE_EVENT_POISON; break;
    }
    return 0;
}

/* "… (it had 24.0 GiB)": whoever submits knows what it would need. */
static void
tell_memory(struct lease_live *live, int64_t mib)
{
    size_t n = strlen(live->reason);

    snprintf(live->reason + n, sizeof(live->reason) - n, "%s(it had %.1f GiB of GPU memory)",
             n ? " " : "", (double)mib / 1024);
}

int
lease_store_end(struct lease *l, struct lease_live *live, enum lease_end how, int64_t now_us,
                struct jb_error *err)
{
    enum queue_failure failure = queue_failure_from(live->failure);
    struct queue_move move = {.event = QUEUE_EVENT_MAX, .who = QUEUE_PLATFORM};
    struct store_txn *txn;
    struct attempt a;
    struct request r;
    struct job job;
    int rc;

    if (live->canary)
        return lease_canary_end(
            l, live, how == LEASE_END_REFUSED ? LEASE_CANARY_AGAIN : LEASE_CANARY_MISSED,
            now_us, err);
    if ((rc = lease_begin(l, err, &txn)))
        return rc;
    rc = lease_attempt(txn, live, l->arena, &a);
    if (!rc)
        rc = queue_load(txn, live->request, l->arena, &r, &job);
    if (!rc) {
        enum queue_state state = queue_state_from_word(job.state);
        bool at_host =
            state == QUEUE_LEASED || state == QUEUE_RUNNING || state == QUEUE_STORING;
        char letter;

        if (failure == FAILURE_NONE || failure == FAILURE_MAX)
            failure = FAILURE_HARNESS_CRASH; /* it failed, and gave no reason that is one */
        letter = queue_failure_class(failure)->letter;
        if (at_host && how == LEASE_END_FAILED && letter == 'O' && a.mib > 0)
            tell_memory(live, a.mib);
        a.state = ATTEMPT_ENDED;
        a.ended = now_us;
        a.reason = live->reason;
        if (state == QUEUE_CANCELLING) {
            move.event = QUEUE_EVENT_STOPPED;
            a.failure = queue_failure_class(FAILURE_CANCELLED)->word;
        } else if (at_host && how == LEASE_END_REFUSED) {
            move.event = QUEUE_EVENT_RETURN;
            a.reason = "its host had no room";
        } else if (at_host) {
            a.failure = queue_failure_class(failure)->word;
            move.failure = failure;
            move.reason = live->reason;
            move.log_tail = lease_log_tail(l, live);
        } else {
            a.failure = queue_failure_class(FAILURE_CANCELLED)->word;
        }
        rc = store_attempt_put(txn, &a);
        if (!rc && at_host && how == LEASE_END_FAILED) {
            rc = judge(l, txn, live, &job, letter, now_us, &move);
            if (!rc)
                rc = lease_credit(l, txn, live, letter == 'I' && !live->refused, now_us);
        }
        if (!rc && move.event != QUEUE_EVENT_MAX)
            rc = lease_move(txn, live, &job, &move, now_us, err);
    }
    rc = lease_end(l, txn, rc, err);
    live->ended = rc == 0;
    return lease_settle(live, rc, err);
}

struct hinting {
    struct lease_hint hint;
    uint64_t round;
    int64_t now_us;
    size_t n;
};

static void
avoid(struct hinting *h, const char *host)
{
    for (size_t i = 0; i < h->n; i++)
        if (!strcmp(h->hint.avoid[i], host))
            return;
    /* The last ones count. */
    if (h->n == LEASE_AVOID_MAX - 1)
        memmove(h->hint.avoid, h->hint.avoid + 1, --h->n * sizeof(h->hint.avoid[0]));
    h->hint.avoid[h->n++] = host;
}

static int
each_hint(void *ctx, const struct attempt *a)
{
    struct hinting *h = ctx;

    if (a->round != h->round || strcmp(a->state, ATTEMPT_ENDED) != 0)
        return 0;
    if (!*a->failure) { /* no room there, or it is done */
        if (h->now_us - a->ended < FULL_US)
            avoid(h, a->host);
        return 0;
    }
    switch (queue_failure_class(queue_failure_from(a->failure))->letter) {
    case 'O':
        if (a->mib > h->hint.more_than_mib)
            h->hint.more_than_mib = a->mib;
        break;
    case 'I':
    case 'B': avoid(h, a->host); break;
    default: break;
    }
    return 0;
}

int
lease_past_of(struct store_txn *txn, uint64_t request, uint64_t round, int64_t now_us,
              struct jb_arena *arena, struct lease_hint *ret_hint)
{
    struct hinting h = {.round = round, .now_us = now_us};
    int rc = store_attempts_of(txn, request, arena, each_hint, &h);

    if (!rc)
        *ret_hint = h.hint;
    return rc;
}
