/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/env.h"

#include <math.h>
#include <string.h>

static void
name_key(struct store_key *key, const char *name)
{
    store_key_put(key, name, strlen(name));
}

static void
model_doc_key(struct store_key *key, const char *name)
{
    doc_key(key, CODEC_MODEL, jb_str(name));
}

static int
model_read(struct store_txn *txn, struct jb_str name, struct jb_str value, bool with_doc,
           struct jb_arena *arena, struct model_info *ret_model, uint64_t *ret_doc_n)
{
    struct model_info model;
    struct jb_error err = {0};
    uint64_t doc_n;
    int rc = model_decode(value, arena, &err, &model, &doc_n);

    if (rc)
        return store_txn_fail(txn, rc, "model/%.*s: %s", JB_STR_FMT(name), err.text);
    if (!(model.model = jb_arena_dup(arena, name.p, name.n)))
        return store_txn_fail(txn, JB_ENOMEM, "no room for a name");
    if (with_doc) {
        struct store_key key = {0};
        model_doc_key(&key, model.model);
        rc = doc_get(txn, &key, doc_n, arena, &model.doc);
        if (rc) {
            jb_error_prefix(&txn->err, "model/%s", model.model);
            return rc;
        }
    }
    *ret_model = model;
    if (ret_doc_n)
        *ret_doc_n = doc_n;
    return 0;
}

static int
model_log(struct store_txn *txn, const char *name, const struct model_info *old,
          const struct model_info *now, bool board)
{
    static const struct model_info none = {.likes = NAN};
    struct difference d;

    difference_begin(&d, txn, old != NULL, now != NULL);
    old = old ? old : &none;
    now = now ? now : &none;
    difference_number(&d, "likes", old->likes, now->likes);
    difference_text(&d, "license", old->license, now->license);
    difference_truth(&d, "still_on_hub", old->still_on_hub, now->still_on_hub);
    difference_list(&d, "tags", old->tags, old->n_tags, now->tags, now->n_tags);
    return store_changed(txn, "model", name, 0, &d, board, false);
}

int
store_model_put(struct store_txn *txn, const struct model_info *model,
                enum store_outcome *ret_outcome)
{
    struct store_key key = {0}, doc = {0};
    struct model_info old;
    struct jb_str old_value;
    uint64_t old_doc_n = 0;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = store_model_check(model, &txn->err)))
        return rc;
    name_key(&key, model->model);
    model_doc_key(&doc, model->model);
    rc = store_get(txn, DBI_MODEL, &key, &old_value);
    if (rc && rc != JB_ENOENT)
        return rc;
    bool is_new = rc == JB_ENOENT, same_record = false;
    if (!is_new) {
        struct jb_arena *scratch = store_txn_scratch(txn);
        if (!scratch)
            return txn->err.code;
        if ((rc = model_read(txn, jb_str(model->model), old_value, false, scratch, &old,
                             &old_doc_n)))
            return rc;
        if ((rc = model_encode(model, old_doc_n, &txn->value)))
            return store_txn_fail(txn, rc, "model %s: no memory", model->model);
        same_record = jb_str_eq(old_value, jb_buf_view(&txn->value));
    }
    bool same_doc = model->doc.n == 0 || (!is_new && doc_same(txn, &doc, model->doc));
    if (same_record && same_doc) {
        *ret_outcome = STORE_SAME;
        return 0;
    }
    if ((rc = model_encode(model, model->doc.n ? model->doc.n : old_doc_n, &txn->value)))
        return store_txn_fail(txn, rc, "model %s: no memory", model->model);
    store_put(txn, DBI_MODEL, &key, jb_buf_view(&txn->value));
    if (!same_doc)
        doc_put(txn, &doc, model->doc);
    if ((rc = store_txn_error(txn)))
        return rc;
    if ((rc = model_log(txn, model->model, is_new ? NULL : &old, model, !same_record)))
        return rc;
    *ret_outcome = is_new ? STORE_NEW : STORE_CHANGED;
    return 0;
}

int
store_model_get(struct store_txn *txn, const char *model, struct jb_arena *arena,
                struct model_info *ret_model)
{
    struct store_key key = {0};
    struct jb_str value;

    name_key(&key, model);
    if (key.over || key.n == 0)
        return txn->err.code ? txn->err.code : JB_ENOENT;
    int rc = store_get(txn, DBI_MODEL, &key, &value);
    return rc ? rc : model_read(txn, jb_str(model), value, true, arena, ret_model, NULL);
}

int
store_model_delete(struct store_txn *txn, const char *model)
{
    struct store_key key = {0}, doc = {0};
    struct model_info old;
    struct jb_arena *scratch;
    struct jb_str value;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc)
        return rc;
    name_key(&key, model);
    model_doc_key(&doc, model);
    if (key.over || key.n == 0)
        return JB_ENOENT;
    if ((rc = store_get(txn, DBI_MODEL, &key, &value)))
        return rc;
    if (!(scratch = store_txn_scratch(txn)))
        return txn->err.code;
    if ((rc = model_read(txn, jb_str(model), value, false, scratch, &old, NULL)))
        return rc;
    store_del(txn, DBI_DOC, &doc);
    if ((rc = store_del(txn, DBI_MODEL, &key)))
        return rc;
    return model_log(txn, model, &old, NULL, true);
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    bool with_docs;
    int (*each)(void *ctx, const struct model_info *model);
    void *ctx;
};

static int
each_model(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct model_info model;
    int rc = model_read(walk->txn, key, value, walk->with_docs, walk->arena, &model, NULL);

    return rc ? rc : walk->each(walk->ctx, &model);
}

int
store_models_each(struct store_txn *txn, struct jb_arena *arena, bool with_docs,
                  int (*each)(void *ctx, const struct model_info *model), void *ctx)
{
    struct walk walk = {txn, arena, with_docs, each, ctx};

    return store_walk(txn, DBI_MODEL, JB_STR(""), JB_STR(""), each_model, &walk);
}
