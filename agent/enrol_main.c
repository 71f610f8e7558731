/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/enrol_main.h"

#include "agent/calls.h"
#include "agent/enrol.h"
#include "agent/files.h"
#include "agent/serve.h"
#include "base/clock.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WRONG_USE = 2,
    INTERIM_LIFE = 2 * 86400, /* seconds; a token lives a day */
    TICK_MS = 1000,
};

struct enrolling {
    struct enrolment e;
    struct jb_buf key, certificate, csr;
};

static void
answer(void *ctx, const struct pki_identity *peer, const struct http_request *request, int rc,
       const struct jb_error *err, struct http_answer *ret_answer)
{
    struct enrolling *w = ctx;

    if (request)
        enrol_call(&w->e, peer ? peer->key_hash : NULL, request, ret_answer);
    else
        calls_refuse(rc, err, ret_answer);
}

static void
tick(void *ctx)
{
    (void)ctx;
}

static bool
signalled(void *ctx, int signo)
{
    (void)ctx;
    return signo != SIGHUP;
}

static bool
done(void *ctx)
{
    return enrol_done(&((const struct enrolling *)ctx)->e);
}

static int
prepare(struct enrolling *w, const struct agent_conf *conf, struct jb_error *err)
{
    const struct pki_order order = {
        .role = PKI_HOST, .name = w->e.name, .now = jb_now_us(), .life = INTERIM_LIFE};
    int rc;

    if (mkdir(conf->tls.dir, 0700) && errno != EEXIST)
        return jb_fail_errno(err, errno, "%s", conf->tls.dir);
    w->e.dir = open(conf->tls.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->e.dir < 0)
        return jb_fail_errno(err, errno, "%s", conf->tls.dir);
    rc = identity_next_key(w->e.dir, err, &w->key);
    if (!rc)
        rc = pki_csr_new(jb_buf_view(&w->key), err, &w->csr);
    if (!rc)
        rc = pki_csr_key(jb_buf_view(&w->csr), err, w->e.host_key);
    if (!rc)
        rc = pki_interim_new(&order, jb_buf_view(&w->key), err, &w->certificate);
    w->e.csr = jb_buf_view(&w->csr);
    return rc;
}

static int
wait_for_it(struct enrolling *w, const struct agent_conf *conf, struct jb_error *err)
{
    const struct listener_config config = {.address = conf->listen.address,
                                           .certificate_pem = w->certificate.p,
                                           .key_pem = w->key.p,
                                           .handshake_ms = conf->listen.handshake,
                                           .max_peers = (size_t)conf->listen.max_peers};
    struct serve s = {.max_peers = (size_t)conf->listen.max_peers,
                      .limits = {4 * ENROL_PEM_MAX, 4 * ENROL_PEM_MAX, conf->listen.request,
                                 conf->listen.request},
                      .tick_ms = TICK_MS,
                      .ctx = w,
                      .answer = answer,
                      .tick = tick,
                      .signalled = signalled,
                      .done = done};
    char hex[2 * PKI_HASH_SIZE + 1];
    sigset_t set;
    int rc;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s.signals < 0)
        return jb_fail_errno(err, errno, "signals");
    rc = listener_new(&config, err, &s.listener);
    if (!rc) {
        crypto_hex(w->e.host_key, PKI_HASH_SIZE, hex);
        printf("The key of this host has the fingerprint\n    %s\n"
               "Waiting on %s, port %d; run `jinbang host enrol %s URL` on the board's "
               "machine.\n",
               hex, conf->listen.address, listener_port(s.listener), w->e.name);
        fflush(stdout);
        rc = serve_run(&s, err);
        listener_free(s.listener);
    }
    close(s.signals);
    return rc;
}

/* SHA-256 of the token given, or of the first line of standard input: arguments can be seen by
 * every user of this host, and are blanked once they were read. */
static int
take_token(char *given, struct jb_error *err, unsigned char ret_hash[ENROL_BYTES])
{
    char line[256] = "";
    int rc;

    if (!given) {
        if (isatty(STDIN_FILENO))
            fputs("Token: ", stderr);
        if (!fgets(line, sizeof(line), stdin))
            return jb_fail(err, JB_EINVAL, "no token on standard input");
        line[strcspn(line, "\r\n")] = '\0';
        given = line;
    }
    rc = enrol_token_hash(jb_str(given), err, ret_hash);
    explicit_bzero(given, strlen(given));
    return rc;
}

static int
enrol(const char *config, const char *name, char *token)
{
    struct enrolling w = {.e = {.dir = -1, .name = name},
                          .key = JB_BUF(PKI_PEM_MAX),
                          .certificate = JB_BUF(PKI_PEM_MAX),
                          .csr = JB_BUF(PKI_PEM_MAX)};
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct agent_conf conf;
    struct jb_arena *arena = jb_arena_new(1 << 20);
    int code = 1, rc;

    rc = arena ? agent_conf_load(config, arena, &conf, &report)
               : jb_fail(&err, JB_ENOMEM, "out of memory");
    if (!rc)
        rc = pki_name_check(jb_str(name), &err);
    if (!rc)
        rc = take_token(token, &err, w.e.token_hash);
    if (!rc)
        rc = prepare(&w, &conf, &err);
    if (!rc)
        rc = wait_for_it(&w, &conf, &err);
    if (report.text.n)
        fputs(report.text.p, stderr);
    if (err.text[0])
        fprintf(stderr, "jinbang-agent: %s\n", err.text);
    if (!rc && enrol_done(&w.e)) {
        puts("This host has its certificate. Start the agent.");
        code = 0;
    } else if (!rc) {
        fputs("jinbang-agent: stopped before the certificate came\n", stderr);
    }
    pki_wipe(&w.key);
    jb_buf_free(&w.certificate);
    jb_buf_free(&w.csr);
    jb_buf_free(&report.text);
    if (w.e.dir >= 0)
        close(w.e.dir);
    jb_arena_free(arena);
    return code;
}

int
enrol_main(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'}, {0}};
    const char *config = NULL;

    for (int c; (c = getopt_long(argc, argv, "c:", longs, NULL)) != -1;) {
        if (c != 'c') {
            fputs("Try 'jinbang-agent --help'.\n", stderr);
            return WRONG_USE;
        }
        config = optarg;
    }
    if (argc - optind < 1 || argc - optind > 2) {
        fputs("Usage: jinbang-agent enrol [-c FILE] NAME [TOKEN]\n", stderr);
        return WRONG_USE;
    }
    return enrol(config, argv[optind], argc - optind == 2 ? argv[optind + 1] : NULL);
}
