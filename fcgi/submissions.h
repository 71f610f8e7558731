/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Submissions as the web process takes them: the transaction around queue/submit.h and
 * queue/own.h, and what is said to those who wait for the check with the hub (fcgi/waits.h).
 * Safe from several threads.
 */
#pragma once

#include "fcgi/site.h"
#include "fcgi/waits.h"
#include "queue/own.h"

struct submissions;

/* NULL: no memory. */
struct submissions *submissions_new(struct keeper *keeper);
void submissions_free(struct submissions *s);

/*
 * Stage 1, durable when it returns 0 with an accepted one. JB_EFULL (disk or map; reads go on),
 * JB_EIO, … with the reason: nothing is stored.
 */
int submissions_submit(struct submissions *s, const struct site *site,
                       const struct submission *submission, struct jb_arena *arena,
                       struct jb_error *err, struct queue_answer *ret_answer);

/* Cancel or rerun by the holder of the secret. */
int submissions_own(struct submissions *s, const struct site *site, uint64_t id,
                    struct jb_str secret, enum queue_event event, struct jb_arena *arena,
                    struct jb_error *err, struct queue_answer *ret_answer);

/* The answer of the Gradio function as its outcome: an array of one paragraph, or waiting for
 * the request. JB_ENOMEM. */
int submissions_outcome(const struct site *site, const struct queue_answer *answer,
                        struct gradio_outcome *ret_outcome);

/* For waits_hooks: how it stands with a request. `ctx` is the struct submissions. */
int submissions_look(void *ctx, struct store_txn *txn, uint64_t wait_id, bool expired,
                     struct waits_news *ret_news);
