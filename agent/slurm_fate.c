/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slurm_fate.h"

#include <stdio.h>
#include <string.h>

static void say(struct slurm_fate *f, enum engine_life life, const char *failure,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void
say(struct slurm_fate *f, enum engine_life life, const char *failure, const char *fmt, ...)
{
    va_list ap;

    f->look.life = life;
    f->look.failure = failure;
    va_start(ap, fmt);
    vsnprintf(f->look.reason, sizeof(f->look.reason), fmt, ap);
    va_end(ap);
}

/* An end without over.json. */
static void
ended(const struct slurm_view *v, struct slurm_fate *f)
{
    static const struct {
        const char *state, *failure, *reason;
    } ends[] = {
        {"TIMEOUT", "timeout", "the cluster's time limit"},
        {"DEADLINE", "timeout", "the cluster's deadline"},
        {"OUT_OF_MEMORY", "out_of_memory", "it used more memory than its job may"},
        {"PREEMPTED", "preempted", "preempted in the cluster"},
        {"CANCELLED", "preempted", "cancelled in the cluster"},
        {"REVOKED", "preempted", "cancelled in the cluster"},
        {"NODE_FAIL", "worker_lost", "its node failed"},
        {"BOOT_FAIL", "worker_lost", "its node did not come up"},
        {"COMPLETED", "incomplete_results", "the job completed and left nothing"},
    };

    f->lock = !v->begun;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (strcmp(v->line->state, ends[i].state) == 0) {
            say(f, ENGINE_LOST, ends[i].failure, "%s (%s)", ends[i].reason, v->line->state);
            return;
        }
    if (v->refusals && v->refusal[0])
        say(f, ENGINE_LOST, "worker_lost", "%s", v->refusal);
    else
        say(f, ENGINE_LOST, "worker_lost", "%s in the cluster (%s, %s)",
            v->begun ? "its process went away" : "it could not be started", v->line->state,
            v->line->reason);
}

static void
absent(const struct slurm_view *v, struct slurm_fate *f)
{
    if (v->begun) {
        if (v->settled)
            say(f, ENGINE_LOST, "worker_lost", "the cluster does not know its job any more");
        return;
    }
    /* what was given no id may still be on its way to the controller */
    if (v->cancel && (v->known || v->settled)) {
        f->lock = true;
        say(f, ENGINE_NONE, "", "%s", "");
    } else if (v->settled && v->unwanted) {
        f->lock = true;
        say(f, ENGINE_LOST, "worker_lost",
            "the dispatcher was not heard of for the time of the lease");
    } else if (v->settled && v->refusals >= SLURM_REFUSALS_MAX) {
        f->lock = true;
        say(f, ENGINE_LOST, "worker_lost", "%s", v->refusal);
    } else if (v->settled) {
        say(f, ENGINE_NONE, "", "%s", ""); /* submitted again, under its name */
    }
}

static void
waits(const struct slurm_view *v, struct slurm_fate *f)
{
    bool stuck = v->line->kind == SLURM_STUCK;

    if (v->begun) {
        /* put back into the queue: a second one would find the lock */
        f->scancel = true;
        if (v->settled)
            say(f, ENGINE_LOST, "preempted",
                "the cluster put it back into the queue after it had begun");
        return;
    }
    if (!v->cancel && !v->unwanted && !stuck)
        return;
    f->scancel = f->lock = true;
    if (v->cancel)
        say(f, ENGINE_NONE, "", "%s", "");
    else if (v->unwanted)
        say(f, ENGINE_LOST, "worker_lost",
            "the dispatcher was not heard of for the time of the lease");
    else
        say(f, ENGINE_LOST, "worker_lost", "the cluster does not run it: %s", v->line->reason);
}

struct slurm_fate
slurm_fate(const struct slurm_view *v)
{
    struct slurm_fate f = {
        .look = {.life = v->begun ? ENGINE_RUNNING : ENGINE_WAITING, .failure = ""}};

    if (v->over) {
        f.look.life = ENGINE_OVER;
        return f;
    }
    if (!v->intent) {
        f.look.life = ENGINE_NONE;
        return f;
    }
    f.scancel = v->cancel;
    if (v->asked)
        return f;
    if (v->sight == SLURM_UNSEEN) {
        if (!v->begun && !v->known)
            f.look.life = ENGINE_UNKNOWN;
    } else if (v->sight == SLURM_ABSENT) {
        absent(v, &f);
    } else if (v->line->kind == SLURM_ENDED) {
        if (v->cancel && !v->begun) {
            f.lock = true;
            f.look.life = ENGINE_NONE;
        } else if (v->settled) {
            ended(v, &f);
        }
    } else if (v->line->kind != SLURM_ACTIVE) {
        waits(v, &f);
    }
    return f;
}
