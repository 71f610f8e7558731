/* SPDX-License-Identifier: Apache-2.0 */
/* jinbang-web: the FastCGI program behind nginx. */
#include <config.h>

#include "base/log.h"
#include "base/program.h"
#include "fcgi/server.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { WATCH_MS = 1000 };

static const char usage[] =
    "Usage: jinbang-web [-t] [-c FILE]\n"
    "Serves a leaderboard from its store to nginx over FastCGI.\n"
    "\n"
    "  -c, --config FILE  settings (default " JB_SYSCONFDIR "/jinbang/jinbang.conf)\n"
    "  -t, --test         check settings, board file and texts, then exit\n"
    "  -h, --help         this text\n"
    "  -V, --version      version\n"
    "\n"
    "SIGTERM and SIGINT stop gracefully, a second one at once; SIGHUP reads settings, board "
    "file\n"
    "and texts again.\n";

static int
complain(struct settings_report *report, const struct jb_error *err)
{
    if (report->text.n)
        fputs(report->text.p, stderr);
    if (err->text[0])
        fprintf(stderr, "jinbang-web: %s\n", err->text);
    jb_buf_free(&report->text);
    return 1;
}

static int
test_settings(const struct program_options *o)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct sources *sources;

    if (sources_load(o->config, &report, &err, &sources))
        return complain(&report, &err);
    jb_buf_free(&report.text);
    sources_unref(sources);
    puts("jinbang-web: settings, board file and texts are in order");
    return 0;
}

/* Waits for the signals that were blocked before any thread began. */
static int
wait_for_stop(const sigset_t *signals, struct keeper *keeper, struct server *server,
              int *ret_fd)
{
    int fd = signalfd(-1, signals, SFD_CLOEXEC);

    *ret_fd = fd;
    for (;;) {
        struct signalfd_siginfo info;
        struct pollfd ready = {fd, POLLIN, 0};
        if (fd >= 0 && poll(&ready, 1, WATCH_MS) <= 0) {
            server_watch(server);
            continue;
        }
        ssize_t n = fd < 0 ? -1 : read(fd, &info, sizeof(info));
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof(info))
            return SIGTERM;
        if (info.ssi_signo != SIGHUP)
            return (int)info.ssi_signo;
        keeper_reload(keeper);
    }
}

struct second_signal {
    int fd;
};

/* A second signal during the graceful stop ends the process there and then; what was
 * acknowledged is in the store already. */
static void *
cut_on_second_signal(void *arg)
{
    struct second_signal *s = arg;
    struct signalfd_siginfo info;

    while (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo != SIGHUP)
            _exit(1);
    return NULL;
}

int
main(int argc, char **argv)
{
    struct program_options o;
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct keeper *keeper;
    struct server *server;
    sigset_t signals;

    int code = program_options_read("jinbang-web", usage, argc, argv, &o);
    if (code)
        return code - 1;
    if (o.test)
        return test_settings(&o);
    jb_log_open("jinbang-web", JB_LOG_INFO);
    /* The large pieces of a snapshot go back to the system when it is replaced; by itself
     * malloc would learn from the first one to keep them. */
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_ARENA_MAX, 2);
    /* Before any thread: all of them inherit the mask, and main reads the signals. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (keeper_new(o.config, &report, &err, &keeper))
        return complain(&report, &err);
    const struct conf *conf = keeper_conf(keeper);
    jb_log_level_set((enum jb_log_level)conf->log.level);
    if (server_new(keeper, &err, &server)) {
        keeper_stop(keeper);
        keeper_free(keeper);
        return complain(&report, &err);
    }
    jb_buf_free(&report.text);
    struct site *site = keeper_site(keeper);
    jb_log(JB_LOG_NOTICE, "ready: %zu rows, %lld workers", board_rows(site->board),
           (long long)conf->web.workers);
    site_unref(site);

    struct second_signal second;
    int signo = wait_for_stop(&signals, keeper, server, &second.fd);
    jb_log(JB_LOG_NOTICE, "stopping on %s", signo == SIGINT ? "SIGINT" : "SIGTERM");
    pthread_t cutter;
    if (pthread_create(&cutter, NULL, cut_on_second_signal, &second) == 0)
        pthread_detach(cutter);
    server_stop(server, conf->web.stop_timeout);
    keeper_stop(keeper);
    server_free(server);
    keeper_free(keeper);
    jb_log(JB_LOG_NOTICE, "stopped");
    return 0;
}
