/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ROOM = 40 };

static void
epoch_name(uint64_t epoch, char name[NAME_ROOM])
{
    snprintf(name, NAME_ROOM, "log.%" PRIu64, epoch);
}

/* Newest epoch; older ones are there only between a rename and an unlink. */
static int
newest(int dir, struct jb_error *err, uint64_t *ret_epoch)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    uint64_t most = 0;

    if (!d) {
        int rc = jb_fail_errno(err, errno, "the log");
        if (fd >= 0)
            close(fd);
        return rc;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        char *end;
        if (strncmp(e->d_name, "log.", 4) != 0)
            continue;
        uint64_t epoch = strtoull(e->d_name + 4, &end, 10);
        if (!*end && epoch > most)
            most = epoch;
    }
    closedir(d);
    *ret_epoch = most;
    return 0;
}

int
spool_look(int dir, struct jb_error *err, uint64_t *ret_epoch, uint64_t *ret_end)
{
    char name[NAME_ROOM];
    struct stat st = {0};
    uint64_t epoch = 0;
    int rc = newest(dir, err, &epoch);

    if (rc)
        return rc;
    epoch_name(epoch, name);
    if (epoch && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW)) {
        /* a newer one came in between */
        rc = newest(dir, err, &epoch);
        epoch_name(epoch, name);
        if (!rc && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
            rc = jb_fail_errno(err, errno, "%s", name);
    }
    if (rc)
        return rc;
    *ret_epoch = epoch;
    *ret_end = (uint64_t)st.st_size;
    return 0;
}

int
spool_open(int dir, uint64_t cap, struct jb_error *err, struct spool *ret_spool)
{
    struct spool s = {.dir = dir, .fd = -1, .cap = cap};
    char name[NAME_ROOM];
    int rc = newest(dir, err, &s.epoch);

    if (rc)
        return rc;
    if (s.epoch == 0)
        s.epoch = 1;
    epoch_name(s.epoch, name);
    s.fd = openat(dir, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct stat st;
    if (s.fd < 0 || fstat(s.fd, &st)) {
        rc = jb_fail_errno(err, errno, "%s", name);
        if (s.fd >= 0)
            close(s.fd);
        return rc;
    }
    s.end = (uint64_t)st.st_size;
    *ret_spool = s;
    return 0;
}

void
spool_close(struct spool *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

uint64_t
spool_kept(uint64_t cap)
{
    return cap / 2;
}

static int
copy_part(int from, uint64_t at, uint64_t n, int to)
{
    char buf[65536];

    while (n) {
        ssize_t got = pread(from, buf, n < sizeof(buf) ? (size_t)n : sizeof(buf), (off_t)at);

        if (got <= 0 || write(to, buf, (size_t)got) != got)
            return -1;
        at += (uint64_t)got;
        n -= (uint64_t)got;
    }
    return 0;
}

/* The next epoch: the first half, a line, the newest quarter. */
static int
turn(struct spool *s, struct jb_error *err)
{
    char name[NAME_ROOM], old[NAME_ROOM], line[120];
    uint64_t kept = spool_kept(s->cap), tail = s->cap / 4;
    int rc = 0, fd;

    epoch_name(s->epoch, old);
    epoch_name(s->epoch + 1, name);
    fd = openat(s->dir, ".log.new",
                O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", name);
    s->left_out += s->end - kept - tail;
    int n = snprintf(line, sizeof(line),
                     "\n[%" PRIu64 " bytes of the log are left out here: it is too long]\n",
                     s->left_out);
    struct stat st;
    if (copy_part(s->fd, 0, kept, fd) || write(fd, line, (size_t)n) != n ||
        copy_part(s->fd, s->end - tail, tail, fd) || fstat(fd, &st) ||
        renameat(s->dir, ".log.new", s->dir, name)) {
        rc = jb_fail_errno(err, errno, "%s", name);
        unlinkat(s->dir, ".log.new", 0);
        close(fd);
        return rc;
    }
    unlinkat(s->dir, old, 0);
    close(s->fd);
    s->fd = fd;
    s->end = (uint64_t)st.st_size;
    s->epoch++;
    return 0;
}

int
spool_write(struct spool *s, struct jb_str bytes, struct jb_error *err)
{
    while (bytes.n) {
        int rc = s->end >= s->cap ? turn(s, err) : 0;
        uint64_t room = s->cap > s->end ? s->cap - s->end : 0;

        if (rc)
            return rc;
        if (room == 0)
            return jb_fail(err, JB_EINVAL, "the log's cap is too small");
        ssize_t n = write(s->fd, bytes.p, bytes.n < room ? bytes.n : (size_t)room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return jb_fail_errno(err, errno, "the log");
        s->end += (uint64_t)n;
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return 0;
}

int
spool_read(int dir, uint64_t epoch, uint64_t from, size_t max, struct jb_error *err,
           struct jb_buf *ret_bytes)
{
    char name[NAME_ROOM], buf[16384];
    struct stat st;
    int rc = 0;

    epoch_name(epoch, name);
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", name);
    if (fstat(fd, &st))
        rc = jb_fail_errno(err, errno, "%s", name);
    else if (from > (uint64_t)st.st_size)
        rc = jb_fail(err, JB_EINVAL, "the log ends at %lld", (long long)st.st_size);
    while (!rc && max) {
        ssize_t n = pread(fd, buf, max < sizeof(buf) ? max : sizeof(buf), (off_t)from);

        if (n < 0 && errno != EINTR)
            rc = jb_fail_errno(err, errno, "%s", name);
        if (n == 0)
            break;
        if (n > 0) {
            jb_buf_put(ret_bytes, buf, (size_t)n);
            from += (uint64_t)n;
            max -= (size_t)n;
        }
    }
    close(fd);
    return rc ? rc : ret_bytes->err;
}
