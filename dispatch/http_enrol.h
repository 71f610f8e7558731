/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS to a host that nothing is known of yet but its address: any certificate is taken, ours
 * proves our key and nothing else, and who it was is for wire/enrol.h to prove. One call after
 * the other, each waits for its answer. The environment (proxies, netrc) has no say.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "crypto/pki.h"

struct http_enrol;

struct http_enrol_config {
    const char *url;                  /* https://HOST:PORT */
    struct jb_str certificate, key;   /* PEM, what we show; copied */
    int64_t connect_timeout, timeout; /* ms, the latter of a call as a whole */
    size_t max_bytes;                 /* of an answer */
};

/* JB_ENOMEM, JB_EIO. */
int http_enrol_new(const struct http_enrol_config *config, struct jb_error *err,
                   struct http_enrol **ret_http);
void http_enrol_free(struct http_enrol *http); /* NULL is fine */

/*
 * POST of JSON to a path. 0: `ret_status` and `ret_body` (emptied before) are its answer.
 * JB_EBUSY: nothing was sent, since nobody listens there; JB_ECLOSED, JB_ETIMEDOUT: no whole
 * answer came, whatever became of the request; JB_EACCES: it shows another key than the pinned
 * one; JB_ETOOBIG; JB_ENOMEM.
 */
int http_enrol_post(struct http_enrol *http, const char *path, struct jb_str body,
                    struct jb_error *err, int *ret_status, struct jb_buf *ret_body);
/* The certificate, PEM, that was shown in the last handshake; NULL none. */
const char *http_enrol_certificate(const struct http_enrol *http);
/* From now on nobody but who has the key of this hash (struct pki_identity). JB_ENOMEM. */
int http_enrol_pin(struct http_enrol *http, const unsigned char key_hash[PKI_HASH_SIZE],
                   struct jb_error *err);
