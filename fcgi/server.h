/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running web process: connections, workers, streams thread, site keeper.
 */
#pragma once

#include "fcgi/router.h"
#include "fcgi/site.h"
#include "fcgi/streams.h"
#include "fcgi/submissions.h"

struct server;

/* Takes the keeper. */
int server_new(struct keeper *keeper, struct jb_error *err, struct server **ret_server);

/* To be called every second or so: cuts peers that keep a worker reading. */
void server_watch(struct server *server);

/* Stops taking connections, lets what runs finish for `timeout_ms`, then cuts. */
void server_stop(struct server *server, int64_t timeout_ms);
void server_free(struct server *server);

/* For handlers. */
struct streams *server_streams(struct server *server);
struct keeper *server_keeper(struct server *server);
struct submissions *server_submissions(struct server *server);
/* A compiled-in file, by name or by hashed path; NULL. */
const struct ready *server_asset(struct server *server, const char *name);
void server_put_metrics(struct server *server, const struct site *site, struct jb_buf *out);

/* An error answer in the form that the path wants: JSON for programs, a page for people. */
void server_error(struct handling *h, int status, const char *reason);

/* Retry-After of a status that asks to come again (429, 503), in seconds; 0 takes the usual
 * time. Any other status has none. */
void server_retry_after(struct response *r, int status, int64_t seconds);
