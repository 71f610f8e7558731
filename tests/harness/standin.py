#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for the evaluation harnesses: their command lines, files, logs and exit codes.

    standin.py --install DIR     a harness folder in DIR for each shipped plan, and DIR/plans.conf

Called as `main.py …` it is lm-evaluation-harness b281b09, as `lm-eval run …` the harness of
today, as `hf download …` the hub's client. Scores are made of a digest of model, revision and
task, so that equal runs agree. What a model does is in its name:

    slow/SECONDS     takes about that long; a hyphen and anything may follow
    fail/KIND        fails in that way; KIND is a key of FAILURES
    fail/KIND.TASK   only in tasks that begin with TASK
    flaky/KIND       fails once for each set of tasks, then is well (needs JB_STANDIN_STATE, a
                     folder that survives the run)
"""

import argparse
import datetime
import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

CMMLU = """agronomy anatomy ancient_chinese arts astronomy business_ethics
chinese_civil_service_exam chinese_driving_rule chinese_food_culture chinese_foreign_policy
chinese_history chinese_literature chinese_teacher_qualification clinical_knowledge
college_actuarial_science college_education college_engineering_hydrology college_law
college_mathematics college_medical_statistics college_medicine computer_science
computer_security conceptual_physics construction_project_management economics education
electrical_engineering elementary_chinese elementary_commonsense
elementary_information_and_technology elementary_mathematics ethnology food_science genetics
global_facts high_school_biology high_school_chemistry high_school_geography
high_school_mathematics high_school_physics high_school_politics human_sexuality
international_law journalism jurisprudence legal_and_moral_basis logical machine_learning
management marketing marxist_theory modern_chinese nutrition philosophy professional_accounting
professional_law professional_medicine professional_psychology public_relations security_study
sociology sports_science traditional_chinese_medicine virology world_history
world_religions""".split()
MMLU = "tests/data/harness/llama-13B_mmlu_5-shot.json"
SEM = "LLSRC SLPWC SLRFC SLSRC".split()
ITEMS = 100  # of each task


def mmlu():
    """The 57 subjects, from the sample of a genuine run."""
    beside = os.path.join(HERE, "mmlu.json")  # where --install put it
    with open(beside if os.path.exists(beside) else os.path.join(TOP, MMLU)) as file:
        return sorted(json.load(file)["results"])


def tasks_of(present):
    if present:
        return (["arc_challenge", "hellaswag", "truthfulqa_mc2", "winogrande", "gsm8k", "arc_zh",
                 "truthfulqa_zh_mc2", "xwinograd_zh", "mgsm_direct_zh"]
                + ["cmmlu_" + s for s in CMMLU] + ["c_sem_v1-" + s for s in SEM]
                + [t.replace("hendrycksTest-", "mmlu_") for t in mmlu()])
    return (["arc_challenge", "hellaswag", "truthfulqa_mc", "winogrande", "gsm8k",
             "c_arc_challenge", "c_hellaswag", "c_truthfulqa_mc", "c_winogrande", "c_gsm8k"]
            + ["cmmlu-" + s for s in CMMLU] + ["c_sem_v1-" + s for s in SEM]
            + ["c_sem_v2-" + s for s in SEM] + mmlu())


# --- how it fails -----------------------------------------------------------------------------

TRACE = '''Traceback (most recent call last):
  File "%s/main.py", line 93, in <module>
    main()
  File "%s/main.py", line 59, in main
    results = evaluator.simple_evaluate(
  File "%s/lm_eval/utils.py", line 243, in _wrapper
    return fn(*args, **kwargs)
'''


def crash(text, code=1):
    home = os.path.dirname(os.path.abspath(sys.argv[0]))
    say(TRACE % (home, home, home) + text)
    sys.exit(code)


def say(text):
    sys.stderr.write(text if text.endswith("\n") else text + "\n")
    sys.stderr.flush()


def die(sig):
    signal.signal(sig, signal.SIG_DFL) if sig != signal.SIGKILL else None
    os.kill(os.getpid(), sig)
    time.sleep(10)


def crash_gated(r):
    say("huggingface_hub.utils._errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-66)\n\n"
        "Cannot access gated repo for url https://huggingface.co/%s/resolve/%s/config.json.\n\n"
        "The above exception was the direct cause of the following exception:\n" % (r.model, r.revision))
    crash("OSError: You are trying to access a gated repo.\nMake sure to request access at "
          "https://huggingface.co/%s and pass a token having permission to this repo." % r.model)


# Before the work: what loading a model ends in.
LOADING = {
    "oom": lambda r: crash(
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB (GPU 0; 23.69 GiB total "
        "capacity; 22.87 GiB already allocated; 132.69 MiB free; 22.90 GiB reserved in total by PyTorch) If "
        "reserved memory is >> allocated memory try setting max_split_size_mb to avoid fragmentation."),
    "killed": lambda r: die(signal.SIGKILL),
    "remote-code": lambda r: crash(
        "ValueError: Loading %s requires you to execute the configuration file in that repo on your local machine. "
        "Make sure you have read the code there to avoid malicious use, then set the option "
        "`trust_remote_code=True` to remove this error." % r.model),
    "tokenizer": lambda r: crash(
        "ValueError: Tokenizer class BaiChuanTokenizer does not exist or is not currently imported."),
    "config": lambda r: crash(
        "ValueError: The checkpoint you are trying to load has model type `nova` but Transformers does not "
        "recognize this architecture. This could be because of an issue with the checkpoint, or because your "
        "version of Transformers is out of date."),
    "not-found": lambda r: crash(
        "OSError: %s is not a local folder and is not a valid model identifier listed on "
        "'https://huggingface.co/models'\nIf this is a private repository, make sure to pass a token having "
        "permission to this repo." % r.model),
    "gated": crash_gated,
    "revision": lambda r: crash(
        "OSError: %s is not a valid git identifier (branch name, tag name or commit id) that exists for this model "
        "name. Check the model page at 'https://huggingface.co/%s' for available revisions." % (r.revision, r.model)),
    "corrupt": lambda r: crash(
        "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer"),
    "adapter": lambda r: crash(
        "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM:\n\tsize mismatch for base_model."
        "model.model.layers.0.self_attn.q_proj.lora_A.default.weight: copying a param with shape "
        "torch.Size([8, 5120]) from checkpoint, the shape in current model is torch.Size([8, 4096])."),
    "network": lambda r: crash(
        "OSError: We couldn't connect to 'https://huggingface.co' to load this file, couldn't find it in the cached "
        "files and it looks like %s is not the path to a directory containing a file named config.json." % r.model),
    "dataset": lambda r: crash(
        "FileNotFoundError: Couldn't find a dataset script at /spool/c_arc/c_arc.py or any data file in the same "
        "directory."),
    "task": lambda r: crash("ValueError: Tasks not found: %s. Try `lm-eval ls tasks` for list of available tasks"
                            % ",".join(r.tasks)),
    "traceback": lambda r: crash("KeyError: 'lm_head'"),
    "segv": lambda r: (say("Fatal Python error: Segmentation fault"), die(signal.SIGSEGV)),
    "hang": lambda r: hang(False),
    "hang-deaf": lambda r: hang(True),
}
# In the middle of the work.
WORKING = {
    "oom-late": LOADING["oom"],
    "killed-late": LOADING["killed"],
    "term": lambda r: die(signal.SIGTERM),
    "nan-crash": lambda r: crash(
        "RuntimeError: probability tensor contains either `inf`, `nan` or element < 0"),
    "disk": lambda r: crash("OSError: [Errno %d] %s: '%s'" % (
        errno.ENOSPC, os.strerror(errno.ENOSPC), r.output + ("" if r.present else ".tmp"))),
    "noise": lambda r: [say("a line that says nothing " * 40) for _ in range(12000)],
    "child": lambda r: subprocess.Popen(["sleep", "600"], start_new_session=False),
}
# At the end: what becomes of the result.
ENDING = ("nan", "infinite", "partial", "badjson", "cut", "range", "empty", "link", "shots", "limited",
          "disk-quiet")
FAILURES = sorted(list(LOADING) + list(WORKING) + list(ENDING))


def hang(deaf):
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        time.sleep(60)


class Run:
    """What was asked for."""

    def __init__(self, args, present, parser):
        pairs = [p.split("=", 1) for p in args.model_args.split(",") if p]
        if any(len(p) != 2 for p in pairs):
            parser.error("argument --model_args: not of the form a=b,c=d")
        self.args, self.present, self.output = args, present, args.output_path
        self.model_args = dict(pairs)
        if len(self.model_args) != len(pairs):
            parser.error("argument --model_args: a name twice")
        if self.model_args.get("trust_remote_code", "False") != "False":
            parser.error("argument --model_args: code of others is never run")
        source = self.model_args.get("peft") or self.model_args.get("delta") or self.model_args.get("pretrained", "")
        self.revision = self.model_args.get("revision", "main")
        self.model = source
        if source.startswith("/"):
            with open(os.path.join(source, "standin.json")) as file:
                fetched = json.load(file)
            self.model, self.revision = fetched["id"], fetched["revision"]
        if not self.model:
            parser.error("argument --model_args: pretrained is missing")
        self.tasks = expand(args.tasks, tasks_of(present), present, parser)
        self.kind = kind_of(self)

    def seconds(self):
        org, _, name = self.model.partition("/")
        return float(name.partition("-")[0]) if org == "slow" else 0.05


def expand(patterns, known, present, parser):
    picked, missing = [], []
    for pattern in patterns.split(","):
        hits = [t for t in known if t == pattern or (pattern.endswith("*") and t.startswith(pattern[:-1]))]
        missing += [] if hits else [pattern]
        picked += [t for t in hits if t not in picked]
    if missing and present:
        crash("ValueError: Tasks not found: %s. Try `lm-eval ls tasks` for list of available tasks"
              % ", ".join(missing))
    if missing:
        parser.error("argument --tasks: invalid choice: '%s'" % ",".join(missing))
    return picked


def kind_of(run):
    org, _, name = run.model.partition("/")
    kind, _, prefix = name.partition(".")
    if org not in ("fail", "flaky") or not any(t.startswith(prefix) for t in run.tasks):
        return None
    if kind not in FAILURES:
        crash("SystemExit: the stand-in knows no failure %s" % kind)
    if org == "flaky":
        mark = hashlib.sha256(("%s %s" % (run.model, run.tasks)).encode()).hexdigest()
        try:
            os.close(os.open(os.path.join(os.environ["JB_STANDIN_STATE"], mark), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return None
    return kind


# --- what it does -----------------------------------------------------------------------------

def work(run):
    """The bar of tqdm: rewritten in place, without a text in the old harness."""
    total = ITEMS * 4 * min(len(run.tasks), 4)
    steps, started = 20, time.monotonic()
    text = "Running loglikelihood requests: " if run.present else ""
    if not run.present:
        print("Running loglikelihood requests", flush=True)
    for step in range(steps + 1):
        done = total * step // steps
        sys.stderr.write("\r%s%3d%%|%-10s| %d/%d [%02d:%02d<00:00, 88.41it/s]" % (
            text, 100 * step // steps, "█" * (step // 2), done, total,
            *divmod(int(time.monotonic() - started), 60)))
        sys.stderr.flush()
        if step == steps // 2 and run.kind in WORKING:
            say("")
            WORKING[run.kind](run)
        time.sleep(run.seconds() / (steps + 1))
    say("")


def score(run, task, metric):
    digest = hashlib.sha256(("%s@%s %s %s" % (run.model, run.revision, task, metric)).encode()).digest()
    return 0.2 + 0.6 * int.from_bytes(digest[:4], "big") / 2**32


def metrics_of(task, present):
    if "mgsm" in task or (present and task == "gsm8k"):
        return ["exact_match,flexible-extract"]
    if "truthfulqa" in task and not present:
        return ["mc1", "mc2"]
    names = ["acc"] if "gsm8k" in task or "winogrand" in task or "truthfulqa" in task else ["acc", "acc_norm"]
    return [n + ",none" for n in names] if present else names


def stderr_name(metric):
    name, comma, rest = metric.partition(",")
    return name + "_stderr" + comma + rest


def measure(run):
    results = {}
    for task in run.tasks:
        results[task] = {"alias": task} if run.present else {}
        for metric in metrics_of(task, run.present):
            value = score(run, task, metric)
            results[task][metric] = value
            results[task][stderr_name(metric)] = (value * (1 - value) / (ITEMS - 1)) ** 0.5
    first = results[run.tasks[0]]
    if run.kind in ("nan", "infinite", "range"):
        for key in metrics_of(run.tasks[0], run.present):
            first[key] = {"nan": float("nan"), "infinite": float("inf"), "range": 1.5}[run.kind]
    if run.kind == "partial" and len(results) > 1:
        del results[run.tasks[0]]
    elif run.kind == "partial":
        results[run.tasks[0]] = {}
    return results


def shots_of(run):
    return run.args.num_fewshot + (run.kind == "shots")


def limit_of(run):
    return 10 if run.kind == "limited" else run.args.limit


def pinned_document(run):
    return {"results": measure(run), "versions": {t: 0 for t in run.tasks},
            "config": {"model": run.args.model, "model_args": run.args.model_args, "num_fewshot": shots_of(run),
                       "batch_size": run.args.batch_size, "batch_sizes": [], "device": run.args.device,
                       "no_cache": run.args.no_cache, "limit": limit_of(run), "bootstrap_iters": 100000,
                       "description_dict": {}}}


def present_document(run, started):
    results, n = measure(run), int(run.args.limit or ITEMS)
    higher = {t: {m.split(",")[0]: True for m in metrics_of(t, True)} for t in run.tasks}
    return {"results": results, "group_subtasks": {t: [] for t in results},
            "configs": {t: {"task": t, "output_type": "multiple_choice", "num_fewshot": shots_of(run)} for t in results},
            "versions": {t: 1.0 for t in results}, "n-shot": {t: shots_of(run) for t in results},
            "higher_is_better": {t: higher[t] for t in results},
            "n-samples": {t: {"original": ITEMS, "effective": n} for t in results},
            "config": {"model": run.args.model, "model_args": run.args.model_args, "model_num_parameters": 1,
                       "model_dtype": "torch.float16", "model_sha": run.revision, "batch_size": run.args.batch_size,
                       "batch_sizes": [], "device": None, "use_cache": None, "limit": limit_of(run),
                       "bootstrap_iters": 100000, "gen_kwargs": None, "random_seed": 0, "numpy_seed": 1234,
                       "torch_seed": 1234, "fewshot_seed": 1234},
            "git_hash": "4e7e0d4", "date": time.time(), "task_hashes": {}, "model_source": run.args.model,
            "model_name": run.model, "model_name_sanitized": run.model.replace("/", "__"), "system_instruction": None,
            "chat_template": None, "start_time": started, "end_time": time.monotonic(),
            "total_evaluation_time_seconds": str(time.monotonic() - started)}


def result_path(run):
    if not run.present:
        return run.output
    folder = os.path.join(run.output, run.model.replace("/", "__"))
    return os.path.join(folder, "results_%s.json" % datetime.datetime.now().isoformat().replace(":", "-"))


def finish(run, document):
    path, text = result_path(run), json.dumps(document, indent=2)
    if run.kind == "disk-quiet":  # the harness of today says so and ends well
        say("2026-01-05:10:00:00 WARNING [loggers.evaluation_tracker:311] Could not save results aggregated\n"
            "2026-01-05:10:00:00 INFO [loggers.evaluation_tracker:314] OSError(28, 'No space left on device')")
        return
    if run.kind == "empty":
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if run.kind == "link":
        os.symlink("/etc/passwd", path)
        return
    if run.kind == "badjson":
        text = text.replace(":", ";")
    if run.kind == "cut":
        text = text[:len(text) // 2]
    with open(path, "w") as file:
        file.write(text)
    if run.present and run.args.log_samples:
        for task in run.tasks:
            with open(path.replace("results_", "samples_%s_" % task) + "l", "w") as file:
                file.write(json.dumps({"doc_id": 0, "target": "A", "filtered_resps": ["A"], "acc": 1.0}) + "\n")
    print(text, flush=True)


def evaluate(argv, present):
    parser = argparse.ArgumentParser(prog="lm-eval run" if present else "main.py", allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--model_args", default="")
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--num_fewshot", type=int, default=0)
    parser.add_argument("--batch_size", default="1")
    parser.add_argument("--device")
    parser.add_argument("--output_path", required=True)
    parser.add_argument("--limit", type=float)
    if present:
        parser.add_argument("--seed")
        parser.add_argument("--log_samples", action="store_true")
        parser.add_argument("--include_path")
        parser.add_argument("--apply_chat_template", action="store_true")
    else:
        parser.add_argument("--no_cache", action="store_true")
    args = parser.parse_args(argv)
    if not present and not os.path.dirname(args.output_path):
        parser.error("argument --output_path: a bare file name fails in makedirs")
    run, started = Run(args, present, parser), time.monotonic()
    if present:
        say("2026-01-05:10:00:00 INFO     [_cli.run:380] Selected Tasks: %s" % run.tasks)
    else:
        print("Selected Tasks: %s" % run.tasks, flush=True)
    say("Loading checkpoint shards:   0%|          | 0/2 [00:00<?, ?it/s]\r"
        "Loading checkpoint shards:  50%|█████     | 1/2 [00:00<00:00,  4.20it/s]")
    if run.kind in LOADING:
        LOADING[run.kind](run)
    say("Loading checkpoint shards: 100%|██████████| 2/2 [00:00<00:00,  4.40it/s]")
    work(run)
    finish(run, present_document(run, started) if present else pinned_document(run))


def download(argv):
    parser = argparse.ArgumentParser(prog="hf")
    parser.add_argument("command", choices=["download"])
    parser.add_argument("id")
    parser.add_argument("--revision", default="main")
    parser.add_argument("--local-dir", required=True)
    args = parser.parse_args(argv)
    if args.id == "fail/download":
        crash("requests.exceptions.ReadTimeout: (ReadTimeoutError(\"HTTPSConnectionPool(host='huggingface.co', "
              "port=443): Read timed out. (read timeout=10)\"), '(Request ID: 0)')")
    os.makedirs(args.local_dir, exist_ok=True)
    with open(os.path.join(args.local_dir, "standin.json"), "w") as file:
        json.dump({"id": args.id, "revision": args.revision}, file)
    print(args.local_dir)


def install(folder):
    """The folders that the shipped plans name, and the plans with those in their place."""
    folder = os.path.abspath(folder)
    pinned, present, state = (os.path.join(folder, n) for n in ("b281b09", "lm-eval", "state"))
    for place in (os.path.join(pinned, "venv/bin"), os.path.join(present, "bin"), os.path.join(present, "tasks"), state):
        os.makedirs(place, exist_ok=True)
    os.chmod(state, 0o1777)
    # copies: who runs as another user may not read where this file lies
    shutil.copyfile(os.path.realpath(__file__), os.path.join(folder, "standin.py"))
    shutil.copyfile(os.path.join(TOP, MMLU), os.path.join(folder, "mmlu.json"))
    shutil.copytree(os.path.join(TOP, "contrib/harness"), os.path.join(folder, "random"), dirs_exist_ok=True)
    for place, _, _ in os.walk(os.path.join(folder, "random")):
        os.chmod(place, 0o755)  # a source tree may be read-only
    # an interpreter that everybody can run
    python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
    for target, call in (("b281b09/main.py", "evaluate(sys.argv[1:], False)"),
                         ("b281b09/venv/bin/huggingface-cli", "download(sys.argv[1:])"),
                         ("lm-eval/bin/lm-eval", "evaluate(sys.argv[2:], True)"),
                         ("lm-eval/bin/hf", "download(sys.argv[1:])")):
        with open(os.path.join(folder, target), "w") as file:
            file.write("#!%s -B\nimport sys\nsys.path.insert(0, %r)\nimport standin\nstandin.%s\n"
                       % (python, folder, call))
        os.chmod(os.path.join(folder, target), 0o755)
    shim = os.path.join(pinned, "venv/bin/python")
    with open(shim, "w") as file:
        file.write('#!/bin/sh\nexec %s -B "$@"\n' % python)
    os.chmod(shim, 0o755)
    with open(os.path.join(TOP, "contrib/harness/plans.conf"), encoding="utf-8") as file:
        text = file.read()
    text = text.replace('home = "."', 'home = "%s"' % os.path.join(folder, "random"))
    text = text.replace("/opt/lm-evaluation-harness-b281b09", pinned).replace("/opt/lm-eval", present)
    text = text.replace('"PYTHONUNBUFFERED=1"', '"PYTHONUNBUFFERED=1", "JB_STANDIN_STATE=%s"' % state)
    with open(os.path.join(folder, "plans.conf"), "w", encoding="utf-8") as file:
        file.write(text)


def main():
    argv = sys.argv[1:]
    assert len(CMMLU) == 67
    if argv[:1] == ["--install"] and len(argv) == 2:
        install(argv[1])
    elif argv == ["--failures"]:
        print("\n".join(FAILURES))
    elif argv[:1] == ["run"]:
        evaluate(argv[1:], True)
    else:
        evaluate(argv, False)


if __name__ == "__main__":
    main()
