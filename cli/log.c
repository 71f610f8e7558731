/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include "base/text.h"

#include <string.h>

static const char *const kinds[] = {"request", "result", "model", "flag", "alias",
                                    "blocked", "hidden", "job",   "host", "delivery"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct log_filter {
    struct listing listing; /* first: listing_run() gives it back */
    int64_t after, since;
    const char *kind, *model, *actor; /* NULL any */
};

/* "shell" is every "shell:alice". */
static bool
is_actor(const char *actor, const char *wanted)
{
    size_t n = strlen(wanted);

    return strncmp(actor, wanted, n) == 0 && (!actor[n] || actor[n] == ':');
}

/* Names of requests, jobs and results go on behind the model id. */
static bool
is_model(const char *name, const char *wanted)
{
    size_t n = strlen(wanted);

    return strncmp(name, wanted, n) == 0 && (!name[n] || name[n] == ' ');
}

static bool
wanted(const struct log_filter *f, const struct change *c)
{
    return c->time >= f->since && (!f->kind || strcmp(c->kind, f->kind) == 0) &&
           (!f->model || is_model(c->name, f->model)) &&
           (!f->actor || is_actor(c->actor, f->actor));
}

static void
put_side(struct jb_json *j, const char *key, const char *json)
{
    jb_json_key(j, key);
    if (*json)
        jb_json_raw(j, jb_str(json));
    else
        jb_json_null(j);
}

static void
put_change(struct jb_json *j, const struct change *c, const char *time)
{
    jb_json_object(j);
    jb_json_kint(j, "seq", (int64_t)c->seq);
    jb_json_ktext(j, "time", time);
    jb_json_ktext(j, "actor", c->actor);
    jb_json_ktext(j, "kind", c->kind);
    jb_json_ktext(j, "action", c->action);
    jb_json_ktext(j, "name", c->name);
    jb_json_kint(j, "id", (int64_t)c->id);
    put_side(j, "before", c->before);
    put_side(j, "after", c->after);
    jb_json_end(j);
}

static void
print_change(const struct change *c, const char *time)
{
    printf("%llu\t%s\t", (unsigned long long)c->seq, time);
    cli_put_text(stdout, c->actor);
    printf("\t%s\t%s\t", c->kind, c->action);
    cli_put_text(stdout, c->name);
    if (*c->before || *c->after) {
        putchar('\t');
        cli_put_text(stdout, c->before);
        fputs(*c->before && *c->after ? " -> " : *c->after ? "-> " : " ->", stdout);
        cli_put_text(stdout, c->after);
    }
    putchar('\n');
}

static int
log_change(void *ctx, const struct change *c)
{
    struct log_filter *f = ctx;
    struct listing *l = &f->listing;
    char time[JB_TIME_SIZE];

    if (wanted(f, c)) {
        jb_time_format(c->time, 1, time);
        if (l->as_json)
            put_change(&l->json, c, time);
        else
            print_change(c, time);
    }
    jb_arena_reset(l->arena);
    return 0;
}

static int
walk_log(struct listing *l, struct store_txn *txn, const char *what)
{
    struct log_filter *f = (struct log_filter *)l;
    int rc;

    (void)what;
    if (l->as_json)
        jb_json_array(&l->json);
    rc = store_changes_each(txn, (uint64_t)f->after, l->arena, log_change, f);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

static bool
is_kind(const char *kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    return false;
}

int
cmd_log(struct cli *cli, int argc, char **argv)
{
    struct log_filter f = {.since = INT64_MIN};
    const char *since = NULL;
    const struct cli_option options[] = {
        {"json", &f.listing.as_json, NULL}, {"since", NULL, &since},   {"kind", NULL, &f.kind},
        {"model", NULL, &f.model},          {"actor", NULL, &f.actor}, {NULL, NULL, NULL}};

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc > 2 || (argc == 2 && jb_parse_int(jb_str(argv[1]), 0, INT64_MAX, &f.after)))
        return cli_usage(cli, "log takes the number of an entry");
    if (f.kind && !is_kind(f.kind))
        return cli_usage(cli,
                         "a kind is request, job, result, model, flag, alias, blocked, "
                         "hidden, host or delivery, not \"%.60s\"",
                         f.kind);
    if (since && !cli_date(cli, since, &f.since))
        return CLI_USAGE;
    return listing_run(cli, &f.listing, walk_log, NULL);
}
