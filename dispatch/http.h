/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP outwards: the one user of libcurl (with http_hop.c and http_beside.c). One thread, many
 * calls at once, no call waits for another. What is asked for is bounded in time and size;
 * where it goes is bounded by address (dispatch/address.h) and, after a redirect, by host. The
 * environment (proxies, netrc) has no say; there are no cookies and no caches.
 *
 * Schemes: https. Plain http only with allow_private and only to an address that is not public,
 * for mirrors inside and for tests.
 * Addresses: the one that is really connected to is checked, at every hop and again before the
 * request is sent on a connection that was open already. With a proxy it is the proxy that is
 * connected to: then only addresses written in the URL, and names that mean this machine, can
 * be refused.
 * Redirects are followed here: of GET and HEAD only, never from https to http, to a host
 * where the call was already or one of redirect_hosts. Token and header lines go to the origin
 * (scheme, host, port) of the URL alone, and no more once a redirect has left it.
 */
#pragma once

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_call;

enum http_outcome {
    HTTP_ANSWERED,    /* a whole answer with whatever status; look there */
    HTTP_UNREACHABLE, /* name not found, refused, TLS, broken off in the middle */
    HTTP_TIMED_OUT,
    HTTP_TOO_LARGE, /* more than max_bytes, of body or of header lines */
    HTTP_REFUSED,   /* by us: address, scheme, host of a redirect, too many redirects, no URL */
    HTTP_NO_MEMORY,
};

struct http_answer {
    enum http_outcome outcome;
    int status;          /* of the last hop; 0 none */
    bool tls;            /* HTTP_UNREACHABLE: who answers is not who we want, or does not want
                            us; else it is the network */
    struct jb_str body;  /* of the last hop; p[n] is NUL */
    bool cut;            /* there was more: only with `head` */
    unsigned redirects;  /* that were followed */
    int64_t retry_after; /* milliseconds, from either form of the header; -1 none */
    /* Header lines, NULL none. Those of the hub come from the origin only, whichever hop. */
    const char *location;                  /* of an answer that was not followed */
    const char *etag;                      /* of the last hop */
    const char *commit;                    /* X-Repo-Commit */
    const char *error_code;                /* X-Error-Code */
    uint64_t total;                        /* of Content-Range: bytes of the whole; 0 unknown */
    uint64_t log_epoch, log_end, log_kept; /* X-Log-Epoch, -End, -Kept; 0 none */
    const char *reason; /* one line without control characters; "" for HTTP_ANSWERED */
};

struct http_request {
    const char *method; /* NULL: GET */
    const char *url;
    struct jb_str body;         /* of POST and PUT */
    const char *const *headers; /* n_headers lines "Name: value" */
    size_t n_headers;
    const char *token;                 /* bearer token; NULL or "" none */
    const char *proxy;                 /* NULL or "" none */
    const char *const *redirect_hosts; /* n_redirect_hosts names, without port */
    size_t n_redirect_hosts;
    unsigned max_redirects; /* 0: an answer 3xx is given back as it is */
    bool allow_private;
    /* To our own hosts; NULL none. What is connected to in place of the URL's host and port,
     * "address:port"; digests of public keys, as CURLOPT_PINNEDPUBLICKEY has them. */
    const char *connect_to, *pinned;
    bool fresh; /* a connection of its own, so that the other side shows who it is now */
    int64_t connect_timeout, timeout; /* ms; the latter for all hops together */
    size_t max_bytes;
    bool head;  /* no more than the first max_bytes is wanted: the rest is cut */
    bool range; /* ask for the bytes [from, to] only */
    uint64_t from, to;
    /* Called once, from http_run(), never from http_start(). The answer is gone when it
     * returns. May start and cancel other calls. Not called after http_cancel(). */
    void (*done)(void *ctx, const struct http_answer *answer);
    void *ctx;
};

/* Redirects that are followed at most, whatever a request says. */
#define HTTP_REDIRECTS_MAX 5

/* Connections at once: to one host, and in all; more calls wait, and their time runs.
 * JB_ENOMEM, JB_EIO. */
int http_new(size_t per_host, size_t total, struct jb_error *err, struct http **ret_http);
/* Calls that run are dropped without an answer; not from within done(). NULL is fine. */
void http_free(struct http *http);

/* PEM; of the key and certificate that we show, its issuer behind it, and of all whom we
 * trust. */
struct http_identity {
    struct jb_str certificate, key, ca;
};

/*
 * Connections of their own that show this identity and trust this CA alone: https only, and
 * addresses inside only where a call allows them. http_run(beside) drives them too; to be
 * freed before it. Another identity is another set, so that no connection outlives its own.
 * JB_ENOMEM, JB_EIO.
 */
int http_new_beside(struct http *beside, const struct http_identity *identity, size_t per_host,
                    size_t total, struct jb_error *err, struct http **ret_http);

/* Time-outs, size, redirect hosts, proxy and private addresses as hub.* says, redirects as far
 * as they may be followed; the rest zero. What it points to is of the settings. */
void http_request_init(struct http_request *request, const struct conf *conf);

/* Begins a call; everything is copied but ctx. JB_ENOMEM, JB_EINVAL (no URL, a control
 * character in a header line, a method that is none). */
int http_start(struct http *http, const struct http_request *request, struct jb_error *err,
               struct http_call **ret_call);
/* It is forgotten, at once. Not for a call whose done() was called. */
void http_cancel(struct http_call *call);

/* How many calls are under way. */
size_t http_running(const struct http *http);

/* Waits until something happens to a call, one of the descriptors is readable or `timeout`
 * milliseconds are over, and drives the calls. JB_EIO. */
int http_run(struct http *http, const int *fds, size_t n_fds, int64_t timeout,
             struct jb_error *err);
