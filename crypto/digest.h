/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, keyed digests, random bytes and comparison in constant time, on mbedTLS. */
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRYPTO_SHA256_SIZE 32

/* JB_ENOMEM, JB_EIO (the library refused). */
int crypto_sha256(struct jb_str in, unsigned char ret_digest[CRYPTO_SHA256_SIZE]);
int crypto_hmac_sha256(struct jb_str key, struct jb_str in,
                       unsigned char ret_mac[CRYPTO_SHA256_SIZE]);

/* True when both hold the same n bytes; takes the same time whatever they hold. */
bool crypto_equal(const void *a, const void *b, size_t n);

/* From getrandom(2); cannot fail on a kernel that has it, JB_EIO otherwise. */
int crypto_random(void *ret, size_t n);

/* Lower-case hex of n bytes and a NUL; `out` has room for 2 n + 1. */
void crypto_hex(const void *in, size_t n, char *out);

/* Base64 (RFC 4648 4, with padding) and a NUL; `out` has room for 4 * ((n + 2) / 3) + 1. */
void crypto_base64(const void *in, size_t n, char *out);
