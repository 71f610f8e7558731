/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: how a harness is called on a GPU host. One run is one benchmark of one model, so that
 * what fails is one benchmark and what is done stays done. A plan is configuration (a file with
 * the lists `plans` and `signs`, contrib/harness/plans.conf): which program, with which
 * arguments, for which tasks, precisions and weight types; where its results come to lie; how
 * its log tells progress and why it failed. The message that starts a run names a plan and
 * tasks, never a command.
 *
 * Commands are vectors, never shell lines. What comes from a request (model, revision, tasks)
 * is held against a grammar without commas, `=`, blanks and leading dashes, since harnesses
 * take several values in one string; an argument of a template never begins with such a value.
 *
 * Placeholders of `argv` (an argument that holds one whose value is empty is left out):
 *   {home} {include}             folders of the plan
 *   {out}                        folder of this run's results, absolute
 *   {model_args}                 made of the plan's `arguments`
 *   {model} {revision} {base_model} {base_revision} {precision} {weight_type}
 *   {tasks}                      names, separated by commas
 *   {shots} {seed} {limit} {gpus}
 * of `arguments`: the model's and {gpus}, and {model_dir} {base_dir}, folders with the files of
 * exactly that revision; of `fetch`: {home} {id} {revision} {dir}.
 */
#pragma once

#include "base/settings.h"

#define PLAN_TASKS_MAX  256
#define PLAN_ARGS_MAX   64
#define PLAN_RESULT_MAX ((size_t)8 << 20) /* of one result file */
#define PLAN_REASON     400

/* A part of {model_args}; used when all its conditions hold. */
struct plan_argument {
    const char *text;                    /* "dtype={precision}" */
    struct setting_strings precisions;   /* only for these; none: any */
    struct setting_strings weight_types; /* only for these; none: any */
    int64_t min_gpus;                    /* only with so many GPUs or more */
};

/* What a line of the log says about a failure. */
struct plan_sign {
    const char *text;        /* found in one line, as it stands; '*' is anything between */
    const char *failure;     /* word of the failure class, "out_of_memory" */
    const char *weight_type; /* only for this one; "" any */
};

struct plan {
    const char *name;                  /* [a-z0-9-]+ */
    const char *version;               /* commit or version of the harness, for provenance */
    int dialect;                       /* enum harness_dialect of its results */
    const char *home;                  /* folder of the harness; "" none */
    const char *include;               /* folder of further tasks; "" none */
    struct setting_strings argv;       /* template */
    struct setting_strings fetch;      /* command that gets a model's files; none: cannot */
    struct setting_strings env;        /* "NAME=value": all the environment but what the agent
                                          sets itself (PATH, HOME, TMPDIR, CUDA_VISIBLE_DEVICES) */
    struct setting_strings tasks;      /* allowed; a name that ends in * is a prefix */
    struct setting_strings models;     /* allowed; none: any. Named ones need no commit */
    struct setting_strings precisions; /* allowed */
    struct setting_strings weight_types;
    int64_t max_shots, max_gpus;   /* max_gpus 0: runs without a GPU */
    struct setting_list arguments; /* struct plan_argument */
    const char *results;           /* below {out}: "results.json", or with one folder and '*' */
    struct setting_strings progress; /* what stands before a progress bar of the work itself */
    struct setting_list signs;       /* struct plan_sign, looked at before the common ones */
};

struct plans {
    struct setting_list plans; /* struct plan */
    struct setting_list signs; /* struct plan_sign, of all plans */
};

/* Table of the file; `plan_table` is that of one plan, for the man page. */
extern const struct setting plans_table[];
extern const struct setting plan_table[];

/* One run: one benchmark of one model. Strings may come from outside. */
struct plan_job {
    const char *model, *revision;           /* 40 hex; of the plan's named models also "main" */
    const char *base_model, *base_revision; /* "" or NULL none; of adapters and deltas */
    const char *precision, *weight_type;
    int64_t seed;
    int64_t limit; /* items of each task; 0 all */
    int64_t gpus;  /* how many it gets */
    int64_t shots;
    size_t n_tasks;
    const char *const *tasks;
};

struct plan_paths {
    const char *out;                  /* absolute; the folder exists and is empty */
    const char *model_dir, *base_dir; /* where plan_fetch() puts what; NULL or "" none */
};

/* argv and env end in NULL. */
struct plan_command {
    size_t n;
    char *const *argv; /* argv[0] without a slash is looked up in PATH */
    size_t n_env;
    char *const *env;
};

/* Two plans of one name are an error in the report. Memory from `arena`. As settings_load(). */
int plan_load(const char *file, struct jb_arena *arena, struct plans *ret_plans,
              struct settings_report *report);

/* NULL when there is none of that name. */
const struct plan *plan_find(const struct plans *plans, const char *name);

/* May this plan run this job? JB_EINVAL: a value breaks its grammar; JB_EACCES: the plan does
 * not allow it. NULL for a string is the empty one. */
int plan_allows(const struct plan *plan, const struct plan_job *job, struct jb_error *err);

/*
 * Commands to run before the harness, in turn: 0 to 2. They are for adapters and deltas, of
 * which both sides must be of a certain revision while the harness takes one for both, and for
 * GPTQ, which it loads without looking at the revision. As plan_allows(); JB_EINVAL also when a
 * folder is not given or not absolute; JB_ENOMEM.
 */
int plan_fetch(const struct plan *plan, const struct plan_job *job,
               const struct plan_paths *paths, struct jb_arena *arena, struct jb_error *err,
               size_t *ret_n, struct plan_command ret_commands[2]);

/* The run itself. Its working directory is for the run alone. As plan_fetch(). */
int plan_argv(const struct plan *plan, const struct plan_job *job,
              const struct plan_paths *paths, struct jb_arena *arena, struct jb_error *err,
              struct plan_command *ret_command);

/* How a run ended. */
struct plan_end {
    int status;     /* as waitpid() gives it */
    bool timed_out; /* it was ended because of its limit */
};

/*
 * Why it failed: a word of the failure classes; never "". Signs are looked for in the last
 * traceback, then in all of the tail; SIGKILL that was not ours is memory; an end without error
 * that left no result is "incomplete_results". `ret_reason` gets the line that says it, control
 * characters left out, or a line of ours.
 */
const char *plan_failure(const struct plans *plans, const struct plan *plan,
                         const struct plan_job *job, const struct plan_end *end,
                         struct jb_str tail, char ret_reason[PLAN_REASON]);

/* 0..1 by the last progress bar of the work in the tail; negative: none there. */
double plan_progress(const struct plan *plan, struct jb_str tail);

/*
 * The result file below `out`, of which a job under another uid is the owner: only a plain file
 * of one link, never through a symbolic link; the newest by name if there are several.
 * JB_ENOENT none, JB_EACCES no such file, JB_ETOOBIG, JB_EIO, JB_ENOMEM. The text is not looked
 * at.
 */
int plan_results(const struct plan *plan, const char *out, struct jb_arena *arena,
                 struct jb_error *err, struct jb_str *ret_doc);
