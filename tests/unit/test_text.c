/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cmocka_all.h"

#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
utf8_is_strict(void **state)
{
    static const struct {
        const char *text;
        size_t n, valid;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"金榜", 6, 6},
        {"\xf0\x9f\x9f\xa2", 4, 4},
        {"\xc0\x80", 2, 0},         /* overlong */
        {"\xe0\x80\x80", 3, 0},     /* overlong */
        {"\xed\xa0\x80", 3, 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"a\x80", 2, 1},
        {"ab\xe9\x87", 4, 2}, /* cut */
        {"\xff", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(jb_utf8_valid(cases[i].text, cases[i].n), cases[i].valid);
}

static void
folding(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"Yi-34B", "yi-34b"}, {"ÀÉÖØÞ×ß", "àéöøþ×ß"}, {"ĀŁŹŸ", "āłźÿ"}, {"ΑΩ", "αω"},
        {"АЯЁ", "аяё"},       {"ＡＺ", "ａｚ"},       {"金榜", "金榜"}, {"", ""},
    };
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = jb_fold(cases[i].in, strlen(cases[i].in), out);
        assert_string_equal(out, cases[i].out);
        assert_int_equal(n, strlen(cases[i].out));
    }
}

/* What Python 3.11 prints for the same doubles. */
static void
doubles_as_python(void **state)
{
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {25.0, "25.0"},
        {100.0, "100.0"},
        {81.22, "81.22"},
        {0.1, "0.1"},
        {1e-5, "1e-05"},
        {0.0001, "0.0001"},
        {1e16, "1e+16"},
        {1e15, "1000000000000000.0"},
        {123456.789, "123456.789"},
        {1e22, "1e+22"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {-34.389, "-34.389"},
        {0.30000000000000004, "0.30000000000000004"},
        {2.5e-7, "2.5e-07"},
    };
    char out[JB_DOUBLE_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(jb_format_double(cases[i].d, out), strlen(cases[i].text));
        assert_string_equal(out, cases[i].text);
    }
}

static void
doubles_read_back(void **state)
{
    char out[JB_DOUBLE_SIZE];
    double back;

    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        double d = ldexp((double)rand() / RAND_MAX - 0.5, rand() % 120 - 60);
        size_t n = jb_format_double(d, out);
        assert_int_equal(jb_parse_double((struct jb_str){out, n}, &back), 0);
        assert_true(d == back);
    }
}

static void
numbers_are_whole_strings(void **state)
{
    static const char *const bad[] = {"",    " 1", "1 ", "0x10", "inf",
                                      "nan", "1e", ".",  "+",    "1e999"};
    int64_t i = 5;
    double d = 5;

    (void)state;
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
        assert_true(jb_parse_double(jb_str(bad[k]), &d) < 0);
    assert_true(d == 5);
    assert_int_equal(jb_parse_int(jb_str("-9223372036854775808"), INT64_MIN, INT64_MAX, &i), 0);
    assert_true(i == INT64_MIN);
    assert_int_equal(jb_parse_int(jb_str("9223372036854775808"), INT64_MIN, INT64_MAX, &i),
                     JB_EINVAL);
    assert_int_equal(jb_parse_int(jb_str("11"), 0, 10, &i), JB_EINVAL);
    assert_int_equal(jb_parse_int(jb_str("1.5"), 0, 10, &i), JB_EPARSE);
    assert_int_equal(jb_parse_int(jb_str("-"), -1, 10, &i), JB_EPARSE);
}

static void
escapes(void **state)
{
    struct jb_buf b = JB_BUF(10000);

    (void)state;
    jb_put_html(&b, JB_STR("</script>&\"'\xff金"));
    assert_string_equal(b.p, "&lt;/script&gt;&amp;&quot;&#39;\xef\xbf\xbd金");
    jb_buf_reset(&b);
    jb_put_url_query(&b, JB_STR("a b&c/金"));
    assert_string_equal(b.p, "a%20b%26c%2F%E9%87%91");
    jb_buf_reset(&b);
    jb_put_url_path(&b, JB_STR("org/na me"));
    assert_string_equal(b.p, "org/na%20me");
    jb_buf_reset(&b);
    jb_put_csv(&b, JB_STR("=1+1"));
    jb_buf_putc(&b, ',');
    jb_put_csv(&b, JB_STR("a\"b,c"));
    jb_buf_putc(&b, ',');
    jb_put_csv(&b, JB_STR("plain"));
    assert_string_equal(b.p, "\"'=1+1\",\"a\"\"b,c\",plain");
    jb_buf_reset(&b);
    jb_put_prometheus(&b, JB_STR("a\"b\\c\nd"));
    assert_string_equal(b.p, "a\\\"b\\\\c\\nd");
    jb_buf_free(&b);
}

static void
model_ids(void **state)
{
    static const char *const good[] = {"gpt2", "01-ai/Yi-34B-200K", "a/b.c_d-e",
                                       "hfl/llama-3-chinese-8b-instruct-v2"};
    static const char *const bad[] = {"",
                                      "a/",
                                      "/a",
                                      "a/b/c",
                                      "a b",
                                      "-a/b",
                                      "a/.b",
                                      "a/b.",
                                      "a..b",
                                      "a--b",
                                      "a/b,c",
                                      "a/b=c",
                                      "a/b.git",
                                      "金/榜",
                                      "</script>",
                                      "https://x/y",
                                      "a/\xe2\x80\xaetxt",
                                      "a\nb"};
    char longest[120];
    struct jb_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(jb_model_id_check(jb_str(good[i]), NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        jb_error_clear(&err);
        assert_int_equal(jb_model_id_check(jb_str(bad[i]), &err), JB_EINVAL);
        assert_true(err.text[0] != '\0');
    }
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(jb_model_id_check((struct jb_str){longest, 96}, NULL), 0);
    assert_int_equal(jb_model_id_check((struct jb_str){longest, 97}, NULL), JB_EINVAL);
}

static void
revisions(void **state)
{
    (void)state;
    assert_int_equal(jb_revision_check(jb_str("main"), NULL), 0);
    assert_int_equal(jb_revision_check(jb_str("refs/pr/3"), NULL), 0);
    assert_int_equal(jb_revision_check(jb_str("../x"), NULL), JB_EINVAL);
    assert_int_equal(jb_revision_check(jb_str("a//b"), NULL), JB_EINVAL);
    assert_int_equal(jb_revision_check(jb_str(""), NULL), JB_EINVAL);
    assert_true(jb_is_commit(jb_str("b281b0921b636bc36ad05c0b0b0763bd6dd43463")));
    assert_false(jb_is_commit(jb_str("B281b0921b636bc36ad05c0b0b0763bd6dd43463")));
    assert_false(jb_is_commit(jb_str("main")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(folding),
        cmocka_unit_test(doubles_as_python),
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(numbers_are_whole_strings),
        cmocka_unit_test(escapes),
        cmocka_unit_test(model_ids),
        cmocka_unit_test(revisions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
