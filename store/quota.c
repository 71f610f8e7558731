/* SPDX-License-Identifier: Apache-2.0 */
#include "store/env.h"

#include <string.h>

static void
owner_prefix(struct store_key *ret_key, const char *owner)
{
    *ret_key = (struct store_key){0};
    store_key_put(ret_key, owner ? owner : "", (owner ? strlen(owner) : 0) + 1);
}

void
quota_key(struct store_key *ret_key, const char *owner, int64_t time, uint64_t id)
{
    owner_prefix(ret_key, owner);
    store_key_id(ret_key, (uint64_t)time);
    store_key_id(ret_key, id);
}

static int
quota_check(struct store_txn *txn, const char *owner, int64_t time)
{
    int rc = store_txn_ready(txn, STORE_WRITE);

    return rc || (rc = check_line("owner", owner, STORE_NAME_MAX, &txn->err))
               ? rc
               : check_time("time", time, &txn->err);
}

int
store_quota_add(struct store_txn *txn, const char *owner, int64_t time, uint64_t id)
{
    struct store_key key;
    int rc = quota_check(txn, owner, time);

    if (rc)
        return rc;
    quota_key(&key, owner, time, id);
    return store_put(txn, DBI_QUOTA, &key, JB_STR(""));
}

int
store_quota_remove(struct store_txn *txn, const char *owner, int64_t time, uint64_t id)
{
    struct store_key key;
    int rc = quota_check(txn, owner, time);

    if (rc)
        return rc;
    quota_key(&key, owner, time, id);
    return store_del(txn, DBI_QUOTA, &key);
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena; /* NULL: count only */
    int (*each)(void *ctx, const char *owner, int64_t time, uint64_t id);
    void *ctx;
    uint64_t n;
    int64_t first;
};

static int
each_entry(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    const char *owner;

    (void)value;
    if (key.n < 17 || memchr(key.p, '\0', key.n) != key.p + key.n - 17)
        return store_txn_fail(walk->txn, JB_ECORRUPT,
                              "quota: a key is not an owner and two numbers");
    int64_t time = (int64_t)store_id_from(key.p + key.n - 16);
    if (walk->n++ == 0)
        walk->first = time;
    if (!walk->arena)
        return 0;
    if (!(owner = jb_arena_dup(walk->arena, key.p, key.n - 17)))
        return store_txn_fail(walk->txn, JB_ENOMEM, "no room for a name");
    return walk->each(walk->ctx, owner, time, store_id_from(key.p + key.n - 8));
}

int
store_quota_count(struct store_txn *txn, const char *owner, int64_t since, uint64_t *ret_n,
                  int64_t *ret_oldest)
{
    struct store_key prefix, after = {0};
    struct walk walk = {.txn = txn};
    int rc;

    owner_prefix(&prefix, owner);
    if (since >= 0)
        quota_key(&after, owner, since, UINT64_MAX);
    /* Whose name does not fit never has an entry. */
    rc = prefix.over || after.over ? store_txn_error(txn)
                                   : store_walk(txn, DBI_QUOTA, store_key_view(&prefix),
                                                store_key_view(&after), each_entry, &walk);
    if (rc)
        return rc;
    *ret_n = walk.n;
    if (ret_oldest)
        *ret_oldest = walk.first;
    return 0;
}

int
store_quota_each(struct store_txn *txn, const char *owner, struct jb_arena *arena,
                 int (*each)(void *ctx, const char *owner, int64_t time, uint64_t id),
                 void *ctx)
{
    struct store_key prefix = {0};
    struct walk walk = {.txn = txn, .arena = arena, .each = each, .ctx = ctx};

    if (owner)
        owner_prefix(&prefix, owner);
    return prefix.over ? store_txn_error(txn)
                       : store_walk(txn, DBI_QUOTA, store_key_view(&prefix), JB_STR(""),
                                    each_entry, &walk);
}
