/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions, verdicts and moves on a store of their own, for the tests of queue/. */
#pragma once

#include "store_help.h"

#include "queue/lists.h"
#include "queue/moderate.h"
#include "queue/move.h"
#include "queue/own.h"
#include "queue/verdict.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US    (86400 * SECOND_US)
#define NOW       (INT64_C(1800000000) * SECOND_US)
#define COMMIT_A  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMMIT_B  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct submit_type queue_types[] = {
    {"pretrained", "🟢", "pretrained"},
    {"chat", "💬", "chat models (RLHF, DPO, IFT, ...)"},
};
static const char *const queue_precisions[] = {"float16", "bfloat16", "?"};
static const char *const queue_builtin[] = {"jinbang/random"};
static const char *const queue_doubled[] = {"Big"};

static inline struct submit_rules
queue_rules(struct fixture *f)
{
    f->conf.submit.open = true;
    f->conf.submit.quota = 5;
    f->conf.submit.window = 7 * 86400 * INT64_C(1000);
    f->conf.submit.builtin = (struct setting_strings){1, queue_builtin};
    f->conf.submit.doubled = (struct setting_strings){1, queue_doubled};
    f->conf.hub.retries = 2;
    f->conf.hub.retry_first = 1000;
    f->conf.hub.retry_most = 10000;
    return (struct submit_rules){.conf = &f->conf,
                                 .precisions = {3, queue_precisions},
                                 .types = queue_types,
                                 .n_types = 2};
}

static inline struct submission
queue_submission(const char *model)
{
    return (struct submission){.model = jb_str(model),
                               .precision = JB_STR("float16"),
                               .weight_type = JB_STR("Original"),
                               .model_type = JB_STR("🟢 : pretrained")};
}

static inline struct queue_answer
queue_send_at(struct fixture *f, const struct submission *s, int64_t now)
{
    struct submit_rules rules = queue_rules(f);
    struct queue_answer answer = {0};
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    int rc = queue_submit(txn, &rules, s, now, f->arena, &f->err, &answer);

    if (rc)
        print_error("%s\n", f->err.text);
    assert_int_equal(rc, 0);
    fixture_commit(f, txn);
    return answer;
}

static inline struct queue_answer
queue_send(struct fixture *f, const char *model)
{
    struct submission s = queue_submission(model);

    return queue_send_at(f, &s, NOW);
}

/* Accepted; its id. */
static inline uint64_t
queue_accepted(struct fixture *f, const char *model)
{
    struct queue_answer a = queue_send(f, model);

    assert_string_equal(a.code, "accepted");
    assert_int_equal(a.kind, ANSWER_WAITING);
    assert_int_equal(a.status, 202);
    assert_true(a.request > 0);
    return a.request;
}

static inline struct job
queue_job(struct fixture *f, uint64_t id, struct request *ret_request)
{
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    struct request request;
    struct job job;

    assert_int_equal(queue_load(txn, id, f->arena, &request, &job), 0);
    store_abort(txn);
    if (ret_request)
        *ret_request = request;
    return job;
}

static inline int
queue_say(struct fixture *f, uint64_t id, uint64_t round, const struct hub_verdict *v,
          int64_t now)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct jb_error err = {0};
    int rc = queue_verdict(txn, &f->conf, id, round, v, now, &err);

    if (rc)
        store_abort(txn);
    else
        fixture_commit(f, txn);
    return rc;
}

static inline struct hub_verdict
queue_pass(const char *commit)
{
    return (struct hub_verdict){.commit = commit,
                                .architectures = "LlamaForCausalLM",
                                .license = "apache-2.0",
                                .params = 6.738,
                                .likes = 12};
}

static inline int
queue_event(struct fixture *f, uint64_t id, enum queue_event event, enum queue_who who,
            int64_t now)
{
    const struct queue_move move = {.event = event, .who = who};
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct jb_error err = {0};
    int rc = queue_move(txn, id, &move, now, &err, NULL);

    if (rc)
        store_abort(txn);
    else
        fixture_commit(f, txn);
    return rc;
}

static inline uint64_t
queue_used(struct fixture *f, const char *owner)
{
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    uint64_t n = 99;

    assert_int_equal(store_quota_count(txn, owner, 0, &n, NULL), 0);
    store_abort(txn);
    return n;
}

/* Accepted and past the check with the hub. */
static inline uint64_t
queue_queued(struct fixture *f, const char *model, const char *commit)
{
    uint64_t id = queue_accepted(f, model);
    struct hub_verdict v = queue_pass(commit);

    assert_int_equal(queue_say(f, id, 1, &v, NOW + SECOND_US), 0);
    return id;
}
