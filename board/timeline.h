/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The best score so far, through time: of the average and of each benchmark. Every model of the
 * board counts from the day of its evaluation (of its submission where that is not known);
 * flagged models and the baseline row do not, and what has no date cannot.
 */
#pragma once

#include "board/board.h"

struct timeline_point {
    int64_t time; /* microseconds UTC */
    double score; /* percent: the best until then */
    uint32_t row; /* the board's row that reached it */
};

struct timeline_series {
    int benchmark;                       /* index into config->benchmarks; -1 the average */
    const char *name;                    /* header of its column */
    double human;                        /* percent; NAN unknown */
    double baseline;                     /* of random answers, percent; NAN unknown */
    const struct timeline_point *points; /* rising in time and score */
    size_t n;
};

/* Series 0 is the average, the others the benchmarks in the order of the columns. */
struct timeline {
    const struct timeline_series *series;
    size_t n;
    int64_t first, last; /* of all dated rows, also of those that were never the best; 0 none */
    size_t dated;        /* rows that count */
};

/* The lines of the average are the means over the benchmarks of the average, where all of these
 * have one. Memory from `arena`; the board must stay. JB_ENOMEM. */
int timeline_build(const struct board *board, struct jb_arena *arena,
                   struct timeline *ret_timeline);
