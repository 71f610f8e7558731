/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "crypto/listener.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/x509.h"

#include <errno.h>
#include <limits.h>
#include <mbedtls/oid.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 256, ADDRESS_SIZE = 72 };

/* What connections are held to: of the connection's start, however often it is reloaded. */
struct terms {
    size_t users;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt certificate, ca;
    mbedtls_pk_context key;
    bool has_ca;
    enum pki_role role;
    bool (*allowed)(void *ctx, const struct pki_identity *peer, const char **ret_reason);
    void *ctx;
};

/* Kinds of refusal, each with its own limit in the log. */
enum refusal { REFUSED_TLS, REFUSED_CERTIFICATE, REFUSED_SLOW, REFUSED_FULL, REFUSALS };

struct listener {
    int fd, port;
    int64_t handshake_ms;
    size_t peers, max_peers;
    struct terms *terms;
    struct listener_peer *first, *last; /* in handshake, the oldest first */
    struct jb_log_limit limits[REFUSALS];
};

struct listener_peer {
    struct listener *listener;
    struct listener_peer *before, *after; /* of those in handshake */
    struct terms *terms;
    mbedtls_ssl_context ssl;
    struct x509_walk walk;
    int fd;
    int64_t deadline;
    bool done, cut, broken;
    bool heard, no_tls; /* a first byte came, and was none of a handshake */
    char address[ADDRESS_SIZE];
};

static void
terms_unref(struct terms *t)
{
    if (!t || --t->users)
        return;
    mbedtls_ssl_config_free(&t->conf);
    mbedtls_x509_crt_free(&t->certificate);
    mbedtls_x509_crt_free(&t->ca);
    mbedtls_pk_free(&t->key);
    free(t);
}

static int
read_terms(const struct listener_config *config, struct terms *t, struct jb_error *err)
{
    int rc = x509_parse(jb_str(config->certificate_pem), "certificate of the listener", err,
                        &t->certificate);

    if (!rc)
        rc = x509_parse_key(jb_str(config->key_pem), err, &t->key);
    if (!rc && shim_key_pair(&t->certificate.pk, &t->key) != 0)
        rc = jb_fail(err, JB_EINVAL, "the listener's key does not belong to its certificate");
    if (!rc && mbedtls_x509_crt_check_extended_key_usage(
                   &t->certificate, MBEDTLS_OID_SERVER_AUTH,
                   MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0)
        rc = jb_fail(err, JB_EINVAL, "the listener's certificate is not one of a host");
    if (!rc && config->ca_pem) {
        t->has_ca = true;
        rc = x509_parse(jb_str(config->ca_pem), "CA of the listener", err, &t->ca);
    }
    return rc;
}

static int
terms_new(const struct listener_config *config, struct jb_error *err, struct terms **ret_terms)
{
    struct terms *t = calloc(1, sizeof(*t));
    int rc;

    if (!t)
        return jb_fail(err, JB_ENOMEM, "listener: out of memory");
    t->users = 1;
    t->role = config->role;
    t->allowed = config->allowed;
    t->ctx = config->ctx;
    mbedtls_ssl_config_init(&t->conf);
    mbedtls_x509_crt_init(&t->certificate);
    mbedtls_x509_crt_init(&t->ca);
    mbedtls_pk_init(&t->key);
    rc = shim_start() ? jb_fail(err, JB_EIO, "mbedTLS does not start")
                      : read_terms(config, t, err);
    if (rc)
        goto fail;
    rc = mbedtls_ssl_config_defaults(&t->conf, MBEDTLS_SSL_IS_SERVER,
                                     MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (!rc)
        rc = mbedtls_ssl_conf_own_cert(&t->conf, &t->certificate, &t->key);
    if (rc) {
        rc = x509_fail(err, JB_EIO, rc, "listener");
        goto fail;
    }
    mbedtls_ssl_conf_rng(&t->conf, shim_random, NULL);
    mbedtls_ssl_conf_ciphersuites(&t->conf, shim_ssl_suites());
    mbedtls_ssl_conf_cert_profile(&t->conf, &x509_profile);
    mbedtls_ssl_conf_renegotiation(&t->conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_legacy_renegotiation(&t->conf, MBEDTLS_SSL_LEGACY_NO_RENEGOTIATION);
    /* Neither a ticket nor a cache callback is set: nothing can be resumed. */
    mbedtls_ssl_conf_authmode(&t->conf, t->has_ca ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                  : MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_ca_chain(&t->conf, t->has_ca ? &t->ca : NULL, NULL);
    shim_ssl_conf(&t->conf);
    *ret_terms = t;
    return 0;
fail:
    terms_unref(t);
    return rc;
}

/* "127.0.0.1:4433", "[::1]:4433" */
static int
resolve(const char *address, struct jb_error *err, struct addrinfo **ret_info)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    const char *colon = strrchr(address, ':');
    char host[64];
    size_t n = colon ? (size_t)(colon - address) : 0;
    int rc;

    if (n > 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    } else if (n && memchr(address, ':', n)) {
        n = 0;
    }
    if (n == 0 || n >= sizeof(host) || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        !colon[1] || strlen(colon + 1) > 5 || strtol(colon + 1, NULL, 10) > 65535)
        return jb_fail(err, JB_EINVAL,
                       "an address to listen at is like 127.0.0.1:4433 or [::]:4433");
    memcpy(host, address, n);
    host[n] = '\0';
    rc = getaddrinfo(host, colon + 1, &hints, ret_info);
    if (rc)
        return jb_fail(err, rc == EAI_MEMORY ? JB_ENOMEM : JB_EINVAL, "address %s: %s", host,
                       gai_strerror(rc));
    return 0;
}

static int
open_socket(struct listener *l, const char *address, struct jb_error *err)
{
    struct sockaddr_storage at;
    socklen_t n = sizeof(at);
    struct addrinfo *info;
    char port[8];
    int on = 1, rc = resolve(address, err, &info);

    if (rc)
        return rc;
    l->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        bind(l->fd, info->ai_addr, info->ai_addrlen) || listen(l->fd, BACKLOG) ||
        getsockname(l->fd, (struct sockaddr *)&at, &n))
        rc = jb_fail_errno(err, errno, "listen at %s", address);
    freeaddrinfo(info);
    if (rc)
        return rc;
    if (getnameinfo((struct sockaddr *)&at, n, NULL, 0, port, sizeof(port), NI_NUMERICSERV))
        return jb_fail(err, JB_EIO, "listen at %s: its port is not known", address);
    l->port = (int)strtol(port, NULL, 10);
    return 0;
}

int
listener_new(const struct listener_config *config, struct jb_error *err,
             struct listener **ret_listener)
{
    struct listener *l = calloc(1, sizeof(*l));
    int rc;

    if (!l)
        return jb_fail(err, JB_ENOMEM, "listener: out of memory");
    l->fd = -1;
    l->handshake_ms = config->handshake_ms;
    l->max_peers = config->max_peers;
    rc = terms_new(config, err, &l->terms);
    if (!rc)
        rc = open_socket(l, config->address, err);
    if (rc) {
        listener_free(l);
        return rc;
    }
    *ret_listener = l;
    return 0;
}

void
listener_free(struct listener *l)
{
    if (!l)
        return;
    if (l->fd >= 0)
        close(l->fd);
    terms_unref(l->terms);
    free(l);
}

int
listener_fd(const struct listener *l)
{
    return l->fd;
}

int
listener_port(const struct listener *l)
{
    return l->port;
}

size_t
listener_peers(const struct listener *l)
{
    return l->peers;
}

int
listener_reload(struct listener *l, const struct listener_config *config, struct jb_error *err)
{
    struct terms *t;
    int rc = terms_new(config, err, &t);

    if (rc)
        return rc;
    terms_unref(l->terms);
    l->terms = t;
    return 0;
}

static void
refused(struct listener *l, enum refusal kind, const char *address, const char *reason)
{
    jb_log_limited(&l->limits[kind], JB_LOG_NOTICE, "refused %s: %s", address, reason);
}

static void
put_address(const struct sockaddr_storage *from, socklen_t n, char out[ADDRESS_SIZE])
{
    char host[56], port[8];

    if (getnameinfo((const struct sockaddr *)from, n, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(out, ADDRESS_SIZE, "an unknown address");
    else
        snprintf(out, ADDRESS_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static void
leave_handshake(struct listener_peer *p)
{
    struct listener *l = p->listener;

    if (!p->before && l->first != p)
        return;
    *(p->before ? &p->before->after : &l->first) = p->after;
    *(p->after ? &p->after->before : &l->last) = p->before;
    p->before = p->after = NULL;
}

/* Its owner sees the socket end, and is told why by peer_handshake(). */
static void
cut_oldest(struct listener *l)
{
    struct listener_peer *p = l->first;

    leave_handshake(p);
    p->cut = true;
    l->peers--;
    shutdown(p->fd, SHUT_RDWR);
}

static int
bio_send(void *ctx, const unsigned char *p, size_t n)
{
    struct listener_peer *peer = ctx;
    ssize_t sent;

    do
        sent = send(peer->fd, p, n > INT_MAX ? INT_MAX : n, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return (int)sent;
    return errno == EAGAIN || errno == EWOULDBLOCK ? MBEDTLS_ERR_SSL_WANT_WRITE
                                                   : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int
bio_receive(void *ctx, unsigned char *p, size_t n)
{
    struct listener_peer *peer = ctx;
    ssize_t got;

    do
        got = recv(peer->fd, p, n > INT_MAX ? INT_MAX : n, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0 && !peer->heard) {
        peer->heard = true;
        peer->no_tls = p[0] != 22; /* RFC 8446 5.1: ContentType handshake */
    }
    if (got >= 0)
        return (int)got;
    return errno == EAGAIN || errno == EWOULDBLOCK ? MBEDTLS_ERR_SSL_WANT_READ
                                                   : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* Without a CA a certificate proves its key only. */
static int
take_any(void *walk, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct x509_walk *w = walk;

    (void)flags;
    if (depth == 0 && x509_identity(crt, NULL, &w->leaf) == 0) {
        w->leaf.role = PKI_ROLE_MAX;
        w->has_leaf = true;
    }
    return 0;
}

static int
peer_new(struct listener *l, int fd, const char *address, int64_t now_ms, struct jb_error *err,
         struct listener_peer **ret_peer)
{
    struct listener_peer *p = calloc(1, sizeof(*p));
    int rc, on = 1;

    if (!p) {
        close(fd);
        return jb_fail(err, JB_EIO, "accept: out of memory");
    }
    p->listener = l;
    p->fd = fd;
    p->deadline = now_ms + l->handshake_ms;
    p->walk.role = l->terms->role;
    p->walk.allowed = l->terms->allowed;
    p->walk.ctx = l->terms->ctx;
    snprintf(p->address, sizeof(p->address), "%s", address);
    mbedtls_ssl_init(&p->ssl);
    /* A request is several small records; 60 ms each without (measured). */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    rc = mbedtls_ssl_setup(&p->ssl, &l->terms->conf);
    if (rc) {
        mbedtls_ssl_free(&p->ssl);
        close(fd);
        free(p);
        return x509_fail(err, JB_EIO, rc, "accept");
    }
    mbedtls_ssl_set_bio(&p->ssl, p, bio_send, bio_receive, NULL);
    mbedtls_ssl_set_verify(&p->ssl, l->terms->has_ca ? x509_walk : take_any, &p->walk);
    p->terms = l->terms;
    p->terms->users++;
    p->before = l->last;
    *(l->last ? &l->last->after : &l->first) = p;
    l->last = p;
    l->peers++;
    *ret_peer = p;
    return 0;
}

int
listener_accept(struct listener *l, int64_t now_ms, struct jb_error *err,
                struct listener_peer **ret_peer)
{
    struct sockaddr_storage from;
    char address[ADDRESS_SIZE];
    socklen_t n;
    int fd;

    do {
        n = sizeof(from);
        fd = accept4(l->fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return JB_ENOENT;
    if (fd < 0) {
        int no = errno;
        jb_fail(err, JB_EIO, "accept: %s", strerror(no));
        return JB_EIO;
    }
    put_address(&from, n, address);
    if (l->peers >= l->max_peers && l->first)
        cut_oldest(l);
    if (l->peers >= l->max_peers) {
        close(fd);
        refused(l, REFUSED_FULL, address, "too many connections");
        return jb_fail(err, JB_ELIMIT, "%s: too many connections", address);
    }
    return peer_new(l, fd, address, now_ms, err, ret_peer);
}

int
peer_fd(const struct listener_peer *p)
{
    return p->fd;
}

const char *
peer_address(const struct listener_peer *p)
{
    return p->address;
}

int64_t
peer_deadline(const struct listener_peer *p)
{
    return p->done ? INT64_MAX : p->deadline;
}

/* What a code of a handshake means to who reads the log. */
static const char *
tls_reason(int rc)
{
    if (shim_ssl_is_old_version(rc))
        return "it speaks no TLS of 1.2 or above";
    switch (rc) {
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE: return "it shows no certificate";
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: return "it refuses us";
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return "it left in the handshake";
    case MBEDTLS_ERR_X509_FATAL_ERROR: return "its chain of certificates is too long";
    default: return NULL;
    }
}

static int
handshake_failed(struct listener_peer *p, int rc, struct jb_error *err)
{
    const char *known = p->no_tls ? "it does not speak TLS" : tls_reason(rc);
    char text[480];

    if (p->walk.reason[0])
        snprintf(text, sizeof(text), "%s", p->walk.reason);
    else if (known)
        snprintf(text, sizeof(text), "%s", known);
    else
        snprintf(text, sizeof(text), "the handshake failed (mbedTLS -0x%04x)", (unsigned)-rc);
    p->broken = true;
    leave_handshake(p);
    refused(p->listener, p->walk.reason[0] ? REFUSED_CERTIFICATE : REFUSED_TLS, p->address,
            text);
    return jb_fail(err, p->walk.reason[0] ? JB_EACCES : JB_EINVAL, "%s: %s", p->address, text);
}

static int
handshake_too_slow(struct listener_peer *p, struct jb_error *err)
{
    const char *reason =
        p->cut ? "cut in its handshake for another, since there are too many connections"
               : "its handshake took too long";

    p->broken = true;
    leave_handshake(p);
    refused(p->listener, REFUSED_SLOW, p->address, reason);
    return jb_fail(err, JB_ETIMEDOUT, "%s: %s", p->address, reason);
}

int
peer_handshake(struct listener_peer *p, int64_t now_ms, struct jb_error *err)
{
    int rc;

    if (p->done)
        return 0;
    if (p->broken)
        return jb_fail(err, JB_ECLOSED, "%s: refused before", p->address);
    if (p->cut || now_ms >= p->deadline)
        return handshake_too_slow(p, err);
    p->walk.now = jb_now_us();
    rc = mbedtls_ssl_handshake(&p->ssl);
    if (rc == MBEDTLS_ERR_SSL_WANT_READ)
        return PEER_WANTS_READ;
    if (rc == MBEDTLS_ERR_SSL_WANT_WRITE)
        return PEER_WANTS_WRITE;
    if (rc)
        return handshake_failed(p, rc, err);
    /* Belt and braces: no way through the library past the callback. */
    if (p->terms->has_ca && (!p->walk.has_leaf || p->walk.reason[0] ||
                             mbedtls_ssl_get_verify_result(&p->ssl) != 0)) {
        if (!p->walk.reason[0])
            snprintf(p->walk.reason, sizeof(p->walk.reason), "its certificate was not checked");
        return handshake_failed(p, 0, err);
    }
    p->done = true;
    leave_handshake(p);
    return 0;
}

const struct pki_identity *
peer_identity(const struct listener_peer *p)
{
    return p->done && p->walk.has_leaf ? &p->walk.leaf : NULL;
}

static long
translate(struct listener_peer *p, int rc)
{
    if (rc > 0)
        return rc;
    if (rc == MBEDTLS_ERR_SSL_WANT_READ)
        return PEER_WANTS_READ;
    if (rc == MBEDTLS_ERR_SSL_WANT_WRITE)
        return PEER_WANTS_WRITE;
    p->broken = true;
    if (rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return 0;
    return rc == 0 || rc == MBEDTLS_ERR_SSL_CONN_EOF ? JB_ECLOSED : JB_EIO;
}

long
peer_read(struct listener_peer *p, void *buf, size_t n)
{
    if (!p->done || p->broken)
        return JB_ECLOSED;
    return translate(p, mbedtls_ssl_read(&p->ssl, buf, n > INT_MAX ? INT_MAX : n));
}

long
peer_write(struct listener_peer *p, const void *buf, size_t n)
{
    if (!p->done || p->broken)
        return JB_ECLOSED;
    if (n == 0)
        return 0;
    return translate(p, mbedtls_ssl_write(&p->ssl, buf, n > INT_MAX ? INT_MAX : n));
}

void
peer_close(struct listener_peer *p)
{
    if (!p)
        return;
    leave_handshake(p);
    if (p->done && !p->broken)
        mbedtls_ssl_close_notify(&p->ssl);
    mbedtls_ssl_free(&p->ssl);
    close(p->fd);
    if (!p->cut)
        p->listener->peers--;
    terms_unref(p->terms);
    free(p);
}
