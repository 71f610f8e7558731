/* SPDX-License-Identifier: Apache-2.0 */
/* Events whose outcome comes later. */
#include "session_help.h"

#define WAIT_ID 77

static const struct gradio_outcome later = {.waiting = true, .wait_id = WAIT_ID};

static const struct sessions_limits gapped = {.max_sessions = 10,
                                              .max_events = 10,
                                              .max_session_bytes = 1 << 20,
                                              .max_total_bytes = 1 << 20,
                                              .heartbeat_ms = 15000,
                                              .expiry_ms = 600000,
                                              .close_grace_ms = 20,
                                              .linger_ms = 60000,
                                              .join_gap_ms = 40};

/* Nothing is left behind. */
static void
world_done(struct world *w)
{
    assert_int_equal(stat_of(w).events, 0);
    assert_int_equal(stat_of(w).waiting, 0);
    assert_int_equal(stat_of(w).bytes, 0);
    world_free(w);
}

static void
call(struct world *w, bool prefixed, char id[GRADIO_ID_SIZE])
{
    struct jb_error err = {0};

    assert_int_equal(sessions_call(w->s, prefixed, 8, &later, w->now, &err, id), 0);
}

#define OPENING                                                                                \
    "data: {\"msg\":\"estimation\",\"event_id\":\"%s\",\"rank\":0,\"queue_size\":1,"           \
    "\"rank_eta\":null}\n\n"                                                                   \
    "data: {\"msg\":\"process_starts\",\"event_id\":\"%s\",\"eta\":null}\n\n"
#define PROGRESS                                                                               \
    "data: {\"msg\":\"progress\",\"event_id\":\"%s\",\"progress_data\":[{\"index\":null,"      \
    "\"length\":null,\"unit\":\"steps\",\"progress\":%s,\"desc\":\"%s\"}]}\n\n"
#define COMPLETED                                                                              \
    "data: {\"msg\":\"process_completed\",\"event_id\":\"%s\",\"output\":{\"data\":[\"hi\"],"  \
    "\"is_generating\":false,\"duration\":%s,\"average_duration\":%s,"                         \
    "\"render_config\":null,\"changed_state_ids\":[]},\"success\":true}\n\n"
#define COMPLETED_6                                                                            \
    "data: {\"msg\":\"process_completed\",\"event_id\":\"%s\",\"output\":{\"data\":[\"hi\"],"  \
    "\"is_generating\":false,\"duration\":%s,\"average_duration\":%s,"                         \
    "\"render_config\":null,\"changed_state_ids\":[],\"used_cache\":null},\"success\":true,"   \
    "\"title\":null,\"used_cache\":null,\"cache_duration\":%s,\"avg_time\":%s}\n\n"

/* estimation, process_starts, progress…, process_completed; in between the stream stays open.
 */
static void
test_bare(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE], wanted[4096];
    size_t n;
    (void)state;

    join(w, "s", false, &later, id);
    assert_int_equal(stat_of(w).waiting, 1);
    assert_true(stat_of(w).bytes > 0);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    n = (size_t)snprintf(wanted, sizeof(wanted), OPENING, id, id);
    expect(w, 1, wanted);
    assert_int_equal(sessions_tick(w->s, w->now + 14999), w->now + 15000);
    expect(w, 1, wanted);
    sessions_tick(w->s, w->now + 15000);
    n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, HEARTBEAT);
    expect(w, 1, wanted);
    sessions_progress(w->s, id, jb_str("looks \"it\" up"), 0.25);
    n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, PROGRESS, id, "0.25",
                          "looks \\\"it\\\" up");
    expect(w, 1, wanted);
    sessions_progress(w->s, id, jb_str("检查"), -1);
    n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, PROGRESS, id, "null", "检查");
    sessions_progress(w->s, id, jb_str(""), 7);
    n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, PROGRESS, id, "1.0", "");
    expect(w, 1, wanted);
    sessions_tick(w->s, w->now + 17000);
    assert_false(w->wires[1].ended);
    assert_int_equal(stat_of(w).completed, 0);

    sessions_settle(w->s, id, &w->good, w->now + 18500);
    n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, COMPLETED, id, "18.500000",
                          "18.500000");
    expect(w, 1, wanted);
    assert_int_equal(stat_of(w).completed, 1);
    assert_int_equal(stat_of(w).waiting, 0);
    /* done is done */
    sessions_settle(w->s, id, &w->bad, w->now + 18501);
    sessions_progress(w->s, id, jb_str("late"), 0.5);
    expect(w, 1, wanted);
    sessions_tick(w->s, w->now + 18519);
    expect(w, 1, wanted);
    sessions_tick(w->s, w->now + 18520);
    snprintf(wanted + n, sizeof(wanted) - n, CLOSE);
    expect(w, 1, wanted);
    assert_true(w->wires[1].ended);

    /* the next one knows how long it takes */
    join(w, "t", false, &later, id);
    sessions_open(w->s, jb_str("t"), false, 2, w->now);
    assert_non_null(strstr(text(w, 2), "\"eta\":18.500000}"));
    sessions_settle(w->s, id, &w->good, w->now + 500);
    assert_int_equal(w->unwaited, 0);
    world_done(w);
}

static void
test_prefixed(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE], bad[GRADIO_ID_SIZE], wanted[4096];
    size_t n;
    (void)state;

    join(w, "s", true, &later, id);
    sessions_open(w->s, jb_str("s"), true, 1, w->now);
    sessions_progress(w->s, id, jb_str("half"), 0.5);
    sessions_settle(w->s, id, &w->good, w->now + 250);
    n = (size_t)snprintf(wanted, sizeof(wanted), OPENING PROGRESS COMPLETED_6, id, id, id,
                         "0.5", "half", id, "0.250000", "0.250000", "0.250000", "0.250000");
    expect(w, 1, wanted);
    /* the answer itself travels by reference */
    assert_ptr_equal(w->wires[1].last[3], w->good.output);

    join(w, "s", true, &later, bad); /* within the grace, told at once as there is no gap */
    assert_non_null(strstr(text(w, 1) + n, "process_starts"));
    sessions_settle(w->s, bad, &w->bad, w->now + 300);
    assert_non_null(strstr(text(w, 1) + n,
                           ",\"output\":{\"error\":\"bad model\",\"duration\":10,"
                           "\"visible\":true,\"title\":\"Error\"},\"success\":false,"
                           "\"title\":\"Error\",\"used_cache\":null,"
                           "\"cache_duration\":null,\"avg_time\":null}\n\n"));
    sessions_tick(w->s, w->now + 320);
    assert_true(w->wires[1].ended);
    world_done(w);
}

/* Whatever came before the stream goes out with it, in order; of the progress the last. */
static void
test_settled_before_the_stream(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE], wanted[4096];
    size_t bytes;
    (void)state;

    join(w, "s", false, &later, id);
    bytes = stat_of(w).bytes;
    sessions_progress(w->s, id, jb_str("a long text that is not told in the end"), 0.1);
    assert_true(stat_of(w).bytes > bytes);
    sessions_progress(w->s, id, jb_str("second"), 0.2);
    sessions_settle(w->s, id, &w->good, w->now + 1000);
    assert_int_equal(stat_of(w).waiting, 0);
    assert_int_equal(stat_of(w).events, 1);
    sessions_open(w->s, jb_str("s"), false, 1, w->now + 1001);
    snprintf(wanted, sizeof(wanted), OPENING PROGRESS COMPLETED, id, id, id, "0.2", "second",
             id, "1.000000", "1.000000");
    expect(w, 1, wanted);
    sessions_tick(w->s, w->now + 1021);
    assert_true(w->wires[1].ended);
    world_done(w);
}

/* Others of the session go on; the stream ends when the last is done. */
static void
test_beside_others(void **state)
{
    struct world *w = world_new(&gapped);
    char wait[GRADIO_ID_SIZE], second[GRADIO_ID_SIZE], done[GRADIO_ID_SIZE];
    char mark[64];
    (void)state;

    join(w, "s", false, &later, wait);
    sessions_open(w->s, jb_str("s"), false, 1, w->now + 5);
    assert_non_null(strstr(text(w, 1), wait));
    w->now += 1000;
    join(w, "s", false, &w->good, done);
    assert_int_equal(sessions_tick(w->s, w->now), w->now + 40); /* not longer for the other */
    sessions_tick(w->s, w->now + 40);
    snprintf(mark, sizeof(mark), "completed\",\"event_id\":\"%s\"", done);
    assert_non_null(strstr(text(w, 1), mark));
    sessions_tick(w->s, w->now + 10000);
    assert_false(w->wires[1].ended);

    /* a second one waits for its turn to be told, and is settled meanwhile */
    w->now += 1000;
    join(w, "s", false, &later, second);
    assert_int_equal(stat_of(w).waiting, 2);
    sessions_settle(w->s, second, &w->bad, w->now + 1);
    assert_null(strstr(text(w, 1), second));
    sessions_tick(w->s, w->now + 40);
    snprintf(mark, sizeof(mark), "starts\",\"event_id\":\"%s\"", second);
    assert_non_null(strstr(text(w, 1), mark));
    snprintf(mark, sizeof(mark), "completed\",\"event_id\":\"%s\"", second);
    assert_non_null(strstr(text(w, 1), mark));

    /* and one more is told in time, then settled after the first */
    join(w, "s", false, &later, second);
    sessions_tick(w->s, w->now + 100);
    snprintf(mark, sizeof(mark), "starts\",\"event_id\":\"%s\"", second);
    assert_non_null(strstr(text(w, 1), mark));
    sessions_settle(w->s, wait, &w->good, w->now + 200);
    sessions_tick(w->s, w->now + 300);
    assert_false(w->wires[1].ended);
    sessions_settle(w->s, second, &w->good, w->now + 400);
    sessions_tick(w->s, w->now + 419);
    assert_false(w->wires[1].ended);
    sessions_tick(w->s, w->now + 420);
    assert_true(w->wires[1].ended);
    assert_string_equal(text(w, 1) + strlen(text(w, 1)) - strlen(CLOSE), CLOSE);
    assert_int_equal(stat_of(w).completed, 4);
    world_done(w);
}

/* A newer stream of the same session goes on with what waits. */
static void
test_newer_stream(void **state)
{
    struct world *w = world_new(&gapped);
    char id[GRADIO_ID_SIZE], a[GRADIO_ID_SIZE], b[GRADIO_ID_SIZE];
    (void)state;

    join(w, "s", false, &later, id);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    sessions_open(w->s, jb_str("s"), false, 2, w->now + 1);
    assert_true(w->wires[1].ended);
    assert_null(strstr(text(w, 1), "close_stream"));
    expect(w, 2, HEARTBEAT);
    sessions_gone(w->s, 1, w->now + 2); /* late news of the old one */
    assert_int_equal(stat_of(w).waiting, 1);
    sessions_settle(w->s, id, &w->good, w->now + 3);
    assert_non_null(strstr(text(w, 2), "process_completed"));
    assert_null(strstr(text(w, 1), "process_completed"));
    sessions_tick(w->s, w->now + 23);
    assert_true(w->wires[2].ended);

    /* Two at once: told one after the other, as nobody knows which the client has heard of. */
    w->now += 1000;
    join(w, "pair", true, &later, a);
    join(w, "pair", true, &later, b);
    sessions_open(w->s, jb_str("pair"), true, 3, w->now + 1);
    expect(w, 3, HEARTBEAT);
    sessions_settle(w->s, a, &w->good, w->now + 2);
    expect(w, 3, HEARTBEAT);
    sessions_tick(w->s, w->now + 41);
    assert_non_null(strstr(text(w, 3), a));
    assert_null(strstr(text(w, 3), b));
    sessions_tick(w->s, w->now + 51);
    assert_non_null(strstr(text(w, 3), b));
    sessions_settle(w->s, b, &w->good, w->now + 60);
    sessions_tick(w->s, w->now + 80);
    assert_true(w->wires[3].ended);
    world_done(w);
}

static void
test_cancel(void **state)
{
    struct world *w = world_new(&gapped);
    char a[GRADIO_ID_SIZE], b[GRADIO_ID_SIZE], c[GRADIO_ID_SIZE], mark[128];
    (void)state;

    /* one that was told, one that is held back, one without a stream */
    join(w, "s", false, &later, a);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    join(w, "s", false, &later, b);
    join(w, "t", true, &later, c);
    sessions_cancel(w->s, jb_str("t"), jb_str(a), w->now); /* not that session's */
    assert_int_equal(w->unwaited, 0);
    sessions_cancel(w->s, jb_str("s"), jb_str(a), w->now);
    assert_int_equal(w->unwaited, 1);
    assert_int_equal(w->unwaited_for, WAIT_ID);
    assert_string_equal(w->unwaited_id, a);
    snprintf(mark, sizeof(mark), "completed\",\"event_id\":\"%s\",\"output\":{},", a);
    assert_non_null(strstr(text(w, 1), mark));
    sessions_cancel(w->s, jb_str("s"), jb_str(b), w->now);
    sessions_cancel(w->s, jb_str("t"), jb_str(c), w->now);
    assert_int_equal(w->unwaited, 3);
    assert_int_equal(stat_of(w).cancelled, 3);
    assert_int_equal(stat_of(w).waiting, 0);
    assert_null(strstr(text(w, 1), b));
    sessions_settle(w->s, b, &w->good, w->now); /* too late */
    sessions_tick(w->s, w->now + 40);
    snprintf(mark, sizeof(mark), "completed\",\"event_id\":\"%s\",\"output\":{},", b);
    assert_non_null(strstr(text(w, 1), mark));
    snprintf(mark, sizeof(mark), "starts\",\"event_id\":\"%s\"", b);
    assert_null(strstr(text(w, 1), mark));
    sessions_tick(w->s, w->now + 60);
    assert_true(w->wires[1].ended);
    sessions_open(w->s, jb_str("t"), true, 2, w->now + 60);
    assert_non_null(strstr(text(w, 2), "\"output\":{},\"success\":true,\"title\":null"));
    world_done(w);
}

static void
test_gone(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE], other[GRADIO_ID_SIZE];
    size_t n;
    (void)state;

    join(w, "s", false, &later, id);
    join(w, "t", false, &later, other);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    n = w->wires[1].bytes.n;
    sessions_gone(w->s, 1, w->now + 1);
    assert_int_equal(w->unwaited, 1);
    assert_string_equal(w->unwaited_id, id);
    sessions_settle(w->s, id, &w->good, w->now + 2);
    sessions_progress(w->s, id, jb_str("x"), 0);
    assert_int_equal(w->wires[1].bytes.n, n);
    assert_int_equal(stat_of(w).waiting, 1);
    assert_int_equal(stat_of(w).events, 1);
    sessions_settle(w->s, other, &w->good, w->now + 2);
    sessions_open(w->s, jb_str("t"), false, 2, w->now + 3);
    sessions_tick(w->s, w->now + 100);
    assert_true(w->wires[2].ended);
    world_done(w);
}

static void
test_stop(void **state)
{
    struct world *w = world_new(&gapped);
    char told[GRADIO_ID_SIZE], held[GRADIO_ID_SIZE], id[GRADIO_ID_SIZE];
    const char *at;
    (void)state;

    join(w, "s", false, &later, told);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    join(w, "s", false, &later, held);
    join(w, "nobody", false, &later, id);
    join(w, "six", true, &later, id);
    sessions_open(w->s, jb_str("six"), true, 2, w->now);
    call(w, true, id);
    sessions_call_open(w->s, jb_str(id), true, 3, w->now);
    call(w, false, id);
    sessions_call_open(w->s, jb_str(id), false, 4, w->now);
    call(w, false, id);
    assert_int_equal(stat_of(w).waiting, 7);
    sessions_stop(w->s, w->now);
    assert_int_equal(w->unwaited, 7);
    for (uint64_t i = 1; i <= 4; i++)
        assert_true(w->wires[i].ended);
    at = strstr(text(w, 1), "\"output\":{\"error\":" GRADIO_RESTARTS
                            ",\"duration\":10,\"visible\":true},\"success\":false}");
    assert_non_null(at);
    assert_non_null(strstr(at + 1, GRADIO_RESTARTS)); /* of the one held back */
    assert_string_equal(text(w, 1) + strlen(text(w, 1)) - strlen(CLOSE), CLOSE);
    assert_non_null(strstr(text(w, 2), "{\"error\":" GRADIO_RESTARTS
                                       ",\"duration\":10,\"visible\":true,\"title\":\"Error\"}"
                                       ",\"success\":false,\"title\":\"Error\""));
    expect(w, 3,
           "event: heartbeat\ndata: null\n\n"
           "event: error\ndata: {\"error\":" GRADIO_RESTARTS
           ",\"duration\":10,\"visible\":true,\"title\":\"Error\"}\n\n");
    expect(w, 4, "event: heartbeat\ndata: null\n\nevent: error\ndata: null\n\n");
    assert_int_equal(stat_of(w).sessions, 0);
    assert_int_equal(stat_of(w).streams, 0);
    world_done(w);
}

/* Only what nobody came for expires, or makes room. */
static void
test_expiry(void **state)
{
    struct world *w = world_new(NULL);
    char open[GRADIO_ID_SIZE], call_open[GRADIO_ID_SIZE], id[GRADIO_ID_SIZE];
    int64_t end;
    (void)state;

    join(w, "s", false, &later, open);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    call(w, false, call_open);
    sessions_call_open(w->s, jb_str(call_open), false, 2, w->now);
    join(w, "t", false, &later, id);
    call(w, false, id);
    end = w->now + 600000;
    for (; w->now < end; w->now += 10000)
        sessions_tick(w->s, w->now);
    assert_int_equal(stat_of(w).waiting, 4);
    sessions_tick(w->s, end);
    assert_int_equal(stat_of(w).expired, 2);
    assert_int_equal(stat_of(w).waiting, 2);
    assert_int_equal(w->unwaited, 2);
    sessions_tick(w->s, end + 600000);
    assert_int_equal(stat_of(w).waiting, 2);
    assert_non_null(strstr(text(w, 1), HEARTBEAT HEARTBEAT));
    assert_non_null(strstr(text(w, 2), "event: heartbeat\ndata: null\n\n"
                                       "event: heartbeat\ndata: null\n\n"));
    sessions_settle(w->s, open, &w->good, end + 600000);
    sessions_settle(w->s, call_open, &w->good, end + 600000);
    sessions_tick(w->s, end + 600020);
    assert_true(w->wires[1].ended);
    assert_true(w->wires[2].ended);
    world_done(w);
}

static void
test_limits(void **state)
{
    static const struct sessions_limits few = {10,     4,  1500,  100000, 15000,
                                               600000, 20, 60000, 0};
    struct world *w = world_new(&few);
    struct jb_error err = {0};
    char a[GRADIO_ID_SIZE], b[GRADIO_ID_SIZE], c[GRADIO_ID_SIZE], id[GRADIO_ID_SIZE];
    int n = 0;
    (void)state;

    join(w, "a", false, &later, a);
    sessions_open(w->s, jb_str("a"), false, 1, w->now);
    call(w, false, c);
    sessions_call_open(w->s, jb_str(c), false, 2, w->now);
    join(w, "b", false, &later, b);
    join(w, "d", false, &w->good, id);
    assert_int_equal(try_join(w, "e", &err), JB_EBUSY);
    assert_int_equal(sessions_call(w->s, false, 8, &later, w->now, &err, id), JB_EBUSY);
    /* those with a stream are not abandoned, the others are */
    w->now += SESSIONS_ABANDONED_MS;
    assert_int_equal(try_join(w, "e", &err), 0);
    assert_int_equal(try_join(w, "f", &err), 0);
    assert_int_equal(try_join(w, "g", &err), JB_EBUSY);
    assert_int_equal(w->unwaited, 1);
    assert_string_equal(w->unwaited_id, b);
    assert_int_equal(stat_of(w).waiting, 2);
    sessions_settle(w->s, a, &w->good, w->now);
    sessions_settle(w->s, c, &w->good, w->now);
    assert_non_null(strstr(text(w, 1), "process_completed"));
    expect(w, 2, "event: heartbeat\ndata: null\n\nevent: complete\ndata: [\"hi\"]\n\n");
    assert_int_equal(try_join(w, "g", &err), 0);

    /* bytes of one session */
    w->now += SESSIONS_ABANDONED_MS;
    while (sessions_join(w->s, jb_str("h"), false, 8, &later, w->now, &err, id) == 0)
        assert_true(++n < 4);
    assert_int_equal(err.code, JB_EBUSY);
    assert_true(n > 0);
    sessions_tick(w->s, w->now + 600000);
    world_done(w);
}

static void
test_calls(void **state)
{
    struct world *w = world_new(NULL);
    char id[GRADIO_ID_SIZE];
    (void)state;

    /* heartbeat first, no progress, then the result */
    call(w, true, id);
    sessions_progress(w->s, id, jb_str("x"), 0.5);
    sessions_call_open(w->s, jb_str(id), true, 1, w->now);
    expect(w, 1, "event: heartbeat\ndata: null\n\n");
    sessions_progress(w->s, id, jb_str("x"), 0.6);
    sessions_tick(w->s, w->now + 1000);
    expect(w, 1, "event: heartbeat\ndata: null\n\n");
    assert_false(w->wires[1].ended);
    sessions_settle(w->s, id, &w->good, w->now + 2000);
    expect(w, 1, "event: heartbeat\ndata: null\n\nevent: complete\ndata: [\"hi\"]\n\n");
    assert_true(w->wires[1].ended);

    /* settled before anybody asks */
    call(w, true, id);
    sessions_settle(w->s, id, &w->bad, w->now + 2000);
    sessions_call_open(w->s, jb_str(id), true, 2, w->now + 3000);
    expect(w, 2,
           "event: error\ndata: {\"error\":\"bad model\",\"duration\":10,\"visible\":true,"
           "\"title\":\"Error\"}\n\n");
    assert_true(w->wires[2].ended);

    /* the newer stream wins */
    call(w, false, id);
    sessions_call_open(w->s, jb_str(id), false, 3, w->now);
    sessions_call_open(w->s, jb_str(id), false, 4, w->now);
    assert_true(w->wires[3].ended);
    expect(w, 3, "event: heartbeat\ndata: null\n\n");
    sessions_gone(w->s, 3, w->now);
    sessions_settle(w->s, id, &w->bad, w->now);
    expect(w, 4, "event: heartbeat\ndata: null\n\nevent: error\ndata: null\n\n");

    /* its client goes away */
    call(w, false, id);
    sessions_call_open(w->s, jb_str(id), false, 5, w->now);
    assert_int_equal(w->unwaited, 0);
    sessions_gone(w->s, 5, w->now);
    assert_int_equal(w->unwaited, 1);
    sessions_settle(w->s, id, &w->good, w->now);
    expect(w, 5, "event: heartbeat\ndata: null\n\n");

    /* cancelled on an open stream, and before one */
    call(w, false, id);
    sessions_call_open(w->s, jb_str(id), false, 6, w->now);
    sessions_cancel(w->s, jb_str(id), jb_str(id), w->now);
    expect(w, 6, "event: heartbeat\ndata: null\n\nevent: complete\ndata: null\n\n");
    assert_true(w->wires[6].ended);
    call(w, false, id);
    sessions_cancel(w->s, jb_str(id), jb_str(id), w->now);
    sessions_call_open(w->s, jb_str(id), false, 7, w->now);
    expect(w, 7, "event: error\ndata: \"404: Session not found.\"\n\n");
    assert_int_equal(w->unwaited, 3);
    assert_int_equal(stat_of(w).streams, 0);
    world_done(w);
}

/* The machine may end while events wait. */
static void
test_end_while_waiting(void **state)
{
    struct world *w = world_new(&gapped);
    char id[GRADIO_ID_SIZE];
    (void)state;

    join(w, "s", false, &later, id);
    sessions_open(w->s, jb_str("s"), false, 1, w->now);
    join(w, "s", false, &later, id);
    join(w, "t", false, &later, id);
    call(w, false, id);
    sessions_call_open(w->s, jb_str(id), false, 2, w->now);
    call(w, false, id);
    sessions_free(w->s);
    w->s = NULL;
    assert_int_equal(w->unwaited, 5);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_prefixed),
        cmocka_unit_test(test_settled_before_the_stream),
        cmocka_unit_test(test_beside_others),
        cmocka_unit_test(test_newer_stream),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_end_while_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
