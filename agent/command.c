/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/command.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* In the child; does not return. */
static void
become(const char *const *argv, const char *const *env, pid_t parent, int in, int out, int says)
{
    sigset_t none;

    sigemptyset(&none);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    /* whoever asked us may be gone before we said that we want to know */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && dup2(in, 0) >= 0 &&
        dup2(out, 1) >= 0 && dup2(says, 2) >= 0 && chdir("/") == 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    _exit(errno == ENOENT ? 127 : 126);
}

int
command_start(struct command *c, const char *const *argv, const char *const *env,
              struct jb_str input, int64_t limit_ms, struct jb_error *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, says[2] = {-1, -1}, rc = 0;
    pid_t self = getpid();

    jb_buf_reset(&c->out);
    jb_buf_reset(&c->says);
    c->status = 0;
    c->late = false;
    /* the input fits into the pipe: nobody waits */
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(says, O_CLOEXEC) ||
        fcntl(out[0], F_SETFL, O_NONBLOCK) || fcntl(says[0], F_SETFL, O_NONBLOCK) ||
        write(in[1], input.p, input.n) != (ssize_t)input.n) {
        rc = jb_fail_errno(err, errno, "%s", argv[0]);
        goto out;
    }
    pid_t pid = fork();
    if (pid == 0)
        become(argv, env, self, in[0], out[1], says[1]);
    if (pid < 0) {
        rc = jb_fail_errno(err, errno, "%s", argv[0]);
        goto out;
    }
    setpgid(pid, pid);
    c->pid = pid;
    c->until_ms = jb_monotonic_ms() + limit_ms;
    c->fds[0] = out[0];
    c->fds[1] = says[0];
    out[0] = says[0] = -1;
out:
    for (int i = 0; i < 2; i++) {
        close_fd(&in[i]);
        close_fd(&out[i]);
        close_fd(&says[i]);
    }
    return rc;
}

bool
command_runs(const struct command *c)
{
    return c->pid > 0;
}

static void
take(int fd, struct jb_buf *buf)
{
    char bytes[4096];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            jb_buf_put(buf, bytes, (size_t)n);
}

bool
command_over(struct command *c, int64_t now_ms)
{
    if (!command_runs(c))
        return false;
    if (now_ms >= c->until_ms && !c->late) {
        c->late = true;
        kill(-c->pid, SIGKILL);
    }
    pid_t pid = waitpid(c->pid, &c->status, WNOHANG);
    take(c->fds[0], &c->out);
    take(c->fds[1], &c->says);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return false;
    if (pid < 0)
        c->status = 126 << 8; /* somebody else took it */
    c->pid = 0;
    close_fd(&c->fds[0]);
    close_fd(&c->fds[1]);
    return true;
}

bool
command_fine(const struct command *c)
{
    return !c->late && c->status == 0;
}

void
command_free(struct command *c)
{
    if (command_runs(c)) {
        kill(-c->pid, SIGKILL);
        while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
            ;
        c->pid = 0;
    }
    close_fd(&c->fds[0]);
    close_fd(&c->fds[1]);
    jb_buf_free(&c->out);
    jb_buf_free(&c->says);
}
