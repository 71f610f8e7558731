/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small strict subset of HTTP/1.1 (RFC 9112), without sockets: bytes are pushed in, a request
 * comes out. One request after the other on a connection; what follows a request before its
 * answer is refused. A body has a Content-Length; Transfer-Encoding and Expect are refused, and
 * so is whatever two readers could take for two things: bare line feeds, folded lines, blanks
 * before a colon, a header twice that counts once, absolute and percent-encoded targets.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP_HEAD_MAX    ((size_t)8 << 10)
#define HTTP_HEADERS_MAX 32
#define HTTP_TARGET_MAX  512

enum http_method { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_METHODS };
const char *http_method_word(enum http_method method);

struct http_request {
    enum http_method method;
    struct jb_str path;  /* "/v1/info"; letters, digits and / . _ ~ - */
    struct jb_str query; /* behind the '?', as it came; "" none */
    struct jb_str body;
    bool keep_alive;   /* the client did not ask to close */
    bool has_range;    /* Range: bytes=from-to */
    uint64_t from, to; /* inclusive; UINT64_MAX for an open end */
};

struct http_parser {
    size_t body_max;
    struct jb_buf head, body; /* private, as all below */
    size_t length;            /* of the body, once the head is there */
    bool in_body;
    int failed;
    struct http_request request;
};

void http_parser_init(struct http_parser *p, size_t body_max);
void http_parser_free(struct http_parser *p);

/*
 * 1: the request is complete, http_parser_request() gives it; 0: more is wanted. Negative, and
 * for ever after: refused, `err` says why and the code's HTTP status is the answer's, then the
 * connection closes. JB_EPARSE, JB_EINVAL (400), JB_EMETHOD, JB_ETOOBIG, JB_ENOTSUP, JB_ENOMEM.
 */
int http_push(struct http_parser *p, const void *bytes, size_t n, struct jb_error *err);
const struct http_request *http_parser_request(const struct http_parser *p);
/* Has anything of a request come? For the time-out of idle connections. */
bool http_parser_begun(const struct http_parser *p);
/* The request was answered: ready for the next one. */
void http_parser_next(struct http_parser *p);

/* A number of the query, "from=17&epoch=2". 0; JB_ENOENT; JB_EPARSE. */
int http_query_uint(struct jb_str query, const char *name, uint64_t *ret);

struct http_answer {
    int status;
    const char *type;      /* of the body; NULL none */
    struct jb_buf headers; /* further lines, by http_answer_header() */
    struct jb_buf body;
};

#define HTTP_ANSWER(limit)                                                                     \
    ((struct http_answer){.headers = JB_BUF(4096), .body = JB_BUF(limit)})
void http_answer_free(struct http_answer *a);
/* The value is ours, or was checked: no control characters. */
void http_answer_header(struct http_answer *a, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Status line, headers and body. Errors stand in `out`. */
void http_answer_put(const struct http_answer *a, bool keep_alive, struct jb_buf *out);
