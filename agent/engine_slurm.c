/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/engine.h"

#include "agent/files.h"
#include "agent/shim.h"
#include "agent/slurm_desk.h"
#include "agent/slurm_fate.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { GPUS_MAX = 64 }; /* of a message */

struct slurm {
    struct engine engine;
    struct engine_slurm_config config;
    char boot_id[BOOT_ID_SIZE];
    char program[4096];
    struct slurm_desk *desk;
    struct jb_arena *arena; /* of one look */
};

static void
slurm_tick(struct engine *e)
{
    desk_tick(((struct slurm *)e)->desk, jb_monotonic_ms());
}

static int
slurm_start(struct engine *e, const struct engine_job *job, struct jb_error *err)
{
    struct slurm *s = (struct slurm *)e;
    struct slurm_job *j;
    int rc = desk_job(s->desk, job, err, &j);

    if (!rc)
        desk_ask(s->desk, j);
    return rc;
}

static struct slurm_view
view_of(struct slurm *s, struct slurm_job *j, int64_t now)
{
    bool begun = !j->fenced && (shim_lock_taken(j->engine.dir, j->folder) ||
                                file_is(j->engine.dir, "shim.json"));

    if (begun && !j->begun_ms)
        j->begun_ms = now;
    /* what was seen before it began is old */
    bool seen = desk_seen(s->desk, j, now) && j->seen_ms > j->begun_ms;
    int64_t since = j->since_ms > j->begun_ms ? j->since_ms : j->begun_ms;
    struct slurm_view v = {
        .over = file_is(j->engine.dir, "over.json"),
        .begun = begun,
        .intent = j->intent,
        .asked = j->asked,
        .known = j->record.id != 0,
        .cancel = file_is(j->engine.dir, "cancel"),
        .sight = !seen        ? SLURM_UNSEEN
                 : j->present ? SLURM_PRESENT
                              : SLURM_ABSENT,
        .line = &j->line,
        .refusals = j->refusals,
        .refusal = j->refusal,
    };

    jb_arena_reset(s->arena);
    if (!v.over && !v.begun)
        v.unwanted = !lease_holds(&j->lease, j->engine.dir, s->boot_id, now, s->arena);
    /* what is over stays so; of the rest a later answer must have said the same */
    v.settled =
        seen && (j->present && j->line.kind == SLURM_ENDED ? now : j->seen_ms) - since >=
                    s->config.settle;
    return v;
}

static int
slurm_look(struct engine *e, const struct engine_job *job, struct jb_error *err,
           struct engine_look *ret)
{
    struct slurm *s = (struct slurm *)e;
    int64_t now = jb_monotonic_ms();
    struct slurm_job *j;
    int rc = desk_job(s->desk, job, err, &j);

    if (rc)
        return rc;
    if (j->broken) {
        /* nobody can tell any more what was submitted; the lock keeps it from running */
        *ret = (struct engine_look){ENGINE_LOST, "worker_lost", "slurm.json cannot be read"};
        if (file_is(job->dir, "over.json"))
            ret->life = ENGINE_OVER;
        return 0;
    }
    struct slurm_view view = view_of(s, j, now);
    struct slurm_fate fate = slurm_fate(&view);

    if (fate.scancel)
        desk_cancel(s->desk, j);
    if (fate.look.life == ENGINE_LOST && j->present && j->line.kind == SLURM_STUCK)
        jb_log(JB_LOG_ERR, "job %" PRId64 " of Slurm, %s, is held: %s", j->record.id,
               j->record.name, j->line.reason);
    *ret = fate.look;
    if (!fate.lock || j->fenced)
        return 0;
    if (shim_lock_take(job->dir, job->folder) == 0) {
        j->fenced = true;
    } else if (errno == EEXIST) {
        *ret = (struct engine_look){.life = ENGINE_RUNNING, .failure = ""};
    } else {
        return jb_fail_errno(err, errno, "the lock");
    }
    return 0;
}

static int
slurm_cancel(struct engine *e, const struct engine_job *job, struct jb_error *err)
{
    struct slurm *s = (struct slurm *)e;
    struct slurm_job *j;
    int rc = desk_job(s->desk, job, err, &j);

    if (!rc)
        desk_cancel(s->desk, j);
    return rc;
}

/* A copy that comes late finds the lock, one that still runs the file. */
static void
slurm_clean(struct engine *e, const struct engine_job *job)
{
    struct slurm *s = (struct slurm *)e;
    bool over = file_is(job->dir, "over.json");
    struct slurm_job *j;

    shim_lock_take(job->dir, job->folder);
    if (!over)
        file_put(job->dir, "cancel", JB_STR(""), NULL);
    if (desk_job(s->desk, job, NULL, &j) || j->over)
        return;
    /* a job that wrote its end is about to leave the queue by itself */
    if (!over)
        desk_cancel(s->desk, j);
    desk_leave(s->desk, j);
}

static int
slurm_gpus(struct engine *e, struct jb_arena *arena, struct jb_error *err,
           struct engine_gpus *ret)
{
    const struct slurm *s = (const struct slurm *)e;
    size_t n = s->config.gpus ? (size_t)(s->config.slots * s->config.gpus_per_slot) : 0;
    struct wire_gpu *gpus = jb_arena_array(arena, n + 1, sizeof(*gpus));

    if (!gpus)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        gpus[i] = (struct wire_gpu){s->config.gpu_name, s->config.gpu_mib, s->config.gpu_mib};
    *ret = (struct engine_gpus){n, gpus};
    return 0;
}

static const char *
slurm_devices(struct engine *e, int64_t slot)
{
    (void)slot;
    return ((const struct slurm *)e)->config.gpus ? NULL : "";
}

static void
slurm_free(struct engine *e)
{
    struct slurm *s = (struct slurm *)e;

    if (s->desk)
        desk_free(s->desk);
    jb_arena_free(s->arena);
    free(s);
}

static const struct engine_calls slurm_calls = {
    .name = "slurm",
    .outlives_boot = true,
    .tick = slurm_tick,
    .start = slurm_start,
    .look = slurm_look,
    .cancel = slurm_cancel,
    .clean = slurm_clean,
    .gpus = slurm_gpus,
    .devices = slurm_devices,
    .free = slurm_free,
};

static int
check(const struct engine_slurm_config *config, struct jb_error *err)
{
    const char *const paths[] = {config->sbatch, config->squeue, config->scancel,
                                 config->program, config->spool};
    const char *const words[] = {config->partition, config->account, config->qos};
    const char *wrong;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if ((wrong = slurm_path_check(paths[i])) != NULL)
            return jb_fail(err, JB_EINVAL, "%s: %s", paths[i], wrong);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if ((wrong = slurm_word_check(words[i])) != NULL)
            return jb_fail(err, JB_EINVAL, "%s: %s", words[i], wrong);
    for (size_t i = 0; i < config->n_options; i++)
        if ((wrong = slurm_option_check(config->options[i])) != NULL)
            return jb_fail(err, JB_EINVAL, "%s: %s", config->options[i], wrong);
    if (config->slots < 1 || config->slots > WIRE_ATTEMPTS_MAX)
        return jb_fail(err, JB_EINVAL,
                       "jobs.slots: must say how many jobs may be in the cluster at once");
    if (config->gpus && config->slots * config->gpus_per_slot > GPUS_MAX)
        return jb_fail(err, JB_EINVAL,
                       "%" PRId64 " slots of %" PRId64 " GPUs: more than %d cannot be told",
                       config->slots, config->gpus_per_slot, GPUS_MAX);
    return 0;
}

int
engine_slurm_new(const struct engine_slurm_config *config, struct jb_error *err,
                 struct engine **ret_engine)
{
    struct slurm *s = calloc(1, sizeof(*s));
    int rc = 0;

    if (!s)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    s->engine.calls = &slurm_calls;
    s->config = *config;
    if (!config->program[0]) {
        if (readlink("/proc/self/exe", s->program, sizeof(s->program) - 1) < 0)
            rc = jb_fail_errno(err, errno, "our own program");
        s->config.program = s->program;
    }
    if (!rc)
        rc = check(&s->config, err);
    s->arena = jb_arena_new(64 << 10);
    if (!rc && !s->arena)
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc)
        rc = boot_id_read(s->boot_id, err);
    if (!rc)
        rc = desk_new(&s->config, err, &s->desk);
    if (rc) {
        slurm_free(&s->engine);
        return rc;
    }
    *ret_engine = &s->engine;
    return 0;
}
