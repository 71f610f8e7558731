/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent without its sockets: settings, plans, journal and engine, and what moves attempts
 * on. One thread. calls.h answers requests from it, agent_tick() does the rest.
 */
#pragma once

#include "agent/conf.h"
#include "agent/engine.h"
#include "agent/journal.h"

struct agent {
    const struct agent_conf *conf;
    struct plans plans;
    struct journal *journal;
    struct engine *engine;
    int64_t slots;
    char boot_id[BOOT_ID_SIZE];
    char policy[AGENT_POLICY_HEX];
    char host[128]; /* name in its certificate; "" none yet */
    /* POST /v1/csr and /v1/certificate, by agent/identity.h; NULL: not supported */
    int (*new_csr)(void *ctx, struct jb_error *err, struct jb_buf *ret_pem);
    int (*new_certificate)(void *ctx, struct jb_str pem, struct jb_error *err);
    /* signs a manifest with the host's key; NULL: it goes unsigned */
    int (*sign)(void *ctx, struct wire_manifest *manifest, struct jb_arena *arena,
                struct jb_error *err);
    void *identity; /* ctx of these */
};

/*
 * Plans and spool of `conf`, which stays; `engine` (with so many slots) too. Complaints about
 * the plans file go into the report. What was running is looked at by the first tick.
 */
int agent_open(const struct agent_conf *conf, struct engine *engine, int64_t slots,
               struct settings_report *report, struct jb_arena *arena, struct jb_error *err,
               struct agent *ret_agent);
/* The plans of the settings; each name of plans.allow must be one. */
int agent_plans(const struct agent_conf *conf, struct jb_arena *arena,
                struct settings_report *report, struct jb_error *err, struct plans *ret_plans);
/* Other limits and plans from now on; both stay. On failure the old ones stay. */
int agent_reload(struct agent *agent, const struct agent_conf *conf, struct jb_arena *arena,
                 struct settings_report *report, struct jb_error *err);
void agent_close(struct agent *agent);

/* The plan, if this host allows it at all; NULL. */
const struct plan *agent_plan(const struct agent *agent, const char *name);
/* Would this host run all of this spec? JB_EUNPROC with the reason. */
int agent_allows(const struct agent *agent, const struct spec *spec, struct jb_error *err);
/* A slot nothing runs in; negative: none. */
int64_t agent_free_slot(const struct agent *agent);
int64_t agent_slots_free(const struct agent *agent);

/* Starts, looks at, collects, ends: once for each attempt that is not over, and lets go of what
 * is old. Failures are in the log and are tried again at the next tick. */
void agent_tick(struct agent *agent);
/* Somebody wants it to end; durable when it returns 0. Of what is over: nothing. */
int agent_cancel(struct agent *agent, struct attempt *a, struct jb_error *err);

/* work.c: the jobs of a spec, one for each of its benchmarks, in order. Returns the tasks it
 * took, beginning at `from`. */
size_t agent_job(const struct agent *agent, const struct plan *plan, const struct spec *spec,
                 size_t from, const char *tasks[SPEC_TASKS_MAX], struct plan_job *ret_job);
/* work.c: folders and run.json of an attempt that has not begun. */
int work_prepare(const struct agent *agent, const struct attempt *a, struct jb_error *err);
/* work.c: results of the steps that ended since the last time, progress and step. */
int work_collect(struct agent *agent, struct attempt *a, struct jb_error *err);
/* work.c: how an attempt ended whose over.json is there: phase, failure and reason. */
int work_end(struct agent *agent, struct attempt *a, struct jb_error *err);
/* Sets phase, failure and reason; the reason is made fit for a line. */
void attempt_end(struct attempt *a, enum wire_phase phase, const char *failure,
                 const char *reason);
