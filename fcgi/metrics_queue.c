/* SPDX-License-Identifier: Apache-2.0 */
#include "fcgi/metrics_queue.h"

#include "fcgi/metrics.h"
#include "queue/host.h"

#include <string.h>

#define ARENA_MAX ((size_t)16 << 20)

static void
put_head(struct jb_buf *out, const char *name, const char *help)
{
    jb_buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
put_labelled(struct jb_buf *out, const char *name, const char *label, const char *value,
             uint64_t n)
{
    jb_buf_printf(out, "%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)n);
}

void
metrics_put_lists(const struct site *site, struct jb_buf *out)
{
    uint64_t states[QUEUE_STATE_MAX] = {0}, failures[FAILURE_MAX] = {0};

    for (int table = 0; table < QUEUE_TABLE_NONE; table++) {
        size_t n;
        const struct queue_entry *e =
            queue_lists_table(site->lists, (enum queue_table)table, &n);
        for (size_t i = 0; i < n; i++) {
            if (e[i].state < QUEUE_STATE_MAX)
                states[e[i].state]++;
            if (table == QUEUE_TABLE_FAILED && e[i].failure < FAILURE_MAX)
                failures[e[i].failure]++;
        }
    }
    put_head(out, "jinbang_queue_requests", "Requests by state, hidden ones left out.");
    for (int s = 0; s < QUEUE_STATE_MAX; s++)
        put_labelled(out, "jinbang_queue_requests", "state",
                     queue_state_word((enum queue_state)s), states[s]);
    put_head(out, "jinbang_queue_failed", "Failed requests by failure and its class.");
    for (int f = 0; f < FAILURE_MAX; f++) {
        const struct queue_failure_class *c = queue_failure_class((enum queue_failure)f);
        if (failures[f])
            jb_buf_printf(out, "jinbang_queue_failed{failure=\"%s\",class=\"%c\"} %llu\n",
                          *c->word ? c->word : "unknown", *c->word ? c->letter : 'B',
                          (unsigned long long)failures[f]);
    }
}

enum { ATTEMPT_STATES = 4 };
static const char *const attempt_states[ATTEMPT_STATES] = {"leased", "running", "storing",
                                                           "cancelling"};

struct counting {
    struct jb_arena *arena;
    int64_t now;
    uint64_t hosts[HOST_STATE_MAX], attempts[ATTEMPT_STATES];
    uint64_t n, overdue;
    int64_t oldest, least; /* age of the oldest attempt, rest of the shortest lease */
    int64_t silent;        /* since the last answer of the active host that is silent longest */
};

static int
each_host(void *ctx, const struct host *host)
{
    struct counting *c = ctx;
    enum queue_host_state state = queue_host_from_word(host->state);

    if (state < HOST_STATE_MAX)
        c->hosts[state]++;
    if (state == HOST_ACTIVE && host->seen && c->now - host->seen > c->silent)
        c->silent = c->now - host->seen;
    jb_arena_reset(c->arena);
    return 0;
}

static int
each_attempt(void *ctx, const struct attempt *attempt)
{
    struct counting *c = ctx;
    int64_t age = c->now - attempt->leased, rest = attempt->lease_until - c->now;

    for (int s = 0; s < ATTEMPT_STATES; s++)
        if (strcmp(attempt->state, attempt_states[s]) == 0)
            c->attempts[s]++;
    if (age > c->oldest)
        c->oldest = age;
    if (!c->n || rest < c->least)
        c->least = rest;
    if (rest < 0)
        c->overdue++;
    c->n++;
    jb_arena_reset(c->arena);
    return 0;
}

static int
count(struct store *store, struct counting *c)
{
    struct store_txn *txn;
    int rc = store_begin(store, STORE_READ, NULL, NULL, &txn);

    if (rc)
        return rc;
    rc = store_hosts_each(txn, c->arena, each_host, c);
    if (!rc)
        rc = store_attempts_live_each(txn, c->arena, each_attempt, c);
    store_abort(txn);
    return rc;
}

void
metrics_put_hosts(struct store *store, int64_t now, struct jb_buf *out)
{
    struct counting c = {.arena = jb_arena_new(ARENA_MAX), .now = now};

    if (!c.arena || count(store, &c)) {
        jb_arena_free(c.arena);
        return;
    }
    jb_arena_free(c.arena);
    put_head(out, "jinbang_hosts", "Hosts by state.");
    for (int s = 0; s < HOST_STATE_MAX; s++)
        put_labelled(out, "jinbang_hosts", "state", queue_host_word((enum queue_host_state)s),
                     c.hosts[s]);
    metrics_put_one(out, "jinbang_host_silence_seconds", "gauge",
                    "Since the last answer of the active host that is silent longest.",
                    (double)c.silent / 1e6);
    put_head(out, "jinbang_attempts_live", "Live attempts by state.");
    for (int s = 0; s < ATTEMPT_STATES; s++)
        put_labelled(out, "jinbang_attempts_live", "state", attempt_states[s], c.attempts[s]);
    metrics_put_one(out, "jinbang_attempt_age_seconds", "gauge",
                    "Since the oldest live attempt was leased.", (double)c.oldest / 1e6);
    metrics_put_one(out, "jinbang_lease_left_seconds", "gauge",
                    "Until the first lease runs out; 0 without live attempts.",
                    c.n ? (double)c.least / 1e6 : 0);
    metrics_put_one(out, "jinbang_leases_overdue", "gauge",
                    "Live attempts whose lease has run out.", (double)c.overdue);
}
