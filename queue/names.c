/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/names.h"

#include "queue/moderate.h"
#include "queue/rename.h"
#include "store/record.h"

#include <string.h>

#define ARENA_MAX ((size_t)64 << 20)

struct alias {
    const char *name, *text;
    bool leads;                /* to the model's present name */
    struct alias *next, *last; /* of all; of those that lead there */
};

struct aliases {
    struct jb_arena *arena;
    struct alias *first, *found;
};

static int
each_alias(void *ctx, const char *name, const char *text)
{
    struct aliases *a = ctx;
    struct alias *alias = jb_arena_alloc(a->arena, sizeof *alias);

    if (!alias)
        return JB_ENOMEM;
    *alias = (struct alias){name, text, false, a->first, NULL};
    a->first = alias;
    return 0;
}

static bool
leads(const struct aliases *a, const struct alias *alias, const char *now)
{
    if (strcmp(alias->text, now) == 0)
        return true;
    for (const struct alias *other = a->found; other; other = other->last)
        if (strcmp(alias->text, other->name) == 0)
            return true;
    return false;
}

int
queue_names_each(struct store_txn *txn, const char *model,
                 int (*each)(void *ctx, const char *name), void *ctx)
{
    struct aliases a = {.arena = jb_arena_new(ARENA_MAX)};
    const char *now = NULL;
    int rc = a.arena ? queue_model_now(txn, model, a.arena, &now) : JB_ENOMEM;

    if (!rc)
        rc = store_notes_each(txn, NOTE_ALIAS, a.arena, each_alias, &a);
    /* From the present name outward, one step of the way each time. */
    bool more = true;
    for (int step = 0; !rc && more && step < QUEUE_ALIASES_MAX; step++) {
        more = false;
        for (struct alias *alias = a.first; alias; alias = alias->next) {
            if (alias->leads || strcmp(alias->name, now) == 0 || !leads(&a, alias, now))
                continue;
            alias->leads = more = true;
            alias->last = a.found;
            a.found = alias;
        }
    }
    if (!rc)
        rc = each(ctx, now);
    for (const struct alias *alias = a.found; alias && !rc; alias = alias->last)
        rc = each(ctx, alias->name);
    jb_arena_free(a.arena);
    return rc;
}
