/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/webhook.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define ANSWER_MAX   ((size_t)4 << 10) /* of which nothing is used */
#define TIMEOUT_MOST (30 * 1000)       /* ms */
#define WAIT_FIRST   (1000 * 1000)
#define WAIT_MOST    (60 * 1000 * 1000)
/* Further away than any wait: the clock was set back. */
#define DUE_MOST     (2 * 1000 * WEBHOOK_WAIT_MOST)

static void
webhook_stop(void *task)
{
    struct webhooks *w = task;

    webhook_targets_free(w);
    jb_arena_free(w->arena);
    free(w->dead);
    free(w);
}

static void *
webhook_start(struct dispatch *d, struct jb_error *err)
{
    struct webhooks *w = calloc(1, sizeof(*w));

    if (!w || !(w->arena = jb_arena_new((size_t)64 << 20))) {
        free(w);
        jb_fail(err, JB_ENOMEM, "webhooks: out of memory");
        return NULL;
    }
    w->d = d;
    if (webhook_targets_take(w, d->conf, err)) {
        webhook_stop(w);
        return NULL;
    }
    return w;
}

static void
webhook_reload(void *task)
{
    struct webhooks *w = task;
    struct jb_error err = {0};

    if (webhook_targets_take(w, w->d->conf, &err))
        jb_log(JB_LOG_ERR, "%s; the webhooks of before stay", err.text);
    w->not_before = 0;
}

static void
complain(struct webhook_target *t)
{
    jb_log_limited(&t->complaints, JB_LOG_NOTICE, "webhook \"%s\": delivery %llu: %s",
                   t->conf.name, (unsigned long long)t->sending, t->error);
}

static void
answered(void *ctx, const struct http_answer *a)
{
    struct webhook_target *t = ctx;

    t->call = NULL;
    t->phase = WEBHOOK_SETTLING;
    /* An answer that is too long is one all the same. */
    t->delivered = a->outcome == HTTP_ANSWERED && a->status >= 200 && a->status < 300;
    t->retry_after = a->retry_after;
    if (t->delivered)
        return;
    if (a->outcome == HTTP_ANSWERED)
        snprintf(t->error, sizeof(t->error), "answered %d", a->status);
    else
        snprintf(t->error, sizeof(t->error), "%.*s", (int)sizeof(t->error) - 1, a->reason);
    /* Cut within a character? */
    t->error[jb_utf8_valid(t->error, strlen(t->error))] = '\0';
    complain(t);
}

static int
start_call(struct webhooks *w, struct webhook_target *t, const struct delivery *d,
           struct jb_error *err)
{
    char signature[WEBHOOK_SIGNATURE_SIZE];
    const char *lines[5];
    struct http_request request;
    int64_t timestamp = jb_now_us() / 1000000;
    struct jb_str body = jb_str(d->body);
    int rc = webhook_sign(t->key, timestamp, body, signature);

    if (rc)
        return jb_fail(err, rc, "%s", jb_strerror(rc));
    lines[0] = "Content-Type: application/json";
    lines[1] = jb_arena_printf(w->arena, "X-Jinbang-Event: %s", d->event);
    lines[2] = jb_arena_printf(w->arena, "X-Jinbang-Delivery: %" PRIu64, d->id);
    lines[3] = jb_arena_printf(w->arena, "X-Jinbang-Timestamp: %" PRId64, timestamp);
    lines[4] = jb_arena_printf(w->arena, "X-Jinbang-Signature: %s", signature);
    for (size_t i = 0; i < 5; i++)
        if (!lines[i])
            return jb_fail(err, JB_ENOMEM, "out of memory");
    http_request_init(&request, w->d->conf);
    request.method = "POST";
    request.url = t->conf.url;
    request.body = body;
    request.headers = lines;
    request.n_headers = 5;
    request.proxy = NULL; /* it is the hub's */
    request.redirect_hosts = NULL;
    request.n_redirect_hosts = 0;
    request.max_redirects = 0;
    if (request.timeout > TIMEOUT_MOST)
        request.timeout = TIMEOUT_MOST;
    request.max_bytes = ANSWER_MAX;
    request.head = true;
    request.done = answered;
    request.ctx = t;
    return http_start(w->d->http, &request, err, &t->call);
}

/* One try. A request that cannot even be made is a failed one. */
static int
send_one(struct webhooks *w, struct webhook_target *t, uint64_t id, struct jb_error *err)
{
    struct store_txn *txn;
    struct delivery d;
    struct jb_error why = {0};
    int rc = store_begin(w->d->store, STORE_READ, NULL, err, &txn);

    if (rc)
        return rc;
    rc = store_delivery_get(txn, id, w->arena, &d);
    if (rc && rc != JB_ENOENT)
        jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    store_abort(txn);
    if (rc == JB_ENOENT || (!rc && d.dead)) {
        w->loaded = false; /* the operator was faster */
        rc = 0;
    } else if (!rc) {
        rc = start_call(w, t, &d, &why);
        if (rc == JB_ENOMEM) {
            jb_fail(err, rc, "%s", why.text);
        } else {
            t->sending = id;
            t->phase = rc ? WEBHOOK_SETTLING : WEBHOOK_SENDING;
        }
        if (rc && rc != JB_ENOMEM) {
            t->delivered = false;
            t->retry_after = -1;
            snprintf(t->error, sizeof(t->error), "%.200s", why.text);
            t->error[jb_utf8_valid(t->error, strlen(t->error))] = '\0';
            complain(t);
            rc = 0;
        }
    }
    jb_arena_reset(w->arena);
    return rc;
}

/* What is due and oldest; when something is, later. */
static const struct webhook_item *
pick(const struct webhook_target *t, int64_t now, int64_t *next)
{
    const struct webhook_item *item;

    DL_FOREACH (t->items, item) {
        if (item->due <= now || item->due > now + DUE_MOST)
            return item;
        if (item->due < *next)
            *next = item->due;
    }
    return NULL;
}

static int
work(struct webhooks *w, int64_t now, int64_t *next, struct jb_error *err)
{
    struct webhook_target *t;
    bool more = false;
    int rc = webhook_outbox_settle(w, now, err);

    if (!rc)
        rc = webhook_outbox_read(w, err);
    if (!rc)
        rc = webhook_outbox_fill(w, now, &more, err);
    LL_FOREACH (w->targets, t) {
        const struct webhook_item *item =
            rc || t->phase != WEBHOOK_IDLE ? NULL : pick(t, now, next);
        if (item)
            rc = send_one(w, t, item->id, err);
        if (t->phase == WEBHOOK_SETTLING)
            more = true;
    }
    if (more || !w->loaded)
        *next = now;
    return rc;
}

/* Targets that come later start from then: without any, there is no place. */
static int
forget_place(struct webhooks *w, struct jb_error *err)
{
    struct store_txn *txn;
    uint64_t stored = 0;
    int rc;

    if (w->placed)
        return 0;
    rc = store_begin(w->d->store, STORE_READ, NULL, err, &txn);
    if (rc)
        return rc;
    rc = store_mark_get(txn, WEBHOOK_MARK, &stored);
    store_abort(txn);
    if (!rc && stored) {
        rc = store_begin(w->d->store, STORE_WRITE, "dispatch", err, &txn);
        if (rc)
            return rc;
        store_mark_put(txn, WEBHOOK_MARK, 0);
        rc = store_commit(txn, err);
    }
    if (!rc) {
        w->placed = true;
        w->handled = w->stored = 0;
    }
    return rc;
}

static int64_t
webhook_run(void *task, int64_t now)
{
    struct webhooks *w = task;
    struct jb_error err = {0};
    int64_t next = INT64_MAX;
    int rc;

    if (w->not_before > now + WAIT_MOST) /* the clock was set back */
        w->not_before = 0;
    if (now < w->not_before)
        return w->not_before;
    rc = w->targets ? work(w, now, &next, &err) : forget_place(w, &err);
    if (!rc) {
        w->wait = 0;
        return next;
    }
    w->wait = w->wait ? 2 * w->wait : WAIT_FIRST;
    if (w->wait > WAIT_MOST)
        w->wait = WAIT_MOST;
    jb_log(JB_LOG_ERR, "webhooks: %s; next try in %lld s", err.text,
           (long long)(w->wait / 1000000));
    return w->not_before = now + w->wait;
}

const struct dispatch_task dispatch_webhooks = {
    .name = "webhooks",
    .start = webhook_start,
    .run = webhook_run,
    .reload = webhook_reload,
    .stop = webhook_stop,
};

int
webhook_check(const struct conf *conf, struct jb_error *err)
{
    struct webhooks w = {0};
    int rc = webhook_targets_take(&w, conf, err);

    webhook_targets_free(&w);
    return rc;
}
