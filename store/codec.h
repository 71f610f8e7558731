/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a stored value: one byte kind, one byte version, CRC-32 (zlib) of those two and
 * the payload, payload. In the payload: unsigned integers as varints (least significant seven
 * bits first, shortest form), signed ones zigzag, doubles as eight bytes big-endian, strings as
 * length, bytes and a NUL. Decoding trusts nothing: a wrong bit is JB_ECORRUPT, never a read
 * past the value, and there is one encoding of everything, so that equal records are equal
 * bytes.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "store/host.h"

#include <stdbool.h>
#include <stdint.h>

enum codec_kind {
    CODEC_META = 'm',
    CODEC_REQUEST = 'q',
    CODEC_RESULT = 'r',
    CODEC_MODEL = 'i',
    CODEC_NOTE = 'n',
    CODEC_CHANGE = 'c',
    CODEC_DOC = 'd',
    CODEC_JOB = 'j',
    CODEC_NONCE = 'o',
    CODEC_TIMING = 't',
    CODEC_DELIVERY = 'w',
    CODEC_HOST = 'h',
    CODEC_ATTEMPT = 'a',
    CODEC_PART = 'p',
};

#define CODEC_HEAD 6 /* bytes before the payload */

/* CRC and head of a value whose payload stands at p + CODEC_HEAD; `n` is all of it. */
void codec_seal(void *p, size_t n, enum codec_kind kind, unsigned version);

/* Writing: begin empties the buffer, end seals; errors stick in the buffer. */
void codec_begin(struct jb_buf *b);
void codec_put_uint(struct jb_buf *b, uint64_t v);
void codec_put_int(struct jb_buf *b, int64_t v);
void codec_put_double(struct jb_buf *b, double v);
void codec_put_bool(struct jb_buf *b, bool v);
void codec_put_text(struct jb_buf *b, const char *text); /* NULL as "" */
void codec_put_bytes(struct jb_buf *b, const void *p, size_t n);
int codec_end(struct jb_buf *b, enum codec_kind kind, unsigned version);

/* Reading. Errors stick; the getters then give 0, NULL never ("" instead). */
struct codec_in {
    const unsigned char *p;
    size_t n;
    int err;
    unsigned version; /* of the value: 1 to the one that the reader asked for */
};

/* Checks head and CRC. JB_ECORRUPT, JB_EVERSION (made by a newer version). The payload of `in`
 * is that of `value`, not a copy. */
int codec_open(struct jb_str value, enum codec_kind kind, unsigned version,
               struct jb_error *err, struct codec_in *ret_in);
/* As codec_open(), with the payload copied into the arena, so that strings may stay there. */
int codec_open_copy(struct jb_str value, enum codec_kind kind, unsigned version,
                    struct jb_arena *arena, struct jb_error *err, struct codec_in *ret_in);
uint64_t codec_uint(struct codec_in *in);
int64_t codec_int(struct codec_in *in);
double codec_double(struct codec_in *in); /* NAN or finite */
bool codec_bool(struct codec_in *in);
const char *codec_text(struct codec_in *in);                /* points into the payload */
void codec_bytes(struct codec_in *in, void *ret, size_t n); /* all zero when it is damaged */
/* 0 when all was read and nothing is left over. */
int codec_close(struct codec_in *in, struct jb_error *err);

/* Whole records; `ret_doc_n` is the length of the document that is stored beside. */
int request_encode(const struct request *request, uint64_t doc_n, struct jb_buf *b);
int request_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                   struct request *ret_request, uint64_t *ret_doc_n);
int result_encode(const struct result *result, uint64_t doc_n, struct jb_buf *b);
int result_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                  struct result *ret_result, uint64_t *ret_doc_n);
int model_encode(const struct model_info *model, uint64_t doc_n, struct jb_buf *b);
int model_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                 struct model_info *ret_model, uint64_t *ret_doc_n); /* all but the name */
int note_encode(const char *text, struct jb_buf *b);
int note_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                const char **ret_text);
int change_encode(const struct change *change, struct jb_buf *b);
int change_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                  struct change *ret_change); /* version 1 had no before and after */
int job_encode(const struct job *job, struct jb_buf *b);
int job_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
               struct job *ret_job); /* all but the id */
int nonce_encode(const struct nonce *nonce, struct jb_buf *b);
int nonce_decode(struct jb_str value, struct jb_error *err, struct nonce *ret_nonce);
int timing_encode(const struct timing *timing, struct jb_buf *b);
int timing_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                  struct timing *ret_timing);
int delivery_encode(const struct delivery *delivery, struct jb_buf *b);
int delivery_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                    struct delivery *ret_delivery); /* all but the id */
int host_encode(const struct host *host, struct jb_buf *b);
int host_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                struct host *ret_host); /* all but the name */
int attempt_encode(const struct attempt *attempt, struct jb_buf *b);
int attempt_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                   struct attempt *ret_attempt); /* all but the fence */
int part_encode(const struct part *part, struct jb_buf *b);
int part_decode(struct jb_str value, struct jb_arena *arena, struct jb_error *err,
                struct part *ret_part); /* all but the benchmark */
