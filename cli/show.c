/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

static const struct {
    enum store_note kind;
    const char *name;
} notes[] = {{NOTE_FLAG, "flag"},
             {NOTE_ALIAS, "alias_of"},
             {NOTE_BLOCKED, "blocked"},
             {NOTE_HIDDEN, "hidden"}};

struct counting {
    struct listing *listing;
    size_t n;
};

static int
show_request(void *ctx, const struct request *r)
{
    struct counting *c = ctx;

    c->n++;
    return list_request(c->listing, r);
}

static int
show_result(void *ctx, const struct result *r)
{
    struct counting *c = ctx;

    c->n++;
    return list_result(c->listing, r);
}

static void
title(struct listing *l, const char *key, const char *text)
{
    if (l->as_json)
        jb_json_key(&l->json, key);
    else
        puts(text);
}

static int
show_lists(struct listing *l, struct store_txn *txn, const char *model, struct counting *c)
{
    int rc;

    title(l, "requests", "requests:");
    if (l->as_json)
        jb_json_array(&l->json);
    rc = store_model_requests(txn, model, l->arena, false, show_request, c);
    if (l->as_json)
        jb_json_end(&l->json);
    if (rc)
        return rc;
    title(l, "results", "results:");
    if (l->as_json)
        jb_json_array(&l->json);
    rc = store_model_results(txn, model, l->arena, false, show_result, c);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

static int
show_model(struct listing *l, struct store_txn *txn, const char *model)
{
    struct counting c = {.listing = l};
    struct model_info info;
    const char *text;
    int rc;

    if (l->as_json)
        jb_json_object(&l->json);
    rc = show_lists(l, txn, model, &c);
    if (rc)
        return rc;
    rc = store_model_get(txn, model, l->arena, &info);
    if (rc == 0) {
        c.n++;
        title(l, "hub", "hub:");
        list_model(l, &info);
    } else if (rc != JB_ENOENT) {
        return rc;
    }
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        rc = store_note_get(txn, notes[i].kind, model, l->arena, &text);
        if (rc == JB_ENOENT)
            continue;
        if (rc)
            return rc;
        c.n++;
        if (l->as_json) {
            jb_json_ktext(&l->json, notes[i].name, text);
        } else {
            printf("%s: ", notes[i].name);
            cli_put_text(stdout, text);
            putchar('\n');
        }
    }
    if (l->as_json)
        jb_json_end(&l->json);
    return c.n ? 0 : JB_ENOENT;
}

int
cmd_show(struct cli *cli, int argc, char **argv)
{
    struct listing l = {.scores = true};
    const char *model = cli_operand(cli, argc, argv, "show which model?", &l.as_json);

    return model ? listing_run(cli, &l, show_model, model) : CLI_USAGE;
}
