/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/moderate.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "queue/life.h"
#include "queue/rename.h"

#include <string.h>

#define LIFE_MAX ((size_t)1 << 20)

/* A life with the arena that it lives in. */
struct held_life {
    struct jb_arena *arena;
    struct life life;
};

static int
begin(struct store_txn *txn, uint64_t id, struct jb_error *err, struct held_life *h)
{
    h->arena = jb_arena_new(LIFE_MAX);
    if (!h->arena)
        return jb_fail(err, JB_ENOMEM, "no memory for a request");
    int rc = life_load(txn, id, h->arena, &h->life);
    if (rc == JB_ENOENT)
        jb_fail(err, rc, "there is no request %llu", (unsigned long long)id);
    else if (rc)
        jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    return rc;
}

static int
end(struct store_txn *txn, int rc, struct jb_error *err, struct held_life *h)
{
    if (!rc)
        rc = life_store(txn, &h->life);
    if (rc)
        jb_fail(err, rc, "%s",
                store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
    jb_arena_free(h->arena);
    return rc;
}

static int
check_identity(struct store_txn *txn, const struct request *r, struct jb_arena *arena,
               struct jb_error *err)
{
    struct request other;
    int rc = store_request_find(txn, r->model, r->revision, r->precision, r->weight_type, arena,
                                &other);

    if (rc == JB_ENOENT || (!rc && other.id == r->id))
        return 0;
    return rc ? rc
              : jb_fail(err, JB_ECONFLICT,
                        "request %llu has that revision, precision and weight type already",
                        (unsigned long long)other.id);
}

int
queue_correct(struct store_txn *txn, uint64_t id, const struct queue_correction *c,
              struct jb_error *err)
{
    struct held_life h;
    int rc = begin(txn, id, err, &h);
    struct request *r = &h.life.request;

    if (rc)
        return jb_arena_free(h.arena), rc;
    bool held = !queue_state_ended(h.life.state) || h.life.state == QUEUE_FINISHED;
    rc = life_unclaim(txn, &h.life, h.arena);
    /* The name of an imported file says both: it gets the one of our layout. */
    if ((c->precision && strcmp(c->precision, r->precision) != 0) ||
        (c->weight_type && strcmp(c->weight_type, r->weight_type) != 0))
        r->path = "";
    if (c->precision)
        r->precision = c->precision;
    if (c->weight_type)
        r->weight_type = c->weight_type;
    if (c->model_type)
        r->model_type = c->model_type;
    if (c->base_model)
        r->base_model = c->base_model;
    if (!rc && !*r->precision)
        rc = jb_fail(err, JB_EINVAL, "a request has a precision");
    if (!rc)
        rc = store_request_check(r, err);
    if (!rc)
        rc = check_identity(txn, r, h.arena, err);
    if (!rc && held && h.life.has_job && h.life.job.checked)
        rc = life_claim(txn, &h.life, h.arena, err, NULL);
    return end(txn, rc, err, &h);
}

int
queue_embargo(struct store_txn *txn, uint64_t id, int64_t until, struct jb_error *err)
{
    struct held_life h;
    int rc = begin(txn, id, err, &h);

    if (!rc && until < 0)
        rc = jb_fail(err, JB_EINVAL, "an embargo ends after 1970");
    if (!rc)
        h.life.job.embargo = until;
    return end(txn, rc, err, &h);
}

int
queue_hide(struct store_txn *txn, uint64_t id, bool hidden, struct jb_error *err)
{
    struct held_life h;
    int rc = begin(txn, id, err, &h);

    if (!rc)
        h.life.job.hidden = hidden;
    return end(txn, rc, err, &h);
}

int
queue_prioritise(struct store_txn *txn, uint64_t id, unsigned priority, struct jb_error *err)
{
    struct held_life h;
    int rc = begin(txn, id, err, &h);

    if (!rc && priority > 2)
        rc = jb_fail(err, JB_EINVAL, "a priority is 0, 1 or 2");
    if (!rc)
        h.life.job.priority = priority;
    return end(txn, rc, err, &h);
}

int
queue_new_secret(struct store_txn *txn, uint64_t id, struct jb_error *err,
                 char ret_secret[QUEUE_SECRET_SIZE])
{
    struct held_life h;
    unsigned char random[20];
    char secret[QUEUE_SECRET_SIZE] = "jbs_";
    int rc = begin(txn, id, err, &h);

    if (!rc && (rc = crypto_random(random, sizeof random)))
        jb_fail(err, rc, "no random bytes");
    if (!rc) {
        crypto_hex(random, sizeof random, secret + 4);
        h.life.job.has_secret = true;
        rc = crypto_sha256(jb_str(secret), h.life.job.secret);
    }
    rc = end(txn, rc, err, &h);
    if (!rc)
        memcpy(ret_secret, secret, sizeof secret);
    return rc;
}

struct reset {
    uint64_t *ids;
    size_t n, room;
    struct jb_arena *arena;
};

static int
each_entry(void *ctx, const char *owner, int64_t time, uint64_t id)
{
    struct reset *r = ctx;

    (void)owner;
    (void)time;
    if (r->n == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        uint64_t *ids = jb_arena_array(r->arena, room, sizeof *ids);
        if (!ids)
            return JB_ENOMEM;
        if (r->n)
            memcpy(ids, r->ids, r->n * sizeof *ids);
        r->ids = ids;
        r->room = room;
    }
    r->ids[r->n++] = id;
    return 0;
}

int
queue_quota_reset(struct store_txn *txn, const char *owner, struct jb_error *err, size_t *ret_n)
{
    struct reset r = {.arena = jb_arena_new(16 * LIFE_MAX)};
    int rc = r.arena ? store_quota_each(txn, owner, r.arena, each_entry, &r) : JB_ENOMEM;

    for (size_t i = 0; i < r.n && !rc; i++) {
        struct held_life h;
        if ((rc = begin(txn, r.ids[i], err, &h))) {
            jb_arena_free(h.arena);
            break;
        }
        rc = life_refund(txn, &h.life);
        rc = end(txn, rc, err, &h);
    }
    jb_arena_free(r.arena);
    if (rc)
        return jb_fail(err, rc, "%s",
                       store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
    *ret_n = r.n;
    return 0;
}

int
queue_model_now(struct store_txn *txn, const char *model, struct jb_arena *arena,
                const char **ret_model)
{
    const char *now = model, *next;

    for (int i = 0; i < QUEUE_ALIASES_MAX; i++) {
        int rc = store_note_get(txn, NOTE_ALIAS, now, arena, &next);
        if (rc == JB_ENOENT)
            break;
        if (rc)
            return rc;
        now = next;
    }
    *ret_model = now;
    return 0;
}
