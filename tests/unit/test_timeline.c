/* SPDX-License-Identifier: Apache-2.0 */
/* The best so far: what counts, from when, and what does not. */
#include "board_help.h"

#include "board/timeline.h"

#include <math.h>

#define DAY ((int64_t)86400 * 1000000)
#define T0  (19800 * DAY)

static struct timeline
timeline_of(struct boarding *b)
{
    struct timeline t = {0};

    assert_int_equal(timeline_build(b->board, b->f->arena, &t), 0);
    return t;
}

static void
put_model(struct boarding *b, const char *model, int64_t time, double score)
{
    struct request r = finished(model, SHA_A, "float16");

    put_request(b, r);
    put_flat(b, model, SHA_A, "float16", time, score);
}

static void
assert_point(const struct boarding *b, const struct timeline_series *s, size_t i,
             const char *model, int64_t time, double score)
{
    assert_true(i < s->n);
    assert_int_equal(s->points[i].time, time);
    assert_float_equal(s->points[i].score, score, 1e-9);
    assert_true(jb_str_is(board_row(b->board, s->points[i].row)->model, model));
}

static void
test_records_only(void **state)
{
    struct boarding *b = *state;

    put_model(b, "a/first", T0, 40);
    put_model(b, "a/lower", T0 + 2 * DAY, 30);
    put_model(b, "a/equal", T0 + 3 * DAY, 40);
    put_model(b, "a/same-day-1", T0 + 4 * DAY, 50);
    put_model(b, "a/same-day-2", T0 + 4 * DAY + 1000000, 60);
    put_model(b, "a/last", T0 + 9 * DAY, 10);
    boarding_build(b);

    struct timeline t = timeline_of(b);
    assert_int_equal(t.n, b->config.benchmarks.n + 1);
    assert_int_equal(t.dated, 6);
    assert_int_equal(t.first, T0);
    assert_int_equal(t.last, T0 + 9 * DAY);
    for (size_t i = 0; i < t.n; i++) {
        assert_int_equal(t.series[i].n, 2);
        assert_point(b, &t.series[i], 0, "a/first", T0, 40);
        assert_point(b, &t.series[i], 1, "a/same-day-2", T0 + 4 * DAY + 1000000, 60);
    }
    assert_int_equal(t.series[0].benchmark, -1);
    assert_string_equal(t.series[0].name, b->config.average_header);
    assert_int_equal(t.series[2].benchmark, 1);
}

static void
test_what_does_not_count(void **state)
{
    static const struct result_score some[] = {{"arc", 99, NAN, 0}};
    struct boarding *b = *state;

    put_model(b, "a/good", T0, 40);
    put_model(b, "a/flagged", T0 + DAY, 90);
    put_note(b, NOTE_FLAG, "a/flagged", "https://example.org/1");
    /* No average, but a record of its benchmark. */
    put_request(b, finished("a/part", SHA_A, "float16"));
    put_scores(b, "a/part", SHA_A, "float16", T0 + 2 * DAY, some, 1);
    boarding_build(b);

    struct timeline t = timeline_of(b);
    assert_int_equal(t.dated, 2);
    assert_int_equal(t.series[0].n, 1);
    assert_int_equal(t.series[1].n, 2);
    assert_point(b, &t.series[1], 1, "a/part", T0 + 2 * DAY, 99);
    assert_int_equal(t.series[2].n, 1);
}

static void
test_levels(void **state)
{
    struct boarding *b = *state;
    const struct benchmark *benchmarks = b->config.benchmarks.items;
    double human = 0, baseline = 0;

    boarding_build(b);
    struct timeline t = timeline_of(b);
    assert_int_equal(t.dated, 0);
    assert_int_equal(t.first, 0);
    for (size_t i = 0; i < b->config.benchmarks.n; i++) {
        assert_int_equal(t.series[i + 1].n, 0);
        assert_float_equal(t.series[i + 1].human, benchmarks[i].human, 1e-9);
        human += benchmarks[i].human;
        baseline += benchmarks[i].baseline;
    }
    assert_float_equal(t.series[0].human, human / (double)b->config.benchmarks.n, 1e-9);
    assert_float_equal(t.series[0].baseline, baseline / (double)b->config.benchmarks.n, 1e-9);
    /* A line of the average needs all. */
    ((struct benchmark *)b->config.benchmarks.items)[3].human = NAN;
    t = timeline_of(b);
    assert_true(isnan(t.series[0].human));
    assert_false(isnan(t.series[0].baseline));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records_only, boarding_setup, boarding_teardown),
        cmocka_unit_test_setup_teardown(test_what_does_not_count, boarding_setup,
                                        boarding_teardown),
        cmocka_unit_test_setup_teardown(test_levels, boarding_setup, boarding_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
