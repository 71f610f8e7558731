/* SPDX-License-Identifier: Apache-2.0 */
#include "views/frame.h"

#include "base/text.h"
#include "views/label.h"

static const char *
prefix(enum text_lang lang)
{
    return lang == LANG_ZH ? "/zh" : lang == LANG_EN ? "/en" : "";
}

static const char *
site_title(const struct frame *f)
{
    if (f->lang == LANG_ZH && f->board->title_zh[0])
        return f->board->title_zh;
    return f->board->title[0] ? f->board->title : f->conf->site.title;
}

static void
put(const struct frame *f, struct jb_buf *out,
    void (*part)(const struct frame *f, const struct page *page, struct jb_buf *out))
{
    struct jb_buf here = JB_BUF(8 << 10), title = JB_BUF(8 << 10);

    jb_buf_printf(&here, "%s%s", prefix(f->lang), f->path);
    if (f->lang == LANG_MAX && !f->en[0])
        jb_buf_puts(&title, f->zh);
    else
        label_put(&title, f->lang, f->zh, f->en);
    jb_buf_printf(&title, " · %s", site_title(f));
    if (here.err || title.err) {
        if (!out->err)
            out->err = here.err ? here.err : title.err;
    } else {
        struct page page = {
            .title = title.p, .lang = f->lang, .here = here.p, .refresh = f->refresh};
        part(f, &page, out);
    }
    jb_buf_free(&here);
    jb_buf_free(&title);
}

static void
put_start(const struct frame *f, const struct page *page, struct jb_buf *out)
{
    layout_start(f->conf, page, out);
    jb_buf_puts(out, "<div class=\"jb\">\n");
    layout_put_top(f->conf, page, site_title(f), out);
    jb_buf_printf(out, "<main class=\"jb-text%s%s\">\n", f->class_[0] ? " " : "", f->class_);
}

static void
put_end(const struct frame *f, const struct page *page, struct jb_buf *out)
{
    jb_buf_puts(out, "</main></div>\n");
    layout_end(f->conf, page, out);
}

void
frame_start(const struct frame *frame, struct jb_buf *out)
{
    put(frame, out, put_start);
}

void
frame_end(const struct frame *frame, struct jb_buf *out)
{
    put(frame, out, put_end);
}

void
frame_put_base(const struct conf *conf, enum text_lang lang, struct jb_buf *out)
{
    jb_buf_puts(out, conf->site.mount);
    jb_buf_puts(out, prefix(lang));
}
