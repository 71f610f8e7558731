/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/messages.h"

#include "base/json.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 1024

#define OPENING                                                                                \
    "data: {\"msg\":\"estimation\",\"event_id\":\"%s\",\"rank\":0,\"queue_size\":1,"           \
    "\"rank_eta\":%s}\n\n"                                                                     \
    "data: {\"msg\":\"process_starts\",\"event_id\":\"%s\",\"eta\":%s}\n\n"
#define RESULT "data: {\"msg\":\"process_completed\",\"event_id\":\"%s\",\"output\":{\"%s\":"

static struct jb_blob *
blob_of(const char *text)
{
    return jb_blob_new(text, strlen(text));
}

/* Seconds as JSON, or null. */
static void
put_seconds(char out[32], int64_t micros)
{
    if (micros < 0)
        snprintf(out, 32, "null");
    else
        snprintf(out, 32, "%" PRId64 ".%06d", micros / 1000000, (int)(micros % 1000000));
}

struct jb_blob *
message_event_head(bool prefixed, const char *event_id, bool success, int64_t mean_us)
{
    char text[MESSAGE_MAX], eta[32];
    (void)prefixed; /* the heads of both generations are the same */

    put_seconds(eta, mean_us);
    snprintf(text, sizeof(text), OPENING RESULT, event_id, eta, event_id, eta, event_id,
             success ? "data" : "error");
    return blob_of(text);
}

struct jb_blob *
message_event_opening(const char *event_id, int64_t mean_us)
{
    char text[MESSAGE_MAX], eta[32];

    put_seconds(eta, mean_us);
    snprintf(text, sizeof(text), OPENING, event_id, eta, event_id, eta);
    return blob_of(text);
}

struct jb_blob *
message_event_result(const char *event_id, bool success)
{
    char text[MESSAGE_MAX];

    snprintf(text, sizeof(text), RESULT, event_id, success ? "data" : "error");
    return blob_of(text);
}

struct jb_blob *
message_progress(const char *event_id, struct jb_str desc, double progress)
{
    char number[JB_DOUBLE_SIZE] = "null";
    struct jb_buf b = JB_BUF(64 << 10);

    if (progress >= 0)
        jb_format_double(progress < 1 ? progress : 1, number);
    jb_buf_printf(&b,
                  "data: {\"msg\":\"progress\",\"event_id\":\"%s\",\"progress_data\":[{"
                  "\"index\":null,\"length\":null,\"unit\":\"steps\",\"progress\":%s,"
                  "\"desc\":",
                  event_id, number);
    jb_put_json(&b, desc);
    jb_buf_puts(&b, "}]}\n\n");
    return jb_blob_from_buf(&b);
}

static bool
says_null(const struct gradio_outcome *outcome)
{
    return !outcome->output ||
           (outcome->output->n == 4 && !memcmp(outcome->output->p, "null", 4));
}

const char *
message_error_tail(bool prefixed, const struct gradio_outcome *outcome)
{
    if (says_null(outcome))
        return "}";
    return prefixed ? ",\"duration\":10,\"visible\":true,\"title\":\"Error\"}"
                    : ",\"duration\":10,\"visible\":true}";
}

struct jb_blob *
message_event_tail(bool prefixed, const struct gradio_outcome *outcome, int64_t mean_us)
{
    char text[MESSAGE_MAX], took[32], mean[32];

    put_seconds(took, outcome->micros < 0 ? 0 : outcome->micros);
    put_seconds(mean, mean_us < 0 ? outcome->micros : mean_us);
    if (!outcome->success)
        snprintf(text, sizeof(text), "%s,\"success\":false%s}\n\n",
                 message_error_tail(prefixed, outcome),
                 prefixed ? ",\"title\":\"Error\",\"used_cache\":null,\"cache_duration\":null,"
                            "\"avg_time\":null"
                          : "");
    else if (!prefixed)
        snprintf(text, sizeof(text),
                 ",\"is_generating\":false,\"duration\":%s,\"average_duration\":%s,"
                 "\"render_config\":null,\"changed_state_ids\":[]},\"success\":true}\n\n",
                 took, mean);
    else
        snprintf(text, sizeof(text),
                 ",\"is_generating\":false,\"duration\":%s,\"average_duration\":%s,"
                 "\"render_config\":null,\"changed_state_ids\":[],\"used_cache\":null},"
                 "\"success\":true,\"title\":null,\"used_cache\":null,\"cache_duration\":%s,"
                 "\"avg_time\":%s}\n\n",
                 took, mean, took, mean);
    return blob_of(text);
}

struct jb_blob *
message_cancelled(bool prefixed, const char *event_id)
{
    char text[MESSAGE_MAX];

    snprintf(
        text, sizeof(text),
        "data: "
        "{\"msg\":\"process_completed\",\"event_id\":\"%s\",\"output\":{},\"success\":true%s}"
        "\n\n",
        event_id,
        prefixed
            ? ",\"title\":null,\"used_cache\":null,\"cache_duration\":null,\"avg_time\":null"
            : "");
    return blob_of(text);
}

struct jb_blob *
message_unexpected(bool prefixed, const char *what, bool not_found)
{
    char text[MESSAGE_MAX];

    snprintf(text, sizeof(text),
             "data: "
             "{\"msg\":\"unexpected_error\",\"event_id\":null,\"message\":\"%s\",%s\"success\":"
             "false}\n\n",
             what,
             !prefixed   ? ""
             : not_found ? "\"session_not_found\":true,"
                         : "\"session_not_found\":false,");
    return blob_of(text);
}

struct jb_blob *
message_call_head(bool prefixed, const struct gradio_outcome *outcome)
{
    if (outcome->success)
        return blob_of("event: complete\ndata: ");
    /* 4.44.1 never tells the reason here; the caller leaves the output out. */
    return blob_of(prefixed ? "event: error\ndata: {\"error\":" : "event: error\ndata: null");
}

struct jb_blob *
message_call_tail(bool prefixed, const struct gradio_outcome *outcome)
{
    char text[MESSAGE_MAX];

    snprintf(text, sizeof(text), "%s\n\n",
             outcome->success || !prefixed ? "" : message_error_tail(true, outcome));
    return blob_of(text);
}

struct jb_blob *
message_call_error(const char *what)
{
    char text[MESSAGE_MAX];

    snprintf(text, sizeof(text), "event: error\ndata: \"%s\"\n\n", what);
    return blob_of(text);
}
