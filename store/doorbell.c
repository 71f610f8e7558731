/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/doorbell.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SUFFIX ".bell"

/* False when the path does not fit into a socket's address. */
static int
bell_address(const char *run_dir, const char *file, struct sockaddr_un *ret_address)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", run_dir, file);

    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return 0;
    *ret_address = address;
    return 1;
}

static int
bell_new(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int
doorbell_listen(const char *run_dir, const char *name, struct jb_error *err)
{
    struct sockaddr_un address;
    char file[64];
    int rc, n = snprintf(file, sizeof file, "%s" SUFFIX, name);

    if (n < 0 || (size_t)n >= sizeof file || strchr(name, '/') ||
        !bell_address(run_dir, file, &address))
        return jb_fail(err, JB_EINVAL, "%s/%s" SUFFIX ": too long for a socket", run_dir, name);
    int fd = bell_new();
    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", address.sun_path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        if (errno != EADDRINUSE) {
            rc = jb_fail_errno(err, errno, "%s", address.sun_path);
            goto out;
        }
        /* Somebody's, or left by one that died: only a living one can be connected to. */
        int probe = bell_new();
        int alive =
            probe >= 0 && connect(probe, (struct sockaddr *)&address, sizeof address) == 0;
        if (probe >= 0)
            close(probe);
        if (alive) {
            rc = jb_fail(err, JB_EBUSY, "%s: another process listens there", address.sun_path);
            goto out;
        }
        if (unlink(address.sun_path) != 0 ||
            bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
            rc = jb_fail_errno(err, errno, "%s", address.sun_path);
            goto out;
        }
    }
    if (chmod(address.sun_path, 0660) != 0) {
        rc = jb_fail_errno(err, errno, "%s", address.sun_path);
        unlink(address.sun_path);
        goto out;
    }
    return fd;
out:
    close(fd);
    return rc;
}

void
doorbell_clear(int fd)
{
    char byte;

    while (recv(fd, &byte, sizeof byte, MSG_DONTWAIT) >= 0)
        ;
}

void
doorbell_ring(const char *run_dir)
{
    DIR *dir = opendir(run_dir);

    if (!dir)
        return;
    int fd = bell_new();
    for (struct dirent *entry; fd >= 0 && (entry = readdir(dir));) {
        struct sockaddr_un address;
        size_t n = strlen(entry->d_name);
        if (n > strlen(SUFFIX) && strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0 &&
            bell_address(run_dir, entry->d_name, &address))
            (void)!sendto(fd, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
                          sizeof address);
    }
    if (fd >= 0)
        close(fd);
    closedir(dir);
}

void
doorbell_close(int fd, const char *run_dir, const char *name)
{
    struct sockaddr_un address;
    char file[64];
    int n = snprintf(file, sizeof file, "%s" SUFFIX, name);

    if (fd < 0)
        return;
    /* The name first, so that nobody rings at a closed door. */
    if (n > 0 && (size_t)n < sizeof file && bell_address(run_dir, file, &address))
        unlink(address.sun_path);
    close(fd);
}
