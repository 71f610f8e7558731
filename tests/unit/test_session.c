/* SPDX-License-Identifier: Apache-2.0 */
/* The queue machine with a clock of the test's own and a sink that writes down what it gets. */
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
};

static void
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

static void
on_end(void *ctx, uint64_t stream)
{
    struct world *w = ctx;

    assert_true(stream < STREAMS);
    assert_false(w->wires[stream].ended);
    w->wires[stream].ended = true;
}

static struct jb_blob *
blob(const char *text)
{
    struct jb_blob *b = jb_blob_new(text, strlen(text));

    assert_non_null(b);
    return b;
}

static struct world *
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
    w->s = sessions_new(limits ? limits : &plenty, &(struct sessions_sink){w, on_send, on_end});
    assert_non_null(w->s);
    w->good = (struct gradio_outcome){true, blob("[\"hi\"]"), 1500};
    w->bad = (struct gradio_outcome){false, blob("\"bad model\""), 1};
    w->fault = (struct gradio_outcome){false, blob("null"), 1};
    w->now = 1000;
    return w;
}

static void
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

static const char *
text(struct world *w, uint64_t stream)
{
    return w->wires[stream].bytes.p ? w->wires[stream].bytes.p : "";
}

static void
join(struct world *w, const char *session, bool prefixed, const struct gradio_outcome *o,
     char id[GRADIO_ID_SIZE])
{
    struct jb_error err = {0};

    assert_int_equal(sessions_join(w->s, jb_str(session), prefixed, 0, o, w->now, &err, id), 0);
    assert_int_equal(strlen(id), 32);
}

static void
expect(struct world *w, uint64_t stream, const char *wanted)
{
    assert_string_equal(text(w, stream), wanted);
}

static struct sessions_stat
stat_of(struct world *w)
{
    struct sessions_stat st;

    sessions_stat_get(w->s, &st);
    return st;
}

#define CLOSE     "data: {\"msg\":\"close_stream\",\"event_id\":null}\n\n"
#define HEARTBEAT "data: {\"msg\":\"heartbeat\",\"event_id\":null}\n\n"

/* Every byte as recorded from 4.44.1, numbers apart. */
static void
test_bare_success(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE], wanted[2048];
    (void)state;

    join(w, "abc", false, &w->good, id);
    sessions_open(w->s, jb_str("abc"), false, 1, w->now);
    snprintf(wanted, sizeof(wanted),
             "data: {\"msg\":\"estimation\",\"event_id\":\"%s\",\"rank\":0,\"queue_size\":1,"
             "\"rank_eta\":null}\n\n"
             "data: {\"msg\":\"process_starts\",\"event_id\":\"%s\",\"eta\":null}\n\n"
             "data: "
             "{\"msg\":\"process_completed\",\"event_id\":\"%s\",\"output\":{\"data\":[\"hi\"],"
             "\"is_generating\":false,\"duration\":0.001500,\"average_duration\":0.001500,"
             "\"render_config\":null,\"changed_state_ids\":[]},\"success\":true}\n\n",
             id, id, id);
    expect(w, 1, wanted);
    assert_false(w->wires[1].ended);
    sessions_tick(w->s, w->now + 19);
    expect(w, 1, wanted); /* the grace is not over */
    assert_int_equal(sessions_tick(w->s, w->now + 19), w->now + 20);
    sessions_tick(w->s, w->now + 20);
    strcat(wanted, CLOSE);
    expect(w, 1, wanted);
    assert_true(w->wires[1].ended);
    world_free(w);
}

/* Every byte as recorded from 6.25.0, numbers apart. */
static void
test_prefixed_success(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE], wanted[2048];
    (void)state;

    join(w, "abc", true, &w->good, id);
    sessions_open(w->s, jb_str("abc"), true, 1, w->now);
    snprintf(wanted, sizeof(wanted),
             "data: {\"msg\":\"estimation\",\"event_id\":\"%s\",\"rank\":0,\"queue_size\":1,"
             "\"rank_eta\":null}\n\n"
             "data: {\"msg\":\"process_starts\",\"event_id\":\"%s\",\"eta\":null}\n\n"
             "data: "
             "{\"msg\":\"process_completed\",\"event_id\":\"%s\",\"output\":{\"data\":[\"hi\"],"
             "\"is_generating\":false,\"duration\":0.001500,\"average_duration\":0.001500,"
             "\"render_config\":null,\"changed_state_ids\":[],\"used_cache\":null},"
             "\"success\":true,\"title\":null,\"used_cache\":null,\"cache_duration\":0.001500,"
             "\"avg_time\":0.001500}\n\n",
             id, id, id);
    expect(w, 1, wanted);
    /* the answer itself travels by reference */
    assert_ptr_equal(w->wires[1].last[1], w->good.output);
    assert_int_equal(w->wires[1].n, 3);

    /* the second run knows the mean of the first */
    w->good.micros = 2500;
    join(w, "def", true, &w->good, id);
    sessions_open(w->s, jb_str("def"), true, 2, w->now);
    assert_non_null(strstr(text(w, 2), "\"rank_eta\":0.001500}"));
    assert_non_null(strstr(text(w, 2), "\"eta\":0.001500}"));
    assert_non_null(strstr(text(w, 2), "\"duration\":0.002500,\"average_duration\":0.002000,"));
    world_free(w);
}

static void
test_errors(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE];
    (void)state;

    join(w, "a", false, &w->bad, id);
    join(w, "a", false, &w->fault, id);
    sessions_open(w->s, jb_str("a"), false, 1, w->now);
    assert_non_null(strstr(text(w, 1), ",\"output\":{\"error\":\"bad model\",\"duration\":10,"
                                       "\"visible\":true},\"success\":false}\n\n"));
    assert_non_null(strstr(text(w, 1), ",\"output\":{\"error\":null},\"success\":false}\n\n"));

    join(w, "b", true, &w->bad, id);
    join(w, "b", true, &w->fault, id);
    sessions_open(w->s, jb_str("b"), true, 2, w->now);
    assert_non_null(strstr(text(w, 2),
                           ",\"output\":{\"error\":\"bad model\",\"duration\":10,"
                           "\"visible\":true,\"title\":\"Error\"},\"success\":false,"
                           "\"title\":\"Error\",\"used_cache\":null,"
                           "\"cache_duration\":null,\"avg_time\":null}\n\n"));
    assert_non_null(strstr(text(w, 2), ",\"output\":{\"error\":null},\"success\":false,"
                                       "\"title\":\"Error\",\"used_cache\":null,"
                                       "\"cache_duration\":null,\"avg_time\":null}\n\n"));
    world_free(w);
}

/* Events of one session share its stream; a join within the grace keeps it. */
static void
test_interleaved(void **state)
{
    struct world *w = world_new(NULL);
    char a[GRADIO_ID_SIZE], b[GRADIO_ID_SIZE], c[GRADIO_ID_SIZE];
    const char *pa, *pb, *pc;
    (void)state;

    join(w, "s", true, &w->good, a);
    join(w, "other", true, &w->good, b);
    join(w, "s", true, &w->bad, b);
    assert_string_not_equal(a, b);
    assert_int_equal(stat_of(w).events, 3);
    sessions_open(w->s, jb_str("s"), true, 1, w->now);
    pa = strstr(text(w, 1), a), pb = strstr(text(w, 1), b);
    assert_non_null(pa);
    assert_true(pa < pb);
    assert_null(strstr(text(w, 1), "close_stream"));
    assert_int_equal(stat_of(w).events, 1);

    sessions_tick(w->s, w->now + 19);
    w->now += 19;
    join(w, "s", true, &w->good, c);
    pc = strstr(text(w, 1), c); /* at once, on the open stream */
    assert_non_null(pc);
    sessions_tick(w->s, w->now + 19);
    assert_null(strstr(text(w, 1), "close_stream")); /* the grace started again */
    sessions_tick(w->s, w->now + 20);
    assert_true(w->wires[1].ended);
    assert_string_equal(text(w, 1) + strlen(text(w, 1)) - strlen(CLOSE), CLOSE);
    assert_int_equal(stat_of(w).completed, 3);
    assert_int_equal(stat_of(w).streams, 0);

    /* after the close the next join waits for the next stream */
    w->now += 100;
    join(w, "s", true, &w->good, a);
    sessions_open(w->s, jb_str("s"), true, 2, w->now);
    assert_non_null(strstr(text(w, 2), a));
    sessions_tick(w->s, w->now + 20);
    assert_true(w->wires[2].ended);
    world_free(w);
}

static void
test_no_grace(void **state)
{
    static const struct sessions_limits limits = {10,    10,     1000000, 1000000,
                                                  15000, 600000, 0,       60000};
    struct world *w = world_new(&limits);
    char id[GRADIO_ID_SIZE];
    (void)state;

    join(w, "s", false, &w->good, id);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    assert_true(w->wires[1].ended);
    assert_string_equal(text(w, 1) + strlen(text(w, 1)) - strlen(CLOSE), CLOSE);
    world_free(w);
}

static void
test_newer_stream_wins(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE];
    (void)state;

    join(w, "s", false, &w->good, id);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    sessions_open(w->s, jb_str("s"), false, 2, w->now + 5);
    assert_true(w->wires[1].ended);
    assert_null(strstr(text(w, 1), "close_stream"));
    expect(w, 2, HEARTBEAT); /* something at once: nginx waits for the first byte */
    join(w, "s", false, &w->good, id);
    assert_non_null(strstr(text(w, 2), id));
    assert_null(strstr(text(w, 1), id));
    /* the old one's client goes away late: nothing happens to the new one */
    sessions_gone(w->s, 1, w->now);
    sessions_tick(w->s, w->now + 4);
    assert_false(w->wires[2].ended);
    sessions_tick(w->s, w->now + 25);
    assert_true(w->wires[2].ended);
    world_free(w);
}

static void
test_unknown_and_lingering(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE];
    (void)state;

    sessions_open(w->s, jb_str("nobody"), false, 1, w->now);
    expect(w, 1,
           "data: {\"msg\":\"unexpected_error\",\"event_id\":null,"
           "\"message\":\"404: Session not found.\",\"success\":false}\n\n");
    assert_true(w->wires[1].ended);
    sessions_open(w->s, jb_str("nobody"), true, 2, w->now);
    expect(
        w, 2,
        "data: {\"msg\":\"unexpected_error\",\"event_id\":null,\"message\":\"404: Not Found\","
        "\"session_not_found\":true,\"success\":false}\n\n");
    assert_true(w->wires[2].ended);
    sessions_open(w->s, jb_str(""), true, 3, w->now);
    assert_true(w->wires[3].ended);

    /* a stream for a session that is done is closed, not "unknown", for a while */
    join(w, "s", true, &w->good, id);
    sessions_open(w->s, jb_str("s"), true, 4, w->now);
    sessions_tick(w->s, w->now + 20);
    sessions_open(w->s, jb_str("s"), true, 5, w->now + 30);
    expect(w, 5, CLOSE);
    assert_true(w->wires[5].ended);
    assert_int_equal(sessions_tick(w->s, w->now + 30), w->now + 20 + 60000);
    assert_int_equal(sessions_tick(w->s, w->now + 20 + 60000), INT64_MAX);
    assert_int_equal(stat_of(w).sessions, 0);
    sessions_open(w->s, jb_str("s"), true, 6, w->now + 70000);
    assert_non_null(strstr(text(w, 6), "session_not_found"));
    world_free(w);
}

static void
test_heartbeats(void **state)
{
    static const struct sessions_limits limits = {10,    10,     1000000, 1000000,
                                                  15000, 600000, 40000,   60000};
    struct world *w = world_new(&limits);
    char id[GRADIO_ID_SIZE];
    size_t before;
    (void)state;

    sessions_heartbeat(w->s, 1, w->now);
    expect(w, 1, "data: ALIVE\n\n");
    join(w, "s", false, &w->good, id);
    sessions_open(w->s, jb_str("s"), false, 2, w->now + 1000);
    before = strlen(text(w, 2));
    assert_int_equal(sessions_tick(w->s, w->now + 14999), w->now + 15000);
    expect(w, 1, "data: ALIVE\n\n");
    assert_int_equal(sessions_tick(w->s, w->now + 15000), w->now + 16000);
    expect(w, 1, "data: ALIVE\n\ndata: ALIVE\n\n");
    sessions_tick(w->s, w->now + 16000);
    assert_string_equal(text(w, 2) + before, HEARTBEAT);
    sessions_tick(w->s, w->now + 30000);
    sessions_tick(w->s, w->now + 31000);
    expect(w, 1, "data: ALIVE\n\ndata: ALIVE\n\ndata: ALIVE\n\n");
    assert_string_equal(text(w, 2) + before, HEARTBEAT HEARTBEAT);
    assert_int_equal(stat_of(w).streams, 2);
    sessions_gone(w->s, 1, w->now + 32000);
    sessions_gone(w->s, 1, w->now + 32000); /* twice does no harm */
    sessions_tick(w->s, w->now + 60000);
    expect(w, 1, "data: ALIVE\n\ndata: ALIVE\n\ndata: ALIVE\n\n");
    world_free(w);
}

static void
test_gone(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE];
    size_t n;
    (void)state;

    join(w, "s", false, &w->good, id);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    sessions_gone(w->s, 1, w->now + 1);
    n = w->wires[1].bytes.n;
    sessions_tick(w->s, w->now + 1000);
    assert_int_equal(w->wires[1].bytes.n, n);
    assert_false(w->wires[1].ended);
    assert_int_equal(stat_of(w).streams, 0);
    /* the page is still there: its next join gets the next stream */
    join(w, "s", false, &w->good, id);
    sessions_open(w->s, jb_str("s"), false, 2, w->now + 1001);
    assert_non_null(strstr(text(w, 2), id));
    world_free(w);
}

static void
test_calls(void **state)
{
    struct world *w = world_new(NULL);
    struct jb_error err = {0};
    char id[GRADIO_ID_SIZE];
    (void)state;

    assert_int_equal(sessions_call(w->s, false, 0, &w->good, w->now, &err, id), 0);
    sessions_tick(w->s, w->now + 500000); /* late, but not too late */
    sessions_call_open(w->s, jb_str(id), false, 1, w->now + 500000);
    expect(w, 1, "event: complete\ndata: [\"hi\"]\n\n");
    assert_true(w->wires[1].ended);
    assert_ptr_equal(w->wires[1].last[1], w->good.output);
    sessions_call_open(w->s, jb_str(id), false, 2, w->now + 500000);
    expect(w, 2, "event: error\ndata: \"404: Session not found.\"\n\n");
    assert_true(w->wires[2].ended);
    sessions_call_open(w->s, jb_str("deadbeef"), true, 3, w->now);
    expect(w, 3, "event: error\ndata: \"404: Not Found\"\n\n");

    sessions_call(w->s, false, 0, &w->bad, w->now, &err, id);
    sessions_call_open(w->s, jb_str(id), false, 4, w->now);
    expect(w, 4, "event: error\ndata: null\n\n");
    sessions_call(w->s, true, 0, &w->bad, w->now, &err, id);
    sessions_call_open(w->s, jb_str(id), true, 5, w->now);
    expect(w, 5,
           "event: error\ndata: {\"error\":\"bad model\",\"duration\":10,\"visible\":true,"
           "\"title\":\"Error\"}\n\n");
    sessions_call(w->s, true, 0, &w->fault, w->now, &err, id);
    sessions_call_open(w->s, jb_str(id), true, 6, w->now);
    expect(w, 6, "event: error\ndata: {\"error\":null}\n\n");
    assert_int_equal(stat_of(w).events, 0);
    assert_int_equal(stat_of(w).bytes, 0);
    world_free(w);
}

static void
test_expiry(void **state)
{
    struct world *w = world_new(NULL);
    struct jb_error err = {0};
    char id[GRADIO_ID_SIZE], call[GRADIO_ID_SIZE];
    (void)state;

    join(w, "s", false, &w->good, id);
    sessions_call(w->s, false, 0, &w->good, w->now + 1, &err, call);
    assert_int_equal(sessions_tick(w->s, w->now + 599999), w->now + 600000);
    assert_int_equal(stat_of(w).events, 2);
    assert_int_equal(sessions_tick(w->s, w->now + 600000), w->now + 600001);
    assert_int_equal(stat_of(w).sessions, 0);
    assert_int_equal(sessions_tick(w->s, w->now + 600001), INT64_MAX);
    assert_int_equal(stat_of(w).events, 0);
    assert_int_equal(stat_of(w).bytes, 0);
    assert_int_equal(stat_of(w).expired, 2);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    assert_non_null(strstr(text(w, 1), "Session not found"));
    world_free(w);
}

static int
try_join(struct world *w, const char *session, struct jb_error *err)
{
    char id[GRADIO_ID_SIZE];

    jb_error_clear(err);
    return sessions_join(w->s, jb_str(session), false, 0, &w->good, w->now, err, id);
}

static void
test_limits(void **state)
{
    static const struct sessions_limits few = {3, 4, 2500, 10000, 15000, 600000, 20, 60000};
    struct world *w = world_new(&few);
    struct jb_error err = {0};
    char id[GRADIO_ID_SIZE], long_hash[200];
    (void)state;

    memset(long_hash, 'x', sizeof(long_hash));
    long_hash[129] = 0;
    assert_int_equal(try_join(w, "", &err), JB_EINVAL);
    assert_string_equal(err.text, "Session hash not found.");
    assert_int_equal(try_join(w, long_hash, &err), JB_EINVAL);
    assert_int_equal(stat_of(w).sessions, 0);

    assert_int_equal(try_join(w, "a", &err), 0);
    assert_int_equal(try_join(w, "b", &err), 0);
    assert_int_equal(try_join(w, "c", &err), 0);
    assert_int_equal(try_join(w, "d", &err), JB_EBUSY); /* sessions */
    assert_string_equal(err.text, "Queue is full. Max size is 3 and size is 3.");
    assert_int_equal(try_join(w, "a", &err), 0);
    assert_int_equal(try_join(w, "a", &err), JB_EBUSY); /* events */
    assert_string_equal(err.text, "Queue is full. Max size is 4 and size is 4.");
    assert_int_equal(sessions_call(w->s, false, 0, &w->good, w->now, &err, id), JB_EBUSY);
    assert_int_equal(stat_of(w).refused, 3);
    assert_int_equal(stat_of(w).events, 4);

    /* what was delivered makes room */
    sessions_open(w->s, jb_str("b"), false, 1, w->now);
    assert_int_equal(try_join(w, "b", &err), 0); /* its stream is open: nothing is held */
    assert_int_equal(stat_of(w).events, 3);
    assert_int_equal(try_join(w, "c", &err), 0);
    assert_int_equal(try_join(w, "d", &err), JB_EBUSY);
    sessions_tick(w->s, w->now + 20); /* b is closed, and its memory is the first to go */
    sessions_open(w->s, jb_str("c"), false, 2, w->now + 20);
    assert_int_equal(try_join(w, "d", &err), 0);
    assert_int_equal(stat_of(w).sessions, 3);

    /* clients that never came for their answers do not keep others out */
    w->now += SESSIONS_ABANDONED_MS;
    assert_int_equal(try_join(w, "e", &err), 0);
    sessions_open(w->s, jb_str("a"), false, 3, w->now);
    assert_non_null(strstr(text(w, 3), "404"));
    world_free(w);
}

static void
test_byte_limits(void **state)
{
    static const struct sessions_limits few = {100, 100, 4000, 9000, 15000, 600000, 20, 60000};
    struct world *w = world_new(&few);
    struct jb_error err = {0};
    struct gradio_outcome big = {.success = true, .output = jb_blob_new(NULL, 0)};
    static char filler[20000];
    int i;
    (void)state;

    jb_blob_unref(big.output);
    memset(filler, '1', sizeof(filler));
    for (i = 0; try_join(w, "a", &err) == 0; i++)
        assert_true(i < 10);
    assert_int_equal(err.code, JB_EBUSY);
    assert_true(i >= 2);
    for (i = 0; i < 10; i++) {
        char name[2] = {(char)('b' + i), 0};
        if (try_join(w, name, &err))
            break;
    }
    assert_true(i > 0 && i < 10);
    assert_true(stat_of(w).bytes <= 9000);

    /* one answer alone is let through, however large */
    w->now += SESSIONS_ABANDONED_MS;
    big.output = jb_blob_new(filler, sizeof(filler));
    {
        char id[GRADIO_ID_SIZE];
        assert_int_equal(sessions_join(w->s, jb_str("big"), false, 0, &big, w->now, &err, id),
                         0);
        assert_int_equal(stat_of(w).events, 1);
        assert_int_equal(sessions_join(w->s, jb_str("big"), false, 0, &big, w->now, &err, id),
                         JB_EBUSY);
    }
    jb_blob_unref(big.output);
    world_free(w);
}

static void
test_cancel(void **state)
{
    struct world *w = world_new(NULL);
    struct jb_error err = {0};
    char a[GRADIO_ID_SIZE], b[GRADIO_ID_SIZE], wanted[512];
    (void)state;

    join(w, "s", false, &w->good, a);
    join(w, "s", true, &w->good, b);
    sessions_cancel(w->s, jb_str("s"), jb_str("x"), w->now);
    sessions_cancel(w->s, jb_str("t"), jb_str(a), w->now);
    assert_int_equal(stat_of(w).cancelled, 0);
    sessions_cancel(w->s, jb_str("s"), jb_str(a), w->now);
    sessions_cancel(w->s, jb_str("s"), jb_str(b), w->now);
    assert_int_equal(stat_of(w).cancelled, 2);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    snprintf(wanted, sizeof(wanted),
             "data: {\"msg\":\"process_completed\",\"event_id\":\"%s\",\"output\":{},"
             "\"success\":true}\n\n"
             "data: {\"msg\":\"process_completed\",\"event_id\":\"%s\",\"output\":{},"
             "\"success\":true,\"title\":null,\"used_cache\":null,\"cache_duration\":null,"
             "\"avg_time\":null}\n\n",
             a, b);
    expect(w, 1, wanted);
    sessions_tick(w->s, w->now + 20);
    assert_true(w->wires[1].ended);

    sessions_call(w->s, true, 0, &w->good, w->now, &err, a);
    sessions_cancel(w->s, jb_str("s"), jb_str(a), w->now); /* not that session's */
    sessions_cancel(w->s, jb_str(a), jb_str(a), w->now);
    sessions_call_open(w->s, jb_str(a), true, 2, w->now);
    assert_non_null(strstr(text(w, 2), "404"));
    assert_int_equal(stat_of(w).bytes, 0);
    world_free(w);
}

static void
test_stop(void **state)
{
    struct world *w = world_new(NULL);
    struct jb_error err = {0};
    char id[GRADIO_ID_SIZE];
    (void)state;

    join(w, "s", false, &w->good, id);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    sessions_heartbeat(w->s, 2, w->now);
    join(w, "waiting", false, &w->good, id);
    sessions_call(w->s, true, 0, &w->good, w->now, &err, id);
    sessions_stop(w->s, w->now);
    assert_true(w->wires[1].ended);
    assert_string_equal(text(w, 1) + strlen(text(w, 1)) - strlen(CLOSE), CLOSE);
    assert_true(w->wires[2].ended);
    expect(w, 2, "data: ALIVE\n\n");
    assert_int_equal(stat_of(w).events, 0);
    assert_int_equal(stat_of(w).sessions, 0);
    assert_int_equal(stat_of(w).streams, 0);
    assert_int_equal(stat_of(w).bytes, 0);

    assert_int_equal(try_join(w, "late", &err), JB_EBUSY);
    assert_string_equal(err.text, "Queue is stopped.");
    sessions_open(w->s, jb_str("waiting"), true, 3, w->now);
    expect(w, 3,
           "data: {\"msg\":\"unexpected_error\",\"event_id\":null,"
           "\"message\":\"Server stopped unexpectedly.\",\"session_not_found\":false,"
           "\"success\":false}\n\n");
    assert_true(w->wires[3].ended);
    sessions_heartbeat(w->s, 4, w->now);
    assert_true(w->wires[4].ended);
    assert_int_equal(sessions_tick(w->s, w->now), INT64_MAX);
    world_free(w);
}

/* Ten thousand sessions in and out: nothing is left behind, and it takes no time to speak of.
 */
static void
test_many(void **state)
{
    static const struct sessions_limits limits = {20000, 20000,  1 << 20, 1 << 28,
                                                  15000, 600000, 20,      60000};
    struct world *w = world_new(&limits);
    struct jb_error err = {0};
    char id[GRADIO_ID_SIZE], name[GRADIO_SESSION_MAX + 1];
    (void)state;

    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "%0*d", 1 + i % GRADIO_SESSION_MAX, i);
        assert_int_equal(
            sessions_join(w->s, jb_str(name), i % 2, i % 20 - 2, &w->good, w->now, &err, id),
            0);
    }
    assert_int_equal(stat_of(w).events, 10000);
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "%0*d", 1 + i % GRADIO_SESSION_MAX, i);
        w->wires[5].ended = false;
        jb_buf_reset(&w->wires[5].bytes);
        sessions_open(w->s, jb_str(name), i % 2, 5, w->now);
        assert_null(strstr(text(w, 5), "unexpected"));
        sessions_tick(w->s, w->now += 20);
        assert_true(w->wires[5].ended);
    }
    assert_int_equal(stat_of(w).completed, 10000);
    assert_int_equal(stat_of(w).bytes, 0);
    sessions_tick(w->s, w->now + 60000);
    assert_int_equal(stat_of(w).sessions, 0);
    world_free(w);
}

/* A join right behind a close_stream waits until the client must have seen it. */
static void
test_join_behind_a_close(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE];

    (void)state;
    assert_int_equal(sessions_join_from(w->s, JB_STR("a")), 0);
    join(w, "a", false, &w->good, id);
    assert_int_equal(sessions_join_from(w->s, JB_STR("a")), 0);
    sessions_open(w->s, JB_STR("a"), false, 1, w->now);
    assert_int_equal(sessions_join_from(w->s, JB_STR("a")), 0); /* the stream is open */
    w->now += 1000;
    sessions_tick(w->s, w->now); /* close_stream */
    assert_true(w->wires[1].ended);
    assert_true(sessions_join_from(w->s, JB_STR("a")) == w->now + SESSIONS_CROSSING_MS);
    assert_int_equal(sessions_join_from(w->s, JB_STR("b")), 0);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare_success),
        cmocka_unit_test(test_prefixed_success),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_interleaved),
        cmocka_unit_test(test_no_grace),
        cmocka_unit_test(test_newer_stream_wins),
        cmocka_unit_test(test_unknown_and_lingering),
        cmocka_unit_test(test_heartbeats),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_byte_limits),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_join_behind_a_close),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
