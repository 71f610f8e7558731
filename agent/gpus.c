/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/engine.h"
#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GPUS_MAX = 64, OUTPUT_MAX = 64 << 10, LIMIT_MS = 10000 };

/* What stands before the next comma or the end, without the blanks around it. */
static struct jb_str
next_part(struct jb_str *rest)
{
    const char *comma = rest->n ? memchr(rest->p, ',', rest->n) : NULL;
    struct jb_str part = {rest->p, comma ? (size_t)(comma - rest->p) : rest->n};

    rest->p += part.n + (comma != NULL);
    rest->n -= part.n + (comma != NULL);
    while (part.n && part.p[0] == ' ') {
        part.p++;
        part.n--;
    }
    while (part.n && (part.p[part.n - 1] == ' ' || part.p[part.n - 1] == '\r'))
        part.n--;
    return part;
}

static int
parse_line(struct jb_str line, struct jb_arena *arena, struct wire_gpu *ret)
{
    struct jb_str name = next_part(&line), total = next_part(&line), free_ = next_part(&line);

    if (name.n == 0 || name.n > 128 || jb_utf8_valid(name.p, name.n) != name.n || line.n ||
        jb_parse_int(total, 0, 1 << 30, &ret->total_mib))
        return JB_EPARSE;
    /* a card that fell off the bus says "[N/A]" here */
    if (jb_parse_int(free_, 0, 1 << 30, &ret->free_mib))
        ret->free_mib = 0;
    ret->name = jb_arena_dup(arena, name.p, name.n);
    return ret->name ? 0 : JB_ENOMEM;
}

int
gpus_parse(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
           struct engine_gpus *ret)
{
    struct wire_gpu *gpus = jb_arena_array(arena, GPUS_MAX, sizeof(*gpus));
    size_t n = 0;

    if (!gpus)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        struct jb_str line = {text.p, end ? (size_t)(end - text.p) : text.n};

        text.p += line.n + (end != NULL);
        text.n -= line.n + (end != NULL);
        if (line.n == 0)
            continue;
        if (n == GPUS_MAX)
            return jb_fail(err, JB_EPARSE, "more than %d GPUs", GPUS_MAX);
        int rc = parse_line(line, arena, &gpus[n]);
        if (rc)
            return jb_fail(err, rc, "a line of nvidia-smi: %.*s",
                           (int)(line.n < 120 ? line.n : 120), line.p);
        n++;
    }
    *ret = (struct engine_gpus){n, gpus};
    return 0;
}

static pid_t
start(const char *program, int out)
{
    static const char *const argv[] = {"nvidia-smi",
                                       "--query-gpu=name,memory.total,memory.free",
                                       "--format=csv,noheader,nounits", NULL};
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(null, 2) >= 0)
            execvp(program, (char *const *)(uintptr_t)argv);
        _exit(errno == ENOENT ? 127 : 126);
    }
    return pid;
}

int
gpus_find(const char *program, struct jb_arena *arena, struct jb_error *err,
          struct engine_gpus *ret)
{
    int64_t until = jb_monotonic_ms() + LIMIT_MS;
    struct jb_buf text = JB_BUF(OUTPUT_MAX);
    int fds[2], status = 0, rc = 0;
    char buf[4096];

    if (!program[0]) {
        *ret = (struct engine_gpus){0, NULL};
        return 0;
    }
    if (pipe2(fds, O_CLOEXEC))
        return jb_fail_errno(err, errno, "%s", program);
    pid_t pid = start(program, fds[1]);
    int no = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return jb_fail_errno(err, no, "%s", program);
    }
    while (!rc) {
        struct pollfd p = {fds[0], POLLIN, 0};
        int64_t left = until - jb_monotonic_ms();
        int ready = left > 0 ? poll(&p, 1, (int)left) : 0;

        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready > 0 ? read(fds[0], buf, sizeof(buf)) : -1;
        if (n == 0)
            break;
        if (n < 0) {
            rc = jb_fail(err, ready ? JB_EIO : JB_ETIMEDOUT, "%s does not answer", program);
            kill(pid, SIGKILL);
        } else {
            jb_buf_put(&text, buf, (size_t)n);
        }
    }
    close(fds[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!rc && WIFEXITED(status) && WEXITSTATUS(status) == 127)
        *ret = (struct engine_gpus){0, NULL}; /* no such program: no such cards */
    else if (!rc && status)
        rc = jb_fail(err, JB_EIO, "%s failed (status %d)", program, status);
    else if (!rc)
        rc = text.err ? jb_fail(err, text.err, "%s says too much", program)
                      : gpus_parse(jb_buf_view(&text), arena, err, ret);
    jb_buf_free(&text);
    return rc;
}
