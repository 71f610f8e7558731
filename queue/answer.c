/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/answer.h"

#include "base/buf.h"
#include "queue/failure.h"
#include "queue/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX ((size_t)16 << 10)

static const char *format(struct jb_arena *arena, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static const char *
format(struct jb_arena *arena, const char *fmt, va_list ap)
{
    va_list again;

    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0 || (size_t)n > TEXT_MAX)
        return NULL;
    char *text = jb_arena_alloc(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, ap);
    return text;
}

int
queue_answer_set(struct queue_answer *answer, struct jb_arena *arena, enum answer_kind kind,
                 int status, const char *code, const char *zh, const char *en, ...)
{
    va_list ap;

    *answer = (struct queue_answer){.kind = kind, .status = status, .code = code};
    va_start(ap, en);
    answer->zh = format(arena, zh, ap);
    va_end(ap);
    va_start(ap, en);
    answer->en = format(arena, en, ap);
    va_end(ap);
    if (answer->zh && answer->en)
        return 0;
    answer->zh = answer->en = "";
    return JB_ENOMEM;
}

static int
refused(const struct request *r, const struct job *job, enum queue_failure failure,
        struct jb_arena *arena, struct queue_answer *a)
{
    const struct queue_failure_class *c = queue_failure_class(failure);
    const char *reason = job && job->reason && *job->reason ? job->reason : NULL;
    const char *open = reason ? " (" : "", *shut = reason ? ")" : "";

    char *zh =
        jb_arena_printf(arena, "%s：%s%s%s%s。%s%s", r->model, *c->zh ? c->zh : "评测失败",
                        open, reason ? reason : "", shut, c->zh_do, *c->zh_do ? "。" : "");
    char *en = jb_arena_printf(arena, "%s: %s%s%s%s. %s%s", r->model,
                               *c->en ? c->en : "the evaluation failed", open,
                               reason ? reason : "", shut, c->en_do, *c->en_do ? "." : "");
    if (!zh || !en)
        return JB_ENOMEM;
    *a = (struct queue_answer){.kind = ANSWER_ERROR,
                               .status = c->letter == 'M' ? 503 : 422,
                               .code = *c->word ? c->word : "failed",
                               .zh = zh,
                               .en = en};
    return 0;
}

int
queue_answer_for(const struct request *r, const struct job *job, struct jb_arena *arena,
                 struct queue_answer *ret_answer)
{
    enum queue_state state = queue_state_of(job ? job->state : NULL, r->status);
    enum queue_failure failure = queue_failure_from(job ? job->failure : "");
    struct queue_answer a = {0};
    int rc = 0;

    switch (state) {
    case QUEUE_SUBMITTED:
        rc =
            queue_answer_set(&a, arena, ANSWER_WAITING, 202, "accepted",
                             "已收到 %s 的提交（版本 %s，精度 %s），正在与模型仓库核对。",
                             "The submission of %s (revision %s, precision %s) is accepted; it "
                             "is being checked with the hub.",
                             r->model, r->revision, r->precision);
        break;
    case QUEUE_QUEUED:
    case QUEUE_LEASED:
    case QUEUE_RETRY_WAIT:
        rc =
            queue_answer_set(&a, arena, ANSWER_SUCCESS, 200, "queued",
                             "%s（版本 %s，精度 %s）已通过核对，正在排队等待评测。",
                             "%s (revision %s, precision %s) passed the check and waits in the "
                             "queue for its evaluation.",
                             r->model, r->revision, r->precision);
        break;
    case QUEUE_RUNNING:
    case QUEUE_STORING:
    case QUEUE_CANCELLING:
        rc = queue_answer_set(&a, arena, ANSWER_SUCCESS, 200, "running",
                              "%s（版本 %s，精度 %s）正在评测。",
                              "%s (revision %s, precision %s) is being evaluated.", r->model,
                              r->revision, r->precision);
        break;
    case QUEUE_FINISHED:
    case QUEUE_PENDING_NEW_EVAL:
        rc = queue_answer_set(&a, arena, ANSWER_SUCCESS, 200, "finished",
                              "%s（版本 %s，精度 %s）的评测已完成。",
                              "The evaluation of %s (revision %s, precision %s) is finished.",
                              r->model, r->revision, r->precision);
        break;
    case QUEUE_FAILED:
    case QUEUE_QUARANTINED: rc = refused(r, job, failure, arena, &a); break;
    case QUEUE_CANCELLED:
        rc = queue_answer_set(&a, arena, ANSWER_WARNING, 409, "cancelled",
                              "%s（版本 %s，精度 %s）的提交已取消，可以重新提交。",
                              "The submission of %s (revision %s, precision %s) was cancelled; "
                              "it may be submitted again.",
                              r->model, r->revision, r->precision);
        break;
    case QUEUE_DUPLICATE:
        rc = queue_answer_set(
            &a, arena, ANSWER_WARNING, 409, "duplicate",
            "%s（版本 %s，精度 %s）与提交 %llu 是同一个 commit，不重复评测，也不计入配额。",
            "%s (revision %s, precision %s) is of the same commit as submission %llu; it is "
            "not "
            "evaluated twice and does not count.",
            r->model, r->revision, r->precision, (unsigned long long)(job ? job->same_as : 0));
        break;
    case QUEUE_STATE_MAX:
        rc = queue_answer_set(&a, arena, ANSWER_WARNING, 200, "unknown", "%s：状态 %s。",
                              "%s: status %s.", r->model, r->status);
        break;
    }
    if (rc)
        return rc;
    a.request = r->id;
    *ret_answer = a;
    return 0;
}
