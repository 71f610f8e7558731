/* SPDX-License-Identifier: Apache-2.0 */
/* Whole pages: nothing hostile gets through, every link keeps the mount, the theme is whole. */
#include "views_help.h"

#include <ctype.h>

#include "views/board_page.h"
#include "views/layout.h"

static void
put_board(struct views *v, const char *query, enum text_lang lang, struct jb_buf *out)
{
    const struct board_limits limits = {20, 1000};
    struct texts *texts = our_texts(v);
    struct board_view view;
    const uint32_t *rows;
    size_t n;

    assert_int_equal(
        board_view_parse(v->board, jb_str(query), &limits, v->f->arena, &v->f->err, &view), 0);
    assert_int_equal(
        board_filter(v->board, &view.query, &limits, v->f->arena, &v->f->err, &rows, &n), 0);
    assert_int_equal(
        board_page_put(v->cells, texts, lang, &v->conf, &view, rows, n, out, &v->f->err), 0);
    texts_free(texts);
}

static void
test_board(void **state)
{
    static const char *const queries[] = {
        "", "hide=none",
        "hide=none&column=type&column=architecture&column=sha&column=license&column=merged",
        "query=%3Cimg+src%3Dx%3E%22%27%26&type=chat", "query=solo&sort=arc&order=asc"};
    struct views *v = *state;

    for (int lang = 0; lang <= LANG_MAX; lang++)
        for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
            struct jb_buf b = JB_BUF(8 << 20);
            put_board(v, queries[i], (enum text_lang)lang, &b);
            assert_harmless(b.p);
            jb_buf_free(&b);
        }
}

static void
test_rows_shown(void **state)
{
    struct views *v = *state;
    struct jb_buf b = JB_BUF(8 << 20);

    put_board(v, "", LANG_EN, &b);
    assert_int_equal(times(b.p, "<tr"), 1 + 3); /* headers; good/model, solo, the baseline */
    assert_non_null(strstr(b.p, "<strong>2</strong> models"));
    assert_null(strstr(b.p, "bad/flagged"));
    assert_non_null(strstr(b.p, "aria-sort=\"descending\""));
    assert_non_null(strstr(b.p, "data-l=\"ARC\"><b>81.22</b>"));
    assert_null(strstr(b.p, "jb-chip"));
    jb_buf_reset(&b);
    put_board(v, "hide=none&sort=arc&order=asc", LANG_EN, &b);
    assert_int_equal(times(b.p, "<tr"), 1 + 5);
    assert_non_null(strstr(b.p, ">flagged</a>"));
    assert_non_null(strstr(b.p, ">flagged</span>"));
    assert_non_null(strstr(b.p, "aria-sort=\"ascending\""));
    assert_non_null(strstr(b.p, "Shown: Flagged"));
    assert_non_null(strstr(b.p, "class=\"jb-clear\" href=\"/m/en/\""));
    jb_buf_reset(&b);
    put_board(v, "query=nothing-like-this", LANG_ZH, &b);
    assert_non_null(strstr(b.p, "没有符合条件的模型"));
    jb_buf_reset(&b);
    v->conf.site.max_inline_rows = 2;
    put_board(v, "hide=none", LANG_EN, &b);
    assert_int_equal(times(b.p, "<tr"), 1 + 2);
    assert_non_null(strstr(b.p, "The first 2 of 5 rows"));
    jb_buf_free(&b);
}

static void
test_errors(void **state)
{
    struct views *v = *state;
    static const int statuses[] = {400, 404, 405, 413, 418, 500, 503};

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct jb_buf b = JB_BUF(1 << 20);
        char number[8];
        layout_error_page(&v->conf, statuses[i], HOSTILE, &b);
        assert_harmless(b.p);
        snprintf(number, sizeof number, "%d", statuses[i]);
        assert_non_null(strstr(b.p, number));
        assert_non_null(strstr(b.p, "&lt;/script&gt;"));
        assert_non_null(strstr(b.p, "lang=\"zh-CN\""));
        assert_non_null(strstr(b.p, "lang=\"en\""));
        jb_buf_free(&b);
    }
}

static void
test_assets(void **state)
{
    (void)state;
    assert_true(asset_count() >= 4);
    for (size_t i = 0; i < asset_count(); i++) {
        const struct asset *a = asset_at(i);
        assert_ptr_equal(asset_find(a->name), a);
        assert_ptr_equal(asset_find(a->path), a);
        assert_string_not_equal(a->name, a->path);
        assert_true(a->content.n > 20);
        assert_int_not_equal(a->content.p[a->content.n - 1], 0);
    }
    assert_null(asset_find("board.00000000.css"));
    assert_null(asset_find(""));
    assert_true(asset_find("board.js")->content.n < 15000);
    assert_string_equal(asset_find("theme.css")->type, "text/css; charset=utf-8");
}

/* Whether the block of `css` that begins at `from` declares `name`. */
static bool
declares(const char *from, const char *end, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = from; (p = strstr(p, name)) && p < end; p++)
        if (p[n] == ':' && (isspace((unsigned char)p[-1]) || p[-1] == '{' || p[-1] == ';'))
            return true;
    return false;
}

static void
test_theme(void **state)
{
    const char *src = getenv("JB_SRCDIR");
    const struct asset *theme = asset_find("theme.css");
    char path[512], line[256];
    size_t n = 0;
    struct views *v = *state;
    const char *css = jb_arena_dup(v->f->arena, theme->content.p, theme->content.n);
    const char *dark = strstr(css, "\n.dark");

    assert_non_null(dark);
    snprintf(path, sizeof path, "%s/tests/data/gradio-theme-variables.txt", src ? src : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#')
            continue;
        line[strcspn(line, "\t \n")] = '\0';
        n++;
        if (!declares(css, dark, line))
            fail_msg("theme.css: %s is not in :root", line);
        if (!declares(dark, dark + strlen(dark), line))
            fail_msg("theme.css: %s is not in .dark", line);
    }
    fclose(f);
    assert_int_equal(n, 224);
    /* No style sheet of ours asks another host for anything. */
    for (size_t i = 0; i < asset_count(); i++) {
        const struct asset *a = asset_at(i);
        const char *end = a->content.p + a->content.n;

        assert_null(memmem(a->content.p, a->content.n, "@import", 7));
        for (const char *p = a->content.p; (p = memmem(p, (size_t)(end - p), "url(", 4)); p++)
            if (strncmp(p + 4, "data:", 5) != 0 && strncmp(p + 5, "data:", 5) != 0)
                fail_msg("%s: %.40s", a->name, p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_board, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_rows_shown, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_errors, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_theme, views_setup, views_teardown),
        cmocka_unit_test(test_assets),
    };

    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
