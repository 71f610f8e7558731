/* SPDX-License-Identifier: Apache-2.0 */
/* What a submitter is told (queue/answer.h), as the Gradio form and as programs get it. */
#pragma once

#include "base/buf.h"
#include "queue/answer.h"

/*
 * The coloured paragraph of the Space: red for an error, orange for a warning, green for
 * success and for what waits; zh, then en, then the secret and a link to the page of the
 * request where there are any. HTML, everything of the answer escaped. `mount` is site.mount.
 */
void answer_put_gradio(const struct queue_answer *answer, const char *mount,
                       struct jb_buf *out);

/*
 * {"status","code","message":{"zh","en"},"request","secret","retry_after","links":{"request",
 * "page"}}. `status` is "accepted" (the check goes on), "duplicate", "refused", or the code of
 * the answer when it is a success ("queued", "cancelled", …); what there is not is null.
 */
void answer_put_json(const struct queue_answer *answer, const char *mount, struct jb_buf *out);

/* Its `status`; lives as long as the answer. */
const char *answer_status(const struct queue_answer *answer);
