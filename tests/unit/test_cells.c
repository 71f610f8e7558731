/* SPDX-License-Identifier: Apache-2.0 */
#include "views_help.h"

#include <cjson/cJSON.h>

#include "views/row_html.h"

static char *
cell(const struct views *v, const char *model, enum board_field field, int benchmark)
{
    struct jb_str s = cells_json(v->cells, row_of(v, model), column_of(v, field, benchmark));

    return jb_arena_dup(v->f->arena, s.p, s.n);
}

/* What a client reads out of the cell. */
static char *
cell_text(const struct views *v, const char *model, enum board_field field)
{
    cJSON *json = cJSON_Parse(cell(v, model, field, 0));
    char *copy;

    assert_true(cJSON_IsString(json));
    copy = jb_arena_dup(v->f->arena, json->valuestring, strlen(json->valuestring));
    cJSON_Delete(json);
    return copy;
}

static void
test_values(void **state)
{
    struct views *v = *state;

    assert_string_equal(cell(v, "good/model", FIELD_SCORE, 0), "81.22");
    assert_string_equal(cell(v, "good/model", FIELD_SCORE, 1), "100.0");
    assert_string_equal(cell(v, "good/model", FIELD_SCORE, 4), "0.0");
    assert_string_equal(cell(v, "solo", FIELD_SCORE, 5), "null");
    assert_string_equal(cell(v, "solo", FIELD_AVERAGE, 0), "null");
    assert_string_equal(cell(v, "bad/flagged", FIELD_AVERAGE, 0), "43.5");
    assert_string_equal(cell(v, "bad/flagged", FIELD_FLAGGED, 0), "true");
    assert_string_equal(cell(v, "good/model", FIELD_FLAGGED, 0), "false");
    assert_string_equal(cell(v, "good/model", FIELD_PARAMS, 0), "7.242");
    assert_string_equal(cell(v, "good/model", FIELD_LIKES, 0), "12");
    assert_string_equal(cell(v, "Baseline", FIELD_LIKES, 0), "null");
    assert_string_equal(cell(v, "good/model", FIELD_T, 0), "\"💬\"");
    assert_string_equal(cell(v, "good/model", FIELD_SHA, 0), "\"" SHA "\"");
}

/* The markup that clients of the original board parse. */
static void
test_model(void **state)
{
    struct views *v = *state;

    assert_string_equal(
        cell_text(v, "good/model", FIELD_MODEL),
        "<a target=\"_blank\" href=\"https://hub.example/good/model\" style=\"color: "
        "var(--link-text-color); text-decoration: underline;text-decoration-style: "
        "dotted;\">good/model</a>  <a target=\"_blank\" "
        "href=\"/m/models/good/model\" "
        "style=\"color: var(--link-text-color); text-decoration: "
        "underline;text-decoration-style: dotted;\">📑</a>");
    assert_non_null(strstr(cell_text(v, "solo", FIELD_MODEL), "href=\"/m/models/solo\""));
    assert_string_equal(cell_text(v, "Baseline", FIELD_MODEL), "<p>Baseline</p>");
}

static void
test_flag(void **state)
{
    struct views *v = *state;
    const char *text = cell_text(v, "bad/flagged", FIELD_MODEL);

    assert_non_null(strstr(text, " has been flagged!"));
    assert_non_null(strstr(text, "https://example.org/discussions/12?a=1&amp;b=&quot;"));
    text = cell_text(v, HOSTILE, FIELD_MODEL);
    assert_non_null(strstr(text, " has been flagged!"));
    assert_null(strstr(text, "javascript:"));
}

static void
test_hostile(void **state)
{
    struct views *v = *state;
    struct jb_buf b = JB_BUF(1 << 20);
    const char *text = cell_text(v, HOSTILE, FIELD_MODEL);

    assert_null(strstr(text, "<img"));
    assert_null(strstr(text, "</script>"));
    assert_string_equal(cell_text(v, HOSTILE, FIELD_NAME), HOSTILE);
    assert_string_equal(cell_text(v, HOSTILE, FIELD_ARCHITECTURE), HOSTILE_TEXT);
    for (size_t i = 0; i < board_rows(v->board); i++)
        cells_put_row(v->cells, i, UINT64_MAX, &b);
    for (size_t i = 0; i < b.n; i++)
        assert_null(strchr("<>&'", b.p[i]));
    jb_buf_free(&b);
}

static void
test_frame(void **state)
{
    struct views *v = *state;
    struct jb_buf b = JB_BUF(1 << 20);
    uint64_t columns = (uint64_t)1 | (uint64_t)1 << 3 | (uint64_t)1 << 4 |
                       (uint64_t)1 << (board_columns(v->board) - 1);
    uint32_t rows[] = {1, 0};

    cells_put_frame(v->cells, rows, 2, columns, "fullname", &b);
    cJSON *json = cJSON_Parse(b.p);
    assert_non_null(json);
    cJSON *headers = cJSON_GetObjectItem(json, "headers");
    assert_int_equal(cJSON_GetArraySize(headers), 4);
    assert_string_equal(cJSON_GetArrayItem(headers, 0)->valuestring, "T");
    assert_string_equal(cJSON_GetArrayItem(headers, 1)->valuestring, "ARC");
    assert_string_equal(cJSON_GetArrayItem(headers, 3)->valuestring, "fullname");
    cJSON *data = cJSON_GetObjectItem(json, "data");
    assert_int_equal(cJSON_GetArraySize(data), 2);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetArrayItem(data, 0)), 4);
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetArrayItem(data, 1), 3)->valuestring,
                        "good/model");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "metadata")));
    cJSON_Delete(json);
    jb_buf_reset(&b);
    cells_put_row(v->cells, 0, 0, &b);
    assert_string_equal(b.p, "[]");
    jb_buf_free(&b);
}

static char *
html(const struct views *v, const char *model, enum board_field field, int benchmark)
{
    struct jb_str s =
        row_html_cell(cells_rows(v->cells), row_of(v, model), column_of(v, field, benchmark));

    return jb_arena_dup(v->f->arena, s.p, s.n);
}

static char *
start(const struct views *v, const char *model)
{
    struct jb_str s = row_html_start(cells_rows(v->cells), row_of(v, model));

    return jb_arena_dup(v->f->arena, s.p, s.n);
}

static void
test_rows(void **state)
{
    struct views *v = *state;

    assert_string_equal(start(v, "good/model"), "<tr><td class=r>1");
    assert_string_equal(start(v, "bad/flagged"), "<tr><td class=r>–");
    assert_string_equal(start(v, "solo"), "<tr><td class=r>–");
    assert_string_equal(start(v, "Baseline"), "<tr class=base><td class=r>");
    assert_string_equal(html(v, "good/model", FIELD_SCORE, 0),
                        "<td class=\"s b81\" data-l=\"ARC\">81.22");
    assert_string_equal(html(v, "good/model", FIELD_SCORE, 1),
                        "<td class=\"s b99\" data-l=\"HellaSwag\">100.00");
    assert_string_equal(html(v, "solo", FIELD_SCORE, 5),
                        "<td class=\"s b0\" data-l=\"GSM8K\">–");
    assert_string_equal(html(v, "bad/flagged", FIELD_AVERAGE, 0),
                        "<td class=\"s b43 a\">43.50");
    assert_string_equal(html(v, "good/model", FIELD_ARCHITECTURE, 0),
                        "&lt;b&gt;&amp;&quot;&#39;");
    assert_string_equal(html(v, "good/model", FIELD_T, 0), "");
    assert_null(strstr(html(v, HOSTILE, FIELD_MODEL, 0), "<img"));
    assert_non_null(strstr(html(v, "solo", FIELD_MODEL, 0), "><strong>solo</strong></a>"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_model, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_flag, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_hostile, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_frame, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_rows, views_setup, views_teardown),
    };

    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
