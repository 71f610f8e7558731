/* SPDX-License-Identifier: Apache-2.0 */
/* The queue machine with a clock of the test's own and a sink that writes down what it gets. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "gradio/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS 64

struct wire {
    struct jb_buf bytes;
    const struct jb_blob *last[8]; /* to see that an answer is passed on, not copied */
    size_t n;
    bool ended;
};

struct world {
    struct sessions *s;
    struct wire wires[STREAMS];
    struct gradio_outcome good, bad, fault;
    int64_t now;
    size_t unwaited; /* events that wait no more although nobody settled them; the last: */
    char unwaited_id[GRADIO_ID_SIZE];
    uint64_t unwaited_for;
};

static inline void
on_send(void *ctx, uint64_t stream, struct jb_blob *blob)
{
    struct world *w = ctx;
    struct wire *wire = &w->wires[stream];

    assert_true(stream < STREAMS);
    assert_false(wire->ended); /* nothing after the end */
    jb_buf_put(&wire->bytes, blob->p, blob->n);
    wire->last[wire->n++ % 8] = blob;
    jb_blob_unref(blob);
}

static inline void
on_end(void *ctx, uint64_t stream)
{
    struct world *w = ctx;

    assert_true(stream < STREAMS);
    assert_false(w->wires[stream].ended);
    w->wires[stream].ended = true;
}

static inline void
on_unwaited(void *ctx, const char *event_id, uint64_t wait_id)
{
    struct world *w = ctx;

    w->unwaited++;
    w->unwaited_for = wait_id;
    snprintf(w->unwaited_id, sizeof(w->unwaited_id), "%s", event_id);
}

static inline struct jb_blob *
blob(const char *text)
{
    struct jb_blob *b = jb_blob_new(text, strlen(text));

    assert_non_null(b);
    return b;
}

static inline struct world *
world_new(const struct sessions_limits *limits)
{
    static const struct sessions_limits plenty = {.max_sessions = 1000,
                                                  .max_events = 1000,
                                                  .max_session_bytes = 1 << 20,
                                                  .max_total_bytes = 1 << 24,
                                                  .heartbeat_ms = 15000,
                                                  .expiry_ms = 600000,
                                                  .close_grace_ms = 20,
                                                  .linger_ms = 60000};
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    for (size_t i = 0; i < STREAMS; i++)
        w->wires[i].bytes = JB_BUF(1 << 20);
    w->s = sessions_new(limits ? limits : &plenty,
                        &(struct sessions_sink){w, on_send, on_end, on_unwaited});
    assert_non_null(w->s);
    w->good =
        (struct gradio_outcome){.success = true, .output = blob("[\"hi\"]"), .micros = 1500};
    w->bad = (struct gradio_outcome){.output = blob("\"bad model\""), .micros = 1};
    w->fault = (struct gradio_outcome){.output = blob("null"), .micros = 1};
    w->now = 1000;
    return w;
}

static inline void
world_free(struct world *w)
{
    sessions_free(w->s);
    for (size_t i = 0; i < STREAMS; i++)
        jb_buf_free(&w->wires[i].bytes);
    jb_blob_unref(w->good.output);
    jb_blob_unref(w->bad.output);
    jb_blob_unref(w->fault.output);
    free(w);
}

static inline const char *
text(struct world *w, uint64_t stream)
{
    return w->wires[stream].bytes.p ? w->wires[stream].bytes.p : "";
}

static inline void
join(struct world *w, const char *session, bool prefixed, const struct gradio_outcome *o,
     char id[GRADIO_ID_SIZE])
{
    struct jb_error err = {0};

    assert_int_equal(sessions_join(w->s, jb_str(session), prefixed, 0, o, w->now, &err, id), 0);
    assert_int_equal(strlen(id), 32);
}

static inline void
expect(struct world *w, uint64_t stream, const char *wanted)
{
    assert_string_equal(text(w, stream), wanted);
}

static inline struct sessions_stat
stat_of(struct world *w)
{
    struct sessions_stat st;

    sessions_stat_get(w->s, &st);
    return st;
}

#define CLOSE     "data: {\"msg\":\"close_stream\",\"event_id\":null}\n\n"
#define HEARTBEAT "data: {\"msg\":\"heartbeat\",\"event_id\":null}\n\n"

static inline int
try_join(struct world *w, const char *session, struct jb_error *err)
{
    char id[GRADIO_ID_SIZE];

    jb_error_clear(err);
    return sessions_join(w->s, jb_str(session), false, 0, &w->good, w->now, err, id);
}
