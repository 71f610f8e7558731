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

/* None of these may call back into the machine. */
struct sessions_sink {
    void *ctx;
    /* Bytes for a stream, in order. The blob is the sink's to unref. */
    void (*send)(void *ctx, uint64_t stream, struct jb_blob *bytes);
    /* No more will come: finish the response. The stream id is forgotten after this. */
    void (*end)(void *ctx, uint64_t stream);
    /* An event waits no more although nobody settled it: it was cancelled, its client went
     * away, it expired or the machine stopped. NULL: nobody wants to know. */
    void (*unwaited)(void *ctx, const char *event_id, uint64_t wait_id);
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

/* How a function leaves its answer, or that the answer comes later; see gradio/call.h. */
struct gradio_outcome {
    bool success;
    struct jb_blob *output; /* JSON: success: the array of values; else the error text as a JSON
                               string, or `null` */
    int64_t micros;         /* how long the function ran */
    /* What follows counts when it waits; output is NULL then. */
    bool waiting;
    uint64_t wait_id;    /* of what it waits for: a request in the store */
    int64_t deadline_ms; /* jb_monotonic_ms(); the machine hands it on and keeps no eye on it */
};

/* The error, as JSON, that ends what waits when the server stops. */
#define GRADIO_RESTARTS                                                                        \
    "\"服务器正在重启，已接受的内容已经保存，请稍后再来查看。 "     \
    "The server restarts; what it has accepted is stored. Please look again later.\""

/*
 * A join: registers the event and its answer (the blob is referenced, not taken). `prefixed`:
 * it came under /gradio_api (6.x shape of messages) or bare (4.44.1 shape). An event that waits
 * tells `estimation` and `process_starts` when its stream is open, and keeps the stream open
 * until sessions_settle(); it counts in all limits.
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

/* An event that waits: a progress message, sent when its stream is open; of several before that
 * the last counts. `desc` is UTF-8; `progress` 0 to 1, negative: unknown. (Both front ends show
 * the text only beside a known progress.) Nothing for a /call, and for an id that does not
 * wait.
 */
void sessions_progress(struct sessions *s, const char *event_id, struct jb_str desc,
                       double progress);

/* An event that waits is done: its final messages, as if the function had ended now. Its run
 * time is the time since the join, whatever outcome->micros says. Unknown ones are left alone.
 */
void sessions_settle(struct sessions *s, const char *event_id,
                     const struct gradio_outcome *outcome, int64_t now_ms);

/* The client of a stream went away: its session's undelivered events are dropped. */
void sessions_gone(struct sessions *s, uint64_t stream, int64_t now_ms);

/* POST /cancel: a pending event, one that waits too, ends with an empty completed message. (For
 * a /call event its id is its session.) Unknown ones are left alone. */
void sessions_cancel(struct sessions *s, struct jb_str session, struct jb_str event_id,
                     int64_t now_ms);

/* Does what is due (heartbeats, graces, expiry) and returns when to call next, ms; INT64_MAX
 * when nothing waits. Any other call may move that moment forward. */
int64_t sessions_tick(struct sessions *s, int64_t now_ms);

/* The server stops: what waits ends with the error GRADIO_RESTARTS, a stream whose events are
 * all delivered gets close_stream, a heartbeat nothing, and all of them their end. What comes
 * later is refused: `Queue is stopped.`, and `Server stopped unexpectedly.` on a stream. */
void sessions_stop(struct sessions *s, int64_t now_ms);

struct sessions_stat {
    size_t sessions, events, streams, bytes;
    size_t waiting; /* of the events: the outcome is to come */
    uint64_t joined, completed, cancelled, expired, refused;
};
void sessions_stat_get(const struct sessions *s, struct sessions_stat *ret_stat);
