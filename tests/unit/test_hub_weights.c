/* SPDX-License-Identifier: Apache-2.0 */
#include "arena_help.h"

#include "dispatch/hub_weights.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hub_info
files(const char *const *names, size_t n)
{
    return (struct hub_info){.n_files = n, .files = names};
}

static void
weights(void **state)
{
    static const char *const one[] = {"README.md", "consolidated.safetensors",
                                      "model.safetensors", "pytorch_model.bin"};
    static const char *const pickle[] = {"pytorch_model.bin"};
    static const char *const args[] = {"training_args.bin"};
    static const char *const below[] = {"onnx/model.safetensors"};
    static const char *const adapter[] = {"adapter_model.safetensors", "pytorch_model.bin"};
    static const char *const odd[] = {"gptq_model-4bit-128g.safetensors"};
    static const char *const index[] = {"model-1.safetensors", "model.safetensors.index.json"};
    struct hub_info info;
    struct hub_weights w;

    (void)state;
#define FIND(names, is_adapter)                                                                \
    (info = files(names, sizeof names / sizeof *(names)),                                      \
     assert_int_equal(hub_weights_find(&info, is_adapter, arena, &w), 0))
    FIND(one, false);
    assert_true(w.safetensors && w.pickle && !w.index && w.n_files == 1);
    assert_string_equal(w.files[0], "model.safetensors");
    FIND(pickle, false);
    assert_true(!w.safetensors && w.pickle);
    FIND(args, false);
    assert_true(!w.safetensors && !w.pickle);
    FIND(below, false);
    assert_true(!w.safetensors);
    FIND(adapter, true);
    assert_true(w.safetensors && !w.pickle);
    FIND(adapter, false);
    assert_true(!w.safetensors && w.pickle);
    FIND(odd, false);
    assert_true(w.safetensors && w.n_files == 1);
    FIND(index, false);
    assert_true(w.safetensors && w.index);
#undef FIND
}

static void
indexes(void **state)
{
    static const char *const names[] = {"a.safetensors", "b.safetensors", "x/c.safetensors"};
    static const char *const bad[] = {
        "{}",
        "{\"weight_map\": {}}",
        "{\"weight_map\": []}",
        "{\"weight_map\": {\"w\": 7}}",
        "{\"weight_map\": {\"w\": \"d.safetensors\"}}",
        "{\"weight_map\": {\"w\": \"../a.safetensors\"}}",
        "{\"weight_map\": {\"w\": \"x/c.safetensors\"}}",
        "{\"weight_map\": {\"w\": \"a.bin\"}}",
    };
    struct hub_info info = files(names, 3);
    const char *const *found;
    double total;
    size_t n;

    (void)state;
    assert_int_equal(
        hub_index_parse(JB_STR("{\"metadata\": {\"total_parameters\": 9}, \"weight_map\": "
                               "{\"w\": \"b.safetensors\", \"v\": \"a.safetensors\", "
                               "\"u\": \"b.safetensors\"}}"),
                        &info, arena, NULL, &n, &found, &total),
        0);
    assert_int_equal(n, 2);
    assert_string_equal(found[0], "a.safetensors");
    assert_string_equal(found[1], "b.safetensors");
    assert_true(total == 9);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(
            hub_index_parse(jb_str(bad[i]), &info, arena, NULL, &n, &found, &total),
            JB_EUNPROC);
    assert_int_equal(hub_index_parse(JB_STR("{"), &info, arena, NULL, &n, &found, &total),
                     JB_EPARSE);
}

static void
headers(void **state)
{
    static const struct {
        const char *begin;
        size_t n;
        int rc;
        uint64_t need;
        const char *header; /* NULL: not yet */
    } begins[] = {
        {"\2\0\0\0\0\0\0\0{}weights", 17, 0, 10, "{}"},
        {"\2\0\0\0\0\0\0\0{", 9, 0, 10, NULL},
        {"\134\0\0\0\0\0\0\0", 8, 0, 100, NULL},
        {"\135\0\0\0\0\0\0\0", 8, JB_ETOOBIG, 0, NULL},
        {"\1\0\0\0\0\0\0\0", 8, JB_EUNPROC, 0, NULL},
        {"\0\0\0\4\0\0\0\0", 8, JB_ETOOBIG, 0, NULL},
        {"\2\0\0\0\0\0\0", 7, JB_EUNPROC, 0, NULL},
        {"\377\377\377\377\377\377\377\377", 8, JB_EUNPROC, 0, NULL},
        {"<html><body>", 12, JB_EUNPROC, 0, NULL},
    };
    static const struct {
        const char *header;
        int rc;
        double sum;
    } cases[] = {
        {"{\"a\": {\"dtype\": \"F16\", \"shape\": [3, 4], \"data_offsets\": [0, 24]}, "
         "\"__metadata__\": {\"format\": \"pt\"}, \"b\": {\"shape\": []}}   ",
         0, 13},
        {"{}", 0, 0},
        {"{\"a\": {\"shape\": [0, 4]}}", 0, 0},
        {"[]", JB_EUNPROC, 0},
        {"{", JB_EPARSE, 0},
        {"{\"a\": 7}", JB_EUNPROC, 0},
        {"{\"a\": {\"shape\": 7}}", JB_EUNPROC, 0},
        {"{\"a\": {\"shape\": [-1]}}", JB_EUNPROC, 0},
        {"{\"a\": {\"shape\": [1.5]}}", JB_EUNPROC, 0},
        {"{\"a\": {\"shape\": [\"1\"]}}", JB_EUNPROC, 0},
        {"{\"a\": {\"shape\": [1e12, 1e12]}}", JB_EUNPROC, 0},
        {"{\"a\": {\"shape\": [1e308, 1e308]}}", JB_EUNPROC, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        struct jb_str begin = {begins[i].begin, begins[i].n}, header = {NULL, 0};
        struct jb_error err = {0};
        uint64_t need = 0;
        int rc = hub_header_find(begin, 100, &err, &need, &header);
        if (rc != begins[i].rc || need != begins[i].need || (rc && !err.text[0]) ||
            !jb_str_eq(header, jb_str(begins[i].header ? begins[i].header : "")))
            fail_msg("file %zu: %d, needs %d, %s", i, rc, (int)need, err.text);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct jb_error err = {0};
        double sum = -7;
        int rc = hub_header_parse(jb_str(cases[i].header), &err, &sum);
        if (rc != cases[i].rc || sum != (rc ? -7 : cases[i].sum))
            fail_msg("%s: %d, %g, %s", cases[i].header, rc, sum, err.text);
    }
}

static void
sizes(void **state)
{
    static const struct {
        double count;
        const char *model, *precision;
        double params; /* below 0: unknown */
    } cases[] = {
        {6738415616.0, "org/x", "float16", 6.738},
        {NAN, "org/llama-7b", "float16", 7},
        {NAN, "org/Qwen1.5-0.5B-Chat", "float16", 0.5},
        {NAN, "org/opt-350m", "float16", 0.35},
        {NAN, "org/x-4bit-13B", "4bit", 13},
        {NAN, "org/x-4bit", "4bit", -1},
        {NAN, "org/mixtral-8x7b", "float16", 7},
        {NAN, "org/nameless", "float16", -1},
        {NAN, "org/99999999999999b", "float16", -1},
        {0, "org/llama-7b", "float16", 7},
        {1e9, "org/x", "GPTQ", 8},
        {1e9, "org/x-GPTQ-4bit", "4bit", 8},
        {NAN, "org/x-7b-GPTQ", "GPTQ", 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double p = hub_params(cases[i].count, cases[i].model, cases[i].precision);
        if (cases[i].params < 0 ? !isnan(p) : p != cases[i].params)
            fail_msg("%s: %g", cases[i].model, p);
    }
    assert_false(hub_params_too_many(1e5, "float16", 0));
    assert_false(hub_params_too_many(NAN, "float16", 100));
    assert_false(hub_params_too_many(100, "bfloat16", 100));
    assert_true(hub_params_too_many(101, "bfloat16", 100));
    assert_false(hub_params_too_many(200, "8bit", 100));
    assert_true(hub_params_too_many(201, "8bit", 100));
    assert_false(hub_params_too_many(400, "GPTQ", 100));
    assert_true(hub_params_too_many(401, "4bit", 100));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights),
        cmocka_unit_test(indexes),
        cmocka_unit_test(headers),
        cmocka_unit_test(sizes),
    };

    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
