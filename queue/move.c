/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/life.h"

#include "base/text.h"

#include <string.h>

#define LIFE_MAX ((size_t)1 << 20)

int
queue_load(struct store_txn *txn, uint64_t id, struct jb_arena *arena,
           struct request *ret_request, struct job *ret_job)
{
    struct life life;
    int rc = life_load(txn, id, arena, &life);

    if (rc)
        return rc;
    if (!*life.job.state)
        life.job.state = queue_state_word(life.state);
    *ret_request = life.request;
    *ret_job = life.job;
    return 0;
}

int
queue_move(struct store_txn *txn, uint64_t id, const struct queue_move *move, int64_t now,
           struct jb_error *err, enum queue_state *ret_state)
{
    struct jb_arena *arena = jb_arena_new(LIFE_MAX);
    struct life life;
    int rc;

    if (!arena)
        return jb_fail(err, JB_ENOMEM, "no memory for a request");
    rc = life_load(txn, id, arena, &life);
    if (rc == JB_ENOENT)
        jb_fail(err, rc, "there is no request %llu", (unsigned long long)id);
    else if (!rc && !(rc = life_apply(txn, &life, move, now, arena, err)) &&
             !(rc = life_store(txn, &life)) && ret_state)
        *ret_state = life.state;
    if (rc && store_txn_error(txn))
        jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    jb_arena_free(arena);
    return rc;
}

struct arrival {
    struct store_txn *txn;
    const struct result *result;
    uint64_t ids[64];
    size_t n;
};

static bool
stands_behind(const struct request *request, const struct result *result)
{
    if (result->precision && *result->precision &&
        strcmp(result->precision, request->precision) != 0)
        return false;
    if (!result->revision || !*result->revision)
        return true;
    if (request->commit && *request->commit)
        return strcmp(result->revision, request->commit) == 0 ||
               strcmp(result->revision, request->revision) == 0;
    return strcmp(result->revision, request->revision) == 0 ||
           !jb_is_commit(jb_str(request->revision));
}

static int
each_request(void *ctx, const struct request *request)
{
    struct arrival *a = ctx;

    if (a->n < sizeof a->ids / sizeof *a->ids && stands_behind(request, a->result))
        a->ids[a->n++] = request->id;
    return 0;
}

/* Open, and past the check: an imported request that says PENDING is not ours to finish. */
static bool
waits_for_result(const struct life *life)
{
    return life->has_job &&
           queue_next(life->state, QUEUE_EVENT_RESULT, QUEUE_PLATFORM) == QUEUE_FINISHED;
}

int
queue_result_arrived(struct store_txn *txn, const struct result *result, int64_t now,
                     struct jb_error *err, size_t *ret_n)
{
    static const struct queue_move move = {.event = QUEUE_EVENT_RESULT, .who = QUEUE_PLATFORM};
    struct arrival a = {.txn = txn, .result = result};
    struct jb_arena *arena = jb_arena_new(64 * LIFE_MAX);
    size_t n = 0;
    int rc;

    if (!arena)
        return jb_fail(err, JB_ENOMEM, "no memory for the requests of a model");
    rc = store_model_requests(txn, result->model, arena, false, each_request, &a);
    for (size_t i = 0; i < a.n && !rc; i++) {
        struct life life;
        rc = life_load(txn, a.ids[i], arena, &life);
        if (rc || !waits_for_result(&life))
            continue;
        if (!(rc = life_apply(txn, &life, &move, now, arena, err)) &&
            !(rc = life_store(txn, &life)))
            n++;
    }
    jb_arena_free(arena);
    if (rc)
        return jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    *ret_n = n;
    return 0;
}
