/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/body.h"

#include "gradio/call.h"

static int
scan_failed(const struct scan *s, int rc, struct jb_error *err)
{
    if (rc == JB_EPARSE || rc == JB_ETOOBIG)
        return jb_fail(err, rc, "body.%zu: %s", s->error_at, s->error);
    return jb_fail(err, rc, "body: %s", jb_strerror(rc));
}

/* A text that must be one. */
static int
read_name(const struct scan_item *item, const char *where, struct jb_arena *arena,
          struct jb_error *err, struct jb_str *ret)
{
    int rc;

    if (item->kind != SCAN_STRING)
        return jb_fail(err, JB_EUNPROC, "body.%s: Input should be a valid string", where);
    rc = scan_string(item->raw, arena, ret);
    if (rc == JB_EUNPROC)
        return jb_fail(err, rc, "body.%s: Input should be valid UTF-8", where);
    return rc ? jb_fail(err, rc, "no memory for a text") : 0;
}

static int
read_text(const struct scan_item *item, const char *where, struct jb_arena *arena,
          struct jb_error *err, struct jb_str *ret)
{
    if (item->kind != SCAN_NULL)
        return read_name(item, where, arena, err, ret);
    *ret = JB_STR("");
    return 0;
}

/* The list of arguments, each stepped over whole: the first may be a whole table. */
static int
read_args(struct scan *s, struct call_body *body)
{
    struct scan_item item;
    int rc = scan_enter(s);

    if (rc)
        return rc;
    body->n_args = 0;
    body->has_data = true;
    for (bool first = true; (rc = scan_next(s, first, NULL)) > 0; first = false) {
        rc = scan_value(s, &item);
        if (rc)
            return rc;
        if (body->n_args < BODY_ARGS_MAX)
            body->args[body->n_args++] = item;
    }
    return rc;
}

static int
read_function(const struct scan_item *item, struct jb_error *err, struct call_body *body)
{
    body->has_function = item->kind != SCAN_NULL;
    if (body->has_function &&
        (item->kind != SCAN_NUMBER || scan_int(item->raw, &body->fn_index)))
        return jb_fail(err, JB_EUNPROC, "body.fn_index: Input should be a valid integer");
    return 0;
}

/* Steps into the object that a body has to be. */
static int
open_body(struct scan *s, struct jb_error *err)
{
    struct scan_item item;
    int rc;

    if (!s->n)
        return jb_fail(err, JB_EUNPROC, "body: Field required");
    if (scan_peek(s) == SCAN_OBJECT)
        return scan_enter(s);
    rc = scan_value(s, &item);
    if (!rc)
        rc = scan_finish(s);
    if (rc)
        return scan_failed(s, rc, err);
    return jb_fail(err, JB_EUNPROC,
                   "body: Input should be a valid dictionary or object to extract fields from");
}

int
body_read(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
          struct call_body *ret_body)
{
    struct call_body body = {0};
    struct scan_item item;
    struct jb_str raw, key;
    struct scan s;
    int rc;

    scan_init(&s, text);
    rc = open_body(&s, err);
    if (rc)
        return rc;
    for (bool first = true; (rc = scan_next(&s, first, &raw)) > 0; first = false) {
        if (scan_string(raw, arena, &key))
            key = JB_STR("");
        if (jb_str_is(key, "data") && scan_peek(&s) == SCAN_ARRAY) {
            rc = read_args(&s, &body);
            if (rc)
                return scan_failed(&s, rc, err);
            continue;
        }
        rc = scan_value(&s, &item);
        if (rc)
            return scan_failed(&s, rc, err);
        if (jb_str_is(key, "data"))
            rc = jb_fail(err, JB_EUNPROC, "body.data: Input should be a valid list");
        else if (jb_str_is(key, "fn_index"))
            rc = read_function(&item, err, &body);
        else if (jb_str_is(key, "session_hash"))
            rc = read_text(&item, "session_hash", arena, err, &body.session);
        if (rc)
            return rc;
    }
    if (!rc)
        rc = scan_finish(&s);
    if (rc)
        return scan_failed(&s, rc, err);
    if (!body.has_data)
        return jb_fail(err, JB_EUNPROC, "body.data: Field required");
    *ret_body = body;
    return 0;
}

int
body_read_named(struct jb_str text, const struct gradio_function *f, struct jb_arena *arena,
                struct jb_error *err, struct call_body *ret_body)
{
    struct call_body body = {.has_data = true, .n_args = f->n_inputs};
    struct jb_str raw, key;
    struct scan s;
    int rc;

    for (size_t i = 0; i < f->n_inputs; i++)
        body.args[i] = (struct scan_item){SCAN_NULL, JB_STR("null")};
    scan_init(&s, text);
    rc = open_body(&s, err);
    if (rc)
        return rc;
    for (bool first = true; (rc = scan_next(&s, first, &raw)) > 0; first = false) {
        struct scan_item item;
        size_t i = 0;

        rc = scan_value(&s, &item);
        if (rc)
            return scan_failed(&s, rc, err);
        rc = scan_string(raw, arena, &key);
        if (rc)
            return jb_fail(err, rc, "body: a name is not valid UTF-8");
        while (i < f->n_inputs && !jb_str_is(key, f->inputs[i].name))
            i++;
        if (i == f->n_inputs)
            return jb_fail(err, JB_EUNPROC,
                           "body.%.*s: Parameter is not a valid key-word argument",
                           key.n > 64 ? 64 : (int)key.n, key.p);
        body.args[i] = item;
    }
    if (!rc)
        rc = scan_finish(&s);
    if (rc)
        return scan_failed(&s, rc, err);
    *ret_body = body;
    return 0;
}

/* The members of /cancel and /reset; what is NULL is not asked for. */
static int
read_event(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
           struct jb_str *session, struct call_body *function, struct jb_str *event)
{
    struct jb_str raw, key;
    struct scan_item item;
    struct scan s;
    int rc;

    scan_init(&s, text);
    rc = open_body(&s, err);
    if (rc)
        return rc;
    for (bool first = true; (rc = scan_next(&s, first, &raw)) > 0; first = false) {
        rc = scan_value(&s, &item);
        if (rc)
            return scan_failed(&s, rc, err);
        if (scan_string(raw, arena, &key))
            key = JB_STR("");
        if (session && jb_str_is(key, "session_hash"))
            rc = read_name(&item, "session_hash", arena, err, session);
        else if (function && jb_str_is(key, "fn_index"))
            rc = read_function(&item, err, function);
        else if (jb_str_is(key, "event_id"))
            rc = read_name(&item, "event_id", arena, err, event);
        if (rc)
            return rc;
    }
    if (!rc)
        rc = scan_finish(&s);
    if (rc)
        return scan_failed(&s, rc, err);
    if (session && !session->p)
        return jb_fail(err, JB_EUNPROC, "body.session_hash: Field required");
    if (function && !function->has_function)
        return jb_fail(err, JB_EUNPROC, "body.fn_index: Field required");
    if (!event->p)
        return jb_fail(err, JB_EUNPROC, "body.event_id: Field required");
    return 0;
}

int
gradio_cancel_read(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
                   struct jb_str *ret_session, struct jb_str *ret_event)
{
    struct jb_str session = {NULL, 0}, event = {NULL, 0};
    struct call_body function = {0};
    int rc = read_event(text, arena, err, &session, &function, &event);

    if (rc)
        return rc;
    *ret_session = session;
    *ret_event = event;
    return 0;
}

int
gradio_reset_read(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
                  struct jb_str *ret_event)
{
    struct jb_str event = {NULL, 0};
    int rc = read_event(text, arena, err, NULL, NULL, &event);

    if (rc)
        return rc;
    *ret_event = event;
    return 0;
}
