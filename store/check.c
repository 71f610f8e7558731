/* SPDX-License-Identifier: Apache-2.0 */
/* What a record must be like before it goes into any store. */
#include "base/text.h"
#include "store/env.h"

#include <math.h>
#include <string.h>

int
check_text(const char *what, const char *text, size_t max, struct jb_error *err)
{
    size_t n = text ? strlen(text) : 0;

    if (n > max)
        return jb_fail(err, JB_ETOOBIG, "%s: %zu bytes are too long (at most %zu)", what, n,
                       max);
    if (n && jb_utf8_valid(text, n) != n)
        return jb_fail(err, JB_EINVAL, "%s: not valid UTF-8", what);
    return 0;
}

/* Names and words stand in keys, messages and file names: one line each. */
int
check_line(const char *what, const char *text, size_t max, struct jb_error *err)
{
    int rc = check_text(what, text, max, err);

    if (rc)
        return rc;
    for (const char *p = text ? text : ""; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return jb_fail(err, JB_EINVAL, "%s: contains a control character", what);
    }
    return 0;
}

static int
check_model(const char *model, struct jb_error *err)
{
    if (!model || !*model)
        return jb_fail(err, JB_EINVAL, "model: the name is missing");
    return check_line("model", model, STORE_NAME_MAX, err);
}

/* A path is written to by exports: it stays below its folder. */
static int
check_path(const char *path, struct jb_error *err)
{
    int rc = check_line("path", path, STORE_TEXT_MAX, err);

    if (rc || !path || !*path)
        return rc;
    for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return jb_fail(err, JB_EINVAL,
                           "path: \"%.100s\" is not a relative path of plain names", path);
        if (n > 255)
            return jb_fail(err, JB_ETOOBIG, "path: a name of %zu bytes is too long", n);
    }
    return 0;
}

static int
check_number(const char *what, double v, struct jb_error *err)
{
    return isinf(v) ? jb_fail(err, JB_EINVAL, "%s: infinite", what) : 0;
}

static int
check_doc(struct jb_str doc, struct jb_error *err)
{
    if (doc.n > STORE_DOC_MAX)
        return jb_fail(err, JB_ETOOBIG, "document: %zu bytes are too long (at most %u)", doc.n,
                       STORE_DOC_MAX);
    return 0;
}

int
check_time(const char *what, int64_t time, struct jb_error *err)
{
    return time < 0 ? jb_fail(err, JB_EINVAL, "%s: a time before 1970", what) : 0;
}

int
store_request_check(const struct request *request, struct jb_error *err)
{
    int rc;

    if ((rc = check_model(request->model, err)) ||
        (rc = check_text("base_model", request->base_model, STORE_TEXT_MAX, err)) ||
        (rc = check_line("revision", request->revision, STORE_NAME_MAX, err)) ||
        (rc = check_line("commit", request->commit, STORE_WORD_MAX, err)) ||
        (rc = check_line("precision", request->precision, STORE_WORD_MAX, err)) ||
        (rc = check_line("weight_type", request->weight_type, STORE_WORD_MAX, err)) ||
        (rc = check_line("status", request->status, STORE_WORD_MAX, err)) ||
        (rc = check_text("model_type", request->model_type, STORE_TEXT_MAX, err)) ||
        (rc = check_text("architectures", request->architectures, STORE_TEXT_MAX, err)) ||
        (rc = check_text("license", request->license, STORE_TEXT_MAX, err)) ||
        (rc = check_text("job_id", request->job_id, STORE_TEXT_MAX, err)) ||
        (rc = check_number("params", request->params, err)) ||
        (rc = check_number("likes", request->likes, err)) ||
        (rc = check_path(request->path, err)))
        return rc;
    return check_doc(request->doc, err);
}

int
store_result_check(const struct result *result, struct jb_error *err)
{
    int rc;

    if ((rc = check_model(result->model, err)) ||
        (rc = check_line("revision", result->revision, STORE_NAME_MAX, err)) ||
        (rc = check_line("precision", result->precision, STORE_WORD_MAX, err)) ||
        (rc = check_line("dialect", result->dialect, STORE_WORD_MAX, err)) ||
        (rc = check_path(result->path, err)) || (rc = check_doc(result->doc, err)))
        return rc;
    if (!result->path || !*result->path)
        return jb_fail(err, JB_EINVAL, "path: the file name is missing");
    if (result->n > STORE_LIST_MAX)
        return jb_fail(err, JB_ETOOBIG, "%zu scores are too many (at most %d)", result->n,
                       STORE_LIST_MAX);
    for (size_t i = 0; i < result->n; i++) {
        const struct result_score *score = &result->scores[i];
        if (!score->benchmark || !*score->benchmark)
            return jb_fail(err, JB_EINVAL, "a score has no benchmark");
        if ((rc = check_line("benchmark", score->benchmark, STORE_WORD_MAX, err)))
            return rc;
        if (!isfinite(score->value))
            return jb_fail(err, JB_EINVAL, "the score of %s is not a number", score->benchmark);
        if ((rc = check_number("error", score->error, err)))
            return rc;
        for (size_t k = 0; k < i; k++) {
            if (strcmp(result->scores[k].benchmark, score->benchmark) == 0)
                return jb_fail(err, JB_EINVAL, "two scores of %s", score->benchmark);
        }
    }
    return 0;
}

int
store_model_check(const struct model_info *model, struct jb_error *err)
{
    int rc;

    if ((rc = check_model(model->model, err)) ||
        (rc = check_number("likes", model->likes, err)) ||
        (rc = check_text("license", model->license, STORE_TEXT_MAX, err)) ||
        (rc = check_doc(model->doc, err)))
        return rc;
    if (model->n_tags > STORE_LIST_MAX)
        return jb_fail(err, JB_ETOOBIG, "%zu tags are too many (at most %d)", model->n_tags,
                       STORE_LIST_MAX);
    for (size_t i = 0; i < model->n_tags; i++) {
        if ((rc = check_line("tag", model->tags[i], STORE_NAME_MAX, err)))
            return rc;
    }
    return 0;
}

int
store_note_check(enum store_note kind, const char *name, const char *text, struct jb_error *err)
{
    int rc = check_model(name, err);

    if (rc)
        return rc;
    if ((unsigned)kind >= NOTE_MAX)
        return jb_fail(err, JB_EINVAL, "%u is not a kind of note", (unsigned)kind);
    if (kind == NOTE_ALIAS)
        return check_model(text, err);
    return check_text("text", text, STORE_TEXT_MAX, err);
}

int
store_job_check(const struct job *job, struct jb_error *err)
{
    const struct {
        const char *what;
        int64_t time;
    } times[] = {
        {"due", job->due},         {"accepted", job->accepted}, {"checked", job->checked},
        {"queued", job->queued},   {"started", job->started},   {"ended", job->ended},
        {"embargo", job->embargo},
    };
    int rc;

    if (!job->state || !*job->state)
        return jb_fail(err, JB_EINVAL, "state: missing");
    if ((rc = check_line("state", job->state, STORE_WORD_MAX, err)) ||
        (rc = check_line("failure", job->failure, STORE_WORD_MAX, err)) ||
        (rc = check_line("reason", job->reason, STORE_TEXT_MAX, err)) ||
        (rc = check_text("log_tail", job->log_tail, STORE_TEXT_MAX, err)) ||
        (rc = check_line("owner", job->owner, STORE_NAME_MAX, err)))
        return rc;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if ((rc = check_time(times[i].what, times[i].time, err)))
            return rc;
    }
    return 0;
}

int
nonce_check(const struct nonce *nonce, struct jb_error *err)
{
    return nonce->request == 0 ? jb_fail(err, JB_EINVAL, "nonce: of no request")
                               : check_time("time", nonce->time, err);
}

int
timing_check(const struct timing *timing, struct jb_error *err)
{
    int rc;

    if ((rc = check_line("benchmark", timing->benchmark, STORE_WORD_MAX, err)) ||
        (rc = check_line("precision", timing->precision, STORE_WORD_MAX, err)) ||
        (rc = check_number("params", timing->params, err)) ||
        (rc = check_time("time", timing->time, err)))
        return rc;
    return isfinite(timing->seconds) && timing->seconds > 0
               ? 0
               : jb_fail(err, JB_EINVAL, "seconds: not a time that something takes");
}

int
delivery_check(const struct delivery *delivery, struct jb_error *err)
{
    int rc;

    if (!delivery->target || !*delivery->target)
        return jb_fail(err, JB_EINVAL, "target: missing");
    if ((rc = check_line("target", delivery->target, STORE_NAME_MAX, err)) ||
        (rc = check_line("event", delivery->event, STORE_WORD_MAX, err)) ||
        (rc = check_text("body", delivery->body, DELIVERY_BODY_MAX, err)) ||
        (rc = check_text("error", delivery->error, STORE_TEXT_MAX, err)) ||
        (rc = check_time("created", delivery->created, err)))
        return rc;
    return check_time("due", delivery->due, err);
}
