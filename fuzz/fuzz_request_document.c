/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request documents: what is read is written as the same bytes; with another status and commit
 * the document reads back with them, and what had been said otherwise is unchanged.
 */
#include "store/document.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define PATH   "o/m_eval_request_False_8bit_Original.json"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void
must(bool truth)
{
    if (!truth)
        abort();
}

static void
change(struct request *r, struct jb_arena *arena)
{
    struct jb_buf out = JB_BUF(4u << 20);
    struct jb_error err = {0};
    struct request again;

    must(document_request_write(r, 0, arena, &err, &out) == 0);
    must(jb_str_eq(jb_buf_view(&out), r->doc));
    jb_buf_reset(&out);
    r->status = "R\"\xc3\xa9";
    r->commit = COMMIT;
    must(document_request_write(r, 0, arena, &err, &out) == 0);
    must(document_request_read(jb_buf_view(&out), PATH, arena, &err, &again) == 0);
    must(strcmp(again.status, r->status) == 0);
    must(strcmp(again.commit, COMMIT) == 0);
    must(strcmp(again.model, r->model) == 0 && strcmp(again.revision, r->revision) == 0);
    must(strcmp(again.precision, r->precision) == 0 &&
         strcmp(again.weight_type, r->weight_type) == 0);
    must(strcmp(again.model_type, r->model_type) == 0 && strcmp(again.job_id, r->job_id) == 0);
    must(again.submitted == r->submitted && again.private_ == r->private_);
    /* as one of ours */
    jb_buf_reset(&out);
    again.doc.n = 0;
    must(document_request_write(&again, 0, arena, &err, &out) == 0);
    must(document_request_read(jb_buf_view(&out), "", arena, &err, r) == 0);
    must(strcmp(again.model, r->model) == 0 && strcmp(again.revision, r->revision) == 0);
    jb_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jb_arena *arena = jb_arena_new(64u << 20);
    struct jb_str bytes = {(const char *)data, n};
    struct jb_error err = {0};
    struct request r;
    struct model_info model;
    struct jb_buf out = JB_BUF(4u << 20);

    if (!arena)
        return 0;
    if (document_request_read(bytes, PATH, arena, &err, &r) == 0)
        change(&r, arena);
    else
        must(err.code != 0);
    jb_error_clear(&err);
    if (document_model_read("o/m", bytes, arena, &err, &model) == 0) {
        must(document_model_write(&model, arena, &err, &out) == 0);
        must(jb_str_eq(jb_buf_view(&out), model.doc));
    }
    jb_buf_free(&out);
    jb_arena_free(arena);
    return 0;
}
