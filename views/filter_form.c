/* SPDX-License-Identifier: Apache-2.0 */
/* The filter panel: a plain GET form. */
#include "base/text.h"
#include "board/choices.h"
#include "views/board_parts.h"
#include "views/label.h"

#include <stdio.h>
#include <string.h>

static void
put_box(struct jb_buf *out, const char *name, struct jb_str value, bool checked,
        bool by_default)
{
    jb_buf_printf(out, "<label><input type=\"checkbox\" name=\"%s\" value=\"", name);
    jb_put_html(out, value);
    jb_buf_printf(out, "\"%s%s>", by_default ? " data-d=\"1\"" : "", checked ? " checked" : "");
}

static void
open_field(struct jb_buf *out, enum text_lang lang, const char *zh, const char *en)
{
    jb_buf_puts(out, "<fieldset><legend>");
    label_put(out, lang, zh, en);
    jb_buf_puts(out, "</legend>");
}

static void
put_types(const struct board_config *config, const struct board_view *view, enum text_lang lang,
          struct jb_buf *out)
{
    const struct board_type *types = config->types.items;

    open_field(out, lang, "模型类型", "Model types");
    for (size_t i = 0; i < config->types.n; i++) {
        put_box(out, "type", jb_str(types[i].key), view->query.types >> i & 1, true);
        jb_put_html(out, jb_str(types[i].icon));
        jb_buf_putc(out, ' ');
        struct jb_buf name = JB_BUF(1000);
        label_put(&name, lang, types[i].zh, types[i].label[0] ? types[i].label : "unknown");
        jb_put_html(out, jb_buf_view(&name));
        jb_buf_free(&name);
        jb_buf_puts(out, "</label>");
    }
    jb_buf_puts(out, "</fieldset>\n");
}

static void
put_choices(const struct board_config *config, const struct board_view *view,
            enum text_lang lang, struct jb_buf *out)
{
    const struct board_size *sizes = config->sizes.items;
    static const char *const hide_zh[BOARD_HIDES] = {"私有或已删除", "合并模型", "被标记",
                                                     "MoE"};

    open_field(out, lang, "精度", "Precision");
    for (size_t i = 0; i < board_precisions(config); i++) {
        const char *label = board_precision_label(config, i);
        put_box(out, "precision", jb_str(label), view->query.precisions >> i & 1, true);
        jb_put_html(out, jb_str(label));
        jb_buf_puts(out, "</label>");
    }
    jb_buf_puts(out, "</fieldset>\n");
    open_field(out, lang, "参数量（十亿）", "Model sizes (billions)");
    for (size_t i = 0; i < config->sizes.n; i++) {
        put_box(out, "size", jb_str(sizes[i].label), view->query.sizes >> i & 1, true);
        jb_put_html(out, jb_str(sizes[i].label));
        jb_buf_puts(out, "</label>");
    }
    jb_buf_puts(out, "</fieldset>\n");
    open_field(out, lang, "隐藏", "Hide models");
    /* Tells "nothing hidden" from "the form was not used". */
    jb_buf_puts(out, "<input type=\"hidden\" name=\"hide\" value=\"none\">");
    for (size_t i = 0; i < BOARD_HIDES; i++) {
        put_box(out, "hide", jb_str(board_hide_key(i)), view->query.hide >> i & 1,
                BOARD_HIDE_DEFAULT >> i & 1);
        label_put(out, lang, hide_zh[i], board_hide_label(i));
        jb_buf_puts(out, "</label>");
    }
    jb_buf_puts(out, "</fieldset>\n");
}

static void
put_columns(const struct board *board, const struct board_view *view, enum text_lang lang,
            struct jb_buf *out)
{
    struct board_view d;
    char key[BOARD_KEY_SIZE];

    board_view_default(board, &d);
    open_field(out, lang, "显示的列", "Columns");
    for (size_t i = 0; i < board_columns(board); i++) {
        const struct board_column *c = board_column(board, i);
        if (!board_column_selectable(c))
            continue;
        board_column_key(c, key);
        put_box(out, "column", jb_str(key), view->columns >> i & 1, d.columns >> i & 1);
        jb_put_html(out, jb_str(c->header));
        jb_buf_puts(out, "</label>");
    }
    jb_buf_puts(out, "</fieldset>\n");
}

void
filter_form_put(const struct board *board, const struct conf *conf, enum text_lang lang,
                const struct board_view *view, struct jb_buf *out)
{
    const struct board_config *config = board_config_of(board);
    const char *path = lang == LANG_ZH ? "/zh/" : lang == LANG_EN ? "/en/" : "/";

    jb_buf_printf(out,
                  "<form class=\"jb-filter\" method=\"get\" action=\"%s%s\" role=\"search\">\n",
                  conf->site.mount, path);
    if (view->sorted) {
        char key[BOARD_KEY_SIZE];
        board_column_key(board_column(board, view->sort), key);
        jb_buf_printf(out,
                      "<input type=\"hidden\" name=\"sort\" value=\"%s\"><input "
                      "type=\"hidden\" name=\"order\" value=\"%s\">",
                      key, view->descending ? "desc" : "asc");
    }
    jb_buf_puts(out,
                "<div class=\"jb-search\"><input type=\"search\" name=\"query\" aria-label=\"");
    label_put(out, lang, "搜索", "Search");
    jb_buf_puts(out, "\" placeholder=\"");
    label_put(out, lang, "模型名，多个用 ; 分隔；license: MIT",
              "Model names, separated by ; and license: MIT");
    jb_buf_puts(out, "\" value=\"");
    jb_put_html(out, view->query.text);
    jb_buf_puts(out, "\"><button class=\"go\">");
    label_put(out, lang, "搜索", "Search");
    jb_buf_puts(out, "</button></div>\n<details><summary>");
    label_put(out, lang, "筛选与列", "Filters and columns");
    jb_buf_puts(out, "</summary><div class=\"jb-panel\">\n");
    put_types(config, view, lang, out);
    put_choices(config, view, lang, out);
    put_columns(board, view, lang, out);
    jb_buf_puts(out, "<div><button class=\"go\">");
    label_put(out, lang, "应用", "Apply");
    jb_buf_puts(out, "</button></div></div></details></form>\n");
}

/* A link to `view`, with everything else as it is. */
void
board_put_link(const struct board *board, const struct conf *conf, enum text_lang lang,
               const struct board_view *view, struct jb_buf *out)
{
    const char *path = lang == LANG_ZH ? "/zh/" : lang == LANG_EN ? "/en/" : "/";
    struct jb_buf query = JB_BUF(32 << 10);

    board_view_put(board, view, &query);
    jb_buf_printf(out, "%s%s%s", conf->site.mount, path, query.n ? "?" : "");
    jb_put_html(out, jb_buf_view(&query));
    jb_buf_free(&query);
}

static void
put_chip(const struct board *board, const struct conf *conf, enum text_lang lang,
         const struct board_view *without, struct jb_str label, struct jb_buf *out)
{
    jb_buf_puts(out, "<a class=\"jb-chip\" href=\"");
    board_put_link(board, conf, lang, without, out);
    jb_buf_puts(out, "\"><span class=\"vh\">");
    label_put(out, lang, "去掉", "Remove");
    jb_buf_puts(out, " </span>");
    jb_put_html(out, label);
    jb_buf_puts(out, "</a>");
}

/* One chip for each filter that is not as by default; taking one away restores the default. */
void
filter_chips_put(const struct board *board, const struct conf *conf, enum text_lang lang,
                 const struct board_view *view, struct jb_buf *out)
{
    const struct board_config *config = board_config_of(board);
    const struct board_type *types = config->types.items;
    const struct board_size *sizes = config->sizes.items;
    struct board_view d, w;
    struct jb_buf text = JB_BUF(8192);

    board_view_default(board, &d);
    if (view->query.text.n) {
        w = *view;
        w.query.text = (struct jb_str){NULL, 0};
        put_chip(board, conf, lang, &w, view->query.text, out);
    }
    if (view->query.types != d.query.types) {
        for (size_t i = 0; i < config->types.n; i++)
            if (view->query.types >> i & 1)
                jb_buf_printf(&text, "%s ", types[i].icon);
        w = *view;
        w.query.types = d.query.types;
        put_chip(board, conf, lang, &w, jb_buf_view(&text), out);
    }
    jb_buf_reset(&text);
    if (view->query.precisions != d.query.precisions) {
        for (size_t i = 0; i < board_precisions(config); i++)
            if (view->query.precisions >> i & 1)
                jb_buf_printf(&text, "%s ", board_precision_label(config, i));
        w = *view;
        w.query.precisions = d.query.precisions;
        put_chip(board, conf, lang, &w, jb_buf_view(&text), out);
    }
    jb_buf_reset(&text);
    if (view->query.sizes != d.query.sizes) {
        for (size_t i = 0; i < config->sizes.n; i++)
            if (view->query.sizes >> i & 1)
                jb_buf_printf(&text, "%s ", sizes[i].label);
        w = *view;
        w.query.sizes = d.query.sizes;
        put_chip(board, conf, lang, &w, jb_buf_view(&text), out);
    }
    jb_buf_reset(&text);
    if (view->query.hide != d.query.hide) {
        label_put(&text, lang, "隐藏选项", "Hide options");
        w = *view;
        w.query.hide = d.query.hide;
        put_chip(board, conf, lang, &w, jb_buf_view(&text), out);
    }
    jb_buf_reset(&text);
    if (view->columns != d.columns) {
        label_put(&text, lang, "列", "Columns");
        w = *view;
        w.columns = d.columns;
        put_chip(board, conf, lang, &w, jb_buf_view(&text), out);
    }
    jb_buf_free(&text);
    if (!board_view_is_default(board, view)) {
        jb_buf_puts(out, "<a class=\"jb-clear\" href=\"");
        board_put_link(board, conf, lang, &d, out);
        jb_buf_puts(out, "\">");
        label_put(out, lang, "全部清除", "Clear all");
        jb_buf_puts(out, "</a>");
    }
}
