/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FastCGI side of nginx's connections: the listening socket and the reading of requests by
 * libfcgi. Only transport.c knows libfcgi.
 *
 * libfcgi keeps a thread on each kept connection; nginx keeps dozens open. So the connections
 * wait in our own epoll, and a readable one is lent to libfcgi for the length of one request:
 * `ipcFd` and `keepConnection` of FCGX_Request are set by hand, and after the body is read the
 * descriptor is taken back before libfcgi could answer on it. The answer goes out by record.h.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Once per process, before threads; keeps libfcgi's signal handlers out. */
int transport_init(struct jb_error *err);

/*
 * Binds the Unix socket (0660, `group` if not empty), non-blocking. A stale socket file is
 * replaced; JB_EEXIST when somebody answers on it. The folder must exist.
 */
int transport_listen(const char *path, const char *group, int backlog, struct jb_error *err,
                     int *ret_fd);

/* Accepts one connection: blocking for reads, which give up after `receive_timeout_ms`.
 * JB_ENOENT: nobody waits; JB_EBUSY: no descriptors left. */
int transport_accept(int listen_fd, int64_t receive_timeout_ms, int *ret_fd);

/* One request being read. */
struct transport;

struct transport *transport_new(void); /* one per worker; NULL when memory is out */
void transport_free(struct transport *t);

/*
 * Reads the head of the next request on `fd`. JB_ECLOSED: the peer closed, sent something that
 * is not FastCGI or let us wait too long; the descriptor is closed then.
 */
int transport_begin(struct transport *t, int fd);

/* A FastCGI parameter, NULL if absent; valid until transport_end(). */
const char *transport_param(const struct transport *t, const char *name);

/*
 * Reads the body into `arena`. JB_ETOOBIG past `cap` (what is left is read and dropped, up to a
 * bound, so that the answer reaches the client), JB_ECLOSED when it ends early, JB_ENOMEM.
 */
int transport_body(struct transport *t, struct jb_arena *arena, size_t cap,
                   struct jb_str *ret_body);

/* Gives the descriptor back: request id for the answer, whether the connection is kept. False
 * when the connection is no longer usable (it is closed then). */
bool transport_end(struct transport *t, uint16_t *ret_id, bool *ret_keep);
