/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FastCGI records on their way out: bytes of an answer framed as STDOUT records (FastCGI 1.0,
 * section 5.3), then END_REQUEST. Never copies the bytes: they stand in blobs or belong to an
 * owner, and both are held until the last byte is written. Never waits: what the socket does
 * not take stays for the next call.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes to send; `blob` (may be NULL) is referenced by the output, the rest by its owner. */
struct slice {
    struct jb_str bytes;
    struct jb_blob *blob;
};

struct slice slice_of_blob(struct jb_blob *blob);

struct output;

/* What is held until the output is freed, beside the blobs: the snapshot. */
struct output_owner {
    void *it;
    void (*release)(void *it);
};

/*
 * Frames `n` slices for request `id`; with `end` the request is finished after them. References
 * the blobs and takes the owner (on failure too). NULL when memory is out.
 */
struct output *output_new(uint16_t id, const struct slice *slices, size_t n, bool end,
                          struct output_owner owner);
void output_free(struct output *out); /* NULL is fine */

/* Writes what the socket takes. 1 everything is out, 0 the socket is full, JB_ECLOSED the peer
 * is gone. */
int output_send(struct output *out, int fd);

size_t output_left(const struct output *out); /* bytes not yet written */
