/* SPDX-License-Identifier: Apache-2.0 */
/* jinbang-dispatch: asks the hub about submissions, has hosts evaluate them, and tells the
 * world of what became of them.
 */
#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/program.h"
#include "dispatch/dispatch.h"
#include "dispatch/hub_known.h"
#include "store/doorbell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { POLL_MS = 1000, READERS_MS = 60000, CONNECTIONS_BESIDE = 8 };

#define SETTINGS_MAX ((size_t)8 << 20)
#define TOKEN_MAX    512

static const struct dispatch_task *const tasks[] = {
    &dispatch_check,  &dispatch_evaluate, &dispatch_refresh,
    &dispatch_export, &dispatch_webhooks, &dispatch_tidy,
};
#define N_TASKS (sizeof tasks / sizeof *tasks)

static const char usage[] =
    "Usage: jinbang-dispatch [-t] [-c FILE]\n"
    "Checks submissions of a leaderboard with the model hub, has hosts evaluate them, exports\n"
    "and tells others.\n"
    "\n"
    "  -c, --config FILE  settings (default " JB_SYSCONFDIR "/jinbang/jinbang.conf)\n"
    "  -t, --test         check settings, token, secrets, architectures and plans, then exit\n"
    "  -h, --help         this text\n"
    "  -V, --version      version\n"
    "\n"
    "SIGTERM and SIGINT stop; SIGHUP reads settings and all that they name again.\n";

/* What was read from the settings file, of one life. */
struct settings {
    struct jb_arena *arena;
    struct conf conf;
    const char *token;
};

struct program {
    struct dispatch d;
    struct settings first, now; /* the store goes on using those of the start */
    const char *config;
    char bell_name[40];
    int bell, signals;
    void *states[N_TASKS];
    int64_t readers; /* when the store's were looked at */
};

/* ---- settings ---- */

/* The first line of hub.token_file, "" without one. */
static int
read_token(const char *file, struct jb_arena *arena, struct jb_error *err,
           const char **ret_token)
{
    char line[TOKEN_MAX + 2];
    FILE *in;
    int rc = 0;

    if (!*file) {
        *ret_token = "";
        return 0;
    }
    if (!(in = fopen(file, "re")))
        return jb_fail_errno(err, errno, "hub.token_file: %s", file);
    if (!fgets(line, sizeof line, in))
        line[0] = '\0';
    size_t n = strcspn(line, "\r\n");
    while (n && line[n - 1] == ' ')
        n--;
    line[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line[i] <= ' ' || (unsigned char)line[i] > '~')
            rc =
                jb_fail(err, JB_EINVAL, "hub.token_file: %s: the first line is no token", file);
    if (!rc && (!n || n > TOKEN_MAX))
        rc = jb_fail(err, JB_EINVAL, "hub.token_file: %s: the first line is %s", file,
                     n ? "too long for a token" : "empty");
    if (!rc && !(*ret_token = jb_arena_dup(arena, line, n)))
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    fclose(in);
    explicit_bzero(line, sizeof line);
    return rc;
}

static int
settings_read(const char *file, struct settings_report *report, struct jb_error *err,
              struct settings *ret_settings)
{
    struct settings s = {.arena = jb_arena_new(SETTINGS_MAX)};
    int rc;

    if (!s.arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = conf_load(file, s.arena, &s.conf, report);
    if (!rc)
        rc = read_token(s.conf.hub.token_file, s.arena, err, &s.token);
    if (rc)
        jb_arena_free(s.arena);
    else
        *ret_settings = s;
    return rc;
}

static void
use(struct program *p)
{
    const struct conf *conf = &p->now.conf;

    p->d.conf = conf;
    p->d.hub_url = conf->hub.url[0] ? conf->hub.url : conf->site.hub_url;
    p->d.hub_token = p->now.token;
    jb_log_level_set((enum jb_log_level)conf->log.level);
}

static void
tell_what_needs_a_restart(const struct conf *first, const struct conf *now)
{
    const struct {
        const char *key;
        bool same;
    } fixed[] = {
        {"store.path", strcmp(first->store.path, now->store.path) == 0},
        {"store.map_size", first->store.map_size == now->store.map_size},
        {"store.max_readers", first->store.max_readers == now->store.max_readers},
        {"run.dir", strcmp(first->run.dir, now->run.dir) == 0},
        {"hub.parallel", first->hub.parallel == now->hub.parallel},
    };

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!fixed[i].same)
            jb_log(JB_LOG_NOTICE, "reload: %s has changed; a restart makes it so",
                   fixed[i].key);
}

static void
reload(struct program *p)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct settings fresh, old = p->now;

    if (settings_read(p->config, &report, &err, &fresh)) {
        for (const char *line = report.text.p; line && *line; line = strchr(line, '\n') + 1)
            jb_log(JB_LOG_ERR, "%.*s", (int)strcspn(line, "\n"), line);
        jb_log(JB_LOG_ERR, "reload: %s; the old settings stay",
               err.text[0] ? err.text : "the settings have mistakes");
        jb_buf_free(&report.text);
        return;
    }
    jb_buf_free(&report.text);
    p->now = fresh;
    use(p);
    for (size_t i = 0; i < N_TASKS; i++)
        if (tasks[i]->reload)
            tasks[i]->reload(p->states[i]);
    if (old.arena != p->first.arena)
        jb_arena_free(old.arena);
    jb_log(JB_LOG_NOTICE, "settings read again");
    tell_what_needs_a_restart(&p->first.conf, &p->now.conf);
}

/* ---- life ---- */

static int
start(struct program *p, struct settings_report *report, struct jb_error *err)
{
    const struct conf *conf;
    int rc = settings_read(p->config, report, err, &p->first);

    if (rc)
        return rc;
    p->now = p->first;
    use(p);
    conf = p->d.conf;
    if ((rc = store_open(conf, false, err, &p->d.store)))
        return rc;
    snprintf(p->bell_name, sizeof p->bell_name, "dispatch.%ld", (long)getpid());
    p->bell = doorbell_listen(conf->run.dir, p->bell_name, err);
    if (p->bell < 0)
        return p->bell;
    size_t per_host = (size_t)conf->hub.parallel + CONNECTIONS_BESIDE;
    if ((rc = http_new(per_host, 2 * per_host, err, &p->d.http)))
        return rc;
    for (size_t i = 0; i < N_TASKS; i++)
        if (!(p->states[i] = tasks[i]->start(&p->d, err)))
            return err->code ? err->code : JB_ENOMEM;
    return 0;
}

static void
stop(struct program *p)
{
    for (size_t i = 0; i < N_TASKS; i++)
        if (p->states[i])
            tasks[i]->stop(p->states[i]);
    http_free(p->d.http);
    if (p->bell >= 0)
        doorbell_close(p->bell, p->first.conf.run.dir, p->bell_name);
    if (p->d.store)
        store_close(p->d.store);
    if (p->now.arena != p->first.arena)
        jb_arena_free(p->now.arena);
    jb_arena_free(p->first.arena);
}

/* The signal that ends the program, 0 none. */
static int
read_signals(struct program *p)
{
    struct signalfd_siginfo info;

    while (read(p->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGHUP)
            return (int)info.ssi_signo;
        reload(p);
    }
    return 0;
}

static void
look_at_the_store(struct program *p)
{
    struct store_txn *txn = NULL;
    struct store_seq seq;
    struct jb_error err = {0};
    int64_t now = jb_monotonic_ms();
    int rc = store_begin(p->d.store, STORE_READ, NULL, &err, &txn);

    if (rc == 0)
        rc = store_seq_get(txn, &seq);
    store_abort(txn);
    if (rc) {
        static struct jb_log_limit limit;
        jb_log_limited(&limit, JB_LOG_ERR, "the store cannot be read: %s",
                       err.text[0] ? err.text : jb_strerror(rc));
    } else {
        p->d.seq = seq;
    }
    if (now - p->readers > READERS_MS) {
        store_check_readers(p->d.store);
        p->readers = now;
    }
}

/* Returns the exit status. */
static int
serve(struct program *p)
{
    const int fds[] = {p->bell, p->signals};
    int64_t wanted = 0;

    for (;;) {
        struct jb_error err = {0};
        int64_t now = jb_now_us(), wait = POLL_MS;
        if (wanted < now + (int64_t)POLL_MS * 1000)
            wait = wanted <= now ? 0 : (wanted - now + 999) / 1000;
        if (http_run(p->d.http, fds, 2, wait, &err)) {
            jb_log(JB_LOG_ERR, "%s", err.text);
            return 1;
        }
        doorbell_clear(p->bell);
        int signo = read_signals(p);
        if (signo) {
            jb_log(JB_LOG_NOTICE, "stopping on %s", signo == SIGINT ? "SIGINT" : "SIGTERM");
            return 0;
        }
        look_at_the_store(p);
        wanted = INT64_MAX;
        for (size_t i = 0; i < N_TASKS; i++) {
            int64_t next = tasks[i]->run(p->states[i], jb_now_us());
            wanted = next < wanted ? next : wanted;
        }
        if (p->d.restart) {
            jb_log(JB_LOG_ERR, "the store takes no more writes of this process");
            return 1;
        }
    }
}

static int
complain(struct settings_report *report, const struct jb_error *err)
{
    if (report->text.n)
        fputs(report->text.p, stderr);
    if (err->text[0])
        fprintf(stderr, "jinbang-dispatch: %s\n", err->text);
    jb_buf_free(&report->text);
    return 1;
}

static int
test_settings(const char *config)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct settings settings;
    struct hub_known *known = NULL;
    int rc = settings_read(config, &report, &err, &settings);

    if (!rc) {
        rc = hub_known_load(settings.conf.hub.architectures, &err, &known);
        if (!rc)
            rc = webhook_check(&settings.conf, &err);
        if (!rc)
            rc = evaluate_check(&settings.conf, &err);
        hub_known_unref(known);
        jb_arena_free(settings.arena);
    }
    if (rc)
        return complain(&report, &err);
    jb_buf_free(&report.text);
    puts("jinbang-dispatch: settings, token, secrets, architectures and plans are in order");
    return 0;
}

int
main(int argc, char **argv)
{
    struct program p = {.bell = -1};
    struct program_options o;
    struct settings_report report = {0};
    struct jb_error err = {0};
    sigset_t signals;

    int code = program_options_read("jinbang-dispatch", usage, argc, argv, &o);
    if (code)
        return code - 1;
    if (o.test)
        return test_settings(o.config);
    p.config = o.config;
    jb_log_open("jinbang-dispatch", JB_LOG_INFO);
    /* Before libcurl makes its threads: they inherit the mask. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    p.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (p.signals < 0) {
        jb_fail_errno(&err, errno, "signalfd");
        return complain(&report, &err);
    }
    if (start(&p, &report, &err)) {
        stop(&p);
        return complain(&report, &err);
    }
    jb_buf_free(&report.text);
    jb_log(JB_LOG_NOTICE, "ready: hub %s%s", p.d.hub_url,
           *p.d.hub_token ? ", with a token" : "");
    code = serve(&p);
    stop(&p);
    jb_log(JB_LOG_NOTICE, "stopped");
    return code;
}
