/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for programs: entries of lists, and all that is known of one. */
#pragma once

#include "base/json.h"
#include "views/request_page.h"

/*
 * An entry of a list: {name, submitter, revision, precision, weight_type, submission_time,
 * status} as the second Open LLM Leaderboard's API has them, then ours: {id, state}, of a
 * waiting one {place}, of a failed one {failure, reason, attempts}.
 */
void request_json_put_entry(const struct queue_entry *entry, struct jb_json *j);

/* Beside these, of an entry of one model: {commit, attempts, started, ended, estimated_start,
 * failure, reason, links}. `now`: what the estimates of the lists count from. */
void request_json_put_long(const struct queue_entry *entry, int64_t now, const char *mount,
                           struct jb_json *j);

/* All facts of one request, without what belongs to its submitter. Of the attempts at it,
 * newest first: {attempt, round, host, state, progress, benchmark, benchmarks, leased, started,
 * ended, seconds, failure, reason, links}, each of `benchmarks` {key, name, state, seconds}. */
void request_json_put(const struct request_facts *facts, const struct board *board,
                      const char *mount, struct jb_buf *out);

/* A part of a log: {request, attempt, from, next, end, ended, text, links}. */
void request_json_put_log(uint64_t request, const struct queue_log *log, const char *mount,
                          struct jb_buf *out);
