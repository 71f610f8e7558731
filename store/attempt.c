/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/codec.h"
#include "store/env.h"
#include "store/host.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_ended(const struct attempt *attempt)
{
    return strcmp(attempt->state, ATTEMPT_ENDED) == 0;
}

int
store_attempt_check(const struct attempt *attempt, struct jb_error *err)
{
    static const char *const states[] = {"leased", "running", "storing", "cancelling",
                                         ATTEMPT_ENDED};
    const char *id = attempt->id ? attempt->id : "";
    size_t i = 0;
    int rc;

    if (attempt->fence == 0 || attempt->request == 0)
        return jb_fail(err, JB_EINVAL, "%s: 0", attempt->fence ? "request" : "fence");
    if (strlen(id) != ATTEMPT_ID_HEX || strspn(id, "0123456789abcdef") != ATTEMPT_ID_HEX)
        return jb_fail(err, JB_EINVAL, "id: not %d lower-case hex digits", ATTEMPT_ID_HEX);
    while (i < sizeof states / sizeof *states &&
           strcmp(attempt->state ? attempt->state : "", states[i]) != 0)
        i++;
    if (i == sizeof states / sizeof *states)
        return jb_fail(err, JB_EINVAL, "state: \"%.60s\" is not a state of an attempt",
                       attempt->state ? attempt->state : "");
    if (!attempt->host || !*attempt->host)
        return jb_fail(err, JB_EINVAL, "host: missing");
    if ((rc = check_line("host", attempt->host, HOST_LABEL_MAX, err)) ||
        (rc = check_text("spec", attempt->spec, ATTEMPT_SPEC_MAX, err)) ||
        (rc = check_line("failure", attempt->failure, STORE_WORD_MAX, err)) ||
        (rc = check_line("reason", attempt->reason, STORE_TEXT_MAX, err)) ||
        (rc = check_line("step", attempt->step, STORE_NAME_MAX, err)) ||
        (rc = check_time("leased", attempt->leased, err)) ||
        (rc = check_time("started", attempt->started, err)) ||
        (rc = check_time("ended", attempt->ended, err)))
        return rc;
    if (attempt->slots < 0 || attempt->mib < 0)
        return jb_fail(err, JB_EINVAL, "%s: negative", attempt->mib < 0 ? "mib" : "slots");
    if (!isfinite(attempt->progress) || attempt->progress > 1)
        return jb_fail(err, JB_EINVAL, "progress: not a part of 1");
    return check_time("lease_until", attempt->lease_until, err);
}

int
store_fence_next(struct store_txn *txn, uint64_t *ret_fence)
{
    return store_meta_next(txn, META_FENCE, ret_fence);
}

int
store_fence_last(struct store_txn *txn, uint64_t *ret_fence)
{
    return store_meta_get(txn, META_FENCE, ret_fence);
}

static int
attempt_read(struct store_txn *txn, uint64_t fence, struct jb_str value, struct jb_arena *arena,
             struct attempt *ret_attempt)
{
    struct jb_error err = {0};
    struct attempt attempt;
    int rc = attempt_decode(value, arena, &err, &attempt);

    if (rc)
        return store_txn_fail(txn, rc, "attempt/%llu: %s", (unsigned long long)fence, err.text);
    attempt.fence = fence;
    *ret_attempt = attempt;
    return 0;
}

int
store_attempt_get(struct store_txn *txn, uint64_t fence, struct jb_arena *arena,
                  struct attempt *ret_attempt)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, fence);
    int rc = store_get(txn, DBI_ATTEMPT, &key, &value);
    return rc ? rc : attempt_read(txn, fence, value, arena, ret_attempt);
}

/* The attempt that an index says is there. */
static int
attempt_named(struct store_txn *txn, enum store_dbi index, uint64_t fence,
              struct jb_arena *arena, struct attempt *ret_attempt)
{
    int rc = store_attempt_get(txn, fence, arena, ret_attempt);

    return rc == JB_ENOENT
               ? store_txn_fail(txn, JB_ECORRUPT, "%s names attempt %llu, which is not there",
                                store_dbi_names[index], (unsigned long long)fence)
               : rc;
}

/* 0 none. */
static int
live_fence(struct store_txn *txn, uint64_t request, uint64_t *ret_fence)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, request);
    int rc = store_get(txn, DBI_ATTEMPT_LIVE, &key, &value);
    if (rc && rc != JB_ENOENT)
        return rc;
    if (!rc && value.n != 8)
        return store_txn_fail(txn, JB_ECORRUPT, "attempt_live/%llu: does not hold a fence",
                              (unsigned long long)request);
    *ret_fence = rc ? 0 : store_id_from(value.p);
    return 0;
}

int
store_fence_check(struct store_txn *txn, uint64_t request, uint64_t fence)
{
    uint64_t live = 0;
    int rc = live_fence(txn, request, &live);

    return rc ? rc : fence != 0 && live == fence ? 0 : JB_ECONFLICT;
}

int
store_attempt_live(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                   struct attempt *ret_attempt)
{
    uint64_t fence = 0;
    int rc = live_fence(txn, request, &fence);

    if (rc)
        return rc;
    return fence ? attempt_named(txn, DBI_ATTEMPT_LIVE, fence, arena, ret_attempt) : JB_ENOENT;
}

void
attempt_of_key(struct store_key *ret_key, uint64_t request, uint64_t fence)
{
    *ret_key = (struct store_key){0};
    store_key_id(ret_key, request);
    store_key_id(ret_key, fence);
}

static int
attempt_remove(struct store_txn *txn, uint64_t request, uint64_t fence)
{
    struct store_key key = {0}, of;

    store_key_id(&key, fence);
    attempt_of_key(&of, request, fence);
    store_del(txn, DBI_ATTEMPT_OF, &of);
    return store_del(txn, DBI_ATTEMPT, &key);
}

struct fences {
    struct store_txn *txn;
    size_t n;
    uint64_t oldest;
};

static int
count_fence(void *ctx, struct jb_str key, struct jb_str value)
{
    struct fences *fences = ctx;

    (void)value;
    if (key.n != 16)
        return store_txn_fail(fences->txn, JB_ECORRUPT,
                              "attempt_of: a key is not a request and a fence");
    if (fences->n++ == 0)
        fences->oldest = store_id_from(key.p + 8);
    return 0;
}

/* Before a new one of a request that has `live` (0 none) is put. */
static int
forget_oldest(struct store_txn *txn, uint64_t request)
{
    struct store_key prefix = {0};
    struct fences fences;
    int rc = 0;

    store_key_id(&prefix, request);
    do {
        fences = (struct fences){.txn = txn};
        rc = store_walk(txn, DBI_ATTEMPT_OF, store_key_view(&prefix), JB_STR(""), count_fence,
                        &fences);
        if (!rc && fences.n >= ATTEMPTS_KEPT)
            rc = attempt_remove(txn, request, fences.oldest);
    } while (!rc && fences.n > ATTEMPTS_KEPT);
    return rc;
}

static int
check_request(struct store_txn *txn, uint64_t request, const char *what)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, request);
    int rc = store_get(txn, DBI_REQUEST, &key, &value);
    return rc == JB_ENOENT ? store_txn_fail(txn, rc, "there is no request %llu for %s",
                                            (unsigned long long)request, what)
                           : rc;
}

/* Whether it may be put; `ret_live` is the request's live fence, 0 none. */
static int
check_place(struct store_txn *txn, const struct attempt *attempt, bool *ret_new,
            uint64_t *ret_live)
{
    unsigned long long fence = attempt->fence;
    struct attempt old;
    uint64_t last;
    struct jb_arena *scratch;
    int rc = check_request(txn, attempt->request, "an attempt");

    if (rc || (rc = store_fence_last(txn, &last)) ||
        (rc = live_fence(txn, attempt->request, ret_live)))
        return rc;
    if (attempt->fence > last)
        return store_txn_fail(txn, JB_EINVAL, "fence %llu was never given out", fence);
    if (!(scratch = store_txn_scratch(txn)))
        return txn->err.code;
    rc = store_attempt_get(txn, attempt->fence, scratch, &old);
    if (rc && rc != JB_ENOENT)
        return rc;
    *ret_new = rc == JB_ENOENT;
    if (!*ret_new && (old.request != attempt->request || strcmp(old.id, attempt->id) != 0))
        return store_txn_fail(txn, JB_ECONFLICT, "attempt %llu is another one", fence);
    if (is_ended(attempt))
        return 0;
    if (!*ret_new && is_ended(&old))
        return store_txn_fail(txn, JB_ECONFLICT, "attempt %llu has ended", fence);
    if (*ret_live && *ret_live != attempt->fence)
        return store_txn_fail(txn, JB_ECONFLICT, "attempt %llu at request %llu is live",
                              (unsigned long long)*ret_live,
                              (unsigned long long)attempt->request);
    return 0;
}

int
store_attempt_put(struct store_txn *txn, const struct attempt *attempt)
{
    struct store_key key = {0}, of, request = {0};
    bool is_new;
    uint64_t live;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = store_attempt_check(attempt, &txn->err)) ||
        (rc = check_place(txn, attempt, &is_new, &live)))
        return rc;
    if (is_new && (rc = forget_oldest(txn, attempt->request)))
        return rc;
    if ((rc = attempt_encode(attempt, &txn->value)))
        return store_txn_fail(txn, rc, "attempt %llu: no memory",
                              (unsigned long long)attempt->fence);
    store_key_id(&key, attempt->fence);
    store_key_id(&request, attempt->request);
    store_put(txn, DBI_ATTEMPT, &key, jb_buf_view(&txn->value));
    if (is_new) {
        attempt_of_key(&of, attempt->request, attempt->fence);
        store_put(txn, DBI_ATTEMPT_OF, &of, JB_STR(""));
    }
    if (is_ended(attempt) && live == attempt->fence)
        return store_del(txn, DBI_ATTEMPT_LIVE, &request);
    if (!is_ended(attempt) && !live)
        return store_put(txn, DBI_ATTEMPT_LIVE, &request, store_key_view(&key));
    return store_txn_error(txn);
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    enum store_dbi dbi;
    int (*each)(void *ctx, const struct attempt *attempt);
    void *ctx;
};

static int
each_attempt(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct attempt attempt;
    int rc;

    if (key.n != (walk->dbi == DBI_ATTEMPT_OF ? 16 : 8) ||
        (walk->dbi == DBI_ATTEMPT_LIVE && value.n != 8))
        return store_txn_fail(walk->txn, JB_ECORRUPT, "%s: an entry does not have its form",
                              store_dbi_names[walk->dbi]);
    if (walk->dbi == DBI_ATTEMPT)
        rc = attempt_read(walk->txn, store_id_from(key.p), value, walk->arena, &attempt);
    else
        rc = attempt_named(walk->txn, walk->dbi,
                           store_id_from(walk->dbi == DBI_ATTEMPT_OF ? key.p + 8 : value.p),
                           walk->arena, &attempt);
    return rc ? rc : walk->each(walk->ctx, &attempt);
}

int
store_attempts_live_each(struct store_txn *txn, struct jb_arena *arena,
                         int (*each)(void *ctx, const struct attempt *attempt), void *ctx)
{
    struct walk walk = {txn, arena, DBI_ATTEMPT_LIVE, each, ctx};

    return store_walk(txn, walk.dbi, JB_STR(""), JB_STR(""), each_attempt, &walk);
}

int
store_attempts_each(struct store_txn *txn, struct jb_arena *arena,
                    int (*each)(void *ctx, const struct attempt *attempt), void *ctx)
{
    struct walk walk = {txn, arena, DBI_ATTEMPT, each, ctx};

    return store_walk(txn, walk.dbi, JB_STR(""), JB_STR(""), each_attempt, &walk);
}

int
store_attempts_of(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                  int (*each)(void *ctx, const struct attempt *attempt), void *ctx)
{
    struct walk walk = {txn, arena, DBI_ATTEMPT_OF, each, ctx};
    struct store_key prefix = {0};

    store_key_id(&prefix, request);
    return store_walk(txn, walk.dbi, store_key_view(&prefix), JB_STR(""), each_attempt, &walk);
}

static int
remove_one(void *ctx, struct jb_str key, struct jb_str value)
{
    struct store_txn *txn = ctx;

    (void)value;
    if (key.n != 16)
        return store_txn_fail(txn, JB_ECORRUPT,
                              "attempt_of: a key is not a request and a fence");
    return attempt_remove(txn, store_id_from(key.p), store_id_from(key.p + 8));
}

int
attempts_delete(struct store_txn *txn, uint64_t request)
{
    struct store_key key = {0};

    store_key_id(&key, request);
    store_del(txn, DBI_ATTEMPT_LIVE, &key);
    return store_walk(txn, DBI_ATTEMPT_OF, store_key_view(&key), JB_STR(""), remove_one, txn);
}

int
store_attempt_log(const struct store *store, uint64_t fence, struct jb_arena *arena,
                  const char **ret_path)
{
    const char *path = fence ? jb_arena_printf(arena, "%s/logs/%llu.log", store->path,
                                               (unsigned long long)fence)
                             : jb_arena_printf(arena, "%s/logs", store->path);

    if (!path)
        return JB_ENOMEM;
    *ret_path = path;
    return 0;
}

static const char *
watch_path(const struct store *store, uint64_t fence, struct jb_arena *arena)
{
    return jb_arena_printf(arena, "%s/logs/%llu.watched", store->path,
                           (unsigned long long)fence);
}

void
store_attempt_watch(const struct store *store, uint64_t fence, struct jb_arena *arena)
{
    const char *path = watch_path(store, fence, arena);
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660) : -1;

    if (fd < 0)
        return;
    (void)futimens(fd, NULL);
    close(fd);
}

bool
store_attempt_watched(const struct store *store, uint64_t fence, int64_t now,
                      struct jb_arena *arena)
{
    const char *path = watch_path(store, fence, arena);
    struct stat st;

    if (!path || stat(path, &st))
        return false;
    int64_t left = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
    return now - left < ATTEMPT_WATCHED_US && left - now < ATTEMPT_WATCHED_US;
}
