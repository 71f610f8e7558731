/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/env.h"

int
store_timing_add(struct store_txn *txn, const struct timing *timing)
{
    struct store_key key = {0}, oldest = {0};
    uint64_t seq;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = timing_check(timing, &txn->err)) ||
        (rc = store_meta_next(txn, META_TIMING, &seq)))
        return rc;
    if ((rc = timing_encode(timing, &txn->value)))
        return store_txn_fail(txn, rc, "timing: no memory");
    store_key_id(&key, seq);
    if ((rc = store_put(txn, DBI_TIMING, &key, jb_buf_view(&txn->value))) ||
        seq <= STORE_TIMINGS_MAX)
        return rc;
    /* Numbers have no gaps, so this leaves as many as are kept. */
    store_key_id(&oldest, seq - STORE_TIMINGS_MAX);
    return store_del(txn, DBI_TIMING, &oldest);
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    int (*each)(void *ctx, const struct timing *timing);
    void *ctx;
};

static int
each_timing(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct jb_error err = {0};
    struct timing timing;
    int rc = timing_decode(value, walk->arena, &err, &timing);

    if (key.n != 8)
        return store_txn_fail(walk->txn, JB_ECORRUPT, "timing: a key is not a number");
    if (rc)
        return store_txn_fail(walk->txn, rc, "timing/%llu: %s",
                              (unsigned long long)store_id_from(key.p), err.text);
    return walk->each(walk->ctx, &timing);
}

int
store_timings_each(struct store_txn *txn, struct jb_arena *arena,
                   int (*each)(void *ctx, const struct timing *timing), void *ctx)
{
    struct walk walk = {txn, arena, each, ctx};

    return store_walk(txn, DBI_TIMING, JB_STR(""), JB_STR(""), each_timing, &walk);
}
