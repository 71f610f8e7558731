/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and decoding of the records of job.h, as record.c does it for those of record.h. */
#include "store/codec.h"

#define VERSION     1
#define VERSION_JOB 2 /* 2: commit of the base model */

int
job_encode(const struct job *job, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_text(b, job->state);
    codec_put_uint(b, job->round);
    codec_put_text(b, job->failure);
    codec_put_text(b, job->reason);
    codec_put_text(b, job->log_tail);
    codec_put_uint(b, job->same_as);
    codec_put_uint(b, job->attempts);
    codec_put_uint(b, job->checks);
    codec_put_int(b, job->due);
    codec_put_uint(b, job->priority);
    codec_put_text(b, job->owner);
    codec_put_bool(b, job->charged);
    codec_put_int(b, job->accepted);
    codec_put_int(b, job->checked);
    codec_put_int(b, job->queued);
    codec_put_int(b, job->started);
    codec_put_int(b, job->ended);
    codec_put_int(b, job->embargo);
    codec_put_bool(b, job->hidden);
    codec_put_bool(b, job->has_secret);
    if (job->has_secret)
        codec_put_bytes(b, job->secret, sizeof job->secret);
    codec_put_text(b, job->base_commit);
    return codec_end(b, CODEC_JOB, VERSION_JOB);
}

int
job_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
           struct job *ret_job)
{
    struct codec_in in;
    struct job j = {.base_commit = ""};
    int rc = codec_open_copy(value, CODEC_JOB, VERSION_JOB, arena, err, &in);

    if (rc)
        return rc;
    j.state = codec_text(&in);
    j.round = codec_uint(&in);
    j.failure = codec_text(&in);
    j.reason = codec_text(&in);
    j.log_tail = codec_text(&in);
    j.same_as = codec_uint(&in);
    j.attempts = codec_uint(&in);
    j.checks = codec_uint(&in);
    j.due = codec_int(&in);
    j.priority = codec_uint(&in);
    j.owner = codec_text(&in);
    j.charged = codec_bool(&in);
    j.accepted = codec_int(&in);
    j.checked = codec_int(&in);
    j.queued = codec_int(&in);
    j.started = codec_int(&in);
    j.ended = codec_int(&in);
    j.embargo = codec_int(&in);
    j.hidden = codec_bool(&in);
    j.has_secret = codec_bool(&in);
    if (j.has_secret)
        codec_bytes(&in, j.secret, sizeof j.secret);
    if (in.version >= 2)
        j.base_commit = codec_text(&in);
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_job = j;
    return 0;
}

int
nonce_encode(const struct nonce *nonce, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_uint(b, nonce->request);
    codec_put_uint(b, nonce->round);
    codec_put_int(b, nonce->time);
    return codec_end(b, CODEC_NONCE, VERSION);
}

int
nonce_decode(struct jb_str value, struct jb_error *err, struct nonce *ret_nonce)
{
    struct codec_in in;
    struct nonce n = {0};
    int rc = codec_open(value, CODEC_NONCE, VERSION, err, &in);

    if (rc)
        return rc;
    n.request = codec_uint(&in);
    n.round = codec_uint(&in);
    n.time = codec_int(&in);
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_nonce = n;
    return 0;
}

int
timing_encode(const struct timing *timing, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_text(b, timing->benchmark);
    codec_put_text(b, timing->precision);
    codec_put_double(b, timing->params);
    codec_put_double(b, timing->seconds);
    codec_put_int(b, timing->time);
    return codec_end(b, CODEC_TIMING, VERSION);
}

int
timing_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
              struct timing *ret_timing)
{
    struct codec_in in;
    struct timing t = {0};
    int rc = codec_open_copy(value, CODEC_TIMING, VERSION, arena, err, &in);

    if (rc)
        return rc;
    t.benchmark = codec_text(&in);
    t.precision = codec_text(&in);
    t.params = codec_double(&in);
    t.seconds = codec_double(&in);
    t.time = codec_int(&in);
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_timing = t;
    return 0;
}

int
delivery_encode(const struct delivery *delivery, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_text(b, delivery->target);
    codec_put_text(b, delivery->event);
    codec_put_text(b, delivery->body);
    codec_put_uint(b, delivery->attempts);
    codec_put_int(b, delivery->created);
    codec_put_int(b, delivery->due);
    codec_put_bool(b, delivery->dead);
    codec_put_text(b, delivery->error);
    return codec_end(b, CODEC_DELIVERY, VERSION);
}

int
delivery_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                struct delivery *ret_delivery)
{
    struct codec_in in;
    struct delivery d = {0};
    int rc = codec_open_copy(value, CODEC_DELIVERY, VERSION, arena, err, &in);

    if (rc)
        return rc;
    d.target = codec_text(&in);
    d.event = codec_text(&in);
    d.body = codec_text(&in);
    d.attempts = codec_uint(&in);
    d.created = codec_int(&in);
    d.due = codec_int(&in);
    d.dead = codec_bool(&in);
    d.error = codec_text(&in);
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_delivery = d;
    return 0;
}
