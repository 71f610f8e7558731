/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hub says of the models on the board, asked for again every hub.refresh. Each model
 * has a moment of its own within that time, by its name, so that the questions are spread. Up
 * to which moment everything was asked is a mark in the store, written with what was found.
 */
#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "dispatch/dispatch.h"
#include "dispatch/hub_ask.h"
#include "dispatch/hub_card.h"
#include "dispatch/hub_parse.h"
#include "dispatch/refresh_found.h"
#include "store/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MARK       "refresh" /* of the store: the second up to which all were asked */
#define SECOND     ((int64_t)1000000)
#define MINUTE     (60 * SECOND) /* what was found is written together; a kill loses as much */
#define FOUND_MAX  ((size_t)500) /* and at most so many */
#define PAUSE_US   SECOND        /* between two models */
#define HOLD_MOST  (3600 * SECOND)
#define CARD_MAX   ((size_t)1 << 20)
#define NAMES_MAX  ((size_t)256 << 20)
#define ANSWER_MAX ((size_t)128 << 20)

struct moment {
    const char *model;
    int64_t at; /* microseconds into the interval */
};

struct refresh_task {
    struct dispatch *d;
    int64_t interval; /* microseconds; 0 never */
    /* The round under way: every model once. */
    struct jb_arena *names;
    struct moment *moments; /* by time */
    size_t n, room, next;
    int64_t began;    /* of the round */
    int64_t asked_to; /* up to which moment everything was asked */
    /* The model under way. */
    struct jb_arena *arena;
    struct hub_place place;
    struct http_call *call;
    const char *model;
    const char *failed; /* the hub gave no answer about it once */
    unsigned failures;  /* such answers in a row */
    struct hub_info info;
    /* What was found and is not written. */
    struct refresh_found *found;
    int64_t saved; /* the mark in the store, seconds */
    int64_t flush_at, hold;
};

/* ---- the round ---- */

static uint64_t
hash(const char *text)
{
    uint64_t h = 14695981039346656037u;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    /* The low bits of short names are alike; the moment is taken from all. */
    return h ^ h >> 29;
}

static int
add_name(struct refresh_task *t, const char *model)
{
    if (jb_model_id_check(jb_str(model), NULL) || !strchr(model, '/'))
        return 0; /* an old import, or a row of the board that is no model */
    for (size_t i = 0; i < t->d->conf->submit.builtin.n; i++)
        if (strcmp(model, t->d->conf->submit.builtin.items[i]) == 0)
            return 0;
    if (t->n == t->room) {
        size_t room = t->room ? 2 * t->room : 1024;
        struct moment *moments = reallocarray(t->moments, room, sizeof *moments);
        if (!moments)
            return JB_ENOMEM;
        t->moments = moments;
        t->room = room;
    }
    const char *copy = jb_arena_dup(t->names, model, strlen(model));
    if (!copy)
        return JB_ENOMEM;
    t->moments[t->n++] =
        (struct moment){copy, 1 + (int64_t)(hash(copy) % (uint64_t)(t->interval - 1))};
    return 0;
}

struct walk {
    struct refresh_task *t;
    struct jb_arena *record;
};

static int
add_model(void *ctx, const struct model_info *model)
{
    struct walk *w = ctx;
    int rc = add_name(w->t, model->model);

    jb_arena_reset(w->record);
    return rc;
}

static int
add_result(void *ctx, const struct result *result)
{
    struct walk *w = ctx;
    int rc = add_name(w->t, result->model);

    jb_arena_reset(w->record);
    return rc;
}

static int
by_moment(const void *pa, const void *pb)
{
    const struct moment *a = pa, *b = pb;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return strcmp(a->model, b->model);
}

/* Every model that a record or a result is of, once. */
static int
list_models(struct refresh_task *t, struct jb_error *err)
{
    struct walk walk = {t, jb_arena_new(NAMES_MAX)};
    struct store_txn *txn = NULL;
    size_t kept = 0;
    int rc = walk.record ? store_begin(t->d->store, STORE_READ, NULL, err, &txn) : JB_ENOMEM;

    t->n = t->next = 0;
    jb_arena_reset(t->names);
    if (!rc)
        rc = store_models_each(txn, walk.record, false, add_model, &walk);
    if (!rc)
        rc = store_results_each(txn, walk.record, false, add_result, &walk);
    if (rc)
        jb_fail(err, rc, "%s",
                txn && store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
    store_abort(txn);
    jb_arena_free(walk.record);
    if (rc) {
        t->n = 0;
        return rc;
    }
    if (t->n)
        qsort(t->moments, t->n, sizeof *t->moments, by_moment);
    for (size_t i = 0; i < t->n; i++)
        if (!kept || strcmp(t->moments[kept - 1].model, t->moments[i].model) != 0)
            t->moments[kept++] = t->moments[i];
    t->n = kept;
    return 0;
}

/* The round in which the moment after `asked_to` lies. */
static int
begin_round(struct refresh_task *t, struct jb_error *err)
{
    int rc;

    t->began = t->asked_to / t->interval * t->interval;
    if ((rc = list_models(t, err)))
        return rc;
    while (t->next < t->n && t->began + t->moments[t->next].at <= t->asked_to)
        t->next++;
    return 0;
}

/* Where the store says we were; what is older than one interval is asked once only. */
static int
find_place(struct refresh_task *t, int64_t now, struct jb_error *err)
{
    struct store_txn *txn = NULL;
    uint64_t seconds = 0;
    int rc = store_begin(t->d->store, STORE_READ, NULL, err, &txn);

    if (!rc)
        rc = store_mark_get(txn, MARK, &seconds);
    store_abort(txn);
    if (rc)
        return jb_fail(err, rc, "%s", jb_strerror(rc));
    t->asked_to =
        seconds && seconds < (uint64_t)(now / SECOND) ? (int64_t)seconds * SECOND : now;
    if (t->asked_to < now - t->interval)
        t->asked_to = now - t->interval;
    return begin_round(t, err);
}

/* ---- writing ---- */

static int
flush(struct refresh_task *t, struct jb_error *err)
{
    struct store_txn *txn = NULL;
    size_t changed = 0, n = refresh_found_n(t->found);
    int rc;

    if (!n && t->asked_to / SECOND == t->saved)
        return 0;
    rc = store_begin(t->d->store, STORE_WRITE, "dispatch", err, &txn);
    if (!rc)
        rc = refresh_found_store(t->found, txn, &changed);
    if (!rc)
        rc = store_mark_put(txn, MARK, (uint64_t)(t->asked_to / SECOND));
    if (!txn)
        return rc;
    rc = store_commit(txn, err);
    t->d->restart = t->d->restart || rc == JB_EIO;
    if (rc == 0) {
        refresh_found_clear(t->found);
        t->saved = t->asked_to / SECOND;
        if (n)
            jb_log(JB_LOG_DEBUG, "asked the hub about %zu models, %zu have changed", n,
                   changed);
    }
    return rc;
}

/* ---- one model ---- */

/* A minute, or less when the whole round is short. */
static int64_t
short_time(const struct refresh_task *t)
{
    return t->interval / 10 < MINUTE ? t->interval / 10 : MINUTE;
}

static void
pass(struct refresh_task *t)
{
    t->asked_to = t->began + t->moments[t->next].at;
    t->next++;
    t->failed = NULL;
}

/* The hub has answered. */
static void
done(struct refresh_task *t)
{
    pass(t);
    t->failures = 0;
    t->model = NULL;
}

/* Waits, longer each time in a row, and asks again; a model that is alone in that is left out
 * of this round at its second try. */
static void
later(struct refresh_task *t, const char *reason, int64_t after)
{
    static struct jb_log_limit limit;
    int64_t wait = short_time(t);

    jb_log_limited(&limit, JB_LOG_WARNING, "%s: the hub is to be asked again: %s", t->model,
                   reason ? reason : "");
    for (unsigned i = 0; i < t->failures && wait < HOLD_MOST; i++)
        wait *= 2;
    if (after > wait / 1000)
        wait = after < HOLD_MOST / 1000 ? after * 1000 : HOLD_MOST;
    t->hold = jb_now_us() + (wait < HOLD_MOST ? wait : HOLD_MOST);
    t->failures++;
    if (t->model == t->failed)
        pass(t);
    else
        t->failed = t->model;
    t->model = NULL;
}

static void
keep(struct refresh_task *t, const struct refresh_fact *fact)
{
    if (refresh_found_add(t->found, fact, jb_now_us(), t->interval))
        later(t, "out of memory", -1);
    else
        done(t);
}

static void
on_card(void *ctx, const struct http_answer *a)
{
    struct refresh_task *t = ctx;
    struct refresh_fact fact = {
        .model = t->model, .there = true, .likes = t->info.likes, .license = t->info.license};
    const char *reason;
    struct hub_card card;

    t->call = NULL;
    switch (hub_said(&t->place, a, true, t->arena, &reason)) {
    case HUB_LATER: later(t, reason, a->retry_after); return;
    case HUB_YES:
        card = hub_card_read(a->body);
        fact.tagged = true;
        fact.n_tags = hub_tags(&card, t->info.tag_merge, t->info.tag_moe, t->model, fact.tags);
        break;
    default: break; /* its tags stay as they are */
    }
    keep(t, &fact);
}

static void
ask(struct refresh_task *t, const char *url, size_t most, bool head,
    void (*answered)(void *ctx, const struct http_answer *answer))
{
    struct http_request request = t->place.request;
    struct jb_error err = {0};

    request.url = url;
    request.head = head;
    request.max_bytes = most < request.max_bytes || head ? most : request.max_bytes;
    request.done = answered;
    request.ctx = t;
    if (!url)
        later(t, "out of memory", -1);
    else if (http_start(t->place.http, &request, &err, &t->call))
        later(t, err.text, -1);
}

/* Gated models of these stay on the hub whatever it says to us. */
static bool
is_known_to_stay(const char *model)
{
    static const char *const owners[] = {"meta-llama/", "google/", "tiiuae/"};

    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        if (strncmp(model, owners[i], strlen(owners[i])) == 0)
            return true;
    return false;
}

static void
on_info(void *ctx, const struct http_answer *a)
{
    struct refresh_task *t = ctx;
    struct refresh_fact fact = {.model = t->model, .there = true, .likes = NAN, .license = ""};
    struct jb_error err = {0};
    const char *reason;
    int rc;

    t->call = NULL;
    switch (hub_said(&t->place, a, false, t->arena, &reason)) {
    case HUB_YES: break;
    case HUB_LATER: later(t, reason, a->retry_after); return;
    case HUB_NO_REPO:
        fact.there = is_known_to_stay(t->model);
        keep(t, &fact);
        return;
    case HUB_GATED:
    case HUB_NO_REVISION: keep(t, &fact); return;
    default: done(t); return;
    }
    rc = hub_info_parse(a->body, t->arena, &err, &t->info);
    if (rc == JB_EPARSE || rc == JB_ENOMEM) {
        later(t, err.text, -1);
    } else if (rc || (strcasecmp(t->info.id, t->model) != 0 && !a->redirects)) {
        jb_log(JB_LOG_INFO, "%s: the hub's answer is of no use: %s", t->model,
               rc ? err.text : "it is about another model");
        done(t);
    } else if (t->info.disabled || t->info.private_) {
        fact.there = false;
        keep(t, &fact);
    } else if (hub_has_file(&t->info, "README.md")) {
        ask(t, hub_file_url(&t->place, t->arena, t->info.id, t->info.commit, "README.md"),
            CARD_MAX, true, on_card);
    } else {
        static const struct hub_card none = {0};
        fact.likes = t->info.likes;
        fact.license = t->info.license;
        fact.tagged = true;
        fact.n_tags = hub_tags(&none, t->info.tag_merge, t->info.tag_moe, t->model, fact.tags);
        keep(t, &fact);
    }
}

static void
begin_model(struct refresh_task *t)
{
    struct dispatch *d = t->d;

    t->model = t->moments[t->next].model;
    jb_arena_reset(t->arena);
    if (hub_place_copy(d->http, d->conf, d->hub_url, d->hub_token, t->arena, &t->place)) {
        later(t, "out of memory", -1);
        return;
    }
    ask(t, hub_info_url(&t->place, t->arena, t->model, "main"), SIZE_MAX, false, on_info);
}

/* ---- the task ---- */

static int64_t
failed(struct refresh_task *t, int64_t now, const struct jb_error *err)
{
    static struct jb_log_limit limit;

    jb_log_limited(&limit, JB_LOG_ERR, "models cannot be refreshed: %s", err->text);
    return t->hold = now + MINUTE;
}

static int64_t
refresh_run(void *task, int64_t now)
{
    struct refresh_task *t = task;
    struct jb_error err = {0};
    int64_t wait = short_time(t);

    if (!t->interval)
        return INT64_MAX;
    if (t->hold > now + HOLD_MOST) /* the clock was set back */
        t->hold = 0;
    if (now < t->hold)
        return t->hold;
    if (!t->asked_to || t->asked_to > now + t->interval) {
        if (find_place(t, now, &err))
            return failed(t, now, &err);
        t->flush_at = now + wait;
    }
    if (now >= t->flush_at || t->flush_at > now + MINUTE ||
        refresh_found_n(t->found) >= FOUND_MAX) {
        if (flush(t, &err))
            return failed(t, now, &err);
        t->flush_at = now + wait;
    }
    if (t->call)
        return t->flush_at;
    if (t->next == t->n) {
        if (now < t->began + t->interval)
            return t->flush_at;
        t->asked_to = t->began + t->interval;
        if (begin_round(t, &err))
            return failed(t, now, &err);
    }
    if (t->next < t->n) {
        int64_t at = t->began + t->moments[t->next].at;
        if (now < at)
            return at < t->flush_at ? at : t->flush_at;
        /* Those whose time is long past follow one another at once, others with a pause. */
        bool overdue = now - at > t->interval / 10;
        begin_model(t);
        if (!overdue && t->hold < now + PAUSE_US)
            t->hold = now + PAUSE_US;
    }
    return t->flush_at;
}

static void
refresh_reload(void *task)
{
    struct refresh_task *t = task;
    int64_t interval = t->d->conf->hub.refresh * 1000;

    if (t->interval == interval)
        return;
    if (t->call)
        http_cancel(t->call);
    t->call = NULL;
    t->model = NULL;
    t->interval = interval;
    t->failed = NULL;
    t->failures = 0;
    t->asked_to = t->hold = 0;
    t->n = t->next = 0;
}

static void
refresh_stop(void *task)
{
    struct refresh_task *t = task;
    struct jb_error err = {0};

    if (t->call)
        http_cancel(t->call);
    if (t->found && refresh_found_n(t->found) && flush(t, &err))
        jb_log(JB_LOG_WARNING, "what the hub said of models is not stored: %s", err.text);
    refresh_found_free(t->found);
    free(t->moments);
    jb_arena_free(t->names);
    jb_arena_free(t->arena);
    free(t);
}

static void *
refresh_start(struct dispatch *d, struct jb_error *err)
{
    struct refresh_task *t = calloc(1, sizeof *t);

    if (t) {
        t->d = d;
        t->interval = d->conf->hub.refresh * 1000;
        t->names = jb_arena_new(NAMES_MAX);
        t->arena = jb_arena_new(ANSWER_MAX);
        t->found = refresh_found_new();
        if (t->names && t->arena && t->found)
            return t;
        refresh_stop(t);
    }
    jb_fail(err, JB_ENOMEM, "out of memory");
    return NULL;
}

const struct dispatch_task dispatch_refresh = {
    .name = "refresh",
    .start = refresh_start,
    .run = refresh_run,
    .reload = refresh_reload,
    .stop = refresh_stop,
};
