/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/http.h"

#include "base/buf.h"
#include "base/clock.h"
#include "dispatch/address.h"

#include <curl/curl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define HEADERS_MAX ((size_t)64 << 10) /* bytes of header lines of one answer */
#define OTHER_MAX   ((size_t)16 << 10) /* body of an answer that is not 2xx: more is cut */
#define COPY_MAX    ((size_t)1 << 20)  /* URL, header lines and hosts of a request */
#define FDS_MAX     8

struct http {
    CURLM *multi;
    struct http_call *calls;
    size_t running;
    bool ready; /* a call ended without libcurl */
};

struct http_call {
    struct http *http;
    struct http_request req; /* strings in the arena */
    struct jb_arena *arena;
    struct http_call *prev, *next;
    CURL *easy;
    CURLU *url; /* of this hop */
    struct curl_slist *lines;
    struct jb_buf body;
    int64_t deadline;
    const char *host;           /* of this hop */
    bool plain;                 /* this hop is http */
    bool left;                  /* a redirect left the origin */
    bool added;                 /* libcurl has it */
    bool ready;                 /* it ended before it began; `answer` says how */
    bool cut, large, no_memory; /* the write callback stopped it */
    size_t header_bytes;
    struct http_answer answer;
    char refused[128]; /* an address that was not allowed */
    char reason[200];
    char error[CURL_ERROR_SIZE];
};

/* ---- policy ---- */

static bool
proxied(const struct http_call *c)
{
    return c->req.proxy[0] != '\0';
}

static bool
address_may(struct http_call *c, enum address_class class_, const char *what)
{
    const char *why;

    if (class_ == ADDRESS_NEVER)
        why = "reserved";
    else if (class_ == ADDRESS_INSIDE && !c->req.allow_private)
        why = "not public";
    else if (class_ == ADDRESS_PUBLIC && c->plain)
        why = "public, and http is for addresses inside only";
    else
        return true;
    snprintf(c->refused, sizeof c->refused, "the address %.64s is %s", what, why);
    return false;
}

/* What can be said of a hop before a name is looked up. */
static bool
hop_may(struct http_call *c)
{
    enum address_class class_;

    if (address_class_text(c->host, &class_))
        return address_may(c, class_, c->host);
    if (address_name_is_inside(c->host) && !c->req.allow_private) {
        snprintf(c->refused, sizeof c->refused, "the host %.64s is not public", c->host);
        return false;
    }
    if (c->plain && (!c->req.allow_private || proxied(c))) {
        snprintf(c->refused, sizeof c->refused, "plain http to %.64s", c->host);
        return false;
    }
    return true;
}

static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_call *c = arg;
    char text[64] = "?";

    (void)purpose;
    if (!proxied(c)) {
        getnameinfo(&address->addr, address->addrlen, text, sizeof text, NULL, 0,
                    NI_NUMERICHOST);
        if (!address_may(c, address_class(&address->addr), text))
            return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Also for a connection that another call opened, perhaps under other settings. */
static int
on_ready(void *arg, char *peer, char *own, int peer_port, int own_port)
{
    struct http_call *c = arg;
    enum address_class class_ = ADDRESS_NEVER;

    (void)own;
    (void)peer_port;
    (void)own_port;
    if (proxied(c))
        return CURL_PREREQFUNC_OK;
    address_class_text(peer, &class_);
    return address_may(c, class_, peer) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- what comes ---- */

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *c = arg;

    (void)p;
    n *= size;
    c->header_bytes += n;
    if (c->header_bytes <= HEADERS_MAX)
        return n;
    c->large = true;
    return 0;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *c = arg;
    long status = 0;

    n *= size;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    bool good = status >= 200 && status < 300;
    size_t cap = good || c->req.max_bytes < OTHER_MAX ? c->req.max_bytes : OTHER_MAX;
    size_t take = c->body.n + n > cap ? cap - c->body.n : n;
    jb_buf_put(&c->body, p, take);
    if (c->body.err) {
        c->no_memory = true;
        return 0;
    }
    if (take == n)
        return n;
    c->cut = !good || c->req.head;
    c->large = !c->cut;
    return 0;
}

static const char *
header_of(struct http_call *c, const char *name)
{
    struct curl_header *h;

    if (curl_easy_header(c->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return NULL;
    return jb_arena_dup(c->arena, h->value, strlen(h->value));
}

/* ---- one hop ---- */

static char *
url_part(const struct http_call *c, CURLU *url, CURLUPart part)
{
    char *text = NULL, *copy;

    if (curl_url_get(url, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0))
        return NULL;
    copy = jb_arena_dup(c->arena, text, strlen(text));
    curl_free(text);
    return copy;
}

static void
refuse(struct http_call *c, const char *reason)
{
    c->answer.outcome = HTTP_REFUSED;
    snprintf(c->reason, sizeof c->reason, "%s", reason);
    c->ready = true;
    c->http->ready = true;
}

static int
add_line(struct http_call *c, const char *line)
{
    struct curl_slist *lines = curl_slist_append(c->lines, line);

    if (!lines)
        return JB_ENOMEM;
    c->lines = lines;
    return 0;
}

static int
hop_lines(struct http_call *c)
{
    curl_slist_free_all(c->lines);
    c->lines = NULL;
    /* Without this libcurl waits for a 100 that simple servers never send. */
    int rc = add_line(c, "Expect:");
    if (c->left)
        return rc;
    for (size_t i = 0; !rc && i < c->req.n_headers; i++)
        rc = add_line(c, c->req.headers[i]);
    if (!rc && c->req.token[0]) {
        const char *line = jb_arena_printf(c->arena, "Authorization: Bearer %s", c->req.token);
        rc = line ? add_line(c, line) : JB_ENOMEM;
    }
    return rc;
}

static int
hop_options(struct http_call *c, int64_t left)
{
    const struct http_request *r = &c->req;
    int64_t connect =
        r->connect_timeout && r->connect_timeout < left ? r->connect_timeout : left;
    CURLcode bad = CURLE_OK;

#define SET(option, value)                                                                     \
    do {                                                                                       \
        if (!bad)                                                                              \
            bad = curl_easy_setopt(c->easy, option, value);                                    \
    } while (0)
    curl_easy_reset(c->easy);
    SET(CURLOPT_CURLU, c->url);
    SET(CURLOPT_PRIVATE, c);
    SET(CURLOPT_ERRORBUFFER, c->error);
    SET(CURLOPT_PROTOCOLS_STR, c->plain ? "http" : "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
    SET(CURLOPT_TIMEOUT_MS, (long)left);
    SET(CURLOPT_PROXY, r->proxy);
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_USERAGENT, "jinbang/" PACKAGE_VERSION);
    SET(CURLOPT_HTTPHEADER, c->lines);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, c);
    SET(CURLOPT_PREREQFUNCTION, on_ready);
    SET(CURLOPT_PREREQDATA, c);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, c);
    if (strcmp(r->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (strcmp(r->method, "GET") == 0) {
        SET(CURLOPT_HTTPGET, 1L);
    } else {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, r->body.p);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
        SET(CURLOPT_CUSTOMREQUEST, r->method);
    }
    if (r->range) {
        char range[64];
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)r->from,
                 (unsigned long long)r->to);
        SET(CURLOPT_RANGE, range);
    }
#undef SET
    return bad ? JB_ENOMEM : 0;
}

/* Begins the hop to c->url, or says why not; JB_ENOMEM. */
static int
hop_start(struct http_call *c)
{
    int64_t left = c->deadline - jb_monotonic_ms();
    const char *scheme = url_part(c, c->url, CURLUPART_SCHEME);

    c->host = url_part(c, c->url, CURLUPART_HOST);
    if (!scheme || !c->host)
        return JB_ENOMEM;
    c->plain = strcmp(scheme, "http") == 0;
    c->refused[0] = c->error[0] = '\0';
    c->cut = c->large = false;
    c->header_bytes = 0;
    jb_buf_reset(&c->body);
    if (!c->plain && strcmp(scheme, "https") != 0) {
        refuse(c, "neither https nor http");
        return 0;
    }
    if (!hop_may(c)) {
        refuse(c, c->refused);
        return 0;
    }
    if (left < 1) {
        c->answer.outcome = HTTP_TIMED_OUT;
        snprintf(c->reason, sizeof c->reason, "no answer from %.100s in time", c->host);
        c->ready = c->http->ready = true;
        return 0;
    }
    if (hop_lines(c) || hop_options(c, left) || curl_multi_add_handle(c->http->multi, c->easy))
        return JB_ENOMEM;
    c->added = true;
    return 0;
}

/* ---- redirects ---- */

static bool
follows(const struct http_call *c, long status)
{
    return (status == 301 || status == 302 || status == 303 || status == 307 ||
            status == 308) &&
           c->req.max_redirects && c->answer.location &&
           (strcmp(c->req.method, "GET") == 0 || strcmp(c->req.method, "HEAD") == 0);
}

static bool
host_is_listed(const struct http_call *c, const char *host)
{
    for (size_t i = 0; i < c->req.n_redirect_hosts; i++)
        if (strcasecmp(host, c->req.redirect_hosts[i]) == 0)
            return true;
    return false;
}

static bool
same_origin(const struct http_call *c, CURLU *url)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *a = url_part(c, c->url, parts[i]), *b = url_part(c, url, parts[i]);
        if (!a || !b || strcasecmp(a, b) != 0)
            return false;
    }
    return true;
}

/* The next hop, or why there is none; JB_ENOMEM. */
static int
redirect(struct http_call *c)
{
    CURLU *next = curl_url_dup(c->url);
    char text[200];
    const char *host, *scheme;
    int rc = JB_ENOMEM;

    if (!next)
        return rc;
    if (c->answer.redirects >= c->req.max_redirects) {
        snprintf(text, sizeof text, "more than %u redirects", c->req.max_redirects);
        refuse(c, text);
        goto refused;
    }
    if (curl_url_set(next, CURLUPART_URL, c->answer.location,
                     CURLU_DISALLOW_USER | CURLU_URLENCODE)) {
        refuse(c, "a redirect to what is no URL of http or https");
        goto refused;
    }
    host = url_part(c, next, CURLUPART_HOST);
    scheme = url_part(c, next, CURLUPART_SCHEME);
    if (!host || !scheme)
        goto out;
    if (strcasecmp(host, c->host) != 0 && !host_is_listed(c, host)) {
        snprintf(text, sizeof text,
                 "a redirect to %.100s, which is not among the hosts allowed", host);
        refuse(c, text);
        goto refused;
    }
    if (!c->plain && strcmp(scheme, "https") != 0) {
        snprintf(text, sizeof text, "a redirect from https to %.20s", scheme);
        refuse(c, text);
        goto refused;
    }
    if (!same_origin(c, next))
        c->left = true;
    curl_url_cleanup(c->url);
    c->url = next;
    c->answer.redirects++;
    c->answer.location = NULL;
    return hop_start(c);
refused:
    rc = 0;
out:
    curl_url_cleanup(next);
    return rc;
}

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

static enum http_outcome
outcome_of(struct http_call *c, CURLcode code)
{
    if (c->no_memory || code == CURLE_OUT_OF_MEMORY)
        return HTTP_NO_MEMORY;
    if (c->large) {
        snprintf(c->reason, sizeof c->reason, "the answer of %.100s is larger than %zu bytes",
                 c->host, c->header_bytes > HEADERS_MAX ? HEADERS_MAX : c->req.max_bytes);
        return HTTP_TOO_LARGE;
    }
    if (code == CURLE_OK || c->cut)
        return HTTP_ANSWERED;
    if (c->refused[0] && (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK)) {
        snprintf(c->reason, sizeof c->reason, "%.60s: %s", c->host, c->refused);
        return HTTP_REFUSED;
    }
    snprintf(c->reason, sizeof c->reason, "%.60s: %s", c->host,
             c->error[0] ? c->error : curl_easy_strerror(code));
    return code == CURLE_OPERATION_TIMEDOUT ? HTTP_TIMED_OUT : HTTP_UNREACHABLE;
}

static void
read_headers(struct http_call *c)
{
    curl_off_t after = 0;
    const char *range, *slash, *text;

    c->answer.location = header_of(c, "Location");
    c->answer.etag = header_of(c, "ETag");
    if (!c->left) {
        if ((text = header_of(c, "X-Repo-Commit")))
            c->answer.commit = text;
        if ((text = header_of(c, "X-Error-Code")))
            c->answer.error_code = text;
    }
    c->answer.retry_after = -1;
    if (header_of(c, "Retry-After") &&
        curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after >= 0)
        c->answer.retry_after = after < INT64_MAX / 1000 ? (int64_t)after * 1000 : INT64_MAX;
    c->answer.total = 0;
    range = header_of(c, "Content-Range");
    if (range && (slash = strchr(range, '/')) && slash[1] >= '0' && slash[1] <= '9')
        c->answer.total = strtoull(slash + 1, NULL, 10);
}

static void
hop_ended(struct http_call *c, CURLcode code)
{
    long status = 0;

    curl_multi_remove_handle(c->http->multi, c->easy);
    c->added = false;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    c->answer.status = (int)status;
    c->answer.outcome = outcome_of(c, code);
    if (c->answer.outcome == HTTP_ANSWERED) {
        read_headers(c);
        if (follows(c, status)) {
            if (redirect(c) == 0)
                return;
            c->answer.outcome = HTTP_NO_MEMORY;
        }
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
        call_free(c);
    }
    curl_multi_cleanup(http->multi);
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
    c->req.body.p = jb_arena_dup(c->arena, r->body.p, r->body.n);
    if (c->req.max_redirects > HTTP_REDIRECTS_MAX)
        c->req.max_redirects = HTTP_REDIRECTS_MAX;
    return ok && c->req.body.p && copy_list(c, r->headers, r->n_headers, &c->req.headers) &&
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
    c->body = JB_BUF(request->max_bytes > OTHER_MAX ? request->max_bytes : OTHER_MAX);
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
    rc = hop_start(c);
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

int
http_run(struct http *http, const int *fds, size_t n_fds, int64_t timeout, struct jb_error *err)
{
    struct curl_waitfd extra[FDS_MAX];
    CURLMcode bad;
    CURLMsg *msg;
    int running;

    n_fds = n_fds > FDS_MAX ? FDS_MAX : n_fds;
    for (size_t i = 0; i < n_fds; i++)
        extra[i] = (struct curl_waitfd){fds[i], CURL_WAIT_POLLIN, 0};
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
    while ((msg = curl_multi_info_read(http->multi, &running))) {
        struct http_call *c = NULL;
        CURLcode code = msg->data.result;
        if (msg->msg == CURLMSG_DONE &&
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &c) == CURLE_OK && c)
            hop_ended(c, code);
    }
    deliver_ready(http);
    return 0;
}
