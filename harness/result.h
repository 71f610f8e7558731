/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A result document taken apart, dialect by dialect: whose run it is, when, and its tasks.
 * Private to harness/: scores.c makes scores of it.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "harness/benchmark.h"

struct cJSON;

#define RESULT_TASKS 4096 /* tasks in one document */

struct result_task {
    const char *key;  /* as in the document */
    const char *name; /* the task's name in it: `harness|arc:challenge|25` -> `arc:challenge` */
    int64_t shots;    /* as the key says; -1 when it does not */
    bool group;       /* an aggregate over other tasks (present dialect) */
    const struct cJSON *metrics;
};

struct result_doc {
    enum harness_dialect dialect;
    const struct cJSON *root, *config; /* config may be NULL */
    const char *model, *revision, *precision;
    int64_t time;
    size_t n;
    struct result_task *tasks;
};

/* Strings live in `arena` or in the tree. JB_EUNPROC with what is missing, JB_ETOOBIG,
 * JB_ENOMEM. */
int result_doc_read(const struct cJSON *root, struct jb_arena *arena, struct jb_error *err,
                    struct result_doc *ret_doc);
