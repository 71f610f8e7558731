/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/connections.h"
#include "base/log.h"
#include "fcgi/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    ACCEPT_AT_ONCE = 64,
    OTHER_FILES = 256, /* store, sockets, threads' own descriptors, with room to spare */
    LAST_LOOK_MICROS = 20000,
    NO_FILES_MICROS = 1000,
};

struct connections {
    const struct conf *conf;
    char *path;
    int listener, epoll, stop_event;
    bool stopping;              /* atomic */
    int open;                   /* atomic */
    uint64_t accepted, refused; /* atomic */
    size_t n_idle;
    unsigned char *idle; /* by descriptor, atomic: armed, and nobody else's */
};

static void
raise_file_limit(const struct conf *conf)
{
    rlim_t wanted = (rlim_t)conf->web.max_connections + OTHER_FILES;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted)
        jb_log(JB_LOG_NOTICE,
               "the system allows %llu open files, fewer than web.max_connections (%lld) needs",
               (unsigned long long)limit.rlim_cur, (long long)conf->web.max_connections);
}

static int
open_socket(struct connections *c, struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new(64 << 10);
    const char *path = arena ? conf_web_socket(c->conf, arena) : NULL;
    char *copy = path ? strdup(path) : NULL;

    jb_arena_free(arena);
    if (!copy)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    int rc = transport_listen(copy, c->conf->web.socket_group, (int)c->conf->web.backlog, err,
                              &c->listener);
    if (rc)
        free(copy); /* somebody else's socket stays */
    else
        c->path = copy;
    return rc;
}

static int
open_epoll(struct connections *c, struct jb_error *err)
{
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    c->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event stop = {.events = EPOLLIN, .data.fd = c->stop_event};
    struct epoll_event accept = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = c->listener};
    if (c->epoll < 0 || c->stop_event < 0 ||
        epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->stop_event, &stop) ||
        epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->listener, &accept))
        return jb_fail_errno(err, errno, "epoll");
    return 0;
}

int
connections_new(const struct conf *conf, struct jb_error *err, struct connections **ret_c)
{
    struct connections *c = calloc(1, sizeof(*c));

    if (!c)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    c->conf = conf;
    c->listener = c->epoll = c->stop_event = -1;
    c->n_idle = (size_t)conf->web.max_connections + OTHER_FILES;
    c->idle = calloc(c->n_idle, 1);
    raise_file_limit(conf);
    int rc = c->idle ? open_socket(c, err) : jb_fail(err, JB_ENOMEM, "out of memory");
    if (rc == 0)
        rc = open_epoll(c, err);
    if (rc) {
        connections_free(c);
        return rc;
    }
    *ret_c = c;
    return 0;
}

static void
remove_socket(struct connections *c)
{
    if (c->path)
        unlink(c->path);
    free(c->path);
    c->path = NULL;
}

void
connections_free(struct connections *c)
{
    if (!c)
        return;
    connections_close_idle(c);
    remove_socket(c);
    if (c->listener >= 0)
        close(c->listener);
    if (c->epoll >= 0)
        close(c->epoll);
    if (c->stop_event >= 0)
        close(c->stop_event);
    free(c->idle);
    free(c);
}

static void
mark_idle(struct connections *c, int fd, unsigned char idle)
{
    if ((size_t)fd < c->n_idle)
        __atomic_store_n(&c->idle[fd], idle, __ATOMIC_RELEASE);
}

static void
arm(struct connections *c, int fd, int op)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = fd};

    mark_idle(c, fd, 1);
    if (epoll_ctl(c->epoll, op, fd, &ev)) {
        mark_idle(c, fd, 0);
        connections_close(c, fd);
    }
}

void
connections_done(struct connections *c, int fd, bool keep)
{
    if (!keep)
        __atomic_sub_fetch(&c->open, 1, __ATOMIC_RELAXED);
    else if (connections_stopping(c))
        connections_close(c, fd);
    else
        arm(c, fd, EPOLL_CTL_MOD);
}

void
connections_close(struct connections *c, int fd)
{
    close(fd);
    connections_done(c, fd, false);
}

static void
accept_some(struct connections *c)
{
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int fd;
        int rc = transport_accept(c->listener, c->conf->web.receive_timeout, &fd);
        if (rc == JB_EBUSY) {
            static struct jb_log_limit limit;
            jb_log_limited(&limit, JB_LOG_WARNING, "no file descriptors left for connections");
            usleep(NO_FILES_MICROS);
        }
        if (rc)
            return;
        int open = __atomic_add_fetch(&c->open, 1, __ATOMIC_RELAXED);
        if (open > c->conf->web.max_connections) {
            static struct jb_log_limit limit;
            jb_log_limited(&limit, JB_LOG_WARNING,
                           "connection refused: web.max_connections (%lld) are open",
                           (long long)c->conf->web.max_connections);
            __atomic_add_fetch(&c->refused, 1, __ATOMIC_RELAXED);
            connections_close(c, fd);
            continue;
        }
        __atomic_add_fetch(&c->accepted, 1, __ATOMIC_RELAXED);
        arm(c, fd, EPOLL_CTL_ADD);
    }
}

int
connections_next(struct connections *c)
{
    bool looked = false;

    for (;;) {
        struct epoll_event ev;
        int n = epoll_wait(c->epoll, &ev, 1, -1);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n <= 0)
            continue;
        if (ev.data.fd == c->listener) {
            accept_some(c);
            looked = false;
        } else if (ev.data.fd != c->stop_event) {
            mark_idle(c, ev.data.fd, 0);
            return ev.data.fd;
        } else if (looked) {
            return -1;
        } else {
            /* What else is ready comes before this event comes again. */
            looked = true;
            usleep(LAST_LOOK_MICROS);
        }
    }
}

void
connections_stop(struct connections *c)
{
    remove_socket(c);
    __atomic_store_n(&c->stopping, true, __ATOMIC_RELEASE);
    eventfd_write(c->stop_event, 1);
}

bool
connections_stopping(const struct connections *c)
{
    return __atomic_load_n(&c->stopping, __ATOMIC_ACQUIRE);
}

void
connections_close_idle(struct connections *c)
{
    for (size_t fd = 0; c->idle && fd < c->n_idle; fd++) {
        if (!__atomic_exchange_n(&c->idle[fd], 0, __ATOMIC_ACQ_REL))
            continue;
        connections_close(c, (int)fd);
    }
}

void
connections_stat(const struct connections *c, struct connections_stat *ret_stat)
{
    *ret_stat = (struct connections_stat){
        .open = __atomic_load_n(&c->open, __ATOMIC_RELAXED),
        .accepted = __atomic_load_n(&c->accepted, __ATOMIC_RELAXED),
        .refused = __atomic_load_n(&c->refused, __ATOMIC_RELAXED),
    };
}
