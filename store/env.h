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
 *   flag, alias, blocked, hidden  name         note
 *   doc             'q' id, 'r' id, 'i' model  document as it came
 *   change          seq                        entry
 *   job             id of the request          record
 *   job_state       state NUL priority due id  (empty)
 *   commit_key      identity                   id
 *   nonce           'd' digest                 record
 *                   't' time digest            (empty)
 *   quota           owner NUL time id          (empty)
 *   timing          seq                        record
 *   delivery        id                         record
 *   host            name                       record
 *   attempt         fence                      record
 *   attempt_live    id of the request          fence
 *   attempt_of      id of the request, fence   (empty)
 *   part            id of the request, round,  record
 *                   benchmark
 *
 * Ids, seqs, fences, rounds, times and priorities in keys are eight bytes, big-endian; times
 * there are never negative. An identity is its parts with a NUL after each, or, where that is
 * too long for a key, a NUL and the SHA-256 of it.
 */
#pragma once

#include "base/buf.h"
#include "store/difference.h"
#include "store/host.h"
#include "store/store.h"

#include <lmdb.h>
#include <pthread.h>
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
    DBI_HIDDEN, /* from here on: since schema 2 */
    DBI_JOB,
    DBI_JOB_STATE,
    DBI_COMMIT_KEY,
    DBI_NONCE,
    DBI_QUOTA,
    DBI_TIMING,
    DBI_DELIVERY,
    DBI_HOST, /* from here on: since schema 3 */
    DBI_ATTEMPT,
    DBI_ATTEMPT_LIVE,
    DBI_ATTEMPT_OF,
    DBI_PART,
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
    /* The map changes its size only while this process has no transaction. */
    pthread_mutex_t lock;
    pthread_cond_t idle; /* `active` came to 0 */
    unsigned active;     /* transactions */
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
    struct jb_buf value;         /* of the record being written */
    struct jb_buf before, after; /* what differs, for the change log */
    struct jb_arena *scratch;    /* the record as it was */
};

/* Makes the map `size` bytes large, 0: as large as another process made it. Waits a little for
 * the transactions of this process to end; JB_EBUSY when they do not. */
int store_resize(struct store *store, size_t size, struct jb_error *err);

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
#define META_DELIVERY   "delivery_id"
#define META_TIMING     "timing_seq"
#define META_FENCE      "fence"
#define META_CURSOR     "cursor/" /* and the name of a reader of the change log */
#define META_MARK       "mark/"   /* and a name */

int store_secret_put(struct store_txn *txn);

/* An accepted change: into the log with what differs, and the counters of what it shows in. The
 * action is told by the difference: "new", "changed" or "deleted". */
int store_changed(struct store_txn *txn, const char *kind, const char *name, uint64_t id,
                  struct difference *difference, bool board, bool queue);

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

/* A request in the scratch arena or another; JB_ENOENT does not stick. Value and length of the
 * document are wanted by who writes it (may be NULL). */
int request_load(struct store_txn *txn, uint64_t id, bool with_doc, struct jb_arena *arena,
                 struct request *ret_request, uint64_t *ret_doc_n, struct jb_str *ret_value);
#define REQUEST_TITLE_SIZE (STORE_NAME_MAX * 2 + STORE_WORD_MAX * 2 + 8)
/* What the change log calls it. */
void request_title(const struct request *request, char ret_title[REQUEST_TITLE_SIZE]);

/* With a request that is deleted: its job, what its quota entry is, its claim on a commit. The
 * arena is not reset. */
int job_delete(struct store_txn *txn, uint64_t id, struct jb_arena *arena);
int claim_delete(struct store_txn *txn, const struct request *request);
/* Likewise its attempts; store_parts_delete() has its parts. */
int attempts_delete(struct store_txn *txn, uint64_t request);
/* A claim goes with the request that holds it: to its new identity when nobody has that, else
 * it is given up. */
int claim_move(struct store_txn *txn, const struct request *old, const struct request *now);
/* A text of one line, for keys and messages. JB_EINVAL, JB_ETOOBIG; `what` begins the reason.
 */
int check_line(const char *what, const char *text, size_t max, struct jb_error *err);
int check_text(const char *what, const char *text, size_t max, struct jb_error *err);
/* A stored time: not negative. */
int check_time(const char *what, int64_t time, struct jb_error *err);
int nonce_check(const struct nonce *nonce, struct jb_error *err);
int timing_check(const struct timing *timing, struct jb_error *err);
int delivery_check(const struct delivery *delivery, struct jb_error *err);

/* The attempts of a request. */
void attempt_of_key(struct store_key *ret_key, uint64_t request, uint64_t fence);

/* How many wait, and how many are given up. */
int deliveries_count(struct store_txn *txn, uint64_t *ret_waiting, uint64_t *ret_dead);

/* Keys of what belongs to jobs. */
int job_state_key(struct store_txn *txn, const struct job *job, struct store_key *ret_key);
void quota_key(struct store_key *ret_key, const char *owner, int64_t time, uint64_t id);
int claim_identity(struct store_txn *txn, const char *model, const char *commit,
                   const char *precision, const char *weight_type, struct store_key *ret_key);
void nonce_key(struct store_key *ret_key, const unsigned char *digest);
void nonce_time_key(struct store_key *ret_key, int64_t time, const unsigned char *digest);

/* What the records' identities are made of, for the verification. */
int request_identity(struct store_txn *txn, const struct request *request,
                     struct store_key *ret_key);
int result_identity(struct store_txn *txn, const struct result *result,
                    struct store_key *ret_key);
enum store_dbi note_dbi(enum store_note kind);
