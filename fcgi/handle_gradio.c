/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the Gradio protocol. A function runs on the worker; its answer goes to the streams
 * thread, which registers the event and answers the join. */
#include "base/clock.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "fcgi/handlers.h"
#include "fcgi/server.h"
#include "gradio/call.h"

#include <stdio.h>
#include <string.h>

void
handle_config(struct handling *h)
{
    response_cors(h->response, h->request);
    response_ready(h->response, h->request, &h->site->ready[READY_CONFIG]);
}

void
handle_info(struct handling *h)
{
    response_cors(h->response, h->request);
    response_ready(h->response, h->request, &h->site->ready[READY_INFO]);
}

static void
answer_failed(struct handling *h, int code, const struct jb_error *err)
{
    struct jb_buf b = JB_BUF(64 << 10);
    int status = 500;

    gradio_error_body(code, err, &b, &status);
    server_retry_after(h->response, status, 0);
    response_cors(h->response, h->request);
    response_buf(h->response, status, "application/json", &b);
}

/* The order of the function's inputs. */
enum { MODEL, BASE_MODEL, REVISION, PRECISION, PRIVATE, WEIGHT_TYPE, MODEL_TYPE };

/* A page that sends its form again in the same session means the same submission. "" when
 * memory is out or there is no session: then nothing tells them apart. */
static struct jb_str
nonce_of(struct jb_str session, const struct jb_str args[GRADIO_INPUTS_MAX],
         struct jb_arena *arena)
{
    struct jb_buf all = JB_BUF(1 << 20);
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char *hex = jb_arena_alloc(arena, 2 * sizeof(digest) + 1);

    jb_buf_str(&all, session);
    for (size_t i = 0; i < GRADIO_INPUTS_MAX; i++) {
        jb_buf_putc(&all, '\0');
        jb_buf_str(&all, args[i]);
    }
    bool good = session.n && hex && !all.err && crypto_sha256(jb_buf_view(&all), digest) == 0;
    jb_buf_free(&all);
    if (!good)
        return JB_STR("");
    crypto_hex(digest, sizeof(digest), hex);
    return jb_str(hex);
}

static int
run_submit(void *ctx, struct jb_str session, const struct jb_str args[GRADIO_INPUTS_MAX],
           struct jb_arena *arena, struct jb_error *err, struct gradio_outcome *ret_outcome)
{
    struct handling *h = ctx;
    struct queue_answer answer;
    const struct submission submission = {
        .model = args[MODEL],
        .base_model = args[BASE_MODEL],
        .revision = args[REVISION],
        .precision = args[PRECISION],
        .weight_type = args[WEIGHT_TYPE],
        .model_type = args[MODEL_TYPE],
        .private_ = jb_str_is(args[PRIVATE], "true"),
        .nonce = nonce_of(session, args, arena),
        .nonce_derived = true,
    };
    int rc = submissions_submit(server_submissions(h->server), h->site, &submission, arena, err,
                                &answer);

    if (rc)
        return rc;
    rc = submissions_outcome(h->site, &answer, ret_outcome);
    return rc ? jb_fail(err, rc, "no memory for an answer") : 0;
}

static int
run(struct handling *h, enum gradio_route route, struct gradio_answer *ret_answer)
{
    const struct gradio_submit submit = {h, run_submit};
    struct gradio_call call = {.route = route,
                               .name = h->request->param[0],
                               .query = h->request->query,
                               .body = h->request->body,
                               .submit = &submit};
    struct jb_error err = {0};
    int rc = gradio_call_run(h->site->gradio, &call, &h->site->limits, h->request->arena, &err,
                             ret_answer);

    if (rc)
        answer_failed(h, rc, &err);
    return rc;
}

/* The extra header lines of an answer that the streams thread will send. */
static struct jb_blob *
cors_lines(struct handling *h)
{
    struct response r;

    response_init(&r);
    response_cors(&r, h->request);
    struct jb_blob *lines = jb_blob_new(r.head.p, r.head.n);
    response_free(&r);
    return lines;
}

static void
post(struct handling *h, struct streams_task *task)
{
    task->exchange = h->exchange;
    task->prefixed = h->request->prefixed;
    if (task->head && streams_post(server_streams(h->server), task)) {
        h->response->taken = true;
        return;
    }
    jb_blob_unref(task->head);
    jb_blob_unref(task->outcome.output);
    response_cors(h->response, h->request);
    response_json_error(h->response, 503, "Queue is full.");
}

void
handle_run(struct handling *h)
{
    struct gradio_answer answer = {0};
    int64_t begin = jb_now_us();

    if (run(h, ROUTE_RUN, &answer))
        return;
    if (answer.outcome.waiting) {
        int64_t most = jb_monotonic_ms() + h->site->conf->submit.wait;
        if (answer.outcome.deadline_ms > most) /* nothing of it is sent before its end */
            answer.outcome.deadline_ms = most;
        struct streams_task task = {.kind = STREAMS_RUN,
                                    .fn_index = answer.fn_index,
                                    .outcome = answer.outcome,
                                    .head = cors_lines(h)};
        post(h, &task);
        return;
    }
    struct jb_buf b = JB_BUF((size_t)1 << 30);
    int status = 500;
    gradio_run_body(&answer, h->request->prefixed, (double)(jb_now_us() - begin) / 1e6, &b,
                    &status);
    jb_blob_unref(answer.outcome.output);
    response_cors(h->response, h->request);
    response_buf(h->response, status, "application/json", &b);
}

static bool
keep_name(char out[GRADIO_SESSION_MAX + 1], struct jb_str name)
{
    if (name.n > GRADIO_SESSION_MAX)
        return false;
    memcpy(out, name.p ? name.p : "", name.n);
    out[name.n] = '\0';
    return true;
}

static void
join(struct handling *h, enum gradio_route route, enum streams_kind kind)
{
    struct gradio_answer answer = {0};
    struct streams_task task = {.kind = kind};

    if (run(h, route, &answer))
        return;
    if (!keep_name(task.name, answer.session) || (kind == STREAMS_JOIN && !task.name[0])) {
        jb_blob_unref(answer.outcome.output);
        response_cors(h->response, h->request);
        response_json_error(h->response, 400,
                            answer.session.n ? "Session hash is too long."
                                             : "Session hash not found.");
        return;
    }
    task.fn_index = answer.fn_index;
    task.outcome = answer.outcome;
    task.head = cors_lines(h);
    post(h, &task);
}

void
handle_join(struct handling *h)
{
    join(h, ROUTE_JOIN, STREAMS_JOIN);
}

void
handle_call(struct handling *h)
{
    join(h, ROUTE_CALL, STREAMS_CALL);
}

void
handle_call_v2(struct handling *h)
{
    join(h, ROUTE_CALL_V2, STREAMS_CALL);
}

void
handle_cancel(struct handling *h)
{
    struct streams_task task = {.kind = STREAMS_CANCEL};
    struct jb_str session = {NULL, 0}, event = {NULL, 0};
    struct jb_error err = {0};
    int rc = gradio_cancel_read(h->request->body, h->request->arena, &err, &session, &event);

    if (rc) {
        answer_failed(h, rc, &err);
        return;
    }
    if (!keep_name(task.name, session) || !keep_name(task.event, event)) {
        response_cors(h->response, h->request);
        response_json_error(h->response, 400, "An id is too long.");
        return;
    }
    task.head = cors_lines(h);
    post(h, &task);
}

void
handle_reset(struct handling *h)
{
    struct jb_str event = {NULL, 0};
    struct jb_error err = {0};
    int rc = gradio_reset_read(h->request->body, h->request->arena, &err, &event);

    if (rc) {
        answer_failed(h, rc, &err);
        return;
    }
    response_cors(h->response, h->request);
    response_text(h->response, 200, "application/json", "{\"success\":true}");
}

/* Status line and header of an event stream. */
static struct jb_blob *
stream_head(struct handling *h)
{
    struct response r;

    response_init(&r);
    response_header(&r, "Content-Type", "text/event-stream; charset=utf-8");
    response_header(&r, "Cache-Control", "no-cache");
    response_header(&r, "X-Accel-Buffering", "no");
    response_cors(&r, h->request);
    struct jb_blob *head = response_head(&r);
    response_free(&r);
    return head;
}

static void
open_stream(struct handling *h, struct streams_task *task)
{
    if (h->request->method == METHOD_HEAD) {
        response_header(h->response, "Content-Type", "text/event-stream; charset=utf-8");
        response_cors(h->response, h->request);
        return;
    }
    task->head = stream_head(h);
    post(h, task);
}

void
handle_queue_data(struct handling *h)
{
    struct streams_task task = {.kind = STREAMS_DATA};
    struct jb_str session = {NULL, 0};

    if (!web_request_query_value(h->request, "session_hash", &session)) {
        response_missing_query(h->response, h->request, "session_hash");
        return;
    }
    if (!keep_name(task.name, session)) {
        response_cors(h->response, h->request);
        response_json_error(h->response, 400, "Session hash is too long.");
        return;
    }
    open_stream(h, &task);
}

void
handle_call_data(struct handling *h)
{
    struct streams_task task = {.kind = STREAMS_CALL_DATA};

    if (!keep_name(task.event, h->request->param[1])) {
        response_cors(h->response, h->request);
        response_json_error(h->response, 400, "The event id is too long.");
        return;
    }
    open_stream(h, &task);
}

void
handle_heartbeat(struct handling *h)
{
    struct streams_task task = {.kind = STREAMS_HEARTBEAT};

    open_stream(h, &task);
}
