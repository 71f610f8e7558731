/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detached connections of the streams thread: answers on their way out and open event streams.
 * Each has an id; bytes for it wait here until its socket takes them. One thread uses it.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "fcgi/record.h"

#include <stdbool.h>
#include <stdint.h>

struct outlets;

/* A FastCGI connection in the middle of a request. */
struct exchange {
    int fd;
    uint16_t id;
    bool keep; /* nginx keeps the connection */
};

struct outlets_hooks {
    void *ctx;
    /* The answer is out: take the connection back (keep) or it was closed already (!keep). */
    void (*done)(void *ctx, int fd, bool keep);
    /* The peer of an open stream went away, or does not read; its id is forgotten. */
    void (*gone)(void *ctx, uint64_t id);
};

/* Sockets are registered with `epoll`, their ids (from 1) as the data. A stream for which more
 * than `max_bytes` wait is cut. NULL: no memory. Closing `epoll` is left to the caller. */
struct outlets *outlets_new(int epoll, size_t max_bytes, const struct outlets_hooks *hooks);
/* Cuts what is left. */
void outlets_free(struct outlets *o);

/* An open event stream; 0 when that cannot be, and the connection is closed then. */
uint64_t outlets_open(struct outlets *o, const struct exchange *exchange);

/* Sends the rest of an answer, `output`, which is taken. */
void outlets_rest(struct outlets *o, const struct exchange *exchange, struct output *output);

/* Sends a small answer whole and gives the connection back; a peer that cannot take it is cut.
 */
void outlets_answer(struct outlets *o, const struct exchange *exchange,
                    const struct jb_str *parts, size_t n);

/* Takes `bytes` for a stream; they go out with the next outlets_flush(). */
void outlets_send(struct outlets *o, uint64_t id, struct jb_blob *bytes);
/* Nothing more will come: END_REQUEST follows what waits. `gone` is not called any more. */
void outlets_end(struct outlets *o, uint64_t id);
/* Writes what sockets take. */
void outlets_flush(struct outlets *o);
/* What epoll said about one. */
void outlets_event(struct outlets *o, uint64_t id, uint32_t events);

bool outlets_empty(const struct outlets *o);
uint64_t outlets_sent_bytes(const struct outlets *o); /* from any thread */
