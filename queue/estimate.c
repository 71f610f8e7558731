/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "queue/estimate.h"

#include "store/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_RUNS = 3, BUCKETS = 9, SLOTS_MAX = 256 };

/* Upper ends of the classes of size, billions; the last class has none, and one is for unknown
 * sizes. The classes are those of the board's filter. */
static const double ends[] = {2, 4, 9, 20, 45, 70};
#define UNKNOWN_SIZE (BUCKETS - 1)

struct run {
    char precision[STORE_WORD_MAX + 1], benchmark[STORE_WORD_MAX + 1];
    int bucket;
    double params, seconds;
};

/* What is learned of a benchmark, class of size and precision ("" any). */
struct group {
    const struct run *like;
    bool any_precision;
    struct queue_estimate spread; /* not known: too few runs */
};

struct estimates {
    struct run *runs;
    size_t n, room;
    struct group *groups;
    size_t n_groups;
};

static int
bucket_of(double params)
{
    int i = 0;

    if (isnan(params) || params <= 0)
        return UNKNOWN_SIZE;
    while (i < (int)(sizeof ends / sizeof *ends) && params > ends[i])
        i++;
    return i;
}

struct estimates *
estimates_new(void)
{
    return calloc(1, sizeof(struct estimates));
}

void
estimates_free(struct estimates *e)
{
    if (!e)
        return;
    free(e->runs);
    free(e->groups);
    free(e);
}

int
estimates_add(struct estimates *e, const struct timing *timing)
{
    if (!(timing->seconds > 0) || isinf(timing->seconds) ||
        strlen(timing->precision) > STORE_WORD_MAX ||
        strlen(timing->benchmark) > STORE_WORD_MAX)
        return 0;
    if (e->n == e->room) {
        size_t room = e->room ? 2 * e->room : 64;
        struct run *runs = reallocarray(e->runs, room, sizeof *runs);
        if (!runs)
            return JB_ENOMEM;
        e->runs = runs;
        e->room = room;
    }
    struct run *run = &e->runs[e->n++];
    *run = (struct run){.bucket = bucket_of(timing->params),
                        .params = timing->params,
                        .seconds = timing->seconds};
    memcpy(run->precision, timing->precision, strlen(timing->precision));
    memcpy(run->benchmark, timing->benchmark, strlen(timing->benchmark));
    return 0;
}

static int
by_time(const void *pa, const void *pb)
{
    const struct run *a = pa, *b = pb;

    return a->seconds < b->seconds ? -1 : a->seconds > b->seconds;
}

static bool
in_group(const struct group *g, const char *benchmark, int bucket, const char *precision)
{
    return g->like->bucket == bucket && strcmp(g->like->benchmark, benchmark) == 0 &&
           (precision ? !g->any_precision && strcmp(g->like->precision, precision) == 0
                      : g->any_precision);
}

/* Of any precision when NULL; NULL: nothing like it ever ran. */
static struct group *
group_of(const struct estimates *e, const char *benchmark, int bucket, const char *precision)
{
    for (size_t i = 0; i < e->n_groups; i++)
        if (in_group(&e->groups[i], benchmark, bucket, precision))
            return &e->groups[i];
    return NULL;
}

/* The q-th part of sorted values, between neighbours. */
static double
quantile(const double *v, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;

    return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}

/* The runs are sorted by the time they took. */
static void
learn_group(const struct estimates *e, struct group *g, double *v)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++)
        if (in_group(g, e->runs[i].benchmark, e->runs[i].bucket,
                     g->any_precision ? NULL : e->runs[i].precision))
            v[n++] = e->runs[i].seconds;
    if (n >= LEAST_RUNS)
        g->spread = (struct queue_estimate){true, quantile(v, n, 0.1), quantile(v, n, 0.5),
                                            quantile(v, n, 0.9), n};
}

int
estimates_learn(struct estimates *e)
{
    if (!e->n)
        return 0;
    double *v = malloc(e->n * sizeof *v);
    struct group *groups = calloc(2 * e->n, sizeof *groups);
    if (!v || !groups) {
        free(v);
        free(groups);
        return JB_ENOMEM;
    }
    free(e->groups);
    e->groups = groups;
    e->n_groups = 0;
    qsort(e->runs, e->n, sizeof *e->runs, by_time);
    for (size_t i = 0; i < e->n; i++) {
        const struct run *r = &e->runs[i];
        if (!group_of(e, r->benchmark, r->bucket, r->precision))
            groups[e->n_groups++] = (struct group){.like = r};
        if (!group_of(e, r->benchmark, r->bucket, NULL))
            groups[e->n_groups++] = (struct group){.like = r, .any_precision = true};
    }
    for (size_t i = 0; i < e->n_groups; i++)
        learn_group(e, &groups[i], v);
    free(v);
    return 0;
}

static struct queue_estimate
spread_of(const struct estimates *e, const char *benchmark, int bucket, const char *precision)
{
    const struct group *g = group_of(e, benchmark, bucket, precision);

    return g ? g->spread : (struct queue_estimate){0};
}

/* The size that stands for a class when another is scaled from it. */
static double
size_of(int bucket)
{
    static const double sizes[BUCKETS] = {1.5, 3, 7, 13, 34, 60, 100, 0, 0};

    return sizes[bucket];
}

static struct queue_estimate
spread_near(const struct estimates *e, const char *benchmark, double params,
            const char *precision)
{
    int bucket = bucket_of(params);
    struct queue_estimate s = spread_of(e, benchmark, bucket, precision);

    if (!s.known)
        s = spread_of(e, benchmark, bucket, NULL);
    for (int away = 1; !s.known && bucket != UNKNOWN_SIZE && away < UNKNOWN_SIZE; away++)
        for (int side = -1; side <= 1 && !s.known; side += 2) {
            int other = bucket + side * away;
            if (other < 0 || other >= UNKNOWN_SIZE || size_of(other) <= 0)
                continue;
            s = spread_of(e, benchmark, other, NULL);
            /* Time grows with the weights; how closely is not known, so the interval widens. */
            double factor = params / size_of(other);
            s.low *= factor / 1.5;
            s.middle *= factor;
            s.high *= factor * 1.5;
        }
    return s;
}

struct queue_estimate
estimates_run(const struct estimates *e, double params, const char *precision,
              const char *const *benchmarks, size_t n_benchmarks)
{
    struct queue_estimate s = spread_near(e, "", params, precision), sum = {0};

    for (size_t i = 0; !s.known && i < n_benchmarks; i++) {
        struct queue_estimate one = spread_near(e, benchmarks[i], params, precision);
        if (!one.known)
            break;
        sum.known = i + 1 == n_benchmarks;
        sum.low += one.low;
        sum.middle += one.middle;
        sum.high += one.high;
        sum.runs = i == 0 || one.runs < sum.runs ? one.runs : sum.runs;
        if (sum.known)
            s = sum;
    }
    return s;
}

/* When each slot becomes free, in the three tellings. */
struct estimate_walk {
    const struct estimates *e;
    double low[SLOTS_MAX], middle[SLOTS_MAX], high[SLOTS_MAX];
    size_t slots, running, runs;
    bool lost; /* something before is not known, so nothing behind it is */
};

struct estimate_walk *
estimate_walk_new(const struct estimates *e, size_t slots)
{
    struct estimate_walk *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->e = e;
    w->slots = slots < 1 ? 1 : slots > SLOTS_MAX ? SLOTS_MAX : slots;
    return w;
}

void
estimate_walk_free(struct estimate_walk *w)
{
    free(w);
}

static size_t
earliest(const double *v, size_t n)
{
    size_t at = 0;

    for (size_t i = 1; i < n; i++)
        if (v[i] < v[at])
            at = i;
    return at;
}

static double
left(double whole, double elapsed)
{
    return whole > elapsed ? whole - elapsed : 0;
}

void
estimate_walk_running(struct estimate_walk *w, double params, const char *precision,
                      double elapsed)
{
    struct queue_estimate run = estimates_run(w->e, params, precision, NULL, 0);

    if (!run.known || w->running >= w->slots) {
        w->lost = true;
        return;
    }
    size_t i = w->running++;
    w->low[i] = left(run.low, elapsed);
    w->middle[i] = left(run.middle, elapsed);
    w->high[i] = left(run.high, elapsed);
    w->runs = !w->runs || run.runs < w->runs ? run.runs : w->runs;
}

struct queue_estimate
estimate_walk_next(struct estimate_walk *w, double params, const char *precision)
{
    struct queue_estimate run = estimates_run(w->e, params, precision, NULL, 0), start = {0};
    size_t a = earliest(w->low, w->slots), b = earliest(w->middle, w->slots),
           c = earliest(w->high, w->slots);

    if (!w->lost && w->e->n) {
        start = (struct queue_estimate){.known = w->runs > 0 || run.known,
                                        .low = w->low[a],
                                        .middle = w->middle[b],
                                        .high = w->high[c],
                                        .runs = w->runs ? w->runs : run.runs};
    }
    if (!run.known) {
        w->lost = true;
        return start;
    }
    w->low[a] += run.low;
    w->middle[b] += run.middle;
    w->high[c] += run.high;
    w->runs = !w->runs || run.runs < w->runs ? run.runs : w->runs;
    return start;
}
