/* SPDX-License-Identifier: Apache-2.0 */
/* A view of the board and its address: reading a query string, and writing the one canonical
 * form of it. */
#include "base/text.h"
#include "board/choices.h"
#include "views/board_page.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <uriparser/Uri.h>

enum { MOST_PARAMETERS = 256, MOST_BYTES = 32 << 10 };

static const char *const hide_keys[BOARD_HIDES] = {"deleted", "merged", "flagged", "moe"};

const char *
board_hide_key(size_t i)
{
    return hide_keys[i];
}

void
board_column_key(const struct board_column *column, char out[BOARD_KEY_SIZE])
{
    size_t n = 0;
    bool gap = false;

    for (const char *p = column->header; *p && n + 2 < BOARD_KEY_SIZE; p++) {
        if (!isalnum((unsigned char)*p)) {
            gap = true;
            continue;
        }
        if (gap && n)
            out[n++] = '-';
        gap = false;
        out[n++] = (char)tolower((unsigned char)*p);
    }
    out[n] = '\0';
}

static int
column_by_key(const struct board *board, const char *key)
{
    char text[BOARD_KEY_SIZE];

    for (size_t i = 0; i < board_columns(board); i++) {
        const struct board_column *c = board_column(board, i);
        board_column_key(c, text);
        if (text[0] && strcmp(text, key) == 0 && c->field != FIELD_NAME)
            return (int)i;
    }
    return -1;
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
    bool any_type, any_precision, any_size, any_hide, any_column;
};

static int
not_a_choice(struct jb_error *err, const char *key, const char *value)
{
    return jb_fail(err, JB_EINVAL, "%s=%.60s is not one of the choices", key, value);
}

static int
read_parameter(const struct board *board, const char *key, const char *value,
               const struct board_limits *limits, struct jb_arena *arena, struct jb_error *err,
               struct board_view *v, struct chosen *c)
{
    const struct board_config *config = board_config_of(board);
    struct jb_str text = jb_str(value);
    int i;

    if (strcmp(key, "query") == 0) {
        if (text.n > limits->max_bytes)
            return jb_fail(err, JB_ETOOBIG, "the search is longer than %zu bytes",
                           limits->max_bytes);
        v->query.text = (struct jb_str){jb_arena_dup(arena, text.p, text.n), text.n};
        return v->query.text.p ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
    }
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
        if ((i = column_by_key(board, value)) < 0)
            return not_a_choice(err, key, value);
        c->any_column = true;
        c->columns |= (uint64_t)1 << i;
    } else if (strcmp(key, "sort") == 0) {
        if ((i = column_by_key(board, value)) < 0)
            return not_a_choice(err, key, value);
        v->sort = (size_t)i;
        v->sorted = true;
    } else if (strcmp(key, "order") == 0) {
        if (strcmp(value, "asc") != 0 && strcmp(value, "desc") != 0)
            return not_a_choice(err, key, value);
        v->descending = value[0] == 'd';
    }
    return 0;
}

static void
apply(const struct board *board, const struct chosen *c, struct board_view *v)
{
    if (c->any_type)
        v->query.types = c->types;
    if (c->any_precision)
        v->query.precisions = c->precisions;
    if (c->any_size)
        v->query.sizes = c->sizes;
    if (c->any_hide)
        v->query.hide = c->hide;
    if (!c->any_column)
        return;
    v->columns = c->columns;
    for (size_t i = 0; i < board_columns(board); i++)
        if (board_column(board, i)->state == COLUMN_PINNED)
            v->columns |= (uint64_t)1 << i;
}

int
board_view_parse(const struct board *board, struct jb_str query_string,
                 const struct board_limits *limits, struct jb_arena *arena,
                 struct jb_error *err, struct board_view *ret_view)
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
    }
    uriFreeQueryListA(list);
    if (rc)
        return rc;
    apply(board, &chosen, &v);
    *ret_view = v;
    return 0;
}

static void
put_pair(struct jb_buf *out, const char *key, const char *value)
{
    if (out->n && out->p[out->n - 1] != '?')
        jb_buf_putc(out, '&');
    jb_buf_printf(out, "%s=", key);
    jb_put_url_query(out, jb_str(value));
}

void
board_view_put(const struct board *board, const struct board_view *view, struct jb_buf *out)
{
    const struct board_config *config = board_config_of(board);
    const struct board_type *types = config->types.items;
    const struct board_size *sizes = config->sizes.items;
    struct board_view d;
    char key[BOARD_KEY_SIZE];

    board_view_default(board, &d);
    if (view->query.text.n) {
        jb_buf_puts(out, "query=");
        jb_put_url_query(out, view->query.text);
    }
    for (size_t i = 0; i < config->types.n && view->query.types != d.query.types; i++)
        if (view->query.types >> i & 1)
            put_pair(out, "type", types[i].key);
    for (size_t i = 0;
         i < board_precisions(config) && view->query.precisions != d.query.precisions; i++)
        if (view->query.precisions >> i & 1)
            put_pair(out, "precision", board_precision_label(config, i));
    for (size_t i = 0; i < config->sizes.n && view->query.sizes != d.query.sizes; i++)
        if (view->query.sizes >> i & 1)
            put_pair(out, "size", sizes[i].label);
    if (view->query.hide != d.query.hide) {
        if (!view->query.hide)
            put_pair(out, "hide", "none");
        for (size_t i = 0; i < BOARD_HIDES; i++)
            if (view->query.hide >> i & 1)
                put_pair(out, "hide", hide_keys[i]);
    }
    for (size_t i = 0; i < board_columns(board) && view->columns != d.columns; i++) {
        const struct board_column *c = board_column(board, i);
        if (!(view->columns >> i & 1) || !board_column_selectable(c))
            continue;
        board_column_key(c, key);
        put_pair(out, "column", key);
    }
    if (view->sorted) {
        board_column_key(board_column(board, view->sort), key);
        put_pair(out, "sort", key);
        put_pair(out, "order", view->descending ? "desc" : "asc");
    }
}

bool
board_view_is_default(const struct board *board, const struct board_view *view)
{
    struct jb_buf b = JB_BUF(MOST_BYTES);

    board_view_put(board, view, &b);
    bool is = b.n == 0;
    jb_buf_free(&b);
    return is;
}
