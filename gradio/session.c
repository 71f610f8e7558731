/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/session.h"

#include "crypto/digest.h"
#include "gradio/held.h"
#include "gradio/messages.h"

#include <stdlib.h>
#include <string.h>

/* Thousands of streams that were opened together beat together; a join between them should not
 * wait for all. */
enum { BEATS_AT_ONCE = 128 };

struct sessions *
sessions_new(const struct sessions_limits *limits, const struct sessions_sink *sink)
{
    struct sessions *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->limits = *limits;
    s->sink = *sink;
    s->heartbeat = jb_blob_new(MESSAGE_HEARTBEAT, sizeof(MESSAGE_HEARTBEAT) - 1);
    s->close = jb_blob_new(MESSAGE_CLOSE, sizeof(MESSAGE_CLOSE) - 1);
    s->alive = jb_blob_new(MESSAGE_ALIVE, sizeof(MESSAGE_ALIVE) - 1);
    s->call_heartbeat = jb_blob_new(MESSAGE_CALL_HEARTBEAT, sizeof(MESSAGE_CALL_HEARTBEAT) - 1);
    s->restarts = jb_blob_new(GRADIO_RESTARTS, sizeof(GRADIO_RESTARTS) - 1);
    if (!s->heartbeat || !s->close || !s->alive || !s->call_heartbeat || !s->restarts ||
        crypto_random(s->key, sizeof(s->key))) {
        sessions_free(s);
        return NULL;
    }
    return s;
}

static void
send_blob(struct sessions *s, uint64_t stream, struct jb_blob *blob)
{
    if (blob) /* NULL: memory is out; the end that follows says enough */
        s->sink.send(s->sink.ctx, stream, blob);
}

/* Hands the messages that there are over to the sink. */
static void
event_deliver(struct sessions *s, struct event *e, uint64_t stream)
{
    for (int i = 0; i < PIECE_MAX; i++) {
        send_blob(s, stream, e->pieces[i]);
        e->pieces[i] = NULL;
    }
    e->shown = true;
    if (!e->later)
        s->stat.completed++;
}

/* The same for an event of a session that has a stream; one that waits stays. */
static void
event_out(struct sessions *s, struct session *session, struct event *e)
{
    event_deliver(s, e, session->stream->id);
    if (!e->later) {
        held_session_drop(s, session, e);
        return;
    }
    held_session_release(s, e);
    held_event_weigh(s, session, e);
}

static void
stream_end(struct sessions *s, struct stream *stream)
{
    uint64_t id = stream->id;

    held_stream_forget(s, stream);
    s->sink.end(s->sink.ctx, id);
}

/* A stream that is answered in one go and never becomes known. */
static void
answer_and_end(struct sessions *s, uint64_t stream, struct jb_blob *blob)
{
    send_blob(s, stream, blob);
    s->sink.end(s->sink.ctx, stream);
}

static void
session_close(struct sessions *s, struct session *session, int64_t now_ms)
{
    send_blob(s, session->stream->id, jb_blob_ref(s->close));
    stream_end(s, session->stream);
    held_session_enter(s, session, LINGERING, now_ms);
}

/* When everything is delivered, the grace starts (again). */
static void
session_delivered(struct sessions *s, struct session *session, int64_t now_ms)
{
    held_session_enter(s, session, session->events ? HOLDING : CLOSING, now_ms);
    if (session->events)
        return;
    if (s->limits.close_grace_ms <= 0)
        session_close(s, session, now_ms);
}

/* How long an event is held back behind `n` others of its session: who calls from many threads
 * takes longer to read the answers. The bound keeps one session from holding up the others by
 * much.
 */
static int64_t
gap_behind(const struct sessions *s, size_t n)
{
    return s->limits.join_gap_ms * (int64_t)(4 + (n < 8 ? n : 8)) / 4;
}

/* --- what happens ----------------------------------------------------------------------------
 */

int64_t
sessions_join_from(const struct sessions *s, struct jb_str hash)
{
    const struct session *session = held_session_find(s, hash);

    return session && session->state == LINGERING ? session->since + SESSIONS_CROSSING_MS : 0;
}

int
sessions_join(struct sessions *s, struct jb_str hash, bool prefixed, int fn_index,
              const struct gradio_outcome *outcome, int64_t now_ms, struct jb_error *err,
              char ret_event_id[GRADIO_ID_SIZE])
{
    struct session *session;
    struct event local = {0}, *e;
    int rc;

    if (!hash.n)
        return jb_fail(err, JB_EINVAL, "Session hash not found.");
    if (hash.n > GRADIO_SESSION_MAX)
        return jb_fail(err, JB_EINVAL, "Session hash is longer than %d bytes.",
                       GRADIO_SESSION_MAX);
    if (s->stopped)
        return jb_fail(err, JB_EBUSY, "Queue is stopped.");
    rc = held_event_fill(s, &local, false, prefixed, fn_index, outcome, now_ms, err);
    if (rc)
        return rc;

    session = held_session_find(s, hash);
    if (session && session->stream && s->limits.join_gap_ms <= 0 && !local.later) {
        /* nothing is held for it, so no limit counts */
        s->stat.joined++;
        memcpy(ret_event_id, local.id, GRADIO_ID_SIZE);
        event_deliver(s, &local, session->stream->id);
        session_delivered(s, session, now_ms);
        return 0;
    }

    if (session && session->bytes &&
        session->bytes + local.bytes > s->limits.max_session_bytes) {
        rc = held_refuse(s, s->limits.max_events, s->stat.events, err);
        goto out;
    }
    if (session && session->state == WAITING) /* the youngest, so that making room spares it */
        held_session_enter(s, session, WAITING, now_ms);
    rc = held_room(s, !session, local.bytes, now_ms, err);
    if (rc)
        goto out;
    if (!session)
        session = held_session(s, hash, now_ms);
    e = malloc(sizeof(*e));
    if (!session || !e) {
        free(e);
        rc = jb_fail(err, JB_ENOMEM, "no memory for an event");
        goto out;
    }
    *e = local;
    memset(local.pieces, 0, sizeof(local.pieces));
    local.later = NULL;
    held_session_enter(s, session, session->stream ? HOLDING : WAITING, now_ms);
    held_session_add(s, session, e);
    if (session->stream && s->limits.join_gap_ms <= 0) {
        event_out(s, session, e);
    } else if (session->stream) {
        size_t behind = 0;
        const struct event *other;

        DL_FOREACH (session->events, other)
            behind += other->session != NULL;
        held_session_hold(s, session, e, now_ms + gap_behind(s, behind));
    }
    s->stat.joined++;
    memcpy(ret_event_id, local.id, GRADIO_ID_SIZE);
out:
    held_event_clear(s, &local);
    return rc;
}

void
sessions_open(struct sessions *s, struct jb_str hash, bool prefixed, uint64_t stream_id,
              int64_t now_ms)
{
    struct session *session = held_session_find(s, hash);
    struct stream *stream;
    struct event *e, *after;
    size_t untold = 0, behind = 0;
    bool held = false;

    if (s->stopped) {
        answer_and_end(s, stream_id,
                       message_unexpected(prefixed, "Server stopped unexpectedly.", false));
        return;
    }
    if (!session) {
        answer_and_end(
            s, stream_id,
            message_unexpected(prefixed,
                               prefixed ? "404: Not Found" : "404: Session not found.", true));
        return;
    }
    if (session->state == LINGERING) {
        answer_and_end(s, stream_id, jb_blob_ref(s->close));
        return;
    }
    stream = held_stream(s, stream_id, now_ms);
    if (!stream) {
        answer_and_end(s, stream_id, NULL);
        return;
    }
    if (session->stream)
        stream_end(s, session->stream);
    stream->session = session;
    session->stream = stream;
    DL_FOREACH (session->events, e) {
        untold += !e->shown;
        held = held || e->session;
    }
    /* Who opens a stream has the answer to one join. Of several just made, to which? */
    if (untold > 1 && !held && now_ms - session->since < s->limits.join_gap_ms) {
        send_blob(s, stream_id, jb_blob_ref(s->heartbeat));
        DL_FOREACH (session->events, e)
            if (!e->shown)
                held_session_hold(s, session, e, now_ms + gap_behind(s, behind++));
        held_session_enter(s, session, HOLDING, now_ms);
        return;
    }
    if (!untold) /* nginx holds the header back until there is a first byte */
        send_blob(s, stream_id, jb_blob_ref(s->heartbeat));
    for (e = session->events; e; e = after) {
        after = e->next;
        event_out(s, session, e);
    }
    session_delivered(s, session, now_ms);
}

int
sessions_call(struct sessions *s, bool prefixed, int fn_index,
              const struct gradio_outcome *outcome, int64_t now_ms, struct jb_error *err,
              char ret_event_id[GRADIO_ID_SIZE])
{
    struct event e = {0};
    char id[GRADIO_ID_SIZE];
    int rc;

    if (s->stopped)
        return jb_fail(err, JB_EBUSY, "Queue is stopped.");
    rc = held_event_fill(s, &e, true, prefixed, fn_index, outcome, now_ms, err);
    if (rc)
        return rc;
    memcpy(id, e.id, sizeof(id));
    rc = held_room(s, false, e.bytes, now_ms, err);
    if (!rc && (rc = held_call(s, &e, now_ms)))
        jb_fail(err, rc, "no memory for an event");
    if (!rc) {
        s->stat.joined++;
        memcpy(ret_event_id, id, sizeof(id));
    }
    held_event_clear(s, &e);
    return rc;
}

/* The last messages of a call whose client is there. */
static void
call_finish(struct sessions *s, struct call *call, uint64_t stream_id)
{
    event_deliver(s, &call->event, stream_id);
    if (call->stream)
        held_stream_forget(s, call->stream);
    held_call_free(s, call);
    s->sink.end(s->sink.ctx, stream_id);
}

/* A call whose outcome is to come keeps its stream; the newer one wins. */
static void
call_wait(struct sessions *s, struct call *call, uint64_t stream_id, int64_t now_ms)
{
    struct stream *stream = held_stream(s, stream_id, now_ms);

    if (!stream) {
        answer_and_end(s, stream_id, NULL);
        return;
    }
    if (call->stream)
        stream_end(s, call->stream);
    held_call_open(s, call, stream);
    send_blob(s, stream_id, jb_blob_ref(s->call_heartbeat));
}

void
sessions_call_open(struct sessions *s, struct jb_str event_id, bool prefixed, uint64_t stream,
                   int64_t now_ms)
{
    struct call *call = held_call_find(s, event_id);

    if (!call) {
        answer_and_end(
            s, stream,
            message_call_error(prefixed ? "404: Not Found" : "404: Session not found."));
        return;
    }
    if (call->event.later)
        call_wait(s, call, stream, now_ms);
    else
        call_finish(s, call, stream);
}

void
sessions_heartbeat(struct sessions *s, uint64_t stream, int64_t now_ms)
{
    if (s->stopped || !held_stream(s, stream, now_ms)) {
        answer_and_end(s, stream, NULL);
        return;
    }
    send_blob(s, stream, jb_blob_ref(s->alive));
}

void
sessions_progress(struct sessions *s, const char *event_id, struct jb_str desc, double progress)
{
    struct later *later = held_later_find(s, event_id);
    struct jb_blob *message;

    if (!later || later->call)
        return;
    message = message_progress(later->id, desc, progress);
    if (!message) /* memory is out, and it is not what the client waits for */
        return;
    held_later_progress(s, later, message);
    if (later->event->shown)
        event_out(s, later->session, later->event);
}

/* What an event is left with goes out, if its client may have it now. */
static void
session_event_over(struct sessions *s, struct session *session, struct event *e, int64_t now_ms)
{
    if (!session->stream || e->session)
        return;
    event_out(s, session, e);
    if (!session->events)
        session_delivered(s, session, now_ms);
}

static void
settle(struct sessions *s, struct later *later, const struct gradio_outcome *outcome,
       int64_t now_ms)
{
    struct event *e = later->event;
    struct session *session = later->session;
    struct call *call = later->call;

    held_later_settle(s, later, outcome, now_ms);
    if (session)
        session_event_over(s, session, e, now_ms);
    else if (call->stream)
        call_finish(s, call, call->stream->id);
}

void
sessions_settle(struct sessions *s, const char *event_id, const struct gradio_outcome *outcome,
                int64_t now_ms)
{
    struct later *later = held_later_find(s, event_id);

    if (later)
        settle(s, later, outcome, now_ms);
}

void
sessions_gone(struct sessions *s, uint64_t stream_id, int64_t now_ms)
{
    struct stream *stream = held_stream_find(s, stream_id);
    struct session *session;
    struct call *call;

    if (!stream)
        return;
    session = stream->session;
    call = stream->call;
    held_stream_forget(s, stream);
    if (call)
        held_call_free(s, call);
    if (!session)
        return;
    while (session->events)
        held_session_drop(s, session, session->events);
    held_session_enter(s, session, LINGERING, now_ms);
}

void
sessions_cancel(struct sessions *s, struct jb_str hash, struct jb_str event_id, int64_t now_ms)
{
    struct session *session = held_session_find(s, hash);
    struct call *call = held_call_find(s, event_id);
    struct event *e = NULL;
    struct jb_blob *message;

    if (session) {
        DL_FOREACH (session->events, e)
            if (jb_str_is(event_id, e->id))
                break;
        if (!e || !(message = message_cancelled(e->prefixed, e->id)))
            return;
        held_event_clear(s, e);
        e->pieces[PIECE_HEAD] = message;
        held_event_weigh(s, session, e);
        s->stat.cancelled++;
        session_event_over(s, session, e, now_ms);
    } else if (call && (!hash.n || jb_str_eq(hash, event_id))) {
        struct stream *stream = call->stream;

        held_call_free(s, call);
        s->stat.cancelled++;
        if (stream) {
            send_blob(s, stream->id,
                      jb_blob_new(MESSAGE_CALL_CANCELLED, sizeof(MESSAGE_CALL_CANCELLED) - 1));
            stream->call = NULL;
            stream_end(s, stream);
        }
    }
}

/* Sends what was held back until now. */
static void
send_held(struct sessions *s, int64_t until_ms, int64_t now_ms)
{
    while (s->held && s->held->due <= until_ms) {
        struct event *e = s->held;
        struct session *session = e->session;

        event_out(s, session, e);
        if (!session->events)
            session_delivered(s, session, now_ms);
    }
}

static void
beat(struct sessions *s, struct stream *stream, int64_t now_ms)
{
    DL_DELETE(s->stream_list, stream);
    stream->beat = now_ms;
    DL_APPEND(s->stream_list, stream);
    send_blob(s, stream->id,
              jb_blob_ref(stream->session ? s->heartbeat
                          : stream->call  ? s->call_heartbeat
                                          : s->alive));
}

static void
sooner(int64_t *next, int64_t when)
{
    if (when < *next)
        *next = when;
}

int64_t
sessions_tick(struct sessions *s, int64_t now_ms)
{
    struct session *session;
    struct call *call;
    int64_t next = INT64_MAX;

    send_held(s, now_ms, now_ms);
    /* The lists are in the order of time, so each is looked at up to its first item not due. */
    while ((session = s->lists[CLOSING]) && now_ms - session->since >= s->limits.close_grace_ms)
        session_close(s, session, now_ms);
    while ((session = s->lists[LINGERING]) && now_ms - session->since >= s->limits.linger_ms)
        held_session_free(s, session);
    while ((session = s->lists[WAITING]) && now_ms - session->since >= s->limits.expiry_ms) {
        s->stat.expired++;
        held_session_free(s, session);
    }
    while ((call = s->call_list) && now_ms - call->since >= s->limits.expiry_ms) {
        s->stat.expired++;
        held_call_free(s, call);
    }
    for (int n = 0; n < BEATS_AT_ONCE && s->stream_list &&
                    now_ms - s->stream_list->beat >= s->limits.heartbeat_ms;
         n++)
        beat(s, s->stream_list, now_ms);

    if (s->held)
        sooner(&next, s->held->due);
    if (s->lists[CLOSING])
        sooner(&next, s->lists[CLOSING]->since + s->limits.close_grace_ms);
    if (s->lists[LINGERING])
        sooner(&next, s->lists[LINGERING]->since + s->limits.linger_ms);
    if (s->lists[WAITING])
        sooner(&next, s->lists[WAITING]->since + s->limits.expiry_ms);
    if (s->call_list)
        sooner(&next, s->call_list->since + s->limits.expiry_ms);
    if (s->stream_list)
        sooner(&next, s->stream_list->beat + s->limits.heartbeat_ms);
    return next;
}

/* Everything that waits ends with a word about the restart. */
static void
settle_all(struct sessions *s, int64_t now_ms)
{
    struct gradio_outcome restarts = {.output = s->restarts};

    while (s->laters) {
        uint64_t wait_id = s->laters->wait_id;
        char id[GRADIO_ID_SIZE];

        memcpy(id, s->laters->id, sizeof(id));
        settle(s, s->laters, &restarts, now_ms);
        if (s->sink.unwaited)
            s->sink.unwaited(s->sink.ctx, id, wait_id);
    }
}

void
sessions_stop(struct sessions *s, int64_t now_ms)
{
    s->stopped = true;
    settle_all(s, now_ms);
    send_held(s, INT64_MAX, now_ms);
    while (s->lists[CLOSING])
        session_close(s, s->lists[CLOSING], now_ms);
    while (s->stream_list)
        stream_end(s, s->stream_list);
    held_drop_all(s);
}

void
sessions_stat_get(const struct sessions *s, struct sessions_stat *ret_stat)
{
    *ret_stat = s->stat;
}

void
sessions_free(struct sessions *s)
{
    if (!s)
        return;
    held_drop_all(s);
    jb_blob_unref(s->heartbeat);
    jb_blob_unref(s->close);
    jb_blob_unref(s->alive);
    jb_blob_unref(s->call_heartbeat);
    jb_blob_unref(s->restarts);
    free(s);
}
