/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates of the board's own hosts: an offline root, an issuer for hosts and one
 * for control, so that a host's certificate can never pass as the dispatcher's. ECDSA only
 * (P-384 for the root, P-256 below). Names, usage and life are the issuer's to say; of a CSR
 * only the public key is taken, after its own signature was checked (mbedTLS does not). (Facts:
 * subject names are DNS names, since mbedTLS 2.28 understands only those in a SAN; a
 * certificate starts five minutes in the past.)
 *
 * A role stands in a certificate three times, and all must agree: as organisational unit of its
 * own name (CAs) or of its issuer's (leaves), as extended key usage, and as domain of the name.
 * Issuers carry the extended key usage of what they sign too, which OpenSSL enforces.
 *
 * PEM texts need no NUL behind them. Nothing here keeps state; any thread.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define PKI_HASH_SIZE 32
#define PKI_DOMAIN    "hosts.jinbang.internal" /* h-<name>.hosts.jinbang.internal */
#define PKI_CONTROL_DOMAIN                                                                     \
    "control.jinbang.internal" /* dispatcher.control.jinbang.internal                          \
                                */
#define PKI_PEM_MAX (64 << 10) /* longest text any of these makes */

enum pki_role {
    PKI_ROOT,
    PKI_HOST_ISSUER,
    PKI_CONTROL_ISSUER,
    PKI_HOST,       /* EKU serverAuth: an agent */
    PKI_DISPATCHER, /* EKU clientAuth */
    PKI_ROLE_MAX
};
/* "root", "host-issuer", "control-issuer", "host", "dispatcher"; "unknown" for PKI_ROLE_MAX. */
const char *pki_role_word(enum pki_role role);

/* What a certificate says. */
struct pki_identity {
    enum pki_role role;                    /* by issuer and EKU; PKI_ROLE_MAX: neither */
    char name[128];                        /* DNS name of the SAN; of a CA its common name */
    unsigned char key_hash[PKI_HASH_SIZE]; /* SHA-256 of SubjectPublicKeyInfo (DER) */
    char serial[64];                       /* hex */
    int64_t not_before, not_after;         /* microseconds UTC */
};

/* Names of hosts, and those in orders of leaves: [a-z0-9-]{1,40}, no dash at either end.
 * JB_EINVAL with the reason. */
int pki_name_check(struct jb_str name, struct jb_error *err);
/* DNS name of a leaf. JB_EINVAL: the name, or no leaf's role. */
int pki_dns_name(enum pki_role role, const char *name, struct jb_error *err,
                 char ret_name[128]);

/* A new private key, PEM; P-384 for the root. The buffer is wiped by pki_wipe(). JB_EIO. */
int pki_key_new(enum pki_role role, struct jb_error *err, struct jb_buf *ret_pem);
void pki_wipe(struct jb_buf *pem);
/* SHA-256 of the public half, as in struct pki_identity. */
int pki_key_hash(struct jb_str key_pem, struct jb_error *err,
                 unsigned char ret_key_hash[PKI_HASH_SIZE]);
/* A CSR for the key; it asks for nothing but its key. */
int pki_csr_new(struct jb_str key_pem, struct jb_error *err, struct jb_buf *ret_pem);
/* Checks the CSR's own signature. JB_EINVAL: broken, not ECDSA P-256, forged. */
int pki_csr_key(struct jb_str csr_pem, struct jb_error *err,
                unsigned char ret_key_hash[PKI_HASH_SIZE]);

struct pki_order {
    enum pki_role role;
    const char *name; /* common name of a CA ([A-Za-z0-9 .-]{1,60}); host name without domain;
                         "dispatcher" */
    int64_t now;      /* microseconds UTC */
    int64_t life;     /* seconds */
};
/* Self-signed root. */
int pki_root_new(const struct pki_order *order, struct jb_str key_pem, struct jb_error *err,
                 struct jb_buf *ret_pem);
/*
 * A self-signed certificate without a role, for a host that has none yet: what counts is its
 * key, which the other side knows by its hash. `order->role` is ignored.
 */
int pki_interim_new(const struct pki_order *order, struct jb_str key_pem, struct jb_error *err,
                    struct jb_buf *ret_pem);
/* Signed by an issuer: `csr_pem` for leaves and issuers alike. JB_EINVAL: the issuer's role
 * does not sign that role, its key is another's, or its own life ends before. */
int pki_issue(const struct pki_order *order, struct jb_str csr_pem, struct jb_str issuer_pem,
              struct jb_str issuer_key_pem, struct jb_error *err, struct jb_buf *ret_pem);
/* First certificate of a PEM text. JB_EINVAL. */
int pki_identity_read(struct jb_str pem, struct jb_error *err, struct pki_identity *ret);
/* Chain (leaf first), life at `now`, and role against trusted CAs (root or issuers; several).
 * JB_EACCES with the reason, JB_EINVAL: not certificates. */
int pki_verify(struct jb_str chain_pem, struct jb_str ca_pem, enum pki_role role, int64_t now,
               struct jb_error *err, struct pki_identity *ret);
/* Keys match. */
bool pki_key_fits(struct jb_str key_pem, struct jb_str certificate_pem);
/* When a certificate is due to be renewed: at half its life since it was issued, earlier by up
 * to a tenth of it, for each certificate at another moment that is always the same. */
int64_t pki_renew_at(const struct pki_identity *id);

/*
 * Signatures of what a host says, for whoever keeps it: ECDSA over SHA-256 of `text` (DER), and
 * public keys (SubjectPublicKeyInfo, DER), both in base64. JB_EIO.
 */
#define PKI_PUBLIC_SIZE    200
#define PKI_SIGNATURE_SIZE 200
int pki_public(struct jb_str key_pem, struct jb_error *err, char ret_public[PKI_PUBLIC_SIZE]);
int pki_sign(struct jb_str key_pem, struct jb_str text, struct jb_error *err,
             char ret_signature[PKI_SIGNATURE_SIZE]);
/* JB_EACCES: it does not hold; JB_EINVAL: no signature, no key on P-256. Whose key it is, is
 * the caller's to ask. */
int pki_sign_check(const char *public, const char *signature, struct jb_str text,
                   struct jb_error *err, unsigned char ret_key_hash[PKI_HASH_SIZE]);
