/* SPDX-License-Identifier: Apache-2.0 */
/* A view of the board and its address: reading a query string, and writing the one canonical
 * form of it. */
#include "base/text.h"
#include "board/choices.h"
#include "views/board_page.h"

#include <ctype.h>
#include <string.h>
#include <uriparser/Uri.h>

enum { MOST_PARAMETERS = 256, MOST_BYTES = 32 << 10 };

static const char *const hide_keys[BOARD_HIDES] = {"deleted", "merged", "flagged", "moe"};

const char *
board_hide_key(size_t i)
{
    return hide_keys[i];
}

const char *
board_column_key(const struct board *board, size_t column)
{
    const struct board_column *c = board_column(board, column);
    const struct benchmark *benchmarks = board_config_of(board)->benchmarks.items;

    switch (c->field) {
    case FIELD_SCORE: return benchmarks[c->benchmark].key;
    case FIELD_T: return "icon";
    case FIELD_MODEL: return "model";
    case FIELD_AVERAGE: return "average";
    case FIELD_TYPE: return "type";
    case FIELD_ARCHITECTURE: return "architecture";
    case FIELD_WEIGHT_TYPE: return "weights";
    case FIELD_PRECISION: return "precision";
    case FIELD_MERGED: return "merged";
    case FIELD_LICENSE: return "license";
    case FIELD_PARAMS: return "params";
    case FIELD_LIKES: return "likes";
    case FIELD_AVAILABLE: return "available";
    case FIELD_SHA: return "sha";
    case FIELD_FLAGGED: return "flagged";
    case FIELD_MOE: return "moe";
    case FIELD_NAME: return "name";
    }
    return "";
}

/* A column that is on offer; `pinned`: or always there. */
static int
column_by_key(const struct board *board, const char *key, bool pinned)
{
    for (size_t i = 0; i < board_columns(board); i++) {
        const struct board_column *c = board_column(board, i);
        if (strcmp(board_column_key(board, i), key) == 0 &&
            (board_column_selectable(c) || (pinned && c->state == COLUMN_PINNED)))
            return (int)i;
    }
    return -1;
}

bool
board_column_descends(const struct board_column *column)
{
    return column->type == COLUMN_NUMBER || column->type == COLUMN_BOOL;
}

void
board_view_default(const struct board *board, struct board_view *ret_view)
{
    struct board_view v = {.descending = true};

    board_query_default(board, &v.query);
    for (size_t i = 0; i < board_columns(board); i++) {
        const struct board_column *c = board_column(board, i);
        if (c->state == COLUMN_PINNED || c->state == COLUMN_DEFAULT ||
            c->field == FIELD_PRECISION)
            v.columns |= (uint64_t)1 << i;
        if (c->field == FIELD_AVERAGE)
            v.sort = i;
    }
    *ret_view = v;
}

/* The sets that the query string names; what it does not name stays as by default. */
struct chosen {
    uint32_t types, precisions, sizes;
    unsigned hide;
    uint64_t columns;
    bool any_type, any_precision, any_size, any_hide, any_column, any_order;
};

static int
not_a_choice(struct jb_error *err, const char *key, const char *value)
{
    size_t n = strlen(value), cut = n < 60 ? n : 60;

    while (cut < n && ((unsigned char)value[cut] & 0xC0) == 0x80)
        cut--;
    return jb_fail(err, JB_EINVAL, "%s=%.*s is not one of the choices", key, (int)cut, value);
}

static int
read_text(struct jb_str text, const struct board_limits *limits, struct jb_arena *arena,
          struct jb_error *err, struct board_view *v)
{
    if (text.n > limits->max_bytes)
        return jb_fail(err, JB_ETOOBIG, "the search is longer than %zu bytes",
                       limits->max_bytes);
    for (size_t i = 0; i < text.n;) {
        uint32_t cp;
        i += jb_utf8_decode(text.p + i, text.n - i, &cp);
        if (jb_cp_forbidden(cp))
            return jb_fail(err, JB_EINVAL, "the search holds a control character (U+%04X)",
                           (unsigned)cp);
    }
    v->query.text = (struct jb_str){jb_arena_dup(arena, text.p, text.n), text.n};
    return v->query.text.p ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
}

static int
read_parameter(const struct board *board, const char *key, const char *value,
               const struct board_limits *limits, struct jb_arena *arena, struct jb_error *err,
               struct board_view *v, struct chosen *c)
{
    const struct board_config *config = board_config_of(board);
    struct jb_str text = jb_str(value);
    int i;

    if (strcmp(key, "query") == 0)
        return read_text(text, limits, arena, err, v);
    if (!text.n) /* an empty field of a form */
        return 0;
    if (strcmp(key, "type") == 0) {
        if ((i = board_type_find(config, text)) < 0)
            return not_a_choice(err, key, value);
        c->any_type = true;
        c->types |= 1u << i;
    } else if (strcmp(key, "precision") == 0) {
        if ((i = board_precision_find(config, text)) < 0)
            return not_a_choice(err, key, value);
        c->any_precision = true;
        c->precisions |= 1u << i;
    } else if (strcmp(key, "size") == 0) {
        if ((i = board_size_find(config, text)) < 0)
            return not_a_choice(err, key, value);
        c->any_size = true;
        c->sizes |= 1u << i;
    } else if (strcmp(key, "hide") == 0) {
        c->any_hide = true;
        if (strcmp(value, "none") == 0)
            return 0;
        for (i = 0; i < BOARD_HIDES && strcmp(hide_keys[i], value) != 0; i++)
            ;
        if (i == BOARD_HIDES)
            return not_a_choice(err, key, value);
        c->hide |= 1u << i;
    } else if (strcmp(key, "column") == 0) {
        c->any_column = true;
        if (strcmp(value, "none") == 0)
            return 0;
        if ((i = column_by_key(board, value, false)) < 0)
            return not_a_choice(err, key, value);
        c->columns |= (uint64_t)1 << i;
    } else if (strcmp(key, "sort") == 0) {
        if ((i = column_by_key(board, value, true)) < 0)
            return not_a_choice(err, key, value);
        v->sort = (size_t)i;
        v->sorted = true;
    } else if (strcmp(key, "order") == 0) {
        if (strcmp(value, "asc") != 0 && strcmp(value, "desc") != 0)
            return not_a_choice(err, key, value);
        v->descending = value[0] == 'd';
        c->any_order = true;
    }
    return 0;
}

static int
read_number(const char *key, const char *value, uint64_t most, struct jb_error *err,
            uint64_t *ret_n)
{
    uint64_t n = 0;

    for (const char *p = value; *p; p++) {
        if (!isdigit((unsigned char)*p) || n > most)
            break;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (!*value || value[strspn(value, "0123456789")] || n > most)
        return jb_fail(err, JB_EINVAL, "%s must be a number up to %llu", key,
                       (unsigned long long)most);
    *ret_n = n;
    return 0;
}

/* What only programs may ask for. */
static int
read_page_parameter(const char *key, const char *value, struct jb_error *err,
                    struct board_page *page)
{
    static const char *const known[] = {"query", "type",   "precision", "size",
                                        "hide",  "column", "sort",      "order"};

    if (strcmp(key, "offset") == 0)
        return read_number(key, value, UINT32_MAX, err, &page->offset);
    if (strcmp(key, "limit") == 0)
        return read_number(key, value, page->most, err, &page->limit);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(key, known[i]) == 0)
            return 0;
    return jb_fail(err, JB_EINVAL,
                   "%.40s is not a parameter; there are query, type, precision, size, hide, "
                   "sort, order, offset and limit",
                   key);
}

static bool
is_blank(struct jb_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r' && s.p[i] != '\n')
            return false;
    return true;
}

/* What is the default anyway leaves no trace, so that equal views are equal. */
static void
apply(const struct board *board, const struct chosen *c, struct board_view *v)
{
    struct board_view d;

    board_view_default(board, &d);
    if (is_blank(v->query.text))
        v->query.text = (struct jb_str){NULL, 0};
    if (c->any_type)
        v->query.types = c->types;
    if (c->any_precision)
        v->query.precisions = c->precisions;
    if (c->any_size)
        v->query.sizes = c->sizes;
    if (c->any_hide)
        v->query.hide = c->hide;
    if (c->any_column) {
        v->columns = c->columns;
        for (size_t i = 0; i < board_columns(board); i++)
            if (board_column(board, i)->state == COLUMN_PINNED)
                v->columns |= (uint64_t)1 << i;
    }
    if (v->sorted && !c->any_order)
        v->descending = board_column_descends(board_column(board, v->sort));
    v->sorted = v->sorted || c->any_order;
    if (v->sorted && v->sort == d.sort && v->descending && !v->query.text.n)
        v->sorted = false;
}

static int
parse(const struct board *board, struct jb_str query_string, const struct board_limits *limits,
      struct jb_arena *arena, struct jb_error *err, struct board_view *ret_view,
      struct board_page *page)
{
    struct board_view v;
    struct chosen chosen = {0};
    UriQueryListA *list = NULL;
    int count = 0, rc = 0;

    board_view_default(board, &v);
    if (query_string.n > MOST_BYTES)
        return jb_fail(err, JB_ETOOBIG, "the address is too long");
    /* uriparser lets broken %-escapes pass as they are. */
    for (size_t i = 0; i < query_string.n; i++)
        if (query_string.p[i] == '%' &&
            (i + 2 >= query_string.n || !isxdigit((unsigned char)query_string.p[i + 1]) ||
             !isxdigit((unsigned char)query_string.p[i + 2]) ||
             memcmp(query_string.p + i, "%00", 3) == 0))
            return jb_fail(err, JB_EPARSE, "the address has a broken %%-escape");
    if (query_string.n &&
        uriDissectQueryMallocA(&list, &count, query_string.p,
                               query_string.p + query_string.n) != URI_SUCCESS)
        return jb_fail(err, JB_EPARSE, "the parameters of the address cannot be read");
    if (count > MOST_PARAMETERS)
        rc = jb_fail(err, JB_ETOOBIG, "the address has more than %d parameters",
                     MOST_PARAMETERS);
    for (const UriQueryListA *q = list; q && rc == 0; q = q->next) {
        const char *value = q->value ? q->value : "";
        if (jb_utf8_valid(value, strlen(value)) != strlen(value))
            rc = jb_fail(err, JB_EPARSE, "a parameter of the address is not UTF-8");
        else
            rc = read_parameter(board, q->key, value, limits, arena, err, &v, &chosen);
        if (rc == 0 && page)
            rc = read_page_parameter(q->key, value, err, page);
    }
    uriFreeQueryListA(list);
    if (rc)
        return rc;
    if (page)
        chosen.any_hide = true; /* and nothing, unless it was named */
    apply(board, &chosen, &v);
    *ret_view = v;
    return 0;
}

int
board_view_parse(const struct board *board, struct jb_str query_string,
                 const struct board_limits *limits, struct jb_arena *arena,
                 struct jb_error *err, struct board_view *ret_view)
{
    return parse(board, query_string, limits, arena, err, ret_view, NULL);
}

int
board_view_parse_page(const struct board *board, struct jb_str query_string,
                      const struct board_limits *limits, struct jb_arena *arena,
                      struct jb_error *err, struct board_view *ret_view,
                      struct board_page *page)
{
    return parse(board, query_string, limits, arena, err, ret_view, page);
}

struct writing {
    struct jb_buf *out;
    bool more;
};

static void
put_pair(struct writing *w, const char *key, struct jb_str value)
{
    jb_buf_puts(w->out, w->more ? "&" : "");
    jb_buf_puts(w->out, key);
    jb_buf_putc(w->out, '=');
    jb_put_url_query(w->out, value);
    w->more = true;
}

static void
put_hides(struct writing *w, unsigned hide)
{
    for (size_t i = 0; i < BOARD_HIDES; i++)
        if (hide >> i & 1)
            put_pair(w, "hide", jb_str(hide_keys[i]));
    if (!hide)
        put_pair(w, "hide", JB_STR("none"));
}

static void
put_columns(struct writing *w, const struct board *board, uint64_t columns)
{
    size_t named = 0;

    for (size_t i = 0; i < board_columns(board); i++)
        if ((columns >> i & 1) && board_column_selectable(board_column(board, i))) {
            put_pair(w, "column", jb_str(board_column_key(board, i)));
            named++;
        }
    if (!named)
        put_pair(w, "column", JB_STR("none"));
}

static void
put_view(const struct board *board, const struct board_view *view, bool programs,
         struct jb_buf *out)
{
    const struct board_config *config = board_config_of(board);
    const struct board_type *types = config->types.items;
    const struct board_size *sizes = config->sizes.items;
    struct writing w = {.out = out};
    struct board_view d;

    board_view_default(board, &d);
    if (view->query.text.n)
        put_pair(&w, "query", view->query.text);
    for (size_t i = 0; i < config->types.n && view->query.types != d.query.types; i++)
        if (view->query.types >> i & 1)
            put_pair(&w, "type", jb_str(types[i].key));
    for (size_t i = 0;
         i < board_precisions(config) && view->query.precisions != d.query.precisions; i++)
        if (view->query.precisions >> i & 1)
            put_pair(&w, "precision", jb_str(board_precision_label(config, i)));
    for (size_t i = 0; i < config->sizes.n && view->query.sizes != d.query.sizes; i++)
        if (view->query.sizes >> i & 1)
            put_pair(&w, "size", jb_str(sizes[i].label));
    if (programs ? view->query.hide != 0 : view->query.hide != d.query.hide)
        put_hides(&w, view->query.hide);
    if (view->columns != d.columns && !programs)
        put_columns(&w, board, view->columns);
    if (view->sorted) {
        put_pair(&w, "sort", jb_str(board_column_key(board, view->sort)));
        if (view->descending != board_column_descends(board_column(board, view->sort)))
            put_pair(&w, "order", jb_str(view->descending ? "desc" : "asc"));
    }
}

void
board_view_put(const struct board *board, const struct board_view *view, struct jb_buf *out)
{
    put_view(board, view, false, out);
}

void
board_view_put_page(const struct board *board, const struct board_view *view,
                    struct jb_buf *out)
{
    put_view(board, view, true, out);
}

bool
board_view_is_default(const struct board *board, const struct board_view *view)
{
    struct board_view d;

    board_view_default(board, &d);
    return !view->query.text.n && view->query.types == d.query.types &&
           view->query.precisions == d.query.precisions && view->query.sizes == d.query.sizes &&
           view->query.hide == d.query.hide && view->columns == d.columns && !view->sorted;
}
