/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a harness that was called by a plan: progress, results, why it failed. */
#include <config.h>

#include "plan_help.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_results),
    };

    return cmocka_run_group_tests(tests, plans_setup, arena_teardown);
}
