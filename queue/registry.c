/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "queue/registry.h"

#include <stdlib.h>
#include <string.h>

/* Both are far above what a board has, and end a run-away. */
#define REGISTRY_MAX ((size_t)256 << 20)
#define RECORDS_MAX  ((size_t)64 << 20)

struct queue_registry {
    struct jb_arena *arena; /* the strings and runs */
    struct queue_host *hosts;
    size_t n, room;
};

/* An attempt with the host that it stands at. */
struct placed {
    size_t host;
    struct queue_run run;
};

struct build {
    struct queue_registry *registry;
    struct jb_arena *record;
    struct placed *placed;
    size_t n, room;
};

static const char *
keep(struct build *b, const char *text)
{
    return jb_arena_dup(b->registry->arena, text, strlen(text));
}

static int
each_host(void *ctx, const struct host *host)
{
    struct build *b = ctx;
    struct queue_registry *r = b->registry;
    struct queue_host h = {.state = queue_host_from_word(host->state),
                           .gpus = host->gpus,
                           .slots = host->slots,
                           .memory_mib = host->memory_mib};

    if (h.state == HOST_NEW || h.state == HOST_REMOVED || h.state == HOST_STATE_MAX)
        return 0;
    if (r->n == r->room) {
        size_t room = r->room ? 2 * r->room : 16;
        struct queue_host *hosts = reallocarray(r->hosts, room, sizeof *hosts);
        if (!hosts)
            return JB_ENOMEM;
        r->hosts = hosts;
        r->room = room;
    }
    h.name = keep(b, host->name);
    h.engine = keep(b, host->engine);
    h.gpu = keep(b, host->gpu);
    if (!h.name || !h.engine || !h.gpu)
        return JB_ENOMEM;
    r->hosts[r->n++] = h;
    jb_arena_reset(b->record);
    return 0;
}

static int
by_name(const void *name, const void *host)
{
    return strcmp(name, ((const struct queue_host *)host)->name);
}

static int
each_attempt(void *ctx, const struct attempt *a)
{
    struct build *b = ctx;
    const struct queue_registry *r = b->registry;
    const struct queue_host *host =
        r->n ? bsearch(a->host, r->hosts, r->n, sizeof *r->hosts, by_name) : NULL;

    if (host) {
        if (b->n == b->room) {
            size_t room = b->room ? 2 * b->room : 64;
            struct placed *placed = reallocarray(b->placed, room, sizeof *placed);
            if (!placed)
                return JB_ENOMEM;
            b->placed = placed;
            b->room = room;
        }
        b->placed[b->n++] = (struct placed){(size_t)(host - r->hosts),
                                            {.request = a->request,
                                             .fence = a->fence,
                                             .leased = a->leased,
                                             .running = strcmp(a->state, "leased") != 0,
                                             .canary = a->canary}};
    }
    jb_arena_reset(b->record);
    return 0;
}

static int
by_place(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    return x->run.request < y->run.request ? -1 : x->run.request > y->run.request;
}

static int
hand_out(struct build *b)
{
    struct queue_registry *r = b->registry;
    struct queue_run *runs;

    if (!b->n)
        return 0;
    qsort(b->placed, b->n, sizeof *b->placed, by_place);
    runs = jb_arena_array(r->arena, b->n, sizeof *runs);
    if (!runs)
        return JB_ENOMEM;
    for (size_t i = 0; i < b->n; i++) {
        struct queue_host *host = &r->hosts[b->placed[i].host];
        runs[i] = b->placed[i].run;
        if (!host->n_runs)
            host->runs = &runs[i];
        host->n_runs++;
    }
    return 0;
}

int
queue_registry_build(struct store_txn *txn, struct jb_error *err,
                     struct queue_registry **ret_registry)
{
    struct queue_registry *registry = calloc(1, sizeof *registry);
    struct build b = {.registry = registry, .record = jb_arena_new(RECORDS_MAX)};
    int rc = JB_ENOMEM;

    if (registry)
        registry->arena = jb_arena_new(REGISTRY_MAX);
    if (registry && registry->arena && b.record)
        rc = store_hosts_each(txn, b.record, each_host, &b);
    if (!rc)
        rc = store_attempts_live_each(txn, b.record, each_attempt, &b);
    if (!rc)
        rc = hand_out(&b);
    free(b.placed);
    jb_arena_free(b.record);
    if (rc) {
        queue_registry_free(registry);
        return jb_fail(err, rc, "hosts: %s",
                       store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
    }
    *ret_registry = registry;
    return 0;
}

void
queue_registry_free(struct queue_registry *registry)
{
    if (!registry)
        return;
    jb_arena_free(registry->arena);
    free(registry->hosts);
    free(registry);
}

const struct queue_host *
queue_registry_hosts(const struct queue_registry *registry, size_t *ret_n)
{
    *ret_n = registry->n;
    return registry->hosts;
}
