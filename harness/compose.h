/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One result document of one attempt, made of the documents of its benchmarks: the layout of
 * the hub's results data sets (`config_general`, `results` under the harness's own names), with
 * `jinbang.dialect` saying how to read it. Task members are copied byte for byte, but NaN and
 * infinities, which no JSON reader but Python's takes, become null. Command lines and folders
 * of the host are left out.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "harness/benchmark.h"

struct compose_part {
    const char *benchmark; /* key */
    struct jb_str doc;     /* has passed harness_strict_scores() */
    double seconds;        /* of its run; NAN unknown */
    const char *sha256;    /* of `doc`, hex; "" none */
};

struct compose_run {
    const char *model, *revision;
    const char *base_model, *base_revision; /* "" or NULL none */
    const char *precision, *weight_type;
    const char *plan, *plan_version; /* plan_version: commit or version of the harness */
    const char *suite, *environment; /* "" or NULL none */
    uint64_t job;
    int64_t start_us, end_us; /* UTC */
};

/*
 * Appends the document to `out`. JB_ECONFLICT: two benchmarks hold the same task with different
 * values; JB_EPARSE, JB_EUNPROC: a document is not what it should be; JB_ETOOBIG, JB_ENOMEM.
 */
int harness_compose(const struct compose_run *run, enum harness_dialect dialect,
                    const struct compose_part *parts, size_t n, struct jb_arena *arena,
                    struct jb_error *err, struct jb_buf *out);

/* `<org>/<model>/results_2024-05-23T07-14-41.086185.json`; NULL when memory is out. */
char *harness_compose_path(const struct compose_run *run, struct jb_arena *arena);
