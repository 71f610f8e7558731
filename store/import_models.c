/* SPDX-License-Identifier: Apache-2.0 */
/* model_infos.json and the lists of notes: files that are one JSON object. */
#include "harness/jsontext.h"
#include "store/document.h"
#include "store/import_run.h"

#include <cjson/cJSON.h>

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64 << 20)

static const struct jsontext_limits limits = {
    .bytes = FILE_MAX, .depth = 32, .values = 5000000};

struct members {
    enum store_note kind;
    struct jb_arena *arena; /* of the file */
    const char *file;
    size_t n;
    struct jsontext_member *items;
    char *path; /* for messages */
};

static int
members_read(struct members *all, struct jb_error *err)
{
    struct jsontext_member m;
    struct jb_str bytes;
    int rc;

    rc = import_file_read(NULL, all->file, FILE_MAX, all->arena, err, &bytes);
    if (!rc)
        rc = jsontext_check(bytes, &limits, err);
    if (rc)
        goto out;
    for (size_t at = 0; jsontext_next(bytes, &at, &m);)
        all->n++;
    if (!all->n && (bytes.n == 0 || bytes.p[strspn(bytes.p, " \t\r\n")] != '{')) {
        rc = jb_fail(err, JB_EUNPROC, "not a JSON object");
        goto out;
    }
    all->items = jb_arena_array(all->arena, all->n + 1, sizeof(*all->items));
    if (!all->items)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    all->n = 0;
    for (size_t at = 0; jsontext_next(bytes, &at, &m);)
        all->items[all->n++] = m;
out:
    if (rc)
        jb_error_prefix(err, "%s", all->file);
    return rc;
}

static int
members_start(struct members *all, const char *file, struct jb_error *err)
{
    *all = (struct members){.file = file};
    all->arena = jb_arena_new((size_t)512 << 20);
    return all->arena ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
}

static int
read_name(const struct members *all, size_t i, struct jb_arena *arena, struct jb_error *err,
          const char **ret_path, char **ret_name)
{
    *ret_name = jsontext_key(all->items[i].key, arena);
    *ret_path = *ret_name ? jb_arena_printf(arena, "%s: %s", all->file, *ret_name) : NULL;
    if (!*ret_path) {
        *ret_path = all->file;
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    return 0;
}

static int
read_model(void *ctx, size_t i, struct jb_arena *arena, struct jb_error *err,
           const char **ret_path, void **ret_record)
{
    struct members *all = ctx;
    struct model_info *m = jb_arena_alloc(arena, sizeof(*m));
    char *name;
    int rc;

    rc = read_name(all, i, arena, err, ret_path, &name);
    if (!rc && !m)
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc)
        rc = document_model_read(name, all->items[i].value, arena, err, m);
    if (!rc)
        rc = store_model_check(m, err);
    if (rc)
        return rc;
    *ret_record = m;
    return 0;
}

static int
put_model(void *ctx, struct store_txn *txn, void *record, struct jb_arena *arena,
          struct jb_error *err, enum store_outcome *ret_outcome)
{
    struct jb_buf out = JB_BUF(4 << 20);
    struct model_info *m = record, stored;
    bool same = false;
    int rc;

    (void)ctx;
    rc = store_model_get(txn, m->model, arena, &stored);
    if (rc && rc != JB_ENOENT)
        return rc;
    if (!rc) {
        /* what an export of ours would write says nothing new */
        rc = document_model_write(&stored, arena, err, &out);
        same = !rc && out.n == m->doc.n && memcmp(out.p, m->doc.p, out.n) == 0;
        jb_buf_free(&out);
        if (rc)
            return rc;
    }
    if (same) {
        *ret_outcome = STORE_SAME;
        return 0;
    }
    return store_model_put(txn, m, ret_outcome);
}

int
import_models(struct store *store, const char *file, const char *actor,
              const struct import_sink *sink, struct jb_error *err,
              struct import_counts *ret_counts)
{
    struct members all;
    struct import_work work = {.store = store,
                               .actor = actor,
                               .sink = sink,
                               .ctx = &all,
                               .read = read_model,
                               .put = put_model};
    int rc;

    rc = members_start(&all, file, err);
    if (!rc)
        rc = members_read(&all, err);
    if (!rc) {
        work.n = all.n;
        rc = import_work_run(&work, err, ret_counts);
    }
    jb_arena_free(all.arena);
    return rc;
}

struct note {
    char *name, *text;
};

static int
read_note(void *ctx, size_t i, struct jb_arena *arena, struct jb_error *err,
          const char **ret_path, void **ret_record)
{
    struct members *all = ctx;
    struct note *note = jb_arena_alloc(arena, sizeof(*note));
    struct jb_str value = all->items[i].value;
    int rc;

    *ret_path = all->file;
    if (!note)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = read_name(all, i, arena, err, ret_path, &note->name);
    if (rc)
        return rc;
    if (value.n < 2 || value.p[0] != '"')
        return jb_fail(err, JB_EUNPROC, "the value is no string");
    note->text = jsontext_key((struct jb_str){value.p + 1, value.n - 2}, arena);
    if (!note->text)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = store_note_check(all->kind, note->name, note->text, err);
    if (rc)
        return rc;
    *ret_record = note;
    return 0;
}

static int
put_note(void *ctx, struct store_txn *txn, void *record, struct jb_arena *arena,
         struct jb_error *err, enum store_outcome *ret_outcome)
{
    struct members *all = ctx;
    struct note *note = record;

    (void)arena;
    (void)err;
    return store_note_put(txn, all->kind, note->name, note->text, ret_outcome);
}

/* A list of names, as the do-not-submit list often is: every name with an empty text. */
static int
names_read(struct members *all, struct jb_error *err, bool *ret_is_list)
{
    struct jb_str bytes;
    const cJSON *item;
    cJSON *root = NULL;
    int rc;

    *ret_is_list = false;
    rc = import_file_read(NULL, all->file, FILE_MAX, all->arena, err, &bytes);
    if (!rc)
        rc = jsontext_parse(bytes, &limits, err, &root);
    if (rc) {
        jb_error_prefix(err, "%s", all->file);
        return rc;
    }
    *ret_is_list = cJSON_IsArray(root);
    all->items =
        jb_arena_array(all->arena, (size_t)cJSON_GetArraySize(root) + 1, sizeof(*all->items));
    if (!all->items)
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc && *ret_is_list)
        cJSON_ArrayForEach(item, root)
        {
            struct jb_buf key = JB_BUF(1 << 16);

            if (!cJSON_IsString(item))
                continue;
            document_put_string(&key, item->valuestring, false);
            if (key.n >= 2)
                all->items[all->n++] = (struct jsontext_member){
                    {jb_arena_dup(all->arena, key.p + 1, key.n - 2), key.n - 2},
                    JB_STR("\"\"")};
            if (key.err || !all->items[all->n - 1].key.p)
                rc = jb_fail(err, JB_ENOMEM, "out of memory");
            jb_buf_free(&key);
            if (rc)
                break;
        }
    cJSON_Delete(root);
    return rc;
}

int
import_notes(struct store *store, enum store_note kind, const char *file, const char *actor,
             const struct import_sink *sink, struct jb_error *err,
             struct import_counts *ret_counts)
{
    struct members all;
    struct import_work work = {.store = store,
                               .actor = actor,
                               .sink = sink,
                               .ctx = &all,
                               .read = read_note,
                               .put = put_note};
    bool is_list = false;
    int rc;

    rc = members_start(&all, file, err);
    all.kind = kind;
    if (!rc && kind == NOTE_BLOCKED)
        rc = names_read(&all, err, &is_list);
    if (!rc && !is_list)
        rc = members_read(&all, err);
    if (!rc) {
        work.n = all.n;
        rc = import_work_run(&work, err, ret_counts);
    }
    jb_arena_free(all.arena);
    return rc;
}
