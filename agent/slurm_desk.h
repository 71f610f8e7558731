/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs of Slurm as the agent knows them, and the three commands that are called for them:
 * one sbatch, one scancel and one squeue for all of them at a time, none of which anybody waits
 * for. agent/slurm_fate.h says what follows from what is known here.
 */
#pragma once

#include "agent/command.h"
#include "agent/lease.h"
#include "agent/slurm_job.h"

/* What is known of one attempt. Times are of our monotonic clock, 0 never. */
struct slurm_job {
    char attempt[WIRE_ID_SIZE]; /* "" free */
    struct slurm_record record;
    bool intent;          /* the record is on the disk */
    bool broken;          /* it cannot be read */
    bool asked;           /* to be submitted */
    bool over;            /* nobody looks any more: only until it is out of the queue */
    bool cancel;          /* out of the queue with it */
    int64_t submitted_ms; /* when sbatch was done */
    int64_t scancel_ms;   /* when the last scancel was begun */
    int64_t over_ms;
    unsigned refusals;
    char refusal[200];        /* what sbatch said; "" */
    struct engine_job engine; /* its folder stays open until desk_leave() */
    char folder[4096];
    /* of the newest answer about it */
    int64_t seen_ms; /* when that squeue began */
    bool present;
    struct slurm_line line;
    int64_t stray; /* another job of its name; 0 none */
    char condition[24];
    int64_t since_ms; /* of the answer that first said so */
    /* of whoever looks at it */
    bool fenced;      /* we took its lock ourselves: nothing has begun */
    int64_t begun_ms; /* when a shim's lock was first seen */
    struct lease_watch lease;
};

struct slurm_desk;

/* `config` stays. JB_ENOMEM. */
int desk_new(const struct engine_slurm_config *config, struct jb_error *err,
             struct slurm_desk **ret_desk);
/* A sbatch that is cut off here is looked up by its name at the next start. */
void desk_free(struct slurm_desk *desk);

/* The job of an attempt, with what its folder holds. JB_ELIMIT: too many; JB_EIO. */
int desk_job(struct slurm_desk *desk, const struct engine_job *job, struct jb_error *err,
             struct slurm_job **ret_job);
/* Submits it, under its name when it has one. Not twice at once, and nothing that is broken. */
void desk_ask(struct slurm_desk *desk, struct slurm_job *job);
/* Takes it out of the queue, again and again until it is. */
void desk_cancel(struct slurm_desk *desk, struct slurm_job *job);
/* Its attempt is over and its folder may go; it is watched until it is out of the queue, and
 * taken out if it does not go. `job` may be gone. */
void desk_leave(struct slurm_desk *desk, struct slurm_job *job);
/* What came of the commands, and the next ones. */
void desk_tick(struct slurm_desk *desk, int64_t now_ms);

/* Is what was seen of it newer than what was done to it, and not too old? */
bool desk_seen(const struct slurm_desk *desk, const struct slurm_job *job, int64_t now_ms);
