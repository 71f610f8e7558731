/* SPDX-License-Identifier: Apache-2.0 */
/* From FastCGI parameters to a route. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fcgi/router.h"

#include <stdio.h>
#include <string.h>

static struct jb_arena *arena;

static const char *
get(const void *ctx, const char *name)
{
    for (const char *const *p = ctx; *p; p += 2)
        if (strcmp(p[0], name) == 0)
            return p[1];
    return NULL;
}

static int
read_request(const char *method, const char *path, const char *mount, struct web_request *r)
{
    const char *pairs[] = {"REQUEST_METHOD", method, "DOCUMENT_URI", path, NULL};
    struct conf conf = {.site.mount = mount};
    struct jb_error err = {0};
    int rc = web_request_read(&conf, get, pairs, arena, &err, r);

    assert_int_equal(err.code, rc);
    return rc;
}

/* The name of the route, or the Allow value, or "404". */
static const char *
routed(const char *method, const char *path)
{
    static char allow_text[100];
    struct web_request r;
    unsigned allow = 0, flags = 0;
    struct jb_buf b = JB_BUF(sizeof(allow_text));

    assert_int_equal(read_request(method, path, "", &r), 0);
    const struct route *route = route_find(&r, &allow, &flags);
    if (route)
        return route->name;
    if (!allow)
        return "404";
    route_put_allow(allow, &b);
    snprintf(allow_text, sizeof(allow_text), "%s", b.p);
    jb_buf_free(&b);
    return allow_text;
}

static void
no_route_hides_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        char path[200];
        size_t n = 0;
        for (const char *p = routes[i].pattern; *p; p++) {
            if (strncmp(p, "{*}", 3) == 0) {
                n += (size_t)snprintf(path + n, sizeof(path) - n, "a/b");
                break;
            }
            if (strncmp(p, "{}", 2) == 0) {
                n += (size_t)snprintf(path + n, sizeof(path) - n, "zz");
                p++;
                continue;
            }
            path[n++] = *p;
            path[n] = '\0';
        }
        const char *method = routes[i].methods & METHOD_GET ? "GET" : "POST";
        if (!(routes[i].flags & ROUTE_NEW)) {
            assert_string_equal(routed(method, path), routes[i].name);
            if (routes[i].methods & METHOD_GET)
                assert_string_equal(routed("HEAD", path), routes[i].name);
        }
        if (routes[i].flags & ROUTE_GRADIO) {
            char prefixed[220];
            snprintf(prefixed, sizeof(prefixed), "/gradio_api%s", path);
            assert_string_equal(routed(method, prefixed), routes[i].name);
        }
    }
}

static void
missing_and_wrong_method_differ(void **state)
{
    (void)state;
    assert_string_equal(routed("GET", "/nothing"), "404");
    assert_string_equal(routed("POST", "/"), "GET, HEAD");
    assert_string_equal(routed("DELETE", "/"), "GET, HEAD");
    assert_string_equal(routed("GET", "/queue/join"), "POST, OPTIONS");
    assert_string_equal(routed("POST", "/config"), "GET, HEAD, OPTIONS");
    assert_string_equal(routed("OPTIONS", "/"), "GET, HEAD");
    assert_string_equal(routed("OPTIONS", "/queue/join"), "queue_join");
    /* pages have no twin under the prefix */
    assert_string_equal(routed("GET", "/gradio_api/about"), "404");
    assert_string_equal(routed("GET", "/gradio_apix/config"), "404");
    assert_string_equal(routed("GET", "/call/x"), "POST, OPTIONS");
    assert_string_equal(routed("GET", "/call/x/"), "POST, OPTIONS");
    assert_string_equal(routed("GET", "/call//id"), "404");
    assert_string_equal(routed("GET", "/heartbeat/"), "404");
    assert_string_equal(routed("GET", "/static/a/b"), "404");
}

static void
slashes_and_prefixes(void **state)
{
    struct web_request r;
    unsigned allow, flags;

    (void)state;
    assert_string_equal(routed("GET", "/config/"), "config");
    assert_string_equal(routed("GET", "/gradio_api/info/"), "info");
    assert_string_equal(routed("POST", "/call/update_table/"), "call");
    /* 4.44.1 knows no /call/v2: there it is an event of a function "v2" */
    assert_string_equal(routed("POST", "/gradio_api/call/v2/update_table"), "call");
    assert_string_equal(routed("POST", "/call/v2/update_table"), "GET, HEAD, OPTIONS");
    assert_string_equal(routed("GET", "/call/v2/0123"), "call_data");
    assert_string_equal(routed("GET", "/runs"), "404");
    assert_string_equal(routed("GET", "/zh"), "board");
    assert_string_equal(routed("GET", "/zh/"), "board");
    assert_string_equal(routed("GET", "/about/"), "about");
    assert_int_equal(read_request("GET", "/gradio_api/call/v2/f/0123", "", &r), 0);
    assert_true(r.prefixed);
    assert_non_null(route_find(&r, &allow, &flags));
    assert_true(flags & ROUTE_GRADIO);
    assert_true(jb_str_is(r.param[0], "f"));
    assert_true(jb_str_is(r.param[1], "0123"));
    assert_int_equal(read_request("GET", "/file=/etc/passwd", "", &r), 0);
    assert_non_null(route_find(&r, &allow, &flags));
    assert_true(jb_str_is(r.param[0], "/etc/passwd"));
}

static void
mounts(void **state)
{
    struct web_request r;

    (void)state;
    assert_int_equal(read_request("GET", "/board/config", "/board", &r), 0);
    assert_true(jb_str_is(r.path, "/config"));
    assert_int_equal(read_request("GET", "/board", "/board", &r), 0);
    assert_true(jb_str_is(r.path, "/"));
    assert_int_equal(read_request("GET", "/board/gradio_api/queue/join", "/board", &r), 0);
    assert_true(r.prefixed);
    assert_true(jb_str_is(r.path, "/queue/join"));
    assert_int_equal(read_request("GET", "/boards/config", "/board", &r), JB_ENOENT);
    assert_int_equal(read_request("GET", "/config", "/board", &r), JB_ENOENT);
    assert_int_equal(read_request("GET", "/\xff", "", &r), JB_EINVAL);
    assert_int_equal(read_request("GET", "/\xed\xa0\x80", "", &r), JB_EINVAL);
}

static void
data_paths(void **state)
{
    static const char *const yes[] = {"/api/x",      "/api",       "/run/y",          "/call/z",
                                      "/queue/none", "/heartbeat", "/gradio_api/none"};
    static const char *const no[] = {"/", "/about", "/apiary", "/runway", "/queued"};
    struct web_request r;

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        assert_int_equal(read_request("GET", yes[i], "", &r), 0);
        assert_true(route_is_api_path(&r));
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_int_equal(read_request("GET", no[i], "", &r), 0);
        assert_false(route_is_api_path(&r));
    }
}

static void
pages_and_programs(void **state)
{
    static const struct {
        const char *header;
        bool html;
    } cases[] = {
        {"", false},
        {"*/*", false},
        {"application/json", false},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
        {"application/json, TEXT/HTML;q=0.1", true},
        {"text/html;q=0, */*", false},
        {"text/htmlx", false},
        {"text/event-stream", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (web_request_wants_html(jb_str(cases[i].header)) != cases[i].html)
            fail_msg("Accept: %s", cases[i].header);
}

static void
encodings(void **state)
{
    static const struct {
        const char *header;
        bool gzip;
    } cases[] = {
        {"", false},
        {"gzip", true},
        {"GZip", true},
        {"gzip, deflate, br", true},
        {"deflate, br", false},
        {"gzip;q=0", false},
        {"gzip; q=0.000", false},
        {"gzip;q=0.001", true},
        {"gzip ; Q=0.5", true},
        {"*", true},
        {"*;q=0", false},
        {"*;q=0, gzip;q=0.1", true},
        {"gzip;q=0, *", false},
        {"identity;q=1, *;q=0", false},
        {"xgzip", false},
        {",,;q=1,", false},
        {";", false},
        {"gzip;q", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (web_request_accepts_gzip(jb_str(cases[i].header)) != cases[i].gzip)
            fail_msg("Accept-Encoding: %s", cases[i].header);
}

static void
etags(void **state)
{
    struct jb_str etag = JB_STR("\"abc\"");

    (void)state;
    assert_true(web_request_etag_matches(JB_STR("\"abc\""), etag));
    assert_true(web_request_etag_matches(JB_STR("W/\"abc\""), etag));
    assert_true(web_request_etag_matches(JB_STR("\"x\", W/\"abc\""), etag));
    assert_true(web_request_etag_matches(JB_STR("*"), etag));
    assert_false(web_request_etag_matches(JB_STR("\"abd\""), etag));
    assert_false(web_request_etag_matches(JB_STR("abc"), etag));
    assert_false(web_request_etag_matches(JB_STR(""), etag));
    assert_false(web_request_etag_matches(JB_STR(","), etag));
}

static void
queries(void **state)
{
    struct web_request r = {.arena = arena};
    struct jb_str v = JB_STR("untouched");
    struct jb_error err = {0};

    (void)state;
    r.query = JB_STR("a=1&session_hash=x%2By+z&session_hash=second");
    assert_true(web_request_query_value(&r, "session_hash", &v));
    assert_true(jb_str_is(v, "x+y z"));
    r.query = JB_STR("session_hash=%ff");
    v = JB_STR("untouched");
    assert_false(web_request_query_value(&r, "session_hash", &v));
    assert_true(jb_str_is(v, "untouched"));
    r.query = JB_STR("");
    assert_false(web_request_query_value(&r, "session_hash", &v));
    r.query = JB_STR("session_hash");
    assert_true(web_request_query_value(&r, "session_hash", &v));
    assert_int_equal(v.n, 0);
    assert_int_equal(web_request_decode(JB_STR("a%20%e6%a6%9c"), arena, &err, &v), 0);
    assert_true(jb_str_is(v, "a 榜"));
    assert_int_equal(web_request_decode(JB_STR("%"), arena, &err, &v), JB_EINVAL);
    assert_int_equal(web_request_decode(JB_STR("%4"), arena, NULL, &v), JB_EINVAL);
    assert_int_equal(web_request_decode(JB_STR("%zz"), arena, NULL, &v), JB_EINVAL);
    assert_int_equal(web_request_decode(JB_STR("%00"), arena, NULL, &v), JB_EINVAL);
    assert_int_equal(web_request_decode(JB_STR("%c3"), arena, NULL, &v), JB_EINVAL);
    assert_true(jb_str_is(v, "a 榜"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_route_hides_another),
        cmocka_unit_test(missing_and_wrong_method_differ),
        cmocka_unit_test(slashes_and_prefixes),
        cmocka_unit_test(mounts),
        cmocka_unit_test(data_paths),
        cmocka_unit_test(encodings),
        cmocka_unit_test(pages_and_programs),
        cmocka_unit_test(etags),
        cmocka_unit_test(queries),
    };

    arena = jb_arena_new(1 << 20);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    jb_arena_free(arena);
    return rc;
}
