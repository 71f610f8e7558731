/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/spec.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "wire/fields.h"

#include <math.h>
#include <string.h>

enum {
    PARAMS_MAX = 1000000,  /* billions */
    WALL_MAX = 30 * 86400, /* seconds */
    SEED_MAX = 2147483647, /* what every harness takes */
    ID_BYTES = 200,        /* of a model or revision; the grammar says more */
    WORD_BYTES = 64,
    TASK_BYTES = 128,
    SHOTS_MAX = 100,
};

static const struct field task_fields[] = {
    FIELD_SPAN(spec_task, benchmark, FIELD_TEXT, 1, WORD_BYTES),
    FIELD_SPAN(spec_task, task, FIELD_TEXT, 1, TASK_BYTES),
    FIELD_SPAN(spec_task, metric, FIELD_TEXT, 1, WORD_BYTES),
    FIELD_SPAN(spec_task, shots, FIELD_INT, 0, SHOTS_MAX),
    {0},
};

const struct field spec_fields[] = {
    FIELD_SPAN(spec, plan, FIELD_TEXT, 1, WORD_BYTES),
    FIELD_SPAN(spec, model, FIELD_TEXT, 1, ID_BYTES),
    FIELD_SPAN(spec, revision, FIELD_TEXT, 1, ID_BYTES),
    FIELD_SPAN(spec, base_model, FIELD_TEXT, 0, ID_BYTES),
    FIELD_SPAN(spec, base_revision, FIELD_TEXT, 0, ID_BYTES),
    FIELD_SPAN(spec, precision, FIELD_TEXT, 1, WORD_BYTES),
    FIELD_SPAN(spec, weight_type, FIELD_TEXT, 1, WORD_BYTES),
    FIELD_SPAN(spec, params, FIELD_MAYBE, 0, PARAMS_MAX),
    FIELD_SPAN(spec, seed, FIELD_INT, 0, SEED_MAX),
    FIELD_SPAN(spec, wall_seconds, FIELD_INT, 1, WALL_MAX),
    FIELD_SPAN(spec, suite, FIELD_TEXT, 0, WORD_BYTES),
    FIELD_ITEMS(spec, tasks, n_tasks, FIELD_LIST, 1, SPEC_TASKS_MAX, .items = task_fields,
                .item_size = sizeof(struct spec_task)),
    {0},
};

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Begins with a letter or digit, so that it is neither an option nor a path. */
static int
check_name(const char *what, const char *text, const char *letters, size_t most,
           struct jb_error *err)
{
    size_t n = text ? strlen(text) : 0;

    if (n == 0 || n > most)
        return jb_fail(err, JB_EINVAL, "%s: must have 1 to %zu bytes", what, most);
    if (!strchr(ALNUM, text[0]) || strspn(text, letters) != n)
        return jb_fail(err, JB_EINVAL,
                       "%s: must begin with a letter or digit and be made of %s", what,
                       letters);
    return 0;
}

static int
check_model(const char *what, const char *model, const char *revision, struct jb_error *err)
{
    int rc = jb_model_id_check(jb_str(model), err);

    if (rc) {
        jb_error_prefix(err, "%s", what);
        return rc;
    }
    if (!jb_is_commit(jb_str(revision)) && !jb_str_is(jb_str(revision), "main"))
        return jb_fail(err, JB_EINVAL, "%s: its revision must be 40 hex digits or \"main\"",
                       what);
    return 0;
}

static int
check_task(const struct spec *spec, size_t i, struct jb_error *err)
{
    const struct spec_task *t = &spec->tasks[i];
    int rc = check_name("benchmark", t->benchmark, ALNUM "_.-", WORD_BYTES, err);

    if (!rc)
        rc = check_name("task", t->task, ALNUM "_:.*-", TASK_BYTES, err);
    if (!rc)
        rc = check_name("metric", t->metric, ALNUM "_,.-", WORD_BYTES, err);
    if (rc)
        return rc;
    if (t->shots < 0 || t->shots > SHOTS_MAX)
        return jb_fail(err, JB_EINVAL, "shots: must be between 0 and %d", SHOTS_MAX);
    for (size_t k = 0; k < i; k++) {
        const struct spec_task *other = &spec->tasks[k];

        if (strcmp(other->benchmark, t->benchmark) != 0)
            continue;
        if (strcmp(spec->tasks[i - 1].benchmark, t->benchmark) != 0)
            return jb_fail(err, JB_EINVAL, "benchmark: the tasks of %s do not stand together",
                           t->benchmark);
        if (strcmp(other->task, t->task) == 0)
            return jb_fail(err, JB_EINVAL, "task: %s is there twice", t->task);
        /* a harness takes one number of shots for a run */
        if (other->shots != t->shots)
            return jb_fail(err, JB_EINVAL, "shots: those of %s differ", t->benchmark);
    }
    return 0;
}

int
spec_check(const struct spec *spec, struct jb_error *err)
{
    bool has_base = spec->base_model && spec->base_model[0];
    int rc = check_name("plan", spec->plan, ALNUM "_.-", WORD_BYTES, err);

    if (!rc)
        rc = check_model("model", spec->model, spec->revision, err);
    if (!rc && has_base)
        rc = check_model("base model", spec->base_model, spec->base_revision, err);
    if (!rc && !has_base && spec->base_revision && spec->base_revision[0])
        rc = jb_fail(err, JB_EINVAL, "base model: a revision without one");
    if (!rc)
        rc = check_name("precision", spec->precision, ALNUM "_.-", WORD_BYTES, err);
    if (!rc)
        rc = check_name("weight type", spec->weight_type, ALNUM "_.-", WORD_BYTES, err);
    if (!rc && spec->suite && spec->suite[0])
        rc = check_name("suite", spec->suite, ALNUM "_.:+-", WORD_BYTES, err);
    if (rc)
        return rc;
    if (!isnan(spec->params) && !(spec->params >= 0 && spec->params <= PARAMS_MAX))
        return jb_fail(err, JB_EINVAL, "params: must be between 0 and %d", PARAMS_MAX);
    if (spec->seed < 0 || spec->seed > SEED_MAX)
        return jb_fail(err, JB_EINVAL, "seed: must be between 0 and %d", SEED_MAX);
    if (spec->wall_seconds < 1 || spec->wall_seconds > WALL_MAX)
        return jb_fail(err, JB_EINVAL, "wall seconds: must be between 1 and %d", WALL_MAX);
    if (spec->n_tasks < 1 || spec->n_tasks > SPEC_TASKS_MAX)
        return jb_fail(err, JB_EINVAL, "tasks: must be 1 to %d", SPEC_TASKS_MAX);
    for (size_t i = 0; i < spec->n_tasks && !rc; i++) {
        rc = check_task(spec, i, err);
        if (rc)
            jb_error_prefix(err, "task %zu", i);
    }
    return rc;
}

void
spec_put(const struct spec *spec, struct jb_buf *out)
{
    fields_put(spec_fields, spec, out);
}

int
spec_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
          struct spec *ret_spec)
{
    struct spec spec;
    int rc = fields_read(spec_fields, json, SPEC_BODY_MAX, arena, err, &spec, sizeof(spec));

    if (!rc && spec_check(&spec, err))
        rc = JB_EUNPROC;
    if (rc && err)
        err->code = rc;
    if (!rc)
        *ret_spec = spec;
    return rc;
}

int
spec_hash(const struct spec *spec, char ret_hex[SPEC_HASH_HEX])
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    struct jb_buf json = JB_BUF(SPEC_BODY_MAX);
    int rc;

    spec_put(spec, &json);
    rc = json.err ? json.err : crypto_sha256(jb_buf_view(&json), digest);
    if (!rc)
        crypto_hex(digest, sizeof(digest), ret_hex);
    jb_buf_free(&json);
    return rc;
}
