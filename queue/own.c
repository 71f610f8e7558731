/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/own.h"

#include "queue/life.h"
#include "queue/quota.h"

static int
answered(int rc, struct jb_error *err)
{
    return rc ? jb_fail(err, rc, "no memory for an answer") : 0;
}

/* Again is like a submission: it takes a place, its own if it still has one. */
static int
take_place(struct store_txn *txn, const struct conf *conf, struct life *life, bool ours,
           int64_t now, struct jb_arena *arena, struct jb_error *err, struct queue_answer *a,
           bool *ret_refused)
{
    struct quota quota;
    int rc;

    *ret_refused = false;
    if (ours || !life->job.owner || !*life->job.owner)
        return 0;
    if ((rc = life_refund(txn, life)) ||
        (rc = queue_quota(txn, conf, life->job.owner, now, &quota)))
        return rc;
    if (quota.wait) {
        *ret_refused = true;
        rc = queue_answer_set(a, arena, ANSWER_ERROR, 429, "quota",
                              "重新评测也占用配额：%s 已用 %llu 个，上限 %lld 个。",
                              "Evaluating again takes a place as well: %s has used %llu of "
                              "%lld.",
                              life->job.owner, (unsigned long long)quota.used,
                              (long long)quota.allowed);
        a->retry_after = quota.wait;
        return answered(rc, err);
    }
    life->job.accepted = now;
    return life_charge(txn, life);
}

int
queue_own(struct store_txn *txn, const struct conf *conf, uint64_t id, struct jb_str secret,
          enum queue_event event, int64_t now, struct jb_arena *arena, struct jb_error *err,
          struct queue_answer *ret_answer)
{
    const struct queue_move move = {.event = event, .who = QUEUE_SUBMITTER};
    struct queue_answer answer = {0};
    struct jb_error why = {0};
    struct life life;
    bool refused = false;
    int rc = life_load(txn, id, arena, &life);

    if (rc && rc != JB_ENOENT)
        goto failed;
    if (rc || life.job.hidden || !life.job.has_secret) {
        rc = answered(queue_answer_set(&answer, arena, ANSWER_ERROR, 404, "not_found",
                                       "没有编号为 %llu 的提交。",
                                       "There is no submission %llu.", (unsigned long long)id),
                      err);
        goto done;
    }
    if (!queue_secret_fits(&life.job, secret)) {
        rc = answered(queue_answer_set(&answer, arena, ANSWER_ERROR, 403, "secret_wrong",
                                       "密钥不对；它在提交 %llu 被接受时显示过一次。",
                                       "This is not the secret that was shown when submission "
                                       "%llu was accepted.",
                                       (unsigned long long)id),
                      err);
        answer.request = id;
        goto done;
    }
    if (queue_next(life.state, event, QUEUE_SUBMITTER) == QUEUE_STATE_MAX) {
        rc = answered(queue_answer_set(&answer, arena, ANSWER_WARNING, 409, "state",
                                       "提交 %llu 的状态是 %s，现在不能这样做。",
                                       "Submission %llu is %s; that cannot be done now.",
                                       (unsigned long long)id, queue_state_word(life.state)),
                      err);
        answer.request = id;
        goto done;
    }
    bool ours = queue_failure_class(queue_failure_from(life.job.failure))->ours;
    if (event == QUEUE_EVENT_RERUN &&
        ((rc = take_place(txn, conf, &life, ours, now, arena, err, &answer, &refused)) ||
         refused)) {
        if (rc)
            goto failed;
        goto done;
    }
    rc = life_apply(txn, &life, &move, now, arena, &why);
    if (rc == JB_ECONFLICT) { /* its commit is another one's by now */
        rc = answered(queue_answer_set(&answer, arena, ANSWER_WARNING, 409, "duplicate",
                                       "提交 %llu：%s。", "Submission %llu: %s.",
                                       (unsigned long long)id, why.text),
                      err);
        answer.request = id;
        goto done;
    }
    if (rc || (rc = life_store(txn, &life)))
        goto failed;
    rc = answered(queue_answer_for(&life.request, &life.job, arena, &answer), err);
    if (!rc && answer.code[0] == 'c') { /* cancelled, as was asked */
        answer.kind = ANSWER_SUCCESS;
        answer.status = 200;
    }
    goto done;
done:
    if (!rc)
        *ret_answer = answer;
    return rc;
failed:
    return jb_fail(err, rc, "%s",
                   store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
}
