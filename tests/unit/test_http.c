/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent takes for a request, and what it refuses. */
#include "tests/unit/cmocka_all.h"

#include "agent/http.h"

#include <stdio.h>
#include <string.h>

#define HOST "Host: h\r\n"

static int
push_all(struct http_parser *p, const char *text, size_t piece, struct jb_error *err)
{
    size_t n = strlen(text);
    int rc = 0;

    for (size_t at = 0; at < n && rc == 0; at += piece)
        rc = http_push(p, text + at, n - at < piece ? n - at : piece, err);
    return rc;
}

static void
test_taken(void **state)
{
    static const char text[] = "PUT /v1/attempts/00ff?from=17&epoch=2 HTTP/1.1\r\n" HOST
                               "content-length: 5\r\nX-Other:\t a b \r\n"
                               "range: bytes=3-9\r\nConnection: close\r\n\r\nhello";
    (void)state;
    for (size_t piece = 1; piece <= sizeof(text); piece++) {
        struct http_parser p;
        struct jb_error err = {0};
        uint64_t n;

        http_parser_init(&p, 100);
        assert_false(http_parser_begun(&p));
        assert_int_equal(push_all(&p, text, piece, &err), 1);
        assert_true(http_parser_begun(&p));
        const struct http_request *r = http_parser_request(&p);
        assert_int_equal(r->method, HTTP_PUT);
        assert_true(jb_str_is(r->path, "/v1/attempts/00ff"));
        assert_true(jb_str_is(r->body, "hello"));
        assert_false(r->keep_alive);
        assert_true(r->has_range && r->from == 3 && r->to == 9);
        assert_int_equal(http_query_uint(r->query, "from", &n), 0);
        assert_int_equal(n, 17);
        assert_int_equal(http_query_uint(r->query, "epoch", &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(http_query_uint(r->query, "poch", &n), JB_ENOENT);
        /* the next one */
        http_parser_next(&p);
        assert_false(http_parser_begun(&p));
        assert_int_equal(push_all(&p, "GET /v1/info HTTP/1.1\r\n" HOST "\r\n", piece, &err), 1);
        assert_true(http_parser_request(&p)->keep_alive);
        assert_false(http_parser_request(&p)->has_range);
        assert_int_equal(http_parser_request(&p)->body.n, 0);
        http_parser_free(&p);
    }
}

static void
test_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"\x16\x03\x01", JB_EPARSE},
        {"get / HTTP/1.1\r\n" HOST "\r\n", JB_EPARSE},
        {"PATCH / HTTP/1.1\r\n" HOST "\r\n", JB_EMETHOD},
        {"GET / HTTP/1.0\r\n" HOST "\r\n", JB_EPARSE},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", JB_EPARSE},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", JB_EPARSE},
        {"GET http://h/ HTTP/1.1\r\n" HOST "\r\n", JB_EPARSE},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", JB_EPARSE},
        {"GET /%2e HTTP/1.1\r\n" HOST "\r\n", JB_EPARSE},
        {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", JB_EPARSE},
        {"GET /?a=%00 HTTP/1.1\r\n" HOST "\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\r\n\r\n", JB_EINVAL},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\n" HOST "\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\r\nHost: h\n\r\n\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\r\n" HOST "A: b\r\n folded\r\n\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n", JB_EPARSE},
        {"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", JB_EPARSE},
        {"POST / HTTP/1.1\r\n" HOST "\r\n", JB_EINVAL},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", JB_EINVAL},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
         JB_EPARSE},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", JB_EPARSE},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", JB_EPARSE},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", JB_EPARSE},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n", JB_EPARSE},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 101\r\n\r\n", JB_ETOOBIG},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", JB_EPARSE},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", JB_ENOTSUP},
        {"POST / HTTP/1.1\r\n" HOST "transfer-encoding: x\r\nContent-Length: 1\r\n\r\n",
         JB_ENOTSUP},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n",
         JB_ENOTSUP},
        {"GET / HTTP/1.1\r\n" HOST "Range: bytes=-5\r\n\r\n", JB_EINVAL},
        {"GET / HTTP/1.1\r\n" HOST "Range: bytes=5-4\r\n\r\n", JB_EINVAL},
        {"GET / HTTP/1.1\r\n" HOST "Range: bytes=1-2,4-5\r\n\r\n", JB_EINVAL},
        {"GET / HTTP/1.1\r\n" HOST "Range: lines=1-2\r\n\r\n", JB_EINVAL},
        {"GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n", JB_EPARSE},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nab", JB_EPARSE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_parser p;
        struct jb_error err = {0};

        http_parser_init(&p, 100);
        int rc = push_all(&p, cases[i].text, strlen(cases[i].text), &err);
        if (rc != cases[i].code || err.code != rc || !err.text[0])
            fail_msg("%zu %s: %d %s", i, cases[i].text, rc, err.text);
        assert_int_equal(http_push(&p, "G", 1, NULL), rc);
        http_parser_free(&p);
    }
}

static void
test_bounds(void **state)
{
    static char text[HTTP_HEAD_MAX + 100];
    struct http_parser p;
    struct jb_error err = {0};
    size_t n;

    (void)state;
    /* a head without an end is refused at its bound, not later */
    http_parser_init(&p, 100);
    memset(text, 'A', sizeof(text));
    assert_int_equal(http_push(&p, text, HTTP_HEAD_MAX, &err), 0);
    assert_int_equal(http_push(&p, text, 1, &err), JB_ETOOBIG);
    http_parser_free(&p);
    /* exactly as many headers as are taken, then one more */
    for (int more = 0; more < 2; more++) {
        http_parser_init(&p, 100);
        n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST);
        for (int i = 1; i < HTTP_HEADERS_MAX + more; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "X%d: y\r\n", i);
        snprintf(text + n, sizeof(text) - n, "\r\n");
        jb_error_clear(&err);
        assert_int_equal(push_all(&p, text, 1000, &err), more ? JB_ETOOBIG : 1);
        http_parser_free(&p);
    }
    http_parser_init(&p, 100);
    snprintf(text, sizeof(text), "GET /%0600d HTTP/1.1\r\n" HOST "\r\n", 1);
    jb_error_clear(&err);
    assert_int_equal(push_all(&p, text, 1000, &err), JB_ETOOBIG);
    http_parser_free(&p);
}

static void
test_answer(void **state)
{
    struct http_answer a = HTTP_ANSWER(100);
    struct jb_buf out = JB_BUF(1000);

    (void)state;
    a.status = 429;
    a.type = "application/json";
    jb_buf_puts(&a.body, "{}");
    http_answer_header(&a, "Retry-After", "%d", 5);
    http_answer_put(&a, false, &out);
    assert_int_equal(out.err, 0);
    assert_string_equal(out.p, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n"
                               "Content-Type: application/json\r\nConnection: close\r\n"
                               "Retry-After: 5\r\n\r\n{}");
    jb_buf_free(&out);
    http_answer_free(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
