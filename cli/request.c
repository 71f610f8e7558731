/* SPDX-License-Identifier: Apache-2.0 */
/* What moves a request from state to state, by hand. */
#include "cli/request.h"

#include "base/clock.h"
#include "queue/move.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REQUEST_MAX ((size_t)1 << 20)
/* More than is kept of a log: sequences and progress bars go. */
#define LOG_MAX     ((size_t)256 << 10)

struct request_move {
    uint64_t id;
    struct queue_move move;
    struct request_outcome outcome;
};

int
request_outcome(struct store_txn *txn, uint64_t id, struct jb_error *err,
                struct request_outcome *ret_outcome)
{
    struct jb_arena *arena = jb_arena_new(REQUEST_MAX);
    struct request request;
    struct job job;
    int rc = arena ? queue_load(txn, id, arena, &request, &job) : JB_ENOMEM;

    if (rc == JB_ENOENT)
        jb_fail(err, rc, "there is no request %llu", (unsigned long long)id);
    else if (rc)
        cli_reason(txn, rc, err);
    else {
        ret_outcome->id = id;
        snprintf(ret_outcome->state, sizeof(ret_outcome->state), "%s",
                 queue_state_word(queue_state_of(job.state, request.status)));
        snprintf(ret_outcome->model, sizeof(ret_outcome->model), "%s", request.model);
    }
    jb_arena_free(arena);
    return rc;
}

int
request_say(struct cli *cli, bool as_json, const struct request_outcome *outcome,
            const char *more, const char *value)
{
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;

    if (!as_json) {
        printf("request %llu (", (unsigned long long)outcome->id);
        cli_put_text(stdout, outcome->model);
        printf("): %s\n", outcome->state);
        if (more) {
            printf("%s: ", more);
            cli_put_text(stdout, value);
            putchar('\n');
        }
        return CLI_DONE;
    }
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_kint(&j, "id", (int64_t)outcome->id);
    jb_json_ktext(&j, "model", outcome->model);
    jb_json_ktext(&j, "state", outcome->state);
    if (more)
        jb_json_ktext(&j, more, value);
    jb_json_end(&j);
    return cli_print(cli, &j, &out);
}

static int
apply(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct request_move *m = ctx;
    int rc = queue_move(txn, m->id, &m->move, jb_now_us(), err, NULL);

    return rc ? rc : request_outcome(txn, m->id, err, &m->outcome);
}

static int
move(struct cli *cli, struct request_move *m, bool as_json)
{
    int rc;

    m->move.who = QUEUE_OPERATOR;
    rc = cli_change(cli, apply, m);
    return rc ? rc : request_say(cli, as_json, &m->outcome, NULL, NULL);
}

/* A move without arguments but the number; `question` (NULL: none) is asked first. */
static int
plain_move(struct cli *cli, int argc, char **argv, enum queue_event event, const char *question)
{
    struct request_move m = {.move = {.event = event}};
    bool as_json = false, yes = false;
    const struct cli_option options[] = {
        {"json", &as_json, NULL}, {question ? "yes" : NULL, &yes, NULL}, {NULL, NULL, NULL}};

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "%s which request?", argv[0]);
    if (!cli_id(cli, argv[1], &m.id))
        return CLI_USAGE;
    if (question && !cli_confirm(yes, "request %llu: %s", (unsigned long long)m.id, question))
        return CLI_REFUSED;
    return move(cli, &m, as_json);
}

static int
request_cancel(struct cli *cli, int argc, char **argv)
{
    return plain_move(cli, argc, argv, QUEUE_EVENT_CANCEL,
                      "this stops it; its place, and what its evaluation has done, are lost");
}

static int
request_start(struct cli *cli, int argc, char **argv)
{
    return plain_move(cli, argc, argv, QUEUE_EVENT_START, NULL);
}

static int
request_finish(struct cli *cli, int argc, char **argv)
{
    return plain_move(cli, argc, argv, QUEUE_EVENT_RESULT, NULL);
}

static int
look(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct request_move *m = ctx;

    return request_outcome(txn, m->id, err, &m->outcome);
}

static int
request_rerun(struct cli *cli, int argc, char **argv)
{
    struct request_move m = {.move = {.event = QUEUE_EVENT_RERUN}};
    bool as_json = false, yes = false;
    const struct cli_option options[] = {
        {"json", &as_json, NULL}, {"yes", &yes, NULL}, {NULL, NULL, NULL}};
    enum queue_state state;
    int rc;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "rerun which request?");
    if (!cli_id(cli, argv[1], &m.id))
        return CLI_USAGE;
    rc = cli_look(cli, look, &m);
    if (rc)
        return rc;
    /* Only what is on the board or at a host has something to lose. */
    state = queue_state_from_word(m.outcome.state);
    if ((!queue_state_ended(state) || state == QUEUE_FINISHED ||
         state == QUEUE_PENDING_NEW_EVAL) &&
        !cli_confirm(yes, "request %llu is %s: this evaluates it again from the start",
                     (unsigned long long)m.id, m.outcome.state))
        return CLI_REFUSED;
    return move(cli, &m, as_json);
}

static bool
needs_no_hub(const struct cli *cli, const char *model)
{
    const struct setting_strings *builtin = &cli->conf.submit.builtin;

    for (size_t i = 0; i < builtin->n; i++)
        if (strcasecmp(builtin->items[i], model) == 0)
            return true;
    return false;
}

static int
request_recheck(struct cli *cli, int argc, char **argv)
{
    struct request_move m = {.move = {.event = QUEUE_EVENT_RECHECK}};
    struct jb_error err = {0};
    bool as_json;
    const char *which = cli_operand(cli, argc, argv, "recheck which request?", &as_json);
    int rc;

    if (!which || !cli_id(cli, which, &m.id))
        return CLI_USAGE;
    rc = cli_look(cli, look, &m);
    if (rc)
        return rc;
    if (needs_no_hub(cli, m.outcome.model)) {
        jb_fail(&err, JB_ECONFLICT, "%s needs no hub (submit.builtin)", m.outcome.model);
        return cli_fail(cli, &err);
    }
    return move(cli, &m, as_json);
}

/* The end of a log file, or of standard input for "-". A NUL would end the text for who reads
 * it. */
static int
read_log(const char *file, struct jb_arena *arena, struct jb_error *err, const char **ret_log)
{
    bool piped = strcmp(file, "-") == 0;
    FILE *from = piped ? stdin : fopen(file, "rb");
    char *end = malloc(2 * LOG_MAX), *log = NULL;
    size_t n = 0, got;
    int rc = 0;

    if (!from) {
        rc = jb_fail_errno(err, errno, "%s", file);
        goto out;
    }
    while (end && (got = fread(end + n, 1, 2 * LOG_MAX - n, from)) > 0) {
        n += got;
        if (n == 2 * LOG_MAX) {
            memmove(end, end + LOG_MAX, LOG_MAX);
            n = LOG_MAX;
        }
    }
    if (ferror(from)) {
        rc = jb_fail_errno(err, errno, "%s", file);
        goto out;
    }
    log = end ? jb_arena_dup(arena, end, n) : NULL;
    if (!log) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        if (!log[i])
            log[i] = ' ';
    *ret_log = log;
out:
    if (from && !piped)
        fclose(from);
    free(end);
    return rc;
}

static int
request_fail(struct cli *cli, int argc, char **argv)
{
    struct request_move m = {.move = {.event = QUEUE_EVENT_FAIL}};
    struct jb_error err = {0};
    bool as_json = false;
    const char *log = NULL;
    const struct cli_option options[] = {{"json", &as_json, NULL},
                                         {"reason", NULL, &m.move.reason},
                                         {"log", NULL, &log},
                                         {NULL, NULL, NULL}};

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 3)
        return cli_usage(cli, "which request failed, and of which class?");
    if (!cli_id(cli, argv[1], &m.id))
        return CLI_USAGE;
    m.move.failure = queue_failure_from(argv[2]);
    if (m.move.failure == FAILURE_NONE || m.move.failure == FAILURE_MAX) {
        cli_usage(cli, "\"%.60s\" is none of the classes:", argv[2]);
        for (int i = FAILURE_NONE + 1; i < FAILURE_MAX; i++)
            fprintf(stderr, "  %-22s %s\n", queue_failure_class((enum queue_failure)i)->word,
                    queue_failure_class((enum queue_failure)i)->en);
        return CLI_USAGE;
    }
    if (log && read_log(log, cli->arena, &err, &m.move.log_tail))
        return cli_fail(cli, &err);
    return move(cli, &m, as_json);
}

const struct cli_verb request_verbs[] = {
    {"submit",
     "MODEL --precision P --type T [--revision R] [--weights W] [--base M] [--private] "
     "[--json]",
     "ask for an evaluation, as the form does", request_submit},
    {"list", "[--state WORD | --open | --failed] [--model M] [--json]", "what there is",
     request_list},
    {"show", "ID [--json]", "all that is known of one", request_show},
    {"start", "ID [--json]", "it runs now, on a host that is looked after by hand",
     request_start},
    {"fail", "ID CLASS [--reason TEXT] [--log FILE|-] [--json]",
     "its evaluation failed; the end of the log is kept without secrets", request_fail},
    {"finish", "ID [--json]", "its result is there", request_finish},
    {"cancel", "ID [--yes] [--json]", "stop it", request_cancel},
    {"rerun", "ID [--yes] [--json]", "evaluate it again, whatever its state", request_rerun},
    {"recheck", "ID [--json]", "ask the hub again, then evaluate it", request_recheck},
    {"correct", "ID [--precision P] [--weights W] [--type T] [--base M] [--json]",
     "mend what was submitted", request_correct},
    {"embargo", "ID DATE|none [--json]", "show its result from then on (UTC)", request_embargo},
    {"priority", "ID first|normal|last [--json]", "its turn among those that wait",
     request_priority},
    {"secret", "ID [--yes] [--json]", "a new secret for the submitter; the old one is void",
     request_secret},
    {"delete", "ID [--yes] [--json]", "show it nowhere any more, but keep it", request_delete},
    {"restore", "ID [--json]", "show it again", request_restore},
    {0}};
