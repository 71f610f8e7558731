/* SPDX-License-Identifier: Apache-2.0 */
/* Values: what goes in comes out, and nothing else is taken. */
#include <config.h>

#include "store_help.h"

#include "store/codec.h"

#include <float.h>

static void
test_numbers(void **state)
{
    static const uint64_t uints[] = {0,     1,          127,       128,       16383,
                                     16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
    static const int64_t ints[] = {0, -1, 1, 63, 64, -64, -65, INT64_MAX, INT64_MIN};
    static const double doubles[] = {0, -0.0, 1.5, -69.205, DBL_MAX, DBL_MIN, 5e-324};
    struct jb_buf b = JB_BUF(4096);
    struct codec_in in;
    struct jb_error err = {0};

    (void)state;
    codec_begin(&b);
    for (size_t i = 0; i < sizeof uints / sizeof *uints; i++)
        codec_put_uint(&b, uints[i]);
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        codec_put_int(&b, ints[i]);
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        codec_put_double(&b, doubles[i]);
    codec_put_double(&b, -NAN);
    codec_put_bool(&b, true);
    codec_put_bool(&b, false);
    codec_put_text(&b, "文字");
    codec_put_text(&b, NULL);
    assert_int_equal(codec_end(&b, CODEC_NOTE, 3), 0);
    assert_int_equal(codec_open(jb_buf_view(&b), CODEC_NOTE, 3, &err, &in), 0);
    for (size_t i = 0; i < sizeof uints / sizeof *uints; i++)
        assert_true(codec_uint(&in) == uints[i]);
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        assert_true(codec_int(&in) == ints[i]);
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        double d = codec_double(&in);
        assert_memory_equal(&d, &doubles[i], sizeof d);
    }
    assert_true(isnan(codec_double(&in)));
    assert_true(codec_bool(&in));
    assert_false(codec_bool(&in));
    assert_string_equal(codec_text(&in), "文字");
    assert_string_equal(codec_text(&in), "");
    assert_int_equal(codec_close(&in, &err), 0);
    /* Read past the end: the error sticks. */
    assert_int_equal(codec_uint(&in), 0);
    assert_string_equal(codec_text(&in), "");
    assert_int_equal(codec_close(&in, &err), JB_ECORRUPT);
    memset(&err, 0, sizeof err);
    assert_int_equal(codec_open(jb_buf_view(&b), CODEC_MODEL, 3, &err, &in), JB_ECORRUPT);
    memset(&err, 0, sizeof err);
    assert_int_equal(codec_open(jb_buf_view(&b), CODEC_NOTE, 2, &err, &in), JB_EVERSION);
    memset(&err, 0, sizeof err);
    assert_int_equal(codec_open((struct jb_str){NULL, 0}, CODEC_NOTE, 2, &err, &in),
                     JB_ECORRUPT);
    jb_buf_free(&b);
}

/* Layout on disk: a change here is a new version of the value. */
static void
test_layout(void **state)
{
    struct jb_buf b = JB_BUF(64);
    static const unsigned char expected[] = {'n', 1, 0xd1, 0xd7, 0x10, 0xc3, 2, 'o', 'k', 0};

    (void)state;
    assert_int_equal(note_encode("ok", &b), 0);
    assert_int_equal(b.n, sizeof expected);
    assert_memory_equal(b.p + 6, expected + 6, sizeof expected - 6);
    assert_memory_equal(b.p, expected, sizeof expected);
    jb_buf_free(&b);
}

/* A payload that the sealing makes valid on the outside. */
static int
decode_text(const void *payload, size_t n)
{
    char value[64];
    const char *text;
    struct jb_arena *arena = jb_arena_new(4096);

    assert_non_null(arena);
    memcpy(value + CODEC_HEAD, payload, n);
    codec_seal(value, n + CODEC_HEAD, CODEC_NOTE, 1);
    int rc = note_decode((struct jb_str){value, n + CODEC_HEAD}, arena, NULL, &text);
    jb_arena_free(arena);
    return rc;
}

static void
test_bad_text(void **state)
{
    (void)state;
    assert_int_equal(decode_text("\2ok", 4), 0);
    assert_int_equal(decode_text("\2ok", 3), JB_ECORRUPT);   /* no NUL */
    assert_int_equal(decode_text("\2okx", 4), JB_ECORRUPT);  /* something else instead */
    assert_int_equal(decode_text("\2o\0", 4), JB_ECORRUPT);  /* a NUL inside */
    assert_int_equal(decode_text("\2ok\0", 5), JB_ECORRUPT); /* a byte too many */
    assert_int_equal(decode_text("\3ok", 4), JB_ECORRUPT);   /* longer than there is */
    assert_int_equal(decode_text("", 0), JB_ECORRUPT);       /* nothing */
    assert_int_equal(decode_text("\x82\0ok", 5),
                     JB_ECORRUPT); /* length not in its shortest form */
    assert_int_equal(decode_text("\x82\x80\0ok", 6), JB_ECORRUPT); /* the same, longer */
    assert_int_equal(decode_text("\xff\xff\xff\xff\xff\xff\xff\xff\xff\1ok", 13), JB_ECORRUPT);
    assert_int_equal(decode_text("\xff\xff\xff\xff\xff\xff\xff\xff\xff\2ok", 13), JB_ECORRUPT);
    assert_int_equal(decode_text("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1ok", 14),
                     JB_ECORRUPT);
}

static void
test_bad_numbers(void **state)
{
    static const unsigned char infinite[8] = {0x7f, 0xf0}, other_nan[8] = {0xff, 0xf8},
                               two[1] = {2};
    struct codec_in in = {infinite, 8, 0, 1};

    (void)state;
    codec_double(&in);
    assert_int_equal(in.err, JB_ECORRUPT);
    in = (struct codec_in){other_nan, 8, 0, 1};
    codec_double(&in);
    assert_int_equal(in.err, JB_ECORRUPT);
    in = (struct codec_in){other_nan, 7, 0, 1};
    codec_double(&in);
    assert_int_equal(in.err, JB_ECORRUPT);
    in = (struct codec_in){two, 1, 0, 1};
    codec_bool(&in);
    assert_int_equal(in.err, JB_ECORRUPT);
}

/* Every bit of a value is guarded by its CRC, and every cut is found, sealed or not. */
static void
test_flips_and_cuts(void **state)
{
    struct result result = a_result("a/b", "a/b/results_1.json"), got;
    struct jb_buf b = JB_BUF(4096);
    struct jb_arena *arena = jb_arena_new(1 << 20);
    uint64_t doc_n;
    int taken = 0;

    (void)state;
    assert_int_equal(result_encode(&result, 17, &b), 0);
    assert_int_equal(result_decode(jb_buf_view(&b), arena, NULL, &got, &doc_n), 0);
    assert_int_equal(doc_n, 17);
    for (size_t bit = 0; bit < b.n * 8; bit++) {
        b.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(result_decode(jb_buf_view(&b), arena, NULL, &got, &doc_n),
                         JB_ECORRUPT);
        b.p[bit / 8] ^= (char)(1 << bit % 8);
        jb_arena_reset(arena);
    }
    for (size_t n = 0; n < b.n; n++) {
        char *cut = malloc(n ? n : 1); /* of its exact size, so that a read past it is seen */
        assert_non_null(cut);
        memcpy(cut, b.p, n);
        assert_int_equal(result_decode((struct jb_str){cut, n}, arena, NULL, &got, &doc_n),
                         JB_ECORRUPT);
        if (n >= CODEC_HEAD) {
            codec_seal(cut, n, CODEC_RESULT, 1);
            taken += result_decode((struct jb_str){cut, n}, arena, NULL, &got, &doc_n) == 0;
        }
        free(cut);
        jb_arena_reset(arena);
    }
    assert_int_equal(taken, 0);
    /* A count that no value of this size can hold takes no memory. */
    codec_begin(&b);
    for (int i = 0; i < 3; i++)
        codec_put_text(&b, "x");
    codec_put_int(&b, 0);
    codec_put_text(&b, "cn");
    codec_put_text(&b, "p");
    codec_put_uint(&b, UINT64_MAX);
    assert_int_equal(codec_end(&b, CODEC_RESULT, 1), 0);
    assert_int_equal(result_decode(jb_buf_view(&b), arena, NULL, &got, &doc_n), JB_ECORRUPT);
    jb_buf_free(&b);
    jb_arena_free(arena);
}

/* A job has parts that depend on others: the digest is there when a secret is. */
static void
test_job(void **state)
{
    struct job job = {.id = 1, .state = "FAILED", .reason = "r", .has_secret = true}, got;
    struct jb_buf b = JB_BUF(4096);
    struct jb_arena *arena = jb_arena_new(1 << 20);

    (void)state;
    memset(job.secret, 7, sizeof job.secret);
    assert_int_equal(job_encode(&job, &b), 0);
    assert_int_equal(job_decode(jb_buf_view(&b), arena, NULL, &got), 0);
    assert_memory_equal(got.secret, job.secret, sizeof job.secret);
    size_t n = b.n;
    for (size_t cut = CODEC_HEAD; cut < n; cut++) {
        char *value = malloc(cut);
        assert_non_null(value);
        memcpy(value, b.p, cut);
        codec_seal(value, cut, CODEC_JOB, 2);
        assert_int_equal(job_decode((struct jb_str){value, cut}, arena, NULL, &got),
                         JB_ECORRUPT);
        free(value);
    }
    /* Without a secret what stands in its place does not matter: equal jobs, equal bytes. */
    job.has_secret = false;
    assert_int_equal(job_encode(&job, &b), 0);
    assert_int_equal(b.n, n - STORE_DIGEST_SIZE);
    assert_int_equal(job_decode(jb_buf_view(&b), arena, NULL, &got), 0);
    assert_int_equal(got.secret[0], 0);
    jb_buf_free(&b);
    jb_arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_bad_text),       cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_flips_and_cuts), cmocka_unit_test(test_job),
    };

    return cmocka_run_group_tests_name("store_codec", tests, NULL, NULL);
}
