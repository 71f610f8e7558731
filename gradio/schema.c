/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/schema.h"

#define DATAFRAME_SCHEMA                                                                       \
    "{\"properties\":{\"headers\":{\"items\":{},\"title\":\"Headers\",\"type\":\"array\"},"    \
    "\"data\":{\"items\":{\"items\":{},\"type\":\"array\"},\"title\":\"Data\",\"type\":"       \
    "\"array\"},\"metadata\":{\"anyOf\":[{\"additionalProperties\":{\"anyOf\":[{\"items\":"    \
    "{},\"type\":\"array\"},{\"type\":\"null\"}]},\"type\":\"object\"},{\"type\":\"null\"}],"  \
    "\"default\":null,\"title\":\"Metadata\"}},\"required\":[\"headers\",\"data\"],"           \
    "\"title\":\"DataframeData\",\"type\":\"object\",\"additional_description\":null}"
#define DATAFRAME_PYTHON                                                                       \
    "dict(headers: list[Any], data: list[list[Any]], metadata: dict(str, list[Any] | None) | " \
    "None)"

#define PLOT_SCHEMA                                                                            \
    "{\"properties\":{\"type\":{\"enum\":[\"altair\",\"bokeh\",\"plotly\",\"matplotlib\"],"    \
    "\"title\":\"Type\",\"type\":\"string\"},\"plot\":{\"title\":\"Plot\",\"type\":"           \
    "\"string\"}},"                                                                            \
    "\"required\":[\"type\",\"plot\"],\"title\":\"PlotData\",\"type\":\"object\","             \
    "\"additional_description\":null}"
#define PLOT_PYTHON "dict(type: Literal['altair', 'bokeh', 'plotly', 'matplotlib'], plot: str)"

static void
put_enum(struct jb_json *j, const struct choices *set)
{
    jb_json_key(j, "enum");
    jb_json_array(j);
    for (size_t i = 0; i < set->n; i++)
        jb_json_str(j, set->items[i].text);
    jb_json_end(j);
}

void
schema_put(struct jb_json *j, const struct component *c, const struct choices *sets)
{
    switch (c->type) {
    case TYPE_DATAFRAME: jb_json_raw(j, JB_STR(DATAFRAME_SCHEMA)); return;
    case TYPE_PLOT: jb_json_raw(j, JB_STR(PLOT_SCHEMA)); return;
    case TYPE_CHECKBOX: jb_json_raw(j, JB_STR("{\"type\":\"boolean\"}")); return;
    case TYPE_CHECKBOXGROUP:
        jb_json_object(j);
        jb_json_key(j, "items");
        jb_json_object(j);
        put_enum(j, &sets[c->choices]);
        jb_json_ktext(j, "type", "string");
        jb_json_end(j);
        jb_json_ktext(j, "title", "Checkbox Group");
        jb_json_ktext(j, "type", "array");
        jb_json_end(j);
        return;
    case TYPE_DROPDOWN:
        jb_json_object(j);
        jb_json_ktext(j, "type", "string");
        put_enum(j, &sets[c->choices]);
        jb_json_end(j);
        return;
    default: jb_json_raw(j, JB_STR("{\"type\":\"string\"}")); return;
    }
}

void
schema_put_python(struct jb_json *j, const struct component *c, const struct choices *sets)
{
    struct jb_buf text = JB_BUF(64 << 10);
    const char *close = "";

    switch (c->type) {
    case TYPE_DATAFRAME: jb_buf_puts(&text, DATAFRAME_PYTHON); break;
    case TYPE_PLOT: jb_buf_puts(&text, PLOT_PYTHON); break;
    case TYPE_CHECKBOX: jb_buf_puts(&text, "bool"); break;
    case TYPE_CHECKBOXGROUP:
        jb_buf_puts(&text, "list[Literal[");
        close = "]]";
        break;
    case TYPE_DROPDOWN:
        jb_buf_puts(&text, "Literal[");
        close = "]";
        break;
    default: jb_buf_puts(&text, "str"); break;
    }
    if (c->choices)
        choices_put_python(&sets[c->choices], &text);
    jb_buf_puts(&text, close);
    if (text.err && !j->out->err)
        j->out->err = text.err;
    jb_json_object(j);
    jb_json_kstr(j, "type", jb_buf_view(&text));
    jb_json_ktext(j, "description", "");
    jb_json_end(j);
    jb_buf_free(&text);
}

void
schema_put_example(struct jb_json *j, const struct component *c, const struct choices *sets)
{
    const struct choices *set = &sets[c->choices];

    switch (c->type) {
    case TYPE_DATAFRAME:
        jb_json_raw(j, JB_STR("{\"headers\":[\"a\",\"b\"],\"data\":[[\"foo\",\"bar\"]]}"));
        return;
    case TYPE_PLOT: jb_json_null(j); return;
    case TYPE_CHECKBOX: jb_json_bool(j, true); return;
    case TYPE_CHECKBOXGROUP:
        jb_json_array(j);
        if (set->n)
            jb_json_str(j, set->items[0].text);
        jb_json_end(j);
        return;
    case TYPE_DROPDOWN:
        if (set->n)
            jb_json_str(j, set->items[0].text);
        else
            jb_json_null(j);
        return;
    case TYPE_MARKDOWN: jb_json_text(j, "# Hello!"); return;
    default: jb_json_text(j, "Hello!!"); return;
    }
}

bool
schema_put_preset(struct jb_json *j, const struct component *c, const struct choices *sets)
{
    const struct choices *set = &sets[c->choices];

    switch (c->type) {
    case TYPE_CHECKBOX: jb_json_bool(j, false); return true;
    case TYPE_CHECKBOXGROUP:
        jb_json_array(j);
        for (size_t i = 0; i < set->n; i++)
            if (set->items[i].ticked)
                jb_json_str(j, set->items[i].text);
        jb_json_end(j);
        return true;
    case TYPE_DROPDOWN:
        for (size_t i = 0; i < set->n; i++)
            if (set->items[i].ticked) {
                jb_json_str(j, set->items[i].text);
                return true;
            }
        return false;
    default: return false;
    }
}
