/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/import_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define FILES_MAX 2000000

struct walk {
    const char *dir;
    char real[PATH_MAX]; /* of dir, for links */
    const char *suffix;
    const struct import_sink *sink;
    struct jb_error *err;
    struct import_list list;
};

static bool
has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), len = strlen(suffix);

    return n > len && strcmp(name + n - len, suffix) == 0;
}

static int
list_add(struct walk *w, const char *path)
{
    if (w->list.n == w->list.room) {
        size_t room = w->list.room ? 2 * w->list.room : 256;
        char **paths = realloc(w->list.paths, room * sizeof(*paths));

        if (!paths)
            return jb_fail(w->err, JB_ENOMEM, "out of memory");
        w->list.paths = paths;
        w->list.room = room;
    }
    if (w->list.n == FILES_MAX)
        return jb_fail(w->err, JB_ETOOBIG, "%s: more than %d files", w->dir, FILES_MAX);
    w->list.paths[w->list.n] = strdup(path);
    if (!w->list.paths[w->list.n])
        return jb_fail(w->err, JB_ENOMEM, "out of memory");
    w->list.n++;
    return 0;
}

/* The hub's download cache is made of links from one of its folders into another. */
static int
walk_link(struct walk *w, const char *rel)
{
    char path[PATH_MAX], target[PATH_MAX];
    size_t len = strlen(w->real);
    struct stat st;

    if (snprintf(path, sizeof(path), "%s/%s", w->dir, rel) >= (int)sizeof(path))
        return 0;
    if (!realpath(path, target) || stat(target, &st) != 0) {
        import_problem(w->sink, rel, "a symbolic link to nothing");
        return 0;
    }
    if (strncmp(target, w->real, len) != 0 || (target[len] != '/' && len > 1)) {
        import_problem(w->sink, rel, "a symbolic link that leads out of the folder");
        return 0;
    }
    if (!S_ISREG(st.st_mode)) {
        import_problem(w->sink, rel, "a symbolic link to something else than a file");
        return 0;
    }
    return has_suffix(rel, w->suffix) ? list_add(w, rel) : 0;
}

static int
walk_dir(struct walk *w, const char *rel, unsigned depth)
{
    char path[PATH_MAX];
    struct dirent *entry;
    DIR *dir;
    int rc = 0;

    if (snprintf(path, sizeof(path), "%s%s%s", w->dir, *rel ? "/" : "", rel) >=
        (int)sizeof(path))
        return jb_fail(w->err, JB_EINVAL, "%s: the path is too long", w->dir);
    dir = opendir(path);
    if (!dir) {
        if (depth == 0)
            return jb_fail_errno(w->err, errno, "%s", path);
        import_problem(w->sink, rel, "%s", strerror(errno));
        return 0;
    }
    while (!rc && (entry = readdir(dir))) {
        char below[PATH_MAX];
        struct stat st;

        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(below, sizeof(below), "%s%s%s", rel, *rel ? "/" : "", entry->d_name) >=
            (int)sizeof(below))
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            import_problem(w->sink, below, "%s", strerror(errno));
        else if (S_ISLNK(st.st_mode))
            rc = walk_link(w, below);
        else if (S_ISDIR(st.st_mode) && depth == DEPTH_MAX)
            import_problem(w->sink, below, "more than %d folders deep, left out", DEPTH_MAX);
        else if (S_ISDIR(st.st_mode))
            rc = walk_dir(w, below, depth + 1);
        else if (S_ISREG(st.st_mode) && has_suffix(entry->d_name, w->suffix))
            rc = list_add(w, below);
    }
    closedir(dir);
    return rc;
}

static int
by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int
import_list_read(const char *dir, const char *suffix, const struct import_sink *sink,
                 struct jb_error *err, struct import_list *ret_list)
{
    struct walk *w = calloc(1, sizeof(*w));
    int rc;

    if (!w)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    w->dir = dir;
    w->suffix = suffix;
    w->sink = sink;
    w->err = err;
    if (!realpath(dir, w->real)) {
        rc = jb_fail_errno(err, errno, "%s", dir);
        goto out;
    }
    rc = walk_dir(w, "", 0);
    if (rc) {
        import_list_free(&w->list);
        goto out;
    }
    if (w->list.n)
        qsort(w->list.paths, w->list.n, sizeof(*w->list.paths), by_bytes);
    *ret_list = w->list;
out:
    free(w);
    return rc;
}

void
import_list_free(struct import_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->paths[i]);
    free(list->paths);
    *list = (struct import_list){0};
}

bool
import_list_has(const struct import_list *list, const char *path)
{
    return list->n && bsearch(&path, list->paths, list->n, sizeof(*list->paths), by_bytes);
}

int
import_file_read(const char *dir, const char *path, size_t max, struct jb_arena *arena,
                 struct jb_error *err, struct jb_str *ret_bytes)
{
    char full[PATH_MAX], *bytes;
    struct stat st;
    size_t n = 0, size;
    int fd, rc = 0;

    if (snprintf(full, sizeof(full), "%s%s%s", dir ? dir : "", dir ? "/" : "", path) >=
        (int)sizeof(full))
        return jb_fail(err, JB_EINVAL, "the path is too long");
    fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return jb_fail_errno(err, errno, "cannot be opened");
    if (fstat(fd, &st) != 0) {
        rc = jb_fail_errno(err, errno, "cannot be read");
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        rc = jb_fail(err, JB_EINVAL, "not a file");
        goto out;
    }
    if (st.st_size < 0 || (uintmax_t)st.st_size > max) {
        rc = jb_fail(err, JB_ETOOBIG, "%jd bytes, more than the %zu that are read",
                     (intmax_t)st.st_size, max);
        goto out;
    }
    size = (size_t)st.st_size;
    bytes = jb_arena_alloc(arena, size + 1);
    if (!bytes) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    while (n < size) {
        ssize_t got = read(fd, bytes + n, size - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = jb_fail_errno(err, errno, "cannot be read");
            goto out;
        }
        if (got == 0)
            break;
        n += (size_t)got;
    }
    bytes[n] = '\0';
    *ret_bytes = (struct jb_str){bytes, n};
out:
    close(fd);
    return rc;
}
