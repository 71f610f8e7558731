/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/hub_parse.h"

#include "base/buf.h"
#include "base/text.h"
#include "harness/jsontext.h"
#include "store/record.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILES_MAX         20000
#define ARCHITECTURES_MAX 16

static const struct jsontext_limits limits = {
    .bytes = (size_t)1 << 30, .depth = 32, .values = 400000};

const char *
hub_clean(struct jb_arena *arena, const char *text, size_t most)
{
    size_t n = strlen(text), at = 0, out = 0;
    char *copy = jb_arena_alloc(arena, (n < most ? n : most) + 1);

    while (copy && at < n) {
        uint32_t cp;
        size_t valid = jb_utf8_valid(text + at, n - at < 4 ? n - at : 4);
        size_t m = valid ? jb_utf8_decode(text + at, n - at, &cp) : 1;
        bool bad = !valid || jb_cp_forbidden(cp) || cp == '\n' || cp == '\t';

        if (out + (bad ? 1 : m) > most)
            break;
        if (bad)
            copy[out++] = '?';
        else
            memcpy(copy + out, text + at, m);
        out += bad ? 0 : m;
        at += m;
    }
    return copy;
}

static const cJSON *
member(const cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

static const char *
text_of(const cJSON *item)
{
    return cJSON_IsString(item) ? item->valuestring : "";
}

static int
parse_object(struct jb_str body, struct jb_error *err, cJSON **ret_root)
{
    cJSON *root = NULL;
    int rc = jsontext_parse(body, &limits, err, &root);

    if (!rc && !cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return jb_fail(err, JB_EUNPROC, "it is no JSON object");
    }
    if (!rc)
        *ret_root = root;
    return rc;
}

/* ---- model information ---- */

/* false and absent are no; the hub writes "auto" and "manual" for gated. */
static bool
truth(const cJSON *item)
{
    return item && !cJSON_IsFalse(item) && !cJSON_IsNull(item);
}

static bool
has_tag(const cJSON *tags, const char *tag)
{
    const cJSON *item;

    if (cJSON_IsString(tags))
        return strcasecmp(tags->valuestring, tag) == 0;
    if (cJSON_IsArray(tags))
        cJSON_ArrayForEach(item, tags)
        {
            if (strcasecmp(text_of(item), tag) == 0)
                return true;
        }
    return false;
}

/* "mit" or ["mit", "other"] -> "mit, other"; else what the tag `license:` says; else the name
 * of an own licence that has a link as well. */
static const char *
license_of(const cJSON *root, struct jb_arena *arena)
{
    static const char prefix[] = "license:";
    const cJSON *card = member(root, "cardData"), *item = member(card, "license"), *part;
    struct jb_buf joined = JB_BUF(1024);
    const char *license;

    if (cJSON_IsString(item))
        jb_buf_puts(&joined, item->valuestring);
    if (cJSON_IsArray(item))
        cJSON_ArrayForEach(part, item)
        {
            if (!*text_of(part) || joined.n + strlen(text_of(part)) > STORE_NAME_MAX)
                continue;
            if (joined.n)
                jb_buf_puts(&joined, ", ");
            jb_buf_puts(&joined, text_of(part));
        }
    if (!joined.n && !joined.err && *text_of(member(card, "license_link")))
        jb_buf_puts(&joined, text_of(member(card, "license_name")));
    const cJSON *tags = member(root, "tags");
    if (!joined.n && !joined.err && tags && cJSON_IsArray(tags))
        cJSON_ArrayForEach(part, tags)
        {
            if (!joined.n && strncmp(text_of(part), prefix, sizeof prefix - 1) == 0)
                jb_buf_puts(&joined, text_of(part) + sizeof prefix - 1);
        }
    /* Something that does not fit into a kilobyte is no licence. */
    license = hub_clean(arena, joined.n && !joined.err ? joined.p : "", STORE_NAME_MAX);
    jb_buf_free(&joined);
    return license;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
read_files(const cJSON *siblings, struct jb_arena *arena, struct jb_error *err,
           struct hub_info *info)
{
    int n = cJSON_IsArray(siblings) ? cJSON_GetArraySize(siblings) : -1;
    const cJSON *item;
    const char **files;

    if (n < 0)
        return jb_fail(err, JB_EUNPROC, "siblings is no list");
    if (n > FILES_MAX)
        return jb_fail(err, JB_ETOOBIG, "more than %d files", FILES_MAX);
    files = jb_arena_array(arena, (size_t)n + 1, sizeof *files);
    if (!files)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    cJSON_ArrayForEach(item, siblings)
    {
        const char *name = text_of(member(item, "rfilename"));
        if (!*name)
            continue;
        files[info->n_files] = jb_arena_dup(arena, name, strlen(name));
        if (!files[info->n_files++])
            return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    if (info->n_files)
        qsort(files, info->n_files, sizeof *files, by_name);
    info->files = files;
    return 0;
}

/* {"parameters": {"BF16": n, …}, "total": n}; neither may be below zero. */
static int
read_parameters(const cJSON *safetensors, struct jb_error *err, double *ret)
{
    const cJSON *total = member(safetensors, "total"), *item;
    const cJSON *parameters = member(safetensors, "parameters");
    double sum = 0;

    if (!cJSON_IsObject(safetensors))
        return 0;
    if (!total && parameters && cJSON_IsObject(parameters)) {
        cJSON_ArrayForEach(item, parameters)
        {
            if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0))
                return jb_fail(err, JB_EUNPROC, "safetensors.parameters holds no count");
            sum += item->valuedouble;
        }
    } else if (cJSON_IsNumber(total)) {
        sum = total->valuedouble;
    } else {
        return total && !cJSON_IsNull(total)
                   ? jb_fail(err, JB_EUNPROC, "safetensors.total is no number")
                   : 0;
    }
    if (!(sum >= 0 && sum < 1e16))
        return jb_fail(err, JB_EUNPROC, "safetensors.total is no possible count");
    if (sum > 0)
        *ret = sum;
    return 0;
}

int
hub_info_parse(struct jb_str body, struct jb_arena *arena, struct jb_error *err,
               struct hub_info *ret_info)
{
    struct hub_info info = {.likes = NAN, .parameters = NAN};
    const cJSON *item, *card;
    cJSON *root = NULL;
    int rc = parse_object(body, err, &root);

    if (rc)
        return rc;
    card = member(root, "cardData");
    item = member(root, "id") ? member(root, "id") : member(root, "modelId");
    if (jb_model_id_check(jb_str(text_of(item)), NULL)) {
        rc = jb_fail(err, JB_EUNPROC, "id is no model's name");
        goto out;
    }
    info.id = jb_arena_dup(arena, item->valuestring, strlen(item->valuestring));
    item = member(root, "sha");
    if (!jb_is_commit(jb_str(text_of(item)))) {
        rc = jb_fail(err, JB_EUNPROC, "sha is no commit of 40 hex digits");
        goto out;
    }
    info.commit = jb_arena_dup(arena, item->valuestring, strlen(item->valuestring));
    info.private_ = truth(member(root, "private"));
    info.gated = truth(member(root, "gated"));
    info.disabled = truth(member(root, "disabled"));
    item = member(root, "likes");
    if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 1e12)
        info.likes = floor(item->valuedouble);
    info.license = license_of(root, arena);
    info.tag_merge =
        has_tag(member(card, "tags"), "merge") || has_tag(member(root, "tags"), "merge");
    info.tag_moe = has_tag(member(card, "tags"), "moe") || has_tag(member(root, "tags"), "moe");
    rc = read_parameters(member(root, "safetensors"), err, &info.parameters);
    if (!rc)
        rc = read_files(member(root, "siblings"), arena, err, &info);
    if (!rc && (!info.id || !info.commit || !info.license))
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc)
        *ret_info = info;
out:
    cJSON_Delete(root);
    return rc;
}

enum queue_failure
hub_info_judge(const struct hub_info *info, const struct hub_asked *asked,
               struct jb_arena *arena, const char **ret_reason)
{
    if (strcasecmp(info->id, asked->model) != 0 && !asked->redirected) {
        *ret_reason =
            jb_arena_printf(arena, "the hub answered about another model, %s", info->id);
        return FAILURE_MODEL_INFO;
    }
    if (jb_is_commit(jb_str(asked->revision)) && strcmp(info->commit, asked->revision) != 0) {
        *ret_reason =
            jb_arena_printf(arena, "the hub answered about another commit, %s", info->commit);
        return FAILURE_MODEL_INFO;
    }
    if (info->disabled) {
        *ret_reason = "the hub has disabled it";
        return FAILURE_NOT_FOUND;
    }
    if (info->private_ && !asked->private_) {
        *ret_reason = "it is private";
        return FAILURE_NOT_FOUND;
    }
    if (info->gated && !asked->token) {
        *ret_reason = "its files are given to those only who asked for access";
        return FAILURE_GATED;
    }
    return FAILURE_NONE;
}

bool
hub_has_file(const struct hub_info *info, const char *name)
{
    return info->n_files &&
           bsearch(&name, info->files, info->n_files, sizeof *info->files, by_name);
}

bool
hub_has_tokenizer(const struct hub_info *info)
{
    static const char *const names[] = {
        "tokenizer.json",
        "tokenizer_config.json",
        "tokenizer.model",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "spiece.model",
        "spm.model",
        "sentencepiece.bpe.model",
        "sentencepiece.model",
        "source.spm",
        "vocab.bpe",
        "qwen.tiktoken",
        "tiktoken.model",
        "tekken.json",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (hub_has_file(info, names[i]))
            return true;
    return false;
}

/* ---- configurations ---- */

static int
read_architectures(const cJSON *list, struct jb_arena *arena, struct hub_config *config)
{
    const char **names = jb_arena_array(arena, ARCHITECTURES_MAX, sizeof *names);
    const char *joined = "";
    const cJSON *item;

    if (!names)
        return JB_ENOMEM;
    if (cJSON_IsArray(list))
        cJSON_ArrayForEach(item, list)
        {
            if (!*text_of(item) || config->n_architectures == ARCHITECTURES_MAX)
                continue;
            const char *name = hub_clean(arena, item->valuestring, 128);
            joined = name ? jb_arena_printf(arena, "%s%s%s", joined, *joined ? ", " : "", name)
                          : NULL;
            if (!joined)
                return JB_ENOMEM;
            names[config->n_architectures++] = name;
        }
    config->architectures = names;
    config->architecture = joined;
    return 0;
}

int
hub_config_parse(struct jb_str body, struct jb_arena *arena, struct jb_error *err,
                 struct hub_config *ret_config)
{
    struct hub_config config = {0};
    const cJSON *item;
    cJSON *root = NULL;
    int rc = parse_object(body, err, &root);

    if (rc)
        return rc;
    rc = read_architectures(member(root, "architectures"), arena, &config);
    config.model_type = hub_clean(arena, text_of(member(root, "model_type")), 128);
    config.tokenizer_class = hub_clean(arena, text_of(member(root, "tokenizer_class")), 128);
    config.base_model =
        hub_clean(arena, text_of(member(root, "base_model_name_or_path")), STORE_NAME_MAX);
    item = member(root, "auto_map");
    config.own_tokenizer = truth(member(item, "AutoTokenizer")) || cJSON_IsArray(item);
    if (cJSON_IsObject(item))
        cJSON_ArrayForEach(item, member(root, "auto_map"))
        {
            if (strcmp(item->string, "AutoTokenizer") != 0 && truth(item))
                config.own_code = true;
        }
    if (rc || !config.model_type || !config.tokenizer_class || !config.base_model)
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc)
        *ret_config = config;
    cJSON_Delete(root);
    return rc;
}

enum queue_failure
hub_config_judge(const struct hub_config *config, const struct hub_known *known,
                 struct jb_arena *arena, const char **ret_reason)
{
    const char *unknown = NULL;
    bool has = config->n_architectures == 0;

    for (size_t i = 0; i < config->n_architectures && !has; i++)
        has = hub_known_has(known, HUB_ARCHITECTURE, config->architectures[i]);
    if (!has)
        unknown = config->architecture;
    else if (*config->model_type && !hub_known_has(known, HUB_MODEL_TYPE, config->model_type))
        unknown = config->model_type;
    if (!unknown && (config->n_architectures || *config->model_type))
        return FAILURE_NONE;
    if (!unknown) {
        *ret_reason = "config.json names neither architectures nor model_type";
        return config->own_code ? FAILURE_REMOTE_CODE : FAILURE_CONFIG_UNSUPPORTED;
    }
    if (config->own_code) {
        *ret_reason = jb_arena_printf(
            arena, "%s comes with code of its own (auto_map in config.json)", unknown);
        return FAILURE_REMOTE_CODE;
    }
    *ret_reason =
        jb_arena_printf(arena, "%s is not in the list of a released transformers", unknown);
    return FAILURE_CONFIG_UNSUPPORTED;
}

enum queue_failure
hub_tokenizer_judge(const struct hub_config *config, const struct hub_known *known,
                    struct jb_arena *arena, const char **ret_reason)
{
    const char *name = config->tokenizer_class;

    /* Without a class of its own it is the one of the model type. */
    if (!*name || hub_known_has(known, HUB_TOKENIZER, name))
        return FAILURE_NONE;
    if (config->own_tokenizer) {
        *ret_reason = jb_arena_printf(
            arena,
            "tokenizer %s comes with code of its own (auto_map in tokenizer_config.json)",
            name);
        return FAILURE_REMOTE_CODE;
    }
    *ret_reason =
        jb_arena_printf(arena, "tokenizer %s is not in a released transformers", name);
    return FAILURE_TOKENIZER_MISSING;
}
