/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS listener that takes connections with a client certificate only, on mbedTLS: TLS 1.2
 * (1.3 where the library has it), ECDSA, no tickets, no session cache, no renegotiation.
 * Sockets do not block; the caller polls. One thread.
 */
#pragma once

#include "crypto/pki.h"

#include <stdbool.h>
#include <stdint.h>

struct listener;
struct listener_peer;

struct listener_config {
    const char *address;                   /* "127.0.0.1:4433", "[::]:4433" */
    const char *certificate_pem, *key_pem; /* ours; the certificate with its issuer behind it */
    const char *ca_pem;                    /* whose client certificates are taken; several */
    enum pki_role role;                    /* the only role of a client that is taken */
    /* Asked in the handshake, after the chain was verified: may this key talk to us? `reason`
     * for the log when not. */
    bool (*allowed)(void *ctx, const struct pki_identity *peer, const char **ret_reason);
    void *ctx;
    int64_t handshake_ms; /* a connection that has not shaken hands by then is cut */
    size_t max_peers;     /* more are not accepted */
};

/* JB_EINVAL (address, PEM), JB_EIO (bind), JB_ENOMEM. */
int listener_new(const struct listener_config *config, struct jb_error *err,
                 struct listener **ret_listener);
void listener_free(struct listener *l);
int listener_fd(const struct listener *l);
int listener_port(const struct listener *l);
/* New certificate, key, CA; open connections go on with the old ones. */
int listener_reload(struct listener *l, const struct listener_config *config,
                    struct jb_error *err);

/* The next connection, its handshake not done; JB_ENOENT none waits. */
int listener_accept(struct listener *l, int64_t now_ms, struct jb_error *err,
                    struct listener_peer **ret_peer);
int peer_fd(const struct listener_peer *p);
/* 0 done; 1 wants to read, 2 wants to write; negative: refused or broken, the reason is in
 * `err` for the log, close it. */
int peer_handshake(struct listener_peer *p, int64_t now_ms, struct jb_error *err);
const struct pki_identity *peer_identity(const struct listener_peer *p);
/* > 0 bytes, 0 the end; -1 wants to read, -2 wants to write, JB_ECLOSED (-20) and below:
 * broken. */
#define PEER_WANTS_READ  (-1001)
#define PEER_WANTS_WRITE (-1002)
long peer_read(struct listener_peer *p, void *buf, size_t n);
long peer_write(struct listener_peer *p, const void *buf, size_t n);
void peer_close(struct listener_peer *p); /* close_notify if it can, frees */
