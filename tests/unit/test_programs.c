/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for programs: parsed back, and with names that mean harm. */
#include "views_help.h"

#include "views/programs.h"

#include <cjson/cJSON.h>

static const cJSON *
at(const cJSON *object, const char *path)
{
    char key[64];

    while (*path) {
        size_t n = strcspn(path, ".");

        snprintf(key, sizeof(key), "%.*s", (int)n, path);
        object = cJSON_GetObjectItemCaseSensitive(object, key);
        if (!object)
            fail_msg("no %s", key);
        path += n + (path[n] == '.');
    }
    return object;
}

static void
test_objects(void **state)
{
    struct views *v = *state;
    struct programs *p = NULL;
    struct jb_buf all = JB_BUF(1 << 20);

    assert_int_equal(programs_new(v->board, &v->f->err, &p), 0);
    jb_buf_putc(&all, '[');
    jb_buf_str(&all, programs_objects(p));
    jb_buf_putc(&all, ']');
    cJSON *list = cJSON_ParseWithLength(all.p, all.n);
    assert_non_null(list);
    assert_int_equal(cJSON_GetArraySize(list), board_rows(v->board) - 1);
    struct jb_str one = programs_object(p, row_of(v, HOSTILE));
    cJSON *evil = cJSON_ParseWithLength(one.p, one.n);
    assert_non_null(evil);
    assert_string_equal(at(evil, "model.name")->valuestring, HOSTILE);
    assert_true(cJSON_IsTrue(at(evil, "features.is_flagged")));
    assert_float_equal(at(evil, "evaluations.arc.normalized_score")->valuedouble, 41, 1e-9);
    assert_float_equal(at(evil, "evaluations.arc.value")->valuedouble, 0.41, 1e-12);
    cJSON_Delete(evil);
    one = programs_object(p, row_of(v, "solo"));
    cJSON *solo = cJSON_ParseWithLength(one.p, one.n);
    assert_true(cJSON_IsNull(at(solo, "model.average_score")));
    assert_null(cJSON_GetObjectItem(at(solo, "evaluations"), "gsm8k"));
    cJSON_Delete(solo);
    assert_int_equal(programs_object(p, row_of(v, "Baseline")).n, 0);
    assert_int_equal(programs_line(p, row_of(v, "Baseline")).n, 0);
    cJSON_Delete(list);
    jb_buf_free(&all);
    programs_free(p);
}

static void
test_lines(void **state)
{
    struct views *v = *state;
    struct programs *p = NULL;
    struct jb_buf header = JB_BUF(1 << 16);
    size_t commas = 0;

    assert_int_equal(programs_new(v->board, &v->f->err, &p), 0);
    programs_put_header(v->board, &header);
    for (size_t i = 0; i < header.n; i++)
        commas += header.p[i] == ',';
    assert_int_equal(commas, board_columns(v->board) - 1);
    assert_memory_equal(header.p + header.n - 10, "fullname\r\n", 10);
    struct jb_str line = programs_line(p, row_of(v, HOSTILE));
    jb_buf_reset(&header);
    jb_buf_str(&header, line);
    jb_buf_putc(&header, '\0');
    assert_non_null(strstr(header.p, "\"evil/</script><img src=x onerror=alert(1)>\"\"'&\""));
    assert_memory_equal(line.p + line.n - 2, "\r\n", 2);
    jb_buf_free(&header);
    programs_free(p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_objects, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_lines, views_setup, views_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
