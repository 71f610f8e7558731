/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/env.h"

#include <string.h>

static const struct {
    enum store_dbi dbi;
    const char *kind;
} notes[NOTE_MAX] = {
    [NOTE_FLAG] = {DBI_FLAG, "flag"},
    [NOTE_ALIAS] = {DBI_ALIAS, "alias"},
    [NOTE_BLOCKED] = {DBI_BLOCKED, "blocked"},
    [NOTE_HIDDEN] = {DBI_HIDDEN, "hidden"},
};

enum store_dbi
note_dbi(enum store_note kind)
{
    return notes[kind].dbi;
}

static int
note_read(struct store_txn *txn, enum store_note kind, struct jb_str name, struct jb_str value,
          struct jb_arena *arena, const char **ret_text)
{
    struct jb_error err = {0};
    int rc = note_decode(value, arena, &err, ret_text);

    return rc ? store_txn_fail(txn, rc, "%s/%.*s: %s", notes[kind].kind, JB_STR_FMT(name),
                               err.text)
              : 0;
}

/* Its text out of the map, before it is written over. */
static int
note_was(struct store_txn *txn, enum store_note kind, const char *name, struct jb_str value,
         const char **ret_text)
{
    struct jb_arena *scratch = store_txn_scratch(txn);

    return scratch ? note_read(txn, kind, jb_str(name), value, scratch, ret_text)
                   : txn->err.code;
}

/* JB_ENOENT, not sticky, for a name that no note can have. */
static int
note_find(struct store_txn *txn, enum store_note kind, const char *name,
          struct store_key *ret_key, struct jb_str *ret_value)
{
    int rc = store_txn_ready(txn, STORE_READ);

    if (rc)
        return rc;
    if ((unsigned)kind >= NOTE_MAX)
        return store_txn_fail(txn, JB_EINVAL, "%u is not a kind of note", (unsigned)kind);
    *ret_key = (struct store_key){0};
    store_key_put(ret_key, name, strlen(name));
    if (ret_key->over || ret_key->n == 0)
        return JB_ENOENT;
    return store_get(txn, notes[kind].dbi, ret_key, ret_value);
}

/* A blocked model leaves the board, too; a hidden one also the queue tables. */
static int
note_log(struct store_txn *txn, enum store_note kind, const char *name, const char *old,
         const char *now)
{
    struct difference d;

    difference_begin(&d, txn, old != NULL, now != NULL);
    difference_text(&d, "text", old, now);
    return store_changed(txn, notes[kind].kind, name, 0, &d, true, kind == NOTE_HIDDEN);
}

int
store_note_put(struct store_txn *txn, enum store_note kind, const char *name, const char *text,
               enum store_outcome *ret_outcome)
{
    struct store_key key;
    struct jb_str old;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = store_note_check(kind, name, text, &txn->err)))
        return rc;
    rc = note_find(txn, kind, name, &key, &old);
    if (rc && rc != JB_ENOENT)
        return rc;
    bool is_new = rc == JB_ENOENT;
    if ((rc = note_encode(text, &txn->value)))
        return store_txn_fail(txn, rc, "%s %s: no memory", notes[kind].kind, name);
    if (!is_new && jb_str_eq(old, jb_buf_view(&txn->value))) {
        *ret_outcome = STORE_SAME;
        return 0;
    }
    const char *was = NULL;
    if (!is_new && (rc = note_was(txn, kind, name, old, &was)))
        return rc;
    if ((rc = store_put(txn, notes[kind].dbi, &key, jb_buf_view(&txn->value))) ||
        (rc = note_log(txn, kind, name, was, text ? text : "")))
        return rc;
    *ret_outcome = is_new ? STORE_NEW : STORE_CHANGED;
    return 0;
}

int
store_note_get(struct store_txn *txn, enum store_note kind, const char *name,
               struct jb_arena *arena, const char **ret_text)
{
    struct store_key key;
    struct jb_str value;
    int rc = note_find(txn, kind, name, &key, &value);

    return rc ? rc : note_read(txn, kind, jb_str(name), value, arena, ret_text);
}

int
store_note_delete(struct store_txn *txn, enum store_note kind, const char *name)
{
    struct store_key key;
    struct jb_str value;
    int rc = store_txn_ready(txn, STORE_WRITE);

    const char *was;

    if (rc || (rc = note_find(txn, kind, name, &key, &value)) ||
        (rc = note_was(txn, kind, name, value, &was)) ||
        (rc = store_del(txn, notes[kind].dbi, &key)))
        return rc;
    return note_log(txn, kind, name, was, NULL);
}

struct walk {
    struct store_txn *txn;
    enum store_note kind;
    struct jb_arena *arena;
    int (*each)(void *ctx, const char *name, const char *text);
    void *ctx;
};

static int
each_note(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    const char *text;
    int rc = note_read(walk->txn, walk->kind, key, value, walk->arena, &text);

    if (rc)
        return rc;
    const char *name = jb_arena_dup(walk->arena, key.p, key.n);
    if (!name)
        return store_txn_fail(walk->txn, JB_ENOMEM, "no room for a name");
    return walk->each(walk->ctx, name, text);
}

int
store_notes_each(struct store_txn *txn, enum store_note kind, struct jb_arena *arena,
                 int (*each)(void *ctx, const char *name, const char *text), void *ctx)
{
    struct walk walk = {txn, kind, arena, each, ctx};

    if ((unsigned)kind >= NOTE_MAX)
        return store_txn_fail(txn, JB_EINVAL, "%u is not a kind of note", (unsigned)kind);
    return store_walk(txn, notes[kind].dbi, JB_STR(""), JB_STR(""), each_note, &walk);
}
