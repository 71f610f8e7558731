/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that watches over one attempt. It outlives the agent: it knows nothing but the
 * files of agent/run.h. It runs the commands of run.json in turn as the job's uid, keeps their
 * output, and stops them at the wall limit, when told, and when the lease ran out: TERM to
 * their group, the grace, then KILL to all that descends from it. It never runs anything twice.
 */
#pragma once

#include <stdbool.h>

/* Exit code of a shim that found another one's lock or traces. */
#define SHIM_TWICE 75

enum shim_place {
    SHIM_HERE,      /* on the agent's machine: a lock by flock(), the agent's clock */
    SHIM_ELSEWHERE, /* a lock by mkdir, the lease on its own clock */
};

/*
 * All of a shim's life; the folder of the attempt is `folder`. Closes every descriptor from 3
 * up. Returns its exit code: 0 when over.json is written, SHIM_TWICE, else 1.
 */
int shim_main(const char *folder, enum shim_place place);
/* The same from a command line: `shim [--elsewhere] FOLDER`, argv[0] being "shim". 2: it is
 * none. */
int shim_command(int argc, char **argv);

/* The lock of shims elsewhere: `dir` is the folder, `folder` its path, which ends in the
 * attempt's id. Taking returns 0, or -1 with errno, EEXIST: it is taken. */
int shim_lock_take(int dir, const char *folder);
bool shim_lock_taken(int dir, const char *folder);
