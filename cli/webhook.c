/* SPDX-License-Identifier: Apache-2.0 */
/* Events on their way to webhooks, and those that never arrived. */
#include "cli/list.h"

#include "base/text.h"
#include "dispatch/webhook_event.h"
#include "store/job.h"

#include <inttypes.h>
#include <string.h>

static const struct conf_webhook *
find_hook(const struct cli *cli, const char *name)
{
    const struct conf_webhook *hooks = cli->conf.webhooks.items;

    for (size_t i = 0; i < cli->conf.webhooks.n; i++)
        if (strcmp(hooks[i].name, name) == 0)
            return &hooks[i];
    return NULL;
}

struct webhook_walk {
    struct listing listing; /* first: listing_run() gives it back */
    const struct cli *cli;
    bool only_dead;
};

static void
put_delivery(struct jb_json *j, const struct delivery *d, bool configured)
{
    jb_json_object(j);
    jb_json_kint(j, "id", (int64_t)d->id);
    jb_json_ktext(j, "target", d->target);
    jb_json_kbool(j, "configured", configured);
    jb_json_ktext(j, "event", d->event);
    jb_json_kbool(j, "dead", d->dead);
    jb_json_kint(j, "attempts", (int64_t)d->attempts);
    list_put_time(j, "created", d->created);
    list_put_time(j, "due", d->dead ? 0 : d->due);
    jb_json_ktext(j, "error", *d->error ? d->error : NULL);
    jb_json_key(j, "body");
    jb_json_raw(j, jb_str(d->body));
    jb_json_end(j);
}

static int
each_delivery(void *ctx, const struct delivery *d)
{
    struct webhook_walk *w = ctx;
    bool configured = find_hook(w->cli, d->target) != NULL;
    char id[24], attempts[24], created[JB_TIME_SIZE], due[JB_TIME_SIZE];

    if (w->only_dead && !d->dead)
        return 0;
    if (w->listing.as_json) {
        put_delivery(&w->listing.json, d, configured);
    } else {
        snprintf(id, sizeof(id), "%" PRIu64, d->id);
        snprintf(attempts, sizeof(attempts), "%" PRIu64, d->attempts);
        list_line(id, d->target, d->event,
                  d->dead       ? "dead"
                  : !configured ? "no such target"
                                : "waiting",
                  attempts, list_time(d->created, created),
                  d->dead ? "" : list_time(d->due, due), d->error, NULL);
    }
    jb_arena_reset(w->listing.arena);
    return 0;
}

static int
walk(struct listing *l, struct store_txn *txn, const char *what)
{
    int rc;

    (void)what;
    if (l->as_json)
        jb_json_array(&l->json);
    rc = store_deliveries_each(txn, l->arena, each_delivery, (struct webhook_walk *)l);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

static int
webhook_list(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"json", "dead", NULL};
    struct webhook_walk w = {.cli = cli};
    bool on[2];

    if (!cli_switches(cli, &argc, argv, switches, on))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "list takes no operand");
    w.listing.as_json = on[0];
    w.only_dead = on[1];
    return listing_run(cli, &w.listing, walk, NULL);
}

/* What is done to deliveries. */
struct handling {
    struct store_txn *txn;
    struct jb_arena *arena;
    struct delivery made; /* of a test */
    uint64_t id;          /* 0: all */
    uint64_t n;
};

/* The dispatcher is to look at them. */
static int
touch(struct store_txn *txn)
{
    uint64_t n = 0;
    int rc = store_mark_get(txn, WEBHOOK_MARK_TOUCHED, &n);

    return rc ? rc : store_mark_put(txn, WEBHOOK_MARK_TOUCHED, n + 1);
}

static int
retry_one(void *ctx, const struct delivery *delivery)
{
    struct handling *h = ctx;
    struct delivery d = *delivery;
    int rc;

    d.dead = false;
    d.attempts = 0;
    d.due = 0;
    h->n++;
    rc = store_delivery_put(h->txn, &d);
    if (!rc)
        rc = store_delivery_log(h->txn, delivery, &d);
    jb_arena_reset(h->arena);
    return rc;
}

static int
no_such(uint64_t id, int rc, struct jb_error *err)
{
    return rc == JB_ENOENT ? jb_fail(err, rc, "there is no delivery %" PRIu64, id) : rc;
}

static int
retry(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct handling *h = ctx;
    struct delivery d;
    int rc;

    h->txn = txn;
    if (h->id) {
        rc = no_such(h->id, store_delivery_get(txn, h->id, h->arena, &d), err);
        if (!rc)
            rc = retry_one(h, &d);
    } else {
        rc = store_deliveries_each(txn, h->arena, retry_one, h);
    }
    return rc ? rc : touch(txn);
}

static int
drop(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct handling *h = ctx;
    struct delivery d;
    int rc = no_such(h->id, store_delivery_get(txn, h->id, h->arena, &d), err);

    if (!rc)
        rc = store_delivery_delete(txn, h->id);
    if (!rc)
        rc = store_delivery_log(txn, &d, NULL);
    return rc ? rc : touch(txn);
}

static int
test(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct handling *h = ctx;
    struct webhook_event event = {.event = WEBHOOK_PING, .time = jb_now_us(), .mount = ""};
    struct jb_buf body = JB_BUF(DELIVERY_BODY_MAX);
    int rc;

    h->made.event = WEBHOOK_PING;
    h->made.created = event.time;
    h->made.body = "{}";
    /* The body says the id, which the store gives. */
    rc = store_delivery_put(txn, &h->made);
    event.delivery = h->made.id;
    if (!rc && (rc = webhook_body(&event, &body)))
        jb_fail(err, rc, "%s", jb_strerror(rc));
    h->made.body = body.p;
    if (!rc)
        rc = store_delivery_put(txn, &h->made);
    if (!rc)
        rc = store_delivery_log(txn, NULL, &h->made);
    h->made.body = NULL;
    jb_buf_free(&body);
    return rc ? rc : touch(txn);
}

static bool
which(const struct cli *cli, const char *text, uint64_t *ret_id)
{
    int64_t id;

    if (jb_parse_int(jb_str(text), 1, INT64_MAX, &id)) {
        cli_usage(cli, "\"%.40s\" is not the number of a delivery", text);
        return false;
    }
    *ret_id = (uint64_t)id;
    return true;
}

static int
handle(struct cli *cli, struct handling *h,
       int (*change)(void *ctx, struct store_txn *txn, struct jb_error *err))
{
    int rc;

    h->arena = jb_arena_new((size_t)16 << 20);
    if (!h->arena)
        return CLI_FAILED;
    rc = cli_change(cli, change, h);
    jb_arena_free(h->arena);
    return rc;
}

static int
webhook_retry(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {NULL};
    struct handling h = {0};
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, NULL))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "retry which delivery, or all?");
    if (strcmp(argv[1], "all") != 0 && !which(cli, argv[1], &h.id))
        return CLI_USAGE;
    rc = handle(cli, &h, retry);
    if (!rc)
        printf("%" PRIu64 " to be sent\n", h.n);
    return rc;
}

static int
webhook_drop(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"yes", NULL};
    struct handling h = {0};
    bool yes;
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, &yes))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "drop which delivery?");
    if (!which(cli, argv[1], &h.id))
        return CLI_USAGE;
    if (!cli_confirm(yes, "this forgets delivery %" PRIu64, h.id))
        return CLI_REFUSED;
    rc = handle(cli, &h, drop);
    if (!rc)
        puts("dropped");
    return rc;
}

static int
webhook_test(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {NULL};
    struct handling h = {0};
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, NULL))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "test which webhook of the settings?");
    if (!find_hook(cli, argv[1])) {
        struct jb_error err = {0};
        jb_fail(&err, JB_ENOENT, "%.60s: no webhook of the settings has that name", argv[1]);
        return cli_fail(cli, &err);
    }
    h.made.target = argv[1];
    rc = handle(cli, &h, test);
    if (!rc)
        printf("delivery %" PRIu64 " is to be sent\n", h.made.id);
    return rc;
}

const struct cli_verb webhook_verbs[] = {
    {"list", "[--dead] [--json]", "events on their way, and those that were given up",
     webhook_list},
    {"retry", "ID|all", "send once more, from the first try on", webhook_retry},
    {"drop", "ID [--yes]", "forget a delivery", webhook_drop},
    {"test", "NAME", "send a \"ping\" to a webhook of the settings", webhook_test},
    {0}};
