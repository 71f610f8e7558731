/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/process.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A small file of /proc, NUL-ended; the length, 0 when it is not there. */
static size_t
read_proc(const char *path, char *buf, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, room - 1);

    if (fd >= 0)
        close(fd);
    if (n < 0)
        n = 0;
    buf[n] = '\0';
    return (size_t)n;
}

int
boot_id_read(char ret[BOOT_ID_SIZE], struct jb_error *err)
{
    char text[BOOT_ID_SIZE];

    if (read_proc("/proc/sys/kernel/random/boot_id", text, sizeof(text)) < 36)
        return jb_fail(err, JB_EIO, "/proc/sys/kernel/random/boot_id cannot be read");
    text[36] = '\0';
    memcpy(ret, text, sizeof(text));
    return 0;
}

/* State letter and start time; false when there is no such process. */
static bool
process_stat(int64_t pid, char *ret_state, int64_t *ret_start)
{
    char path[64], text[1024];
    unsigned long long start = 0;

    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
    if (!read_proc(path, text, sizeof(text)))
        return false;
    /* behind the name, which may hold anything */
    const char *at = strrchr(text, ')');
    if (!at || at[1] != ' ')
        return false;
    *ret_state = at[2];
    at++;
    for (int field = 3; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    char *end = NULL;
    if (at)
        start = strtoull(at, &end, 10);
    if (!at || end == at)
        return false;
    *ret_start = (int64_t)start;
    return true;
}

int
process_self(struct process *ret, struct jb_error *err)
{
    struct process p = {.pid = getpid()};
    char state;
    int rc = boot_id_read(p.boot_id, err);

    if (rc)
        return rc;
    if (!process_stat(p.pid, &state, &p.start))
        return jb_fail(err, JB_EIO, "/proc/self/stat cannot be read");
    *ret = p;
    return 0;
}

bool
process_lives(const struct process *p)
{
    char boot[BOOT_ID_SIZE], state;
    int64_t start;

    if (p->pid <= 0 || boot_id_read(boot, NULL) || strcmp(boot, p->boot_id) != 0)
        return false;
    return process_stat(p->pid, &state, &start) && start == p->start && state != 'Z' &&
           state != 'X';
}

static int
limit(int resource, int64_t most)
{
    struct rlimit now, r = {(rlim_t)most, (rlim_t)most};

    if (most <= 0)
        return 0;
    /* without privileges a hard limit only falls */
    if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY &&
        now.rlim_max < r.rlim_max)
        r.rlim_cur = r.rlim_max = now.rlim_max;
    return setrlimit(resource, &r);
}

int
confine(const struct confinement *c)
{
    const struct rlimit no_core = {0, 0};
    pid_t parent = getppid();

    if (setpgid(0, 0))
        return -1;
    if (c->uid >= 0) {
        gid_t gid = (gid_t)(c->gid >= 0 ? c->gid : c->uid);

        if (setgroups(1, &gid) || setresgid(gid, gid, gid) ||
            setresuid((uid_t)c->uid, (uid_t)c->uid, (uid_t)c->uid))
            return -1;
    }
    /* after the uid: a change of it forgets this one */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    if (getppid() != parent) {
        errno = ESRCH;
        return -1;
    }
    if (setrlimit(RLIMIT_CORE, &no_core) || limit(RLIMIT_AS, c->address_space) ||
        limit(RLIMIT_FSIZE, c->file_size) || limit(RLIMIT_NOFILE, c->files) ||
        (getuid() != 0 && limit(RLIMIT_NPROC, c->processes)))
        return -1;
    umask(S_IRWXG | S_IRWXO);
    return 0;
}

void
sweep_uid(int64_t uid)
{
    if (uid <= 0 || uid == (int64_t)getuid() || getuid() != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        gid_t gid = (gid_t)uid;

        /* the whole of this uid, this process too; never with another one */
        if (setgroups(1, &gid) == 0 && setresgid(gid, gid, gid) == 0 &&
            setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) == 0 && getuid() == (uid_t)uid &&
            geteuid() == (uid_t)uid)
            kill(-1, SIGKILL);
        _exit(0);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void
kill_children(void)
{
    char path[64], text[8192];
    char *at = text;

    snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
    read_proc(path, text, sizeof(text));
    for (char *end; *at; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        /* a number that was cut off at the end of the buffer names somebody else */
        if (pid > 1 && *end == ' ')
            kill((pid_t)pid, SIGKILL);
    }
}

bool
sweep_children(int64_t ms)
{
    int64_t until = jb_monotonic_ms() + ms;

    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);

        if (pid > 0)
            continue;
        if (pid < 0 && errno == ECHILD)
            return true;
        kill_children();
        if (jb_monotonic_ms() > until)
            return false;
        const struct timespec pause = {0, 5 * 1000 * 1000};
        nanosleep(&pause, NULL);
    }
}
