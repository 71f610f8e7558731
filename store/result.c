/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/env.h"

#include <stdio.h>
#include <string.h>

static const char *
file_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path;
}

int
result_identity(struct store_txn *txn, const struct result *result, struct store_key *ret_key)
{
    const char *parts[] = {result->model, result->revision, result->precision,
                           file_name(result->path)};

    return index_identity(txn, parts, sizeof parts / sizeof *parts, ret_key);
}

static int
result_read(struct store_txn *txn, uint64_t id, struct jb_str value, bool with_doc,
            struct jb_arena *arena, struct result *ret_result, uint64_t *ret_doc_n)
{
    struct result result;
    struct jb_error err = {0};
    uint64_t doc_n;
    int rc = result_decode(value, arena, &err, &result, &doc_n);

    if (rc)
        return store_txn_fail(txn, rc, "result/%llu: %s", (unsigned long long)id, err.text);
    result.id = id;
    if (with_doc) {
        struct store_key owner = {0}, key = {0};
        store_key_id(&owner, id);
        doc_key(&key, CODEC_RESULT, store_key_view(&owner));
        rc = doc_get(txn, &key, doc_n, arena, &result.doc);
        if (rc) {
            jb_error_prefix(&txn->err, "result/%llu", (unsigned long long)id);
            return rc;
        }
    }
    *ret_result = result;
    if (ret_doc_n)
        *ret_doc_n = doc_n;
    return 0;
}

/* JB_ENOENT does not stick. */
static int
result_load(struct store_txn *txn, uint64_t id, bool with_doc, struct jb_arena *arena,
            struct result *ret_result, uint64_t *ret_doc_n, struct jb_str *ret_value)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, id);
    int rc = store_get(txn, DBI_RESULT, &key, &value);
    if (rc)
        return rc;
    rc = result_read(txn, id, value, with_doc, arena, ret_result, ret_doc_n);
    if (!rc && ret_value)
        *ret_value = value;
    return rc;
}

/* What it is of stands in the name; it is told only where it changed. */
static int
result_log(struct store_txn *txn, uint64_t id, const struct result *old,
           const struct result *now, bool board)
{
    static const struct result none;
    char name[STORE_NAME_MAX + 256 + 8];
    const struct result *named = now ? now : old;
    const char *file = file_name(named->path);
    struct difference d;

    snprintf(name, sizeof name, "%s %s", named->model, file ? file : "");
    difference_begin(&d, txn, old != NULL, now != NULL);
    if (old && now) {
        difference_text(&d, "model", old->model, now->model);
        difference_text(&d, "revision", old->revision, now->revision);
        difference_text(&d, "precision", old->precision, now->precision);
    }
    old = old ? old : &none;
    now = now ? now : &none;
    difference_text(&d, "path", old->path, now->path);
    difference_time(&d, "time", old->time, now->time);
    difference_count(&d, "scores", old->n, now->n);
    return store_changed(txn, "result", name, id, &d, board, false);
}

int
store_result_put(struct store_txn *txn, struct result *result, enum store_outcome *ret_outcome)
{
    struct store_key identity, old_identity, id_key = {0}, doc = {0};
    struct result old = {0};
    struct jb_str old_value = {0};
    uint64_t owner, id = result->id, old_doc_n = 0;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = store_result_check(result, &txn->err)) ||
        (rc = result_identity(txn, result, &identity)) ||
        (rc = index_find(txn, DBI_RESULT_KEY, &identity, &owner)))
        return rc;
    if (id && owner && owner != id)
        return store_txn_fail(txn, JB_ECONFLICT, "result %llu of %s is the same as result %llu",
                              (unsigned long long)id, result->model, (unsigned long long)owner);
    if (!id)
        id = owner;
    bool is_new = id == 0;
    /* Whether anything but the length of the document is new decides whether the board moves.
     */
    bool same_record = false;
    if (!is_new) {
        struct jb_arena *scratch = store_txn_scratch(txn);
        if (!scratch)
            return txn->err.code;
        rc = result_load(txn, id, false, scratch, &old, &old_doc_n, &old_value);
        if (rc == JB_ENOENT)
            return store_txn_fail(txn, owner ? JB_ECORRUPT : JB_ENOENT,
                                  "there is no result %llu", (unsigned long long)id);
        if (rc || (rc = result_identity(txn, &old, &old_identity)))
            return rc;
        if ((rc = result_encode(result, old_doc_n, &txn->value)))
            return store_txn_fail(txn, rc, "result of %s: no memory", result->model);
        same_record = jb_str_eq(old_value, jb_buf_view(&txn->value));
    }
    store_key_id(&id_key, id);
    doc_key(&doc, CODEC_RESULT, store_key_view(&id_key));
    bool same_doc = result->doc.n == 0 || (!is_new && doc_same(txn, &doc, result->doc));
    if (same_record && same_doc) {
        result->id = id;
        *ret_outcome = STORE_SAME;
        return 0;
    }
    if (is_new) {
        if ((rc = store_meta_next(txn, META_RESULT_ID, &id)))
            return rc;
        id_key = doc = (struct store_key){0};
        store_key_id(&id_key, id);
        doc_key(&doc, CODEC_RESULT, store_key_view(&id_key));
    }
    bool moved =
        !is_new && !jb_str_eq(store_key_view(&identity), store_key_view(&old_identity));
    if (moved)
        index_delete(txn, DBI_RESULT_KEY, DBI_RESULT_MODEL, &old_identity, old.model, id);
    rc = result_encode(result, result->doc.n ? result->doc.n : old_doc_n, &txn->value);
    if (rc)
        return store_txn_fail(txn, rc, "result of %s: no memory", result->model);
    store_put(txn, DBI_RESULT, &id_key, jb_buf_view(&txn->value));
    if (!same_doc)
        doc_put(txn, &doc, result->doc);
    if (is_new || moved)
        index_put(txn, DBI_RESULT_KEY, DBI_RESULT_MODEL, &identity, result->model, id);
    if ((rc = store_txn_error(txn)))
        return rc;

    if ((rc = result_log(txn, id, is_new ? NULL : &old, result, !same_record)))
        return rc;
    result->id = id;
    *ret_outcome = is_new ? STORE_NEW : STORE_CHANGED;
    return 0;
}

int
store_result_get(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
                 struct result *ret_result)
{
    return result_load(txn, id, true, arena, ret_result, NULL, NULL);
}

int
store_result_find(struct store_txn *txn, const char *model, const char *revision,
                  const char *precision, const char *name, struct jb_arena *arena,
                  struct result *ret_result)
{
    const struct result wanted = {
        .model = model, .revision = revision, .precision = precision, .path = name};
    struct store_key identity;
    uint64_t id;
    int rc = store_txn_ready(txn, STORE_READ);

    if (!rc && store_result_check(&wanted, NULL))
        return JB_ENOENT;
    if (rc || (rc = result_identity(txn, &wanted, &identity)) ||
        (rc = index_find(txn, DBI_RESULT_KEY, &identity, &id)))
        return rc;
    if (!id)
        return JB_ENOENT;
    rc = store_result_get(txn, id, arena, ret_result);
    return rc == JB_ENOENT ? store_txn_fail(txn, JB_ECORRUPT,
                                            "result_key names result %llu, which is not there",
                                            (unsigned long long)id)
                           : rc;
}

int
store_result_delete(struct store_txn *txn, uint64_t id)
{
    struct store_key identity, id_key = {0}, doc = {0};
    struct result old;
    struct jb_arena *scratch;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc)
        return rc;
    if (!(scratch = store_txn_scratch(txn)))
        return txn->err.code;
    if ((rc = result_load(txn, id, false, scratch, &old, NULL, NULL)) ||
        (rc = result_identity(txn, &old, &identity)))
        return rc;
    store_key_id(&id_key, id);
    doc_key(&doc, CODEC_RESULT, store_key_view(&id_key));
    index_delete(txn, DBI_RESULT_KEY, DBI_RESULT_MODEL, &identity, old.model, id);
    store_del(txn, DBI_DOC, &doc);
    if ((rc = store_del(txn, DBI_RESULT, &id_key)))
        return rc;
    return result_log(txn, id, &old, NULL, true);
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    bool with_docs;
    int (*each)(void *ctx, const struct result *result);
    void *ctx;
};

static int
each_result(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct result result;

    if (key.n != 8)
        return store_txn_fail(walk->txn, JB_ECORRUPT, "result: a key is not an id");
    int rc = result_read(walk->txn, store_id_from(key.p), value, walk->with_docs, walk->arena,
                         &result, NULL);
    return rc ? rc : walk->each(walk->ctx, &result);
}

int
store_results_each(struct store_txn *txn, struct jb_arena *arena, bool with_docs,
                   int (*each)(void *ctx, const struct result *result), void *ctx)
{
    struct walk walk = {txn, arena, with_docs, each, ctx};

    return store_walk(txn, DBI_RESULT, JB_STR(""), JB_STR(""), each_result, &walk);
}

static int
each_of_model(void *ctx, uint64_t id)
{
    struct walk *walk = ctx;
    struct result result;
    int rc = result_load(walk->txn, id, walk->with_docs, walk->arena, &result, NULL, NULL);

    if (rc == JB_ENOENT)
        return store_txn_fail(walk->txn, JB_ECORRUPT,
                              "result_model names result %llu, which is not there",
                              (unsigned long long)id);
    return rc ? rc : walk->each(walk->ctx, &result);
}

int
store_model_results(struct store_txn *txn, const char *model, struct jb_arena *arena,
                    bool with_docs, int (*each)(void *ctx, const struct result *result),
                    void *ctx)
{
    struct walk walk = {txn, arena, with_docs, each, ctx};

    return index_walk(txn, DBI_RESULT_MODEL, model, each_of_model, &walk);
}
