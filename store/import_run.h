/* SPDX-License-Identifier: Apache-2.0 */
/* What the imports share: files of a folder, their bytes, and batches of one transaction each.
 * Private to store/import*.c and store/export.c. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "store/import.h"

/* Paths below a folder, relative to it, sorted by byte. */
struct import_list {
    size_t n, room;
    char **paths;
};

/*
 * Regular files below `dir` whose name ends in `suffix`; names with a leading dot are left out.
 * A symbolic link counts when it leads to a regular file inside `dir`; any other is reported.
 * JB_ENOENT, JB_EACCES, JB_EIO, JB_ENOMEM, JB_ETOOBIG.
 */
int import_list_read(const char *dir, const char *suffix, const struct import_sink *sink,
                     struct jb_error *err, struct import_list *ret_list);
void import_list_free(struct import_list *list);
bool import_list_has(const struct import_list *list, const char *path);

/* A whole file into the arena, with a NUL after it. JB_ETOOBIG beyond `max`. `dir` may be NULL.
 */
int import_file_read(const char *dir, const char *path, size_t max, struct jb_arena *arena,
                     struct jb_error *err, struct jb_str *ret_bytes);

/* A piece of work: `n` items that are read outside and put inside transactions. */
struct import_work {
    struct store *store;
    const char *actor;
    const struct import_sink *sink;
    size_t n;
    void *ctx;
    /* Makes the record of item i; its memory and `*ret_path` (for messages) come from `arena`.
     * An error marks the item broken; JB_ENOMEM ends the work. */
    int (*read)(void *ctx, size_t i, struct jb_arena *arena, struct jb_error *err,
                const char **ret_path, void **ret_record);
    /* Within a write transaction. A failure of JB_EINVAL, JB_EUNPROC, JB_ETOOBIG or
     * JB_ECONFLICT marks the item broken, any other ends the work. */
    int (*put)(void *ctx, struct store_txn *txn, void *record, struct jb_arena *arena,
               struct jb_error *err, enum store_outcome *ret_outcome);
};

/* Counts are right whatever it returns. */
int import_work_run(const struct import_work *work, struct jb_error *err,
                    struct import_counts *ret_counts);

void import_problem(const struct import_sink *sink, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
