/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job in Slurm as we ask for it, and what is kept of it. Nothing of a request stands in a
 * command or a script: paths are the operator's and the attempt's id, names are made here.
 */
#pragma once

#include "agent/engine.h"
#include "agent/slurm_queue.h"

/*
 * slurm.json in the folder of the attempt; written before sbatch is called and when its answer
 * is known. The name is the same for all tries of one attempt, so that Slurm itself (-d
 * singleton) lets no two of them run at once. A job is known by id, name and submit time: ids
 * come again when a controller lost its newest ones.
 */
struct slurm_record {
    char name[SLURM_NAME_SIZE];
    int64_t id;         /* 0: submitted perhaps, its answer is not known */
    char submitted[32]; /* "" not seen in the queue yet */
};

/* JB_ENOENT: none yet; what is wrong with it. */
int slurm_record_read(int dir, struct jb_arena *arena, struct jb_error *err,
                      struct slurm_record *ret);
int slurm_record_write(int dir, const struct slurm_record *record, struct jb_error *err);

/* A fresh name for an attempt. JB_EINVAL: not an id of an attempt; JB_EIO: no random bytes. */
int slurm_name_make(const char *attempt, struct jb_error *err, char ret[SLURM_NAME_SIZE]);

/* What the shell and Slurm itself have to say, in the folder of the attempt. */
#define SLURM_OUTPUT "slurm.out"

/* NULL, or why a path cannot stand in a script and in sbatch's options: absolute, of letters,
 * digits and / . _ - + = , : @ alone. */
const char *slurm_path_check(const char *path);
/* NULL, or why this cannot be given to sbatch beside our own options: "--name" or
 * "--name=value", and none that would change what we rely on. */
const char *slurm_option_check(const char *option);
/* NULL, or why this is no name of a partition, an account or a QOS; "" is fine. */
const char *slurm_word_check(const char *word);

/* The options of a job, NULL-ended, in `arena`; config->sbatch first. JB_EINVAL: the folder's
 * path; JB_ENOMEM. */
int slurm_argv(const struct engine_slurm_config *config, const struct engine_job *job,
               const char *name, struct jb_arena *arena, struct jb_error *err,
               const char *const **ret_argv);
/* The script that goes to sbatch's standard input: it becomes the shim. JB_EINVAL. */
int slurm_script(const struct engine_slurm_config *config, const struct engine_job *job,
                 struct jb_error *err, struct jb_buf *ret);
