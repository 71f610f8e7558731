/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "store/codec.h"
#include "store/env.h"

#include <stdio.h>

int
store_changed(struct store_txn *txn, const char *kind, const char *name, uint64_t id,
              struct difference *difference, bool board, bool queue)
{
    struct change change = {
        .time = jb_now_us(),
        .actor = txn->actor,
        .kind = kind,
        .action = !difference->had  ? "new"
                  : difference->has ? "changed"
                                    : "deleted",
        .name = name,
        .id = id,
    };
    struct store_key key = {0};
    int rc = difference_end(difference, txn, &change.before, &change.after);

    if (rc || (rc = store_meta_next(txn, META_CHANGE_SEQ, &change.seq)))
        return rc;
    store_key_id(&key, change.seq);
    if ((rc = change_encode(&change, &txn->value)))
        return store_txn_fail(txn, rc, "change log: no memory for an entry");
    if ((rc = store_put(txn, DBI_CHANGE, &key, jb_buf_view(&txn->value))))
        return rc;
    uint64_t seq;
    if (board && !txn->board_moved) {
        txn->board_moved = true;
        if ((rc = store_meta_next(txn, META_BOARD_SEQ, &seq)))
            return rc;
    }
    if (queue && !txn->queue_moved) {
        txn->queue_moved = true;
        if ((rc = store_meta_next(txn, META_QUEUE_SEQ, &seq)))
            return rc;
    }
    return 0;
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    int (*each)(void *ctx, const struct change *change);
    void *ctx;
};

static int
each_change(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct jb_error err = {0};
    struct change change;

    if (key.n != 8)
        return store_txn_fail(walk->txn, JB_ECORRUPT, "change: a key is not a number");
    uint64_t seq = store_id_from(key.p);
    int rc = change_decode(value, walk->arena, &err, &change);
    if (rc)
        return store_txn_fail(walk->txn, rc, "change/%llu: %s", (unsigned long long)seq,
                              err.text);
    change.seq = seq;
    return walk->each(walk->ctx, &change);
}

int
store_changes_each(struct store_txn *txn, uint64_t after, struct jb_arena *arena,
                   int (*each)(void *ctx, const struct change *change), void *ctx)
{
    struct walk walk = {txn, arena, each, ctx};
    struct store_key key = {0};

    store_key_id(&key, after);
    return store_walk(txn, DBI_CHANGE, JB_STR(""), store_key_view(&key), each_change, &walk);
}

#define KEY_MAX (sizeof META_CURSOR + STORE_WORD_MAX)
_Static_assert(sizeof META_MARK <= sizeof META_CURSOR, "both fit");

static int
meta_key(struct store_txn *txn, const char *kind, const char *name, char ret_key[KEY_MAX])
{
    int rc = store_txn_ready(txn, STORE_READ);

    if (rc || (rc = check_line("cursor", name, STORE_WORD_MAX, &txn->err)))
        return rc;
    if (!name || !*name)
        return store_txn_fail(txn, JB_EINVAL, "cursor: of nobody");
    snprintf(ret_key, KEY_MAX, "%s%s", kind, name);
    return 0;
}

int
store_cursor_get(struct store_txn *txn, const char *name, uint64_t *ret_seq)
{
    char key[KEY_MAX];
    int rc = meta_key(txn, META_CURSOR, name, key);

    return rc ? rc : store_meta_get(txn, key, ret_seq);
}

int
store_cursor_put(struct store_txn *txn, const char *name, uint64_t seq)
{
    char key[KEY_MAX];
    int rc = meta_key(txn, META_CURSOR, name, key);

    return rc ? rc : store_meta_put(txn, key, seq);
}

int
store_mark_get(struct store_txn *txn, const char *name, uint64_t *ret_value)
{
    char key[KEY_MAX];
    int rc = meta_key(txn, META_MARK, name, key);

    return rc ? rc : store_meta_get(txn, key, ret_value);
}

int
store_mark_put(struct store_txn *txn, const char *name, uint64_t value)
{
    char key[KEY_MAX];
    int rc = meta_key(txn, META_MARK, name, key);

    return rc ? rc : store_meta_put(txn, key, value);
}
