/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/hub_weights.h"

#include "base/text.h"
#include "harness/jsontext.h"

#include <cjson/cJSON.h>

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LENGTH     8          /* bytes before a header, which say how long it is */
#define HEADER_MAX 100000000u /* more is refused by safetensors itself */

static const struct jsontext_limits limits = {
    .bytes = (size_t)1 << 30, .depth = 16, .values = 4000000};

static bool
ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && strcmp(name + n - m, end) == 0;
}

static bool
is_pickle(const char *name)
{
    static const char *const ends[] = {".bin", ".pt", ".pth", ".ckpt"};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]) && !strstr(name, "training_args"))
            return true;
    return false;
}

int
hub_weights_find(const struct hub_info *info, bool adapter, struct jb_arena *arena,
                 struct hub_weights *ret_weights)
{
    struct hub_weights w = {0};
    const char **files = jb_arena_array(arena, HUB_SHARDS_MAX, sizeof *files);

    if (!files)
        return JB_ENOMEM;
    w.files = files;
    for (size_t i = 0; i < info->n_files; i++) {
        const char *name = info->files[i];
        bool of_adapter = strncmp(name, "adapter_", 8) == 0;

        if (strchr(name, '/') || of_adapter != adapter)
            continue;
        w.pickle = w.pickle || is_pickle(name);
        if (!ends_with(name, ".safetensors"))
            continue;
        w.safetensors = true;
        /* The same weights once more, in the form of their maker's own programs. */
        if (strncmp(name, "consolidated", 12) == 0 && hub_has_file(info, "model.safetensors"))
            continue;
        if (w.n_files < HUB_SHARDS_MAX)
            files[w.n_files++] = name;
    }
    w.index = !adapter && hub_has_file(info, "model.safetensors.index.json");
    if (!w.index && !adapter && hub_has_file(info, "model.safetensors")) {
        files[0] = "model.safetensors";
        w.n_files = 1;
    }
    *ret_weights = w;
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static double
index_total(const cJSON *root)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(root, "metadata");
    const cJSON *total = cJSON_IsObject(meta)
                             ? cJSON_GetObjectItemCaseSensitive(meta, "total_parameters")
                             : NULL;

    return cJSON_IsNumber(total) && total->valuedouble > 0 && total->valuedouble < 1e16
               ? total->valuedouble
               : NAN;
}

int
hub_index_parse(struct jb_str body, const struct hub_info *info, struct jb_arena *arena,
                struct jb_error *err, size_t *ret_n, const char *const **ret_files,
                double *ret_total)
{
    const cJSON *map, *item;
    const char **files, **names = NULL;
    cJSON *root = NULL;
    size_t n = 0, kept = 0;
    int rc = jsontext_parse(body, &limits, err, &root);

    if (rc)
        return rc;
    map = cJSON_IsObject(root) ? cJSON_GetObjectItemCaseSensitive(root, "weight_map") : NULL;
    if (!cJSON_IsObject(map) || !map->child) {
        rc = jb_fail(err, JB_EUNPROC, "model.safetensors.index.json has no weight_map");
        goto out;
    }
    files = jb_arena_array(arena, HUB_SHARDS_MAX, sizeof *files);
    names = malloc((size_t)cJSON_GetArraySize(map) * sizeof *names);
    if (!files || !names) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    cJSON_ArrayForEach(item, map)
    {
        if (!cJSON_IsString(item) || !ends_with(item->valuestring, ".safetensors") ||
            strchr(item->valuestring, '/') || !hub_has_file(info, item->valuestring)) {
            const char *shown =
                hub_clean(arena, cJSON_IsString(item) ? item->valuestring : "", 80);
            rc = jb_fail(err, JB_EUNPROC,
                         "model.safetensors.index.json names \"%s\", which is not there",
                         shown ? shown : "");
            goto out;
        }
        names[n++] = item->valuestring;
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (i && strcmp(names[i], names[i - 1]) == 0)
            continue;
        if (kept < HUB_SHARDS_MAX)
            files[kept] = jb_arena_dup(arena, names[i], strlen(names[i]));
        kept++;
    }
    if (kept > HUB_SHARDS_MAX)
        kept = 0;
    for (size_t i = 0; i < kept; i++)
        if (!files[i])
            rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc) {
        *ret_total = index_total(root);
        *ret_n = kept;
        *ret_files = files;
    }
out:
    free(names);
    cJSON_Delete(root);
    return rc;
}

int
hub_header_find(struct jb_str begin, uint64_t most, struct jb_error *err, uint64_t *ret_need,
                struct jb_str *ret_header)
{
    uint64_t n = 0;

    if (begin.n < LENGTH)
        return jb_fail(err, JB_EUNPROC, "it has %zu bytes", begin.n);
    for (size_t i = LENGTH; i-- > 0;)
        n = n << 8 | (unsigned char)begin.p[i];
    if (n < 2 || n > HEADER_MAX)
        return jb_fail(err, JB_EUNPROC, "it does not begin as safetensors do");
    if (LENGTH + n > most)
        return jb_fail(err, JB_ETOOBIG, "its header has %llu bytes", (unsigned long long)n);
    *ret_need = LENGTH + n;
    if (begin.n >= LENGTH + n)
        *ret_header = (struct jb_str){begin.p + LENGTH, (size_t)n};
    return 0;
}

int
hub_header_parse(struct jb_str header, struct jb_error *err, double *ret_parameters)
{
    const cJSON *tensor, *side;
    cJSON *root = NULL;
    double sum = 0;
    int rc;

    /* The format pads with blanks. */
    while (header.n && header.p[header.n - 1] == ' ')
        header.n--;
    rc = jsontext_parse(header, &limits, err, &root);
    if (rc)
        return rc;
    if (!cJSON_IsObject(root)) {
        rc = jb_fail(err, JB_EUNPROC, "its header is no JSON object");
        goto out;
    }
    cJSON_ArrayForEach(tensor, root)
    {
        const cJSON *shape =
            cJSON_IsObject(tensor) ? cJSON_GetObjectItemCaseSensitive(tensor, "shape") : NULL;
        double product = 1;
        if (strcmp(tensor->string, "__metadata__") == 0)
            continue;
        bool bad = !cJSON_IsArray(shape);
        if (!bad)
            cJSON_ArrayForEach(side, shape)
            {
                bad = bad || !cJSON_IsNumber(side) || !(side->valuedouble >= 0) ||
                      side->valuedouble != floor(side->valuedouble);
                product *= bad ? 0 : side->valuedouble;
            }
        sum += product;
        if (bad || !(sum < 1e16)) {
            rc = jb_fail(err, JB_EUNPROC, "its header holds a tensor without a possible shape");
            goto out;
        }
    }
    *ret_parameters = sum;
out:
    cJSON_Delete(root);
    return rc;
}

/* The first number that ends in `b` or `m` and stands for itself: not the 4 of `4bit`. */
static double
billions_of_name(const char *model)
{
    for (const char *p = model; *p; p++) {
        double n;

        if (!isdigit((unsigned char)*p) ||
            (p > model && (isdigit((unsigned char)p[-1]) || p[-1] == '.')))
            continue;
        const char *q = p + strspn(p, "0123456789");
        if (*q == '.' && isdigit((unsigned char)q[1]))
            q += 1 + strspn(q + 1, "0123456789");
        char unit = (char)tolower((unsigned char)*q);
        if ((unit != 'b' && unit != 'm') || isalpha((unsigned char)q[1]) || q - p > 12)
            continue;
        if (jb_parse_double((struct jb_str){p, (size_t)(q - p)}, &n))
            continue;
        return unit == 'b' ? n : n / 1000;
    }
    return NAN;
}

static bool
is_gptq(const char *model, const char *precision)
{
    if (strcmp(precision, "GPTQ") == 0)
        return true;
    for (; *model; model++)
        if (strncasecmp(model, "gptq", 4) == 0)
            return true;
    return false;
}

double
hub_params(double parameters, const char *model, const char *precision)
{
    bool counted = isfinite(parameters) && parameters > 0;
    double billions = counted ? parameters / 1e9 : billions_of_name(model);

    /* A name says the real number already. */
    if (counted && is_gptq(model, precision))
        billions *= 8;
    billions = round(billions * 1000) / 1000;
    return billions >= 0 && billions < 1e6 ? billions : NAN;
}

bool
hub_params_too_many(double params, const char *precision, double most)
{
    double factor = 1;

    if (strcmp(precision, "8bit") == 0)
        factor = 2;
    else if (strcmp(precision, "4bit") == 0 || strcmp(precision, "GPTQ") == 0)
        factor = 4;
    else if (strcmp(precision, "float32") == 0)
        factor = 0.5;
    return most > 0 && params > most * factor;
}
