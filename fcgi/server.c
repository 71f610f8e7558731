/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "fcgi/metrics.h"
#include "fcgi/transport.h"
#include "views/layout.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ARENA_KEEP = 1 << 20, ARENA_OVERHEAD = 64 << 20, ACCEPT_AT_ONCE = 64 };

struct worker {
    struct server *server;
    pthread_t thread;
    bool started;
    struct transport *transport;
};

struct server {
    struct keeper *keeper;
    const struct conf *conf;
    struct streams *streams;
    struct metrics *metrics;
    struct ready *assets; /* one per asset */
    char *socket_path;
    int listener, epoll, stop_event;
    int connections;  /* atomic */
    uint64_t refused; /* atomic: over web.max_connections */
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

const struct ready *
server_asset(struct server *server, const char *name)
{
    const struct asset *wanted = asset_find(name);

    for (size_t i = 0; wanted && i < asset_count(); i++)
        if (asset_at(i) == wanted)
            return &server->assets[i];
    return NULL;
}

static bool
is_data_path(const struct handling *h)
{
    return route_is_api_path(h->request) || jb_str_is(h->request->path, "/config") ||
           jb_str_is(h->request->path, "/info");
}

void
server_error(struct handling *h, int status, const char *reason)
{
    struct response *r = h->response;

    if (is_data_path(h)) {
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

static void
connection_arm(struct server *s, int fd, int op)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = fd};

    if (epoll_ctl(s->epoll, op, fd, &ev)) {
        close(fd);
        __atomic_sub_fetch(&s->connections, 1, __ATOMIC_RELAXED);
    }
}

/* The answer on a connection is out. */
static void
connection_done(void *ctx, int fd, bool keep)
{
    struct server *s = ctx;

    if (keep)
        connection_arm(s, fd, EPOLL_CTL_MOD);
    else
        __atomic_sub_fetch(&s->connections, 1, __ATOMIC_RELAXED);
}

static void
connection_close(struct server *s, int fd)
{
    close(fd);
    connection_done(s, fd, false);
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
                                              : "cancel";

    metrics_count(s->metrics, route_by_name(name), status, 0);
}

static void
send_response(struct server *s, struct handling *h)
{
    struct response *r = h->response;
    struct slice slices[RESPONSE_SLICES + 1];
    size_t n = 0;
    struct jb_blob *head = response_head(r);

    if (!head) {
        connection_close(s, h->exchange.fd);
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
        connection_done(s, h->exchange.fd, true);
    else
        connection_close(s, h->exchange.fd);
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
                 is_data_path(h) ? "Method Not Allowed"
                                 : "this address does not answer that method");
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
        server_error(h, 404,
                     is_data_path(h) ? "Not Found" : "there is no page at this address");
    }
}

/* One request on a readable connection. */
static void
serve(struct worker *w, struct jb_arena *arena, int fd)
{
    struct server *s = w->server;
    int64_t begin = jb_now_us();

    if (transport_begin(w->transport, fd)) {
        connection_done(s, fd, false);
        return;
    }
    struct site *site = keeper_site(s->keeper);
    struct web_request request = {.arena = arena, .path = JB_STR("/")};
    struct response response;
    struct handling h = {.server = s, .site = site, .request = &request, .response = &response};
    struct jb_error err = {0};
    const struct route *route = NULL;
    unsigned allow = 0;
    bool closed = false;

    response_init(&response);
    int rc = web_request_read(site->conf, param_of, w->transport, arena, &err, &request);
    if (rc == 0)
        route = route_find(&request, &allow);
    bool body = read_body(w, &h, route, &closed);
    bool usable = transport_end(w->transport, &h.exchange.id, &h.exchange.keep);
    h.exchange.fd = fd;
    if (!usable || closed) {
        response_free(&response);
        site_unref(site);
        if (usable)
            close(fd);
        connection_done(s, fd, false);
        return;
    }
    if (rc)
        server_error(&h, jb_error_status(rc), err.text);
    else if (body)
        dispatch(&h, route, allow);
    size_t index = route ? (size_t)(route - routes) : routes_count;
    if (!response.taken) {
        int status = response.status;
        response.owner = (struct output_owner){site, site_release};
        site = NULL;
        send_response(s, &h);
        metrics_count(s->metrics, index, status, jb_now_us() - begin);
    }
    response_free(&response);
    site_unref(site);
}

static void
accept_some(struct server *s)
{
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int fd;
        int rc = transport_accept(s->listener, s->conf->web.receive_timeout, &fd);
        if (rc == JB_EBUSY) {
            static struct jb_log_limit limit;
            jb_log_limited(&limit, JB_LOG_WARNING, "no file descriptors left for connections");
            usleep(1000);
        }
        if (rc)
            return;
        int count = __atomic_add_fetch(&s->connections, 1, __ATOMIC_RELAXED);
        if (count > s->conf->web.max_connections) {
            static struct jb_log_limit limit;
            jb_log_limited(&limit, JB_LOG_WARNING,
                           "connection refused: web.max_connections (%lld) are open",
                           (long long)s->conf->web.max_connections);
            __atomic_add_fetch(&s->refused, 1, __ATOMIC_RELAXED);
            connection_close(s, fd);
            continue;
        }
        connection_arm(s, fd, EPOLL_CTL_ADD);
    }
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    struct server *s = w->server;
    struct jb_arena *arena = jb_arena_new((size_t)s->conf->gradio.max_body + ARENA_OVERHEAD);

    while (arena) {
        struct epoll_event ev;
        int n = epoll_wait(s->epoll, &ev, 1, -1);
        if (n < 0 && errno != EINTR)
            break;
        if (n <= 0)
            continue;
        if (ev.data.fd == s->stop_event)
            break;
        if (ev.data.fd == s->listener) {
            accept_some(s);
            continue;
        }
        serve(w, arena, ev.data.fd);
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
open_socket(struct server *s, struct jb_error *err)
{
    const struct conf *conf = s->conf;
    struct jb_arena *arena = jb_arena_new(64 << 10);
    const char *path = arena ? conf_web_socket(conf, arena) : NULL;

    s->socket_path = path ? strdup(path) : NULL;
    jb_arena_free(arena);
    if (!s->socket_path)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    int rc = transport_listen(s->socket_path, conf->web.socket_group, (int)conf->web.backlog,
                              err, &s->listener);
    if (rc) {
        free(s->socket_path); /* somebody else's socket stays */
        s->socket_path = NULL;
    }
    return rc;
}

static int
start_threads(struct server *s, struct jb_error *err)
{
    struct streams_hooks hooks = {s, connection_done, stream_answered};
    int rc = streams_new(s->conf, &hooks, err, &s->streams);

    if (rc)
        return rc;
    s->n_workers = (size_t)s->conf->web.workers;
    s->workers = calloc(s->n_workers, sizeof(*s->workers));
    for (size_t i = 0; s->workers && i < s->n_workers; i++) {
        struct worker *w = &s->workers[i];
        w->server = s;
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
    s->listener = s->epoll = s->stop_event = -1;
    s->metrics = metrics_new();
    int rc = s->metrics ? make_assets(s) : JB_ENOMEM;
    if (rc)
        jb_fail(err, rc, "out of memory");
    if (rc == 0)
        rc = transport_init(err);
    if (rc == 0)
        rc = open_socket(s, err);
    if (rc == 0) {
        s->epoll = epoll_create1(EPOLL_CLOEXEC);
        s->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        struct epoll_event stop = {.events = EPOLLIN, .data.fd = s->stop_event};
        /* The listener stays armed for all workers; EPOLLEXCLUSIVE wakes one of them. */
        struct epoll_event accept = {.events = EPOLLIN | EPOLLEXCLUSIVE,
                                     .data.fd = s->listener};
        if (s->epoll < 0 || s->stop_event < 0 ||
            epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->stop_event, &stop) ||
            epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &accept))
            rc = jb_fail_errno(err, errno, "epoll");
    }
    if (rc == 0)
        rc = start_threads(s, err);
    if (rc) {
        server_stop(s, 0);
        server_free(s);
        return rc;
    }
    *ret_server = s;
    return 0;
}

void
server_stop(struct server *s, int64_t timeout_ms)
{
    int64_t deadline = jb_monotonic_ms() + timeout_ms;

    if (s->listener >= 0) {
        if (s->epoll >= 0)
            epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL);
        close(s->listener);
        s->listener = -1;
        unlink(s->socket_path);
    }
    if (s->stop_event >= 0)
        eventfd_write(s->stop_event, 1);
    for (size_t i = 0; s->workers && i < s->n_workers; i++)
        if (s->workers[i].started)
            pthread_join(s->workers[i].thread, NULL);
    if (s->streams)
        streams_stop(s->streams, deadline);
}

void
server_free(struct server *s)
{
    if (!s)
        return;
    streams_free(s->streams);
    for (size_t i = 0; s->workers && i < s->n_workers; i++)
        transport_free(s->workers[i].transport);
    free(s->workers);
    for (size_t i = 0; s->assets && i < asset_count(); i++)
        ready_free(&s->assets[i]);
    free(s->assets);
    metrics_free(s->metrics);
    if (s->epoll >= 0)
        close(s->epoll);
    if (s->stop_event >= 0)
        close(s->stop_event);
    free(s->socket_path);
    free(s);
}

void
server_put_metrics(struct server *s, const struct site *site, struct jb_buf *out)
{
    struct sessions_stat sessions;
    struct keeper_stat keeper;

    metrics_put(s->metrics, out);
    metrics_put_one(out, "jinbang_connections", "gauge", "FastCGI connections open.",
                    __atomic_load_n(&s->connections, __ATOMIC_RELAXED));
    metrics_put_one(out, "jinbang_connections_refused_total", "counter",
                    "Connections over web.max_connections.",
                    (double)__atomic_load_n(&s->refused, __ATOMIC_RELAXED));
    streams_stat(s->streams, &sessions);
    metrics_put_one(out, "jinbang_gradio_sessions", "gauge", "Sessions known.",
                    (double)sessions.sessions);
    metrics_put_one(out, "jinbang_gradio_events", "gauge", "Events not delivered yet.",
                    (double)sessions.events);
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
    metrics_put_one(out, "jinbang_store_changes_total", "counter", "Entries of the change log.",
                    (double)keeper.store.changes);
}
