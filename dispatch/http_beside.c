/* SPDX-License-Identifier: Apache-2.0 */
/* Connections under an identity: a multi handle of their own, whose sockets stand in an epoll
 * that the loop of the other one looks at. */
#include <config.h>

#include "dispatch/http_hop.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

enum { EVENTS = 64 };

#define IDENTITY_MAX ((size_t)1 << 20)

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct http *http = arg;
    struct epoll_event event = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(http->epoll, EPOLL_CTL_DEL, fd, NULL); /* it may be closed already */
        return 0;
    }
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl(http->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event))
        return -1;
    curl_multi_assign(http->multi, fd, http);
    return 0;
}

static int
on_timer(CURLM *multi, long timeout, void *arg)
{
    struct http *http = arg;

    (void)multi;
    http->timer = timeout < 0 ? INT64_MAX : jb_monotonic_ms() + timeout;
    return 0;
}

static bool
copy(struct http *http, struct jb_str from, struct jb_str *ret)
{
    *ret = (struct jb_str){jb_arena_dup(http->arena, from.p, from.n), from.n};
    return ret->p != NULL;
}

int
http_new_beside(struct http *beside, const struct http_identity *identity, size_t per_host,
                size_t total, struct jb_error *err, struct http **ret_http)
{
    struct http *http = NULL;
    struct http_identity *own;
    int rc = http_new(per_host, total, err, &http);

    if (rc)
        return rc;
    http->timer = INT64_MAX;
    http->arena = jb_arena_new(IDENTITY_MAX);
    own = http->arena ? jb_arena_alloc(http->arena, sizeof(*own)) : NULL;
    if (!own || !copy(http, identity->certificate, &own->certificate) ||
        !copy(http, identity->key, &own->key) || !copy(http, identity->ca, &own->ca)) {
        http_free(http);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    http->identity = own;
    http->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (http->epoll < 0) {
        rc = jb_fail_errno(err, errno, "epoll");
        http_free(http);
        return rc;
    }
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    http->beside = beside;
    DL_APPEND(beside->besides, http);
    *ret_http = http;
    return 0;
}

void
http_beside_free(struct http *http)
{
    if (http->beside)
        DL_DELETE(http->beside->besides, http);
    if (http->epoll >= 0)
        close(http->epoll);
    if (http->identity)
        explicit_bzero((char *)(uintptr_t)http->identity->key.p, http->identity->key.n);
    jb_arena_free(http->arena);
}

int
http_beside_drive(struct http *http, struct jb_error *err)
{
    struct epoll_event events[EVENTS];
    CURLMcode bad = CURLM_OK;
    int running, n = epoll_wait(http->epoll, events, EVENTS, 0);

    for (int i = 0; i < n && !bad; i++) {
        int what = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);
        bad = curl_multi_socket_action(http->multi, events[i].data.fd, what, &running);
    }
    if (!bad && http->timer <= jb_monotonic_ms()) {
        http->timer = INT64_MAX;
        bad = curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    return bad ? jb_fail(err, JB_EIO, "libcurl: %s", curl_multi_strerror(bad)) : 0;
}
