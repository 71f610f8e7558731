/* SPDX-License-Identifier: Apache-2.0 */
/* The engine that the settings ask for. */
#pragma once

#include "agent/conf.h"
#include "agent/engine.h"

/* `conf` stays. As engine_local_new() and engine_slurm_new(); JB_EINVAL too when settings do
 * not go together. */
int engine_of_conf(const struct agent_conf *conf, struct jb_error *err,
                   struct engine **ret_engine, int64_t *ret_slots);
