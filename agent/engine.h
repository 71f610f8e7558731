/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where attempts run. An engine brings a shim (agent/shim.h) to life for a prepared folder of
 * an attempt, says how it goes, and ends it. Everything else, the commands, their results and
 * the log, is in the files of agent/run.h, the same for all engines: an engine whose shims run
 * on other machines needs the spool on a disk that these see.
 *
 * Calls may come again: after a crash the agent does not know whether the last one had its
 * effect. start() of what is started already does nothing; the shim itself sees to it that
 * nothing runs twice.
 */
#pragma once

#include "base/error.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;

/* An attempt as engines see it. */
struct engine_job {
    const char *id;     /* of the attempt; part of names an engine gives */
    const char *folder; /* absolute, prepared */
    int dir;            /* the same, open */
    int64_t slot;       /* 0 .. slots - 1: its own of what the engine has */
    int64_t wall_seconds;
    double weights; /* bytes of its model's weights; 0 unknown */
};

enum engine_life {
    ENGINE_NONE,    /* not started, or nobody knows of it */
    ENGINE_WAITING, /* started, the shim has not begun (queued in a cluster) */
    ENGINE_RUNNING,
    ENGINE_OVER,    /* over.json is there */
    ENGINE_LOST,    /* the shim went without a word */
    ENGINE_UNKNOWN, /* cannot be told now (the cluster does not answer): ask again */
};

struct engine_look {
    enum engine_life life;
    const char *failure; /* a failure class the engine knows of, of ENGINE_LOST ("preempted",
                            "out_of_memory"); "" none */
    char reason[200];
};

struct engine_gpus {
    size_t n;
    const struct wire_gpu *gpus;
};

struct engine_calls {
    const char *name;   /* "local", "slurm" */
    bool outlives_boot; /* what runs does not end with this machine */
    /* Once before each round of looks; NULL: not needed. */
    void (*tick)(struct engine *e);
    int (*start)(struct engine *e, const struct engine_job *job, struct jb_error *err);
    /* JB_EIO … only when the folder cannot be read. */
    int (*look)(struct engine *e, const struct engine_job *job, struct jb_error *err,
                struct engine_look *ret);
    /* Beyond the cancel file, which the agent has written: for what has not begun yet. */
    int (*cancel)(struct engine *e, const struct engine_job *job, struct jb_error *err);
    /* Nothing of it is left behind: called before the folder goes. */
    void (*clean)(struct engine *e, const struct engine_job *job);
    /* Memory from `arena`; none where it has none. */
    int (*gpus)(struct engine *e, struct jb_arena *arena, struct jb_error *err,
                struct engine_gpus *ret);
    /* What the job's environment gets: "0,1", the numbers of the slot's GPUs; "" none; NULL
     * leaves it to the cluster. */
    const char *(*devices)(struct engine *e, int64_t slot);
    void (*free)(struct engine *e);
};

struct engine {
    const struct engine_calls *calls;
};

/* How many attempts at once and how many GPUs each gets. */
struct engine_local_config {
    const char *shim;       /* program of the shim; NULL: this one */
    const char *nvidia_smi; /* program that lists the GPUs; "" there are none */
    int64_t slots;          /* 0: as many as the GPUs are enough for; without GPUs 1 */
    int64_t gpus_per_slot;
    int64_t first_uid; /* uid of slot 0; -1 jobs run as we do */
};

/*
 * fork and exec. The shim is called as `<program> shim <folder>` in a session of its own.
 * JB_EINVAL: the slots need more GPUs than there are; JB_ENOMEM. `ret_slots` gets their number.
 */
int engine_local_new(const struct engine_local_config *config, struct jb_error *err,
                     struct engine **ret_engine, int64_t *ret_slots);

struct engine_slurm_config {
    const char *sbatch, *squeue, *scancel; /* absolute paths */
    const char *conf;                      /* SLURM_CONF of these; "" as in our environment */
    const char *program;                   /* jinbang-agent on the nodes; "": our own path */
    const char *spool;                     /* the folder of attempts lies below it */
    const char *partition, *account, *qos; /* "" the cluster's default */
    size_t n_options;
    const char *const *options; /* further ones of sbatch, slurm_option_check() */
    int64_t slots;              /* jobs in the cluster at once */
    bool gpus;                  /* ask for GPUs */
    int64_t gpus_per_slot, cpus;
    const char *gpu_name; /* of one GPU of the partition, for the dispatcher */
    int64_t gpu_mib;
    int64_t mem_base;   /* bytes of a job; no --mem with this and the factor 0 */
    double mem_factor;  /* of the weights, on top of it */
    int64_t time_extra; /* ms of the cluster's limit beyond the attempt's own */
    int64_t poll;       /* ms between two looks at the queue, for all jobs together */
    int64_t settle;     /* ms after which files of the nodes are here for certain */
    int64_t limit;      /* ms that a command may take */
};

/*
 * Jobs of the cluster Slurm, through its commands; this machine is a login node, as whose
 * ordinary user we run. The spool lies on a disk that the nodes see under the same path. Shims
 * take their lock by mkdir, since a lock of flock() need not hold between machines, and count
 * the lease on their own clock. What is kept of a job is agent/slurm_job.h, what follows from
 * what is seen agent/slurm_fate.h. No call waits for Slurm. JB_EINVAL: no slots, too many GPUs,
 * or a path or name that Slurm cannot be given; JB_ENOMEM.
 */
int engine_slurm_new(const struct engine_slurm_config *config, struct jb_error *err,
                     struct engine **ret_engine);

/* The lines of `nvidia-smi --query-gpu=name,memory.total,memory.free
 * --format=csv,noheader,nounits`. JB_EPARSE; JB_ENOMEM. */
int gpus_parse(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
               struct engine_gpus *ret);
/* Runs it; a program that is not there gives none. JB_EIO, JB_ETIMEDOUT (10 s), JB_EPARSE. */
int gpus_find(const char *program, struct jb_arena *arena, struct jb_error *err,
              struct engine_gpus *ret);
