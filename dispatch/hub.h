/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of one submission with the hub, asynchronously: a chain of questions, each asked
 * when the one before is answered. (Facts: which checks, in which order, is the Space's submit
 * handler: base model, configuration and tokenizer, model information, size, licence, card.
 * Ours besides: weights must be in safetensors, remote code and pickle are never run.)
 */
#pragma once

#include "base/conf.h"
#include "dispatch/hub_known.h"
#include "dispatch/http.h"
#include "queue/verdict.h"

/* Where to ask; copied. */
struct hub_source {
    struct http *http;
    const struct conf *conf;
    const char *url;   /* base, without a trailing slash */
    const char *token; /* "" none */
    struct hub_known *known;
};

/* What is to be checked, as it was submitted and passed its grammar; copied. */
struct hub_query {
    const char *model, *revision, *precision, *weight_type;
    const char *base_model; /* "" none */
    bool private_;
};

struct hub_check;

/*
 * Begins a check. `done` is called once with the verdict, which lives until it returns: later,
 * from http_run(), or at once when nothing needs to be asked: then ret_check is NULL. The check
 * is gone after done(). JB_ENOMEM.
 */
int hub_check_start(const struct hub_source *source, const struct hub_query *query,
                    void (*done)(void *ctx, const struct hub_verdict *verdict), void *ctx,
                    struct jb_error *err, struct hub_check **ret_check);
/* It is forgotten; done() is not called. NULL is fine. */
void hub_check_cancel(struct hub_check *check);
