/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/strict.h"

#include "harness/jsontext.h"

#include <cjson/cJSON.h>

static const struct jsontext_limits limits = {.bytes = 8 << 20, .depth = 32, .values = 400000};

static const cJSON *
member(const cJSON *object, const char *key)
{
    return object ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

/* What the harness writes of its own command line: all items, or so many. */
static int
check_limit(const cJSON *config, int64_t limit, struct jb_error *err)
{
    const cJSON *item = member(config, "limit");

    if (!item || cJSON_IsNull(item))
        return limit ? jb_fail(err, JB_EUNPROC, "all items were run, not %lld of each task",
                               (long long)limit)
                     : 0;
    if (cJSON_IsNumber(item) && limit && item->valuedouble == (double)limit)
        return 0;
    return jb_fail(err, JB_EUNPROC, "some of the items were run only (limit %.20g)",
                   cJSON_IsNumber(item) ? item->valuedouble : 0);
}

/* pinned: one number for the run; present: one for each task, of which a group has none. */
static int
check_shots(const cJSON *root, enum harness_dialect dialect, const struct benchmark *b,
            struct jb_error *err)
{
    const cJSON *all = dialect == DIALECT_PRESENT ? member(root, "n-shot") : NULL, *item;

    if (dialect == DIALECT_PINNED) {
        item = member(member(root, "config"), "num_fewshot");
        if (!cJSON_IsNumber(item) || item->valuedouble != (double)b->shots)
            return jb_fail(err, JB_EUNPROC, "not run with %lld shots", (long long)b->shots);
        return 0;
    }
    cJSON_ArrayForEach(item, all)
    {
        if (cJSON_IsNumber(item) && item->valuedouble != (double)b->shots)
            return jb_fail(err, JB_EUNPROC, "task %s was not run with %lld shots", item->string,
                           (long long)b->shots);
    }
    return 0;
}

static const char *
failure_of(enum score_fault fault)
{
    switch (fault) {
    case SCORE_MISSING: return "incomplete_results";
    case SCORE_NAN: return "precision_nan";
    default: return "bad_result_json";
    }
}

static int
check_run(struct jb_str doc, const struct benchmark *b, enum harness_dialect dialect,
          int64_t limit, struct jb_error *err, const char **ret_failure)
{
    cJSON *root = NULL;
    int rc = jsontext_parse(doc, &limits, err, &root);

    *ret_failure = "bad_result_json";
    if (rc)
        return rc;
    rc = check_shots(root, dialect, b, err);
    if (!rc) {
        *ret_failure = "incomplete_results";
        rc = check_limit(member(root, "config"), limit, err);
    }
    cJSON_Delete(root);
    return rc;
}

int
harness_strict_scores(struct jb_str doc, const struct benchmark *benchmark,
                      enum harness_dialect dialect, int64_t limit, struct jb_arena *arena,
                      struct jb_error *err, struct score *ret_score, const char **ret_failure)
{
    const char *failure = "bad_result_json";
    struct scores s;
    int rc = scores_read_any(doc, benchmark, 1, arena, err, &s);

    if (!rc && s.dialect != dialect) {
        rc = jb_fail(err, JB_EUNPROC, "a result of the %s harness instead of the %s one",
                     harness_dialect_name(s.dialect), harness_dialect_name(dialect));
    } else if (!rc && s.problems) {
        failure = failure_of(s.problem[0].fault);
        rc = jb_fail(err, JB_EUNPROC, "%s", s.problem[0].reason);
    } else if (!rc && !s.n) {
        failure = "incomplete_results";
        rc = jb_fail(err, JB_EUNPROC, "no task of benchmark %s is there", benchmark->key);
    } else if (!rc) {
        rc = check_run(doc, benchmark, dialect, limit, err, &failure);
    }
    if (rc == JB_ENOMEM)
        return rc;
    if (rc) {
        *ret_failure = failure;
        if (err)
            err->code = JB_EUNPROC; /* whatever the reader of JSON called it */
        return JB_EUNPROC;
    }
    *ret_score = s.items[0];
    return 0;
}
