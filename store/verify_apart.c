/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification in a child. It writes a line for each problem ("P" and the text) and one at
 * the end ("D" and the number, or "E", the code and the reason) into a pipe.
 */
#include <config.h>

#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
write_line(int fd, const char *text)
{
    size_t n = strlen(text);

    while (n > 0) {
        ssize_t done = write(fd, text, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            _exit(1); /* nobody listens any more */
        text += done;
        n -= (size_t)done;
    }
}

static void
tell(void *ctx, const char *text)
{
    struct jb_buf line = JB_BUF(16u << 10);

    jb_buf_printf(&line, "P%s\n", text);
    if (!line.err)
        write_line(*(const int *)ctx, line.p);
    jb_buf_free(&line);
}

static _Noreturn void
child(const struct conf *conf, int fd)
{
    struct jb_error err = {0};
    struct store *store;
    char line[600];

    /* The caller's handlers are not meant for this: die, and let the parent tell. */
    signal(SIGBUS, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    int rc = store_open(conf, true, &err, &store);

    if (!rc) {
        rc = store_verify(store, tell, &fd, &err);
        store_close(store);
    }
    if (rc < 0)
        snprintf(line, sizeof line, "E%d %s\n", rc, err.text);
    else
        snprintf(line, sizeof line, "D%d\n", rc);
    write_line(fd, line);
    _exit(0);
}

int
store_verify_apart(const struct conf *conf, void (*problem)(void *ctx, const char *text),
                   void *ctx, struct jb_error *err)
{
    int ends[2], status, rc = 0, n = 0;
    bool answered = false;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return jb_fail_errno(err, errno, "pipe");
    pid_t pid = fork();
    if (pid < 0) {
        rc = jb_fail_errno(err, errno, "fork");
        close(ends[0]);
        close(ends[1]);
        return rc;
    }
    if (pid == 0) {
        close(ends[0]);
        child(conf, ends[1]);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    if (!in) {
        rc = jb_fail_errno(err, errno, "pipe");
        close(ends[0]);
    }
    while (in && (length = getline(&line, &room, in)) > 0) {
        if (line[length - 1] != '\n')
            break; /* it died in the middle */
        line[length - 1] = '\0';
        if (line[0] == 'P') {
            n++;
            if (problem)
                problem(ctx, line + 1);
        } else if (line[0] == 'D') {
            answered = true;
        } else if (line[0] == 'E') {
            const char *text = strchr(line, ' ');
            answered = true;
            rc = jb_fail(err, (int)strtol(line + 1, NULL, 10), "%s", text ? text + 1 : "");
        }
    }
    free(line);
    if (in)
        fclose(in);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (rc || answered)
        return rc ? rc : n;
    char text[200];
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "the file is damaged: who read it died of signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(text, sizeof text, "the file is damaged: who read it ended without an answer");
    if (problem)
        problem(ctx, text);
    return n + 1;
}
