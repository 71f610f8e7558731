/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of the registry and what they say of themselves, in the scheduler. */
#include <config.h>

#include "dispatch/evaluate.h"

#include "queue/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct evaluate_host *
evaluate_host_of(const struct evaluate *e, const char *name)
{
    struct evaluate_host *host = e->hosts;

    while (host && strcmp(host->name, name) != 0)
        host = host->next;
    return host;
}

static uint64_t
digest(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Bits of those of our plans that the host has. */
static uint64_t
plans_of(const struct evaluate *e, const struct lease_info *info)
{
    size_t n;
    const struct lease_plan *plans = suites_plans(e->suites, &n);
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < info->n_plans; k++)
            if (strcmp(plans[i].name, info->plans[k]) == 0)
                bits |= UINT64_C(1) << i;
    return bits;
}

static int
tell(struct evaluate *e, struct evaluate_host *host, const struct lease_info *info,
     int64_t now_ms)
{
    const struct schedule_host is = {
        .name = host->name,
        .slots = info->slots < SCHEDULE_SLOTS_MAX ? info->slots : SCHEDULE_SLOTS_MAX,
        .gpus = info->gpus,
        .memory_mib = info->memory_mib,
        .open = host->open && !info->draining && now_ms >= host->closed,
        .plans = plans_of(e, info),
        .n_cached = info->n_cached,
        .cached = info->cached};
    uint64_t told = digest(UINT64_C(14695981039346656037), &is.slots, sizeof(is.slots));
    int rc;

    told = digest(told, &is.gpus, sizeof(is.gpus));
    told = digest(told, &is.memory_mib, sizeof(is.memory_mib));
    told = digest(told, &is.plans, sizeof(is.plans));
    told = digest(told, &is.open, sizeof(is.open));
    for (size_t i = 0; i < is.n_cached; i++)
        told = digest(told, is.cached[i], strlen(is.cached[i]) + 1);
    if (told == host->told)
        return 0;
    if (is.slots < 1) {
        schedule_host_drop(e->schedule, host->name);
        host->told = told;
        return 0;
    }
    if ((rc = schedule_host_put(e->schedule, &is)))
        return rc;
    host->told = told;
    if (!host->known)
        evaluate_runs(e, host->name);
    host->known = true;
    host->slots = is.slots;
    host->gpus = is.gpus;
    host->memory_mib = is.memory_mib;
    return 0;
}

static int
each_host(void *ctx, const struct host *is)
{
    struct evaluate *e = ctx;
    enum queue_host_state state = queue_host_from_word(is->state);
    struct evaluate_host *host = evaluate_host_of(e, is->name);

    if (state != HOST_ACTIVE && state != HOST_DRAINING && state != HOST_QUARANTINED)
        return 0;
    if (!host) {
        if (!(host = calloc(1, sizeof(*host))))
            return JB_ENOMEM;
        snprintf(host->name, sizeof(host->name), "%s", is->name);
        host->next = e->hosts;
        e->hosts = host;
    }
    host->wanted = true;
    host->open = state == HOST_ACTIVE;
    /* As it was when it last answered, until it does. */
    if (!host->known && is->slots > 0) {
        const struct lease_info last = {.slots = is->slots,
                                        .gpus = is->gpus,
                                        .memory_mib = is->memory_mib,
                                        .draining = true};
        return tell(e, host, &last, 0);
    }
    return 0;
}

int
evaluate_hosts_read(struct evaluate *e, struct store_txn *txn)
{
    int rc;

    for (struct evaluate_host *host = e->hosts; host; host = host->next)
        host->wanted = false;
    jb_arena_reset(e->walk);
    if ((rc = store_hosts_each(txn, e->walk, each_host, e)))
        return rc;
    for (struct evaluate_host **at = &e->hosts, *host; (host = *at);) {
        if (host->wanted) {
            at = &host->next;
            continue;
        }
        schedule_host_drop(e->schedule, host->name);
        *at = host->next;
        free(host);
    }
    return 0;
}

int
evaluate_hosts_tell(struct evaluate *e, int64_t now_ms)
{
    static const struct lease_info silent = {.draining = true};
    int rc = 0;

    for (struct evaluate_host *host = e->hosts; host && !rc; host = host->next) {
        const struct lease_info *info = lease_host(e->lease, host->name);
        struct lease_info last = silent;

        /* A silent one keeps its size, and what runs there. */
        last.slots = host->slots;
        last.memory_mib = host->memory_mib;
        last.gpus = host->gpus;
        if (info || host->known)
            rc = tell(e, host, info ? info : &last, now_ms);
    }
    return rc;
}
