/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/waits.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* uthash would end the process when memory is out. */
#define HASH_NONFATAL_OOM         1
#define uthash_nonfatal_oom(item) ((item)->lost = true)
#include <uthash.h>
#include <utlist.h>

#define UNREADABLE                                                                             \
    "\"暂时无法读取数据，已接受的内容已经保存，请稍后再来查看。 "  \
    "The data cannot be read at present; what was accepted is stored. Please look again "      \
    "later.\""

struct wait;

/* An event or a run. */
struct waiter {
    UT_hash_handle hh;          /* by key */
    struct waiter *prev, *next; /* of the same wait */
    struct waiter *prev_news, *next_news;
    struct wait *wait; /* NULL: settled */
    int64_t deadline_ms;
    struct waits_run run;
    struct gradio_outcome outcome;
    bool news; /* on that list */
    bool lost;
    char key[GRADIO_ID_SIZE];
};

/* An id that somebody waits for. */
struct wait {
    UT_hash_handle hh; /* by id */
    uint64_t id;
    struct waiter *waiters;
    bool known; /* has been looked at */
    bool told;  /* there is a desc */
    bool lost;
    double progress;
    char desc[WAITS_DESC_MAX];
};

struct waits {
    pthread_mutex_t lock; /* guards what follows */
    struct wait *ids;
    struct waiter *waiters, *news;
    size_t runs;
    uint64_t change_seq; /* of the last look at everything */
    int64_t looked_ms;
};

struct waits *
waits_new(void)
{
    struct waits *w = calloc(1, sizeof(*w));

    if (w)
        pthread_mutex_init(&w->lock, NULL);
    return w;
}

/* --- bookkeeping, under the lock -------------------------------------------------------------
 */

static struct wait *
wait_find(const struct waits *w, uint64_t id)
{
    struct wait *wait = NULL;

    HASH_FIND(hh, w->ids, &id, sizeof(id), wait);
    return wait;
}

/* Off its wait, which ends with the last. */
static void
waiter_leave(struct waits *w, struct waiter *waiter)
{
    struct wait *wait = waiter->wait;

    waiter->wait = NULL;
    DL_DELETE(wait->waiters, waiter);
    if (wait->waiters)
        return;
    HASH_DELETE(hh, w->ids, wait);
    free(wait);
}

static void
waiter_has_news(struct waits *w, struct waiter *waiter)
{
    if (waiter->news)
        return;
    waiter->news = true;
    DL_APPEND2(w->news, waiter, prev_news, next_news);
}

static void
waiter_news_end(struct waits *w, struct waiter *waiter)
{
    if (waiter->news)
        DL_DELETE2(w->news, waiter, prev_news, next_news);
    waiter->news = false;
}

static void
waiter_free(struct waits *w, struct waiter *waiter)
{
    waiter_news_end(w, waiter);
    if (waiter->wait)
        waiter_leave(w, waiter);
    HASH_DELETE(hh, w->waiters, waiter);
    if (waiter->run.outlet)
        w->runs--;
    jb_blob_unref(waiter->outcome.output);
    jb_blob_unref(waiter->run.head);
    free(waiter);
}

void
waits_free(struct waits *w)
{
    if (!w)
        return;
    while (w->waiters)
        waiter_free(w, w->waiters);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* --- who waits -------------------------------------------------------------------------------
 */

/* No event id is like it: they are hex digits. */
static void
run_key(uint64_t outlet, char key[GRADIO_ID_SIZE])
{
    snprintf(key, GRADIO_ID_SIZE, "run:%028" PRIu64, outlet);
}

static int
add(struct waits *w, const char *key, const struct waits_run *run, uint64_t wait_id,
    int64_t deadline_ms, bool *ret_new)
{
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    struct wait *wait, *made = NULL;

    if (!waiter)
        return JB_ENOMEM;
    snprintf(waiter->key, sizeof(waiter->key), "%s", key);
    waiter->deadline_ms = deadline_ms;
    pthread_mutex_lock(&w->lock);
    wait = wait_find(w, wait_id);
    if (!wait && (wait = made = calloc(1, sizeof(*made)))) {
        made->id = wait_id;
        HASH_ADD(hh, w->ids, id, sizeof(made->id), made);
    }
    if (!wait || wait->lost)
        goto no_memory;
    HASH_ADD(hh, w->waiters, key, GRADIO_ID_SIZE - 1, waiter);
    if (waiter->lost) {
        if (made)
            HASH_DELETE(hh, w->ids, made);
        goto no_memory;
    }
    if (run) {
        waiter->run = *run;
        jb_blob_ref(run->head);
        w->runs++;
    }
    waiter->wait = wait;
    DL_APPEND(wait->waiters, waiter);
    if (wait->told && !run)
        waiter_has_news(w, waiter);
    pthread_mutex_unlock(&w->lock);
    *ret_new = made != NULL;
    return 0;

no_memory:
    pthread_mutex_unlock(&w->lock);
    free(made);
    free(waiter);
    return JB_ENOMEM;
}

int
waits_add_event(struct waits *w, const char *event_id, uint64_t wait_id, int64_t deadline_ms,
                bool *ret_new)
{
    return add(w, event_id, NULL, wait_id, deadline_ms, ret_new);
}

int
waits_add_run(struct waits *w, const struct waits_run *run, uint64_t wait_id,
              int64_t deadline_ms, bool *ret_new)
{
    char key[GRADIO_ID_SIZE];

    run_key(run->outlet, key);
    return add(w, key, run, wait_id, deadline_ms, ret_new);
}

static bool
drop(struct waits *w, const char *key)
{
    struct waiter *waiter = NULL;

    pthread_mutex_lock(&w->lock);
    if (strlen(key) == GRADIO_ID_SIZE - 1)
        HASH_FIND(hh, w->waiters, key, GRADIO_ID_SIZE - 1, waiter);
    if (waiter)
        waiter_free(w, waiter);
    pthread_mutex_unlock(&w->lock);
    return waiter != NULL;
}

bool
waits_drop_event(struct waits *w, const char *event_id)
{
    return drop(w, event_id);
}

bool
waits_drop_run(struct waits *w, uint64_t outlet)
{
    char key[GRADIO_ID_SIZE];

    run_key(outlet, key);
    return drop(w, key);
}

bool
waits_take(struct waits *w, struct waits_note *ret_note)
{
    struct waiter *waiter;

    pthread_mutex_lock(&w->lock);
    waiter = w->news;
    if (waiter) {
        *ret_note = (struct waits_note){.run = waiter->run, .settled = !waiter->wait};
        if (!waiter->run.outlet)
            memcpy(ret_note->event, waiter->key, sizeof(ret_note->event));
        if (waiter->wait) {
            memcpy(ret_note->desc, waiter->wait->desc, sizeof(ret_note->desc));
            ret_note->progress = waiter->wait->progress;
            jb_blob_ref(ret_note->run.head);
            waiter_news_end(w, waiter);
        } else {
            ret_note->outcome = waiter->outcome;
            waiter->outcome.output = waiter->run.head = NULL;
            waiter_free(w, waiter);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return waiter != NULL;
}

size_t
waits_runs(struct waits *w)
{
    size_t n;

    pthread_mutex_lock(&w->lock);
    n = w->runs;
    pthread_mutex_unlock(&w->lock);
    return n;
}

/* --- what the store says ---------------------------------------------------------------------
 */

static void
waiter_settle(struct waits *w, struct waiter *waiter, const struct gradio_outcome *outcome)
{
    waiter_leave(w, waiter);
    waiter->outcome = *outcome;
    waiter->outcome.waiting = false;
    jb_blob_ref(outcome->output);
    waiter_has_news(w, waiter);
}

bool
waits_settle(struct waits *w, uint64_t wait_id, const struct gradio_outcome *outcome,
             int64_t until_ms)
{
    struct waiter *waiter, *after;
    struct wait *wait;
    bool any = false;

    pthread_mutex_lock(&w->lock);
    wait = wait_find(w, wait_id);
    /* the wait goes with the last waiter */
    for (waiter = wait ? wait->waiters : NULL; waiter; waiter = after) {
        after = waiter->next;
        if (waiter->deadline_ms > until_ms)
            continue;
        waiter_settle(w, waiter, outcome);
        any = true;
    }
    pthread_mutex_unlock(&w->lock);
    return any;
}

void
waits_settle_all(struct waits *w, const struct gradio_outcome *outcome)
{
    pthread_mutex_lock(&w->lock);
    while (w->ids)
        waiter_settle(w, w->ids->waiters, outcome);
    pthread_mutex_unlock(&w->lock);
}

bool
waits_progress(struct waits *w, uint64_t wait_id, struct jb_str desc, double progress)
{
    struct waiter *waiter;
    struct wait *wait;
    bool any = false;
    size_t n = desc.n;

    if (n >= WAITS_DESC_MAX) /* not in the middle of a character */
        for (n = WAITS_DESC_MAX - 1; n && ((unsigned char)desc.p[n] & 0xc0) == 0x80;)
            n--;
    pthread_mutex_lock(&w->lock);
    wait = wait_find(w, wait_id);
    if (wait && !(wait->told && wait->progress == progress && strlen(wait->desc) == n &&
                  !memcmp(wait->desc, desc.p, n))) {
        wait->told = true;
        wait->progress = progress;
        memcpy(wait->desc, desc.p, n);
        wait->desc[n] = '\0';
        DL_FOREACH (wait->waiters, waiter) {
            if (waiter->run.outlet)
                continue;
            waiter_has_news(w, waiter);
            any = true;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return any;
}

/* An id that somebody waits for, as copied for a look. */
struct wanted {
    uint64_t id;
    int64_t deadline_ms; /* the next one */
    bool fresh;          /* not looked at yet */
};

/* All of them; the array is the caller's to free. JB_ENOMEM. */
static int
copy_ids(struct waits *w, struct wanted **ret_ids, size_t *ret_n)
{
    struct wanted *ids = NULL;
    struct wait *wait, *tmp;
    struct waiter *waiter;
    size_t n = 0;
    int rc = 0;

    pthread_mutex_lock(&w->lock);
    if (w->ids && !(ids = calloc(HASH_COUNT(w->ids), sizeof(*ids))))
        rc = JB_ENOMEM;
    if (ids) {
        HASH_ITER (hh, w->ids, wait, tmp) {
            ids[n] = (struct wanted){wait->id, INT64_MAX, !wait->known};
            wait->known = true;
            DL_FOREACH (wait->waiters, waiter)
                if (waiter->deadline_ms < ids[n].deadline_ms)
                    ids[n].deadline_ms = waiter->deadline_ms;
            n++;
        }
    }
    pthread_mutex_unlock(&w->lock);
    if (rc)
        return rc;
    *ret_ids = ids;
    *ret_n = n;
    return 0;
}

/* Asks the hook; 1: decided. The outcome's output is the caller's to unref. */
static int
ask(const struct waits_hooks *hooks, struct store_txn *txn, uint64_t wait_id, bool expired,
    struct waits_news *ret_news)
{
    memset(ret_news, 0, sizeof(*ret_news));
    ret_news->progress = -1;
    return txn ? hooks->look(hooks->ctx, txn, wait_id, expired, ret_news) : JB_EIO;
}

static bool
look_at(struct waits *w, const struct waits_hooks *hooks, struct store_txn *txn,
        const struct wanted *wanted, int64_t now_ms)
{
    struct waits_news news;
    int64_t until = INT64_MAX;
    int rc = ask(hooks, txn, wanted->id, false, &news);
    bool any = false;

    if (rc <= 0 && wanted->deadline_ms <= now_ms) {
        until = now_ms;
        if (rc == 0)
            rc = ask(hooks, txn, wanted->id, true, &news);
        if (rc < 0) {
            jb_blob_unref(news.outcome.output);
            news.outcome = (struct gradio_outcome){
                .output = jb_blob_new(UNREADABLE, sizeof(UNREADABLE) - 1)};
            rc = 1;
        }
    }
    if (rc > 0)
        any = waits_settle(w, wanted->id, &news.outcome, until);
    else if (rc == 0 && news.desc[0])
        any = waits_progress(w, wanted->id, jb_str(news.desc), news.progress);
    jb_blob_unref(news.outcome.output);
    return any;
}

bool
waits_look(struct waits *w, const struct waits_hooks *hooks, struct store_txn *txn,
           uint64_t change_seq, int64_t now_ms)
{
    struct wanted *ids;
    bool any = false, all;
    size_t n;

    if (copy_ids(w, &ids, &n)) /* tried again in a second */
        return false;
    pthread_mutex_lock(&w->lock);
    all = change_seq != w->change_seq || now_ms - w->looked_ms >= WAITS_LOOK_MS;
    if (all) {
        w->change_seq = change_seq;
        w->looked_ms = now_ms;
    }
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < n; i++)
        if (all || ids[i].fresh || ids[i].deadline_ms <= now_ms)
            any = look_at(w, hooks, txn, &ids[i], now_ms) || any;
    free(ids);
    return any;
}
