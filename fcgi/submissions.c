/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/submissions.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "board/rules.h"
#include "fcgi/queue_pages.h"
#include "queue/move.h"
#include "views/answer.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((element)->lost = true)

enum {
    TOLD_MAX = 20000,
    ANSWER_BYTES = 64 << 10,
    SCORES_MOST = 4 << 10,
    NAME_MOST = 60,
    LOOK_ARENA = 4 << 20, /* a whole spec may have to fit */
    BEGIN_US = 5000000,   /* a queued one that has not begun by then waits for its turn */
};

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

/* Its check with the hub is to come, or needed none and its evaluation is. */
static bool
may_wait(const struct queue_answer *a)
{
    return a->kind == ANSWER_WAITING || strcmp(a->code, "queued") == 0;
}

static void
remember(struct submissions *s, const struct queue_answer *a)
{
    struct told *t = NULL;

    if (!a->secret || !may_wait(a))
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

    if (!may_wait(answer) ||
        (answer->kind == ANSWER_WAITING ? wait : site->conf->submit.follow) == 0)
        return paragraph(site, answer, ret_outcome);
    /* how much of it is the check's is decided by submissions_look() */
    *ret_outcome = (struct gradio_outcome){.waiting = true,
                                           .wait_id = answer->request,
                                           .deadline_ms = jb_monotonic_ms() + wait +
                                                          site->conf->submit.follow};
    return 0;
}

/* Of the time that we wait for the hub, how much is over. */
static double
waited(const struct site *site, const struct job *job)
{
    double seconds = (double)(jb_now_us() - job->accepted) / 1e6;
    double whole = (double)site->conf->submit.wait / 1e3;

    return whole > 0 && seconds < whole && seconds >= 0 ? seconds / whole : 1;
}

static void
tell_check(const struct site *site, const struct job *job, struct waits_news *news)
{
    if (job->checks)
        snprintf(
            news->desc, sizeof(news->desc),
            "模型仓库暂无答复，正在重试（第 %llu 次）· The hub gave no answer, trying again "
            "(%llu)",
            (unsigned long long)job->checks, (unsigned long long)job->checks);
    else
        snprintf(news->desc, sizeof(news->desc),
                 "已收到，正在与模型仓库核对 · Accepted, being checked with the hub");
    news->progress = waited(site, job) * 0.99;
}

static int
is_active(void *ctx, const struct host *host)
{
    *(bool *)ctx = *(bool *)ctx || strcmp(host->state, "active") == 0;
    return 0;
}

/* Somebody may take what waits in the queue, within the moment that this needs. */
static bool
begins_soon(struct store_txn *txn, const struct job *job, struct jb_arena *arena)
{
    bool any = false;

    return jb_now_us() - job->queued < BEGIN_US &&
           store_hosts_each(txn, arena, is_active, &any) == 0 && any;
}

static void
tell_queued(struct waits_news *news)
{
    snprintf(news->desc, sizeof(news->desc),
             "已通过核对，等待评测主机 · Checked, waiting for a host");
}

static int
tell_run(const struct site *site, struct store_txn *txn, const struct request *request,
         struct jb_arena *arena, struct waits_news *news)
{
    struct queue_attempt a;
    int rc = queue_attempt_live(txn, request->id, arena, &a);

    if (rc == JB_ENOENT) /* between its end and what becomes of it */
        return 0;
    if (rc)
        return rc;
    size_t at = a.at ? a.at : a.done + (a.done < a.n_steps);
    const char *key = at ? a.steps[at - 1].benchmark : "";
    struct jb_str name = benchmark_label(board_config_of(site->board), key);
    int n = (int)(name.n < NAME_MOST ? name.n : NAME_MOST);

    if (at)
        snprintf(news->desc, sizeof(news->desc),
                 "正在 %s 上评测，第 %zu / %zu 个基准：%.*s · running on %s, benchmark %zu of "
                 "%zu: %.*s",
                 a.record.host, at, a.n_steps, n, name.p, a.record.host, at, a.n_steps, n,
                 name.p);
    else
        snprintf(news->desc, sizeof(news->desc), "正在 %s 上评测 · running on %s",
                 a.record.host, a.record.host);
    if (!isnan(a.progress))
        news->progress = a.progress;
    return 0;
}

/* Into `news` what goes on; true: it is worth to wait for more. */
static int
tell_progress(const struct site *site, struct store_txn *txn, const struct request *request,
              const struct job *job, struct jb_arena *arena, struct waits_news *news,
              bool *ret_waits)
{
    bool follow = site->conf->submit.follow > 0;

    *ret_waits = false;
    switch (queue_state_from_word(job->state)) {
    case QUEUE_SUBMITTED:
        *ret_waits = waited(site, job) < 1;
        if (*ret_waits)
            tell_check(site, job, news);
        return 0;
    case QUEUE_QUEUED:
        *ret_waits = follow && begins_soon(txn, job, arena);
        if (*ret_waits)
            tell_queued(news);
        return 0;
    case QUEUE_LEASED:
    case QUEUE_RUNNING:
    case QUEUE_STORING:
        *ret_waits = follow;
        return follow ? tell_run(site, txn, request, arena, news) : 0;
    case QUEUE_FINISHED: /* the board with its score is made in a moment */
        *ret_waits = follow && !request_row(site->board, request->id) &&
                     jb_now_us() - job->ended < BEGIN_US;
        return 0;
    default: return 0;
    }
}

/* "ARC 61.20 · MMLU 58.01" into `out`; nothing without a row. */
static void
scores_text(const struct board *board, const struct board_row *row, struct jb_buf *out)
{
    const struct board_config *config = board_config_of(board);
    const struct benchmark *b = config->benchmarks.items;

    for (size_t i = 0; row && i < config->benchmarks.n; i++)
        if (!isnan(row->scores[i]))
            jb_buf_printf(out, "%s%s %.2f", out->n ? " · " : "", b[i].header, row->scores[i]);
}

static int
tell_finished(const struct site *site, const struct request *request, struct jb_arena *arena,
              struct queue_answer *ret_answer)
{
    struct jb_buf scores = JB_BUF(SCORES_MOST);
    int rc = 0;

    scores_text(site->board, request_row(site->board, request->id), &scores);
    if (scores.n && !scores.err)
        rc = queue_answer_set(ret_answer, arena, ANSWER_SUCCESS, 200, "finished",
                              "%s（%s）的评测已完成：%s。",
                              "The evaluation of %s (%s) is "
                              "finished: %s.",
                              request->model, request->precision, scores.p);
    jb_buf_free(&scores);
    return rc;
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
    if (!rc && queue_state_from_word(job->state) == QUEUE_FINISHED)
        rc = tell_finished(site, request, arena, &answer);
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
        bool waits = false, unchecked = queue_state_from_word(job.state) == QUEUE_SUBMITTED;
        if (!expired)
            rc = tell_progress(site, txn, &request, &job, arena, ret_news, &waits);
        if (rc == 0 && !waits) {
            /* others that wait for the same may have longer to go */
            recall(s, wait_id, !expired && !unchecked, secret);
            rc = tell_answer(site, &request, &job, unchecked, secret, arena, ret_news);
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
