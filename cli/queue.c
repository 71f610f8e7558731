/* SPDX-License-Identifier: Apache-2.0 */
/* The queue tables as text. */
#include "cli/queue.h"
#include "cli/list.h"

#include <math.h>
#include <string.h>

#define FAILED_SHOWN 20

static const struct {
    enum queue_table table;
    const char *name;
} tables[] = {{QUEUE_TABLE_RUNNING, "running"},
              {QUEUE_TABLE_PENDING, "pending"},
              {QUEUE_TABLE_FAILED, "failed"},
              {QUEUE_TABLE_FINISHED, "finished"},
              {QUEUE_TABLE_CANCELLED, "cancelled"}};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static void
span(double seconds, char out[24])
{
    if (seconds < 90)
        snprintf(out, 24, "%.0f s", seconds);
    else if (seconds < 90 * 60)
        snprintf(out, 24, "%.0f min", seconds / 60);
    else if (seconds < 48 * 3600)
        snprintf(out, 24, "%.0f h", seconds / 3600);
    else
        snprintf(out, 24, "%.0f d", seconds / 86400);
}

const char *
queue_start_text(const struct queue_estimate *start, char out[QUEUE_START_SIZE])
{
    char low[24], high[24];

    if (!start->known) {
        snprintf(out, QUEUE_START_SIZE, "unknown");
        return out;
    }
    span(start->low, low);
    span(start->high, high);
    snprintf(out, QUEUE_START_SIZE, "in %s to %s", low, high);
    return out;
}

void
queue_put_start(struct jb_json *j, const struct queue_estimate *start)
{
    jb_json_key(j, "start");
    if (!start->known) {
        jb_json_null(j);
        return;
    }
    jb_json_object(j);
    jb_json_kdouble(j, "low", start->low);
    jb_json_kdouble(j, "middle", start->middle);
    jb_json_kdouble(j, "high", start->high);
    jb_json_kint(j, "runs", (int64_t)start->runs);
    jb_json_end(j);
}

static void
put_entry(struct jb_json *j, enum queue_table table, const struct queue_entry *e)
{
    jb_json_object(j);
    jb_json_kint(j, "id", (int64_t)e->id);
    jb_json_ktext(j, "model", e->model.p);
    jb_json_ktext(j, "revision", e->revision.p);
    jb_json_ktext(j, "precision", e->precision.p);
    jb_json_ktext(j, "weight_type", e->weight_type.p);
    jb_json_ktext(j, "state", queue_state_word(e->state));
    jb_json_kdouble(j, "params", e->params);
    list_put_time(j, "submitted", e->submitted);
    list_put_time(j, "started", e->started);
    list_put_time(j, "ended", e->ended);
    jb_json_kint(j, "attempts", (int64_t)e->attempts);
    if (table == QUEUE_TABLE_PENDING) {
        jb_json_kint(j, "place", (int64_t)e->place);
        queue_put_start(j, &e->start);
    }
    if (table == QUEUE_TABLE_FAILED) {
        const char *word = queue_failure_class(e->failure)->word;
        jb_json_ktext(j, "failure", *word ? word : NULL);
        jb_json_ktext(j, "reason", e->reason.n ? e->reason.p : NULL);
    }
    jb_json_end(j);
}

static void
print_entry(enum queue_table table, const struct queue_entry *e)
{
    char id[24], place[24], time[JB_TIME_SIZE], start[QUEUE_START_SIZE];

    snprintf(id, sizeof(id), "%llu", (unsigned long long)e->id);
    if (table == QUEUE_TABLE_RUNNING) {
        list_line("", id, queue_state_word(e->state), e->model.p, e->revision.p, e->precision.p,
                  list_time(e->started, time), NULL);
    } else if (table == QUEUE_TABLE_PENDING) {
        snprintf(place, sizeof(place), "%zu", e->place);
        list_line(e->place ? place : "-", id, queue_state_word(e->state), e->model.p,
                  e->revision.p, e->precision.p,
                  e->place ? queue_start_text(&e->start, start) : "", NULL);
    } else {
        const char *word = queue_failure_class(e->failure)->word;
        list_line("", id, *word ? word : "-", e->model.p, e->revision.p, e->precision.p,
                  list_time(e->ended, time), e->reason.n ? e->reason.p : "", NULL);
    }
}

static void
put_all(struct listing *l, const struct queue_lists *lists)
{
    struct jb_json *j = &l->json;
    size_t n;

    jb_json_object(j);
    jb_json_key(j, "counts");
    jb_json_object(j);
    for (size_t i = 0; i < TABLES; i++) {
        queue_lists_table(lists, tables[i].table, &n);
        jb_json_kint(j, tables[i].name, (int64_t)n);
    }
    jb_json_end(j);
    for (size_t i = 0; i < 3; i++) {
        const struct queue_entry *entries = queue_lists_table(lists, tables[i].table, &n);
        jb_json_key(j, tables[i].name);
        jb_json_array(j);
        for (size_t k = 0; k < n; k++)
            put_entry(j, tables[i].table, &entries[k]);
        jb_json_end(j);
    }
    jb_json_end(j);
}

static void
print_all(const struct queue_lists *lists)
{
    size_t n;

    for (size_t i = 0; i < TABLES; i++) {
        queue_lists_table(lists, tables[i].table, &n);
        printf("%s%zu %s", i ? ", " : "", n, tables[i].name);
    }
    putchar('\n');
    for (size_t i = 0; i < 3; i++) {
        const struct queue_entry *entries = queue_lists_table(lists, tables[i].table, &n);
        size_t most =
            tables[i].table == QUEUE_TABLE_FAILED && n > FAILED_SHOWN ? FAILED_SHOWN : n;
        if (n)
            printf("%s:\n", tables[i].name);
        for (size_t k = 0; k < most; k++)
            print_entry(tables[i].table, &entries[k]);
        if (most < n)
            printf("\tand %zu older ones: jinbang request list --failed\n", n - most);
    }
}

static int
walk(struct listing *l, struct store_txn *txn, const char *what)
{
    struct queue_lists *lists;
    struct jb_error err = {0};
    int rc = queue_lists_build(txn, jb_now_us(), &err, &lists);

    (void)what;
    if (rc)
        return rc;
    if (l->as_json)
        put_all(l, lists);
    else
        print_all(lists);
    queue_lists_unref(lists);
    return 0;
}

int
cmd_queue(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"json", NULL};
    struct listing l = {0};

    if (!cli_switches(cli, &argc, argv, switches, &l.as_json))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "queue takes no arguments");
    return listing_run(cli, &l, walk, NULL);
}
