/* SPDX-License-Identifier: Apache-2.0 */
/* What the export task puts into its folder. */
#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/export_work.h"
#include "queue/publish.h"
#include "store/export.h"

#define LIST_EVERY (1000 * 1000) /* between two writings of model_infos.json */

static struct jb_log_limit complaints;

int
export_failed(struct work *w, int rc)
{
    return jb_fail(w->err, rc, "%s",
                   store_txn_error(w->txn) ? store_txn_reason(w->txn)->text : jb_strerror(rc));
}

/* The bytes of one file into t->out. 1: it has none. */
static int
make_bytes(struct work *w, enum export_layout layout, uint64_t id)
{
    struct export_task *t = w->t;
    struct request request;
    struct result result;
    struct jb_error why = {0};
    int rc;

    jb_buf_reset(&t->out);
    if (layout == EXPORT_REQUESTS) {
        rc = store_request_get(w->txn, id, t->records, &request);
        if (rc)
            return rc == JB_ENOENT ? 1 : export_failed(w, rc);
        rc = export_request_write(w->txn, &request, t->records, &why, &t->out);
        if (rc == JB_EUNPROC || rc == JB_EPARSE || rc == JB_ETOOBIG) {
            jb_log_limited(&complaints, JB_LOG_WARNING, "export: %s: %s", request.model,
                           why.text);
            return 1;
        }
        return rc ? jb_fail(w->err, rc, "%s", why.text) : 0;
    }
    rc = store_result_get(w->txn, id, t->records, &result);
    if (rc || !result.doc.n)
        return rc && rc != JB_ENOENT ? export_failed(w, rc) : 1;
    jb_buf_str(&t->out, result.doc);
    return t->out.err ? jb_fail(w->err, t->out.err, "%s", jb_strerror(t->out.err)) : 0;
}

/* What lies in the way of one name is told, and the rest goes on. */
static int
put_file(struct work *w, const char *file, bool *ret_there)
{
    enum folder_outcome outcome;
    struct jb_error why = {0};
    int rc = folder_write(w->t->folder, file, jb_buf_view(&w->t->out), &why, &outcome);

    *ret_there = !rc;
    if (rc == JB_EINVAL) {
        jb_log_limited(&complaints, JB_LOG_WARNING, "export: %s: %s", file, why.text);
        return 0;
    }
    if (rc)
        return jb_fail(w->err, rc, "%s", why.text);
    w->t->written += outcome != FOLDER_SAME;
    return 0;
}

static int
drop_file(void *ctx, const char *file)
{
    struct work *w = ctx;
    struct jb_error why = {0};
    int rc = folder_delete(w->t->folder, file, &why);

    if (rc == JB_EINVAL)
        jb_log_limited(&complaints, JB_LOG_WARNING, "export: %s: %s", file, why.text);
    else if (rc)
        return jb_fail(w->err, rc, "%s", why.text);
    else
        w->t->removed++;
    return 0;
}

static int
write_group(struct work *w, struct export_group *group, struct jb_arena *names)
{
    struct export_file *files;
    size_t n, kept = 0;
    int rc = export_group_files(group, names, &files, &n);

    if (rc)
        return jb_fail(w->err, rc, "out of memory");
    for (size_t i = 0; !rc && i < n; i++) {
        bool there = false;

        rc = make_bytes(w, export_group_layout(group), files[i].id);
        if (!rc)
            rc = put_file(w, files[i].file, &there);
        else if (rc == 1)
            rc = 0;
        if (there)
            files[kept++] = files[i];
        jb_arena_reset(w->t->records);
    }
    if (!rc)
        rc = export_group_gone(w->t->index, group, files, kept, drop_file, w);
    if (!rc)
        rc = export_group_done(w->t->index, group, files, kept);
    return rc ? jb_fail(w->err, rc, "%s", jb_strerror(rc)) : 0;
}

int
export_write_lists(struct work *w)
{
    struct export_task *t = w->t;

    if (t->models_after > w->now + LIST_EVERY) /* the clock was set back */
        t->models_after = 0;
    for (int list = 0; list < EXPORT_LISTS; list++) {
        bool there;
        int rc;

        if (!(t->lists & 1u << list) || (list == EXPORT_MODELS && w->now < t->models_after))
            continue;
        jb_buf_reset(&t->out);
        rc = export_list_write(w->txn, (enum export_list)list, &w->rule, t->records, w->err,
                               &t->out);
        if (!rc)
            rc = put_file(w, export_list_file((enum export_list)list), &there);
        if (rc)
            return rc;
        t->lists &= ~(1u << list);
        if (list == EXPORT_MODELS)
            t->models_after = w->now + LIST_EVERY;
    }
    return 0;
}

int
export_write_groups(struct work *w)
{
    struct jb_arena *names = jb_arena_new((size_t)64 << 20);
    struct export_group *group;
    int rc = names ? 0 : jb_fail(w->err, JB_ENOMEM, "out of memory");

    while (!rc && (group = export_index_next(w->t->index)) && jb_monotonic_ms() < w->deadline) {
        rc = write_group(w, group, names);
        jb_arena_reset(names);
    }
    jb_arena_free(names);
    return rc;
}
