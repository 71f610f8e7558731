/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "queue/attempts.h"

#include "queue/move.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOO_LONG "[…]\n"

struct found {
    struct store_txn *txn;
    struct jb_arena *arena;
    struct queue_attempt *items;
    size_t n;
};

static bool
is_success(const struct attempt *a)
{
    return !a->failure[0] && !a->reason[0] && !a->cancel;
}

static int
each_part(void *ctx, const struct part *part)
{
    struct queue_attempt *a = ctx;
    struct queue_step *steps = (struct queue_step *)a->steps;

    for (size_t i = 0; i < a->n_steps; i++) {
        if (strcmp(steps[i].benchmark, part->benchmark) != 0)
            continue;
        steps[i].done = true;
        if (part->fence == a->record.fence && part->seconds > 0)
            steps[i].seconds = part->seconds;
    }
    return 0;
}

/* Hosts run benchmarks in the order of the spec. */
static int
fill_steps(struct found *found, struct queue_attempt *a)
{
    const struct attempt *r = &a->record;
    const char *const *keys;
    struct queue_step *steps;
    int rc = store_attempt_benchmarks(r, found->arena, &keys, &a->n_steps);

    if (rc)
        return rc;
    if (!(steps = jb_arena_alloc(found->arena, (a->n_steps + 1) * sizeof *steps)))
        return JB_ENOMEM;
    for (size_t i = 0; i < a->n_steps; i++)
        steps[i] = (struct queue_step){keys[i], i < r->done || (!a->live && is_success(r)),
                                       false, NAN};
    a->steps = steps;
    rc = store_parts_each(found->txn, r->request, r->round, found->arena, each_part, a);
    for (size_t i = 0; i < a->n_steps && !rc; i++) {
        steps[i].now = a->live && !steps[i].done && strcmp(steps[i].benchmark, r->step) == 0;
        a->done += steps[i].done;
        if (steps[i].now)
            a->at = i + 1;
    }
    return rc;
}

static struct queue_attempt
attempt_of(const struct attempt *record)
{
    return (struct queue_attempt){.record = *record,
                                  .live = strcmp(record->state, ATTEMPT_ENDED) != 0,
                                  .progress = record->progress >= 0 ? record->progress : NAN};
}

static int
each_attempt(void *ctx, const struct attempt *attempt)
{
    struct found *found = ctx;

    if (found->n == ATTEMPTS_KEPT) /* those that are too many are the oldest */
        memmove(found->items, found->items + 1, --found->n * sizeof *found->items);
    found->items[found->n++] = attempt_of(attempt);
    return 0;
}

int
queue_attempt_live(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                   struct queue_attempt *ret_attempt)
{
    struct found found = {txn, arena, NULL, 0};
    struct attempt record;
    int rc = store_attempt_live(txn, request, arena, &record);

    if (rc)
        return rc;
    struct queue_attempt attempt = attempt_of(&record);
    rc = fill_steps(&found, &attempt);
    if (rc)
        return rc;
    *ret_attempt = attempt;
    return 0;
}

int
queue_attempts_load(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                    const struct queue_attempt **ret_attempts, size_t *ret_n)
{
    struct found found = {
        txn, arena, jb_arena_alloc(arena, ATTEMPTS_KEPT * sizeof(struct queue_attempt)), 0};
    int rc =
        found.items ? store_attempts_of(txn, request, arena, each_attempt, &found) : JB_ENOMEM;

    for (size_t i = 0; i < found.n && !rc; i++)
        rc = fill_steps(&found, &found.items[i]);
    if (rc)
        return rc;
    for (size_t i = 0; i < found.n / 2; i++) {
        struct queue_attempt other = found.items[i];
        found.items[i] = found.items[found.n - 1 - i];
        found.items[found.n - 1 - i] = other;
    }
    *ret_attempts = found.items;
    *ret_n = found.n;
    return 0;
}

/* At most `n` bytes from `from` on; how many there were. */
static int
read_at(int fd, uint64_t from, char *p, size_t n, size_t *ret_n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t k = pread(fd, p + got, n - got, (off_t)(from + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return JB_EIO;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    *ret_n = got;
    return 0;
}

static bool
ends_line(char c)
{
    return c == '\n' || c == '\r';
}

/* Where the first line begins whose start is at p + 1 or behind; n none. */
static size_t
line_start(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && !ends_line(p[i]))
        i++;
    if (i == n)
        return n;
    return i + 1 < n && p[i] == '\r' && p[i + 1] == '\n' ? i + 2 : i + 1;
}

/* Behind the last line that ends in [from, n); `from` none. */
static size_t
line_end(const char *p, size_t from, size_t n)
{
    while (n > from && !ends_line(p[n - 1]))
        n--;
    return n;
}

static int
redact(struct jb_str raw, struct jb_arena *arena, struct jb_str *ret_text)
{
    struct jb_buf out = JB_BUF(8 * raw.n + 64);
    int rc;

    queue_redact_lines(raw, &out);
    char *copy = out.err ? NULL : jb_arena_alloc(arena, out.n + 1);
    rc = out.err ? out.err : copy ? 0 : JB_ENOMEM;
    if (rc == 0) {
        memcpy(copy, out.p ? out.p : "", out.n);
        copy[out.n] = '\0';
        *ret_text = (struct jb_str){copy, out.n};
    }
    jb_buf_free(&out);
    return rc;
}

/* What of it can be read from log->from on. */
static int
read_part(int fd, struct queue_log *log, struct jb_arena *arena)
{
    uint64_t begin = log->from ? log->from - 1 : 0; /* whether a line ends before it */
    uint64_t left = log->end - begin;
    size_t n = left < QUEUE_LOG_MAX ? (size_t)left : QUEUE_LOG_MAX, start, stop;
    char *p = jb_arena_alloc(arena, n + 1);
    int rc = p ? read_at(fd, begin, p, n, &n) : JB_ENOMEM;

    if (rc)
        return rc;
    bool last = begin + n >= log->end;
    start = log->from ? line_start(p, n) : 0;
    stop = last && log->ended ? n : line_end(p, start, n);
    log->from = begin + start;
    log->next = begin + stop;
    if (stop > start)
        return redact((struct jb_str){p + start, stop - start}, arena, &log->text);
    if (start == n) /* within a line that is longer than a call reads */
        log->next = begin + n;
    else if (!last && start <= 2) { /* at its start */
        log->next = begin + n;
        log->text = JB_STR(TOO_LONG);
    }
    return 0;
}

int
queue_log_read(const char *path, const struct attempt *attempt, uint64_t from,
               struct jb_arena *arena, struct jb_error *err, struct queue_log *ret_log)
{
    struct queue_log log = {.fence = attempt->fence, .text = JB_STR("")};
    struct stat st;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    log.ended = strcmp(attempt->state, ATTEMPT_ENDED) == 0;
    if (fd < 0 && errno != ENOENT)
        return jb_fail(err, JB_EIO, "the log of attempt %llu: %s",
                       (unsigned long long)attempt->fence, strerror(errno));
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        /* what is not counted yet may be written again */
        log.end =
            attempt->log_end < (uint64_t)st.st_size ? attempt->log_end : (uint64_t)st.st_size;
        if (from == QUEUE_LOG_TAIL)
            from = log.end > QUEUE_LOG_LAST ? log.end - QUEUE_LOG_LAST : 0;
        log.from = log.next = from < log.end ? from : log.end;
        if (log.from < log.end)
            rc = read_part(fd, &log, arena);
    }
    if (fd >= 0)
        close(fd);
    if (rc)
        return jb_fail(err, rc, "the log of attempt %llu cannot be read",
                       (unsigned long long)attempt->fence);
    *ret_log = log;
    return 0;
}
