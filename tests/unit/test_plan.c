/* SPDX-License-Identifier: Apache-2.0 */
/* The plans as shipped: commands and refusals, and what is wrong with others. */
#include <config.h>

#include "plan_help.h"

#include "harness/benchmark.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE "fedcba9876543210fedcba9876543210fedcba98"

static const char *const arc[] = {"c_arc_challenge"};
static const char *const arc_zh[] = {"arc_zh"};

static struct plan_job
job_of(const char *precision, const char *weight_type)
{
    return (struct plan_job){.model = "org/model",
                             .revision = COMMIT,
                             .base_model = strcmp(weight_type, "Original") ? "org/base" : "",
                             .base_revision = BASE,
                             .precision = precision,
                             .weight_type = weight_type,
                             .seed = 1234,
                             .gpus = 1,
                             .shots = 25,
                             .n_tasks = 1,
                             .tasks = arc};
}

static const struct plan_paths paths = {"/spool/a/out", "/spool/a/model", "/spool/a/base"};

/* The whole vector, joined by blanks. */
static const char *
line_of(const struct plan_command *command)
{
    const char *line = "";

    for (size_t i = 0; i < command->n; i++)
        line = jb_arena_printf(arena, "%s%s%s", line, i ? " " : "", command->argv[i]);
    assert_null(command->argv[command->n]);
    return line;
}

static void
runs_as(const char *name, const struct plan_job *job, const char *expected)
{
    struct jb_error err = {0};
    struct plan_command command;

    if (plan_argv(plan(name), job, &paths, arena, &err, &command))
        fail_msg("%s: %s", name, err.text);
    assert_string_equal(line_of(&command), expected);
    assert_null(command.env[command.n_env]);
}

#define PINNED(args)                                                                           \
    "/opt/lm-evaluation-harness-b281b09/venv/bin/python "                                      \
    "/opt/lm-evaluation-harness-b281b09/main.py --model=hf-causal-experimental "               \
    "--model_args=" args " --tasks=c_arc_challenge --num_fewshot=25 --batch_size=1 "           \
    "--no_cache --output_path=/spool/a/out/results.json"

static void
test_pinned(void **state)
{
    static const struct {
        const char *precision, *weight_type, *line;
    } runs[] = {
        {"float16", "Original",
         PINNED("pretrained=org/model,revision=" COMMIT ",use_accelerate=True,dtype=float16")},
        {"bfloat16", "Original",
         PINNED("pretrained=org/model,revision=" COMMIT ",use_accelerate=True,dtype=bfloat16")},
        {"8bit", "Original",
         PINNED("pretrained=org/model,revision=" COMMIT
                ",use_accelerate=True,load_in_8bit=True")},
        {"4bit", "Original",
         PINNED("pretrained=org/model,revision=" COMMIT
                ",use_accelerate=True,load_in_4bit=True,bnb_4bit_quant_type=fp4,"
                "bnb_4bit_compute_dtype=float16")},
        {"GPTQ", "Original",
         PINNED("pretrained=/spool/a/model,use_accelerate=True,quantized=True")},
        {"float16", "Adapter",
         PINNED("pretrained=/spool/a/base,peft=/spool/a/model,use_accelerate=True,"
                "dtype=float16")},
        {"bfloat16", "Adapter",
         PINNED("pretrained=/spool/a/base,peft=/spool/a/model,use_accelerate=True,"
                "dtype=bfloat16")},
        {"8bit", "Adapter",
         PINNED("pretrained=/spool/a/base,peft=/spool/a/model,use_accelerate=True,"
                "load_in_8bit=True")},
    };

    (void)state;
    assert_int_equal(plan("harness-b281b09")->dialect, DIALECT_PINNED);
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
        struct plan_job job = job_of(runs[i].precision, runs[i].weight_type);

        runs_as("harness-b281b09", &job, runs[i].line);
    }
}

#define PRESENT(args)                                                                          \
    "/opt/lm-eval/bin/lm-eval run --model=hf --model_args=" args                               \
    " --tasks=arc_zh --num_fewshot=25 --batch_size=1 --seed=0,1234,1234,1234 --log_samples "   \
    "--include_path=/opt/lm-eval/tasks --output_path=/spool/a/out"

static void
test_present(void **state)
{
    static const struct {
        const char *precision, *weight_type;
        int64_t gpus;
        const char *line;
    } runs[] = {
        {"float16", "Original", 1,
         PRESENT("pretrained=org/model,revision=" COMMIT ",dtype=float16")},
        {"bfloat16", "Original", 4,
         PRESENT("pretrained=org/model,revision=" COMMIT ",dtype=bfloat16,parallelize=True")},
        {"8bit", "Original", 1,
         PRESENT("pretrained=org/model,revision=" COMMIT ",load_in_8bit=True")},
        {"4bit", "Original", 1,
         PRESENT("pretrained=org/model,revision=" COMMIT ",load_in_4bit=True")},
        {"GPTQ", "Original", 1, PRESENT("pretrained=/spool/a/model,autogptq=True")},
        {"4bit", "Adapter", 1,
         PRESENT("pretrained=/spool/a/base,peft=/spool/a/model,load_in_4bit=True")},
        {"bfloat16", "Delta", 2,
         PRESENT("pretrained=/spool/a/base,delta=/spool/a/model,dtype=bfloat16,"
                 "parallelize=True")},
    };

    (void)state;
    assert_int_equal(plan("lm-eval")->dialect, DIALECT_PRESENT);
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
        struct plan_job job = job_of(runs[i].precision, runs[i].weight_type);

        job.tasks = arc_zh;
        job.gpus = runs[i].gpus;
        runs_as("lm-eval", &job, runs[i].line);
    }
}

static void
test_fetch(void **state)
{
    struct plan_job job = job_of("bfloat16", "Adapter");
    struct plan_command commands[2];
    struct jb_error err = {0};
    struct plan_paths none = {"/spool/a/out", NULL, "/spool/a/base"};
    size_t n;

    (void)state;
    job.tasks = arc_zh;
    assert_int_equal(plan_fetch(plan("lm-eval"), &job, &paths, arena, &err, &n, commands), 0);
    assert_int_equal(n, 2);
    assert_string_equal(line_of(&commands[0]),
                        "/opt/lm-eval/bin/hf download org/model --revision=" COMMIT
                        " --local-dir=/spool/a/model");
    assert_string_equal(line_of(&commands[1]),
                        "/opt/lm-eval/bin/hf download org/base --revision=" BASE
                        " --local-dir=/spool/a/base");
    assert_int_equal(plan_fetch(plan("lm-eval"), &job, &none, arena, &err, &n, commands),
                     JB_EINVAL);
    job = job_of("GPTQ", "Original");
    assert_int_equal(
        plan_fetch(plan("harness-b281b09"), &job, &paths, arena, &err, &n, commands), 0);
    assert_int_equal(n, 1);
    job = job_of("float16", "Original");
    assert_int_equal(
        plan_fetch(plan("harness-b281b09"), &job, &paths, arena, &err, &n, commands), 0);
    assert_int_equal(n, 0);
}

static void
test_random(void **state)
{
    static const char *const tasks[] = {"c_sem_v1-LLSRC", "c_sem_v1-SLSRC"};
    struct plan_job job = {.model = "jinbang/random",
                           .revision = "main",
                           .precision = "8bit",
                           .weight_type = "Original",
                           .seed = 7,
                           .limit = 10,
                           .n_tasks = 2,
                           .tasks = tasks};
    struct plan_command command;
    struct jb_error err = {0};
    const char *line;

    (void)state;
    assert_int_equal(plan_argv(plan("random-baseline"), &job, &paths, arena, &err, &command),
                     0);
    assert_string_equal(command.argv[0], "python3");
    line = line_of(&command);
    assert_non_null(strstr(line, "/contrib/harness/"));
    assert_non_null(strstr(line, "random_baseline.py --model=jinbang/random "
                                 "--model_args=pretrained=jinbang/random,revision=main,"
                                 "load_in_8bit=True "
                                 "--tasks=c_sem_v1-LLSRC,c_sem_v1-SLSRC --num_fewshot=0 "
                                 "--seed=7 "));
    assert_non_null(strstr(line, " --limit=10 --output_path=/spool/a/out/results.json"));
    job.model = "jinbang/other";
    job.revision = COMMIT;
    assert_int_equal(plan_allows(plan("random-baseline"), &job, NULL), JB_EACCES);
    job.model = "jinbang/random";
    job.gpus = 1;
    assert_int_equal(plan_allows(plan("random-baseline"), &job, NULL), JB_EACCES);
}

static void
refused(const struct plan_job *job, const struct plan_paths *where, int code)
{
    struct plan_command command = {.n = 77};
    struct jb_error err = {0};
    int rc = plan_argv(plan("harness-b281b09"), job, where, arena, &err, &command);

    if (rc != code)
        fail_msg("%d (%s) instead of %d for model %s revision %s task %s", rc, err.text, code,
                 job->model, job->revision, job->tasks[0]);
    assert_int_equal(command.n, 77);
    assert_true(err.text[0]);
}

static void
test_injection(void **state)
{
    static const char *const models[] = {"org/model,trust_remote_code=True",
                                         "org/m=x",
                                         "-m",
                                         "--model",
                                         "org/-m",
                                         "org/m o",
                                         "org/m\npeft=x",
                                         "../../etc",
                                         "/etc/passwd",
                                         "a/b/c",
                                         "",
                                         NULL,
                                         "org/\xff",
                                         "true",
                                         "123",
                                         "org/m{revision}",
                                         "1e5"};
    static const char *const revisions[] = {"main",
                                            "",
                                            NULL,
                                            "v1.0",
                                            COMMIT ",trust_remote_code=True",
                                            COMMIT "\n",
                                            "0123456789ABCDEF0123456789abcdef01234567",
                                            "1234567890123456789012345678901234567890",
                                            "123456789012345678901234567890123456789e"};
    static const char *const tasks[] = {"--output_path=/etc/x",
                                        "-x",
                                        "c_arc_challenge,x",
                                        "c_arc_challenge ",
                                        "c_arc_challenge\n",
                                        "",
                                        "../x",
                                        "c_*x",
                                        "a/b.yaml",
                                        ".x"};
    static const char *const folders[] = {"out", "", NULL, "/a,b", "/a=b", "/a b", "-x"};
    static const char *const foreign[] = {"wmt16-ro-en"}, *const wide[] = {"c_*"},
                             *const all[] = {"cmmlu-*"};
    struct plan_job job = job_of("float16", "Original");
    struct plan_paths where = paths;

    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        job.model = models[i];
        refused(&job, &paths, JB_EINVAL);
        job = job_of("float16", "Adapter");
        job.base_model = models[i];
        refused(&job, &paths, JB_EINVAL);
        job = job_of("float16", "Original");
    }
    for (size_t i = 0; i < sizeof(revisions) / sizeof(*revisions); i++) {
        job.revision = revisions[i];
        /* all digits, then an `e`: the last one is no number, and thus a commit like others */
        if (i + 1 == sizeof(revisions) / sizeof(*revisions))
            runs_as("harness-b281b09", &job,
                    PINNED("pretrained=org/model,revision="
                           "123456789012345678901234567890123456789e"
                           ",use_accelerate=True,dtype=float16"));
        else
            refused(&job, &paths, JB_EINVAL);
    }
    job = job_of("float16", "Original");
    for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks); i++) {
        job.tasks = &tasks[i];
        refused(&job, &paths, JB_EINVAL);
    }
    job.tasks = foreign;
    refused(&job, &paths, JB_EACCES);
    job.tasks = wide;
    refused(&job, &paths, JB_EACCES);
    job.tasks = all;
    assert_int_equal(plan_allows(plan("harness-b281b09"), &job, NULL), 0);
    job.n_tasks = 0;
    refused(&job, &paths, JB_EINVAL);
    job = job_of("GPTQ", "Original");
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        where.model_dir = folders[i];
        refused(&job, &where, JB_EINVAL);
        where = paths;
        where.out = folders[i];
        refused(&job, &where, JB_EINVAL);
        where = paths;
    }
}

static void
test_limits(void **state)
{
    struct plan_job job = job_of("float16", "Delta");

    (void)state;
    refused(&job, &paths, JB_EACCES);
    job = job_of("float32", "Original");
    refused(&job, &paths, JB_EACCES);
    job = job_of("float16,trust_remote_code=True", "Original");
    refused(&job, &paths, JB_EACCES);
    job = job_of("GPTQ", "Adapter");
    refused(&job, &paths, JB_EACCES);
    job = job_of("float16", "Original");
    job.shots = 26;
    refused(&job, &paths, JB_EACCES);
    job.shots = -1;
    refused(&job, &paths, JB_EINVAL);
    job = job_of("float16", "Original");
    job.gpus = 9;
    refused(&job, &paths, JB_EACCES);
    assert_null(plan_find(&plans, "lm-eval "));
    assert_null(plan_find(&plans, NULL));
}

/* A file with one plan whose `key` is `value`; the report. */
static const char *
loads(const char *key, const char *value)
{
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    char name[] = "/tmp/jinbang-plan.XXXXXX";
    struct plans loaded;
    const char *text;
    FILE *file;
    int fd = mkstemp(name), rc;

    file = fdopen(fd, "w");
    assert_non_null(file);
    fprintf(file, "plans = ( { name = \"p\"; version = \"1\"; dialect = \"pinned\";\n");
    if (strcmp(key, "argv") != 0)
        fprintf(file, "argv = [ \"x\" ];\n");
    if (strcmp(key, "results") != 0)
        fprintf(file, "results = \"r.json\";\n");
    if (strcmp(key, "tasks") != 0)
        fprintf(file, "tasks = [ \"*\" ];\n");
    fprintf(file, "%s = %s; } );\n", key, value);
    fclose(file);
    rc = plan_load(name, arena, &loaded, &report);
    unlink(name);
    text = rc ? jb_arena_dup(arena, report.text.p, report.text.n) : "";
    jb_buf_free(&report.text);
    return text;
}

static void
test_files(void **state)
{
    (void)state;
    assert_string_equal(loads("argv", "[ \"x\", \"--a={model}\", \"{out}\" ]"), "");
    assert_non_null(strstr(loads("argv", "[ \"x\", \"{model}\" ]"), "begins with a value"));
    assert_non_null(strstr(loads("argv", "[ \"x\", \"--a={nothing}\" ]"), "placeholder"));
    assert_non_null(strstr(loads("argv", "[ \"x\", \"--a={model_dir}\" ]"), "placeholder"));
    assert_non_null(strstr(loads("argv", "[ ]"), "program is needed"));
    assert_non_null(strstr(loads("results", "\"../x\""), "below {out}"));
    assert_non_null(strstr(loads("results", "\"/etc/passwd\""), "below {out}"));
    assert_non_null(strstr(loads("results", "\"a/b/c\""), "below {out}"));
    assert_non_null(strstr(loads("tasks", "[ \"-x\" ]"), "a task is made of"));
    assert_non_null(strstr(loads("env", "[ \"=x\" ]"), "NAME=value"));
    assert_non_null(
        strstr(loads("arguments", "( { text = \"a={model},b=1\"; } )"), "holds a comma"));
    assert_non_null(
        strstr(loads("arguments", "( { text = \"pretrained={model_dir}\"; } )"), "`fetch`"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pinned),    cmocka_unit_test(test_present),
        cmocka_unit_test(test_fetch),     cmocka_unit_test(test_random),
        cmocka_unit_test(test_injection), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, plans_setup, arena_teardown);
}
