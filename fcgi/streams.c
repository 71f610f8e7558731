/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/streams.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "fcgi/response.h"
#include "gradio/call.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { QUEUE_SIZE = 8192, EVENTS_AT_ONCE = 256 };

/* A join that waits until its client has seen the close_stream before it. */
struct waiting_join {
    struct streams_task task;
    int64_t due_ms;
    struct waiting_join *next;
};

struct streams {
    struct streams_hooks hooks;
    struct sessions *sessions;
    struct outlets *outlets;
    struct waits *waits;
    size_t max_waiting;
    bool stopped; /* what waited was told */
    struct waiting_join *waiting;
    int epoll, event;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    struct streams_task *queue;
    size_t head, count;
    bool stopping;
    int64_t deadline_ms;
    struct sessions_stat stat;
};

static void
sink_send(void *ctx, uint64_t id, struct jb_blob *bytes)
{
    struct streams *s = ctx;

    outlets_send(s->outlets, id, bytes);
}

static void
sink_end(void *ctx, uint64_t id)
{
    struct streams *s = ctx;

    outlets_end(s->outlets, id);
}

static void
sink_unwaited(void *ctx, const char *event_id, uint64_t wait_id)
{
    struct streams *s = ctx;
    (void)wait_id;

    waits_drop_event(s->waits, event_id);
}

static void
on_done(void *ctx, int fd, bool keep)
{
    struct streams *s = ctx;

    s->hooks.done(s->hooks.ctx, fd, keep);
}

static void
on_gone(void *ctx, uint64_t id)
{
    struct streams *s = ctx;

    if (!waits_drop_run(s->waits, id))
        sessions_gone(s->sessions, id, jb_monotonic_ms());
}

static void
answer_json(struct streams *s, const struct streams_task *t, int status, struct jb_str json)
{
    char line[128];
    int n = snprintf(
        line, sizeof(line),
        "Status: %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n", status,
        status == 200   ? "OK"
        : status == 503 ? "Service Unavailable"
                        : "Error",
        json.n);
    struct jb_str parts[] = {{line, (size_t)n},
                             {t->head ? t->head->p : "", t->head ? t->head->n : 0},
                             JB_STR("\r\n"),
                             json};

    outlets_answer(s->outlets, &t->exchange, parts, 4);
    s->hooks.answered(s->hooks.ctx, t->kind, status);
}

static void
put_detail(struct jb_buf *out, const char *text)
{
    struct jb_json j;

    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_ktext(&j, "detail", text);
    jb_json_end(&j);
}

/* An event of the machine waits from now on. */
static void
wait_for(struct streams *s, const char *event_id, const struct gradio_outcome *outcome,
         int64_t now)
{
    static const char full[] = "\"Queue is full.\"";
    bool fresh = false;

    if (waits_add_event(s->waits, event_id, outcome->wait_id, outcome->deadline_ms, &fresh)) {
        struct gradio_outcome failed = {.output = jb_blob_new(full, sizeof(full) - 1)};

        sessions_settle(s->sessions, event_id, &failed, now);
        jb_blob_unref(failed.output);
    }
    if (fresh)
        s->hooks.waits(s->hooks.ctx);
}

static void
run_join(struct streams *s, const struct streams_task *t, int64_t now)
{
    char event_id[GRADIO_ID_SIZE];
    char body[1200];
    struct jb_error err = {0};
    int rc;

    if (t->kind == STREAMS_JOIN)
        rc = sessions_join(s->sessions, jb_str(t->name), t->prefixed, t->fn_index, &t->outcome,
                           now, &err, event_id);
    else
        rc = sessions_call(s->sessions, t->prefixed, t->fn_index, &t->outcome, now, &err,
                           event_id);
    if (rc == 0) {
        int n = snprintf(body, sizeof(body), "{\"event_id\":\"%s\"}", event_id);
        answer_json(s, t, 200, (struct jb_str){body, (size_t)n});
        if (t->outcome.waiting)
            wait_for(s, event_id, &t->outcome, now);
        return;
    }
    struct jb_buf b = JB_BUF(4096);
    put_detail(&b, err.text[0] ? err.text : jb_strerror(rc));
    answer_json(s, t, jb_error_status(rc), jb_buf_view(&b));
    jb_buf_free(&b);
}

/* The answer to a synchronous call that has waited. `body` is taken; NULL: no memory. */
static void
answer_run(struct streams *s, const struct waits_run *run, int status, struct jb_blob *body)
{
    struct jb_buf head = JB_BUF(8192);

    jb_buf_printf(&head,
                  "Status: %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
                  status, http_reason(status), body ? body->n : 0);
    jb_buf_put(&head, run->head->p, run->head->n);
    jb_buf_puts(&head, "\r\n");
    struct jb_blob *blob = body ? jb_blob_from_buf(&head) : NULL;
    if (blob) {
        outlets_send(s->outlets, run->outlet, blob);
        outlets_send(s->outlets, run->outlet, body);
    } else { /* nginx makes a 502 of it */
        jb_buf_free(&head);
        jb_blob_unref(body);
    }
    outlets_end(s->outlets, run->outlet);
    s->hooks.answered(s->hooks.ctx, STREAMS_RUN, status);
}

static void
settle_run(struct streams *s, const struct waits_run *run, const struct gradio_outcome *outcome,
           int64_t now)
{
    struct gradio_answer answer = {.fn_index = run->fn_index, .outcome = *outcome};
    struct jb_buf b = JB_BUF((size_t)1 << 30);
    int status = 500;

    gradio_run_body(&answer, run->prefixed, (double)(now - run->since_ms) / 1e3, &b, &status);
    answer_run(s, run, status, jb_blob_from_buf(&b));
}

static void
run_wait(struct streams *s, const struct streams_task *t, int64_t now)
{
    struct waits_run run = {.outlet = outlets_open(s->outlets, &t->exchange),
                            .head = t->head,
                            .prefixed = t->prefixed,
                            .fn_index = t->fn_index,
                            .since_ms = now};
    struct gradio_outcome restarts = {0};
    struct jb_buf b = JB_BUF(4096);
    bool fresh = false;

    if (!run.outlet)
        return;
    if (s->stopped) {
        restarts.output = jb_blob_new(GRADIO_RESTARTS, sizeof(GRADIO_RESTARTS) - 1);
        settle_run(s, &run, &restarts, now);
        jb_blob_unref(restarts.output);
        return;
    }
    if (waits_runs(s->waits) >= s->max_waiting ||
        waits_add_run(s->waits, &run, t->outcome.wait_id, t->outcome.deadline_ms, &fresh)) {
        put_detail(&b, "Queue is full.");
        answer_run(s, &run, 503, jb_blob_from_buf(&b));
        return;
    }
    if (fresh)
        s->hooks.waits(s->hooks.ctx);
}

/* Hands on what the store has said. */
static void
run_news(struct streams *s, int64_t now)
{
    struct waits_note note;

    while (waits_take(s->waits, &note)) {
        if (note.settled && note.run.outlet)
            settle_run(s, &note.run, &note.outcome, now);
        else if (note.settled)
            sessions_settle(s->sessions, note.event, &note.outcome, now);
        else
            sessions_progress(s->sessions, note.event, jb_str(note.desc), note.progress);
        jb_blob_unref(note.outcome.output);
        jb_blob_unref(note.run.head);
    }
}

/* Events and runs hear that the server restarts. */
static void
run_stop(struct streams *s, int64_t now)
{
    struct gradio_outcome restarts = {
        .output = jb_blob_new(GRADIO_RESTARTS, sizeof(GRADIO_RESTARTS) - 1)};

    s->stopped = true;
    sessions_stop(s->sessions, now);
    waits_settle_all(s->waits, &restarts);
    jb_blob_unref(restarts.output);
    run_news(s, now);
}

static void
run_open(struct streams *s, const struct streams_task *t, int64_t now)
{
    uint64_t id = outlets_open(s->outlets, &t->exchange);

    if (!id)
        return;
    if (t->head)
        outlets_send(s->outlets, id, jb_blob_ref(t->head));
    if (t->kind == STREAMS_DATA)
        sessions_open(s->sessions, jb_str(t->name), t->prefixed, id, now);
    else if (t->kind == STREAMS_CALL_DATA)
        sessions_call_open(s->sessions, jb_str(t->event), t->prefixed, id, now);
    else
        sessions_heartbeat(s->sessions, id, now);
}

/* True when the join is kept for later, with all that it owns. */
static bool
wait_with_join(struct streams *s, const struct streams_task *t, int64_t now)
{
    int64_t due =
        t->kind == STREAMS_JOIN ? sessions_join_from(s->sessions, jb_str(t->name)) : 0;
    struct waiting_join *w = due > now ? malloc(sizeof(*w)) : NULL;

    if (!w)
        return false;
    *w = (struct waiting_join){*t, due, s->waiting};
    s->waiting = w;
    return true;
}

static void
run_task(struct streams *s, struct streams_task *t, int64_t now)
{
    if (wait_with_join(s, t, now))
        return;
    switch (t->kind) {
    case STREAMS_FLUSH: outlets_rest(s->outlets, &t->exchange, t->output); break;
    case STREAMS_JOIN:
    case STREAMS_CALL: run_join(s, t, now); break;
    case STREAMS_CANCEL:
        sessions_cancel(s->sessions, jb_str(t->name), jb_str(t->event), now);
        answer_json(s, t, 200, JB_STR("{\"success\":true}"));
        break;
    case STREAMS_DATA:
    case STREAMS_CALL_DATA:
    case STREAMS_HEARTBEAT: run_open(s, t, now); break;
    case STREAMS_RUN: run_wait(s, t, now); break;
    }
    jb_blob_unref(t->outcome.output);
    jb_blob_unref(t->head);
}

/* Runs the joins whose time has come; returns when the next one's comes. */
static int64_t
run_waiting(struct streams *s, int64_t now)
{
    int64_t next = INT64_MAX;

    for (struct waiting_join **at = &s->waiting; *at;) {
        struct waiting_join *w = *at;
        if (w->due_ms > now) {
            next = w->due_ms < next ? w->due_ms : next;
            at = &w->next;
            continue;
        }
        *at = w->next;
        run_task(s, &w->task, now);
        free(w);
    }
    return next;
}

/* For what was still queued when the thread ended. */
static void
drop_task(struct streams *s, struct streams_task *t)
{
    output_free(t->kind == STREAMS_FLUSH ? t->output : NULL);
    jb_blob_unref(t->outcome.output);
    jb_blob_unref(t->head);
    close(t->exchange.fd);
    s->hooks.done(s->hooks.ctx, t->exchange.fd, false);
}

/* Empties the queue into `tasks`. */
static size_t
take_tasks(struct streams *s, struct streams_task *tasks, bool *ret_stopping, size_t *ret_left)
{
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    while (s->count && n < EVENTS_AT_ONCE) {
        tasks[n++] = s->queue[s->head];
        s->head = (s->head + 1) % QUEUE_SIZE;
        s->count--;
    }
    /* What did not fit waits for the next turn of the loop. */
    if (!s->count) {
        eventfd_t count;
        eventfd_read(s->event, &count);
    }
    *ret_stopping = s->stopping;
    *ret_left = s->count;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static int
wait_ms(int64_t next, int64_t now, bool stopping)
{
    if (stopping)
        return 10;
    if (next <= now)
        return 0;
    return next - now > 60000 ? 60000 : (int)(next - now);
}

static void *
streams_main(void *arg)
{
    struct streams *s = arg;
    struct epoll_event events[EVENTS_AT_ONCE];
    struct streams_task *tasks = malloc(EVENTS_AT_ONCE * sizeof(*tasks));
    bool stopping = false;
    size_t left = 0;

    while (tasks) {
        int64_t now = jb_monotonic_ms();
        int64_t join = run_waiting(s, now);
        int64_t next = sessions_tick(s->sessions, now);
        next = join < next ? join : next;
        outlets_flush(s->outlets);
        pthread_mutex_lock(&s->lock);
        sessions_stat_get(s->sessions, &s->stat);
        pthread_mutex_unlock(&s->lock);
        if (stopping && ((outlets_empty(s->outlets) && !left) || now >= s->deadline_ms))
            break;
        int n = epoll_wait(s->epoll, events, EVENTS_AT_ONCE, wait_ms(next, now, stopping));
        now = jb_monotonic_ms();
        bool rung = n < 0;
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 == 0)
                rung = true;
            else
                outlets_event(s->outlets, events[i].data.u64, events[i].events);
        }
        if (rung) {
            size_t got = take_tasks(s, tasks, &stopping, &left);
            for (size_t i = 0; i < got; i++)
                run_task(s, &tasks[i], now);
        }
        run_news(s, now);
        if (stopping && !s->stopped)
            run_stop(s, now);
        /* What is due at once, close_stream above all, goes out with what it follows. */
        sessions_tick(s->sessions, now);
        outlets_flush(s->outlets);
    }
    free(tasks);
    return NULL;
}

int
streams_new(const struct conf *conf, const struct streams_hooks *hooks, struct jb_error *err,
            struct streams **ret_streams)
{
    struct streams *s = calloc(1, sizeof(*s));
    struct sessions_limits limits = {
        .max_sessions = (size_t)conf->gradio.max_sessions,
        .max_events = (size_t)conf->gradio.max_events,
        .max_session_bytes = (size_t)conf->gradio.max_session_bytes,
        .max_total_bytes = (size_t)conf->gradio.max_total_bytes,
        .heartbeat_ms = conf->gradio.heartbeat,
        .expiry_ms = conf->gradio.session_expiry,
        .join_gap_ms = conf->gradio.join_gap,
        .close_grace_ms = conf->gradio.close_grace,
        .linger_ms = conf->gradio.session_linger,
    };

    if (!s)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    s->hooks = *hooks;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->queue = calloc(QUEUE_SIZE, sizeof(*s->queue));
    s->outlets = outlets_new(s->epoll, (size_t)conf->gradio.max_session_bytes,
                             &(struct outlets_hooks){s, on_done, on_gone});
    struct sessions_sink sink = {s, sink_send, sink_end, sink_unwaited};
    s->sessions = sessions_new(&limits, &sink);
    s->waits = waits_new();
    s->max_waiting = limits.max_events;
    pthread_mutex_init(&s->lock, NULL);
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 0};
    int rc = 0;
    if (!s->queue || !s->outlets || !s->sessions || !s->waits)
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    else if (s->epoll < 0 || s->event < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->event, &ev))
        rc = jb_fail_errno(err, errno, "epoll");
    else if ((rc = pthread_create(&s->thread, NULL, streams_main, s)))
        rc = jb_fail_errno(err, rc, "thread");
    if (rc) {
        streams_free(s);
        return rc;
    }
    *ret_streams = s;
    return 0;
}

bool
streams_post(struct streams *s, const struct streams_task *task)
{
    pthread_mutex_lock(&s->lock);
    bool ok = s->count < QUEUE_SIZE && !s->stopping;
    bool ring = ok && s->count == 0;
    if (ok) {
        s->queue[(s->head + s->count) % QUEUE_SIZE] = *task;
        s->count++;
    }
    pthread_mutex_unlock(&s->lock);
    if (ring)
        eventfd_write(s->event, 1);
    return ok;
}

void
streams_look(struct streams *s, struct store_txn *txn, uint64_t change_seq, int64_t now_ms)
{
    if (s->hooks.look.look && waits_look(s->waits, &s->hooks.look, txn, change_seq, now_ms))
        eventfd_write(s->event, 1);
}

void
streams_stop(struct streams *s, int64_t deadline_ms)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    s->deadline_ms = deadline_ms;
    pthread_mutex_unlock(&s->lock);
    eventfd_write(s->event, 1);
    pthread_join(s->thread, NULL);
}

void
streams_free(struct streams *s)
{
    if (!s)
        return;
    outlets_free(s->outlets);
    for (struct waiting_join *w = s->waiting, *after; w; w = after) {
        after = w->next;
        drop_task(s, &w->task);
        free(w);
    }
    for (; s->count; s->count--, s->head = (s->head + 1) % QUEUE_SIZE)
        drop_task(s, &s->queue[s->head]);
    sessions_free(s->sessions);
    waits_free(s->waits);
    if (s->epoll >= 0)
        close(s->epoll);
    if (s->event >= 0)
        close(s->event);
    free(s->queue);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void
streams_stat(struct streams *s, struct sessions_stat *ret_stat)
{
    pthread_mutex_lock(&s->lock);
    *ret_stat = s->stat;
    ret_stat->waiting += waits_runs(s->waits);
    pthread_mutex_unlock(&s->lock);
}

uint64_t
streams_sent_bytes(const struct streams *s)
{
    return outlets_sent_bytes(s->outlets);
}
