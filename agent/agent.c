/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/agent.h"

#include "agent/files.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    STARTS_MAX = 5,  /* tries to bring a shim to life */
    START_MS = 5000, /* between two of them */
};

int
agent_plans(const struct agent_conf *conf, struct jb_arena *arena,
            struct settings_report *report, struct jb_error *err, struct plans *ret_plans)
{
    struct plans plans;
    int rc = plan_load(conf->plans.file, arena, &plans, report);

    if (rc)
        return jb_fail(err, rc, "%s cannot be used", conf->plans.file);
    for (size_t i = 0; i < conf->plans.allow.n; i++)
        if (!plan_find(&plans, conf->plans.allow.items[i]))
            return jb_fail(err, JB_EINVAL, "plans.allow: there is no plan %s",
                           conf->plans.allow.items[i]);
    *ret_plans = plans;
    return 0;
}

int
agent_open(const struct agent_conf *conf, struct engine *engine, int64_t slots,
           struct settings_report *report, struct jb_arena *arena, struct jb_error *err,
           struct agent *ret_agent)
{
    struct agent agent = {.conf = conf, .engine = engine, .slots = slots};
    const struct journal_limits limits = {(size_t)conf->spool.max_attempts,
                                          (uint64_t)conf->spool.max_bytes};
    int rc = agent_plans(conf, arena, report, err, &agent.plans);

    if (!rc)
        rc = agent_conf_policy(conf, err, agent.policy);
    if (!rc)
        rc = boot_id_read(agent.boot_id, err);
    if (!rc)
        rc = journal_open(conf->spool.dir, &limits, err, &agent.journal);
    if (!rc)
        *ret_agent = agent;
    return rc;
}

int
agent_reload(struct agent *agent, const struct agent_conf *conf, struct jb_arena *arena,
             struct settings_report *report, struct jb_error *err)
{
    char policy[AGENT_POLICY_HEX];
    struct plans plans;
    int rc = agent_plans(conf, arena, report, err, &plans);

    if (!rc)
        rc = agent_conf_policy(conf, err, policy);
    if (rc)
        return rc;
    agent->conf = conf;
    agent->plans = plans;
    memcpy(agent->policy, policy, sizeof(agent->policy));
    return 0;
}

void
agent_close(struct agent *agent)
{
    journal_close(agent->journal);
    agent->journal = NULL;
}

/* --- what is allowed ---------------------------------------------------------------------- */

const struct plan *
agent_plan(const struct agent *agent, const char *name)
{
    const struct setting_strings *allow = &agent->conf->plans.allow;
    bool found = allow->n == 0;

    for (size_t i = 0; i < allow->n; i++)
        if (strcmp(allow->items[i], name) == 0)
            found = true;
    return found ? plan_find(&agent->plans, name) : NULL;
}

int
agent_allows(const struct agent *agent, const struct spec *spec, struct jb_error *err)
{
    const struct plan *plan = agent_plan(agent, spec->plan);
    const char *tasks[SPEC_TASKS_MAX];
    struct plan_job job;
    double most = agent->conf->jobs.max_params;

    if (!plan)
        return jb_fail(err, JB_EUNPROC, "there is no plan %s here", spec->plan);
    if (most > 0 && !(spec->params <= most))
        return jb_fail(err, JB_EUNPROC,
                       "models of more than %g billion parameters, or of "
                       "unknown size, are not run here",
                       most);
    if (spec->wall_seconds > agent->conf->jobs.max_wall / 1000)
        return jb_fail(err, JB_EUNPROC, "no more than %lld seconds are given here",
                       (long long)agent->conf->jobs.max_wall / 1000);
    for (size_t i = 0; i < spec->n_tasks;) {
        i += agent_job(agent, plan, spec, i, tasks, &job);
        if (plan_allows(plan, &job, err)) {
            if (err)
                err->code = JB_EUNPROC;
            return JB_EUNPROC;
        }
    }
    return 0;
}

int64_t
agent_free_slot(const struct agent *agent)
{
    bool taken[WIRE_ATTEMPTS_MAX] = {false};

    for (size_t i = 0; i < journal_count(agent->journal); i++) {
        const struct attempt *a = journal_at(agent->journal, i);

        if (attempt_live(a) && a->slot < WIRE_ATTEMPTS_MAX)
            taken[a->slot] = true;
    }
    for (int64_t slot = 0; slot < agent->slots; slot++)
        if (!taken[slot])
            return slot;
    return -1;
}

int64_t
agent_slots_free(const struct agent *agent)
{
    int64_t n = agent->slots;

    for (size_t i = 0; i < journal_count(agent->journal); i++)
        n -= attempt_live(journal_at(agent->journal, i));
    return n > 0 ? n : 0;
}

/* --- moving on ---------------------------------------------------------------------------- */

/* Bytes of the weights; of words that are not known, as of 16 bits. 0 unknown. */
static double
weights_of(const struct spec *spec)
{
    static const struct {
        const char *precision;
        double bytes;
    } known[] = {{"float32", 4}, {"8bit", 1}, {"4bit", 0.55}, {"GPTQ", 0.55}};
    double bytes = 2;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(spec->precision, known[i].precision) == 0)
            bytes = known[i].bytes;
    return isfinite(spec->params) && spec->params > 0 ? spec->params * 1e9 * bytes : 0;
}

static struct engine_job
engine_job(const struct attempt *a)
{
    return (struct engine_job){a->offer.id,
                               a->folder,
                               a->dir,
                               a->slot,
                               a->offer.spec.wall_seconds,
                               weights_of(&a->offer.spec)};
}

void
attempt_end(struct attempt *a, enum wire_phase phase, const char *failure, const char *reason)
{
    size_t n = strlen(reason), out = 0;

    for (size_t i = 0; i < n && out + 4 < sizeof(a->reason);) {
        size_t valid = jb_utf8_valid(reason + i, n - i);
        uint32_t cp = ' ';
        size_t len = valid ? jb_utf8_decode(reason + i, n - i, &cp) : 1;

        if (!valid || jb_cp_forbidden(cp) || cp == '\n' || cp == '\t') {
            a->reason[out++] = ' ';
        } else {
            memcpy(a->reason + out, reason + i, len);
            out += len;
        }
        i += len;
    }
    a->reason[out] = '\0';
    snprintf(a->failure, sizeof(a->failure), "%s", phase == WIRE_FAILED ? failure : "");
    a->phase = phase;
    a->ended_us = jb_now_us();
}

/* Saves an end that attempt_end() has set, and clears up behind the job. */
static int
finish(struct agent *agent, struct attempt *a, struct jb_error *err)
{
    struct engine_job job = engine_job(a);
    int rc;

    agent->engine->calls->clean(agent->engine, &job);
    rc = journal_save(agent->journal, a, err);
    if (rc) {
        a->phase = WIRE_RUNNING; /* the next tick ends it again */
        return rc;
    }
    jb_log(JB_LOG_NOTICE, "attempt %s of job %llu: %s%s%s%s%s", a->offer.id,
           (unsigned long long)a->offer.job, wire_phase_word(a->phase),
           a->failure[0] ? ", " : "", a->failure, a->reason[0] ? ": " : "", a->reason);
    tree_remove(a->dir, "work", NULL);
    return 0;
}

static int
start(struct agent *agent, struct attempt *a, struct jb_error *err)
{
    struct engine_job job = engine_job(a);
    int64_t now = jb_monotonic_ms();
    int rc = 0;

    if (a->cancel && a->phase == WIRE_RUNNING && !a->starts) {
        /* its shim may be about to come up, of the agent before */
        a->starts++;
        a->started_ms = now;
    }
    if (a->starts && now - a->started_ms < START_MS)
        return 0;
    if (a->cancel) {
        attempt_end(a, WIRE_CANCELLED, "", "cancelled before it began");
        return finish(agent, a, err);
    }
    if (a->starts++ == STARTS_MAX) {
        attempt_end(a, WIRE_FAILED, "worker_lost", "the shim does not come up");
        return finish(agent, a, err);
    }
    a->started_ms = now;
    if (a->phase == WIRE_ACCEPTED) {
        rc = work_prepare(agent, a, err);
        if (rc == JB_EFULL || rc == JB_EINVAL || rc == JB_EACCES || rc == JB_EUNPROC) {
            attempt_end(a, WIRE_FAILED, rc == JB_EFULL ? "disk_full" : "worker_lost",
                        err->text);
            jb_error_clear(err);
            return finish(agent, a, err);
        }
        /* said before it is done: from here on a shim may be at work in these folders, also
         * one of an agent that died before it could tell */
        if (!rc) {
            a->phase = WIRE_RUNNING;
            rc = journal_save(agent->journal, a, err);
            if (rc)
                a->phase = WIRE_ACCEPTED;
        }
    }
    if (!rc) {
        jb_failpoint("before-shim", NULL);
        rc = agent->engine->calls->start(agent->engine, &job, err);
        jb_failpoint("after-shim", NULL);
    }
    return rc;
}

static int
advance(struct agent *agent, struct attempt *a, struct jb_error *err)
{
    struct engine_job job = engine_job(a);
    struct engine_look look;
    int rc = agent->engine->calls->look(agent->engine, &job, err, &look);

    if (rc)
        return rc;
    switch (look.life) {
    case ENGINE_NONE:
        if (agent->engine->calls->outlives_boot || strcmp(a->boot_id, agent->boot_id) == 0)
            return start(agent, a, err);
        attempt_end(a, WIRE_LOST, "", "the host was rebooted before it began");
        return finish(agent, a, err);
    case ENGINE_LOST:
        work_collect(agent, a, NULL);
        if (a->cancel)
            attempt_end(a, WIRE_CANCELLED, "", "cancelled");
        else if (look.failure[0])
            attempt_end(a, WIRE_FAILED, look.failure, look.reason);
        else
            attempt_end(a, WIRE_LOST, "", look.reason);
        return finish(agent, a, err);
    case ENGINE_OVER:
        rc = work_collect(agent, a, err);
        if (!rc)
            rc = work_end(agent, a, err);
        return rc ? rc : finish(agent, a, err);
    case ENGINE_RUNNING: return work_collect(agent, a, err);
    case ENGINE_WAITING:
    case ENGINE_UNKNOWN: break;
    }
    return 0;
}

static void
expire(struct agent *agent)
{
    int64_t before = jb_now_us() - agent->conf->spool.keep * 1000;

    for (size_t i = journal_count(agent->journal); i-- > 0;) {
        struct attempt *a = journal_at(agent->journal, i);
        struct jb_error err = {0};

        if (attempt_live(a) || a->ended_us > before)
            continue;
        jb_log(JB_LOG_WARNING, "attempt %s was never fetched and goes", a->offer.id);
        if (journal_remove(agent->journal, a, &err))
            jb_log(JB_LOG_ERR, "%s", err.text);
    }
}

void
agent_tick(struct agent *agent)
{
    static struct jb_log_limit limit;

    if (agent->engine->calls->tick)
        agent->engine->calls->tick(agent->engine);
    for (size_t i = 0; i < journal_count(agent->journal); i++) {
        struct attempt *a = journal_at(agent->journal, i);
        struct jb_error err = {0};

        if (attempt_live(a) && advance(agent, a, &err))
            jb_log_limited(&limit, JB_LOG_ERR, "attempt %s: %s", a->offer.id, err.text);
    }
    expire(agent);
}

int
agent_cancel(struct agent *agent, struct attempt *a, struct jb_error *err)
{
    struct engine_job job = engine_job(a);
    int rc;

    if (!attempt_live(a))
        return 0;
    rc = file_put(a->dir, "cancel", JB_STR(""), err);
    if (!rc && !a->cancel) {
        a->cancel = true;
        rc = journal_save(agent->journal, a, err);
        if (rc)
            a->cancel = false;
    }
    return rc ? rc : agent->engine->calls->cancel(agent->engine, &job, err);
}
