/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include "base/clock.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

const char *
list_time(int64_t us, char out[JB_TIME_SIZE])
{
    out[0] = '\0';
    if (us)
        jb_time_format(us, us % 1000000 != 0, out);
    return out;
}

void
list_put_time(struct jb_json *j, const char *key, int64_t us)
{
    char time[JB_TIME_SIZE];

    jb_json_ktext(j, key, us ? list_time(us, time) : NULL);
}

void
list_line(const char *cell, ...)
{
    va_list ap;

    va_start(ap, cell);
    for (bool first = true; cell; first = false, cell = va_arg(ap, const char *)) {
        if (!first)
            putchar('\t');
        cli_put_text(stdout, cell);
    }
    va_end(ap);
    putchar('\n');
}

void
list_put_request(struct jb_json *j, const struct request *r)
{
    jb_json_kint(j, "id", (int64_t)r->id);
    jb_json_ktext(j, "model", r->model);
    jb_json_ktext(j, "base_model", r->base_model);
    jb_json_ktext(j, "revision", r->revision);
    jb_json_ktext(j, "commit", r->commit);
    jb_json_ktext(j, "precision", r->precision);
    jb_json_ktext(j, "weight_type", r->weight_type);
    jb_json_ktext(j, "status", r->status);
    jb_json_ktext(j, "model_type", r->model_type);
    jb_json_ktext(j, "architectures", r->architectures);
    jb_json_kdouble(j, "params", r->params);
    jb_json_kbool(j, "private", r->private_);
    list_put_time(j, "submitted", r->submitted);
    jb_json_ktext(j, "path", r->path);
}

int
list_request(void *ctx, const struct request *r)
{
    struct listing *l = ctx;
    char time[JB_TIME_SIZE];

    if (l->as_json) {
        jb_json_object(&l->json);
        list_put_request(&l->json, r);
        jb_json_end(&l->json);
    } else {
        list_line(r->status, r->model, r->revision, r->precision, r->weight_type,
                  list_time(r->submitted, time), NULL);
    }
    jb_arena_reset(l->arena);
    return 0;
}

int
list_result(void *ctx, const struct result *r)
{
    struct listing *l = ctx;
    struct jb_json *j = &l->json;
    char time[JB_TIME_SIZE], count[32];

    if (!l->as_json) {
        snprintf(count, sizeof(count), "%zu", r->n);
        list_line(r->model, r->revision, r->precision, r->dialect, count,
                  list_time(r->time, time), r->path, NULL);
        for (size_t i = 0; l->scores && i < r->n; i++)
            printf("\t%s\t%.2f\n", r->scores[i].benchmark, r->scores[i].value);
        jb_arena_reset(l->arena);
        return 0;
    }
    jb_json_object(j);
    jb_json_kint(j, "id", (int64_t)r->id);
    jb_json_ktext(j, "model", r->model);
    jb_json_ktext(j, "revision", r->revision);
    jb_json_ktext(j, "precision", r->precision);
    jb_json_ktext(j, "dialect", r->dialect);
    list_put_time(j, "time", r->time);
    jb_json_ktext(j, "path", r->path);
    jb_json_key(j, "scores");
    jb_json_object(j);
    for (size_t i = 0; i < r->n; i++) {
        jb_json_key(j, r->scores[i].benchmark);
        jb_json_object(j);
        jb_json_kdouble(j, "value", r->scores[i].value);
        jb_json_kdouble(j, "error", r->scores[i].error);
        if (r->scores[i].items)
            jb_json_kint(j, "items", r->scores[i].items);
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_end(j);
    jb_arena_reset(l->arena);
    return 0;
}

int
list_model(void *ctx, const struct model_info *m)
{
    struct listing *l = ctx;
    struct jb_json *j = &l->json;
    char likes[JB_DOUBLE_SIZE] = "";

    if (!l->as_json) {
        if (!isnan(m->likes))
            snprintf(likes, sizeof(likes), "%.0f", m->likes);
        list_line(m->model, likes, m->license, m->still_on_hub ? "on hub" : "not on hub", NULL);
        jb_arena_reset(l->arena);
        return 0;
    }
    jb_json_object(j);
    jb_json_ktext(j, "model", m->model);
    if (isnan(m->likes))
        jb_json_knull(j, "likes");
    else
        jb_json_kint(j, "likes", (int64_t)m->likes);
    jb_json_ktext(j, "license", m->license);
    jb_json_kbool(j, "still_on_hub", m->still_on_hub);
    jb_json_key(j, "tags");
    jb_json_array(j);
    for (size_t i = 0; i < m->n_tags; i++)
        jb_json_text(j, m->tags[i]);
    jb_json_end(j);
    jb_json_end(j);
    jb_arena_reset(l->arena);
    return 0;
}

int
list_note(void *ctx, const char *name, const char *text)
{
    struct listing *l = ctx;

    if (l->as_json) {
        jb_json_object(&l->json);
        jb_json_ktext(&l->json, "name", name);
        jb_json_ktext(&l->json, "text", text);
        jb_json_end(&l->json);
    } else {
        list_line(name, text, NULL);
    }
    jb_arena_reset(l->arena);
    return 0;
}

static int
list_kind(struct listing *l, struct store_txn *txn, const char *what)
{
    if (strcmp(what, "requests") == 0)
        return store_requests_each(txn, l->arena, false, list_request, l);
    if (strcmp(what, "results") == 0)
        return store_results_each(txn, l->arena, false, list_result, l);
    if (strcmp(what, "models") == 0)
        return store_models_each(txn, l->arena, false, list_model, l);
    if (strcmp(what, "flags") == 0)
        return store_notes_each(txn, NOTE_FLAG, l->arena, list_note, l);
    if (strcmp(what, "aliases") == 0)
        return store_notes_each(txn, NOTE_ALIAS, l->arena, list_note, l);
    if (strcmp(what, "hidden") == 0)
        return store_notes_each(txn, NOTE_HIDDEN, l->arena, list_note, l);
    return store_notes_each(txn, NOTE_BLOCKED, l->arena, list_note, l);
}

int
listing_run(struct cli *cli, struct listing *l,
            int (*walk)(struct listing *l, struct store_txn *txn, const char *what),
            const char *what)
{
    struct jb_error err = {0};
    struct store *store;
    struct store_txn *txn;
    int rc, code = CLI_DONE;

    if (cli_open(cli, true, &err, &store))
        return cli_fail(cli, &err);
    l->out = JB_BUF((size_t)1 << 30);
    jb_json_init(&l->json, &l->out);
    l->arena = jb_arena_new((size_t)256 << 20);
    rc = l->arena ? store_begin(store, STORE_READ, NULL, &err, &txn)
                  : jb_fail(&err, JB_ENOMEM, "out of memory");
    if (!rc) {
        rc = walk(l, txn, what);
        if (rc)
            jb_fail(&err, rc, "%s",
                    store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
        store_abort(txn);
    }
    if (rc)
        code = cli_fail(cli, &err);
    else if (l->as_json)
        code = cli_print(cli, &l->json, &l->out);
    jb_buf_free(&l->out);
    jb_arena_free(l->arena);
    store_close(store);
    return code;
}

static int
list_all(struct listing *l, struct store_txn *txn, const char *what)
{
    int rc;

    if (l->as_json)
        jb_json_array(&l->json);
    rc = list_kind(l, txn, what);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

int
cmd_list(struct cli *cli, int argc, char **argv)
{
    static const char *const kinds[] = {"requests", "results", "models", "flags",
                                        "aliases",  "blocked", "hidden"};
    struct listing l = {0};
    const char *what = cli_operand(cli, argc, argv, "list what?", &l.as_json);

    if (!what)
        return CLI_USAGE;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(what, kinds[i]) == 0)
            return listing_run(cli, &l, list_all, what);
    return cli_usage(cli, "cannot list \"%.60s\"", what);
}
