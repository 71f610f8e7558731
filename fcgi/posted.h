/* SPDX-License-Identifier: Apache-2.0 */
/* What is posted outside Gradio calls: a flat JSON object, or the fields of a form. */
#pragma once

#include "fcgi/request.h"
#include "queue/submit.h"

/*
 * {"model" (or "model_id", "model_name"),"revision","precision","weight_type","base_model",
 * "model_type","private","nonce"}; numbers and null where a text belongs are refused, null is
 * "not given". "use_chat_template" of other boards' clients may be false. Strings live in the
 * request's arena. JB_EPARSE, JB_EUNPROC (what is it that is not known or of the wrong type),
 * JB_ENOMEM.
 */
int posted_submission(const struct web_request *request, struct jb_error *err,
                      struct submission *ret_submission);

/* {"secret"}; an empty body has none. Errors as above. */
int posted_secret(const struct web_request *request, struct jb_error *err,
                  struct jb_str *ret_secret);

/* A field of application/x-www-form-urlencoded; absent or broken: empty. */
struct jb_str posted_field(const struct web_request *request, const char *name);

/*
 * A form is taken from our own pages only: Origin, when the browser sends one, names the host
 * that was asked, and is not `null`. JB_EACCES with the reason.
 */
int posted_from_here(const struct web_request *request, struct jb_error *err);
