/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ALNUM       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define TOKEN_CHARS ALNUM "!#$%&'*+-.^_`|~"
#define PATH_CHARS  ALNUM "/._~-"
#define QUERY_CHARS ALNUM "=&._~-"

static const char *const methods[HTTP_METHODS] = {"GET", "PUT", "POST", "DELETE"};

const char *
http_method_word(enum http_method method)
{
    return (unsigned)method < HTTP_METHODS ? methods[method] : "";
}

void
http_parser_init(struct http_parser *p, size_t body_max)
{
    *p = (struct http_parser){
        .body_max = body_max, .head = JB_BUF(HTTP_HEAD_MAX), .body = JB_BUF(body_max)};
}

void
http_parser_free(struct http_parser *p)
{
    jb_buf_free(&p->head);
    jb_buf_free(&p->body);
}

const struct http_request *
http_parser_request(const struct http_parser *p)
{
    return &p->request;
}

bool
http_parser_begun(const struct http_parser *p)
{
    return p->head.n > 0;
}

void
http_parser_next(struct http_parser *p)
{
    jb_buf_reset(&p->head);
    jb_buf_reset(&p->body);
    p->in_body = false;
    p->length = 0;
    p->request = (struct http_request){0};
}

static bool
made_of(struct jb_str s, const char *letters)
{
    for (size_t i = 0; i < s.n; i++)
        if (!s.p[i] || !strchr(letters, s.p[i]))
            return false;
    return true;
}

/* Takes what stands before `c` off `rest`; false when there is no `c`. */
static bool
take(struct jb_str *rest, char c, struct jb_str *ret)
{
    const char *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;

    if (!at)
        return false;
    *ret = (struct jb_str){rest->p, (size_t)(at - rest->p)};
    rest->n -= ret->n + 1;
    rest->p = at + 1;
    return true;
}

static int
read_line(struct http_request *r, struct jb_str line, struct jb_error *err)
{
    struct jb_str method, target;
    int i = 0;

    if (!take(&line, ' ', &method) || !take(&line, ' ', &target) || method.n == 0)
        return jb_fail(err, JB_EPARSE, "no request line");
    if (!jb_str_is(line, "HTTP/1.1"))
        return jb_fail(err, JB_EPARSE, "not HTTP/1.1");
    while (i < HTTP_METHODS && !jb_str_is(method, methods[i]))
        i++;
    if (i == HTTP_METHODS)
        return jb_fail(err, made_of(method, TOKEN_CHARS) ? JB_EMETHOD : JB_EPARSE,
                       "unknown method");
    if (target.n > HTTP_TARGET_MAX)
        return jb_fail(err, JB_ETOOBIG, "the target has more than %d bytes", HTTP_TARGET_MAX);
    r->method = (enum http_method)i;
    r->path = target;
    if (take(&target, '?', &r->path))
        r->query = target;
    if (r->path.n == 0 || r->path.p[0] != '/' || !made_of(r->path, PATH_CHARS) ||
        !made_of(r->query, QUERY_CHARS))
        return jb_fail(err, JB_EPARSE, "not a target that is known here");
    return 0;
}

static int
read_range(struct http_request *r, struct jb_str value, struct jb_error *err)
{
    struct jb_str from, unit;
    int64_t n;

    if (!take(&value, '=', &unit) || !jb_str_is(unit, "bytes") || !take(&value, '-', &from) ||
        jb_parse_int(from, 0, INT64_MAX, &n))
        return jb_fail(err, JB_EINVAL, "Range: only bytes=N- and bytes=N-M are known");
    r->from = (uint64_t)n;
    r->to = UINT64_MAX;
    if (value.n) {
        if (jb_parse_int(value, n, INT64_MAX, &n))
            return jb_fail(err, JB_EINVAL, "Range: only bytes=N- and bytes=N-M are known");
        r->to = (uint64_t)n;
    }
    r->has_range = true;
    return 0;
}

struct heading {
    bool host, length, range, connection;
};

static bool
name_is(struct jb_str name, const char *word)
{
    return name.n == strlen(word) && strncasecmp(name.p, word, name.n) == 0;
}

static int
once(bool *seen, const char *what, struct jb_error *err)
{
    if (*seen)
        return jb_fail(err, JB_EPARSE, "%s: there twice", what);
    *seen = true;
    return 0;
}

static int
read_header(struct http_parser *p, struct heading *seen, struct jb_str name,
            struct jb_str value, struct jb_error *err)
{
    int64_t n;
    int rc = 0;

    if (name_is(name, "Transfer-Encoding"))
        return jb_fail(err, JB_ENOTSUP, "Transfer-Encoding: not known here");
    if (name_is(name, "Expect") || name_is(name, "Upgrade") || name_is(name, "Trailer"))
        return jb_fail(err, JB_ENOTSUP, "%.*s: not known here", JB_STR_FMT(name));
    if (name_is(name, "Host"))
        return once(&seen->host, "Host", err);
    if (name_is(name, "Range")) {
        rc = once(&seen->range, "Range", err);
        return rc ? rc : read_range(&p->request, value, err);
    }
    if (name_is(name, "Connection")) {
        rc = once(&seen->connection, "Connection", err);
        if (!rc && name_is(value, "close"))
            p->request.keep_alive = false;
        else if (!rc && !name_is(value, "keep-alive"))
            rc = jb_fail(err, JB_ENOTSUP, "Connection: only close and keep-alive are known");
        return rc;
    }
    if (!name_is(name, "Content-Length"))
        return 0;
    rc = once(&seen->length, "Content-Length", err);
    if (rc)
        return rc;
    if (value.n == 0 || value.n > 15 || !made_of(value, "0123456789") ||
        jb_parse_int(value, 0, INT64_MAX, &n))
        return jb_fail(err, JB_EPARSE, "Content-Length: not a number");
    if ((uint64_t)n > p->body_max)
        return jb_fail(err, JB_ETOOBIG, "Content-Length: a body has at most %zu bytes",
                       p->body_max);
    p->length = (size_t)n;
    return 0;
}

static int
split_header(struct jb_str line, struct jb_str *ret_name, struct jb_str *ret_value,
             struct jb_error *err)
{
    if (!take(&line, ':', ret_name) || ret_name->n == 0 || !made_of(*ret_name, TOKEN_CHARS))
        return jb_fail(err, JB_EPARSE, "not a header line");
    while (line.n && (line.p[0] == ' ' || line.p[0] == '\t')) {
        line.p++;
        line.n--;
    }
    while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
        line.n--;
    for (size_t i = 0; i < line.n; i++)
        if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
            return jb_fail(err, JB_EPARSE, "a control character in a header");
    *ret_value = line;
    return 0;
}

/* A line up to its CR LF; the head is known to end in an empty one. */
static int
next_line(struct jb_str *rest, struct jb_str *ret_line, struct jb_error *err)
{
    if (!take(rest, '\n', ret_line) || ret_line->n == 0 || ret_line->p[ret_line->n - 1] != '\r')
        return jb_fail(err, JB_EPARSE, "a line that does not end in CR LF");
    ret_line->n--;
    if (ret_line->n && memchr(ret_line->p, '\r', ret_line->n))
        return jb_fail(err, JB_EPARSE, "a CR within a line");
    return 0;
}

static int
read_head(struct http_parser *p, struct jb_error *err)
{
    struct jb_str rest = jb_buf_view(&p->head), line, name = {0}, value = {0};
    struct heading seen = {0};
    int rc = next_line(&rest, &line, err);

    p->request = (struct http_request){.keep_alive = true};
    if (!rc)
        rc = read_line(&p->request, line, err);
    for (size_t n = 0; !rc; n++) {
        rc = next_line(&rest, &line, err);
        if (rc || line.n == 0)
            break;
        if (n == HTTP_HEADERS_MAX)
            return jb_fail(err, JB_ETOOBIG, "more than %d headers", HTTP_HEADERS_MAX);
        rc = split_header(line, &name, &value, err);
        if (!rc)
            rc = read_header(p, &seen, name, value, err);
    }
    if (rc)
        return rc;
    if (!seen.host)
        return jb_fail(err, JB_EINVAL, "Host: missing");
    bool carries = p->request.method == HTTP_PUT || p->request.method == HTTP_POST;
    if (carries && !seen.length)
        return jb_fail(err, JB_EINVAL, "Content-Length: missing");
    if (!carries && p->length)
        return jb_fail(err, JB_EINVAL, "a body where none is known");
    return 0;
}

/* Bytes of `add` that belong to the head, when it ends within them; 0: it does not. */
static size_t
head_end(const struct jb_buf *head, const char *add, size_t n)
{
    static const char end[] = "\r\n\r\n";

    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        /* the last four bytes of head and add[0..i] together */
        while (k < 4) {
            char c = k <= i                ? add[i - k]
                     : k - i - 1 < head->n ? head->p[head->n - (k - i)]
                                           : '\0';
            if (c != end[3 - k])
                break;
            k++;
        }
        if (k == 4)
            return i + 1;
    }
    return 0;
}

static int
push(struct http_parser *p, const char *bytes, size_t n, struct jb_error *err)
{
    if (!p->in_body) {
        size_t end = head_end(&p->head, bytes, n), part = end ? end : n;

        if (part > HTTP_HEAD_MAX - p->head.n)
            return jb_fail(err, JB_ETOOBIG, "the head has more than %zu bytes", HTTP_HEAD_MAX);
        jb_buf_put(&p->head, bytes, part);
        if (p->head.err)
            return jb_fail(err, p->head.err, "no room for the head");
        /* what is no HTTP at all is told before its end is waited for */
        if (p->head.p && p->head.n && (p->head.p[0] < 'A' || p->head.p[0] > 'Z'))
            return jb_fail(err, JB_EPARSE, "not HTTP");
        if (!end)
            return 0;
        int rc = read_head(p, err);
        if (rc)
            return rc;
        p->in_body = true;
        bytes += part;
        n -= part;
    }
    if (n > p->length - p->body.n)
        return jb_fail(err, JB_EPARSE, "bytes behind the request");
    jb_buf_put(&p->body, bytes, n);
    if (p->body.err)
        return jb_fail(err, p->body.err, "no room for the body");
    if (p->body.n < p->length)
        return 0;
    p->request.body = jb_buf_view(&p->body);
    return 1;
}

int
http_push(struct http_parser *p, const void *bytes, size_t n, struct jb_error *err)
{
    if (p->failed)
        return jb_fail(err, p->failed, "refused before");
    if (n == 0)
        return p->in_body && p->body.n == p->length;
    int rc = push(p, bytes, n, err);
    if (rc < 0)
        p->failed = rc;
    return rc;
}

int
http_query_uint(struct jb_str query, const char *name, uint64_t *ret)
{
    size_t n = strlen(name);
    int64_t value;

    while (query.n) {
        struct jb_str part;

        if (!take(&query, '&', &part)) {
            part = query;
            query.n = 0;
        }
        if (part.n <= n || memcmp(part.p, name, n) != 0 || part.p[n] != '=')
            continue;
        int rc =
            jb_parse_int((struct jb_str){part.p + n + 1, part.n - n - 1}, 0, INT64_MAX, &value);
        if (!rc)
            *ret = (uint64_t)value;
        return rc ? JB_EPARSE : 0;
    }
    return JB_ENOENT;
}

/* --- answers ------------------------------------------------------------------------------ */

static const struct {
    int status;
    const char *text;
} reasons[] = {
    {200, "OK"},
    {206, "Partial Content"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

void
http_answer_free(struct http_answer *a)
{
    jb_buf_free(&a->headers);
    jb_buf_free(&a->body);
}

void
http_answer_header(struct http_answer *a, const char *name, const char *fmt, ...)
{
    char value[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    jb_buf_printf(&a->headers, "%s: %s\r\n", name, value);
}

void
http_answer_put(const struct http_answer *a, bool keep_alive, struct jb_buf *out)
{
    const char *text = "Error";

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == a->status)
            text = reasons[i].text;
    jb_buf_printf(out, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n", a->status, text, a->body.n);
    if (a->type)
        jb_buf_printf(out, "Content-Type: %s\r\n", a->type);
    if (!keep_alive)
        jb_buf_puts(out, "Connection: close\r\n");
    jb_buf_str(out, jb_buf_view(&a->headers));
    jb_buf_puts(out, "\r\n");
    jb_buf_str(out, jb_buf_view(&a->body));
    if (!out->err)
        out->err = a->headers.err ? a->headers.err : a->body.err;
}
