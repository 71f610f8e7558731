/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a submitter is told: a code for programs, a kind that gives colour and HTTP status, and
 * sentences in both languages. Plain text; each way out (Gradio paragraph, JSON, page) escapes
 * for itself.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "store/job.h"

#include <stdbool.h>
#include <stdint.h>

enum answer_kind {
    ANSWER_ERROR,   /* red */
    ANSWER_WARNING, /* orange */
    ANSWER_SUCCESS, /* green */
    ANSWER_WAITING, /* accepted; the check with the hub is under way */
};

struct queue_answer {
    enum answer_kind kind;
    int status;       /* of HTTP: 200, 202, 400, 403, 404, 409, 422, 429, 503 */
    const char *code; /* "model_type_missing", "quota", "blocked", "duplicate", "accepted",
                         "queued", or a failure word of queue/failure.h */
    const char *zh, *en;
    uint64_t request;    /* the request it is about: the new one, or the one there already; 0 */
    const char *secret;  /* of the submission, for whom it belongs to; NULL none */
    int64_t retry_after; /* seconds until it is worth trying again; 0 unknown */
};

/* Sets every member; texts are formatted into the arena, from one format per language that
 * takes the same arguments in the same order. JB_ENOMEM. */
int queue_answer_set(struct queue_answer *answer, struct jb_arena *arena, enum answer_kind kind,
                     int status, const char *code, const char *zh, const char *en, ...)
    __attribute__((format(printf, 6, 8), format(printf, 7, 8)));

/*
 * What is to be said of a request as it stands: waiting, queued with its place, refused with
 * the reason, a duplicate of which one … `job` NULL for an imported request without one. For
 * events that waited, and for pages.
 */
int queue_answer_for(const struct request *request, const struct job *job,
                     struct jb_arena *arena, struct queue_answer *ret_answer);
