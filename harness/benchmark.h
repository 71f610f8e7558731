/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is measured: the benchmarks of a board, as its board file lists them. A benchmark is one
 * column; it is made of one or more harness tasks whose metric is averaged without weights.
 */
#pragma once

#include "base/settings.h"

/* The shapes in which evaluation results come. */
enum harness_dialect {
    DIALECT_PINNED,    /* lm-evaluation-harness b281b09:
                          {"results":{task:{metric:v}},"versions","config"}, 0..1 */
    DIALECT_PRESENT,   /* lm_eval of today: metric keys carry a filter ("acc,none"), 0..1 */
    DIALECT_LIGHTEVAL, /* config_general, keys `harness|task|shots`, 0..1 */
    DIALECT_CN,        /* config_general, keys `harness-task`, 0..100 */
    DIALECT_TEMPLATE,  /* {"config":{model_name,…},"results":{task:{metric:v}}}: the scale is
                          guessed */
    DIALECT_TABLE,     /* made by `jinbang import table`: 0..100 */
    DIALECT_MAX,
};

/* How one dialect names a benchmark's tasks, where it differs from the benchmark's own names.
 */
struct benchmark_source {
    int dialect;                  /* enum harness_dialect */
    struct setting_strings tasks; /* as benchmark.tasks */
    const char *metric;           /* "" = the benchmark's */
};

struct benchmark {
    const char *key;    /* stable name in the store and in URLs, [a-z0-9_]+ */
    const char *header; /* column header, "C-ARC" */
    const char *name;   /* full name, for the About table and for screen readers */
    const char *url;    /* paper or data set; "" = none */
    int64_t shots;
    const char *metric; /* "acc_norm" */
    /* Task names as the harness registers them. A name ending in '*' stands for every task with
     * that prefix; then `count` says how many there must be. */
    struct setting_strings tasks;
    int64_t count;
    bool in_average;
    double baseline;             /* of random answers, percent; NAN unknown */
    double human;                /* percent; NAN unknown */
    struct setting_list sources; /* struct benchmark_source */
};

/* Table of one group of the board file's `benchmarks` list. */
extern const struct setting benchmark_table[];

const char *harness_dialect_name(enum harness_dialect dialect); /* "pinned", "cn", … */
