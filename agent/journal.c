/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/journal.h"

#include "agent/fences.h"
#include "agent/files.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "wire/fields.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    ARENA_MAX = 4 << 20, /* of one attempt */
    RESULT_MAX = 8 << 20,
    STATE_MAX = 256 << 10,
    LOCK_TRIES = 50,
};

struct journal {
    struct journal_limits limits;
    char *path;
    int root, attempts, lock;
    bool draining;
    struct fences *fences;
    size_t n;
    struct attempt *items[WIRE_ATTEMPTS_MAX];
};

/* --- state.json --------------------------------------------------------------------------- */

static const char *const phases[WIRE_PHASE_MAX] = {
    "accepted", "running", "succeeded", "failed", "cancelled", "lost",
};

static const struct field state_fields[] = {
    FIELD_ROW(attempt, phase, FIELD_WORD, .max = WIRE_PHASE_MAX, .words = phases),
    FIELD_TRUTH(attempt, cancel),
    FIELD_SPAN(attempt, slot, FIELD_INT, 0, WIRE_ATTEMPTS_MAX),
    FIELD_SPAN(attempt, boot_id, FIELD_CHARS, 1, BOOT_ID_SIZE - 1),
    FIELD_SPAN(attempt, failure, FIELD_CHARS, 0, JOURNAL_FAILURE - 1),
    FIELD_SPAN(attempt, reason, FIELD_CHARS, 0, JOURNAL_REASON - 1),
    FIELD_SPAN(attempt, accepted_us, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(attempt, ended_us, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_ITEMS(attempt, parts, n_parts, FIELD_LIST, 0, SPEC_TASKS_MAX, .items = part_fields,
                .item_size = sizeof(struct wire_part)),
    {0},
};

static int
write_state(int dir, const struct attempt *a, struct jb_error *err)
{
    struct jb_buf json = JB_BUF(STATE_MAX);
    int rc;

    fields_put(state_fields, a, &json);
    rc = json.err ? jb_fail(err, json.err, "the state")
                  : file_put(dir, "state.json", jb_buf_view(&json), err);
    jb_buf_free(&json);
    return rc;
}

static int
write_offer(int dir, const struct wire_offer *offer, struct jb_error *err)
{
    struct jb_buf json = JB_BUF(SPEC_BODY_MAX);
    int rc;

    wire_offer_put(offer, &json);
    rc = json.err ? jb_fail(err, json.err, "the offer")
                  : file_put(dir, "offer.json", jb_buf_view(&json), err);
    jb_buf_free(&json);
    return rc;
}

/* --- one attempt in memory ---------------------------------------------------------------- */

static void
attempt_free(struct attempt *a)
{
    if (!a)
        return;
    if (a->dir >= 0)
        close(a->dir);
    jb_arena_free(a->arena);
    free(a);
}

/* Reads the folder `name`, which is of the right form already. */
static int
attempt_read(const struct journal *j, const char *name, struct jb_error *err,
             struct attempt **ret_attempt)
{
    struct attempt *a = calloc(1, sizeof(*a));
    struct jb_arena *arena = a ? jb_arena_new(ARENA_MAX) : NULL;
    struct wire_offer offer;
    struct jb_str json;
    int dir = -1, rc = arena ? folder_open(j->attempts, name, err, &dir)
                             : jb_fail(err, JB_ENOMEM, "out of memory");

    if (!rc)
        rc = file_get(dir, "offer.json", SPEC_BODY_MAX, arena, err, &json);
    if (!rc)
        rc = wire_offer_read(json, arena, err, &offer);
    if (!rc && strcmp(offer.id, name) != 0)
        rc = jb_fail(err, JB_ECORRUPT, "offer.json is of another attempt");
    if (!rc)
        rc = file_get(dir, "state.json", STATE_MAX, arena, err, &json);
    if (!rc)
        rc = fields_read(state_fields, json, STATE_MAX, arena, err, a, sizeof(*a));
    if (!rc) {
        a->folder = jb_arena_printf(arena, "%s/attempts/%s", j->path, name);
        a->all_parts = jb_arena_array(arena, SPEC_TASKS_MAX, sizeof(*a->all_parts));
        if (!a->folder || !a->all_parts)
            rc = jb_fail(err, JB_ENOMEM, "out of memory");
    }
    if (rc) {
        if (dir >= 0)
            close(dir);
        jb_arena_free(arena);
        free(a);
        return rc;
    }
    if (a->n_parts)
        memcpy(a->all_parts, a->parts, a->n_parts * sizeof(*a->parts));
    a->parts = a->all_parts;
    a->offer = offer;
    a->dir = dir;
    a->arena = arena;
    a->progress = -1;
    *ret_attempt = a;
    return 0;
}

bool
attempt_live(const struct attempt *a)
{
    return a->phase == WIRE_ACCEPTED || a->phase == WIRE_RUNNING;
}

/* --- opening ------------------------------------------------------------------------------ */

/* Its shim, if there is one, is told to end; the folder is kept for the operator to look at. */
static void
set_aside(const struct journal *j, const char *name, const struct jb_error *why)
{
    char bad[80];
    int dir;

    jb_log(JB_LOG_ERR, "attempt %s cannot be read and is set aside: %s", name, why->text);
    if (folder_open(j->attempts, name, NULL, &dir) == 0) {
        file_put(dir, "cancel", JB_STR(""), NULL);
        close(dir);
    }
    snprintf(bad, sizeof(bad), ".bad-%.40s", name);
    tree_remove(j->attempts, bad, NULL);
    renameat(j->attempts, name, j->attempts, bad);
}

static int
read_attempts(struct journal *j, struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new(16 << 20);
    const char *const *names;
    size_t n;
    int rc = arena ? folder_list(j->attempts, arena, err, &n, &names)
                   : jb_fail(err, JB_ENOMEM, "out of memory");

    for (size_t i = 0; !rc && i < n; i++) {
        struct jb_error why = {0};

        /* made halfway, or deleted halfway */
        if (strncmp(names[i], ".new-", 5) == 0 || strncmp(names[i], ".old-", 5) == 0) {
            rc = tree_remove(j->attempts, names[i], err);
            continue;
        }
        if (!wire_id_valid(jb_str(names[i])))
            continue;
        if (j->n == WIRE_ATTEMPTS_MAX) {
            rc = jb_fail(err, JB_ELIMIT, "more than %d attempts in the spool",
                         WIRE_ATTEMPTS_MAX);
            break;
        }
        int failed = attempt_read(j, names[i], &why, &j->items[j->n]);
        if (failed == JB_ENOMEM)
            rc = jb_fail(err, JB_ENOMEM, "out of memory");
        else if (failed)
            set_aside(j, names[i], &why);
        else
            j->n++;
    }
    jb_arena_free(arena);
    return rc;
}

/* A shim of an agent that was killed holds the lock as well, until it has become a shim. */
static int
take_lock(int fd, struct jb_error *err)
{
    const struct timespec pause = {0, 20 * 1000 * 1000};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        nanosleep(&pause, NULL);
    }
    return jb_fail(err, JB_EBUSY, "another agent runs on this spool");
}

int
journal_open(const char *spool, const struct journal_limits *limits, struct jb_error *err,
             struct journal **ret_journal)
{
    struct journal *j = calloc(1, sizeof(*j));
    int rc = 0;

    if (!j || !(j->path = strdup(spool))) {
        free(j);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    j->limits = *limits;
    if (j->limits.attempts > WIRE_ATTEMPTS_MAX)
        j->limits.attempts = WIRE_ATTEMPTS_MAX;
    j->attempts = j->lock = j->root = -1;
    /* jobs go through to their own folder, and see nothing on the way */
    rc = folder_make(AT_FDCWD, spool, 0711, err, &j->root);
    if (!rc) {
        j->lock = openat(j->root, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (j->lock < 0)
            rc = jb_fail_errno(err, errno, "lock");
        else
            rc = take_lock(j->lock, err);
    }
    if (!rc)
        rc = folder_make(j->root, "attempts", 0711, err, &j->attempts);
    if (!rc)
        rc = fences_open(j->root, err, &j->fences);
    if (!rc)
        rc = read_attempts(j, err);
    if (rc) {
        jb_error_prefix(err, "%s", spool);
        journal_close(j);
        return rc;
    }
    j->draining = file_is(j->root, "drain");
    *ret_journal = j;
    return 0;
}

void
journal_close(struct journal *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->n; i++)
        attempt_free(j->items[i]);
    fences_free(j->fences);
    if (j->attempts >= 0)
        close(j->attempts);
    if (j->root >= 0)
        close(j->root);
    if (j->lock >= 0)
        close(j->lock);
    free(j->path);
    free(j);
}

size_t
journal_count(const struct journal *j)
{
    return j->n;
}

struct attempt *
journal_at(const struct journal *j, size_t i)
{
    return i < j->n ? j->items[i] : NULL;
}

struct attempt *
journal_find(const struct journal *j, const char *id)
{
    for (size_t i = 0; i < j->n; i++)
        if (strcmp(j->items[i]->offer.id, id) == 0)
            return j->items[i];
    return NULL;
}

int
journal_fence_check(const struct journal *j, uint64_t job, uint64_t fence, struct jb_error *err)
{
    return fences_check(j->fences, job, fence, err);
}

/* --- changes ------------------------------------------------------------------------------ */

static int
make_folder(struct journal *j, const char *aside, const struct attempt *a,
            const struct run_lease *lease, struct jb_error *err)
{
    int dir, results = -1, rc = tree_remove(j->attempts, aside, err);

    if (!rc)
        rc = folder_make(j->attempts, aside, 0711, err, &dir);
    if (rc)
        return rc;
    rc = folder_make(dir, "results", 0700, err, &results);
    if (!rc)
        rc = write_offer(dir, &a->offer, err);
    if (!rc)
        rc = run_lease_write(dir, lease, err);
    if (!rc)
        rc = write_state(dir, a, err);
    if (!rc) {
        jb_failpoint("before-rename", "attempt");
        if (renameat(j->attempts, aside, j->attempts, a->offer.id) || fsync(j->attempts))
            rc = jb_fail_errno(err, errno, "attempt %s", a->offer.id);
        jb_failpoint("after-rename", "attempt");
    }
    if (results >= 0)
        close(results);
    close(dir);
    return rc;
}

int
journal_add(struct journal *j, const struct wire_offer *offer, int64_t slot,
            const struct run_lease *lease, struct jb_error *err, struct attempt **ret_attempt)
{
    struct attempt a = {
        .offer = *offer, .phase = WIRE_ACCEPTED, .slot = slot, .accepted_us = jb_now_us()};
    char aside[WIRE_ID_SIZE + 8];
    uint64_t bytes = 0;
    int rc;

    if (journal_find(j, offer->id))
        return jb_fail(err, JB_EEXIST, "attempt %s is there", offer->id);
    if (j->n >= j->limits.attempts)
        return jb_fail(err, JB_ELIMIT, "%zu attempts are kept here, no more are taken", j->n);
    rc = fences_check(j->fences, offer->job, offer->fence, err);
    if (!rc && j->limits.bytes)
        rc = tree_size(j->attempts, err, &bytes);
    if (!rc && bytes > j->limits.bytes)
        rc = jb_fail(err, JB_EFULL, "the spool holds %llu bytes", (unsigned long long)bytes);
    if (!rc)
        rc = fences_raise(j->fences, offer->job, offer->fence, false, err);
    if (rc)
        return rc;
    memcpy(a.boot_id, lease->boot_id, sizeof(a.boot_id));
    snprintf(aside, sizeof(aside), ".new-%s", offer->id);
    rc = make_folder(j, aside, &a, lease, err);
    if (rc) {
        tree_remove(j->attempts, aside, NULL);
        return rc;
    }
    /* as it would be found after a restart */
    rc = attempt_read(j, offer->id, err, &j->items[j->n]);
    if (rc)
        return rc;
    *ret_attempt = j->items[j->n++];
    return 0;
}

int
journal_save(struct journal *j, struct attempt *a, struct jb_error *err)
{
    (void)j;
    return write_state(a->dir, a, err);
}

static void
result_name(const char *benchmark, char name[80])
{
    snprintf(name, 80, "%.64s.json", benchmark);
}

int
journal_part_put(struct journal *j, struct attempt *a, const char *benchmark, struct jb_str doc,
                 double seconds, struct jb_error *err)
{
    struct wire_part part = {.size = doc.n, .seconds = seconds > 0 ? seconds : 0};
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char name[80];
    size_t i = 0;
    int results, rc;

    rc = crypto_sha256(doc, digest);
    if (rc)
        return jb_fail(err, rc, "digest");
    crypto_hex(digest, sizeof(digest), part.sha256);
    while (i < a->n_parts && strcmp(a->parts[i].benchmark, benchmark) != 0)
        i++;
    if (i == SPEC_TASKS_MAX)
        return jb_fail(err, JB_ELIMIT, "too many results");
    part.benchmark = jb_arena_dup(a->arena, benchmark, strlen(benchmark));
    if (!part.benchmark)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = folder_open(a->dir, "results", err, &results);
    if (rc)
        return rc;
    result_name(benchmark, name);
    rc = file_put(results, name, doc, err);
    close(results);
    if (rc)
        return rc;
    a->all_parts[i] = part;
    if (i == a->n_parts)
        a->n_parts++;
    return journal_save(j, a, err);
}

int
journal_part_get(const struct attempt *a, const char *benchmark, struct jb_arena *arena,
                 struct jb_error *err, struct jb_str *ret_doc)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char name[80], hex[2 * CRYPTO_SHA256_SIZE + 1];
    struct jb_str doc;
    size_t i = 0;
    int results, rc;

    while (i < a->n_parts && strcmp(a->parts[i].benchmark, benchmark) != 0)
        i++;
    if (i == a->n_parts)
        return jb_fail(err, JB_ENOENT, "no result of %s", benchmark);
    rc = folder_open(a->dir, "results", err, &results);
    if (rc)
        return rc;
    result_name(benchmark, name);
    rc = file_get(results, name, RESULT_MAX, arena, err, &doc);
    close(results);
    if (!rc)
        rc = crypto_sha256(doc, digest);
    if (rc)
        return rc;
    crypto_hex(digest, sizeof(digest), hex);
    if (strcmp(hex, a->parts[i].sha256) != 0)
        return jb_fail(err, JB_ECORRUPT, "the result of %s is damaged", benchmark);
    *ret_doc = doc;
    return 0;
}

int
journal_remove(struct journal *j, struct attempt *a, struct jb_error *err)
{
    char old[WIRE_ID_SIZE + 8];
    size_t i = 0;
    int rc;

    if (attempt_live(a))
        return jb_fail(err, JB_EBUSY, "attempt %s is not over", a->offer.id);
    /* a copy of its PUT that comes late finds the fence closed */
    rc = fences_raise(j->fences, a->offer.job, a->offer.fence, true, err);
    if (rc)
        return rc;
    snprintf(old, sizeof(old), ".old-%s", a->offer.id);
    jb_failpoint("before-rename", "removed");
    if (renameat(j->attempts, a->offer.id, j->attempts, old) || fsync(j->attempts))
        return jb_fail_errno(err, errno, "attempt %s", a->offer.id);
    jb_failpoint("after-rename", "removed");
    while (i < j->n && j->items[i] != a)
        i++;
    memmove(&j->items[i], &j->items[i + 1], (j->n - i - 1) * sizeof(struct attempt *));
    j->n--;
    attempt_free(a);
    /* what is left over is taken away at the next start */
    tree_remove(j->attempts, old, NULL);
    return 0;
}

bool
journal_draining(const struct journal *j)
{
    return j->draining;
}

int
journal_drain(struct journal *j, bool drain, struct jb_error *err)
{
    int rc = drain ? file_put(j->root, "drain", JB_STR(""), err)
                   : tree_remove(j->root, "drain", err);

    if (!rc)
        j->draining = drain;
    return rc;
}

int64_t
journal_free_bytes(const struct journal *j)
{
    struct statvfs st;

    if (fstatvfs(j->root, &st))
        return 0;
    return (int64_t)((uint64_t)st.f_bavail * st.f_frsize);
}
