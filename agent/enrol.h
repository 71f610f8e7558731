/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of wire/enrol.h: a request and the key of who asks in, an answer out. No
 * sockets. An offline guess at the token is hopeless (256 bits), so that whoever connects may
 * see the host's proof.
 */
#pragma once

#include "agent/http.h"
#include "agent/identity.h"
#include "wire/enrol.h"

struct enrolment {
    /* set by the caller */
    int dir;          /* of agent/identity.h */
    const char *name; /* of the host, without a domain */
    unsigned char token_hash[ENROL_BYTES];
    unsigned char host_key[ENROL_BYTES]; /* of next.pem, which the listener shows */
    struct jb_str csr;
    /* private */
    bool greeted, done;
    unsigned char control_key[ENROL_BYTES];
    char control_nonce[ENROL_HEX], host_nonce[ENROL_HEX];
    char proof[ENROL_HEX]; /* the one that was taken */
};

/* `control_key` NULL: who asks showed no certificate. */
void enrol_call(struct enrolment *e, const unsigned char *control_key,
                const struct http_request *request, struct http_answer *ret_answer);
/* The certificate is there. */
bool enrol_done(const struct enrolment *e);
