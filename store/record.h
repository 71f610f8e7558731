/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records and their functions, all within a transaction. Strings of what is read live in
 * the arena given. A document that came from outside keeps its bytes (`doc`) with all unknown
 * fields; the typed members beside it are what we understood of it.
 *
 * Every put says whether it changed anything: the same content twice is STORE_SAME and leaves
 * no trace. A change appends to the change log and moves board_seq or queue_seq. A put without
 * a document keeps the document that is stored, so that what was read without documents may be
 * changed and put back.
 *
 * A put that is refused spoils its transaction like any other failure. Who goes through many
 * records of others asks the *_check() first. Strings may be NULL (as ""); all text is UTF-8,
 * names and words have no control characters.
 */
#pragma once

#include "base/arena.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define STORE_NAME_MAX 200         /* bytes of a model id, revision, file name, tag */
#define STORE_WORD_MAX 64          /* precision, weight type, status, benchmark key */
#define STORE_TEXT_MAX 4096        /* any other string */
#define STORE_DOC_MAX  (64u << 20) /* a document */
#define STORE_LIST_MAX 1024        /* scores of a result, tags of a model */

enum store_outcome { STORE_SAME, STORE_NEW, STORE_CHANGED };

/*
 * A request for evaluation. Identity: model, revision, precision, weight type (model ids
 * compare exactly). `status` is the word as the datasets write it (facts: PENDING, RERUN,
 * RUNNING, FINISHED…, PENDING_NEW_EVAL, FAILED, CANCELLED); queue/state.h gives it meaning.
 */
struct request {
    uint64_t id; /* 0 when new; given by the store, never used again */
    const char *model;
    const char *base_model; /* "" none */
    const char *revision;   /* as typed or "main" */
    const char *commit;     /* 40 hex or "" */
    const char *precision;
    const char *weight_type; /* Original, Delta, Adapter */
    const char *status;
    const char *model_type; /* as given: "🟢 : pretrained", "pretrained", "" */
    const char *architectures;
    const char *license; /* of the request itself, older files; "" */
    const char *job_id;  /* "" none */
    double params;       /* billions; NAN unknown */
    double likes;        /* of the request itself, older files; NAN */
    bool private_;
    int64_t submitted; /* microseconds UTC; 0 unknown */
    const char *path; /* file in the requests layout, relative; "" = the one our layout gives */
    struct jb_str doc; /* bytes as imported; empty = written by us */
};

/* JB_EINVAL, JB_ETOOBIG with the reason: what store_request_put() would refuse in any store. */
int store_request_check(const struct request *request, struct jb_error *err);
/*
 * With id 0: the request of that identity, or a new one. With an id: that request, whose
 * identity may change. The id is filled in. JB_ECONFLICT when the identity belongs to another
 * id, JB_ENOENT when there is no such id.
 */
int store_request_put(struct store_txn *txn, struct request *request,
                      enum store_outcome *ret_outcome);
int store_request_get(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
                      struct request *ret_request);
/* By identity; JB_ENOENT. */
int store_request_find(struct store_txn *txn, const char *model, const char *revision,
                       const char *precision, const char *weight_type, struct jb_arena *arena,
                       struct request *ret_request);
int store_request_delete(struct store_txn *txn, uint64_t id);

/*
 * A result document: one run (or one imported table row) of one model. Identity: model,
 * revision, precision and `name` (file name in the results layout).
 */
struct result_score {
    const char *benchmark; /* key */
    double value, error;   /* percent; error NAN unknown */
    int64_t items;         /* 0 unknown */
};

struct result {
    uint64_t id;
    const char *model;
    const char *revision;  /* sha; "" when the document has none */
    const char *precision; /* "" unknown */
    int64_t time;          /* microseconds UTC; 0 unknown */
    const char *dialect;   /* harness_dialect_name() */
    const char *path;      /* <org>/<model>/results_<time>.json */
    size_t n;
    const struct result_score *scores;
    struct jb_str doc; /* bytes as imported */
};

int store_result_check(const struct result *result, struct jb_error *err);
int store_result_put(struct store_txn *txn, struct result *result,
                     enum store_outcome *ret_outcome);
int store_result_get(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
                     struct result *ret_result);
/* By identity; JB_ENOENT. `name` is a file name, without folders. */
int store_result_find(struct store_txn *txn, const char *model, const char *revision,
                      const char *precision, const char *name, struct jb_arena *arena,
                      struct result *ret_result);
int store_result_delete(struct store_txn *txn, uint64_t id);

/* What the hub says of a model: one member of model_infos.json. */
struct model_info {
    const char *model;
    double likes;        /* NAN unknown */
    const char *license; /* "" unknown; several joined by ", " */
    bool still_on_hub;
    size_t n_tags;
    const char *const *tags; /* "merge", "moe", "flagged:undisclosed_merge", … */
    struct jb_str doc;       /* the member's value as imported */
};

int store_model_check(const struct model_info *model, struct jb_error *err);
int store_model_put(struct store_txn *txn, const struct model_info *model,
                    enum store_outcome *ret_outcome);
int store_model_get(struct store_txn *txn, const char *model, struct jb_arena *arena,
                    struct model_info *ret_model);
int store_model_delete(struct store_txn *txn, const char *model);

/* Short records: a name and a text. */
enum store_note {
    NOTE_FLAG,    /* model -> URL of the discussion ("" none) */
    NOTE_ALIAS,   /* old id -> present id */
    NOTE_BLOCKED, /* do-not-submit: model -> reason */
    NOTE_HIDDEN,  /* deleted by a moderator: model -> reason; shown nowhere, kept */
    NOTE_MAX,
};
int store_note_check(enum store_note kind, const char *name, const char *text,
                     struct jb_error *err);
int store_note_put(struct store_txn *txn, enum store_note kind, const char *name,
                   const char *text, enum store_outcome *ret_outcome);
int store_note_get(struct store_txn *txn, enum store_note kind, const char *name,
                   struct jb_arena *arena, const char **ret_text);
int store_note_delete(struct store_txn *txn, enum store_note kind, const char *name);

/*
 * Walks, in key order (requests and results by id, models and notes by name). The function
 * returns 0 to go on, anything else ends the walk and is returned. `arena` is reset by the
 * caller if it wants to; documents are left out (doc.n == 0) unless `with_docs`. The function
 * may put and delete in the same transaction.
 */
int store_requests_each(struct store_txn *txn, struct jb_arena *arena, bool with_docs,
                        int (*each)(void *ctx, const struct request *request), void *ctx);
int store_results_each(struct store_txn *txn, struct jb_arena *arena, bool with_docs,
                       int (*each)(void *ctx, const struct result *result), void *ctx);
int store_models_each(struct store_txn *txn, struct jb_arena *arena, bool with_docs,
                      int (*each)(void *ctx, const struct model_info *model), void *ctx);
int store_notes_each(struct store_txn *txn, enum store_note kind, struct jb_arena *arena,
                     int (*each)(void *ctx, const char *name, const char *text), void *ctx);
/* Requests and results of one model, by id. */
int store_model_requests(struct store_txn *txn, const char *model, struct jb_arena *arena,
                         bool with_docs, int (*each)(void *ctx, const struct request *request),
                         void *ctx);
int store_model_results(struct store_txn *txn, const char *model, struct jb_arena *arena,
                        bool with_docs, int (*each)(void *ctx, const struct result *result),
                        void *ctx);

/* The change log: what was accepted, in order; feeds, webhooks, exports, audit and mirrors read
 * it by cursor. */
struct change {
    uint64_t seq;
    int64_t time; /* microseconds UTC */
    const char *actor;
    const char *kind;   /* "request", "result", "model", "flag", "alias", "blocked", "hidden",
                           "job", "host", "delivery" */
    const char *action; /* "new", "changed", "deleted" */
    const char *name;   /* model id; of a request or job "<id> <revision> <precision> <weight
                           type>", of a result "<id> <file name>"; of a host its name,
                           of a delivery that of its webhook */
    uint64_t id;        /* of a request, result, job or delivery; 0 */
    /* What differs, as JSON objects of the changed members ("" where there is nothing to say:
     * before of what is new, after of what was deleted, entries of an older version). Of a
     * request: its typed members; of a note: {"text"}; of a job: state, failure, reason … */
    const char *before, *after;
};
/* Entries with seq > after, oldest first. */
int store_changes_each(struct store_txn *txn, uint64_t after, struct jb_arena *arena,
                       int (*each)(void *ctx, const struct change *change), void *ctx);
