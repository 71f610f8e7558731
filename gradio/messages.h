/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written on event streams, byte by byte as Gradio 4.44.1 (bare) and 6.25.0 (prefixed)
 * write it. On /queue/data every block is one `data:` line: clients take offence at anything
 * else. All functions return NULL when memory is out.
 */
#pragma once

#include "gradio/session.h"

/* An event's messages are three pieces with the answer in the middle, so that a large answer is
 * never copied: estimation, process_starts and the head of process_completed; the output; the
 * rest. `mean_us` is the mean run time of the function before this run, negative = unknown. */
struct jb_blob *message_event_head(bool prefixed, const char *event_id, bool success,
                                   int64_t mean_us);
struct jb_blob *message_event_tail(bool prefixed, const struct gradio_outcome *outcome,
                                   int64_t mean_us);
/* The same head in two pieces, for an event that waits between them. */
struct jb_blob *message_event_opening(const char *event_id, int64_t mean_us);
struct jb_blob *message_event_result(const char *event_id, bool success);
/* Between the two; the same in both generations. See sessions_progress(). */
struct jb_blob *message_progress(const char *event_id, struct jb_str desc, double progress);

/* process_completed of an event that was cancelled before it ran. */
struct jb_blob *message_cancelled(bool prefixed, const char *event_id);

/* unexpected_error; `not_found` is the flag that makes the 6.x front end reload its page. */
struct jb_blob *message_unexpected(bool prefixed, const char *text, bool not_found);

/* A /call stream: `event: complete` or `event: error` up to the data, and what follows it. */
struct jb_blob *message_call_head(bool prefixed, const struct gradio_outcome *outcome);
struct jb_blob *message_call_tail(bool prefixed, const struct gradio_outcome *outcome);
/* `event: error` with a text, for an id that nobody knows. */
struct jb_blob *message_call_error(const char *text);

/* The object that /run and /call answer with when a function failed:
 * `{"error":` before the text, this after it. */
const char *message_error_tail(bool prefixed, const struct gradio_outcome *outcome);

/* /call streams */
#define MESSAGE_CALL_HEARTBEAT "event: heartbeat\ndata: null\n\n"
#define MESSAGE_CALL_CANCELLED "event: complete\ndata: null\n\n"

#define MESSAGE_HEARTBEAT      "data: {\"msg\":\"heartbeat\",\"event_id\":null}\n\n"
#define MESSAGE_CLOSE          "data: {\"msg\":\"close_stream\",\"event_id\":null}\n\n"
#define MESSAGE_ALIVE          "data: ALIVE\n\n"
