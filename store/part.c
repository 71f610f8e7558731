/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/env.h"
#include "store/host.h"

#include <math.h>
#include <string.h>

int
store_part_check(const struct part *part, struct jb_error *err)
{
    int rc;

    if (!part->benchmark || !*part->benchmark)
        return jb_fail(err, JB_EINVAL, "benchmark: missing");
    if ((rc = check_line("benchmark", part->benchmark, STORE_WORD_MAX, err)))
        return rc;
    if (part->doc.n > PART_DOC_MAX)
        return jb_fail(err, JB_ETOOBIG, "document: %zu bytes are too long (at most %u)",
                       part->doc.n, PART_DOC_MAX);
    if (!isfinite(part->seconds) || part->seconds < 0)
        return jb_fail(err, JB_EINVAL, "seconds: not a time that something takes");
    return 0;
}

int
store_part_put(struct store_txn *txn, uint64_t request, uint64_t round, const struct part *part)
{
    struct store_key key = {0};
    struct jb_str old;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = store_part_check(part, &txn->err)))
        return rc;
    store_key_id(&key, request);
    rc = store_get(txn, DBI_REQUEST, &key, &old);
    if (rc == JB_ENOENT)
        return store_txn_fail(txn, rc, "there is no request %llu for a part",
                              (unsigned long long)request);
    if (rc)
        return rc;
    store_key_id(&key, round);
    store_key_put(&key, part->benchmark, strlen(part->benchmark));
    if ((rc = part_encode(part, &txn->value)))
        return store_txn_fail(txn, rc, "part: no memory");
    return store_put(txn, DBI_PART, &key, jb_buf_view(&txn->value));
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    int (*each)(void *ctx, const struct part *part);
    void *ctx;
};

static int
each_part(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct jb_error err = {0};
    struct part part;
    int rc = part_decode(value, walk->arena, &err, &part);

    if (rc)
        return store_txn_fail(walk->txn, rc, "part of request %llu: %s",
                              (unsigned long long)store_id_from(key.p), err.text);
    if (!(part.benchmark = jb_arena_dup(walk->arena, key.p + 16, key.n - 16)))
        return store_txn_fail(walk->txn, JB_ENOMEM, "no memory for a part");
    return walk->each(walk->ctx, &part);
}

int
store_parts_each(struct store_txn *txn, uint64_t request, uint64_t round,
                 struct jb_arena *arena, int (*each)(void *ctx, const struct part *part),
                 void *ctx)
{
    struct walk walk = {txn, arena, each, ctx};
    struct store_key prefix = {0};

    store_key_id(&prefix, request);
    store_key_id(&prefix, round);
    return store_walk(txn, DBI_PART, store_key_view(&prefix), JB_STR(""), each_part, &walk);
}

static int
remove_one(void *ctx, struct jb_str key, struct jb_str value)
{
    struct store_key own = {0};

    (void)value;
    store_key_put(&own, key.p, key.n);
    return store_del(ctx, DBI_PART, &own);
}

int
store_parts_delete(struct store_txn *txn, uint64_t request)
{
    struct store_key prefix = {0};
    int rc = store_txn_ready(txn, STORE_WRITE);

    store_key_id(&prefix, request);
    return rc ? rc
              : store_walk(txn, DBI_PART, store_key_view(&prefix), JB_STR(""), remove_one, txn);
}
