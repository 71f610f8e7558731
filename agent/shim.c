/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/shim.h"

#include "agent/files.h"
#include "agent/lease.h"
#include "agent/run.h"
#include "agent/spool.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TICK_MS = 200,   /* how often cancel, lease and limits are looked at */
    SWEEP_MS = 2000, /* of one try to kill what is left */
    SWEEP_TRIES = 10,
    CHUNK = 64 << 10,
};

struct shim {
    int dir;
    int signals;
    struct run run;
    struct spool spool;
    struct jb_arena *small; /* of one look at a file */
    struct lease_watch lease;
    char boot_id[BOOT_ID_SIZE];
    int64_t wall_until;
    bool told; /* to stop, by a signal */
};

/* --- why to stop -------------------------------------------------------------------------- */

static void
take_signals(struct shim *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo != SIGCHLD)
            s->told = true;
}

/* RUN_DONE: no reason to stop. */
static enum run_cause
stop_cause(struct shim *s)
{
    int64_t now = jb_monotonic_ms();

    take_signals(s);
    if (file_is(s->dir, "cancel"))
        return RUN_CANCELLED;
    if (s->told)
        return RUN_STOPPED;
    if (now >= s->wall_until)
        return RUN_WALL;
    jb_arena_reset(s->small);
    return lease_holds(&s->lease, s->dir, s->boot_id, now, s->small) ? RUN_DONE : RUN_LEASE;
}

/* --- one step ----------------------------------------------------------------------------- */

/* What a cluster says of the GPUs that are the job's: of these, what the agent left open. */
static size_t
add_devices(const struct run_step *step, char *env[], size_t n)
{
    static const char *const names[] = {"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                                        "ZE_AFFINITY_MASK"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        size_t len = strlen(names[i]);
        bool given = value == NULL;

        for (size_t k = 0; k < step->n_env; k++)
            if (strncmp(step->env[k], names[i], len) == 0 && step->env[k][len] == '=')
                given = true;
        if (!given)
            env[n++] = (char *)(uintptr_t)(value - len - 1);
    }
    return n;
}

/* The child's side; does not return. */
static void
child(const struct shim *s, const struct run_step *step, int out)
{
    char *argv[513], *env[516];
    sigset_t none;
    size_t i;

    for (i = 0; i < step->n_argv && i < 512; i++)
        argv[i] = (char *)(uintptr_t)step->argv[i];
    argv[i] = NULL;
    for (i = 0; i < step->n_env && i < 512; i++)
        env[i] = (char *)(uintptr_t)step->env[i];
    env[add_devices(step, env, i)] = NULL;
    sigemptyset(&none);
    if (confine(&s->run.limits) || chdir(step->cwd) || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
        sigprocmask(SIG_SETMASK, &none, NULL)) {
        dprintf(out, "[cannot become the job: %s]\n", strerror(errno));
        _exit(126);
    }
    /* argv[0] without a slash is looked up in the job's own PATH */
    environ = env;
    execvp(argv[0], argv);
    dprintf(2, "[cannot run %s: %s]\n", argv[0], strerror(errno));
    _exit(127);
}

/* Output that is there. False at its end. A log that cannot be written stops nothing: what
 * matters then fails by itself. */
static bool
take_output(struct shim *s, int in)
{
    static char buf[CHUNK];

    for (int i = 0; i < 16; i++) {
        ssize_t n = read(in, buf, sizeof(buf));

        if (n == 0)
            return false;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        spool_write(&s->spool, (struct jb_str){buf, (size_t)n}, NULL);
    }
    return true;
}

static void say(struct shim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct shim *s, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n > 0)
        spool_write(
            &s->spool,
            (struct jb_str){text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1},
            NULL);
}

/* Nothing of the step is left when this returns true. */
static bool
sweep(const struct shim *s)
{
    for (int i = 0; i < SWEEP_TRIES; i++) {
        sweep_uid(s->run.limits.uid);
        if (sweep_children(SWEEP_MS))
            return true;
    }
    return false;
}

static int
start(struct shim *s, const struct run_step *step, struct jb_error *err, pid_t *ret_pid,
      int *ret_in)
{
    int pipe_fds[2];

    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK))
        return jb_fail_errno(err, errno, "a pipe");
    /* the job's end blocks as programs expect it to */
    fcntl(pipe_fds[1], F_SETFL, 0);
    pid_t pid = fork();
    if (pid == 0)
        child(s, step, pipe_fds[1]);
    int no = errno;
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        return jb_fail_errno(err, no, "a process");
    }
    setpgid(pid, pid); /* both sides, so that a signal finds the group */
    *ret_pid = pid;
    *ret_in = pipe_fds[0];
    return 0;
}

/* Until the step's own process has ended. Returns why it was told to end, or RUN_DONE. */
static enum run_cause
watch(struct shim *s, pid_t pid, int in, int *ret_status)
{
    enum run_cause cause = RUN_DONE;
    int64_t kill_at = INT64_MAX;
    bool open = true;

    for (;;) {
        struct pollfd fds[] = {{s->signals, POLLIN, 0}, {open ? in : -1, POLLIN, 0}};
        siginfo_t info = {0};

        /* its group is killed while it still has its number, which is nobody else's then */
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && errno != EINTR)
            return cause;
        if (info.si_pid == pid) {
            kill(-pid, SIGKILL);
            waitpid(pid, ret_status, 0);
            return cause;
        }
        poll(fds, 2, TICK_MS);
        if (open)
            open = take_output(s, in);
        if (cause == RUN_DONE) {
            cause = stop_cause(s);
            if (cause != RUN_DONE) {
                say(s, "\n[stopped: %s]\n", run_cause_word(cause));
                kill(-pid, SIGTERM);
                kill(-pid, SIGCONT); /* who is stopped cannot end */
                kill_at = jb_monotonic_ms() + s->run.grace_ms;
            }
        } else {
            take_signals(s);
        }
        if (jb_monotonic_ms() >= kill_at)
            kill(-pid, SIGKILL);
    }
}

static int
run_step(struct shim *s, size_t i, struct jb_error *err, enum run_cause *ret_cause)
{
    const struct run_step *step = &s->run.steps[i];
    struct run_step_end end = {.cause = stop_cause(s)};
    int64_t began = jb_monotonic_ms();
    int status = 0, in = -1, rc;
    pid_t pid;

    if (end.cause != RUN_DONE) {
        *ret_cause = end.cause;
        return 0;
    }
    say(s, "[%s: %.200s]\n", step->name[0] ? step->name : "before", step->argv[0]);
    rc = start(s, step, err, &pid, &in);
    if (rc)
        return rc;
    end.cause = watch(s, pid, in, &status);
    bool swept = sweep(s);
    take_output(s, in);
    close(in);
    end.status = status;
    end.seconds = (double)(jb_monotonic_ms() - began) / 1000;
    if (end.cause == RUN_DONE && status != 0)
        end.cause = RUN_STEP;
    rc = run_step_end_write(s->dir, i, &end, err);
    if (!rc && !swept)
        rc = jb_fail(err, JB_EIO, "processes of the job cannot be killed");
    if (!rc)
        *ret_cause = end.cause;
    return rc;
}

/* --- the whole ---------------------------------------------------------------------------- */

static int
begin(struct shim *s, struct jb_arena *arena, struct jb_error *err)
{
    struct process self;
    struct jb_str json;
    sigset_t set;
    int rc = process_self(&self, err);

    if (rc)
        return rc;
    memcpy(s->boot_id, self.boot_id, sizeof(s->boot_id));
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) ||
        (s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        return jb_fail_errno(err, errno, "signals");
    rc = file_get(s->dir, "run.json", RUN_JSON_MAX, arena, err, &json);
    if (!rc)
        rc = run_read(json, arena, err, &s->run);
    if (!rc)
        rc = spool_open(s->dir, (uint64_t)s->run.log_max, err, &s->spool);
    if (!rc)
        rc = run_process_write(s->dir, &self, err);
    s->wall_until = jb_monotonic_ms() + s->run.wall_ms;
    return rc;
}

static int
life(struct shim *s, struct jb_arena *arena)
{
    struct run_end end = {.cause = RUN_DONE, .reason = ""};
    struct jb_error err = {0};
    int rc = begin(s, arena, &err);

    for (size_t i = 0; !rc && end.cause == RUN_DONE && i < s->run.n_steps; i++) {
        end.step = (int64_t)i;
        rc = run_step(s, i, &err, &end.cause);
    }
    if (rc) {
        end.cause = RUN_BROKEN;
        end.reason = err.text;
    }
    return run_end_write(s->dir, &end, NULL) ? 1 : 0;
}

/* NULL: not by its path. */
static const char *
lock_name(const char *folder, char name[300])
{
    const char *slash = strrchr(folder, '/');
    int n = snprintf(name, 300, "lock-%s", slash ? slash + 1 : folder);

    return n > 5 && n < 256 ? name : NULL;
}

int
shim_lock_take(int dir, const char *folder)
{
    char name[300];

    if (!lock_name(folder, name)) {
        errno = EINVAL;
        return -1;
    }
    return mkdirat(dir, name, 0700);
}

bool
shim_lock_taken(int dir, const char *folder)
{
    char name[300];

    return lock_name(folder, name) && file_is(dir, name);
}

/* The lock is let go by our death and by nothing else, or never. -1: it is not ours. */
static int
lock_here(int dir)
{
    int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        errno = EEXIST;
        fd = -1;
    }
    return fd;
}

int
shim_main(const char *folder, enum shim_place place)
{
    struct shim s = {
        .dir = -1, .signals = -1, .spool = {.fd = -1}, .lease = {.here = place == SHIM_HERE}};
    int lock = -1, code = 1;

    close_range(3, ~0U, 0);
    s.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s.dir < 0)
        return 1;
    int rc =
        place == SHIM_ELSEWHERE ? shim_lock_take(s.dir, folder) : (lock = lock_here(s.dir)) < 0;
    if (rc) {
        code = errno == EEXIST ? SHIM_TWICE : 1;
        close(s.dir);
        return code;
    }
    signal(SIGPIPE, SIG_IGN);
    struct jb_arena *arena = jb_arena_new(4 * RUN_JSON_MAX);
    s.small = jb_arena_new(64 << 10);
    if (file_is(s.dir, "shim.json"))
        code = SHIM_TWICE;
    else if (arena && s.small)
        code = life(&s, arena);
    spool_close(&s.spool);
    if (s.signals >= 0)
        close(s.signals);
    if (lock >= 0)
        close(lock);
    close(s.dir);
    jb_arena_free(s.small);
    jb_arena_free(arena);
    return code;
}

int
shim_command(int argc, char **argv)
{
    if (argc == 2)
        return shim_main(argv[1], SHIM_HERE);
    if (argc == 3 && strcmp(argv[1], "--elsewhere") == 0)
        return shim_main(argv[2], SHIM_ELSEWHERE);
    return 2;
}
