/* SPDX-License-Identifier: Apache-2.0 */
/* Every component as the config shows it: the keys of 6.x and those of 4.x together. */
#include "gradio/parts.h"

#include "gradio/components.h"
#include "gradio/plot.h"
#include "gradio/schema.h"
#include "views/text_page.h"

#include <stdio.h>

struct maker {
    const struct gradio_site *site;
    const struct conf *conf;
    const struct texts *texts;
    const struct timeline *timeline;
    struct jb_json *j;
};

#define LATEX "[{\"left\":\"$$\",\"right\":\"$$\",\"display\":true}]"

static void
raw(struct jb_json *j, const char *key, const char *json)
{
    jb_json_key(j, key);
    jb_json_raw(j, jb_str(json));
}

static void
fail(struct maker *m, int code)
{
    if (!m->j->out->err)
        m->j->out->err = code;
}

/* Keys that every component with a value has. */
static void
put_common(struct jb_json *j, const struct component *c)
{
    if (c->label)
        jb_json_ktext(j, "label", c->label);
    jb_json_kbool(j, "show_label", c->label != NULL);
    if (c->type != TYPE_DATAFRAME)
        jb_json_kbool(j, "container", true);
    jb_json_kint(j, "min_width", c->min_width ? c->min_width : 160);
    jb_json_kbool(j, "_selectable", false);
}

/* A text of both languages, Chinese first, as the Space has it. */
static void
put_text(struct maker *m, enum text_name name)
{
    struct jb_buf both = JB_BUF(1 << 20);

    for (int lang = 0; lang < LANG_MAX; lang++) {
        const struct text *t = texts_get(m->texts, (enum text_lang)lang, name);

        if (lang)
            jb_buf_puts(&both, "\n\n");
        jb_buf_str(&both, t->markdown);
    }
    if (both.err)
        fail(m, both.err);
    jb_json_kstr(m->j, "value", jb_buf_view(&both));
    jb_buf_free(&both);
}

/* The same as HTML, with the table of benchmarks. A blank line would end the HTML for the
 * Markdown reader of the front end, so the ones in listings are written as a character
 * reference. */
static void
put_html_text(struct maker *m, enum text_name name)
{
    struct jb_buf both = JB_BUF(4 << 20), one = JB_BUF(2 << 20);
    int rc = 0;

    for (int lang = 0; lang < LANG_MAX && !rc; lang++) {
        if (lang)
            jb_buf_puts(&both, "\n\n");
        jb_buf_reset(&one);
        rc = text_html_put(board_config_of(m->site->board), m->texts, (enum text_lang)lang,
                           name, &one, NULL);
        for (size_t i = 0; i < one.n; i++) {
            jb_buf_putc(&both, one.p[i]);
            if (one.p[i] == '\n' && i + 1 < one.n && one.p[i + 1] == '\n')
                jb_buf_puts(&both, "&#10;");
        }
    }
    if (rc || both.err || one.err)
        fail(m, rc ? rc : both.err ? both.err : one.err);
    jb_json_kstr(m->j, "value", jb_buf_view(&both));
    jb_buf_free(&both);
    jb_buf_free(&one);
}

static void
put_title(struct maker *m)
{
    const struct board_config *config = board_config_of(m->site->board);
    const char *title = config->title && *config->title ? config->title : m->conf->site.title;
    struct jb_buf text = JB_BUF(16 << 10);

    jb_buf_puts(&text, "# ");
    if (config->title_zh && *config->title_zh)
        jb_buf_printf(&text, "%s · ", config->title_zh);
    jb_buf_puts(&text, title);
    if (text.err)
        fail(m, text.err);
    jb_json_kstr(m->j, "value", jb_buf_view(&text));
    jb_buf_free(&text);
}

static void
put_markdown(struct maker *m, enum component_id id, const struct component *c)
{
    struct jb_json *j = m->j;

    switch (id) {
    case C_TITLE: put_title(m); break;
    case C_INTRO: put_text(m, TEXT_INTRO); break;
    case C_ABOUT: put_html_text(m, TEXT_ABOUT); break;
    case C_FAQ: put_text(m, TEXT_FAQ); break;
    case C_SUBMIT_TEXT: put_text(m, TEXT_SUBMIT); break;
    default: jb_json_ktext(j, "value", c->value); break;
    }
    jb_json_kbool(j, "show_label", false);
    jb_json_kbool(j, "rtl", false);
    raw(j, "latex_delimiters", LATEX);
    jb_json_kbool(j, "sanitize_html", true);
    jb_json_kbool(j, "line_breaks", false);
    jb_json_kbool(j, "header_links", false);
    jb_json_kbool(j, "show_copy_button", false);
    jb_json_kbool(j, "container", false);
    jb_json_kbool(j, "padding", false);
    jb_json_kbool(j, "_selectable", false);
}

static void
put_textbox(struct maker *m, enum component_id id, const struct component *c)
{
    const struct board_config *config = board_config_of(m->site->board);
    struct jb_json *j = m->j;
    bool citation = id == C_CITATION_TEXT;

    if (citation)
        jb_json_ktext(j, "value", config->citation ? config->citation : "");
    jb_json_ktext(j, "type", "text");
    jb_json_kint(j, "lines", citation ? 10 : 1);
    jb_json_kint(j, "max_lines", 20);
    if (c->placeholder)
        jb_json_ktext(j, "placeholder", c->placeholder);
    put_common(j, c);
    jb_json_kbool(j, "autofocus", false);
    jb_json_kbool(j, "autoscroll", true);
    jb_json_kbool(j, "rtl", false);
    jb_json_kbool(j, "show_copy_button", citation);
    raw(j, "buttons", citation ? "[\"copy\"]" : "[]");
    jb_json_kbool(j, "submit_btn", false);
    jb_json_kbool(j, "stop_btn", false);
}

static void
put_choices(struct maker *m, const struct component *c)
{
    const struct choices *set = &m->site->choices[c->choices];
    struct jb_json *j = m->j;

    jb_json_key(j, "choices");
    jb_json_array(j);
    for (size_t i = 0; i < set->n; i++) {
        jb_json_array(j);
        jb_json_str(j, set->items[i].text);
        jb_json_str(j, set->items[i].text);
        jb_json_end(j);
    }
    jb_json_end(j);
    if (c->type == TYPE_CHECKBOXGROUP || set->ticked) {
        jb_json_key(j, "value");
        schema_put_preset(j, c, m->site->choices);
    }
    jb_json_ktext(j, "type", "value");
    put_common(j, c);
    jb_json_kbool(j, "interactive", true);
    raw(j, "buttons", "[]");
    if (c->type == TYPE_CHECKBOXGROUP) {
        jb_json_kbool(j, "show_select_all", false);
    } else {
        jb_json_kbool(j, "multiselect", false);
        jb_json_kbool(j, "allow_custom_value", false);
        jb_json_kbool(j, "filterable", true);
    }
}

static const char *
datatype(enum board_column_type type)
{
    static const char *const names[] = {[COLUMN_STR] = "str",
                                        [COLUMN_MARKDOWN] = "markdown",
                                        [COLUMN_NUMBER] = "number",
                                        [COLUMN_BOOL] = "bool"};

    return names[type];
}

/* headers and datatype of the board's columns; `name` for the name column, NULL leaves its
 * header out (the Space does so in the visible table). */
static size_t
put_board_columns(struct maker *m, uint64_t columns, const char *name)
{
    const struct board *board = m->site->board;
    struct jb_json *j = m->j;
    size_t n = 0;

    jb_json_key(j, "headers");
    jb_json_array(j);
    for (size_t i = 0; i < board_columns(board); i++) {
        const struct board_column *c = board_column(board, i);

        if (!(columns >> i & 1) || (c->state == COLUMN_NAME && !name))
            continue;
        jb_json_text(j, c->state == COLUMN_NAME ? name : c->header);
        n++;
    }
    jb_json_end(j);
    jb_json_key(j, "datatype");
    jb_json_array(j);
    for (size_t i = 0; i < board_columns(board); i++)
        if (columns >> i & 1)
            jb_json_text(j, datatype(board_column(board, i)->type));
    jb_json_end(j);
    return n;
}

static size_t
put_queue(struct maker *m, enum queue_table table)
{
    struct jb_json *j = m->j;
    size_t n = queue_frame_columns(table);

    jb_json_key(j, "value");
    queue_frame_put(m->site->lists, table, (size_t)m->conf->site.max_inline_rows,
                    m->conf->site.mount, j);
    jb_json_key(j, "headers");
    jb_json_array(j);
    for (size_t i = 0; i < n; i++)
        jb_json_text(j, queue_frame_headers[i]);
    jb_json_end(j);
    jb_json_key(j, "datatype");
    jb_json_array(j);
    for (size_t i = 0; i < n; i++)
        jb_json_text(j, queue_frame_types[i]);
    jb_json_end(j);
    return n;
}

static size_t
put_board(struct maker *m, bool full)
{
    const struct gradio_site *site = m->site;
    uint64_t columns =
        full ? site->columns_all : site->columns_always | site->choices[CHOICES_COLUMNS].ticked;
    size_t n = full ? site->n_all : site->n_default;

    if (!full && n > (size_t)m->conf->site.max_inline_rows)
        n = (size_t)m->conf->site.max_inline_rows;
    jb_json_key(m->j, "value");
    jb_json_raw(m->j, JB_STR("")); /* the writer puts the comma; the cells write the value */
    cells_put_frame(site->cells, full ? site->rows_all : site->rows_default, n, columns,
                    full ? "fullname" : "model_name_for_query", m->j->out);
    return put_board_columns(m, columns, full ? "fullname" : NULL);
}

/* The queue table that a component shows or counts. */
static enum queue_table
queue_of(enum component_id id)
{
    switch (id) {
    case C_FINISHED:
    case C_FINISHED_TABLE: return QUEUE_TABLE_FINISHED;
    case C_RUNNING:
    case C_RUNNING_TABLE: return QUEUE_TABLE_RUNNING;
    case C_PENDING:
    case C_PENDING_TABLE: return QUEUE_TABLE_PENDING;
    case C_FAILED:
    case C_FAILED_TABLE: return QUEUE_TABLE_FAILED;
    case C_CANCELLED:
    case C_CANCELLED_TABLE: return QUEUE_TABLE_CANCELLED;
    default: return QUEUE_TABLE_NONE;
    }
}

static void
put_dataframe(struct maker *m, enum component_id id, const struct component *c)
{
    struct jb_json *j = m->j;
    enum queue_table table = queue_of(id);
    bool queue = table != QUEUE_TABLE_NONE;
    size_t n = 1;

    switch (id) {
    case C_FULL: n = put_board(m, true); break;
    case C_LEADERBOARD: n = put_board(m, false); break;
    default:
        if (queue) {
            n = put_queue(m, table);
            break;
        }
        /* small, but a table: a null value breaks the 4.x component */
        raw(j, "value", "{\"headers\":[\"T\"],\"data\":[],\"metadata\":null}");
        raw(j, "headers", "[\"T\"]");
        raw(j, "datatype", "[\"str\"]");
        break;
    }
    jb_json_key(j, "row_count");
    jb_json_raw(j, queue ? JB_STR("[5,\"dynamic\"]") : JB_STR("[1,\"dynamic\"]"));
    for (int i = 0; i < 2; i++) {
        jb_json_key(j, i ? "column_count" : "col_count");
        jb_json_array(j);
        jb_json_int(j, (int64_t)n);
        jb_json_text(j, "dynamic");
        jb_json_end(j);
    }
    jb_json_ktext(j, "type", "pandas");
    raw(j, "latex_delimiters", LATEX);
    put_common(j, c);
    jb_json_kint(j, "height", queue ? 500 : 700);
    jb_json_kint(j, "max_height", queue ? 500 : 700);
    jb_json_kbool(j, "interactive", false);
    /* reasons are sentences */
    jb_json_kbool(j, "wrap", table == QUEUE_TABLE_FAILED || table == QUEUE_TABLE_CANCELLED);
    jb_json_kbool(j, "line_breaks", true);
    raw(j, "column_widths", "[]");
    jb_json_kbool(j, "show_row_numbers", false);
    jb_json_ktext(j, "show_search", "none");
    raw(j, "static_columns", "[]");
}

static void
put_plot(struct maker *m, enum component_id id, const struct component *c)
{
    struct jb_json *j = m->j;

    jb_json_key(j, "value");
    plot_put(m->site->board, m->timeline, id == C_PLOT_AVERAGE ? PLOT_AVERAGE : PLOT_BENCHMARKS,
             j);
    jb_json_ktext(j, "format", "webp");
    jb_json_knull(j, "bokeh_version");
    put_common(j, c);
    raw(j, "buttons", "[]");
}

static void
put_accordion(struct maker *m, enum component_id id, const struct component *c)
{
    char label[128];
    size_t n = 0;

    if (queue_of(id) == QUEUE_TABLE_NONE) {
        jb_json_ktext(m->j, "label", c->label);
        return;
    }
    queue_lists_table(m->site->lists, queue_of(id), &n);
    snprintf(label, sizeof(label), "%s (%zu)", c->label, n);
    jb_json_ktext(m->j, "label", label);
}

static void
put_layout_props(struct maker *m, enum component_id id, const struct component *c)
{
    struct jb_json *j = m->j;

    switch (c->type) {
    case TYPE_TAB:
        jb_json_ktext(j, "label", c->label);
        jb_json_kbool(j, "interactive", true);
        jb_json_kint(j, "id", c->tab);
        jb_json_kbool(j, "render_children", false);
        break;
    case TYPE_ROW:
        jb_json_ktext(j, "variant", "default");
        jb_json_kbool(j, "equal_height", false);
        jb_json_kbool(j, "show_progress", false);
        break;
    case TYPE_COLUMN:
        jb_json_kint(j, "scale", 1);
        jb_json_kint(j, "min_width", c->min_width ? c->min_width : 320);
        jb_json_ktext(j, "variant", "default");
        jb_json_kbool(j, "show_progress", false);
        break;
    case TYPE_FORM:
        jb_json_kint(j, "scale", 0);
        jb_json_kint(j, "min_width", 0);
        break;
    case TYPE_ACCORDION:
        put_accordion(m, id, c);
        jb_json_kbool(j, "open", false);
        break;
    case TYPE_BUTTON:
        jb_json_ktext(j, "value", c->value);
        jb_json_ktext(j, "variant", "secondary");
        jb_json_ktext(j, "size", "lg");
        jb_json_ktext(j, "link_target", "_self");
        jb_json_kbool(j, "interactive", true);
        jb_json_kbool(j, "_selectable", false);
        break;
    default: break;
    }
}

static void
put_props(struct maker *m, enum component_id id, const struct component *c)
{
    struct jb_json *j = m->j;

    jb_json_key(j, "props");
    jb_json_object(j);
    switch (c->type) {
    case TYPE_MARKDOWN: put_markdown(m, id, c); break;
    case TYPE_TEXTBOX: put_textbox(m, id, c); break;
    case TYPE_CHECKBOXGROUP:
    case TYPE_DROPDOWN: put_choices(m, c); break;
    case TYPE_DATAFRAME: put_dataframe(m, id, c); break;
    case TYPE_PLOT: put_plot(m, id, c); break;
    case TYPE_CHECKBOX:
        jb_json_kbool(j, "value", false);
        put_common(j, c);
        jb_json_kbool(j, "interactive", true);
        raw(j, "buttons", "[]");
        break;
    default: put_layout_props(m, id, c); break;
    }
    /* Gradio's tabs call themselves "tab" */
    jb_json_ktext(j, "name", c->type == TYPE_TAB ? "tab" : component_type_name(c->type));
    if (c->type != TYPE_FORM) {
        jb_json_kbool(j, "visible", !c->hidden);
        if (c->elem_id)
            jb_json_ktext(j, "elem_id", c->elem_id);
        jb_json_key(j, "elem_classes");
        jb_json_array(j);
        if (c->elem_class)
            jb_json_text(j, c->elem_class);
        jb_json_end(j);
    }
    raw(j, "preserved_by_key",
        component_has_value(c->type) || c->type == TYPE_BUTTON ? "[\"value\"]" : "[]");
    jb_json_end(j);
}

void
config_put_components(const struct gradio_site *site, const struct conf *conf,
                      const struct texts *texts, struct jb_json *j)
{
    struct timeline timeline = {0};
    struct maker m = {site, conf, texts, &timeline, j};

    if (timeline_build(site->board, site->arena, &timeline))
        fail(&m, JB_ENOMEM);

    jb_json_array(j);
    for (size_t i = 0; i < COMPONENTS_LISTED; i++) {
        enum component_id id = component_order[i];
        const struct component *c = &component_table[id];
        bool value = component_has_value(c->type);

        jb_json_object(j);
        jb_json_kint(j, "id", id);
        jb_json_ktext(j, "type", component_type_name(c->type));
        put_props(&m, id, c);
        jb_json_kbool(j, "skip_api", !value);
        jb_json_knull(j, "component_class_id");
        jb_json_knull(j, "key");
        if (value) {
            static const char *const keys[] = {"api_info", "api_info_as_input",
                                               "api_info_as_output"};

            for (size_t k = 0; k < 3; k++) {
                jb_json_key(j, keys[k]);
                schema_put(j, c, site->choices);
            }
            jb_json_key(j, "example_inputs");
            schema_put_example(j, c, site->choices);
        }
        jb_json_end(j);
    }
    jb_json_end(j);
}
