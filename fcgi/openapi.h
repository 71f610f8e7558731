/* SPDX-License-Identifier: Apache-2.0 */
/* /openapi.json: OpenAPI 3.1 of what programs call, with this board's own choices. */
#pragma once

#include "base/conf.h"
#include "board/board.h"
#include "base/json.h"
#include "gradio/site.h"

/* Rows of one answer of /api/leaderboard: unless asked for, and at most. */
enum { API_ROWS = 1000, API_ROWS_MOST = 10000 };

/* The server is named by the mount alone, so that the document is the same for every host. */
int openapi_put(const struct conf *conf, const struct board *board,
                const struct gradio_site *gradio, struct jb_buf *out);

/* The paths that take a POST of a program, members of `paths`; and their schemas, members with
 * a comma in front. openapi_posts.c */
void openapi_put_posts(struct jb_json *j);
struct jb_str openapi_post_schemas(void);
