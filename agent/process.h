/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: who they are beyond their number, and what a job's may do. A process is known by
 * number, start time and boot, since numbers come again.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define BOOT_ID_SIZE 40 /* of /proc/sys/kernel/random/boot_id, with its NUL */

struct process {
    int64_t pid;
    int64_t start; /* clock ticks after boot, /proc/PID/stat field 22 */
    char boot_id[BOOT_ID_SIZE];
};

int boot_id_read(char ret[BOOT_ID_SIZE], struct jb_error *err);
int process_self(struct process *ret, struct jb_error *err);
/* Is it still there, and not only as a zombie? */
bool process_lives(const struct process *p);

/* What a job's processes are held to. 0: no limit, of uid -1: ours. */
struct confinement {
    int64_t uid, gid;
    int64_t address_space, file_size; /* bytes */
    int64_t processes, files;
};

/*
 * In the child, before its program: own process group, dies with its parent, limits, the uid
 * for good, no new privileges. 0 or -1 with errno.
 */
int confine(const struct confinement *c);

/* Kills all processes of a uid that is for jobs alone. Nothing for 0 and our own uid. */
void sweep_uid(int64_t uid);
/* Kills what descends from us, again and again until nothing is left; for a subreaper. False
 * when there is still something after `ms`. */
bool sweep_children(int64_t ms);
