/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.conf: the settings of a GPU host. conf.c holds the table; agent.conf(5) is printed from
 * it. What the host is willing to run stands here and in the plans file (harness/plan.h), not
 * in what it is sent.
 */
#pragma once

#include "base/settings.h"
#include "harness/plan.h"

enum { AGENT_LOCAL, AGENT_SLURM };

struct agent_conf {
    struct {
        const char *address;
        int64_t max_peers;
        int64_t handshake, request, idle; /* ms */
    } listen;
    struct {
        const char *dir;
    } tls;
    struct {
        const char *dir;
        int64_t max_attempts, max_bytes, min_free, max_log;
        int64_t keep; /* ms */
    } spool;
    struct {
        const char *file;
        struct setting_strings allow;
    } plans;
    struct {
        int64_t slots, gpus_per_slot;
        int64_t first_uid, gid;             /* -1: as the agent */
        double max_params;                  /* billions; 0 any */
        int64_t max_wall, grace, max_lease; /* ms */
        int64_t memory, file_size, processes, files;
        int64_t limit; /* items of each task; 0 all */
        const char *path;
        struct setting_strings env;
        struct setting_strings caches;
    } jobs;
    struct {
        int kind; /* AGENT_LOCAL, AGENT_SLURM */
        const char *nvidia_smi;
    } engine;
    struct {
        const char *sbatch, *squeue, *scancel, *conf, *program;
        const char *partition, *account, *qos;
        struct setting_strings options;
        bool gpus;
        const char *gpu_name;
        int64_t gpu_memory, cpus, mem_base; /* bytes; number; bytes */
        double mem_factor;
        int64_t time_extra, poll, settle, limit; /* ms */
    } slurm;
    struct {
        int level;
    } log;
};

extern const struct setting agent_conf_table[];

/* `file` NULL: JB_SYSCONFDIR "/jinbang/agent.conf". As settings_load(). */
int agent_conf_load(const char *file, struct jb_arena *arena, struct agent_conf *ret_conf,
                    struct settings_report *report);

/* SHA-256, hex, of all that decides what is taken: plans file and limits. JB_EIO, … */
#define AGENT_POLICY_HEX 65
int agent_conf_policy(const struct agent_conf *conf, struct jb_error *err,
                      char ret_hex[AGENT_POLICY_HEX]);
