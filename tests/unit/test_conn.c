/* SPDX-License-Identifier: Apache-2.0 */
/* Connections over a socket pair: answers in order, slow clients, large answers, time-outs. */
#include <config.h>

#include "tests/unit/cmocka_all.h"

#include "agent/conn.h"
#include "crypto/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
    int ours, theirs;
    struct conn conn;
    int calls;
    size_t answer_size;
};

static long
sock_read(void *ctx, void *buf, size_t n)
{
    ssize_t got = recv(((struct pair *)ctx)->ours, buf, n, MSG_DONTWAIT);

    return got >= 0 ? got : errno == EAGAIN ? PEER_WANTS_READ : JB_ECLOSED;
}

static long
sock_write(void *ctx, const void *buf, size_t n)
{
    ssize_t put = send(((struct pair *)ctx)->ours, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);

    return put >= 0 ? put : errno == EAGAIN ? PEER_WANTS_WRITE : JB_ECLOSED;
}

static void
answer(void *ctx, const struct http_request *request, int rc, const struct jb_error *err,
       struct http_answer *ret)
{
    struct pair *p = ctx;

    p->calls++;
    ret->status = request ? 200 : jb_error_status(rc);
    if (!request) {
        jb_buf_puts(&ret->body, err->text);
        return;
    }
    jb_buf_str(&ret->body, request->path);
    for (size_t i = 0; i < p->answer_size; i++)
        jb_buf_putc(&ret->body, 'x');
}

static int
setup(void **state)
{
    const struct conn_limits limits = {1 << 20, 4 << 20, 1000, 60000};
    struct pair *p = calloc(1, sizeof(*p));
    struct conn_io io = {p, sock_read, sock_write};
    int fds[2];

    assert_non_null(p);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    p->ours = fds[0];
    p->theirs = fds[1];
    conn_init(&p->conn, &io, &limits, answer, p, 0);
    *state = p;
    return 0;
}

static int
teardown(void **state)
{
    struct pair *p = *state;

    conn_free(&p->conn);
    close(p->ours);
    close(p->theirs);
    free(p);
    return 0;
}

static void
say(struct pair *p, const char *text)
{
    assert_int_equal(send(p->theirs, text, strlen(text), MSG_DONTWAIT), (ssize_t)strlen(text));
}

static const char *
hear(struct pair *p)
{
    static char text[65536];
    ssize_t n = recv(p->theirs, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void
test_requests(void **state)
{
    struct pair *p = *state;

    assert_int_equal(conn_run(&p->conn, 1), CONN_READ);
    for (int i = 0; i < 3; i++) {
        say(p, "GET /one HTTP/1.1\r\nHo");
        assert_int_equal(conn_run(&p->conn, 10), CONN_READ);
        assert_string_equal(hear(p), "");
        say(p, "st: h\r\n\r\n");
        assert_int_equal(conn_run(&p->conn, 20), CONN_READ);
        assert_string_equal(hear(p), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n/one");
    }
    say(p, "GET /two HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_int_equal(conn_run(&p->conn, 30), CONN_CLOSE);
    assert_non_null(strstr(hear(p), "Connection: close\r\n\r\n/two"));
    assert_int_equal(p->calls, 4);
}

static void
test_refused(void **state)
{
    struct pair *p = *state;

    say(p, "GET /one HTTP/1.1\r\nHost: h\r\n\r\nGET /two HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(conn_run(&p->conn, 10), CONN_CLOSE);
    assert_int_equal(strncmp(hear(p), "HTTP/1.1 400 ", 13), 0);
    assert_int_equal(p->calls, 1);
}

static void
test_time_outs(void **state)
{
    struct pair *p = *state;

    /* a request that drips: the clock runs from its first byte */
    assert_int_equal(conn_run(&p->conn, 50000), CONN_READ);
    say(p, "G");
    assert_int_equal(conn_run(&p->conn, 50000), CONN_READ);
    assert_int_equal(conn_deadline(&p->conn), 51000);
    say(p, "E");
    assert_int_equal(conn_run(&p->conn, 50999), CONN_READ);
    assert_int_equal(conn_run(&p->conn, 51000), CONN_CLOSE);
}

static void
test_idle_and_old(void **state)
{
    struct pair *p = *state;

    assert_int_equal(conn_deadline(&p->conn), 60000);
    for (int64_t now = 1000; now < 3600 * 1000; now += 59000) {
        say(p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_int_equal(conn_run(&p->conn, now), CONN_READ);
        assert_null(strstr(hear(p), "Connection"));
    }
    /* as old as it may get */
    say(p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(conn_run(&p->conn, 3600 * 1000), CONN_CLOSE);
    assert_non_null(strstr(hear(p), "Connection: close"));
}

static void
test_large_answer(void **state)
{
    struct pair *p = *state;
    size_t got = 0;

    p->answer_size = 3 << 20;
    say(p, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(conn_run(&p->conn, 10), CONN_WRITE);
    assert_int_equal(conn_deadline(&p->conn), 1010);
    for (int i = 0; i < 10000 && p->conn.wants == CONN_WRITE; i++) {
        got += strlen(hear(p));
        conn_run(&p->conn, 20);
    }
    for (size_t n; (n = strlen(hear(p))) > 0;)
        got += n;
    assert_int_equal(p->conn.wants, CONN_READ);
    assert_int_equal(got, strlen("HTTP/1.1 200 OK\r\nContent-Length: 3145732\r\n\r\n/big") +
                              (3 << 20));
    /* and who does not take it is cut */
    say(p, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(conn_run(&p->conn, 2000), CONN_WRITE);
    assert_int_equal(conn_run(&p->conn, 3001), CONN_CLOSE);
}

static void
test_gone(void **state)
{
    struct pair *p = *state;

    say(p, "GET /one HT");
    assert_int_equal(shutdown(p->theirs, SHUT_WR), 0);
    assert_int_equal(conn_run(&p->conn, 10), CONN_CLOSE);
    assert_int_equal(p->calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_requests),     TEST(test_refused),      TEST(test_time_outs),
        TEST(test_idle_and_old), TEST(test_large_answer), TEST(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
