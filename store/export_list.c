/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/document.h"
#include "store/export.h"

#include <string.h>

static const struct list {
    const char *kind, *file;
    enum store_note note;
} lists[EXPORT_LISTS] = {
    [EXPORT_MODELS] = {"model", "model_infos.json", NOTE_MAX},
    [EXPORT_FLAGS] = {"flag", "flags.json", NOTE_FLAG},
    [EXPORT_ALIASES] = {"alias", "aliases.json", NOTE_ALIAS},
    [EXPORT_BLOCKED] = {"blocked", "blocked.json", NOTE_BLOCKED},
};

const char *
export_list_file(enum export_list list)
{
    return lists[list].file;
}

int
export_list_of(const char *kind)
{
    for (int i = 0; i < EXPORT_LISTS; i++)
        if (strcmp(lists[i].kind, kind) == 0)
            return i;
    return -1;
}

struct list_walk {
    struct store_txn *txn;
    const struct export_rule *rule;
    struct jb_arena *arena;
    struct jb_error *err;
    struct jb_buf *out;
    bool begun;
};

static int
write_model(void *ctx, const struct model_info *m)
{
    struct list_walk *w = ctx;
    struct jb_error why = {0};
    int rc = w->rule ? w->rule->model(w->rule->ctx, w->txn, m->model) : 1;

    if (rc <= 0) {
        jb_arena_reset(w->arena);
        return rc;
    }
    jb_buf_puts(w->out, w->begun ? ", " : "");
    w->begun = true;
    document_put_string(w->out, m->model, true);
    jb_buf_puts(w->out, ": ");
    rc = document_model_write(m, w->arena, &why, w->out);
    jb_arena_reset(w->arena);
    return rc ? jb_fail(w->err, rc, "%s: %s", m->model, why.text) : 0;
}

static int
write_note(void *ctx, const char *name, const char *text)
{
    struct list_walk *w = ctx;

    jb_buf_puts(w->out, w->begun ? ",\n  " : "\n  ");
    w->begun = true;
    document_put_string(w->out, name, true);
    jb_buf_puts(w->out, ": ");
    document_put_string(w->out, text, true);
    jb_arena_reset(w->arena);
    return 0;
}

int
export_list_write(struct store_txn *txn, enum export_list list, const struct export_rule *rule,
                  struct jb_arena *arena, struct jb_error *err, struct jb_buf *out)
{
    struct list_walk w = {txn, rule, arena, err, out, false};
    int rc;

    jb_buf_putc(out, '{');
    if (list == EXPORT_MODELS)
        rc = store_models_each(txn, arena, true, write_model, &w);
    else
        rc = store_notes_each(txn, lists[list].note, arena, write_note, &w);
    jb_buf_puts(out, list == EXPORT_MODELS ? "}" : w.begun ? "\n}\n" : "}\n");
    if (!rc)
        rc = out->err;
    return rc ? jb_fail(err, rc, "%s: %s", lists[list].file,
                        store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc))
              : 0;
}
