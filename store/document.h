/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and model information as the hub's datasets hold them: JSON objects of which we
 * understand some members and keep all. A change goes into the original bytes; only the members
 * that changed are written anew.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "store/record.h"

#define DOCUMENT_REQUEST_MAX (1 << 20) /* bytes; some forks keep tracebacks inside */

/*
 * Reads a request document of any era. `path` is its place in the requests layout; what old
 * documents leave out (private, precision, weight type) is taken from its name. Strings and a
 * copy of the bytes live in `arena`. JB_EPARSE, JB_ETOOBIG, JB_EUNPROC (no object, no model or
 * status, a member twice, a value that cannot name a request), JB_ENOMEM.
 */
int document_request_read(struct jb_str doc, const char *path, struct jb_arena *arena,
                          struct jb_error *err, struct request *ret_request);

/*
 * The document of a request as it is now: the original bytes if nothing changed, those bytes
 * with the changed members spliced in, or, for a request that is ours, one line with the
 * members in the order in which the submit handler of the Chinese leaderboard writes them.
 * `started`: when it began to run here (job_start_time), 0: it did not, and what the original
 * says of it stays.
 */
int document_request_write(const struct request *request, int64_t started,
                           struct jb_arena *arena, struct jb_error *err, struct jb_buf *out);

/* <model>_eval_request_<True|False>_<precision>_<weight type>.json; NULL when memory is out. */
char *document_request_path(const struct request *request, struct jb_arena *arena);

/*
 * What the hub says of a model: the value of one member of model_infos.json. Strings and a copy
 * of the bytes live in `arena`. Errors as document_request_read().
 */
int document_model_read(const char *model, struct jb_str doc, struct jb_arena *arena,
                        struct jb_error *err, struct model_info *ret_model);
/* As document_request_write(). */
int document_model_write(const struct model_info *model, struct jb_arena *arena,
                         struct jb_error *err, struct jb_buf *out);

/* Text without characters that may not be shown, of at most 512 bytes; NULL when memory is out.
 */
const char *document_clean_text(const char *text, struct jb_arena *arena);

struct document_change {
    const char *member;
    struct jb_str value; /* JSON */
};

/*
 * Writes `object` (a JSON object that was checked) with members replaced or, where it has none
 * of that name, added after the last one in the manner of those before it. Everything else
 * stays byte for byte. JB_EUNPROC when it is no object; errors of `out`.
 */
int document_splice(struct jb_str object, const struct document_change *changes, size_t n,
                    struct jb_error *err, struct jb_buf *out);

/* A JSON string; `ascii` writes what is not ASCII as \uXXXX, as Python's json module does. */
void document_put_string(struct jb_buf *out, const char *text, bool ascii);

/*
 * May a model of this name be stored? Wider than what may be submitted, for old data: 1..128
 * bytes without control characters, at most one slash, no empty, `.` or `..` part. JB_EUNPROC.
 */
int document_model_check(const char *model, struct jb_error *err);
