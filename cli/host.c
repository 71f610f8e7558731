/* SPDX-License-Identifier: Apache-2.0 */
/* The GPU hosts: who they are, what they have, what they do. */
#include "cli/list.h"
#include "queue/host.h"

#include <inttypes.h>
#include <string.h>

struct host_walk {
    struct listing listing; /* first: listing_run() gives it back */
    struct store_txn *txn;
    const struct host *at; /* the one whose attempts are being walked */
    const char *only;      /* NULL: all */
    bool removed;          /* those too */
    uint64_t n;            /* of its live attempts */
    bool put;              /* and write them */
};

static int
each_live(void *ctx, const struct attempt *a)
{
    struct host_walk *w = ctx;
    struct request request;
    char fence[24];
    int rc;

    if (strcmp(a->host, w->at->name) != 0)
        return 0;
    w->n++;
    if (!w->put)
        return 0;
    if ((rc = store_request_get(w->txn, a->request, w->listing.arena, &request)))
        return rc;
    if (w->listing.as_json) {
        jb_json_object(&w->listing.json);
        jb_json_kint(&w->listing.json, "fence", (int64_t)a->fence);
        jb_json_kint(&w->listing.json, "request", (int64_t)a->request);
        jb_json_ktext(&w->listing.json, "model", request.model);
        jb_json_ktext(&w->listing.json, "state", a->state);
        jb_json_end(&w->listing.json);
        return 0;
    }
    snprintf(fence, sizeof(fence), "%" PRIu64, a->fence);
    fputs("runs: ", stdout);
    list_line(fence, a->state, request.model, NULL);
    return 0;
}

/* Counts, or writes, what runs at a host. */
static int
live(struct host_walk *w, const struct host *h, bool put)
{
    w->at = h;
    w->n = 0;
    w->put = put;
    return store_attempts_live_each(w->txn, w->listing.arena, each_live, w);
}

static const char *
hash_text(bool has, const unsigned char *hash, char out[2 * HOST_HASH_SIZE + 1])
{
    out[0] = '\0';
    for (size_t i = 0; has && i < HOST_HASH_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    return out;
}

static int
put_host(struct host_walk *w, const struct host *h)
{
    struct jb_json *j = &w->listing.json;
    char hash[2 * HOST_HASH_SIZE + 1];
    int rc;

    jb_json_object(j);
    jb_json_ktext(j, "name", h->name);
    jb_json_ktext(j, "state", h->state);
    jb_json_ktext(j, "reason", *h->reason ? h->reason : NULL);
    jb_json_ktext(j, "url", *h->url ? h->url : NULL);
    jb_json_ktext(j, "key", h->has_key ? hash_text(true, h->key, hash) : NULL);
    jb_json_ktext(j, "next_key", h->has_next ? hash_text(true, h->next, hash) : NULL);
    list_put_time(j, "token_until", h->has_token ? h->token_until : 0);
    list_put_time(j, "certificate_until", h->certificate_until);
    list_put_time(j, "seen", h->seen);
    jb_json_ktext(j, "version", *h->version ? h->version : NULL);
    jb_json_ktext(j, "engine", *h->engine ? h->engine : NULL);
    jb_json_kint(j, "slots", h->slots);
    jb_json_kint(j, "gpus", h->gpus);
    jb_json_ktext(j, "gpu", *h->gpu ? h->gpu : NULL);
    jb_json_kint(j, "memory_mib", h->memory_mib);
    jb_json_kint(j, "failures", (int64_t)h->failures);
    jb_json_kint(j, "holds", (int64_t)h->holds);
    list_put_time(j, "hold_until", h->hold_until);
    jb_json_key(j, "runs");
    jb_json_array(j);
    rc = live(w, h, true);
    jb_json_end(j);
    jb_json_end(j);
    return rc;
}

static int
print_line(struct host_walk *w, const struct host *h)
{
    char runs[24], gpus[STORE_TEXT_MAX + 64], seen[JB_TIME_SIZE];
    int rc = live(w, h, false);

    if (rc)
        return rc;
    snprintf(runs, sizeof(runs), "%" PRIu64 "/%" PRId64, w->n, h->slots);
    snprintf(gpus, sizeof(gpus), "%" PRId64 " x %s", h->gpus, *h->gpu ? h->gpu : "GPU");
    list_line(h->name, h->state, runs, h->gpus ? gpus : "", list_time(h->seen, seen), h->reason,
              NULL);
    return 0;
}

static void
print_member(const char *name, const char *value)
{
    if (!*value)
        return;
    printf("%s: ", name);
    list_line(value, NULL);
}

static int
print_host(struct host_walk *w, const struct host *h)
{
    char hash[2 * HOST_HASH_SIZE + 1], time[JB_TIME_SIZE];

    print_member("name", h->name);
    print_member("state", h->state);
    print_member("reason", h->reason);
    print_member("url", h->url);
    print_member("key", hash_text(h->has_key, h->key, hash));
    print_member("next key", hash_text(h->has_next, h->next, hash));
    print_member("token until", list_time(h->has_token ? h->token_until : 0, time));
    print_member("certificate until", list_time(h->certificate_until, time));
    print_member("seen", list_time(h->seen, time));
    print_member("version", h->version);
    print_member("engine", h->engine);
    printf("slots: %" PRId64 "\n", h->slots);
    printf("GPUs: %" PRId64 "%s", h->gpus, *h->gpu ? " x " : "\n");
    if (*h->gpu)
        list_line(h->gpu, NULL);
    if (h->memory_mib)
        printf("GPU memory: %" PRId64 " MiB\n", h->memory_mib);
    if (h->failures)
        printf("failures in a row: %" PRIu64 "\n", h->failures);
    print_member("held until", list_time(h->hold_until, time));
    return live(w, h, true);
}

static int
each_host(void *ctx, const struct host *h)
{
    struct host_walk *w = ctx;

    if (!w->removed && queue_host_from_word(h->state) == HOST_REMOVED)
        return 0;
    return w->listing.as_json ? put_host(w, h) : print_line(w, h);
}

static int
walk(struct listing *l, struct store_txn *txn, const char *what)
{
    struct host_walk *w = (struct host_walk *)l;
    struct host host;
    int rc;

    (void)what;
    w->txn = txn;
    if (w->only) {
        rc = store_host_get(txn, w->only, l->arena, &host);
        if (rc)
            return rc;
        return l->as_json ? put_host(w, &host) : print_host(w, &host);
    }
    if (l->as_json)
        jb_json_array(&l->json);
    rc = store_hosts_each(txn, l->arena, each_host, w);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

static int
host_list(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"json", "all", NULL};
    struct host_walk w = {0};
    bool on[2];

    if (!cli_switches(cli, &argc, argv, switches, on))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "list takes no operand");
    w.listing.as_json = on[0];
    w.removed = on[1];
    return listing_run(cli, &w.listing, walk, NULL);
}

static int
host_show(struct cli *cli, int argc, char **argv)
{
    struct host_walk w = {0};

    w.only = cli_operand(cli, argc, argv, "show which host?", &w.listing.as_json);
    if (!w.only)
        return CLI_USAGE;
    return listing_run(cli, &w.listing, walk, NULL);
}

struct adding {
    const char *name, *url;
    struct jb_arena *arena;
    char token[HOST_TOKEN_SIZE];
};

static int
add(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct adding *a = ctx;

    return queue_host_add(txn, a->name, a->url, jb_now_us(), a->arena, err, a->token);
}

static int
host_add(struct cli *cli, int argc, char **argv)
{
    struct adding a = {.url = "", .arena = cli->arena};
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;
    bool as_json = false;
    const struct cli_option options[] = {
        {"json", &as_json, NULL}, {"url", NULL, &a.url}, {NULL, NULL, NULL}};
    int rc;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "add which host?");
    a.name = argv[1];
    rc = cli_change(cli, add, &a);
    if (rc)
        return rc;
    if (!as_json) {
        printf("Run on the host, within 24 hours:\n"
               "    jinbang-agent enrol %s %s\n"
               "and then here, with the address that it listens on:\n"
               "    jinbang host enrol %s %s\n",
               a.name, a.token, a.name, *a.url ? a.url : "https://ADDRESS:PORT");
        return CLI_DONE;
    }
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_ktext(&j, "name", a.name);
    jb_json_ktext(&j, "token", a.token);
    jb_json_kint(&j, "token_seconds", HOST_TOKEN_LIFE / 1000000);
    jb_json_end(&j);
    return cli_print(cli, &j, &out);
}

struct host_event {
    const char *name, *reason;
    enum queue_host_event event;
    struct jb_arena *arena;
    char state[24];
};

static int
apply(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct host_event *e = ctx;
    struct host host;
    int rc = queue_host_move(txn, e->name, e->event, e->reason, jb_now_us(), e->arena, err);

    if (rc || (rc = store_host_get(txn, e->name, e->arena, &host)))
        return rc;
    snprintf(e->state, sizeof(e->state), "%s", host.state);
    return 0;
}

/* One event by an operator. `warning`, if any, is confirmed first. */
static int
change(struct cli *cli, int argc, char **argv, enum queue_host_event event, const char *warning)
{
    struct host_event e = {.event = event, .reason = "", .arena = cli->arena};
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;
    bool as_json = false, yes = false;
    const struct cli_option options[] = {{"json", &as_json, NULL},
                                         {"yes", &yes, NULL},
                                         {"reason", NULL, &e.reason},
                                         {NULL, NULL, NULL}};
    int rc;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "%s which host?", argv[0]);
    e.name = argv[1];
    if (warning && !cli_confirm(yes, "host %.60s: %s", e.name, warning))
        return CLI_REFUSED;
    rc = cli_change(cli, apply, &e);
    if (rc)
        return rc;
    if (!as_json) {
        list_line(e.name, e.state, NULL);
        return CLI_DONE;
    }
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_ktext(&j, "name", e.name);
    jb_json_ktext(&j, "state", e.state);
    jb_json_end(&j);
    return cli_print(cli, &j, &out);
}

static int
host_drain(struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, HOST_EVENT_DRAIN, NULL);
}

static int
host_undrain(struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, HOST_EVENT_UNDRAIN, NULL);
}

static int
host_quarantine(struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, HOST_EVENT_QUARANTINE, NULL);
}

static int
host_lift(struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, HOST_EVENT_LIFT, NULL);
}

int
host_remove(struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, HOST_EVENT_REMOVE,
                  "this refuses its key from now on; what runs there is lost");
}

const struct cli_verb host_verbs[] = {
    {"list", "[--all] [--json]", "name, state, what runs of how many, GPUs, last answer",
     host_list},
    {"show", "NAME [--json]", "all that is known of one, and what runs there", host_show},
    {"add", "NAME [--url URL] [--json]", "a record and a one-time token, good for 24 hours",
     host_add},
    {"enrol", "NAME [URL] [--fingerprint HEX] [--json]",
     "bring a host that waits there its certificate", host_enrol},
    {"drain", "NAME [--reason TEXT] [--json]", "let it end what it has, give it nothing new",
     host_drain},
    {"undrain", "NAME [--json]", "give it work again", host_undrain},
    {"quarantine", "NAME [--reason TEXT] [--json]",
     "trust it with nothing until a canary has passed", host_quarantine},
    {"lift", "NAME [--json]", "trust it again without a canary", host_lift},
    {"remove", "NAME [--reason TEXT] [--yes] [--json]", "refuse its key from now on",
     host_remove},
    {0}};
