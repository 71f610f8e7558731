/* SPDX-License-Identifier: Apache-2.0 */
#include "store/document.h"
#include "store/import_run.h"
#include "store/job.h"

#include <string.h>

struct requests {
    const char *dir;
    const struct import_sink *sink;
    struct import_list list;
};

static int
read_request(void *ctx, size_t i, struct jb_arena *arena, struct jb_error *err,
             const char **ret_path, void **ret_record)
{
    struct requests *all = ctx;
    struct request *r = jb_arena_alloc(arena, sizeof(*r));
    struct jb_str bytes;
    int rc;

    *ret_path = all->list.paths[i];
    if (!r)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = import_file_read(all->dir, *ret_path, DOCUMENT_REQUEST_MAX, arena, err, &bytes);
    if (!rc)
        rc = document_request_read(bytes, *ret_path, arena, err, r);
    if (!rc)
        rc = store_request_check(r, err);
    if (rc)
        return rc;
    *ret_record = r;
    return 0;
}

static bool
same_bytes(struct jb_str a, struct jb_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Is the file what was imported once, or what an export would write? Then it says nothing new,
 * whatever happened to the request since. */
static int
known_already(struct store_txn *txn, const struct request *stored, const struct request *r,
              struct jb_arena *arena, struct jb_error *err, bool *ret_known)
{
    struct jb_buf out = JB_BUF(DOCUMENT_REQUEST_MAX * 2);
    struct job job = {0};
    int rc;

    if (stored->doc.n && same_bytes(stored->doc, r->doc)) {
        *ret_known = true;
        return 0;
    }
    rc = store_job_get(txn, stored->id, arena, &job);
    if (rc && rc != JB_ENOENT)
        return rc;
    rc = document_request_write(stored, job.started, arena, err, &out);
    *ret_known = !rc && same_bytes(jb_buf_view(&out), r->doc);
    jb_buf_free(&out);
    return rc;
}

static int
put_request(void *ctx, struct store_txn *txn, void *record, struct jb_arena *arena,
            struct jb_error *err, enum store_outcome *ret_outcome)
{
    struct requests *all = ctx;
    struct request *r = record, stored;
    bool known;
    int rc;

    rc = store_request_find(txn, r->model, r->revision, r->precision, r->weight_type, arena,
                            &stored);
    if (rc == JB_ENOENT)
        return store_request_put(txn, r, ret_outcome);
    if (rc)
        return rc;
    rc = known_already(txn, &stored, r, arena, err, &known);
    if (rc)
        return rc;
    if (known) {
        *ret_outcome = STORE_SAME;
        return 0;
    }
    /* Two files of one folder tell of the same request: the one that was submitted later
     * counts, whichever comes first, so that a second import finds nothing to change. */
    if (stored.path[0] && strcmp(stored.path, r->path) != 0 &&
        import_list_has(&all->list, stored.path) && r->submitted <= stored.submitted) {
        import_problem(all->sink, r->path, "the same request as %s, which is kept",
                       stored.path);
        *ret_outcome = STORE_SAME;
        return 0;
    }
    r->id = 0;
    return store_request_put(txn, r, ret_outcome);
}

int
import_requests(struct store *store, const char *dir, const char *actor,
                const struct import_sink *sink, struct jb_error *err,
                struct import_counts *ret_counts)
{
    struct requests all = {.dir = dir, .sink = sink};
    struct import_work work = {.store = store,
                               .actor = actor,
                               .sink = sink,
                               .ctx = &all,
                               .read = read_request,
                               .put = put_request};
    int rc;

    rc = import_list_read(dir, ".json", sink, err, &all.list);
    if (rc)
        return rc;
    work.n = all.list.n;
    rc = import_work_run(&work, err, ret_counts);
    import_list_free(&all.list);
    return rc;
}
