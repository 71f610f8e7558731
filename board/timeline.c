/* SPDX-License-Identifier: Apache-2.0 */
#include "board/timeline.h"

#include <math.h>
#include <stdlib.h>

struct dated {
    int64_t time;
    uint32_t row;
};

static int64_t
row_time(const struct board_row *row)
{
    return row->evaluated > 0 ? row->evaluated : row->submitted;
}

static int
compare(const void *a, const void *b)
{
    const struct dated *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static double
score_of(const struct board_row *row, int benchmark)
{
    return benchmark < 0 ? row->average : row->scores[benchmark];
}

/* The mean of what the benchmarks of the average have at `offset`; NAN when one lacks it. */
static double
mean_line(const struct board_config *config, size_t offset)
{
    const struct benchmark *benchmarks = config->benchmarks.items;
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < config->benchmarks.n; i++)
        if (benchmarks[i].in_average) {
            sum += *(const double *)((const char *)&benchmarks[i] + offset);
            n++;
        }
    return n ? sum / (double)n : (double)NAN;
}

/* Of several records of one day only the last, and the highest, is kept. */
static bool
same_day(int64_t a, int64_t b)
{
    const int64_t day = (int64_t)86400 * 1000000;

    return a / day == b / day;
}

static int
fill(const struct board *board, const struct dated *rows, size_t n, struct jb_arena *arena,
     struct timeline_series *series)
{
    struct timeline_point *points;
    double best = -1;
    size_t records = 0;

    for (size_t i = 0; i < n; i++) {
        double score = score_of(board_row(board, rows[i].row), series->benchmark);

        if (score > best) {
            best = score;
            records++;
        }
    }
    points = jb_arena_alloc(arena, (records ? records : 1) * sizeof(*points));
    if (!points)
        return JB_ENOMEM;
    best = -1;
    for (size_t i = 0; i < n; i++) {
        double score = score_of(board_row(board, rows[i].row), series->benchmark);

        if (!(score > best))
            continue;
        best = score;
        if (series->n && same_day(points[series->n - 1].time, rows[i].time))
            series->n--;
        points[series->n++] = (struct timeline_point){rows[i].time, score, rows[i].row};
    }
    series->points = points;
    return 0;
}

int
timeline_build(const struct board *board, struct jb_arena *arena, struct timeline *ret_timeline)
{
    const struct board_config *config = board_config_of(board);
    const struct benchmark *benchmarks = config->benchmarks.items;
    size_t n_rows = board_rows(board), n_series = config->benchmarks.n + 1;
    struct timeline_series *series = jb_arena_alloc(arena, n_series * sizeof(*series));
    struct dated *rows = malloc((n_rows ? n_rows : 1) * sizeof(*rows));
    struct timeline t = {.series = series, .n = n_series};
    int rc = series && rows ? 0 : JB_ENOMEM;

    for (size_t i = 0; i < n_rows && rc == 0; i++) {
        const struct board_row *row = board_row(board, i);

        if (!row->baseline && !row->flagged && row_time(row) > 0)
            rows[t.dated++] = (struct dated){row_time(row), (uint32_t)i};
    }
    if (rc == 0 && t.dated) {
        qsort(rows, t.dated, sizeof(*rows), compare);
        t.first = rows[0].time;
        t.last = rows[t.dated - 1].time;
    }
    for (size_t i = 0; i < n_series && rc == 0; i++) {
        const struct benchmark *b = i ? &benchmarks[i - 1] : NULL;

        series[i] = (struct timeline_series){
            .benchmark = (int)i - 1,
            .name = b ? b->header : config->average_header,
            .human = b ? b->human : mean_line(config, offsetof(struct benchmark, human)),
            .baseline =
                b ? b->baseline : mean_line(config, offsetof(struct benchmark, baseline)),
        };
        rc = fill(board, rows, t.dated, arena, &series[i]);
    }
    free(rows);
    if (rc == 0)
        *ret_timeline = t;
    return rc;
}
