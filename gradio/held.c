/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/held.h"

#include "crypto/digest.h"
#include "gradio/messages.h"

#include <stdlib.h>
#include <string.h>

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static void
sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = ROTL(v[1], 13), v[1] ^= v[0], v[0] = ROTL(v[0], 32);
    v[2] += v[3], v[3] = ROTL(v[3], 16), v[3] ^= v[2];
    v[0] += v[3], v[3] = ROTL(v[3], 21), v[3] ^= v[0];
    v[2] += v[1], v[1] = ROTL(v[1], 17), v[1] ^= v[2], v[2] = ROTL(v[2], 32);
}

/* SipHash-1-3: keyed, so that no client can choose hashes that fall into one bucket. */
static unsigned
key_hash(const struct sessions *s, const char *p, size_t n)
{
    uint64_t v[4] = {s->key[0] ^ 0x736f6d6570736575u, s->key[1] ^ 0x646f72616e646f6du,
                     s->key[0] ^ 0x6c7967656e657261u, s->key[1] ^ 0x7465646279746573u};
    uint64_t m, last = (uint64_t)n << 56;
    size_t i;

    for (i = 0; i + 8 <= n; i += 8) {
        memcpy(&m, p + i, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    for (size_t k = 0; i + k < n; k++)
        last |= (uint64_t)(unsigned char)p[i + k] << (8 * k);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (i = 0; i < 3; i++)
        sip_round(v);
    m = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (unsigned)(m ^ m >> 32);
}

/* --- events ----------------------------------------------------------------------------------
 */

static int
new_id(struct sessions *s, struct jb_error *err, char ret_id[GRADIO_ID_SIZE])
{
    if (s->pool_left < 16) {
        if (crypto_random(s->pool, sizeof(s->pool)))
            return jb_fail(err, JB_EIO, "no random bytes for an event id");
        s->pool_left = sizeof(s->pool);
    }
    s->pool_left -= 16;
    crypto_hex(s->pool + s->pool_left, 16, ret_id);
    return 0;
}

static int64_t
mean_of(const struct sessions *s, int fn_index)
{
    if (fn_index < 0 || fn_index >= FUNCTIONS || !s->times[fn_index].runs)
        return -1;
    return s->times[fn_index].micros / s->times[fn_index].runs;
}

static void
count_run(struct sessions *s, int fn_index, int64_t micros)
{
    if (fn_index < 0 || fn_index >= FUNCTIONS || micros < 0)
        return;
    if (s->times[fn_index].runs >= 1000) { /* old runs fade */
        s->times[fn_index].runs /= 2;
        s->times[fn_index].micros /= 2;
    }
    s->times[fn_index].runs++;
    s->times[fn_index].micros += micros;
}

void
held_event_clear(struct sessions *s, struct event *e)
{
    if (e->later) {
        bool placed = e->later->event != NULL;
        uint64_t wait_id = e->later->wait_id;

        held_later_end(s, e);
        if (placed && s->sink.unwaited)
            s->sink.unwaited(s->sink.ctx, e->id, wait_id);
    }
    for (int i = 0; i < PIECE_MAX; i++) {
        jb_blob_unref(e->pieces[i]);
        e->pieces[i] = NULL;
    }
}

static size_t
event_bytes(const struct event *e)
{
    size_t bytes = sizeof(*e) + (e->later ? sizeof(*e->later) : 0);

    for (int i = 0; i < PIECE_MAX; i++)
        bytes += e->pieces[i] ? e->pieces[i]->n : 0;
    return bytes;
}

void
held_event_weigh(struct sessions *s, struct session *session, struct event *e)
{
    size_t bytes = event_bytes(e);

    s->stat.bytes += bytes - e->bytes;
    if (session)
        session->bytes += bytes - e->bytes;
    e->bytes = bytes;
}

void
held_event_result(struct sessions *s, struct event *e, bool call, int fn_index,
                  const struct gradio_outcome *outcome, int64_t micros)
{
    struct gradio_outcome o = *outcome;

    o.micros = micros;
    if (call) {
        e->pieces[PIECE_HEAD] = message_call_head(e->prefixed, &o);
        e->pieces[PIECE_TAIL] = message_call_tail(e->prefixed, &o);
        if (o.success || e->prefixed)
            e->pieces[PIECE_OUTPUT] = jb_blob_ref(o.output);
        return;
    }
    e->pieces[PIECE_HEAD] =
        e->later ? message_event_result(e->id, o.success)
                 : message_event_head(e->prefixed, e->id, o.success, mean_of(s, fn_index));
    count_run(s, fn_index, micros);
    e->pieces[PIECE_OUTPUT] = jb_blob_ref(o.output);
    e->pieces[PIECE_TAIL] = message_event_tail(e->prefixed, &o, mean_of(s, fn_index));
}

int
held_event_fill(struct sessions *s, struct event *e, bool call, bool prefixed, int fn_index,
                const struct gradio_outcome *outcome, int64_t now_ms, struct jb_error *err)
{
    int rc = new_id(s, err, e->id);
    bool filled;

    if (rc)
        return rc;
    e->prefixed = prefixed;
    if (outcome->waiting) {
        filled = held_later(s, e, fn_index, outcome->wait_id, now_ms) == 0;
        if (filled && !call) {
            e->pieces[PIECE_OPENING] = message_event_opening(e->id, mean_of(s, fn_index));
            filled = e->pieces[PIECE_OPENING] != NULL;
        }
    } else {
        held_event_result(s, e, call, fn_index, outcome, outcome->micros);
        filled = e->pieces[PIECE_HEAD] && e->pieces[PIECE_TAIL];
    }
    if (!filled) {
        held_event_clear(s, e);
        return jb_fail(err, JB_ENOMEM, "no memory for an event");
    }
    e->bytes = event_bytes(e);
    return 0;
}

/* --- sessions --------------------------------------------------------------------------------
 */

struct session *
held_session_find(const struct sessions *s, struct jb_str hash)
{
    struct session *session = NULL;

    if (hash.n && hash.n <= GRADIO_SESSION_MAX)
        HASH_FIND_BYHASHVALUE(hh, s->by_hash, hash.p, hash.n, key_hash(s, hash.p, hash.n),
                              session);
    return session;
}

struct session *
held_session(struct sessions *s, struct jb_str hash, int64_t now_ms)
{
    struct session *session = calloc(1, sizeof(*session) + hash.n);

    if (!session)
        return NULL;
    memcpy(session->hash, hash.p, hash.n);
    session->n = hash.n;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, s->by_hash, session->hash, session->n,
                                key_hash(s, session->hash, session->n), session);
    if (session->lost) {
        free(session);
        return NULL;
    }
    session->state = WAITING;
    session->since = now_ms;
    DL_APPEND(s->lists[WAITING], session);
    s->stat.sessions++;
    return session;
}

void
held_session_enter(struct sessions *s, struct session *session, enum session_state state,
                   int64_t now_ms)
{
    DL_DELETE(s->lists[session->state], session);
    session->state = state;
    session->since = now_ms;
    DL_APPEND(s->lists[state], session);
}

void
held_session_add(struct sessions *s, struct session *session, struct event *e)
{
    DL_APPEND(session->events, e);
    held_later_place(e, session, NULL);
    session->bytes += e->bytes;
    s->stat.bytes += e->bytes;
    s->stat.events++;
}

void
held_session_hold(struct sessions *s, struct session *session, struct event *e, int64_t due_ms)
{
    e->session = session;
    e->due = due_ms;
    DL_APPEND2(s->held, e, prev_held, next_held);
}

void
held_session_release(struct sessions *s, struct event *e)
{
    if (e->session)
        DL_DELETE2(s->held, e, prev_held, next_held);
    e->session = NULL;
}

void
held_session_drop(struct sessions *s, struct session *session, struct event *e)
{
    held_session_release(s, e);
    DL_DELETE(session->events, e);
    session->bytes -= e->bytes;
    s->stat.bytes -= e->bytes;
    s->stat.events--;
    held_event_clear(s, e);
    free(e);
}

void
held_session_free(struct sessions *s, struct session *session)
{
    while (session->events)
        held_session_drop(s, session, session->events);
    DL_DELETE(s->lists[session->state], session);
    HASH_DELETE(hh, s->by_hash, session);
    s->stat.sessions--;
    free(session);
}

int
held_call(struct sessions *s, struct event *e, int64_t now_ms)
{
    struct call *call = calloc(1, sizeof(*call));

    if (!call)
        return JB_ENOMEM;
    call->event = *e;
    HASH_ADD_KEYPTR(hh, s->calls, call->event.id, GRADIO_ID_SIZE - 1, call);
    if (call->lost) {
        free(call);
        return JB_ENOMEM;
    }
    memset(e, 0, sizeof(*e));
    held_later_place(&call->event, NULL, call);
    call->since = now_ms;
    DL_APPEND(s->call_list, call);
    s->stat.bytes += call->event.bytes;
    s->stat.events++;
    return 0;
}

void
held_call_open(struct sessions *s, struct call *call, struct stream *stream)
{
    if (!call->open)
        DL_DELETE(s->call_list, call);
    call->open = true;
    call->stream = stream;
    stream->call = call;
}

void
held_call_free(struct sessions *s, struct call *call)
{
    if (!call->open)
        DL_DELETE(s->call_list, call);
    HASH_DELETE(hh, s->calls, call);
    s->stat.bytes -= call->event.bytes;
    s->stat.events--;
    held_event_clear(s, &call->event);
    free(call);
}

struct stream *
held_stream(struct sessions *s, uint64_t id, int64_t now_ms)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return NULL;
    stream->id = id;
    HASH_ADD(hh, s->streams, id, sizeof(id), stream);
    if (stream->lost) {
        free(stream);
        return NULL;
    }
    stream->beat = now_ms;
    DL_APPEND(s->stream_list, stream);
    s->stat.streams++;
    return stream;
}

struct stream *
held_stream_find(const struct sessions *s, uint64_t id)
{
    struct stream *stream = NULL;

    HASH_FIND(hh, s->streams, &id, sizeof(id), stream);
    return stream;
}

void
held_stream_forget(struct sessions *s, struct stream *stream)
{
    if (stream->session)
        stream->session->stream = NULL;
    if (stream->call)
        stream->call->stream = NULL;
    DL_DELETE(s->stream_list, stream);
    HASH_DELETE(hh, s->streams, stream);
    s->stat.streams--;
    free(stream);
}

/* --- calls and limits ------------------------------------------------------------------------
 */

struct call *
held_call_find(const struct sessions *s, struct jb_str id)
{
    struct call *call = NULL;

    if (id.n == GRADIO_ID_SIZE - 1)
        HASH_FIND(hh, s->calls, id.p, id.n, call);
    return call;
}

/* Drops the oldest thing nobody came for. False when all that is held may still be fetched. */
static bool
make_room(struct sessions *s, bool lingering_too, int64_t now_ms)
{
    struct session *w = s->lists[WAITING];
    struct call *c = s->call_list;

    if (lingering_too && s->lists[LINGERING]) {
        held_session_free(s, s->lists[LINGERING]);
        return true;
    }
    if (w && now_ms - w->since < SESSIONS_ABANDONED_MS)
        w = NULL;
    if (c && now_ms - c->since < SESSIONS_ABANDONED_MS)
        c = NULL;
    if (w && (!c || w->since <= c->since)) {
        s->stat.expired++;
        held_session_free(s, w);
        return true;
    }
    if (c) {
        s->stat.expired++;
        held_call_free(s, c);
        return true;
    }
    return false;
}

int
held_refuse(struct sessions *s, size_t max, size_t size, struct jb_error *err)
{
    s->stat.refused++;
    return jb_fail(err, JB_EBUSY, "Queue is full. Max size is %zu and size is %zu.", max, size);
}

int
held_room(struct sessions *s, bool new_session, size_t bytes, int64_t now_ms,
          struct jb_error *err)
{
    while (new_session && s->stat.sessions >= s->limits.max_sessions)
        if (!make_room(s, true, now_ms))
            return held_refuse(s, s->limits.max_sessions, s->stat.sessions, err);
    while (s->stat.events >= s->limits.max_events)
        if (!make_room(s, false, now_ms))
            return held_refuse(s, s->limits.max_events, s->stat.events, err);
    while (s->stat.bytes && s->stat.bytes + bytes > s->limits.max_total_bytes)
        if (!make_room(s, false, now_ms))
            return held_refuse(s, s->limits.max_events, s->stat.events, err);
    return 0;
}

void
held_drop_all(struct sessions *s)
{
    while (s->stream_list)
        held_stream_forget(s, s->stream_list);
    for (int i = 0; i < STATE_MAX; i++)
        while (s->lists[i])
            held_session_free(s, s->lists[i]);
    while (s->calls)
        held_call_free(s, s->calls);
}
