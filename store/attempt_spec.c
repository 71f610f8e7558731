/* SPDX-License-Identifier: Apache-2.0 */
#include "store/host.h"

#include <cjson/cJSON.h>

#include <string.h>

static bool
is_named(const char *const *keys, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

int
store_attempt_benchmarks(const struct attempt *attempt, struct jb_arena *arena,
                         const char *const **ret_keys, size_t *ret_n)
{
    const char **keys = jb_arena_alloc(arena, ATTEMPT_BENCHMARKS * sizeof *keys);
    cJSON *spec = cJSON_Parse(attempt->spec ? attempt->spec : "");
    const cJSON *task;
    size_t n = 0;
    int rc = keys ? 0 : JB_ENOMEM;

    cJSON_ArrayForEach(task, cJSON_GetObjectItemCaseSensitive(spec, "tasks"))
    {
        const char *key =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(task, "benchmark"));
        if (rc || n == ATTEMPT_BENCHMARKS)
            break;
        if (!key || !*key || strlen(key) > STORE_WORD_MAX || is_named(keys, n, key))
            continue;
        if (!(keys[n] = jb_arena_printf(arena, "%s", key)))
            rc = JB_ENOMEM;
        n++;
    }
    cJSON_Delete(spec);
    if (rc)
        return rc;
    *ret_keys = keys;
    *ret_n = n;
    return 0;
}
