/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "ca/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "ca/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS = 16, UIDS = 64, PATIENCE_MS = 5000, BACKLOG = 64 };

struct client {
    int fd; /* -1: free */
    struct ca_asker asker;
    int64_t deadline;
    char in[CA_REQUEST_MAX];
    size_t n;
    struct jb_buf out; /* once it is answered */
    size_t sent;
};

struct ca_server {
    const struct conf *conf;
    struct ca_signer signer;
    struct sockaddr_un address;
    int fd;
    bool bound;
    uid_t uids[UIDS];
    size_t n_uids;
    struct client clients[CLIENTS];
    struct jb_log_limit limit;
};

/* Names and numbers of ca.clients. */
static int
read_uids(struct ca_server *s, struct jb_error *err)
{
    const struct setting_strings *names = &s->conf->ca.clients;

    if (names->n > UIDS)
        return jb_fail(err, JB_EINVAL, "ca.clients: more than %d", UIDS);
    for (size_t i = 0; i < names->n; i++) {
        const struct passwd *who;
        int64_t uid;

        if (jb_parse_int(jb_str(names->items[i]), 0, UINT32_MAX - 1, &uid) == 0) {
            s->uids[s->n_uids++] = (uid_t)uid;
            continue;
        }
        who = getpwnam(names->items[i]);
        if (!who)
            return jb_fail(err, JB_EINVAL, "ca.clients: there is no user %.60s",
                           names->items[i]);
        s->uids[s->n_uids++] = who->pw_uid;
    }
    return 0;
}

static bool
is_welcome(const struct ca_server *s, uid_t uid)
{
    for (size_t i = 0; i < s->n_uids; i++)
        if (s->uids[i] == uid)
            return true;
    return false;
}

/* A socket that nobody listens at is a leftover. */
static int
clear_path(const struct ca_server *s, struct jb_error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), no = 0;

    if (fd < 0)
        return jb_fail_errno(err, errno, "socket");
    if (connect(fd, (const struct sockaddr *)&s->address, sizeof(s->address)))
        no = errno;
    close(fd);
    if (no == 0 || no == EAGAIN)
        return jb_fail(err, JB_EBUSY, "%s: another jinbang-ca listens there",
                       s->address.sun_path);
    if (no == ECONNREFUSED && unlink(s->address.sun_path))
        return jb_fail_errno(err, errno, "%s", s->address.sun_path);
    return 0;
}

static int
open_socket(struct ca_server *s, struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new(8 << 10);
    const char *path = arena ? conf_ca_socket(s->conf, arena) : NULL;
    mode_t mask;
    int rc = 0;

    s->address.sun_family = AF_UNIX;
    if (!path)
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    else if (strlen(path) >= sizeof(s->address.sun_path))
        rc = jb_fail(err, JB_EINVAL, "%s: path too long for a socket", path);
    else
        memcpy(s->address.sun_path, path, strlen(path) + 1);
    jb_arena_free(arena);
    if (!rc)
        rc = clear_path(s, err);
    if (rc)
        return rc;
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0)
        return jb_fail_errno(err, errno, "socket");
    /* The group may connect; who of it is heard, ca.clients says. */
    mask = umask(0117);
    s->bound = bind(s->fd, (struct sockaddr *)&s->address, sizeof(s->address)) == 0;
    if (!s->bound || listen(s->fd, BACKLOG))
        rc = jb_fail_errno(err, errno, "%s", s->address.sun_path);
    umask(mask);
    return rc;
}

int
ca_server_new(const struct conf *conf, struct jb_error *err, struct ca_server **ret_server)
{
    struct ca_server *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    s->conf = conf;
    s->fd = -1;
    for (size_t i = 0; i < CLIENTS; i++)
        s->clients[i].fd = -1;
    rc = ca_signer_init(&s->signer, conf, jb_monotonic_ms(), err);
    if (!rc)
        rc = read_uids(s, err);
    if (!rc)
        rc = open_socket(s, err);
    if (rc) {
        ca_server_free(s);
        return rc;
    }
    *ret_server = s;
    return 0;
}

static void
drop(struct client *c)
{
    close(c->fd);
    jb_buf_free(&c->out);
    c->fd = -1;
    c->n = c->sent = 0;
}

void
ca_server_free(struct ca_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < CLIENTS; i++)
        if (s->clients[i].fd >= 0)
            drop(&s->clients[i]);
    if (s->fd >= 0)
        close(s->fd);
    if (s->bound)
        unlink(s->address.sun_path);
    free(s);
}

/* A free one, or that of who has waited longest without asking: whoever only connects cannot
 * keep the others out. NULL: all are being answered. */
static struct client *
find_place(struct ca_server *s)
{
    struct client *oldest = NULL;

    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &s->clients[i];
        if (c->fd < 0)
            return c;
        if (!c->out.n && (!oldest || c->deadline < oldest->deadline))
            oldest = c;
    }
    if (oldest)
        drop(oldest);
    return oldest;
}

static void
accept_one(struct ca_server *s, int64_t now)
{
    struct client *c;
    struct ucred who;
    socklen_t n = sizeof(who);
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) || !is_welcome(s, who.uid)) {
        static const char no[] =
            "{\"code\":-6,\"error\":\"this user is not among ca.clients\"}\n";
        _Static_assert(JB_EACCES == -6, "the code in that text");

        jb_log_limited(&s->limit, JB_LOG_WARNING,
                       "refused a connection of uid %ld pid %ld: not among ca.clients",
                       (long)who.uid, (long)who.pid);
        (void)!send(fd, no, sizeof(no) - 1, MSG_NOSIGNAL);
        close(fd);
        return;
    }
    c = find_place(s);
    if (!c) {
        close(fd);
        return;
    }
    c->fd = fd;
    c->asker = (struct ca_asker){who.uid, who.pid};
    c->deadline = now + PATIENCE_MS;
    c->out = JB_BUF(CA_ANSWER_MAX);
}

static void
send_some(struct client *c)
{
    ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->sent += (size_t)n;
    if (n <= 0 || c->sent == c->out.n)
        drop(c);
}

static void
read_some(struct ca_server *s, struct client *c, int64_t now)
{
    ssize_t n = recv(c->fd, c->in + c->n, sizeof(c->in) - c->n, 0);
    const char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(c);
        return;
    }
    end = memchr(c->in + c->n, '\n', (size_t)n);
    c->n += (size_t)n;
    if (!end && c->n < sizeof(c->in))
        return;
    if (!end)
        jb_buf_puts(&c->out, "{\"code\":-8,\"error\":\"request too long\"}\n");
    else
        ca_sign(&s->signer, (struct jb_str){c->in, (size_t)(end - c->in)}, &c->asker,
                jb_now_us(), now, &c->out);
    if (c->out.err)
        drop(c);
    else
        send_some(c);
}

int
ca_server_run(struct ca_server *s, int stop_fd, struct jb_error *err)
{
    struct pollfd polled[CLIENTS + 2];

    for (;;) {
        int64_t now;

        for (size_t i = 0; i < CLIENTS; i++) {
            const struct client *c = &s->clients[i];
            polled[i] = (struct pollfd){.fd = c->fd, .events = c->out.n ? POLLOUT : POLLIN};
        }
        polled[CLIENTS] = (struct pollfd){.fd = s->fd, .events = POLLIN};
        polled[CLIENTS + 1] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
        if (poll(polled, CLIENTS + 2, 1000) < 0 && errno != EINTR)
            return jb_fail_errno(err, errno, "poll");
        if (polled[CLIENTS + 1].revents)
            return 0;
        now = jb_monotonic_ms();
        for (size_t i = 0; i < CLIENTS; i++) {
            struct client *c = &s->clients[i];
            if (c->fd >= 0 && polled[i].revents && c->out.n)
                send_some(c);
            else if (c->fd >= 0 && polled[i].revents)
                read_some(s, c, now);
            if (c->fd >= 0 && now >= c->deadline)
                drop(c);
        }
        if (polled[CLIENTS].revents)
            accept_one(s, now);
    }
}
