/* SPDX-License-Identifier: Apache-2.0 */
/* How much an owner (the part of a model id before the slash) has submitted. */
#include "cli/list.h"

#include "queue/moderate.h"
#include "queue/quota.h"

#include <string.h>

#define OWNER_MAX 100

struct quota_walk {
    struct listing listing; /* first: listing_run() gives it back */
    const struct conf *conf;
    struct store_txn *txn;
    int64_t now;
    const char *only;               /* NULL: everybody */
    char owner[STORE_NAME_MAX + 1]; /* shown last; the ledger is in the order of owners */
};

/* As the ledger has it: "Org" -> "org"; bare model names have "-" for all of them. */
static const char *
owner_from(struct cli *cli, const char *typed)
{
    const char *model = jb_arena_printf(cli->arena, "%s/m", typed);

    return model ? queue_owner(model, cli->arena) : NULL;
}

static void
put_owner(struct quota_walk *w, const char *owner, const struct quota *q)
{
    double window = (double)w->conf->submit.window / 86400e3;
    int64_t free_at = q->wait ? w->now / 1000000 * 1000000 + q->wait * 1000000 : 0;
    struct jb_json *j = &w->listing.json;
    char used[24], allowed[24], days[32], time[JB_TIME_SIZE];

    if (w->listing.as_json) {
        jb_json_object(j);
        jb_json_ktext(j, "owner", owner);
        jb_json_kint(j, "used", (int64_t)q->used);
        jb_json_kint(j, "allowed", q->allowed);
        jb_json_kdouble(j, "window_days", window);
        jb_json_kbool(j, "doubled", q->doubled);
        list_put_time(j, "next_free", free_at);
        jb_json_end(j);
        return;
    }
    snprintf(used, sizeof(used), "%llu", (unsigned long long)q->used);
    snprintf(allowed, sizeof(allowed), "%lld", (long long)q->allowed);
    snprintf(days, sizeof(days), "%g days", window);
    list_line(owner, used, allowed, days, free_at ? list_time(free_at, time) : "free",
              q->doubled ? "doubled" : "", NULL);
}

static int
show_owner(struct quota_walk *w, const char *owner, bool unused_too)
{
    struct quota q;
    int rc = queue_quota(w->txn, w->conf, owner, w->now, &q);

    if (!rc && (q.used || unused_too))
        put_owner(w, owner, &q);
    return rc;
}

static int
each_entry(void *ctx, const char *owner, int64_t time, uint64_t id)
{
    struct quota_walk *w = ctx;
    int rc = 0;

    (void)time;
    (void)id;
    if (strcmp(owner, w->owner) != 0) {
        snprintf(w->owner, sizeof(w->owner), "%s", owner);
        rc = show_owner(w, w->owner, false);
    }
    jb_arena_reset(w->listing.arena);
    return rc;
}

static int
walk(struct listing *l, struct store_txn *txn, const char *what)
{
    struct quota_walk *w = (struct quota_walk *)l;
    int rc;

    (void)what;
    w->txn = txn;
    w->now = jb_now_us();
    if (l->as_json)
        jb_json_array(&l->json);
    rc = w->only ? show_owner(w, w->only, true)
                 : store_quota_each(txn, NULL, l->arena, each_entry, w);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

static int
quota_show(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"json", NULL};
    struct quota_walk w = {.conf = &cli->conf};

    if (!cli_switches(cli, &argc, argv, switches, &w.listing.as_json))
        return CLI_USAGE;
    if (argc > 2 || (argc == 2 && (!*argv[1] || strlen(argv[1]) > OWNER_MAX)))
        return cli_usage(cli, "the quota of whom?");
    if (argc == 2 && !(w.only = owner_from(cli, argv[1])))
        return CLI_FAILED;
    return listing_run(cli, &w.listing, walk, NULL);
}

struct quota_reset {
    const char *owner;
    size_t n;
};

static int
reset(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct quota_reset *r = ctx;

    return queue_quota_reset(txn, r->owner, err, &r->n);
}

static int
quota_reset(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"yes", "json", NULL};
    struct quota_reset r = {0};
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;
    bool on[2];
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, on))
        return CLI_USAGE;
    if (argc != 2 || !*argv[1] || strlen(argv[1]) > OWNER_MAX)
        return cli_usage(cli, "reset the quota of whom?");
    r.owner = owner_from(cli, argv[1]);
    if (!r.owner)
        return CLI_FAILED;
    if (!cli_confirm(on[0], "this forgets what %.100s has submitted", r.owner))
        return CLI_REFUSED;
    rc = cli_change(cli, reset, &r);
    if (rc)
        return rc;
    if (!on[1]) {
        cli_put_text(stdout, r.owner);
        printf(": %zu forgotten\n", r.n);
        return CLI_DONE;
    }
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_ktext(&j, "owner", r.owner);
    jb_json_kint(&j, "forgotten", (int64_t)r.n);
    jb_json_end(&j);
    return cli_print(cli, &j, &out);
}

const struct cli_verb quota_verbs[] = {
    {"show", "[OWNER] [--json]", "used, allowed, and when the next one will be taken",
     quota_show},
    {"reset", "OWNER [--yes] [--json]", "forget what counts for an owner", quota_reset},
    {0}};
