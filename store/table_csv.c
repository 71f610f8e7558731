/* SPDX-License-Identifier: Apache-2.0 */
#include "store/table.h"

#include "base/text.h"

#include <csv.h>

#include <stdlib.h>
#include <string.h>

struct reading {
    struct jb_arena *arena;
    struct jb_error *err;
    int rc;
    struct table table;
    size_t room; /* cells */
    size_t at;   /* field of the row under way */
    size_t line; /* for messages */
    const char *headers[TABLE_COLUMNS];
    bool has_header;
};

static void
fail(struct reading *r, int code, const char *reason)
{
    if (!r->rc)
        r->rc = jb_fail(r->err, code, "row %zu: %s", r->line, reason);
}

/* Grows by copying within the arena: the sum of what is left behind is as large as the whole.
 */
static bool
need_cells(struct reading *r)
{
    size_t used = (r->table.rows + 1) * r->table.columns, room;
    struct cell *cells;

    if (used <= r->room)
        return true;
    room = r->room ? 2 * r->room : 64 * r->table.columns;
    cells = jb_arena_array(r->arena, room, sizeof(*cells));
    if (!cells) {
        fail(r, JB_ENOMEM, "out of memory");
        return false;
    }
    if (r->room)
        memcpy(cells, r->table.cells, r->room * sizeof(*cells));
    r->table.cells = cells;
    r->room = room;
    return true;
}

static void
on_field(void *field, size_t n, void *ctx)
{
    struct reading *r = ctx;
    const char *text = field;
    char *copy;

    if (r->rc)
        return;
    if (n > TABLE_CELL)
        fail(r, JB_ETOOBIG, "a field of more than 16384 bytes");
    else if (n && (jb_utf8_valid(text, n) != n || memchr(text, 0, n)))
        fail(r, JB_EPARSE, "not UTF-8, or a zero byte");
    else if (r->at >= (r->has_header ? r->table.columns : TABLE_COLUMNS))
        fail(r, JB_EPARSE,
             r->has_header ? "more fields than the header has" : "more than 256 columns");
    if (r->rc)
        return;
    copy = jb_arena_dup(r->arena, n ? text : "", n);
    if (!copy) {
        fail(r, JB_ENOMEM, "out of memory");
        return;
    }
    if (!r->has_header) {
        r->headers[r->at++] = copy;
        return;
    }
    if (r->at == 0 && !need_cells(r))
        return;
    r->table.cells[r->table.rows * r->table.columns + r->at++] =
        (struct cell){.kind = n ? CELL_TEXT : CELL_NONE, .text = copy};
}

static void
on_row(int c, void *ctx)
{
    struct reading *r = ctx;

    (void)c;
    if (r->rc)
        return;
    if (!r->has_header) {
        r->table.columns = r->at;
        r->has_header = true;
    } else if (r->at != r->table.columns) {
        fail(r, JB_EPARSE, "fewer fields than the header has");
    } else if (r->table.rows == TABLE_ROWS - 1) {
        fail(r, JB_ETOOBIG, "more rows than are read");
    } else {
        r->table.rows++;
    }
    r->at = 0;
    r->line++;
}

int
table_read_csv(struct jb_str bytes, struct jb_arena *arena, struct jb_error *err,
               struct table *ret_table)
{
    struct reading r = {.arena = arena, .err = err, .line = 1, .table.first_line = 2};
    struct csv_parser parser;

    if (bytes.n > TABLE_BYTES)
        return jb_fail(err, JB_ETOOBIG, "%zu bytes, more than are read", bytes.n);
    if (bytes.n >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0)
        bytes = (struct jb_str){bytes.p + 3, bytes.n - 3};
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    if (csv_parse(&parser, bytes.p, bytes.n, on_field, on_row, &r) != bytes.n ||
        csv_fini(&parser, on_field, on_row, &r) != 0)
        fail(&r, csv_error(&parser) == CSV_ENOMEM ? JB_ENOMEM : JB_EPARSE,
             "a quote where none may be");
    csv_free(&parser);
    if (!r.rc && !r.has_header)
        r.rc = jb_fail(err, JB_EPARSE, "no header line");
    if (r.rc)
        return r.rc;
    r.table.headers = jb_arena_array(arena, r.table.columns + 1, sizeof(*r.table.headers));
    if (!r.table.headers)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    memcpy(r.table.headers, r.headers, r.table.columns * sizeof(*r.headers));
    *ret_table = r.table;
    return 0;
}
