/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx's connections: the listening socket and everything accepted on it that waits for its
 * next request. All workers wait here; a connection that becomes readable goes to one of them
 * for one request and comes back when the answer is out.
 */
#pragma once

#include "base/conf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct connections;

/* Binds and listens (web.socket); errors as transport_listen(). Raises the limit of open files
 * as far as web.max_connections needs and the system allows. */
int connections_new(const struct conf *conf, struct jb_error *err, struct connections **ret_c);

/* After every thread that uses them has ended; closes those that wait. NULL is fine. */
void connections_free(struct connections *c);

/*
 * Waits for a connection that has something to read and lends it to the caller, who ends with
 * connections_done() or connections_close(). Accepts new ones on the way. Negative: the process
 * stops and nothing waits to be served.
 */
int connections_next(struct connections *c);

/* An answer is out: keep, the connection waits for the next request (or is closed, when the
 * process stops); !keep, it has been closed already. */
void connections_done(struct connections *c, int fd, bool keep);
void connections_close(struct connections *c, int fd);

/* Nobody can connect from now on; who is connected already is still served, once. */
void connections_stop(struct connections *c);
bool connections_stopping(const struct connections *c);

/* Closes those that wait for a request that nobody would read. */
void connections_close_idle(struct connections *c);

struct connections_stat {
    int open;
    uint64_t accepted, refused; /* refused: over web.max_connections */
};
void connections_stat(const struct connections *c, struct connections_stat *ret_stat);
