/* SPDX-License-Identifier: Apache-2.0 */
/* Records as lines or as JSON, for list and show. */
#pragma once

#include "base/clock.h"
#include "cli/cli.h"

struct listing {
    struct jb_arena *arena;
    bool as_json, scores; /* scores: also the lines below a result */
    struct jb_buf out;
    struct jb_json json;
};

/* "" for an unknown time (0); microseconds only where there are some. */
const char *list_time(int64_t us, char out[JB_TIME_SIZE]);
/* The same, or null. */
void list_put_time(struct jb_json *j, const char *key, int64_t us);
/* A line of cells with tabs between them; NULL ends it. */
void list_line(const char *cell, ...);
/* The members of a request, without the braces. */
void list_put_request(struct jb_json *j, const struct request *request);

int list_request(void *ctx, const struct request *request);
int list_result(void *ctx, const struct result *result);
int list_model(void *ctx, const struct model_info *model);
int list_note(void *ctx, const char *name, const char *text);

/* Opens the store, walks in one read transaction, prints; returns the exit code. */
int listing_run(struct cli *cli, struct listing *l,
                int (*walk)(struct listing *l, struct store_txn *txn, const char *what),
                const char *what);
