/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of queue, hosts, attempts and failures, from the snapshot and the store: those who
 * watch the dispatcher need no second address. */
#pragma once

#include "fcgi/site.h"

/* Requests by state and failures by class, as the snapshot has them. */
void metrics_put_lists(const struct site *site, struct jb_buf *out);
/* Hosts by state, live attempts by state, ages of leases, in one read of the store; nothing
 * when it cannot be read. `now` in microseconds UTC. */
void metrics_put_hosts(struct store *store, int64_t now, struct jb_buf *out);
