/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs of attempts: read on by ranges into files beside the store, whose length that counts is
 * in the attempt's record. The bytes are the host's, as they came; whoever shows them redacts
 * them. A file that is shorter than its record is read again from where it ends.
 */
#include <config.h>

#include "dispatch/lease_own.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* At its end an attempt waits for the rest of its log, but not for long. */
#define REST_MS  INT64_C(20000)
#define TAIL     ((size_t)64 << 10)
#define CUT_TEXT "\n[the rest of this log was left out: it is too long]\n"

static int
path_of(struct lease *l, const struct lease_live *live, const char **ret_path)
{
    return store_attempt_log(l->store, live->fence, l->arena, ret_path);
}

static void
warn(const char *path, const char *what)
{
    static struct jb_log_limit limit;

    jb_log_limited(&limit, JB_LOG_WARNING, "%s: %s: %s", path, what, strerror(errno));
}

void
lease_log_take_up(struct lease *l, struct lease_live *live)
{
    const char *path;
    struct stat st;
    uint64_t there = 0;

    if (path_of(l, live, &path) == 0 && stat(path, &st) == 0)
        there = (uint64_t)st.st_size;
    if (there < live->log_end)
        live->log_end = there;
}

/* The bytes stand in the file before they count. */
static int
write_at(struct lease *l, const struct lease_live *live, uint64_t at, struct jb_str bytes)
{
    const char *path, *dir;
    int rc = path_of(l, live, &path), fd;
    size_t done = 0;

    if (rc || (rc = store_attempt_log(l->store, 0, l->arena, &dir)))
        return rc;
    if (mkdir(dir, 02770) == 0)
        (void)chmod(dir, 02770); /* web readers are of the group, whatever the umask */
    else if (errno != EEXIST)
        return warn(dir, "cannot be made"), JB_EIO;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return warn(path, "cannot be written"), JB_EIO;
    if (ftruncate(fd, (off_t)at))
        rc = JB_EIO;
    while (!rc && done < bytes.n) {
        ssize_t n = pwrite(fd, bytes.p + done, bytes.n - done, (off_t)(at + done));

        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            rc = JB_EIO;
    }
    if (rc)
        warn(path, "cannot be written");
    close(fd);
    return rc;
}

static int
store_end_of(struct lease *l, struct lease_live *live, struct jb_error *err)
{
    struct store_txn *txn;
    struct attempt a;
    int rc = lease_begin(l, err, &txn);

    if (rc)
        return rc;
    rc = lease_attempt(txn, live, l->arena, &a);
    if (!rc) {
        a.log_epoch = live->log_epoch;
        a.log_end = live->log_end;
        rc = store_attempt_put(txn, &a);
    }
    return lease_settle(live, lease_end(l, txn, rc, err), err);
}

static bool
is_full(const struct lease *l, const struct lease_live *live)
{
    return live->log_end >= (uint64_t)l->rules->log_max;
}

bool
lease_log_wants(const struct lease *l, struct lease_live *live, int64_t now)
{
    if (!l->rules->log_ms || !live->log_there || is_full(l, live) || live->canary)
        return false;
    if (!live->log_until)
        live->log_until = now + REST_MS;
    return now < live->log_until &&
           (live->log_epoch != live->log_epoch_there || live->log_end < live->log_there);
}

void
lease_log_run(struct lease *l, struct lease_live *live, int64_t now, int64_t now_us)
{
    const bool over = live->phase >= WIRE_SUCCEEDED;
    bool watched = false;

    if (live->log_token && now - live->log_asked > l->rules->answer_ms)
        live->log_token = 0;
    if (!l->rules->log_ms || live->canary || !live->accepted || live->log_token ||
        is_full(l, live) || live->phase == WIRE_LOST)
        return;
    if (!over && live->log_due > now && l->rules->log_watched_ms > 0 &&
        live->log_looked + l->rules->log_watched_ms <= now) {
        live->log_looked = now;
        watched = store_attempt_watched(l->store, live->fence, now_us, l->arena);
    }
    if (!watched && live->log_due > now && !(over && live->log_tries < 3))
        return;
    live->log_due = now + l->rules->log_ms;
    if (!watched && live->log_epoch == live->log_epoch_there &&
        live->log_end >= live->log_there)
        return;
    live->log_tries += over;
    live->log_asked = now;
    live->log_from = live->log_end;
    live->log_token = lease_send(l, (struct lease_ask){.host = live->host,
                                                       .call = LEASE_LOG,
                                                       .attempt = live->id,
                                                       .from = live->log_from,
                                                       .epoch = live->log_epoch});
}

int64_t
lease_log_next(const struct lease *l, const struct lease_live *live, int64_t now)
{
    if (!l->rules->log_ms || !live->accepted || live->canary || is_full(l, live))
        return INT64_MAX;
    if (live->log_token)
        return live->log_asked + l->rules->answer_ms + 1;
    if (live->phase >= WIRE_SUCCEEDED) /* asked at once, or not at all */
        return INT64_MAX;
    int64_t look = live->log_looked + l->rules->log_watched_ms;
    int64_t due = l->rules->log_watched_ms > 0 && look < live->log_due ? look : live->log_due;
    return due > now ? due : now + 1;
}

static int
turned(struct lease *l, struct lease_live *live, const struct lease_reply *reply, int64_t now,
       struct jb_error *err)
{
    live->log_epoch = reply->log_epoch;
    if (reply->log_kept < live->log_end)
        live->log_end = reply->log_kept;
    live->log_there = reply->log_end;
    live->log_epoch_there = reply->log_epoch;
    live->log_due = now;
    return write_at(l, live, live->log_end, JB_STR("")) ? 0 : store_end_of(l, live, err);
}

int
lease_log_answered(struct lease *l, struct lease_live *live, const struct lease_reply *reply,
                   int64_t now, struct jb_error *err)
{
    struct jb_str bytes = reply->body;
    uint64_t room = (uint64_t)l->rules->log_max - live->log_end;

    live->log_token = 0;
    if (live->ended || live->log_from != live->log_end)
        return 0;
    if (reply->status == 416)
        return turned(l, live, reply, now, err);
    if (reply->status != 200 || !reply->log_epoch || bytes.n > WIRE_LOG_MAX ||
        (live->log_epoch && reply->log_epoch != live->log_epoch)) {
        if (reply->status == 404 || reply->status == 410)
            live->log_there = 0;
        return 0;
    }
    live->log_there = reply->log_end;
    live->log_epoch_there = reply->log_epoch;
    if (!bytes.n && live->log_epoch == reply->log_epoch)
        return 0;
    live->log_epoch = reply->log_epoch;
    if (bytes.n > room)
        bytes.n = room;
    if (write_at(l, live, live->log_end, bytes))
        return 0; /* it was told; the result counts more */
    live->log_end += bytes.n;
    if (is_full(l, live) && write_at(l, live, live->log_end, JB_STR(CUT_TEXT)) == 0)
        live->log_end += sizeof(CUT_TEXT) - 1;
    if (live->log_end < live->log_there)
        live->log_due = now;
    live->log_tries = 0;
    return store_end_of(l, live, err);
}

const char *
lease_log_tail(struct lease *l, const struct lease_live *live)
{
    const char *path;
    char *text = NULL;
    uint64_t from = live->log_end > TAIL ? live->log_end - TAIL : 0;
    size_t n = (size_t)(live->log_end - from);
    int fd;

    if (!n || path_of(l, live, &path) ||
        (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
        return NULL;
    text = jb_arena_alloc(l->arena, n + 1);
    ssize_t got = text ? pread(fd, text, n, (off_t)from) : -1;
    close(fd);
    if (got <= 0)
        return NULL;
    text[got] = '\0';
    for (char *p = text; p < text + got; p++)
        *p = *p ? *p : ' ';
    return text;
}

/* Files whose attempt is not kept any more. */
void
lease_log_tidy(struct lease *l)
{
    const char *dir;
    struct store_txn *txn;
    struct dirent *entry;
    DIR *folder;

    if (store_attempt_log(l->store, 0, l->arena, &dir) || !(folder = opendir(dir)))
        return;
    if (store_begin(l->store, STORE_READ, NULL, NULL, &txn)) {
        closedir(folder);
        return;
    }
    while ((entry = readdir(folder))) {
        char *end;
        unsigned long long fence = strtoull(entry->d_name, &end, 10);
        struct attempt a;

        if (end == entry->d_name || !fence || *end != '.')
            continue;
        jb_arena_reset(l->arena);
        if (store_attempt_get(txn, fence, l->arena, &a) == JB_ENOENT)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    store_abort(txn);
    closedir(folder);
    jb_arena_reset(l->arena);
}
