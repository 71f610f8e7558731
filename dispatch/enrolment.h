/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's side of wire/enrol.h: a host that waits gets its certificate. What the store is
 * to know of it is the caller's to write, after this; until then the token is good, so that all
 * of it can be done again, whatever was lost on the way.
 */
#pragma once

#include "base/conf.h"
#include "wire/enrol.h"

struct enrolment_order {
    const char *name, *url;           /* of the host; https://HOST:PORT */
    unsigned char token[ENROL_BYTES]; /* SHA-256 of its text, from the registry */
    const unsigned char *fingerprint; /* of the key the host must show; NULL any */
};

struct enrolment_outcome {
    unsigned char key[ENROL_BYTES];
    int64_t certificate_until;
};

/*
 * Asks the host, proves and has proved the token over the keys of the connection, asks
 * jinbang-ca, and brings the certificate. JB_EBUSY: nothing listens there, or no jinbang-ca;
 * JB_EACCES: it shows another key, or does not prove the token, or we do not; JB_ECONFLICT: it
 * has another name; JB_EUNPROC, JB_EPARSE: it says what makes no sense; JB_EIO: it refuses
 * otherwise; JB_ECLOSED, JB_ETIMEDOUT: no answer; what ca_ask() says.
 */
int enrolment_run(const struct conf *conf, const struct enrolment_order *order,
                  struct jb_error *err, struct enrolment_outcome *ret_outcome);
