/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the queue machine of session.h holds: sessions, results of /call, streams, and the
 * events whose answers nobody has fetched or that have none yet. Bookkeeping only; nothing here
 * sends. Private to session.c.
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

/* What goes over the stream for an event, in this order. */
enum event_piece {
    PIECE_OPENING,  /* of an event that waits: estimation and process_starts */
    PIECE_PROGRESS, /* of an event that waits: the last of them */
    PIECE_HEAD,     /* up to the output; with the opening, if the event never waited */
    PIECE_OUTPUT,
    PIECE_TAIL,
    PIECE_MAX,
};

/* An event whose answer nobody has fetched yet. */
struct event {
    struct jb_blob *pieces[PIECE_MAX]; /* not sent yet */
    size_t bytes;
    struct later *later; /* set while it waits for its outcome */
    bool shown;          /* its opening is out; it is not held back any more */
    struct event *prev, *next;
    struct session *session;             /* set while it is held back */
    struct event *prev_held, *next_held; /* then: of all sessions, oldest first */
    int64_t due;                         /* then: when it goes out */
    bool prefixed;
    char id[GRADIO_ID_SIZE];
};

/* What an event that waits has beside. */
struct later {
    UT_hash_handle hh; /* by id */
    struct event *event;
    struct session *session; /* one of the two */
    struct call *call;
    uint64_t wait_id;
    int64_t since;
    int fn_index;
    bool lost;
    char id[GRADIO_ID_SIZE];
};

enum session_state {
    WAITING,   /* events, no stream; expires */
    HOLDING,   /* a stream, and events that are held back for a moment or wait */
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
    struct call *prev, *next; /* in the list of those that expire */
    int64_t since;
    struct event event;
    struct stream *stream; /* that the client waits on */
    bool open;             /* it has had a stream, and does not expire */
    bool lost;
};

struct stream {
    UT_hash_handle hh;
    struct stream *prev, *next; /* by the time of the last heartbeat, oldest first */
    uint64_t id;
    int64_t beat; /* when it got its last heartbeat, or was opened */
    struct session *session;
    struct call *call; /* with neither, a /heartbeat stream */
    bool lost;
};

struct sessions {
    struct sessions_limits limits;
    struct sessions_sink sink;
    struct session *by_hash;
    struct session *lists[STATE_MAX];
    struct call *calls, *call_list;
    struct event *held;
    struct later *laters;
    struct stream *streams, *stream_list;
    struct jb_blob *heartbeat, *close, *alive, *call_heartbeat, *restarts;
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
 * An event that waits gets what it needs for that. */
int held_event_fill(struct sessions *s, struct event *e, bool call, bool prefixed, int fn_index,
                    const struct gradio_outcome *outcome, int64_t now_ms, struct jb_error *err);
/* Drops the messages; if it waits, it does so no more, and who asked for it is told. */
void held_event_clear(struct sessions *s, struct event *e);
/* The messages of an outcome, without the opening if the event waits. `micros` is the run time.
 * What memory is out for is missing. */
void held_event_result(struct sessions *s, struct event *e, bool call, int fn_index,
                       const struct gradio_outcome *outcome, int64_t micros);
/* Counts the bytes of an event anew; `session` is NULL for a /call. */
void held_event_weigh(struct sessions *s, struct session *session, struct event *e);

/* waiting.c */
/* What makes `e`, which has its id, an event that waits. JB_ENOMEM. */
int held_later(struct sessions *s, struct event *e, int fn_index, uint64_t wait_id,
               int64_t now_ms);
/* Where the event lies for good; one of session and call. */
void held_later_place(struct event *e, struct session *session, struct call *call);
struct later *held_later_find(const struct sessions *s, const char *id);
/* It waits no more; nobody is told. */
void held_later_end(struct sessions *s, struct event *e);
/* A progress message, taken, in place of the one not sent yet. */
void held_later_progress(struct sessions *s, struct later *later, struct jb_blob *message);
/* The final messages; it waits no more. Those that memory is out for are missing. */
void held_later_settle(struct sessions *s, struct later *later,
                       const struct gradio_outcome *outcome, int64_t now_ms);

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
/* Not any more. */
void held_session_release(struct sessions *s, struct event *e);
void held_session_drop(struct sessions *s, struct session *session, struct event *e);
/* The session has no stream. */
void held_session_free(struct sessions *s, struct session *session);

struct call *held_call_find(const struct sessions *s, struct jb_str id);
/* Takes the content of `e`; JB_ENOMEM leaves it. */
int held_call(struct sessions *s, struct event *e, int64_t now_ms);
/* Its client waits on this stream. */
void held_call_open(struct sessions *s, struct call *call, struct stream *stream);
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
