/* SPDX-License-Identifier: Apache-2.0 */
/* One config for the front ends and clients of 4.x to 6.x: the form of 6.x with the keys of 4.x
 * beside it. The 6.x front end needs `page`; the 4.x one reads past it. */
#include "gradio/parts.h"

#include "base/text.h"
#include "gradio/components.h"
#include "gradio/functions.h"
#include "gradio/version.h"
#include "views/layout.h"

#include <inttypes.h>
#include <stdio.h>

/* The name column stands in the visible table for clients; people do not need to see it. What a
 * submission waits for lies over the answer, which is empty then: without room nothing of it is
 * seen. The colours of the answer, which clients read, are too faint on one of the grounds. */
#define CSS                                                                                    \
    "#leaderboard-table th:last-child, #leaderboard-table td:last-child { display: none; } "   \
    "#citation-button textarea { font-family: ui-monospace, monospace; } "                     \
    "#space-title h1 { text-align: center; } "                                                 \
    "#submit-answer:has(.progress-level) { min-height: 6rem; } "                               \
    "#submit-answer p[style*=\"color: orange\"] { color: #a65300 !important; } "               \
    ".dark #submit-answer p[style*=\"color: orange\"] { color: #ffb454 !important; } "         \
    "#submit-answer p[style*=\"color: red\"] { color: #c4201d !important; } "                  \
    ".dark #submit-answer p[style*=\"color: red\"] { color: #ff7b72 !important; } "            \
    ".dark #submit-answer p[style*=\"color: green\"] { color: #6cc47f !important; }"

static void
raw(struct jb_json *j, const char *key, const char *json)
{
    jb_json_key(j, key);
    jb_json_raw(j, jb_str(json));
}

static void
put_node(struct jb_json *j, enum component_id id)
{
    bool open = false;

    jb_json_object(j);
    jb_json_kint(j, "id", id);
    for (int child = id + 1; child < C_MAX; child++) {
        if (component_table[child].parent != id)
            continue;
        if (!open) {
            jb_json_key(j, "children");
            jb_json_array(j);
            open = true;
        }
        put_node(j, (enum component_id)child);
    }
    if (open)
        jb_json_end(j);
    jb_json_end(j);
}

static void
put_dependency(struct jb_json *j, int index)
{
    const struct gradio_function *f = &gradio_functions[index];

    jb_json_object(j);
    jb_json_kint(j, "id", index);
    jb_json_key(j, "targets");
    jb_json_array(j);
    if (f->event) {
        jb_json_array(j);
        jb_json_int(j, f->target);
        jb_json_text(j, f->event);
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_key(j, "inputs");
    jb_json_array(j);
    for (size_t i = 0; i < f->n_inputs; i++)
        jb_json_int(j, f->inputs[i].component);
    jb_json_end(j);
    jb_json_key(j, "outputs");
    jb_json_array(j);
    for (size_t i = 0; i < f->n_outputs; i++)
        jb_json_int(j, f->outputs[i]);
    jb_json_end(j);
    jb_json_kbool(j, "backend_fn", true);
    jb_json_knull(j, "js"); /* never any: the policy forbids to run it */
    jb_json_kbool(j, "queue", true);
    jb_json_ktext(j, "api_name", f->api_name);
    jb_json_ktext(j, "api_description", f->description);
    jb_json_kbool(j, "scroll_to_output", false);
    jb_json_ktext(j, "show_progress", f->kind == FUNCTION_LOAD_QUERY ? "hidden" : "minimal");
    jb_json_knull(j, "show_progress_on");
    jb_json_kbool(j, "batch", false);
    jb_json_kint(j, "max_batch_size", 4);
    raw(j, "cancels", "[]");
    raw(j, "types", "{\"generator\":false,\"cancel\":false}");
    jb_json_kbool(j, "collects_event_data", false);
    jb_json_knull(j, "trigger_after");
    jb_json_kbool(j, "trigger_only_on_success", false);
    jb_json_kbool(j, "trigger_only_on_failure", false);
    jb_json_ktext(j, "trigger_mode", f->trigger_mode);
    jb_json_kbool(j, "show_api", true);
    jb_json_ktext(j, "api_visibility", "public");
    jb_json_kbool(j, "zerogpu", false);
    jb_json_knull(j, "rendered_in");
    jb_json_knull(j, "render_id");
    jb_json_ktext(j, "connection", "sse");
    jb_json_knull(j, "time_limit");
    raw(j, "stream_every", "0.5");
    jb_json_knull(j, "event_specific_args");
    raw(j, "component_prop_inputs", "[]");
    jb_json_knull(j, "js_implementation");
    jb_json_end(j);
}

/* The cache buster of /theme.css. */
static const char *
theme_hash(void)
{
    const struct asset *theme = asset_find("theme.css");

    return theme ? theme->path : "none";
}

static void
put_page(struct jb_json *j)
{
    jb_json_key(j, "page");
    jb_json_object(j);
    jb_json_key(j, "");
    jb_json_object(j);
    jb_json_key(j, "layout");
    put_node(j, C_ROOT);
    jb_json_key(j, "components");
    jb_json_array(j);
    for (size_t i = 0; i < COMPONENTS_LISTED; i++)
        jb_json_int(j, component_order[i]);
    jb_json_end(j);
    jb_json_key(j, "dependencies");
    jb_json_array(j);
    for (int i = 0; i < GRADIO_FUNCTIONS; i++)
        jb_json_int(j, i);
    jb_json_end(j);
    jb_json_end(j);
    jb_json_end(j);
}

int
config_put(const struct gradio_site *site, const struct conf *conf, const struct texts *texts,
           struct jb_buf *out, struct jb_error *err)
{
    const struct board_config *board = board_config_of(site->board);
    struct jb_json j;
    char app_id[32];
    int rc;

    snprintf(app_id, sizeof(app_id), "%" PRIu64, site->app_id);
    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_ktext(&j, "version", GRADIO_VERSION);
    jb_json_ktext(&j, "api_prefix", GRADIO_API_PREFIX);
    jb_json_ktext(&j, "mode", "blocks");
    raw(&j, "app_id", app_id);
    jb_json_kbool(&j, "dev_mode", false);
    jb_json_kbool(&j, "vibe_mode", false);
    jb_json_kbool(&j, "analytics_enabled", false);
    jb_json_key(&j, "components");
    config_put_components(site, conf, texts, &j);
    jb_json_ktext(&j, "css", CSS);
    jb_json_kbool(&j, "connect_heartbeat", false);
    jb_json_knull(&j, "js");
    jb_json_knull(&j, "head");
    jb_json_ktext(&j, "title", board->title && *board->title ? board->title : conf->site.title);
    jb_json_knull(&j, "space_id");
    jb_json_kbool(&j, "enable_queue", true);
    jb_json_kbool(&j, "show_error", conf->gradio.show_error);
    jb_json_kbool(&j, "show_api", true);
    raw(&j, "footer_links", "[\"api\",\"gradio\",\"settings\"]");
    jb_json_kbool(&j, "run_history", false);
    jb_json_kbool(&j, "is_colab", false);
    jb_json_knull(&j, "max_file_size");
    raw(&j, "stylesheets", "[]");
    jb_json_ktext(&j, "theme", "default");
    jb_json_ktext(&j, "protocol", GRADIO_PROTOCOL);
    raw(&j, "body_css",
        "{\"body_background_fill\":\"white\",\"body_text_color\":\"#27272a\","
        "\"body_background_fill_dark\":\"#0f0f11\",\"body_text_color_dark\":\"#f4f4f5\"}");
    jb_json_kbool(&j, "fill_height", false);
    jb_json_kbool(&j, "fill_width", true);
    jb_json_ktext(&j, "theme_hash", theme_hash());
    jb_json_key(&j, "layout");
    put_node(&j, C_ROOT);
    jb_json_key(&j, "dependencies");
    jb_json_array(&j);
    for (int i = 0; i < GRADIO_FUNCTIONS; i++)
        put_dependency(&j, i);
    jb_json_end(&j);
    jb_json_knull(&j, "username");
    jb_json_kbool(&j, "pwa", false);
    raw(&j, "pages", "[[\"\",\"Home\",true]]");
    put_page(&j);
    jb_json_kbool(&j, "mcp_server", false);
    jb_json_knull(&j, "i18n_translations");
    jb_json_ktext(&j, "current_page", "");
    jb_json_ktext(&j, "deep_link_state", "none");
    jb_json_end(&j);
    rc = jb_json_finish(&j);
    if (rc)
        return jb_fail(err, rc, "the config cannot be made");
    out->n--; /* the caller adds the root and closes the object */
    return 0;
}
