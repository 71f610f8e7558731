/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "fcgi/connections.h"
#include "fcgi/metrics.h"
#include "fcgi/metrics_queue.h"
#include "fcgi/transport.h"
#include "views/layout.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_OVERHEAD = 64 << 20, JOIN_STEP_MS = 50, RETRY_AFTER_S = 30 };

struct worker {
    struct server *server;
    pthread_t thread;
    bool started;
    struct transport *transport;
    pthread_mutex_t lock; /* guards what follows */
    int reading;          /* connection that libfcgi reads a request from, or -1 */
    int64_t since_ms;
};

struct server {
    struct keeper *keeper;
    struct submissions *submissions;
    const struct conf *conf;
    struct streams *streams;
    struct metrics *metrics;
    struct ready *assets; /* one per asset */
    struct connections *connections;
    uint64_t bytes; /* atomic: of answers, as records */
    struct worker *workers;
    size_t n_workers;
};

struct streams *
server_streams(struct server *server)
{
    return server->streams;
}

struct keeper *
server_keeper(struct server *server)
{
    return server->keeper;
}

struct submissions *
server_submissions(struct server *server)
{
    return server->submissions;
}

void
server_retry_after(struct response *r, int status, int64_t seconds)
{
    if (status == 429 || status == 503)
        jb_buf_printf(&r->head, "Retry-After: %lld\r\n",
                      (long long)(seconds > 0 ? seconds : RETRY_AFTER_S));
}

const struct ready *
server_asset(struct server *server, const char *name)
{
    const struct asset *wanted = asset_find(name);

    for (size_t i = 0; wanted && i < asset_count(); i++)
        if (asset_at(i) == wanted)
            return &server->assets[i];
    return NULL;
}

void
server_error(struct handling *h, int status, const char *reason)
{
    struct response *r = h->response;

    response_header(r, "Vary", "Accept");
    if (h->json) {
        response_cors(r, h->request);
        response_json_error(r, status, reason);
        return;
    }
    struct jb_buf b = JB_BUF(1 << 20);
    layout_error_page(h->site->conf, status, reason, &b);
    if (h->site->csp)
        response_header(r, "Content-Security-Policy", h->site->csp);
    response_header(r, "Cache-Control", "no-store");
    response_buf(r, status, "text/html; charset=utf-8", &b);
}

/* The answer on a connection is out. */
static void
connection_done(void *ctx, int fd, bool keep)
{
    struct server *s = ctx;

    connections_done(s->connections, fd, keep);
}

static size_t
route_by_name(const char *name)
{
    size_t i = 0;

    while (i < routes_count && strcmp(routes[i].name, name) != 0)
        i++;
    return i;
}

/* Joins and calls are answered on the streams thread; their time there is not measured. */
static void
stream_answered(void *ctx, enum streams_kind kind, int status)
{
    struct server *s = ctx;
    const char *name = kind == STREAMS_JOIN   ? "queue_join"
                       : kind == STREAMS_CALL ? "call"
                       : kind == STREAMS_RUN  ? "run"
                                              : "cancel";

    metrics_count(s->metrics, route_by_name(name), status, 0);
}

/* Something new is waited for. */
static void
stream_waits(void *ctx)
{
    struct server *s = ctx;

    keeper_wake(s->keeper);
}

/* The store may have changed. */
static void
store_watched(void *ctx, struct store_txn *txn, uint64_t change_seq, int64_t now_ms)
{
    struct server *s = ctx;

    streams_look(s->streams, txn, change_seq, now_ms);
}

static void
send_response(struct server *s, struct handling *h)
{
    struct response *r = h->response;
    struct slice slices[RESPONSE_SLICES + 1];
    size_t n = 0;
    struct jb_blob *head = response_head(r);

    if (!head) {
        connections_close(s->connections, h->exchange.fd);
        return;
    }
    slices[n++] = slice_of_blob(head);
    bool body = h->request->method != METHOD_HEAD && r->status != 304;
    for (size_t i = 0; i < r->n_body && body; i++)
        slices[n++] = r->body[i];
    struct output_owner owner = r->owner;
    r->owner = (struct output_owner){0};
    struct output *out = output_new(h->exchange.id, slices, n, true, owner);
    jb_blob_unref(head);
    if (out)
        __atomic_add_fetch(&s->bytes, output_left(out), __ATOMIC_RELAXED);
    int rc = out ? output_send(out, h->exchange.fd) : JB_ENOMEM;
    if (rc == 0) {
        struct streams_task task = {
            .kind = STREAMS_FLUSH, .exchange = h->exchange, .output = out};
        if (streams_post(s->streams, &task))
            return;
        rc = JB_EBUSY;
    }
    output_free(out);
    if (rc == 1 && h->exchange.keep)
        connections_done(s->connections, h->exchange.fd, true);
    else
        connections_close(s->connections, h->exchange.fd);
}

static const char *
param_of(const void *ctx, const char *name)
{
    return transport_param(ctx, name);
}

static void
method_not_allowed(struct handling *h, unsigned allow)
{
    struct jb_buf b = JB_BUF(100);

    route_put_allow(allow, &b);
    response_header(h->response, "Allow", b.p ? b.p : "");
    jb_buf_free(&b);
    server_error(h, 405,
                 h->json ? "Method Not Allowed" : "this address does not answer that method");
}

/* Reads the body that the route allows; answers and returns false when it cannot. */
static bool
read_body(struct worker *w, struct handling *h, const struct route *route, bool *ret_closed)
{
    const struct conf *conf = h->site->conf;
    bool gradio = route && (route->flags & ROUTE_GRADIO);
    size_t cap = (size_t)(gradio ? conf->gradio.max_body : conf->web.max_body);
    int rc = transport_body(w->transport, h->request->arena, cap, &h->request->body);

    *ret_closed = rc == JB_ECLOSED;
    if (rc == 0)
        return true;
    if (rc == JB_ETOOBIG)
        server_error(h, 413, "the request body is larger than this server takes");
    else if (rc != JB_ECLOSED)
        server_error(h, 500, "out of memory");
    return false;
}

static void
dispatch(struct handling *h, const struct route *route, unsigned allow)
{
    if (route && h->request->method == METHOD_OPTIONS) {
        response_cors(h->response, h->request);
        response_text(h->response, 200, "text/plain; charset=utf-8", "OK");
    } else if (route) {
        route->handler(h);
    } else if (allow) {
        method_not_allowed(h, allow);
    } else {
        server_error(h, 404, h->json ? "Not Found" : "there is no page at this address");
    }
}

static void
worker_reads(struct worker *w, int fd)
{
    pthread_mutex_lock(&w->lock);
    w->reading = fd;
    w->since_ms = jb_monotonic_ms();
    pthread_mutex_unlock(&w->lock);
}

/* Reads a whole request. Negative: the connection is gone, and closed. */
static int
receive(struct worker *w, struct handling *h, int fd, const struct route **ret_route,
        unsigned *ret_allow, bool *ret_failed)
{
    struct jb_error err = {0};
    unsigned flags = 0;
    bool closed = false;

    worker_reads(w, fd);
    if (transport_begin(w->transport, fd)) {
        worker_reads(w, -1);
        return JB_ECLOSED;
    }
    int rc = web_request_read(h->site->conf, param_of, w->transport, h->request->arena, &err,
                              h->request);
    if (rc == 0) {
        *ret_route = route_find(h->request, ret_allow, &flags);
        h->json = flags || route_is_api_path(h->request) ||
                  !web_request_wants_html(h->request->accept);
    }
    bool body = read_body(w, h, *ret_route, &closed);
    worker_reads(w, -1);
    bool usable = transport_end(w->transport, &h->exchange.id, &h->exchange.keep);
    h->exchange.fd = fd;
    if (!usable)
        return JB_ECLOSED;
    if (closed) {
        close(fd);
        return JB_ECLOSED;
    }
    if (connections_stopping(w->server->connections))
        h->exchange.keep = false;
    if (body && rc)
        server_error(h, jb_error_status(rc), err.text);
    *ret_failed = !body || rc;
    return 0;
}

/* One request on a readable connection. */
static void
serve(struct worker *w, struct jb_arena *arena, int fd)
{
    struct server *s = w->server;
    int64_t begin = jb_now_us();
    struct site *site = keeper_site(s->keeper);
    struct web_request request = {.arena = arena, .path = JB_STR("/")};
    struct response response;
    struct handling h = {.server = s, .site = site, .request = &request, .response = &response};
    const struct route *route = NULL;
    unsigned allow = 0;
    bool failed = false;

    response_init(&response);
    if (receive(w, &h, fd, &route, &allow, &failed)) {
        connections_done(s->connections, fd, false);
        response.taken = true;
    } else if (!failed) {
        dispatch(&h, route, allow);
    }
    if (!response.taken) {
        int status = response.status;
        response.owner = (struct output_owner){site, site_release};
        site = NULL;
        send_response(s, &h);
        metrics_count(s->metrics, route ? (size_t)(route - routes) : routes_count, status,
                      jb_now_us() - begin);
    }
    response_free(&response);
    site_unref(site);
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    struct server *s = w->server;
    struct jb_arena *arena = jb_arena_new((size_t)s->conf->gradio.max_body + ARENA_OVERHEAD);
    int fd;

    while (arena && (fd = connections_next(s->connections)) >= 0) {
        serve(w, arena, fd);
        jb_arena_reset(arena);
    }
    jb_arena_free(arena);
    return NULL;
}

static int
make_assets(struct server *s)
{
    s->assets = calloc(asset_count(), sizeof(*s->assets));
    if (!s->assets)
        return JB_ENOMEM;
    for (size_t i = 0; i < asset_count(); i++) {
        const struct asset *a = asset_at(i);
        struct slice slice = {a->content, NULL};
        /* The name without the hash (/theme.css, /favicon.ico) is asked for again each time. */
        struct ready_options options = {.type = a->type,
                                        .cache = strcmp(a->path, a->name) == 0 ||
                                                         strcmp(a->name, "theme.css") == 0 ||
                                                         strcmp(a->name, "favicon.svg") == 0
                                                     ? "max-age=3600"
                                                     : "public, max-age=31536000, immutable",
                                        .gzip_level = 9};
        int rc = ready_make(&slice, 1, &options, &s->assets[i]);
        if (rc)
            return rc;
    }
    return 0;
}

static int
start_threads(struct server *s, struct jb_error *err)
{
    struct streams_hooks hooks = {.ctx = s,
                                  .done = connection_done,
                                  .answered = stream_answered,
                                  .waits = stream_waits,
                                  .look = {s->submissions, submissions_look}};
    int rc = streams_new(s->conf, &hooks, err, &s->streams);

    if (rc)
        return rc;
    s->n_workers = (size_t)s->conf->web.workers;
    s->workers = calloc(s->n_workers, sizeof(*s->workers));
    for (size_t i = 0; s->workers && i < s->n_workers; i++) {
        struct worker *w = &s->workers[i];
        w->server = s;
        w->reading = -1;
        pthread_mutex_init(&w->lock, NULL);
        w->transport = transport_new();
        int no = w->transport ? pthread_create(&w->thread, NULL, worker_main, w) : ENOMEM;
        if (no)
            return jb_fail_errno(err, no, "thread");
        w->started = true;
    }
    return s->workers ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
}

int
server_new(struct keeper *keeper, struct jb_error *err, struct server **ret_server)
{
    struct server *s = calloc(1, sizeof(*s));

    if (!s)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    s->keeper = keeper;
    s->conf = keeper_conf(keeper);
    s->metrics = metrics_new();
    s->submissions = submissions_new(keeper);
    int rc = s->metrics && s->submissions ? make_assets(s) : JB_ENOMEM;
    if (rc)
        jb_fail(err, rc, "out of memory");
    if (rc == 0)
        rc = transport_init(err);
    if (rc == 0)
        rc = connections_new(s->conf, err, &s->connections);
    if (rc == 0)
        rc = start_threads(s, err);
    if (rc) {
        server_stop(s, 0);
        server_free(s);
        return rc;
    }
    keeper_watch(keeper, &(struct keeper_watch){s, store_watched});
    *ret_server = s;
    return 0;
}

/* Cuts connections whose request has been arriving for longer than `limit_ms`. The worker then
 * reads an end and goes on. */
static void
cut_slow_senders(struct server *s, int64_t limit_ms)
{
    int64_t now = jb_monotonic_ms();

    for (size_t i = 0; i < s->n_workers; i++) {
        struct worker *w = &s->workers[i];
        if (!w->started)
            continue;
        pthread_mutex_lock(&w->lock);
        if (w->reading >= 0 && now - w->since_ms > limit_ms)
            shutdown(w->reading, SHUT_RDWR);
        pthread_mutex_unlock(&w->lock);
    }
}

void
server_watch(struct server *s)
{
    /* The socket's own time-out is for silence; this is for a byte now and then. */
    cut_slow_senders(s, 2 * s->conf->web.receive_timeout);
}

static void
join_workers(struct server *s, int64_t deadline_ms)
{
    for (size_t i = 0; s->workers && i < s->n_workers; i++) {
        while (s->workers[i].started) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += JOIN_STEP_MS * 1000000L;
            until.tv_sec += until.tv_nsec / 1000000000L;
            until.tv_nsec %= 1000000000L;
            if (pthread_timedjoin_np(s->workers[i].thread, NULL, &until) == 0)
                s->workers[i].started = false;
            else if (jb_monotonic_ms() > deadline_ms)
                cut_slow_senders(s, 0);
        }
    }
}

void
server_stop(struct server *s, int64_t timeout_ms)
{
    int64_t deadline = jb_monotonic_ms() + timeout_ms;

    if (s->connections)
        connections_stop(s->connections);
    join_workers(s, deadline);
    if (s->connections)
        connections_close_idle(s->connections);
    if (s->streams)
        streams_stop(s->streams, deadline);
}

void
server_free(struct server *s)
{
    if (!s)
        return;
    streams_free(s->streams);
    for (size_t i = 0; s->workers && i < s->n_workers; i++) {
        if (!s->workers[i].server)
            continue;
        transport_free(s->workers[i].transport);
        pthread_mutex_destroy(&s->workers[i].lock);
    }
    free(s->workers);
    for (size_t i = 0; s->assets && i < asset_count(); i++)
        ready_free(&s->assets[i]);
    free(s->assets);
    metrics_free(s->metrics);
    submissions_free(s->submissions);
    connections_free(s->connections);
    free(s);
}

void
server_put_metrics(struct server *s, const struct site *site, struct jb_buf *out)
{
    struct connections_stat connections;
    struct sessions_stat sessions;
    struct keeper_stat keeper;

    metrics_put(s->metrics, out);
    connections_stat(s->connections, &connections);
    metrics_put_one(out, "jinbang_connections", "gauge", "FastCGI connections open.",
                    connections.open);
    metrics_put_one(out, "jinbang_connections_accepted_total", "counter",
                    "Connections taken from nginx.", (double)connections.accepted);
    metrics_put_one(out, "jinbang_connections_refused_total", "counter",
                    "Connections over web.max_connections.", (double)connections.refused);
    metrics_put_one(out, "jinbang_sent_bytes_total", "counter",
                    "Bytes of answers and streams, FastCGI framing included.",
                    (double)(__atomic_load_n(&s->bytes, __ATOMIC_RELAXED) +
                             streams_sent_bytes(s->streams)));
    streams_stat(s->streams, &sessions);
    metrics_put_one(out, "jinbang_gradio_sessions", "gauge", "Sessions known.",
                    (double)sessions.sessions);
    metrics_put_one(out, "jinbang_gradio_events", "gauge", "Events not delivered yet.",
                    (double)sessions.events);
    metrics_put_one(out, "jinbang_gradio_waiting", "gauge",
                    "Events and calls whose outcome is to come.", (double)sessions.waiting);
    metrics_put_one(out, "jinbang_gradio_streams", "gauge", "Event streams open.",
                    (double)sessions.streams);
    metrics_put_one(out, "jinbang_gradio_bytes", "gauge", "Bytes not delivered yet.",
                    (double)sessions.bytes);
    metrics_put_one(out, "jinbang_gradio_joined_total", "counter", "Events registered.",
                    (double)sessions.joined);
    metrics_put_one(out, "jinbang_gradio_completed_total", "counter", "Events delivered.",
                    (double)sessions.completed);
    metrics_put_one(out, "jinbang_gradio_cancelled_total", "counter", "Events cancelled.",
                    (double)sessions.cancelled);
    metrics_put_one(out, "jinbang_gradio_expired_total", "counter", "Events nobody fetched.",
                    (double)sessions.expired);
    metrics_put_one(out, "jinbang_gradio_refused_total", "counter",
                    "Events refused, queue full.", (double)sessions.refused);
    metrics_put_one(out, "jinbang_board_rows", "gauge", "Rows of the board.",
                    (double)board_rows(site->board));
    metrics_put_one(out, "jinbang_site_build_seconds", "gauge",
                    "Time that making the present pages took.", site->build_seconds);
    metrics_put_lists(site, out);
    metrics_put_hosts(keeper_store(s->keeper), jb_now_us(), out);
    if (keeper_stat(s->keeper, &keeper))
        return;
    metrics_put_one(out, "jinbang_site_builds_total", "counter", "Times the pages were made.",
                    (double)keeper.rebuilds);
    metrics_put_one(out, "jinbang_site_build_failures_total", "counter",
                    "Times that failed; the old pages stayed.", (double)keeper.failures);
    metrics_put_one(out, "jinbang_store_map_bytes", "gauge", "Size of the LMDB map.",
                    (double)keeper.store.map_size);
    metrics_put_one(out, "jinbang_store_used_bytes", "gauge", "Bytes of the map in use.",
                    (double)keeper.store.used_bytes);
    metrics_put_one(out, "jinbang_store_readers", "gauge", "Reader slots in use.",
                    keeper.store.readers);
    metrics_put_one(out, "jinbang_store_requests", "gauge", "Requests stored.",
                    (double)keeper.store.requests);
    metrics_put_one(out, "jinbang_store_results", "gauge", "Results stored.",
                    (double)keeper.store.results);
    metrics_put_one(out, "jinbang_store_jobs", "gauge", "Requests with a job of ours.",
                    (double)keeper.store.jobs);
    metrics_put_one(out, "jinbang_store_attempts", "gauge", "Attempts kept.",
                    (double)keeper.store.attempts);
    metrics_put_one(out, "jinbang_store_parts", "gauge",
                    "Results of single benchmarks that wait for the others.",
                    (double)keeper.store.parts);
    metrics_put_one(out, "jinbang_store_deliveries", "gauge",
                    "Events that wait for their webhook.", (double)keeper.store.deliveries);
    metrics_put_one(out, "jinbang_store_dead_deliveries", "gauge",
                    "Events that no webhook took; given up.",
                    (double)keeper.store.dead_deliveries);
    metrics_put_one(out, "jinbang_store_changes_total", "counter", "Entries of the change log.",
                    (double)keeper.store.changes);
}
