/* SPDX-License-Identifier: Apache-2.0 */
/* What dispatch/http.c, http_hop.c (one hop of a call) and http_beside.c (connections under an
 * identity) know of each other. */
#pragma once

#include "base/buf.h"
#include "dispatch/http.h"

#include <curl/curl.h>

#define HTTP_HEADERS_MAX ((size_t)64 << 10) /* bytes of header lines of one answer */
#define HTTP_OTHER_MAX   ((size_t)16 << 10) /* body of an answer that is not 2xx: more is cut */

struct http {
    CURLM *multi;
    struct http_call *calls;
    size_t running;
    bool ready; /* a call ended without libcurl */
    struct http *besides;
    /* Of one that is driven beside another. */
    struct http *beside, *prev, *next;
    int epoll;     /* of its sockets */
    int64_t timer; /* when libcurl wants to be called, monotonic ms; INT64_MAX never */
    struct jb_arena *arena;
    const struct http_identity *identity; /* NULL none */
};

struct http_call {
    struct http *http;
    struct http_request req; /* strings in the arena */
    struct jb_arena *arena;
    struct http_call *prev, *next;
    CURL *easy;
    CURLU *url; /* of this hop */
    struct curl_slist *lines, *connect_to;
    struct jb_buf body;
    int64_t deadline;
    const char *host;           /* of this hop */
    const char *first_host;     /* of the URL */
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

/* Begins the hop to c->url, or says in the answer why not (c->ready). JB_ENOMEM. */
int http_hop_start(struct http_call *c);

/* What came of it, with the header lines of the answer; libcurl has let go of it. */
void http_hop_read(struct http_call *c, CURLcode code);

/* Is that answer a redirect that is to be followed? */
bool http_hop_redirects(const struct http_call *c);

/* Begins the next hop, or says in the answer why not (c->ready). JB_ENOMEM. */
int http_hop_redirect(struct http_call *c);

/* Its sockets and its timer. JB_EIO. */
int http_beside_drive(struct http *http, struct jb_error *err);
/* What http_new_beside() made beyond the rest. */
void http_beside_free(struct http *http);
