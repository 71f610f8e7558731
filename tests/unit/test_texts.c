/* SPDX-License-Identifier: Apache-2.0 */
#include "views_help.h"

#include "views/text_page.h"
#include "views/texts.h"

static const char *const files[TEXT_MAX] = {"intro", "about", "faq", "submit"};

static void
write_text(const struct views *v, const char *lang, const char *name, const char *p, size_t n)
{
    char path[256];

    snprintf(path, sizeof path, "%s/texts", v->f->dir);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/texts/%s", v->f->dir, lang);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/texts/%s/%s.md", v->f->dir, lang, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void
write_all(const struct views *v)
{
    for (int i = 0; i < TEXT_MAX; i++) {
        write_text(v, "zh", files[i], "# 题\n", strlen("# 题\n"));
        write_text(v, "en", files[i], "# Title\n", strlen("# Title\n"));
    }
}

static int
load(const struct views *v, struct texts **texts)
{
    char path[256];

    snprintf(path, sizeof path, "%s/texts", v->f->dir);
    v->f->err = (struct jb_error){0};
    return texts_load(path, &v->f->err, texts);
}

static void
test_render(void **state)
{
    static const char md[] = "a <script>alert(1)</script> <b>b</b>\n\n"
                             "<div onclick=x>\n\n[c](javascript:alert(1)) "
                             "www.example.org\n\n| x | y |\n|---|---|\n| 1 | 2 |\n";
    struct views *v = *state;
    struct texts *texts;

    write_all(v);
    write_text(v, "en", "intro", md, sizeof md - 1);
    assert_int_equal(load(v, &texts), 0);
    const struct text *t = texts_get(texts, LANG_EN, TEXT_INTRO);
    assert_true(jb_str_is(t->markdown, md));
    assert_null(strstr(t->html.p, "<script"));
    assert_null(strstr(t->html.p, "<b>"));
    assert_null(strstr(t->html.p, "onclick"));
    assert_null(strstr(t->html.p, "javascript:"));
    assert_non_null(strstr(t->html.p, "href=\"http://www.example.org\""));
    assert_non_null(strstr(t->html.p, "<td>1</td>"));
    assert_true(jb_str_is(texts_get(texts, LANG_ZH, TEXT_FAQ)->html, "<h1>题</h1>\n"));
    texts_free(texts);
}

static void
test_errors(void **state)
{
    struct views *v = *state;
    struct texts *texts = NULL;
    char *big = malloc(300 << 10);

    assert_non_null(big);
    memset(big, 'x', 300 << 10);
    assert_int_equal(load(v, &texts), JB_ENOENT);
    assert_non_null(strstr(v->f->err.text, "zh/intro.md"));
    write_all(v);
    write_text(v, "zh", "faq", "ok\n\xff\n", 5);
    assert_int_equal(load(v, &texts), JB_EPARSE);
    assert_non_null(strstr(v->f->err.text, "zh/faq.md"));
    write_text(v, "zh", "faq", big, 300 << 10);
    assert_int_equal(load(v, &texts), JB_ETOOBIG);
    assert_non_null(strstr(v->f->err.text, "zh/faq.md"));
    write_text(v, "zh", "faq", big, 256 << 10);
    assert_null(texts);
    assert_int_equal(load(v, &texts), 0);
    texts_free(texts);
    free(big);
}

/* The texts that are installed: they load, and carry what they must. */
static void
test_ours(void **state)
{
    static const char *const both[] = {"b281b0921b636bc36ad05c0b0b0763bd6dd43463",
                                       "main.py --model=hf-causal-experimental",
                                       "flageval.baai.ac.cn",
                                       "discussions/174",
                                       "1803.05457",
                                       "1905.07830",
                                       "2109.07958",
                                       "1907.10641",
                                       "2110.14168",
                                       "2306.09212",
                                       "zh_qa",
                                       "<td>25</td>",
                                       "c_sem_v2-SLSRC",
                                       "× 67"};
    struct settings_report report = {.text = JB_BUF(1 << 20)};
    struct board_config config;
    struct views *v = *state;
    struct texts *texts;
    const char *src = getenv("JB_SRCDIR");
    char path[512];

    snprintf(path, sizeof path, "%s/views/texts", src ? src : ".");
    if (texts_load(path, &v->f->err, &texts))
        fail_msg("%s", v->f->err.text);
    snprintf(path, sizeof path, "%s/contrib/boards/open-cn-llm.conf", src ? src : ".");
    assert_int_equal(board_config_load(path, v->f->arena, &config, &report), 0);
    jb_buf_free(&report.text);
    for (int lang = 0; lang < LANG_MAX; lang++) {
        struct jb_buf about = JB_BUF(1 << 20);
        assert_int_equal(
            text_html_put(&config, texts, (enum text_lang)lang, TEXT_ABOUT, &about, NULL), 0);
        for (size_t i = 0; i < sizeof both / sizeof both[0]; i++)
            if (!strstr(about.p, both[i]))
                fail_msg("%s/about.md lacks %s", text_lang_code((enum text_lang)lang), both[i]);
        jb_buf_free(&about);
        for (int i = 0; i < TEXT_MAX; i++)
            assert_true(texts_get(texts, (enum text_lang)lang, (enum text_name)i)->html.n > 80);
    }
    struct jb_buf b = JB_BUF(1 << 20);
    assert_int_equal(text_html_put(&v->config, texts, LANG_EN, TEXT_ABOUT, &b, NULL), 0);
    assert_null(strstr(b.p, "{{benchmarks}}"));
    assert_non_null(strstr(b.p, "hendrycksTest-*"));
    jb_buf_reset(&b);
    for (int lang = 0; lang <= LANG_MAX; lang++)
        for (int name = TEXT_ABOUT; name <= TEXT_FAQ; name++)
            assert_int_equal(text_page_put(&v->conf, &v->config, texts, (enum text_lang)lang,
                                           (enum text_name)name, &b, NULL),
                             0);
    assert_non_null(strstr(b.p, "href=\"/m/zh/about\""));
    jb_buf_free(&b);
    texts_free(texts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_render, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_errors, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_ours, views_setup, views_teardown),
    };

    return cmocka_run_group_tests_name("texts", tests, NULL, NULL);
}
