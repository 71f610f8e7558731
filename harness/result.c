/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/result.h"

#include "base/clock.h"
#include "base/text.h"

#include <cjson/cJSON.h>

#include <string.h>

static const cJSON *
member(const cJSON *object, const char *key)
{
    return object ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

static const cJSON *
object_member(const cJSON *object, const char *key)
{
    const cJSON *item = member(object, key);

    return cJSON_IsObject(item) ? item : NULL;
}

static const char *
text_member(const cJSON *object, const char *key)
{
    const cJSON *item = member(object, key);

    return item && cJSON_IsString(item) ? item->valuestring : "";
}

/* Does any task hold a metric with a filter ("acc,none")? */
static bool
has_filters(const cJSON *results)
{
    const cJSON *task, *metric;

    cJSON_ArrayForEach(task, results)
    {
        if (!cJSON_IsObject(task))
            continue;
        cJSON_ArrayForEach(metric, task) if (strchr(metric->string, ',')) return true;
    }
    return false;
}

static int
find_dialect(const cJSON *root, const cJSON *results, struct jb_error *err,
             struct result_doc *doc)
{
    const cJSON *general = object_member(root, "config_general");
    const cJSON *config = object_member(root, "config"), *task;
    const char *ours;
    size_t bars = 0, dashes = 0;

    cJSON_ArrayForEach(task, results)
    {
        bars += strchr(task->string, '|') != NULL;
        dashes += strncmp(task->string, "harness-", 8) == 0;
    }
    doc->config = general ? general : config;
    /* ours say it: rows of imported tables, and runs composed of one document a benchmark */
    ours = text_member(object_member(root, "jinbang"), "dialect");
    for (int d = 0; d < DIALECT_MAX; d++) {
        if (d != DIALECT_TABLE && d != DIALECT_PINNED && d != DIALECT_PRESENT)
            continue;
        if (strcmp(ours, harness_dialect_name((enum harness_dialect)d)) == 0) {
            doc->dialect = (enum harness_dialect)d;
            return 0;
        }
    }
    if (bars && dashes)
        return jb_fail(err, JB_EUNPROC,
                       "tasks of two dialects (harness|… and harness-…) in one file");
    if (bars) {
        doc->dialect = DIALECT_LIGHTEVAL;
        return 0;
    }
    if (general) {
        if (!dashes)
            return jb_fail(
                err, JB_EUNPROC,
                "\"config_general\", but no task of the form harness|… or harness-…");
        doc->dialect = DIALECT_CN;
        return 0;
    }
    if (member(root, "configs") || member(root, "n-shot") || member(root, "higher_is_better") ||
        member(root, "git_hash") || has_filters(results)) {
        doc->dialect = DIALECT_PRESENT;
        return 0;
    }
    if (config && (member(config, "model_args") ||
                   (member(config, "model") && member(root, "versions")))) {
        doc->dialect = DIALECT_PINNED;
        return 0;
    }
    if (config && member(config, "model_name")) {
        doc->dialect = DIALECT_TEMPLATE;
        return 0;
    }
    return jb_fail(err, JB_EUNPROC,
                   "none of the known result files: no \"config_general\" and no \"config\" "
                   "with \"model_args\" or \"model_name\"");
}

/* The value of `name` in "pretrained=a/b,dtype=float16"; NULL when it is not there. */
static const char *
model_arg(const cJSON *config, const char *name, struct jb_arena *arena)
{
    const cJSON *args = member(config, "model_args");
    size_t len = strlen(name);

    if (cJSON_IsObject(args)) {
        const cJSON *item = member(args, name);

        if (cJSON_IsString(item))
            return item->valuestring;
        return cJSON_IsTrue(item) ? "True" : NULL;
    }
    if (!cJSON_IsString(args))
        return NULL;
    for (const char *p = args->valuestring; *p;) {
        size_t n = strcspn(p, ",");

        if (n > len && strncmp(p, name, len) == 0 && p[len] == '=')
            return jb_arena_dup(arena, p + len + 1, n - len - 1);
        p += n;
        p += *p == ',';
    }
    return NULL;
}

static const char *
precision_of(const char *dtype)
{
    if (strncmp(dtype, "torch.", 6) == 0)
        dtype += 6;
    return strcmp(dtype, "None") == 0 ? "GPTQ" : dtype;
}

static bool
is_true(const char *arg)
{
    return arg && (strcmp(arg, "True") == 0 || strcmp(arg, "true") == 0);
}

/* Who was run, from the command line that the harness keeps. */
static void
read_arguments(struct result_doc *doc, struct jb_arena *arena)
{
    const cJSON *config = doc->config;
    const char *model = model_arg(config, "pretrained", arena);
    const char *adapter = model_arg(config, "peft", arena);
    const char *revision = model_arg(config, "revision", arena);
    const char *dtype = model_arg(config, "dtype", arena);

    if (!doc->model[0])
        doc->model = adapter ? adapter : model ? model : "";
    if (!doc->revision[0] && revision)
        doc->revision = revision;
    if (is_true(model_arg(config, "load_in_8bit", arena)))
        doc->precision = "8bit";
    else if (is_true(model_arg(config, "load_in_4bit", arena)))
        doc->precision = "4bit";
    else if (model_arg(config, "quantized", arena) || model_arg(config, "autogptq", arena))
        doc->precision = "GPTQ";
    else if (dtype && strcmp(dtype, "auto") != 0)
        doc->precision = precision_of(dtype);
}

static void
read_run(struct result_doc *doc, struct jb_arena *arena)
{
    const cJSON *config = doc->config, *date = member(doc->root, "date");

    doc->model = text_member(config, "model_name");
    doc->revision = text_member(config, "model_sha");
    doc->precision = precision_of(text_member(config, "model_dtype"));
    doc->time = 0;
    if (doc->dialect == DIALECT_PRESENT) {
        if (!doc->model[0])
            doc->model = text_member(doc->root, "model_name");
        if (cJSON_IsNumber(date) && date->valuedouble > 1e9 && date->valuedouble < 1e11)
            doc->time = (int64_t)(date->valuedouble * 1e6);
    }
    if (doc->dialect == DIALECT_TABLE) {
        const char *text = text_member(config, "evaluated_time");
        int64_t us;

        if (jb_time_parse(text, strlen(text), &us) == 0)
            doc->time = us;
    }
    if (object_member(doc->root, "config_general") && doc->dialect < DIALECT_LIGHTEVAL) {
        const char *text = text_member(config, "end_time");
        int64_t us;

        if (jb_time_parse(text, strlen(text), &us) == 0)
            doc->time = us;
    }
    if (doc->dialect == DIALECT_PINNED || doc->dialect == DIALECT_PRESENT)
        read_arguments(doc, arena);
}

/* `suite|task|shots`, and the newer `suite|task|shots|truncate`. */
static int
read_lighteval_key(const struct result_doc *doc, struct jb_arena *arena,
                   struct result_task *task)
{
    const char *first = strchr(task->key, '|');
    const char *second = first ? strchr(first + 1, '|') : NULL;

    if (!first)
        return 0; /* "all" */
    if (!second)
        second = first + strlen(first);
    task->name = jb_arena_dup(arena, first + 1, (size_t)(second - first - 1));
    if (!task->name)
        return JB_ENOMEM;
    if (*second)
        (void)jb_parse_int((struct jb_str){second + 1, strcspn(second + 1, "|")}, 0, 100000,
                           &task->shots);
    /* Its first version graded MMLU another way; the boards of the time left it out. */
    if (strncmp(task->name, "hendrycksTest", 13) == 0) {
        const cJSON *version = member(object_member(doc->root, "versions"), task->key);

        if (cJSON_IsNumber(version) && version->valuedouble == 0)
            task->name = "";
    }
    return 0;
}

static int
read_task(const struct result_doc *doc, const cJSON *item, struct jb_arena *arena,
          struct result_task *task)
{
    const cJSON *members;

    *task = (struct result_task){
        .key = item->string, .name = item->string, .shots = -1, .metrics = item};
    switch (doc->dialect) {
    case DIALECT_LIGHTEVAL: return read_lighteval_key(doc, arena, task);
    case DIALECT_CN:
        if (strncmp(task->key, "harness-", 8) == 0)
            task->name += 8;
        return 0;
    case DIALECT_PRESENT:
        members = member(object_member(doc->root, "group_subtasks"), task->key);
        task->group = (cJSON_IsArray(members) && members->child) ||
                      member(object_member(doc->root, "groups"), task->key);
        return 0;
    default: return 0;
    }
}

int
result_doc_read(const cJSON *root, struct jb_arena *arena, struct jb_error *err,
                struct result_doc *ret_doc)
{
    struct result_doc doc = {.root = root};
    const cJSON *results, *item;
    size_t n = 0;
    int rc;

    if (!cJSON_IsObject(root))
        return jb_fail(err, JB_EUNPROC, "not a JSON object");
    results = object_member(root, "results");
    if (!results)
        return jb_fail(err, JB_EUNPROC, "no object \"results\"");
    cJSON_ArrayForEach(item, results) n++;
    if (n > RESULT_TASKS)
        return jb_fail(err, JB_ETOOBIG, "%zu tasks, more than the %d that are read", n,
                       RESULT_TASKS);
    rc = find_dialect(root, results, err, &doc);
    if (rc)
        return rc;
    read_run(&doc, arena);
    doc.tasks = jb_arena_array(arena, n ? n : 1, sizeof(*doc.tasks));
    if (!doc.tasks)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    cJSON_ArrayForEach(item, results)
    {
        if (!cJSON_IsObject(item))
            continue;
        if (read_task(&doc, item, arena, &doc.tasks[doc.n]) < 0)
            return jb_fail(err, JB_ENOMEM, "out of memory");
        doc.n++;
    }
    *ret_doc = doc;
    return 0;
}
