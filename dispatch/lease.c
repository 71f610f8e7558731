/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/lease_own.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_FIRST = 1000, WAIT_MOST = 60000 };

#define TIDY_MS   (INT64_C(6) * 3600 * 1000)
#define ARENA_MAX ((size_t)64 << 20)

uint32_t
lease_random(struct lease *l)
{
    l->random = l->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(l->random >> 33);
}

int64_t
lease_backoff(struct lease *l, int64_t *wait)
{
    /* Short leases want short waits: some tries in the time of one. */
    int64_t most = l->rules->lease_ms / 4 < WAIT_MOST ? l->rules->lease_ms / 4 : WAIT_MOST;

    *wait = *wait ? *wait * 2 : WAIT_FIRST;
    if (*wait > most)
        *wait = most;
    return 1 + lease_random(l) % *wait;
}

struct lease_live *
lease_live_of(const struct lease *l, const char *host, const char *id)
{
    for (struct lease_live *live = l->live; live; live = live->next)
        if (!strcmp(live->id, id) && !strcmp(live->host, host))
            return live;
    return NULL;
}

int
lease_add_gone(struct lease *l, const char *host, const char *id)
{
    struct lease_gone *gone = l->gone;

    while (gone && (strcmp(gone->id, id) != 0 || strcmp(gone->host, host) != 0))
        gone = gone->next;
    if (gone)
        return 0;
    if (!(gone = calloc(1, sizeof(*gone))))
        return JB_ENOMEM;
    snprintf(gone->id, sizeof(gone->id), "%s", id);
    snprintf(gone->host, sizeof(gone->host), "%s", host);
    gone->next = l->gone;
    l->gone = gone;
    return 0;
}

const struct lease_plan *
lease_plan_of(const struct lease *l, const char *name)
{
    for (size_t i = 0; i < l->rules->n_plans; i++)
        if (!strcmp(l->rules->plans[i].name, name))
            return &l->rules->plans[i];
    return NULL;
}

void
lease_live_free(struct lease_live *live)
{
    if (live)
        free(live->offer);
    free(live);
}

static int
sweep(struct lease *l)
{
    for (struct lease_live **at = &l->live, *live; (live = *at);) {
        if (!live->ended) {
            at = &live->next;
            continue;
        }
        if (lease_add_gone(l, live->host, live->id))
            return JB_ENOMEM;
        *at = live->next;
        lease_live_free(live);
    }
    return 0;
}

void
lease_free(struct lease *l)
{
    if (!l)
        return;
    for (struct lease_live *live = l->live, *next; live; live = next) {
        next = live->next;
        lease_live_free(live);
    }
    for (struct lease_host *host = l->hosts, *next; host; host = next) {
        next = host->next;
        lease_host_free(host);
    }
    for (struct lease_gone *gone = l->gone, *next; gone; gone = next) {
        next = gone->next;
        free(gone);
    }
    jb_arena_free(l->arena);
    free(l);
}

int
lease_new(struct store *store, const struct lease_net *net, const struct lease_rules *rules,
          int64_t now_ms, struct jb_error *err, struct lease **ret_lease)
{
    struct lease *l;
    int rc;

    for (size_t i = 0; i < rules->n_plans; i++)
        if (!rules->plans[i].n_benchmarks || rules->plans[i].n_benchmarks > LEASE_BENCHMARKS)
            return jb_fail(err, JB_EINVAL, "plan %s: not 1 to %d benchmarks",
                           rules->plans[i].name, LEASE_BENCHMARKS);
    if (!(l = calloc(1, sizeof(*l))) || !(l->arena = jb_arena_new(ARENA_MAX))) {
        free(l);
        return jb_fail(err, JB_ENOMEM, "no memory for attempts");
    }
    l->store = store;
    l->net = *net;
    l->rules = rules;
    l->random = rules->random;
    if ((rc = lease_store_load(l, err))) {
        lease_free(l);
        return rc;
    }
    for (struct lease_live *live = l->live; live; live = live->next) {
        live->deadline = now_ms + rules->lease_ms + rules->restart_ms + rules->grace_ms;
        live->put_until = now_ms + rules->lease_ms;
        lease_log_take_up(l, live);
    }
    *ret_lease = l;
    return 0;
}

size_t
lease_live(const struct lease *l)
{
    size_t n = 0;

    for (const struct lease_live *live = l->live; live; live = live->next)
        n += !live->canary;
    return n;
}

size_t
lease_live_at(const struct lease *l, const char *host)
{
    size_t n = 0;

    for (const struct lease_live *live = l->live; live; live = live->next)
        n += !strcmp(live->host, host);
    return n;
}

struct lease_host *
lease_host_of(const struct lease *l, const char *name)
{
    struct lease_host *host = l->hosts;

    while (host && strcmp(host->name, name) != 0)
        host = host->next;
    return host;
}

const struct lease_info *
lease_host(const struct lease *l, const char *name)
{
    const struct lease_host *host = lease_host_of(l, name);

    return host && host->stamped ? &host->info : NULL;
}

void
lease_each(const struct lease *l, void (*each)(void *ctx, const struct lease_item *item),
           void *ctx)
{
    for (const struct lease_live *live = l->live; live; live = live->next) {
        if (live->canary)
            continue;
        const struct lease_item item = {.request = live->request,
                                        .fence = live->fence,
                                        .host = live->host,
                                        .plan = live->plan ? live->plan->name : "",
                                        .slots = live->slots,
                                        .leased = live->leased};

        each(ctx, &item);
    }
}

bool
lease_dies(struct lease *l, const char *where)
{
    if (l->net.dies && l->net.dies(l->net.ctx, where))
        l->dead = true;
    return l->dead;
}

uint64_t
lease_send(struct lease *l, struct lease_ask ask)
{
    ask.token = ++l->tokens;
    ask.attempt = ask.attempt ? ask.attempt : "";
    ask.part = ask.part ? ask.part : "";
    l->net.send(l->net.ctx, &ask);
    return ask.token;
}

static void
ask(struct lease *l, struct lease_live *live, enum lease_call call, int64_t now)
{
    struct lease_ask a = {.host = live->host, .call = call, .attempt = live->id};

    if (call == LEASE_PART)
        a.part = live->plan->benchmarks[live->part].key;
    if (call == LEASE_PUT)
        a.body = jb_str(live->offer);
    live->call = call;
    live->asked = now;
    live->token = lease_send(l, a);
}

static int
ask_put(struct lease *l, struct lease_live *live, int64_t now)
{
    /* It may arrive just before its answer would be too late, and the lease begins then. */
    int64_t until = now + l->rules->answer_ms + l->rules->lease_ms + l->rules->grace_ms;

    if (until > live->deadline)
        live->deadline = until;
    if (lease_dies(l, "before put"))
        return JB_ECLOSED;
    ask(l, live, LEASE_PUT, now);
    return lease_dies(l, "after put") ? JB_ECLOSED : 0;
}

int
lease_offer(struct lease *l, const struct lease_work *work, int64_t now_ms, int64_t now_us,
            struct jb_error *err)
{
    struct lease_live *live;
    int rc;

    if (l->dead)
        return JB_ECLOSED;
    if (!lease_host(l, work->host))
        return jb_fail(err, JB_EBUSY, "host %s does not answer", work->host);
    jb_arena_reset(l->arena);
    if ((rc = lease_store_offer(l, work, now_us, err, &live)))
        return rc;
    live->put_until = now_ms + l->rules->lease_ms;
    live->next = l->live;
    l->live = live;
    live->deadline = now_ms;
    return ask_put(l, live, now_ms);
}

int
lease_answer(struct lease *l, uint64_t token, const struct lease_reply *reply, int64_t now_ms,
             int64_t now_us, struct jb_error *err)
{
    int rc = 0;

    if (l->dead || !token)
        return l->dead ? JB_ECLOSED : 0;
    l->now_ms = now_ms;
    jb_arena_reset(l->arena);
    for (struct lease_live *live = l->live; live; live = live->next)
        if (live->log_token == token) {
            rc = lease_log_answered(l, live, reply, now_ms, err);
            return rc ? rc : sweep(l);
        }
    for (struct lease_live *live = l->live; live; live = live->next)
        if (live->token == token) {
            rc = lease_live_answered(l, live, reply, now_ms, now_us, err);
            return rc ? rc : sweep(l);
        }
    for (struct lease_host *host = l->hosts; host; host = host->next)
        if (host->token == token) {
            rc = lease_host_answered(l, host, reply, now_ms, now_us, err);
            return rc ? rc : sweep(l);
        }
    for (struct lease_gone **at = &l->gone, *gone; (gone = *at); at = &gone->next)
        if (gone->token == token) {
            if (lease_gone_answered(l, gone, reply, now_ms)) {
                *at = gone->next;
                free(gone);
            }
            return 0;
        }
    return 0;
}

static bool
wants_part(struct lease_live *live)
{
    for (size_t b = 0; b < live->plan->n_benchmarks; b++)
        if (live->parts[b].there && !live->parts[b].stored) {
            live->part = b;
            return true;
        }
    return false;
}

static int
act(struct lease *l, struct lease_live *live, int64_t now_ms, int64_t now_us,
    struct jb_error *err)
{
    if (now_ms > live->deadline)
        return lease_fails(l, live, "worker_lost",
                           "its host was silent for longer than its lease", now_us, err);
    if (!live->plan)
        return lease_fails(l, live, "worker_lost", "its plan is no longer configured", now_us,
                           err);
    if (live->token && now_ms - live->asked > l->rules->answer_ms) {
        live->token = 0;
        live->due = now_ms + lease_backoff(l, &live->wait);
    }
    if (live->token || now_ms < live->due)
        return 0;
    if (live->cancel) {
        if (live->accepted && live->phase >= WIRE_SUCCEEDED)
            return lease_store_end(l, live, LEASE_END_FAILED, now_us, err);
        ask(l, live, LEASE_CANCEL, now_ms);
    } else if (!live->accepted) {
        if (now_ms < live->put_until)
            return ask_put(l, live, now_ms);
    } else if (live->phase == WIRE_SUCCEEDED && !live->manifest) {
        ask(l, live, LEASE_MANIFEST, now_ms); /* first: it says what the parts are to be */
    } else if (live->phase != WIRE_LOST && wants_part(live)) {
        ask(l, live, LEASE_PART, now_ms);
    } else if (live->phase >= WIRE_SUCCEEDED && live->phase != WIRE_LOST &&
               lease_log_wants(l, live, now_ms)) {
        return 0;
    } else if (live->phase == WIRE_SUCCEEDED) {
        return lease_store_finish(l, live, now_us, err);
    } else if (live->phase > WIRE_SUCCEEDED) {
        return lease_store_end(l, live, LEASE_END_FAILED, now_us, err);
    }
    return 0;
}

/* Those of hosts that are no longer in the registry reach nobody. */
static void
forget_hosts(struct lease *l)
{
    for (struct lease_host **at = &l->hosts, *host; (host = *at);) {
        if (host->wanted || lease_live_at(l, host->name)) {
            at = &host->next;
            continue;
        }
        for (struct lease_gone **g = &l->gone, *gone; (gone = *g);) {
            if (strcmp(gone->host, host->name) != 0) {
                g = &gone->next;
                continue;
            }
            *g = gone->next;
            free(gone);
        }
        *at = host->next;
        lease_host_free(host);
    }
}

static int64_t
sooner(int64_t next, int64_t at)
{
    return at < next ? at : next;
}

int
lease_run(struct lease *l, int64_t now_ms, int64_t now_us, struct jb_error *err,
          int64_t *ret_next)
{
    int64_t next = INT64_MAX, answer = l->rules->answer_ms + 1;
    int rc;

    if (l->dead)
        return JB_ECLOSED;
    jb_arena_reset(l->arena);
    if (now_ms >= l->tidy_ms && l->rules->log_ms) {
        l->tidy_ms = now_ms + TIDY_MS;
        lease_log_tidy(l);
    }
    l->now_ms = now_ms;
    if ((rc = lease_store_look(l, now_us, err)))
        return rc;
    for (struct lease_host *host = l->hosts; host && !rc; host = host->next)
        rc = lease_canary_start(l, host, now_ms, now_us, err);
    if (rc == JB_EINVAL) { /* settings: the others go on */
        static struct jb_log_limit limit;
        jb_log_limited(&limit, JB_LOG_ERR, "the canary: %s", err ? err->text : "");
        if (err)
            jb_error_clear(err);
        rc = 0;
    }
    if (rc)
        return rc;
    for (struct lease_live *live = l->live; live && !rc; live = live->next)
        if (!live->ended) {
            jb_arena_reset(l->arena);
            rc = act(l, live, now_ms, now_us, err);
            if (!rc && !live->ended)
                lease_log_run(l, live, now_ms, now_us);
        }
    if (rc || (rc = sweep(l)))
        return rc;
    forget_hosts(l);
    for (struct lease_host *host = l->hosts; host && !rc; host = host->next) {
        rc = lease_host_run(l, host, now_ms);
        next = sooner(next, host->token ? host->asked + answer : host->next_call);
        if (l->rules->canary && host->held && host->stamped && !lease_live_at(l, host->name)) {
            int64_t hold =
                now_ms +
                (host->hold_until > now_us ? (host->hold_until - now_us) / 1000 + 1 : 0);
            next = sooner(next, hold > host->canary_due ? hold : host->canary_due);
        }
    }
    for (struct lease_gone *gone = l->gone; gone && !rc; gone = gone->next) {
        rc = lease_gone_run(l, gone, now_ms);
        next = sooner(next, gone->token ? gone->asked + answer : gone->next_call);
    }
    if (rc)
        return rc;
    for (const struct lease_live *live = l->live; live; live = live->next) {
        next = sooner(next, live->deadline + 1);
        next = sooner(next, lease_log_next(l, live, now_ms));
        if (live->log_until > now_ms)
            next = sooner(next, live->log_until);
        if (live->token)
            next = sooner(next, live->asked + answer);
        else if (live->due > now_ms)
            next = sooner(next, live->due);
    }
    if (l->retry_us != INT64_MAX)
        next = sooner(next,
                      now_ms + (l->retry_us > now_us ? (l->retry_us - now_us) / 1000 + 1 : 0));
    *ret_next = next;
    return 0;
}
