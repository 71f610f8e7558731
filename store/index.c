/* SPDX-License-Identifier: Apache-2.0 */
/* The indexes of requests and results: identity -> id, and the ids of a model. */
#include "crypto/digest.h"
#include "store/env.h"

#include <string.h>

int
index_identity(struct store_txn *txn, const char *const *parts, size_t n,
               struct store_key *ret_key)
{
    struct store_key key = {0};
    struct jb_buf all = JB_BUF(64u << 10);

    for (size_t i = 0; i < n; i++) {
        const char *part = parts[i] ? parts[i] : "";
        store_key_put(&key, part, strlen(part) + 1);
    }
    if (key.over) {
        unsigned char digest[CRYPTO_SHA256_SIZE];
        for (size_t i = 0; i < n; i++)
            jb_buf_put(&all, parts[i] ? parts[i] : "", (parts[i] ? strlen(parts[i]) : 0) + 1);
        int rc = all.err ? all.err : crypto_sha256(jb_buf_view(&all), digest);
        jb_buf_free(&all);
        if (rc)
            return store_txn_fail(txn, rc, "the identity cannot be digested");
        /* A NUL in front, which no model name begins with. */
        key = (struct store_key){0};
        store_key_put(&key, "", 1);
        store_key_put(&key, digest, sizeof digest);
    }
    *ret_key = key;
    return 0;
}

int
index_find(struct store_txn *txn, enum store_dbi keys, const struct store_key *identity,
           uint64_t *ret_id)
{
    struct jb_str value;
    int rc = store_get(txn, keys, identity, &value);

    if (rc == JB_ENOENT) {
        *ret_id = 0;
        return 0;
    }
    if (rc)
        return rc;
    if (value.n != 8 || store_id_from(value.p) == 0)
        return store_txn_fail(txn, JB_ECORRUPT, "%s: an entry does not hold an id",
                              store_dbi_names[keys]);
    *ret_id = store_id_from(value.p);
    return 0;
}

void
index_model_key(struct store_key *key, const char *model)
{
    store_key_put(key, model, strlen(model) + 1);
}

int
index_put(struct store_txn *txn, enum store_dbi keys, enum store_dbi models,
          const struct store_key *identity, const char *model, uint64_t id)
{
    struct store_key value = {0}, by_model = {0};

    store_key_id(&value, id);
    index_model_key(&by_model, model);
    store_key_id(&by_model, id);
    int rc = store_put(txn, keys, identity, store_key_view(&value));
    return rc ? rc : store_put(txn, models, &by_model, JB_STR(""));
}

int
index_delete(struct store_txn *txn, enum store_dbi keys, enum store_dbi models,
             const struct store_key *identity, const char *model, uint64_t id)
{
    struct store_key by_model = {0};

    index_model_key(&by_model, model);
    store_key_id(&by_model, id);
    int rc = store_del(txn, keys, identity);
    return rc ? rc : store_del(txn, models, &by_model);
}

struct ids {
    size_t prefix;
    struct store_txn *txn;
    enum store_dbi models;
    int (*each)(void *ctx, uint64_t id);
    void *ctx;
};

static int
each_id(void *ctx, struct jb_str key, struct jb_str value)
{
    struct ids *ids = ctx;

    (void)value;
    if (key.n != ids->prefix + 8)
        return store_txn_fail(ids->txn, JB_ECORRUPT, "%s: a key does not end in an id",
                              store_dbi_names[ids->models]);
    return ids->each(ids->ctx, store_id_from(key.p + ids->prefix));
}

int
index_walk(struct store_txn *txn, enum store_dbi models, const char *model,
           int (*each)(void *ctx, uint64_t id), void *ctx)
{
    struct store_key prefix = {0};

    index_model_key(&prefix, model);
    if (prefix.over)
        return 0; /* no such name is ever stored */
    struct ids ids = {prefix.n, txn, models, each, ctx};
    return store_walk(txn, models, store_key_view(&prefix), JB_STR(""), each_id, &ids);
}

static int
stop_at_first(void *ctx, uint64_t id)
{
    (void)ctx;
    (void)id;
    return 1;
}

static int
names_model(void *ctx, const char *name, const char *text)
{
    const char *model = ctx;

    return strcmp(name, model) == 0 || strcmp(text, model) == 0;
}

bool
index_has_results(struct store_txn *txn, const char *model)
{
    if (index_walk(txn, DBI_RESULT_MODEL, model, stop_at_first, NULL) == 1)
        return true;
    /* Under which name the results of an alias stand does not matter: once too often is
     * harmless. */
    struct jb_arena *arena = jb_arena_new(64u << 20);
    if (!arena)
        return true;
    int rc = store_notes_each(txn, NOTE_ALIAS, arena, names_model, (void *)(uintptr_t)model);
    jb_arena_free(arena);
    return rc != 0;
}
