/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the agent, over a real journal and real jobs. */
#include <config.h>

#include "tests/unit/agent_help.h"

#include "agent/run.h"

#include <signal.h>

static void
test_paths(void **state)
{
    struct world *w = *state;
    const char *body;

    assert_int_equal(help_call(w, "GET", "/", NULL, NULL, NULL), 404);
    assert_int_equal(help_call(w, "GET", "/v1/infos", NULL, NULL, NULL), 404);
    assert_int_equal(help_call(w, "POST", "/v1/info", "", NULL, NULL), 405);
    assert_int_equal(help_call(w, "GET", "/v1/attempts/", NULL, NULL, NULL), 404);
    assert_int_equal(help_call(w, "GET", "/v1/attempts/../../etc", NULL, NULL, NULL), 404);
    assert_int_equal(
        help_call(w, "GET", "/v1/attempts/0000000000000000000000000000000A", NULL, NULL, NULL),
        404);
    assert_int_equal(
        help_call(w, "GET", "/v1/attempts/00000000000000000000000000000001", NULL, &body, NULL),
        404);
    assert_string_equal(body, "{\"error\":\"there is no such attempt\"}");
    assert_int_equal(help_call(w, "POST", "/v1/csr", "", NULL, NULL), 501);
    assert_int_equal(help_call(w, "PATCH", "/v1/info", "", NULL, NULL), 405);
}

static void
test_info_and_drain(void **state)
{
    struct world *w = *state;
    struct wire_offer offer;
    struct spec_task tasks[1];
    struct wire_info info;
    const char *body, *headers;
    char id[WIRE_ID_SIZE];

    assert_int_equal(help_call(w, "GET", "/v1/info", NULL, &body, NULL), 200);
    assert_int_equal(wire_info_read(jb_str(body), w->arena, NULL, &info), 0);
    assert_int_equal(info.slots, 2);
    assert_int_equal(info.slots_free, 2);
    assert_string_equal(info.engine, "local");
    assert_int_equal(strlen(info.policy), 64);
    assert_true(info.n_plans == sizeof(help_plans) / sizeof(help_plans[0]));
    assert_true(info.memory_mib > 100 && info.disk_free_mib > 0);
    assert_false(info.draining);

    assert_int_equal(help_call(w, "POST", "/v1/drain", "{\"drain\":true}", &body, NULL), 200);
    assert_int_equal(wire_info_read(jb_str(body), w->arena, NULL, &info), 0);
    assert_true(info.draining);
    /* through a restart */
    help_close(w);
    help_open(w);
    help_offer(&offer, tasks, 1, "good", 1);
    assert_int_equal(help_put(w, &offer, &body), 429);
    memcpy(id, offer.id, sizeof(id));
    assert_int_equal(help_call(w, "POST", "/v1/drain", "{\"drain\":false}", NULL, NULL), 200);
    assert_int_equal(help_put(w, &offer, &body), 200);
    assert_int_equal(help_call(w, "POST", "/v1/drain", "{}", NULL, &headers), 422);
}

static void
test_put(void **state)
{
    struct world *w = *state;
    struct wire_offer one, two, three;
    struct spec_task t1[3], t2[3], t3[3];
    const char *body;

    help_offer(&one, t1, 1, "hang", 1);
    assert_int_equal(help_put(w, &one, &body), 200);
    assert_int_equal(help_state(w, body).phase, WIRE_ACCEPTED);
    /* once more: the same */
    assert_int_equal(help_put(w, &one, &body), 200);
    assert_int_equal(journal_count(w->agent.journal), 1);
    /* another spec under its id */
    one.spec.seed++;
    assert_int_equal(help_put(w, &one, &body), 409);
    one.spec.seed--;
    one.fence++;
    assert_int_equal(help_put(w, &one, &body), 409);
    one.fence--;
    /* another attempt of the job: with a lower fence, then a higher one */
    help_offer(&two, t2, 2, "hang", 1);
    two.job = one.job;
    two.fence = one.fence - 1;
    assert_int_equal(help_put(w, &two, &body), 412);
    two.fence = one.fence + 1;
    assert_int_equal(help_put(w, &two, &body), 200);
    /* both slots are taken */
    help_offer(&three, t3, 3, "hang", 1);
    assert_int_equal(help_put(w, &three, &body), 429);
    assert_int_equal(
        help_call(w, "PUT", "/v1/attempts/00000000000000000000000000000004", "{}", &body, NULL),
        422);
    assert_int_equal(
        help_call(w, "PUT", "/v1/attempts/00000000000000000000000000000004", "{", &body, NULL),
        400);
    assert_int_equal(journal_count(w->agent.journal), 2);
    assert_int_not_equal(journal_at(w->agent.journal, 0)->slot,
                         journal_at(w->agent.journal, 1)->slot);
}

static void
test_policy(void **state)
{
    struct world *w = *state;
    struct wire_offer offer;
    struct spec_task tasks[3];
    const char *body;

    w->conf.jobs.max_params = 10;
    w->conf.jobs.max_wall = 100 * 1000;
    help_offer(&offer, tasks, 1, "unknown", 1);
    assert_int_equal(help_put(w, &offer, &body), 422);
    assert_non_null(strstr(body, "plan"));
    help_offer(&offer, tasks, 1, "good", 2);
    tasks[1].task = "other";
    assert_int_equal(help_put(w, &offer, &body), 422);
    help_offer(&offer, tasks, 1, "good", 1);
    tasks[0].shots = 25;
    assert_int_equal(help_put(w, &offer, &body), 422);
    help_offer(&offer, tasks, 1, "good", 1);
    offer.spec.precision = "4bit";
    assert_int_equal(help_put(w, &offer, &body), 422);
    help_offer(&offer, tasks, 1, "good", 1);
    offer.spec.params = 11;
    assert_int_equal(help_put(w, &offer, &body), 422);
    offer.spec.params = 0.0 / 0.0;
    assert_int_equal(help_put(w, &offer, &body), 422);
    help_offer(&offer, tasks, 1, "good", 1);
    offer.spec.wall_seconds = 101;
    assert_int_equal(help_put(w, &offer, &body), 422);
    offer.spec.wall_seconds = 100;
    w->conf.plans.allow = (struct setting_strings){1, (const char *const[]){"slow"}};
    assert_int_equal(help_put(w, &offer, &body), 422);
    w->conf.plans.allow.n = 0;
    w->conf.spool.min_free = INT64_C(1) << 60;
    assert_int_equal(help_put(w, &offer, &body), 503);
    w->conf.spool.min_free = 0;
    assert_int_equal(journal_count(w->agent.journal), 0);
    assert_int_equal(help_put(w, &offer, &body), 200);
}

static void
test_whole_life(void **state)
{
    struct world *w = *state;
    struct wire_offer offer;
    struct wire_manifest m;
    struct wire_state s;
    struct spec_task tasks[3];
    const char *body, *headers;
    char path[120];

    help_offer(&offer, tasks, 1, "good", 3);
    assert_int_equal(help_put(w, &offer, NULL), 200);
    struct attempt *a = help_finish(w, offer.id, 15000);
    if (a->phase != WIRE_SUCCEEDED)
        fail_msg("%s: %s", a->failure, a->reason);
    snprintf(path, sizeof(path), "/v1/attempts/%s", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, &body, NULL), 200);
    s = help_state(w, body);
    assert_int_equal(s.n_done, 3);
    assert_true(s.progress == 1);
    assert_true(s.log_epoch == 1 && s.log_end > 0);

    snprintf(path, sizeof(path), "/v1/attempts/%s/result", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, &body, &headers), 200);
    assert_int_equal(wire_manifest_read(jb_str(body), w->arena, NULL, &m), 0);
    assert_int_equal(m.n, 3);
    assert_string_equal(m.spec_hash, offer.spec_hash);
    assert_string_equal(m.parts[1].benchmark, "sem");
    assert_int_equal(m.parts[1].size, 3);
    assert_non_null(strstr(headers, "ETag: \""));
    snprintf(path, sizeof(path), "/v1/attempts/%s/result/sem", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, &body, &headers), 200);
    assert_string_equal(body, "[]\n");
    assert_non_null(strstr(headers, m.parts[1].sha256));
    snprintf(path, sizeof(path), "/v1/attempts/%s/result/other", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, NULL, NULL), 404);
    /* the job's folder is gone, the results stay through a restart */
    assert_false(file_is(a->dir, "work"));
    help_close(w);
    help_open(w);
    snprintf(path, sizeof(path), "/v1/attempts/%s/result/arc", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, &body, NULL), 200);
    assert_string_equal(body, "[]\n");

    snprintf(path, sizeof(path), "/v1/attempts/%s", offer.id);
    assert_int_equal(help_call(w, "DELETE", path, NULL, &body, NULL), 200);
    assert_int_equal(help_call(w, "DELETE", path, NULL, &body, NULL), 200);
    assert_int_equal(help_call(w, "GET", path, NULL, &body, NULL), 404);
    /* its PUT, late: it does not begin again */
    assert_int_equal(help_put(w, &offer, &body), 412);
    help_close(w);
    help_open(w);
    assert_int_equal(help_put(w, &offer, &body), 412);
}

static void
test_failures(void **state)
{
    static const struct {
        const char *plan, *failure;
    } cases[] = {{"fail", "out_of_memory"},
                 {"empty", "incomplete_results"},
                 {"link", "incomplete_results"}};
    struct world *w = *state;
    struct wire_offer offer;
    struct spec_task tasks[3];
    char path[100];

    for (size_t i = 0; i < 3; i++) {
        help_offer(&offer, tasks, (int)i + 1, cases[i].plan, 1);
        assert_int_equal(help_put(w, &offer, NULL), 200);
        const struct attempt *a = help_finish(w, offer.id, 15000);
        assert_int_equal(a->phase, WIRE_FAILED);
        assert_string_equal(a->failure, cases[i].failure);
        assert_true(a->reason[0]);
        snprintf(path, sizeof(path), "/v1/attempts/%s", offer.id);
        assert_int_equal(help_call(w, "DELETE", path, NULL, NULL, NULL), 200);
    }
}

static void
test_log(void **state)
{
    struct world *w = *state;
    struct wire_offer offer;
    struct spec_task tasks[3];
    const char *body, *headers, *part;
    char path[120], line[80];

    help_offer(&offer, tasks, 1, "loud", 1);
    assert_int_equal(help_put(w, &offer, NULL), 200);
    snprintf(path, sizeof(path), "/v1/attempts/%s/log", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, &body, &headers), 200);
    assert_string_equal(body, "");
    assert_non_null(strstr(headers, "X-Log-End: 0\r\n"));
    assert_int_equal(help_finish(w, offer.id, 30000)->phase, WIRE_SUCCEEDED);
    assert_int_equal(help_call(w, "GET", path, NULL, &body, &headers), 200);
    assert_non_null(strstr(body, "line 0 of many\n"));
    assert_non_null(strstr(body, "left out here"));
    assert_non_null(strstr(headers, "X-Log-Kept: 32768\r\n"));
    snprintf(path, sizeof(path), "/v1/attempts/%s/log?from=40000", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, &part, NULL), 200);
    assert_string_equal(part, body + 40000);
    uint64_t epoch, end;
    assert_int_equal(
        spool_look(journal_find(w->agent.journal, offer.id)->dir, NULL, &epoch, &end), 0);
    assert_true(epoch > 1);
    snprintf(path, sizeof(path), "/v1/attempts/%s/log?from=10&epoch=%d", offer.id, (int)epoch);
    assert_int_equal(help_call(w, "GET", path, NULL, &part, NULL), 200);
    snprintf(path, sizeof(path), "/v1/attempts/%s/log?from=10&epoch=1", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, &part, &headers), 416);
    snprintf(line, sizeof(line), "X-Log-Epoch: %d\r\n", (int)epoch);
    assert_non_null(strstr(headers, line));
    snprintf(path, sizeof(path), "/v1/attempts/%s/log?from=%d", offer.id, (int)end);
    assert_int_equal(help_call(w, "GET", path, NULL, &part, NULL), 200);
    assert_string_equal(part, "");
    snprintf(path, sizeof(path), "/v1/attempts/%s/log?from=%d", offer.id, (int)end + 1);
    assert_int_equal(help_call(w, "GET", path, NULL, &part, NULL), 416);
    snprintf(path, sizeof(path), "/v1/attempts/%s/log?from=x", offer.id);
    assert_int_equal(help_call(w, "GET", path, NULL, &part, NULL), 400);
}

static struct wire_renewed
renew(struct world *w, int64_t stamp, const char *id, uint64_t fence, int64_t seconds,
      bool cancel)
{
    struct wire_renewal item = {.fence = fence, .lease_seconds = seconds, .cancel = cancel};
    struct wire_renew all = {stamp, 1, &item};
    struct jb_buf json = JB_BUF(WIRE_BODY_MAX);
    struct wire_renewed renewed = {0};
    const char *body;

    memcpy(item.id, id, sizeof(item.id));
    wire_renew_put(&all, &json);
    assert_int_equal(help_call(w, "POST", "/v1/renew", json.p, &body, NULL), 200);
    assert_int_equal(wire_renewed_read(jb_str(body), w->arena, NULL, &renewed), 0);
    jb_buf_free(&json);
    return renewed;
}

static int64_t
until(struct world *w, const char *id)
{
    struct run_lease lease = {0};

    assert_int_equal(
        run_lease_read(journal_find(w->agent.journal, id)->dir, w->arena, NULL, &lease), 0);
    return lease.until_ms;
}

static void
test_renew(void **state)
{
    struct world *w = *state;
    struct wire_offer offer;
    struct wire_renewed r;
    struct spec_task tasks[3];
    int64_t now = jb_monotonic_ms();
    const char *body;
    char text[200];

    help_offer(&offer, tasks, 1, "hang", 1);
    assert_int_equal(help_put(w, &offer, NULL), 200);
    int64_t first = until(w, offer.id);
    assert_true(first >= now + 60000);
    /* from the stamp, not from when it comes */
    r = renew(w, now, offer.id, offer.fence, 120, false);
    assert_int_equal(until(w, offer.id), now + 120000);
    assert_int_equal(r.n, 1);
    assert_true(r.monotonic_ms >= now);
    assert_string_equal(r.boot_id, w->agent.boot_id);
    /* an old one that comes late takes nothing away, another fence counts nothing */
    renew(w, now - 50000, offer.id, offer.fence, 120, false);
    assert_int_equal(until(w, offer.id), now + 120000);
    renew(w, now, offer.id, offer.fence + 1, 900, false);
    assert_int_equal(until(w, offer.id), now + 120000);
    /* at most what the host gives */
    renew(w, now, offer.id, offer.fence, 86400, false);
    assert_int_equal(until(w, offer.id), now + w->conf.jobs.max_lease);
    /* of what is not here: only the states */
    r = renew(w, now, "ffffffffffffffffffffffffffffffff", 1, 60, true);
    assert_int_equal(r.n, 1);
    snprintf(text, sizeof(text), "{\"stamp_ms\":%lld,\"items\":[]}",
             (long long)jb_monotonic_ms() + 100000);
    assert_int_equal(help_call(w, "POST", "/v1/renew", text, &body, NULL), 422);

    /* cancelled in a renewal, while it runs */
    agent_tick(&w->agent);
    assert_int_equal(journal_find(w->agent.journal, offer.id)->phase, WIRE_RUNNING);
    r = renew(w, now, offer.id, offer.fence, 60, true);
    assert_int_equal(r.states[0].phase, WIRE_RUNNING);
    assert_int_equal(help_finish(w, offer.id, 15000)->phase, WIRE_CANCELLED);
    r = renew(w, now, offer.id, offer.fence, 60, true);
    assert_int_equal(r.states[0].phase, WIRE_CANCELLED);
}

static void
test_cancel_and_delete(void **state)
{
    struct world *w = *state;
    struct wire_offer offer;
    struct spec_task tasks[3];
    const char *body;
    char path[100], cancel[120];

    help_offer(&offer, tasks, 1, "hang", 1);
    snprintf(path, sizeof(path), "/v1/attempts/%s", offer.id);
    snprintf(cancel, sizeof(cancel), "/v1/attempts/%s/cancel", offer.id);
    assert_int_equal(help_put(w, &offer, NULL), 200);
    assert_int_equal(help_call(w, "DELETE", path, NULL, &body, NULL), 409);
    /* before it began: nothing ever runs, even through a restart */
    assert_int_equal(help_call(w, "POST", cancel, "", &body, NULL), 200);
    help_close(w);
    help_open(w);
    assert_int_equal(help_finish(w, offer.id, 5000)->phase, WIRE_CANCELLED);
    assert_false(file_is(journal_find(w->agent.journal, offer.id)->dir, "shim.json"));
    assert_int_equal(help_call(w, "POST", cancel, "", &body, NULL), 200);
    assert_int_equal(help_call(w, "DELETE", path, NULL, &body, NULL), 200);
}

/* Kept attempts are bounded, however many slots are free. */
static void
test_bounded(void **state)
{
    struct world *w = *state;
    struct wire_offer offer;
    struct spec_task tasks[3];
    const char *body;

    for (int i = 1; i <= 4; i++) {
        help_offer(&offer, tasks, i, "empty", 1);
        assert_int_equal(help_put(w, &offer, NULL), 200);
        help_finish(w, offer.id, 15000);
    }
    help_offer(&offer, tasks, 5, "empty", 1);
    assert_int_equal(help_put(w, &offer, &body), 429);
    /* old ones go by themselves */
    w->conf.spool.keep = -1000;
    agent_tick(&w->agent);
    assert_int_equal(journal_count(w->agent.journal), 0);
}

/* The agent is killed at many moments of an attempt's life; another one takes over. The job
 * runs once, whatever the moment was. */
static void
test_killed_and_adopted(void **state)
{
    struct world *w = *state;
    struct wire_offer offer;
    struct spec_task tasks[3];
    char path[120];
    struct stat st;

    for (int round = 0; round < 12; round++) {
        help_offer(&offer, tasks, round + 1, "once", 1);
        help_close(w);
        pid_t pid = fork();
        if (pid == 0) {
            help_open(w);
            help_put(w, &offer, NULL);
            for (;;) {
                agent_tick(&w->agent);
                help_pause(1);
            }
        }
        help_pause(5 + round * 13 + (round == 11 ? 1500 : 0));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        help_open(w);
        /* the dispatcher heard nothing: it asks once more */
        assert_int_equal(help_put(w, &offer, NULL), 200);
        const struct attempt *a = help_finish(w, offer.id, 15000);
        if (a->phase != WIRE_SUCCEEDED) {
            const char *text = "";

            snprintf(path, sizeof(path), "/v1/attempts/%s/log", offer.id);
            help_call(w, "GET", path, NULL, &text, NULL);
            fail_msg("round %d: %s %s\n%s", round, a->failure, a->reason, text);
        }
        snprintf(path, sizeof(path), "%s/count", w->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, 2 * (round + 1));
        snprintf(path, sizeof(path), "/v1/attempts/%s", offer.id);
        assert_int_equal(help_call(w, "DELETE", path, NULL, NULL, NULL), 200);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_paths),
        TEST(test_info_and_drain),
        TEST(test_put),
        TEST(test_policy),
        TEST(test_whole_life),
        TEST(test_failures),
        TEST(test_log),
        TEST(test_renew),
        TEST(test_cancel_and_delete),
        TEST(test_bounded),
        TEST(test_killed_and_adopted),
    };
    help_shim(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
