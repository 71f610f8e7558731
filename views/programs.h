/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board and the queue for programs: rows encoded once as objects and as lines of CSV, so
 * that an answer is copies of them. Shapes: /api/leaderboard/formatted and the queue's are
 * those of the second Open LLM Leaderboard's API.
 */
#pragma once

#include "base/buf.h"
#include "board/board.h"
#include "queue/lists.h"

struct programs;

/* References the board. JB_ENOMEM. */
int programs_new(struct board *board, struct jb_error *err, struct programs **ret_programs);
void programs_free(struct programs *programs);

/* All rows but the baseline's, in the board's order: `{…},{…}`, and lines that end in CRLF. */
struct jb_str programs_objects(const struct programs *programs);
struct jb_str programs_lines(const struct programs *programs);
/* Of one row; empty for the baseline's. */
struct jb_str programs_object(const struct programs *programs, size_t row);
struct jb_str programs_line(const struct programs *programs, size_t row);

/* Names of the columns as the first line of the CSV (RFC 4180; no field of it is a formula). */
void programs_put_header(const struct board *board, struct jb_buf *out);

/* {"pending":[…],"evaluating":[…],"finished":[…],"failed":[…],"cancelled":[…]}, and the pending
 * ones alone; entries as request_json_put_entry(). */
void programs_put_status(const struct queue_lists *lists, struct jb_buf *out);
void programs_put_pending(const struct queue_lists *lists, struct jb_buf *out);

/* {"model_id","status","requests":[…]} of a model, `status` that of the newest request, entries
 * as request_json_put_long(). False, and nothing written, when it has none. `now`: when the
 * lists were made. */
bool programs_put_model(const struct queue_lists *lists, struct jb_str model, int64_t now,
                        const char *mount, struct jb_buf *out);
