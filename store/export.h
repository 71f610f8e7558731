/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hub-shaped files of what is stored: all of them at once, or the name and the bytes of one.
 * What was not changed has the bytes that came; where something was, the changed members are
 * spliced into those bytes.
 *
 * The layouts name no revision: of several records with the same plain name the newest owns it,
 * the others get `_` and the first twelve hex digits of their commit (of the SHA-256 of their
 * revision where they have none) before `.json`.
 */
#pragma once

#include "base/buf.h"
#include "store/import.h"
#include "store/job.h"
#include "store/record.h"

enum export_layout { EXPORT_REQUESTS, EXPORT_RESULTS, EXPORT_LAYOUTS };
extern const char *const export_folders[EXPORT_LAYOUTS]; /* "requests", "results" */

/* What may go out (queue/publish.h). Each returns 1, 0 to leave it out, or JB_E*. Documents
 * may be left out of what they are asked about. */
struct export_rule {
    void *ctx;
    int (*request)(void *ctx, struct store_txn *txn, const struct request *request);
    int (*result)(void *ctx, struct store_txn *txn, const struct result *result);
    int (*model)(void *ctx, struct store_txn *txn, const char *model);
};

struct export_name {
    uint64_t id;
    int64_t time;     /* newer ones go first */
    const char *path; /* plain name below its layout */
    char hex[13];     /* of the revision */
};

/* The path lives in the record or the arena. JB_ENOMEM, JB_EIO. */
int export_request_name(const struct request *request, struct jb_arena *arena,
                        struct export_name *ret_name);
int export_result_name(const struct result *result, struct jb_arena *arena,
                       struct export_name *ret_name);
/* Of the same path: negative when `a` is the newer one. */
int export_name_order(const struct export_name *a, const struct export_name *b);
/* <layout>/…: the plain name for its owner. NULL when memory is out. */
char *export_name_file(const struct export_name *name, enum export_layout layout, bool owner,
                       struct jb_arena *arena);

/* The bytes of a request's file; the request was read with its document. A result's file is its
 * document, and one without has no file. Errors as document_request_write(). */
int export_request_write(struct store_txn *txn, const struct request *request,
                         struct jb_arena *arena, struct jb_error *err, struct jb_buf *out);

/* The files beside the layouts. */
enum export_list { EXPORT_MODELS, EXPORT_FLAGS, EXPORT_ALIASES, EXPORT_BLOCKED, EXPORT_LISTS };
const char *export_list_file(enum export_list list); /* "model_infos.json" … */
/* The list that a change of this kind shows in; -1 none. */
int export_list_of(const char *kind);
/* Resets the arena. */
int export_list_write(struct store_txn *txn, enum export_list list,
                      const struct export_rule *rule, struct jb_arena *arena,
                      struct jb_error *err, struct jb_buf *out);

/* requests/…, results/…, model_infos.json, flags.json, aliases.json, blocked.json under `dir`;
 * files with the same bytes are left alone. `rule` NULL: everything goes out. */
int export_all(struct store *store, const char *dir, const struct export_rule *rule,
               const struct import_sink *sink, struct jb_error *err,
               struct import_counts *ret_counts);
