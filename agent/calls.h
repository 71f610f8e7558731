/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of wire/message.h: a request in, an answer out, no sockets. What an answer says is
 * durable before it is there.
 */
#pragma once

#include "agent/agent.h"
#include "agent/http.h"

/* Most bytes of an answer's body: the results of one benchmark. */
#define CALLS_ANSWER_MAX (PLAN_RESULT_MAX + (64 << 10))

/* `ret_answer` is fresh (HTTP_ANSWER); everything has an answer, errors too. */
void calls_answer(struct agent *agent, const struct http_request *request,
                  struct http_answer *ret_answer);
/* The answer to what is no request: `rc` and `err` of http_push(). */
void calls_refuse(int rc, const struct jb_error *err, struct http_answer *ret_answer);
