/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hub answers. The first byte of the input chooses the body, the rest is it. Strings
 * that come out are one clean line; numbers are possible ones.
 */
#include "base/text.h"
#include "dispatch/hub_card.h"
#include "dispatch/hub_weights.h"
#include "store/record.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
must_fail_well(int rc, const struct jb_error *err)
{
    must(rc < 0 && err->code == rc && err->text[0]);
}

static void
must_be_clean(const char *text, size_t most)
{
    size_t n = strlen(text);

    must(n <= most && jb_utf8_valid(text, n) == n);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += jb_utf8_decode(text + i, n - i, &cp);
        must(!jb_cp_forbidden(cp) && cp != '\n' && cp != '\t');
    }
}

static const struct hub_known *
known(void)
{
    static const char text[] = "architecture LlamaForCausalLM\nmodel_type llama\n"
                               "tokenizer LlamaTokenizer\n";
    static struct hub_known *list;

    if (!list)
        must(hub_known_parse("list", text, sizeof(text) - 1, NULL, &list) == 0);
    return list;
}

static void
card(struct jb_str body, const char *model)
{
    const char *tags[HUB_TAGS_MAX];
    struct hub_card c = hub_card_read(body);

    must(c.characters <= body.n);
    for (int declared = 0; declared < 4; declared++)
        must(hub_tags(&c, declared & 1, declared & 2, model, tags) <= HUB_TAGS_MAX);
}

static void
weights(const struct hub_info *info, struct jb_arena *arena)
{
    struct hub_weights w;

    for (int adapter = 0; adapter < 2; adapter++) {
        must(hub_weights_find(info, adapter, arena, &w) == 0 && w.n_files <= HUB_SHARDS_MAX);
        for (size_t i = 0; i < w.n_files; i++)
            must(hub_has_file(info, w.files[i]) && !strchr(w.files[i], '/'));
    }
}

static void
information(struct jb_str body, struct jb_arena *arena)
{
    struct jb_error err = {0};
    struct hub_info info;
    int rc = hub_info_parse(body, arena, &err, &info);

    if (rc) {
        must_fail_well(rc, &err);
        return;
    }
    must(jb_model_id_check(jb_str(info.id), NULL) == 0 && jb_is_commit(jb_str(info.commit)));
    must(isnan(info.likes) || info.likes >= 0);
    must(isnan(info.parameters) || (info.parameters > 0 && info.parameters < 1e16));
    must_be_clean(info.license, STORE_NAME_MAX);
    for (size_t i = 0; i < info.n_files; i++)
        must(hub_has_file(&info, info.files[i]) &&
             (i == 0 || strcmp(info.files[i - 1], info.files[i]) <= 0));
    (void)hub_has_tokenizer(&info);
    weights(&info, arena);
    double params = hub_params(info.parameters, info.id, "GPTQ");
    must(isnan(params) || params >= 0);
    (void)hub_params_too_many(params, "GPTQ", 70);
}

static void
configuration(struct jb_str body, struct jb_arena *arena)
{
    struct jb_error err = {0};
    struct hub_config c;
    const char *reason = NULL;
    int rc = hub_config_parse(body, arena, &err, &c);

    if (rc) {
        must_fail_well(rc, &err);
        return;
    }
    for (size_t i = 0; i < c.n_architectures; i++)
        must_be_clean(c.architectures[i], 128);
    must_be_clean(c.architecture, 16 * 130);
    must_be_clean(c.model_type, 128);
    must_be_clean(c.tokenizer_class, 128);
    must_be_clean(c.base_model, STORE_NAME_MAX);
    if (hub_config_judge(&c, known(), arena, &reason) != FAILURE_NONE)
        must_be_clean(reason, 4096);
    reason = NULL;
    if (hub_tokenizer_judge(&c, known(), arena, &reason) != FAILURE_NONE)
        must_be_clean(reason, 4096);
}

static void
weight_index(struct jb_str body, struct jb_arena *arena)
{
    static const char *const there[] = {"model-00001-of-00002.safetensors",
                                        "model-00002-of-00002.safetensors",
                                        "model.safetensors"};
    const struct hub_info info = {.n_files = 3, .files = there};
    struct jb_error err = {0};
    const char *const *files;
    double total;
    size_t n;
    int rc = hub_index_parse(body, &info, arena, &err, &n, &files, &total);

    if (rc) {
        must_fail_well(rc, &err);
        return;
    }
    must(n >= 1 && n <= 3 && (isnan(total) || (total > 0 && total < 1e16)));
    for (size_t i = 0; i < n; i++)
        must(hub_has_file(&info, files[i]));
}

/* As it stands in a file: a length, then the header. */
static void
header(struct jb_str body)
{
    struct jb_error err = {0};
    struct jb_str text;
    uint64_t need;
    double parameters;
    int rc = hub_header_find(body, 1 << 20, &err, &need, &text);

    if (rc)
        must_fail_well(rc, &err);
    else
        must(need >= 10 && need <= 1 << 20);
    if (rc || body.n < need)
        return;
    must(text.p == body.p + 8 && text.n == need - 8);
    rc = hub_header_parse(text, &err, &parameters);
    if (rc)
        must_fail_well(rc, &err);
    else
        must(parameters >= 0 && parameters < 1e16);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_arena *arena = size ? jb_arena_new((size_t)64 << 20) : NULL;

    if (!arena)
        return 0;
    struct jb_str body = {(const char *)data + 1, size - 1};
    const char *line = jb_arena_dup(arena, body.p, body.n);
    switch (data[0] % 6) {
    case 0: information(body, arena); break;
    case 1: configuration(body, arena); break;
    case 2: weight_index(body, arena); break;
    case 3: header(body); break;
    case 4: card(body, "org/a-moe-7b"); break;
    default:
        line = line ? hub_clean(arena, line, 100) : NULL;
        if (line) {
            must_be_clean(line, 100);
            double params = hub_params(NAN, line, "float16");
            must(isnan(params) || (params >= 0 && params < 1e6));
            card(body, line);
        }
    }
    jb_arena_free(arena);
    return 0;
}
