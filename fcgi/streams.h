/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that owns every session, event and detached connection. Workers hand it
 * connections through a bounded queue; it never waits for a client, and gives a connection back
 * when its answer is out.
 */
#pragma once

#include "base/conf.h"
#include "fcgi/outlets.h"
#include "fcgi/waits.h"
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
    STREAMS_RUN, /* a synchronous call whose outcome waits: answered when it is decided */
};

struct streams_task {
    enum streams_kind kind;
    struct exchange exchange;
    bool prefixed;
    int fn_index;
    struct output *output;         /* FLUSH: taken */
    struct gradio_outcome outcome; /* JOIN, CALL, RUN: the output blob is taken */
    struct jb_blob *head;          /* status line and head fields of the answer, taken */
    char name[GRADIO_SESSION_MAX + 1];
    char event[GRADIO_SESSION_MAX + 1];
};

struct streams_hooks {
    void *ctx;
    /* The answer is out: take the connection back (keep) or it was closed already (!keep). */
    void (*done)(void *ctx, int fd, bool keep);
    /* A join, call or run was answered with this status, for the counters. */
    void (*answered)(void *ctx, enum streams_kind kind, int status);
    /* Something is waited for that was not before: streams_look() should be called soon. */
    void (*waits)(void *ctx);
    /* How the store is looked at; without `look` nothing ever looks, so that no outcome may
     * wait. */
    struct waits_hooks look;
};

int streams_new(const struct conf *conf, const struct streams_hooks *hooks,
                struct jb_error *err, struct streams **ret_streams);

/* From any thread. False when the queue is full or the thread stops: the caller still owns
 * everything in the task. */
bool streams_post(struct streams *s, const struct streams_task *task);

/* Looks at the store for what is waited for and tells those who wait: see waits_look(). From
 * any one thread but ours, until streams_free(). */
void streams_look(struct streams *s, struct store_txn *txn, uint64_t change_seq,
                  int64_t now_ms);

/* Ends every stream, answers what waits with GRADIO_RESTARTS, and finishes what is being sent,
 * until `deadline_ms` (monotonic). */
void streams_stop(struct streams *s, int64_t deadline_ms);
void streams_free(struct streams *s); /* after streams_stop() */

/* `waiting` counts synchronous calls too. */
void streams_stat(struct streams *s, struct sessions_stat *ret_stat);
uint64_t streams_sent_bytes(const struct streams *s); /* joins, calls and event streams */
