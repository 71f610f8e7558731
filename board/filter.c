/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows a query asks for. Work is bounded by rows times search.max_parts, whatever the
 * text. */
#include <config.h>

#include "base/text.h"
#include "board/snapshot.h"

#include <string.h>

static bool
passes(const struct board_facets *f, const struct board_query *q)
{
    return (q->types >> f->type & 1) &&
           (f->precision == FACET_ANY || (q->precisions >> f->precision & 1)) &&
           (f->size == FACET_ANY || (f->size != FACET_NONE && (q->sizes >> f->size & 1))) &&
           !(f->hide & q->hide);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct jb_str
trim(struct jb_str s)
{
    while (s.n && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct search {
    struct jb_str *names, *licenses;
    size_t n_names, n_licenses;
};

/* Splits folded text; a part beginning `license` filters by what follows its colon. */
static void
split(struct jb_str text, size_t max_parts, struct search *s)
{
    static const char word[] = "license";
    const size_t word_n = sizeof(word) - 1;

    while (s->n_names + s->n_licenses < max_parts) {
        const char *end = text.n ? memchr(text.p, ';', text.n) : NULL;
        size_t n = end ? (size_t)(end - text.p) : text.n;
        struct jb_str part = trim((struct jb_str){text.p, n});
        if (part.n >= word_n && memcmp(part.p, word, word_n) == 0) {
            struct jb_str rest = trim((struct jb_str){part.p + word_n, part.n - word_n});
            if (rest.n && rest.p[0] == ':')
                rest = trim((struct jb_str){rest.p + 1, rest.n - 1});
            s->licenses[s->n_licenses++] = rest;
        } else if (part.n) {
            s->names[s->n_names++] = part;
        }
        if (!end)
            break;
        text = (struct jb_str){end + 1, text.n - n - 1};
    }
}

static bool
contains(const char *folded, struct jb_str part)
{
    return memmem(folded, strlen(folded), part.p, part.n) != NULL;
}

/* Marks the licences asked for; a board has few of them. */
static void
match_licenses(const struct board *b, const struct search *s, unsigned char *wanted)
{
    for (size_t l = 0; l < b->n_licenses; l++) {
        wanted[l] = s->n_licenses == 0;
        for (size_t i = 0; i < s->n_licenses && !wanted[l]; i++)
            wanted[l] = contains(b->licenses[l], s->licenses[i]);
    }
}

/* Adds the rows whose name contains `part` and that are not taken yet, in their order: one pass
 * over all names. */
static size_t
add_matches(const struct board *b, struct jb_str part, unsigned char *taken, uint32_t *rows,
            size_t n)
{
    const char *p = b->names, *end = b->names + b->name_at[b->n_rows];
    uint32_t row = 0;

    /* It would reach into the next name. */
    if (memchr(part.p, '\0', part.n))
        return n;
    while ((p = memmem(p, (size_t)(end - p), part.p, part.n)) != NULL) {
        size_t at = (size_t)(p - b->names);
        while (b->name_at[row + 1] <= at)
            row++;
        if (!taken[row]) {
            taken[row] = 1;
            rows[n++] = row;
        }
        p = b->names + b->name_at[++row];
    }
    return n;
}

static int
search_rows(const struct board *b, const struct board_query *query, struct jb_str text,
            const struct board_limits *limits, struct jb_arena *arena, uint32_t *rows,
            size_t *ret_n)
{
    struct search s = {0};
    char *folded = jb_arena_alloc(arena, text.n + 1);
    unsigned char *taken = jb_arena_alloc(arena, b->n_rows + 1);
    unsigned char *wanted = jb_arena_alloc(arena, b->n_licenses + 1);
    size_t n = 0;

    /* More parts than bytes cannot be. */
    size_t parts = limits->max_parts < text.n + 1 ? limits->max_parts : text.n + 1;
    s.names = jb_arena_array(arena, parts, sizeof(*s.names));
    s.licenses = jb_arena_array(arena, parts, sizeof(*s.licenses));
    if (!folded || !taken || !wanted || !s.names || !s.licenses)
        return JB_ENOMEM;
    split((struct jb_str){folded, jb_fold(text.p, text.n, folded)}, parts, &s);
    match_licenses(b, &s, wanted);
    for (uint32_t i = 0; i < b->n_rows; i++)
        taken[i] = !passes(&b->facets[i], query) || !wanted[b->license_of[i]];
    for (size_t part = 0; part < s.n_names; part++)
        n = add_matches(b, s.names[part], taken, rows, n);
    if (s.n_names == 0 && s.n_licenses)
        for (uint32_t i = 0; i < b->n_rows; i++)
            if (!taken[i])
                rows[n++] = i;
    *ret_n = n;
    return 0;
}

int
board_filter(const struct board *board, const struct board_query *query,
             const struct board_limits *limits, struct jb_arena *arena, struct jb_error *err,
             const uint32_t **ret_rows, size_t *ret_n)
{
    struct jb_str text = trim(query->text);
    uint32_t *rows = jb_arena_array(arena, board->n_rows + 1, sizeof(*rows));
    size_t n = 0;

    if (!rows)
        return jb_fail(err, JB_ENOMEM, "the board does not fit into memory");
    if (text.n > limits->max_bytes)
        text.n = limits->max_bytes;
    if (text.n) {
        int rc = search_rows(board, query, text, limits, arena, rows, &n);
        if (rc)
            return jb_fail(err, rc, "the search does not fit into memory");
    } else {
        for (uint32_t i = 0; i < board->n_rows; i++)
            if (passes(&board->facets[i], query))
                rows[n++] = i;
    }
    *ret_rows = rows;
    *ret_n = n;
    return 0;
}
