/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* With more folders than this touched, one call for the whole file system is cheaper. */
#define TOUCHED_MAX 256

#define OPEN_DIR    (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

struct folder {
    int fd;
    bool durable;
    char *dir; /* for messages */
    char *touched[TOUCHED_MAX];
    size_t n_touched;
    bool all_touched;
};

int
folder_open(const char *dir, bool durable, struct jb_error *err, struct folder **ret_folder)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    if (!folder || !(folder->dir = strdup(dir))) {
        free(folder);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    folder->durable = durable;
    folder->all_touched = durable; /* what a program that was killed has left */
    if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
        folder->fd = -1;
    } else {
        folder->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (folder->fd < 0) {
        int rc = jb_fail_errno(err, errno, "%s", dir);
        free(folder->dir);
        free(folder);
        return rc;
    }
    *ret_folder = folder;
    return 0;
}

bool
folder_is_there(const struct folder *folder)
{
    struct stat path, open;

    return stat(folder->dir, &path) == 0 && fstat(folder->fd, &open) == 0 &&
           path.st_dev == open.st_dev && path.st_ino == open.st_ino;
}

static void
forget_touched(struct folder *folder)
{
    for (size_t i = 0; i < folder->n_touched; i++)
        free(folder->touched[i]);
    folder->n_touched = 0;
    folder->all_touched = false;
}

void
folder_close(struct folder *folder)
{
    if (!folder)
        return;
    forget_touched(folder);
    close(folder->fd);
    free(folder->dir);
    free(folder);
}

/* Names come from records that were checked; this keeps a mistake there inside the folder. */
static bool
path_is_safe(const char *path)
{
    for (const char *p = path;;) {
        size_t n = strcspn(p, "/");

        if (n == 0 || n > 255 || (n <= 2 && strspn(p, ".") >= n) ||
            strncasecmp(p, ".git", 4) == 0)
            return false;
        if (!p[n])
            return strlen(path) < PATH_MAX;
        p += n + 1;
    }
}

/* A failure that belongs to this one name, or to the disk. */
static int
fail(const struct folder *folder, const char *path, int no, struct jb_error *err)
{
    if (no == ENAMETOOLONG || no == ENOTDIR || no == EISDIR || no == ELOOP || no == EEXIST ||
        no == ENOTEMPTY)
        return jb_fail(err, JB_EINVAL, "%s/%s: %s", folder->dir, path,
                       no == ENOTDIR || no == ELOOP ? "a link or file is in the way"
                                                    : strerror(no));
    return jb_fail_errno(err, no, "%s/%s", folder->dir, path);
}

/* The folder whose path has n bytes; its entries have changed or will. */
static void
touch(struct folder *folder, const char *path, size_t n)
{
    if (!folder->durable || folder->all_touched)
        return;
    for (size_t i = folder->n_touched; i-- > 0;)
        if (strlen(folder->touched[i]) == n && memcmp(folder->touched[i], path, n) == 0)
            return;
    if (folder->n_touched == TOUCHED_MAX ||
        !(folder->touched[folder->n_touched] = strndup(path, n)))
        folder->all_touched = true;
    else
        folder->n_touched++;
}

/* Opens the folder of a path, step by step so that no link is followed. Returns a descriptor
 * or -1 with errno; the last part of the path is *ret_name. */
static int
open_parent(struct folder *folder, const char *path, bool make, const char **ret_name)
{
    int fd = fcntl(folder->fd, F_DUPFD_CLOEXEC, 0), next, no;
    const char *p = path, *slash;

    while (fd >= 0 && (slash = strchr(p, '/'))) {
        char part[256];

        memcpy(part, p, (size_t)(slash - p));
        part[slash - p] = '\0';
        next = openat(fd, part, OPEN_DIR);
        if (next < 0 && errno == ENOENT && make) {
            if (mkdirat(fd, part, 0777) == 0)
                touch(folder, path, p == path ? 0 : (size_t)(p - path - 1));
            next = openat(fd, part, OPEN_DIR);
        }
        no = errno;
        close(fd);
        errno = no;
        fd = next;
        p = slash + 1;
    }
    *ret_name = p;
    return fd;
}

/* Does the file hold these bytes? -1: there is no such file. */
static int
holds(int dir, const char *name, struct jb_str bytes)
{
    char piece[16384];
    size_t at = 0;
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), same = 0;

    if (fd < 0)
        return errno == ENOENT ? -1 : 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == bytes.n) {
        ssize_t got;

        while ((got = read(fd, piece, sizeof(piece))) > 0 && (size_t)got <= bytes.n - at &&
               memcmp(piece, bytes.p + at, (size_t)got) == 0)
            at += (size_t)got;
        same = got == 0 && at == bytes.n;
    }
    close(fd);
    return same;
}

static int
fill(int fd, struct jb_str bytes, bool durable)
{
    for (size_t at = 0; at < bytes.n;) {
        ssize_t put = write(fd, bytes.p + at, bytes.n - at);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        at += (size_t)put;
    }
    return durable && fsync(fd) != 0 ? errno : 0;
}

/* Beside its place, then renamed. */
static int
replace_file(const struct folder *folder, int dir, const char *name, struct jb_str bytes)
{
    char temp[300];
    int fd, no;

    if (snprintf(temp, sizeof(temp), "%s.%ld.tmp", name, (long)getpid()) > NAME_MAX)
        return ENAMETOOLONG;
    (void)unlinkat(dir, temp, 0);
    fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return errno;
    no = fill(fd, bytes, folder->durable);
    if (close(fd) != 0 && !no)
        no = errno;
    if (!no && renameat(dir, temp, dir, name) != 0)
        no = errno;
    if (no)
        unlinkat(dir, temp, 0);
    return no;
}

int
folder_write(struct folder *folder, const char *path, struct jb_str bytes, struct jb_error *err,
             enum folder_outcome *ret_outcome)
{
    const char *name;
    int dir, had, no;

    if (!path_is_safe(path))
        return jb_fail(err, JB_EINVAL, "this name cannot be a file");
    dir = open_parent(folder, path, true, &name);
    if (dir < 0)
        return fail(folder, path, errno, err);
    had = holds(dir, name, bytes);
    if (had == 1) {
        close(dir);
        *ret_outcome = FOLDER_SAME;
        return 0;
    }
    no = replace_file(folder, dir, name, bytes);
    close(dir);
    if (no)
        return fail(folder, path, no, err);
    touch(folder, path, name == path ? 0 : (size_t)(name - path - 1));
    *ret_outcome = had < 0 ? FOLDER_NEW : FOLDER_CHANGED;
    return 0;
}

int
folder_delete(struct folder *folder, const char *path, struct jb_error *err)
{
    char up[PATH_MAX];
    const char *name;
    char *slash;
    int dir;

    if (!path_is_safe(path))
        return jb_fail(err, JB_EINVAL, "this name cannot be a file");
    dir = open_parent(folder, path, false, &name);
    if (dir < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? 0
                   : fail(folder, path, errno, err);
    if (unlinkat(dir, name, 0) != 0 && errno != ENOENT) {
        int rc = fail(folder, path, errno, err);
        close(dir);
        return rc;
    }
    close(dir);
    touch(folder, path, name == path ? 0 : (size_t)(name - path - 1));
    memcpy(up, path, strlen(path) + 1);
    while ((slash = strrchr(up, '/')) != NULL) {
        *slash = '\0';
        if (!strchr(up, '/'))
            break;
        dir = open_parent(folder, up, false, &name);
        if (dir < 0)
            break;
        int gone = unlinkat(dir, name, AT_REMOVEDIR);
        close(dir);
        if (gone != 0)
            break;
        touch(folder, up, (size_t)(name - up - 1));
    }
    return 0;
}

int
folder_sync(struct folder *folder, struct jb_error *err)
{
    int rc = 0;

    if (folder->all_touched && syncfs(folder->fd) != 0)
        rc = jb_fail_errno(err, errno, "%s", folder->dir);
    for (size_t i = 0; !rc && !folder->all_touched && i < folder->n_touched; i++) {
        char path[PATH_MAX];
        const char *name;
        int dir;

        /* The parent of a name that is not there is the folder itself. */
        if (snprintf(path, sizeof(path), "%s%sx", folder->touched[i],
                     *folder->touched[i] ? "/" : "") >= (int)sizeof(path))
            continue;
        dir = open_parent(folder, path, false, &name);
        if (dir < 0) {
            if (errno != ENOENT) /* deleted since, with what was in it */
                rc = fail(folder, path, errno, err);
            continue;
        }
        if (fsync(dir) != 0)
            rc = jb_fail_errno(err, errno, "%s/%s", folder->dir, folder->touched[i]);
        close(dir);
    }
    if (!rc)
        forget_touched(folder);
    return rc;
}

struct walk {
    struct folder *folder;
    int (*each)(void *ctx, const char *path);
    void *ctx;
    struct jb_error *err;
    char path[PATH_MAX];
};

static int
walk_dir(struct walk *w, int fd, size_t n, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    const struct dirent *entry;
    int rc = 0;

    if (!dir) {
        rc = jb_fail_errno(w->err, errno, "%s/%s", w->folder->dir, w->path);
        close(fd);
        return rc;
    }
    while (!rc && (entry = readdir(dir))) {
        size_t len = strlen(entry->d_name);
        struct stat st;

        if (entry->d_name[0] == '.' || n + 1 + len >= sizeof(w->path) ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        size_t at = n + (n > 0);
        if (n)
            w->path[n] = '/';
        memcpy(w->path + at, entry->d_name, len + 1);
        if (S_ISREG(st.st_mode)) {
            rc = w->each(w->ctx, w->path);
        } else if (S_ISDIR(st.st_mode) && depth < FOLDER_DEPTH_MAX) {
            int below = openat(dirfd(dir), entry->d_name, OPEN_DIR);
            if (below >= 0)
                rc = walk_dir(w, below, at + len, depth + 1);
        }
        w->path[n] = '\0';
    }
    closedir(dir);
    return rc;
}

int
folder_walk(struct folder *folder, const char *path, int (*each)(void *ctx, const char *path),
            void *ctx, struct jb_error *err)
{
    struct walk w = {.folder = folder, .each = each, .ctx = ctx, .err = err};
    const char *name;
    int parent, fd;

    if (!*path) {
        fd = openat(folder->fd, ".", OPEN_DIR);
        return fd < 0 ? fail(folder, ".", errno, err) : walk_dir(&w, fd, 0, FOLDER_DEPTH_MAX);
    }
    if (!path_is_safe(path))
        return jb_fail(err, JB_EINVAL, "this name cannot be a file");
    parent = open_parent(folder, path, false, &name);
    fd = parent < 0 ? -1 : openat(parent, name, OPEN_DIR);
    if (fd < 0) {
        int no = errno;
        if (parent >= 0)
            close(parent);
        return no == ENOENT ? 0 : fail(folder, path, no, err);
    }
    close(parent);
    memcpy(w.path, path, strlen(path) + 1);
    return walk_dir(&w, fd, strlen(path), 1);
}
