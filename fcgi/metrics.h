/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of requests by route and status class, and a latency histogram. Lock-free. */
#pragma once

#include "base/buf.h"

#include <stdint.h>

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* `route` is an index into routes[], or routes_count for a path without route. */
void metrics_count(struct metrics *m, size_t route, int status, int64_t micros);

/* Prometheus text format 0.0.4. */
void metrics_put(const struct metrics *m, struct jb_buf *out);

/* One sample line with HELP and TYPE. */
void metrics_put_one(struct jb_buf *out, const char *name, const char *type, const char *help,
                     double value);
