/* SPDX-License-Identifier: Apache-2.0 */
/* Results: of one benchmark after the other, then of all. */
#include <config.h>

#include "dispatch/lease_own.h"

#include "base/buf.h"
#include "base/failpoint.h"
#include "crypto/digest.h"
#include "harness/compose.h"
#include "harness/strict.h"
#include "queue/move.h"

#include <stdio.h>
#include <string.h>

#define RESULT_MAX ((size_t)32 << 20)

int
lease_refuse(struct lease_live *live, const char *failure, const char *reason)
{
    snprintf(live->failure, sizeof(live->failure), "%s", failure);
    snprintf(live->reason, sizeof(live->reason), "%s", reason);
    return JB_EUNPROC;
}

int
lease_store_part(struct lease *l, struct lease_live *live, size_t benchmark, struct jb_str doc,
                 struct jb_error *err)
{
    const struct benchmark *b = &live->plan->benchmarks[benchmark];
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char sha256[SPEC_HASH_HEX];
    struct jb_error why = {0};
    struct store_txn *txn;
    struct score score;
    struct attempt a;
    const char *failure;
    int rc = crypto_sha256(doc, digest);

    if (rc)
        return rc;
    crypto_hex(digest, sizeof(digest), sha256);
    if (live->parts[benchmark].judged && strcmp(sha256, live->parts[benchmark].sha256) != 0)
        return lease_refuse(live, "upload_failed",
                            "the bytes of a result are not those announced");
    if (doc.n > PART_DOC_MAX)
        return lease_refuse(live, "bad_result_json", "the result of a benchmark is too large");
    if (live->canary)
        return lease_canary_part(l, live, benchmark, doc);
    rc = harness_strict_scores(doc, b, live->plan->dialect, live->plan->limit, l->arena, &why,
                               &score, &failure);
    if (rc)
        return rc == JB_EUNPROC ? lease_refuse(live, failure, why.text) : rc;
    if ((rc = lease_begin(l, err, &txn)))
        return rc;
    rc = lease_attempt_at_host(txn, live, l->arena, &a);
    if (!rc)
        rc = store_part_put(txn, live->request, live->round,
                            &(struct part){.benchmark = b->key,
                                           .doc = doc,
                                           .seconds = live->parts[benchmark].seconds,
                                           .fence = live->fence});
    rc = lease_settle(live, lease_end(l, txn, rc, err), err);
    if (!rc && !live->ended) {
        live->parts[benchmark].stored = true;
        memcpy(live->parts[benchmark].sha256, sha256, sizeof(sha256));
    }
    return rc;
}

struct collected {
    const struct lease_plan *plan;
    struct compose_part parts[LEASE_BENCHMARKS];
    bool there[LEASE_BENCHMARKS];
    char sha256[LEASE_BENCHMARKS][SPEC_HASH_HEX];
};

static int
each_collected(void *ctx, const struct part *part)
{
    struct collected *c = ctx;
    unsigned char digest[CRYPTO_SHA256_SIZE];

    for (size_t b = 0; b < c->plan->n_benchmarks; b++)
        if (!strcmp(c->plan->benchmarks[b].key, part->benchmark) &&
            !crypto_sha256(part->doc, digest)) {
            crypto_hex(digest, sizeof(digest), c->sha256[b]);
            c->parts[b] = (struct compose_part){.benchmark = c->plan->benchmarks[b].key,
                                                .doc = part->doc,
                                                .seconds = part->seconds,
                                                .sha256 = c->sha256[b]};
            c->there[b] = true;
        }
    return 0;
}

/* Scores and document of all benchmarks of the board. JB_EUNPROC: live->failure says why not.
 */
static int
compose(struct lease *l, struct lease_live *live, struct store_txn *txn,
        const struct request *r, int64_t started, int64_t now_us, struct jb_buf *doc,
        struct result *ret_result, struct collected **ret_collected)
{
    const struct lease_plan *plan = live->plan;
    struct collected *c = jb_arena_alloc(l->arena, sizeof(*c));
    struct result_score *scores = jb_arena_array(l->arena, LEASE_BENCHMARKS, sizeof(*scores));
    struct compose_run run = {.model = r->model,
                              .revision = r->commit && *r->commit ? r->commit : r->revision,
                              .base_model = r->base_model,
                              .precision = r->precision,
                              .weight_type = r->weight_type,
                              .plan = plan->name,
                              .plan_version = live->plan_version,
                              .suite = plan->suite,
                              .environment = live->environment,
                              .job = r->id,
                              .start_us = started ? started : now_us,
                              .end_us = now_us};
    struct jb_error why = {0};
    int rc;

    if (!c || !scores)
        return JB_ENOMEM;
    c->plan = plan;
    if ((rc = store_parts_each(txn, r->id, live->round, l->arena, each_collected, c)))
        return rc;
    for (size_t b = 0; b < plan->n_benchmarks; b++) {
        const char *failure;
        struct score score;

        if (!c->there[b])
            return lease_refuse(live, "incomplete_results", "a benchmark has no result");
        if (live->parts[b].judged)
            c->parts[b].seconds = live->parts[b].seconds; /* the manifest knows */
        rc = harness_strict_scores(c->parts[b].doc, &plan->benchmarks[b], plan->dialect,
                                   plan->limit, l->arena, &why, &score, &failure);
        if (rc)
            return rc == JB_EUNPROC ? lease_refuse(live, failure, why.text) : rc;
        scores[b] = (struct result_score){.benchmark = plan->benchmarks[b].key,
                                          .value = score.value,
                                          .error = score.error,
                                          .items = score.items};
    }
    rc =
        harness_compose(&run, plan->dialect, c->parts, plan->n_benchmarks, l->arena, &why, doc);
    if (rc)
        return rc == JB_ENOMEM ? rc : lease_refuse(live, "bad_result_json", why.text);
    *ret_result = (struct result){.model = r->model,
                                  .revision = run.revision,
                                  .precision = r->precision,
                                  .time = now_us,
                                  .dialect = harness_dialect_name(plan->dialect),
                                  .path = harness_compose_path(&run, l->arena),
                                  .n = plan->n_benchmarks,
                                  .scores = scores,
                                  .doc = jb_buf_view(doc)};
    *ret_collected = c;
    return ret_result->path ? 0 : JB_ENOMEM;
}

/* How long each benchmark took, for estimates. */
static int
learn(struct store_txn *txn, const struct lease_live *live, const struct request *r,
      const struct collected *c, int64_t now_us)
{
    int rc = 0;

    for (size_t b = 0; b < live->plan->n_benchmarks && !rc; b++)
        if (c->parts[b].seconds > 0)
            rc = store_timing_add(txn, &(struct timing){.benchmark = c->parts[b].benchmark,
                                                        .precision = r->precision,
                                                        .params = r->params,
                                                        .seconds = c->parts[b].seconds,
                                                        .time = now_us});
    return rc;
}

int
lease_store_finish(struct lease *l, struct lease_live *live, int64_t now_us,
                   struct jb_error *err)
{
    static const struct queue_move move = {.event = QUEUE_EVENT_RESULT, .who = QUEUE_PLATFORM};
    struct jb_buf doc = JB_BUF(RESULT_MAX);
    enum store_outcome outcome;
    struct store_txn *txn;
    struct collected *collected;
    struct result result;
    struct attempt a;
    struct request r;
    struct job job;
    int rc;

    if (live->canary)
        return lease_canary_end(l, live, LEASE_CANARY_DONE, now_us, err);
    if ((rc = lease_begin(l, err, &txn)))
        return rc;
    rc = lease_attempt_at_host(txn, live, l->arena, &a);
    if (!rc)
        rc = queue_load(txn, live->request, l->arena, &r, &job);
    if (!rc && strcmp(job.state, queue_state_word(QUEUE_STORING)) != 0)
        rc = JB_EBUSY; /* it was asked to stop before: the next look says so */
    if (!rc)
        rc = compose(l, live, txn, &r, a.started, now_us, &doc, &result, &collected);
    if (!rc)
        rc = store_result_put(txn, &result, &outcome);
    if (!rc)
        rc = lease_move(txn, live, &job, &move, now_us, err);
    if (!rc)
        rc = learn(txn, live, &r, collected, now_us);
    if (!rc)
        rc = store_parts_delete(txn, live->request);
    if (!rc)
        rc = lease_credit(l, txn, live, false, now_us);
    if (!rc) {
        a.state = ATTEMPT_ENDED;
        a.ended = now_us;
        rc = store_attempt_put(txn, &a);
    }
    if (!rc)
        jb_failpoint("before-commit", "result");
    rc = lease_end(l, txn, rc, err);
    if (!rc)
        jb_failpoint("after-commit", "result");
    jb_buf_free(&doc);
    if (rc == JB_EUNPROC) {
        if (err)
            jb_error_clear(err);
        return lease_store_end(l, live, LEASE_END_FAILED, now_us, err);
    }
    if (!rc)
        live->ended = true;
    return lease_settle(live, rc, err);
}
