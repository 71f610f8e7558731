/* SPDX-License-Identifier: Apache-2.0 */
/* A spool in a folder of its own, plans that are shell scripts, and an agent over them. The
 * test program is its own shim: main() begins with help_shim(). */
#pragma once

#include "tests/unit/cmocka_all.h"

#include "agent/calls.h"
#include "agent/engine_conf.h"
#include "agent/files.h"
#include "agent/shim.h"
#include "agent/spool.h"
#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMIT "a123456789012345678901234567890123456789"

struct world {
    char dir[64];
    struct jb_arena *arena;
    struct agent_conf conf;
    struct engine *engine;
    struct agent agent;
};

/* In main(): the shim's whole life if this is one. */
__attribute__((unused)) static void
help_shim(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        _exit(shim_command(argc - 1, argv + 1));
    jb_log_open("test", JB_LOG_ERR);
}

__attribute__((unused)) static void
help_pause(int ms)
{
    const struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};

    nanosleep(&t, NULL);
}

__attribute__((unused)) static void
help_folder(char dir[64])
{
    strcpy(dir, "/tmp/jinbang-agent.XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0711), 0);
}

__attribute__((unused)) static void
help_remove(const char *dir)
{
    assert_int_equal(tree_remove(AT_FDCWD, dir, NULL) == 0 || access(dir, F_OK) != 0, 1);
}

/* $1 is the folder of results. */
static const struct {
    const char *name, *script;
} help_plans[] = {
    {"good", "echo hello; echo [] > $1/results.json"},
    {"slow", "sleep 1; echo [] > $1/results.json"},
    {"once", "echo x >> $2/count; sleep 1; echo [] > $1/results.json"},
    {"empty", "echo nothing"},
    {"fail", "echo 'RuntimeError: CUDA out of memory.' >&2; exit 1"},
    {"hang", "echo begun; sleep 600"},
    {"loud",
     "i=0; while [ $i -lt 20000 ]; do echo line $i of many; i=$((i+1)); done; echo [] > "
     "$1/results.json"},
    {"link", "ln -s /etc/passwd $1/results.json"},
};

__attribute__((unused)) static void
help_write_plans(const struct world *w, const char *path)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs("plans = (\n", f);
    for (size_t i = 0; i < sizeof(help_plans) / sizeof(help_plans[0]); i++)
        fprintf(f,
                "%s{ name = \"%s\"; version = \"1\"; dialect = \"pinned\"; home = \"%s\";"
                " argv = [\"sh\", \"-c\", \"%s\", \"x\", \"{out}\", \"{home}\"];\n"
                " env = [\"LANG=C.UTF-8\"]; tasks = [\"t*\"]; precisions = [\"float16\"];\n"
                " max_gpus = 0; max_shots = 5; results = \"results.json\"; }\n",
                i ? "," : "", help_plans[i].name, w->dir, help_plans[i].script);
    fputs(");\nsigns = ({ text = \"CUDA out of memory\"; failure = \"out_of_memory\"; });\n",
          f);
    assert_int_equal(fclose(f), 0);
}

__attribute__((unused)) static void
help_open(struct world *w)
{
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    struct jb_error err = {0};
    int64_t slots;

    assert_int_equal(engine_of_conf(&w->conf, &err, &w->engine, &slots), 0);
    if (agent_open(&w->conf, w->engine, slots, &report, w->arena, &err, &w->agent))
        fail_msg("%s %s", err.text, report.text.n ? report.text.p : "");
    jb_buf_free(&report.text);
}

__attribute__((unused)) static void
help_close(struct world *w)
{
    agent_close(&w->agent);
    w->engine->calls->free(w->engine);
    w->engine = NULL;
}

__attribute__((unused)) static int
help_setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    char path[128];

    assert_non_null(w);
    help_folder(w->dir);
    w->arena = jb_arena_new(16 << 20);
    assert_non_null(w->arena);
    assert_int_equal(settings_defaults(agent_conf_table, w->arena, &w->conf), 0);
    snprintf(path, sizeof(path), "%s/plans.conf", w->dir);
    help_write_plans(w, path);
    w->conf.plans.file = jb_arena_printf(w->arena, "%s", path);
    w->conf.spool.dir = jb_arena_printf(w->arena, "%s/spool", w->dir);
    w->conf.spool.min_free = 0;
    w->conf.spool.max_attempts = 4;
    w->conf.spool.max_log = 64 << 10;
    w->conf.jobs.slots = 2;
    w->conf.jobs.grace = 300;
    w->conf.engine.nvidia_smi = "";
    help_open(w);
    *state = w;
    return 0;
}

__attribute__((unused)) static int
help_teardown(void **state)
{
    struct world *w = *state;

    if (w->engine)
        help_close(w);
    help_remove(w->dir);
    jb_arena_free(w->arena);
    free(w);
    return 0;
}

/* --- calls -------------------------------------------------------------------------------- */

/* Asks as a client would; the body, NUL-ended, lives in the world's arena. */
__attribute__((unused)) static int
help_call(struct world *w, const char *method, const char *path, const char *body,
          const char **ret_body, const char **ret_headers)
{
    struct http_answer answer = HTTP_ANSWER(CALLS_ANSWER_MAX);
    struct jb_buf text = JB_BUF(2 << 20);
    struct http_parser p;
    struct jb_error err = {0};
    int status;

    http_parser_init(&p, WIRE_BODY_MAX);
    jb_buf_printf(&text, "%s %s HTTP/1.1\r\nHost: h\r\n", method, path);
    if (body)
        jb_buf_printf(&text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    else
        jb_buf_puts(&text, "\r\n");
    int rc = http_push(&p, text.p, text.n, &err);
    if (rc == 1)
        calls_answer(&w->agent, http_parser_request(&p), &answer);
    else
        calls_refuse(rc, &err, &answer);
    status = answer.status;
    if (ret_body)
        *ret_body = jb_arena_dup(w->arena, answer.body.n ? answer.body.p : "", answer.body.n);
    if (ret_headers)
        *ret_headers =
            jb_arena_dup(w->arena, answer.headers.n ? answer.headers.p : "", answer.headers.n);
    http_answer_free(&answer);
    http_parser_free(&p);
    jb_buf_free(&text);
    return status;
}

/* An offer of one attempt: `n` benchmarks of one task each. */
__attribute__((unused)) static void
help_offer(struct wire_offer *offer, struct spec_task *tasks, int number, const char *plan,
           size_t n)
{
    static const char *const keys[] = {"arc", "sem", "mmlu"};

    *offer = (struct wire_offer){
        .job = (uint64_t)number, .fence = (uint64_t)number * 10, .lease_seconds = 60};
    snprintf(offer->id, sizeof(offer->id), "%032x", number);
    for (size_t i = 0; i < n; i++)
        tasks[i] = (struct spec_task){keys[i], "t1", "acc", 5};
    offer->spec = (struct spec){.plan = plan,
                                .model = "org/model",
                                .revision = COMMIT,
                                .base_model = "",
                                .base_revision = "",
                                .precision = "float16",
                                .weight_type = "Original",
                                .params = 1,
                                .seed = 1,
                                .wall_seconds = 60,
                                .suite = "v1",
                                .n_tasks = n,
                                .tasks = tasks};
}

__attribute__((unused)) static int
help_put(struct world *w, struct wire_offer *offer, const char **ret_body)
{
    struct jb_buf json = JB_BUF(SPEC_BODY_MAX);
    char path[80];

    assert_int_equal(spec_hash(&offer->spec, offer->spec_hash), 0);
    wire_offer_put(offer, &json);
    snprintf(path, sizeof(path), "/v1/attempts/%s", offer->id);
    const char *body;
    int status = help_call(w, "PUT", path, json.p, &body, NULL);
    if (ret_body)
        *ret_body = body;
    jb_buf_free(&json);
    return status;
}

__attribute__((unused)) static struct wire_state
help_state(struct world *w, const char *body)
{
    struct wire_state state = {0};
    struct jb_error err = {0};

    if (wire_state_read(jb_str(body), w->arena, &err, &state))
        fail_msg("%s: %s", body, err.text);
    return state;
}

/* Ticks until it is over, for so long. */
__attribute__((unused)) static struct attempt *
help_finish(struct world *w, const char *id, int ms)
{
    int64_t until = jb_monotonic_ms() + ms;
    struct attempt *a = NULL;

    do {
        agent_tick(&w->agent);
        a = journal_find(w->agent.journal, id);
        assert_non_null(a);
        if (!attempt_live(a))
            return a;
        help_pause(20);
    } while (jb_monotonic_ms() < until);
    fail_msg("attempt %s is not over after %d ms (%s)", id, ms, wire_phase_word(a->phase));
    return a;
}
