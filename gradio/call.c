/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/call.h"

#include "base/text.h"
#include "gradio/body.h"
#include "gradio/parts.h"

#include <string.h>
#include <time.h>

#define OUTPUT_MAX ((size_t)1 << 30)
#define ECHO_MAX   120 /* bytes of a wrong value that an error repeats */

/* One call on its way through. */
struct running {
    const struct gradio_site *site;
    const struct gradio_call *call;
    const struct board_limits *limits;
    struct jb_arena *arena;
    struct jb_error *err;
    const struct gradio_function *function;
    struct call_body body;
    struct gradio_outcome outcome;
};

/* --- errors of a function: they are answers
 * --------------------------------------------------- */

/* Takes `text`. `intended`: meant for people, as gr.Error; the rest is told if show_error says
 * so. */
static int
end_with_error(struct running *r, bool intended, struct jb_buf *text)
{
    struct jb_buf json = JB_BUF(64 << 10);

    if (intended || r->site->show_error)
        jb_put_json(&json, jb_buf_view(text));
    else
        jb_buf_puts(&json, "null");
    if (text->err && !json.err)
        json.err = text->err;
    jb_buf_free(text);
    r->outcome.success = false;
    r->outcome.output = jb_blob_from_buf(&json);
    return r->outcome.output ? 0 : jb_fail(r->err, JB_ENOMEM, "no memory for an error");
}

static int
too_few(struct running *r)
{
    const struct gradio_function *f = r->function;
    struct jb_buf text = JB_BUF(16 << 10);

    jb_buf_printf(&text,
                  "An event handler (%s) didn't receive enough input values (needed: %zu, got: "
                  "%zu).\nWanted inputs:\n    [",
                  f->api_name, f->required, r->body.n_args);
    for (size_t i = 0; i < f->n_inputs; i++)
        jb_buf_printf(&text, "%s%s", i ? ", " : "", f->inputs[i].name);
    jb_buf_puts(&text, "]");
    return end_with_error(r, false, &text);
}

/* The front end shows these texts as HTML. */
static void
put_value(struct jb_buf *out, struct jb_str value)
{
    struct jb_str cut = value;

    if (cut.n > ECHO_MAX) {
        cut.n = ECHO_MAX;
        while (cut.n && ((unsigned char)cut.p[cut.n] & 0xc0) == 0x80)
            cut.n--;
    }
    jb_put_html(out, cut);
    if (cut.n < value.n)
        jb_buf_puts(out, "…");
}

static int
not_a_choice(struct running *r, const struct choices *set, struct jb_str value)
{
    struct jb_buf text = JB_BUF(64 << 10);

    jb_buf_puts(&text, "Value: ");
    put_value(&text, value);
    jb_buf_puts(&text, " is not in the list of choices: [");
    choices_put_python(set, &text);
    jb_buf_puts(&text, "]");
    return end_with_error(r, true, &text);
}

static int
wrong_type(struct running *r, size_t input, const char *wanted)
{
    struct jb_buf text = JB_BUF(4096);

    jb_buf_printf(&text, "%s: expected %s.", r->function->inputs[input].name, wanted);
    return end_with_error(r, true, &text);
}

/* --- arguments -------------------------------------------------------------------------------
 */

/* A ticked set as bits; null is the default. 1: the call ended with an error answer. */
static int
read_set(struct running *r, size_t input, uint64_t *ret_bits)
{
    const struct component *c = &component_table[r->function->inputs[input].component];
    const struct choices *set = &r->site->choices[c->choices];
    const struct scan_item *arg = &r->body.args[input];
    struct scan_item item;
    struct jb_str text;
    struct scan s;
    uint64_t bits = 0;
    int rc;

    if (arg->kind == SCAN_NULL) {
        *ret_bits = set->ticked;
        return 0;
    }
    if (arg->kind != SCAN_ARRAY) {
        rc = wrong_type(r, input, "a list of choices");
        return rc ? rc : 1;
    }
    scan_init(&s, arg->raw);
    rc = scan_enter(&s);
    for (bool first = true; !rc && (rc = scan_next(&s, first, NULL)) > 0; first = false) {
        const struct choice *choice;

        rc = scan_value(&s, &item);
        if (rc)
            return rc;
        text = item.raw;
        if (item.kind == SCAN_STRING && (rc = scan_string(item.raw, r->arena, &text)))
            return jb_fail(r->err, rc, "body.data.%zu: %s", input,
                           rc == JB_EUNPROC ? "Input should be valid UTF-8" : jb_strerror(rc));
        choice = item.kind == SCAN_STRING ? choices_find(set, text) : NULL;
        if (!choice) {
            rc = not_a_choice(r, set, text);
            return rc ? rc : 1;
        }
        bits |= choice->bits;
    }
    if (rc)
        return rc;
    *ret_bits = bits;
    return 0;
}

/* A text; null is the empty one, a number or a bool is taken as it is written. As read_set().
 */
static int
read_text(struct running *r, size_t input, struct jb_str *ret_text)
{
    const struct scan_item *arg = &r->body.args[input];
    int rc;

    switch (arg->kind) {
    case SCAN_NULL: *ret_text = JB_STR(""); return 0;
    case SCAN_STRING:
        rc = scan_string(arg->raw, r->arena, ret_text);
        return rc ? jb_fail(r->err, rc, "body.data.%zu: %s", input,
                            rc == JB_EUNPROC ? "Input should be valid UTF-8" : jb_strerror(rc))
                  : 0;
    case SCAN_NUMBER:
    case SCAN_TRUE:
    case SCAN_FALSE: *ret_text = arg->raw; return 0;
    default: rc = wrong_type(r, input, "a text"); return rc ? rc : 1;
    }
}

/* --- functions -------------------------------------------------------------------------------
 */

static int
give(struct running *r, struct jb_blob *ready)
{
    r->outcome.success = true;
    r->outcome.output = jb_blob_ref(ready);
    return 0;
}

static int
update_table(struct running *r)
{
    enum { COLUMNS = 1, TYPES, PRECISIONS, SIZES, HIDE, QUERY };
    const struct gradio_site *site = r->site;
    uint64_t sets[QUERY] = {0}, columns;
    struct board_query query, preset;
    struct jb_buf b = JB_BUF(OUTPUT_MAX);
    const uint32_t *rows = NULL;
    size_t n = 0;
    int rc = 0;

    /* input 0 is the table that was posted: ours is the one that counts */
    for (size_t i = COLUMNS; i < QUERY && !rc; i++)
        rc = read_set(r, i, &sets[i]);
    board_query_default(site->board, &preset);
    query = preset;
    if (!rc)
        rc = read_text(r, QUERY, &query.text);
    if (rc)
        return rc < 0 ? rc : 0;
    query.types = (uint32_t)sets[TYPES];
    query.precisions = (uint32_t)sets[PRECISIONS];
    query.sizes = (uint32_t)sets[SIZES];
    query.hide = (unsigned)sets[HIDE];
    columns = site->columns_always | sets[COLUMNS];
    if (!query.text.n && query.types == preset.types && query.precisions == preset.precisions &&
        query.sizes == preset.sizes && query.hide == preset.hide &&
        sets[COLUMNS] == site->choices[CHOICES_COLUMNS].ticked)
        return give(r, site->update_default);

    rc = board_filter(site->board, &query, r->limits, r->arena, r->err, &rows, &n);
    if (rc)
        return rc;
    /* one allocation for most answers: rows are about as long as the average of the full
     * table's */
    jb_buf_reserve(&b, 4096 + (site->n_all ? site->predict->n / site->n_all * n * 9 / 8 : 0));
    jb_buf_putc(&b, '[');
    cells_put_frame(site->cells, rows, n, columns, "model_name_for_query", &b);
    jb_buf_putc(&b, ']');
    r->outcome.success = true;
    r->outcome.output = jb_blob_from_buf(&b);
    return r->outcome.output ? 0 : jb_fail(r->err, JB_ENOMEM, "no memory for the answer");
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The last `query` of a query string; what is no text counts as none, as the page would not
 * load otherwise. */
static struct jb_str
query_of(struct jb_str string, struct jb_arena *arena)
{
    static const char name[] = "query=";
    const char *p = string.p, *end = string.p + string.n;
    struct jb_str found = {NULL, 0};
    char *out;
    size_t n = 0;

    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        const char *stop = amp ? amp : end;

        if ((size_t)(stop - p) >= sizeof(name) - 1 && !memcmp(p, name, sizeof(name) - 1))
            found =
                (struct jb_str){p + sizeof(name) - 1, (size_t)(stop - p) - sizeof(name) + 1};
        p = stop + 1;
    }
    out = found.n ? jb_arena_alloc(arena, found.n) : NULL;
    if (!out)
        return JB_STR("");
    for (size_t i = 0; i < found.n; i++) {
        if (found.p[i] == '+') {
            out[n++] = ' ';
        } else if (found.p[i] == '%' && i + 2 < found.n && hex(found.p[i + 1]) >= 0 &&
                   hex(found.p[i + 2]) >= 0) {
            out[n++] = (char)(hex(found.p[i + 1]) << 4 | hex(found.p[i + 2]));
            i += 2;
        } else {
            out[n++] = found.p[i];
        }
    }
    return jb_utf8_valid(out, n) == n ? (struct jb_str){out, n} : JB_STR("");
}

static int
load_query(struct running *r)
{
    struct jb_str query = query_of(r->call->query, r->arena);
    struct jb_buf b = JB_BUF(1 << 20);

    if (query.n > r->limits->max_bytes) /* more is not searched for either */
        query = JB_STR("");
    jb_buf_putc(&b, '[');
    jb_put_json(&b, query);
    jb_buf_putc(&b, ',');
    jb_put_json(&b, query);
    jb_buf_putc(&b, ']');
    r->outcome.success = true;
    r->outcome.output = jb_blob_from_buf(&b);
    return r->outcome.output ? 0 : jb_fail(r->err, JB_ENOMEM, "no memory for the answer");
}

static int
add_new_eval(struct running *r)
{
    const struct gradio_submit *submit = r->call->submit;
    struct jb_str args[GRADIO_INPUTS_MAX] = {0};

    if (!submit)
        return jb_fail(r->err, JB_ENOTSUP, "No submissions are taken here.");
    for (size_t i = 0; i < r->function->n_inputs; i++) {
        int rc = read_text(r, i, &args[i]);
        if (rc)
            return rc < 0 ? rc : 0;
    }
    return submit->run(submit->ctx, r->body.session, args, r->arena, r->err, &r->outcome);
}

static int
run_function(struct running *r)
{
    if (r->body.n_args < r->function->required)
        return too_few(r);
    switch (r->function->kind) {
    case FUNCTION_UPDATE_TABLE: return update_table(r);
    case FUNCTION_LOAD_QUERY: return load_query(r);
    case FUNCTION_ADD_NEW_EVAL: return add_new_eval(r);
    case FUNCTION_PREDICT: return give(r, r->site->predict);
    }
    return jb_fail(r->err, JB_ENOENT, "There is no such function.");
}

/* --- which function --------------------------------------------------------------------------
 */

static int
no_function(struct jb_error *err, struct jb_str name)
{
    return jb_fail(err, JB_ENOENT, "There is no function '%.*s'.",
                   name.n > 64 ? 64 : (int)name.n, name.p ? name.p : "");
}

static int
choose_function(struct running *r, int *ret_index)
{
    const struct gradio_call *call = r->call;
    int index;

    if (call->route == ROUTE_JOIN && !r->body.session.n)
        return jb_fail(r->err, JB_EINVAL, "Session hash not found.");
    if (call->route == ROUTE_JOIN && !r->body.has_function)
        return jb_fail(r->err, JB_EUNPROC, "body.fn_index: Field required");
    if (r->body.has_function && (call->route == ROUTE_RUN || call->route == ROUTE_JOIN)) {
        if (r->body.fn_index < 0 || r->body.fn_index >= GRADIO_FUNCTIONS)
            return jb_fail(r->err, JB_ENOENT, "There is no function with fn_index %lld.",
                           (long long)r->body.fn_index);
        index = (int)r->body.fn_index;
    } else {
        index = gradio_function_find(call->name);
        if (index < 0)
            return no_function(r->err, call->name);
    }
    *ret_index = index;
    return 0;
}

static int64_t
micros_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int
gradio_call_run(const struct gradio_site *site, const struct gradio_call *call,
                const struct board_limits *limits, struct jb_arena *arena, struct jb_error *err,
                struct gradio_answer *ret_answer)
{
    struct running r = {
        .site = site, .call = call, .limits = limits, .arena = arena, .err = err};
    int64_t begin = micros_now();
    int index = -1, rc;

    if (call->route == ROUTE_CALL_V2) {
        index = gradio_function_find(call->name);
        if (index < 0)
            return no_function(err, call->name);
        rc = body_read_named(call->body, &gradio_functions[index], arena, err, &r.body);
    } else {
        rc = body_read(call->body, arena, err, &r.body);
        if (!rc)
            rc = choose_function(&r, &index);
    }
    if (rc)
        return rc;
    r.function = &gradio_functions[index];
    rc = run_function(&r);
    if (rc)
        return rc;
    r.outcome.micros = micros_now() - begin;
    *ret_answer = (struct gradio_answer){index, r.body.session, r.outcome};
    return 0;
}
