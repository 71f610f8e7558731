/* SPDX-License-Identifier: Apache-2.0 */
/* The streams thread with what waits for the store: over real sockets, with a store of the
 * test's own. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fcgi/streams.h"
#include "tests/fcgi_client.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

struct world {
    struct streams *s;
    int says; /* of every request */
    uint64_t change;
    int kept, closed, waits, status; /* atomic: what the hooks were told */
};

static void
on_done(void *ctx, int fd, bool keep)
{
    struct world *w = ctx;

    if (keep)
        close(fd);
    __atomic_add_fetch(keep ? &w->kept : &w->closed, 1, __ATOMIC_SEQ_CST);
}

static void
on_answered(void *ctx, enum streams_kind kind, int status)
{
    struct world *w = ctx;

    if (kind == STREAMS_RUN)
        __atomic_store_n(&w->status, status, __ATOMIC_SEQ_CST);
}

static void
on_waits(void *ctx)
{
    struct world *w = ctx;

    __atomic_add_fetch(&w->waits, 1, __ATOMIC_SEQ_CST);
}

static int
look(void *ctx, struct store_txn *txn, uint64_t wait_id, bool expired,
     struct waits_news *ret_news)
{
    struct world *w = ctx;
    (void)txn, (void)wait_id, (void)expired;

    if (w->says) {
        ret_news->outcome = (struct gradio_outcome){
            .success = w->says > 1,
            .output = jb_blob_new(w->says > 1 ? "[1]" : "\"no\"", w->says > 1 ? 3 : 4)};
        return 1;
    }
    snprintf(ret_news->desc, sizeof(ret_news->desc), "asks");
    ret_news->progress = 0.5;
    return 0;
}

static struct world *
world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    struct conf conf = {0};
    struct jb_error err = {0};
    struct streams_hooks hooks = {w, on_done, on_answered, on_waits, {w, look}};

    assert_non_null(w);
    conf.gradio.max_sessions = conf.gradio.max_events = 3;
    conf.gradio.max_session_bytes = conf.gradio.max_total_bytes = 1 << 20;
    conf.gradio.heartbeat = 15000;
    conf.gradio.session_expiry = conf.gradio.session_linger = 60000;
    conf.gradio.join_gap = 5;
    conf.gradio.close_grace = 5;
    assert_int_equal(streams_new(&conf, &hooks, &err, &w->s), 0);
    return w;
}

static void
world_free(struct world *w)
{
    if (w->s)
        streams_stop(w->s, jb_monotonic_ms() + PATIENCE_MS);
    streams_free(w->s);
    free(w);
}

/* Hands a request to the thread; the peer's end of its connection. */
static int
post(struct world *w, struct streams_task task, const char *head)
{
    struct timeval patience = {PATIENCE_MS / 1000, 0};
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    task.exchange = (struct exchange){fd[0], 1, true};
    task.head = jb_blob_new(head, strlen(head));
    assert_true(streams_post(w->s, &task));
    return fd[1];
}

static const struct gradio_outcome later = {
    .waiting = true, .wait_id = 5, .deadline_ms = INT64_MAX};

static int
post_run(struct world *w, bool prefixed)
{
    struct streams_task task = {
        .kind = STREAMS_RUN, .prefixed = prefixed, .fn_index = 8, .outcome = later};

    return post(w, task, "X-Mine: yes\r\n");
}

/* Until a number is reached, as far as that takes no time to speak of. */
#define UNTIL(what)                                                                            \
    for (int64_t end_ = jb_monotonic_ms() + PATIENCE_MS; !(what); usleep(1000))                \
    assert_true(jb_monotonic_ms() < end_)

static size_t
waiting(struct world *w)
{
    struct sessions_stat stat;

    streams_stat(w->s, &stat);
    return stat.waiting;
}

static void
look_again(struct world *w)
{
    streams_look(w->s, (struct store_txn *)w, ++w->change, jb_monotonic_ms());
}

/* The whole answer, NUL-terminated; the caller frees it. */
static void
expect_answer(int fd, const char *const *parts)
{
    struct fc_bytes got = {0};

    assert_true(fc_answer(fd, 1, &got));
    fc_put(&got, "", 1);
    for (; *parts; parts++)
        if (!strstr((const char *)got.p, *parts))
            fail_msg("no %s in %s", *parts, got.p);
    fc_free(&got);
    close(fd);
}
#define EXPECT(fd, ...) expect_answer(fd, (const char *const[]){__VA_ARGS__, NULL})

/* A synchronous call is answered when the store has decided, by no worker. */
static void
test_run(void **state)
{
    struct world *w = world_new();
    int fd[2];
    (void)state;

    fd[0] = post_run(w, false);
    fd[1] = post_run(w, true);
    UNTIL(waiting(w) == 2);
    assert_int_equal(w->waits, 1); /* the same request */
    look_again(w);
    assert_int_equal(waiting(w), 2);
    w->says = 2;
    look_again(w);
    EXPECT(fd[0], "Status: 200 OK\r\n", "Content-Type: application/json\r\n",
           "X-Mine: yes\r\n\r\n{\"data\":[1],", "\"changed_state_ids\":[]}");
    EXPECT(fd[1], "X-Mine: yes\r\n\r\n{\"data\":[1],", "\"used_cache\":null}");
    UNTIL(__atomic_load_n(&w->kept, __ATOMIC_SEQ_CST) == 2);
    assert_int_equal(w->status, 200);
    assert_int_equal(waiting(w), 0);

    w->says = 1;
    fd[0] = post_run(w, true);
    UNTIL(waiting(w) == 1);
    look_again(w);
    EXPECT(fd[0], "Status: 500 Internal Server Error\r\n",
           "{\"error\":\"no\",\"duration\":10,\"visible\":true,\"title\":\"Error\"}");
    world_free(w);
}

/* A client that goes away waits no more; too many at once are refused; a stop answers all. */
static void
test_run_ends(void **state)
{
    struct world *w = world_new();
    int fd[3];
    (void)state;

    fd[0] = post_run(w, true);
    UNTIL(waiting(w) == 1);
    close(fd[0]);
    UNTIL(waiting(w) == 0);
    UNTIL(__atomic_load_n(&w->closed, __ATOMIC_SEQ_CST) == 1);

    for (int i = 0; i < 3; i++)
        fd[i] = post_run(w, true);
    UNTIL(waiting(w) == 3);
    EXPECT(post_run(w, true), "Status: 503 ",
           "X-Mine: yes\r\n\r\n{\"detail\":\"Queue is full.\"}");
    streams_stop(w->s, jb_monotonic_ms() + PATIENCE_MS);
    for (int i = 0; i < 3; i++)
        EXPECT(fd[i], "Status: 500 ", "{\"error\":" GRADIO_RESTARTS ",");
    streams_free(w->s);
    w->s = NULL;
    world_free(w);
}

/* Until the peer has got this; it stays to be read. */
static void
peek_until(int fd, const char *part)
{
    char got[8192];
    ssize_t n;

    UNTIL((n = recv(fd, got, sizeof(got), MSG_PEEK | MSG_DONTWAIT)) > 0 &&
          memmem(got, (size_t)n, part, strlen(part)));
}

/* An event: join, stream, progress, verdict. Another that is cancelled is not asked for. */
static void
test_event(void **state)
{
    struct world *w = world_new();
    struct streams_task join = {
        .kind = STREAMS_JOIN, .name = "s", .fn_index = 8, .outcome = later};
    struct streams_task data = {.kind = STREAMS_DATA, .name = "s"};
    struct streams_task cancel = {.kind = STREAMS_CANCEL, .name = "c"};
    struct fc_bytes got = {0};
    int fd = post(w, join, ""), stream;
    char *id;
    (void)state;

    EXPECT(fd, "Status: 200 OK\r\n", "{\"event_id\":\"");
    stream = post(w, data, "Status: 200 OK\r\n\r\n");
    UNTIL(waiting(w) == 1);
    look_again(w);
    look_again(w);
    w->says = 2;
    peek_until(stream, "asks");
    look_again(w);
    assert_true(fc_answer(stream, 1, &got));
    fc_put(&got, "", 1);
    static const char *const order[] = {"\"estimation\"", "\"process_starts\"",
                                        "\"progress\":0.5,\"desc\":\"asks\"", "\"data\":[1]",
                                        "\"close_stream\""};
    const char *at = (const char *)got.p;
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        at = strstr(at, order[i]);
        if (!at)
            fail_msg("no %s in its place: %s", order[i], got.p);
    }
    assert_null(strstr(strstr((const char *)got.p, "asks") + 1, "asks")); /* told once */
    fc_free(&got);
    close(stream);
    assert_int_equal(waiting(w), 0);

    w->says = 0;
    snprintf(join.name, sizeof(join.name), "c");
    fd = post(w, join, "");
    assert_true(fc_answer(fd, 1, &got));
    fc_put(&got, "", 1);
    id = strstr((char *)got.p, "event_id\":\"");
    assert_non_null(id);
    snprintf(cancel.event, sizeof(cancel.event), "%.32s", id + strlen("event_id\":\""));
    fc_free(&got);
    close(fd);
    UNTIL(waiting(w) == 1);
    EXPECT(post(w, cancel, ""), "{\"success\":true}");
    UNTIL(waiting(w) == 0);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_run_ends),
        cmocka_unit_test(test_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
