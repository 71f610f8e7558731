/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that differs between mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13). Only crypto/ includes
 * this; nothing else in crypto/ asks for a version. Codes are the library's.
 */
#pragma once

#include <stddef.h>

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

/* 3.x hides members of its structures behind this; 2.28 does not. */
#ifndef MBEDTLS_PRIVATE
#define MBEDTLS_PRIVATE(member) member
#endif

/* Before anything else; may be called again. 3.6 needs its PSA core for TLS 1.3. */
int shim_start(void);

/* f_rng of both: getrandom(2), so that there is nothing to seed, nor to seed again in a child.
 */
int shim_random(void *ctx, unsigned char *out, size_t n);

/* `n` counts the NUL behind PEM. */
int shim_key_parse(mbedtls_pk_context *key, const unsigned char *text, size_t n);
/* Is `private_key` the other half of `public_key`? */
int shim_key_pair(mbedtls_pk_context *public_key, mbedtls_pk_context *private_key);
/* Over a SHA-256. */
int shim_sign(mbedtls_pk_context *key, const unsigned char *hash, size_t hash_n,
              unsigned char *signature, size_t size, size_t *ret_n);
/* Of an EC key; MBEDTLS_ECP_DP_NONE for another. */
mbedtls_ecp_group_id shim_key_curve(const mbedtls_pk_context *key);

/* The signature under a CSR, which neither library checks while it reads one. */
mbedtls_md_type_t shim_csr_md(const mbedtls_x509_csr *csr);
mbedtls_pk_type_t shim_csr_pk(const mbedtls_x509_csr *csr);
int shim_csr_verify(mbedtls_x509_csr *csr, const unsigned char *hash, size_t n);

int shim_crt_is_ca(const mbedtls_x509_crt *crt);
int shim_crt_set_serial(mbedtls_x509write_cert *crt, unsigned char *serial, size_t n);

/* TLS 1.2 and above, signatures and ephemeral keys as the listener wants them. */
void shim_ssl_conf(mbedtls_ssl_config *conf);
/* Cipher suites, the best first, 0 at the end. */
const int *shim_ssl_suites(void);
/* The peer spoke an older TLS. */
int shim_ssl_is_old_version(int code);
