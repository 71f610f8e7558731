/* SPDX-License-Identifier: Apache-2.0 */
#include "arena_help.h"

#include "base/text.h"
#include "dispatch/hub_card.h"
#include "dispatch/hub_parse.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA_REST "123456789abcdef0123456789abcdef01234567" /* behind its first digit */
#define SHA      "0" SHA_REST

static struct hub_info
info_of(const char *body)
{
    struct hub_info info = {0};
    struct jb_error err = {0};

    if (hub_info_parse(jb_str(body), arena, &err, &info))
        fail_msg("%s: %s", body, err.text);
    return info;
}

static void
info_is_bad(const char *body, int code)
{
    struct hub_info info = {.id = "untouched"};
    struct jb_error err = {0};
    int rc = hub_info_parse(jb_str(body), arena, &err, &info);

    if (rc != code || !err.text[0] || strcmp(info.id, "untouched") != 0)
        fail_msg("%s: %d, %s", body, rc, err.text);
}

#define INFO(more) "{\"id\": \"org/model\", \"sha\": \"" SHA "\", \"siblings\": []" more "}"

static void
information(void **state)
{
    (void)state;
    struct hub_info i = info_of(
        "{\"id\": \"org/model\", \"sha\": \"" SHA "\", \"likes\": 12, \"gated\": \"auto\", "
        "\"private\": true, \"disabled\": false, \"tags\": [\"Merge\", \"x\"], "
        "\"cardData\": {\"license\": [\"mit\", \"other\"], \"tags\": \"moe\"}, "
        "\"safetensors\": {\"parameters\": {\"F16\": 5}, \"total\": 7000000000}, "
        "\"siblings\": [{\"rfilename\": \"b\"}, {}, 7, {\"rfilename\": \"a\"}]}");
    assert_string_equal(i.id, "org/model");
    assert_string_equal(i.commit, SHA);
    assert_true(i.gated && i.private_ && !i.disabled && i.tag_merge && i.tag_moe);
    assert_string_equal(i.license, "mit, other");
    assert_true(i.likes == 12 && i.parameters == 7e9);
    assert_int_equal(i.n_files, 2);
    assert_true(hub_has_file(&i, "a") && hub_has_file(&i, "b") && !hub_has_file(&i, "c"));
    assert_false(hub_has_tokenizer(&i));

    i = info_of(INFO(""));
    assert_true(isnan(i.likes) && isnan(i.parameters));
    assert_string_equal(i.license, "");
    assert_false(i.gated || i.private_ || i.disabled || i.tag_merge || i.tag_moe);
    assert_string_equal(
        info_of("{\"modelId\": \"a/b\", \"sha\": \"" SHA "\", \"siblings\": []}").id, "a/b");
    i = info_of(INFO(", \"safetensors\": {\"parameters\": {\"F16\": 5, \"I32\": 7}}"));
    assert_true(i.parameters == 12);
    assert_true(isnan(info_of(INFO(", \"safetensors\": null")).parameters));
    assert_true(isnan(info_of(INFO(", \"safetensors\": {\"total\": 0}")).parameters));
    assert_true(isnan(info_of(INFO(", \"likes\": -4")).likes));
}

static void
licences(void **state)
{
    static const struct {
        const char *more, *license;
    } cases[] = {
        {", \"cardData\": {\"license\": \"apache-2.0\"}", "apache-2.0"},
        {", \"cardData\": {\"license\": \"other\", \"license_name\": \"x\"}", "other"},
        {", \"cardData\": {\"license_name\": \"own\", \"license_link\": \"LICENSE\"}", "own"},
        {", \"cardData\": {\"license_name\": \"own\"}", ""},
        {", \"cardData\": {\"license\": 7}", ""},
        {", \"cardData\": null, \"tags\": [\"a\", \"license:mit\"]", "mit"},
        {", \"cardData\": {\"license\": \"a\\nb\\u202e\"}", "a?b?"},
        {", \"cardData\": {\"license\": []}", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"id\": \"org/model\", \"sha\": \"" SHA "\", \"siblings\": []%s}",
                 cases[i].more);
        assert_string_equal(info_of(body).license, cases[i].license);
    }
}

static void
judgements(void **state)
{
    static const struct {
        const char *more, *model, *revision;
        bool redirected, private_, token;
        enum queue_failure failure;
    } cases[] = {
        {"", "org/model", "main", false, false, false, FAILURE_NONE},
        {"", "Org/Model", SHA, false, false, false, FAILURE_NONE},
        {"", "org/other", "main", false, false, false, FAILURE_MODEL_INFO},
        {"", "org/other", "main", true, false, false, FAILURE_NONE},
        {"", "org/model", "f" SHA_REST, false, false, false, FAILURE_MODEL_INFO},
        {"", "org/model", "f" SHA_REST, true, true, true, FAILURE_MODEL_INFO},
        {", \"disabled\": true", "org/model", "main", false, true, true, FAILURE_NOT_FOUND},
        {", \"private\": true", "org/model", "main", false, false, true, FAILURE_NOT_FOUND},
        {", \"private\": true", "org/model", "main", false, true, true, FAILURE_NONE},
        {", \"gated\": \"auto\"", "org/model", "main", false, false, false, FAILURE_GATED},
        {", \"gated\": \"auto\"", "org/model", "main", false, false, true, FAILURE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct hub_asked asked = {cases[i].model, cases[i].revision, cases[i].redirected,
                                        cases[i].private_, cases[i].token};
        const char *reason = NULL;
        char body[512];
        snprintf(body, sizeof body,
                 "{\"id\": \"org/model\", \"sha\": \"" SHA "\", \"siblings\": []%s}",
                 cases[i].more);
        struct hub_info info = info_of(body);
        enum queue_failure failure = hub_info_judge(&info, &asked, arena, &reason);
        if (failure != cases[i].failure || (failure == FAILURE_NONE) != !reason)
            fail_msg("case %zu: %d, %s", i, (int)failure, reason ? reason : "");
    }
}

static void
lies(void **state)
{
    (void)state;
    info_is_bad("", JB_EPARSE);
    info_is_bad("<html>", JB_EPARSE);
    info_is_bad(INFO("") "x", JB_EPARSE);
    info_is_bad("[]", JB_EUNPROC);
    info_is_bad("{}", JB_EUNPROC);
    info_is_bad("{\"id\": \"org/model\", \"siblings\": []}", JB_EUNPROC);
    info_is_bad("{\"id\": \"org/model\", \"sha\": 7, \"siblings\": []}", JB_EUNPROC);
    info_is_bad("{\"id\": \"org/model\", \"sha\": \"main\", \"siblings\": []}", JB_EUNPROC);
    info_is_bad("{\"id\": \"org/model\", \"sha\": \"" SHA "0\", \"siblings\": []}", JB_EUNPROC);
    info_is_bad("{\"id\": \"../etc\", \"sha\": \"" SHA "\", \"siblings\": []}", JB_EUNPROC);
    info_is_bad("{\"id\": 7, \"sha\": \"" SHA "\", \"siblings\": []}", JB_EUNPROC);
    info_is_bad("{\"id\": \"org/model\", \"sha\": \"" SHA "\"}", JB_EUNPROC);
    info_is_bad("{\"id\": \"org/model\", \"sha\": \"" SHA "\", \"siblings\": {}}", JB_EUNPROC);
    info_is_bad(INFO(", \"safetensors\": {\"total\": -1}"), JB_EUNPROC);
    info_is_bad(INFO(", \"safetensors\": {\"total\": 1e300}"), JB_EUNPROC);
    info_is_bad(INFO(", \"safetensors\": {\"total\": NaN}"), JB_EUNPROC);
    info_is_bad(INFO(", \"safetensors\": {\"parameters\": {\"F16\": -1}}"), JB_EUNPROC);
    info_is_bad(INFO(", \"safetensors\": {\"parameters\": {\"F16\": []}}"), JB_EUNPROC);

    char *deep = malloc(4001);
    assert_non_null(deep);
    memset(deep, '[', 4000);
    deep[4000] = '\0';
    info_is_bad(deep, JB_ETOOBIG);
    free(deep);
}

static void
cleaning(void **state)
{
    (void)state;
    assert_string_equal(hub_clean(arena, "plain 金榜", 100), "plain 金榜");
    assert_string_equal(hub_clean(arena, "a\r\n\t\x1b[0m", 100), "a????[0m");
    assert_string_equal(hub_clean(arena, "\xe2\x80\xae reversed", 100), "? reversed");
    assert_string_equal(hub_clean(arena, "bad \xff\xc0 bytes", 100), "bad ?? bytes");
    assert_string_equal(hub_clean(arena, "cut \xe9\x87", 100), "cut ??");
    /* never in the middle of a character */
    assert_string_equal(hub_clean(arena, "ab金", 4), "ab");
    assert_string_equal(hub_clean(arena, "abcdef", 3), "abc");
    assert_string_equal(hub_clean(arena, "", 0), "");
}

static struct hub_known *
known(void)
{
    static const char text[] = "# a list\n"
                               "architecture LlamaForCausalLM # usual\r\n"
                               "architecture\tQwen2ForCausalLM\n"
                               "\n"
                               "model_type llama\n"
                               "tokenizer LlamaTokenizer";
    struct hub_known *k = NULL;

    assert_int_equal(hub_known_parse("list", text, sizeof text - 1, NULL, &k), 0);
    return k;
}

static void
lists(void **state)
{
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"architecture\n", "list:1:"},           {"\n\nmodel llama\n", "list:3:"},
        {"architecture A B\n", "list:1:"},       {"architectureX\n", "list:1:"},
        {"tokenizer \xe9\x87\x91\n", "list:1:"},
    };
    struct hub_known *k = known();

    (void)state;
    assert_true(hub_known_has(k, HUB_ARCHITECTURE, "LlamaForCausalLM"));
    assert_true(hub_known_has(k, HUB_ARCHITECTURE, "Qwen2ForCausalLM"));
    assert_true(hub_known_has(k, HUB_MODEL_TYPE, "llama"));
    assert_true(hub_known_has(k, HUB_TOKENIZER, "LlamaTokenizer"));
    assert_false(hub_known_has(k, HUB_TOKENIZER, "LlamaForCausalLM"));
    assert_false(hub_known_has(k, HUB_ARCHITECTURE, "llamaforcausallm"));
    assert_false(hub_known_has(k, HUB_ARCHITECTURE, ""));
    assert_false(hub_known_has(k, HUB_ARCHITECTURE, NULL));
    hub_known_unref(k);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct jb_error err = {0};
        k = NULL;
        assert_int_equal(hub_known_parse("list", bad[i].text, strlen(bad[i].text), &err, &k),
                         JB_EPARSE);
        assert_null(k);
        assert_non_null(strstr(err.text, bad[i].reason));
    }
    assert_int_equal(hub_known_parse("list", "a\0b", 3, NULL, &k), JB_EPARSE);
}

/* The list that is installed can be read and knows the usual ones. */
static void
installed_list(void **state)
{
    const char *top = getenv("JB_SRCDIR");
    struct hub_known *k = NULL;
    struct jb_error err = {0};
    char file[4096];

    (void)state;
    if (!top)
        skip();
    snprintf(file, sizeof file, "%s/contrib/hub/architectures.txt", top);
    if (hub_known_load(file, &err, &k))
        fail_msg("%s", err.text);
    assert_true(hub_known_has(k, HUB_ARCHITECTURE, "LlamaForCausalLM"));
    assert_true(hub_known_has(k, HUB_ARCHITECTURE, "T5ForConditionalGeneration"));
    assert_true(hub_known_has(k, HUB_MODEL_TYPE, "qwen2"));
    assert_true(hub_known_has(k, HUB_TOKENIZER, "PreTrainedTokenizerFast"));
    assert_true(hub_known_has(k, HUB_TOKENIZER, "LlamaTokenizerFast"));
    hub_known_unref(k);
    assert_int_equal(hub_known_load("/nonexistent/list", &err, &k), JB_ENOENT);
}

static void
configurations(void **state)
{
    static const struct {
        const char *config;
        enum queue_failure failure;
    } cases[] = {
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\"}",
         FAILURE_NONE},
        {"{\"architectures\": [\"LlamaForCausalLM\"]}", FAILURE_NONE},
        {"{\"model_type\": \"llama\"}", FAILURE_NONE},
        {"{\"architectures\": [\"Own\", \"LlamaForCausalLM\"]}", FAILURE_NONE},
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"auto_map\": {\"AutoModel\": \"m.M\"}}",
         FAILURE_NONE},
        {"{}", FAILURE_CONFIG_UNSUPPORTED},
        {"{\"architectures\": [7, \"\"]}", FAILURE_CONFIG_UNSUPPORTED},
        {"{\"architectures\": \"LlamaForCausalLM\"}", FAILURE_CONFIG_UNSUPPORTED},
        {"{\"architectures\": [\"Own\"], \"model_type\": \"llama\"}",
         FAILURE_CONFIG_UNSUPPORTED},
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"own\"}",
         FAILURE_CONFIG_UNSUPPORTED},
        {"{\"architectures\": [\"Own\"], \"auto_map\": {\"AutoConfig\": \"c.C\"}}",
         FAILURE_REMOTE_CODE},
        {"{\"model_type\": \"own\", \"auto_map\": {\"AutoModelForCausalLM\": \"m.M\"}}",
         FAILURE_REMOTE_CODE},
        {"{\"auto_map\": {\"AutoConfig\": \"c.C\"}}", FAILURE_REMOTE_CODE},
        {"{\"architectures\": [\"Own\"], \"auto_map\": {\"AutoTokenizer\": [\"t.T\", null]}}",
         FAILURE_CONFIG_UNSUPPORTED},
    };
    struct hub_known *k = known();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hub_config c;
        const char *reason = NULL;
        assert_int_equal(hub_config_parse(jb_str(cases[i].config), arena, NULL, &c), 0);
        enum queue_failure failure = hub_config_judge(&c, k, arena, &reason);
        if (failure != cases[i].failure || (failure && (!reason || !*reason)))
            fail_msg("%s: %d", cases[i].config, (int)failure);
    }
    struct hub_config c;
    assert_int_equal(
        hub_config_parse(JB_STR("{\"architectures\": [\"A\", \"B\"]}"), arena, NULL, &c), 0);
    assert_string_equal(c.architecture, "A, B");
    assert_int_equal(hub_config_parse(JB_STR("[]"), arena, NULL, &c), JB_EUNPROC);
    assert_int_equal(hub_config_parse(JB_STR("{"), arena, NULL, &c), JB_EPARSE);
    hub_known_unref(k);
}

static void
tokenizers(void **state)
{
    static const struct {
        const char *config;
        enum queue_failure failure;
    } cases[] = {
        {"{}", FAILURE_NONE},
        {"{\"tokenizer_class\": \"LlamaTokenizer\"}", FAILURE_NONE},
        {"{\"tokenizer_class\": \"LlamaTokenizer\", \"auto_map\": {\"AutoTokenizer\": "
         "\"t.T\"}}",
         FAILURE_NONE},
        {"{\"tokenizer_class\": \"Own\"}", FAILURE_TOKENIZER_MISSING},
        {"{\"tokenizer_class\": \"Own\", \"auto_map\": {\"AutoTokenizer\": [\"t.T\", null]}}",
         FAILURE_REMOTE_CODE},
        {"{\"tokenizer_class\": \"Own\", \"auto_map\": [\"t.T\", null]}", FAILURE_REMOTE_CODE},
    };
    struct hub_known *k = known();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hub_config c;
        const char *reason = NULL;
        assert_int_equal(hub_config_parse(jb_str(cases[i].config), arena, NULL, &c), 0);
        assert_int_equal(hub_tokenizer_judge(&c, k, arena, &reason), cases[i].failure);
    }
    hub_known_unref(k);
}

static void
cards(void **state)
{
    static const struct {
        const char *readme;
        size_t characters;
        bool merge, moe;
    } cases[] = {
        {"", 0, false, false},
        {"---\nlicense: mit\n---\n  text \n", 4, false, false},
        {"\xef\xbb\xbf---\r\nmerge: mergekit\r\n---\r\n文字\r\n", 2, false, false},
        {"---\nnever closed", 16, false, false},
        {"text\n---\nmore\n---\n", 17, false, false},
        {"---\n---\n", 0, false, false},
        {"Made with MergeKit.", 19, true, false},
        {"a merged model", 14, true, false},
        {"submerging", 10, false, false},
        {"by merging two", 14, true, false},
        {"A Mixture of Experts", 20, false, true},
        {"an MoE model", 12, false, true},
        {"phoem moet", 10, false, false},
        {"(moe)", 5, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hub_card c = hub_card_read(jb_str(cases[i].readme));
        if (c.characters != cases[i].characters || c.merge != cases[i].merge ||
            c.moe != cases[i].moe)
            fail_msg("%s: %zu %d %d", cases[i].readme, c.characters, c.merge, c.moe);
    }
}

static void
tags(void **state)
{
    static const struct {
        bool text_merge, text_moe, merge, moe;
        const char *model, *tags;
    } cases[] = {
        {false, false, false, false, "org/x", ""},
        {false, false, true, false, "org/x", "merge "},
        {true, false, true, false, "org/x", "merge "},
        {true, false, false, false, "org/x", "merge flagged:undisclosed_merge "},
        {false, true, false, false, "org/x", "moe flagged:undisclosed_moe "},
        {false, false, false, false, "org/x-MoE-7b", "moe flagged:undisclosed_moe "},
        {false, false, false, true, "org/x_moe", "moe "},
        {false, false, false, false, "org/smoeller", ""},
        {true, true, false, false, "org/x",
         "merge flagged:undisclosed_merge moe flagged:undisclosed_moe "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct hub_card card = {.merge = cases[i].text_merge, .moe = cases[i].text_moe};
        const char *found[HUB_TAGS_MAX];
        char joined[200] = "";
        size_t n = hub_tags(&card, cases[i].merge, cases[i].moe, cases[i].model, found);
        for (size_t k = 0; k < n; k++)
            snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s ", found[k]);
        assert_string_equal(joined, cases[i].tags);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(information),    cmocka_unit_test(licences),
        cmocka_unit_test(judgements),     cmocka_unit_test(lies),
        cmocka_unit_test(cleaning),       cmocka_unit_test(lists),
        cmocka_unit_test(installed_list), cmocka_unit_test(configurations),
        cmocka_unit_test(tokenizers),     cmocka_unit_test(cards),
        cmocka_unit_test(tags),
    };

    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
