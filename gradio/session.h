/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions, events and streams of the Gradio queue protocol sse_v3, as a machine without
 * threads, sockets or clocks of its own: one thread owns it, tells it what happened and when,
 * and it says through the sink what bytes go where. (Protocol: Gradio 4.44.1 and 6.25.0,
 * checked against recordings of both.)
 *
 * A session is the client's session_hash. Its events deliver messages to its one stream
 * (/queue/data); messages wait for the stream. When the last pending event is done,
 * close_stream follows after a grace and the stream ends. A /call event is a session of its
 * own; a heartbeat stream belongs to nobody.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct sessions;

struct sessions_limits {
    size_t max_sessions, max_events, max_session_bytes, max_total_bytes;
    int64_t heartbeat_ms, expiry_ms, close_grace_ms;
    /* How long a session is known after its close_stream: a client that reads close_stream
     * before the answer to its next join opens a stream for nothing, and "unknown session"
     * would make the 6.x front end reload its page. */
    int64_t linger_ms;
    /* How long an event is held back when its stream is open already, so that the answer to the
     * join, which goes over another connection, is there first: Python's clients know an event
     * by it, and one that ends before they know it kills their reader. */
    int64_t join_gap_ms;
};

/* Neither function may call back into the machine. */
struct sessions_sink {
    void *ctx;
    /* Bytes for a stream, in order. The blob is the sink's to unref. */
    void (*send)(void *ctx, uint64_t stream, struct jb_blob *bytes);
    /* No more will come: finish the response. The stream id is forgotten after this. */
    void (*end)(void *ctx, uint64_t stream);
};

/* `sink` is copied. NULL when memory is out. */
struct sessions *sessions_new(const struct sessions_limits *limits,
                              const struct sessions_sink *sink);
void sessions_free(struct sessions *s);

/* A client opens its stream right after the join is answered; one that has not by now is gone.
 */
#define SESSIONS_ABANDONED_MS 10000

#define GRADIO_ID_SIZE        33  /* 32 hex and a NUL */
#define GRADIO_SESSION_MAX    128 /* bytes of a session_hash */

/* How a finished function leaves its answer; see gradio/call.h. */
struct gradio_outcome {
    bool success;
    struct jb_blob *output; /* JSON: success: the array of values; else the error text as a JSON
                               string, or `null` */
    int64_t micros;         /* how long the function ran */
};

/*
 * A join: registers the event and its answer (the blob is referenced, not taken). `prefixed`:
 * it came under /gradio_api (6.x shape of messages) or bare (4.44.1 shape).
 * JB_EBUSY with Gradio's queue-full text, JB_EINVAL (hash empty or too long), JB_ENOMEM, JB_EIO
 * (no random bytes). When a limit is reached, what nobody fetched for SESSIONS_ABANDONED_MS
 * makes room first; an answer alone is never too large for an empty queue.
 */
int sessions_join(struct sessions *s, struct jb_str session, bool prefixed, int fn_index,
                  const struct gradio_outcome *outcome, int64_t now_ms, struct jb_error *err,
                  char ret_event_id[GRADIO_ID_SIZE]);

/*
 * A join that follows a close_stream closely should wait until this moment (0: need not): its
 * answer could overtake the close_stream, which came by another connection, and the client,
 * still taking its stream for open, would never open the next. Ask before sessions_join().
 */
#define SESSIONS_CROSSING_MS 30
int64_t sessions_join_from(const struct sessions *s, struct jb_str session);

/* A stream for a session opened (GET /queue/data); the newer one wins, the older one ends
 * without a word (close_stream would make the client drop the newer). An unknown session gets
 * unexpected_error and the end, one that is done close_stream. The first bytes go out before
 * this returns. */
void sessions_open(struct sessions *s, struct jb_str session, bool prefixed, uint64_t stream,
                   int64_t now_ms);

/* POST /call/<name> and its GET, which takes the result. An unknown id gets `event: error` and
 * the end. Errors as sessions_join(). */
int sessions_call(struct sessions *s, bool prefixed, int fn_index,
                  const struct gradio_outcome *outcome, int64_t now_ms, struct jb_error *err,
                  char ret_event_id[GRADIO_ID_SIZE]);
void sessions_call_open(struct sessions *s, struct jb_str event_id, bool prefixed,
                        uint64_t stream, int64_t now_ms);

/* GET /heartbeat/<hash>: `data: ALIVE` now and at every interval, until the client goes. */
void sessions_heartbeat(struct sessions *s, uint64_t stream, int64_t now_ms);

/* The client of a stream went away: its session's undelivered events are dropped. */
void sessions_gone(struct sessions *s, uint64_t stream, int64_t now_ms);

/* POST /cancel: a pending event ends with an empty completed message. (For a /call event its id
 * is its session.) Unknown ones are left alone. */
void sessions_cancel(struct sessions *s, struct jb_str session, struct jb_str event_id,
                     int64_t now_ms);

/* Does what is due (heartbeats, graces, expiry) and returns when to call next, ms; INT64_MAX
 * when nothing waits. Any other call may move that moment forward. */
int64_t sessions_tick(struct sessions *s, int64_t now_ms);

/* The server stops: a stream whose events are all delivered gets close_stream, a heartbeat
 * nothing, and all of them their end. What comes later is refused: `Queue is stopped.`, and
 * `Server stopped unexpectedly.` on a stream. */
void sessions_stop(struct sessions *s, int64_t now_ms);

struct sessions_stat {
    size_t sessions, events, streams, bytes;
    uint64_t joined, completed, cancelled, expired, refused;
};
void sessions_stat_get(const struct sessions *s, struct sessions_stat *ret_stat);
