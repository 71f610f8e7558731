/* SPDX-License-Identifier: Apache-2.0 */
/* Where a hop may go, what it sends and how much of the answer is taken. */
#include <config.h>

#include "dispatch/http_hop.h"

#include "base/clock.h"
#include "dispatch/address.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

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
    if (c->header_bytes <= HTTP_HEADERS_MAX)
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
    size_t cap = good || c->req.max_bytes < HTTP_OTHER_MAX ? c->req.max_bytes : HTTP_OTHER_MAX;
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

/* Of bytes that outlive the call. */
static struct curl_blob
blob(struct jb_str bytes)
{
    return (struct curl_blob){(void *)(uintptr_t)bytes.p, bytes.n, CURL_BLOB_NOCOPY};
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
    if (c->http->identity) {
        const struct http_identity *id = c->http->identity;
        struct curl_blob certificate = blob(id->certificate), key = blob(id->key),
                         ca = blob(id->ca);
        SET(CURLOPT_SSLCERT_BLOB, &certificate);
        SET(CURLOPT_SSLKEY_BLOB, &key);
        SET(CURLOPT_CAINFO_BLOB, &ca);
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, NULL);
        SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    }
    if (c->connect_to)
        SET(CURLOPT_CONNECT_TO, c->connect_to);
    if (r->fresh)
        SET(CURLOPT_FRESH_CONNECT, 1L);
    if (r->pinned[0])
        SET(CURLOPT_PINNEDPUBLICKEY, r->pinned);
#undef SET
    return bad ? JB_ENOMEM : 0;
}

int
http_hop_start(struct http_call *c)
{
    int64_t left = c->deadline - jb_monotonic_ms();
    const char *scheme = url_part(c, c->url, CURLUPART_SCHEME);

    c->host = url_part(c, c->url, CURLUPART_HOST);
    if (!scheme || !c->host)
        return JB_ENOMEM;
    c->first_host = c->first_host ? c->first_host : c->host;
    c->plain = strcmp(scheme, "http") == 0;
    c->refused[0] = c->error[0] = '\0';
    c->cut = c->large = false;
    c->header_bytes = 0;
    jb_buf_reset(&c->body);
    if (c->plain && c->http->identity) {
        refuse(c, "plain http to one of our own hosts");
        return 0;
    }
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

bool
http_hop_redirects(const struct http_call *c)
{
    int status = c->answer.status;

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

int
http_hop_redirect(struct http_call *c)
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
    if (strcasecmp(host, c->host) != 0 && strcasecmp(host, c->first_host) != 0 &&
        !host_is_listed(c, host)) {
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
    return http_hop_start(c);
refused:
    rc = 0;
out:
    curl_url_cleanup(next);
    return rc;
}

/* ---- what came ---- */

/* An alert that comes after a handshake of TLS 1.3 is an error of reading. */
static bool
is_tls(const struct http_call *c, CURLcode code)
{
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR: /* a handshake that broke off is the network's */
        return !strstr(c->error, "SSL_ERROR_SYSCALL") && !strstr(c->error, "Recv failure") &&
               !strstr(c->error, "Send failure") && !strstr(c->error, "unexpected eof");
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT: return true;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: return strstr(c->error, " alert ") != NULL;
    default: return false;
    }
}

static enum http_outcome
outcome_of(struct http_call *c, CURLcode code)
{
    if (c->no_memory || code == CURLE_OUT_OF_MEMORY)
        return HTTP_NO_MEMORY;
    if (c->large) {
        snprintf(c->reason, sizeof c->reason, "the answer of %.100s is larger than %zu bytes",
                 c->host,
                 c->header_bytes > HTTP_HEADERS_MAX ? HTTP_HEADERS_MAX : c->req.max_bytes);
        return HTTP_TOO_LARGE;
    }
    if (code == CURLE_OK || c->cut)
        return HTTP_ANSWERED;
    if (c->refused[0] && (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK)) {
        snprintf(c->reason, sizeof c->reason, "%.60s: %s", c->host, c->refused);
        return HTTP_REFUSED;
    }
    snprintf(c->reason, sizeof c->reason, "%.60s: %.130s", c->host,
             c->error[0] ? c->error : curl_easy_strerror(code));
    c->answer.tls = is_tls(c, code);
    return code == CURLE_OPERATION_TIMEDOUT ? HTTP_TIMED_OUT : HTTP_UNREACHABLE;
}

static uint64_t
number_of(struct http_call *c, const char *name)
{
    const char *text = header_of(c, name);

    return text && *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : 0;
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
    if (c->http->identity) {
        c->answer.log_epoch = number_of(c, "X-Log-Epoch");
        c->answer.log_end = number_of(c, "X-Log-End");
        c->answer.log_kept = number_of(c, "X-Log-Kept");
    }
    range = header_of(c, "Content-Range");
    if (range && (slash = strchr(range, '/')) && slash[1] >= '0' && slash[1] <= '9')
        c->answer.total = strtoull(slash + 1, NULL, 10);
}

void
http_hop_read(struct http_call *c, CURLcode code)
{
    long status = 0;

    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    c->answer.status = (int)status;
    c->answer.outcome = outcome_of(c, code);
    if (c->answer.outcome == HTTP_ANSWERED)
        read_headers(c);
}
