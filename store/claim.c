/* SPDX-License-Identifier: Apache-2.0 */
/* Which request has a commit. */
#include "store/env.h"

#include <string.h>

int
claim_identity(struct store_txn *txn, const char *model, const char *commit,
               const char *precision, const char *weight_type, struct store_key *ret_key)
{
    char folded[STORE_NAME_MAX + 1];
    const char *parts[] = {folded, commit, precision, weight_type};
    size_t n = model ? strlen(model) : 0;

    if (n == 0 || !commit || !*commit)
        return store_txn_fail(txn, JB_EINVAL, "a claim needs a model and a commit");
    if (n > STORE_NAME_MAX)
        return store_txn_fail(txn, JB_ETOOBIG, "a claim of a model with a name of %zu bytes",
                              n);
    for (size_t i = 0; i <= n; i++)
        folded[i] =
            (char)(model[i] >= 'A' && model[i] <= 'Z' ? model[i] + 'a' - 'A' : model[i]);
    return index_identity(txn, parts, sizeof parts / sizeof *parts, ret_key);
}

int
store_commit_owner(struct store_txn *txn, const char *model, const char *commit,
                   const char *precision, const char *weight_type, uint64_t *ret_owner)
{
    struct store_key key;
    int rc = store_txn_ready(txn, STORE_READ);

    if (rc || (rc = claim_identity(txn, model, commit, precision, weight_type, &key)))
        return rc;
    return index_find(txn, DBI_COMMIT_KEY, &key, ret_owner);
}

int
store_commit_claim(struct store_txn *txn, const char *model, const char *commit,
                   const char *precision, const char *weight_type, uint64_t id,
                   uint64_t *ret_owner)
{
    struct store_key key, value = {0};
    uint64_t owner;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = claim_identity(txn, model, commit, precision, weight_type, &key)) ||
        (rc = index_find(txn, DBI_COMMIT_KEY, &key, &owner)))
        return rc;
    if (id == 0)
        return store_txn_fail(txn, JB_EINVAL, "a claim of no request");
    if (!owner) {
        store_key_id(&value, id);
        if ((rc = store_put(txn, DBI_COMMIT_KEY, &key, store_key_view(&value))))
            return rc;
        owner = id;
    }
    *ret_owner = owner;
    return 0;
}

int
store_commit_release(struct store_txn *txn, const char *model, const char *commit,
                     const char *precision, const char *weight_type, uint64_t id)
{
    struct store_key key;
    uint64_t owner;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = claim_identity(txn, model, commit, precision, weight_type, &key)) ||
        (rc = index_find(txn, DBI_COMMIT_KEY, &key, &owner)))
        return rc;
    return owner == id ? store_del(txn, DBI_COMMIT_KEY, &key) : 0;
}

int
claim_delete(struct store_txn *txn, const struct request *request)
{
    return request->commit && *request->commit
               ? store_commit_release(txn, request->model, request->commit, request->precision,
                                      request->weight_type, request->id)
               : 0;
}

int
claim_move(struct store_txn *txn, const struct request *old, const struct request *now)
{
    struct store_key old_key, key;
    uint64_t owner;
    int rc;

    if (!old->commit || !*old->commit)
        return 0;
    if ((rc = claim_identity(txn, old->model, old->commit, old->precision, old->weight_type,
                             &old_key)) ||
        (rc = index_find(txn, DBI_COMMIT_KEY, &old_key, &owner)))
        return rc;
    if (owner != old->id)
        return 0;
    if (!now->commit || !*now->commit)
        return store_del(txn, DBI_COMMIT_KEY, &old_key);
    if ((rc = claim_identity(txn, now->model, now->commit, now->precision, now->weight_type,
                             &key)))
        return rc;
    if (jb_str_eq(store_key_view(&key), store_key_view(&old_key)))
        return 0;
    if ((rc = store_del(txn, DBI_COMMIT_KEY, &old_key)))
        return rc;
    return store_commit_claim(txn, now->model, now->commit, now->precision, now->weight_type,
                              old->id, &owner);
}
