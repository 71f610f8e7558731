/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/serve.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { LINGER_MS = 3000 };

struct client {
    struct loop *loop;
    struct listener_peer *peer; /* NULL: free */
    bool shaken;
    int wants; /* PEER_WANTS_* of the handshake */
    struct conn conn;
};

struct loop {
    const struct serve *serve;
    struct client *clients;
    struct pollfd *fds; /* signals, listener, one for each client */
    bool answered;
    bool parted;     /* somebody closed in order since it is done */
    int64_t done_at; /* 0 not yet */
    int64_t ticked, full_until;
};

static long
client_read(void *ctx, void *buf, size_t n)
{
    return peer_read(((struct client *)ctx)->peer, buf, n);
}

static long
client_write(void *ctx, const void *buf, size_t n)
{
    return peer_write(((struct client *)ctx)->peer, buf, n);
}

static void
client_answer(void *ctx, const struct http_request *request, int rc, const struct jb_error *err,
              struct http_answer *ret_answer)
{
    struct client *c = ctx;
    const struct serve *s = c->loop->serve;

    s->answer(s->ctx, peer_identity(c->peer), request, rc, err, ret_answer);
    c->loop->answered = true;
}

static void
client_close(struct client *c)
{
    if (c->shaken && c->conn.ended && c->loop->done_at)
        c->loop->parted = true;
    if (c->shaken)
        conn_free(&c->conn);
    peer_close(c->peer);
    *c = (struct client){.loop = c->loop};
}

static void
client_run(struct client *c, int64_t now)
{
    struct jb_error err = {0};

    if (!c->shaken) {
        int rc = peer_handshake(c->peer, now, &err);

        if (rc == PEER_WANTS_READ || rc == PEER_WANTS_WRITE) {
            c->wants = rc;
            return;
        }
        if (rc) {
            client_close(c); /* the listener has told why */
            return;
        }
        const struct conn_io io = {c, client_read, client_write};
        c->shaken = true;
        conn_init(&c->conn, &io, &c->loop->serve->limits, client_answer, c, now);
    }
    if (conn_run(&c->conn, now) == CONN_CLOSE)
        client_close(c);
}

static struct client *
free_client(struct loop *l)
{
    for (size_t i = 0; i < l->serve->max_peers; i++)
        if (!l->clients[i].peer)
            return &l->clients[i];
    return NULL;
}

/* Where there are too many, the listener cuts one that has not shaken hands: it goes now. */
static struct client *
freed_client(struct loop *l, int64_t now)
{
    for (size_t i = 0; i < l->serve->max_peers; i++)
        if (l->clients[i].peer && !l->clients[i].shaken)
            client_run(&l->clients[i], now);
    return free_client(l);
}

static void
accept_all(struct loop *l, int64_t now)
{
    const struct serve *s = l->serve;

    for (;;) {
        struct listener_peer *peer;
        struct jb_error err = {0};
        struct client *c = free_client(l);

        int rc = listener_accept(s->listener, now, &err, &peer);
        if (rc == JB_ELIMIT)
            continue;
        if (rc) {
            if (rc != JB_ENOENT)
                l->full_until = now + 1000;
            return;
        }
        if (!c)
            c = freed_client(l, now);
        if (!c) {
            peer_close(peer);
            continue;
        }
        c->peer = peer;
        client_run(c, now);
    }
}

static int64_t
client_deadline(const struct client *c)
{
    return c->shaken ? conn_deadline(&c->conn) : peer_deadline(c->peer);
}

/* How long to sleep; fills the descriptors. */
static int64_t
prepare(struct loop *l, int64_t now)
{
    const struct serve *s = l->serve;
    int64_t until = l->ticked + s->tick_ms;

    l->fds[0] = (struct pollfd){s->signals, POLLIN, 0};
    l->fds[1] = (struct pollfd){now < l->full_until ? -1 : listener_fd(s->listener), POLLIN, 0};
    for (size_t i = 0; i < s->max_peers; i++) {
        const struct client *c = &l->clients[i];
        bool writes = c->shaken ? c->conn.wants == CONN_WRITE : c->wants == PEER_WANTS_WRITE;

        l->fds[2 + i] = (struct pollfd){-1, 0, 0};
        if (!c->peer)
            continue;
        l->fds[2 + i] = (struct pollfd){peer_fd(c->peer), writes ? POLLOUT : POLLIN, 0};
        if (client_deadline(c) < until)
            until = client_deadline(c);
    }
    return until > now ? until - now : 0;
}

/* True: stop. */
static bool
read_signals(const struct serve *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (s->signalled(s->ctx, (int)info.ssi_signo))
            return true;
    return false;
}

/* Whoever has the last answer closes; who lost it comes again. */
static bool
all_gone(struct loop *l, int64_t now)
{
    const struct serve *s = l->serve;

    if (!s->done || !s->done(s->ctx))
        return false;
    if (!l->done_at)
        l->done_at = now;
    if (now - l->done_at >= LINGER_MS)
        return true;
    for (size_t i = 0; i < s->max_peers; i++)
        if (l->clients[i].peer && l->clients[i].shaken)
            return false;
    return l->parted;
}

static void
loop_free(struct loop *l)
{
    for (size_t i = 0; l->clients && i < l->serve->max_peers; i++)
        if (l->clients[i].peer)
            client_close(&l->clients[i]);
    free(l->clients);
    free(l->fds);
}

int
serve_run(const struct serve *s, struct jb_error *err)
{
    struct loop l = {.serve = s,
                     .clients = calloc(s->max_peers, sizeof(*l.clients)),
                     .fds = calloc(s->max_peers + 2, sizeof(*l.fds))};
    int rc = 0;

    if (!l.clients || !l.fds) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < s->max_peers; i++)
        l.clients[i] = (struct client){.loop = &l};
    for (;;) {
        int64_t now = jb_monotonic_ms();
        int n = poll(l.fds, s->max_peers + 2, (int)prepare(&l, now));

        if (n < 0 && errno != EINTR) {
            rc = jb_fail_errno(err, errno, "poll");
            break;
        }
        now = jb_monotonic_ms();
        if (n > 0 && l.fds[0].revents && read_signals(s))
            break;
        for (size_t i = 0; i < s->max_peers; i++)
            if (l.clients[i].peer &&
                ((n > 0 && l.fds[2 + i].revents) || now >= client_deadline(&l.clients[i])))
                client_run(&l.clients[i], now);
        if (n > 0 && l.fds[1].revents)
            accept_all(&l, now);
        if (l.answered || now >= l.ticked + s->tick_ms) {
            l.answered = false;
            l.ticked = now;
            s->tick(s->ctx);
        }
        if (all_gone(&l, now))
            break;
    }
out:
    loop_free(&l);
    return rc;
}
