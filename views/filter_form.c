/* SPDX-License-Identifier: Apache-2.0 */
/* The filter panel: a plain GET form. */
#include "base/text.h"
#include "board/choices.h"
#include "views/board_parts.h"
#include "views/label.h"

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
put_hide_name(struct jb_buf *out, enum text_lang lang, size_t i)
{
    static const char *const zh[BOARD_HIDES] = {"私有或已删除", "合并模型", "被标记", "MoE"};

    if (strcmp(zh[i], board_hide_label(i)) == 0)
        jb_buf_puts(out, zh[i]);
    else
        label_put(out, lang, zh[i], board_hide_label(i));
}

static void
put_choices(const struct board_config *config, const struct board_view *view,
            enum text_lang lang, struct jb_buf *out)
{
    const struct board_size *sizes = config->sizes.items;

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
        put_hide_name(out, lang, i);
        jb_buf_puts(out, "</label>");
    }
    jb_buf_puts(out, "</fieldset>\n");
}

static void
put_columns(const struct board *board, const struct board_view *view, enum text_lang lang,
            struct jb_buf *out)
{
    struct board_view d;

    board_view_default(board, &d);
    jb_buf_puts(out, "<fieldset class=\"all\"><legend>");
    label_put(out, lang, "显示的列", "Columns");
    jb_buf_puts(out, "</legend><input type=\"hidden\" name=\"column\" value=\"none\">");
    for (size_t i = 0; i < board_columns(board); i++) {
        const struct board_column *c = board_column(board, i);
        if (!board_column_selectable(c))
            continue;
        put_box(out, "column", jb_str(board_column_key(board, i)), view->columns >> i & 1,
                d.columns >> i & 1);
        board_put_column_name(board, i, lang, out);
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
                  "<form class=\"jb-filter\" id=\"jb-filter\" method=\"get\" action=\"%s%s\" "
                  "role=\"search\">\n",
                  conf->site.mount, path);
    jb_buf_puts(out,
                "<div class=\"jb-search\"><input type=\"search\" name=\"query\" aria-label=\"");
    label_put(out, lang, "搜索", "Search");
    jb_buf_puts(out, "\" placeholder=\"");
    /* A field has room for one language. */
    label_put(out, lang == LANG_MAX ? LANG_ZH : lang, "模型名，多个用 ; 分隔；license: MIT",
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

struct chips {
    const struct board *board;
    const struct conf *conf;
    enum text_lang lang;
    struct jb_buf *out;
};

/* `words` (zh, en) and `value`, each may be "". */
static void
put_chip(struct chips *c, const struct board_view *without, const char *zh, const char *en,
         struct jb_str value)
{
    jb_buf_puts(c->out, "<a class=\"jb-chip\" href=\"");
    board_put_link(c->board, c->conf, c->lang, without, c->out);
    jb_buf_puts(c->out, "\"><span class=\"vh\">");
    label_put(c->out, c->lang, "去掉", "Remove");
    jb_buf_puts(c->out, " </span>");
    if (zh[0]) {
        label_put(c->out, c->lang, zh, en);
        if (value.n)
            jb_buf_puts(c->out, ": ");
    }
    jb_put_html(c->out, value);
    jb_buf_puts(c->out, "</a>");
}

/* `value` in a chip of its own. */
static void
put_one(struct chips *c, const struct board_view *w, bool taken, const char *zh, const char *en,
        struct jb_str value)
{
    struct jb_buf zh_text = JB_BUF(256), en_text = JB_BUF(256);

    jb_buf_printf(&zh_text, "%s%s", taken ? "" : "不含", zh);
    jb_buf_printf(&en_text, "%s%s", taken ? "" : "Without ", en);
    put_chip(c, w, zh_text.p ? zh_text.p : zh, en_text.p ? en_text.p : en, value);
    jb_buf_free(&zh_text);
    jb_buf_free(&en_text);
}

static unsigned
count(uint32_t set)
{
    unsigned n = 0;

    for (; set; set &= set - 1)
        n++;
    return n;
}

/* Few are named when they are what is left, and when they are what is missing. */
static bool
names_taken(uint32_t set, uint32_t all)
{
    return 2 * count(set) <= count(all);
}

/* The view without what a chip names: one less taken (with the last one gone, all of them), or
 * one more. */
static uint32_t
set_turned(uint32_t set, size_t i, uint32_t all)
{
    set ^= (uint32_t)1 << i;
    return set ? set : all;
}

static void
put_type_chips(struct chips *c, const struct board_view *view, uint32_t all)
{
    const struct board_config *config = board_config_of(c->board);
    const struct board_type *types = config->types.items;
    uint32_t set = view->query.types;
    bool taken = names_taken(set, all);
    struct board_view w = *view;

    for (size_t i = 0; i < config->types.n && set != all; i++) {
        if ((set >> i & 1) != taken)
            continue;
        struct jb_buf name = JB_BUF(8 << 10);
        jb_buf_printf(&name, "%s ", types[i].icon);
        label_put(&name, c->lang == LANG_MAX ? LANG_ZH : c->lang, types[i].zh,
                  types[i].label[0] ? types[i].label : "unknown");
        w.query.types = set_turned(set, i, all);
        put_one(c, &w, taken, "类型", "Type", jb_buf_view(&name));
        jb_buf_free(&name);
    }
}

static void
put_set_chips(struct chips *c, const struct board_view *view, const struct board_view *d)
{
    const struct board_config *config = board_config_of(c->board);
    const struct board_size *sizes = config->sizes.items;
    const struct board_query *q = &view->query, *all = &d->query;
    struct board_view w = *view;
    bool taken = names_taken(q->precisions, all->precisions);

    put_type_chips(c, view, all->types);
    for (size_t i = 0; i < board_precisions(config) && q->precisions != all->precisions; i++)
        if ((q->precisions >> i & 1) == taken) {
            w.query.precisions = set_turned(q->precisions, i, all->precisions);
            put_one(c, &w, taken, "精度", "Precision",
                    jb_str(board_precision_label(config, i)));
        }
    w = *view;
    taken = names_taken(q->sizes, all->sizes);
    for (size_t i = 0; i < config->sizes.n && q->sizes != all->sizes; i++)
        if ((q->sizes >> i & 1) == taken) {
            w.query.sizes = set_turned(q->sizes, i, all->sizes);
            put_one(c, &w, taken, "参数量", "Size", jb_str(sizes[i].label));
        }
}

static void
put_hide_chips(struct chips *c, const struct board_view *view, const struct board_view *d)
{
    for (size_t i = 0; i < BOARD_HIDES; i++) {
        struct board_view w = *view;
        bool hidden = view->query.hide >> i & 1;
        if (hidden == (d->query.hide >> i & 1))
            continue;
        w.query.hide ^= 1u << i;
        struct jb_buf name = JB_BUF(256);
        put_hide_name(&name, c->lang, i);
        put_chip(c, &w, hidden ? "隐藏" : "显示", hidden ? "Hidden" : "Shown",
                 jb_buf_view(&name));
        jb_buf_free(&name);
    }
}

static void
put_order_chip(struct chips *c, const struct board_view *view, const struct board_view *d)
{
    struct board_view w = *view;
    struct jb_buf text = JB_BUF(1024);

    w.sorted = false;
    w.sort = d->sort;
    w.descending = d->descending;
    jb_buf_puts(&text, board_column(c->board, view->sort)->header);
    jb_buf_puts(&text, view->descending ? " ↓" : " ↑");
    put_chip(c, &w, "排序", "Order", jb_buf_view(&text));
    jb_buf_free(&text);
}

/* One chip for each thing that is not as by default, and a link that takes all of them away. */
void
filter_chips_put(const struct board *board, const struct conf *conf, enum text_lang lang,
                 const struct board_view *view, struct jb_buf *out)
{
    struct chips c = {board, conf, lang, out};
    struct board_view d, w = *view;

    if (board_view_is_default(board, view))
        return;
    board_view_default(board, &d);
    if (view->query.text.n) {
        w.query.text = (struct jb_str){NULL, 0};
        if (w.sort == d.sort && w.descending)
            w.sorted = false;
        put_chip(&c, &w, "搜索", "Search", view->query.text);
    }
    put_set_chips(&c, view, &d);
    put_hide_chips(&c, view, &d);
    if (view->columns != d.columns) {
        w = *view;
        w.columns = d.columns;
        put_chip(&c, &w, "自选的列", "Chosen columns", (struct jb_str){NULL, 0});
    }
    if (view->sorted)
        put_order_chip(&c, view, &d);
    jb_buf_puts(out, "<a class=\"jb-clear\" href=\"");
    board_put_link(board, conf, lang, &d, out);
    jb_buf_puts(out, "\">");
    label_put(out, lang, "全部清除", "Clear all");
    jb_buf_puts(out, "</a>");
}
