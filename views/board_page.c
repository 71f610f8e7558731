/* SPDX-License-Identifier: Apache-2.0 */
#include "views/board_page.h"
#include "base/text.h"
#include "views/board_parts.h"
#include "views/label.h"
#include "views/layout.h"

static void
put_intro(const struct texts *texts, enum text_lang lang, struct jb_buf *out)
{
    jb_buf_puts(out, "<div class=\"jb-intro\">");
    if (lang != LANG_EN) {
        jb_buf_puts(out, "<div lang=\"zh-CN\">");
        jb_buf_str(out, texts_get(texts, LANG_ZH, TEXT_INTRO)->html);
        jb_buf_puts(out, "</div>");
    }
    if (lang != LANG_ZH) {
        jb_buf_puts(out, "<div lang=\"en\">");
        jb_buf_str(out, texts_get(texts, LANG_EN, TEXT_INTRO)->html);
        jb_buf_puts(out, "</div>");
    }
    jb_buf_puts(out, "</div>\n");
}

static void
put_origin(const struct board_config *config, enum text_lang lang, struct jb_buf *out)
{
    if (!config->origin[0])
        return;
    jb_buf_puts(out, "<p class=\"jb-foot\">");
    label_put(out, lang, "数据来源", "Data");
    jb_buf_puts(out, lang == LANG_EN ? ": " : "：");
    if (config->origin_url[0]) {
        jb_buf_puts(out, "<a href=\"");
        jb_put_html(out, jb_str(config->origin_url));
        jb_buf_puts(out, "\">");
    }
    jb_put_html(out, jb_str(config->origin));
    if (config->origin_url[0])
        jb_buf_puts(out, "</a>");
    if (config->origin_date[0]) {
        jb_buf_puts(out, ", ");
        jb_put_html(out, jb_str(config->origin_date));
    }
    if (config->origin_license[0]) {
        jb_buf_puts(out, ", ");
        jb_put_html(out, jb_str(config->origin_license));
    }
    jb_buf_puts(out, "</p>\n");
}

static void
put_cut_note(size_t shown, size_t n, enum text_lang lang, struct jb_buf *out)
{
    jb_buf_puts(out, "<p class=\"jb-foot\">");
    if (lang != LANG_EN)
        jb_buf_printf(out, "这里只列出前 %zu 行，共 %zu 行；请用搜索和筛选查看其余。 ", shown,
                      n);
    if (lang != LANG_ZH)
        jb_buf_printf(
            out, "The first %zu of %zu rows are listed; search and filters show the others.",
            shown, n);
    jb_buf_puts(out, "</p>\n");
}

/* The same rows for programs. */
static void
put_data_links(const struct board *board, const struct conf *conf, enum text_lang lang,
               const struct board_view *view, struct jb_buf *out)
{
    static const struct {
        const char *path, *name;
        bool query;
    } links[] = {{"/api/leaderboard.csv", "CSV", true},
                 {"/api/leaderboard/formatted", "JSON", true},
                 {"/openapi.json", "OpenAPI", false}};
    struct jb_buf query = JB_BUF(64 << 10);

    board_view_put_page(board, view, &query);
    jb_buf_puts(out, "<p class=\"jb-foot jb-data\">");
    label_put(out, lang, "这些行的数据", "These rows as data");
    jb_buf_puts(out, lang == LANG_EN ? ":" : "：");
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        jb_buf_printf(out, " <a href=\"%s%s", conf->site.mount, links[i].path);
        if (links[i].query && query.n) {
            jb_buf_putc(out, '?');
            jb_put_html(out, jb_buf_view(&query));
        }
        jb_buf_printf(out, "\">%s</a>", links[i].name);
    }
    jb_buf_puts(out, "</p>\n");
    jb_buf_free(&query);
}

static size_t
count_models(const struct board *board, const uint32_t *rows, size_t n)
{
    size_t models = 0;

    for (size_t i = 0; i < n; i++)
        models += !board_row(board, rows[i])->baseline;
    return models;
}

/* The order is part of the form, but changes with the results. */
static void
put_order_fields(const struct board *board, const struct board_view *view, struct jb_buf *out)
{
    if (!view->sorted)
        return;
    jb_buf_printf(out,
                  "<input type=\"hidden\" form=\"jb-filter\" name=\"sort\" value=\"%s\">"
                  "<input type=\"hidden\" form=\"jb-filter\" name=\"order\" value=\"%s\">\n",
                  board_column_key(board, view->sort), view->descending ? "desc" : "asc");
}

/* What the script replaces when a filter changes; data-here is its canonical address. */
static void
put_results(const struct cells *cells, enum text_lang lang, const struct conf *conf,
            const struct board_view *view, const uint32_t *rows, size_t n, struct jb_buf *out)
{
    const struct board *board = cells_board(cells);
    size_t max = (size_t)conf->site.max_inline_rows;
    size_t shown = n < max ? n : max;

    jb_buf_puts(out, "<section class=\"jb-results\" aria-label=\"");
    label_put(out, lang, "结果", "Results");
    jb_buf_puts(out, "\" data-here=\"");
    board_put_link(board, conf, lang, view, out);
    jb_buf_puts(out, "\">\n<div class=\"jb-found\"><span role=\"status\"><strong>");
    jb_buf_printf(out, "%zu</strong> ", count_models(board, rows, n));
    label_put(out, lang, "个模型", "models");
    jb_buf_puts(out, "</span>");
    filter_chips_put(board, conf, lang, view, out);
    jb_buf_puts(out, "</div>\n");
    put_order_fields(board, view, out);
    if (n) {
        board_table_put(cells, conf, lang, view, rows, n, shown, out);
    } else {
        jb_buf_puts(out, "<p class=\"jb-none\">");
        label_put(out, lang, "没有符合条件的模型。请换一个词，或清除筛选。",
                  "No model matches. Try another word, or clear the filters.");
        jb_buf_puts(out, "</p>\n");
    }
    if (shown < n)
        put_cut_note(shown, n, lang, out);
    if (n)
        put_data_links(board, conf, lang, view, out);
    jb_buf_puts(out, "</section>\n");
}

int
board_page_put(const struct cells *cells, const struct texts *texts, enum text_lang lang,
               const struct conf *conf, const struct board_view *view, const uint32_t *rows,
               size_t n, struct jb_buf *out, struct jb_error *err)
{
    const struct board *board = cells_board(cells);
    const struct board_config *config = board_config_of(board);
    const char *title = config->title[0] ? config->title : conf->site.title;
    const char *subtitle = lang == LANG_MAX ? config->title_zh : "";
    struct page page = {.title =
                            lang == LANG_ZH && config->title_zh[0] ? config->title_zh : title,
                        .lang = lang,
                        .here = lang == LANG_ZH   ? "/zh/"
                                : lang == LANG_EN ? "/en/"
                                                  : "/"};

    jb_buf_puts(out, "<div class=\"jb\">\n");
    layout_put_top(conf, &page, subtitle, out);
    jb_buf_puts(out, "<main>\n");
    put_intro(texts, lang, out);
    filter_form_put(board, conf, lang, view, out);
    put_results(cells, lang, conf, view, rows, n, out);
    put_origin(config, lang, out);
    jb_buf_puts(out, "<p class=\"jb-printed\"></p>\n");
    jb_buf_puts(out, "</main>\n</div>\n");
    return out->err ? jb_fail(err, out->err, "the page does not fit into memory") : 0;
}
