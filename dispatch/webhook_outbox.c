/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "dispatch/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define EVENTS_MAX  200   /* in one transaction */
#define CHANGES_MAX 2000  /* looked at in one run */
#define LAZY_MAX    10000 /* changes without an event before the cursor moves all the same */

static int
failed(struct store_txn *txn, int rc, struct jb_error *err)
{
    return jb_fail(err, rc, "%s",
                   store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
}

static struct webhook_target *
find_target(const struct webhooks *w, const char *name)
{
    struct webhook_target *t;

    LL_FOREACH (w->targets, t)
        if (strcmp(t->conf.name, name) == 0)
            return t;
    return NULL;
}

static int
add_item(struct webhook_target *t, uint64_t id, int64_t due)
{
    struct webhook_item *item = calloc(1, sizeof(*item));

    if (!item)
        return JB_ENOMEM;
    item->id = id;
    item->due = due;
    DL_APPEND(t->items, item);
    t->n_items++;
    return 0;
}

static void
drop_item(struct webhook_target *t, uint64_t id)
{
    struct webhook_item *item, *next;

    DL_FOREACH_SAFE(t->items, item, next)
    if (item->id == id) {
        DL_DELETE(t->items, item);
        free(item);
        t->n_items--;
        return;
    }
}

static void
set_due(struct webhook_target *t, uint64_t id, int64_t due)
{
    struct webhook_item *item;

    DL_FOREACH (t->items, item)
        if (item->id == id)
            item->due = due;
}

static int
add_dead(struct webhooks *w, uint64_t id)
{
    if (w->n_dead == w->room_dead) {
        size_t room = w->room_dead ? 2 * w->room_dead : 64;
        uint64_t *dead = reallocarray(w->dead, room, sizeof(*dead));

        if (!dead)
            return JB_ENOMEM;
        w->dead = dead;
        w->room_dead = room;
    }
    w->dead[w->n_dead++] = id;
    return 0;
}

static int
load_item(void *ctx, const struct delivery *delivery)
{
    struct webhooks *w = ctx;
    struct webhook_target *t = find_target(w, delivery->target);
    int rc = delivery->dead ? add_dead(w, delivery->id)
             : t            ? add_item(t, delivery->id, delivery->due)
                            : 0; /* waits for its target to come back */

    jb_arena_reset(w->arena);
    return rc;
}

static int
read_items(struct webhooks *w, struct store_txn *txn)
{
    struct webhook_target *t;
    struct webhook_item *item, *next;

    LL_FOREACH (w->targets, t) {
        DL_FOREACH_SAFE(t->items, item, next)
        free(item);
        t->items = NULL;
        t->n_items = 0;
    }
    w->n_dead = 0;
    return store_deliveries_each(txn, w->arena, load_item, w);
}

static int
target_mark(struct store_txn *txn, const struct webhook_target *t, uint64_t *ret_value)
{
    char name[STORE_WORD_MAX + 1];

    snprintf(name, sizeof(name), WEBHOOK_MARK_TARGET "%s", t->conf.name);
    return store_mark_get(txn, name, ret_value);
}

/* Where each target stands. One that went on since needs no look. */
static int
read_places(struct webhooks *w, struct store_txn *txn, bool first)
{
    struct webhook_target *t;
    struct store_seq seq;
    bool any = false;
    int rc = store_mark_get(txn, WEBHOOK_MARK, &w->stored);

    if (!rc)
        rc = store_seq_get(txn, &seq);
    LL_FOREACH (w->targets, t) {
        uint64_t own = 0;
        if (!rc && !t->known)
            rc = target_mark(txn, t, &own);
        if (!rc && !t->known)
            t->known = w->stored && own == w->stored;
        any |= t->known;
    }
    if (rc)
        return rc;
    if (first)
        w->handled = w->stored ? w->stored - 1 : seq.change;
    /* Nobody waits for what was; or the store is an older one, put back from a backup. */
    if (!any || w->handled > seq.change)
        w->handled = seq.change;
    return 0;
}

int
webhook_outbox_read(struct webhooks *w, struct jb_error *err)
{
    bool first = !w->placed && w->handled == 0;
    struct store_txn *txn;
    uint64_t touched = 0;
    int rc = store_begin(w->d->store, STORE_READ, NULL, err, &txn);

    if (rc)
        return rc;
    if (!w->placed)
        rc = read_places(w, txn, first);
    if (!rc)
        rc = store_mark_get(txn, WEBHOOK_MARK_TOUCHED, &touched);
    if (!rc && (!w->loaded || touched != w->touched)) {
        w->loaded = false;
        rc = read_items(w, txn);
    }
    if (rc) {
        rc = failed(txn, rc, err);
    } else {
        w->touched = touched;
        w->placed = w->loaded = true;
    }
    store_abort(txn);
    jb_arena_reset(w->arena);
    return rc;
}

/* A walk of the log, to look for events or to store them. */
struct fill {
    struct webhooks *w;
    struct store_txn *txn;
    bool store;
    int64_t now;
    uint64_t handled;
    size_t changes, events;
    bool found; /* an event that is wanted, where it was only looked for */
    struct made {
        struct webhook_target *target;
        uint64_t id;
        bool dead;
    } * made;
    size_t n_made, room_made;
    struct jb_buf body;
};

static bool
anybody_wants(const struct webhooks *w, const char *event)
{
    const struct webhook_target *t;

    LL_FOREACH (w->targets, t)
        if (t->known && webhook_wants(&t->conf, event))
            return true;
    return false;
}

static int
remember(struct fill *f, struct webhook_target *t, uint64_t id, bool dead)
{
    if (f->n_made == f->room_made) {
        size_t room = f->room_made ? 2 * f->room_made : 16;
        struct made *made = reallocarray(f->made, room, sizeof(*made));

        if (!made)
            return JB_ENOMEM;
        f->made = made;
        f->room_made = room;
    }
    f->made[f->n_made++] = (struct made){t, id, dead};
    return 0;
}

/* The last words of the name of a change are the rest of the identity. */
static int
request_from_name(const struct change *c, struct jb_arena *arena, struct request *ret_request)
{
    char *name = jb_arena_dup(arena, c->name, strlen(c->name)), *space;
    const char *parts[3] = {"", "", ""};

    if (!name)
        return JB_ENOMEM;
    for (int i = 2; i >= 0 && (space = strrchr(name, ' ')); i--) {
        *space = '\0';
        parts[i] = space + 1;
    }
    *ret_request = (struct request){.id = c->id,
                                    .model = name,
                                    .revision = parts[0],
                                    .precision = parts[1],
                                    .weight_type = parts[2]};
    return 0;
}

static int
put_delivery(struct fill *f, struct webhook_target *t, struct webhook_event *event)
{
    struct delivery d = {
        .target = t->conf.name, .event = event->event, .body = "{}", .created = f->now};
    int rc;

    if (t->n_items >= WEBHOOK_WAITING_MAX) {
        d.dead = true;
        d.error = "too many were waiting for this target";
    }
    /* The body says the id, which the store gives. */
    rc = store_delivery_put(f->txn, &d);
    if (rc)
        return rc;
    event->delivery = d.id;
    jb_buf_reset(&f->body);
    rc = webhook_body(event, &f->body);
    if (rc)
        return rc;
    d.body = f->body.p;
    rc = store_delivery_put(f->txn, &d);
    return rc ? rc : remember(f, t, d.id, d.dead);
}

static int
put_event(struct fill *f, const struct change *c, const char *name,
          const struct webhook_change *became)
{
    struct jb_arena *arena = f->w->arena;
    struct webhook_event event = {.event = name,
                                  .time = c->time,
                                  .state = became->state,
                                  .failure = became->failure,
                                  .reason = became->reason,
                                  .mount = f->w->d->conf->site.mount};
    struct webhook_target *t;
    struct request request;
    struct job job;
    int rc = store_request_get(f->txn, c->id, arena, &request);

    if (rc == JB_ENOENT)
        rc = request_from_name(c, arena, &request);
    if (rc)
        return rc;
    /* What did not change with the state is as it is. */
    if (!became->failure_said || !became->reason_said) {
        rc = store_job_get(f->txn, c->id, arena, &job);
        if (rc && rc != JB_ENOENT)
            return rc;
        if (!rc && !became->failure_said)
            event.failure = job.failure;
        if (!rc && !became->reason_said)
            event.reason = job.reason;
    }
    event.request = &request;
    LL_FOREACH (f->w->targets, t)
        if (t->known && webhook_wants(&t->conf, name) && (rc = put_delivery(f, t, &event)))
            return rc;
    return 0;
}

static int
each_change(void *ctx, const struct change *c)
{
    struct fill *f = ctx;
    struct webhook_change became = {.state = ""};
    const char *event = NULL;
    int rc = 0;

    if (f->changes == CHANGES_MAX || f->events == EVENTS_MAX)
        return 1;
    f->changes++;
    if (strcmp(c->kind, "job") == 0 && strcmp(c->action, "deleted") != 0)
        rc = webhook_change_read(c, f->w->arena, &became);
    if (!rc)
        event = webhook_event_of(&became);
    if (event && anybody_wants(f->w, event)) {
        if (!f->store) {
            f->found = true;
            return 1;
        }
        f->events++;
        rc = put_event(f, c, event, &became);
    }
    if (!rc)
        f->handled = c->seq;
    jb_arena_reset(f->w->arena);
    return rc;
}

static int
put_places(struct fill *f, bool everybody)
{
    struct webhook_target *t;
    int rc = store_cursor_put(f->txn, WEBHOOK_CURSOR, f->handled);

    if (!rc)
        rc = store_mark_put(f->txn, WEBHOOK_MARK, f->handled + 1);

    LL_FOREACH (f->w->targets, t) {
        char name[STORE_WORD_MAX + 1];
        if (rc || (!t->known && !everybody))
            continue;
        snprintf(name, sizeof(name), WEBHOOK_MARK_TARGET "%s", t->conf.name);
        rc = store_mark_put(f->txn, name, f->handled + 1);
    }
    return rc;
}

/* The oldest dead letters beyond what is kept. ret_n: how many went. */
static int
trim_dead(struct webhooks *w, struct store_txn *txn, size_t more, size_t *ret_n)
{
    size_t n = w->n_dead + more > WEBHOOK_DEAD_MAX ? w->n_dead + more - WEBHOOK_DEAD_MAX : 0;

    if (n > w->n_dead)
        n = w->n_dead;
    for (size_t i = 0; i < n; i++) {
        int rc = store_delivery_delete(txn, w->dead[i]);
        if (rc && rc != JB_ENOENT)
            return rc;
    }
    *ret_n = n;
    return 0;
}

static void
forget_dead(struct webhooks *w, size_t n)
{
    if (!n)
        return;
    jb_log(JB_LOG_WARNING, "webhooks: the oldest %zu dead letters dropped, %d are kept", n,
           WEBHOOK_DEAD_MAX);
    w->n_dead -= n;
    memmove(w->dead, w->dead + n, w->n_dead * sizeof(*w->dead));
}

static int
store_events(struct fill *f, struct jb_error *err)
{
    struct webhooks *w = f->w;
    struct webhook_target *t;
    size_t dead = 0, trimmed = 0;
    int rc = store_begin(w->d->store, STORE_WRITE, "dispatch", err, &f->txn), walked = 0;

    if (rc)
        return rc;
    walked = store_changes_each(f->txn, f->handled, w->arena, each_change, f);
    rc = walked < 0 ? walked : put_places(f, walked == 0);
    for (size_t i = 0; i < f->n_made; i++)
        dead += f->made[i].dead;
    if (!rc)
        rc = trim_dead(w, f->txn, dead, &trimmed);
    if (rc) {
        rc = failed(f->txn, rc, err);
        store_abort(f->txn);
        return rc;
    }
    rc = store_commit(f->txn, err);
    w->d->restart |= rc == JB_EIO;
    if (rc)
        return rc;
    w->handled = f->handled;
    w->stored = f->handled + 1;
    LL_FOREACH (w->targets, t)
        t->known |= walked == 0;
    forget_dead(w, trimmed);
    for (size_t i = 0; i < f->n_made; i++)
        if (f->made[i].dead ? add_dead(w, f->made[i].id)
                            : add_item(f->made[i].target, f->made[i].id, 0))
            w->loaded = false; /* read them when there is memory */
    return 0;
}

/* Is there an event that somebody wants? Moves on to it. */
static int
look_for_events(struct fill *f, struct jb_error *err)
{
    int rc = store_begin(f->w->d->store, STORE_READ, NULL, err, &f->txn);

    if (rc)
        return rc;
    rc = store_changes_each(f->txn, f->handled, f->w->arena, each_change, f);
    if (rc < 0)
        rc = failed(f->txn, rc, err);
    store_abort(f->txn);
    jb_arena_reset(f->w->arena);
    if (rc >= 0)
        f->w->handled = f->handled;
    return rc < 0 ? rc : 0;
}

int
webhook_outbox_fill(struct webhooks *w, int64_t now, bool *ret_more, struct jb_error *err)
{
    struct fill f = {
        .w = w, .now = now, .handled = w->handled, .body = JB_BUF(DELIVERY_BODY_MAX)};
    const struct webhook_target *t;
    bool fresh = false;
    int rc;

    *ret_more = false;
    LL_FOREACH (w->targets, t)
        fresh |= !t->known;
    if (!fresh && w->handled == w->d->seq.change)
        return 0;
    rc = look_for_events(&f, err);
    if (rc)
        return rc;
    *ret_more = f.changes == CHANGES_MAX || f.found;
    if (!f.found && f.changes == CHANGES_MAX && f.handled + 1 - w->stored < LAZY_MAX)
        return 0;
    if (!f.found && !fresh && f.handled + 1 - w->stored < LAZY_MAX)
        return 0;
    f.changes = 0;
    f.store = true;
    rc = store_events(&f, err);
    free(f.made);
    jb_buf_free(&f.body);
    jb_arena_reset(w->arena);
    return rc;
}

static int
settle_one(struct webhooks *w, struct store_txn *txn, struct webhook_target *t, int64_t now,
           struct delivery *d)
{
    const struct conf *conf = w->d->conf;
    uint32_t random = 0;
    int rc;

    if (t->delivered) {
        rc = store_delivery_delete(txn, t->sending);
        return rc == JB_ENOENT ? 0 : rc;
    }
    rc = store_delivery_get(txn, t->sending, w->arena, d);
    if (rc) {
        *d = (struct delivery){0}; /* the operator dropped it meanwhile */
        return rc == JB_ENOENT ? 0 : rc;
    }
    (void)crypto_random(&random, sizeof(random));
    d->attempts++;
    d->error = t->error;
    d->dead = d->attempts > (uint64_t)conf->webhook_retries;
    d->due = now + 1000 * webhook_wait(conf->webhook_retry_first, d->attempts, t->retry_after,
                                       random);
    return store_delivery_put(txn, d);
}

/* The picture in memory, after the commit. */
static void
settled(struct webhooks *w, struct webhook_target *t, const struct delivery *d)
{
    if (t->delivered || !d->id || d->dead)
        drop_item(t, t->sending);
    else
        set_due(t, t->sending, d->due);
    if (!t->delivered && d->id && d->dead) {
        jb_log(JB_LOG_WARNING,
               "webhook \"%s\": delivery %llu is a dead letter after %llu tries: %s",
               t->conf.name, (unsigned long long)d->id, (unsigned long long)d->attempts,
               t->error);
        if (add_dead(w, d->id))
            w->loaded = false;
    }
    t->phase = WEBHOOK_IDLE;
}

int
webhook_outbox_settle(struct webhooks *w, int64_t now, struct jb_error *err)
{
    struct delivery *outcomes = calloc(w->n_targets + 1, sizeof(*outcomes));
    struct store_txn *txn = NULL;
    struct webhook_target *t;
    size_t i = 0, dead = 0, trimmed = 0;
    int rc = 0;

    if (!outcomes)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    LL_FOREACH (w->targets, t) {
        if (!rc && t->phase == WEBHOOK_SETTLING) {
            if (!txn)
                rc = store_begin(w->d->store, STORE_WRITE, "dispatch", err, &txn);
            if (!rc)
                rc = settle_one(w, txn, t, now, &outcomes[i]);
            dead += outcomes[i].dead;
        }
        i++;
    }
    if (!rc && txn)
        rc = trim_dead(w, txn, dead, &trimmed);
    if (rc && txn) {
        rc = failed(txn, rc, err);
        store_abort(txn);
    } else if (txn) {
        rc = store_commit(txn, err);
        w->d->restart |= rc == JB_EIO;
    }
    if (!rc && txn) {
        forget_dead(w, trimmed);
        i = 0;
        LL_FOREACH (w->targets, t) {
            if (t->phase == WEBHOOK_SETTLING)
                settled(w, t, &outcomes[i]);
            i++;
        }
    }
    jb_arena_reset(w->arena);
    free(outcomes);
    return rc;
}
