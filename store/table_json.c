/* SPDX-License-Identifier: Apache-2.0 */
#include "store/table.h"

#include "base/buf.h"
#include "harness/jsontext.h"

#include <cjson/cJSON.h>

#include <string.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

static const struct jsontext_limits limits = {
    .bytes = TABLE_BYTES, .depth = 8, .values = 4000000};

struct row {
    const char *key; /* in the tree */
    size_t index;
    UT_hash_handle hh;
};

struct reading {
    struct jb_arena *arena;
    struct jb_error *err;
    struct table table;
    struct row *rows; /* NULL: rows are list positions */
    struct row *hash;
};

static int
read_cell(struct reading *r, const cJSON *item, struct cell *cell)
{
    struct jb_buf joined = JB_BUF(TABLE_CELL);
    const cJSON *part;

    *cell = (struct cell){.kind = CELL_NONE, .text = ""};
    if (cJSON_IsNumber(item)) {
        cell->kind = CELL_NUMBER;
        cell->number = item->valuedouble;
    } else if (cJSON_IsBool(item)) {
        cell->kind = cJSON_IsTrue(item) ? CELL_TRUE : CELL_FALSE;
    } else if (cJSON_IsString(item)) {
        jb_buf_puts(&joined, item->valuestring);
    } else if (cJSON_IsArray(item)) {
        cJSON_ArrayForEach(part, item)
        {
            if (!cJSON_IsString(part))
                continue;
            if (joined.n)
                jb_buf_puts(&joined, ", ");
            jb_buf_puts(&joined, part->valuestring);
        }
    }
    if (joined.err) {
        cell->kind = CELL_TEXT;
        cell->text = NULL;
    } else if (joined.n) {
        cell->kind = CELL_TEXT;
        cell->text = jb_arena_dup(r->arena, joined.p, joined.n);
    }
    jb_buf_free(&joined);
    return cell->text ? 0
                      : jb_fail(r->err, JB_ETOOBIG, "a cell of more than %d bytes", TABLE_CELL);
}

static int
read_rows(struct reading *r, const cJSON *column)
{
    const cJSON *item;
    size_t n = 0;
    bool nomem = false;

    cJSON_ArrayForEach(item, column) n++;
    if (n > TABLE_ROWS)
        return jb_fail(r->err, JB_ETOOBIG, "%zu rows, more than the %d that are read", n,
                       TABLE_ROWS);
    r->table.rows = n;
    r->table.cells =
        jb_arena_array(r->arena, n * r->table.columns + 1, sizeof(*r->table.cells));
    if (!r->table.cells)
        return jb_fail(r->err, JB_ENOMEM, "out of memory");
    if (cJSON_IsArray(column))
        return 0;
    r->rows = jb_arena_array(r->arena, n + 1, sizeof(*r->rows));
    if (!r->rows)
        return jb_fail(r->err, JB_ENOMEM, "out of memory");
    n = 0;
    cJSON_ArrayForEach(item, column)
    {
        struct row *row = &r->rows[n], *twin;

        row->key = item->string;
        row->index = n++;
        HASH_FIND_STR(r->hash, row->key, twin);
        if (twin)
            return jb_fail(r->err, JB_EUNPROC, "row %.40s stands there twice", row->key);
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) nomem = true
        HASH_ADD_KEYPTR(hh, r->hash, row->key, strlen(row->key), row);
        if (nomem)
            return jb_fail(r->err, JB_ENOMEM, "out of memory");
    }
    return 0;
}

static int
read_column(struct reading *r, const cJSON *column, size_t c)
{
    const cJSON *item;
    size_t n = 0;

    if (cJSON_IsArray(column) != (r->rows == NULL))
        return jb_fail(r->err, JB_EUNPROC, "some columns are lists, others objects");
    cJSON_ArrayForEach(item, column)
    {
        size_t index = n++;
        int rc;

        if (r->rows &&
            (index >= r->table.rows || strcmp(r->rows[index].key, item->string) != 0)) {
            struct row *row;

            HASH_FIND_STR(r->hash, item->string, row);
            if (!row)
                return jb_fail(r->err, JB_EUNPROC, "row %.40s is not in the first column",
                               item->string);
            index = row->index;
        }
        if (index >= r->table.rows)
            return jb_fail(r->err, JB_EUNPROC, "more rows than the first column has");
        rc = read_cell(r, item, &r->table.cells[index * r->table.columns + c]);
        if (rc)
            return rc;
    }
    return 0;
}

int
table_read_json(struct jb_str bytes, struct jb_arena *arena, struct jb_error *err,
                struct table *ret_table)
{
    struct reading r = {.arena = arena, .err = err};
    const cJSON *column;
    cJSON *root = NULL;
    size_t c = 0;
    int rc;

    rc = jsontext_parse(bytes, &limits, err, &root);
    if (rc)
        return rc;
    cJSON_ArrayForEach(column, root) r.table.columns++;
    if (!cJSON_IsObject(root) || !root->child) {
        rc = jb_fail(err, JB_EUNPROC, "not an object of columns");
        goto out;
    }
    if (r.table.columns > TABLE_COLUMNS) {
        rc = jb_fail(err, JB_ETOOBIG, "more than %d columns", TABLE_COLUMNS);
        goto out;
    }
    r.table.headers = jb_arena_array(arena, r.table.columns, sizeof(*r.table.headers));
    if (!r.table.headers) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    cJSON_ArrayForEach(column, root)
    {
        if (!cJSON_IsObject(column) && !cJSON_IsArray(column))
            rc = jb_fail(err, JB_EUNPROC, "column %.60s is no object of rows", column->string);
        if (!rc && c == 0)
            rc = read_rows(&r, column);
        if (!rc)
            rc = read_column(&r, column, c);
        if (rc)
            goto out;
        r.table.headers[c] = jb_arena_dup(arena, column->string, strlen(column->string));
        if (!r.table.headers[c++]) {
            rc = jb_fail(err, JB_ENOMEM, "out of memory");
            goto out;
        }
    }
    *ret_table = r.table;
out:
    HASH_CLEAR(hh, r.hash);
    cJSON_Delete(root);
    return rc;
}
