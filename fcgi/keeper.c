/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that makes a new site when the store or the settings change. */
#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "fcgi/sources.h"
#include "store/doorbell.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { POLL_MS = 1000, READERS_MS = 60000, RETRY_MS = 10000 };

struct keeper {
    const char *conf_file;
    struct store *store;
    struct sources *first; /* of the start: the store and the threads keep using its settings */
    const char *run_dir;
    char bell_name[32];
    uint64_t app_id;
    int bell, event;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards what follows */
    struct site *site;
    struct sources *sources;
    struct keeper_watch watch;
    bool stopping, reload;
    uint64_t rebuilds, failures;
};

const struct conf *
keeper_conf(const struct keeper *k)
{
    return sources_conf(k->first);
}

struct site *
keeper_site(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    struct site *site = site_ref(k->site);
    pthread_mutex_unlock(&k->lock);
    return site;
}

static void
log_report(const struct settings_report *report)
{
    const char *p = report->text.p;

    for (; p && *p; p = strchr(p, '\n') + 1)
        jb_log(JB_LOG_ERR, "%.*s", (int)strcspn(p, "\n"), p);
}

static bool
rebuild(struct keeper *k, struct sources *sources, struct store_seq *seen)
{
    struct jb_error err = {0};
    struct site *site = NULL, *old = NULL;
    int rc = site_new(sources, k->store, k->site, k->app_id, &err, &site);

    pthread_mutex_lock(&k->lock);
    if (rc == 0) {
        old = k->site;
        k->site = site;
        *seen = site->seq;
        k->rebuilds++;
    } else {
        k->failures++;
    }
    pthread_mutex_unlock(&k->lock);
    if (rc) {
        static struct jb_log_limit limit;
        jb_log_limited(&limit, JB_LOG_ERR,
                       "the board could not be made anew, the old one stays: %s", err.text);
    } else {
        jb_log(JB_LOG_DEBUG, "board made anew: %zu rows in %.1f ms", board_rows(site->board),
               site->build_seconds * 1e3);
    }
    site_unref(old);
    return rc == 0;
}

/* Settings that were used up at the start. */
static void
tell_what_needs_a_restart(const struct conf *first, const struct conf *now)
{
    const struct {
        const char *key;
        bool same;
    } fixed[] = {
        {"store.path", strcmp(first->store.path, now->store.path) == 0},
        {"store.map_size", first->store.map_size <= now->store.map_size}, /* see grow() */
        {"store.max_readers", first->store.max_readers == now->store.max_readers},
        {"run.dir", strcmp(first->run.dir, now->run.dir) == 0},
        {"web.socket", strcmp(first->web.socket, now->web.socket) == 0},
        {"web.socket_group", strcmp(first->web.socket_group, now->web.socket_group) == 0},
        {"web.workers", first->web.workers == now->web.workers},
        {"web.backlog", first->web.backlog == now->web.backlog},
        {"web.receive_timeout", first->web.receive_timeout == now->web.receive_timeout},
        {"web.stop_timeout", first->web.stop_timeout == now->web.stop_timeout},
        {"web.max_connections", first->web.max_connections == now->web.max_connections},
        {"gradio.max_sessions", first->gradio.max_sessions == now->gradio.max_sessions},
        {"gradio.max_events", first->gradio.max_events == now->gradio.max_events},
        {"gradio.max_session_bytes",
         first->gradio.max_session_bytes == now->gradio.max_session_bytes},
        {"gradio.max_total_bytes",
         first->gradio.max_total_bytes == now->gradio.max_total_bytes},
        {"gradio.heartbeat", first->gradio.heartbeat == now->gradio.heartbeat},
        {"gradio.session_expiry", first->gradio.session_expiry == now->gradio.session_expiry},
        {"gradio.close_grace", first->gradio.close_grace == now->gradio.close_grace},
    };

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (!fixed[i].same)
            jb_log(JB_LOG_NOTICE, "reload: %s has changed; a restart makes it so",
                   fixed[i].key);
}

/* A full store gets room without a restart. */
static void
grow(struct keeper *k, const struct conf *now)
{
    struct jb_error err = {0};

    if (store_grow(k->store, now->store.map_size, &err))
        jb_log(JB_LOG_ERR, "reload: store.map_size: %s", err.text);
}

/* What can change without a restart: everything but the sockets, the store and the threads,
 * which were set up from the settings of the start. */
static bool
load_again(struct keeper *k, struct sources **sources)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct sources *fresh;
    int rc = sources_load(k->conf_file, &report, &err, &fresh);

    if (rc) {
        log_report(&report);
        jb_log(JB_LOG_ERR, "reload: %s; the old settings stay",
               err.text[0] ? err.text : "the settings have mistakes");
    } else {
        jb_log_level_set((enum jb_log_level)sources_conf(fresh)->log.level);
        jb_log(JB_LOG_NOTICE, "settings, board file and texts read again");
        tell_what_needs_a_restart(keeper_conf(k), sources_conf(fresh));
        grow(k, sources_conf(fresh));
        sources_unref(*sources);
        *sources = fresh;
    }
    jb_buf_free(&report.text);
    return rc == 0;
}

/* Lets the watcher look, and says whether the site must be made anew. */
static bool
store_changed(struct keeper *k, const struct keeper_watch *watch, const struct store_seq *seen)
{
    struct store_txn *txn = NULL;
    struct store_seq now = {0};
    struct jb_error err = {0};
    int rc = store_begin(k->store, STORE_READ, NULL, &err, &txn);

    if (rc == 0)
        rc = store_seq_get(txn, &now);
    if (watch->look)
        watch->look(watch->ctx, rc == 0 ? txn : NULL, now.change, jb_monotonic_ms());
    store_abort(txn);
    if (rc) {
        static struct jb_log_limit limit;
        jb_log_limited(&limit, JB_LOG_ERR, "the store cannot be read: %s",
                       err.text[0] ? err.text : jb_strerror(rc));
        return false;
    }
    /* An embargo that ends changes what is shown without a change in the store. */
    int64_t embargo = queue_lists_next_embargo(k->site->lists);
    return now.board != seen->board || now.queue != seen->queue ||
           (embargo && embargo <= jb_now_us());
}

static void *
keeper_main(void *arg)
{
    struct keeper *k = arg;
    struct sources *sources = k->sources;
    struct store_seq seen = k->site->seq;
    int64_t last_build = 0, last_readers = jb_monotonic_ms();
    int64_t rest = POLL_MS;
    bool pending = false,
         failed = false; /* sources changed, not yet built; last build failed */

    for (;;) {
        struct pollfd fds[] = {{k->bell, POLLIN, 0}, {k->event, POLLIN, 0}};
        poll(fds, 2, (int)(rest < POLL_MS ? rest : POLL_MS));
        rest = POLL_MS;
        doorbell_clear(k->bell);
        eventfd_t count;
        eventfd_read(k->event, &count);
        pthread_mutex_lock(&k->lock);
        struct keeper_watch watch = k->watch;
        bool stopping = k->stopping, reload = k->reload;
        k->reload = false;
        pthread_mutex_unlock(&k->lock);
        if (stopping)
            break;
        bool changed = reload && load_again(k, &sources);
        changed = store_changed(k, &watch, &seen) || changed || pending;
        int64_t now = jb_monotonic_ms();
        if (now - last_readers > READERS_MS) {
            store_check_readers(k->store);
            last_readers = now;
        }
        if (!changed)
            continue;
        int64_t interval = sources_conf(sources)->web.rebuild_interval;
        failed = failed && !reload;
        if (failed && interval < RETRY_MS)
            interval = RETRY_MS;
        /* A burst of changes makes one rebuild at its end; a stop, a reload and the watcher
         * need not wait for it. */
        pending = now - last_build < interval;
        if (pending) {
            rest = interval - (now - last_build);
            continue;
        }
        failed = !rebuild(k, sources, &seen);
        last_build = jb_monotonic_ms();
    }
    k->sources = sources;
    return NULL;
}

int
keeper_new(const char *conf_file, struct settings_report *report, struct jb_error *err,
           struct keeper **ret_keeper)
{
    struct keeper *k = calloc(1, sizeof(*k));

    if (!k)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    k->conf_file = conf_file;
    k->bell = k->event = -1;
    pthread_mutex_init(&k->lock, NULL);
    int rc = sources_load(conf_file, report, err, &k->sources);
    if (rc == 0) {
        const struct conf *conf = sources_conf(k->sources);
        k->first = sources_ref(k->sources);
        k->run_dir = conf->run.dir;
        rc = crypto_random(&k->app_id, sizeof(k->app_id));
        /* A number that every JSON reader keeps exactly. */
        k->app_id &= ((uint64_t)1 << 52) - 1;
        if (rc == 0)
            rc = store_open(conf, false, err, &k->store);
    }
    if (rc == 0)
        rc = site_new(k->sources, k->store, NULL, k->app_id, err, &k->site);
    if (rc == 0) {
        k->rebuilds = 1;
        snprintf(k->bell_name, sizeof(k->bell_name), "web.%ld", (long)getpid());
        k->bell = doorbell_listen(k->run_dir, k->bell_name, err);
        k->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (k->bell < 0)
            rc = k->bell;
        else if (k->event < 0)
            rc = jb_fail_errno(err, errno, "eventfd");
    }
    if (rc) {
        keeper_free(k);
        return rc;
    }
    int no = pthread_create(&k->thread, NULL, keeper_main, k);
    if (no) {
        keeper_free(k);
        return jb_fail_errno(err, no, "thread");
    }
    k->started = true;
    *ret_keeper = k;
    return 0;
}

void
keeper_reload(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    k->reload = true;
    pthread_mutex_unlock(&k->lock);
    eventfd_write(k->event, 1);
}

void
keeper_wake(struct keeper *k)
{
    eventfd_write(k->event, 1);
}

void
keeper_watch(struct keeper *k, const struct keeper_watch *watch)
{
    pthread_mutex_lock(&k->lock);
    k->watch = *watch;
    pthread_mutex_unlock(&k->lock);
}

void
keeper_stop(struct keeper *k)
{
    if (!k->started)
        return;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_mutex_unlock(&k->lock);
    eventfd_write(k->event, 1);
    pthread_join(k->thread, NULL);
    k->started = false;
}

void
keeper_free(struct keeper *k)
{
    if (!k)
        return;
    site_unref(k->site);
    sources_unref(k->sources);
    if (k->bell >= 0)
        doorbell_close(k->bell, k->run_dir, k->bell_name);
    if (k->event >= 0)
        close(k->event);
    if (k->store)
        store_close(k->store);
    sources_unref(k->first);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

struct store *
keeper_store(struct keeper *k)
{
    return k->store;
}

int
keeper_stat(struct keeper *k, struct keeper_stat *ret_stat)
{
    struct keeper_stat stat = {0};
    struct store_txn *txn;
    struct jb_error err = {0};

    int rc = store_begin(k->store, STORE_READ, NULL, &err, &txn);
    if (rc)
        return rc;
    rc = store_stat_get(txn, &stat.store);
    store_abort(txn);
    pthread_mutex_lock(&k->lock);
    stat.rebuilds = k->rebuilds;
    stat.failures = k->failures;
    pthread_mutex_unlock(&k->lock);
    *ret_stat = stat;
    return rc;
}
