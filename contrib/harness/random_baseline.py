#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers the bundled C-SEM v1 items at random, by a seed: what knowing nothing scores.

Called and answering as lm-evaluation-harness b281b09 is: the same options, the same shape of
results, progress on stderr. Python's standard library is all it needs. Equal arguments give an
equal result, on any machine.
"""

import argparse
import csv
import json
import math
import os
import random
import sys
import time

VERSION = 1
ITEMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "csem_v1")
PREFIX = "c_sem_v1-"
LETTERS = "ABCD"


def known_tasks():
    return sorted(PREFIX + name[:-4] for name in os.listdir(ITEMS) if name.endswith(".csv"))


def read_answers(task):
    """The right letter of each item, after a look at the whole item."""
    answers = []
    path = os.path.join(ITEMS, task[len(PREFIX):] + ".csv")
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            choices = [row["选项%d" % i] for i in range(1, 5)]
            if not row["问题"] or not all(choices) or row["答案"] not in LETTERS:
                raise ValueError("%s: item %d is damaged" % (path, len(answers) + 1))
            answers.append(row["答案"])
    if not answers:
        raise ValueError("%s: holds no items" % path)
    return answers


def pick_tasks(patterns, parser):
    """Names in the order asked for; a * at the end takes all with that prefix."""
    picked = []
    for pattern in patterns.split(","):
        hits = [t for t in known_tasks()
                if t == pattern or (pattern.endswith("*") and t.startswith(pattern[:-1]))]
        if not hits:
            parser.error("argument --tasks: invalid choice: %r" % pattern)
        picked += [t for t in hits if t not in picked]
    return picked


def bar(done, total, started):
    width = 10 * done // total
    seconds = time.monotonic() - started
    rate = done / seconds if seconds > 0 else 0
    left = (total - done) / rate if rate else 0
    sys.stderr.write("Running loglikelihood requests: %3d%%|%s| %d/%d [%02d:%02d<%02d:%02d, %.2fit/s]\n" % (
        100 * done // total, "#" * width + " " * (10 - width), done, total,
        seconds // 60, seconds % 60, left // 60, left % 60, rate))
    sys.stderr.flush()


def run(tasks, args):
    answers = {task: read_answers(task)[:args.limit] for task in tasks}
    total = sum(len(items) for items in answers.values())
    started = time.monotonic()
    done, shown, results = 0, -1, {}
    for task in tasks:
        # A generator for each task: its score does not depend on what else is run. random() of
        # a text seed is the same in every version of Python, choice() is not.
        dice = random.Random("%d/%s" % (args.seed, task))
        right = 0
        for answer in answers[task]:
            right += LETTERS[int(dice.random() * 4)] == answer
            done += 1
            if args.pace:
                time.sleep(1 / args.pace)
            if 20 * done // total != shown:
                shown = 20 * done // total
                bar(done, total, started)
        n = len(answers[task])
        acc = right / n
        results[task] = {"acc": acc,
                         "acc_stderr": math.sqrt(acc * (1 - acc) / (n - 1)) if n > 1 else 0.0}
    return results


def write(document, path):
    """Nobody ever sees half of it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="random")
    parser.add_argument("--model_args", default="")
    parser.add_argument("--tasks", default=PREFIX + "*", help="names, separated by commas")
    parser.add_argument("--num_fewshot", type=int, default=0, help="written down, not used")
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--limit", type=int, help="items of each task")
    parser.add_argument("--pace", type=float, default=0, help="items in a second; 0: no pause")
    parser.add_argument("--output_path", required=True, help="file of the results")
    args = parser.parse_args()
    if args.limit is not None and args.limit < 1:
        parser.error("argument --limit: at least 1")
    if args.pace < 0:
        parser.error("argument --pace: not below 0")
    if not os.path.dirname(args.output_path):
        parser.error("argument --output_path: a path with a folder")
    tasks = pick_tasks(args.tasks, parser)
    print("Selected Tasks: %s" % tasks, flush=True)
    document = {
        "results": run(tasks, args),
        "versions": {task: VERSION for task in tasks},
        "config": {
            "model": args.model, "model_args": args.model_args, "num_fewshot": args.num_fewshot,
            "batch_size": 1, "batch_sizes": [], "device": "cpu", "no_cache": True,
            "limit": args.limit, "bootstrap_iters": 0, "description_dict": {},
            "seed": args.seed,
        },
    }
    write(document, args.output_path)
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
