/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What jinbang-ca does: one request, one answer, each a line of JSON.
 *
 *   {"role":"host","name":"gpu-1","csr":"-----BEGIN …"}
 *   {"role":"dispatcher","csr":"-----BEGIN …"}
 *   -> {"certificate":"leaf and issuer, PEM"} | {"code":-9,"error":"reason"}
 *
 * Other members, a member twice, or a name where none belongs are refused. Life comes from the
 * settings. A signature is in issued.jsonl, synced, before its answer leaves. Keys are read for
 * each signature and wiped, so that renewed issuers count at once.
 */
#pragma once

#include "base/conf.h"
#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

#define CA_REQUEST_MAX (16 << 10) /* with its newline */
#define CA_ANSWER_MAX  (64 << 10)

struct ca_signer {
    const struct conf *conf;
    double tokens; /* signatures that may be made at once; private */
    int64_t filled_ms;
};

struct ca_asker {
    uid_t uid;
    pid_t pid;
};

/* Looks whether both issuers can sign, so that a CA that cannot does not start. */
int ca_signer_init(struct ca_signer *signer, const struct conf *conf, int64_t now_ms,
                   struct jb_error *err);
/* Always an answer; only `out`'s own error can be missing memory. */
void ca_sign(struct ca_signer *signer, struct jb_str request, const struct ca_asker *asker,
             int64_t now_us, int64_t now_ms, struct jb_buf *out);
