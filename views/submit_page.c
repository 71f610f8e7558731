/* SPDX-License-Identifier: Apache-2.0 */
#include "views/submit_page.h"

#include "base/text.h"
#include "board/choices.h"
#include "queue/failure.h"
#include "views/label.h"

#include <inttypes.h>
#include <string.h>

enum field { MODEL, REVISION, MODEL_TYPE, PRECISION, WEIGHT_TYPE, BASE_MODEL, FIELDS };

static const struct {
    const char *name;
    const char *zh, *en;
    const char *hint_zh, *hint_en;
    const char *placeholder;
} fields[FIELDS] = {
    [MODEL] = {"model", "模型名称", "Model name", "模型在模型仓库中的完整名称",
               "The full id of the model on the hub", "org/model"},
    [REVISION] = {"revision", "版本（分支、标签或 commit）", "Revision (branch, tag or commit)",
                  "留空为 main", "Left empty it is main", "main"},
    [MODEL_TYPE] = {"model_type", "模型类型", "Model type", "", "", ""},
    [PRECISION] = {"precision", "精度", "Precision", "与权重保存时一致最稳妥",
                   "Best the one that the weights are stored in", ""},
    [WEIGHT_TYPE] = {"weight_type", "权重类型", "Weights type", "", "", ""},
    [BASE_MODEL] = {"base_model", "基座模型", "Base model", "只有 Adapter 与 Delta 权重需要",
                    "Only for delta or adapter weights", "org/base-model"},
};

/* Which field an answer is about; what is not here is about the submission as a whole. */
static const struct {
    const char *code;
    enum field field;
} codes[] = {
    {"model_missing", MODEL},
    {"model_invalid", MODEL},
    {"blocked", MODEL},
    {"hidden", MODEL},
    {"quota", MODEL},
    {"duplicate", MODEL},
    {"revision_invalid", REVISION},
    {"model_type_missing", MODEL_TYPE},
    {"precision_invalid", PRECISION},
    {"weight_type_invalid", WEIGHT_TYPE},
    {"base_model_invalid", BASE_MODEL},
    {"base_model_missing", BASE_MODEL},
};

struct writing {
    const struct conf *conf;
    const struct board_config *board;
    const struct submit_form *form;
    enum text_lang lang;
    enum field wrong; /* FIELDS: none */
    struct jb_buf *out;
};

static enum field
field_of(const struct queue_answer *answer)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].code, answer->code) == 0)
            return codes[i].field;
    switch (queue_failure_from(answer->code)) {
    case FAILURE_NONE:
    case FAILURE_MAX: return FIELDS;
    case FAILURE_REVISION_MISSING: return REVISION;
    case FAILURE_BASE_MODEL: return BASE_MODEL;
    case FAILURE_PRECISION_NAN: return PRECISION;
    default: return MODEL;
    }
}

static void
put_message(struct writing *w, struct jb_buf *out)
{
    const struct queue_answer *a = w->form->answer;

    if (w->lang != LANG_EN) {
        jb_buf_puts(out, "<span lang=\"zh-CN\">");
        jb_put_html(out, jb_str(a->zh));
        jb_buf_puts(out, "</span>");
    }
    if (w->lang == LANG_MAX)
        jb_buf_puts(out, "<br>");
    if (w->lang != LANG_ZH) {
        jb_buf_puts(out, "<span lang=\"en\">");
        jb_put_html(out, jb_str(a->en));
        jb_buf_puts(out, "</span>");
    }
}

static void
put_request_link(struct writing *w, const char *class_, const char *zh, const char *en)
{
    uint64_t id = w->form->answer->request;

    jb_buf_printf(w->out, "<a%s href=\"", class_);
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_printf(w->out, "/requests/%" PRIu64 "\">", id);
    label_put(w->out, w->lang, zh, en);
    jb_buf_printf(w->out, " #%" PRIu64 "</a>", id);
}

/* --- the form --------------------------------------------------------------------------------
 */

static void
field_start(struct writing *w, enum field f)
{
    jb_buf_printf(w->out, "<div class=\"jb-field%s\"><label for=\"f-%s\">",
                  w->wrong == f ? " wrong" : "", fields[f].name);
    label_put(w->out, w->lang, fields[f].zh, fields[f].en);
    jb_buf_puts(w->out, "</label>\n");
}

/* Attributes that every control has. */
static void
put_control(struct writing *w, enum field f)
{
    bool hint = fields[f].hint_zh[0] != '\0', wrong = w->wrong == f;

    jb_buf_printf(w->out, " id=\"f-%s\" name=\"%s\"", fields[f].name, fields[f].name);
    if (wrong)
        jb_buf_puts(w->out, " aria-invalid=\"true\"");
    if (wrong || hint)
        jb_buf_printf(w->out, " aria-describedby=\"%s%s%s%s%s\"", wrong ? "e-" : "",
                      wrong ? fields[f].name : "", wrong && hint ? " " : "", hint ? "h-" : "",
                      hint ? fields[f].name : "");
}

static void
field_end(struct writing *w, enum field f)
{
    if (w->wrong == f) {
        jb_buf_printf(w->out, "\n<p class=\"jb-wrong\" id=\"e-%s\">", fields[f].name);
        put_message(w, w->out);
        jb_buf_puts(w->out, "</p>");
    }
    if (fields[f].hint_zh[0]) {
        jb_buf_printf(w->out, "\n<p class=\"jb-hint\" id=\"h-%s\">", fields[f].name);
        label_put(w->out, w->lang, fields[f].hint_zh, fields[f].hint_en);
        jb_buf_puts(w->out, "</p>");
    }
    jb_buf_puts(w->out, "</div>\n");
}

/* What was typed, without characters that nobody sees and no name may have. */
static void
put_typed(struct writing *w, struct jb_str value)
{
    uint32_t cp;

    for (size_t n; value.n && (n = jb_utf8_decode(value.p, value.n, &cp)) > 0;
         value.p += n, value.n -= n)
        if (!jb_cp_forbidden(cp))
            jb_put_html(w->out, (struct jb_str){value.p, n});
}

static void
put_text(struct writing *w, enum field f, struct jb_str value, bool required)
{
    field_start(w, f);
    jb_buf_puts(w->out, "<input type=\"text\"");
    put_control(w, f);
    jb_buf_printf(w->out,
                  " maxlength=\"200\" autocomplete=\"off\" "
                  "spellcheck=\"false\" placeholder=\"%s\"%s value=\"",
                  fields[f].placeholder, required ? " required" : "");
    put_typed(w, value);
    jb_buf_puts(w->out, "\">");
    field_end(w, f);
}

static void
put_option(struct writing *w, struct jb_str value, struct jb_str text, bool chosen)
{
    jb_buf_puts(w->out, "<option value=\"");
    jb_put_html(w->out, value);
    jb_buf_puts(w->out, chosen ? "\" selected>" : "\">");
    jb_put_html(w->out, text);
    jb_buf_puts(w->out, "</option>");
}

static void
select_start(struct writing *w, enum field f, const char *more)
{
    field_start(w, f);
    jb_buf_puts(w->out, "<select");
    put_control(w, f);
    jb_buf_printf(w->out, "%s>", more);
}

static void
select_end(struct writing *w, enum field f)
{
    jb_buf_puts(w->out, "</select>");
    field_end(w, f);
}

/* The last type is the unknown one. What a request holds is `icon : label`, in any language. */
static void
put_types(struct writing *w)
{
    const struct board_type *types = w->board->types.items;

    select_start(w, MODEL_TYPE, " required");
    jb_buf_puts(w->out, "<option value=\"\">");
    label_put(w->out, w->lang, "请选择", "Please choose");
    jb_buf_puts(w->out, "</option>");
    for (size_t i = 0; i + 1 < w->board->types.n; i++) {
        struct jb_buf value = JB_BUF(4 << 10), text = JB_BUF(4 << 10);

        jb_buf_printf(&value, "%s : %s", types[i].icon, types[i].label);
        jb_buf_printf(&text, "%s ", types[i].icon);
        label_put(&text, w->lang, types[i].zh, types[i].label);
        put_option(w, jb_buf_view(&value), jb_buf_view(&text),
                   jb_str_eq(jb_buf_view(&value), w->form->values.model_type));
        jb_buf_free(&value);
        jb_buf_free(&text);
    }
    select_end(w, MODEL_TYPE);
}

static void
put_precisions(struct writing *w)
{
    const struct setting_strings *p = &w->board->precisions;
    struct jb_str chosen = w->form->values.precision;
    int preset = board_precision_find(w->board, JB_STR("float16"));

    select_start(w, PRECISION, "");
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i], "?") != 0)
            put_option(w, jb_str(p->items[i]), jb_str(p->items[i]),
                       chosen.n ? jb_str_is(chosen, p->items[i]) : (int)i == preset);
    select_end(w, PRECISION);
}

static void
put_weights(struct writing *w)
{
    static const char *const types[] = {"Original", "Adapter", "Delta"};
    struct jb_str chosen = w->form->values.weight_type;

    select_start(w, WEIGHT_TYPE, "");
    for (size_t i = 0; i < 3; i++)
        put_option(w, jb_str(types[i]), jb_str(types[i]),
                   chosen.n ? jb_str_is(chosen, types[i]) : i == 0);
    select_end(w, WEIGHT_TYPE);
}

/* What went wrong, where screen readers begin to read. */
static void
put_summary(struct writing *w)
{
    const struct queue_answer *a = w->form->answer;

    if (!a)
        return;
    jb_buf_printf(w->out, "<div class=\"jb-say %s\" role=\"alert\"><h2>",
                  a->kind == ANSWER_ERROR ? "bad" : "warn");
    label_put(w->out, w->lang, "没有提交", "Not submitted");
    jb_buf_puts(w->out, "</h2><p>");
    put_message(w, w->out);
    jb_buf_puts(w->out, "</p>");
    if (w->wrong != FIELDS) {
        jb_buf_printf(w->out, "<p><a href=\"#f-%s\">", fields[w->wrong].name);
        label_put(w->out, w->lang, "到这一栏：", "To the field:");
        jb_buf_putc(w->out, ' ');
        label_put(w->out, w->lang, fields[w->wrong].zh, fields[w->wrong].en);
        jb_buf_puts(w->out, "</a></p>");
    }
    if (a->request) {
        jb_buf_puts(w->out, "<p>");
        put_request_link(w, "", "查看提交", "See request");
        jb_buf_puts(w->out, "</p>");
    }
    jb_buf_puts(w->out, "</div>\n");
}

static void
put_form(struct writing *w)
{
    const struct submission *v = &w->form->values;

    if (!w->conf->submit.open) {
        jb_buf_puts(w->out, "<div class=\"jb-say warn\"><p>");
        label_put(w->out, w->lang, "本榜单目前不接受提交。",
                  "This leaderboard takes no submissions at present.");
        jb_buf_puts(w->out, "</p></div>\n");
        return;
    }
    jb_buf_puts(w->out, "<form class=\"jb-form\" method=\"post\" action=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_puts(w->out, "/submit\">\n<input type=\"hidden\" name=\"nonce\" value=\"");
    jb_put_html(w->out, v->nonce);
    jb_buf_puts(w->out, "\">\n");
    put_text(w, MODEL, v->model, true);
    put_text(w, REVISION, v->revision, false);
    put_types(w);
    put_precisions(w);
    put_weights(w);
    put_text(w, BASE_MODEL, v->base_model, false);
    jb_buf_puts(w->out, "<p><button type=\"submit\" class=\"go\">");
    label_put(w->out, w->lang, "提交评测", "Submit");
    jb_buf_puts(w->out, "</button></p>\n</form>\n");
}

static void
put_text_of(struct writing *w, const struct texts *texts, enum text_lang lang)
{
    jb_buf_printf(w->out, "<div lang=\"%s\">\n", label_lang(lang));
    jb_buf_str(w->out, texts_get(texts, lang, TEXT_SUBMIT)->html);
    jb_buf_puts(w->out, "</div>\n");
}

static void
put_heading(struct writing *w, const char *zh, const char *en)
{
    jb_buf_puts(w->out, "<h1>");
    label_put(w->out, w->lang, zh, en);
    jb_buf_puts(w->out, "</h1>\n");
}

/* --- the answer ------------------------------------------------------------------------------
 */

static void
put_fact(struct writing *w, enum field f, struct jb_str value)
{
    jb_buf_puts(w->out, "<dt>");
    label_put(w->out, w->lang, fields[f].zh, fields[f].en);
    jb_buf_puts(w->out, "</dt><dd>");
    jb_put_html(w->out, value.n ? value : JB_STR("–"));
    jb_buf_puts(w->out, "</dd>\n");
}

static void
put_secret(struct writing *w)
{
    const char *secret = w->form->answer->secret;

    if (!secret)
        return;
    jb_buf_puts(w->out, "<section class=\"jb-secret\"><h2>");
    label_put(w->out, w->lang, "这次提交的密钥", "The secret of this submission");
    jb_buf_puts(w->out, "</h2>\n<p><code>");
    jb_put_html(w->out, jb_str(secret));
    jb_buf_puts(w->out, "</code></p>\n");
    if (w->lang != LANG_EN)
        jb_buf_puts(w->out, "<p lang=\"zh-CN\">请现在保存：它只在这里显示一次，我们只存它的"
                            "摘要，无法再告诉您。凭它可以在提交的页面上取消评测，或在失败、"
                            "取消之后要求重新评测。请勿公开。</p>\n");
    if (w->lang != LANG_ZH)
        jb_buf_puts(w->out,
                    "<p lang=\"en\">Keep it now: it is shown only here and only once. We store "
                    "a digest of it and cannot tell it again. With it you can cancel the "
                    "evaluation on the page of the request, or have it evaluated again after "
                    "it failed or was cancelled. Do not publish it.</p>\n");
    jb_buf_puts(w->out, "</section>\n");
}

static void
put_accepted(struct writing *w)
{
    const struct submission *v = &w->form->values;

    put_heading(w, "已收到提交", "Submission accepted");
    jb_buf_puts(w->out, "<div class=\"jb-say good\" role=\"status\"><p>");
    put_message(w, w->out);
    jb_buf_puts(w->out, "</p></div>\n<dl class=\"jb-facts\">\n");
    put_fact(w, MODEL, v->model);
    put_fact(w, REVISION, v->revision.n ? v->revision : JB_STR("main"));
    put_fact(w, MODEL_TYPE, v->model_type);
    put_fact(w, PRECISION, v->precision);
    put_fact(w, WEIGHT_TYPE, v->weight_type);
    if (v->base_model.n)
        put_fact(w, BASE_MODEL, v->base_model);
    jb_buf_puts(w->out, "</dl>\n");
    put_secret(w);
    jb_buf_puts(w->out, "<p>");
    if (w->form->answer->request)
        put_request_link(w, " class=\"jb-go\"", "跟踪这次提交", "Follow this request");
    jb_buf_puts(w->out, " <a class=\"jb-go\" href=\"");
    frame_put_base(w->conf, w->lang, w->out);
    jb_buf_puts(w->out, "/queue\">");
    label_put(w->out, w->lang, "查看队列", "See the queue");
    jb_buf_puts(w->out, "</a></p>\n");
}

int
submit_page_put(const struct conf *conf, const struct board_config *board,
                const struct texts *texts, const struct submit_form *form, enum text_lang lang,
                struct jb_buf *out, struct jb_error *err)
{
    const struct queue_answer *a = form->answer;
    bool accepted = a && (a->kind == ANSWER_SUCCESS || a->kind == ANSWER_WAITING);
    struct frame frame = {.conf = conf,
                          .board = board,
                          .lang = lang,
                          .path = "/submit",
                          .zh = accepted ? "已收到提交" : "提交模型",
                          .en = accepted ? "Submission accepted" : "Submit a model",
                          .class_ = "jb-submit"};
    struct writing w = {conf, board, form, lang, a && !accepted ? field_of(a) : FIELDS, out};

    frame_start(&frame, out);
    if (accepted) {
        put_accepted(&w);
    } else {
        put_heading(&w, "提交模型", "Submit a model");
        put_summary(&w);
        if (lang != LANG_EN)
            put_text_of(&w, texts, LANG_ZH);
        if (lang != LANG_ZH)
            put_text_of(&w, texts, LANG_EN);
        put_form(&w);
    }
    frame_end(&frame, out);
    return out->err ? jb_fail(err, out->err, "the page does not fit into memory") : 0;
}
