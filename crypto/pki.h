/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates of the board's own hosts: an offline root, an issuer for hosts and one
 * for control, so that a host's certificate can never pass as the dispatcher's. ECDSA only
 * (P-384 for the root, P-256 below). Names, usage and life are the issuer's to say; of a CSR
 * only the public key is taken, after its own signature was checked (mbedTLS does not). (Facts:
 * subject names are DNS names, since mbedTLS 2.28 understands only those in a SAN; a
 * certificate starts five minutes in the past.)
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define PKI_HASH_SIZE 32
#define PKI_DOMAIN    "hosts.jinbang.internal" /* h-<name>.hosts.jinbang.internal */

enum pki_role {
    PKI_ROOT,
    PKI_HOST_ISSUER,
    PKI_CONTROL_ISSUER,
    PKI_HOST,       /* EKU serverAuth: an agent */
    PKI_DISPATCHER, /* EKU clientAuth */
    PKI_ROLE_MAX
};
const char *pki_role_word(enum pki_role role);

/* What a certificate says. */
struct pki_identity {
    enum pki_role role;                    /* by issuer and EKU; PKI_ROLE_MAX: neither */
    char name[128];                        /* DNS name of the SAN; of a CA its common name */
    unsigned char key_hash[PKI_HASH_SIZE]; /* SHA-256 of SubjectPublicKeyInfo (DER) */
    char serial[64];                       /* hex */
    int64_t not_before, not_after;         /* microseconds UTC */
};

/* A new private key, PEM; P-384 for the root. The buffer is wiped by pki_wipe(). JB_EIO. */
int pki_key_new(enum pki_role role, struct jb_error *err, struct jb_buf *ret_pem);
void pki_wipe(struct jb_buf *pem);
/* A CSR for the key; it asks for nothing but its key. */
int pki_csr_new(struct jb_str key_pem, struct jb_error *err, struct jb_buf *ret_pem);
/* Checks the CSR's own signature. JB_EINVAL: broken, not ECDSA P-256, forged. */
int pki_csr_key(struct jb_str csr_pem, struct jb_error *err,
                unsigned char ret_key_hash[PKI_HASH_SIZE]);

struct pki_order {
    enum pki_role role;
    const char *name; /* common name of a CA; host name without domain; "dispatcher" */
    int64_t now;      /* microseconds UTC */
    int64_t life;     /* seconds */
};
/* Self-signed root. */
int pki_root_new(const struct pki_order *order, struct jb_str key_pem, struct jb_error *err,
                 struct jb_buf *ret_pem);
/* Signed by an issuer: `csr_pem` for leaves and issuers alike. JB_EINVAL: the issuer's role
 * does not sign that role, or its own life ends before. */
int pki_issue(const struct pki_order *order, struct jb_str csr_pem, struct jb_str issuer_pem,
              struct jb_str issuer_key_pem, struct jb_error *err, struct jb_buf *ret_pem);
/* First certificate of a PEM text. */
int pki_identity_read(struct jb_str pem, struct jb_error *err, struct pki_identity *ret);
/* Chain, life at `now`, and role against trusted CAs. JB_EACCES with the reason. */
int pki_verify(struct jb_str chain_pem, struct jb_str ca_pem, enum pki_role role, int64_t now,
               struct jb_error *err, struct pki_identity *ret);
/* Keys match. */
bool pki_key_fits(struct jb_str key_pem, struct jb_str certificate_pem);
