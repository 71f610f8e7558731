/* SPDX-License-Identifier: Apache-2.0 */
/* The plans as shipped: commands, refusals, signs of failure, progress, result files. */
#include <config.h>

#include "harness/benchmark.h"
#include "harness/plan.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define BASE   "fedcba9876543210fedcba9876543210fedcba98"

static struct jb_arena *arena;
static struct plans plans;

static int
setup(void **state)
{
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    const char *top = getenv("JB_SRCDIR");
    char file[4096];

    (void)state;
    arena = jb_arena_new(8 << 20);
    snprintf(file, sizeof(file), "%s/contrib/harness/plans.conf", top ? top : ".");
    if (!arena || plan_load(file, arena, &plans, &report)) {
        print_error("%s", report.text.p ? report.text.p : "?");
        return -1;
    }
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    jb_arena_free(arena);
    return 0;
}

static const struct plan *
plan(const char *name)
{
    const struct plan *p = plan_find(&plans, name);

    assert_non_null(p);
    return p;
}

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

static void
test_failures(void **state)
{
#define TRACE                                                                                  \
    "Traceback (most recent call last):\n  File \"/opt/h/main.py\", line 91, in <module>\n"    \
    "    main()\n"
    static const struct {
        int status; /* exit status; negative: a signal */
        const char *failure, *weight_type, *log;
    } runs[] = {
        {1, "out_of_memory", "",
         TRACE "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 172.00 MiB "
               "(GPU 0; 23.69 GiB total capacity; 22.81 GiB already allocated)\n"},
        {1, "out_of_memory", "", TRACE "RuntimeError: CUDA error: out of memory\n"},
        {-SIGKILL, "out_of_memory", "", "Loading checkpoint shards:  33%|###3  | 1/3\n"},
        {137, "out_of_memory", "", "Loading checkpoint shards:  33%|###3  | 1/3\n"},
        {-SIGTERM, "preempted", "", "  5%|5     | 8/160\n"},
        {-SIGSEGV, "harness_crash", "", "Fatal Python error: Segmentation fault\n"},
        {1, "remote_code_required", "",
         TRACE "ValueError: Loading org/model requires you to execute the configuration file "
               "in that repo on your local machine. Make sure you have read the code there to "
               "avoid malicious use, then set the option `trust_remote_code=True` to remove "
               "this error.\n"},
        {1, "dataset_missing", "",
         TRACE "ValueError: The repository for org/set contains custom code which must be "
               "executed to correctly load the dataset. You can inspect the repository content "
               "at https://hf.co/datasets/org/set.\nPlease pass the argument "
               "`trust_remote_code=True` to allow custom code to be run.\n"},
        {1, "tokenizer_missing", "",
         TRACE "ValueError: Tokenizer class BaiChuanTokenizer does not exist or is not "
               "currently imported.\n"},
        {1, "tokenizer_missing", "",
         TRACE "OSError: Can't load tokenizer for 'org/model'. If you were trying to load it "
               "from 'https://huggingface.co/models', make sure you don't have a local "
               "directory with the same name.\n"},
        {1, "config_unsupported", "",
         TRACE "ValueError: The checkpoint you are trying to load has model type `new` but "
               "Transformers does not recognize this architecture.\n"},
        {1, "gated", "",
         "huggingface_hub.utils._errors.GatedRepoError: 401 Client Error.\n\nThe above "
         "exception was the direct cause of the following exception:\n\n" TRACE
         "OSError: You are trying to access a gated repo.\n"},
        {1, "not_found", "",
         TRACE "OSError: org/model is not a local folder and is not a valid model identifier "
               "listed on 'https://huggingface.co/models'\n"},
        {1, "revision_missing", "",
         TRACE "OSError: " COMMIT " is not a valid git identifier (branch name, tag name or "
               "commit id) that exists for this model name.\n"},
        {1, "weights_corrupt", "Original",
         TRACE "safetensors_rust.SafetensorError: Error while deserializing header: "
               "MetadataIncompleteBuffer\n"},
        {1, "weights_corrupt", "Original",
         TRACE "RuntimeError: Error(s) in loading state_dict for LlamaForCausalLM:\n\tsize "
               "mismatch for model.embed_tokens.weight: copying a param\n"},
        {1, "adapter_base_mismatch", "Adapter",
         TRACE "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM:\n\tsize "
               "mismatch for base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight\n"},
        {1, "precision_nan", "",
         TRACE "RuntimeError: probability tensor contains either `inf`, `nan` or element < "
               "0\n"},
        {1, "dataset_missing", "",
         TRACE "datasets.exceptions.DatasetNotFoundError: Dataset 'c_arc' doesn't exist on the "
               "Hub or cannot be accessed.\n"},
        {1, "task_missing", "", TRACE "ValueError: Tasks not found: c_arc.\n"},
        {2, "task_missing", "",
         "usage: main.py [-h] --model MODEL\nmain.py: error: argument --tasks: invalid choice: "
         "'c_arc'\n"},
        {1, "hub_network", "",
         TRACE "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='huggingface.co', "
               "port=443): Read timed out. (read timeout=10)\n"},
        {1, "disk_full", "", TRACE "OSError: [Errno 28] No space left on device: '/x'\n"},
        {0, "disk_full", "",
         "WARNING Could not save results aggregated\nINFO OSError(28, 'No space left on "
         "device')\n"},
        {0, "incomplete_results", "", "bye\n"},
        {1, "harness_crash", "", TRACE "KeyError: 'acc'\n"},
        {1, "harness_crash", "", ""},
        {127, "harness_crash", "", ""},
        /* what was retried earlier is not why it failed in the end */
        {1, "out_of_memory", "",
         "requests.exceptions.ReadTimeout: Read timed out. retrying\n" TRACE
         "torch.cuda.OutOfMemoryError: CUDA out of memory.\n"},
    };
    char reason[PLAN_REASON];

    (void)state;
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
        struct plan_job job = {.weight_type = runs[i].weight_type};
        struct plan_end end = {.status =
                                   runs[i].status < 0 ? -runs[i].status : runs[i].status << 8};
        const char *failure = plan_failure(&plans, plan("harness-b281b09"), &job, &end,
                                           jb_str(runs[i].log), reason);

        if (strcmp(failure, runs[i].failure) != 0)
            fail_msg("%s (%s) instead of %s", failure, reason, runs[i].failure);
        assert_true(reason[0]);
    }
}

static void
test_reasons(void **state)
{
    struct plan_end end = {.status = 1 << 8}, late = {.status = SIGKILL, .timed_out = true};
    char reason[PLAN_REASON], long_log[3000];
    const struct plan *p = plan("lm-eval");

    (void)state;
    assert_string_equal(plan_failure(&plans, p, NULL, &end,
                                     jb_str("  \x1b[31mKeyError: '\xe4\xb8\xad\xff'\x07\n\n"
                                            " 45%|####| 1/2\r"),
                                     reason),
                        "harness_crash");
    assert_string_equal(reason, "[31mKeyError: '\xe4\xb8\xad?'");
    assert_string_equal(plan_failure(&plans, p, NULL, &late, jb_str("x"), reason), "timeout");
    memset(long_log, 'x', sizeof(long_log));
    memcpy(long_log, "CUDA out of memory", 18);
    assert_string_equal(plan_failure(&plans, p, NULL, &end,
                                     (struct jb_str){long_log, sizeof(long_log)}, reason),
                        "out_of_memory");
    assert_int_equal(strlen(reason), PLAN_REASON - 1);
}

static void
near(double got, double want)
{
    if (!(got > want - 1e-9 && got < want + 1e-9))
        fail_msg("%g instead of %g", got, want);
}

static void
test_progress(void **state)
{
    const struct plan *pinned = plan("harness-b281b09"), *present = plan("lm-eval");

    (void)state;
    near(plan_progress(pinned, jb_str("Running loglikelihood requests\n\r  0%|          | "
                                      "0/160 [00:00<?, ?it/s]\r 45%|\xe2\x96\x88\xe2\x96\x88 | "
                                      "72/160 [00:01<00:01, 58.3it/s]")),
         0.45);
    near(plan_progress(pinned, jb_str("Loading checkpoint shards: 100%|####| 3/3 [00:04]\n")),
         -1);
    near(plan_progress(present, jb_str(" 45%|####  | 72/160 [00:01]\n")), -1);
    near(plan_progress(present,
                       jb_str("Running loglikelihood requests:  25%|##5  | 40/160 [00:01]\r"
                              "Downloading data: 100%|####| 4/4 [00:04]\n")),
         0.25);
    near(plan_progress(present,
                       jb_str("Running generate_until requests: 100%|#####| 9/9 [00:01]\n")),
         1);
    near(plan_progress(present, jb_str("")), -1);
    near(plan_progress(present, jb_str("Running loglikelihood requests:  25%|##5")), -1);
    near(plan_progress(present, jb_str("Running loglikelihood requests:  25%|##5 | ")), -1);
    near(plan_progress(present, jb_str("Running loglikelihood requests:  25%|##5 | 1/0 [")),
         -1);
    near(plan_progress(present, jb_str("Running loglikelihood requests: "
                                       "25%|##5 | 1/99999999999999999999 [")),
         -1);
}

static void
write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void
test_results(void **state)
{
    char dir[] = "/tmp/jinbang-results.XXXXXX", sub[256], link_name[300], command[300];
    const struct plan *pinned = plan("harness-b281b09"), *present = plan("lm-eval");
    struct jb_error err = {0};
    struct jb_str doc;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(plan_results(pinned, dir, arena, &err, &doc), JB_ENOENT);
    write_file(dir, "results.json.part", "half");
    assert_int_equal(plan_results(pinned, dir, arena, NULL, &doc), JB_ENOENT);
    write_file(dir, "results.json", "{}");
    assert_int_equal(plan_results(pinned, dir, arena, NULL, &doc), 0);
    assert_true(jb_str_is(doc, "{}"));
    snprintf(sub, sizeof(sub), "%s/org__model", dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    assert_int_equal(plan_results(present, dir, arena, NULL, &doc), JB_EACCES); /* a file */
    snprintf(link_name, sizeof(link_name), "%s/results.json", dir);
    unlink(link_name);
    assert_int_equal(symlink("/etc/passwd", link_name), 0);
    assert_int_equal(plan_results(pinned, dir, arena, NULL, &doc), JB_EACCES);
    unlink(link_name);
    snprintf(link_name, sizeof(link_name), "%s/results.json.part", dir);
    unlink(link_name);
    write_file(sub, "results_2024-05-23T07-14-41.086185.json", "old");
    write_file(sub, "results_2024-05-23T09-14-41.086185.json", "new");
    write_file(sub, "samples_arc_zh_2024-05-23T09-14-41.086185.jsonl", "no");
    assert_int_equal(plan_results(present, dir, arena, NULL, &doc), 0);
    assert_true(jb_str_is(doc, "new"));
    snprintf(link_name, sizeof(link_name), "%s/results_2025.json", sub);
    assert_int_equal(mkfifo(link_name, 0600), 0);
    assert_int_equal(plan_results(present, dir, arena, NULL, &doc), JB_EACCES);
    unlink(link_name);
    assert_int_equal(mkdir(link_name, 0700), 0);
    assert_int_equal(plan_results(present, dir, arena, NULL, &doc), JB_EACCES);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pinned),    cmocka_unit_test(test_present),
        cmocka_unit_test(test_fetch),     cmocka_unit_test(test_random),
        cmocka_unit_test(test_injection), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_files),     cmocka_unit_test(test_failures),
        cmocka_unit_test(test_reasons),   cmocka_unit_test(test_progress),
        cmocka_unit_test(test_results),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
