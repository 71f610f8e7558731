/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the store. The first byte of the input chooses the kind, the rest is the payload;
 * it is sealed, so that the fuzzer gets past the CRC. What decodes must encode to the same
 * bytes.
 */
#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
same(struct jb_str value, const struct jb_buf *b)
{
    if (!jb_str_eq(value, jb_buf_view(b)))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jb_arena *arena = jb_arena_new(1u << 20);
    struct jb_buf b = JB_BUF(1u << 20);
    char *copy = malloc(n + CODEC_HEAD);
    struct request request;
    struct result result;
    struct model_info model;
    struct change change;
    struct job job;
    struct nonce nonce;
    struct timing timing;
    struct delivery delivery;
    struct host host;
    struct attempt attempt;
    struct part part;
    const char *text;
    uint64_t doc_n;

    if (!arena || !copy || n == 0)
        goto out;
    enum codec_kind kind = (enum codec_kind)data[0];
    struct jb_str value = {copy, n - 1 + CODEC_HEAD};
    memcpy(copy + CODEC_HEAD, data + 1, n - 1);
    /* Those that version 1 had in another form are read as well, and written as version 2. */
    codec_seal(copy, value.n, kind, 1);
    if (kind == CODEC_CHANGE || kind == CODEC_ATTEMPT || kind == CODEC_HOST ||
        kind == CODEC_JOB) {
        job_decode(value, arena, NULL, &job);
        change_decode(value, arena, NULL, &change);
        attempt_decode(value, arena, NULL, &attempt);
        host_decode(value, arena, NULL, &host);
        codec_seal(copy, value.n, kind, 2);
    }
    switch (kind) {
    case CODEC_REQUEST:
        if (request_decode(value, arena, NULL, &request, &doc_n) == 0 &&
            request_encode(&request, doc_n, &b) == 0) {
            store_request_check(&request, NULL);
            same(value, &b);
        }
        break;
    case CODEC_RESULT:
        if (result_decode(value, arena, NULL, &result, &doc_n) == 0 &&
            result_encode(&result, doc_n, &b) == 0) {
            store_result_check(&result, NULL);
            same(value, &b);
        }
        break;
    case CODEC_MODEL:
        if (model_decode(value, arena, NULL, &model, &doc_n) == 0 &&
            model_encode(&model, doc_n, &b) == 0) {
            model.model = "a/b";
            store_model_check(&model, NULL);
            same(value, &b);
        }
        break;
    case CODEC_NOTE:
        if (note_decode(value, arena, NULL, &text) == 0 && note_encode(text, &b) == 0) {
            store_note_check(NOTE_ALIAS, text, text, NULL);
            same(value, &b);
        }
        break;
    case CODEC_CHANGE:
        if (change_decode(value, arena, NULL, &change) == 0 && change_encode(&change, &b) == 0)
            same(value, &b);
        break;
    case CODEC_JOB:
        if (job_decode(value, arena, NULL, &job) == 0 && job_encode(&job, &b) == 0) {
            store_job_check(&job, NULL);
            same(value, &b);
        }
        break;
    case CODEC_NONCE:
        if (nonce_decode(value, NULL, &nonce) == 0 && nonce_encode(&nonce, &b) == 0)
            same(value, &b);
        break;
    case CODEC_TIMING:
        if (timing_decode(value, arena, NULL, &timing) == 0 && timing_encode(&timing, &b) == 0)
            same(value, &b);
        break;
    case CODEC_DELIVERY:
        if (delivery_decode(value, arena, NULL, &delivery) == 0 &&
            delivery_encode(&delivery, &b) == 0)
            same(value, &b);
        break;
    case CODEC_HOST:
        if (host_decode(value, arena, NULL, &host) == 0 && host_encode(&host, &b) == 0) {
            host.name = "a";
            store_host_check(&host, NULL);
            same(value, &b);
        }
        break;
    case CODEC_ATTEMPT:
        if (attempt_decode(value, arena, NULL, &attempt) == 0 &&
            attempt_encode(&attempt, &b) == 0) {
            const char *const *keys;
            size_t n_keys;
            attempt.fence = 1;
            store_attempt_check(&attempt, NULL);
            store_attempt_benchmarks(&attempt, arena, &keys, &n_keys);
            same(value, &b);
        }
        break;
    case CODEC_PART:
        if (part_decode(value, arena, NULL, &part) == 0 && part_encode(&part, &b) == 0) {
            part.benchmark = "a";
            store_part_check(&part, NULL);
            same(value, &b);
        }
        break;
    default:
        /* As it comes, with the CRC of the input's own. */
        value = (struct jb_str){(const char *)data, n};
        request_decode(value, arena, NULL, &request, &doc_n);
        break;
    }
out:
    free(copy);
    jb_buf_free(&b);
    jb_arena_free(arena);
    return 0;
}
