/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include "base/clock.h"
#include "base/text.h"

/* What differs: JSON already, nothing as null. */
static void
put_difference(struct jb_json *json, const char *member, const char *object)
{
    jb_json_key(json, member);
    jb_json_raw(json, jb_str(*object ? object : "null"));
}

static int
log_change(void *ctx, const struct change *c)
{
    struct listing *l = ctx;
    char time[JB_TIME_SIZE];

    jb_time_format(c->time, 1, time);
    if (l->as_json) {
        jb_json_object(&l->json);
        jb_json_kint(&l->json, "seq", (int64_t)c->seq);
        jb_json_ktext(&l->json, "time", time);
        jb_json_ktext(&l->json, "actor", c->actor);
        jb_json_ktext(&l->json, "kind", c->kind);
        jb_json_ktext(&l->json, "action", c->action);
        jb_json_ktext(&l->json, "name", c->name);
        jb_json_kint(&l->json, "id", (int64_t)c->id);
        put_difference(&l->json, "before", c->before);
        put_difference(&l->json, "after", c->after);
        jb_json_end(&l->json);
    } else {
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
    jb_arena_reset(l->arena);
    return 0;
}

static int
walk_log(struct listing *l, struct store_txn *txn, const char *what)
{
    int64_t after = 0;
    int rc;

    if (jb_parse_int(jb_str(what), 0, INT64_MAX, &after))
        return JB_EINVAL;
    if (l->as_json)
        jb_json_array(&l->json);
    rc = store_changes_each(txn, (uint64_t)after, l->arena, log_change, l);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

int
cmd_log(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"json", NULL};
    struct listing l = {0};
    int64_t after;

    if (!cli_switches(cli, &argc, argv, switches, &l.as_json))
        return CLI_USAGE;
    if (argc > 2 || (argc == 2 && jb_parse_int(jb_str(argv[1]), 0, INT64_MAX, &after)))
        return cli_usage(cli, "log takes the number of an entry");
    return listing_run(cli, &l, walk_log, argc == 2 ? argv[1] : "0");
}
