/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/conf.h"

#include "agent/files.h"
#include "agent/slurm_job.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "wire/message.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MIB        (1024.0 * 1024)
#define GIB        (1024 * MIB)
#define TIB        (1024 * GIB)
#define SECOND     1000.0
#define MINUTE     (60 * SECOND)
#define HOUR       (60 * MINUTE)
#define DAY        (24 * HOUR)
#define AT(member) offsetof(struct agent_conf, member)

static const char *
check_dir(const void *value)
{
    return (*(const char *const *)value)[0] == '/' ? NULL : "must be an absolute path";
}

static const char *
check_env(const void *value)
{
    const struct setting_strings *env = value;

    for (size_t i = 0; i < env->n; i++) {
        const char *equals = strchr(env->items[i], '=');

        if (!equals || equals == env->items[i])
            return "must be of the form NAME=value";
    }
    return NULL;
}

static const char *
check_path(const void *value)
{
    return slurm_path_check(*(const char *const *)value);
}

/* "" too. */
static const char *
check_maybe_path(const void *value)
{
    const char *path = *(const char *const *)value;

    return path[0] ? slurm_path_check(path) : NULL;
}

static const char *
check_word(const void *value)
{
    return slurm_word_check(*(const char *const *)value);
}

static const char *
check_options(const void *value)
{
    const struct setting_strings *options = value;
    const char *wrong = NULL;

    for (size_t i = 0; i < options->n && !wrong; i++)
        wrong = slurm_option_check(options->items[i]);
    return wrong;
}

static const char *
check_text(const void *value)
{
    return strlen(*(const char *const *)value) > 128 ? "must have 128 bytes at most" : NULL;
}

const struct setting agent_conf_table[] = {
    {"listen.address", SETTING_STRING, AT(listen.address), "[::]:7433",
     .help = "Where the dispatcher connects to, as address:port; an IPv6 address in brackets."},
    {"listen.max_peers", SETTING_INT, AT(listen.max_peers), "16", 1, 1024,
     .help = "Connections held at once. The dispatcher needs two."},
    {"listen.handshake", SETTING_DURATION, AT(listen.handshake), "10s", 100, MINUTE,
     .help = "How long a handshake may take."},
    {"listen.request", SETTING_DURATION, AT(listen.request), "20s", 100, 10 * MINUTE,
     .help = "How long a request may take to arrive, and its answer to be read."},
    {"listen.idle", SETTING_DURATION, AT(listen.idle), "5m", 1 * SECOND, HOUR,
     .help = "How long a connection may be silent between requests."},
    {"tls.dir", SETTING_PATH, AT(tls.dir), "/var/lib/jinbang-agent/tls", .check = check_dir,
     .help = "Folder of key, certificate and the dispatcher's authority; the agent's alone."},
    {"spool.dir", SETTING_PATH, AT(spool.dir), "/var/lib/jinbang-agent/spool",
     .check = check_dir,
     .help = "Folder of attempts: what was asked, logs, results, and the jobs' own folders."},
    {"spool.max_attempts", SETTING_INT, AT(spool.max_attempts), "64", 1, WIRE_ATTEMPTS_MAX,
     .help = "Attempts kept, those that are over with them, until the dispatcher lets them "
             "go."},
    {"spool.max_bytes", SETTING_SIZE, AT(spool.max_bytes), "1T", 0, 1024 * TIB,
     .help = "Nothing new is taken while the spool holds more than this; 0 any."},
    {"spool.min_free", SETTING_SIZE, AT(spool.min_free), "1G", 0, 1024 * TIB,
     .help = "Nothing new is taken while the disk has less free space than this."},
    {"spool.max_log", SETTING_SIZE, AT(spool.max_log), "64M", 64 * 1024, 4 * GIB,
     .help = "Cap of the log of one attempt; beyond it, its middle is left out."},
    {"spool.keep", SETTING_DURATION, AT(spool.keep), "7d", MINUTE, 365 * DAY,
     .help = "What is over and was not fetched goes after this time."},
    {"plans.file", SETTING_PATH, AT(plans.file), JB_PKGDATADIR "/harness/plans.conf",
     .help = "The plans: commands, and the tasks and models each may be used for."},
    {"plans.allow", SETTING_STRINGS, AT(plans.allow), "",
     .help = "Names of the plans of that file that may run here. Empty: all of them."},
    {"jobs.slots", SETTING_INT, AT(jobs.slots), "0", 0, WIRE_ATTEMPTS_MAX,
     .help = "Attempts at once. 0: as many as the GPUs are enough for; without GPUs one."},
    {"jobs.gpus_per_slot", SETTING_INT, AT(jobs.gpus_per_slot), "1", 1, 64,
     .help = "GPUs of each attempt."},
    {"jobs.first_uid", SETTING_INT, AT(jobs.first_uid), "-1", -1, 4294967000.0,
     .help = "Jobs of the first slot run under this uid, those of the next under the next one; "
             "all of them must be for this alone, since what runs under them is killed. -1: "
             "jobs run as the agent itself and can read its key."},
    {"jobs.gid", SETTING_INT, AT(jobs.gid), "-1", -1, 4294967000.0,
     .help = "Group of all jobs, for a cache of models that they share. -1: a group of the "
             "number of the uid."},
    {"jobs.max_params", SETTING_NUMBER, AT(jobs.max_params), "0", 0, 1e6,
     .help = "Largest model taken, in billions of parameters; one of unknown size is refused "
             "too. 0: any."},
    {"jobs.max_wall", SETTING_DURATION, AT(jobs.max_wall), "7d", SECOND, 30 * DAY,
     .help = "Longest time an attempt may ask for."},
    {"jobs.max_lease", SETTING_DURATION, AT(jobs.max_lease), "2h", SECOND, 7 * DAY,
     .help = "An attempt ends itself when the dispatcher has not been heard of for the time of "
             "its lease; longer ones are cut to this."},
    {"jobs.grace", SETTING_DURATION, AT(jobs.grace), "30s", 0, HOUR,
     .help = "Between SIGTERM and SIGKILL."},
    {"jobs.memory", SETTING_SIZE, AT(jobs.memory), "0", 0, 64 * TIB,
     .help = "Address space of a process (RLIMIT_AS); 0 any. CUDA reserves far more than it "
             "uses."},
    {"jobs.file_size", SETTING_SIZE, AT(jobs.file_size), "256G", 0, 64 * TIB,
     .help = "Largest file a process may write; 0 any."},
    {"jobs.processes", SETTING_INT, AT(jobs.processes), "4096", 0, 1e6,
     .help = "Processes and threads of one uid; 0 any. Does not hold for root."},
    {"jobs.files", SETTING_INT, AT(jobs.files), "8192", 64, 1e6,
     .help = "Open files of a process."},
    {"jobs.limit", SETTING_INT, AT(jobs.limit), "0", 0, 1e9,
     .help = "Items of each task that are evaluated, for trials; 0 all of them."},
    {"jobs.path", SETTING_STRING, AT(jobs.path), "/usr/local/bin:/usr/bin:/bin",
     .help = "PATH of jobs."},
    {"jobs.env", SETTING_STRINGS, AT(jobs.env), "", .check = check_env,
     .help = "Further environment of jobs, as NAME=value: a mirror of the hub, a cache of "
             "models."},
    {"jobs.caches", SETTING_STRINGS, AT(jobs.caches), "",
     .help = "Folders of models as the hub's client keeps them; what is there is told to the "
             "dispatcher, which prefers hosts that have a model."},
    {"engine.kind", SETTING_CHOICE, AT(engine.kind), "local", .choices = "local|slurm",
     .help = "Where jobs run: on this machine, or in the cluster of which it is a login node."},
    {"engine.nvidia_smi", SETTING_STRING, AT(engine.nvidia_smi), "nvidia-smi",
     .help = "Program that lists the GPUs; empty: there are none."},
    {"slurm.sbatch", SETTING_PATH, AT(slurm.sbatch), "/usr/bin/sbatch", .check = check_path,
     .help = "Program that submits a job. This and all that follows is for engine.kind slurm."},
    {"slurm.squeue", SETTING_PATH, AT(slurm.squeue), "/usr/bin/squeue", .check = check_path,
     .help = "Program that shows the queue."},
    {"slurm.scancel", SETTING_PATH, AT(slurm.scancel), "/usr/bin/scancel", .check = check_path,
     .help = "Program that takes a job out of the queue."},
    {"slurm.conf", SETTING_STRING, AT(slurm.conf), "", .check = check_maybe_path,
     .help = "File slurm.conf of these programs (SLURM_CONF); empty: the one they find."},
    {"slurm.program", SETTING_STRING, AT(slurm.program), "", .check = check_maybe_path,
     .help = "Path of jinbang-agent on the nodes of the cluster; empty: the same as here."},
    {"slurm.partition", SETTING_STRING, AT(slurm.partition), "", .check = check_word,
     .help = "Partition of jobs; empty: the cluster's default."},
    {"slurm.account", SETTING_STRING, AT(slurm.account), "", .check = check_word,
     .help = "Account of jobs; empty: the user's default."},
    {"slurm.qos", SETTING_STRING, AT(slurm.qos), "", .check = check_word,
     .help = "Quality of service of jobs; empty: the default."},
    {"slurm.options", SETTING_STRINGS, AT(slurm.options), "", .check = check_options,
     .help = "Further options of sbatch, as --name or --name=value: --constraint, --exclude, "
             "--nice. Those that the agent gives itself are refused."},
    {"slurm.gpus", SETTING_BOOL, AT(slurm.gpus), "true",
     .help = "Ask for jobs.gpus_per_slot GPUs for each job."},
    {"slurm.gpu_name", SETTING_STRING, AT(slurm.gpu_name), "GPU", .check = check_text,
     .help = "What the partition's GPUs are called, for the dispatcher."},
    {"slurm.gpu_memory", SETTING_SIZE, AT(slurm.gpu_memory), "80G", 0, 16 * TIB,
     .help = "Memory of one GPU of the partition: what decides which models come here."},
    {"slurm.cpus", SETTING_INT, AT(slurm.cpus), "8", 0, 4096,
     .help = "CPUs of each job; 0: the cluster's default."},
    {"slurm.mem_base", SETTING_SIZE, AT(slurm.mem_base), "16G", 0, 64 * TIB,
     .help = "Memory of each job (--mem), to which slurm.mem_factor times the size of the "
             "model's weights is added. Both 0: the cluster's default."},
    {"slurm.mem_factor", SETTING_NUMBER, AT(slurm.mem_factor), "1.2", 0, 100,
     .help = "See slurm.mem_base."},
    {"slurm.time_extra", SETTING_DURATION, AT(slurm.time_extra), "10m", 5 * MINUTE, 7 * DAY,
     .help = "The cluster's time limit of a job is that of the attempt and this on top, so "
             "that the attempt ends by its own. jobs.max_wall and this must fit into what the "
             "partition allows."},
    {"slurm.poll", SETTING_DURATION, AT(slurm.poll), "30s", 1 * SECOND, HOUR,
     .help = "The queue is looked at so often, with one squeue for all jobs."},
    {"slurm.settle", SETTING_DURATION, AT(slurm.settle), "60s", 1 * SECOND, HOUR,
     .help = "A job that the cluster ended, or does not know, is given up when its files have "
             "not come for this long. Not below the time that the shared disk may take to show "
             "them."},
    {"slurm.limit", SETTING_DURATION, AT(slurm.limit), "60s", 1 * SECOND, HOUR,
     .help = "A command of Slurm that takes longer is killed. What it did is found out by the "
             "job's name."},
    {"log.level", SETTING_CHOICE, AT(log.level), "info",
     .choices = "error|warning|notice|info|debug",
     .help = "Most detailed lines that are written."},
    {0},
};

int
agent_conf_load(const char *file, struct jb_arena *arena, struct agent_conf *ret_conf,
                struct settings_report *report)
{
    struct agent_conf conf = {0};
    int rc = settings_load(file ? file : JB_SYSCONFDIR "/jinbang/agent.conf", agent_conf_table,
                           NULL, arena, &conf, report);

    if (rc)
        return rc;
    conf.log.level += JB_LOG_ERR;
    *ret_conf = conf;
    return 0;
}

int
agent_conf_policy(const struct agent_conf *conf, struct jb_error *err,
                  char ret_hex[AGENT_POLICY_HEX])
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    struct jb_arena *arena = jb_arena_new(4 << 20);
    struct jb_buf all = JB_BUF(4 << 20);
    struct jb_str plans;
    int rc = arena ? file_read(conf->plans.file, 1 << 20, arena, err, &plans)
                   : jb_fail(err, JB_ENOMEM, "out of memory");

    if (!rc) {
        jb_buf_printf(&all, "1 %.17g %lld %lld %lld\n", conf->jobs.max_params,
                      (long long)conf->jobs.max_wall, (long long)conf->jobs.gpus_per_slot,
                      (long long)conf->jobs.limit);
        for (size_t i = 0; i < conf->plans.allow.n; i++)
            jb_buf_printf(&all, "%s\n", conf->plans.allow.items[i]);
        jb_buf_str(&all, plans);
        rc = all.err ? all.err : crypto_sha256(jb_buf_view(&all), digest);
        if (rc)
            jb_fail(err, rc, "the digest of the policy");
    }
    if (!rc)
        crypto_hex(digest, sizeof(digest), ret_hex);
    jb_buf_free(&all);
    jb_arena_free(arena);
    return rc;
}
