/* SPDX-License-Identifier: Apache-2.0 */
/* The charts and their tables: what they say, and that names of models cannot harm them. */
#include "views_help.h"

#include "views/chart.h"
#include "views/history_page.h"

#define DAY ((int64_t)86400 * 1000000)
#define T0  (19800 * DAY) /* 2024-03-18 */

/* Two records of the average: a good model's, then a hostile one's. */
static struct timeline
two_records(struct views *v)
{
    size_t n = v->config.benchmarks.n + 1;
    struct timeline_series *series = jb_arena_alloc(v->f->arena, n * sizeof(*series));
    struct timeline_point *points = jb_arena_alloc(v->f->arena, 2 * sizeof(*points));
    struct timeline t = {series, n, T0, T0 + 100 * DAY, 2};

    assert_non_null(series);
    assert_non_null(points);
    points[0] = (struct timeline_point){T0, 12.5, (uint32_t)row_of(v, "good/model")};
    points[1] = (struct timeline_point){T0 + 50 * DAY, 62.5, (uint32_t)row_of(v, HOSTILE)};
    for (size_t i = 0; i < n; i++)
        series[i] =
            (struct timeline_series){(int)i - 1, i ? "B<1>" : "Average", 80, 25, NULL, 0};
    series[0].points = points;
    series[0].n = 2;
    return t;
}

static void
test_chart(void **state)
{
    struct views *v = *state;
    struct timeline t = two_records(v);
    struct chart chart = {v->board, &t, &t.series[0], LANG_EN, "chart-0", false};
    struct jb_buf out = JB_BUF(1 << 20);

    chart_put(&chart, &out);
    assert_int_equal(out.err, 0);
    jb_buf_putc(&out, '\0');
    assert_non_null(strstr(out.p, "role=\"img\" aria-labelledby=\"chart-0-t chart-0-d\""));
    assert_non_null(strstr(out.p, "<title id=\"chart-0-t\">Average</title>"));
    assert_non_null(strstr(out.p, "2 records; the best is 62.50 by evil/&lt;/script&gt;"));
    assert_non_null(strstr(out.p, ">good/model, 12.50, 2024-03-18<"));
    assert_non_null(strstr(out.p, "people 80.0"));
    assert_non_null(strstr(out.p, "random 25.0"));
    assert_int_equal(times(out.p, "<circle "), 2);
    assert_null(strstr(out.p, "<script"));
    assert_null(strstr(out.p, "<img"));
    assert_null(strstr(out.p, "style="));
    jb_buf_free(&out);
}

/* All months of a span have room for their words, however long it is. */
static void
test_ticks(void **state)
{
    static const int64_t spans[] = {0, 1, 20, 40, 100, 400, 1000, 4000, 20000};
    struct views *v = *state;
    struct timeline t = two_records(v);
    struct chart chart = {v->board, &t, &t.series[1], LANG_ZH, "c", true};

    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        struct jb_buf out = JB_BUF(1 << 20);

        t.last = t.first + spans[i] * DAY;
        chart_put(&chart, &out);
        assert_int_equal(out.err, 0);
        jb_buf_putc(&out, '\0');
        size_t ticks = times(out.p, "<text class=\"x");
        assert_in_range(ticks, 1, 5);
        assert_null(strstr(out.p, "nan"));
        jb_buf_free(&out);
    }
}

static void
test_page(void **state)
{
    static const enum text_lang langs[] = {LANG_ZH, LANG_EN, LANG_MAX};
    struct views *v = *state;
    struct timeline t = two_records(v);

    for (size_t i = 0; i < 3; i++) {
        struct jb_buf out = JB_BUF(1 << 20);

        assert_int_equal(history_page_put(&v->conf, v->board, &t, langs[i], &out, &v->f->err),
                         0);
        jb_buf_putc(&out, '\0');
        assert_int_equal(times(out.p, "<svg "), t.n);
        assert_int_equal(times(out.p, "</svg>"), t.n);
        /* two records, and people and random answers of each */
        assert_int_equal(times(out.p, "<tr><th scope=\"row\">"), 2 + 2 * t.n);
        assert_null(strstr(out.p, "<img"));
        assert_null(strstr(out.p, "B<1>"));
        assert_null(strstr(out.p, "style="));
        assert_int_equal(times(out.p, "href=\"/"), times(out.p, "href=\"/m/"));
        assert_non_null(
            strstr(out.p, langs[i] == LANG_EN ? "Metrics through time" : "分数走势"));
        jb_buf_free(&out);
    }
}

static void
test_no_dates(void **state)
{
    struct views *v = *state;
    struct timeline t = two_records(v);
    struct jb_buf out = JB_BUF(1 << 20);

    ((struct timeline_series *)t.series)[0].n = 0;
    t.first = t.last = 0;
    t.dated = 0;
    assert_int_equal(history_page_put(&v->conf, v->board, &t, LANG_EN, &out, &v->f->err), 0);
    jb_buf_putc(&out, '\0');
    assert_non_null(strstr(out.p, "No result has a date yet"));
    assert_int_equal(times(out.p, "<circle "), 0);
    assert_int_equal(times(out.p, "<text class=\"x"), 0);
    jb_buf_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_chart, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_ticks, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_page, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_no_dates, views_setup, views_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
