/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the queue machine of session.h holds: sessions, results of /call, streams, and the
 * events whose answers nobody has fetched. Bookkeeping only; nothing here sends. Private to
 * session.c.
 */
#pragma once

#include "gradio/session.h"

/* uthash would end the process when memory is out. */
#define HASH_NONFATAL_OOM         1
#define uthash_nonfatal_oom(item) ((item)->lost = true)
#include <uthash.h>
#include <utlist.h>

#define FUNCTIONS   16  /* run times are averaged for fn_index below this */
#define RANDOM_POOL 512 /* bytes fetched at once: 32 event ids */

/* An event whose answer nobody has fetched yet. */
struct event {
    struct jb_blob *head, *output, *tail;
    size_t bytes;
    struct event *prev, *next;
    struct session *session;             /* set while it is held back */
    struct event *prev_held, *next_held; /* then: of all sessions, oldest first */
    int64_t due;                         /* then: when it goes out */
    bool prefixed;
    char id[GRADIO_ID_SIZE];
};

enum session_state {
    WAITING,   /* events, no stream; expires */
    HOLDING,   /* a stream, and events that are held back for a moment */
    CLOSING,   /* a stream, everything delivered; close_stream after the grace */
    LINGERING, /* closed; known for a while */
    STATE_MAX,
};

struct stream;

struct session {
    UT_hash_handle hh;
    struct session *prev, *next; /* in the list of its state, oldest first */
    int64_t since;               /* when it entered that state */
    struct stream *stream;       /* HOLDING, CLOSING */
    struct event *events;        /* WAITING, HOLDING */
    size_t bytes;                /* of the events */
    enum session_state state;
    bool lost;
    size_t n;
    char hash[];
};

/* A result of POST /call: one event, known by its id. */
struct call {
    UT_hash_handle hh;
    struct call *prev, *next;
    int64_t since;
    struct event event;
    bool lost;
};

struct stream {
    UT_hash_handle hh;
    struct stream *prev, *next; /* by the time of the last heartbeat, oldest first */
    uint64_t id;
    int64_t beat;            /* when it got its last heartbeat, or was opened */
    struct session *session; /* NULL: a /heartbeat stream */
    bool lost;
};

struct sessions {
    struct sessions_limits limits;
    struct sessions_sink sink;
    struct session *by_hash;
    struct session *lists[STATE_MAX];
    struct call *calls, *call_list;
    struct event *held;
    struct stream *streams, *stream_list;
    struct jb_blob *heartbeat, *close, *alive;
    struct sessions_stat stat;
    struct {
        int64_t runs, micros;
    } times[FUNCTIONS];
    uint64_t key[2]; /* of the session hashes: clients choose them */
    unsigned char pool[RANDOM_POOL];
    size_t pool_left;
    bool stopped;
};

/* Fills `e` with the messages of an answer and a new id; on failure there is nothing to clear.
 */
int held_event_fill(struct sessions *s, struct event *e, bool call, bool prefixed, int fn_index,
                    const struct gradio_outcome *outcome, struct jb_error *err);
void held_event_clear(struct event *e);

/* NULL: unknown; from held_session(): memory is out. A new session is WAITING. */
struct session *held_session_find(const struct sessions *s, struct jb_str hash);
struct session *held_session(struct sessions *s, struct jb_str hash, int64_t now_ms);
/* To the end of the list of a state, since now. */
void held_session_enter(struct sessions *s, struct session *session, enum session_state state,
                        int64_t now_ms);
/* Takes `e`. */
void held_session_add(struct sessions *s, struct session *session, struct event *e);
/* An event of the session that goes out at `due_ms`. */
void held_session_hold(struct sessions *s, struct session *session, struct event *e,
                       int64_t due_ms);
void held_session_drop(struct sessions *s, struct session *session, struct event *e);
/* The session has no stream. */
void held_session_free(struct sessions *s, struct session *session);

struct call *held_call_find(const struct sessions *s, struct jb_str id);
/* Takes the content of `e`; JB_ENOMEM leaves it. */
int held_call(struct sessions *s, struct event *e, int64_t now_ms);
void held_call_free(struct sessions *s, struct call *call);

/* NULL: memory is out. */
struct stream *held_stream(struct sessions *s, uint64_t id, int64_t now_ms);
struct stream *held_stream_find(const struct sessions *s, uint64_t id);
void held_stream_forget(struct sessions *s, struct stream *stream);

/* Room for one more event of `bytes`, in a new session if so; what nobody came for is dropped.
 * JB_EBUSY. */
int held_room(struct sessions *s, bool new_session, size_t bytes, int64_t now_ms,
              struct jb_error *err);
/* The refusal, with the numbers of the events. */
int held_refuse(struct sessions *s, size_t max, size_t size, struct jb_error *err);

/* Everything, without a word to anybody. */
void held_drop_all(struct sessions *s);
