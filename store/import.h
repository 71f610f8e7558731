/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hub-shaped files in; store/export.h writes them. Imports work in batches of one transaction
 * each; a broken file is reported with its path and reason and the rest goes on; importing the
 * same again changes nothing. `files` counts what was looked at: files, members of a file or
 * rows of a table.
 */
#pragma once

#include "base/error.h"
#include "harness/benchmark.h"
#include "store/record.h"
#include "store/store.h"

/* Told as the work goes on; any member may be NULL. Paths and reasons hold what the files hold:
 * escape control characters before showing them. */
struct import_sink {
    void *ctx;
    void (*problem)(void *ctx, const char *path, const char *reason);
    void (*progress)(void *ctx, size_t done, size_t total);
    bool (*stop)(void *ctx); /* true: end after the batch under way */
};

struct import_counts {
    size_t files, added, changed, same, broken;
};

int import_requests(struct store *store, const char *dir, const char *actor,
                    const struct import_sink *sink, struct jb_error *err,
                    struct import_counts *ret_counts);
int import_results(struct store *store, const char *dir, const struct benchmark *benchmarks,
                   size_t n, const char *actor, const struct import_sink *sink,
                   struct jb_error *err, struct import_counts *ret_counts);
/* model_infos.json: one object, model id -> object. */
int import_models(struct store *store, const char *file, const char *actor,
                  const struct import_sink *sink, struct jb_error *err,
                  struct import_counts *ret_counts);

/* flags.json, aliases.json, blocked.json: one object, name -> text; blocked may be a list of
 * names. */
int import_notes(struct store *store, enum store_note kind, const char *file, const char *actor,
                 const struct import_sink *sink, struct jb_error *err,
                 struct import_counts *ret_counts);
/* Computes the scores of every stored result document anew, after the board file has changed.
 */
int import_rescore(struct store *store, const struct benchmark *benchmarks, size_t n,
                   const char *actor, const struct import_sink *sink, struct jb_error *err,
                   struct import_counts *ret_counts);

struct import_table_options {
    bool invert;  /* Merged, Flagged, MoE mean the opposite (late HF v1 tables) */
    int64_t time; /* of the scores, microseconds UTC; 0 = the rows' own `date` or unknown */
};
/* A table of scores: .csv with a header line, or column-oriented .json
 * {column: {row: value}}. Columns are known by their headers (and fboulnois' short names). */
int import_table(struct store *store, const char *file, const struct benchmark *benchmarks,
                 size_t n, const struct import_table_options *options, const char *actor,
                 const struct import_sink *sink, struct jb_error *err,
                 struct import_counts *ret_counts);
