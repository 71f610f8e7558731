/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/scores.h"

#include "harness/jsontext.h"
#include "harness/result.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct jsontext_limits limits = {.bytes = 8 << 20, .depth = 32, .values = 400000};

/*
 * Values are kept as whole numbers of 1e-10 percent: then the sum does not depend on the order
 * of the tasks, and 0.4735 and 47.35 become the same score.
 */
#define GRAIN 1e10

/* What one benchmark found in the document. */
struct tally {
    const struct benchmark *benchmark;
    struct setting_strings tasks;
    const char *metric;
    size_t n;
    const struct result_task **picked;
    const cJSON **values;
    const cJSON **errors; /* NULL: none given */
    size_t missing;
    const char *first_missing;
    size_t stars; /* tasks found by names with '*' */
    bool has_star;
    const char *reason; /* why there is no score; NULL: so far there is one */
    enum score_fault fault;
};

struct reader {
    struct result_doc doc;
    struct jb_arena *arena;
    bool *taken; /* by task, for the benchmark under way */
    bool nomem;
};

__attribute__((format(printf, 4, 5))) static void
refuse(struct reader *r, struct tally *t, enum score_fault fault, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    if (t->reason)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?'; /* names come from the document */
    t->fault = fault;
    t->reason = jb_arena_dup(r->arena, text, strlen(text));
    if (!t->reason) {
        r->nomem = true;
        t->reason = "out of memory";
    }
}

static const struct benchmark_source *
source_of(const struct benchmark *b, enum harness_dialect dialect)
{
    const struct benchmark_source *sources = b->sources.items;

    for (size_t i = 0; i < b->sources.n; i++)
        if (sources[i].dialect == (int)dialect)
            return &sources[i];
    return NULL;
}

/* Result files write `arc:challenge` and `c-sem-v2` for arc_challenge and c_sem_v2. */
static char
fold(char c, enum harness_dialect dialect)
{
    if (dialect == DIALECT_LIGHTEVAL || dialect == DIALECT_CN)
        return c == ':' || c == '-' ? '_' : c;
    if (dialect == DIALECT_TABLE && c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

static bool
names_match(const char *wanted, const char *name, enum harness_dialect dialect)
{
    for (; *wanted; wanted++, name++) {
        if (*wanted == '*' && !wanted[1])
            return *name != '\0';
        if (fold(*wanted, dialect) != fold(*name, dialect))
            return false;
    }
    return *name == '\0';
}

static void
pick(struct reader *r, struct tally *t, const struct result_task *task)
{
    size_t i = (size_t)(task - r->doc.tasks);

    if (r->taken[i])
        return;
    r->taken[i] = true;
    t->picked[t->n++] = task;
}

static const struct result_task *
task_by_key(const struct reader *r, const char *key)
{
    for (size_t i = 0; i < r->doc.n; i++)
        if (strcmp(r->doc.tasks[i].key, key) == 0)
            return &r->doc.tasks[i];
    return NULL;
}

/* A group stands for its tasks: the harness weighs them by size, a leaderboard does not. */
static void
pick_group(struct reader *r, struct tally *t, const struct result_task *group, unsigned depth)
{
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(r->doc.root, "group_subtasks");
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(all, group->key), *name;

    if (!cJSON_IsArray(names) || !names->child || depth == 8) {
        pick(r, t, group);
        return;
    }
    r->taken[group - r->doc.tasks] = true;
    cJSON_ArrayForEach(name, names)
    {
        const struct result_task *task =
            cJSON_IsString(name) ? task_by_key(r, name->valuestring) : NULL;

        if (!task) {
            if (!t->missing++)
                t->first_missing = cJSON_IsString(name) ? name->valuestring : "?";
        } else if (task->group && !r->taken[task - r->doc.tasks]) {
            pick_group(r, t, task, depth + 1);
        } else {
            pick(r, t, task);
        }
    }
}

/* Every task of the prefix; aggregates over others are not tasks. */
static void
pick_prefix(struct reader *r, struct tally *t, const char *wanted)
{
    size_t before = t->n;

    t->has_star = true;
    for (size_t i = 0; i < r->doc.n; i++) {
        const struct result_task *task = &r->doc.tasks[i];

        if (!task->group && names_match(wanted, task->name, r->doc.dialect))
            pick(r, t, task);
    }
    t->stars += t->n - before;
}

static void
pick_name(struct reader *r, struct tally *t, const char *wanted)
{
    const struct result_task *found = NULL;
    size_t hits = 0;

    for (size_t i = 0; i < r->doc.n; i++) {
        const struct result_task *task = &r->doc.tasks[i];

        if (strcmp(wanted, task->key) != 0 && !names_match(wanted, task->name, r->doc.dialect))
            continue;
        hits++;
        /* run at several shot counts: the one the board asks for */
        if (!found ||
            (task->shots == t->benchmark->shots && found->shots != t->benchmark->shots))
            found = task;
    }
    if (!found) {
        if (!t->missing++)
            t->first_missing = wanted;
        return;
    }
    if (hits > 1 && found->shots != t->benchmark->shots)
        refuse(r, t, SCORE_BAD, "task %s stands there %zu times, none with %lld shots", wanted,
               hits, (long long)t->benchmark->shots);
    if (found->group)
        pick_group(r, t, found, 0);
    else
        pick(r, t, found);
}

static void
pick_tasks(struct reader *r, struct tally *t)
{
    memset(r->taken, 0, r->doc.n * sizeof(*r->taken));
    if (r->doc.dialect == DIALECT_TABLE && !t->tasks.n) {
        /* a table has one column for a benchmark, under its header or its key */
        for (size_t i = 0; i < r->doc.n && !t->n; i++)
            if (names_match(t->benchmark->header, r->doc.tasks[i].name, DIALECT_TABLE) ||
                names_match(t->benchmark->key, r->doc.tasks[i].name, DIALECT_TABLE))
                pick(r, t, &r->doc.tasks[i]);
        return;
    }
    for (size_t i = 0; i < t->tasks.n; i++) {
        const char *wanted = t->tasks.items[i];
        size_t len = strlen(wanted);

        if (len && wanted[len - 1] == '*')
            pick_prefix(r, t, wanted);
        else
            pick_name(r, t, wanted);
    }
    if (!t->n)
        return; /* not measured here at all */
    if (t->missing == 1)
        refuse(r, t, SCORE_MISSING, "task %s is missing", t->first_missing);
    else if (t->missing)
        refuse(r, t, SCORE_MISSING, "%zu tasks are missing, the first %s", t->missing,
               t->first_missing);
    if (t->has_star && t->benchmark->count > 0 && t->stars != (size_t)t->benchmark->count)
        refuse(r, t, SCORE_MISSING, "%zu tasks of %s instead of %lld", t->stars,
               t->tasks.items[0], (long long)t->benchmark->count);
}

static const cJSON *
metric_error(const cJSON *metrics, const char *metric, const char *filter)
{
    char key[160];
    const cJSON *item;

    if (snprintf(key, sizeof(key), "%s_stderr%s%s", metric, *filter ? "," : "", filter) >=
        (int)sizeof(key))
        return NULL;
    item = cJSON_GetObjectItemCaseSensitive(metrics, key);
    return cJSON_IsNumber(item) ? item : NULL;
}

/* "acc" of {"acc,none": …}: without a filter, or the only one there is. */
static const cJSON *
filtered_metric(struct reader *r, struct tally *t, const struct result_task *task,
                const cJSON **ret_error)
{
    size_t len = strlen(t->metric), hits = 0;
    const char *comma = strchr(t->metric, ','), *filter = "";
    const cJSON *item, *found = NULL;
    char bare[100];

    if (comma) {
        snprintf(bare, sizeof(bare), "%.*s", (int)(comma - t->metric), t->metric);
        *ret_error = metric_error(task->metrics, bare, comma + 1);
        return cJSON_GetObjectItemCaseSensitive(task->metrics, t->metric);
    }
    cJSON_ArrayForEach(item, task->metrics)
    {
        const char *rest = item->string + len;

        if (strncmp(item->string, t->metric, len) != 0 || (*rest && *rest != ','))
            continue;
        if (!*rest || strcmp(rest, ",none") == 0) {
            hits = 1;
            found = item;
            filter = *rest ? rest + 1 : "";
            break;
        }
        hits++;
        found = item;
        filter = rest + 1;
    }
    if (hits > 1) {
        refuse(r, t, SCORE_BAD,
               "%s of task %s stands there with %zu filters: the board file must say which",
               t->metric, task->key, hits);
        return NULL;
    }
    if (found)
        *ret_error = metric_error(task->metrics, t->metric, filter);
    return found;
}

/* What Python's json module writes for numbers that are none. */
static bool
is_unbounded(const char *text)
{
    return strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
           strcmp(text, "-Infinity") == 0;
}

static void
read_metric(struct reader *r, struct tally *t, size_t i)
{
    const struct result_task *task = t->picked[i];
    const cJSON *value, *error = NULL;

    if (r->doc.dialect == DIALECT_PRESENT) {
        value = filtered_metric(r, t, task, &error);
    } else if (r->doc.dialect == DIALECT_TABLE) {
        value = cJSON_GetObjectItemCaseSensitive(task->metrics, "score");
    } else {
        value = cJSON_GetObjectItemCaseSensitive(task->metrics, t->metric);
        if (value)
            error = metric_error(task->metrics, t->metric, "");
    }
    if (!value)
        refuse(r, t, SCORE_MISSING, "task %s has no %s", task->key, t->metric);
    else if (cJSON_IsString(value))
        refuse(r, t, is_unbounded(value->valuestring) ? SCORE_NAN : SCORE_BAD,
               "%s of task %s is %s, not a number", t->metric, task->key, value->valuestring);
    else if (cJSON_IsNull(value))
        refuse(r, t, SCORE_NAN, "%s of task %s is null", t->metric, task->key);
    else if (!cJSON_IsNumber(value))
        refuse(r, t, SCORE_BAD, "%s of task %s is not a number", t->metric, task->key);
    else if (!isfinite(value->valuedouble))
        refuse(r, t, SCORE_NAN, "%s of task %s is not finite", t->metric, task->key);
    t->values[i] = value;
    /* The CN files hold 0 for what they do not know. */
    t->errors[i] =
        error && r->doc.dialect == DIALECT_CN && error->valuedouble == 0 ? NULL : error;
}

static int
tally_start(struct reader *r, const struct benchmark *b, struct tally *t)
{
    const struct benchmark_source *source = source_of(b, r->doc.dialect);
    size_t room = r->doc.n + 1;

    *t = (struct tally){.benchmark = b, .metric = b->metric};
    if (r->doc.dialect != DIALECT_TABLE)
        t->tasks = b->tasks;
    if (source && source->tasks.n)
        t->tasks = source->tasks;
    if (source && source->metric && source->metric[0])
        t->metric = source->metric;
    if (strlen(t->metric) > 99)
        return JB_EINVAL;
    t->picked = jb_arena_array(r->arena, room, sizeof(*t->picked));
    t->values = jb_arena_array(r->arena, room, sizeof(*t->values));
    t->errors = jb_arena_array(r->arena, room, sizeof(*t->errors));
    if (!t->picked || !t->values || !t->errors)
        return JB_ENOMEM;
    pick_tasks(r, t);
    for (size_t i = 0; i < t->n && !t->reason; i++)
        read_metric(r, t, i);
    return 0;
}

/* What makes a value of the document percent. */
static double
scale_of(const struct reader *r, const struct tally *tallies, size_t n)
{
    if (r->doc.dialect == DIALECT_CN || r->doc.dialect == DIALECT_TABLE)
        return 1;
    if (r->doc.dialect == DIALECT_TEMPLATE)
        for (size_t b = 0; b < n; b++)
            for (size_t i = 0; i < tallies[b].n && !tallies[b].reason; i++)
                if (tallies[b].values[i]->valuedouble > 1)
                    return 1;
    return 100;
}

static int64_t
items_of(const struct reader *r, const struct tally *t)
{
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(r->doc.root, "n-samples");
    int64_t sum = 0;

    if (r->doc.dialect != DIALECT_PRESENT)
        return 0;
    for (size_t i = 0; i < t->n; i++) {
        const cJSON *task = cJSON_GetObjectItemCaseSensitive(all, t->picked[i]->key);
        const cJSON *n = cJSON_GetObjectItemCaseSensitive(task, "effective");

        if (!cJSON_IsNumber(n) || !(n->valuedouble >= 1 && n->valuedouble <= 1e9))
            return 0;
        sum += (int64_t)n->valuedouble;
    }
    return sum;
}

static void
tally_score(struct reader *r, struct tally *t, double scale, struct score *score)
{
    int64_t sum = 0;
    double squares = 0;
    bool errors = true;

    for (size_t i = 0; i < t->n && !t->reason; i++) {
        double percent = t->values[i]->valuedouble * scale;

        if (!(percent >= 0 && percent <= 100)) {
            refuse(r, t, SCORE_BAD, "%s of task %s is %.10g, outside 0 to %g", t->metric,
                   t->picked[i]->key, t->values[i]->valuedouble, 100 / scale);
            return;
        }
        sum += llrint(percent * GRAIN);
        if (t->errors[i] && t->errors[i]->valuedouble >= 0 &&
            isfinite(t->errors[i]->valuedouble))
            squares += pow(t->errors[i]->valuedouble * scale, 2);
        else
            errors = false;
    }
    *score = (struct score){
        .benchmark = t->benchmark->key,
        .value = (double)sum / ((double)t->n * GRAIN),
        .error = errors ? sqrt(squares) / (double)t->n : NAN,
        .items = items_of(r, t),
    };
}

static int
score_all(struct reader *r, const struct benchmark *benchmarks, size_t n, struct jb_error *err,
          struct scores *s)
{
    struct tally *tallies = jb_arena_array(r->arena, n + 1, sizeof(*tallies));
    struct score *items = jb_arena_array(r->arena, n + 1, sizeof(*items));
    struct score_problem *problems = jb_arena_array(r->arena, n + 1, sizeof(*problems));
    double scale;

    r->taken = jb_arena_array(r->arena, r->doc.n + 1, sizeof(*r->taken));
    if (!tallies || !items || !problems || !r->taken)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t b = 0; b < n; b++) {
        int rc = tally_start(r, &benchmarks[b], &tallies[b]);

        if (rc)
            return jb_fail(err, rc, "benchmark %s: %s", benchmarks[b].key, jb_strerror(rc));
    }
    scale = scale_of(r, tallies, n);
    for (size_t b = 0; b < n; b++) {
        struct tally *t = &tallies[b];

        if (!t->n)
            continue;
        if (!t->reason)
            tally_score(r, t, scale, &items[s->n]);
        if (t->reason)
            problems[s->problems++] =
                (struct score_problem){t->benchmark->key, t->reason, t->fault};
        else
            s->n++;
    }
    s->items = items;
    s->problem = problems;
    if (r->nomem)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    return 0;
}

int
scores_read_any(struct jb_str doc, const struct benchmark *benchmarks, size_t n,
                struct jb_arena *arena, struct jb_error *err, struct scores *ret_scores)
{
    struct reader r = {.arena = arena};
    struct scores s = {.n = 0};
    cJSON *root = NULL;
    int rc;

    rc = jsontext_parse(doc, &limits, err, &root);
    if (rc)
        return rc;
    rc = result_doc_read(root, arena, err, &r.doc);
    if (rc)
        goto out;
    rc = score_all(&r, benchmarks, n, err, &s);
    if (rc)
        goto out;
    s.dialect = r.doc.dialect;
    s.time = r.doc.time;
    s.model = jb_arena_dup(arena, r.doc.model, strlen(r.doc.model));
    s.revision = jb_arena_dup(arena, r.doc.revision, strlen(r.doc.revision));
    s.precision = jb_arena_dup(arena, r.doc.precision, strlen(r.doc.precision));
    if (!s.model || !s.revision || !s.precision) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    *ret_scores = s;
out:
    cJSON_Delete(root);
    return rc;
}

int
scores_read(struct jb_str doc, const struct benchmark *benchmarks, size_t n,
            struct jb_arena *arena, struct jb_error *err, struct scores *ret_scores)
{
    struct scores s;
    int rc = scores_read_any(doc, benchmarks, n, arena, err, &s);

    if (rc)
        return rc;
    if (!s.n && !s.problems)
        return jb_fail(err, JB_EUNPROC, "holds none of the board's benchmarks (%s dialect)",
                       harness_dialect_name(s.dialect));
    *ret_scores = s;
    return 0;
}
