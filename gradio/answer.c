/* SPDX-License-Identifier: Apache-2.0 */
/* What a call that is answered at once gets back. */
#include "gradio/call.h"

#include "base/json.h"
#include "gradio/messages.h"

#include <inttypes.h>
#include <string.h>

int
gradio_run_body(const struct gradio_answer *answer, bool prefixed, double seconds,
                struct jb_buf *out, int *ret_status)
{
    const struct gradio_outcome *o = &answer->outcome;
    int64_t micros = seconds > 0 ? (int64_t)(seconds * 1e6) : 0;

    if (o->output)
        jb_buf_reserve(out, o->output->n + 256);
    if (o->success) {
        jb_buf_puts(out, "{\"data\":");
        jb_buf_put(out, o->output->p, o->output->n);
        jb_buf_printf(out,
                      ",\"is_generating\":false,\"duration\":%" PRId64
                      ".%06d,\"average_duration\":%" PRId64
                      ".%06d,\"render_config\":null,\"changed_state_ids\":[]%s}",
                      micros / 1000000, (int)(micros % 1000000), micros / 1000000,
                      (int)(micros % 1000000), prefixed ? ",\"used_cache\":null" : "");
    } else {
        jb_buf_puts(out, "{\"error\":");
        if (o->output)
            jb_buf_put(out, o->output->p, o->output->n);
        else
            jb_buf_puts(out, "null");
        jb_buf_puts(out, message_error_tail(prefixed, o));
    }
    if (out->err)
        return out->err;
    *ret_status = o->success ? 200 : 500;
    return 0;
}

static bool
is_position(struct jb_str part)
{
    size_t i = 0;

    while (i < part.n && part.p[i] >= '0' && part.p[i] <= '9')
        i++;
    return i && i == part.n && (i == 1 || part.p[0] != '0');
}

/* "body.data: Field required" -> loc ["body","data"]; a number is a position. */
static void
put_place(struct jb_json *j, struct jb_str place)
{
    jb_json_key(j, "loc");
    jb_json_array(j);
    while (place.n) {
        const char *dot = memchr(place.p, '.', place.n);
        struct jb_str part = {place.p, dot ? (size_t)(dot - place.p) : place.n};

        if (is_position(part))
            jb_json_raw(j, part);
        else
            jb_json_str(j, part);
        if (!dot)
            break;
        place = (struct jb_str){dot + 1, place.n - part.n - 1};
    }
    jb_json_end(j);
}

/* FastAPI's name of a complaint. */
static const char *
complaint_type(const char *message)
{
    static const struct {
        const char *message, *type;
    } known[] = {
        {"Field required", "missing"},
        {"Input should be a valid list", "list_type"},
        {"Input should be a valid integer", "int_type"},
        {"Input should be a valid string", "string_type"},
        {"Input should be a valid dictionary or object to extract fields from",
         "model_attributes_type"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(message, known[i].message))
            return known[i].type;
    return "value_error";
}

static void
put_complaint(struct jb_json *j, int code, struct jb_str place, const char *message)
{
    bool json = code == JB_EPARSE;

    jb_json_array(j);
    jb_json_object(j);
    jb_json_ktext(j, "type", json ? "json_invalid" : complaint_type(message));
    put_place(j, place);
    jb_json_ktext(j, "msg", json ? "JSON decode error" : message);
    jb_json_key(j, "input");
    if (jb_str_is(place, "body") && !strcmp(message, "Field required"))
        jb_json_null(j); /* there was none */
    else
        jb_json_raw(j, JB_STR("{}"));
    if (json) {
        jb_json_key(j, "ctx");
        jb_json_object(j);
        jb_json_ktext(j, "error", message);
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_end(j);
}

void
gradio_error_body(int code, const struct jb_error *err, struct jb_buf *out, int *ret_status)
{
    const char *text = err && err->text[0] ? err->text : jb_strerror(code);
    const char *colon = strstr(text, ": ");
    struct jb_json j;

    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_key(&j, "detail");
    if ((code == JB_EPARSE || code == JB_EUNPROC) && colon && !strncmp(text, "body", 4)) {
        *ret_status = 422;
        put_complaint(&j, code, (struct jb_str){text, (size_t)(colon - text)}, colon + 2);
    } else {
        *ret_status = code == JB_EPARSE ? 422 : jb_error_status(code);
        jb_json_text(&j, text);
    }
    jb_json_end(&j);
}
