/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h> /* memmem */

#include "fcgi/posted.h"

#include "gradio/scan.h"

#include <string.h>
#include <strings.h>

/* A member that is a text or a truth, by where it goes. */
struct member {
    const char *name;
    struct jb_str *text;
    bool *truth;
};

static int
read_member(const struct web_request *request, const struct member *m,
            const struct scan_item *item, struct jb_error *err)
{
    if (item->kind == SCAN_NULL)
        return 0;
    if (m->truth) {
        if (item->kind != SCAN_TRUE && item->kind != SCAN_FALSE)
            return jb_fail(err, JB_EUNPROC, "%s: must be true or false", m->name);
        *m->truth = item->kind == SCAN_TRUE;
        return 0;
    }
    if (item->kind != SCAN_STRING)
        return jb_fail(err, JB_EUNPROC, "%s: must be a text", m->name);
    int rc = scan_string(item->raw, request->arena, m->text);
    return rc ? jb_fail(err, rc, "%s: %s", m->name,
                        rc == JB_EUNPROC ? "must be valid UTF-8" : jb_strerror(rc))
              : 0;
}

static int
read_object(const struct web_request *request, const struct member *members, size_t n,
            struct jb_error *err)
{
    struct scan s;
    struct jb_str raw, key;
    struct scan_item item;
    int rc, more;

    scan_init(&s, request->body);
    if (scan_peek(&s) != SCAN_OBJECT)
        return jb_fail(err, s.error ? JB_EPARSE : JB_EUNPROC, "the body must be a JSON object");
    rc = scan_enter(&s);
    for (bool first = true; !rc && (more = scan_next(&s, first, &raw)) != 0; first = false) {
        const struct member *m = NULL;
        if (more < 0 || (rc = scan_value(&s, &item)) ||
            (rc = scan_string(raw, request->arena, &key))) {
            rc = more < 0 ? more : rc;
            break;
        }
        for (size_t i = 0; i < n && !m; i++)
            if (jb_str_is(key, members[i].name))
                m = &members[i];
        if (!m)
            return jb_fail(err, JB_EUNPROC, "\"%.*s\" is not known here",
                           key.n > 60 ? 60 : (int)key.n, key.p);
        if ((rc = read_member(request, m, &item, err)))
            return rc;
    }
    if (!rc)
        rc = scan_finish(&s);
    if (rc)
        return jb_fail(err, rc == JB_ETOOBIG ? JB_EUNPROC : rc, "%s at byte %zu of the body",
                       s.error ? s.error : jb_strerror(rc), s.error_at);
    return 0;
}

int
posted_submission(const struct web_request *request, struct jb_error *err,
                  struct submission *ret_submission)
{
    struct submission s = {.revision = JB_STR(""),
                           .precision = JB_STR("float16"),
                           .weight_type = JB_STR("Original")};
    bool chat_template = false;
    const struct member members[] = {
        {"model", &s.model, NULL},
        {"model_id", &s.model, NULL},
        {"model_name", &s.model, NULL},
        {"revision", &s.revision, NULL},
        {"precision", &s.precision, NULL},
        {"weight_type", &s.weight_type, NULL},
        {"base_model", &s.base_model, NULL},
        {"model_type", &s.model_type, NULL},
        {"private", NULL, &s.private_},
        {"nonce", &s.nonce, NULL},
        {"use_chat_template", NULL, &chat_template},
    };
    int rc = read_object(request, members, sizeof(members) / sizeof(members[0]), err);

    if (rc)
        return rc;
    if (chat_template)
        return jb_fail(err, JB_EUNPROC,
                       "use_chat_template: this board evaluates without chat templates");
    *ret_submission = s;
    return 0;
}

int
posted_secret(const struct web_request *request, struct jb_error *err,
              struct jb_str *ret_secret)
{
    struct jb_str secret = {NULL, 0};
    const struct member members[] = {{"secret", &secret, NULL}};
    int rc = request->body.n ? read_object(request, members, 1, err) : 0;

    if (rc)
        return rc;
    *ret_secret = secret;
    return 0;
}

/* As a byte or as %00: the parser would end a value there and lose what stands behind it. */
static bool
has_nul(struct jb_str body)
{
    return body.n && (memchr(body.p, '\0', body.n) || memmem(body.p, body.n, "%00", 3));
}

struct jb_str
posted_field(const struct web_request *request, const char *name)
{
    struct web_request form = *request;
    struct jb_str value = JB_STR("");

    form.query = request->body;
    if (has_nul(request->body))
        return value;
    return web_request_query_value(&form, name, &value) ? value : JB_STR("");
}

int
posted_from_here(const struct web_request *request, struct jb_error *err)
{
    struct jb_str origin = request->origin;
    static const char *const schemes[] = {"https://", "http://"};

    if (!origin.n)
        return 0; /* no browser, or one that sends it for other sites only */
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = strlen(schemes[i]);
        if (origin.n > n && strncasecmp(origin.p, schemes[i], n) == 0 &&
            origin.n - n == request->host.n &&
            strncasecmp(origin.p + n, request->host.p, request->host.n) == 0)
            return 0;
    }
    return jb_fail(err, JB_EACCES, "this form was sent from another site");
}
