/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests/e2e/tls.test: makes certificates, good ones and ones of the wrong time; and serves
 * one HTTP answer per connection behind crypto/listener.h, which says who asked.
 */
#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "crypto/listener.h"
#include "crypto/pki.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY    INT64_C(86400)
#define DAY_US (DAY * 1000000)

static volatile sig_atomic_t stop, reload;

static void
on_signal(int number)
{
    if (number == SIGHUP)
        reload = 1;
    else
        stop = 1;
}

static void
die(const char *what, const struct jb_error *err)
{
    fprintf(stderr, "tls_echo: %s: %s\n", what, err->text);
    exit(1);
}

static void
put_file(const char *dir, const char *name, const char *end, const struct jb_buf *text)
{
    char path[512];
    FILE *to;

    snprintf(path, sizeof(path), "%s/%s.%s", dir, name, end);
    to = fopen(path, "w");
    if (!to || fwrite(text->p, 1, text->n, to) != text->n || fclose(to)) {
        perror(path);
        exit(1);
    }
}

static char *
get_file(const char *path)
{
    static char text[8][65536];
    static size_t next;
    FILE *from = fopen(path, "r");
    char *to = text[next++ % 8];
    size_t n;

    if (!from) {
        perror(path);
        exit(1);
    }
    n = fread(to, 1, sizeof(text[0]) - 1, from);
    fclose(from);
    to[n] = '\0';
    return to;
}

struct signer {
    struct jb_buf key, pem;
};

/* NAME.key and NAME.pem; of a leaf with its issuer behind it. */
static void
make(const char *dir, const char *file, const struct pki_order *order,
     const struct signer *issuer, struct signer *ret_made)
{
    struct signer made = {{0}, {0}};
    struct jb_buf csr = {0};
    struct jb_error err = {0};
    int rc = pki_key_new(order->role, &err, &made.key);

    if (!rc && !issuer)
        rc = pki_root_new(order, jb_buf_view(&made.key), &err, &made.pem);
    else if (!rc && !(rc = pki_csr_new(jb_buf_view(&made.key), &err, &csr)))
        rc = pki_issue(order, jb_buf_view(&csr), jb_buf_view(&issuer->pem),
                       jb_buf_view(&issuer->key), &err, &made.pem);
    if (rc)
        die(file, &err);
    if (order->role == PKI_HOST || order->role == PKI_DISPATCHER)
        jb_buf_str(&made.pem, jb_buf_view(&issuer->pem));
    put_file(dir, file, "key", &made.key);
    put_file(dir, file, "pem", &made.pem);
    jb_buf_free(&csr);
    if (ret_made) {
        *ret_made = made;
        return;
    }
    pki_wipe(&made.key);
    jb_buf_free(&made.pem);
}

/* All of one CA, whose issuers are a month old. */
static int
make_all(const char *dir)
{
    int64_t now = jb_now_us(), old = now - 30 * DAY_US;
    struct signer root, hosts, control;

    make(dir, "root", &(struct pki_order){PKI_ROOT, "Test root", old, 3650 * DAY}, NULL, &root);
    make(dir, "host-issuer", &(struct pki_order){PKI_HOST_ISSUER, "Hosts", old, 365 * DAY},
         &root, &hosts);
    make(dir, "control-issuer",
         &(struct pki_order){PKI_CONTROL_ISSUER, "Control", old, 365 * DAY}, &root, &control);
    make(dir, "host", &(struct pki_order){PKI_HOST, "gpu-1", now, 7 * DAY}, &hosts, NULL);
    make(dir, "host2", &(struct pki_order){PKI_HOST, "gpu-2", now, 7 * DAY}, &hosts, NULL);
    make(dir, "good", &(struct pki_order){PKI_DISPATCHER, "dispatcher", now, 7 * DAY}, &control,
         NULL);
    make(dir, "revoked", &(struct pki_order){PKI_DISPATCHER, "dispatcher", now, 7 * DAY},
         &control, NULL);
    make(dir, "expired",
         &(struct pki_order){PKI_DISPATCHER, "dispatcher", now - 2 * DAY_US, DAY}, &control,
         NULL);
    make(dir, "future",
         &(struct pki_order){PKI_DISPATCHER, "dispatcher", now + 2 * DAY_US, DAY}, &control,
         NULL);
    for (size_t i = 0; i < 3; i++) {
        struct signer *s = i == 0 ? &root : i == 1 ? &hosts : &control;
        pki_wipe(&s->key);
        jb_buf_free(&s->pem);
    }
    return 0;
}

struct server {
    const char *certificate, *key, *ca, *revoked; /* files */
    struct listener_config config;
    struct listener *listener;
};

/* The file holds hashes of keys, a line each; read anew each time, as a registry would be. */
static bool
allowed(void *ctx, const struct pki_identity *peer, const char **ret_reason)
{
    const struct server *s = ctx;
    char hex[2 * PKI_HASH_SIZE + 1];

    crypto_hex(peer->key_hash, sizeof(peer->key_hash), hex);
    if (!strstr(get_file(s->revoked), hex))
        return true;
    *ret_reason = "its key was revoked";
    return false;
}

enum { CLIENTS = 512 };
struct client {
    struct listener_peer *peer;
    bool ready;
    short wants;
    char in[2048];
    size_t n;
};
static struct client clients[CLIENTS];
static struct pollfd polled[CLIENTS + 1];

static void
drop(struct client *c)
{
    peer_close(c->peer);
    memset(c, 0, sizeof(*c));
}

static void
answer(struct client *c)
{
    const struct pki_identity *id = peer_identity(c->peer);
    char text[512], body[256];

    snprintf(body, sizeof(body), "hello %s %s\n", id ? pki_role_word(id->role) : "nobody",
             id ? id->name : "");
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
             strlen(body), body);
    if (peer_write(c->peer, text, strlen(text)) < 0)
        fprintf(stderr, "tls_echo: cannot answer\n");
    drop(c);
}

static void
go_on(struct client *c, int64_t now)
{
    if (!c->ready) {
        struct jb_error err = {0};
        int rc = peer_handshake(c->peer, now, &err);
        if (rc == PEER_WANTS_READ || rc == PEER_WANTS_WRITE) {
            c->wants = rc == PEER_WANTS_READ ? POLLIN : POLLOUT;
            return;
        }
        if (rc) {
            drop(c);
            return;
        }
        c->ready = true;
    }
    for (;;) {
        long n = peer_read(c->peer, c->in + c->n, sizeof(c->in) - 1 - c->n);
        if (n == PEER_WANTS_READ || n == PEER_WANTS_WRITE) {
            c->wants = n == PEER_WANTS_READ ? POLLIN : POLLOUT;
            return;
        }
        if (n <= 0) {
            drop(c);
            return;
        }
        c->n += (size_t)n;
        c->in[c->n] = '\0';
        if (strstr(c->in, "\r\n\r\n") || c->n == sizeof(c->in) - 1) {
            answer(c);
            return;
        }
    }
}

static void
accept_all(struct server *s, int64_t now)
{
    for (;;) {
        struct listener_peer *peer;
        struct jb_error err = {0};
        int rc = listener_accept(s->listener, now, &err, &peer);

        if (rc == JB_ELIMIT)
            continue;
        if (rc)
            return;
        for (size_t i = 0; i < CLIENTS; i++)
            if (!clients[i].peer) {
                clients[i].peer = peer;
                clients[i].wants = POLLIN;
                break;
            }
    }
}

static void
read_config(struct server *s)
{
    s->config.certificate_pem = get_file(s->certificate);
    s->config.key_pem = get_file(s->key);
    s->config.ca_pem = s->ca[0] ? get_file(s->ca) : NULL;
}

static void
serve_once(struct server *s)
{
    int64_t now;

    polled[CLIENTS] = (struct pollfd){.fd = listener_fd(s->listener), .events = POLLIN};
    for (size_t i = 0; i < CLIENTS; i++)
        polled[i] = (struct pollfd){.fd = clients[i].peer ? peer_fd(clients[i].peer) : -1,
                                    .events = clients[i].wants};
    poll(polled, CLIENTS + 1, 50);
    now = jb_monotonic_ms();
    for (size_t i = 0; i < CLIENTS; i++)
        if (clients[i].peer && (polled[i].revents || now >= peer_deadline(clients[i].peer)))
            go_on(&clients[i], now);
    if (polled[CLIENTS].revents)
        accept_all(s, now);
}

/* CERTIFICATE KEY CA ROLE REVOKED HANDSHAKE-MS MAX-PEERS; an empty CA takes anybody. */
static int
serve(char **argv)
{
    struct server s = {
        .certificate = argv[0], .key = argv[1], .ca = argv[2], .revoked = argv[4]};
    struct jb_error err = {0};

    s.config = (struct listener_config){.address = "127.0.0.1:0",
                                        .allowed = allowed,
                                        .ctx = &s,
                                        .handshake_ms = atoi(argv[5]),
                                        .max_peers = (size_t)atoi(argv[6])};
    s.config.role = strcmp(argv[3], "host") == 0 ? PKI_HOST : PKI_DISPATCHER;
    read_config(&s);
    if (listener_new(&s.config, &err, &s.listener))
        die("listener", &err);
    printf("port %d\n", listener_port(s.listener));
    fflush(stdout);
    while (!stop) {
        if (reload) {
            reload = 0;
            read_config(&s);
            if (listener_reload(s.listener, &s.config, &err))
                fprintf(stderr, "tls_echo: not reloaded: %s\n", err.text);
            jb_error_clear(&err);
        }
        serve_once(&s);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        if (clients[i].peer)
            drop(&clients[i]);
    printf("left %zu\n", listener_peers(s.listener));
    listener_free(s.listener);
    return 0;
}

/* SHA-256 of a certificate's key. */
static int
print_hash(const char *path)
{
    struct jb_error err = {0};
    struct pki_identity id;
    char hex[2 * PKI_HASH_SIZE + 1];

    if (pki_identity_read(jb_str(get_file(path)), &err, &id))
        die(path, &err);
    crypto_hex(id.key_hash, sizeof(id.key_hash), hex);
    puts(hex);
    return 0;
}

int
main(int argc, char **argv)
{
    const struct sigaction act = {.sa_handler = on_signal};

    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    jb_log_open("tls_echo", JB_LOG_DEBUG);
    if (argc == 3 && strcmp(argv[1], "make") == 0)
        return make_all(argv[2]);
    if (argc == 3 && strcmp(argv[1], "hash") == 0)
        return print_hash(argv[2]);
    if (argc == 9 && strcmp(argv[1], "serve") == 0)
        return serve(argv + 2);
    fputs("tls_echo make DIR | hash PEM | serve CERTIFICATE KEY CA ROLE REVOKED MS PEERS\n",
          stderr);
    return 2;
}
