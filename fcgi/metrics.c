/* SPDX-License-Identifier: Apache-2.0 */
#include "fcgi/metrics.h"
#include "base/text.h"
#include "fcgi/router.h"

#include <stdlib.h>
#include <string.h>

enum { CLASSES = 6, BUCKETS = 10 };

/* Upper bounds in microseconds; the last is infinity. */
static const int64_t bounds[BUCKETS] = {50,   100,  250,   500,    1000,
                                        2500, 5000, 25000, 100000, INT64_MAX};

struct metrics {
    uint64_t (*requests)[CLASSES]; /* by route and hundred of the status */
    uint64_t buckets[BUCKETS];
    uint64_t sum_micros;
};

struct metrics *
metrics_new(void)
{
    struct metrics *m = calloc(1, sizeof(*m));

    if (m)
        m->requests = calloc(routes_count + 1, sizeof(*m->requests));
    if (m && !m->requests) {
        free(m);
        m = NULL;
    }
    return m;
}

void
metrics_free(struct metrics *m)
{
    if (m)
        free(m->requests);
    free(m);
}

void
metrics_count(struct metrics *m, size_t route, int status, int64_t micros)
{
    int class = status / 100;
    size_t bucket = 0;

    __atomic_add_fetch(&m->requests[route][class < CLASSES ? class : 5], 1, __ATOMIC_RELAXED);
    while (micros > bounds[bucket])
        bucket++;
    __atomic_add_fetch(&m->buckets[bucket], 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&m->sum_micros, (uint64_t)micros, __ATOMIC_RELAXED);
}

static uint64_t
load(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void
put_number(struct jb_buf *out, double value)
{
    char text[JB_DOUBLE_SIZE];

    jb_buf_put(out, text, jb_format_double(value, text));
}

void
metrics_put(const struct metrics *m, struct jb_buf *out)
{
    jb_buf_puts(out, "# HELP jinbang_http_requests_total Requests by route and status class.\n"
                     "# TYPE jinbang_http_requests_total counter\n");
    for (size_t i = 0; i <= routes_count; i++) {
        const char *name = i < routes_count ? routes[i].name : "none";
        bool first = true;
        for (size_t k = 0; k < i && i < routes_count; k++)
            first = first && strcmp(routes[k].name, name) != 0;
        if (!first)
            continue;
        for (int class = 1; class < CLASSES; class ++) {
            uint64_t n = 0;
            for (size_t k = i; k <= routes_count; k++)
                if (k == i ||
                    (i < routes_count && k < routes_count && strcmp(routes[k].name, name) == 0))
                    n += load(&m->requests[k][class]);
            if (n)
                jb_buf_printf(
                    out, "jinbang_http_requests_total{route=\"%s\",status=\"%dxx\"} %llu\n",
                    name, class, (unsigned long long)n);
        }
    }
    jb_buf_puts(out, "# HELP jinbang_http_request_seconds Time from reading a request to its "
                     "answer being written or handed on.\n"
                     "# TYPE jinbang_http_request_seconds histogram\n");
    uint64_t total = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        total += load(&m->buckets[i]);
        jb_buf_puts(out, "jinbang_http_request_seconds_bucket{le=\"");
        if (i + 1 < BUCKETS)
            put_number(out, (double)bounds[i] / 1e6);
        else
            jb_buf_puts(out, "+Inf");
        jb_buf_printf(out, "\"} %llu\n", (unsigned long long)total);
    }
    jb_buf_puts(out, "jinbang_http_request_seconds_sum ");
    put_number(out, (double)load(&m->sum_micros) / 1e6);
    jb_buf_printf(out, "\njinbang_http_request_seconds_count %llu\n",
                  (unsigned long long)total);
}

void
metrics_put_one(struct jb_buf *out, const char *name, const char *type, const char *help,
                double value)
{
    jb_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
    put_number(out, value);
    jb_buf_putc(out, '\n');
}
