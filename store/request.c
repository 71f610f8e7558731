/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/env.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int
text_differs(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") != 0;
}

static int
number_differs(double a, double b)
{
    return isnan(a) || isnan(b) ? isnan(a) != isnan(b) : a != b;
}

/* What the queue tables show. */
static bool
queue_differs(const struct request *a, const struct request *b)
{
    return text_differs(a->model, b->model) || text_differs(a->revision, b->revision) ||
           text_differs(a->precision, b->precision) ||
           text_differs(a->weight_type, b->weight_type) || text_differs(a->status, b->status) ||
           a->private_ != b->private_ || a->submitted != b->submitted;
}

/* What a row of the board takes from the request. */
static bool
board_differs(const struct request *a, const struct request *b)
{
    return queue_differs(a, b) || text_differs(a->base_model, b->base_model) ||
           text_differs(a->commit, b->commit) || text_differs(a->model_type, b->model_type) ||
           text_differs(a->architectures, b->architectures) ||
           text_differs(a->license, b->license) || number_differs(a->params, b->params) ||
           number_differs(a->likes, b->likes);
}

int
request_identity(struct store_txn *txn, const struct request *request,
                 struct store_key *ret_key)
{
    const char *parts[] = {request->model, request->revision, request->precision,
                           request->weight_type};

    return index_identity(txn, parts, sizeof parts / sizeof *parts, ret_key);
}

static int
request_read(struct store_txn *txn, uint64_t id, struct jb_str value, bool with_doc,
             struct jb_arena *arena, struct request *ret_request, uint64_t *ret_doc_n)
{
    struct request request;
    struct jb_error err = {0};
    uint64_t doc_n;
    int rc = request_decode(value, arena, &err, &request, &doc_n);

    if (rc)
        return store_txn_fail(txn, rc, "request/%llu: %s", (unsigned long long)id, err.text);
    request.id = id;
    if (with_doc) {
        struct store_key owner = {0}, key = {0};
        store_key_id(&owner, id);
        doc_key(&key, CODEC_REQUEST, store_key_view(&owner));
        rc = doc_get(txn, &key, doc_n, arena, &request.doc);
        if (rc) {
            jb_error_prefix(&txn->err, "request/%llu", (unsigned long long)id);
            return rc;
        }
    }
    *ret_request = request;
    if (ret_doc_n)
        *ret_doc_n = doc_n;
    return 0;
}

int
request_load(struct store_txn *txn, uint64_t id, bool with_doc, struct jb_arena *arena,
             struct request *ret_request, uint64_t *ret_doc_n, struct jb_str *ret_value)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, id);
    int rc = store_get(txn, DBI_REQUEST, &key, &value);
    if (rc)
        return rc;
    rc = request_read(txn, id, value, with_doc, arena, ret_request, ret_doc_n);
    if (!rc && ret_value)
        *ret_value = value;
    return rc;
}

void
request_title(const struct request *request, char ret_title[REQUEST_TITLE_SIZE])
{
    snprintf(ret_title, REQUEST_TITLE_SIZE, "%s %s %s %s", request->model,
             request->revision ? request->revision : "",
             request->precision ? request->precision : "",
             request->weight_type ? request->weight_type : "");
}

static int
request_log(struct store_txn *txn, uint64_t id, const struct request *old,
            const struct request *now, bool board, bool queue)
{
    static const struct request none = {.params = NAN, .likes = NAN};
    char title[REQUEST_TITLE_SIZE];
    struct difference d;

    request_title(now ? now : old, title);
    difference_begin(&d, txn, old != NULL, now != NULL);
    old = old ? old : &none;
    now = now ? now : &none;
    difference_text(&d, "model", old->model, now->model);
    difference_text(&d, "base_model", old->base_model, now->base_model);
    difference_text(&d, "revision", old->revision, now->revision);
    difference_text(&d, "commit", old->commit, now->commit);
    difference_text(&d, "precision", old->precision, now->precision);
    difference_text(&d, "weight_type", old->weight_type, now->weight_type);
    difference_text(&d, "status", old->status, now->status);
    difference_text(&d, "model_type", old->model_type, now->model_type);
    difference_text(&d, "architectures", old->architectures, now->architectures);
    difference_text(&d, "license", old->license, now->license);
    difference_text(&d, "job_id", old->job_id, now->job_id);
    difference_number(&d, "params", old->params, now->params);
    difference_number(&d, "likes", old->likes, now->likes);
    difference_truth(&d, "private", old->private_, now->private_);
    difference_time(&d, "submitted", old->submitted, now->submitted);
    difference_text(&d, "path", old->path, now->path);
    return store_changed(txn, "request", title, id, &d, board, queue);
}

int
store_request_put(struct store_txn *txn, struct request *request,
                  enum store_outcome *ret_outcome)
{
    struct store_key identity, old_identity, id_key = {0}, doc = {0};
    struct request old = {0};
    struct jb_str old_value = {0};
    uint64_t owner, id = request->id, old_doc_n = 0;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = store_request_check(request, &txn->err)) ||
        (rc = request_identity(txn, request, &identity)) ||
        (rc = index_find(txn, DBI_REQUEST_KEY, &identity, &owner)))
        return rc;
    if (id && owner && owner != id)
        return store_txn_fail(
            txn, JB_ECONFLICT, "request %llu of %s is the same as request %llu",
            (unsigned long long)id, request->model, (unsigned long long)owner);
    if (!id)
        id = owner;
    if (id) {
        struct jb_arena *scratch = store_txn_scratch(txn);
        if (!scratch)
            return txn->err.code;
        rc = request_load(txn, id, false, scratch, &old, &old_doc_n, &old_value);
        if (rc == JB_ENOENT)
            return store_txn_fail(txn, owner ? JB_ECORRUPT : JB_ENOENT,
                                  "there is no request %llu", (unsigned long long)id);
        if (rc || (rc = request_identity(txn, &old, &old_identity)))
            return rc;
    }
    bool is_new = id == 0;
    rc = request_encode(request, request->doc.n ? request->doc.n : old_doc_n, &txn->value);
    if (rc)
        return store_txn_fail(txn, rc, "request of %s: no memory", request->model);
    store_key_id(&id_key, id);
    doc_key(&doc, CODEC_REQUEST, store_key_view(&id_key));
    bool same_doc = request->doc.n == 0 || (!is_new && doc_same(txn, &doc, request->doc));
    if (!is_new && same_doc && jb_str_eq(old_value, jb_buf_view(&txn->value))) {
        request->id = id;
        *ret_outcome = STORE_SAME;
        return 0;
    }
    if (is_new) {
        if ((rc = store_meta_next(txn, META_REQUEST_ID, &id)))
            return rc;
        id_key = doc = (struct store_key){0};
        store_key_id(&id_key, id);
        doc_key(&doc, CODEC_REQUEST, store_key_view(&id_key));
    }
    bool moved =
        !is_new && !jb_str_eq(store_key_view(&identity), store_key_view(&old_identity));
    if (moved)
        index_delete(txn, DBI_REQUEST_KEY, DBI_REQUEST_MODEL, &old_identity, old.model, id);
    store_put(txn, DBI_REQUEST, &id_key, jb_buf_view(&txn->value));
    if (!same_doc)
        doc_put(txn, &doc, request->doc);
    if (is_new || moved)
        index_put(txn, DBI_REQUEST_KEY, DBI_REQUEST_MODEL, &identity, request->model, id);
    if (!is_new)
        claim_move(txn, &old, request);
    if ((rc = store_txn_error(txn)))
        return rc;

    bool board = (is_new || board_differs(&old, request)) &&
                 (index_has_results(txn, request->model) ||
                  (moved && index_has_results(txn, old.model)));
    bool queue = is_new || queue_differs(&old, request);
    if ((rc = request_log(txn, id, is_new ? NULL : &old, request, board, queue)))
        return rc;
    request->id = id;
    *ret_outcome = is_new ? STORE_NEW : STORE_CHANGED;
    return 0;
}

int
store_request_get(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
                  struct request *ret_request)
{
    return request_load(txn, id, true, arena, ret_request, NULL, NULL);
}

int
store_request_find(struct store_txn *txn, const char *model, const char *revision,
                   const char *precision, const char *weight_type, struct jb_arena *arena,
                   struct request *ret_request)
{
    const struct request wanted = {.model = model,
                                   .revision = revision,
                                   .precision = precision,
                                   .weight_type = weight_type};
    struct store_key identity;
    uint64_t id;
    int rc = store_txn_ready(txn, STORE_READ);

    /* What could not be stored is not there. */
    if (!rc && store_request_check(&wanted, NULL))
        return JB_ENOENT;
    if (rc || (rc = request_identity(txn, &wanted, &identity)) ||
        (rc = index_find(txn, DBI_REQUEST_KEY, &identity, &id)))
        return rc;
    if (!id)
        return JB_ENOENT;
    rc = store_request_get(txn, id, arena, ret_request);
    return rc == JB_ENOENT
               ? store_txn_fail(txn, JB_ECORRUPT,
                                "request_key names request %llu, which is not there",
                                (unsigned long long)id)
               : rc;
}

int
store_request_delete(struct store_txn *txn, uint64_t id)
{
    struct store_key identity, id_key = {0}, doc = {0};
    struct request old;
    struct jb_arena *scratch;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc)
        return rc;
    if (!(scratch = store_txn_scratch(txn)))
        return txn->err.code;
    if ((rc = request_load(txn, id, false, scratch, &old, NULL, NULL)) ||
        (rc = request_identity(txn, &old, &identity)))
        return rc;
    store_key_id(&id_key, id);
    doc_key(&doc, CODEC_REQUEST, store_key_view(&id_key));
    index_delete(txn, DBI_REQUEST_KEY, DBI_REQUEST_MODEL, &identity, old.model, id);
    store_del(txn, DBI_DOC, &doc);
    claim_delete(txn, &old);
    job_delete(txn, id, scratch);
    attempts_delete(txn, id);
    store_parts_delete(txn, id);
    if ((rc = store_del(txn, DBI_REQUEST, &id_key)))
        return rc;
    return request_log(txn, id, &old, NULL, index_has_results(txn, old.model), true);
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    bool with_docs;
    int (*each)(void *ctx, const struct request *request);
    void *ctx;
};

static int
each_request(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct request request;

    if (key.n != 8)
        return store_txn_fail(walk->txn, JB_ECORRUPT, "request: a key is not an id");
    int rc = request_read(walk->txn, store_id_from(key.p), value, walk->with_docs, walk->arena,
                          &request, NULL);
    return rc ? rc : walk->each(walk->ctx, &request);
}

int
store_requests_each(struct store_txn *txn, struct jb_arena *arena, bool with_docs,
                    int (*each)(void *ctx, const struct request *request), void *ctx)
{
    struct walk walk = {txn, arena, with_docs, each, ctx};

    return store_walk(txn, DBI_REQUEST, JB_STR(""), JB_STR(""), each_request, &walk);
}

static int
each_of_model(void *ctx, uint64_t id)
{
    struct walk *walk = ctx;
    struct request request;
    int rc = request_load(walk->txn, id, walk->with_docs, walk->arena, &request, NULL, NULL);

    if (rc == JB_ENOENT)
        return store_txn_fail(walk->txn, JB_ECORRUPT,
                              "request_model names request %llu, which is not there",
                              (unsigned long long)id);
    return rc ? rc : walk->each(walk->ctx, &request);
}

int
store_model_requests(struct store_txn *txn, const char *model, struct jb_arena *arena,
                     bool with_docs, int (*each)(void *ctx, const struct request *request),
                     void *ctx)
{
    struct walk walk = {txn, arena, with_docs, each, ctx};

    return index_walk(txn, DBI_REQUEST_MODEL, model, each_of_model, &walk);
}
