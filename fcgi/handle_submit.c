/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions and what their submitters do with them: the JSON API and the native forms. The
 * Gradio function is in handle_gradio.c. */
#include "base/text.h"
#include "fcgi/handlers.h"
#include "fcgi/posted.h"
#include "fcgi/queue_pages.h"
#include "fcgi/server.h"
#include "views/answer.h"

#include <string.h>

enum { ANSWER_MAX = 64 << 10 };

/* What the store could not do, for people and for programs. */
static void
answer_failed(struct handling *h, int rc, const struct jb_error *err)
{
    int status = jb_error_status(rc);

    server_retry_after(h->response, status, 0);
    server_error(h, status, err->text[0] ? err->text : jb_strerror(rc));
}

static void
answer_json(struct handling *h, const struct queue_answer *answer)
{
    struct jb_buf b = JB_BUF(ANSWER_MAX);

    answer_put_json(answer, h->site->conf->site.mount, &b);
    server_retry_after(h->response, answer->status, answer->retry_after);
    response_cors(h->response, h->request);
    response_header(h->response, "Cache-Control", "no-store");
    response_buf(h->response, answer->status, "application/json", &b);
}

static void
answer_unread(struct handling *h, int rc, const struct jb_error *err)
{
    response_cors(h->response, h->request);
    response_json_error(h->response, rc == JB_EUNPROC ? 422 : jb_error_status(rc), err->text);
}

void
handle_api_submit(struct handling *h)
{
    struct submission submission;
    struct queue_answer answer;
    struct jb_error err = {0};
    int rc = posted_submission(h->request, &err, &submission);

    if (rc) {
        answer_unread(h, rc, &err);
        return;
    }
    rc = submissions_submit(server_submissions(h->server), h->site, &submission,
                            h->request->arena, &err, &answer);
    if (rc)
        answer_failed(h, rc, &err);
    else
        answer_json(h, &answer);
}

/* Authorization: Bearer, else the body. */
static int
read_secret(const struct web_request *request, struct jb_error *err, struct jb_str *ret_secret)
{
    static const char bearer[] = "Bearer ";
    struct jb_str given = request->authorization;
    size_t n = sizeof(bearer) - 1;

    if (given.n > n && memcmp(given.p, bearer, n) == 0) {
        *ret_secret = (struct jb_str){given.p + n, given.n - n};
        return 0;
    }
    return posted_secret(request, err, ret_secret);
}

static void
own_api(struct handling *h, enum queue_event event)
{
    struct jb_str secret = {NULL, 0};
    struct queue_answer answer;
    struct jb_error err = {0};
    uint64_t id;

    if (!page_id(h, h->request->param[0], &id))
        return;
    int rc = read_secret(h->request, &err, &secret);
    if (rc) {
        answer_unread(h, rc, &err);
        return;
    }
    rc = submissions_own(server_submissions(h->server), h->site, id, secret, event,
                         h->request->arena, &err, &answer);
    if (rc)
        answer_failed(h, rc, &err);
    else
        answer_json(h, &answer);
}

void
handle_api_cancel(struct handling *h)
{
    own_api(h, QUEUE_EVENT_CANCEL);
}

void
handle_api_rerun(struct handling *h)
{
    own_api(h, QUEUE_EVENT_RERUN);
}

/* --- native forms ----------------------------------------------------------------------------
 */

void
handle_submit(struct handling *h)
{
    const struct web_request *r = h->request;
    struct queue_answer answer;
    struct jb_error err = {0};
    struct submit_form form = {.values = {
                                   .model = posted_field(r, "model"),
                                   .revision = posted_field(r, "revision"),
                                   .model_type = posted_field(r, "model_type"),
                                   .precision = posted_field(r, "precision"),
                                   .weight_type = posted_field(r, "weight_type"),
                                   .base_model = posted_field(r, "base_model"),
                                   .nonce = posted_field(r, "nonce"),
                               }};
    int rc = posted_from_here(r, &err);

    if (rc) {
        server_error(h, jb_error_status(rc), err.text);
        return;
    }
    rc = submissions_submit(server_submissions(h->server), h->site, &form.values, r->arena,
                            &err, &answer);
    if (rc) {
        answer_failed(h, rc, &err);
        return;
    }
    form.answer = &answer;
    server_retry_after(h->response, answer.status, answer.retry_after);
    submit_page_answer(h, &form, answer.status == 202 ? 200 : answer.status);
}

static void
own_form(struct handling *h, enum queue_event event)
{
    static const char *const folders[] = {
        [LANG_ZH] = "/zh", [LANG_EN] = "/en", [LANG_MAX] = ""};
    struct queue_answer answer;
    struct jb_error err = {0};
    uint64_t id;
    int rc = posted_from_here(h->request, &err);

    if (rc) {
        server_error(h, jb_error_status(rc), err.text);
        return;
    }
    if (!page_id(h, h->request->param[0], &id))
        return;
    rc = submissions_own(server_submissions(h->server), h->site, id,
                         posted_field(h->request, "secret"), event, h->request->arena, &err,
                         &answer);
    if (rc) {
        answer_failed(h, rc, &err);
        return;
    }
    if (answer.kind == ANSWER_ERROR || answer.kind == ANSWER_WARNING) {
        const struct request_view view = {.manage = true, .answer = &answer};
        server_retry_after(h->response, answer.status, answer.retry_after);
        request_page_answer(h, id, &view, answer.status);
        return;
    }
    h->response->status = 303;
    jb_buf_printf(&h->response->head,
                  "Location: %s%s/requests/%llu\r\nCache-Control: no-store\r\n"
                  "Content-Length: 0\r\n",
                  h->site->conf->site.mount, folders[page_lang(h)], (unsigned long long)id);
}

void
handle_cancel_form(struct handling *h)
{
    own_form(h, QUEUE_EVENT_CANCEL);
}

void
handle_rerun_form(struct handling *h)
{
    own_form(h, QUEUE_EVENT_RERUN);
}
