/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/webhook_event.h"

#include "base/clock.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "harness/jsontext.h"
#include "queue/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *
webhook_event_of(const struct webhook_change *change)
{
    switch (queue_state_from_word(change->state)) {
    case QUEUE_SUBMITTED: return "submitted";
    case QUEUE_QUEUED: return change->submitted ? "submitted" : NULL;
    case QUEUE_RUNNING: return "started";
    case QUEUE_FINISHED: return "finished";
    case QUEUE_FAILED:
    case QUEUE_QUARANTINED: return "failed";
    default: return NULL;
    }
}

bool
webhook_wants(const struct conf_webhook *hook, const char *event)
{
    for (size_t i = 0; i < hook->events.n; i++)
        if (strcmp(hook->events.items[i], event) == 0)
            return true;
    return hook->events.n == 0 || strcmp(event, WEBHOOK_PING) == 0;
}

int
webhook_change_read(const struct change *change, struct jb_arena *arena,
                    struct webhook_change *ret_change)
{
    struct webhook_change c = {.state = "", .failure = "", .reason = ""};
    struct jb_str after = jb_str(change->after);
    struct jsontext_member m;

    for (size_t at = 0; after.n && jsontext_next(after, &at, &m);) {
        const char **into = jsontext_key_is(m.key, "state")     ? &c.state
                            : jsontext_key_is(m.key, "failure") ? &c.failure
                            : jsontext_key_is(m.key, "reason")  ? &c.reason
                                                                : NULL;

        c.submitted |= jsontext_key_is(m.key, "round");
        if (!into || m.value.n < 2 || m.value.p[0] != '"')
            continue;
        *into = jsontext_key((struct jb_str){m.value.p + 1, m.value.n - 2}, arena);
        if (!*into)
            return JB_ENOMEM;
        c.failure_said |= into == &c.failure;
        c.reason_said |= into == &c.reason;
    }
    *ret_change = c;
    return 0;
}

static void
put_time(struct jb_json *j, const char *key, int64_t time, int micros)
{
    char text[JB_TIME_SIZE];

    if (!time) {
        jb_json_knull(j, key);
        return;
    }
    jb_time_format(time, micros, text);
    jb_json_ktext(j, key, text);
}

/* "" is null: not known. */
static void
put_known(struct jb_json *j, const char *key, const char *text)
{
    jb_json_ktext(j, key, text && *text ? text : NULL);
}

static void
put_request(struct jb_json *j, const struct webhook_event *e)
{
    const struct request *r = e->request;

    jb_json_object(j);
    jb_json_kint(j, "id", (int64_t)r->id);
    jb_json_ktext(j, "model", r->model);
    put_known(j, "revision", r->revision);
    put_known(j, "commit", r->commit);
    put_known(j, "precision", r->precision);
    put_known(j, "weight_type", r->weight_type);
    put_known(j, "model_type", r->model_type);
    put_known(j, "status", queue_state_status(queue_state_from_word(e->state)));
    put_time(j, "submitted", r->submitted, r->submitted % 1000000 != 0);
    jb_json_end(j);
}

int
webhook_body(const struct webhook_event *e, struct jb_buf *out)
{
    struct jb_json j;
    struct jb_buf url = JB_BUF(4096);
    int rc;

    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_ktext(&j, "event", e->event);
    jb_json_kint(&j, "id", (int64_t)e->delivery);
    put_time(&j, "time", e->time, 1);
    jb_json_key(&j, "request");
    if (e->request)
        put_request(&j, e);
    else
        jb_json_null(&j);
    jb_json_key(&j, "failure");
    if (strcmp(e->event, "failed") == 0) {
        jb_json_object(&j);
        put_known(&j, "class", e->failure);
        put_known(&j, "reason", e->reason);
        jb_json_end(&j);
    } else {
        jb_json_null(&j);
    }
    jb_json_key(&j, "url");
    if (e->request) {
        jb_buf_printf(&url, "%s/requests/%" PRIu64, e->mount, e->request->id);
        jb_json_str(&j, jb_buf_view(&url));
    } else {
        jb_json_null(&j);
    }
    jb_json_end(&j);
    rc = url.err ? url.err : jb_json_finish(&j);
    jb_buf_free(&url);
    return rc;
}

int
webhook_sign(struct jb_str key, int64_t timestamp, struct jb_str body,
             char ret_signature[WEBHOOK_SIGNATURE_SIZE])
{
    struct jb_buf text = JB_BUF(DELIVERY_BODY_MAX + 64);
    unsigned char mac[CRYPTO_SHA256_SIZE];
    int rc;

    jb_buf_printf(&text, "%" PRId64 ".", timestamp);
    jb_buf_str(&text, body);
    rc = text.err ? text.err : crypto_hmac_sha256(key, jb_buf_view(&text), mac);
    jb_buf_free(&text);
    if (rc)
        return rc;
    memcpy(ret_signature, "sha256=", 7);
    crypto_hex(mac, sizeof(mac), ret_signature + 7);
    return 0;
}

int64_t
webhook_wait(int64_t first, uint64_t attempts, int64_t retry_after, uint32_t random)
{
    int64_t wait = first;

    for (uint64_t i = 1; i < attempts && wait < WEBHOOK_WAIT_MOST; i++)
        wait *= 2;
    if (wait > WEBHOOK_WAIT_MOST)
        wait = WEBHOOK_WAIT_MOST;
    wait += wait * ((int64_t)(random % 4001) - 2000) / 10000;
    if (retry_after > wait)
        wait = retry_after;
    return wait > WEBHOOK_WAIT_MOST ? WEBHOOK_WAIT_MOST : wait;
}
