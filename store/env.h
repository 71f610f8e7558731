/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the store: the environment, its databases, and the sticky primitives that the
 * records are made of. Private to store/.
 *
 *   meta            name                       counters, schema, secret (framed)
 *   request         id                         record
 *   request_key     identity                   id
 *   request_model   model NUL id               (empty)
 *   result, result_key, result_model           the same
 *   model           model id                   record
 *   flag, alias, blocked  name                 note
 *   doc             'q' id, 'r' id, 'i' model  document as it came
 *   change          seq                        entry
 *
 * Ids and seqs are eight bytes, big-endian. An identity is its parts with a NUL after each, or,
 * where that is too long for a key, a NUL and the SHA-256 of it.
 */
#pragma once

#include "base/buf.h"
#include "store/record.h"
#include "store/store.h"

#include <lmdb.h>
#include <sys/types.h>

enum store_dbi {
    DBI_META,
    DBI_REQUEST,
    DBI_REQUEST_KEY,
    DBI_REQUEST_MODEL,
    DBI_RESULT,
    DBI_RESULT_KEY,
    DBI_RESULT_MODEL,
    DBI_MODEL,
    DBI_FLAG,
    DBI_ALIAS,
    DBI_BLOCKED,
    DBI_DOC,
    DBI_CHANGE,
    DBI_MAX,
};

extern const char *const store_dbi_names[DBI_MAX];

struct store {
    MDB_env *env;
    MDB_dbi dbi[DBI_MAX];
    char *path;
    char *run_dir;
    int64_t min_free;
    bool read_only;
    bool failed; /* a commit met an input/output error; read and written atomically */
    pid_t pid;
    dev_t dev;
    ino_t ino;
    struct store *next; /* in the list of what this process has open */
};

struct store_txn {
    struct store *store;
    MDB_txn *txn;
    enum store_mode mode;
    char *actor;
    struct jb_error err; /* sticky */
    bool board_moved, queue_moved, changed;
    struct jb_buf value;      /* of the record being written */
    struct jb_arena *scratch; /* the record as it was */
};

/* The one place that translates codes of LMDB and the system. Returns the code. */
int store_fail_mdb(struct jb_error *err, int rc, const char *what);

struct store_key {
    size_t n;
    unsigned char p[511];
    bool over; /* what was put did not fit */
};
void store_key_put(struct store_key *key, const void *p, size_t n);
void store_key_id(struct store_key *key, uint64_t id);
struct jb_str store_key_view(const struct store_key *key);
/* Eight bytes big-endian. */
uint64_t store_id_from(const char *p);

/* 0, or the sticky error; a write in a read transaction becomes one. */
int store_txn_ready(struct store_txn *txn, enum store_mode mode);
int store_txn_fail(struct store_txn *txn, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The scratch arena, empty; NULL and a sticky JB_ENOMEM. */
struct jb_arena *store_txn_scratch(struct store_txn *txn);

/* Values read point into the map: until the next write in this transaction or its end. All
 * failures stick but the JB_ENOENT of store_get(). */
int store_get(struct store_txn *txn, enum store_dbi dbi, const struct store_key *key,
              struct jb_str *ret_value);
int store_put(struct store_txn *txn, enum store_dbi dbi, const struct store_key *key,
              struct jb_str value);
/* Room for n bytes in the store itself, to be filled before the next call. */
int store_put_room(struct store_txn *txn, enum store_dbi dbi, const struct store_key *key,
                   size_t n, void **ret_room);
int store_del(struct store_txn *txn, enum store_dbi dbi,
              const struct store_key *key); /* none: 0 */
/* Entries whose key begins with prefix and is greater than `after` (n == 0: all), in order. */
int store_walk(struct store_txn *txn, enum store_dbi dbi, struct jb_str prefix,
               struct jb_str after,
               int (*each)(void *ctx, struct jb_str key, struct jb_str value), void *ctx);

/* Counters of meta; one that is not there is 0. */
int store_meta_get(struct store_txn *txn, const char *name, uint64_t *ret_value);
int store_meta_put(struct store_txn *txn, const char *name, uint64_t value);
int store_meta_next(struct store_txn *txn, const char *name, uint64_t *ret_value); /* + 1 */
#define META_SCHEMA     "schema"
#define META_SECRET     "secret"
#define META_BOARD_SEQ  "board_seq"
#define META_QUEUE_SEQ  "queue_seq"
#define META_CHANGE_SEQ "change_seq"
#define META_REQUEST_ID "request_id"
#define META_RESULT_ID  "result_id"

int store_secret_put(struct store_txn *txn);

/* An accepted change: into the log, and the counters of what it shows in. */
int store_changed(struct store_txn *txn, const char *kind, const char *action, const char *name,
                  uint64_t id, bool board, bool queue);

/* Identity and model indexes of requests and results. */
int index_identity(struct store_txn *txn, const char *const *parts, size_t n,
                   struct store_key *ret_key);
int index_find(struct store_txn *txn, enum store_dbi keys, const struct store_key *identity,
               uint64_t *ret_id); /* 0 = none, not an error */
int index_put(struct store_txn *txn, enum store_dbi keys, enum store_dbi models,
              const struct store_key *identity, const char *model, uint64_t id);
int index_delete(struct store_txn *txn, enum store_dbi keys, enum store_dbi models,
                 const struct store_key *identity, const char *model, uint64_t id);
void index_model_key(struct store_key *key, const char *model);
int index_walk(struct store_txn *txn, enum store_dbi models, const char *model,
               int (*each)(void *ctx, uint64_t id), void *ctx);
/* True when the model, or one that is the same by an alias, has results. */
bool index_has_results(struct store_txn *txn, const char *model);

/* Documents. Kind and owner make the key: doc_key(CODEC_REQUEST, id key). */
void doc_key(struct store_key *key, char kind, struct jb_str owner);
int doc_put(struct store_txn *txn, const struct store_key *key, struct jb_str doc);
bool doc_same(struct store_txn *txn, const struct store_key *key, struct jb_str doc);
int doc_get(struct store_txn *txn, const struct store_key *key, uint64_t n,
            struct jb_arena *arena, struct jb_str *ret_doc);

/* What the records' identities are made of, for the verification. */
int request_identity(struct store_txn *txn, const struct request *request,
                     struct store_key *ret_key);
int result_identity(struct store_txn *txn, const struct result *result,
                    struct store_key *ret_key);
enum store_dbi note_dbi(enum store_note kind);
