/* SPDX-License-Identifier: Apache-2.0 */
#include "views/request_json.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void
put_time(struct jb_json *j, const char *key, int64_t time)
{
    char text[JB_TIME_SIZE];

    if (time <= 0) {
        jb_json_knull(j, key);
        return;
    }
    jb_time_format(time, 0, text);
    jb_json_ktext(j, key, text);
}

/* What is not known or does not apply is null. */
static void
put_text(struct jb_json *j, const char *key, struct jb_str text)
{
    if (text.n)
        jb_json_kstr(j, key, text);
    else
        jb_json_knull(j, key);
}

static void
put_number(struct jb_json *j, const char *key, uint64_t number)
{
    if (number)
        jb_json_kint(j, key, (int64_t)number);
    else
        jb_json_knull(j, key);
}

static void
put_state(struct jb_json *j, enum queue_state state)
{
    put_text(j, "state", jb_str(queue_state_word(state)));
}

/* As the second leaderboard has them. */
static void
put_common(struct jb_json *j, const struct queue_entry *e)
{
    jb_json_kstr(j, "name", e->model);
    jb_json_ktext(j, "submitter", "Unknown");
    jb_json_kstr(j, "revision", e->revision);
    jb_json_kstr(j, "precision", e->precision);
    jb_json_kstr(j, "weight_type", e->weight_type);
    put_time(j, "submission_time", e->submitted);
    jb_json_kstr(j, "status", e->status);
    jb_json_kint(j, "id", (int64_t)e->id);
    put_state(j, e->state);
}

void
request_json_put_entry(const struct queue_entry *e, struct jb_json *j)
{
    jb_json_object(j);
    put_common(j, e);
    if (e->place)
        jb_json_kint(j, "place", (int64_t)e->place);
    if (queue_state_table(e->state) == QUEUE_TABLE_FAILED) {
        put_text(j, "failure", jb_str(queue_failure_class(e->failure)->word));
        put_text(j, "reason", e->reason);
        jb_json_kint(j, "attempts", (int64_t)e->attempts);
    }
    jb_json_end(j);
}

static void
put_estimate(struct jb_json *j, const struct queue_entry *e, int64_t now)
{
    jb_json_key(j, "estimated_start");
    if (!e || !e->place || !e->start.known || !(e->start.low >= 0) ||
        !(e->start.high < 3.2e9)) {
        jb_json_null(j);
        return;
    }
    jb_json_object(j);
    put_time(j, "from", now + (int64_t)(e->start.low * 1e6));
    put_time(j, "to", now + (int64_t)(e->start.high * 1e6));
    jb_json_kint(j, "learned_from", (int64_t)e->start.runs);
    jb_json_end(j);
}

static void
put_failure(struct jb_json *j, enum queue_failure failure, struct jb_str reason)
{
    const struct queue_failure_class *c = queue_failure_class(failure);

    jb_json_key(j, "failure");
    if (!c->word[0] && !reason.n) {
        jb_json_null(j);
        return;
    }
    jb_json_object(j);
    put_text(j, "class", jb_str(c->word));
    put_text(j, "reason", reason);
    jb_json_kbool(j, "platform", c->ours);
    for (int zh = 1; zh >= 0; zh--) {
        jb_json_key(j, zh ? "zh" : "en");
        jb_json_object(j);
        put_text(j, "what", jb_str(zh ? c->zh : c->en));
        put_text(j, "todo", jb_str(zh ? c->zh_do : c->en_do));
        jb_json_end(j);
    }
    jb_json_end(j);
}

static void
put_link(struct jb_json *j, const char *key, const char *mount, const char *folder, uint64_t id,
         const char *more)
{
    struct jb_buf url = JB_BUF(1 << 10);

    jb_buf_printf(&url, "%s%s/%" PRIu64 "%s", mount, folder, id, more);
    if (url.err && !j->out->err)
        j->out->err = url.err;
    jb_json_kstr(j, key, jb_buf_view(&url));
    jb_buf_free(&url);
}

static void
put_steps(struct jb_json *j, const struct board_config *board, const struct queue_attempt *a)
{
    jb_json_key(j, "benchmarks");
    jb_json_array(j);
    for (size_t i = 0; i < a->n_steps; i++) {
        const struct queue_step *step = &a->steps[i];
        jb_json_object(j);
        jb_json_ktext(j, "key", step->benchmark);
        jb_json_kstr(j, "name", benchmark_label(board, step->benchmark));
        jb_json_ktext(j, "state", step->done ? "done" : step->now ? "running" : "waiting");
        jb_json_kdouble(j, "seconds", step->seconds);
        jb_json_end(j);
    }
    jb_json_end(j);
}

static void
put_attempt(struct jb_json *j, const struct request_facts *f, const struct board_config *board,
            const struct queue_attempt *attempt, const char *mount)
{
    const struct attempt *a = &attempt->record;
    int64_t from = a->started > 0 ? a->started : a->leased,
            to = a->ended > 0 ? a->ended : f->evaluation.now;
    char more[64];

    jb_json_object(j);
    jb_json_kint(j, "attempt", (int64_t)a->fence);
    jb_json_kint(j, "round", (int64_t)a->round);
    jb_json_ktext(j, "host", a->host);
    jb_json_ktext(j, "state", a->state);
    jb_json_kdouble(j, "progress", attempt->progress);
    put_text(j, "benchmark", jb_str(attempt->live ? a->step : ""));
    put_steps(j, board, attempt);
    put_time(j, "leased", a->leased);
    put_time(j, "started", a->started);
    put_time(j, "ended", a->ended);
    jb_json_kdouble(j, "seconds", from > 0 && to >= from ? (double)(to - from) / 1e6 : NAN);
    put_text(j, "failure", jb_str(a->failure));
    put_text(j, "reason", jb_str(a->reason));
    jb_json_key(j, "links");
    jb_json_object(j);
    snprintf(more, sizeof(more), "/log?attempt=%" PRIu64 "&from=0", a->fence);
    if (f->evaluation.log)
        put_link(j, "log", mount, "/api/requests", f->request->id, more);
    jb_json_end(j);
    jb_json_end(j);
}

static void
put_evaluation(struct jb_json *j, const struct request_facts *f, const struct board *board,
               const char *mount)
{
    const struct evaluation *e = &f->evaluation;
    bool log = e->log && e->log->end;

    jb_json_key(j, "evaluations");
    jb_json_array(j);
    for (size_t i = 0; i < e->n_attempts; i++)
        put_attempt(j, f, board_config_of(board), &e->attempts[i], mount);
    jb_json_end(j);
    put_text(j, "log_tail", log ? e->log->text : jb_str(f->job->log_tail));
}

void
request_json_put_log(uint64_t request, const struct queue_log *log, const char *mount,
                     struct jb_buf *out)
{
    struct jb_json j;
    char more[96];

    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_kint(&j, "request", (int64_t)request);
    put_number(&j, "attempt", log->fence);
    jb_json_kint(&j, "from", (int64_t)log->from);
    jb_json_kint(&j, "next", (int64_t)log->next);
    jb_json_kint(&j, "end", (int64_t)log->end);
    jb_json_kbool(&j, "ended", log->ended);
    jb_json_kstr(&j, "text", log->text);
    jb_json_key(&j, "links");
    jb_json_object(&j);
    put_link(&j, "request", mount, "/api/requests", request, "");
    snprintf(more, sizeof(more), "/log?attempt=%" PRIu64 "&from=%" PRIu64, log->fence,
             log->next);
    if (log->fence && (log->next < log->end || !log->ended))
        put_link(&j, "next", mount, "/api/requests", request, more);
    jb_json_end(&j);
    jb_json_end(&j);
}

static void
put_links(struct jb_json *j, const char *mount, uint64_t id, uint64_t same_as)
{
    jb_json_key(j, "links");
    jb_json_object(j);
    put_link(j, "self", mount, "/api/requests", id, "");
    put_link(j, "file", mount, "/api/requests", id, "/file");
    put_link(j, "page", mount, "/requests", id, "");
    if (same_as)
        put_link(j, "duplicate_of", mount, "/api/requests", same_as, "");
    jb_json_end(j);
}

void
request_json_put_long(const struct queue_entry *e, int64_t now, const char *mount,
                      struct jb_json *j)
{
    jb_json_object(j);
    put_common(j, e);
    put_text(j, "commit", e->commit);
    put_number(j, "place", e->place);
    put_estimate(j, e, now);
    put_time(j, "started", e->started);
    put_time(j, "ended", e->ended);
    jb_json_kint(j, "attempts", (int64_t)e->attempts);
    put_failure(j, e->failure, e->reason);
    put_links(j, mount, e->id, e->same_as);
    jb_json_end(j);
}

static void
put_scores(struct jb_json *j, const struct board *board, const struct board_row *row)
{
    const struct board_config *config = board_config_of(board);
    const struct benchmark *b = config->benchmarks.items;

    jb_json_key(j, "scores");
    if (!row) {
        jb_json_null(j);
        return;
    }
    jb_json_object(j);
    jb_json_kdouble(j, "average", row->average);
    for (size_t i = 0; i < config->benchmarks.n; i++)
        jb_json_kdouble(j, b[i].key, row->scores[i]);
    jb_json_end(j);
}

void
request_json_put(const struct request_facts *f, const struct board *board, const char *mount,
                 struct jb_buf *out)
{
    const struct request *r = f->request;
    const struct job *job = f->job;
    struct jb_json j;

    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_kint(&j, "id", (int64_t)r->id);
    jb_json_ktext(&j, "name", r->model);
    jb_json_ktext(&j, "revision", r->revision);
    put_text(&j, "commit", jb_str(r->commit));
    jb_json_ktext(&j, "precision", r->precision);
    jb_json_ktext(&j, "weight_type", r->weight_type);
    put_text(&j, "model_type", jb_str(r->model_type));
    put_text(&j, "base_model", jb_str(r->base_model));
    put_text(&j, "architectures", jb_str(r->architectures));
    jb_json_kdouble(&j, "params_billions", r->params);
    jb_json_kbool(&j, "private", r->private_);
    jb_json_ktext(&j, "status", r->status);
    put_state(&j, queue_state_of(job->state, r->status));
    put_number(&j, "place", f->entry ? f->entry->place : 0);
    put_estimate(&j, f->entry, f->lists_time);
    jb_json_kint(&j, "attempts", (int64_t)job->attempts);
    put_failure(&j, queue_failure_from(job->failure), jb_str(job->reason));
    put_evaluation(&j, f, board, mount);
    put_number(&j, "duplicate_of", job->same_as);
    jb_json_key(&j, "times");
    jb_json_object(&j);
    put_time(&j, "submitted", r->submitted);
    put_time(&j, "accepted", job->accepted);
    put_time(&j, "checked", job->checked);
    put_time(&j, "queued", job->queued);
    put_time(&j, "started", job->started);
    put_time(&j, "ended", job->ended);
    jb_json_end(&j);
    put_scores(&j, board, f->row);
    put_links(&j, mount, r->id, job->same_as);
    jb_json_end(&j);
}
