/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinbang-dispatch: one thread, one loop, and tasks. A task looks at the store, starts calls
 * (dispatch/http.h) and writes what came of them; it never waits. Nothing is remembered but in
 * the store: a program that is killed at any moment goes on where it was.
 */
#pragma once

#include "base/conf.h"
#include "base/error.h"
#include "dispatch/http.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct dispatch {
    const struct conf *conf; /* replaced by a reload: keep nothing of it from run to run */
    struct store *store;
    struct http *http;
    struct store_seq seq;  /* of the store, as this round of the loop found it */
    const char *hub_url;   /* hub.url or site.hub_url, without a trailing slash */
    const char *hub_token; /* "" none; of conf's life */
    bool restart; /* set by a task: the store takes no more writes of this process (JB_EIO) */
};

struct dispatch_task {
    const char *name; /* of log lines */
    /* What the task keeps, NULL on failure; `d` outlives it. */
    void *(*start)(struct dispatch *d, struct jb_error *err);
    /*
     * Called after every ring of the doorbell, after every answer to a call, and once a second
     * at least; must be cheap when there is nothing to do, and short when there is: what is
     * left over can be done next time. `now` in microseconds UTC. Returns when it wants to be
     * called at the latest, same clock: `now` for at once, INT64_MAX for whenever.
     */
    int64_t (*run)(void *task, int64_t now);
    /* The settings in d->conf are new ones. May be NULL. */
    void (*reload)(void *task);
    /* Calls of its own under way are to be cancelled. */
    void (*stop)(void *task);
};

/* Those there are; main.c has the list of them, in the order in which they run. */
extern const struct dispatch_task dispatch_check;    /* check.c: submissions with the hub */
extern const struct dispatch_task dispatch_evaluate; /* evaluate.c: hosts, results */
extern const struct dispatch_task dispatch_refresh;  /* refresh.c: likes, licence, tags */
extern const struct dispatch_task dispatch_export;   /* export.c: the export folder */
extern const struct dispatch_task dispatch_tidy;     /* tidy.c: nonces of long ago */
extern const struct dispatch_task dispatch_webhooks; /* webhook.c: events to their targets */

/* Can this board evaluate as its settings say? For -t; the task looks by itself. JB_EINVAL …
 * with file and reason. */
int evaluate_check(const struct conf *conf, struct jb_error *err);

/* Are the secrets of all webhooks there? For -t; the task looks by itself when it starts.
 * JB_EINVAL, JB_ENOENT, JB_EACCES … with target and file. */
int webhook_check(const struct conf *conf, struct jb_error *err);
