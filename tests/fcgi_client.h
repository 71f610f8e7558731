/* SPDX-License-Identifier: Apache-2.0 */
/* The web server's side of FastCGI, as small as tests need it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FC_BEGIN = 1,
    FC_ABORT = 2,
    FC_END = 3,
    FC_PARAMS = 4,
    FC_STDIN = 5,
    FC_STDOUT = 6,
    FC_GET_VALUES = 9,
    FC_KEEP = 1, /* flag of FC_BEGIN */
};

/* Bytes on their way out. */
struct fc_bytes {
    unsigned char *p;
    size_t n, room;
};
void fc_free(struct fc_bytes *b);
void fc_put(struct fc_bytes *b, const void *p, size_t n);
void fc_record(struct fc_bytes *b, unsigned type, uint16_t id, const void *content, size_t n,
               unsigned padding);
void fc_begin(struct fc_bytes *b, uint16_t id, unsigned role, unsigned flags);
/* One name-value pair with its lengths, into the content of a record. */
void fc_pair(struct fc_bytes *content, const char *name, const char *value);
/* A whole request: begin, params, body, ends. `pairs` is name, value, …, NULL. */
void fc_request(struct fc_bytes *b, uint16_t id, unsigned flags, const char *const *pairs,
                const void *body, size_t n_body);

/* A connection, or -1. Reads give up after `timeout_ms`. */
int fc_connect(const char *path, int timeout_ms);
bool fc_send(int fd, const struct fc_bytes *b);

/* Reads records until END_REQUEST of `id`. False when the connection ends or is silent before,
 * or what comes is not FastCGI. What STDOUT held is in `ret_out` either way. */
bool fc_answer(int fd, uint16_t id, struct fc_bytes *ret_out);

/* The peer closed, and nothing was left to read. */
bool fc_closed(int fd);
