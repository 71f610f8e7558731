/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "store/codec.h"
#include "store/doorbell.h"
#include "store/env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SCRATCH_MAX (4u << 20)
#define VALUE_MAX   (4u << 20)

static int
disk_free(const struct store *store, uint64_t *ret_bytes)
{
    struct statvfs fs;

    if (statvfs(store->path, &fs) != 0)
        return errno;
    *ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return 0;
}

static int
check_free(const struct store *store, struct jb_error *err)
{
    uint64_t bytes;
    int no;

    if (store->min_free <= 0)
        return 0;
    if ((no = disk_free(store, &bytes)) != 0)
        return jb_fail_errno(err, no, "%s", store->path);
    if (bytes < (uint64_t)store->min_free)
        return jb_fail(err, JB_EFULL,
                       "%s: only %llu MiB of disk are left, less than store.min_free",
                       store->path, (unsigned long long)(bytes >> 20));
    return 0;
}

static int
txn_try(struct store_txn *txn)
{
    struct store *store = txn->store;

    pthread_mutex_lock(&store->lock);
    store->active++;
    pthread_mutex_unlock(&store->lock);
    return mdb_txn_begin(store->env, NULL, txn->mode == STORE_READ ? MDB_RDONLY : 0, &txn->txn);
}

static void
txn_done(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    if (--store->active == 0)
        pthread_cond_broadcast(&store->idle);
    pthread_mutex_unlock(&store->lock);
}

/* Again after what can be mended: readers that are dead, a map that another process made
 * larger. */
static int
txn_begin(struct store_txn *txn, struct jb_error *err)
{
    struct store *store = txn->store;
    int rc = txn_try(txn), dead = 0;

    if (rc == 0)
        return 0;
    txn_done(store);
    bool again = rc == MDB_READERS_FULL && mdb_reader_check(store->env, &dead) == 0 && dead > 0;
    if (rc == MDB_MAP_RESIZED)
        again = store_resize(store, 0, NULL) == 0;
    if (again) {
        if ((rc = txn_try(txn)) == 0)
            return 0;
        txn_done(store);
    }
    return store_fail_mdb(err, rc, store->path);
}

int
store_begin(struct store *store, enum store_mode mode, const char *actor, struct jb_error *err,
            struct store_txn **ret_txn)
{
    int rc;

    if (store->pid != getpid())
        return jb_fail(err, JB_EINVAL, "%s: opened before a fork", store->path);
    if (mode == STORE_WRITE) {
        if (store->read_only)
            return jb_fail(err, JB_EACCES, "%s: opened for reading only", store->path);
        if (__atomic_load_n(&store->failed, __ATOMIC_RELAXED))
            return jb_fail(err, JB_EIO,
                           "%s: an earlier write failed on the disk; restart this process",
                           store->path);
        if ((rc = check_free(store, err)))
            return rc;
    }
    struct store_txn *txn = calloc(1, sizeof *txn);
    if (!txn)
        return jb_fail(err, JB_ENOMEM, "transaction");
    txn->store = store;
    txn->mode = mode;
    txn->value = txn->before = txn->after = JB_BUF(VALUE_MAX);
    if (mode == STORE_WRITE && !(txn->actor = strdup(actor ? actor : ""))) {
        free(txn);
        return jb_fail(err, JB_ENOMEM, "transaction");
    }
    if ((rc = txn_begin(txn, err))) {
        free(txn->actor);
        free(txn);
        return rc;
    }
    *ret_txn = txn;
    return 0;
}

/* After its transaction of LMDB has ended. */
static void
txn_free(struct store_txn *txn)
{
    txn_done(txn->store);
    jb_buf_free(&txn->value);
    jb_buf_free(&txn->before);
    jb_buf_free(&txn->after);
    jb_arena_free(txn->scratch);
    free(txn->actor);
    free(txn);
}

void
store_abort(struct store_txn *txn)
{
    if (!txn)
        return;
    mdb_txn_abort(txn->txn);
    txn_free(txn);
}

int
store_commit(struct store_txn *txn, struct jb_error *err)
{
    int rc = txn->err.code;

    if (rc) {
        if (err && !err->code)
            *err = txn->err;
        store_abort(txn);
        return rc;
    }
    if (txn->mode == STORE_WRITE && !txn->changed) {
        store_abort(txn); /* nothing was written: no fsync for it */
        return 0;
    }
    uint64_t left;
    int no = mdb_txn_commit(txn->txn);
    /* LMDB calls a write that was cut short by a full disk an input/output error. */
    if (no == EIO && disk_free(txn->store, &left) == 0 && left < 1u << 20)
        no = ENOSPC;
    rc = store_fail_mdb(err, no, txn->store->path);
    /* After a failed write the state of the file is what the kernel says it is; a second commit
     * that seems to succeed could build on pages that never reached the disk. */
    if (rc == JB_EIO)
        __atomic_store_n(&txn->store->failed, true, __ATOMIC_RELAXED);
    if (!rc && txn->changed && txn->store->run_dir[0])
        doorbell_ring(txn->store->run_dir);
    txn_free(txn);
    return rc;
}

int
store_txn_error(const struct store_txn *txn)
{
    return txn->err.code;
}

const struct jb_error *
store_txn_reason(const struct store_txn *txn)
{
    return &txn->err;
}

struct store *
store_txn_store(const struct store_txn *txn)
{
    return txn->store;
}

int
store_txn_fail(struct store_txn *txn, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    jb_vfail(&txn->err, code, fmt, ap);
    va_end(ap);
    return txn->err.code;
}

int
store_txn_ready(struct store_txn *txn, enum store_mode mode)
{
    if (txn->err.code)
        return txn->err.code;
    if (mode == STORE_WRITE && txn->mode != STORE_WRITE)
        return store_txn_fail(txn, JB_EACCES, "a write in a transaction for reading");
    return 0;
}

struct jb_arena *
store_txn_scratch(struct store_txn *txn)
{
    if (txn->scratch)
        jb_arena_reset(txn->scratch);
    else
        txn->scratch = jb_arena_new(SCRATCH_MAX);
    if (!txn->scratch)
        store_txn_fail(txn, JB_ENOMEM, "no memory for a record");
    return txn->scratch;
}

void
store_key_put(struct store_key *key, const void *p, size_t n)
{
    if (n > sizeof key->p - key->n) {
        key->over = true;
        return;
    }
    memcpy(key->p + key->n, p, n);
    key->n += n;
}

void
store_key_id(struct store_key *key, uint64_t id)
{
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(id >> (56 - 8 * i));
    store_key_put(key, bytes, sizeof bytes);
}

struct jb_str
store_key_view(const struct store_key *key)
{
    return (struct jb_str){(const char *)key->p, key->n};
}

uint64_t
store_id_from(const char *p)
{
    uint64_t id = 0;

    for (int i = 0; i < 8; i++)
        id = id << 8 | (unsigned char)p[i];
    return id;
}

/* LMDB takes its arguments without const, and refuses empty and long keys itself. */
static int
key_val(struct store_txn *txn, enum store_dbi dbi, const struct store_key *key,
        MDB_val *ret_val)
{
    if (key->over)
        return store_txn_fail(txn, JB_ETOOBIG, "%s: the key is too long", store_dbi_names[dbi]);
    *ret_val = (MDB_val){.mv_size = key->n, .mv_data = (void *)(uintptr_t)key->p};
    return 0;
}

int
store_get(struct store_txn *txn, enum store_dbi dbi, const struct store_key *key,
          struct jb_str *ret_value)
{
    MDB_val k, v;
    int rc = store_txn_ready(txn, STORE_READ);

    if (rc || (rc = key_val(txn, dbi, key, &k)))
        return rc;
    rc = mdb_get(txn->txn, txn->store->dbi[dbi], &k, &v);
    if (rc == MDB_NOTFOUND)
        return JB_ENOENT;
    if (rc)
        return store_fail_mdb(&txn->err, rc, store_dbi_names[dbi]);
    *ret_value = (struct jb_str){v.mv_data, v.mv_size};
    return 0;
}

int
store_put(struct store_txn *txn, enum store_dbi dbi, const struct store_key *key,
          struct jb_str value)
{
    MDB_val k, v = {.mv_size = value.n, .mv_data = (void *)(uintptr_t)value.p};
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = key_val(txn, dbi, key, &k)))
        return rc;
    txn->changed = true;
    return store_fail_mdb(&txn->err, mdb_put(txn->txn, txn->store->dbi[dbi], &k, &v, 0),
                          store_dbi_names[dbi]);
}

int
store_put_room(struct store_txn *txn, enum store_dbi dbi, const struct store_key *key, size_t n,
               void **ret_room)
{
    MDB_val k, v = {.mv_size = n, .mv_data = NULL};
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = key_val(txn, dbi, key, &k)))
        return rc;
    txn->changed = true;
    rc = store_fail_mdb(&txn->err, mdb_put(txn->txn, txn->store->dbi[dbi], &k, &v, MDB_RESERVE),
                        store_dbi_names[dbi]);
    if (!rc)
        *ret_room = v.mv_data;
    return rc;
}

int
store_del(struct store_txn *txn, enum store_dbi dbi, const struct store_key *key)
{
    MDB_val k;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = key_val(txn, dbi, key, &k)))
        return rc;
    txn->changed = true;
    rc = mdb_del(txn->txn, txn->store->dbi[dbi], &k, NULL);
    return rc == MDB_NOTFOUND ? 0 : store_fail_mdb(&txn->err, rc, store_dbi_names[dbi]);
}

int
store_walk(struct store_txn *txn, enum store_dbi dbi, struct jb_str prefix, struct jb_str after,
           int (*each)(void *ctx, struct jb_str key, struct jb_str value), void *ctx)
{
    struct store_key at = {0};
    MDB_cursor *cursor;
    MDB_val k, v;
    int rc = store_txn_ready(txn, STORE_READ);

    if (rc)
        return rc;
    struct jb_str start = after.n ? after : prefix;
    store_key_put(&at, start.p, start.n);
    if ((rc = key_val(txn, dbi, &at, &k)))
        return rc;
    rc = mdb_cursor_open(txn->txn, txn->store->dbi[dbi], &cursor);
    if (rc)
        return store_fail_mdb(&txn->err, rc, store_dbi_names[dbi]);
    rc = mdb_cursor_get(cursor, &k, &v, at.n ? MDB_SET_RANGE : MDB_FIRST);
    if (!rc && after.n && k.mv_size == after.n && memcmp(k.mv_data, after.p, after.n) == 0)
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    while (!rc) {
        if (k.mv_size < prefix.n || (prefix.n && memcmp(k.mv_data, prefix.p, prefix.n) != 0))
            break;
        at = (struct store_key){0};
        store_key_put(&at, k.mv_data, k.mv_size);
        rc = each(ctx, (struct jb_str){k.mv_data, k.mv_size},
                  (struct jb_str){v.mv_data, v.mv_size});
        if (rc) {
            mdb_cursor_close(cursor);
            return rc;
        }
        if (txn->err.code) {
            mdb_cursor_close(cursor);
            return txn->err.code;
        }
        if (txn->mode == STORE_READ) {
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
            continue;
        }
        /* The function may have written: find the place again instead of relying on how the
         * library mends its cursors. */
        k = (MDB_val){.mv_size = at.n, .mv_data = at.p};
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
        if (!rc && k.mv_size == at.n && memcmp(k.mv_data, at.p, at.n) == 0)
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : store_fail_mdb(&txn->err, rc, store_dbi_names[dbi]);
}

int
store_meta_get(struct store_txn *txn, const char *name, uint64_t *ret_value)
{
    struct store_key key = {0};
    struct jb_str value;
    struct codec_in in;

    store_key_put(&key, name, strlen(name));
    int rc = store_get(txn, DBI_META, &key, &value);
    if (rc == JB_ENOENT) {
        *ret_value = 0;
        return 0;
    }
    if (rc)
        return rc;
    struct jb_error err = {0};
    uint64_t v = 0;
    if (!(rc = codec_open(value, CODEC_META, 1, &err, &in))) {
        v = codec_uint(&in);
        rc = codec_close(&in, &err);
    }
    if (rc)
        return store_txn_fail(txn, rc, "meta/%s: %s", name, err.text);
    *ret_value = v;
    return 0;
}

int
store_meta_put(struct store_txn *txn, const char *name, uint64_t value)
{
    struct store_key key = {0};
    struct jb_buf b = JB_BUF(64);

    store_key_put(&key, name, strlen(name));
    codec_begin(&b);
    codec_put_uint(&b, value);
    int rc = codec_end(&b, CODEC_META, 1);
    rc = rc ? store_txn_fail(txn, rc, "meta/%s", name)
            : store_put(txn, DBI_META, &key, jb_buf_view(&b));
    jb_buf_free(&b);
    return rc;
}

int
store_meta_next(struct store_txn *txn, const char *name, uint64_t *ret_value)
{
    uint64_t v;
    int rc = store_meta_get(txn, name, &v);

    if (rc || (rc = store_meta_put(txn, name, v + 1)))
        return rc;
    *ret_value = v + 1;
    return 0;
}

int
store_secret_put(struct store_txn *txn)
{
    struct store_key key = {0};
    struct jb_buf b = JB_BUF(128);
    unsigned char secret[STORE_SECRET_SIZE];

    store_key_put(&key, META_SECRET, strlen(META_SECRET));
    int rc = crypto_random(secret, sizeof secret);
    if (rc)
        return store_txn_fail(txn, rc, "no random bytes for the store's key");
    codec_begin(&b);
    codec_put_bytes(&b, secret, sizeof secret);
    rc = codec_end(&b, CODEC_META, 1);
    rc = rc ? store_txn_fail(txn, rc, "meta/secret")
            : store_put(txn, DBI_META, &key, jb_buf_view(&b));
    jb_buf_free(&b);
    return rc;
}

int
store_secret(struct store_txn *txn, unsigned char ret_secret[STORE_SECRET_SIZE])
{
    struct store_key key = {0};
    struct jb_str value;
    struct codec_in in;
    struct jb_error err = {0};

    store_key_put(&key, META_SECRET, strlen(META_SECRET));
    int rc = store_get(txn, DBI_META, &key, &value);
    if (rc == JB_ENOENT)
        return store_txn_fail(txn, JB_ECORRUPT, "meta/secret: missing");
    if (rc)
        return rc;
    rc = codec_open(value, CODEC_META, 1, &err, &in);
    if (!rc && in.n != STORE_SECRET_SIZE)
        rc = jb_fail(&err, JB_ECORRUPT, "%zu bytes instead of %d", in.n, STORE_SECRET_SIZE);
    if (rc)
        return store_txn_fail(txn, rc, "meta/secret: %s", err.text);
    memcpy(ret_secret, in.p, STORE_SECRET_SIZE);
    return 0;
}

int
store_seq_get(struct store_txn *txn, struct store_seq *ret_seq)
{
    struct store_seq seq;
    int rc;

    if ((rc = store_meta_get(txn, META_BOARD_SEQ, &seq.board)) ||
        (rc = store_meta_get(txn, META_QUEUE_SEQ, &seq.queue)) ||
        (rc = store_meta_get(txn, META_CHANGE_SEQ, &seq.change)))
        return rc;
    *ret_seq = seq;
    return 0;
}
