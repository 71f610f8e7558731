/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/submissions.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "board/rules.h"
#include "queue/move.h"
#include "views/answer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((element)->lost = true)

enum { TOLD_MAX = 20000, ANSWER_BYTES = 64 << 10, LOOK_ARENA = 1 << 20 };

/*
 * The secret of a submission whose answer is still to come: it stands nowhere but in the
 * submitter's hands, so what waits has to remember it. Gone after a restart, with the events.
 */
struct told {
    uint64_t id;
    int64_t since_ms;
    char secret[QUEUE_SECRET_SIZE];
    bool lost;
    UT_hash_handle hh;
    struct told *prev, *next; /* oldest first */
};

struct submissions {
    struct keeper *keeper;
    pthread_mutex_t lock; /* guards what follows */
    struct told *by_id, *list;
    size_t n;
};

struct submissions *
submissions_new(struct keeper *keeper)
{
    struct submissions *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->keeper = keeper;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

/* With the lock. */
static void
forget(struct submissions *s, struct told *t)
{
    HASH_DEL(s->by_id, t);
    DL_DELETE(s->list, t);
    s->n--;
    free(t);
}

void
submissions_free(struct submissions *s)
{
    if (!s)
        return;
    while (s->list)
        forget(s, s->list);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void
remember(struct submissions *s, const struct queue_answer *a)
{
    struct told *t = NULL;

    if (!a->secret || a->kind != ANSWER_WAITING)
        return;
    pthread_mutex_lock(&s->lock);
    HASH_FIND(hh, s->by_id, &a->request, sizeof(a->request), t);
    if (t)
        forget(s, t);
    if (s->n >= TOLD_MAX)
        forget(s, s->list);
    t = calloc(1, sizeof(*t));
    if (t) {
        t->id = a->request;
        t->since_ms = jb_monotonic_ms();
        snprintf(t->secret, sizeof(t->secret), "%s", a->secret);
        HASH_ADD(hh, s->by_id, id, sizeof(t->id), t);
        if (t->lost) {
            free(t);
        } else {
            DL_APPEND(s->list, t);
            s->n++;
        }
    }
    pthread_mutex_unlock(&s->lock);
}

/* Into `out` what is remembered, "" nothing; with `last` it is forgotten. */
static void
recall(struct submissions *s, uint64_t id, bool last, char out[QUEUE_SECRET_SIZE])
{
    struct told *t = NULL;

    out[0] = '\0';
    pthread_mutex_lock(&s->lock);
    HASH_FIND(hh, s->by_id, &id, sizeof(id), t);
    if (t)
        memcpy(out, t->secret, sizeof(t->secret));
    if (t && last)
        forget(s, t);
    pthread_mutex_unlock(&s->lock);
}

static bool
is_accepted(const struct queue_answer *a)
{
    return a->kind == ANSWER_WAITING || a->kind == ANSWER_SUCCESS;
}

/* What went wrong with the store is for its operator; a submitter is told what it means. */
static int
not_kept(int rc, struct jb_error *err)
{
    static struct jb_log_limit limit;

    if (rc != JB_EFULL && rc != JB_EBUSY && rc != JB_EIO)
        return rc;
    jb_log_limited(&limit, JB_LOG_ERR, "a submission cannot be kept: %s",
                   err->text[0] ? err->text : jb_strerror(rc));
    *err = (struct jb_error){0};
    return jb_fail(err, rc,
                   "存储暂时不能写入，本次没有保存任何内容，请稍后再试。 The store cannot be "
                   "written at present; nothing of this was kept, please try again later.");
}

/* Ends the transaction as the answer says. */
static int
settle(struct store_txn *txn, int rc, const struct queue_answer *a, struct jb_error *err)
{
    if (!rc && is_accepted(a))
        return store_commit(txn, err);
    store_abort(txn);
    return rc;
}

int
submissions_submit(struct submissions *s, const struct site *site,
                   const struct submission *submission, struct jb_arena *arena,
                   struct jb_error *err, struct queue_answer *ret_answer)
{
    struct submit_rules rules;
    struct queue_answer answer = {0};
    struct store_txn *txn;
    int rc = board_submit_rules(board_config_of(site->board), site->conf, arena, &rules);

    if (rc)
        return jb_fail(err, rc, "no memory for a submission");
    rc = store_begin(keeper_store(s->keeper), STORE_WRITE, "web", err, &txn);
    if (rc)
        return not_kept(rc, err);
    rc = queue_submit(txn, &rules, submission, jb_now_us(), arena, err, &answer);
    rc = settle(txn, rc, &answer, err);
    if (rc)
        return not_kept(rc, err);
    remember(s, &answer);
    *ret_answer = answer;
    return 0;
}

int
submissions_own(struct submissions *s, const struct site *site, uint64_t id,
                struct jb_str secret, enum queue_event event, struct jb_arena *arena,
                struct jb_error *err, struct queue_answer *ret_answer)
{
    struct queue_answer answer = {0};
    struct store_txn *txn;
    int rc = store_begin(keeper_store(s->keeper), STORE_WRITE, "submitter", err, &txn);

    if (rc)
        return not_kept(rc, err);
    rc = queue_own(txn, site->conf, id, secret, event, jb_now_us(), arena, err, &answer);
    rc = settle(txn, rc, &answer, err);
    if (rc)
        return not_kept(rc, err);
    *ret_answer = answer;
    return 0;
}

static int
paragraph(const struct site *site, const struct queue_answer *answer,
          struct gradio_outcome *ret_outcome)
{
    struct jb_buf html = JB_BUF(ANSWER_BYTES), json = JB_BUF(2 * ANSWER_BYTES);

    answer_put_gradio(answer, site->conf->site.mount, &html);
    jb_buf_putc(&json, '[');
    jb_put_json(&json, jb_buf_view(&html));
    jb_buf_putc(&json, ']');
    if (html.err && !json.err)
        json.err = html.err;
    jb_buf_free(&html);
    struct jb_blob *output = jb_blob_from_buf(&json);
    if (!output)
        return JB_ENOMEM;
    *ret_outcome = (struct gradio_outcome){.success = true, .output = output};
    return 0;
}

int
submissions_outcome(const struct site *site, const struct queue_answer *answer,
                    struct gradio_outcome *ret_outcome)
{
    int64_t wait = site->conf->submit.wait;

    if (answer->kind != ANSWER_WAITING || wait == 0)
        return paragraph(site, answer, ret_outcome);
    *ret_outcome = (struct gradio_outcome){
        .waiting = true, .wait_id = answer->request, .deadline_ms = jb_monotonic_ms() + wait};
    return 0;
}

/* What goes on, with how much of the time that we wait is over. */
static void
tell_progress(const struct site *site, const struct job *job, struct waits_news *news)
{
    double seconds = (double)(jb_now_us() - job->accepted) / 1e6;
    double whole = (double)site->conf->submit.wait / 1e3;

    if (job->checks)
        snprintf(
            news->desc, sizeof(news->desc),
            "模型仓库暂无答复，正在重试（第 %llu 次）· The hub gave no answer, trying again "
            "(%llu)",
            (unsigned long long)job->checks, (unsigned long long)job->checks);
    else
        snprintf(news->desc, sizeof(news->desc),
                 "已收到，正在与模型仓库核对 · Accepted, being checked with the hub");
    news->progress = whole > 0 && seconds < whole && seconds >= 0 ? seconds / whole : 0.99;
}

/* The answer to a request that waits no more, or has for long enough. */
static int
tell_answer(const struct site *site, const struct request *request, const struct job *job,
            bool waits, char *secret, struct jb_arena *arena, struct waits_news *news)
{
    struct queue_answer answer;
    int rc;

    if (waits)
        rc = queue_answer_set(
            &answer, arena, ANSWER_WAITING, 202, "accepted",
            "已收到 %s 的提交。与模型仓库的核对还在继续，可在提交页面查看结果。",
            "The submission of %s is accepted. The check with the hub goes on; its page says "
            "what becomes of it.",
            request->model);
    else
        rc = queue_answer_for(request, job, arena, &answer);
    if (rc)
        return rc;
    answer.request = request->id;
    /* A secret is of use while there is something to cancel or to evaluate again. */
    answer.secret =
        secret[0] && job->state && strcmp(job->state, "DUPLICATE") != 0 ? secret : NULL;
    return paragraph(site, &answer, &news->outcome);
}

int
submissions_look(void *ctx, struct store_txn *txn, uint64_t wait_id, bool expired,
                 struct waits_news *ret_news)
{
    static struct jb_log_limit limit;
    struct submissions *s = ctx;
    struct jb_arena *arena = jb_arena_new(LOOK_ARENA);
    struct site *site = keeper_site(s->keeper);
    char secret[QUEUE_SECRET_SIZE];
    struct request request;
    struct job job;
    int rc = arena ? queue_load(txn, wait_id, arena, &request, &job) : JB_ENOMEM;

    if (rc == 0) {
        bool waits = queue_state_from_word(job.state) == QUEUE_SUBMITTED;
        if (waits && !expired) {
            tell_progress(site, &job, ret_news);
        } else {
            recall(s, wait_id, !waits, secret);
            rc = tell_answer(site, &request, &job, waits, secret, arena, ret_news);
            rc = rc ? rc : 1;
        }
    }
    if (rc < 0)
        jb_log_limited(&limit, JB_LOG_ERR, "request %llu, which is waited for: %s",
                       (unsigned long long)wait_id,
                       store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
    site_unref(site);
    jb_arena_free(arena);
    return rc;
}
