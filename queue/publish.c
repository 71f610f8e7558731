/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "queue/publish.h"

#include "base/text.h"
#include "queue/moderate.h"
#include "queue/state.h"

#include <stdlib.h>
#include <string.h>

/* Far above what the aliases of a board and the requests of a model hold. */
#define ARENA_MAX ((size_t)64 << 20)

struct alias {
    const char *name, *now;
};

struct queue_publish {
    int64_t now;
    struct jb_arena *lasting, *scratch; /* aliases; one question */
    struct alias *aliases;              /* by `now` */
    size_t n, room;
    bool known;
};

struct queue_publish *
queue_publish_new(int64_t now)
{
    struct queue_publish *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->now = now;
    p->lasting = jb_arena_new(ARENA_MAX);
    p->scratch = jb_arena_new(ARENA_MAX);
    if (!p->lasting || !p->scratch) {
        queue_publish_free(p);
        return NULL;
    }
    return p;
}

void
queue_publish_free(struct queue_publish *p)
{
    if (!p)
        return;
    jb_arena_free(p->lasting);
    jb_arena_free(p->scratch);
    free(p->aliases);
    free(p);
}

/* How near a request is to a result. */
enum nearness { APART, BRANCH, EXACT };

struct question {
    struct queue_publish *p;
    struct store_txn *txn;
    const struct result *result;
    size_t shown[EXACT + 1], hidden[EXACT + 1];
    bool embargo;
    int rc;
};

static int
add_alias(void *ctx, const char *name, const char *text)
{
    struct question *q = ctx;
    struct queue_publish *p = q->p;

    (void)text;
    if (p->n == p->room) {
        size_t room = p->room ? 2 * p->room : 64;
        struct alias *aliases = reallocarray(p->aliases, room, sizeof(*aliases));

        if (!aliases)
            return q->rc = JB_ENOMEM;
        p->aliases = aliases;
        p->room = room;
    }
    struct alias *alias = &p->aliases[p->n];
    alias->name = jb_arena_dup(p->lasting, name, strlen(name));
    q->rc = alias->name ? queue_model_now(q->txn, name, p->lasting, &alias->now) : JB_ENOMEM;
    if (!q->rc)
        p->n++;
    return q->rc;
}

static int
by_now(const void *a, const void *b)
{
    const struct alias *x = a, *y = b;

    return strcmp(x->now, y->now);
}

static int
learn_aliases(struct queue_publish *p, struct store_txn *txn)
{
    struct question q = {.p = p, .txn = txn};
    int rc = p->known ? 0 : store_notes_each(txn, NOTE_ALIAS, p->lasting, add_alias, &q);

    if (rc)
        return rc;
    if (!p->known && p->n)
        qsort(p->aliases, p->n, sizeof(*p->aliases), by_now);
    p->known = true;
    return 0;
}

/* 1, 0 or JB_E*: has a moderator deleted this model, by its name or its present one? */
static int
model_hidden(struct queue_publish *p, struct store_txn *txn, const char *model)
{
    const char *text, *now;
    int rc = store_note_get(txn, NOTE_HIDDEN, model, p->scratch, &text);

    if (rc != JB_ENOENT)
        return rc ? rc : 1;
    rc = queue_model_now(txn, model, p->scratch, &now);
    if (rc)
        return rc;
    if (strcmp(now, model) == 0)
        return 0;
    rc = store_note_get(txn, NOTE_HIDDEN, now, p->scratch, &text);
    return rc == JB_ENOENT ? 0 : rc ? rc : 1;
}

static int
model_passes(void *ctx, struct store_txn *txn, const char *model)
{
    struct queue_publish *p = ctx;
    int hidden = model_hidden(p, txn, model);

    jb_arena_reset(p->scratch);
    return hidden < 0 ? hidden : !hidden;
}

/* Its job, all empty where there is none. */
static int
job_of(struct queue_publish *p, struct store_txn *txn, uint64_t id, struct job *ret_job)
{
    int rc = store_job_get(txn, id, p->scratch, ret_job);

    if (rc == JB_ENOENT) {
        *ret_job = (struct job){.id = id, .state = ""};
        return 0;
    }
    return rc;
}

static int
request_passes(void *ctx, struct store_txn *txn, const struct request *request)
{
    struct queue_publish *p = ctx;
    struct job job;
    int rc = job_of(p, txn, request->id, &job);
    int hidden = rc ? rc : model_hidden(p, txn, request->model);
    enum queue_state state = rc ? QUEUE_STATE_MAX : queue_state_of(job.state, request->status);

    jb_arena_reset(p->scratch);
    if (hidden < 0)
        return hidden;
    return !hidden && !job.hidden && state != QUEUE_DUPLICATE && state != QUEUE_SUBMITTED;
}

static enum nearness
nearness(const struct request *request, const struct result *result)
{
    if (result->precision[0] && strcmp(result->precision, request->precision) != 0)
        return APART;
    if (!result->revision[0] || strcmp(result->revision, request->revision) == 0 ||
        strcmp(result->revision, request->commit) == 0)
        return EXACT;
    return jb_is_commit(jb_str(request->revision)) ? APART : BRANCH;
}

static int
ask_request(void *ctx, const struct request *request)
{
    struct question *q = ctx;
    enum nearness near = nearness(request, q->result);
    struct job job;

    if (near == APART)
        return 0;
    q->rc = job_of(q->p, q->txn, request->id, &job);
    if (q->rc)
        return q->rc;
    if (queue_state_of(job.state, request->status) == QUEUE_DUPLICATE)
        return 0;
    if (job.hidden)
        q->hidden[near]++;
    else
        q->shown[near]++;
    /* A branch whose commit is known is of other results no more. */
    if (job.embargo > q->p->now && (near == EXACT || !request->commit[0]))
        q->embargo = true;
    return 0;
}

/* The requests of a model under every name it had. */
static int
ask_model(struct question *q, const char *model)
{
    struct queue_publish *p = q->p;
    const char *now;
    int rc = queue_model_now(q->txn, model, p->scratch, &now);
    size_t low = 0, high = p->n;

    if (!rc)
        rc = store_model_requests(q->txn, now, p->scratch, false, ask_request, q);
    while (!rc && low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(p->aliases[mid].now, now) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; !rc && low < p->n && strcmp(p->aliases[low].now, now) == 0; low++)
        rc = strcmp(p->aliases[low].name, now) == 0
                 ? 0
                 : store_model_requests(q->txn, p->aliases[low].name, p->scratch, false,
                                        ask_request, q);
    return rc;
}

static int
result_passes(void *ctx, struct store_txn *txn, const struct result *result)
{
    struct queue_publish *p = ctx;
    struct question q = {.p = p, .txn = txn, .result = result};
    int hidden = model_hidden(p, txn, result->model);
    int rc = hidden < 0 ? hidden : learn_aliases(p, txn);

    if (!rc && !hidden)
        rc = ask_model(&q, result->model);
    jb_arena_reset(p->scratch);
    if (rc)
        return rc;
    enum nearness near = q.shown[EXACT] + q.hidden[EXACT] ? EXACT : BRANCH;
    return !hidden && !q.embargo && (q.shown[near] || !q.hidden[near]);
}

struct export_rule
queue_publish_rule(struct queue_publish *p)
{
    return (struct export_rule){
        .ctx = p, .request = request_passes, .result = result_passes, .model = model_passes};
}
