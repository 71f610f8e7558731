/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/slurm_job.h"

#include "agent/files.h"
#include "agent/run.h"
#include "crypto/digest.h"
#include "wire/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RECORD "slurm.json"
#define ALNUM  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

enum { RECORD_MAX = 1024, RANDOM_BYTES = 4, OWN_OPTIONS = 32, MIB = 1 << 20 };

/* --- the record --------------------------------------------------------------------------- */

static const struct field record_fields[] = {
    FIELD_SPAN(slurm_record, name, FIELD_CHARS, SLURM_NAME_SIZE - 1, SLURM_NAME_SIZE - 1),
    FIELD_SPAN(slurm_record, id, FIELD_INT, 0, INT32_MAX),
    FIELD_SPAN(slurm_record, submitted, FIELD_CHARS, 0, 31),
    {0},
};

int
slurm_record_read(int dir, struct jb_arena *arena, struct jb_error *err,
                  struct slurm_record *ret)
{
    struct slurm_record record;
    struct jb_str json;
    int rc = file_get(dir, RECORD, RECORD_MAX, arena, err, &json);

    if (rc)
        return rc;
    rc = fields_read(record_fields, json, RECORD_MAX, arena, err, &record, sizeof(record));
    if (!rc && !slurm_name_valid((struct jb_str){record.name, strlen(record.name)}))
        rc = jb_fail(err, JB_EUNPROC, "name: is not one of ours");
    if (rc)
        jb_error_prefix(err, RECORD);
    else
        *ret = record;
    return rc;
}

int
slurm_record_write(int dir, const struct slurm_record *record, struct jb_error *err)
{
    struct jb_buf json = JB_BUF(RECORD_MAX);
    int rc;

    fields_put(record_fields, record, &json);
    rc = json.err ? jb_fail(err, json.err, RECORD)
                  : file_put(dir, RECORD, jb_buf_view(&json), err);
    jb_buf_free(&json);
    return rc;
}

int
slurm_name_make(const char *attempt, struct jb_error *err, char ret[SLURM_NAME_SIZE])
{
    unsigned char bytes[RANDOM_BYTES];
    char hex[2 * RANDOM_BYTES + 1], name[SLURM_NAME_SIZE];

    if (crypto_random(bytes, sizeof(bytes)))
        return jb_fail(err, JB_EIO, "no random bytes");
    crypto_hex(bytes, sizeof(bytes), hex);
    int n = snprintf(name, sizeof(name), "olb-%s-%s", attempt, hex);
    if (n != SLURM_NAME_SIZE - 1 || !slurm_name_valid((struct jb_str){name, (size_t)n}))
        return jb_fail(err, JB_EINVAL, "no id of an attempt");
    memcpy(ret, name, sizeof(name));
    return 0;
}

/* --- what operators write ----------------------------------------------------------------- */

const char *
slurm_path_check(const char *path)
{
    if (path[0] != '/')
        return "must be an absolute path";
    return path[strspn(path, ALNUM "/._-+=,:@")]
               ? "may have letters, digits and / . _ - + = , : @ alone"
               : NULL;
}

const char *
slurm_word_check(const char *word)
{
    if (word[0] == '-')
        return "must not begin with a dash";
    return word[strspn(word, ALNUM "._-+,@:")] ? "is no name that Slurm has" : NULL;
}

const char *
slurm_option_check(const char *option)
{
    /* ours, and what would make more than one job of it, or none, or another answer */
    static const char *const never[] = {
        "array",
        "begin",
        "chdir",
        "clusters",
        "comment",
        "deadline",
        "delay-boot",
        "dependency",
        "error",
        "export",
        "export-file",
        "get-user-env",
        "gid",
        "help",
        "hold",
        "ignore-pbs",
        "input",
        "job-name",
        "kill-on-invalid-dep",
        "no-requeue",
        "open-mode",
        "output",
        "parsable",
        "requeue",
        "signal",
        "test-only",
        "time",
        "uid",
        "usage",
        "version",
        "wait",
        "wrap",
    };
    size_t n;

    if (strncmp(option, "--", 2) != 0)
        return "must be of the form --name or --name=value";
    option += 2;
    n = strcspn(option, "=");
    if (n == 0 || strspn(option, "abcdefghijklmnopqrstuvwxyz0123456789-") < n)
        return "must be of the form --name or --name=value";
    /* sbatch takes what a name begins with for the name */
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (strncmp(option, never[i], n) == 0)
            return "is an option that the agent gives itself, or that cannot be used here";
    return NULL;
}

/* --- the job ------------------------------------------------------------------------------ */

struct options {
    struct jb_arena *arena;
    const char **argv;
    size_t n;
    bool failed;
};

static void add(struct options *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct options *o, const char *fmt, ...)
{
    char text[4400];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    const char *copy =
        n < 0 || (size_t)n >= sizeof(text) ? NULL : jb_arena_dup(o->arena, text, (size_t)n);
    if (!copy)
        o->failed = true;
    else
        o->argv[o->n++] = copy;
}

static void
add_word(struct options *o, const char *name, const char *word)
{
    if (word[0])
        add(o, "--%s=%s", name, word);
}

int
slurm_argv(const struct engine_slurm_config *config, const struct engine_job *job,
           const char *name, struct jb_arena *arena, struct jb_error *err,
           const char *const **ret_argv)
{
    const char *wrong = slurm_path_check(job->folder);
    struct options o = {.arena = arena};
    double mib = ((double)config->mem_base + config->mem_factor * job->weights) / MIB;
    int64_t seconds = job->wall_seconds + config->time_extra / 1000;

    if (wrong)
        return jb_fail(err, JB_EINVAL, "%s: %s", job->folder, wrong);
    o.argv = jb_arena_array(arena, OWN_OPTIONS + config->n_options, sizeof(*o.argv));
    if (!o.argv)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    add(&o, "%s", config->sbatch);
    /* the operator's first: of two, sbatch takes the last */
    for (size_t i = 0; i < config->n_options; i++)
        add(&o, "%s", config->options[i]);
    add_word(&o, "partition", config->partition);
    add_word(&o, "account", config->account);
    add_word(&o, "qos", config->qos);
    add(&o, "--nodes=1");
    add(&o, "--ntasks=1");
    if (config->cpus)
        add(&o, "--cpus-per-task=%" PRId64, config->cpus);
    if (config->gpus)
        add(&o, "--gpus=%" PRId64, config->gpus_per_slot);
    if (mib >= 1)
        add(&o, "--mem=%.0fM", mib);
    add(&o, "--time=%" PRId64, (seconds + 59) / 60);
    add(&o, "--parsable");
    add(&o, "--job-name=%s", name);
    add(&o, "--dependency=singleton");
    add(&o, "--no-requeue");
    add(&o, "--export=NONE");
    add(&o, "--signal=B:TERM@120");
    add(&o, "--comment=jinbang");
    add(&o, "--chdir=%s", job->folder);
    add(&o, "--output=%s/" SLURM_OUTPUT, job->folder);
    add(&o, "--open-mode=append");
    if (o.failed)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    o.argv[o.n] = NULL;
    *ret_argv = o.argv;
    return 0;
}

int
slurm_script(const struct engine_slurm_config *config, const struct engine_job *job,
             struct jb_error *err, struct jb_buf *ret)
{
    const char *wrong = slurm_path_check(job->folder);

    if (wrong)
        return jb_fail(err, JB_EINVAL, "%s: %s", job->folder, wrong);
    wrong = slurm_path_check(config->program);
    if (wrong)
        return jb_fail(err, JB_EINVAL, "%s: %s", config->program, wrong);
    jb_buf_printf(ret, "#!/bin/sh\nexec '%s' shim --elsewhere '%s'\n", config->program,
                  job->folder);
    return ret->err ? jb_fail(err, ret->err, "the script") : 0;
}
