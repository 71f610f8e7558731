/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The name is durable when its folder is. */
static int
sync_folder(const char *file)
{
    const char *slash = strrchr(file, '/');
    char *folder = slash == file ? strdup("/")
                   : slash       ? strndup(file, (size_t)(slash - file))
                                 : strdup(".");
    int rc = 0;

    if (!folder)
        return ENOMEM;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        rc = errno;
    if (fd >= 0)
        close(fd);
    free(folder);
    return rc;
}

static int
give_name(const char *temporary, const char *file, bool replace)
{
    if (replace)
        return rename(temporary, file) == 0 ? 0 : errno;
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, file, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    /* A file system that does not know it: a link refuses an existing name as well. */
    if (link(temporary, file) != 0)
        return errno;
    unlink(temporary);
    return 0;
}

int
store_backup(struct store *store, const char *file, bool compact, bool replace,
             struct jb_error *err)
{
    struct stat st;
    char *temporary = NULL;
    int fd = -1, rc = 0;

    if (stat(file, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return jb_fail(err, JB_EINVAL, "%s: not a regular file", file);
        /* Opening the store's own file, even to replace it, would end in its loss. */
        if (st.st_dev == store->dev && st.st_ino == store->ino)
            return jb_fail(err, JB_EINVAL, "%s: this is the store itself", file);
        if (!replace)
            return jb_fail(err, JB_EEXIST, "%s: exists already", file);
    }
    if (asprintf(&temporary, "%s.XXXXXX", file) < 0)
        return jb_fail(err, JB_ENOMEM, "%s", file);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        rc = jb_fail_errno(err, errno, "%s", temporary);
        free(temporary);
        return rc;
    }
    rc = mdb_env_copyfd2(store->env, fd, compact ? MDB_CP_COMPACT : 0);
    if (rc)
        rc = store_fail_mdb(err, rc, file);
    else if (fchmod(fd, 0660) != 0 || fsync(fd) != 0)
        rc = jb_fail_errno(err, errno, "%s", temporary);
    if (close(fd) != 0 && !rc)
        rc = jb_fail_errno(err, errno, "%s", temporary);
    if (!rc) {
        int no = give_name(temporary, file, replace);
        if (no)
            rc = no == EEXIST ? jb_fail(err, JB_EEXIST, "%s: exists already", file)
                              : jb_fail_errno(err, no, "%s", file);
    }
    if (rc)
        unlink(temporary);
    else if ((errno = sync_folder(file)) != 0)
        rc = jb_fail_errno(err, errno, "%s", file);
    free(temporary);
    return rc;
}
