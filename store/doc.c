/* SPDX-License-Identifier: Apache-2.0 */
/* Documents stand beside their records, so that a walk of the records does not read them. */
#include "store/codec.h"
#include "store/env.h"

#include <string.h>

#define VERSION 1

void
doc_key(struct store_key *key, char kind, struct jb_str owner)
{
    store_key_put(key, &kind, 1);
    store_key_put(key, owner.p, owner.n);
}

bool
doc_same(struct store_txn *txn, const struct store_key *key, struct jb_str doc)
{
    struct jb_str value;

    return store_get(txn, DBI_DOC, key, &value) == 0 && value.n == doc.n + CODEC_HEAD &&
           memcmp(value.p + CODEC_HEAD, doc.p, doc.n) == 0;
}

int
doc_put(struct store_txn *txn, const struct store_key *key, struct jb_str doc)
{
    void *room;
    int rc = store_put_room(txn, DBI_DOC, key, doc.n + CODEC_HEAD, &room);

    if (rc)
        return rc;
    memcpy((char *)room + CODEC_HEAD, doc.p, doc.n);
    codec_seal(room, doc.n + CODEC_HEAD, CODEC_DOC, VERSION);
    return 0;
}

int
doc_get(struct store_txn *txn, const struct store_key *key, uint64_t n, struct jb_arena *arena,
        struct jb_str *ret_doc)
{
    struct jb_str value;
    struct codec_in in;
    struct jb_error err = {0};

    if (n == 0) {
        *ret_doc = JB_STR("");
        return 0;
    }
    int rc = store_get(txn, DBI_DOC, key, &value);
    if (rc == JB_ENOENT)
        return store_txn_fail(txn, JB_ECORRUPT, "the document of a record is missing");
    if (rc)
        return rc;
    if (!(rc = codec_open(value, CODEC_DOC, VERSION, &err, &in)) && in.n != n)
        rc = jb_fail(&err, JB_ECORRUPT, "%zu bytes instead of %llu", in.n,
                     (unsigned long long)n);
    if (rc)
        return store_txn_fail(txn, rc, "the document of a record: %s", err.text);
    const char *p = jb_arena_dup(arena, (const char *)in.p, in.n);
    if (!p)
        return store_txn_fail(txn, JB_ENOMEM, "no room for a document of %zu bytes", in.n);
    *ret_doc = (struct jb_str){p, in.n};
    return 0;
}
