/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which handler answers which path: one constant table. A path that no route has is 404; one
 * that has, but not for the method, is 405 with Allow.
 */
#pragma once

#include "fcgi/request.h"
#include "fcgi/response.h"
#include "fcgi/streams.h"

struct server;

struct handling {
    struct server *server;
    const struct site *site;
    struct web_request *request;
    struct exchange exchange;
    struct response *response;
    bool json; /* errors are JSON and carry CORS: the path or the client is a program's */
};

typedef void (*handler_fn)(struct handling *h);

enum route_flags {
    ROUTE_GRADIO = 1, /* also under /gradio_api; JSON errors; CORS; Gradio's body limit */
    ROUTE_BARE = 2,   /* a Gradio route that exists without the prefix only */
    ROUTE_JSON = 4,   /* errors are JSON; CORS */
    ROUTE_NEW = 8, /* with ROUTE_GRADIO: under /gradio_api only, as 4.44.1 does not have it */
};

struct route {
    const char *pattern; /* {} stands for one segment, a last {*} for the rest */
    unsigned methods;    /* enum method bits; HEAD and OPTIONS come with GET and CORS routes */
    unsigned flags;
    handler_fn handler;
    const char *name; /* in metrics */
};

extern const struct route routes[];
extern const size_t routes_count;

/*
 * Finds the route and fills request->param; `ret_flags` are those of the path. NULL: no such
 * path and `ret_allow` is 0, or no such method and it holds those that the path has.
 */
const struct route *route_find(struct web_request *request, unsigned *ret_allow,
                               unsigned *ret_flags);

/* Allow header value for a set of methods. */
void route_put_allow(unsigned methods, struct jb_buf *out);

/* Errors below these paths are JSON even when no route matches. */
bool route_is_api_path(const struct web_request *request);
