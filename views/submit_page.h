/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form for a submission, without script: it posts to its own address as
 * application/x-www-form-urlencoded with the fields model, revision, model_type, precision,
 * weight_type, base_model and nonce. After a refusal it comes back with what was typed; after
 * acceptance a page says what was accepted and shows the secret.
 */
#pragma once

#include "board/config.h"
#include "queue/answer.h"
#include "queue/submit.h"
#include "views/frame.h"

/* What stands in the fields: what was posted, or nothing. The nonce is
 * made by who asks for the page, SUBMIT_NONCE_MIN to SUBMIT_NONCE_MAX bytes; a form that comes
 * back after a refusal keeps it. */
struct submit_form {
    struct submission values;
    const struct queue_answer *answer; /* NULL: nothing was posted yet */
};

/*
 * The whole page: the answer page when form->answer is a success or waits, else the form, with
 * the answer on top and beside its field. The status of HTTP is the answer's. A page that shows
 * a secret must not be kept by anybody (Cache-Control: no-store). JB_ENOMEM.
 */
int submit_page_put(const struct conf *conf, const struct board_config *board,
                    const struct texts *texts, const struct submit_form *form,
                    enum text_lang lang, struct jb_buf *out, struct jb_error *err);
