/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/slurm_desk.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    JOBS_MAX = 2 * WIRE_ATTEMPTS_MAX, /* those that are over may still be in the queue */
    LINES_MAX = 4 * JOBS_MAX,
    OUT_MAX = 1 << 20,
    SAYS_MAX = 4096,
    ENV_MAX = 6,
    FRESH_POLLS = 3, /* an answer older than so many polls says nothing any more */
};

struct slurm_desk {
    const struct engine_slurm_config *config;
    const char *env[ENV_MAX];
    char *conf_env;
    struct slurm_job *jobs;
    struct slurm_line *lines;
    struct jb_arena *arena; /* of one step */
    struct command poll, submit, scancel;
    struct slurm_job *submitting;
    int64_t poll_began_ms; /* of the one that runs, or ran last */
    int64_t poll_fine_ms;  /* when the newest good one began */
    bool poll_failed;      /* the newest one: told once */
};

/* --- jobs --------------------------------------------------------------------------------- */

static struct slurm_job *
find(struct slurm_desk *s, const char *attempt)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (strcmp(s->jobs[i].attempt, attempt) == 0 && attempt[0])
            return &s->jobs[i];
    return NULL;
}

/* A free one, or the one that has been over for longest. */
static struct slurm_job *
fresh(struct slurm_desk *s)
{
    struct slurm_job *oldest = NULL;

    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct slurm_job *j = &s->jobs[i];

        if (!j->attempt[0])
            return j;
        if (j->over && j != s->submitting && (!oldest || j->over_ms < oldest->over_ms))
            oldest = j;
    }
    return oldest;
}

int
desk_job(struct slurm_desk *s, const struct engine_job *job, struct jb_error *err,
         struct slurm_job **ret)
{
    struct slurm_job *j = find(s, job->id);
    int rc = 0;

    if (!j) {
        struct jb_error why = {0};

        j = fresh(s);
        if (!j || strlen(job->id) >= sizeof(j->attempt))
            return jb_fail(err, JB_ELIMIT, "more than %d jobs of Slurm", JOBS_MAX);
        jb_arena_reset(s->arena);
        struct slurm_job made = {.engine = *job};
        rc = slurm_record_read(job->dir, s->arena, &why, &made.record);
        if (rc && rc != JB_ENOENT && rc != JB_EUNPROC && rc != JB_EPARSE)
            return jb_fail(err, rc, "%s", why.text);
        made.intent = rc != JB_ENOENT;
        made.broken = rc && rc != JB_ENOENT;
        snprintf(made.attempt, sizeof(made.attempt), "%s", job->id);
        *j = made;
    }
    j->engine = *job;
    snprintf(j->folder, sizeof(j->folder), "%s", job->folder);
    j->engine.folder = j->folder;
    j->engine.id = j->attempt;
    *ret = j;
    return 0;
}

/* --- submitting --------------------------------------------------------------------------- */

static int
submit(struct slurm_desk *s, struct slurm_job *j, struct jb_error *err)
{
    struct slurm_record record = j->record;
    struct jb_buf script = JB_BUF(COMMAND_INPUT_MAX);
    const char *const *argv;
    int rc = 0;

    if (!j->intent)
        rc = slurm_name_make(j->attempt, err, record.name);
    record.id = 0;
    record.submitted[0] = '\0';
    jb_arena_reset(s->arena);
    if (!rc)
        rc = slurm_argv(s->config, &j->engine, record.name, s->arena, err, &argv);
    if (!rc)
        rc = slurm_script(s->config, &j->engine, err, &script);
    /* the intent is on the disk before anybody hears of it */
    if (!rc)
        rc = slurm_record_write(j->engine.dir, &record, err);
    if (!rc) {
        j->record = record;
        j->intent = true;
        j->present = false;
        j->stray = 0;
        j->scancel_ms = 0;
        j->condition[0] = '\0';
        rc = command_start(&s->submit, argv, s->env, jb_buf_view(&script), s->config->limit,
                           err);
    }
    if (!rc)
        s->submitting = j;
    jb_buf_free(&script);
    return rc;
}

/* The first line of what a command said, without its name. */
static void
first_line(struct jb_str says, char *ret, size_t size)
{
    size_t n = 0;

    while (n < says.n && says.p[n] != '\n')
        n++;
    snprintf(ret, size, "%.*s", (int)n, says.p ? says.p : "");
}

static void
submitted(struct slurm_desk *s, int64_t now)
{
    struct slurm_job *j = s->submitting;
    struct jb_str says = jb_buf_view(&s->submit.says);
    struct jb_error err = {0};
    int64_t id = 0;

    s->submitting = NULL;
    j->asked = false;
    j->submitted_ms = now;
    if (command_fine(&s->submit) &&
        slurm_submitted_read(jb_buf_view(&s->submit.out), &id, &err) == 0) {
        j->refusals = 0;
        j->record.id = id;
        if (!j->over && slurm_record_write(j->engine.dir, &j->record, &err))
            jb_log(JB_LOG_ERR, "attempt %s: %s", j->attempt, err.text);
        jb_log(JB_LOG_NOTICE, "attempt %s: job %" PRId64 " of Slurm, %s", j->attempt, id,
               j->record.name);
        return;
    }
    /* whatever it said, the queue tells what became of it */
    if (s->submit.late)
        snprintf(j->refusal, sizeof(j->refusal), "%s does not answer", s->config->sbatch);
    else
        first_line(says.n ? says : jb_str(err.text), j->refusal, sizeof(j->refusal));
    if (!s->submit.late && WIFEXITED(s->submit.status) && !slurm_unreachable(says))
        j->refusals++;
    jb_log(JB_LOG_ERR, "attempt %s: not submitted, or not known to be (status %d): %s",
           j->attempt, s->submit.status, j->refusal);
}

/* --- looking ------------------------------------------------------------------------------ */

static bool
in_queue(const struct slurm_job *j)
{
    return j->present && j->line.kind != SLURM_ENDED;
}

static bool
wants_look(const struct slurm_job *j)
{
    return j->attempt[0] && j->intent && !j->broken;
}

static int
poll_start(struct slurm_desk *s, int64_t now, struct jb_error *err)
{
    static const size_t room = (size_t)JOBS_MAX * SLURM_NAME_SIZE;
    static const char format[] = "--format=" SLURM_FORMAT;
    struct jb_buf names = JB_BUF(room);
    char user[40];
    int rc;

    for (size_t i = 0; i < JOBS_MAX; i++)
        if (wants_look(&s->jobs[i]))
            jb_buf_printf(&names, "%s%s", names.n ? "," : "", s->jobs[i].record.name);
    jb_arena_reset(s->arena);
    char *name = names.err ? NULL : jb_arena_printf(s->arena, "--name=%s", names.p);
    jb_buf_free(&names);
    if (!name)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    snprintf(user, sizeof(user), "--user=%lu", (unsigned long)geteuid());
    const char *argv[] = {
        s->config->squeue, "--noheader", "--states=all", user, format, name, NULL};
    rc = command_start(&s->poll, argv, s->env, (struct jb_str){"", 0}, s->config->limit, err);
    if (!rc)
        s->poll_began_ms = now;
    return rc;
}

/* The line that counts of those with its name: what is in the queue, else what we know of. */
static const struct slurm_line *
choose(const struct slurm_desk *s, size_t n, struct slurm_job *j)
{
    const struct slurm_line *best = NULL;

    j->stray = 0;
    for (size_t i = 0; i < n; i++) {
        const struct slurm_line *line = &s->lines[i];

        if (strcmp(line->name, j->record.name) != 0)
            continue;
        if (!best || (best->kind == SLURM_ENDED && line->kind != SLURM_ENDED) ||
            (line->id == j->record.id &&
             (line->kind != SLURM_ENDED || best->kind == SLURM_ENDED)))
            best = line;
    }
    for (size_t i = 0; best && i < n; i++)
        if (strcmp(s->lines[i].name, j->record.name) == 0 && &s->lines[i] != best &&
            s->lines[i].kind != SLURM_ENDED)
            j->stray = s->lines[i].id;
    return best;
}

static void
see(struct slurm_desk *s, struct slurm_job *j, const struct slurm_line *line)
{
    const char *condition = line ? line->state : "absent";
    struct jb_error err = {0};

    j->seen_ms = s->poll_began_ms;
    j->present = line != NULL;
    if (line) {
        if (line->id != j->record.id || strcmp(line->submitted, j->record.submitted) != 0) {
            if (j->record.submitted[0])
                jb_log(JB_LOG_WARNING,
                       "attempt %s: %s was put into the queue again, as job %" PRId64,
                       j->attempt, j->record.name, line->id);
            j->record.id = line->id;
            memcpy(j->record.submitted, line->submitted, sizeof(j->record.submitted));
            if (!j->over && slurm_record_write(j->engine.dir, &j->record, &err))
                jb_log(JB_LOG_ERR, "attempt %s: %s", j->attempt, err.text);
        }
        j->line = *line;
    }
    if (strcmp(j->condition, condition) != 0) {
        snprintf(j->condition, sizeof(j->condition), "%s", condition);
        j->since_ms = j->seen_ms;
        jb_log(JB_LOG_INFO, "attempt %s: job %" PRId64 " is %s%s%s", j->attempt, j->record.id,
               condition, line ? ", " : "", line ? line->reason : "");
    }
    if (!j->over)
        return;
    if (!in_queue(j))
        j->attempt[0] = '\0';
    else if (line->kind != SLURM_ACTIVE || j->seen_ms - j->over_ms > s->config->settle)
        j->cancel = true;
}

static void
polled(struct slurm_desk *s)
{
    struct jb_error err = {0};
    char said[200];
    size_t n = 0;
    int rc = 0;

    if (!command_fine(&s->poll)) {
        first_line(jb_buf_view(&s->poll.says), said, sizeof(said));
        rc = jb_fail(&err, JB_EIO, "%s: %s", s->config->squeue,
                     s->poll.late ? "does not answer" : said);
    } else if (s->poll.out.err) {
        rc = jb_fail(&err, s->poll.out.err, "%s says too much", s->config->squeue);
    } else {
        rc = slurm_lines_read(jb_buf_view(&s->poll.out), LINES_MAX, s->lines, &n, &err);
    }
    if (rc && !s->poll_failed)
        jb_log(JB_LOG_ERR, "the queue cannot be seen: %s", err.text);
    if (!rc && s->poll_failed)
        jb_log(JB_LOG_NOTICE, "the queue can be seen again");
    s->poll_failed = rc != 0;
    if (rc)
        return;
    s->poll_fine_ms = s->poll_began_ms;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct slurm_job *j = &s->jobs[i];

        /* what was submitted meanwhile may or may not be in this answer */
        if (wants_look(j) && j != s->submitting && j->submitted_ms <= s->poll_began_ms)
            see(s, j, choose(s, n, j));
    }
}

/* --- cancelling --------------------------------------------------------------------------- */

/* By id and name, so that no stranger's job is hit that has its id. */
static int
scancel_start(struct slurm_desk *s, struct slurm_job *j, int64_t id, int64_t now,
              struct jb_error *err)
{
    char number[24], name[SLURM_NAME_SIZE + 8];
    const char *argv[] = {s->config->scancel, name, number, NULL};

    snprintf(number, sizeof(number), "%" PRId64, id);
    snprintf(name, sizeof(name), "--name=%s", j->record.name);
    j->scancel_ms = now;
    return command_start(&s->scancel, argv, s->env, (struct jb_str){"", 0}, s->config->limit,
                         err);
}

/* Once for each answer that still shows it, since a status of 0 proves nothing. */
static bool
wants_scancel(const struct slurm_job *j)
{
    if (!j->attempt[0] || !j->intent || j->broken || j->asked || j->record.id == 0)
        return false;
    if (j->stray && j->scancel_ms <= j->seen_ms)
        return true;
    if (!j->cancel || (j->seen_ms && j->seen_ms >= j->submitted_ms && !in_queue(j)))
        return false;
    return j->scancel_ms == 0 || (in_queue(j) && j->scancel_ms <= j->seen_ms);
}

/* --- what moves it on --------------------------------------------------------------------- */

static void
begin_commands(struct slurm_desk *s, int64_t now)
{
    static struct jb_log_limit limit;
    struct jb_error err = {0};
    bool look = false;

    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct slurm_job *j = &s->jobs[i];

        look = look || wants_look(j);
        if (j->cancel && j != s->submitting)
            j->asked = false;
        if (j->attempt[0] && j->asked && !command_runs(&s->submit) && submit(s, j, &err)) {
            j->asked = false;
            j->submitted_ms = now;
            jb_log(JB_LOG_ERR, "attempt %s: %s", j->attempt, err.text);
            jb_error_clear(&err);
        }
        if (!command_runs(&s->scancel) && wants_scancel(j) &&
            scancel_start(s, j, j->stray ? j->stray : j->record.id, now, &err)) {
            jb_log_limited(&limit, JB_LOG_ERR, "attempt %s: %s", j->attempt, err.text);
            jb_error_clear(&err);
        }
    }
    if (look && !command_runs(&s->poll) &&
        (!s->poll_began_ms || now - s->poll_began_ms >= s->config->poll) &&
        poll_start(s, now, &err)) {
        s->poll_began_ms = now;
        jb_log(JB_LOG_ERR, "%s: %s", s->config->squeue, err.text);
    }
}

void
desk_tick(struct slurm_desk *s, int64_t now)
{
    if (command_over(&s->submit, now))
        submitted(s, now);
    if (command_over(&s->poll, now))
        polled(s);
    if (command_over(&s->scancel, now) && !command_fine(&s->scancel))
        jb_log(JB_LOG_WARNING, "%s: status %d", s->config->scancel, s->scancel.status);
    begin_commands(s, now);
}

void
desk_ask(struct slurm_desk *s, struct slurm_job *j)
{
    if (j->asked || j->broken || j->over)
        return;
    j->asked = true;
    begin_commands(s, jb_monotonic_ms());
}

void
desk_cancel(struct slurm_desk *s, struct slurm_job *j)
{
    if (j->cancel)
        return;
    j->cancel = true;
    begin_commands(s, jb_monotonic_ms());
}

void
desk_leave(struct slurm_desk *s, struct slurm_job *j)
{
    j->over = true;
    j->over_ms = jb_monotonic_ms();
    if (j != s->submitting)
        j->asked = false;
    if (!wants_look(j))
        j->attempt[0] = '\0';
}

bool
desk_seen(const struct slurm_desk *s, const struct slurm_job *j, int64_t now)
{
    int64_t old = FRESH_POLLS * s->config->poll + s->config->limit;

    return s->poll_fine_ms && now - s->poll_fine_ms <= old && j->seen_ms &&
           j->seen_ms >= j->submitted_ms;
}

/* --- the whole ---------------------------------------------------------------------------- */

static int
make_env(struct slurm_desk *s, struct jb_error *err)
{
    const char *conf = s->config->conf[0] ? s->config->conf : getenv("SLURM_CONF");
    size_t n = 0;

    s->env[n++] = "PATH=/usr/local/bin:/usr/bin:/bin";
    s->env[n++] = "LC_ALL=C";
    s->env[n++] = "TZ=UTC";
    if (conf && conf[0]) {
        size_t size = strlen(conf) + sizeof("SLURM_CONF=");

        s->conf_env = malloc(size);
        if (!s->conf_env)
            return jb_fail(err, JB_ENOMEM, "out of memory");
        snprintf(s->conf_env, size, "SLURM_CONF=%s", conf);
        s->env[n++] = s->conf_env;
    }
    s->env[n] = NULL;
    return 0;
}

void
desk_free(struct slurm_desk *s)
{
    command_free(&s->submit);
    command_free(&s->poll);
    command_free(&s->scancel);
    jb_arena_free(s->arena);
    free(s->lines);
    free(s->jobs);
    free(s->conf_env);
    free(s);
}

int
desk_new(const struct engine_slurm_config *config, struct jb_error *err,
         struct slurm_desk **ret_desk)
{
    struct slurm_desk *s = calloc(1, sizeof(*s));
    int rc = 0;

    if (!s)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    s->config = config;
    s->poll = COMMAND(OUT_MAX, SAYS_MAX);
    s->submit = COMMAND(SAYS_MAX, SAYS_MAX);
    s->scancel = COMMAND(SAYS_MAX, SAYS_MAX);
    s->jobs = calloc(JOBS_MAX, sizeof(*s->jobs));
    s->lines = calloc(LINES_MAX, sizeof(*s->lines));
    s->arena = jb_arena_new(1 << 20);
    if (!s->jobs || !s->lines || !s->arena)
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc)
        rc = make_env(s, err);
    if (rc)
        desk_free(s);
    else
        *ret_desk = s;
    return rc;
}
