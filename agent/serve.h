/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over a listener and its connections. One thread. */
#pragma once

#include "agent/conn.h"
#include "crypto/listener.h"

struct serve {
    struct listener *listener; /* stays the caller's */
    size_t max_peers;
    struct conn_limits limits;
    int signals; /* a signalfd */
    int64_t tick_ms;
    void *ctx;
    /* As conn_answer, with who asks: NULL, a peer without a certificate. */
    void (*answer)(void *ctx, const struct pki_identity *peer,
                   const struct http_request *request, int rc, const struct jb_error *err,
                   struct http_answer *ret_answer);
    void (*tick)(void *ctx); /* at least every tick_ms, and behind each answer */
    /* A signal came. True: stop. */
    bool (*signalled)(void *ctx, int signo);
    /* True: stop, once whoever asked has closed in order, or after 3 s: the last answer may
     * have been lost, and the same request come again. NULL: never. */
    bool (*done)(void *ctx);
};

/* Until a signal or `done` says so. JB_EIO: it cannot go on. */
int serve_run(const struct serve *s, struct jb_error *err);
