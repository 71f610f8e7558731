/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds, expiry and many sessions at once. */
#include "session_help.h"

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

static void
test_limits(void **state)
{
    static const struct sessions_limits few = {3, 4, 2500, 10000, 15000, 600000, 20, 60000, 0};
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
    static const struct sessions_limits few = {100,    100, 4000,  9000, 15000,
                                               600000, 20,  60000, 0};
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

/* Ten thousand sessions in and out: nothing is left behind, and it takes no time to speak of.
 */
static void
test_many(void **state)
{
    static const struct sessions_limits limits = {20000,  20000, 1 << 20, 1 << 28, 15000,
                                                  600000, 20,    60000,   0};
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_byte_limits),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
