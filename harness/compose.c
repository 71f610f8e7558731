/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/compose.h"

#include "base/clock.h"
#include "base/json.h"
#include "harness/jsontext.h"
#include "harness/result.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct jsontext_limits limits = {.bytes = 8 << 20, .depth = 32, .values = 400000};

/* Members of a harness's document that hold one member for each task. */
static const char *const sections[] = {"results",          "groups",     "group_subtasks",
                                       "versions",         "n-shot",     "n-samples",
                                       "higher_is_better", "task_hashes"};

struct seen {
    const char *key;
    struct jb_str value;
};

/* JSON as it stands, but words that are no JSON as null. Strings have no bare letters. */
static void
put_clean(struct jb_json *j, struct jb_str value, struct jb_buf *scratch)
{
    static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
    bool quoted = false;

    jb_buf_reset(scratch);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        size_t n = 0;

        if (quoted && c == '\\' && i + 1 < value.n) {
            jb_buf_put(scratch, value.p + i++, 2);
            continue;
        }
        quoted ^= c == '"';
        for (size_t w = 0; w < 3 && !quoted && !n; w++)
            if (value.n - i >= strlen(words[w]) &&
                memcmp(value.p + i, words[w], strlen(words[w])) == 0)
                n = strlen(words[w]);
        if (n) {
            jb_buf_puts(scratch, "null");
            i += n - 1;
        } else {
            jb_buf_putc(scratch, c);
        }
    }
    if (scratch->err)
        j->out->err = scratch->err;
    else
        jb_json_raw(j, jb_buf_view(scratch));
}

static struct jb_str
section_of(struct jb_str doc, const char *name)
{
    struct jsontext_member m;
    size_t at = 0;

    while (jsontext_next(doc, &at, &m))
        if (jsontext_key_is(m.key, name))
            return m.value;
    return (struct jb_str){NULL, 0};
}

/* One section of all parts. Same task twice: the same values, or an error. */
static int
put_section(struct jb_json *j, const char *name, const struct compose_part *parts, size_t n,
            struct jb_arena *arena, struct jb_buf *scratch, struct jb_error *err)
{
    struct seen *seen = jb_arena_array(arena, RESULT_TASKS, sizeof(*seen));
    size_t count = 0;

    if (!seen)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t p = 0; p < n; p++) {
        struct jb_str object = section_of(parts[p].doc, name);
        struct jsontext_member m;
        size_t at = 0;

        while (jsontext_next(object, &at, &m)) {
            char *key = jsontext_key(m.key, arena);
            size_t k = 0;

            if (!key)
                return jb_fail(err, JB_ENOMEM, "out of memory");
            while (k < count && strcmp(seen[k].key, key) != 0)
                k++;
            if (k < count && !jb_str_eq(seen[k].value, m.value))
                return jb_fail(err, JB_ECONFLICT, "two benchmarks ran task %.100s differently",
                               key);
            if (k < count)
                continue;
            if (count == RESULT_TASKS)
                return jb_fail(err, JB_ETOOBIG, "more than %d tasks", RESULT_TASKS);
            if (!count)
                jb_json_key(j, name), jb_json_object(j);
            seen[count++] = (struct seen){key, m.value};
            jb_json_key(j, key);
            put_clean(j, m.value, scratch);
        }
    }
    if (count)
        jb_json_end(j);
    return 0;
}

static void
put_text(struct jb_json *j, const char *key, const char *text)
{
    if (text && text[0])
        jb_json_ktext(j, key, text);
}

/* The members of the hub's files, under their names and spelling there. */
static void
put_general(struct jb_json *j, const struct compose_run *run)
{
    char start[JB_TIME_SIZE], end[JB_TIME_SIZE], seconds[32];

    jb_time_format(run->start_us, 1, start);
    jb_time_format(run->end_us, 1, end);
    snprintf(seconds, sizeof(seconds), "%.6f", (double)(run->end_us - run->start_us) / 1e6);
    jb_json_key(j, "config_general");
    jb_json_object(j);
    jb_json_ktext(j, "model_name", run->model);
    jb_json_ktext(j, "model_sha", run->revision);
    jb_json_ktext(j, "model_dtype", run->precision);
    jb_json_kint(j, "model_size", 0); /* as the CN files have it: readers want the member */
    jb_json_ktext(j, "weight_type", run->weight_type);
    put_text(j, "base_model", run->base_model);
    put_text(j, "base_model_sha", run->base_revision);
    jb_json_ktext(j, "harness_sha", run->plan_version);
    jb_json_kint(j, "job_id", (int64_t)run->job);
    jb_json_ktext(j, "start_time", start);
    jb_json_ktext(j, "end_time", end);
    jb_json_ktext(j, "total_evaluation_time_secondes", seconds);
    jb_json_end(j);
}

static void
put_ours(struct jb_json *j, const struct compose_run *run, enum harness_dialect dialect,
         const struct compose_part *parts, size_t n)
{
    jb_json_key(j, "jinbang");
    jb_json_object(j);
    jb_json_ktext(j, "dialect", harness_dialect_name(dialect));
    jb_json_ktext(j, "plan", run->plan);
    put_text(j, "suite", run->suite);
    put_text(j, "environment", run->environment);
    jb_json_key(j, "benchmarks");
    jb_json_object(j);
    for (size_t i = 0; i < n; i++) {
        jb_json_key(j, parts[i].benchmark);
        jb_json_object(j);
        if (isfinite(parts[i].seconds))
            jb_json_kdouble(j, "seconds", parts[i].seconds);
        put_text(j, "sha256", parts[i].sha256);
        jb_json_end(j);
    }
    jb_json_end(j);
    jb_json_end(j);
}

int
harness_compose(const struct compose_run *run, enum harness_dialect dialect,
                const struct compose_part *parts, size_t n, struct jb_arena *arena,
                struct jb_error *err, struct jb_buf *out)
{
    struct jb_buf scratch = JB_BUF(limits.bytes);
    struct jb_json j;
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++) {
        rc = jsontext_check(parts[i].doc, &limits, err);
        if (!rc && section_of(parts[i].doc, "results").n == 0)
            rc = jb_fail(err, JB_EUNPROC, "no \"results\"");
        if (rc)
            jb_error_prefix(err, "results of %s", parts[i].benchmark);
    }
    jb_json_init(&j, out);
    jb_json_object(&j);
    put_general(&j, run);
    for (size_t s = 0; s < sizeof(sections) / sizeof(*sections) && !rc; s++)
        rc = put_section(&j, sections[s], parts, n, arena, &scratch, err);
    put_ours(&j, run, dialect, parts, n);
    jb_json_end(&j);
    jb_buf_free(&scratch);
    if (!rc && jb_json_finish(&j))
        rc = jb_fail(err, out->err ? out->err : JB_EINVAL, "result document: %s",
                     jb_strerror(out->err));
    return rc;
}

char *
harness_compose_path(const struct compose_run *run, struct jb_arena *arena)
{
    char time[JB_TIME_SIZE];

    jb_time_format(run->end_us, 1, time);
    for (char *p = time; *p; p++)
        if (*p == ':')
            *p = '-';
    time[strcspn(time, "Z")] = '\0';
    return jb_arena_printf(arena, "%s/results_%s.json", run->model, time);
}
