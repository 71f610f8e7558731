/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: requests in, answers out, one after the other, over anything that reads and
 * writes without blocking (a peer of crypto/listener.h, a socket of a test). Time-outs: a
 * request has so long to come and its answer so long to be taken, silence in between is borne
 * longer; after an hour the connection ends with an answer, so that a certificate that ran out
 * does not live on.
 */
#pragma once

#include "agent/http.h"

struct conn_io {
    void *ctx;
    /* As peer_read() and peer_write(). */
    long (*read)(void *ctx, void *buf, size_t n);
    long (*write)(void *ctx, const void *buf, size_t n);
};

struct conn_limits {
    size_t body_max, answer_max;
    int64_t request_ms, idle_ms;
};

/* Answers a request, or what was none (`request` NULL, `rc` and `err` of http_push()). */
typedef void conn_answer(void *ctx, const struct http_request *request, int rc,
                         const struct jb_error *err, struct http_answer *ret_answer);

enum conn_wants { CONN_READ, CONN_WRITE, CONN_CLOSE };

struct conn {
    struct conn_io io;
    struct conn_limits limits;
    conn_answer *answer;
    void *ctx;
    /* private */
    struct http_parser parser;
    struct jb_buf out;
    size_t sent;
    int64_t born, since; /* since: of what it does now */
    bool closing;
    bool ended; /* the other side closed in order, not just went away */
    enum conn_wants wants;
};

void conn_init(struct conn *c, const struct conn_io *io, const struct conn_limits *limits,
               conn_answer *answer, void *ctx, int64_t now_ms);
void conn_free(struct conn *c);
/* As far as it goes without waiting. */
enum conn_wants conn_run(struct conn *c, int64_t now_ms);
/* When conn_run() is to be called even though nothing came. */
int64_t conn_deadline(const struct conn *c);
