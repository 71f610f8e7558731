/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the evaluation task know of each other: evaluate.c (the task and its
 * rounds), evaluate_queue.c (requests on their way into the scheduler), evaluate_hosts.c (hosts
 * there).
 */
#pragma once

#include "dispatch/dispatch.h"
#include "dispatch/host_client.h"
#include "dispatch/lease.h"
#include "dispatch/renew.h"
#include "dispatch/schedule.h"
#include "dispatch/suites.h"
#include "queue/estimate.h"

/* A host of the registry that may work. */
struct evaluate_host {
    struct evaluate_host *next;
    char name[HOST_LABEL_MAX + 1];
    bool known;        /* how large it is */
    bool open, wanted; /* by the registry; it still stands there */
    int64_t slots, gpus, memory_mib;
    int64_t closed; /* nothing new until then, monotonic ms: it had no room */
    uint64_t told;  /* digest of what the scheduler was told */
};

/* One that is larger than any host. */
struct evaluate_large {
    struct evaluate_large *next;
    uint64_t request;
    int64_t gib;
};

/* All of one set of settings. */
struct evaluate {
    struct dispatch *d;
    struct suites *suites;
    struct lease_rules rules;
    struct host_client *client;
    struct renew *renew;
    struct lease *lease;
    struct schedule *schedule;
    struct estimates *estimates;
    int64_t learned; /* when these were, microseconds */
    struct evaluate_host *hosts;
    struct evaluate_large *large;
    struct jb_arena *arena, *walk; /* of one record, of one round */
    bool filled;                   /* the scheduler has the queue as it was at `cursor` */
    uint64_t cursor;               /* entry of the change log */
    bool stirred;                  /* something happened since the leases were looked at */
    int64_t lease_due;             /* monotonic ms */
    int64_t hold;                  /* after a failure of the store, microseconds */
};

/* All that waits and runs, as it stands in the store now. */
int evaluate_fill(struct evaluate *e, int64_t now, struct jb_error *err);
/* What has changed since. */
int evaluate_follow(struct evaluate *e, int64_t now, struct jb_error *err);
/* The request as it stands in the store now: into the scheduler, or out of it. */
int evaluate_request(struct evaluate *e, uint64_t request, int64_t now, struct jb_error *err);
/* What the leases say runs at a host that the scheduler now knows. */
void evaluate_runs(struct evaluate *e, const char *host);
/* Remembers one that is larger than any host; fails them when that is certain and wanted. */
int evaluate_add_large(struct evaluate *e, uint64_t request, int64_t gib);
void evaluate_drop_large(struct evaluate *e, uint64_t request);
int evaluate_refuse_large(struct evaluate *e, int64_t now, struct jb_error *err);

/* The hosts of the registry. */
int evaluate_hosts_read(struct evaluate *e, struct store_txn *txn);
/* What they say of themselves, to the scheduler. JB_ENOMEM. */
int evaluate_hosts_tell(struct evaluate *e, int64_t now_ms);
struct evaluate_host *evaluate_host_of(const struct evaluate *e, const char *name);
