/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/verdict.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "queue/life.h"

#include <math.h>
#include <string.h>

#define LIFE_MAX ((size_t)1 << 20)

static const char *
text(const char *given, const char *kept)
{
    return given && *given ? given : kept;
}

/* What the hub said of the model goes where imports put it; other members stay. */
static int
store_model(struct store_txn *txn, const struct request *request, const struct hub_verdict *v,
            struct jb_arena *arena)
{
    struct model_info model = {.likes = NAN, .license = ""};
    enum store_outcome outcome;
    int rc = store_model_get(txn, request->model, arena, &model);

    if (rc && rc != JB_ENOENT)
        return rc;
    model.model = request->model;
    model.still_on_hub = true;
    model.license = text(v->license, model.license);
    if (!isnan(v->likes))
        model.likes = v->likes;
    model.n_tags = v->n_tags;
    model.tags = v->tags;
    model.doc = (struct jb_str){NULL, 0};
    return store_model_put(txn, &model, &outcome);
}

static void
take_facts(struct life *life, const struct hub_verdict *v)
{
    struct request *r = &life->request;

    r->commit = text(v->commit, r->commit ? r->commit : "");
    r->architectures = text(v->architectures, r->architectures ? r->architectures : "");
    r->license = text(v->license, r->license ? r->license : "");
    if (!isnan(v->params))
        r->params = v->params;
    life->job.base_commit = text(v->base_commit, "");
}

/* Doubled each time, up to a most, ± 20 %: many that failed together do not come back together.
 */
static int64_t
back_off(const struct conf *conf, uint64_t tries)
{
    int64_t wait = conf->hub.retry_first;
    unsigned char dice = 128;

    while (tries-- > 1 && wait < conf->hub.retry_most)
        wait *= 2;
    if (wait > conf->hub.retry_most)
        wait = conf->hub.retry_most;
    (void)crypto_random(&dice, 1); /* without it there is no jitter */
    return (wait * 1000) / 100 * (80 + dice * 40 / 255);
}

static int
try_again(struct store_txn *txn, const struct conf *conf, struct life *life,
          const struct hub_verdict *v, int64_t now, struct jb_arena *arena,
          struct jb_error *err)
{
    life->job.checks++;
    if (life->job.checks > (uint64_t)conf->hub.retries) {
        const struct queue_move move = {.event = QUEUE_EVENT_REFUSE,
                                        .who = QUEUE_PLATFORM,
                                        .failure =
                                            v->failure ? v->failure : FAILURE_HUB_NETWORK,
                                        .reason = v->reason};
        return life_apply(txn, life, &move, now, arena, err);
    }
    int64_t at = v->retry_at > now ? v->retry_at : now + back_off(conf, life->job.checks);
    int64_t most = now + conf->hub.retry_most * 1000;
    life->job.due = at < most ? at : most;
    life->job.reason = v->reason ? v->reason : "";
    return 0;
}

static int
decide(struct store_txn *txn, struct life *life, const struct hub_verdict *v, int64_t now,
       struct jb_arena *arena, struct jb_error *err)
{
    struct queue_move move = {.who = QUEUE_PLATFORM, .reason = ""};
    uint64_t holder = life->request.id;
    int rc;

    take_facts(life, v);
    if (v->failure != FAILURE_NONE) {
        move.event = QUEUE_EVENT_REFUSE;
        move.failure = v->failure;
        move.reason = v->reason ? v->reason : "";
        return life_apply(txn, life, &move, now, arena, err);
    }
    rc = life_claim(txn, life, arena, NULL, &holder);
    if (rc && rc != JB_ECONFLICT)
        return rc;
    move.event = rc ? QUEUE_EVENT_SAME : QUEUE_EVENT_PASS;
    move.same_as = rc ? holder : 0;
    if ((rc = life_apply(txn, life, &move, now, arena, err)))
        return rc;
    return store_model(txn, &life->request, v, arena);
}

int
queue_verdict(struct store_txn *txn, const struct conf *conf, uint64_t id, uint64_t round,
              const struct hub_verdict *verdict, int64_t now, struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new(LIFE_MAX);
    struct life life;
    int rc;

    if (!arena)
        return jb_fail(err, JB_ENOMEM, "no memory for a request");
    rc = life_load(txn, id, arena, &life);
    if (rc == JB_ENOENT ||
        (!rc && (life.state != QUEUE_SUBMITTED || life.job.round != round))) {
        rc = jb_fail(err, JB_ECONFLICT, "request %llu waits for no verdict of round %llu",
                     (unsigned long long)id, (unsigned long long)round);
        goto out;
    }
    if (!rc && !verdict->retry && verdict->failure == FAILURE_NONE &&
        !jb_is_commit(jb_str(verdict->commit)))
        rc = jb_fail(err, JB_EINVAL, "request %llu: a verdict without a commit",
                     (unsigned long long)id);
    if (!rc)
        rc = verdict->retry ? try_again(txn, conf, &life, verdict, now, arena, err)
                            : decide(txn, &life, verdict, now, arena, err);
    if (!rc)
        rc = life_store(txn, &life);
    if (rc && store_txn_error(txn))
        jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
out:
    jb_arena_free(arena);
    return rc;
}
