/* SPDX-License-Identifier: Apache-2.0 */
/* One request as handlers see it. All strings live in the request's arena. */
#pragma once

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"

#include <stdbool.h>

enum method {
    METHOD_GET = 1,
    METHOD_HEAD = 2,
    METHOD_POST = 4,
    METHOD_OPTIONS = 8,
    METHOD_OTHER = 16
};

struct web_request {
    struct jb_arena *arena;
    enum method method;
    struct jb_str path;     /* decoded, without the mount; starts with '/' */
    bool prefixed;          /* it came under /gradio_api, which `path` no longer has */
    struct jb_str query;    /* raw, without '?' */
    struct jb_str param[2]; /* what the route's {} stand for */
    struct jb_str body;
    /* Header fields, empty when absent. */
    struct jb_str origin, accept, accept_encoding, if_none_match, cors_method, cors_headers;
    struct jb_str host, authorization;
};

/* Gives a FastCGI parameter or NULL. */
typedef const char *(*request_param_fn)(const void *ctx, const char *name);

/*
 * Fills `ret_request` from the parameters; the body is read later. JB_EINVAL (broken
 * %-escape, invalid UTF-8, a path outside the mount: JB_ENOENT), JB_ENOMEM.
 */
int web_request_read(const struct conf *conf, request_param_fn param, const void *ctx,
                     struct jb_arena *arena, struct jb_error *err,
                     struct web_request *ret_request);

/* Accept-Encoding allows gzip (RFC 9110 12.5.3: q-values, `*`). */
bool web_request_accepts_gzip(struct jb_str accept_encoding);

/* Accept names text/html with a weight above 0, as browsers do when they go to a page. Programs
 * and a page's own requests ask for anything, and read JSON. */
bool web_request_wants_html(struct jb_str accept);

/* If-None-Match names `etag` (with its quotes) or is `*`; weak comparison. */
bool web_request_etag_matches(struct jb_str if_none_match, struct jb_str etag);

/* %-decodes into `arena`; JB_EINVAL for a broken escape, NUL or invalid UTF-8. */
int web_request_decode(struct jb_str in, struct jb_arena *arena, struct jb_error *err,
                       struct jb_str *ret_out);

/* First value of a key in the query, decoded; false if absent or broken. */
bool web_request_query_value(const struct web_request *request, const char *key,
                             struct jb_str *ret_value);
