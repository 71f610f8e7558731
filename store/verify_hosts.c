/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts; attempts with their indexes; parts. */
#include "store/codec.h"
#include "store/verify.h"

#include <string.h>

static int
verify_host(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct host host;

    jb_arena_reset(v->arena);
    int rc = host_decode(value, v->arena, &err, &host);
    if (!rc && !(host.name = jb_arena_dup(v->arena, key.p, key.n)))
        return store_txn_fail(v->txn, JB_ENOMEM, "no memory for a name");
    if (rc || store_host_check(&host, &err))
        verify_problem(v, DBI_HOST, key, "%s", err.text);
    return 0;
}

/* An attempt, or NULL: it is missing, or damaged and reported where it stands. */
static const struct attempt *
attempt_of(struct verify *v, uint64_t fence, bool *ret_missing, struct attempt *attempt)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, fence);
    int rc = store_get(v->txn, DBI_ATTEMPT, &key, &value);
    *ret_missing = rc == JB_ENOENT;
    return rc || attempt_decode(value, v->arena, NULL, attempt) ? NULL : attempt;
}

static bool
is_ended(const struct attempt *attempt)
{
    return strcmp(attempt->state, ATTEMPT_ENDED) == 0;
}

static int
verify_attempt(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct store_key request = {0}, of;
    struct attempt attempt;

    jb_arena_reset(v->arena);
    if (key.n != 8) {
        verify_problem(v, DBI_ATTEMPT, key, "the key is not a fence");
        return 0;
    }
    v->last = store_id_from(key.p);
    int rc = attempt_decode(value, v->arena, &err, &attempt);
    if (!rc) {
        attempt.fence = v->last;
        rc = store_attempt_check(&attempt, &err);
    }
    if (rc) {
        verify_problem(v, DBI_ATTEMPT, key, "%s", err.text);
        return 0;
    }
    store_key_id(&request, attempt.request);
    if (!verify_is_there(v, DBI_REQUEST, &request))
        verify_problem(v, DBI_ATTEMPT, key, "belongs to no request");
    attempt_of_key(&of, attempt.request, attempt.fence);
    if (!verify_is_there(v, DBI_ATTEMPT_OF, &of))
        verify_problem(v, DBI_ATTEMPT, key, "has no entry in attempt_of");
    /* One that another lives beside is told here. */
    struct jb_str live;
    rc = is_ended(&attempt) ? 0 : store_get(v->txn, DBI_ATTEMPT_LIVE, &request, &live);
    if (rc == JB_ENOENT)
        verify_problem(v, DBI_ATTEMPT, key, "lives, but has no entry in attempt_live");
    else if (!rc && !is_ended(&attempt) && live.n == 8 &&
             store_id_from(live.p) != attempt.fence)
        verify_problem(v, DBI_ATTEMPT, key, "lives beside attempt %llu",
                       (unsigned long long)store_id_from(live.p));
    return store_txn_error(v->txn);
}

static int
verify_live(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct attempt attempt;
    bool missing;

    jb_arena_reset(v->arena);
    if (key.n != 8 || value.n != 8) {
        verify_problem(v, DBI_ATTEMPT_LIVE, key, "is not an id with a fence");
        return 0;
    }
    uint64_t fence = store_id_from(value.p);
    const struct attempt *found = attempt_of(v, fence, &missing, &attempt);
    if (missing)
        verify_problem(v, DBI_ATTEMPT_LIVE, key, "names attempt %llu, which is not there",
                       (unsigned long long)fence);
    else if (found && found->request != store_id_from(key.p))
        verify_problem(v, DBI_ATTEMPT_LIVE, key, "names attempt %llu, which is at another",
                       (unsigned long long)fence);
    else if (found && is_ended(found))
        verify_problem(v, DBI_ATTEMPT_LIVE, key, "names attempt %llu, which has ended",
                       (unsigned long long)fence);
    return store_txn_error(v->txn);
}

static int
verify_of(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct attempt attempt;
    bool missing;

    jb_arena_reset(v->arena);
    if (key.n != 16) {
        verify_problem(v, DBI_ATTEMPT_OF, key, "the key is not an id and a fence");
        return 0;
    }
    verify_empty(v, DBI_ATTEMPT_OF, key, value);
    uint64_t fence = store_id_from(key.p + 8);
    const struct attempt *found = attempt_of(v, fence, &missing, &attempt);
    if (missing)
        verify_problem(v, DBI_ATTEMPT_OF, key, "names attempt %llu, which is not there",
                       (unsigned long long)fence);
    else if (found && found->request != store_id_from(key.p))
        verify_problem(v, DBI_ATTEMPT_OF, key, "names attempt %llu, which is at another",
                       (unsigned long long)fence);
    return store_txn_error(v->txn);
}

static int
verify_part(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct store_key request = {0};
    struct part part;

    jb_arena_reset(v->arena);
    if (key.n < 17) {
        verify_problem(v, DBI_PART, key, "the key is not two numbers and a benchmark");
        return 0;
    }
    int rc = part_decode(value, v->arena, &err, &part);
    if (!rc && !(part.benchmark = jb_arena_dup(v->arena, key.p + 16, key.n - 16)))
        return store_txn_fail(v->txn, JB_ENOMEM, "no memory for a name");
    if (rc || store_part_check(&part, &err))
        verify_problem(v, DBI_PART, key, "%s", err.text);
    store_key_id(&request, store_id_from(key.p));
    if (!verify_is_there(v, DBI_REQUEST, &request))
        verify_problem(v, DBI_PART, key, "belongs to no request");
    return store_txn_error(v->txn);
}

int
verify_hosts(struct verify *v)
{
    static const struct {
        enum store_dbi dbi;
        int (*each)(void *ctx, struct jb_str key, struct jb_str value);
        const char *counter; /* NULL none */
    } walks[] = {
        {DBI_HOST, verify_host, NULL},         {DBI_ATTEMPT, verify_attempt, META_FENCE},
        {DBI_ATTEMPT_LIVE, verify_live, NULL}, {DBI_ATTEMPT_OF, verify_of, NULL},
        {DBI_PART, verify_part, NULL},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof walks / sizeof *walks && !rc; i++) {
        v->last = 0;
        rc = store_walk(v->txn, walks[i].dbi, JB_STR(""), JB_STR(""), walks[i].each, v);
        if (!rc && walks[i].counter)
            verify_counter(v, walks[i].counter, walks[i].dbi, false);
    }
    return rc;
}
