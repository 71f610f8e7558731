/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/choices.h"

#include "board/choices.h"

#include <string.h>

#define CHOICES_BITS 32 /* of a set in struct board_query; columns have 64 */

struct maker {
    struct jb_arena *arena;
    struct choice *items;
    size_t n, room;
    bool failed;
};

static void
start(struct maker *m, size_t room)
{
    m->items = jb_arena_array(m->arena, room ? room : 1, sizeof(*m->items));
    m->n = 0;
    m->room = m->items ? room : 0;
    m->failed |= !m->items;
}

static void
add(struct maker *m, const char *text, uint64_t bits, bool ticked)
{
    if (m->n < m->room)
        m->items[m->n++] = (struct choice){jb_str(text), bits, ticked};
}

static void
done(struct maker *m, struct choices *ret)
{
    *ret = (struct choices){.n = m->n, .items = m->items};
    for (size_t i = 0; i < m->n; i++)
        if (m->items[i].ticked)
            ret->ticked |= m->items[i].bits;
}

static void
make_columns(struct maker *m, const struct board *board, struct choices *ret)
{
    start(m, board_columns(board));
    for (size_t i = 0; i < board_columns(board); i++) {
        const struct board_column *c = board_column(board, i);

        if (board_column_selectable(c))
            add(m, c->header, (uint64_t)1 << i, c->state == COLUMN_DEFAULT);
    }
    done(m, ret);
}

static void
make_hide(struct maker *m, struct choices *ret)
{
    start(m, BOARD_HIDES);
    for (size_t i = 0; i < BOARD_HIDES; i++)
        add(m, board_hide_label(i), (uint64_t)1 << i, BOARD_HIDE_DEFAULT >> i & 1);
    done(m, ret);
}

static void
make_types(struct maker *m, const struct board_config *config, struct choices *ret)
{
    start(m, config->types.n);
    for (size_t i = 0; i < config->types.n; i++) {
        char label[BOARD_LABEL_SIZE], *text;

        board_type_label(config, i, label);
        text = jb_arena_dup(m->arena, label, strlen(label));
        m->failed |= !text;
        add(m, text, (uint64_t)1 << i, true);
    }
    done(m, ret);
}

/* As a submission writes it; the last type is the unknown one. */
static void
make_form_types(struct maker *m, const struct board_config *config, struct choices *ret)
{
    const struct board_type *types = config->types.items;

    start(m, config->types.n);
    for (size_t i = 0; i + 1 < config->types.n; i++) {
        char *text = jb_arena_printf(m->arena, "%s : %s", types[i].icon, types[i].label);

        m->failed |= !text;
        add(m, text, (uint64_t)1 << i, false);
    }
    done(m, ret);
}

static void
make_precisions(struct maker *m, const struct board_config *config, struct choices *ret)
{
    start(m, board_precisions(config));
    for (size_t i = 0; i < board_precisions(config); i++)
        add(m, board_precision_label(config, i), (uint64_t)1 << i, true);
    done(m, ret);
}

/* Without `?`; float16 is ticked, or the first where a board has no float16. */
static void
make_form_precisions(struct maker *m, const struct board_config *config, struct choices *ret)
{
    int preset = board_precision_find(config, JB_STR("float16"));

    if (preset < 0)
        preset = 0;
    start(m, config->precisions.n);
    for (size_t i = 0; i < config->precisions.n; i++)
        add(m, config->precisions.items[i], (uint64_t)1 << i, (int)i == preset);
    done(m, ret);
}

static void
make_sizes(struct maker *m, const struct board_config *config, struct choices *ret)
{
    const struct board_size *sizes = config->sizes.items;

    start(m, config->sizes.n);
    for (size_t i = 0; i < config->sizes.n; i++)
        add(m, sizes[i].label, (uint64_t)1 << i, true);
    done(m, ret);
}

static void
make_weights(struct maker *m, struct choices *ret)
{
    start(m, 3);
    add(m, "Adapter", 1, false);
    add(m, "Original", 2, true);
    add(m, "Delta", 4, false);
    done(m, ret);
}

int
choices_make(const struct board *board, struct jb_arena *arena, struct jb_error *err,
             struct choices sets[CHOICES_MAX])
{
    const struct board_config *config = board_config_of(board);
    struct maker m = {.arena = arena};

    if (board_columns(board) > 64 || config->types.n > CHOICES_BITS ||
        config->precisions.n >= CHOICES_BITS || config->sizes.n > CHOICES_BITS)
        return jb_fail(
            err, JB_ENOTSUP,
            "the board has more than 64 columns, or more than %d types, precisions or sizes",
            CHOICES_BITS);
    sets[CHOICES_NONE] = (struct choices){0};
    make_columns(&m, board, &sets[CHOICES_COLUMNS]);
    make_hide(&m, &sets[CHOICES_HIDE]);
    make_types(&m, config, &sets[CHOICES_TYPES]);
    make_precisions(&m, config, &sets[CHOICES_PRECISIONS]);
    make_sizes(&m, config, &sets[CHOICES_SIZES]);
    make_form_types(&m, config, &sets[CHOICES_FORM_TYPE]);
    make_form_precisions(&m, config, &sets[CHOICES_FORM_PRECISION]);
    make_weights(&m, &sets[CHOICES_FORM_WEIGHT]);
    return m.failed ? jb_fail(err, JB_ENOMEM, "no memory for the choices") : 0;
}

const struct choice *
choices_find(const struct choices *set, struct jb_str text)
{
    for (size_t i = 0; i < set->n; i++)
        if (jb_str_eq(set->items[i].text, text))
            return &set->items[i];
    return NULL;
}

static void
put_python(struct jb_buf *out, struct jb_str s)
{
    char quote = memchr(s.p, '\'', s.n) && !memchr(s.p, '"', s.n) ? '"' : '\'';

    jb_buf_putc(out, quote);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == quote || s.p[i] == '\\')
            jb_buf_putc(out, '\\');
        jb_buf_putc(out, s.p[i]);
    }
    jb_buf_putc(out, quote);
}

void
choices_put_python(const struct choices *set, struct jb_buf *out)
{
    for (size_t i = 0; i < set->n; i++) {
        if (i)
            jb_buf_puts(out, ", ");
        put_python(out, set->items[i].text);
    }
}
