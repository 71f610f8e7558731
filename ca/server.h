/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinbang-ca's socket: who connects is known by the kernel (SO_PEERCRED) and must be one of
 * ca.clients; one request per connection, one thread, everything bounded.
 */
#pragma once

#include "base/conf.h"
#include "base/error.h"

struct ca_server;

/* JB_EINVAL: a name in ca.clients that is nobody's; JB_EBUSY: another one listens; and as
 * ca_signer_init(). `conf` is kept. */
int ca_server_new(const struct conf *conf, struct jb_error *err, struct ca_server **ret_server);
/* Serves until `stop_fd` can be read. */
int ca_server_run(struct ca_server *s, int stop_fd, struct jb_error *err);
void ca_server_free(struct ca_server *s); /* removes the socket */
