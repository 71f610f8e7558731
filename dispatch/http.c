/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/http.h"

#include "base/clock.h"
#include "dispatch/http_hop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define COPY_MAX ((size_t)1 << 20) /* URL, header lines and hosts of a request */
#define FDS_MAX  8
#define SETS_MAX 8 /* that are polled for; more are looked at often */
#define LOOK_MS  50

/* ---- a call ends ---- */

/* Control characters and bytes of who knows what stay out of logs and pages. */
static void
clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            *text = '?';
}

static void
call_free(struct http_call *c)
{
    if (c->added)
        curl_multi_remove_handle(c->http->multi, c->easy);
    if (c->easy)
        curl_easy_cleanup(c->easy);
    curl_url_cleanup(c->url);
    curl_slist_free_all(c->lines);
    curl_slist_free_all(c->connect_to);
    jb_buf_free(&c->body);
    jb_arena_free(c->arena);
    free(c);
}

static void
deliver(struct http_call *c)
{
    struct http *http = c->http;

    if (c->answer.outcome == HTTP_NO_MEMORY)
        snprintf(c->reason, sizeof c->reason, "out of memory");
    if (c->answer.outcome == HTTP_ANSWERED)
        c->reason[0] = '\0';
    clean(c->reason);
    c->answer.reason = c->reason;
    c->answer.body = (struct jb_str){c->body.p ? c->body.p : "", c->body.n};
    c->answer.cut = c->cut;
    DL_DELETE(http->calls, c);
    http->running--;
    c->req.done(c->req.ctx, &c->answer);
    call_free(c);
}

static void
hop_ended(struct http_call *c, CURLcode code)
{
    curl_multi_remove_handle(c->http->multi, c->easy);
    c->added = false;
    http_hop_read(c, code);
    if (c->answer.outcome == HTTP_ANSWERED && http_hop_redirects(c)) {
        if (http_hop_redirect(c) == 0)
            return;
        c->answer.outcome = HTTP_NO_MEMORY;
    }
    deliver(c);
}

/* ---- outside ---- */

int
http_new(size_t per_host, size_t total, struct jb_error *err, struct http **ret_http)
{
    struct http *http = calloc(1, sizeof *http);

    if (!http)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(http);
        return jb_fail(err, JB_EIO, "libcurl cannot be set up");
    }
    http->epoll = -1;
    http->multi = curl_multi_init();
    if (!http->multi) {
        http_free(http);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)per_host);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)total);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)total);
    *ret_http = http;
    return 0;
}

void
http_free(struct http *http)
{
    struct http_call *c, *next;

    if (!http)
        return;
    DL_FOREACH_SAFE(http->calls, c, next)
    {
        DL_DELETE(http->calls, c);
        /* Without this a resolver that hangs would hold us. */
        curl_easy_setopt(c->easy, CURLOPT_QUICK_EXIT, 1L);
        call_free(c);
    }
    curl_multi_cleanup(http->multi);
    http_beside_free(http);
    curl_global_cleanup();
    free(http);
}

void
http_request_init(struct http_request *request, const struct conf *conf)
{
    *request = (struct http_request){
        .proxy = conf->hub.proxy,
        .redirect_hosts = conf->hub.redirect_hosts.items,
        .n_redirect_hosts = conf->hub.redirect_hosts.n,
        .max_redirects = HTTP_REDIRECTS_MAX,
        .allow_private = conf->hub.allow_private,
        .connect_timeout = conf->hub.connect_timeout,
        .timeout = conf->hub.timeout,
        .max_bytes = (size_t)conf->hub.max_bytes,
    };
}

static bool
has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

/* Where a call to one of our own hosts goes. */
static bool
set_connect_to(struct http_call *c)
{
    const char *line;

    if (!c->req.connect_to[0])
        return true;
    line = jb_arena_printf(c->arena, "::%s", c->req.connect_to);
    return line && (c->connect_to = curl_slist_append(NULL, line));
}

static const char *
copy(struct http_call *c, const char *text, bool *ok)
{
    const char *dup = text ? jb_arena_dup(c->arena, text, strlen(text)) : "";

    *ok = *ok && dup;
    return dup;
}

static bool
copy_list(struct http_call *c, const char *const *items, size_t n, const char *const **ret)
{
    const char **copies = jb_arena_array(c->arena, n + 1, sizeof *copies);
    bool ok = copies != NULL;

    for (size_t i = 0; ok && i < n; i++)
        copies[i] = copy(c, items[i], &ok);
    *ret = copies;
    return ok;
}

static int
check_request(const struct http_request *r, struct jb_error *err)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};
    bool known = !r->method;

    for (size_t i = 0; !known && i < sizeof methods / sizeof *methods; i++)
        known = strcmp(r->method, methods[i]) == 0;
    if (!known)
        return jb_fail(err, JB_EINVAL, "unknown HTTP method");
    if (r->token && has_control(r->token))
        return jb_fail(err, JB_EINVAL, "the token holds a control character");
    for (size_t i = 0; i < r->n_headers; i++)
        if (has_control(r->headers[i]) || !strchr(r->headers[i], ':'))
            return jb_fail(err, JB_EINVAL,
                           "a header line is none or holds a control character");
    return 0;
}

static bool
copy_request(struct http_call *c, const struct http_request *r)
{
    bool ok = true;

    c->req = *r;
    c->req.method = copy(c, r->method ? r->method : "GET", &ok);
    c->req.url = copy(c, r->url, &ok);
    c->req.token = copy(c, r->token, &ok);
    c->req.proxy = copy(c, r->proxy, &ok);
    c->req.connect_to = copy(c, r->connect_to, &ok);
    c->req.pinned = copy(c, r->pinned, &ok);
    c->req.body.p = jb_arena_dup(c->arena, r->body.p, r->body.n);
    if (c->req.max_redirects > HTTP_REDIRECTS_MAX)
        c->req.max_redirects = HTTP_REDIRECTS_MAX;
    return ok && c->req.body.p && set_connect_to(c) &&
           copy_list(c, r->headers, r->n_headers, &c->req.headers) &&
           copy_list(c, r->redirect_hosts, r->n_redirect_hosts, &c->req.redirect_hosts);
}

int
http_start(struct http *http, const struct http_request *request, struct jb_error *err,
           struct http_call **ret_call)
{
    int rc = check_request(request, err);
    struct http_call *c;

    if (rc)
        return rc;
    c = calloc(1, sizeof *c);
    if (!c)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    c->http = http;
    c->answer.retry_after = -1;
    c->body = JB_BUF(request->max_bytes > HTTP_OTHER_MAX ? request->max_bytes : HTTP_OTHER_MAX);
    c->deadline = jb_monotonic_ms() + request->timeout;
    c->arena = jb_arena_new(COPY_MAX + request->body.n);
    c->easy = curl_easy_init();
    c->url = curl_url();
    if (!c->arena || !c->easy || !c->url || !copy_request(c, request)) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    CURLUcode bad = curl_url_set(c->url, CURLUPART_URL, c->req.url,
                                 CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME);
    if (bad) {
        rc = bad == CURLUE_OUT_OF_MEMORY ? jb_fail(err, JB_ENOMEM, "out of memory")
                                         : jb_fail(err, JB_EINVAL, "this is no URL");
        goto out;
    }
    rc = http_hop_start(c);
    if (rc) {
        jb_fail(err, rc, "out of memory");
        goto out;
    }
    DL_APPEND(http->calls, c);
    http->running++;
    *ret_call = c;
out:
    if (rc)
        call_free(c);
    return rc;
}

void
http_cancel(struct http_call *call)
{
    DL_DELETE(call->http->calls, call);
    call->http->running--;
    call_free(call);
}

size_t
http_running(const struct http *http)
{
    return http->running;
}

/* From the start each time: done() may have changed the list. */
static void
deliver_ready(struct http *http)
{
    struct http_call *c;

    while (http->ready) {
        http->ready = false;
        DL_FOREACH (http->calls, c)
            if (c->ready) {
                http->ready = true;
                deliver(c);
                break;
            }
    }
}

static void
read_messages(struct http *http)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(http->multi, &left))) {
        struct http_call *c = NULL;
        CURLcode code = msg->data.result;
        if (msg->msg == CURLMSG_DONE &&
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &c) == CURLE_OK && c)
            hop_ended(c, code);
    }
    deliver_ready(http);
}

static int64_t
until_timer(const struct http *http, int64_t timeout)
{
    int64_t left = http->timer == INT64_MAX ? timeout : http->timer - jb_monotonic_ms();

    return http->ready || left < 0 ? 0 : left < timeout ? left : timeout;
}

int
http_run(struct http *http, const int *fds, size_t n_fds, int64_t timeout, struct jb_error *err)
{
    struct curl_waitfd extra[FDS_MAX + SETS_MAX];
    struct http *beside, *next;
    CURLMcode bad;
    int running, rc = 0;

    n_fds = n_fds > FDS_MAX ? FDS_MAX : n_fds;
    for (size_t i = 0; i < n_fds; i++)
        extra[i] = (struct curl_waitfd){fds[i], CURL_WAIT_POLLIN, 0};
    DL_FOREACH (http->besides, beside) {
        if (n_fds < FDS_MAX + SETS_MAX)
            extra[n_fds++] = (struct curl_waitfd){beside->epoll, CURL_WAIT_POLLIN, 0};
        else if (timeout > LOOK_MS)
            timeout = LOOK_MS;
        timeout = until_timer(beside, timeout);
    }
    if (timeout < 0 || http->ready)
        timeout = 0;
    bad = curl_multi_perform(http->multi, &running);
    if (!bad)
        bad = curl_multi_poll(http->multi, extra, (unsigned)n_fds,
                              timeout > INT32_MAX ? INT32_MAX : (int)timeout, NULL);
    if (!bad)
        bad = curl_multi_perform(http->multi, &running);
    if (bad)
        return jb_fail(err, JB_EIO, "libcurl: %s", curl_multi_strerror(bad));
    read_messages(http);
    DL_FOREACH_SAFE(http->besides, beside, next)
    {
        if (!rc && !(rc = http_beside_drive(beside, err)))
            read_messages(beside);
    }
    return rc;
}
