/* SPDX-License-Identifier: Apache-2.0 */
/* Between pki.c, pki_issue.c and listener.c: certificates as mbedTLS holds them. */
#pragma once

#include "crypto/pki.h"
#include "crypto/shim.h"

/* A certificate begins so long before it is issued, for clocks that are behind. */
#define X509_EARLIER_US INT64_C(300000000)

/* Longest texts read: a CSR or key, a file of certificates. */
enum { X509_KEY_MAX = 8 << 10, X509_CHAIN_MAX = 64 << 10, X509_CHAIN_CERTS = 8 };

/* JB_ENOMEM where the library's code says so, else `otherwise`; the reason is `what` and the
 * code. Returns the JB_E* code. */
int x509_fail(struct jb_error *err, int otherwise, int rc, const char *what);

/* PEM only, one or several; no trailing rubbish among them. JB_EINVAL. */
int x509_parse(struct jb_str pem, const char *what, struct jb_error *err,
               mbedtls_x509_crt *ret_crt);
/* A private EC key on P-256 or P-384. JB_EINVAL. */
int x509_parse_key(struct jb_str pem, struct jb_error *err, mbedtls_pk_context *ret_key);
/* Its own signature is good, and its key is P-256. JB_EINVAL. */
int x509_parse_csr(struct jb_str pem, struct jb_error *err, mbedtls_x509_csr *ret_csr);

int x509_key_hash(mbedtls_pk_context *key, struct jb_error *err,
                  unsigned char ret_hash[PKI_HASH_SIZE]);
/* JB_EINVAL: a date that is none. A certificate not of ours has the role PKI_ROLE_MAX. */
int x509_identity(const mbedtls_x509_crt *crt, struct jb_error *err, struct pki_identity *ret);

/* ECDSA on P-256 and P-384 with SHA-256 and above. */
extern const mbedtls_x509_crt_profile x509_profile;

/*
 * What a chain is verified against, beside its CAs: the callback of mbedTLS goes from the root
 * down, and leaves flags on each certificate and the reason of the first it refuses.
 */
struct x509_walk {
    enum pki_role role;
    int64_t now;
    bool (*allowed)(void *ctx, const struct pki_identity *peer, const char **ret_reason);
    void *ctx;
    struct pki_identity leaf; /* filled when the walk has come down to it */
    bool has_leaf;
    char reason[400]; /* "" none */
};
int x509_walk(void *walk, mbedtls_x509_crt *crt, int depth, uint32_t *flags);
