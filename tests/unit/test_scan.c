/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gradio/scan.h"

#include <stdlib.h>
#include <string.h>

static struct scan last;

static int
whole(const char *text)
{
    struct scan_item item;
    int rc;

    scan_init(&last, jb_str(text));
    rc = scan_value(&last, &item);
    return rc ? rc : scan_finish(&last);
}

static void
test_accepts(void **state)
{
    static const char *const good[] = {
        "null",
        " true\n",
        "false",
        "0",
        "-0",
        "12.5e-3",
        "1E+9",
        "\"\"",
        "\"a\\u00e9\\\\\\\"\"",
        "[]",
        "[ ]",
        "{}",
        "[1, [2, {\"a\": [ ]}], \"x\"]",
        "{\"a\":1,\"a\":2}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_int_equal(whole(good[i]), 0);
}

/* Words and places as Python's json module gives them. */
static void
test_refuses(void **state)
{
    static const struct {
        const char *text, *error;
        size_t at;
    } bad[] = {
        {"", "Expecting value", 0},
        {"  ", "Expecting value", 2},
        {"{\"data\":", "Expecting value", 8},
        {"nul", "Expecting value", 0},
        {"NaN", "Expecting value", 0},
        {"-Infinity", "Expecting value", 0},
        {"[NaN]", "Expecting value", 1},
        {"[1,]", "Expecting value", 3},
        {"[1 2]", "Expecting ',' delimiter", 3},
        {"[1", "Expecting ',' delimiter", 2},
        {"{1:2}", "Expecting property name enclosed in double quotes", 1},
        {"{\"a\" 1}", "Expecting ':' delimiter", 5},
        {"{\"a\":1,}", "Expecting property name enclosed in double quotes", 7},
        {"\"abc", "Unterminated string starting at", 0},
        {"[\"a\\", "Unterminated string starting at", 1},
        {"\"a\nb\"", "Invalid control character at", 2},
        {"\"\\x\"", "Invalid \\escape", 1},
        {"\"\\u12g4\"", "Invalid \\uXXXX escape", 2},
        {"01", "Extra data", 1},
        {"1.", "Extra data", 1},
        {"{} x", "Extra data", 3},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(whole(bad[i].text), JB_EPARSE);
        assert_string_equal(last.error, bad[i].error);
        assert_int_equal(last.error_at, bad[i].at);
    }
}

static void
test_depth(void **state)
{
    char text[2 * SCAN_DEPTH + 4];
    (void)state;

    memset(text, '[', SCAN_DEPTH);
    memset(text + SCAN_DEPTH, ']', SCAN_DEPTH);
    text[2 * SCAN_DEPTH] = '\0';
    assert_int_equal(whole(text), 0);
    memset(text, '[', SCAN_DEPTH + 1);
    assert_int_equal(whole(text), JB_ETOOBIG);
    {
        size_t n = 4 << 20; /* however many there are, the stack does not grow */
        char *deep = malloc(n + 1);

        assert_non_null(deep);
        memset(deep, '[', n);
        deep[n] = '\0';
        assert_int_equal(whole(deep), JB_ETOOBIG);
        free(deep);
    }
}

static void
check_string(struct jb_arena *arena, const char *raw, const char *wanted)
{
    struct jb_str text = {0};

    assert_int_equal(scan_string(jb_str(raw), arena, &text), 0);
    assert_int_equal(text.n, strlen(wanted));
    assert_memory_equal(text.p, wanted, text.n);
}

static void
test_strings(void **state)
{
    struct jb_arena *arena = jb_arena_new(1 << 16);
    struct jb_str text = {NULL, 7};
    (void)state;

    assert_non_null(arena);
    check_string(arena, "\"\"", "");
    check_string(arena, "\"plain 中文 ⬆️\"", "plain 中文 ⬆️");
    check_string(arena, "\"\\u2b06\\ufe0f\"", "⬆️");
    check_string(arena, "\"\\ud83d\\udfe2 pre\"", "🟢 pre");
    check_string(arena, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
    check_string(arena, "\"\\ud800\"", "\xef\xbf\xbd");
    check_string(arena, "\"\\ud800x\"", "\xef\xbf\xbdx");
    check_string(arena, "\"\\ud800\\u0041\"",
                 "\xef\xbf\xbd"
                 "A");
    check_string(arena, "\"\\udc00\"", "\xef\xbf\xbd");
    assert_int_equal(scan_string(jb_str("\"\xff\""), arena, &text), JB_EUNPROC);
    assert_int_equal(scan_string(jb_str("\"\xed\xa0\x80\""), arena, &text), JB_EUNPROC);
    assert_int_equal(text.n, 7); /* untouched */
    jb_arena_free(arena);
}

static void
test_walk(void **state)
{
    struct scan s;
    struct scan_item item;
    struct jb_str key;
    int64_t n;
    (void)state;

    scan_init(&s, jb_str(" {\"a\" : [1, {\"x\":[]}, \"s\"], \"b\":-7} "));
    assert_int_equal(scan_peek(&s), SCAN_OBJECT);
    assert_int_equal(scan_enter(&s), 0);
    assert_int_equal(scan_next(&s, true, &key), 1);
    assert_true(jb_str_is(key, "\"a\""));
    assert_int_equal(scan_peek(&s), SCAN_ARRAY);
    assert_int_equal(scan_enter(&s), 0);
    assert_int_equal(scan_next(&s, true, NULL), 1);
    assert_int_equal(scan_value(&s, &item), 0);
    assert_int_equal(item.kind, SCAN_NUMBER);
    assert_int_equal(scan_next(&s, false, NULL), 1);
    assert_int_equal(scan_value(&s, &item), 0);
    assert_true(jb_str_is(item.raw, "{\"x\":[]}"));
    assert_int_equal(scan_next(&s, false, NULL), 1);
    assert_int_equal(scan_value(&s, &item), 0);
    assert_int_equal(item.kind, SCAN_STRING);
    assert_int_equal(scan_next(&s, false, NULL), 0);
    assert_int_equal(scan_next(&s, false, &key), 1);
    assert_int_equal(scan_value(&s, &item), 0);
    assert_int_equal(scan_int(item.raw, &n), 0);
    assert_int_equal(n, -7);
    assert_int_equal(scan_next(&s, false, &key), 0);
    assert_int_equal(scan_finish(&s), 0);

    assert_int_equal(scan_int(JB_STR("1.0"), &n), JB_EUNPROC);
    assert_int_equal(scan_int(JB_STR("99999999999999999999"), &n), JB_EUNPROC);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_depth),   cmocka_unit_test(test_strings),
        cmocka_unit_test(test_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
