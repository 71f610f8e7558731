/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS listener that takes connections with a client certificate only, on mbedTLS: TLS 1.2
 * (1.3 where the library has it), ECDSA, no tickets, no session cache, no renegotiation.
 * Sockets do not block; the caller polls. One thread.
 *
 * Each refusal is logged here with address and reason, at most one line a second for each kind
 * of refusal; the caller closes and goes on.
 */
#pragma once

#include "crypto/pki.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listener;
struct listener_peer;

struct listener_config {
    const char *address;                   /* "127.0.0.1:4433", "[::]:4433"; port 0: any */
    const char *certificate_pem, *key_pem; /* ours; the certificate with its issuer behind it */
    /*
     * Whose client certificates are taken; several. NULL, for a host that has no CA yet: a
     * client may show a certificate, which proves its key and nothing else (its role is
     * PKI_ROLE_MAX), or none.
     */
    const char *ca_pem;
    enum pki_role role; /* the only role of a client that is taken */
    /*
     * Asked in the handshake, after the chain was verified: may this key talk to us? `reason`
     * for the log when not. NULL: yes. A connection outlives a revocation unless the caller
     * asks again with each request.
     */
    bool (*allowed)(void *ctx, const struct pki_identity *peer, const char **ret_reason);
    void *ctx;
    int64_t handshake_ms; /* a connection that has not shaken hands by then is refused */
    /*
     * Most connections at once. One more cuts the oldest that has not shaken hands, so that
     * slow ones cannot keep a good one out; when all have, it is refused itself.
     */
    size_t max_peers;
};

/* JB_EINVAL (address, PEM, key and certificate that do not belong together, certificate of a
 * client), JB_EIO or what errno says (bind), JB_ENOMEM. */
int listener_new(const struct listener_config *config, struct jb_error *err,
                 struct listener **ret_listener);
/* After the last of its peers was closed. */
void listener_free(struct listener *l);
int listener_fd(const struct listener *l); /* poll for reading */
int listener_port(const struct listener *l);
size_t listener_peers(const struct listener *l);
/* New certificate, key, CA, role and `allowed` (address and limits stay); open connections go
 * on with the old ones. On failure all stays as it is. */
int listener_reload(struct listener *l, const struct listener_config *config,
                    struct jb_error *err);

/* The next connection, its handshake not done. JB_ENOENT: none waits; JB_ELIMIT: it was
 * refused, ask again; JB_EIO: the system has no descriptors or memory left, wait a while. */
int listener_accept(struct listener *l, int64_t now_ms, struct jb_error *err,
                    struct listener_peer **ret_peer);
int peer_fd(const struct listener_peer *p);
const char *peer_address(const struct listener_peer *p); /* "127.0.0.1:50312" */
/* When its handshake must be done, on the clock of `now_ms`; INT64_MAX once it is. */
int64_t peer_deadline(const struct listener_peer *p);
/* 0 done; PEER_WANTS_READ, PEER_WANTS_WRITE: again when the socket can; JB_E*: refused or
 * broken, close it. Call it at the deadline as well: JB_ETIMEDOUT. */
#define PEER_WANTS_READ  (-1001)
#define PEER_WANTS_WRITE (-1002)
int peer_handshake(struct listener_peer *p, int64_t now_ms, struct jb_error *err);
/* After the handshake. NULL: no certificate, where none is demanded. */
const struct pki_identity *peer_identity(const struct listener_peer *p);
/*
 * > 0 bytes, 0 the end, as the other side said; PEER_WANTS_*; JB_ECLOSED (it went without a
 * word) and other JB_E*: broken. The library may hold more than it gave: read until
 * PEER_WANTS_READ before the socket is polled again.
 */
long peer_read(struct listener_peer *p, void *buf, size_t n);
/* As peer_read(); after PEER_WANTS_* the same bytes again. */
long peer_write(struct listener_peer *p, const void *buf, size_t n);
void peer_close(struct listener_peer *p); /* close_notify if it can, frees; NULL is fine */
