/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a result document to scores, in percent, by one set of rules for every dialect: collect
 * every task of a benchmark, take its metric, bring it to percent by the dialect's scale (never
 * mixed within a file), refuse NaN, infinities and anything outside 0..100, require all tasks,
 * take the unweighted mean. A benchmark that fails has no score, never 0.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "harness/benchmark.h"

struct score {
    const char *benchmark; /* key */
    double value;          /* percent */
    double error;          /* standard error in percent; NAN unknown */
    int64_t items;         /* number of items; 0 unknown */
};

enum score_fault {
    SCORE_MISSING, /* a task or its metric is not there */
    SCORE_NAN,     /* NaN or infinite */
    SCORE_BAD,     /* no number, or outside 0..100 */
};

struct score_problem {
    const char *benchmark; /* key */
    const char *reason;    /* "task cmmlu_anatomy is missing", one line */
    enum score_fault fault;
};

struct scores {
    enum harness_dialect dialect;
    const char
        *model; /* hub id; "" when the file does not say (pinned, present: from model_args) */
    const char *revision;  /* sha or "" */
    const char *precision; /* "float16", …; "" unknown; `torch.` stripped; the text "None" of
                              old files is GPTQ */
    int64_t time;          /* of the run, microseconds UTC; 0 unknown */
    size_t n;
    const struct score *items; /* benchmarks of which the file holds all tasks */
    size_t problems;
    const struct score_problem
        *problem; /* benchmarks of which it holds some tasks, but no score */
};

/*
 * Reads one result document. JB_EPARSE (not JSON, with the offset), JB_EUNPROC (JSON, but none
 * of the dialects; or no benchmark of the board in it at all), JB_ETOOBIG, JB_ENOMEM.
 * Everything returned lives in `arena`.
 */
int scores_read(struct jb_str doc, const struct benchmark *benchmarks, size_t n,
                struct jb_arena *arena, struct jb_error *err, struct scores *ret_scores);

/* As scores_read(), but a document without any of the benchmarks is no error. */
int scores_read_any(struct jb_str doc, const struct benchmark *benchmarks, size_t n,
                    struct jb_arena *arena, struct jb_error *err, struct scores *ret_scores);
