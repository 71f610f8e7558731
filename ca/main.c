/* SPDX-License-Identifier: Apache-2.0 */
/* jinbang-ca: holds the issuing keys under its own uid, and signs. */
#include <config.h>

#include "base/log.h"
#include "ca/server.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const char usage[] =
    "Usage: jinbang-ca [-t] [-c FILE]\n"
    "Signs certificates of hosts and of the dispatcher, for users named in ca.clients.\n"
    "\n"
    "  -c, --config FILE  settings (default " JB_SYSCONFDIR "/jinbang/jinbang.conf)\n"
    "  -t, --test         check the settings, then exit\n"
    "  -h, --help         this text\n"
    "  -V, --version      version\n"
    "\n"
    "SIGTERM and SIGINT stop it. `jinbang pki init` makes its keys.\n";

static int
complain(const struct jb_error *err)
{
    fprintf(stderr, "jinbang-ca: %s\n", err->text[0] ? err->text : jb_strerror(err->code));
    return 1;
}

static int
load(const char *file, struct jb_arena *arena, struct conf *conf)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    int rc = conf_load(file, arena, conf, &report);

    if (rc && report.text.n)
        fputs(report.text.p, stderr);
    else if (rc)
        complain((jb_fail(&err, rc, "settings: %s", jb_strerror(rc)), &err));
    jb_buf_free(&report.text);
    return rc;
}

/* Keys are in memory for a moment: no core file, no ptrace by others of the same uid. */
static void
hide_memory(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

static int
serve(const struct conf *conf)
{
    struct ca_server *server;
    struct jb_error err = {0};
    sigset_t signals;
    int stop, rc;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    stop = signalfd(-1, &signals, SFD_CLOEXEC);
    if (stop < 0) {
        perror("jinbang-ca: signalfd");
        return 1;
    }
    rc = ca_server_new(conf, &err, &server);
    if (rc) {
        close(stop);
        return complain(&err);
    }
    jb_log(JB_LOG_NOTICE, "ready");
    rc = ca_server_run(server, stop, &err);
    ca_server_free(server);
    close(stop);
    jb_log(JB_LOG_NOTICE, "stopped");
    return rc ? complain(&err) : 0;
}

int
main(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"test", no_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {0}};
    const char *file = NULL;
    struct jb_arena *arena;
    struct conf conf;
    bool test = false;
    int code = 1;

    for (int c; (c = getopt_long(argc, argv, "c:thV", longs, NULL)) != -1;) {
        switch (c) {
        case 'c': file = optarg; break;
        case 't': test = true; break;
        case 'h': fputs(usage, stdout); return 0;
        case 'V': puts("jinbang-ca " PACKAGE_VERSION); return 0;
        default: fputs("Try 'jinbang-ca --help'.\n", stderr); return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "jinbang-ca: unexpected argument %s\n", argv[optind]);
        return 2;
    }
    hide_memory();
    arena = jb_arena_new(16 << 20);
    if (!arena) {
        fputs("jinbang-ca: out of memory\n", stderr);
        return 1;
    }
    if (load(file, arena, &conf) == 0) {
        jb_log_open("jinbang-ca", (enum jb_log_level)conf.log.level);
        if (test)
            puts("jinbang-ca: settings are in order");
        code = test ? 0 : serve(&conf);
    }
    jb_arena_free(arena);
    return code;
}
