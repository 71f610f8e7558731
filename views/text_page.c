/* SPDX-License-Identifier: Apache-2.0 */
#include "views/text_page.h"
#include "base/text.h"
#include "views/layout.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void
put_cell(struct jb_buf *out, const char *text)
{
    jb_buf_puts(out, "<td>");
    jb_put_html(out, jb_str(text));
    jb_buf_puts(out, "</td>");
}

/* What is really run, from the board's configuration. */
static void
put_benchmarks(const struct board_config *board, enum text_lang lang, struct jb_buf *out)
{
    const struct benchmark *b = board->benchmarks.items;
    bool zh = lang == LANG_ZH;

    jb_buf_puts(
        out,
        zh ? "<div class=\"wide\"><table><thead><tr><th>列</th><th>评测集</th><th>示例数</th>"
             "<th>任务</th><th>指标</th><th>基线</th></tr></thead><tbody>\n"
           : "<div "
             "class=\"wide\"><table><thead><tr><th>Column</th><th>Benchmark</th><th>Shots</th>"
             "<th>Tasks</th><th>Metric</th><th>Baseline</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < board->benchmarks.n; i++) {
        jb_buf_puts(out, "<tr>");
        put_cell(out, b[i].header);
        jb_buf_puts(out, "<td>");
        const char *name = b[i].name[0] ? b[i].name : b[i].header;
        if (b[i].url[0]) {
            jb_buf_puts(out, "<a href=\"");
            jb_put_html(out, jb_str(b[i].url));
            jb_buf_puts(out, "\">");
            jb_put_html(out, jb_str(name));
            jb_buf_puts(out, "</a>");
        } else {
            jb_put_html(out, jb_str(name));
        }
        jb_buf_printf(out, "</td><td>%lld</td><td>", (long long)b[i].shots);
        for (size_t k = 0; k < b[i].tasks.n; k++) {
            jb_buf_puts(out, k ? " <code>" : "<code>");
            jb_put_html(out, jb_str(b[i].tasks.items[k]));
            jb_buf_puts(out, "</code>");
        }
        if (b[i].count)
            jb_buf_printf(out, " × %lld", (long long)b[i].count);
        jb_buf_puts(out, "</td>");
        put_cell(out, b[i].metric);
        if (isnan(b[i].baseline))
            put_cell(out, "–");
        else
            jb_buf_printf(out, "<td>%.2f</td>", b[i].baseline);
        jb_buf_puts(out, "</tr>\n");
    }
    jb_buf_puts(out, "</tbody></table></div>\n");
}

int
text_html_put(const struct board_config *board, const struct texts *texts, enum text_lang lang,
              enum text_name name, struct jb_buf *out, struct jb_error *err)
{
    static const char mark[] = "<p>{{benchmarks}}</p>\n";
    struct jb_str html = texts_get(texts, lang, name)->html;
    const char *at = strstr(html.p, mark);

    if (at) {
        jb_buf_put(out, html.p, (size_t)(at - html.p));
        put_benchmarks(board, lang, out);
        jb_buf_puts(out, at + sizeof(mark) - 1);
    } else {
        jb_buf_str(out, html);
    }
    return out->err ? jb_fail(err, out->err, "the text does not fit") : 0;
}

int
text_page_put(const struct conf *conf, const struct board_config *board,
              const struct texts *texts, enum text_lang lang, enum text_name name,
              struct jb_buf *out, struct jb_error *err)
{
    const char *path = name == TEXT_FAQ ? "/faq" : "/about";
    const char *title = board->title[0] ? board->title : conf->site.title;
    const char *word = name == TEXT_FAQ ? (lang == LANG_ZH ? "常见问题" : "FAQ")
                                        : (lang == LANG_ZH ? "说明" : "About");
    char here[32], full[512];
    int rc = 0;

    if (lang == LANG_ZH && board->title_zh[0])
        title = board->title_zh;
    snprintf(here, sizeof(here), "%s%s",
             lang == LANG_ZH   ? "/zh"
             : lang == LANG_EN ? "/en"
                               : "",
             path);
    snprintf(full, sizeof(full), "%s · %s", word, title);
    struct page page = {.title = full, .lang = lang, .here = here};
    layout_start(conf, &page, out);
    jb_buf_puts(out, "<div class=\"jb\">\n");
    layout_put_top(conf, &page, title, out);
    jb_buf_puts(out, "<main class=\"jb-text\">\n");
    if (lang != LANG_EN) {
        jb_buf_puts(out, "<div lang=\"zh-CN\">\n");
        rc = text_html_put(board, texts, LANG_ZH, name, out, err);
        jb_buf_puts(out, "</div>\n");
    }
    if (lang == LANG_MAX)
        jb_buf_puts(out, "<hr>\n");
    if (lang != LANG_ZH && rc == 0) {
        jb_buf_puts(out, "<div lang=\"en\">\n");
        rc = text_html_put(board, texts, LANG_EN, name, out, err);
        jb_buf_puts(out, "</div>\n");
    }
    jb_buf_puts(out, "</main></div>\n");
    layout_end(conf, &page, out);
    return rc;
}
