/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/parts.h"

#include "base/text.h"

const char *const queue_frame_headers[QUEUE_FRAME_COLUMNS] = {
    "model", "revision", "private", "precision", "weight_type", "status"};
const char *const queue_frame_types[QUEUE_FRAME_COLUMNS] = {"markdown", "str", "bool",
                                                            "str",      "str", "str"};

/* Scrapers read the name from between the tags of the anchor. */
static void
put_anchor(struct jb_json *j, struct jb_buf *scratch, const char *hub_url, struct jb_str model)
{
    struct jb_buf url = JB_BUF(16 << 10);

    jb_buf_puts(&url, hub_url);
    jb_buf_putc(&url, '/');
    jb_put_url_path(&url, model);
    jb_buf_reset(scratch);
    jb_buf_puts(scratch, "<a target=\"_blank\" href=\"");
    jb_put_html(scratch, jb_buf_view(&url));
    jb_buf_puts(scratch, "\" style=\"color: var(--link-text-color); text-decoration: underline;"
                         "text-decoration-style: dotted;\">");
    jb_put_html(scratch, model);
    jb_buf_puts(scratch, "</a>");
    if ((url.err || scratch->err) && !j->out->err)
        j->out->err = url.err ? url.err : scratch->err;
    jb_json_str(j, jb_buf_view(scratch));
    jb_buf_free(&url);
}

void
queue_frame_put(const struct queue_lists *lists, enum queue_table table, size_t max,
                const char *hub_url, struct jb_json *j)
{
    size_t n = 0;
    const struct queue_entry *entries = queue_lists_table(lists, table, &n);
    struct jb_buf scratch = JB_BUF(64 << 10);

    jb_json_object(j);
    jb_json_key(j, "headers");
    jb_json_array(j);
    for (size_t i = 0; i < QUEUE_FRAME_COLUMNS; i++)
        jb_json_text(j, queue_frame_headers[i]);
    jb_json_end(j);
    jb_json_key(j, "data");
    jb_json_array(j);
    for (size_t i = 0; i < n && i < max; i++) {
        jb_json_array(j);
        put_anchor(j, &scratch, hub_url, entries[i].model);
        jb_json_str(j, entries[i].revision);
        jb_json_bool(j, entries[i].private_);
        jb_json_str(j, entries[i].precision);
        jb_json_str(j, entries[i].weight_type);
        jb_json_str(j, entries[i].status);
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_knull(j, "metadata");
    jb_json_end(j);
    jb_buf_free(&scratch);
}
