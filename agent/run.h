/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What agent and shim leave for each other in the folder of an attempt, each file whole by
 * rename:
 *
 *   run.json    agent: the commands and limits (struct run)
 *   lease       agent: until when, on this boot's monotonic clock (struct run_lease;
 * agent/lease.h for who has another clock) cancel      agent: it is there: stop shim.json shim:
 * who it is (struct process); written before anything is run, so that nothing is ever run twice
 *   step.N.json shim: how command N ended (struct run_step_end)
 *   over.json   shim: how all of it ended (struct run_end); its last act
 *   log.E       shim: see agent/spool.h
 *   lock        held by the shim as long as it lives, where it runs on the agent's machine
 *   lock-<id>   a folder, made by a shim elsewhere as its first act: there is no second one
 *   work/       the job's: home, tmp, cwd/<step>, out/<step>
 */
#pragma once

#include "agent/process.h"
#include "base/arena.h"
#include "base/buf.h"

#include <stddef.h>

#define RUN_STEPS_MAX 260
#define RUN_JSON_MAX  ((size_t)4 << 20)

struct run_step {
    const char *name; /* the benchmark; "" for what comes before all benchmarks */
    const char *cwd;  /* absolute, as everything */
    size_t n_argv, n_env;
    const char *const *argv;
    const char *const *env;
};

struct run {
    struct confinement limits;
    int64_t wall_ms;  /* of all steps together */
    int64_t grace_ms; /* between TERM and KILL */
    int64_t log_max;  /* bytes */
    size_t n_steps;
    const struct run_step *steps;
};

struct run_lease {
    char boot_id[BOOT_ID_SIZE];
    int64_t until_ms;
    int64_t length_ms; /* how long it was given for */
};

enum run_cause {
    RUN_DONE,      /* every step ended with status 0 */
    RUN_STEP,      /* a step failed */
    RUN_WALL,      /* the wall limit */
    RUN_CANCELLED, /* the cancel file */
    RUN_LEASE,     /* nobody renewed the lease */
    RUN_STOPPED,   /* the shim was told to stop by a signal */
    RUN_BROKEN,    /* the shim could not do its work: `reason` */
    RUN_CAUSES
};
const char *run_cause_word(enum run_cause cause);

struct run_step_end {
    int64_t status; /* as of waitpid() */
    double seconds;
    enum run_cause cause; /* RUN_DONE, RUN_STEP, or why it was ended */
};

struct run_end {
    enum run_cause cause;
    int64_t step; /* which one was the last */
    const char *reason;
};

void run_put(const struct run *run, struct jb_buf *out);
int run_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
             struct run *ret_run);

/* Files in the folder `dir`. Readers: JB_ENOENT and what is wrong with the content. */
int run_process_write(int dir, const struct process *p, struct jb_error *err);
int run_process_read(int dir, struct jb_arena *arena, struct jb_error *err,
                     struct process *ret);
int run_lease_write(int dir, const struct run_lease *lease, struct jb_error *err);
int run_lease_read(int dir, struct jb_arena *arena, struct jb_error *err,
                   struct run_lease *ret);
int run_step_end_write(int dir, size_t step, const struct run_step_end *end,
                       struct jb_error *err);
int run_step_end_read(int dir, size_t step, struct jb_arena *arena, struct jb_error *err,
                      struct run_step_end *ret);
int run_end_write(int dir, const struct run_end *end, struct jb_error *err);
int run_end_read(int dir, struct jb_arena *arena, struct jb_error *err, struct run_end *ret);
