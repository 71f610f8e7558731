/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/parts.h"

#include "gradio/functions.h"
#include "gradio/schema.h"

#include <stdio.h>

static void
put_label(struct jb_json *j, const char *word, enum component_id id)
{
    char label[64];

    if (component_table[id].label) {
        jb_json_ktext(j, "label", component_table[id].label);
        return;
    }
    snprintf(label, sizeof(label), "%s_%d", word, (int)id);
    jb_json_ktext(j, "label", label);
}

static void
put_kind(struct jb_json *j, const struct gradio_site *site, const struct component *c)
{
    jb_json_key(j, "type");
    schema_put(j, c, site->choices);
    jb_json_key(j, "python_type");
    schema_put_python(j, c, site->choices);
    jb_json_ktext(j, "component", component_class_name(c->type));
}

/* The default as JSON; a dropdown without a ticked choice has none, nor has the model's name.
 */
static void
put_default(struct jb_json *j, const struct gradio_site *site, const struct function_input *in)
{
    const struct component *c = &component_table[in->component];
    bool has = in->preset || c->type == TYPE_CHECKBOX || c->type == TYPE_CHECKBOXGROUP ||
               (c->type == TYPE_DROPDOWN && site->choices[c->choices].ticked);

    jb_json_kbool(j, "parameter_has_default", has);
    jb_json_key(j, "parameter_default");
    if (in->preset)
        jb_json_raw(j, jb_str(in->preset));
    else if (!has || !schema_put_preset(j, c, site->choices))
        jb_json_null(j);
}

/* The 6.x front end shows empty boxes without these. The body is the same for every host, so
 * the address is the reader's to fill in. */
static void
put_snippets(struct jb_json *j, const struct gradio_function *f)
{
    struct jb_buf b = JB_BUF(4096);

    jb_json_key(j, "code_snippets");
    jb_json_object(j);
    jb_buf_printf(&b,
                  "from gradio_client import Client\n\nclient = Client(\"<address of this "
                  "page>\")\nresult = client.predict(api_name=\"/%s\")\nprint(result)",
                  f->api_name);
    jb_json_kstr(j, "python", jb_buf_view(&b));
    jb_buf_reset(&b);
    jb_buf_printf(&b,
                  "import { Client } from \"@gradio/client\";\n\nconst client = await "
                  "Client.connect(\"<address of this page>\");\nconst result = await "
                  "client.predict(\"/%s\", {});\nconsole.log(result.data);",
                  f->api_name);
    jb_json_kstr(j, "javascript", jb_buf_view(&b));
    jb_buf_reset(&b);
    jb_buf_printf(&b,
                  "curl -s -X POST <address of this page>/gradio_api/call/v2/%s "
                  "-H 'Content-Type: application/json' -d '{}'\n"
                  "curl -N <address of this page>/gradio_api/call/%s/<event_id>",
                  f->api_name, f->api_name);
    jb_json_kstr(j, "bash", jb_buf_view(&b));
    jb_buf_reset(&b);
    jb_buf_printf(&b, "gradio predict <address of this page> /%s '{}'", f->api_name);
    jb_json_kstr(j, "cli", jb_buf_view(&b));
    jb_json_end(j);
    jb_buf_free(&b);
}

static void
put_function(struct jb_json *j, const struct gradio_site *site, const struct gradio_function *f)
{
    char name[64];

    snprintf(name, sizeof(name), "/%s", f->api_name);
    jb_json_key(j, name);
    jb_json_object(j);
    jb_json_key(j, "parameters");
    jb_json_array(j);
    for (size_t i = 0; i < f->n_inputs; i++) {
        const struct function_input *in = &f->inputs[i];
        const struct component *c = &component_table[in->component];

        jb_json_object(j);
        put_label(j, "parameter", in->component);
        jb_json_ktext(j, "parameter_name", in->name);
        put_default(j, site, in);
        put_kind(j, site, c);
        jb_json_key(j, "example_input");
        schema_put_example(j, c, site->choices);
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_key(j, "returns");
    jb_json_array(j);
    for (size_t i = 0; i < f->n_outputs; i++) {
        jb_json_object(j);
        put_label(j, "value", f->outputs[i]);
        put_kind(j, site, &component_table[f->outputs[i]]);
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_kbool(j, "show_api", true);
    jb_json_ktext(j, "api_visibility", "public");
    jb_json_ktext(j, "description", f->description);
    put_snippets(j, f);
    jb_json_end(j);
}

int
info_put(const struct gradio_site *site, struct jb_buf *out, struct jb_error *err)
{
    struct jb_json j;
    int rc;

    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_key(&j, "named_endpoints");
    jb_json_object(&j);
    for (int i = 0; i < GRADIO_FUNCTIONS; i++)
        put_function(&j, site, &gradio_functions[i]);
    jb_json_end(&j);
    jb_json_key(&j, "unnamed_endpoints");
    jb_json_object(&j);
    jb_json_end(&j);
    jb_json_end(&j);
    rc = jb_json_finish(&j);
    return rc ? jb_fail(err, rc, "the API info cannot be made") : 0;
}
