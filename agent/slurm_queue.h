/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of Slurm say. `squeue --states=all` also shows what is over, for as long as
 * the controller remembers it (MinJobAge, 300 s by default). States and reasons are those of
 * squeue(1); forms were seen with 22.05.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "olb-<attempt>-<random>", 32 and 8 hex digits: what a job is looked up by. */
#define SLURM_NAME_SIZE 46

enum slurm_kind {
    SLURM_WAITS,  /* pending; it will run by itself */
    SLURM_STUCK,  /* pending; it will not run unless somebody does something */
    SLURM_ACTIVE, /* it has nodes: running, suspended, being set up or cleared away */
    SLURM_ENDED,
};

struct slurm_line {
    char name[SLURM_NAME_SIZE];
    int64_t id;
    char submitted[32]; /* as squeue shows it; changes when a job is put back into the queue */
    char state[24];     /* "RUNNING" */
    char reason[64];    /* "Resources", cut */
    enum slurm_kind kind;
};

bool slurm_name_valid(struct jb_str name);

/* The --format of squeue that slurm_lines_read() reads. */
#define SLURM_FORMAT "%i|%V|%T|%r|%j"

/*
 * The lines with one of our names; others, of whatever form, are passed over. JB_EPARSE: one of
 * ours has not the form; JB_ELIMIT: more than `max`.
 */
int slurm_lines_read(struct jb_str text, size_t max, struct slurm_line *ret_lines,
                     size_t *ret_n, struct jb_error *err);

/* The answer of `sbatch --parsable`: "12" or "12;cluster". JB_EPARSE. */
int slurm_submitted_read(struct jb_str text, int64_t *ret_id, struct jb_error *err);

/* Does this complaint say that the controller could not be asked, so that nothing was decided?
 */
bool slurm_unreachable(struct jb_str says);
