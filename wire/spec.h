/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be evaluated: the spec of one attempt, as the dispatcher sends it and the agent
 * checks it against its own allow-list. There is no command in it: a plan is a name that the
 * agent knows, a task a name that the plan allows. The hash of a spec is SHA-256 over its
 * canonical JSON (members in the order of spec_put(), no blanks), so that the same attempt sent
 * twice is known as the same and another one under its id is refused.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define SPEC_TASKS_MAX 256
#define SPEC_BODY_MAX  ((size_t)256 << 10)
#define SPEC_HASH_HEX  65 /* 64 hex digits and a NUL */

/* One harness task of a benchmark. */
struct spec_task {
    const char *benchmark; /* key of the board: one file of results is made per benchmark */
    const char *task;      /* as the harness registers it: [A-Za-z0-9][A-Za-z0-9_:.*-]* */
    const char *metric;    /* "acc_norm" */
    int64_t shots;         /* 0..100 */
};

struct spec {
    const char *plan;             /* "random-baseline", "lm-eval", "harness-b281b09" */
    const char *model, *revision; /* hub id; 40 hex, or "main" of a built-in model */
    const char *base_model, *base_revision; /* "" none; of adapters and deltas */
    const char *precision, *weight_type;
    double params; /* billions; NAN unknown */
    int64_t seed;
    int64_t wall_seconds; /* limit of the whole attempt */
    const char *suite;    /* version of the task suite, for provenance */
    size_t n_tasks;
    const struct spec_task *tasks; /* those still to be run; a benchmark's stand
                                      together and have one number of shots */
};

/* Names, grammar, bounds: JB_EINVAL with the reason. What is allowed here is the agent's to
 * say. */
int spec_check(const struct spec *spec, struct jb_error *err);
/* Canonical JSON; errors stand in `out`. */
void spec_put(const struct spec *spec, struct jb_buf *out);
/* Strict: unknown members are refused; spec_check() is part of it. Strings live in the arena.
 * JB_EPARSE, JB_EUNPROC, JB_ETOOBIG, JB_ENOMEM. */
int spec_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
              struct spec *ret_spec);
int spec_hash(const struct spec *spec, char ret_hex[SPEC_HASH_HEX]);
