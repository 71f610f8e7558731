/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates are renewed at about half of their life, each at a moment of its own: the
 * control certificate, for the key that it has, and those of the hosts, each for a new key that
 * the host makes (POST /v1/csr, jinbang-ca, POST /v1/certificate). The registry takes a host's
 * new key beside the old one before the certificate is sent, and alone once the host has shown
 * it. A host makes another key only when it has taken a certificate for the one before: so a
 * key that may be in use is never given up, and a message that was lost at any of these points
 * is made good by the next try.
 *
 * A CA that does not answer is a warning, and asked again, for as long as certificates last. It
 * is waited for up to 10 seconds (ca/client.h), in which nothing else happens; hence not often.
 */
#pragma once

#include "dispatch/host_client.h"

struct renew;

/* `client` outlives it, but its calls do not. JB_ENOMEM. */
int renew_new(struct dispatch *d, struct host_client *client, struct jb_error *err,
              struct renew **ret_renew);
/* After the client. NULL is fine. */
void renew_free(struct renew *renew);
/* Returns when it wants to be called at the latest, monotonic ms. */
int64_t renew_run(struct renew *renew, int64_t now_ms, int64_t now_us);
