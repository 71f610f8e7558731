/* SPDX-License-Identifier: Apache-2.0 */
/* Records put by transactions of their own. Comes behind <config.h>. */
#pragma once

#include "store_help.h"

static inline enum store_outcome
put_request(struct fixture *f, struct request *request)
{
    enum store_outcome outcome = 99;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    assert_int_equal(store_request_put(txn, request, &outcome), 0);
    fixture_commit(f, txn);
    return outcome;
}

static inline enum store_outcome
put_result(struct fixture *f, struct result *result)
{
    enum store_outcome outcome = 99;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    assert_int_equal(store_result_put(txn, result, &outcome), 0);
    fixture_commit(f, txn);
    return outcome;
}

static inline enum store_outcome
put_model(struct fixture *f, const struct model_info *model)
{
    enum store_outcome outcome = 99;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    assert_int_equal(store_model_put(txn, model, &outcome), 0);
    fixture_commit(f, txn);
    return outcome;
}

static inline enum store_outcome
put_note(struct fixture *f, enum store_note kind, const char *name, const char *text)
{
    enum store_outcome outcome = 99;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    assert_int_equal(store_note_put(txn, kind, name, text, &outcome), 0);
    fixture_commit(f, txn);
    return outcome;
}

/* What a walk saw. */
struct seen {
    int n;
    uint64_t ids[32];
    char name[32][64];
    size_t docs;
};
