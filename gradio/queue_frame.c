/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/parts.h"

#include "base/text.h"

#include <inttypes.h>

const char *const queue_frame_headers[QUEUE_FRAME_COLUMNS] = {
    "model", "revision", "private", "precision", "weight_type", "status", "reason", "attempts"};
const char *const queue_frame_types[QUEUE_FRAME_COLUMNS] = {
    "markdown", "str", "bool", "str", "str", "str", "str", "number"};

size_t
queue_frame_columns(enum queue_table table)
{
    return table == QUEUE_TABLE_FAILED || table == QUEUE_TABLE_CANCELLED ? 8 : 6;
}

/* Scrapers read the name from between the tags of the anchor. */
static void
put_anchor(struct jb_json *j, struct jb_buf *scratch, const char *mount,
           const struct queue_entry *e)
{
    jb_buf_reset(scratch);
    jb_buf_puts(scratch, "<a target=\"_blank\" href=\"");
    jb_put_html(scratch, jb_str(mount));
    jb_buf_printf(scratch,
                  "/requests/%" PRIu64
                  "\" style=\"color: var(--link-text-color); text-decoration: underline;"
                  "text-decoration-style: dotted;\">",
                  e->id);
    jb_put_html(scratch, e->model);
    jb_buf_puts(scratch, "</a>");
    if (scratch->err && !j->out->err)
        j->out->err = scratch->err;
    jb_json_str(j, jb_buf_view(scratch));
}

/* The class in both languages and what exactly happened; plain text, which the front end shows
 * as it is. */
static void
put_reason(struct jb_json *j, struct jb_buf *scratch, const struct queue_entry *e)
{
    const struct queue_failure_class *c = queue_failure_class(e->failure);

    jb_buf_reset(scratch);
    if (c->zh[0])
        jb_buf_printf(scratch, "%s · %s", c->zh, c->en);
    else if (e->same_as)
        jb_buf_printf(scratch, "重复提交 · duplicate of request %" PRIu64, e->same_as);
    if (e->reason.n && scratch->n)
        jb_buf_puts(scratch, ": ");
    jb_buf_str(scratch, e->reason);
    if (scratch->err && !j->out->err)
        j->out->err = scratch->err;
    jb_json_str(j, jb_buf_view(scratch));
}

void
queue_frame_put(const struct queue_lists *lists, enum queue_table table, size_t max,
                const char *mount, struct jb_json *j)
{
    size_t n = 0, columns = queue_frame_columns(table);
    const struct queue_entry *entries = queue_lists_table(lists, table, &n);
    struct jb_buf scratch = JB_BUF(64 << 10);

    jb_json_object(j);
    jb_json_key(j, "headers");
    jb_json_array(j);
    for (size_t i = 0; i < columns; i++)
        jb_json_text(j, queue_frame_headers[i]);
    jb_json_end(j);
    jb_json_key(j, "data");
    jb_json_array(j);
    for (size_t i = 0; i < n && i < max; i++) {
        jb_json_array(j);
        put_anchor(j, &scratch, mount, &entries[i]);
        jb_json_str(j, entries[i].revision);
        jb_json_bool(j, entries[i].private_);
        jb_json_str(j, entries[i].precision);
        jb_json_str(j, entries[i].weight_type);
        jb_json_str(j, entries[i].status);
        if (columns > 6) {
            put_reason(j, &scratch, &entries[i]);
            jb_json_int(j, (int64_t)entries[i].attempts);
        }
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_knull(j, "metadata");
    jb_json_end(j);
    jb_buf_free(&scratch);
}
