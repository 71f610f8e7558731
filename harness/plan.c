/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/plan.h"

#include "base/text.h"
#include "harness/benchmark.h"
#include "harness/plan_template.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOWER   "abcdefghijklmnopqrstuvwxyz"
#define UPPER   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"
#define TASK_CH LOWER UPPER DIGITS "_:.-"

static bool
made_of(const char *text, const char *chars)
{
    return text[strspn(text, chars)] == '\0';
}

static const char *
check_name(const void *value)
{
    const char *name = *(const char *const *)value;

    return *name && strlen(name) <= 48 && name[0] != '-' && made_of(name, LOWER DIGITS "-")
               ? NULL
               : "is made of a-z, 0-9 and -, 48 at most";
}

static const char *
check_version(const void *value)
{
    const char *version = *(const char *const *)value;

    return *version && strlen(version) <= 64 && made_of(version, LOWER UPPER DIGITS "._+-")
               ? NULL
               : "is made of letters, digits and ._+-, 64 at most";
}

static const char *
check_word(const void *value)
{
    const char *word = *(const char *const *)value;

    return *word && made_of(word, LOWER DIGITS "_") ? NULL : "is made of a-z, 0-9 and _";
}

static const char *
check_text(const void *value)
{
    return **(const char *const *)value ? NULL : "must not be empty";
}

/* A task, or with its last '*' a prefix. */
static bool
task_ok(const char *task)
{
    size_t n = strspn(task, TASK_CH);

    if (task[0] == '-' || task[0] == '.' || n == 0 || n > 96)
        return false;
    return task[n] == '\0' || (task[n] == '*' && task[n + 1] == '\0');
}

static const char *
check_tasks(const void *value)
{
    const struct setting_strings *tasks = value;

    for (size_t i = 0; i < tasks->n; i++)
        if (strcmp(tasks->items[i], "*") != 0 && !task_ok(tasks->items[i]))
            return "a task is made of letters, digits and _:.-, a * may end it";
    return tasks->n ? NULL : "at least one is needed";
}

static const char *
check_models(const void *value)
{
    const struct setting_strings *models = value;

    for (size_t i = 0; i < models->n; i++)
        if (jb_model_id_check(jb_str(models->items[i]), NULL) != 0)
            return "holds what is no model id";
    return NULL;
}

static const char *
check_words(const void *value)
{
    const struct setting_strings *words = value;

    for (size_t i = 0; i < words->n; i++)
        if (!words->items[i][0] || !made_of(words->items[i], LOWER UPPER DIGITS))
            return "a word is made of letters and digits";
    return NULL;
}

static const char *
check_env(const void *value)
{
    const struct setting_strings *env = value;

    for (size_t i = 0; i < env->n; i++) {
        size_t n = strspn(env->items[i], UPPER LOWER DIGITS "_");

        if (n == 0 || env->items[i][n] != '=')
            return "is not of the form NAME=value";
    }
    return NULL;
}

static const char *
check_argv(const void *value)
{
    const struct setting_strings *argv = value;

    return argv->n ? plan_template_check(argv, PLAN_FOR_ARGV) : "a program is needed";
}

static const char *
check_fetch(const void *value)
{
    return plan_template_check(value, PLAN_FOR_FETCH);
}

static const char *
check_argument(const void *value)
{
    const struct setting_strings one = {1, value};

    return plan_template_check(&one, PLAN_FOR_ARGUMENT);
}

static const char *
check_results(const void *value)
{
    const char *path = *(const char *const *)value, *slash = strchr(path, '/');

    if (!*path || !made_of(path, LOWER UPPER DIGITS "._*/-"))
        return "is made of letters, digits, '.', '_', '-', '*' and one '/'";
    if (path[0] == '/' || strstr(path, "..") ||
        (slash && (strchr(slash + 1, '/') || !slash[1])))
        return "is a file below {out}, at most one folder deep";
    return NULL;
}

#define AT(member) offsetof(struct plan_argument, member)
static const struct setting argument_table[] = {
    {"text", SETTING_STRING, AT(text), NULL, .check = check_argument,
     .help = "The part, with placeholders."},
    {"precisions", SETTING_STRINGS, AT(precisions), "", .check = check_words,
     .help = "Only for these precisions."},
    {"weight_types", SETTING_STRINGS, AT(weight_types), "", .check = check_words,
     .help = "Only for these weight types."},
    {"min_gpus", SETTING_INT, AT(min_gpus), "0", 0, 64,
     .help = "Only with so many GPUs or more."},
    {0},
};
#undef AT
#define AT(member) offsetof(struct plan_sign, member)
static const struct setting sign_table[] = {
    {"text", SETTING_STRING, AT(text), NULL, .check = check_text,
     .help = "Text within one line of the log; * stands for anything between."},
    {"failure", SETTING_STRING, AT(failure), NULL, .check = check_word,
     .help = "The failure class that it tells."},
    {"weight_type", SETTING_STRING, AT(weight_type), "", .help = "Only for this weight type."},
    {0},
};
#undef AT
#define AT(member) offsetof(struct plan, member)
const struct setting plan_table[] = {
    {"name", SETTING_STRING, AT(name), NULL, .check = check_name,
     .help = "Name by which the dispatcher asks for it."},
    {"version", SETTING_STRING, AT(version), NULL, .check = check_version,
     .help = "Commit or version of the harness; it stands in the results."},
    {"dialect", SETTING_CHOICE, AT(dialect), NULL, .choices = "pinned|present",
     .help = "Shape of its results."},
    {"home", SETTING_PATH, AT(home), "", .help = "Folder of the harness, {home}."},
    {"include", SETTING_PATH, AT(include), "", .help = "Folder of further tasks, {include}."},
    {"argv", SETTING_STRINGS, AT(argv), NULL, .check = check_argv,
     .help = "The command, one string an argument."},
    {"fetch", SETTING_STRINGS, AT(fetch), "", .check = check_fetch,
     .help = "The command that puts the files of {id} at {revision} into {dir}; needed when an "
             "argument holds {model_dir} or {base_dir}."},
    {"env", SETTING_STRINGS, AT(env), "", .check = check_env,
     .help = "Its environment, NAME=value."},
    {"tasks", SETTING_STRINGS, AT(tasks), NULL, .check = check_tasks,
     .help = "Tasks it may run; a name that ends in * allows all with that prefix."},
    {"models", SETTING_STRINGS, AT(models), "", .check = check_models,
     .help = "The only models it may run; none: any model of the hub, at a commit."},
    {"precisions", SETTING_STRINGS, AT(precisions), "float16, bfloat16", .check = check_words,
     .help = "Precisions it can run."},
    {"weight_types", SETTING_STRINGS, AT(weight_types), "Original", .check = check_words,
     .help = "Weight types it can run."},
    {"max_shots", SETTING_INT, AT(max_shots), "25", 0, 100, .help = "Most shots."},
    {"max_gpus", SETTING_INT, AT(max_gpus), "8", 0, 64,
     .help = "Most GPUs of one run; 0: it needs none."},
    {"arguments", SETTING_LIST, AT(arguments), "", .items = argument_table,
     .item_size = sizeof(struct plan_argument),
     .help = "Parts of {model_args}, joined by commas."},
    {"results", SETTING_STRING, AT(results), NULL, .check = check_results,
     .help = "Where the results come to lie below {out}; * in names."},
    {"progress", SETTING_STRINGS, AT(progress), "",
     .help = "Texts before the progress bars that count; an empty one is a bar without text."},
    {"signs", SETTING_LIST, AT(signs), "", .items = sign_table,
     .item_size = sizeof(struct plan_sign), .help = "Signs of failures of this harness alone."},
    {0},
};
#undef AT
#define AT(member) offsetof(struct plans, member)
const struct setting plans_table[] = {
    {"plans", SETTING_LIST, AT(plans), NULL, .items = plan_table,
     .item_size = sizeof(struct plan), .help = "The plans of this host."},
    {"signs", SETTING_LIST, AT(signs), "", .items = sign_table,
     .item_size = sizeof(struct plan_sign),
     .help = "Signs of failures in the log of any plan, in the order in which they are tried."},
    {0},
};
#undef AT

static bool
uses_folders(const struct plan *plan)
{
    const struct plan_argument *args = plan->arguments.items;

    for (size_t i = 0; i < plan->arguments.n; i++)
        if (strstr(args[i].text, "{model_dir}") || strstr(args[i].text, "{base_dir}"))
            return true;
    return false;
}

static void
complain(struct settings_report *report, const char *file, const char *name, const char *what)
{
    jb_buf_printf(&report->text, "%s:1: plans: %s: %s\n", file, name, what);
    report->n++;
}

int
plan_load(const char *file, struct jb_arena *arena, struct plans *ret_plans,
          struct settings_report *report)
{
    struct plans plans = {0};
    size_t before = report->n;
    int rc = settings_load(file, plans_table, NULL, arena, &plans, report);

    if (rc)
        return rc;
    const struct plan *p = plans.plans.items;
    for (size_t i = 0; i < plans.plans.n; i++) {
        if (plan_find(&plans, p[i].name) != &p[i])
            complain(report, file, p[i].name, "two plans have this name");
        if (!p[i].fetch.n && uses_folders(&p[i]))
            complain(report, file, p[i].name, "an argument needs `fetch`, which is missing");
    }
    if (report->n != before)
        return JB_EINVAL;
    *ret_plans = plans;
    return 0;
}

const struct plan *
plan_find(const struct plans *plans, const char *name)
{
    const struct plan *p = plans->plans.items;

    for (size_t i = 0; i < plans->plans.n; i++)
        if (strcmp(p[i].name, name ? name : "") == 0)
            return &p[i];
    return NULL;
}

static bool
listed(const struct setting_strings *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], text ? text : "") == 0)
            return true;
    return false;
}

static bool
task_allowed(const struct plan *plan, const char *task)
{
    for (size_t i = 0; i < plan->tasks.n; i++) {
        const char *allowed = plan->tasks.items[i];
        size_t n = strlen(allowed);

        if (strcmp(allowed, task) == 0 ||
            (allowed[n - 1] == '*' && strncmp(allowed, task, n - 1) == 0))
            return true;
    }
    return false;
}

/* Harnesses guess the type of a value: a name of digits comes back as a number. */
static bool
reads_as_other(const char *text)
{
    static const char *const words[] = {"true", "false", "none", "null", "nan",     "inf",
                                        "yes",  "no",    "on",   "off",  "infinity"};
    char *end;

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    (void)strtod(text, &end);
    return *end == '\0' || made_of(text, DIGITS "_");
}

static int
check_model(const struct plan *plan, const char *what, const char *model, const char *revision,
            struct jb_error *err)
{
    bool known = listed(&plan->models, model);

    if (jb_model_id_check(jb_str(model), NULL) != 0 || reads_as_other(model))
        return jb_fail(err, JB_EINVAL, "the %s is no model id that can be passed on", what);
    if (jb_is_commit(jb_str(revision)) && !reads_as_other(revision))
        return 0;
    if (known && revision && strcmp(revision, "main") == 0)
        return 0;
    return jb_fail(err, JB_EINVAL, "the revision of the %s is not a commit", what);
}

static int
check_job_tasks(const struct plan *plan, const struct plan_job *job, struct jb_error *err)
{
    if (job->n_tasks == 0 || job->n_tasks > PLAN_TASKS_MAX)
        return jb_fail(err, JB_EINVAL, "%zu tasks, not 1 to %d", job->n_tasks, PLAN_TASKS_MAX);
    for (size_t i = 0; i < job->n_tasks; i++) {
        const char *task = job->tasks[i] ? job->tasks[i] : "";

        if (!task_ok(task))
            return jb_fail(err, JB_EINVAL, "task %zu has no name that can be passed on", i + 1);
        if (!task_allowed(plan, task))
            return jb_fail(err, JB_EACCES, "plan %s does not run task %s", plan->name, task);
    }
    return 0;
}

int
plan_allows(const struct plan *plan, const struct plan_job *job, struct jb_error *err)
{
    bool based = job->base_model && job->base_model[0];
    int rc = check_model(plan, "model", job->model, job->revision, err);

    if (!rc && based)
        rc = check_model(plan, "base model", job->base_model, job->base_revision, err);
    if (!rc)
        rc = check_job_tasks(plan, job, err);
    if (rc)
        return rc;
    if (job->seed < 0 || job->limit < 0 || job->shots < 0 || job->gpus < 0)
        return jb_fail(err, JB_EINVAL, "a number is negative");
    if (plan->models.n && !listed(&plan->models, job->model))
        return jb_fail(err, JB_EACCES, "plan %s does not run this model", plan->name);
    if (!listed(&plan->precisions, job->precision))
        return jb_fail(err, JB_EACCES, "plan %s does not run this precision", plan->name);
    if (!listed(&plan->weight_types, job->weight_type))
        return jb_fail(err, JB_EACCES, "plan %s does not run this weight type", plan->name);
    if (job->shots > plan->max_shots)
        return jb_fail(err, JB_EACCES, "plan %s runs at most %lld shots", plan->name,
                       (long long)plan->max_shots);
    if (job->gpus > plan->max_gpus)
        return jb_fail(err, JB_EACCES, "plan %s runs on at most %lld GPUs", plan->name,
                       (long long)plan->max_gpus);
    return plan_template_fits(plan, job, err);
}
