/* SPDX-License-Identifier: Apache-2.0 */
/* What filtering and sorting look at, made once from the sorted rows. */
#include <config.h>

#include "base/text.h"
#include "board/choices.h"
#include "board/snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint8_t
precision_facet(const struct board_config *config, const struct board_row *row)
{
    if (row->baseline || jb_str_is(row->precision, "None"))
        return FACET_ANY;
    int i = board_precision_find(config, row->precision);
    return (uint8_t)(i >= 0 ? i : (int)config->precisions.n);
}

static uint8_t
size_facet(const struct board_config *config, const struct board_row *row)
{
    const struct board_size *sizes = config->sizes.items;

    if (row->baseline)
        return FACET_ANY;
    for (size_t i = 0; i < config->sizes.n; i++)
        if (row->params > sizes[i].above && row->params <= sizes[i].to)
            return (uint8_t)i;
    return FACET_NONE;
}

static const char *
fold_into(struct jb_arena *arena, struct jb_str text)
{
    char *folded = jb_arena_alloc(arena, text.n + 1);

    if (folded)
        jb_fold(text.p ? text.p : "", text.n, folded);
    return folded;
}

/* Side by side, so that a search is one pass over all of them. */
static int
make_names(struct board *b)
{
    size_t room = 1, at = 0;

    for (size_t i = 0; i < b->n_rows; i++)
        room += b->rows[i].model.n + 1;
    b->names = jb_arena_alloc(b->arena, room);
    b->name_at = jb_arena_array(b->arena, b->n_rows + 1, sizeof(*b->name_at));
    if (!b->names || !b->name_at || room > UINT32_MAX)
        return JB_ENOMEM;
    for (size_t i = 0; i < b->n_rows; i++) {
        b->name_at[i] = (uint32_t)at;
        at += jb_fold(b->rows[i].model.p, b->rows[i].model.n, b->names + at) + 1;
    }
    b->name_at[b->n_rows] = (uint32_t)at;
    return 0;
}

struct license {
    struct jb_str text;
    uint32_t row;
};

static int
compare_licenses(const void *pa, const void *pb)
{
    struct jb_str a = ((const struct license *)pa)->text,
                  b = ((const struct license *)pb)->text;
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Thousands of models share a few licences; a search looks at each of them once. */
static int
make_licenses(struct board *b)
{
    size_t n = b->n_rows ? b->n_rows : 1;
    struct license *sorted = calloc(n, sizeof(*sorted));
    int rc = 0;

    b->licenses = jb_arena_array(b->arena, n, sizeof(*b->licenses));
    b->license_of = jb_arena_array(b->arena, n, sizeof(*b->license_of));
    if (!sorted || !b->licenses || !b->license_of)
        rc = JB_ENOMEM;
    for (uint32_t i = 0; i < b->n_rows && rc == 0; i++)
        sorted[i] = (struct license){b->rows[i].license, i};
    if (rc == 0)
        qsort(sorted, b->n_rows, sizeof(*sorted), compare_licenses);
    for (size_t i = 0; i < b->n_rows && rc == 0; i++) {
        if (i == 0 || !jb_str_eq(sorted[i - 1].text, sorted[i].text)) {
            const char *folded = fold_into(b->arena, sorted[i].text);
            if (!folded)
                rc = JB_ENOMEM;
            b->licenses[b->n_licenses++] = folded;
        }
        b->license_of[sorted[i].row] = (uint32_t)b->n_licenses - 1;
    }
    free(sorted);
    return rc;
}

static int
make_facets(struct board *b)
{
    size_t n = b->n_rows ? b->n_rows : 1;

    b->facets = jb_arena_array(b->arena, n, sizeof(*b->facets));
    if (!b->facets)
        return JB_ENOMEM;
    for (size_t i = 0; i < b->n_rows; i++) {
        const struct board_row *row = &b->rows[i];
        b->facets[i] = (struct board_facets){
            .type = (uint8_t)row->type,
            .precision = precision_facet(b->config, row),
            .size = size_facet(b->config, row),
            .hide = (uint8_t)((row->available ? 0 : HIDE_DELETED) |
                              (row->merged ? HIDE_MERGED : 0) |
                              (row->flagged ? HIDE_FLAGGED : 0) | (row->moe ? HIDE_MOE : 0)),
        };
    }
    return 0;
}

/* One value of a row that can be ordered. */
struct sort_key {
    bool missing;
    double number;
    const char *text;
    size_t text_n;
    uint32_t row;
};

static void
key_of_text(struct sort_key *k, struct jb_str s)
{
    k->text = s.p;
    k->text_n = s.n;
    k->missing = s.n == 0;
}

static void
key_of_number(struct sort_key *k, double d)
{
    k->number = d;
    k->missing = isnan(d);
}

static void
fill_key(const struct board *b, const struct board_column *column, uint32_t i,
         struct sort_key *k)
{
    const struct board_row *row = &b->rows[i];

    *k = (struct sort_key){.row = i};
    switch (column->field) {
    case FIELD_T:
    case FIELD_TYPE: key_of_number(k, row->type); break;
    case FIELD_MODEL:
    case FIELD_NAME: key_of_text(k, jb_str(b->names + b->name_at[i])); break;
    case FIELD_AVERAGE: key_of_number(k, row->average); break;
    case FIELD_SCORE: key_of_number(k, row->scores[column->benchmark]); break;
    case FIELD_ARCHITECTURE: key_of_text(k, row->architecture); break;
    case FIELD_WEIGHT_TYPE: key_of_text(k, row->weight_type); break;
    case FIELD_PRECISION: key_of_text(k, row->precision); break;
    case FIELD_MERGED: key_of_number(k, row->merged); break;
    case FIELD_LICENSE: key_of_text(k, jb_str(b->licenses[b->license_of[i]])); break;
    case FIELD_PARAMS: key_of_number(k, row->params); break;
    case FIELD_LIKES: key_of_number(k, row->likes); break;
    case FIELD_AVAILABLE: key_of_number(k, row->available); break;
    case FIELD_SHA: key_of_text(k, row->revision); break;
    case FIELD_FLAGGED: key_of_number(k, row->flagged); break;
    case FIELD_MOE: key_of_number(k, row->moe); break;
    }
}

static unsigned char
lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Names and licences are folded already; the rest are words in ASCII. */
static int
compare_text(const struct sort_key *a, const struct sort_key *b)
{
    for (size_t i = 0; i < a->text_n && i < b->text_n; i++)
        if (lower(a->text[i]) != lower(b->text[i]))
            return lower(a->text[i]) < lower(b->text[i]) ? -1 : 1;
    return (a->text_n > b->text_n) - (a->text_n < b->text_n);
}

static int
compare_values(const struct sort_key *a, const struct sort_key *b)
{
    if (a->missing || b->missing)
        return a->missing - b->missing;
    if (a->text)
        return compare_text(a, b);
    return (a->number > b->number) - (a->number < b->number);
}

static int
compare_keys(const void *pa, const void *pb)
{
    const struct sort_key *a = pa, *b = pb;
    int c = compare_values(a, b);

    return c ? c : (a->row > b->row) - (a->row < b->row);
}

static int
make_ranks(struct board *b)
{
    struct sort_key *keys = calloc(b->n_rows ? b->n_rows : 1, sizeof(*keys));
    int rc = 0;

    b->ranks = jb_arena_array(b->arena, b->n_columns, sizeof(*b->ranks));
    if (!keys || !b->ranks)
        rc = JB_ENOMEM;
    for (size_t c = 0; c < b->n_columns && rc == 0; c++) {
        uint32_t *ranks = jb_arena_array(b->arena, b->n_rows ? b->n_rows : 1, sizeof(*ranks));
        uint32_t rank = 0;
        if (!ranks) {
            rc = JB_ENOMEM;
            break;
        }
        for (uint32_t i = 0; i < b->n_rows; i++)
            fill_key(b, &b->columns[c], i, &keys[i]);
        qsort(keys, b->n_rows, sizeof(*keys), compare_keys);
        for (size_t i = 0; i < b->n_rows; i++) {
            if (i && compare_values(&keys[i - 1], &keys[i]))
                rank++;
            ranks[keys[i].row] = keys[i].missing ? UINT32_MAX : rank;
        }
        b->ranks[c] = ranks;
    }
    free(keys);
    return rc;
}

int
board_make_indexes(struct board *board)
{
    int rc = make_names(board);

    if (rc == 0)
        rc = make_licenses(board);
    if (rc == 0)
        rc = make_facets(board);
    return rc ? rc : make_ranks(board);
}

struct sort_item {
    uint64_t order; /* rank, turned round for descending, then the row */
    uint32_t row;
};

static int
compare_items(const void *pa, const void *pb)
{
    const struct sort_item *a = pa, *b = pb;

    return (a->order > b->order) - (a->order < b->order);
}

void
board_sort(const struct board *board, size_t column, bool descending, uint32_t *rows, size_t n)
{
    struct sort_item *items = n ? malloc(n * sizeof(*items)) : NULL;
    const uint32_t *ranks = board->ranks[column];

    /* Without memory for it the order stays as it is. */
    if (!items)
        return;
    for (size_t i = 0; i < n; i++) {
        uint32_t rank = ranks[rows[i]];
        if (descending && rank != UINT32_MAX)
            rank = UINT32_MAX - 1 - rank;
        items[i] = (struct sort_item){(uint64_t)rank << 32 | rows[i], rows[i]};
    }
    qsort(items, n, sizeof(*items), compare_items);
    for (size_t i = 0; i < n; i++)
        rows[i] = items[i].row;
    free(items);
}
