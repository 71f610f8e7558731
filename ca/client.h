/* SPDX-License-Identifier: Apache-2.0 */
/* Asks jinbang-ca for certificates, over its socket in run.dir. */
#pragma once

#include "base/conf.h"
#include "crypto/pki.h"

/*
 * A leaf for the key of `csr_pem`, with its issuer behind it. `role` is PKI_HOST with `name`,
 * or PKI_DISPATCHER with name NULL. What comes back is verified against <pki.dir>/root.pem:
 * role, name and key are those asked for. Waits at most 10 s. JB_EBUSY: no CA listens;
 * JB_EACCES: it does not take requests from us; what the CA says; JB_ECORRUPT: it answers
 * something else.
 */
int ca_ask(const struct conf *conf, enum pki_role role, const char *name, struct jb_str csr_pem,
           struct jb_error *err, struct jb_buf *ret_chain);
