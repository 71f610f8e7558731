/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run.h"

#include "agent/files.h"
#include "wire/fields.h"

#include <stdio.h>

enum {
    ARGS_MAX = 512,
    ARG_BYTES = 64 << 10, /* names of many tasks in one argument */
    SMALL_MAX = 8 << 10,
};

static const char *const cause_words[RUN_CAUSES] = {"done",  "step",    "wall",  "cancelled",
                                                    "lease", "stopped", "broken"};

const char *
run_cause_word(enum run_cause cause)
{
    return (unsigned)cause < RUN_CAUSES ? cause_words[cause] : "";
}

static const struct field confinement_fields[] = {
    FIELD_SPAN(confinement, uid, FIELD_INT, -1, UINT32_MAX),
    FIELD_SPAN(confinement, gid, FIELD_INT, -1, UINT32_MAX),
    FIELD_SPAN(confinement, address_space, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(confinement, file_size, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(confinement, processes, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(confinement, files, FIELD_INT, 0, FIELD_INT_MAX),
    {0},
};

static const struct field step_fields[] = {
    FIELD_SPAN(run_step, name, FIELD_TEXT, 0, 64),
    FIELD_SPAN(run_step, cwd, FIELD_TEXT, 1, 4096),
    FIELD_ITEMS(run_step, argv, n_argv, FIELD_TEXTS, 1, ARGS_MAX, .item_size = ARG_BYTES),
    FIELD_ITEMS(run_step, env, n_env, FIELD_TEXTS, 0, ARGS_MAX, .item_size = ARG_BYTES),
    {0},
};

static const struct field run_fields[] = {
    FIELD_ROW(run, limits, FIELD_GROUP, .items = confinement_fields),
    FIELD_SPAN(run, wall_ms, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_SPAN(run, grace_ms, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(run, log_max, FIELD_INT, 4096, FIELD_INT_MAX),
    FIELD_ITEMS(run, steps, n_steps, FIELD_LIST, 1, RUN_STEPS_MAX, .items = step_fields,
                .item_size = sizeof(struct run_step)),
    {0},
};

static const struct field process_fields[] = {
    FIELD_SPAN(process, pid, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_SPAN(process, start, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(process, boot_id, FIELD_CHARS, 1, BOOT_ID_SIZE - 1),
    {0},
};

static const struct field lease_fields[] = {
    FIELD_SPAN(run_lease, boot_id, FIELD_CHARS, 1, BOOT_ID_SIZE - 1),
    FIELD_SPAN(run_lease, until_ms, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(run_lease, length_ms, FIELD_INT, 0, FIELD_INT_MAX),
    {0},
};

static const struct field step_end_fields[] = {
    FIELD_SPAN(run_step_end, status, FIELD_INT, 0, INT32_MAX),
    FIELD_SPAN(run_step_end, seconds, FIELD_NUMBER, 0, FIELD_INT_MAX),
    FIELD_ROW(run_step_end, cause, FIELD_WORD, .max = RUN_CAUSES, .words = cause_words),
    {0},
};

static const struct field end_fields[] = {
    FIELD_ROW(run_end, cause, FIELD_WORD, .max = RUN_CAUSES, .words = cause_words),
    FIELD_SPAN(run_end, step, FIELD_INT, 0, RUN_STEPS_MAX),
    FIELD_SPAN(run_end, reason, FIELD_TEXT, 0, 512),
    {0},
};

void
run_put(const struct run *run, struct jb_buf *out)
{
    fields_put(run_fields, run, out);
}

int
run_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err, struct run *ret_run)
{
    return fields_read(run_fields, json, RUN_JSON_MAX, arena, err, ret_run, sizeof(*ret_run));
}

static int
small_write(int dir, const char *name, const struct field *table, const void *from,
            struct jb_error *err)
{
    struct jb_buf json = JB_BUF(SMALL_MAX);
    int rc;

    fields_put(table, from, &json);
    rc = json.err ? jb_fail(err, json.err, "%s", name)
                  : file_put(dir, name, jb_buf_view(&json), err);
    jb_buf_free(&json);
    return rc;
}

static int
small_read(int dir, const char *name, const struct field *table, struct jb_arena *arena,
           struct jb_error *err, void *ret, size_t size)
{
    struct jb_str json;
    int rc = file_get(dir, name, SMALL_MAX, arena, err, &json);

    if (rc)
        return rc;
    rc = fields_read(table, json, SMALL_MAX, arena, err, ret, size);
    if (rc)
        jb_error_prefix(err, "%s", name);
    return rc;
}

int
run_process_write(int dir, const struct process *p, struct jb_error *err)
{
    return small_write(dir, "shim.json", process_fields, p, err);
}

int
run_process_read(int dir, struct jb_arena *arena, struct jb_error *err, struct process *ret)
{
    return small_read(dir, "shim.json", process_fields, arena, err, ret, sizeof(*ret));
}

int
run_lease_write(int dir, const struct run_lease *lease, struct jb_error *err)
{
    return small_write(dir, "lease", lease_fields, lease, err);
}

int
run_lease_read(int dir, struct jb_arena *arena, struct jb_error *err, struct run_lease *ret)
{
    return small_read(dir, "lease", lease_fields, arena, err, ret, sizeof(*ret));
}

static void
step_name(size_t step, char name[40])
{
    snprintf(name, 40, "step.%zu.json", step);
}

int
run_step_end_write(int dir, size_t step, const struct run_step_end *end, struct jb_error *err)
{
    char name[40];

    step_name(step, name);
    return small_write(dir, name, step_end_fields, end, err);
}

int
run_step_end_read(int dir, size_t step, struct jb_arena *arena, struct jb_error *err,
                  struct run_step_end *ret)
{
    char name[40];

    step_name(step, name);
    return small_read(dir, name, step_end_fields, arena, err, ret, sizeof(*ret));
}

int
run_end_write(int dir, const struct run_end *end, struct jb_error *err)
{
    return small_write(dir, "over.json", end_fields, end, err);
}

int
run_end_read(int dir, struct jb_arena *arena, struct jb_error *err, struct run_end *ret)
{
    return small_read(dir, "over.json", end_fields, arena, err, ret, sizeof(*ret));
}
