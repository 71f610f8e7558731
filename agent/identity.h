/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key and certificate of a host, in a folder of their own:
 *
 *   identity.pem  the key, the certificate, its issuer: one file, so that they always fit
 *   root.pem      who signs dispatchers, in the end
 *   next.pem      a key whose certificate is awaited: of an enrolment or a renewal
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "wire/message.h"

#include <stdbool.h>

struct identity {
    int dir;
    struct jb_buf key, chain, root;
    struct pki_identity leaf;
    bool changed; /* since somebody looked: what listens takes the new one */
};

/* JB_ENOENT: the host is not enrolled; JB_EINVAL: what is there does not fit together. */
int identity_open(const char *folder, struct jb_error *err, struct identity *ret_identity);
void identity_close(struct identity *i);

/* The awaited key; made when there is none, so that its fingerprint stays. */
int identity_next_key(int dir, struct jb_error *err, struct jb_buf *ret_key);
/* A certificate for the awaited key: verified against `root_pem` as one of a host, for the DNS
 * name `name`; then identity.pem (and root.pem) are replaced and next.pem goes. JB_EUNPROC. */
int identity_take(int dir, struct jb_str chain_pem, struct jb_str root_pem, const char *name,
                  struct jb_error *err);

/* What struct agent wants, for renewals and manifests: `identity` is a struct identity. */
int identity_csr(void *identity, struct jb_error *err, struct jb_buf *ret_pem);
int identity_renew(void *identity, struct jb_str chain_pem, struct jb_error *err);
int identity_sign(void *identity, struct wire_manifest *manifest, struct jb_arena *arena,
                  struct jb_error *err);
