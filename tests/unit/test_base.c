/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, arena, buffers, blobs, clock, JSON writer, digests. */
#include "tests/unit/cmocka_all.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/digest.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

static void
errors_keep_the_first(void **state)
{
    struct jb_error err = {0};

    (void)state;
    assert_int_equal(jb_fail(&err, JB_EINVAL, "first %d", 1), JB_EINVAL);
    assert_int_equal(jb_fail(&err, JB_EIO, "second"), JB_EIO);
    assert_int_equal(err.code, JB_EINVAL);
    jb_error_prefix(&err, "file %s", "x");
    assert_string_equal(err.text, "file x: first 1");
    assert_int_equal(jb_error_status(JB_ENOENT), 404);
    assert_int_equal(jb_error_status(-9999), 500);
    assert_string_equal(jb_strerror(JB_EFULL), "no space left");
    jb_error_clear(&err);
    assert_int_equal(jb_fail_errno(&err, ENOSPC, "write"), JB_EFULL);
    assert_int_equal(jb_fail(NULL, JB_EIO, "nobody listens"), JB_EIO);
}

static void
long_errors_are_cut_at_a_character(void **state)
{
    struct jb_error err = {0};
    char text[3000] = "";

    (void)state;
    for (int i = 0; i < 900; i++)
        strcat(text, "金");
    jb_fail(&err, JB_EINVAL, "%s", text);
    assert_int_equal(strlen(err.text) % 3, 0);
    jb_error_prefix(&err, "x");
    assert_int_equal((strlen(err.text) - 3) % 3, 0);
}

static void
arenas_are_capped(void **state)
{
    struct jb_arena *a = jb_arena_new(100000);

    (void)state;
    assert_non_null(a);
    for (int i = 0; i < 100; i++) {
        char *p = jb_arena_alloc(a, 100);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (int k = 0; k < 100; k++)
            assert_int_equal(p[k], 0);
        memset(p, 1, 100);
    }
    assert_null(jb_arena_alloc(a, 100001));
    assert_null(jb_arena_array(a, SIZE_MAX / 2, 4));
    assert_string_equal(jb_arena_printf(a, "%d-%s", 7, "x"), "7-x");
    jb_arena_reset(a);
    assert_int_equal(jb_arena_used(a), 0);
    assert_string_equal(jb_arena_dup(a, "abcdef", 3), "abc");
    jb_arena_free(a);
}

static void
buffers_stick_at_their_cap(void **state)
{
    struct jb_buf b = JB_BUF(10);

    (void)state;
    jb_buf_puts(&b, "12345");
    jb_buf_printf(&b, "%d", 67890);
    assert_string_equal(b.p, "1234567890");
    jb_buf_putc(&b, 'x');
    assert_int_equal(b.err, JB_ETOOBIG);
    jb_buf_puts(&b, "");
    assert_int_equal(b.n, 10);
    jb_buf_reset(&b);
    assert_int_equal(b.err, 0);
    jb_buf_puts(&b, "again");
    assert_string_equal(b.p, "again");
    struct jb_blob *blob = jb_blob_from_buf(&b);
    assert_int_equal(blob->n, 5);
    jb_blob_unref(jb_blob_ref(blob));
    jb_blob_unref(blob);
}

static void
gzip_reads_back(void **state)
{
    struct jb_buf b = JB_BUF(1 << 20);
    struct jb_blob *one, *two;
    static char out[1 << 20];

    (void)state;
    for (int i = 0; i < 5000; i++)
        jb_buf_printf(&b, "row %d, ", i * 7919 % 1000);
    assert_int_equal(jb_gzip(jb_buf_view(&b), 9, &one), 0);
    assert_int_equal(jb_gzip(jb_buf_view(&b), 9, &two), 0);
    assert_int_equal(one->n, two->n);
    assert_memory_equal(one->p, two->p, one->n);
    z_stream z = {.next_in = (unsigned char *)one->p,
                  .avail_in = (uInt)one->n,
                  .next_out = (unsigned char *)out,
                  .avail_out = sizeof(out)};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, b.n);
    assert_memory_equal(out, b.p, b.n);
    inflateEnd(&z);
    jb_blob_unref(one);
    jb_blob_unref(two);
    assert_int_equal(jb_gzip(JB_STR(""), 1, &one), 0);
    assert_true(one->n > 0);
    jb_blob_unref(one);
    jb_buf_free(&b);
}

static void
times(void **state)
{
    static const struct {
        const char *in, *out;
    } good[] = {
        {"2023-12-04T08:52:23Z", "2023-12-04T08:52:23.000000Z"},
        {"2023-09-27 04:58:53", "2023-09-27T04:58:53.000000Z"},
        {"2024-05-23T07-14-41.086185", "2024-05-23T07:14:41.086185Z"},
        {"2023-10-15T01:39:25.710626", "2023-10-15T01:39:25.710626Z"},
        {"2024-02-29T23:59:59+08:00", "2024-02-29T15:59:59.000000Z"},
        {"2024-05-01", "2024-05-01T00:00:00.000000Z"},
    };
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2024-13-01",
                                      "2024-02-30T00:00:00Z",
                                      "2024-01-01T25:00:00Z",
                                      "2024-01-01T00:00:00Zjunk",
                                      "2024-01-01T00:00:00.",
                                      "1969-01-01"};
    char out[JB_TIME_SIZE];
    int64_t us;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(jb_time_parse(good[i].in, strlen(good[i].in), &us), 0);
        jb_time_format(us, 1, out);
        assert_string_equal(out, good[i].out);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(jb_time_parse(bad[i], strlen(bad[i]), &us), JB_EPARSE);
    jb_time_http(1795450563000000, out);
    assert_string_equal(out, "Mon, 23 Nov 2026 16:16:03 GMT");
}

static void
json_is_well_formed(void **state)
{
    struct jb_buf b = JB_BUF(1000);
    struct jb_json j;

    (void)state;
    jb_json_init(&j, &b);
    jb_json_object(&j);
    jb_json_kstr(&j, "a\"b", JB_STR("x\ny\\\x01\xff金"));
    jb_json_key(&j, "list");
    jb_json_array(&j);
    jb_json_int(&j, -5);
    jb_json_double(&j, 25);
    jb_json_double(&j, NAN);
    jb_json_double(&j, INFINITY);
    jb_json_bool(&j, true);
    jb_json_text(&j, NULL);
    jb_json_end(&j);
    jb_json_end(&j);
    assert_int_equal(jb_json_finish(&j), 0);
    assert_string_equal(b.p, "{\"a\\\"b\":\"x\\ny\\\\\\u0001\xef\xbf\xbd金\",\"list\":[-5,25.0,"
                             "null,null,true,null]}");
    jb_buf_free(&b);
}

static void
json_misuse_is_an_error(void **state)
{
    struct jb_buf b = JB_BUF(1000);
    struct jb_json j;

    (void)state;
    jb_json_init(&j, &b);
    jb_json_object(&j);
    jb_json_int(&j, 1); /* no key */
    assert_int_equal(jb_json_finish(&j), JB_EINVAL);
    jb_buf_reset(&b);
    jb_json_init(&j, &b);
    jb_json_array(&j); /* left open */
    assert_int_equal(jb_json_finish(&j), JB_EINVAL);
    jb_buf_reset(&b);
    jb_json_init(&j, &b);
    for (int i = 0; i < JB_JSON_DEPTH + 1; i++)
        jb_json_array(&j);
    assert_int_equal(b.err, JB_EINVAL);
    jb_buf_free(&b);
}

static void
json_for_scripts(void **state)
{
    struct jb_buf b = JB_BUF(1000);
    struct jb_json j;

    (void)state;
    jb_json_init(&j, &b);
    j.script = true;
    jb_json_str(&j, JB_STR("</script>&'\xe2\x80\xa8"));
    assert_string_equal(b.p, "\"\\u003c/script\\u003e\\u0026\\u0027\\u2028\"");
    jb_buf_reset(&b);
    jb_put_script_json(&b, JB_STR("[\"<b>\xe2\x80\xa9\"]"));
    assert_string_equal(b.p, "[\"\\u003cb\\u003e\\u2029\"]");
    jb_buf_free(&b);
}

static void
digests(void **state)
{
    unsigned char d[CRYPTO_SHA256_SIZE];
    char text[100];

    (void)state;
    assert_int_equal(crypto_sha256(JB_STR("abc"), d), 0);
    crypto_hex(d, sizeof(d), text);
    assert_string_equal(text,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(
        crypto_hmac_sha256(JB_STR("Jefe"), JB_STR("what do ya want for nothing?"), d), 0);
    crypto_hex(d, sizeof(d), text); /* RFC 4231, test case 2 */
    assert_string_equal(text,
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    crypto_base64("foobar", 6, text);
    assert_string_equal(text, "Zm9vYmFy");
    assert_true(crypto_equal("abc", "abc", 3));
    assert_false(crypto_equal("abc", "abd", 3));
    unsigned char a[16] = {0}, b[16] = {0};
    assert_int_equal(crypto_random(a, sizeof(a)), 0);
    assert_int_equal(crypto_random(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_keep_the_first),
        cmocka_unit_test(long_errors_are_cut_at_a_character),
        cmocka_unit_test(arenas_are_capped),
        cmocka_unit_test(buffers_stick_at_their_cap),
        cmocka_unit_test(gzip_reads_back),
        cmocka_unit_test(times),
        cmocka_unit_test(json_is_well_formed),
        cmocka_unit_test(json_misuse_is_an_error),
        cmocka_unit_test(json_for_scripts),
        cmocka_unit_test(digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
