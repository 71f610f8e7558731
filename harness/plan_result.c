/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "harness/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 10000 /* looked at in one folder */

/* The last name in the folder that matches, in `ret_name`; its folder is left open. */
static int
newest(int dir, const char *pattern, char ret_name[NAME_MAX + 1], struct jb_error *err)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
    DIR *all = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    if (!all) {
        int rc = jb_fail_errno(err, errno, "folder of the results");

        if (copy >= 0)
            close(copy);
        return rc;
    }
    ret_name[0] = '\0';
    while ((entry = readdir(all)) && n++ < ENTRIES_MAX)
        if (fnmatch(pattern, entry->d_name, FNM_PERIOD) == 0 &&
            strcmp(entry->d_name, ret_name) > 0)
            memcpy(ret_name, entry->d_name, strlen(entry->d_name) + 1);
    closedir(all);
    if (n > ENTRIES_MAX)
        return jb_fail(err, JB_ETOOBIG, "more than %d files in the folder of the results",
                       ENTRIES_MAX);
    return ret_name[0] ? 0 : jb_fail(err, JB_ENOENT, "there is no result file");
}

static int
read_all(int fd, size_t size, struct jb_arena *arena, struct jb_error *err,
         struct jb_str *ret_doc)
{
    char *bytes = jb_arena_alloc(arena, size + 1);
    size_t n = 0;

    if (!bytes)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    while (n < size) {
        ssize_t got = read(fd, bytes + n, size - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return jb_fail_errno(err, errno, "result file");
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret_doc = (struct jb_str){bytes, n};
    return 0;
}

static int
read_file(int dir, const char *name, struct jb_arena *arena, struct jb_error *err,
          struct jb_str *ret_doc)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    int rc;

    if (fd < 0)
        return errno == ELOOP ? jb_fail(err, JB_EACCES, "the result file is a link")
                              : jb_fail_errno(err, errno, "result file");
    if (fstat(fd, &st) != 0)
        rc = jb_fail_errno(err, errno, "result file");
    else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
        rc = jb_fail(err, JB_EACCES, "the result file is not a plain file of its own");
    else if (st.st_size > (off_t)PLAN_RESULT_MAX)
        rc = jb_fail(err, JB_ETOOBIG, "the result file has %lld bytes, more than the %zu read",
                     (long long)st.st_size, PLAN_RESULT_MAX);
    else
        rc = read_all(fd, (size_t)st.st_size, arena, err, ret_doc);
    close(fd);
    return rc;
}

int
plan_results(const struct plan *plan, const char *out, struct jb_arena *arena,
             struct jb_error *err, struct jb_str *ret_doc)
{
    const char *slash = strchr(plan->results, '/'), *file = plan->results;
    char name[NAME_MAX + 1], folder[NAME_MAX + 1];
    int dir = open(out, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), sub, rc = 0;

    if (dir < 0)
        return jb_fail_errno(err, errno, "folder of the results");
    if (slash) {
        size_t n = (size_t)(slash - plan->results);

        file = slash + 1;
        if (n > NAME_MAX) {
            rc = jb_fail(err, JB_EINVAL, "the plan's name of its results is too long");
            goto out;
        }
        memcpy(name, plan->results, n);
        name[n] = '\0';
        rc = newest(dir, name, folder, err);
        if (rc)
            goto out;
        sub = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub < 0) {
            rc = errno == ELOOP || errno == ENOTDIR
                     ? jb_fail(err, JB_EACCES, "the folder of the result file is none")
                     : jb_fail_errno(err, errno, "folder of the result file");
            goto out;
        }
        close(dir);
        dir = sub;
    }
    rc = newest(dir, file, name, err);
    if (!rc)
        rc = read_file(dir, name, arena, err, ret_doc);
out:
    close(dir);
    return rc;
}
