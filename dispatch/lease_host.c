/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are of a host: what it is, its leases, and what it may free. */
#include "dispatch/lease_own.h"

#include <stdlib.h>
#include <string.h>

#define INFO_MAX   ((size_t)4 << 20)
#define INFO_EVERY (INT64_C(5) * 60 * 1000)

static void
stamp(struct lease_host *host, int64_t monotonic_ms, int64_t now)
{
    host->stamped = true;
    host->stamp_ms = monotonic_ms;
    host->stamp_at = host->seen = now;
}

static int
copy_names(struct jb_arena *arena, const char *const *names, size_t n,
           const char *const **ret_names)
{
    const char **copy = jb_arena_array(arena, n + 1, sizeof(*copy));

    if (!copy)
        return JB_ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (!(copy[i] = jb_arena_dup(arena, names[i], strlen(names[i]))))
            return JB_ENOMEM;
    *ret_names = copy;
    return 0;
}

static int
take_info(struct lease_host *host, const struct wire_info *info)
{
    struct lease_info is = {.slots = info->slots,
                            .gpus = (int64_t)info->n_gpus,
                            .draining = info->draining,
                            .n_cached = info->n_cached,
                            .n_plans = info->n_plans};

    if (!host->arena && !(host->arena = jb_arena_new(INFO_MAX)))
        return JB_ENOMEM;
    host->info = (struct lease_info){.slots = 0};
    jb_arena_reset(host->arena);
    for (size_t i = 0; i < info->n_gpus; i++)
        is.memory_mib += info->gpus[i].total_mib;
    if (copy_names(host->arena, info->cached, info->n_cached, &is.cached) ||
        copy_names(host->arena, info->plans, info->n_plans, &is.plans))
        return JB_ENOMEM;
    host->info = is;
    return 0;
}

static int
renewed(struct lease *l, struct lease_host *host, uint64_t token, struct jb_str body,
        int64_t now_ms, int64_t now_us, struct jb_error *err)
{
    struct wire_renewed r;
    int rc = 0;

    if (wire_renewed_read(body, l->arena, NULL, &r))
        return 0;
    stamp(host, r.monotonic_ms, now_ms);
    for (size_t i = 0; i < r.n && !rc; i++) {
        struct lease_live *live = lease_live_of(l, host->name, r.states[i].id);

        if (!live) {
            bool is_live = false;

            rc = lease_store_is_live(l, &r.states[i], err, &is_live);
            if (!rc && !is_live)
                rc = lease_add_gone(l, host->name, r.states[i].id);
            continue;
        }
        live->named = 0;
        rc = lease_take_state(l, live, &r.states[i], now_us, err);
    }
    for (struct lease_live *live = l->live; live && !rc; live = live->next)
        if (live->named == token && !live->ended && live->phase < WIRE_SUCCEEDED)
            rc = lease_fails(l, live, "worker_lost", LEASE_DIED, now_us, err);
    return rc ? rc : lease_note_host(l, host, now_us, err);
}

int
lease_host_answered(struct lease *l, struct lease_host *host, const struct lease_reply *reply,
                    int64_t now_ms, int64_t now_us, struct jb_error *err)
{
    uint64_t token = host->token;
    struct wire_info info;

    host->token = 0;
    if (reply->status != 200) {
        /* 4xx: the stamp is of another boot, perhaps. It says what it is now. */
        if (host->call == LEASE_RENEW && reply->status >= 400 && reply->status < 500)
            host->info_due = host->next_call = now_ms;
        return 0;
    }
    if (host->call == LEASE_RENEW)
        return renewed(l, host, token, reply->body, now_ms, now_us, err);
    if (wire_info_read(reply->body, l->arena, NULL, &info))
        return 0;
    if (take_info(host, &info))
        return JB_ENOMEM;
    stamp(host, info.monotonic_ms, now_ms);
    host->next_call = now_ms;
    host->info_due = now_ms + INFO_EVERY;
    return lease_note_info(l, host, &info, now_us, err);
}

static int
renew(struct lease *l, struct lease_host *host, int64_t now)
{
    struct wire_renewal *items = jb_arena_array(l->arena, WIRE_ATTEMPTS_MAX, sizeof(*items));
    struct jb_buf body = JB_BUF(WIRE_BODY_MAX);
    struct wire_renew r = {.stamp_ms = host->stamp_ms, .items = items};

    if (!items)
        return JB_ENOMEM;
    for (struct lease_live *live = l->live; live && r.n < WIRE_ATTEMPTS_MAX; live = live->next)
        if (live->accepted && !strcmp(live->host, host->name)) {
            struct wire_renewal *item = &items[r.n++];
            int64_t until = host->stamp_at + l->rules->lease_ms + l->rules->grace_ms;

            memcpy(item->id, live->id, WIRE_ID_SIZE);
            item->fence = live->fence;
            item->lease_seconds = l->rules->lease_ms / 1000;
            item->cancel = live->cancel;
            live->named = l->tokens + 1;
            if (until > live->deadline)
                live->deadline = until;
        }
    wire_renew_put(&r, &body);
    if (!body.err) {
        host->call = LEASE_RENEW;
        host->asked = now;
        host->token = lease_send(l, (struct lease_ask){.host = host->name,
                                                       .call = LEASE_RENEW,
                                                       .body = jb_buf_view(&body)});
    }
    jb_buf_free(&body);
    return body.err;
}

int
lease_host_run(struct lease *l, struct lease_host *host, int64_t now)
{
    if (host->token && now - host->asked > l->rules->answer_ms)
        host->token = 0;
    /* Silent: no new work, and its stamp is too old to renew by. */
    if (host->stamped && now - host->seen > l->rules->suspect_ms)
        host->stamped = false;
    if (host->token || now < host->next_call)
        return 0;
    host->next_call =
        now + l->rules->renew_ms * 8 / 10 + lease_random(l) % (l->rules->renew_ms * 4 / 10 + 1);
    if (host->stamped && now < host->info_due)
        return renew(l, host, now);
    host->call = LEASE_INFO;
    host->asked = now;
    host->token = lease_send(l, (struct lease_ask){.host = host->name, .call = LEASE_INFO});
    return 0;
}

int
lease_gone_run(struct lease *l, struct lease_gone *gone, int64_t now)
{
    if (gone->token && now - gone->asked > l->rules->answer_ms) {
        gone->token = 0;
        gone->next_call = now + lease_backoff(l, &gone->wait);
    }
    if (gone->token || now < gone->next_call)
        return 0;
    if (lease_dies(l, "before acknowledgement"))
        return JB_ECLOSED;
    gone->asked = now;
    gone->call = gone->runs ? LEASE_CANCEL : LEASE_DELETE;
    gone->token = lease_send(l, (struct lease_ask){
                                    .host = gone->host,
                                    .call = gone->call,
                                    .attempt = gone->id,
                                });
    return 0;
}

bool
lease_gone_answered(struct lease *l, struct lease_gone *gone, const struct lease_reply *reply,
                    int64_t now)
{
    const int status = reply->status;

    gone->token = 0;
    if (gone->call == LEASE_DELETE && status == 409)
        gone->runs = true;
    else if (status == 404 || status == 410)
        return true;
    else if (status == 200 || status == 204) {
        if (gone->call == LEASE_DELETE)
            return true;
        gone->runs = false; /* it stops; then it can be freed */
    }
    gone->next_call = now + lease_backoff(l, &gone->wait);
    return false;
}

void
lease_host_free(struct lease_host *host)
{
    jb_arena_free(host->arena);
    free(host);
}
