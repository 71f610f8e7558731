/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"
#include "cli/queue.h"
#include "cli/request.h"

#include "queue/move.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const priorities[] = {"first", "normal", "last"};

struct request_filter {
    struct listing listing; /* first: the walks of list.h are given it */
    struct store_txn *txn;
    enum queue_state state; /* QUEUE_STATE_MAX any */
    bool open, failed;
    const char *model;
};

static bool
wanted(const struct request_filter *f, enum queue_state state)
{
    if (f->open)
        return state != QUEUE_STATE_MAX && !queue_state_ended(state);
    if (f->failed)
        return state == QUEUE_FAILED || state == QUEUE_QUARANTINED;
    return f->state == QUEUE_STATE_MAX || f->state == state;
}

static const char *
state_word(enum queue_state state, const struct request *r)
{
    return state == QUEUE_STATE_MAX ? r->status : queue_state_word(state);
}

static int
list_one(void *ctx, const struct request *r)
{
    struct request_filter *f = ctx;
    struct listing *l = &f->listing;
    char id[24], time[JB_TIME_SIZE];
    struct job job;
    int rc = store_job_get(f->txn, r->id, l->arena, &job);
    enum queue_state state;

    if (rc == JB_ENOENT)
        job = (struct job){.state = "", .failure = ""};
    else if (rc)
        return rc;
    state = queue_state_of(job.state, r->status);
    if (wanted(f, state) && l->as_json) {
        jb_json_object(&l->json);
        list_put_request(&l->json, r);
        jb_json_ktext(&l->json, "state", state_word(state, r));
        jb_json_ktext(&l->json, "failure", *job.failure ? job.failure : NULL);
        jb_json_kbool(&l->json, "hidden", job.hidden);
        jb_json_end(&l->json);
    } else if (wanted(f, state)) {
        snprintf(id, sizeof(id), "%llu", (unsigned long long)r->id);
        list_line(id, state_word(state, r), r->model, r->revision, r->precision, r->weight_type,
                  list_time(r->submitted, time), job.failure, job.hidden ? "hidden" : "", NULL);
    }
    jb_arena_reset(l->arena);
    return 0;
}

static int
list_wanted(struct listing *l, struct store_txn *txn, const char *what)
{
    struct request_filter *f = (struct request_filter *)l;
    int rc;

    (void)what;
    f->txn = txn;
    if (l->as_json)
        jb_json_array(&l->json);
    rc = f->model ? store_model_requests(txn, f->model, l->arena, false, list_one, f)
                  : store_requests_each(txn, l->arena, false, list_one, f);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

/* A state by its word or by the status that the datasets have for it, in any case. */
static enum queue_state
state_from(const char *typed)
{
    char word[32];
    size_t n = 0;

    while (typed[n] && n + 1 < sizeof(word)) {
        word[n] = (char)toupper((unsigned char)typed[n]);
        n++;
    }
    word[n] = '\0';
    return typed[n] ? QUEUE_STATE_MAX : queue_state_from_word(word);
}

static int
no_state(struct cli *cli, const char *typed)
{
    cli_usage(cli, "\"%.60s\" is none of the states:", typed);
    for (int i = 0; i < QUEUE_STATE_MAX; i++)
        fprintf(stderr, "  %s\n", queue_state_word((enum queue_state)i));
    return CLI_USAGE;
}

int
request_list(struct cli *cli, int argc, char **argv)
{
    struct request_filter f = {.state = QUEUE_STATE_MAX};
    const char *word = NULL;
    const struct cli_option options[] = {
        {"json", &f.listing.as_json, NULL}, {"state", NULL, &word},    {"open", &f.open, NULL},
        {"failed", &f.failed, NULL},        {"model", NULL, &f.model}, {NULL, NULL, NULL}};

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "list takes only options");
    if ((word != NULL) + f.open + f.failed > 1)
        return cli_usage(cli, "one of --state, --open and --failed");
    if (word && (f.state = state_from(word)) == QUEUE_STATE_MAX)
        return no_state(cli, word);
    return listing_run(cli, &f.listing, list_wanted, NULL);
}

/* --- one of them ---------------------------------------------------------------------------
 */

/* A name and its value as a line or as a member; what is empty has no line. */
static void
fact(struct listing *l, const char *name, const char *value)
{
    if (l->as_json) {
        jb_json_ktext(&l->json, name, *value ? value : NULL);
    } else if (*value) {
        printf("%s: ", name);
        cli_put_text(stdout, value);
        putchar('\n');
    }
}

static void
fact_number(struct listing *l, const char *name, uint64_t n)
{
    if (l->as_json)
        jb_json_kint(&l->json, name, (int64_t)n);
    else if (n)
        printf("%s: %llu\n", name, (unsigned long long)n);
}

static void
fact_time(struct listing *l, const char *name, int64_t us)
{
    char time[JB_TIME_SIZE];

    fact(l, name, list_time(us, time));
}

static void
fact_bool(struct listing *l, const char *name, bool on)
{
    if (l->as_json)
        jb_json_kbool(&l->json, name, on);
    else if (on)
        printf("%s: yes\n", name);
}

static void
put_request(struct listing *l, const struct request *r)
{
    char params[32] = "";

    if (l->as_json) {
        list_put_request(&l->json, r);
        return;
    }
    if (!isnan(r->params))
        snprintf(params, sizeof(params), "%.3f billion", r->params);
    fact_number(l, "id", r->id);
    fact(l, "model", r->model);
    fact(l, "base_model", r->base_model);
    fact(l, "revision", r->revision);
    fact(l, "commit", r->commit);
    fact(l, "precision", r->precision);
    fact(l, "weight_type", r->weight_type);
    fact(l, "model_type", r->model_type);
    fact(l, "architectures", r->architectures);
    fact(l, "params", params);
    fact_bool(l, "private", r->private_);
    fact_time(l, "submitted", r->submitted);
    fact(l, "status", r->status);
}

static void
put_failure(struct listing *l, const struct job *job)
{
    enum queue_failure failure = queue_failure_from(job->failure);
    const struct queue_failure_class *class = queue_failure_class(failure);

    fact(l, "failure", job->failure);
    fact(l, "what_happened", class->en);
    fact(l, "what_to_do", class->en_do);
    fact(l, "reason", job->reason);
}

static void
put_log(struct listing *l, const char *log)
{
    if (l->as_json) {
        jb_json_ktext(&l->json, "log_tail", *log ? log : NULL);
        return;
    }
    if (*log)
        puts("log:");
    while (*log) {
        size_t n = strcspn(log, "\n");
        char *line = jb_arena_dup(l->arena, log, n);

        fputs("    ", stdout);
        cli_put_text(stdout, line ? line : "");
        putchar('\n');
        log += n + (log[n] == '\n');
    }
}

static void
put_job(struct listing *l, const struct job *job)
{
    fact_number(l, "round", job->round);
    put_failure(l, job);
    fact_number(l, "same_as", job->same_as);
    fact_number(l, "attempts", job->attempts);
    fact_number(l, "checks", job->checks);
    fact_time(l, "due", job->due);
    fact(l, "priority", job->priority < 3 ? priorities[job->priority] : "");
    fact(l, "owner", job->owner);
    fact_bool(l, "counts", job->charged);
    fact_time(l, "accepted", job->accepted);
    fact_time(l, "checked", job->checked);
    fact_time(l, "queued", job->queued);
    fact_time(l, "started", job->started);
    fact_time(l, "ended", job->ended);
    fact_time(l, "embargo", job->embargo);
    fact_bool(l, "hidden", job->hidden);
    fact_bool(l, "has_secret", job->has_secret);
    put_log(l, job->log_tail);
}

static int
put_place(struct listing *l, struct store_txn *txn, uint64_t id)
{
    struct queue_lists *lists;
    struct jb_error err = {0};
    int64_t now = jb_now_us();
    int rc = queue_lists_build(txn, now, &err, &lists);

    if (rc)
        return rc;
    const struct queue_entry *entry = queue_lists_find(lists, id);
    size_t place = entry ? entry->place : 0;
    char when[QUEUE_START_SIZE] = "";
    fact_number(l, "place", place);
    if (place && l->as_json)
        queue_put_start(&l->json, &entry->start);
    else if (place)
        fact(l, "start", queue_start_text(&entry->start, when));
    queue_lists_unref(lists);
    return 0;
}

static int
show_one(struct listing *l, struct store_txn *txn, const char *what)
{
    uint64_t id = strtoull(what, NULL, 10);
    struct request r;
    struct job job;
    int rc = queue_load(txn, id, l->arena, &r, &job);

    if (rc)
        return rc;
    if (l->as_json)
        jb_json_object(&l->json);
    put_request(l, &r);
    fact(l, "state", state_word(queue_state_of(job.state, r.status), &r));
    rc = put_place(l, txn, id);
    put_job(l, &job);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

int
request_show(struct cli *cli, int argc, char **argv)
{
    struct listing l = {0};
    const char *which = cli_operand(cli, argc, argv, "show which request?", &l.as_json);
    uint64_t id;

    if (!which || !cli_id(cli, which, &id))
        return CLI_USAGE;
    return listing_run(cli, &l, show_one, which);
}
