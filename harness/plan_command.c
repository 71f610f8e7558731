/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/plan_template.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define ARG_MAX_BYTES ((size_t)64 << 10)

enum place {
    HOME,
    INCLUDE,
    OUT,
    MODEL_ARGS,
    MODEL,
    REVISION,
    BASE_MODEL,
    BASE_REVISION,
    PRECISION,
    WEIGHT_TYPE,
    TASKS,
    SHOTS,
    SEED,
    LIMIT,
    GPUS,
    MODEL_DIR,
    BASE_DIR,
    ID,
    DIR,
    PLACES
};

#define ARGV     (1 << PLAN_FOR_ARGV)
#define ARGUMENT (1 << PLAN_FOR_ARGUMENT)
#define FETCH    (1 << PLAN_FOR_FETCH)

static const struct {
    const char *name;
    int uses;
    bool first; /* may begin an argument: it is a folder, which begins with a slash */
} places[PLACES] = {
    [HOME] = {"home", ARGV | FETCH, true},
    [INCLUDE] = {"include", ARGV, true},
    [OUT] = {"out", ARGV, true},
    [MODEL_ARGS] = {"model_args", ARGV, false},
    [MODEL] = {"model", ARGV | ARGUMENT, false},
    [REVISION] = {"revision", ARGV | ARGUMENT | FETCH, false},
    [BASE_MODEL] = {"base_model", ARGV | ARGUMENT, false},
    [BASE_REVISION] = {"base_revision", ARGV | ARGUMENT, false},
    [PRECISION] = {"precision", ARGV | ARGUMENT, false},
    [WEIGHT_TYPE] = {"weight_type", ARGV | ARGUMENT, false},
    [TASKS] = {"tasks", ARGV, false},
    [SHOTS] = {"shots", ARGV, false},
    [SEED] = {"seed", ARGV, false},
    [LIMIT] = {"limit", ARGV, false},
    [GPUS] = {"gpus", ARGV | ARGUMENT, false},
    [MODEL_DIR] = {"model_dir", ARGUMENT, true},
    [BASE_DIR] = {"base_dir", ARGUMENT, true},
    [ID] = {"id", FETCH, true}, /* its grammar has no dash in front */
    [DIR] = {"dir", FETCH, true},
};

/* The placeholder at `p`, which points to '{'; PLACES when there is none. */
static enum place
place_at(const char *p, size_t *ret_n)
{
    for (int i = 0; i < PLACES; i++) {
        size_t n = strlen(places[i].name);

        if (strncmp(p + 1, places[i].name, n) == 0 && p[n + 1] == '}') {
            *ret_n = n + 2;
            return (enum place)i;
        }
    }
    return PLACES;
}

static const char *
check_one(const char *text, enum plan_use use)
{
    for (const char *p = strchr(text, '{'); p; p = strchr(p, '{')) {
        size_t n;
        enum place place = place_at(p, &n);

        if (place == PLACES || !(places[place].uses & (1 << use)))
            return "holds a placeholder that is not known there";
        if (p == text && !places[place].first)
            return "begins with a value of the request: write --option={value}";
        p += n;
    }
    return NULL;
}

const char *
plan_template_check(const struct setting_strings *texts, enum plan_use use)
{
    if (texts->n > PLAN_ARGS_MAX)
        return "holds more than 64 strings";
    for (size_t i = 0; i < texts->n; i++) {
        const char *reason = check_one(texts->items[i], use);

        if (reason)
            return reason;
        if (use == PLAN_FOR_ARGUMENT && strchr(texts->items[i], ','))
            return "holds a comma: make it two";
    }
    return NULL;
}

static bool
in_list(const struct setting_strings *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return list->n == 0;
}

static bool
applies(const struct plan_argument *arg, const struct plan_job *job)
{
    return in_list(&arg->precisions, job->precision) &&
           in_list(&arg->weight_types, job->weight_type) && job->gpus >= arg->min_gpus;
}

/* Does a part of this job's model arguments hold this text? */
static bool
args_hold(const struct plan *plan, const struct plan_job *job, const char *text)
{
    const struct plan_argument *args = plan->arguments.items;

    for (size_t i = 0; i < plan->arguments.n; i++)
        if (applies(&args[i], job) && strstr(args[i].text, text))
            return true;
    return false;
}

int
plan_template_fits(const struct plan *plan, const struct plan_job *job, struct jb_error *err)
{
    bool based = job->base_model && job->base_model[0];
    bool wanted = args_hold(plan, job, "{base_model}") || args_hold(plan, job, "{base_dir}");
    bool args = false;

    for (size_t i = 0; i < plan->argv.n; i++)
        args |= strstr(plan->argv.items[i], "{model_args}") != NULL;
    if (args && !args_hold(plan, job, "{model}") && !args_hold(plan, job, "{model_dir}"))
        return jb_fail(err, JB_EACCES, "plan %s does not run %s weights as %s", plan->name,
                       job->weight_type, job->precision);
    if (wanted && !based)
        return jb_fail(err, JB_EINVAL, "%s weights need a base model", job->weight_type);
    return 0;
}

struct filler {
    const char *value[PLACES]; /* NULL: none */
    struct jb_buf buf;
};

/* One template into `f->buf`; false when it is left out, since a value in it is empty. */
static bool
fill(struct filler *f, const char *text)
{
    jb_buf_reset(&f->buf);
    while (*text) {
        size_t n;
        enum place place = *text == '{' ? place_at(text, &n) : PLACES;

        if (place == PLACES) {
            jb_buf_putc(&f->buf, *text++);
            continue;
        }
        if (!f->value[place] || !f->value[place][0])
            return false;
        jb_buf_puts(&f->buf, f->value[place]);
        text += n;
    }
    return true;
}

static int
fill_all(struct filler *f, const struct setting_strings *texts, struct jb_arena *arena,
         struct jb_error *err, char ***ret_items, size_t *ret_n)
{
    char **items = jb_arena_array(arena, texts->n + 1, sizeof(*items));
    size_t n = 0;

    if (!items)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t i = 0; i < texts->n; i++) {
        if (!fill(f, texts->items[i]))
            continue;
        if (f->buf.err)
            return jb_fail(err, f->buf.err, "argument %zu: %s", i + 1, jb_strerror(f->buf.err));
        items[n] = jb_arena_dup(arena, f->buf.n ? f->buf.p : "", f->buf.n);
        if (!items[n++])
            return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    *ret_items = items;
    *ret_n = n;
    return 0;
}

static int
make_command(struct filler *f, const struct plan *plan, const struct setting_strings *texts,
             struct jb_arena *arena, struct jb_error *err, struct plan_command *ret_command)
{
    char **argv, **env;
    size_t n, n_env;
    int rc = fill_all(f, texts, arena, err, &argv, &n);

    if (rc)
        return rc;
    env = jb_arena_array(arena, plan->env.n + 1, sizeof(*env));
    if (!env)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (n_env = 0; n_env < plan->env.n; n_env++) {
        const char *item = plan->env.items[n_env];

        env[n_env] = jb_arena_dup(arena, item, strlen(item));
        if (!env[n_env])
            return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    if (!n)
        return jb_fail(err, JB_EINVAL, "plan %s has no program for this", plan->name);
    *ret_command = (struct plan_command){n, argv, n_env, env};
    return 0;
}

/* Folders stand in the same string as the model's values: no comma, '=' or blank in them. */
static int
check_folder(const char *what, const char *path, struct jb_error *err)
{
    static const char chars[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";

    if (!path || !path[0])
        return jb_fail(err, JB_EINVAL, "a folder for the %s is needed", what);
    if (path[0] != '/' || path[strspn(path, chars)])
        return jb_fail(err, JB_EINVAL,
                       "the folder for the %s is not absolute, or has a character in its name "
                       "that cannot be passed on",
                       what);
    return 0;
}

int
plan_fetch(const struct plan *plan, const struct plan_job *job, const struct plan_paths *paths,
           struct jb_arena *arena, struct jb_error *err, size_t *ret_n,
           struct plan_command ret_commands[2])
{
    struct {
        const char *what, *place, *id, *revision, *dir;
    } sides[2] = {
        {"model", "{model_dir}", job->model, job->revision, paths->model_dir},
        {"base model", "{base_dir}", job->base_model, job->base_revision, paths->base_dir},
    };
    struct plan_command commands[2];
    struct filler f = {.buf = JB_BUF(ARG_MAX_BYTES)};
    size_t n = 0;
    int rc = plan_allows(plan, job, err);

    for (size_t i = 0; i < 2 && !rc; i++) {
        if (!args_hold(plan, job, sides[i].place))
            continue;
        rc = check_folder(sides[i].what, sides[i].dir, err);
        f.value[HOME] = plan->home;
        f.value[ID] = sides[i].id;
        f.value[REVISION] = sides[i].revision;
        f.value[DIR] = sides[i].dir;
        if (!rc)
            rc = make_command(&f, plan, &plan->fetch, arena, err, &commands[n++]);
    }
    jb_buf_free(&f.buf);
    if (rc)
        return rc;
    memcpy(ret_commands, commands, n * sizeof(*commands));
    *ret_n = n;
    return 0;
}

static int
join_model_args(struct filler *f, const struct plan *plan, const struct plan_job *job,
                struct jb_arena *arena, struct jb_error *err)
{
    const struct plan_argument *args = plan->arguments.items;
    struct jb_buf all = JB_BUF(ARG_MAX_BYTES);
    char *text = NULL;

    for (size_t i = 0; i < plan->arguments.n; i++) {
        if (!applies(&args[i], job) || !fill(f, args[i].text))
            continue;
        if (all.n)
            jb_buf_putc(&all, ',');
        jb_buf_str(&all, jb_buf_view(&f->buf));
    }
    if (!all.err)
        text = jb_arena_dup(arena, all.n ? all.p : "", all.n);
    jb_buf_free(&all);
    f->value[MODEL_ARGS] = text;
    return text ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
}

static char *
join_tasks(const struct plan_job *job, struct jb_arena *arena)
{
    struct jb_buf all = JB_BUF(ARG_MAX_BYTES);
    char *text = NULL;

    for (size_t i = 0; i < job->n_tasks; i++) {
        if (i)
            jb_buf_putc(&all, ',');
        jb_buf_puts(&all, job->tasks[i]);
    }
    if (!all.err)
        text = jb_arena_dup(arena, all.p, all.n);
    jb_buf_free(&all);
    return text;
}

int
plan_argv(const struct plan *plan, const struct plan_job *job, const struct plan_paths *paths,
          struct jb_arena *arena, struct jb_error *err, struct plan_command *ret_command)
{
    struct filler f = {.buf = JB_BUF(ARG_MAX_BYTES)};
    struct plan_command command;
    int rc = plan_allows(plan, job, err);

    if (!rc)
        rc = check_folder("results", paths->out, err);
    if (!rc && args_hold(plan, job, "{model_dir}"))
        rc = check_folder("model", paths->model_dir, err);
    if (!rc && args_hold(plan, job, "{base_dir}"))
        rc = check_folder("base model", paths->base_dir, err);
    if (rc)
        return rc;
    f.value[HOME] = plan->home;
    f.value[INCLUDE] = plan->include;
    f.value[OUT] = paths->out;
    f.value[MODEL] = job->model;
    f.value[REVISION] = job->revision;
    f.value[BASE_MODEL] = job->base_model;
    f.value[BASE_REVISION] = job->base_revision;
    f.value[PRECISION] = job->precision;
    f.value[WEIGHT_TYPE] = job->weight_type;
    f.value[MODEL_DIR] = paths->model_dir;
    f.value[BASE_DIR] = paths->base_dir;
    f.value[SHOTS] = jb_arena_printf(arena, "%lld", (long long)job->shots);
    f.value[SEED] = jb_arena_printf(arena, "%lld", (long long)job->seed);
    f.value[GPUS] = jb_arena_printf(arena, "%lld", (long long)job->gpus);
    f.value[LIMIT] = job->limit ? jb_arena_printf(arena, "%lld", (long long)job->limit) : "";
    f.value[TASKS] = join_tasks(job, arena);
    if (!f.value[SHOTS] || !f.value[SEED] || !f.value[GPUS] || !f.value[LIMIT] ||
        !f.value[TASKS])
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc)
        rc = join_model_args(&f, plan, job, arena, err);
    if (!rc)
        rc = make_command(&f, plan, &plan->argv, arena, err, &command);
    jb_buf_free(&f.buf);
    if (rc)
        return rc;
    *ret_command = command;
    return 0;
}
