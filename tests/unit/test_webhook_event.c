/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch/webhook_event.h"

static struct jb_arena *arena;

static const char *
body_of(const struct webhook_event *event)
{
    struct jb_buf out = JB_BUF(DELIVERY_BODY_MAX);
    const char *text;

    assert_int_equal(webhook_body(event, &out), 0);
    text = jb_arena_dup(arena, out.p, out.n);
    jb_buf_free(&out);
    return text;
}

static const char *
event_of(const char *state, bool submitted)
{
    return webhook_event_of(&(struct webhook_change){.state = state, .submitted = submitted});
}

static void
test_states(void **state)
{
    (void)state;
    assert_string_equal(event_of("SUBMITTED", true), "submitted");
    assert_string_equal(event_of("SUBMITTED", false), "submitted");
    assert_string_equal(event_of("QUEUED", true), "submitted");
    assert_string_equal(event_of("RUNNING", false), "started");
    assert_string_equal(event_of("FINISHED", false), "finished");
    assert_string_equal(event_of("FAILED", false), "failed");
    assert_string_equal(event_of("QUARANTINED", false), "failed");
    assert_null(event_of("CANCELLED", false));
    assert_null(event_of("QUEUED", false));
    assert_null(event_of("DUPLICATE", false));
    assert_null(event_of("", true));
    assert_null(event_of("running", false));
}

static void
test_wants(void **state)
{
    const char *const some[] = {"finished", "failed"};
    struct conf_webhook all = {0}, hook = {.events = {2, some}};

    (void)state;
    assert_true(webhook_wants(&all, "submitted"));
    assert_true(webhook_wants(&hook, "failed"));
    assert_false(webhook_wants(&hook, "submitted"));
    assert_true(webhook_wants(&hook, "ping"));
}

static void
test_change(void **state)
{
    struct change c = {.kind = "job", .after = ""};
    struct webhook_change became;

    (void)state;
    assert_int_equal(webhook_change_read(&c, arena, &became), 0);
    assert_string_equal(became.state, "");
    assert_false(became.failure_said);
    c.after = "{\"state\":\"FAILED\",\"attempts\":2,\"reason\":\"no \\\"config\\\" \\u91d1\"}";
    assert_int_equal(webhook_change_read(&c, arena, &became), 0);
    assert_string_equal(became.state, "FAILED");
    assert_string_equal(became.reason, "no \"config\" 金");
    assert_true(became.reason_said);
    assert_false(became.failure_said);
    assert_false(became.submitted);
    c.after = "{\"state\":\"QUEUED\",\"round\":2}";
    assert_int_equal(webhook_change_read(&c, arena, &became), 0);
    assert_true(became.submitted);
    c.after = "{\"owner\":\"state\",\"hidden\":true}";
    assert_int_equal(webhook_change_read(&c, arena, &became), 0);
    assert_string_equal(became.state, "");
}

static void
test_bodies(void **state)
{
    struct request r = {.id = 7,
                        .model = "o/\"m\"",
                        .revision = "main",
                        .commit = "",
                        .precision = "float16",
                        .weight_type = "Original",
                        .model_type = "🟢 : pretrained",
                        .submitted = 1764028800000000};
    struct webhook_event e = {.delivery = 41,
                              .event = "failed",
                              .time = 1764028801000002,
                              .request = &r,
                              .state = "QUARANTINED",
                              .failure = "not_found",
                              .reason = "there is no such model",
                              .mount = "/board"};

    (void)state;
    assert_string_equal(
        body_of(&e),
        "{\"event\":\"failed\",\"id\":41,\"time\":\"2025-11-25T00:00:01.000002Z\",\"request\":{"
        "\"id\":7,\"model\":\"o/\\\"m\\\"\",\"revision\":\"main\",\"commit\":null,"
        "\"precision\":\"float16\",\"weight_type\":\"Original\",\"model_type\":\"🟢 : "
        "pretrained\",\"status\":\"FAILED\",\"submitted\":\"2025-11-25T00:00:00Z\"},"
        "\"failure\":{\"class\":\"not_found\",\"reason\":\"there is no such model\"},"
        "\"url\":\"/board/requests/7\"}");
    e.event = "submitted";
    e.state = "SUBMITTED";
    assert_non_null(strstr(body_of(&e), "\"status\":\"PENDING\""));
    assert_non_null(strstr(body_of(&e), "\"failure\":null"));
    e = (struct webhook_event){
        .delivery = 1, .event = "ping", .time = 1764028800000000, .mount = ""};
    assert_string_equal(body_of(&e),
                        "{\"event\":\"ping\",\"id\":1,\"time\":\"2025-11-25T00:00:00.000000Z\","
                        "\"request\":null,\"failure\":null,\"url\":null}");
}

/* By Python's hmac module. */
static void
test_signature(void **state)
{
    char signature[WEBHOOK_SIGNATURE_SIZE];

    (void)state;
    assert_int_equal(webhook_sign(JB_STR("a secret of the receiver"), 1764028800,
                                  JB_STR("{\"event\":\"ping\"}"), signature),
                     0);
    assert_string_equal(
        signature, "sha256=36ea01e63dbb58d742f9722e98cc2798565c2096a49814db87ad589742aa38a5");
}

static void
test_wait(void **state)
{
    int64_t least = INT64_MAX, most = 0;

    (void)state;
    /* 2000 is the middle of the jitter. */
    assert_int_equal(webhook_wait(10000, 1, -1, 2000), 10000);
    assert_int_equal(webhook_wait(10000, 2, -1, 2000), 20000);
    assert_int_equal(webhook_wait(10000, 5, -1, 2000), 160000);
    assert_int_equal(webhook_wait(10000, 1000, -1, 2000), WEBHOOK_WAIT_MOST);
    assert_int_equal(webhook_wait(10000, UINT64_MAX, -1, 4000), WEBHOOK_WAIT_MOST);
    for (uint32_t random = 0; random <= 4000; random++) {
        int64_t wait = webhook_wait(10000, 1, -1, random);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_int_equal(least, 8000);
    assert_int_equal(most, 12000);
    assert_int_equal(webhook_wait(10000, 1, -1, UINT32_MAX) / 1000 >= 8, 1);
    assert_int_equal(webhook_wait(10000, 1, 60000, 2000), 60000);
    assert_int_equal(webhook_wait(10000, 1, 5000, 2000), 10000);
    assert_int_equal(webhook_wait(10000, 1, INT64_MAX, 2000), WEBHOOK_WAIT_MOST);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),    cmocka_unit_test(test_wants),
        cmocka_unit_test(test_change),    cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_signature), cmocka_unit_test(test_wait),
    };
    int failed;

    arena = jb_arena_new(1 << 20);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    jb_arena_free(arena);
    return failed;
}
