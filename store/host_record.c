/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and decoding of the records of host.h, as record.c does it for those of record.h. */
#include "store/codec.h"

#define VERSION         1
#define VERSION_HOST    2 /* 2: what it says of itself */
#define VERSION_ATTEMPT 2 /* 2: slots, memory, progress */

static void
put_hash(struct jb_buf *b, bool has, const unsigned char *hash)
{
    codec_put_bool(b, has);
    if (has)
        codec_put_bytes(b, hash, HOST_HASH_SIZE);
}

static bool
get_hash(struct codec_in *in, unsigned char *hash)
{
    bool has = codec_bool(in);

    if (has)
        codec_bytes(in, hash, HOST_HASH_SIZE);
    return has;
}

int
host_encode(const struct host *host, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_text(b, host->state);
    codec_put_text(b, host->url);
    put_hash(b, host->has_key, host->key);
    put_hash(b, host->has_next, host->next);
    put_hash(b, host->has_token, host->token);
    codec_put_int(b, host->token_until);
    codec_put_int(b, host->certificate_until);
    codec_put_int(b, host->seen);
    codec_put_text(b, host->boot_id);
    codec_put_text(b, host->version);
    codec_put_text(b, host->engine);
    codec_put_int(b, host->slots);
    codec_put_int(b, host->memory_mib);
    codec_put_int(b, host->gpus);
    codec_put_text(b, host->gpu);
    codec_put_uint(b, host->failures);
    for (int i = 0; i < HOST_FAILED_ON; i++)
        codec_put_uint(b, host->failed_on[i]);
    codec_put_uint(b, host->recent);
    codec_put_uint(b, host->holds);
    codec_put_int(b, host->hold_until);
    codec_put_text(b, host->reason);
    codec_put_text(b, host->plans);
    codec_put_text(b, host->policy);
    codec_put_int(b, host->skew_ms);
    codec_put_bool(b, host->refuses);
    return codec_end(b, CODEC_HOST, VERSION_HOST);
}

int
host_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
            struct host *ret_host)
{
    struct codec_in in;
    struct host h = {.plans = "", .policy = ""};
    int rc = codec_open_copy(value, CODEC_HOST, VERSION_HOST, arena, err, &in);

    if (rc)
        return rc;
    h.state = codec_text(&in);
    h.url = codec_text(&in);
    h.has_key = get_hash(&in, h.key);
    h.has_next = get_hash(&in, h.next);
    h.has_token = get_hash(&in, h.token);
    h.token_until = codec_int(&in);
    h.certificate_until = codec_int(&in);
    h.seen = codec_int(&in);
    h.boot_id = codec_text(&in);
    h.version = codec_text(&in);
    h.engine = codec_text(&in);
    h.slots = codec_int(&in);
    h.memory_mib = codec_int(&in);
    h.gpus = codec_int(&in);
    h.gpu = codec_text(&in);
    h.failures = codec_uint(&in);
    for (int i = 0; i < HOST_FAILED_ON; i++)
        h.failed_on[i] = codec_uint(&in);
    h.recent = codec_uint(&in);
    h.holds = codec_uint(&in);
    h.hold_until = codec_int(&in);
    h.reason = codec_text(&in);
    if (in.version >= 2) {
        h.plans = codec_text(&in);
        h.policy = codec_text(&in);
        h.skew_ms = codec_int(&in);
        h.refuses = codec_bool(&in);
    }
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_host = h;
    return 0;
}

int
attempt_encode(const struct attempt *attempt, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_text(b, attempt->id);
    codec_put_uint(b, attempt->request);
    codec_put_uint(b, attempt->round);
    codec_put_text(b, attempt->host);
    codec_put_text(b, attempt->state);
    codec_put_text(b, attempt->spec);
    codec_put_int(b, attempt->leased);
    codec_put_int(b, attempt->started);
    codec_put_int(b, attempt->ended);
    codec_put_int(b, attempt->lease_until);
    codec_put_bool(b, attempt->cancel);
    codec_put_bool(b, attempt->canary);
    codec_put_uint(b, attempt->log_epoch);
    codec_put_uint(b, attempt->log_end);
    codec_put_text(b, attempt->failure);
    codec_put_text(b, attempt->reason);
    codec_put_int(b, attempt->slots);
    codec_put_int(b, attempt->mib);
    codec_put_double(b, attempt->progress);
    codec_put_text(b, attempt->step);
    codec_put_uint(b, attempt->done);
    codec_put_uint(b, attempt->of);
    return codec_end(b, CODEC_ATTEMPT, VERSION_ATTEMPT);
}

int
attempt_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
               struct attempt *ret_attempt)
{
    struct codec_in in;
    struct attempt a = {.progress = -1, .step = ""};
    int rc = codec_open_copy(value, CODEC_ATTEMPT, VERSION_ATTEMPT, arena, err, &in);

    if (rc)
        return rc;
    a.id = codec_text(&in);
    a.request = codec_uint(&in);
    a.round = codec_uint(&in);
    a.host = codec_text(&in);
    a.state = codec_text(&in);
    a.spec = codec_text(&in);
    a.leased = codec_int(&in);
    a.started = codec_int(&in);
    a.ended = codec_int(&in);
    a.lease_until = codec_int(&in);
    a.cancel = codec_bool(&in);
    a.canary = codec_bool(&in);
    a.log_epoch = codec_uint(&in);
    a.log_end = codec_uint(&in);
    a.failure = codec_text(&in);
    a.reason = codec_text(&in);
    if (in.version >= 2) {
        a.slots = codec_int(&in);
        a.mib = codec_int(&in);
        a.progress = codec_double(&in);
        a.step = codec_text(&in);
        a.done = codec_uint(&in);
        a.of = codec_uint(&in);
    }
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_attempt = a;
    return 0;
}

int
part_encode(const struct part *part, struct jb_buf *b)
{
    codec_begin(b);
    codec_put_double(b, part->seconds);
    codec_put_uint(b, part->fence);
    codec_put_bytes(b, part->doc.p, part->doc.n); /* to the end */
    return codec_end(b, CODEC_PART, VERSION);
}

int
part_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
            struct part *ret_part)
{
    struct codec_in in;
    struct part p = {0};
    int rc = codec_open_copy(value, CODEC_PART, VERSION, arena, err, &in);

    if (rc)
        return rc;
    p.seconds = codec_double(&in);
    p.fence = codec_uint(&in);
    if (!in.err) {
        p.doc = (struct jb_str){(const char *)in.p, in.n};
        in.n = 0;
    }
    rc = codec_close(&in, err);
    if (rc)
        return rc;
    *ret_part = p;
    return 0;
}
