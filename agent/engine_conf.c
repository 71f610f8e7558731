/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/engine_conf.h"

static int
slurm(const struct agent_conf *conf, struct jb_error *err, struct engine **ret_engine,
      int64_t *ret_slots)
{
    const struct engine_slurm_config config = {
        .sbatch = conf->slurm.sbatch,
        .squeue = conf->slurm.squeue,
        .scancel = conf->slurm.scancel,
        .conf = conf->slurm.conf,
        .program = conf->slurm.program,
        .spool = conf->spool.dir,
        .partition = conf->slurm.partition,
        .account = conf->slurm.account,
        .qos = conf->slurm.qos,
        .n_options = conf->slurm.options.n,
        .options = conf->slurm.options.items,
        .slots = conf->jobs.slots,
        .gpus = conf->slurm.gpus,
        .gpus_per_slot = conf->jobs.gpus_per_slot,
        .cpus = conf->slurm.cpus,
        .gpu_name = conf->slurm.gpu_name,
        .gpu_mib = conf->slurm.gpu_memory >> 20,
        .mem_base = conf->slurm.mem_base,
        .mem_factor = conf->slurm.mem_factor,
        .time_extra = conf->slurm.time_extra,
        .poll = conf->slurm.poll,
        .settle = conf->slurm.settle,
        .limit = conf->slurm.limit,
    };

    if (conf->jobs.first_uid >= 0)
        return jb_fail(err, JB_EINVAL,
                       "jobs.first_uid: jobs of Slurm run as the user that submits them");
    int rc = engine_slurm_new(&config, err, ret_engine);
    if (!rc)
        *ret_slots = conf->jobs.slots;
    return rc;
}

int
engine_of_conf(const struct agent_conf *conf, struct jb_error *err, struct engine **ret_engine,
               int64_t *ret_slots)
{
    const struct engine_local_config local = {.nvidia_smi = conf->engine.nvidia_smi,
                                              .slots = conf->jobs.slots,
                                              .gpus_per_slot = conf->jobs.gpus_per_slot,
                                              .first_uid = conf->jobs.first_uid};

    return conf->engine.kind == AGENT_SLURM
               ? slurm(conf, err, ret_engine, ret_slots)
               : engine_local_new(&local, err, ret_engine, ret_slots);
}
