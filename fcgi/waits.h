/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for what: events of the queue machine (gradio/session.h) and synchronous calls,
 * each for one wait_id (a request in the store) until a deadline. The streams thread says who
 * waits and takes the news; the keeper thread looks at the store and brings them. One lock
 * inside: every function here may be called from any thread, and none waits for more than that
 * lock.
 *
 * No deadline of a synchronous call may be further away than what nginx waits for a silent back
 * end (60 s unless its fastcgi_read_timeout says otherwise), or the call is lost before it is
 * answered. Events have the heartbeats of their stream.
 */
#pragma once

#include "gradio/session.h"
#include "store/store.h"

struct waits;

struct waits *waits_new(void); /* NULL: no memory */
void waits_free(struct waits *w);

/* --- what the store says ---------------------------------------------------------------------
 */

#define WAITS_DESC_MAX 400 /* bytes, with the NUL */

struct waits_news {
    struct gradio_outcome outcome; /* decided: the output is handed over with it */
    char desc[WAITS_DESC_MAX]; /* still waits: what goes on now, UTF-8; "": nothing to tell */
    double progress;           /* and how far it is, 0 to 1; negative: unknown */
};

struct waits_hooks {
    void *ctx;
    /*
     * Reads in `txn` how it stands with one id. 1: decided, ret_news->outcome is filled; 0:
     * still waits, desc and progress may be filled; negative: it cannot be told now (the hook
     * has logged it), and is asked again. `expired`: it waits still and some have waited as
     * long as they may: the outcome that goes to them, which says that the work goes on and
     * where to look, while the others go on waiting. (0 keeps the expired waiting too.)
     * `ret_news` comes zeroed, with progress unknown. On the keeper's thread, without the lock.
     */
    int (*look)(void *ctx, struct store_txn *txn, uint64_t wait_id, bool expired,
                struct waits_news *ret_news);
};

/*
 * Looks where needed: at everything when `change_seq` (of store_seq) has moved or a second has
 * passed, else at ids that are new and at those that have expired. Brings the news; true when
 * there are some and the streams thread should know. `txn` NULL: the store cannot be read;
 * then, and when the hook fails, who has expired gets an error that says so.
 */
#define WAITS_LOOK_MS 1000
bool waits_look(struct waits *w, const struct waits_hooks *hooks, struct store_txn *txn,
                uint64_t change_seq, int64_t now_ms);

/* Decided: everybody who waits for the id gets the outcome (the blob is referenced, not taken);
 * with `until_ms` only those whose deadline is not later, INT64_MAX: all. True: somebody does.
 */
bool waits_settle(struct waits *w, uint64_t wait_id, const struct gradio_outcome *outcome,
                  int64_t until_ms);
/* Everybody, whatever for. */
void waits_settle_all(struct waits *w, const struct gradio_outcome *outcome);
/* What goes on; who comes later gets it too. True when it is new and somebody waits. */
bool waits_progress(struct waits *w, uint64_t wait_id, struct jb_str desc, double progress);

/* --- who waits -------------------------------------------------------------------------------
 */

/* A synchronous call on a detached connection. */
struct waits_run {
    uint64_t outlet;      /* 0: it is no call but an event */
    struct jb_blob *head; /* head fields of the answer */
    bool prefixed;
    int fn_index;
    int64_t since_ms;
};

/* An event, or with `run` a synchronous call (its head is referenced, not taken), waits.
 * `ret_new`: nobody waited for that id before. JB_ENOMEM. */
int waits_add_event(struct waits *w, const char *event_id, uint64_t wait_id,
                    int64_t deadline_ms, bool *ret_new);
int waits_add_run(struct waits *w, const struct waits_run *run, uint64_t wait_id,
                  int64_t deadline_ms, bool *ret_new);
/* It waits no more. False: it did not. */
bool waits_drop_event(struct waits *w, const char *event_id);
bool waits_drop_run(struct waits *w, uint64_t outlet);

/* News for one of those who wait. */
struct waits_note {
    char event[GRADIO_ID_SIZE];    /* of a run "" */
    struct waits_run run;          /* its head is the receiver's to unref */
    bool settled;                  /* else progress */
    struct gradio_outcome outcome; /* settled: the output is the receiver's to unref */
    char desc[WAITS_DESC_MAX];
    double progress;
};
/* The next piece of news; a settled one waits no more. False: there is none. Runs get no
 * progress. */
bool waits_take(struct waits *w, struct waits_note *ret_note);

size_t waits_runs(struct waits *w); /* synchronous calls that wait */
