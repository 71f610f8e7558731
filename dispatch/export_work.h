/* SPDX-License-Identifier: Apache-2.0 */
/* The export task and one run of it. Private to export.c, which looks, and export_write.c,
 * which writes. */
#pragma once

#include "dispatch/dispatch.h"
#include "dispatch/export_index.h"
#include "store/folder.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(item) ((item)->lost = true)

/* A result of this request goes out from then on. */
struct embargo {
    uint64_t id;
    int64_t until;
    bool lost;
    UT_hash_handle hh;
};

struct export_task {
    struct dispatch *d;
    char *dir;
    uint64_t dir_mark; /* what MARK_FOLDER holds of it */
    struct folder *folder;
    struct export_index *index;
    struct embargo *embargoes;
    struct jb_arena *records, *changes; /* one record; one change */
    struct jb_buf out;
    uint64_t applied, saved; /* change that the index knows; that the store's cursor says */
    bool mark_saved;
    unsigned lists;  /* bits of those to be written */
    bool reconsider; /* who may go out has changed in many ways at once */
    int64_t models_after;
    int64_t not_before, wait;
    size_t written, removed; /* since the folder was last as it should be */
};

/* One run. */
struct work {
    struct export_task *t;
    struct store_txn *txn;
    struct export_rule rule;
    struct jb_error *err;
    int64_t now, deadline; /* the latter monotonic ms */
    size_t n_changes;
};

/* A failure in a transaction or of memory, with its reason. Returns the code. */
int export_failed(struct work *w, int rc);

/* Files of the groups that are to be written, until the deadline; the lists that are. */
int export_write_groups(struct work *w);
int export_write_lists(struct work *w);
