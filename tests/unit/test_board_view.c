/* SPDX-License-Identifier: Apache-2.0 */
#include "views_help.h"

#include "views/board_page.h"

static const struct board_limits limits = {20, 100};

static int
parse(const struct views *v, const char *query, struct board_view *view)
{
    v->f->err = (struct jb_error){0};
    return board_view_parse(v->board, jb_str(query), &limits, v->f->arena, &v->f->err, view);
}

/* The canonical form of a query string. */
static const char *
canonical(const struct views *v, const char *query)
{
    struct board_view view, again;
    struct jb_buf b = JB_BUF(1 << 16);
    const char *text;

    if (parse(v, query, &view))
        fail_msg("%s: %s", query, v->f->err.text);
    board_view_put(v->board, &view, &b);
    text = jb_arena_dup(v->f->arena, b.p ? b.p : "", b.n);
    assert_int_equal(b.n == 0, board_view_is_default(v->board, &view));
    /* and it means the same */
    assert_int_equal(parse(v, text, &again), 0);
    jb_buf_reset(&b);
    board_view_put(v->board, &again, &b);
    assert_string_equal(b.p ? b.p : "", text);
    assert_int_equal(view.columns, again.columns);
    assert_int_equal(view.query.types, again.query.types);
    assert_int_equal(view.query.precisions, again.query.precisions);
    assert_int_equal(view.query.sizes, again.query.sizes);
    assert_int_equal(view.query.hide, again.query.hide);
    assert_int_equal(view.sort, again.sort);
    assert_int_equal(view.descending, again.descending);
    assert_int_equal(view.sorted, again.sorted);
    jb_buf_free(&b);
    return text;
}

static void
test_default(void **state)
{
    struct views *v = *state;
    struct board_view view;

    board_view_default(v->board, &view);
    assert_true(board_view_is_default(v->board, &view));
    assert_int_equal(board_column(v->board, view.sort)->field, FIELD_AVERAGE);
    assert_true(view.columns >> column_of(v, FIELD_PRECISION, 0) & 1);
    assert_false(view.columns >> column_of(v, FIELD_NAME, 0) & 1);
    assert_string_equal(canonical(v, ""), "");
    assert_string_equal(canonical(v, "&&="), "");
    assert_string_equal(canonical(v, "unknown=1&__theme=dark"), "");
    assert_string_equal(canonical(v, "query=&type=&sort=&order="), "");
    assert_string_equal(canonical(v, "query=+%20"), "");
    assert_string_equal(canonical(v, "sort=average&order=desc"), "");
    assert_string_equal(canonical(v, "hide=flagged&hide=merged&hide=deleted"), "");
    assert_string_equal(
        canonical(v, "type=pretrained&type=fine-tuned&type=chat&type=merge&type=unknown"), "");
}

static void
test_canonical(void **state)
{
    struct views *v = *state;

    assert_string_equal(canonical(v, "query=a+b%3Bc"), "query=a%20b%3Bc");
    assert_string_equal(canonical(v, "query=x&query=y"), "query=y");
    assert_string_equal(canonical(v, "query=%E4%B8%AD"), "query=%E4%B8%AD");
    assert_string_equal(canonical(v, "type=chat&type=pretrained&type=chat"),
                        "type=pretrained&type=chat");
    assert_string_equal(canonical(v, "precision=%3F&precision=4bit"),
                        "precision=4bit&precision=%3F");
    assert_string_equal(canonical(v, "size=70%2B&size=~7"), "size=~7&size=70%2B");
    assert_string_equal(canonical(v, "hide=none"), "hide=none");
    assert_string_equal(canonical(v, "hide=none&hide=moe"), "hide=moe");
    assert_string_equal(canonical(v, "column=none"), "column=none");
    assert_string_equal(canonical(v, "column=sha&column=arc"), "column=arc&column=sha");
    assert_string_equal(canonical(v, "sort=arc&order=desc"), "sort=arc");
    assert_string_equal(canonical(v, "sort=arc&order=asc"), "sort=arc&order=asc");
    assert_string_equal(canonical(v, "sort=model"), "sort=model");
    assert_string_equal(canonical(v, "order=desc&sort=model"), "sort=model&order=desc");
    assert_string_equal(canonical(v, "order=asc"), "sort=average&order=asc");
    /* A search keeps an order of its own, so this one says something. */
    assert_string_equal(canonical(v, "sort=average&query=x"), "query=x&sort=average");
}

static void
assert_refused(const struct views *v, const char *query, int code, const char *reason)
{
    struct board_view view;

    memset(&view, 0x5a, sizeof view);
    assert_int_equal(parse(v, query, &view), code);
    if (!strstr(v->f->err.text, reason))
        fail_msg("%s: %s", query, v->f->err.text);
    for (size_t i = 0; i < sizeof view; i++)
        assert_int_equal(((unsigned char *)&view)[i], 0x5a);
}

static void
test_errors(void **state)
{
    struct views *v = *state;
    char *big = malloc(40001), *many = malloc(1100);

    assert_non_null(big);
    assert_non_null(many);
    memset(big, 'a', 40000);
    big[40000] = '\0';
    for (int i = 0; i < 300; i++)
        memcpy(many + 3 * i, "a=&", 4);
    assert_refused(v, big, JB_ETOOBIG, "too long");
    assert_refused(v, many, JB_ETOOBIG, "256");
    memcpy(big, "query=", 6);
    big[107] = '\0';
    assert_refused(v, big, JB_ETOOBIG, "100 bytes");
    big[106] = '\0';
    struct board_view view;
    assert_int_equal(parse(v, big, &view), 0);
    free(big);
    free(many);
    assert_refused(v, "query=%", JB_EPARSE, "escape");
    assert_refused(v, "query=%4", JB_EPARSE, "escape");
    assert_refused(v, "query=%zz", JB_EPARSE, "escape");
    assert_refused(v, "query=%00", JB_EPARSE, "escape");
    assert_refused(v, "query=%ff%fe", JB_EPARSE, "UTF-8");
    assert_refused(v, "query=%ED%A0%80", JB_EPARSE, "UTF-8");
    assert_refused(v, "query=\xff", JB_EPARSE, "UTF-8");
    assert_refused(v, "query=%01", JB_EINVAL, "U+0001");
    assert_refused(v, "query=%E2%80%AE", JB_EINVAL, "U+202E");
    assert_refused(v, "type=nonsense", JB_EINVAL, "type=nonsense");
    assert_refused(v, "precision=float1", JB_EINVAL, "precision=");
    assert_refused(v, "size=8", JB_EINVAL, "size=8");
    assert_refused(v, "hide=all", JB_EINVAL, "hide=all");
    assert_refused(v, "column=model", JB_EINVAL, "column=model"); /* always there */
    assert_refused(v, "column=flagged", JB_EINVAL, "column=flagged");
    assert_refused(v, "sort=name", JB_EINVAL, "sort=name");
    assert_refused(v, "sort=flagged", JB_EINVAL, "sort=flagged");
    assert_refused(v, "order=down", JB_EINVAL, "order=down");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests_name("board_view", tests, views_setup, views_teardown);
}
