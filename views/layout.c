/* SPDX-License-Identifier: Apache-2.0 */
#include "views/layout.h"
#include "base/text.h"
#include "views/label.h"

#include <string.h>

void
label_put(struct jb_buf *out, enum text_lang lang, const char *zh, const char *en)
{
    if (lang != LANG_EN)
        jb_buf_puts(out, zh);
    if (lang == LANG_MAX)
        jb_buf_putc(out, ' ');
    if (lang != LANG_ZH)
        jb_buf_puts(out, en);
}

const char *
label_lang(enum text_lang lang)
{
    return lang == LANG_EN ? "en" : "zh-CN";
}

static void
put_asset_path(const struct conf *conf, const char *name, struct jb_buf *out)
{
    const struct asset *a = asset_find(name);

    jb_buf_printf(out, "%s/static/%s", conf->site.mount, a ? a->path : name);
}

void
layout_put_links(const struct conf *conf, struct jb_buf *out)
{
    jb_buf_puts(out,
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<link rel=\"stylesheet\" href=\"");
    put_asset_path(conf, "board.css", out);
    jb_buf_puts(out, "\">\n<link rel=\"icon\" type=\"image/svg+xml\" href=\"");
    put_asset_path(conf, "favicon.svg", out);
    jb_buf_printf(out,
                  "\">\n<link rel=\"alternate\" type=\"application/atom+xml\" "
                  "href=\"%s/feeds/results.atom\" title=\"新结果 New results\">\n"
                  "<link rel=\"alternate\" type=\"application/atom+xml\" "
                  "href=\"%s/feeds/status.atom\" title=\"评测状态 Status of requests\">\n",
                  conf->site.mount, conf->site.mount);
}

void
layout_put_scripts(const struct conf *conf, struct jb_buf *out)
{
    jb_buf_puts(out, "<script src=\"");
    put_asset_path(conf, "early.js", out);
    jb_buf_puts(out, "\"></script>\n<script src=\"");
    put_asset_path(conf, "board.js", out);
    jb_buf_puts(out, "\" defer></script>\n");
}

static void
put_nav_link(const struct conf *conf, const struct page *page, const char *path, const char *zh,
             const char *en, struct jb_buf *out)
{
    const char *prefix = page->lang == LANG_ZH ? "/zh" : page->lang == LANG_EN ? "/en" : "";

    jb_buf_printf(out, "<a href=\"%s%s%s\"", conf->site.mount, prefix, path);
    if (strlen(page->here) == strlen(prefix) + strlen(path) &&
        strcmp(page->here + strlen(prefix), path) == 0)
        jb_buf_puts(out, " aria-current=\"page\"");
    jb_buf_putc(out, '>');
    label_put(out, page->lang, zh, en);
    jb_buf_puts(out, "</a>");
}

/* The same page in another language. */
static void
put_language(const struct conf *conf, const struct page *page, enum text_lang lang,
             const char *name, struct jb_buf *out)
{
    const char *path = page->here;

    if (page->lang == lang)
        return;
    if (strncmp(path, "/zh/", 4) == 0 || strncmp(path, "/en/", 4) == 0)
        path += 3;
    jb_buf_printf(out, "<a href=\"%s/%s%s\" hreflang=\"%s\" lang=\"%s\">%s</a>",
                  conf->site.mount, text_lang_code(lang), path, text_lang_code(lang),
                  label_lang(lang), name);
}

void
layout_put_top(const struct conf *conf, const struct page *page, const char *subtitle,
               struct jb_buf *out)
{
    bool board = strcmp(page->here, "/") == 0 || strcmp(page->here, "/zh/") == 0 ||
                 strcmp(page->here, "/en/") == 0;

    jb_buf_puts(out, "<header class=\"jb-top\">");
    if (board) {
        jb_buf_puts(out, "<h1 id=\"space-title\">");
        jb_put_html(out, jb_str(page->title));
        if (subtitle && subtitle[0]) {
            jb_buf_puts(out, "<small>");
            jb_put_html(out, jb_str(subtitle));
            jb_buf_puts(out, "</small>");
        }
        jb_buf_puts(out, "</h1>");
    } else {
        const char *home = page->lang == LANG_ZH   ? "/zh/"
                           : page->lang == LANG_EN ? "/en/"
                                                   : "/";
        jb_buf_printf(out, "<div class=\"jb-brand\"><a href=\"%s%s\">", conf->site.mount, home);
        jb_put_html(out, jb_str(subtitle && subtitle[0] ? subtitle : conf->site.title));
        jb_buf_puts(out, "</a></div>");
    }
    jb_buf_puts(out, "<nav aria-label=\"");
    label_put(out, page->lang, "页面", "Pages");
    jb_buf_puts(out, "\">");
    put_nav_link(conf, page, "/", "榜单", "Board", out);
    put_nav_link(conf, page, "/queue", "队列", "Queue", out);
    put_nav_link(conf, page, "/submit", "提交", "Submit", out);
    put_nav_link(conf, page, "/history", "走势", "History", out);
    put_nav_link(conf, page, "/about", "说明", "About", out);
    put_nav_link(conf, page, "/faq", "常见问题", "FAQ", out);
    put_language(conf, page, LANG_ZH, "中文", out);
    put_language(conf, page, LANG_EN, "English", out);
    jb_buf_puts(out, "<button type=\"button\" class=\"jb-theme\" hidden>");
    label_put(out, page->lang, "深浅色", "Theme");
    jb_buf_puts(out, "</button></nav></header>\n");
}

void
layout_start(const struct conf *conf, const struct page *page, struct jb_buf *out)
{
    jb_buf_printf(out,
                  "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
                  label_lang(page->lang));
    layout_put_links(conf, out);
    layout_put_scripts(conf, out);
    if (page->refresh)
        jb_buf_printf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", page->refresh);
    jb_buf_puts(out, "<title>");
    jb_put_html(out, jb_str(page->title));
    jb_buf_puts(out, "</title>\n</head>\n<body>\n");
}

void
layout_end(const struct conf *conf, const struct page *page, struct jb_buf *out)
{
    (void)conf;
    (void)page;
    jb_buf_puts(out, "</body>\n</html>\n");
}

struct explanation {
    int status;
    const char *zh, *en, *zh_do, *en_do;
};

static const struct explanation explanations[] = {
    {400, "请求有误", "The request is not understood", "请检查地址中的参数。",
     "Check the parameters in the address."},
    {403, "不允许", "Not allowed", "请返回榜单。", "Go back to the board."},
    {404, "没有这个页面", "There is no such page", "请检查地址，或返回榜单。",
     "Check the address, or go back to the board."},
    {405, "方法不允许", "The method is not allowed", "请用浏览器打开这个地址。",
     "Open this address in a browser."},
    {410, "已经移除", "Gone", "请返回榜单。", "Go back to the board."},
    {413, "请求过大", "The request is too large", "请缩短查询后重试。",
     "Shorten the query and try again."},
    {429, "请求太多", "Too many requests", "请稍候再试。", "Wait a moment and try again."},
    {501, "尚不支持", "Not supported", "请返回榜单。", "Go back to the board."},
    {503, "服务繁忙", "The server is busy", "请稍后重试。", "Try again in a moment."},
    {504, "等待超时", "It took too long", "请稍后重试。", "Try again in a moment."},
    {500, "服务器出错", "The server failed", "错误已记录，请稍后重试。",
     "The error was logged; try again later."},
};

static void
put_reason(const char *label, const char *reason, struct jb_buf *out)
{
    if (!reason || !reason[0])
        return;
    jb_buf_puts(out, label);
    jb_buf_puts(out, "<span lang=\"en\">");
    jb_put_html(out, jb_str(reason));
    jb_buf_puts(out, "</span><br>\n");
}

void
layout_error_page(const struct conf *conf, int status, const char *reason, struct jb_buf *out)
{
    const size_t n = sizeof(explanations) / sizeof(explanations[0]);
    const struct explanation *e = &explanations[n - 1];
    char title[200];

    for (size_t i = 0; i < n; i++)
        if (explanations[i].status == status)
            e = &explanations[i];
    if (status >= 400 && status < 500 && e->status == 500)
        e = &explanations[0];
    struct jb_buf b = JB_BUF(sizeof(title) - 1);
    jb_buf_printf(&b, "%d %s · %s", status, e->zh, e->en);
    struct page page = {.title = b.p ? b.p : "Error", .lang = LANG_MAX, .here = "/error"};
    layout_start(conf, &page, out);
    jb_buf_puts(out, "<div class=\"jb\">\n");
    layout_put_top(conf, &page, NULL, out);
    jb_buf_printf(out, "<main class=\"jb-text\"><h1>%d %s</h1>\n<p lang=\"zh-CN\">", status,
                  e->zh);
    put_reason("原因：", reason, out);
    jb_buf_printf(out, "%s</p>\n<h2 lang=\"en\">%s</h2>\n<p lang=\"en\">", e->zh_do, e->en);
    put_reason("Why: ", reason, out);
    jb_buf_printf(out, "%s</p>\n<p><a class=\"jb-go\" href=\"%s/\">", e->en_do,
                  conf->site.mount);
    label_put(out, LANG_MAX, "回到榜单", "To the board");
    jb_buf_puts(out, "</a></p>\n</main></div>\n");
    layout_end(conf, &page, out);
    jb_buf_free(&b);
}

void
layout_put_csp(const struct conf *conf, struct jb_buf *out)
{
    jb_buf_printf(out,
                  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' "
                  "data:; connect-src 'self'; "
                  "form-action 'self'; base-uri 'none'; frame-ancestors %s",
                  conf->site.frame_ancestors);
}
