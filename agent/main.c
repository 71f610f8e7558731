/* SPDX-License-Identifier: Apache-2.0 */
/* jinbang-agent: runs evaluations on a GPU host, for the dispatcher that connects to it. */
#include <config.h>

#include "agent/calls.h"
#include "agent/engine_conf.h"
#include "agent/enrol_main.h"
#include "agent/identity.h"
#include "agent/serve.h"
#include "agent/shim.h"
#include "base/log.h"
#include "base/program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { TICK_MS = 500, ARENA_MAX = 16 << 20 };

static const char usage[] =
    "Usage: jinbang-agent [-t] [-c FILE]\n"
    "       jinbang-agent enrol [-c FILE] NAME [TOKEN]\n"
    "Runs evaluations on this host for the dispatcher that connects to it.\n"
    "\n"
    "  -c, --config FILE  settings (default " JB_SYSCONFDIR "/jinbang/agent.conf)\n"
    "  -t, --test         check settings, plans and certificate, then exit\n"
    "  -h, --help         this text\n"
    "  -V, --version      version\n"
    "\n"
    "enrol makes this host's key, shows its fingerprint, and waits for `jinbang host enrol` "
    "to\n"
    "bring its certificate; without TOKEN it is read from standard input. SIGTERM and SIGINT\n"
    "stop the agent and not the evaluations, which the next agent takes up again; SIGHUP "
    "reads\n"
    "settings, plans and certificate again.\n";

struct program {
    const char *config;
    struct jb_arena *arena, *fresh; /* of the first settings, of the newest */
    struct agent_conf conf, now;
    struct engine *engine;
    struct agent agent;
    struct identity identity;
    struct listener *listener;
};

/* --- certificates ------------------------------------------------------------------------- */

/* In the handshake, behind the chain and the role: there is one dispatcher. */
static bool
allowed(void *ctx, const struct pki_identity *peer, const char **ret_reason)
{
    (void)ctx;
    if (peer->role == PKI_DISPATCHER)
        return true;
    *ret_reason = "not the dispatcher";
    return false;
}

static struct listener_config
listener_config(const struct program *p)
{
    return (struct listener_config){
        .address = p->conf.listen.address,
        .certificate_pem = p->identity.chain.p,
        .key_pem = p->identity.key.p,
        .ca_pem = p->identity.root.p,
        .role = PKI_DISPATCHER,
        .allowed = allowed,
        .handshake_ms = p->conf.listen.handshake,
        .max_peers = (size_t)p->conf.listen.max_peers,
    };
}

/* "h-gpu-1.hosts…" -> "gpu-1" */
static void
set_host(struct program *p)
{
    const char *name = p->identity.leaf.name;
    size_t n = strcspn(name, ".");

    if (strncmp(name, "h-", 2) == 0) {
        name += 2;
        n -= 2;
    }
    snprintf(p->agent.host, sizeof(p->agent.host), "%.*s", (int)n, name);
}

static void
reload_listener(struct program *p)
{
    struct listener_config config = listener_config(p);
    struct jb_error err = {0};

    if (listener_reload(p->listener, &config, &err))
        jb_log(JB_LOG_ERR, "the new certificate is not used: %s", err.text);
    p->identity.changed = false;
}

/* --- settings ----------------------------------------------------------------------------- */

static void
log_report(struct settings_report *report, const struct jb_error *err)
{
    for (const char *line = report->text.p; line && *line;) {
        size_t n = strcspn(line, "\n");

        jb_log(JB_LOG_ERR, "%.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
    jb_log(JB_LOG_ERR, "reload: %s; the old settings stay",
           err->text[0] ? err->text : "the settings have mistakes");
}

/* What is allowed changes at once; sockets, spool and slots are those of the start. */
static void
reload(struct program *p)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct jb_arena *arena = jb_arena_new(ARENA_MAX);
    struct agent_conf conf;
    struct identity identity;
    int rc = arena ? agent_conf_load(p->config, arena, &conf, &report)
                   : jb_fail(&err, JB_ENOMEM, "out of memory");

    if (!rc) {
        conf.spool.dir = p->conf.spool.dir;
        conf.spool.max_log = p->conf.spool.max_log;
        conf.jobs.first_uid = p->conf.jobs.first_uid;
        conf.jobs.gpus_per_slot = p->conf.jobs.gpus_per_slot;
        rc = agent_reload(&p->agent, &conf, arena, &report, &err);
    }
    if (rc) {
        log_report(&report, &err);
        jb_arena_free(arena);
    } else {
        p->now = conf;
        p->agent.conf = &p->now;
        jb_arena_free(p->fresh);
        p->fresh = arena;
        jb_log_level_set((enum jb_log_level)conf.log.level);
        jb_log(JB_LOG_NOTICE, "settings and plans read again");
    }
    jb_buf_free(&report.text);
    jb_error_clear(&err);
    if (identity_open(p->conf.tls.dir, &err, &identity)) {
        jb_log(JB_LOG_ERR, "%s; the old certificate stays", err.text);
        return;
    }
    identity_close(&p->identity);
    p->identity = identity;
    reload_listener(p);
}

/* --- life --------------------------------------------------------------------------------- */

static void
answer(void *ctx, const struct pki_identity *peer, const struct http_request *request, int rc,
       const struct jb_error *err, struct http_answer *ret_answer)
{
    struct program *p = ctx;

    (void)peer;
    if (!request) {
        calls_refuse(rc, err, ret_answer);
        return;
    }
    calls_answer(&p->agent, request, ret_answer);
    jb_log(JB_LOG_DEBUG, "%s %.*s: %d", http_method_word(request->method),
           JB_STR_FMT(request->path), ret_answer->status);
}

static void
tick(void *ctx)
{
    struct program *p = ctx;

    agent_tick(&p->agent);
    if (p->identity.changed)
        reload_listener(p);
}

static bool
signalled(void *ctx, int signo)
{
    if (signo == SIGHUP) {
        reload(ctx);
        return false;
    }
    jb_log(JB_LOG_NOTICE, "stopping on %s; evaluations go on",
           signo == SIGINT ? "SIGINT" : "SIGTERM");
    return true;
}

static int
start(struct program *p, struct settings_report *report, struct jb_error *err)
{
    int64_t slots;
    int rc;

    p->arena = jb_arena_new(ARENA_MAX);
    if (!p->arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = agent_conf_load(p->config, p->arena, &p->conf, report);
    if (rc)
        return rc;
    jb_log_level_set((enum jb_log_level)p->conf.log.level);
    rc = identity_open(p->conf.tls.dir, err, &p->identity);
    if (rc == JB_ENOENT)
        jb_error_prefix(err, "not enrolled; run jinbang-agent enrol");
    if (!rc)
        rc = engine_of_conf(&p->conf, err, &p->engine, &slots);
    if (!rc)
        rc = agent_open(&p->conf, p->engine, slots, report, p->arena, err, &p->agent);
    if (rc)
        return rc;
    p->agent.identity = &p->identity;
    p->agent.new_csr = identity_csr;
    p->agent.new_certificate = identity_renew;
    p->agent.sign = identity_sign;
    set_host(p);
    return 0;
}

static void
stop(struct program *p)
{
    listener_free(p->listener);
    if (p->agent.journal)
        agent_close(&p->agent);
    if (p->engine)
        p->engine->calls->free(p->engine);
    if (p->identity.dir >= 0)
        identity_close(&p->identity);
    jb_arena_free(p->fresh);
    jb_arena_free(p->arena);
}

static int
run(struct program *p, struct jb_error *err)
{
    struct listener_config config = listener_config(p);
    struct serve s = {.max_peers = (size_t)p->conf.listen.max_peers,
                      .limits = {WIRE_BODY_MAX, CALLS_ANSWER_MAX, p->conf.listen.request,
                                 p->conf.listen.idle},
                      .tick_ms = TICK_MS,
                      .ctx = p,
                      .answer = answer,
                      .tick = tick,
                      .signalled = signalled};
    sigset_t set;
    int rc;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s.signals < 0)
        return jb_fail(err, JB_EIO, "signals");
    rc = listener_new(&config, err, &p->listener);
    if (!rc) {
        s.listener = p->listener;
        jb_log(JB_LOG_NOTICE, "%s listens on %s, port %d, with %lld slots", p->agent.host,
               p->conf.listen.address, listener_port(p->listener), (long long)p->agent.slots);
        if (p->conf.jobs.first_uid < 0)
            jb_log(JB_LOG_WARNING,
                   "jobs.first_uid is not set: evaluations run as the agent itself and can "
                   "read its key");
        rc = serve_run(&s, err);
    }
    close(s.signals);
    return rc;
}

static int
complain(struct settings_report *report, const struct jb_error *err)
{
    if (report->text.n)
        fputs(report->text.p, stderr);
    if (err->text[0])
        fprintf(stderr, "jinbang-agent: %s\n", err->text);
    jb_buf_free(&report->text);
    return 1;
}

/* Without the spool, which a running agent has. */
static int
test_settings(const char *config)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct identity identity;
    struct agent_conf conf;
    struct engine *engine;
    struct plans plans;
    int64_t slots;
    struct jb_arena *arena = jb_arena_new(ARENA_MAX);
    int rc = arena ? agent_conf_load(config, arena, &conf, &report)
                   : jb_fail(&err, JB_ENOMEM, "out of memory");

    if (!rc)
        rc = agent_plans(&conf, arena, &report, &err, &plans);
    if (!rc)
        rc = engine_of_conf(&conf, &err, &engine, &slots);
    if (!rc) {
        engine->calls->free(engine);
        rc = identity_open(conf.tls.dir, &err, &identity);
        if (rc == JB_ENOENT)
            jb_error_prefix(&err, "not enrolled; run jinbang-agent enrol");
        else if (!rc)
            identity_close(&identity);
    }
    jb_arena_free(arena);
    if (rc)
        return complain(&report, &err);
    jb_buf_free(&report.text);
    puts("jinbang-agent: settings, plans and certificate are in order");
    return 0;
}

int
main(int argc, char **argv)
{
    struct program p = {.identity = {.dir = -1}};
    struct program_options o;
    struct settings_report report = {0};
    struct jb_error err = {0};

    /* not for people: the process that watches over one attempt */
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        return shim_command(argc - 1, argv + 1);
    jb_log_open("jinbang-agent", JB_LOG_INFO);
    if (argc > 1 && strcmp(argv[1], "enrol") == 0)
        return enrol_main(argc - 1, argv + 1);
    int code = program_options_read("jinbang-agent", usage, argc, argv, &o);
    if (code)
        return code - 1;
    if (o.test)
        return test_settings(o.config);
    p.config = o.config;
    signal(SIGPIPE, SIG_IGN);
    int rc = start(&p, &report, &err);
    if (!rc)
        rc = run(&p, &err);
    if (rc)
        complain(&report, &err);
    jb_buf_free(&report.text);
    stop(&p);
    return rc ? 1 : 0;
}
