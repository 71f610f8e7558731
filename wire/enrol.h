/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a new host gets its certificate. `jinbang host add NAME` makes a token, shown once; the
 * store keeps SHA-256 of its text, H. On the host, `jinbang-agent enrol NAME TOKEN` makes the
 * host's key, shows its fingerprint, and listens with a certificate that it made itself.
 * `jinbang host enrol NAME URL` connects. It shows a client certificate, also one of its own
 * making: what both sides prove is that they know H, over the keys that each sees on this very
 * connection, so that nobody in the middle can pass on what they say.
 *
 *   POST /v1/enrol/hello    enrol_hello  -> enrol_answer   the host's nonce, CSR and proof
 *   POST /v1/enrol/finish   enrol_finish -> {}             the other proof, chain, root
 *
 * Both on one connection, in this order; another hello begins again. The host takes the chain
 * when the proof holds, the leaf is of its key, for a host of its name, and verifies against
 * the root given; the same finish again is 200 again. It ends then. Refusals are wire_refusal:
 * 403 the proof, 404 no such call here, 409 no hello before or another name, 422 the
 * certificate. Afterwards all goes by wire/message.h.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

#define ENROL_HEX     65 /* 32 bytes in lower-case hex and a NUL */
#define ENROL_BYTES   32
#define ENROL_PEM_MAX (64 << 10)

struct enrol_hello {
    const char *name; /* of the host, without a domain */
    char nonce[ENROL_HEX];
};

struct enrol_answer {
    const char *name;
    char nonce[ENROL_HEX];
    const char *csr;       /* PEM, of the key of this connection */
    char proof[ENROL_HEX]; /* enrol_proof() of ENROL_HOST */
};

struct enrol_finish {
    char proof[ENROL_HEX];    /* enrol_proof() of ENROL_CONTROL */
    const char *certificates; /* PEM: the leaf, its issuer behind it */
    const char *root;         /* PEM: who signs dispatchers, in the end */
};

enum enrol_side { ENROL_HOST, ENROL_CONTROL };

/* What a proof is made over. */
struct enrol_facts {
    const char *name;
    const char *control_nonce, *host_nonce; /* hex */
    unsigned char host_key[ENROL_BYTES]; /* SHA-256 of SubjectPublicKeyInfo: of the server's */
    unsigned char control_key[ENROL_BYTES]; /* … and of the client's certificate */
    const char *certificates, *root;        /* of ENROL_CONTROL; NULL of ENROL_HOST */
};

/*
 * HMAC-SHA-256 with the key H over lines that each end in a newline: "jinbang-enrol-1", "host"
 * or "control", name, the dispatcher's nonce, the host's nonce, the host's key hash and the
 * dispatcher's; of "control" also SHA-256 of certificates and root, each; all in hex.
 */
int enrol_proof(enum enrol_side side, const struct enrol_facts *facts,
                const unsigned char token_hash[ENROL_BYTES], struct jb_error *err,
                char ret_proof[ENROL_HEX]);
/* SHA-256 of a token's text. */
int enrol_token_hash(struct jb_str token, struct jb_error *err,
                     unsigned char ret_hash[ENROL_BYTES]);
int enrol_nonce(struct jb_error *err, char ret_nonce[ENROL_HEX]);

void enrol_hello_put(const struct enrol_hello *hello, struct jb_buf *out);
int enrol_hello_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                     struct enrol_hello *ret_hello);
void enrol_answer_put(const struct enrol_answer *answer, struct jb_buf *out);
int enrol_answer_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                      struct enrol_answer *ret_answer);
void enrol_finish_put(const struct enrol_finish *finish, struct jb_buf *out);
int enrol_finish_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                      struct enrol_finish *ret_finish);
