/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/transport.h"
#include "base/text.h"

#include <errno.h>
#include <fcgiapp.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Read and dropped after a body that is too large; beyond it the connection is cut. */
enum { MOST_DRAINED = 64 << 20 };

struct transport {
    FCGX_Request request;
    bool broken; /* not to be used for another request */
};

int
transport_init(struct jb_error *err)
{
    /* FCGX_Init leaves handlers alone that are not the default ones; SIGPIPE must not kill. */
    signal(SIGPIPE, SIG_IGN);
    int rc = FCGX_Init();
    return rc ? jb_fail(err, JB_EIO, "libfcgi does not start (%d)", rc) : 0;
}

static int
refuse_live_socket(const struct sockaddr_un *address, struct jb_error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return jb_fail_errno(err, errno, "socket");
    int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    int no = errno;
    close(fd);
    if (rc == 0 || no == EAGAIN)
        return jb_fail(err, JB_EEXIST, "%s: another process answers on this socket",
                       address->sun_path);
    if (no == ECONNREFUSED)
        unlink(address->sun_path);
    return 0;
}

static int
give_to_group(const char *path, const char *group, struct jb_error *err)
{
    if (chmod(path, 0660))
        return jb_fail_errno(err, errno, "%s: chmod", path);
    if (!group[0])
        return 0;
    errno = 0;
    const struct group *g = getgrnam(group);
    if (!g)
        return jb_fail(err, JB_EINVAL, "web.socket_group: there is no group %s", group);
    if (chown(path, (uid_t)-1, g->gr_gid))
        return jb_fail_errno(err, errno, "%s: giving it to group %s", path, group);
    return 0;
}

int
transport_listen(const char *path, const char *group, int backlog, struct jb_error *err,
                 int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);

    if (n >= sizeof(address.sun_path))
        return jb_fail(err, JB_EINVAL, "%s: a socket path has at most %zu bytes", path,
                       sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, n + 1);
    int rc = refuse_live_socket(&address, err);
    if (rc)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return jb_fail_errno(err, errno, "socket");
    /* Nobody may connect between bind and chmod. */
    mode_t mask = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
    int no = errno;
    umask(mask);
    if (bound)
        rc = jb_fail_errno(err, no, "%s: bind", path);
    if (!rc)
        rc = give_to_group(path, group, err);
    if (!rc && listen(fd, backlog))
        rc = jb_fail_errno(err, errno, "%s: listen", path);
    if (rc) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int
transport_accept(int listen_fd, int64_t receive_timeout_ms, int *ret_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM
                   ? JB_EBUSY
                   : JB_ENOENT;
    struct timeval wait = {.tv_sec = receive_timeout_ms / 1000,
                           .tv_usec = receive_timeout_ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    /* libfcgi answers management records while it reads, and would wait for who sent them. */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    *ret_fd = fd;
    return 0;
}

struct transport *
transport_new(void)
{
    return calloc(1, sizeof(struct transport));
}

void
transport_free(struct transport *t)
{
    free(t);
}

int
transport_begin(struct transport *t, int fd)
{
    /* Listening socket -1: for a dead peer libfcgi would otherwise accept the next connection.
     */
    FCGX_InitRequest(&t->request, -1, 0);
    /* Else it lingers for seconds on a connection that it gives up. */
    FCGX_Detach(&t->request);
    t->request.ipcFd = fd;
    t->request.keepConnection = 1;
    t->broken = false;
    /* On failure libfcgi has closed the descriptor. */
    return FCGX_Accept_r(&t->request) ? JB_ECLOSED : 0;
}

const char *
transport_param(const struct transport *t, const char *name)
{
    return FCGX_GetParam(name, t->request.envp);
}

static int
drain(struct transport *t)
{
    char scratch[8192];
    size_t total = 0;

    for (;;) {
        int got = FCGX_GetStr(scratch, sizeof(scratch), t->request.in);
        if (got <= 0)
            break;
        total += (size_t)got;
        if (total > MOST_DRAINED) {
            t->broken = true;
            return JB_ECLOSED;
        }
        if (got < (int)sizeof(scratch))
            break;
    }
    if (FCGX_GetError(t->request.in))
        t->broken = true;
    return t->broken ? JB_ECLOSED : 0;
}

int
transport_body(struct transport *t, struct jb_arena *arena, size_t cap, struct jb_str *ret_body)
{
    const char *declared = transport_param(t, "CONTENT_LENGTH");
    int64_t length = 0;

    if (declared && declared[0] && jb_parse_int(jb_str(declared), 0, INT64_MAX, &length)) {
        t->broken = true;
        return JB_ECLOSED;
    }
    if ((uint64_t)length > cap)
        return drain(t) ? JB_ECLOSED : JB_ETOOBIG;
    char *body = jb_arena_alloc(arena, (size_t)length + 1);
    if (!body)
        return drain(t) ? JB_ECLOSED : JB_ENOMEM;
    /* One byte more than declared shows the end of the stream, and reads the empty record that
     * ends it, so that nothing of this request stays in the socket. */
    int want = (int)length + 1;
    int got = FCGX_GetStr(body, want, t->request.in);
    if (got != (int)length || FCGX_GetError(t->request.in)) {
        t->broken = true;
        return JB_ECLOSED;
    }
    body[length] = '\0';
    *ret_body = (struct jb_str){body, (size_t)length};
    return 0;
}

bool
transport_end(struct transport *t, uint16_t *ret_id, bool *ret_keep)
{
    int fd = t->request.ipcFd;

    *ret_id = (uint16_t)t->request.requestId;
    *ret_keep = t->request.keepConnection != 0;
    /* Frees streams and parameters, and leaves the descriptor to us. */
    FCGX_Free(&t->request, 0);
    t->request.ipcFd = -1;
    if (t->broken) {
        close(fd);
        return false;
    }
    return true;
}
