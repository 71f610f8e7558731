/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"
#include "store/verify.h"

#include <stdio.h>
#include <string.h>

/* What requests and results have in common. */
struct head {
    const char *model;
    struct store_key identity;
    uint64_t doc_n;
};

struct verify_kind {
    enum store_dbi record, keys, models;
    char doc;
    const char *counter;
    int (*read)(struct verify *v, struct jb_str value, struct jb_error *err,
                struct head *ret_head);
};

/* A key as people can read it: an id as a number, the rest as text, NULs as '|'. */
static void
key_text(enum store_dbi dbi, struct jb_str key, struct jb_buf *out)
{
    struct jb_str text = key;
    size_t ids = 0; /* at the end */

    switch (dbi) {
    case DBI_REQUEST:
    case DBI_RESULT:
    case DBI_CHANGE:
    case DBI_JOB:
    case DBI_TIMING:
    case DBI_DELIVERY:
    case DBI_ATTEMPT:
    case DBI_ATTEMPT_LIVE: ids = key.n == 8; break;
    case DBI_ATTEMPT_OF: ids = key.n == 16 ? 2 : 0; break;
    case DBI_REQUEST_MODEL:
    case DBI_RESULT_MODEL: ids = key.n >= 8; break;
    case DBI_DOC:
        ids = key.n == 9 && (key.p[0] == CODEC_REQUEST || key.p[0] == CODEC_RESULT);
        break;
    case DBI_QUOTA: ids = key.n >= 16 ? 2 : 0; break;
    case DBI_JOB_STATE: ids = key.n >= 24 ? 3 : 0; break;
    default: break;
    }
    if (dbi == DBI_PART && key.n >= 16) { /* the numbers come first */
        jb_buf_printf(out, "%llu %llu ", (unsigned long long)store_id_from(key.p),
                      (unsigned long long)store_id_from(key.p + 8));
        text = (struct jb_str){key.p + 16, key.n - 16};
    }
    text.n -= 8 * ids;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == 0)
            jb_buf_putc(out, '|');
        else if (c < 0x20 || c >= 0x7f)
            jb_buf_printf(out, "\\x%02x", c);
        else
            jb_buf_putc(out, (char)c);
    }
    for (size_t at = key.n - 8 * ids; at < key.n; at += 8)
        jb_buf_printf(out, "%s%llu", at == key.n - 8 * ids ? "" : " ",
                      (unsigned long long)store_id_from(key.p + at));
}

void
verify_problem(struct verify *v, enum store_dbi dbi, struct jb_str key, const char *fmt, ...)
{
    struct jb_buf text = JB_BUF(4096);
    char reason[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    jb_buf_printf(&text, "%s/", store_dbi_names[dbi]);
    key_text(dbi, key, &text);
    jb_buf_printf(&text, ": %s", reason);
    v->n++;
    if (v->problem)
        v->problem(v->ctx, text.err ? reason : text.p);
    jb_buf_free(&text);
}

static int
read_request(struct verify *v, struct jb_str value, struct jb_error *err, struct head *ret_head)
{
    struct request request;
    int rc = request_decode(value, v->arena, err, &request, &ret_head->doc_n);

    if (rc || (rc = store_request_check(&request, err)) ||
        (rc = request_identity(v->txn, &request, &ret_head->identity)))
        return rc;
    ret_head->model = request.model;
    return 0;
}

static int
read_result(struct verify *v, struct jb_str value, struct jb_error *err, struct head *ret_head)
{
    struct result result;
    int rc = result_decode(value, v->arena, err, &result, &ret_head->doc_n);

    if (rc || (rc = store_result_check(&result, err)) ||
        (rc = result_identity(v->txn, &result, &ret_head->identity)))
        return rc;
    ret_head->model = result.model;
    return 0;
}

static const struct verify_kind kinds[] = {
    {DBI_REQUEST, DBI_REQUEST_KEY, DBI_REQUEST_MODEL, CODEC_REQUEST, META_REQUEST_ID,
     read_request},
    {DBI_RESULT, DBI_RESULT_KEY, DBI_RESULT_MODEL, CODEC_RESULT, META_RESULT_ID, read_result},
};

/* The record of an id, or NULL: it is missing, or damaged and reported where it stands. */
static const struct head *
head_of(struct verify *v, const struct verify_kind *kind, uint64_t id, bool *ret_missing,
        struct head *head)
{
    struct store_key key = {0};
    struct jb_str value;

    store_key_id(&key, id);
    int rc = store_get(v->txn, kind->record, &key, &value);
    *ret_missing = rc == JB_ENOENT;
    return rc || kind->read(v, value, NULL, head) ? NULL : head;
}

/* The document pass looks into the document; here only whether it is there. */
static void
expect_doc(struct verify *v, enum store_dbi dbi, struct jb_str key, char kind,
           struct jb_str owner, uint64_t n)
{
    struct store_key at = {0};
    struct jb_str value;

    doc_key(&at, kind, owner);
    int rc = store_get(v->txn, DBI_DOC, &at, &value);
    if (rc == JB_ENOENT && n)
        verify_problem(v, dbi, key, "its document of %llu bytes is missing",
                       (unsigned long long)n);
    else if (!rc && !n)
        verify_problem(v, dbi, key, "has a document that it does not know");
    else if (!rc && value.n != n + CODEC_HEAD)
        verify_problem(v, dbi, key, "its document has %zu bytes instead of %llu",
                       value.n < CODEC_HEAD ? 0 : value.n - CODEC_HEAD, (unsigned long long)n);
}

static int
verify_record(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    const struct verify_kind *kind = v->kind;
    struct jb_error err = {0};
    struct head head;
    struct jb_str entry;

    jb_arena_reset(v->arena);
    if (key.n != 8) {
        verify_problem(v, kind->record, key, "the key is not an id");
        return 0;
    }
    uint64_t id = store_id_from(key.p);
    v->last = id;
    int rc = kind->read(v, value, &err, &head);
    if (rc) {
        verify_problem(v, kind->record, key, "%s", err.text);
        return store_txn_error(v->txn);
    }
    rc = store_get(v->txn, kind->keys, &head.identity, &entry);
    if (rc == JB_ENOENT)
        verify_problem(v, kind->record, key, "has no entry in %s", store_dbi_names[kind->keys]);
    else if (!rc && entry.n == 8 && store_id_from(entry.p) != id)
        verify_problem(v, kind->record, key, "the entry in %s names %llu instead",
                       store_dbi_names[kind->keys], (unsigned long long)store_id_from(entry.p));
    struct store_key by_model = {0};
    index_model_key(&by_model, head.model);
    store_key_id(&by_model, id);
    if (store_get(v->txn, kind->models, &by_model, &entry) == JB_ENOENT)
        verify_problem(v, kind->record, key, "has no entry in %s",
                       store_dbi_names[kind->models]);
    expect_doc(v, kind->record, key, kind->doc, key, head.doc_n);
    return store_txn_error(v->txn);
}

static int
verify_key(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    const struct verify_kind *kind = v->kind;
    struct head head;
    bool missing;

    jb_arena_reset(v->arena);
    if (value.n != 8) {
        verify_problem(v, kind->keys, key, "does not hold an id");
        return 0;
    }
    uint64_t id = store_id_from(value.p);
    const struct head *found = head_of(v, kind, id, &missing, &head);
    if (missing)
        verify_problem(v, kind->keys, key, "names %s %llu, which is not there",
                       store_dbi_names[kind->record], (unsigned long long)id);
    else if (found && !jb_str_eq(store_key_view(&head.identity), key))
        verify_problem(v, kind->keys, key, "names %s %llu, which is another",
                       store_dbi_names[kind->record], (unsigned long long)id);
    return store_txn_error(v->txn);
}

static int
verify_by_model(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    const struct verify_kind *kind = v->kind;
    struct head head;
    bool missing;

    jb_arena_reset(v->arena);
    if (key.n < 10 || key.p[key.n - 9] != '\0' || strlen(key.p) != key.n - 9) {
        verify_problem(v, kind->models, key, "the key is not a model and an id");
        return 0;
    }
    if (value.n)
        verify_problem(v, kind->models, key, "the value is not empty");
    uint64_t id = store_id_from(key.p + key.n - 8);
    const struct head *found = head_of(v, kind, id, &missing, &head);
    if (missing)
        verify_problem(v, kind->models, key, "names %s %llu, which is not there",
                       store_dbi_names[kind->record], (unsigned long long)id);
    else if (found && !jb_str_is((struct jb_str){key.p, key.n - 9}, head.model))
        verify_problem(v, kind->models, key, "names %s %llu, which is of another model",
                       store_dbi_names[kind->record], (unsigned long long)id);
    return store_txn_error(v->txn);
}

static int
verify_model(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct model_info model;
    uint64_t doc_n;

    jb_arena_reset(v->arena);
    int rc = model_decode(value, v->arena, &err, &model, &doc_n);
    if (!rc && !(model.model = jb_arena_dup(v->arena, key.p, key.n)))
        return store_txn_fail(v->txn, JB_ENOMEM, "no memory for a name");
    if (rc || store_model_check(&model, &err)) {
        verify_problem(v, DBI_MODEL, key, "%s", err.text);
        return 0;
    }
    expect_doc(v, DBI_MODEL, key, CODEC_MODEL, key, doc_n);
    return store_txn_error(v->txn);
}

struct notes {
    struct verify *v;
    enum store_note kind;
};

static int
verify_note(void *ctx, struct jb_str key, struct jb_str value)
{
    struct notes *notes = ctx;
    struct verify *v = notes->v;
    struct jb_error err = {0};
    const char *text;

    jb_arena_reset(v->arena);
    int rc = note_decode(value, v->arena, &err, &text);
    const char *name = jb_arena_dup(v->arena, key.p, key.n);
    if (!name)
        return store_txn_fail(v->txn, JB_ENOMEM, "no memory for a name");
    if (rc || store_note_check(notes->kind, name, text, &err))
        verify_problem(v, note_dbi(notes->kind), key, "%s", err.text);
    return 0;
}

static int
verify_doc(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct codec_in in;
    struct jb_str owner = {key.p + 1, key.n - 1}, entry;
    enum store_dbi dbi = key.p[0] == CODEC_REQUEST  ? DBI_REQUEST
                         : key.p[0] == CODEC_RESULT ? DBI_RESULT
                         : key.p[0] == CODEC_MODEL  ? DBI_MODEL
                                                    : DBI_MAX;

    if (dbi == DBI_MAX || owner.n == 0) {
        verify_problem(v, DBI_DOC, key, "the key is not that of a document");
        return 0;
    }
    if (codec_open(value, CODEC_DOC, 1, &err, &in))
        verify_problem(v, DBI_DOC, key, "%s", err.text);
    struct store_key at = {0};
    store_key_put(&at, owner.p, owner.n);
    if (store_get(v->txn, dbi, &at, &entry) == JB_ENOENT)
        verify_problem(v, DBI_DOC, key, "belongs to no %s", store_dbi_names[dbi]);
    return store_txn_error(v->txn);
}

static bool
is_one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

/* What differs: nothing, or the outside of a JSON object. */
static bool
is_object(const char *text)
{
    size_t n = strlen(text);

    return n == 0 || (n >= 2 && text[0] == '{' && text[n - 1] == '}');
}

static int
verify_change(void *ctx, struct jb_str key, struct jb_str value)
{
    static const char *const names[] = {"request", "result", "model", "flag", "alias",
                                        "blocked", "hidden", "job",   "host", "delivery"};
    static const char *const actions[] = {"new", "changed", "deleted"};
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct change change;

    jb_arena_reset(v->arena);
    if (key.n != 8) {
        verify_problem(v, DBI_CHANGE, key, "the key is not a number");
        return 0;
    }
    uint64_t seq = store_id_from(key.p);
    if (seq != v->last + 1)
        verify_problem(v, DBI_CHANGE, key, "follows entry %llu", (unsigned long long)v->last);
    v->last = seq;
    if (change_decode(value, v->arena, &err, &change))
        verify_problem(v, DBI_CHANGE, key, "%s", err.text);
    else if (!is_one_of(change.kind, names, sizeof names / sizeof *names) ||
             !is_one_of(change.action, actions, sizeof actions / sizeof *actions) ||
             !is_object(change.before) || !is_object(change.after))
        verify_problem(v, DBI_CHANGE, key, "the entry does not have its form");
    return 0;
}

static int
verify_meta(void *ctx, struct jb_str key, struct jb_str value)
{
    static const char *const names[] = {
        META_SCHEMA,     META_SECRET,    META_BOARD_SEQ, META_QUEUE_SEQ, META_CHANGE_SEQ,
        META_REQUEST_ID, META_RESULT_ID, META_DELIVERY,  META_TIMING,    META_FENCE};
    const size_t cursor = sizeof META_CURSOR - 1, mark = sizeof META_MARK - 1;
    struct verify *v = ctx;
    struct jb_error err = {0};
    struct codec_in in;
    size_t i = 0;

    while (i < sizeof names / sizeof *names && !jb_str_is(key, names[i]))
        i++;
    if (i == sizeof names / sizeof *names &&
        !(key.n > cursor && memcmp(key.p, META_CURSOR, cursor) == 0) &&
        !(key.n > mark && memcmp(key.p, META_MARK, mark) == 0)) {
        verify_problem(v, DBI_META, key, "not known");
        return 0;
    }
    int rc = codec_open(value, CODEC_META, 1, &err, &in);
    if (!rc && jb_str_is(key, META_SECRET)) {
        if (in.n != STORE_SECRET_SIZE)
            rc = jb_fail(&err, JB_ECORRUPT, "%zu bytes instead of %d", in.n, STORE_SECRET_SIZE);
    } else if (!rc) {
        codec_uint(&in);
        rc = codec_close(&in, &err);
    }
    if (rc)
        verify_problem(v, DBI_META, key, "%s", err.text);
    return 0;
}

void
verify_counter(struct verify *v, const char *name, enum store_dbi dbi, bool exact)
{
    struct store_txn view = {.store = v->txn->store, .txn = v->txn->txn, .mode = STORE_READ};
    uint64_t value;

    if (store_meta_get(&view, name, &value))
        return;
    if (exact ? value != v->last : value < v->last)
        verify_problem(v, DBI_META, jb_str(name), "is %llu, but the last entry of %s is %llu",
                       (unsigned long long)value, store_dbi_names[dbi],
                       (unsigned long long)v->last);
}

/* Nobody has read further than there is. */
static int
verify_cursor(void *ctx, struct jb_str key, struct jb_str value)
{
    struct verify *v = ctx;
    struct codec_in in;

    if (codec_open(value, CODEC_META, 1, NULL, &in))
        return 0;
    uint64_t seq = codec_uint(&in);
    if (!codec_close(&in, NULL) && seq > v->last)
        verify_problem(v, DBI_META, key, "is %llu, but the last entry of change is %llu",
                       (unsigned long long)seq, (unsigned long long)v->last);
    return 0;
}

static int
verify_all(struct verify *v)
{
    const struct jb_str all = JB_STR("");
    int rc = store_walk(v->txn, DBI_META, all, all, verify_meta, v);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !rc; i++) {
        v->kind = &kinds[i];
        v->last = 0;
        rc = store_walk(v->txn, v->kind->record, all, all, verify_record, v);
        verify_counter(v, v->kind->counter, v->kind->record, false);
        if (!rc)
            rc = store_walk(v->txn, v->kind->keys, all, all, verify_key, v);
        if (!rc)
            rc = store_walk(v->txn, v->kind->models, all, all, verify_by_model, v);
    }
    if (!rc)
        rc = store_walk(v->txn, DBI_MODEL, all, all, verify_model, v);
    for (enum store_note kind = 0; kind < NOTE_MAX && !rc; kind++) {
        struct notes notes = {v, kind};
        rc = store_walk(v->txn, note_dbi(kind), all, all, verify_note, &notes);
    }
    if (!rc)
        rc = store_walk(v->txn, DBI_DOC, all, all, verify_doc, v);
    if (rc)
        return rc;
    if ((rc = verify_jobs(v)) || (rc = verify_hosts(v)))
        return rc;
    v->last = 0;
    rc = store_walk(v->txn, DBI_CHANGE, all, all, verify_change, v);
    verify_counter(v, META_CHANGE_SEQ, DBI_CHANGE, true);
    if (!rc)
        rc = store_walk(v->txn, DBI_META, JB_STR(META_CURSOR), all, verify_cursor, v);
    return rc;
}

int
store_verify(struct store *store, void (*tell)(void *ctx, const char *text), void *ctx,
             struct jb_error *err)
{
    struct verify v = {.problem = tell, .ctx = ctx, .arena = jb_arena_new(64u << 20)};
    int rc;

    if (!v.arena)
        return jb_fail(err, JB_ENOMEM, "no memory for the verification");
    rc = store_begin(store, STORE_READ, NULL, err, &v.txn);
    if (!rc) {
        rc = verify_all(&v);
        if (rc && err && !err->code)
            *err = v.txn->err;
        store_abort(v.txn);
    }
    jb_arena_free(v.arena);
    return rc ? rc : v.n;
}
