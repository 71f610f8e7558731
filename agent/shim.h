/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that watches over one attempt. It outlives the agent: it knows nothing but the
 * files of agent/run.h. It runs the commands of run.json in turn as the job's uid, keeps their
 * output, and stops them at the wall limit, when told, and when the lease ran out: TERM to
 * their group, the grace, then KILL to all that descends from it. It never runs anything twice.
 */
#pragma once

/* Exit code of a shim that found another one's lock or traces. */
#define SHIM_TWICE 75

/*
 * All of a shim's life; the folder of the attempt is `folder`. Closes every descriptor from 3
 * up. Returns its exit code: 0 when over.json is written, SHIM_TWICE, else 1.
 */
int shim_main(const char *folder);
