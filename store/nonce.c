/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that were given, by the digest of the nonce, and by time so that old ones are found
 * without looking at all. */
#include "store/codec.h"
#include "store/env.h"

void
nonce_key(struct store_key *ret_key, const unsigned char *digest)
{
    *ret_key = (struct store_key){0};
    store_key_put(ret_key, "d", 1);
    store_key_put(ret_key, digest, STORE_DIGEST_SIZE);
}

void
nonce_time_key(struct store_key *ret_key, int64_t time, const unsigned char *digest)
{
    *ret_key = (struct store_key){0};
    store_key_put(ret_key, "t", 1);
    store_key_id(ret_key, (uint64_t)time);
    store_key_put(ret_key, digest, STORE_DIGEST_SIZE);
}

int
store_nonce_get(struct store_txn *txn, const unsigned char digest[STORE_DIGEST_SIZE],
                struct nonce *ret_nonce)
{
    struct store_key key;
    struct jb_str value;
    struct jb_error err = {0};

    nonce_key(&key, digest);
    int rc = store_get(txn, DBI_NONCE, &key, &value);
    if (rc)
        return rc;
    rc = nonce_decode(value, &err, ret_nonce);
    return rc ? store_txn_fail(txn, rc, "nonce: %s", err.text) : 0;
}

int
store_nonce_put(struct store_txn *txn, const unsigned char digest[STORE_DIGEST_SIZE],
                const struct nonce *nonce)
{
    struct store_key key, time;
    struct nonce old;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = nonce_check(nonce, &txn->err)))
        return rc;
    rc = store_nonce_get(txn, digest, &old);
    if (rc && rc != JB_ENOENT)
        return rc;
    if (!rc) {
        nonce_time_key(&time, old.time, digest);
        store_del(txn, DBI_NONCE, &time);
    }
    if ((rc = nonce_encode(nonce, &txn->value)))
        return store_txn_fail(txn, rc, "nonce: no memory");
    nonce_key(&key, digest);
    nonce_time_key(&time, nonce->time, digest);
    store_put(txn, DBI_NONCE, &key, jb_buf_view(&txn->value));
    return store_put(txn, DBI_NONCE, &time, JB_STR(""));
}

struct expiry {
    struct store_txn *txn;
    int64_t before;
    size_t most, n;
};

static int
expire(void *ctx, struct jb_str key, struct jb_str value)
{
    struct expiry *expiry = ctx;
    struct store_key by_digest, by_time = {0};

    (void)value;
    if (key.n != 1 + 8 + STORE_DIGEST_SIZE)
        return store_txn_fail(expiry->txn, JB_ECORRUPT,
                              "nonce: a key is not a time and a digest");
    if (expiry->n == expiry->most || (int64_t)store_id_from(key.p + 1) >= expiry->before)
        return 1;
    nonce_key(&by_digest, (const unsigned char *)key.p + 9);
    store_key_put(&by_time, key.p, key.n);
    store_del(expiry->txn, DBI_NONCE, &by_digest);
    store_del(expiry->txn, DBI_NONCE, &by_time);
    expiry->n++;
    return store_txn_error(expiry->txn);
}

int
store_nonces_expire(struct store_txn *txn, int64_t before, size_t most, size_t *ret_n)
{
    struct expiry expiry = {txn, before, most, 0};
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc)
        return rc;
    rc = store_walk(txn, DBI_NONCE, JB_STR("t"), JB_STR(""), expire, &expiry);
    if (rc < 0)
        return rc;
    *ret_n = expiry.n;
    return 0;
}
