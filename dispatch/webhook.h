/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks: events of the change log become deliveries in the store, one for each target that
 * wants them, in the transaction that moves the cursor; deliveries are sent outside any
 * transaction and deleted when the target said 2xx. One try at a time for each target, so that
 * first tries arrive in order and a slow target holds up nobody else. A kill between the answer
 * and the deletion sends the same delivery again: at least once, with the same id.
 *
 * webhook.c: the task. webhook_target.c: targets of the settings. webhook_outbox.c: what is in
 * the store. Private to these.
 */
#pragma once

#include "base/log.h"
#include "dispatch/dispatch.h"
#include "dispatch/webhook_event.h"
#include "store/job.h"

/* The cursor of the log, and marks that hold one more, so that 0 is "never": of all targets,
 * and of each. A target whose mark is not that of all is new: nothing of the past is for it. */
#define WEBHOOK_CURSOR      "webhooks"
#define WEBHOOK_MARK        "webhooks"
#define WEBHOOK_MARK_TARGET "webhook." /* and its name */

#define WEBHOOK_WAITING_MAX 100000 /* of a target; what comes then is dead at once */
#define WEBHOOK_DEAD_MAX    10000  /* of all; the oldest go */

/* A delivery that waits. */
struct webhook_item {
    uint64_t id;
    int64_t due;
    struct webhook_item *prev, *next;
};

enum webhook_phase {
    WEBHOOK_IDLE,
    WEBHOOK_SENDING,
    WEBHOOK_SETTLING, /* the outcome is known and not yet stored */
};

struct webhook_target {
    struct webhooks *all;
    struct conf_webhook conf; /* strings in `arena` */
    struct jb_arena *arena;
    struct jb_str key;          /* of its signatures */
    bool known;                 /* its events began earlier */
    struct webhook_item *items; /* by id */
    size_t n_items;
    enum webhook_phase phase;
    struct http_call *call;
    uint64_t sending; /* id */
    bool delivered;   /* of SETTLING */
    int64_t retry_after;
    char error[256];
    struct jb_log_limit complaints;
    struct webhook_target *next;
};

struct webhooks {
    struct dispatch *d;
    struct webhook_target *targets;
    size_t n_targets;
    uint64_t handled; /* changes up to here */
    uint64_t stored;  /* the mark of all as the store has it */
    uint64_t touched;
    bool placed;    /* `handled` and `known` are those of the store */
    bool loaded;    /* so are the items */
    uint64_t *dead; /* ids, oldest first */
    size_t n_dead, room_dead;
    struct jb_arena *arena;   /* of one change or delivery */
    int64_t not_before, wait; /* of the store, after a failure; microseconds */
};

/* Reads the secrets too. The targets of before that are still there keep what they know.
 * Nothing has changed on failure: JB_EINVAL, JB_ENOENT, JB_EACCES … with file and target. */
int webhook_targets_take(struct webhooks *w, const struct conf *conf, struct jb_error *err);
void webhook_targets_free(struct webhooks *w);

/* Cursors and items as the store has them. */
int webhook_outbox_read(struct webhooks *w, struct jb_error *err);
/* Turns what the log has of new events into deliveries; *ret_more: not all of it yet. */
int webhook_outbox_fill(struct webhooks *w, int64_t now, bool *ret_more, struct jb_error *err);
/* Stores what came of the targets in SETTLING. */
int webhook_outbox_settle(struct webhooks *w, int64_t now, struct jb_error *err);
