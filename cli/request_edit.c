/* SPDX-License-Identifier: Apache-2.0 */
/* What is changed of a request beside its state. */
#include "cli/choose.h"
#include "cli/request.h"

#include "base/clock.h"
#include "base/text.h"
#include "queue/moderate.h"

#include <string.h>

struct request_edit {
    uint64_t id;
    bool hidden;
    int64_t until;
    unsigned priority;
    struct queue_correction correction;
    char secret[QUEUE_SECRET_SIZE];
    struct request_outcome outcome;
};

static int
outcome_of(struct request_edit *e, struct store_txn *txn, int rc, struct jb_error *err)
{
    return rc ? rc : request_outcome(txn, e->id, err, &e->outcome);
}

static int
hide(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct request_edit *e = ctx;

    return outcome_of(e, txn, queue_hide(txn, e->id, e->hidden, err), err);
}

static int
correct(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct request_edit *e = ctx;

    return outcome_of(e, txn, queue_correct(txn, e->id, &e->correction, err), err);
}

static int
embargo(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct request_edit *e = ctx;

    return outcome_of(e, txn, queue_embargo(txn, e->id, e->until, err), err);
}

static int
prioritise(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct request_edit *e = ctx;

    return outcome_of(e, txn, queue_prioritise(txn, e->id, e->priority, err), err);
}

static int
new_secret(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct request_edit *e = ctx;

    return outcome_of(e, txn, queue_new_secret(txn, e->id, err, e->secret), err);
}

/* The number and, if `question` is asked, --yes; how many operands there must be. */
static int
begin(struct cli *cli, int *argc, char **argv, int operands, const char *question,
      struct request_edit *e, bool *ret_json)
{
    bool yes = false;
    const struct cli_option options[] = {
        {"json", ret_json, NULL}, {question ? "yes" : NULL, &yes, NULL}, {NULL, NULL, NULL}};

    *ret_json = false;
    if (!cli_options(cli, argc, argv, options))
        return CLI_USAGE;
    if (*argc != operands)
        return cli_usage(cli, "wrong number of arguments");
    if (!cli_id(cli, argv[1], &e->id))
        return CLI_USAGE;
    if (question && !cli_confirm(yes, "request %llu: %s", (unsigned long long)e->id, question))
        return CLI_REFUSED;
    return CLI_DONE;
}

static int
edit(struct cli *cli, struct request_edit *e, bool as_json,
     int (*change)(void *ctx, struct store_txn *txn, struct jb_error *err), const char *more,
     const char *value)
{
    int rc = cli_change(cli, change, e);

    return rc ? rc : request_say(cli, as_json, &e->outcome, more, value);
}

int
request_delete(struct cli *cli, int argc, char **argv)
{
    struct request_edit e = {.hidden = true};
    bool as_json;
    int rc = begin(cli, &argc, argv, 2,
                   "this shows it and its result nowhere any more (request restore brings it "
                   "back)",
                   &e, &as_json);

    return rc ? rc : edit(cli, &e, as_json, hide, "hidden", "yes");
}

int
request_restore(struct cli *cli, int argc, char **argv)
{
    struct request_edit e = {.hidden = false};
    bool as_json;
    int rc = begin(cli, &argc, argv, 2, NULL, &e, &as_json);

    return rc ? rc : edit(cli, &e, as_json, hide, "hidden", "no");
}

int
request_correct(struct cli *cli, int argc, char **argv)
{
    struct request_edit e = {0};
    struct queue_correction *c = &e.correction;
    struct jb_error err = {0};
    bool as_json = false;
    const struct cli_option options[] = {
        {"json", &as_json, NULL},           {"precision", NULL, &c->precision},
        {"weights", NULL, &c->weight_type}, {"type", NULL, &c->model_type},
        {"base", NULL, &c->base_model},     {NULL, NULL, NULL}};
    int rc = CLI_DONE;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "correct which request?");
    if (!c->precision && !c->weight_type && !c->model_type && !c->base_model)
        return cli_usage(cli, "correct what of it?");
    if (!cli_id(cli, argv[1], &e.id))
        return CLI_USAGE;
    if (c->precision)
        rc = choose_precision(cli, c->precision, &c->precision);
    if (!rc && c->weight_type)
        rc = choose_weights(cli, c->weight_type, &c->weight_type);
    if (!rc && c->model_type)
        rc = choose_type(cli, c->model_type, &c->model_type);
    if (!rc && c->base_model && *c->base_model &&
        jb_model_id_check(jb_str(c->base_model), &err))
        rc = cli_fail(cli, &err);
    return rc ? rc : edit(cli, &e, as_json, correct, NULL, NULL);
}

int
request_embargo(struct cli *cli, int argc, char **argv)
{
    struct request_edit e = {0};
    char time[JB_TIME_SIZE] = "none";
    bool as_json;
    int rc = begin(cli, &argc, argv, 3, NULL, &e, &as_json);

    if (rc)
        return rc;
    if (strcmp(argv[2], "none") != 0) {
        if (!cli_date(cli, argv[2], &e.until))
            return CLI_USAGE;
        jb_time_format(e.until, 0, time);
    }
    return edit(cli, &e, as_json, embargo, "embargo", time);
}

int
request_priority(struct cli *cli, int argc, char **argv)
{
    static const char *const words[] = {"first", "normal", "last"};
    struct request_edit e = {0};
    bool as_json;
    int rc = begin(cli, &argc, argv, 3, NULL, &e, &as_json);

    if (rc)
        return rc;
    while (e.priority < 3 && strcmp(argv[2], words[e.priority]) != 0)
        e.priority++;
    if (e.priority == 3)
        return cli_usage(cli, "a priority is first, normal or last, not \"%.60s\"", argv[2]);
    return edit(cli, &e, as_json, prioritise, "priority", words[e.priority]);
}

int
request_secret(struct cli *cli, int argc, char **argv)
{
    struct request_edit e = {0};
    bool as_json;
    int rc = begin(cli, &argc, argv, 2, "this makes the secret void that its submitter has", &e,
                   &as_json);

    return rc ? rc : edit(cli, &e, as_json, new_secret, "secret", e.secret);
}
