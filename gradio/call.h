/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the body of a Gradio call to its answer: reads the JSON (a posted table is skipped
 * unparsed), finds the function, checks the arity, runs it on a snapshot.
 */
#pragma once

#include "gradio/functions.h"
#include "gradio/session.h"
#include "gradio/site.h"

enum gradio_route {
    ROUTE_RUN,     /* POST /run/{name}, /api/{name}: fn_index in the body wins */
    ROUTE_JOIN,    /* POST /queue/join */
    ROUTE_CALL,    /* POST /call/{name} */
    ROUTE_CALL_V2, /* POST /call/v2/{name}: arguments by name */
};

/* What runs /add_new_eval. */
struct gradio_submit {
    void *ctx;
    /* `session` is the session_hash, empty when the call has none. `args` are the texts in the
     * order of the function's inputs (gradio/functions.c), decoded and in the arena; null is
     * the empty one, a ticked box "true" or "false". The outcome may wait. A negative code
     * fails the call as in gradio_call_run(). On the thread that calls that. */
    int (*run)(void *ctx, struct jb_str session, const struct jb_str args[GRADIO_INPUTS_MAX],
               struct jb_arena *arena, struct jb_error *err,
               struct gradio_outcome *ret_outcome);
};

struct gradio_call {
    enum gradio_route route;
    struct jb_str name;  /* from the path; empty for a join */
    struct jb_str query; /* raw query string: /load_query reads `query` from it */
    struct jb_str body;
    const struct gradio_submit *submit; /* NULL: no submissions are taken */
};

struct gradio_answer {
    int fn_index;
    struct jb_str session;         /* session_hash of the body; empty = none given */
    struct gradio_outcome outcome; /* output is the caller's to unref */
};

/*
 * Runs a call. 0 also when the function ended with an error of its own (outcome.success false)
 * and when its outcome waits: then there is no body to make yet.
 * JB_EPARSE, JB_EUNPROC, JB_ENOENT (no such function), JB_ETOOBIG (depth, size) with the
 * reason; gradio_error_body() makes the body for them. Strings of the answer live in `arena`.
 */
int gradio_call_run(const struct gradio_site *site, const struct gradio_call *call,
                    const struct board_limits *limits, struct jb_arena *arena,
                    struct jb_error *err, struct gradio_answer *ret_answer);

/* Body of /run and /api: {"data":…,"is_generating":false,…} or {"error":…}; `ret_status` 200 or
 * 500. */
int gradio_run_body(const struct gradio_answer *answer, bool prefixed, double seconds,
                    struct jb_buf *out, int *ret_status);

/* {"detail":"…"} or the list form of 422, as Gradio words it; `ret_status` is the HTTP status.
 */
void gradio_error_body(int code, const struct jb_error *err, struct jb_buf *out,
                       int *ret_status);

/* Body of POST /cancel: {"session_hash","fn_index","event_id"}, all of them required. Errors as
 * gradio_call_run(). */
int gradio_cancel_read(struct jb_str body, struct jb_arena *arena, struct jb_error *err,
                       struct jb_str *ret_session, struct jb_str *ret_event);

/* Body of POST /reset: {"event_id"}. */
int gradio_reset_read(struct jb_str body, struct jb_arena *arena, struct jb_error *err,
                      struct jb_str *ret_event);
