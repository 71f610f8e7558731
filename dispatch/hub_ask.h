/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the hub, and what its answer amounts to. (Facts: the hub says with
 * X-Error-Code what is missing; without a token it answers 401 for what does not exist.)
 */
#pragma once

#include "dispatch/http.h"
#include "dispatch/hub.h"

/* Where to ask, and how. Strings live as long as what was copied into. */
struct hub_place {
    struct http *http;
    const char *url, *token;
    struct http_request request; /* of every question: limits, proxy, hosts */
};

/* By settings; everything is copied into the arena. JB_ENOMEM. */
int hub_place_copy(struct http *http, const struct conf *conf, const char *url,
                   const char *token, struct jb_arena *arena, struct hub_place *ret_place);

/* Into the arena; no revision is "main". JB_ENOMEM. */
int hub_query_copy(const struct hub_query *query, struct jb_arena *arena,
                   struct hub_query *ret_query);

/* NULL: no memory. */
const char *hub_info_url(const struct hub_place *place, struct jb_arena *arena,
                         const char *model, const char *revision);
const char *hub_file_url(const struct hub_place *place, struct jb_arena *arena,
                         const char *model, const char *commit, const char *file);

enum hub_said {
    HUB_YES,         /* 200 or 206 */
    HUB_NO_REPO,     /* no such model, or it is hidden from us */
    HUB_NO_REVISION, /* the model is there */
    HUB_NO_FILE,
    HUB_GATED,
    HUB_LATER, /* ask again: 429, 5xx, no answer, an answer that is none of the hub's */
    HUB_ODD,   /* larger than we read, or a status that means nothing here */
};

/* `file`: a file was asked for, not information. The reason is for people, of the arena, ""
 * for HUB_YES; of what is missing it says what the hub said. */
enum hub_said hub_said(const struct hub_place *place, const struct http_answer *answer,
                       bool file, struct jb_arena *arena, const char **ret_reason);
