/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that owns every session, event and detached connection. Workers hand it
 * connections through a bounded queue; it never waits for a client, and gives a connection back
 * when its answer is out.
 */
#pragma once

#include "base/conf.h"
#include "fcgi/outlets.h"
#include "gradio/session.h"

struct streams;

enum streams_kind {
    STREAMS_FLUSH,     /* `output` did not fit into the socket at once */
    STREAMS_JOIN,      /* register, then answer {"event_id"} */
    STREAMS_CALL,      /* the same for POST /call/… */
    STREAMS_CANCEL,    /* `name` is the session, `event` the event */
    STREAMS_DATA,      /* GET /queue/data: `name` is the session */
    STREAMS_CALL_DATA, /* GET /call/…/<event> */
    STREAMS_HEARTBEAT,
};

struct streams_task {
    enum streams_kind kind;
    struct exchange exchange;
    bool prefixed;
    int fn_index;
    struct output *output;         /* FLUSH: taken */
    struct gradio_outcome outcome; /* JOIN, CALL: the output blob is taken */
    struct jb_blob *head;          /* status line and head fields of the answer, taken */
    char name[GRADIO_SESSION_MAX + 1];
    char event[GRADIO_SESSION_MAX + 1];
};

struct streams_hooks {
    void *ctx;
    /* The answer is out: take the connection back (keep) or it was closed already (!keep). */
    void (*done)(void *ctx, int fd, bool keep);
    /* A join or call was answered with this status, for the counters. */
    void (*answered)(void *ctx, enum streams_kind kind, int status);
};

int streams_new(const struct conf *conf, const struct streams_hooks *hooks,
                struct jb_error *err, struct streams **ret_streams);

/* From any thread. False when the queue is full or the thread stops: the caller still owns
 * everything in the task. */
bool streams_post(struct streams *s, const struct streams_task *task);

/* Ends every stream and finishes what is being sent, until `deadline_ms` (monotonic). */
void streams_stop(struct streams *s, int64_t deadline_ms);
void streams_free(struct streams *s); /* after streams_stop() */

void streams_stat(struct streams *s, struct sessions_stat *ret_stat);
uint64_t streams_sent_bytes(const struct streams *s); /* joins, calls and event streams */
