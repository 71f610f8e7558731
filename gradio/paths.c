/* SPDX-License-Identifier: Apache-2.0 */
/* The functions as paths of an OpenAPI document: /call, which answers at once with the id of an
 * event and then streams it, and /run, which answers with the result. */
#include "gradio/parts.h"

#include "gradio/components.h"
#include "gradio/functions.h"
#include "gradio/schema.h"

#include <stdio.h>

/* {"data":[…]} with the arguments in their order. */
static void
put_body(const struct gradio_site *site, const struct gradio_function *f, struct jb_json *j)
{
    static const char *const levels[] = {"content", "application/json", "schema", NULL};

    jb_json_key(j, "requestBody");
    jb_json_object(j);
    jb_json_kbool(j, "required", true);
    for (size_t i = 0; levels[i]; i++) {
        jb_json_key(j, levels[i]);
        jb_json_object(j);
    }
    jb_json_ktext(j, "type", "object");
    jb_json_key(j, "required");
    jb_json_raw(j, JB_STR("[\"data\"]"));
    jb_json_key(j, "properties");
    jb_json_object(j);
    jb_json_key(j, "data");
    jb_json_object(j);
    jb_json_ktext(j, "type", "array");
    if (f->n_inputs) {
        jb_json_key(j, "prefixItems");
        jb_json_array(j);
        for (size_t i = 0; i < f->n_inputs; i++) {
            const struct component *c = &component_table[f->inputs[i].component];

            jb_json_object(j);
            jb_json_ktext(j, "title", f->inputs[i].name);
            jb_json_key(j, "anyOf");
            jb_json_array(j);
            schema_put(j, c, site->choices);
            jb_json_raw(j, JB_STR("{\"type\":\"null\"}"));
            jb_json_end(j);
            jb_json_end(j);
        }
        jb_json_end(j);
    }
    for (int open = 0; open < 6; open++)
        jb_json_end(j);
}

static void
put_operation(const struct gradio_function *f, const char *how, const char *responses,
              struct jb_json *j)
{
    char id[64];

    snprintf(id, sizeof(id), "%s_%s", how, f->api_name);
    jb_json_ktext(j, "operationId", id);
    jb_json_ktext(j, "summary", f->description);
    jb_json_key(j, "tags");
    jb_json_raw(j, JB_STR("[\"functions\"]"));
    jb_json_key(j, "responses");
    jb_json_raw(j, jb_str(responses));
}

static void
put_path(struct jb_json *j, const char *how, const char *name, const char *tail)
{
    char path[96];

    snprintf(path, sizeof(path), "/gradio_api/%s/%s%s", how, name, tail);
    jb_json_key(j, path);
    jb_json_object(j);
}

#define ERROR(status, text)                                                                    \
    "\"" status "\":{\"description\":\"" text                                                  \
    "\",\"content\":{\"application/json\":{\"schema\":{"                                       \
    "\"$ref\":\"#/components/schemas/Error\"}}}}"

static const char call_answers[] =
    "{\"200\":{\"description\":\"The event is registered; fetch its result.\",\"content\":{"
    "\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":[\"event_id\"],"
    "\"properties\":{\"event_id\":{\"type\":\"string\"}}}}}}," ERROR(
        "400", "The body is not what the function takes.") "," ERROR("503",
                                                                     "The queue is full.") "}";
static const char stream_answers[] =
    "{\"200\":{\"description\":\"Server-sent events: `event: complete` with the array of "
    "values "
    "as data, or `event: error`.\",\"content\":{\"text/event-stream\":{\"schema\":{"
    "\"type\":\"string\"}}}}}";
static const char run_answers[] =
    "{\"200\":{\"description\":\"The values.\",\"content\":{\"application/json\":{\"schema\":{"
    "\"type\":\"object\",\"required\":[\"data\"],\"properties\":{\"data\":{\"type\":\"array\"},"
    "\"is_generating\":{\"type\":\"boolean\"},\"duration\":{\"type\":\"number\"},"
    "\"average_duration\":{\"type\":\"number\"}}}}}}," ERROR(
        "400", "The body is not what the function takes.") "," ERROR("500", "The function "
                                                                            "failed.") "}";

void
gradio_site_put_paths(const struct gradio_site *site, struct jb_json *j)
{
    for (int i = 0; i < GRADIO_FUNCTIONS; i++) {
        const struct gradio_function *f = &gradio_functions[i];

        put_path(j, "call", f->api_name, "");
        jb_json_key(j, "post");
        jb_json_object(j);
        put_operation(f, "call", call_answers, j);
        put_body(site, f, j);
        jb_json_end(j);
        jb_json_end(j);

        put_path(j, "call", f->api_name, "/{event_id}");
        jb_json_key(j, "get");
        jb_json_object(j);
        put_operation(f, "result", stream_answers, j);
        jb_json_key(j, "parameters");
        jb_json_raw(j, JB_STR("[{\"name\":\"event_id\",\"in\":\"path\",\"required\":true,"
                              "\"schema\":{\"type\":\"string\"}}]"));
        jb_json_end(j);
        jb_json_end(j);

        put_path(j, "run", f->api_name, "");
        jb_json_key(j, "post");
        jb_json_object(j);
        put_operation(f, "run", run_answers, j);
        put_body(site, f, j);
        jb_json_end(j);
        jb_json_end(j);
    }
}
