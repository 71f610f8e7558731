/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/files.h"

#include "base/failpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TREE_DEPTH = 64, REMOVE_TRIES = 5, NAMES_MAX = 100000 };

static int
write_all(int fd, struct jb_str bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return 0;
}

int
file_put(int dir, const char *name, struct jb_str bytes, struct jb_error *err)
{
    char aside[280];
    int rc = 0;

    snprintf(aside, sizeof(aside), ".%.255s.new", name);
    int fd = openat(dir, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", name);
    if (write_all(fd, bytes) || fsync(fd))
        rc = jb_fail_errno(err, errno, "%s", name);
    if (close(fd) && !rc)
        rc = jb_fail_errno(err, errno, "%s", name);
    if (!rc) {
        jb_failpoint("before-rename", name);
        if (renameat(dir, aside, dir, name) || fsync(dir))
            rc = jb_fail_errno(err, errno, "%s", name);
        jb_failpoint("after-rename", name);
    }
    if (rc)
        unlinkat(dir, aside, 0);
    return rc;
}

/* Takes the descriptor. */
static int
read_fd(int fd, const char *name, size_t max, struct jb_arena *arena, struct jb_error *err,
        struct jb_str *ret_bytes)
{
    struct stat st;
    char *bytes = NULL;
    size_t n = 0;
    int rc = 0;

    if (fstat(fd, &st))
        rc = jb_fail_errno(err, errno, "%s", name);
    else if (!S_ISREG(st.st_mode))
        rc = jb_fail(err, JB_EIO, "%s: not a plain file", name);
    else if ((uintmax_t)st.st_size > max)
        rc = jb_fail(err, JB_ETOOBIG, "%s: more than %zu bytes", name, max);
    else if (!(bytes = jb_arena_alloc(arena, (size_t)st.st_size + 1)))
        rc = jb_fail(err, JB_ENOMEM, "%s: out of memory", name);
    while (!rc && n < (size_t)st.st_size) {
        ssize_t got = read(fd, bytes + n, (size_t)st.st_size - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = jb_fail_errno(err, errno, "%s", name);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    if (!rc)
        *ret_bytes = (struct jb_str){bytes, n};
    return rc;
}

int
file_get(int dir, const char *name, size_t max, struct jb_arena *arena, struct jb_error *err,
         struct jb_str *ret_bytes)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", name);
    return read_fd(fd, name, max, arena, err, ret_bytes);
}

int
file_read(const char *path, size_t max, struct jb_arena *arena, struct jb_error *err,
          struct jb_str *ret_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", path);
    return read_fd(fd, path, max, arena, err, ret_bytes);
}

bool
file_is(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
folder_open(int dir, const char *name, struct jb_error *err, int *ret_fd)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", name);
    *ret_fd = fd;
    return 0;
}

int
folder_make(int dir, const char *name, mode_t mode, struct jb_error *err, int *ret_fd)
{
    int fd, rc;

    if (mkdirat(dir, name, mode) && errno != EEXIST)
        return jb_fail_errno(err, errno, "%s", name);
    rc = folder_open(dir, name, err, &fd);
    if (rc)
        return rc;
    /* whatever the umask is */
    if (fchmod(fd, mode) || (dir != AT_FDCWD && fsync(dir))) {
        rc = jb_fail_errno(err, errno, "%s", name);
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

static int
remove_within(int dir, const char *name, int depth)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
        return 0;
    if (depth == TREE_DEPTH) {
        errno = ELOOP;
        return -1;
    }
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    int failed = 0;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (const struct dirent *e; !failed && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            failed = remove_within(dirfd(d), e->d_name, depth + 1);
    int no = errno;
    closedir(d);
    if (!failed)
        return unlinkat(dir, name, AT_REMOVEDIR);
    errno = no;
    return failed;
}

int
tree_remove(int dir, const char *name, struct jb_error *err)
{
    int failed = -1;

    /* somebody may put a file there meanwhile, but not for ever */
    for (int i = 0; failed && i < REMOVE_TRIES; i++) {
        failed = remove_within(dir, name, 0);
        if (failed && errno != ENOTEMPTY && errno != EEXIST)
            break;
    }
    if (failed || fsync(dir))
        return jb_fail_errno(err, errno, "removing %s", name);
    return 0;
}

static int
size_within(int dir, int depth, uint64_t *sum)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    int failed = 0;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (const struct dirent *e; !failed && (e = readdir(d)) != NULL;) {
        struct stat st;
        int inner;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue; /* jobs remove files while we look */
        *sum += (uint64_t)st.st_blocks * 512;
        if (!S_ISDIR(st.st_mode) || depth == TREE_DEPTH)
            continue;
        inner = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner < 0)
            continue;
        failed = size_within(inner, depth + 1, sum);
        close(inner);
    }
    closedir(d);
    return failed;
}

int
tree_size(int dir, struct jb_error *err, uint64_t *ret_bytes)
{
    uint64_t sum = 0;

    if (size_within(dir, 0, &sum))
        return jb_fail_errno(err, errno, "the size of a folder");
    *ret_bytes = sum;
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int
folder_list(int dir, struct jb_arena *arena, struct jb_error *err, size_t *ret_n,
            const char *const **ret_names)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const char **names = NULL;
    size_t n = 0, room = 0;
    int rc = 0;

    if (!d) {
        rc = jb_fail_errno(err, errno, "a folder");
        if (fd >= 0)
            close(fd);
        return rc;
    }
    for (const struct dirent *e; !rc && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (n == NAMES_MAX) {
            rc = jb_fail(err, JB_ETOOBIG, "a folder of more than %d files", NAMES_MAX);
            break;
        }
        if (n == room) {
            const char **more = jb_arena_array(arena, room ? 2 * room : 64, sizeof(*more));

            if (!more) {
                rc = jb_fail(err, JB_ENOMEM, "out of memory");
                break;
            }
            if (n)
                memcpy(more, names, n * sizeof(*more));
            names = more;
            room = room ? 2 * room : 64;
        }
        if (!(names[n++] = jb_arena_dup(arena, e->d_name, strlen(e->d_name))))
            rc = jb_fail(err, JB_ENOMEM, "out of memory");
    }
    closedir(d);
    if (rc)
        return rc;
    if (n)
        qsort(names, n, sizeof(*names), by_name);
    *ret_n = n;
    *ret_names = names;
    return 0;
}
