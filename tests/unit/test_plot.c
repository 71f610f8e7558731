/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of the plot components, read back as the front ends read them. */
#include "board_help.h"

#include "gradio/plot.h"

#include <cjson/cJSON.h>
#include <math.h>

#define DAY ((int64_t)86400 * 1000000)
#define T0  (19800 * DAY)

/* The figure in the value; the caller frees it. */
static cJSON *
figure_of(struct boarding *b, enum plot plot)
{
    struct timeline t = {0};
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;

    assert_int_equal(timeline_build(b->board, b->f->arena, &t), 0);
    jb_json_init(&j, &out);
    plot_put(b->board, &t, plot, &j);
    assert_int_equal(jb_json_finish(&j), 0);
    cJSON *value = cJSON_ParseWithLength(out.p, out.n);
    assert_non_null(value);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(value, "type")), "plotly");
    cJSON *figure = cJSON_Parse(cJSON_GetStringValue(cJSON_GetObjectItem(value, "plot")));
    assert_non_null(figure);
    assert_true(cJSON_IsArray(cJSON_GetObjectItem(figure, "data")));
    assert_true(cJSON_IsObject(cJSON_GetObjectItem(figure, "layout")));
    cJSON_Delete(value);
    jb_buf_free(&out);
    return figure;
}

static const cJSON *
trace(const cJSON *figure, int i)
{
    const cJSON *t = cJSON_GetArrayItem(cJSON_GetObjectItem(figure, "data"), i);

    assert_non_null(t);
    return t;
}

static void
test_figures(void **state)
{
    struct boarding *b = *state;
    const char *name = "evil/\"</script>\\u0000";

    put_request(b, finished("a/first", SHA_A, "float16"));
    put_flat(b, "a/first", SHA_A, "float16", T0, 40);
    put_request(b, finished(name, SHA_A, "float16"));
    put_flat(b, name, SHA_A, "float16", T0 + 7 * DAY, 55.125);
    put_request(b, finished("a/late", SHA_A, "float16"));
    put_flat(b, "a/late", SHA_A, "float16", T0 + 9 * DAY, 12);
    boarding_build(b);

    cJSON *figure = figure_of(b, PLOT_AVERAGE);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(figure, "data")), 3);
    const cJSON *records = trace(figure, 0);
    const cJSON *x = cJSON_GetObjectItem(records, "x"), *y = cJSON_GetObjectItem(records, "y");
    assert_int_equal(cJSON_GetArraySize(x), 3);
    assert_string_equal(cJSON_GetArrayItem(x, 0)->valuestring, "2024-03-18T00:00:00Z");
    assert_string_equal(cJSON_GetArrayItem(x, 2)->valuestring, "2024-03-27T00:00:00Z");
    assert_float_equal(cJSON_GetArrayItem(y, 1)->valuedouble, 55.125, 1e-9);
    assert_float_equal(cJSON_GetArrayItem(y, 2)->valuedouble, 55.125, 1e-9);
    const cJSON *models = cJSON_GetObjectItem(records, "customdata");
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetArrayItem(models, 1), 0)->valuestring,
                        name);
    assert_non_null(
        strstr(cJSON_GetObjectItem(trace(figure, 1), "name")->valuestring, "(human)"));
    assert_non_null(
        strstr(cJSON_GetObjectItem(trace(figure, 2), "name")->valuestring, "(random)"));
    cJSON_Delete(figure);

    figure = figure_of(b, PLOT_BENCHMARKS);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(figure, "data")),
                     3 * (int)b->config.benchmarks.n);
    assert_string_equal(cJSON_GetObjectItem(trace(figure, 3), "name")->valuestring,
                        "HellaSwag");
    cJSON_Delete(figure);
}

static void
test_no_dates(void **state)
{
    struct boarding *b = *state;

    boarding_build(b);
    cJSON *figure = figure_of(b, PLOT_BENCHMARKS);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(figure, "data")),
                     (int)b->config.benchmarks.n);
    assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(figure, "layout"), "annotations"));
    cJSON_Delete(figure);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_figures, boarding_setup, boarding_teardown),
        cmocka_unit_test_setup_teardown(test_no_dates, boarding_setup, boarding_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
