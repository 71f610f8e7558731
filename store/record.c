/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and decoding of whole records, field by field in one order that never changes within
 * a version. */
#include "store/codec.h"

#define VERSION        1
#define CHANGE_VERSION 2 /* since then with before and after */

int
request_encode(const struct request *request, uint64_t doc_n, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_text(b, request->model);
    codec_put_text(b, request->base_model);
    codec_put_text(b, request->revision);
    codec_put_text(b, request->commit);
    codec_put_text(b, request->precision);
    codec_put_text(b, request->weight_type);
    codec_put_text(b, request->status);
    codec_put_text(b, request->model_type);
    codec_put_text(b, request->architectures);
    codec_put_text(b, request->license);
    codec_put_text(b, request->job_id);
    codec_put_double(b, request->params);
    codec_put_double(b, request->likes);
    codec_put_bool(b, request->private_);
    codec_put_int(b, request->submitted);
    codec_put_text(b, request->path);
    codec_put_uint(b, doc_n);
    return codec_end(b, CODEC_REQUEST, VERSION);
}

int
request_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
               struct request *ret_request, uint64_t *ret_doc_n)
{
    struct codec_in in;
    struct request r = {0};
    int rc = codec_open_copy(value, CODEC_REQUEST, VERSION, arena, err, &in);

    if (rc)
        return rc;
    r.model = codec_text(&in);
    r.base_model = codec_text(&in);
    r.revision = codec_text(&in);
    r.commit = codec_text(&in);
    r.precision = codec_text(&in);
    r.weight_type = codec_text(&in);
    r.status = codec_text(&in);
    r.model_type = codec_text(&in);
    r.architectures = codec_text(&in);
    r.license = codec_text(&in);
    r.job_id = codec_text(&in);
    r.params = codec_double(&in);
    r.likes = codec_double(&in);
    r.private_ = codec_bool(&in);
    r.submitted = codec_int(&in);
    r.path = codec_text(&in);
    uint64_t doc_n = codec_uint(&in);
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_request = r;
    *ret_doc_n = doc_n;
    return 0;
}

int
result_encode(const struct result *result, uint64_t doc_n, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_text(b, result->model);
    codec_put_text(b, result->revision);
    codec_put_text(b, result->precision);
    codec_put_int(b, result->time);
    codec_put_text(b, result->dialect);
    codec_put_text(b, result->path);
    codec_put_uint(b, result->n);
    for (size_t i = 0; i < result->n; i++) {
        const struct result_score *score = &result->scores[i];
        codec_put_text(b, score->benchmark);
        codec_put_double(b, score->value);
        codec_put_double(b, score->error);
        codec_put_int(b, score->items);
    }
    codec_put_uint(b, doc_n);
    return codec_end(b, CODEC_RESULT, VERSION);
}

int
result_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
              struct result *ret_result, uint64_t *ret_doc_n)
{
    struct codec_in in;
    struct result r = {0};
    int rc = codec_open_copy(value, CODEC_RESULT, VERSION, arena, err, &in);

    if (rc)
        return rc;
    r.model = codec_text(&in);
    r.revision = codec_text(&in);
    r.precision = codec_text(&in);
    r.time = codec_int(&in);
    r.dialect = codec_text(&in);
    r.path = codec_text(&in);
    uint64_t n = codec_uint(&in);
    if (n > STORE_LIST_MAX || n > in.n)
        return jb_fail(err, JB_ECORRUPT, "the value does not have its form");
    struct result_score *scores = jb_arena_array(arena, n ? (size_t)n : 1, sizeof *scores);
    if (!scores)
        return jb_fail(err, JB_ENOMEM, "no room for a record of %zu bytes", value.n);
    for (size_t i = 0; i < n; i++) {
        scores[i].benchmark = codec_text(&in);
        scores[i].value = codec_double(&in);
        scores[i].error = codec_double(&in);
        scores[i].items = codec_int(&in);
    }
    r.n = (size_t)n;
    r.scores = scores;
    uint64_t doc_n = codec_uint(&in);
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_result = r;
    *ret_doc_n = doc_n;
    return 0;
}

int
model_encode(const struct model_info *model, uint64_t doc_n, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_double(b, model->likes);
    codec_put_text(b, model->license);
    codec_put_bool(b, model->still_on_hub);
    codec_put_uint(b, model->n_tags);
    for (size_t i = 0; i < model->n_tags; i++)
        codec_put_text(b, model->tags[i]);
    codec_put_uint(b, doc_n);
    return codec_end(b, CODEC_MODEL, VERSION);
}

int
model_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
             struct model_info *ret_model, uint64_t *ret_doc_n)
{
    struct codec_in in;
    struct model_info m = {0};
    int rc = codec_open_copy(value, CODEC_MODEL, VERSION, arena, err, &in);

    if (rc)
        return rc;
    m.likes = codec_double(&in);
    m.license = codec_text(&in);
    m.still_on_hub = codec_bool(&in);
    uint64_t n = codec_uint(&in);
    if (n > STORE_LIST_MAX || n > in.n)
        return jb_fail(err, JB_ECORRUPT, "the value does not have its form");
    const char **tags = jb_arena_array(arena, n ? (size_t)n : 1, sizeof *tags);
    if (!tags)
        return jb_fail(err, JB_ENOMEM, "no room for a record of %zu bytes", value.n);
    for (size_t i = 0; i < n; i++)
        tags[i] = codec_text(&in);
    m.n_tags = (size_t)n;
    m.tags = tags;
    uint64_t doc_n = codec_uint(&in);
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_model = m;
    *ret_doc_n = doc_n;
    return 0;
}

int
note_encode(const char *text, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_text(b, text);
    return codec_end(b, CODEC_NOTE, VERSION);
}

int
note_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
            const char **ret_text)
{
    struct codec_in in;
    int rc = codec_open_copy(value, CODEC_NOTE, VERSION, arena, err, &in);

    if (rc)
        return rc;
    const char *text = codec_text(&in);
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_text = text;
    return 0;
}

int
change_encode(const struct change *change, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_int(b, change->time);
    codec_put_text(b, change->actor);
    codec_put_text(b, change->kind);
    codec_put_text(b, change->action);
    codec_put_text(b, change->name);
    codec_put_uint(b, change->id);
    codec_put_text(b, change->before);
    codec_put_text(b, change->after);
    return codec_end(b, CODEC_CHANGE, CHANGE_VERSION);
}

int
change_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
              struct change *ret_change)
{
    struct codec_in in;
    struct change c = {0};
    int rc = codec_open_copy(value, CODEC_CHANGE, CHANGE_VERSION, arena, err, &in);

    if (rc)
        return rc;
    c.time = codec_int(&in);
    c.actor = codec_text(&in);
    c.kind = codec_text(&in);
    c.action = codec_text(&in);
    c.name = codec_text(&in);
    c.id = codec_uint(&in);
    c.before = in.version > 1 ? codec_text(&in) : "";
    c.after = in.version > 1 ? codec_text(&in) : "";
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_change = c;
    return 0;
}
