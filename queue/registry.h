/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts in memory, as the public may see them: names and what they do, never addresses,
 * keys or reasons. An immutable list by name with what runs at each, made with the queue lists
 * of the same transaction; hosts that wait for their enrolment or were removed are left out.
 */
#pragma once

#include "queue/host.h"

struct queue_run {
    uint64_t request, fence;
    int64_t leased;
    bool running; /* the host said so; else it was offered to it */
    bool canary;
};

struct queue_host {
    const char *name;
    enum queue_host_state state;
    const char *engine, *gpu; /* "" unknown */
    int64_t gpus, slots, memory_mib;
    size_t n_runs;
    const struct queue_run *runs; /* by request */
};

struct queue_registry;

/* JB_ENOMEM and what the store says. */
int queue_registry_build(struct store_txn *txn, struct jb_error *err,
                         struct queue_registry **ret_registry);
void queue_registry_free(struct queue_registry *registry); /* NULL is fine */
/* Lives as long as the registry. */
const struct queue_host *queue_registry_hosts(const struct queue_registry *registry,
                                              size_t *ret_n);
