/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/difference.h"
#include "store/env.h"

static int
delivery_read(struct store_txn *txn, uint64_t id, struct jb_str value, struct jb_arena *arena,
              struct delivery *ret_delivery)
{
    struct jb_error err = {0};
    struct delivery delivery;
    int rc = delivery_decode(value, arena, &err, &delivery);

    if (rc)
        return store_txn_fail(txn, rc, "delivery/%llu: %s", (unsigned long long)id, err.text);
    delivery.id = id;
    *ret_delivery = delivery;
    return 0;
}

int
store_delivery_put(struct store_txn *txn, struct delivery *delivery)
{
    struct store_key key = {0};
    struct jb_str old;
    uint64_t id = delivery->id;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = delivery_check(delivery, &txn->err)))
        return rc;
    if (!id && (rc = store_meta_next(txn, META_DELIVERY, &id)))
        return rc;
    store_key_id(&key, id);
    if (delivery->id && (rc = store_get(txn, DBI_DELIVERY, &key, &old)))
        return rc == JB_ENOENT ? store_txn_fail(txn, rc, "there is no delivery %llu",
                                                (unsigned long long)id)
                               : rc;
    if ((rc = delivery_encode(delivery, &txn->value)))
        return store_txn_fail(txn, rc, "delivery: no memory");
    if ((rc = store_put(txn, DBI_DELIVERY, &key, jb_buf_view(&txn->value))))
        return rc;
    delivery->id = id;
    return 0;
}

int
store_delivery_get(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
                   struct delivery *ret_delivery)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, id);
    int rc = store_get(txn, DBI_DELIVERY, &key, &value);
    return rc ? rc : delivery_read(txn, id, value, arena, ret_delivery);
}

int
store_delivery_delete(struct store_txn *txn, uint64_t id)
{
    struct store_key key = {0};
    struct jb_str value;
    int rc = store_txn_ready(txn, STORE_WRITE);

    store_key_id(&key, id);
    if (rc || (rc = store_get(txn, DBI_DELIVERY, &key, &value)))
        return rc;
    return store_del(txn, DBI_DELIVERY, &key);
}

int
store_delivery_log(struct store_txn *txn, const struct delivery *before,
                   const struct delivery *after)
{
    static const struct delivery none;
    const struct delivery *old = before ? before : &none, *now = after ? after : &none;
    const struct delivery *one = after ? after : before;
    struct difference d;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc)
        return rc;
    difference_begin(&d, txn, before != NULL, after != NULL);
    difference_text(&d, "event", old->event, now->event);
    difference_truth(&d, "dead", old->dead, now->dead);
    difference_count(&d, "attempts", old->attempts, now->attempts);
    difference_time(&d, "due", old->due, now->due);
    difference_text(&d, "error", old->error, now->error);
    return store_changed(txn, "delivery", one->target, one->id, &d, false, false);
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    int (*each)(void *ctx, const struct delivery *delivery);
    void *ctx;
};

static int
each_delivery(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct delivery delivery;

    if (key.n != 8)
        return store_txn_fail(walk->txn, JB_ECORRUPT, "delivery: a key is not an id");
    int rc = delivery_read(walk->txn, store_id_from(key.p), value, walk->arena, &delivery);
    return rc ? rc : walk->each(walk->ctx, &delivery);
}

int
store_deliveries_each(struct store_txn *txn, struct jb_arena *arena,
                      int (*each)(void *ctx, const struct delivery *delivery), void *ctx)
{
    struct walk walk = {txn, arena, each, ctx};

    return store_walk(txn, DBI_DELIVERY, JB_STR(""), JB_STR(""), each_delivery, &walk);
}

struct count {
    struct jb_arena *arena;
    uint64_t waiting, dead;
};

static int
count_delivery(void *ctx, const struct delivery *delivery)
{
    struct count *count = ctx;

    if (delivery->dead)
        count->dead++;
    else
        count->waiting++;
    jb_arena_reset(count->arena);
    return 0;
}

int
deliveries_count(struct store_txn *txn, uint64_t *ret_waiting, uint64_t *ret_dead)
{
    struct count count = {.arena = jb_arena_new(1u << 20)};

    if (!count.arena)
        return store_txn_fail(txn, JB_ENOMEM, "no memory for the deliveries");
    int rc = store_deliveries_each(txn, count.arena, count_delivery, &count);
    jb_arena_free(count.arena);
    if (rc)
        return rc;
    *ret_waiting = count.waiting;
    *ret_dead = count.dead;
    return 0;
}
