/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/rename.h"

#include "base/text.h"

#include <string.h>

#define ARENA_MAX ((size_t)64 << 20)

struct aliases {
    const char *const *names;
    const char *const *texts;
    size_t n;
};

struct collect {
    struct jb_arena *arena;
    const char **names, **texts;
    size_t n, room;
};

static int
keep(const char ***list, size_t n, size_t room, struct jb_arena *arena)
{
    const char **more = jb_arena_array(arena, room, sizeof *more);

    if (!more)
        return JB_ENOMEM;
    if (n)
        memcpy(more, *list, n * sizeof *more);
    *list = more;
    return 0;
}

static int
each_alias(void *ctx, const char *name, const char *text)
{
    struct collect *c = ctx;

    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        if (keep(&c->names, c->n, room, c->arena) || keep(&c->texts, c->n, room, c->arena))
            return JB_ENOMEM;
        c->room = room;
    }
    c->names[c->n] = name;
    c->texts[c->n++] = text;
    return 0;
}

/* Steps from `name` to where its aliases end; `past` (NULL: any) is a name that the way must
 * come to, and then the steps to that, 0 when it does not. Never more than the limit and one.
 */
static size_t
steps(const struct aliases *a, const char *name, const char *past)
{
    size_t taken = 0;

    while (taken <= QUEUE_ALIASES_MAX) {
        size_t i = 0;
        if (past && taken && strcmp(name, past) == 0)
            return taken;
        while (i < a->n && strcmp(a->names[i], name) != 0)
            i++;
        if (i == a->n)
            return past ? 0 : taken;
        name = a->texts[i];
        taken++;
    }
    return past ? 0 : taken;
}

static int
check(const struct aliases *a, const char *old_id, const char *new_id, struct jb_error *err)
{
    size_t after = steps(a, new_id, NULL), before = 0;

    if (steps(a, new_id, old_id))
        return jb_fail(err, JB_ECONFLICT, "%s is an old name of %s: names would go in a circle",
                       new_id, old_id);
    for (size_t i = 0; i < a->n; i++) {
        size_t to = steps(a, a->names[i], old_id);
        before = to > before ? to : before;
    }
    if (before + 1 + after > QUEUE_ALIASES_MAX)
        return jb_fail(err, JB_ECONFLICT,
                       "more than %d names would lead to the present one; give the older ones "
                       "the present name first",
                       QUEUE_ALIASES_MAX);
    return 0;
}

int
queue_rename(struct store_txn *txn, const char *old_id, const char *new_id,
             struct jb_error *err, enum store_outcome *ret_outcome)
{
    struct collect c = {.arena = jb_arena_new(ARENA_MAX)};
    int rc;

    if (!c.arena)
        return jb_fail(err, JB_ENOMEM, "no memory for the names");
    if ((rc = jb_model_id_check(jb_str(old_id), err)) ||
        (rc = jb_model_id_check(jb_str(new_id), err)) ||
        (rc = store_note_check(NOTE_ALIAS, old_id, new_id, err)))
        goto out;
    if (strcmp(old_id, new_id) == 0) {
        rc = jb_fail(err, JB_EINVAL, "%s is its name already", new_id);
        goto out;
    }
    rc = store_notes_each(txn, NOTE_ALIAS, c.arena, each_alias, &c);
    if (!rc)
        rc = check(&(struct aliases){c.names, c.texts, c.n}, old_id, new_id, err);
    if (!rc)
        rc = store_note_put(txn, NOTE_ALIAS, old_id, new_id, ret_outcome);
    if (rc)
        jb_fail(err, rc, "%s",
                store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
out:
    jb_arena_free(c.arena);
    return rc;
}
