/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "store/document.h"
#include "store/import_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CAP ((size_t)512 << 20)

/* One file of a layout: its plain name, and what decides who may have that. */
struct entry {
    uint64_t id;
    int64_t time;
    char *path;
    char hex[13]; /* of the revision */
    bool owner;   /* of the plain name */
};

struct export
{
    struct store_txn *txn;
    const char *dir, *layout; /* "requests", "results" */
    const struct import_sink *sink;
    struct jb_error *err;
    struct import_counts counts;
    struct jb_arena *arena; /* of one record */
    struct jb_buf out;
    struct entry *entries;
    size_t n, room, done, total;
    int rc;
};

/* Names come from records that were checked; this keeps a mistake there inside the folder. */
static bool
path_is_safe(const char *path)
{
    for (const char *p = path;;) {
        size_t n = strcspn(p, "/");

        if (n == 0 || n > 255 || (n <= 2 && strspn(p, ".") >= n))
            return false;
        if (!p[n])
            return true;
        p += n + 1;
    }
}

static int
make_folders(char *path, size_t from)
{
    for (char *p = path + from; (p = strchr(p, '/')); p++) {
        *p = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            *p = '/';
            return errno;
        }
        *p = '/';
    }
    return 0;
}

/* Does the file hold these bytes? -1: there is no such file. */
static int
holds(const char *path, struct jb_str bytes)
{
    char piece[16384];
    size_t at = 0;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), same = 0;

    if (fd < 0)
        return errno == ENOENT ? -1 : 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uintmax_t)st.st_size == bytes.n) {
        ssize_t got;

        while ((got = read(fd, piece, sizeof(piece))) > 0 && (size_t)got <= bytes.n - at &&
               memcmp(piece, bytes.p + at, (size_t)got) == 0)
            at += (size_t)got;
        same = got == 0 && at == bytes.n;
    }
    close(fd);
    return same;
}

/* Beside its place, then renamed: a reader sees the old file or the new one. */
static int
replace_file(const char *path, struct jb_str bytes)
{
    char temp[PATH_MAX];
    size_t at = 0;
    int fd, no;

    if (snprintf(temp, sizeof(temp), "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof(temp))
        return ENAMETOOLONG;
    (void)unlink(temp);
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return errno;
    while (at < bytes.n) {
        ssize_t put = write(fd, bytes.p + at, bytes.n - at);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            no = errno;
            close(fd);
            unlink(temp);
            return no;
        }
        at += (size_t)put;
    }
    if (close(fd) != 0 || rename(temp, path) != 0) {
        no = errno;
        unlink(temp);
        return no;
    }
    return 0;
}

/* Problems of one file are told and the rest goes on; a full disk ends it. */
static int
export_file(struct export *e, const char *layout, const char *path, struct jb_str bytes)
{
    char full[PATH_MAX];
    int had, no;

    e->counts.files++;
    if (!path_is_safe(path) || snprintf(full, sizeof(full), "%s/%s%s%s", e->dir, layout,
                                        *layout ? "/" : "", path) >= (int)sizeof(full)) {
        e->counts.broken++;
        import_problem(e->sink, path, "this name cannot be a file");
        return 0;
    }
    had = holds(full, bytes);
    if (had == 1) {
        e->counts.same++;
        return 0;
    }
    no = make_folders(full, strlen(e->dir) + 1);
    if (!no)
        no = replace_file(full, bytes);
    if (no == ENOSPC || no == EDQUOT || no == EROFS)
        return jb_fail_errno(e->err, no, "%s", full);
    if (no) {
        e->counts.broken++;
        import_problem(e->sink, path, "%s", strerror(no));
    } else if (had < 0) {
        e->counts.added++;
    } else {
        e->counts.changed++;
    }
    return 0;
}

static int
add_entry(struct export *e, uint64_t id, int64_t time, const char *path, const char *commit,
          const char *revision)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    struct entry *entry;

    if (e->n == e->room) {
        size_t room = e->room ? 2 * e->room : 1024;
        struct entry *entries = realloc(e->entries, room * sizeof(*entries));

        if (!entries)
            return jb_fail(e->err, JB_ENOMEM, "out of memory");
        e->entries = entries;
        e->room = room;
    }
    entry = &e->entries[e->n];
    *entry = (struct entry){.id = id, .time = time, .path = path ? strdup(path) : NULL};
    if (!entry->path)
        return jb_fail(e->err, JB_ENOMEM, "out of memory");
    e->n++;
    if (commit && strlen(commit) == 40) {
        memcpy(entry->hex, commit, 12);
    } else if (crypto_sha256(jb_str(revision), digest) == 0) {
        crypto_hex(digest, 6, entry->hex);
    }
    jb_arena_reset(e->arena);
    return 0;
}

static void
entries_clear(struct export *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->entries[i].path);
    e->n = 0;
}

static int
newest_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->path, y->path);

    if (order)
        return order;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    return x->id > y->id ? -1 : x->id < y->id;
}

static int
by_id(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

/* The layout names no revision: of several the newest has the plain name. */
static void
choose_owners(struct export *e)
{
    if (!e->n)
        return;
    qsort(e->entries, e->n, sizeof(*e->entries), newest_first);
    for (size_t i = 0; i < e->n; i++)
        e->entries[i].owner = i == 0 || strcmp(e->entries[i].path, e->entries[i - 1].path) != 0;
    qsort(e->entries, e->n, sizeof(*e->entries), by_id);
}

static int
export_entry(struct export *e, uint64_t id)
{
    struct entry wanted = {.id = id};
    const struct entry *entry = bsearch(&wanted, e->entries, e->n, sizeof(*e->entries), by_id);
    const char *path;
    size_t n;
    int rc;

    if (!entry)
        return 0; /* cannot be: one transaction */
    path = entry->path;
    if (!entry->owner) {
        n = strlen(path);
        n -= n > 5 && strcmp(path + n - 5, ".json") == 0 ? 5 : 0;
        path = jb_arena_printf(e->arena, "%.*s_%s.json", (int)n, path, entry->hex);
        if (!path)
            return jb_fail(e->err, JB_ENOMEM, "out of memory");
    }
    rc = export_file(e, e->layout, path, jb_buf_view(&e->out));
    jb_arena_reset(e->arena);
    e->done++;
    if (e->done % 100 == 0 && e->sink && e->sink->progress)
        e->sink->progress(e->sink->ctx, e->done, e->total);
    return rc;
}

static bool
stopped(const struct export *e)
{
    return e->sink && e->sink->stop && e->sink->stop(e->sink->ctx);
}

static int
list_request(void *ctx, const struct request *r)
{
    struct export *e = ctx;

    e->rc = add_entry(e, r->id, r->submitted,
                      r->path && r->path[0] ? r->path : document_request_path(r, e->arena),
                      r->commit, r->revision);
    return e->rc;
}

static int
export_request(void *ctx, const struct request *r)
{
    struct export *e = ctx;
    struct jb_error why = {0};

    if (stopped(e))
        return 1;
    jb_buf_reset(&e->out);
    e->rc = document_request_write(r, e->arena, &why, &e->out);
    if (e->rc == JB_ENOMEM)
        return jb_fail(e->err, e->rc, "%s", why.text);
    if (e->rc) {
        e->counts.files++;
        e->counts.broken++;
        import_problem(e->sink, r->model, "%s", why.text);
        return e->rc = 0;
    }
    return e->rc = export_entry(e, r->id);
}

static int
list_result(void *ctx, const struct result *r)
{
    struct export *e = ctx;
    char time[JB_TIME_SIZE];
    const char *path = r->path;

    if (!path || !path[0]) {
        jb_time_format(r->time, 1, time);
        time[strcspn(time, "Z")] = '\0';
        for (char *p = time; *p; p++)
            if (*p == ':')
                *p = '-';
        path = jb_arena_printf(e->arena, "%s/results_%s.json", r->model, time);
    }
    e->rc = add_entry(e, r->id, r->time, path, r->revision, r->revision);
    return e->rc;
}

static int
export_result(void *ctx, const struct result *r)
{
    struct export *e = ctx;

    if (stopped(e))
        return 1;
    if (!r->doc.n)
        return 0;
    jb_buf_reset(&e->out);
    jb_buf_str(&e->out, r->doc);
    if (e->out.err)
        return e->rc = jb_fail(e->err, e->out.err, "%s", r->path);
    return e->rc = export_entry(e, r->id);
}

static int
export_model(void *ctx, const struct model_info *m)
{
    struct export *e = ctx;
    struct jb_error why = {0};

    jb_buf_puts(&e->out, e->out.n > 1 ? ", " : "");
    document_put_string(&e->out, m->model, true);
    jb_buf_puts(&e->out, ": ");
    e->rc = document_model_write(m, e->arena, &why, &e->out);
    jb_arena_reset(e->arena);
    return e->rc ? jb_fail(e->err, e->rc, "%s: %s", m->model, why.text) : 0;
}

static int
export_note(void *ctx, const char *name, const char *text)
{
    struct export *e = ctx;

    jb_buf_puts(&e->out, e->out.n > 1 ? ",\n  " : "\n  ");
    document_put_string(&e->out, name, true);
    jb_buf_puts(&e->out, ": ");
    document_put_string(&e->out, text, true);
    jb_arena_reset(e->arena);
    return 0;
}

/* 0, or what the walk (or the function walked with) failed of; 1 when it was stopped. */
static int
walked(struct export *e, int rc)
{
    if (rc < 0 && !(e->err && e->err->code))
        (void)jb_fail(e->err, rc, "%s",
                      store_txn_error(e->txn) ? store_txn_reason(e->txn)->text
                                              : jb_strerror(rc));
    return rc;
}

static int
export_lists(struct export *e)
{
    /* What is hidden, and why, is not for those who read exports. */
    static const char *const files[NOTE_MAX] = {[NOTE_FLAG] = "flags.json",
                                                [NOTE_ALIAS] = "aliases.json",
                                                [NOTE_BLOCKED] = "blocked.json"};
    int rc;

    jb_buf_reset(&e->out);
    jb_buf_putc(&e->out, '{');
    rc = walked(e, store_models_each(e->txn, e->arena, true, export_model, e));
    jb_buf_putc(&e->out, '}');
    if (!rc && e->out.err)
        rc = jb_fail(e->err, e->out.err, "model_infos.json");
    if (!rc)
        rc = export_file(e, "", "model_infos.json", jb_buf_view(&e->out));
    for (int kind = 0; !rc && kind < NOTE_MAX; kind++) {
        if (!files[kind])
            continue;
        jb_buf_reset(&e->out);
        jb_buf_putc(&e->out, '{');
        rc = walked(e,
                    store_notes_each(e->txn, (enum store_note)kind, e->arena, export_note, e));
        jb_buf_puts(&e->out, e->out.n > 1 ? "\n}\n" : "}\n");
        if (!rc && e->out.err)
            rc = jb_fail(e->err, e->out.err, "%s", files[kind]);
        if (!rc)
            rc = export_file(e, "", files[kind], jb_buf_view(&e->out));
    }
    return rc;
}

static int
export_layouts(struct export *e)
{
    struct store_stat stat;
    int rc;

    rc = walked(e, store_stat_get(e->txn, &stat));
    if (rc)
        return rc;
    e->total = stat.requests + stat.results;
    e->layout = "requests";
    rc = walked(e, store_requests_each(e->txn, e->arena, false, list_request, e));
    choose_owners(e);
    if (!rc)
        rc = walked(e, store_requests_each(e->txn, e->arena, true, export_request, e));
    entries_clear(e);
    e->layout = "results";
    if (!rc)
        rc = walked(e, store_results_each(e->txn, e->arena, false, list_result, e));
    choose_owners(e);
    if (!rc)
        rc = walked(e, store_results_each(e->txn, e->arena, true, export_result, e));
    entries_clear(e);
    return rc;
}

int
export_all(struct store *store, const char *dir, const struct import_sink *sink,
           struct jb_error *err, struct import_counts *ret_counts)
{
    struct export e = {.dir = dir, .sink = sink, .err = err, .out = JB_BUF(FILE_CAP)};
    int rc;

    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return jb_fail_errno(err, errno, "%s", dir);
    e.arena = jb_arena_new(FILE_CAP);
    if (!e.arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = store_begin(store, STORE_READ, NULL, err, &e.txn);
    if (!rc) {
        rc = export_layouts(&e);
        if (!rc)
            rc = export_lists(&e);
        store_abort(e.txn);
    }
    if (rc >= 0)
        rc = 0;
    *ret_counts = e.counts;
    jb_buf_free(&e.out);
    jb_arena_free(e.arena);
    free(e.entries);
    return rc;
}
