/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to the GPU hosts (wire/message.h), over TLS with the control certificate: only hosts of
 * the registry, each known by its current or next key and by its name in a certificate of the
 * board's own CA; nobody else's. To a host one connection for what must not wait and two for
 * results and logs, 256 of either in all, every answer bounded in time and size. What a host
 * does about calls (answers, refuses our certificate, is silent) is logged when it changes.
 *
 * Key and certificate are read again when their file changes; what is under way then ends on
 * the old connections, what begins takes new ones.
 */
#pragma once

#include "crypto/pki.h"
#include "dispatch/dispatch.h"
#include "dispatch/lease.h"

#define HOST_CLIENT_QUICK 1
#define HOST_CLIENT_BULK  2
#define HOST_CLIENT_TOTAL 256

struct host_answer {
    const char *host;
    enum lease_call call; /* of host_client_send() */
    uint64_t token;
    bool tls; /* no answer, since one of us did not accept the other */
    struct lease_reply reply;
};

/* Called from http_run() or host_client_run(), never from within a call. */
typedef void host_client_done(void *ctx, const struct host_answer *answer);

struct host_request {
    const char *host;
    const char *method, *path;
    const char *type; /* of the body; NULL JSON */
    struct jb_str body;
    size_t max_bytes; /* more of the answer is cut; 0: WIRE_BODY_MAX */
    enum host_pins {
        HOST_ANY_KEY, /* its current or its next one */
        HOST_NEXT_KEY,
        HOST_CURRENT_KEY
    } pins; /* but for HOST_ANY_KEY: on a fresh connection, and not logged */
    host_client_done *done;
    void *ctx;
    enum lease_call call;
    uint64_t token;
};

struct host_client;

/* `done` is told of what host_client_send() sent. JB_ENOMEM. */
int host_client_new(struct dispatch *d, host_client_done *done, void *ctx, struct jb_error *err,
                    struct host_client **ret_client);
/* What is under way is forgotten. NULL is fine. */
void host_client_free(struct host_client *c);

/* Everything is copied. Always answered, with status 0 by host_client_run() if need be, but for
 * host_client_free(). */
void host_client_call(struct host_client *c, const struct host_request *request);
/* What a call is, in a word. */
const char *host_client_word(enum lease_call call);
/* As struct lease_net has it. */
void host_client_send(void *client, const struct lease_ask *ask);

/* Tells of what could not be sent, reads a new certificate. Returns when it wants to be called
 * at the latest, monotonic ms. */
int64_t host_client_run(struct host_client *c, int64_t now_ms);
/* Key and certificate may be others now. */
void host_client_reload(struct host_client *c);
/* What we show; NULL while there is none that can be used. */
const struct pki_identity *host_client_identity(const struct host_client *c);
