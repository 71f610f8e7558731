/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over a stream, and when. */
#include "session_help.h"

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
    static const struct sessions_limits limits = {10,     10, 1000000, 1000000, 15000,
                                                  600000, 0,  60000,   0};
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
    static const struct sessions_limits limits = {10,     10,    1000000, 1000000, 15000,
                                                  600000, 40000, 60000,   0};
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

/* A stream that is open already gets an event only after the answer to its join had time to
 * arrive. */
static void
test_join_gap(void **state)
{
    struct sessions_limits limits = {.max_sessions = 10,
                                     .max_events = 3,
                                     .max_session_bytes = 1 << 20,
                                     .max_total_bytes = 1 << 20,
                                     .heartbeat_ms = 15000,
                                     .expiry_ms = 600000,
                                     .close_grace_ms = 20,
                                     .linger_ms = 60000,
                                     .join_gap_ms = 40};
    struct world *w = world_new(&limits);
    struct jb_error err = {0};
    char first[GRADIO_ID_SIZE], second[GRADIO_ID_SIZE], third[GRADIO_ID_SIZE],
        id[GRADIO_ID_SIZE];
    (void)state;

    join(w, "abc", false, &w->good, first);
    sessions_open(w->s, jb_str("abc"), false, 1, w->now); /* the client knows its first one */
    assert_non_null(strstr(text(w, 1), first));
    join(w, "abc", false, &w->good, second);
    assert_int_equal(sessions_tick(w->s, w->now + 10), w->now + 40);
    assert_null(strstr(text(w, 1), second));
    w->now += 30;
    join(w, "abc", false, &w->good, third); /* behind one, a quarter longer */
    sessions_tick(w->s, w->now + 10);
    assert_non_null(strstr(text(w, 1), second));
    assert_null(strstr(text(w, 1), third));
    assert_null(strstr(text(w, 1), CLOSE)); /* the third is still to come */
    sessions_tick(w->s, w->now + 49);
    assert_null(strstr(text(w, 1), third));
    sessions_tick(w->s, w->now + 50);
    assert_true(strstr(text(w, 1), third) > strstr(text(w, 1), second));
    sessions_tick(w->s, w->now + 70);
    assert_non_null(strstr(text(w, 1), CLOSE));
    assert_true(w->wires[1].ended);
    assert_int_equal(stat_of(w).events, 0);
    assert_int_equal(stat_of(w).bytes, 0);

    /* Two joins at once, then the stream: nobody knows which of them the client has heard of.
     */
    w->now += 1000;
    join(w, "pair", false, &w->good, first);
    join(w, "pair", false, &w->good, second);
    sessions_open(w->s, jb_str("pair"), false, 5, w->now + 3);
    expect(w, 5, HEARTBEAT);
    sessions_tick(w->s, w->now + 43);
    assert_non_null(strstr(text(w, 5), first));
    assert_null(strstr(text(w, 5), second));
    sessions_tick(w->s, w->now + 53);
    assert_non_null(strstr(text(w, 5), second));
    sessions_tick(w->s, w->now + 73);
    assert_true(w->wires[5].ended);
    /* One that opens its stream late has had all answers. */
    w->now += 1000;
    join(w, "late", false, &w->good, first);
    join(w, "late", false, &w->good, second);
    sessions_open(w->s, jb_str("late"), false, 6, w->now + 40);
    assert_non_null(strstr(text(w, 6), second));
    sessions_tick(w->s, w->now + 100);

    /* What is held back counts, can be cancelled, and goes with its client. */
    w->now += 1000;
    join(w, "two", false, &w->good, first);
    sessions_open(w->s, jb_str("two"), false, 2, w->now);
    join(w, "two", false, &w->good, first);
    join(w, "two", false, &w->good, second);
    join(w, "two", false, &w->good, third);
    assert_int_equal(sessions_join(w->s, jb_str("two"), false, 0, &w->good, w->now, &err, id),
                     JB_EBUSY);
    assert_int_equal(stat_of(w).events, 3);
    sessions_cancel(w->s, jb_str("two"), jb_str(second), w->now);
    sessions_tick(w->s, w->now + 60);
    assert_int_equal(stat_of(w).cancelled, 1);
    assert_int_equal(stat_of(w).events, 0);
    join(w, "two", false, &w->good, first);
    sessions_gone(w->s, 2, w->now);
    assert_int_equal(stat_of(w).events, 0);
    assert_int_equal(stat_of(w).bytes, 0);
    sessions_tick(w->s, w->now + 100);

    /* A newer stream has them at once, and a stop leaves nothing unsaid. */
    join(w, "six", true, &w->good, first);
    sessions_open(w->s, jb_str("six"), true, 3, w->now);
    join(w, "six", true, &w->good, second);
    sessions_open(w->s, jb_str("six"), true, 4, w->now);
    assert_true(w->wires[3].ended);
    assert_null(strstr(text(w, 3), second));
    assert_non_null(strstr(text(w, 4), second));
    join(w, "six", true, &w->good, third);
    sessions_stop(w->s, w->now);
    assert_non_null(strstr(text(w, 4), third));
    assert_true(w->wires[4].ended);
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
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_join_behind_a_close),
        cmocka_unit_test(test_join_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
