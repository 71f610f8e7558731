/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: one LMDB environment shared by the web process, the dispatcher and the operator's
 * tool. Full sync; one write transaction per change; no read transaction lives across network
 * output: copy out, end it, then write the reply.
 *
 * Transactions are sticky: the first failure is kept in the transaction, every later call does
 * nothing and returns it, and commit turns into abort. A caller writes a straight line and
 * checks once.
 */
#pragma once

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
struct store_txn;

/* Raised by a migration; a store with a greater number is not opened. 2: jobs and what belongs
 * to them. 3: hosts, attempts, parts. */
#define STORE_SCHEMA 3

/* Makes the folder (2770) and an empty store with its keys. JB_EEXIST if there is a store. */
int store_create(const struct conf *conf, struct jb_error *err);

/*
 * Opens an existing store; once per process, after fork (JB_EBUSY when this process has it open
 * already). Clears slots of readers that died. When store.path is a regular file it is taken
 * for a backup: read only, and nobody may write to it meanwhile. A read-only open needs no
 * write permission on data.mdb, but on lock.mdb (where readers announce themselves). A store of
 * an older schema is brought to this one when it is opened for writing, in one transaction.
 * JB_ENOENT (with the hint `jinbang init`), JB_EVERSION (newer; or older, opened for reading
 * only), JB_EFULL, JB_EACCES, JB_EIO, JB_ECORRUPT.
 */
int store_open(const struct conf *conf, bool read_only, struct jb_error *err,
               struct store **ret_store);
void store_close(struct store *store);

/*
 * Makes the map as large as store.map_size says now; smaller it never becomes. Another process
 * that has the store open follows when it next begins a transaction. Waits up to 2 seconds for
 * the transactions of this process. JB_EBUSY (they did not end), JB_ENOMEM, JB_EIO.
 */
int store_grow(struct store *store, int64_t map_size, struct jb_error *err);

/* Clears slots of dead readers; call every minute. Returns how many there were, or JB_E*. */
int store_check_readers(struct store *store);

enum store_mode { STORE_READ, STORE_WRITE };

/*
 * Begins a transaction. `actor` (who, for the change log: "web", "import", "shell:alice") is
 * kept until the end; NULL for a read. A write is refused with JB_EFULL when less than
 * store.min_free is left on the disk. JB_EBUSY: no reader slot, or another process made the
 * map larger and this one was too busy to follow.
 */
int store_begin(struct store *store, enum store_mode mode, const char *actor,
                struct jb_error *err, struct store_txn **ret_txn);

/*
 * Ends the transaction whatever happens. 0 means: durable. JB_EFULL (map or disk full: nothing
 * of it is stored, reads go on), JB_EIO (no further write is begun by this process: restart
 * it), or the sticky error. A commit that changed anything rings the doorbells in run.dir.
 */
int store_commit(struct store_txn *txn, struct jb_error *err);
void store_abort(struct store_txn *txn); /* NULL is fine */

/*
 * The sticky error, 0 = none, and its reason (never NULL). These do not stick: JB_ENOENT of a
 * question (get, find) or of a delete, and whatever the function of a walk returns.
 */
int store_txn_error(const struct store_txn *txn);
const struct jb_error *store_txn_reason(const struct store_txn *txn);
struct store *store_txn_store(const struct store_txn *txn);

/* The store's own key, made with it: for nonces and secrets that must be the same in every
 * process. Not in exports; in backups. */
#define STORE_SECRET_SIZE 32
int store_secret(struct store_txn *txn, unsigned char ret_secret[STORE_SECRET_SIZE]);

/* Counters: grow by one in each transaction that changed what they stand for. */
struct store_seq {
    uint64_t board;  /* anything the board shows */
    uint64_t queue;  /* anything the queue tables show */
    uint64_t change; /* last entry of the change log */
};
int store_seq_get(struct store_txn *txn, struct store_seq *ret_seq);

/* Figures for /metrics. */
struct store_stat {
    uint64_t map_size, used_bytes; /* pages free for use again do not count as used */
    uint64_t requests, results, models, flags, aliases, blocked, hidden, changes;
    uint64_t jobs, deliveries, dead_deliveries; /* deliveries: those not given up */
    uint64_t hosts, attempts, live_attempts, parts;
    unsigned readers, max_readers;
};
/* In a transaction for reading: LMDB shows the free pages to no writer. */
int store_stat_get(struct store_txn *txn, struct store_stat *ret_stat);

/* A consistent copy while others write: temporary file, fsync, rename to `file`.
 * JB_EEXIST when `file` exists and `replace` is false. */
int store_backup(struct store *store, const char *file, bool compact, bool replace,
                 struct jb_error *err);

/*
 * Walks everything: CRC and form of every value, every index entry against its record and every
 * record against its indexes, counters against contents. Calls `problem` for each mistake
 * found. Returns how many, or JB_E* when it could not go on.
 */
int store_verify(struct store *store, void (*problem)(void *ctx, const char *text), void *ctx,
                 struct jb_error *err);

/*
 * The same in a child process that opens the store (or backup) itself: a damaged page can kill
 * whoever reads it, and the death of the child is then one more problem. Not for a process that
 * has threads or the store open.
 */
int store_verify_apart(const struct conf *conf, void (*problem)(void *ctx, const char *text),
                       void *ctx, struct jb_error *err);
