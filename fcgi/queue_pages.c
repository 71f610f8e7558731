/* SPDX-License-Identifier: Apache-2.0 */
#include "fcgi/queue_pages.h"

#include "base/clock.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "fcgi/server.h"
#include "queue/moderate.h"
#include "queue/move.h"

#include <string.h>

enum { PAGE_MAX = 16 << 20, NONCE_BYTES = 16 };

enum text_lang
page_lang(const struct handling *h)
{
    struct jb_str path = h->request->path;

    for (int lang = LANG_ZH; lang < LANG_MAX; lang++)
        if (path.n > 4 && path.p[0] == '/' && path.p[3] == '/' &&
            memcmp(path.p + 1, text_lang_code((enum text_lang)lang), 2) == 0)
            return (enum text_lang)lang;
    return LANG_MAX;
}

bool
page_id(struct handling *h, struct jb_str text, uint64_t *ret_id)
{
    int64_t id;

    if (jb_parse_int(text, 1, INT64_MAX, &id)) {
        server_error(h, 404, "a request has a number");
        return false;
    }
    *ret_id = (uint64_t)id;
    return true;
}

void
page_answer(struct handling *h, int status, const char *cache, struct jb_buf *page, int rc,
            const struct jb_error *err)
{
    struct response *r = h->response;

    if (rc == 0)
        rc = page->err;
    if (rc) {
        jb_buf_free(page);
        server_error(h, jb_error_status(rc), err->text[0] ? err->text : jb_strerror(rc));
        return;
    }
    response_header(r, "Content-Security-Policy", h->site->csp);
    response_header(r, "Cache-Control", cache);
    response_header(r, "Vary", "Accept-Encoding");
    response_buf(r, status, "text/html; charset=utf-8", page);
}

bool
page_begin(struct handling *h, struct store_txn **ret_txn)
{
    struct jb_error err = {0};
    int rc =
        store_begin(keeper_store(server_keeper(h->server)), STORE_READ, NULL, &err, ret_txn);

    if (rc)
        server_error(h, jb_error_status(rc), err.text[0] ? err.text : jb_strerror(rc));
    return rc == 0;
}

static int
is_hidden(struct store_txn *txn, const char *model, struct jb_arena *arena, bool *ret_hidden)
{
    const char *text, *now;
    int rc = store_note_get(txn, NOTE_HIDDEN, model, arena, &text);

    if (rc == JB_ENOENT) {
        rc = queue_model_now(txn, model, arena, &now);
        if (rc == 0)
            rc = store_note_get(txn, NOTE_HIDDEN, now, arena, &text);
    }
    *ret_hidden = rc == 0;
    return rc == JB_ENOENT ? 0 : rc;
}

const struct board_row *
request_row(const struct board *board, uint64_t request)
{
    for (size_t i = 0; i < board_rows(board); i++)
        if (board_row(board, i)->request == request)
            return board_row(board, i);
    return NULL;
}

/* A log tells scores: it is shown from when they are. */
static bool
log_is_open(const struct job *job, int64_t now)
{
    return job->embargo <= now;
}

static int
evaluation_load(const struct store *store, struct store_txn *txn, struct request_facts *facts,
                struct jb_arena *arena, struct jb_error *err)
{
    struct evaluation *e = &facts->evaluation;
    struct queue_log *log = jb_arena_alloc(arena, sizeof *log);
    const char *path;
    int rc =
        log ? queue_attempts_load(txn, facts->request->id, arena, &e->attempts, &e->n_attempts)
            : JB_ENOMEM;

    if (rc)
        return jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    e->now = jb_now_us();
    if (!e->n_attempts || !log_is_open(facts->job, e->now))
        return 0;
    rc = store_attempt_log(store, e->attempts[0].record.fence, arena, &path);
    if (e->attempts[0].live)
        store_attempt_watch(store, e->attempts[0].record.fence, arena);
    if (rc == 0)
        rc = queue_log_read(path, &e->attempts[0].record, QUEUE_LOG_TAIL, arena, err, log);
    if (rc == 0)
        e->log = log;
    return rc;
}

int
request_log_load(const struct store *store, const struct request_facts *facts, uint64_t fence,
                 uint64_t from, struct jb_arena *arena, struct jb_error *err,
                 struct queue_log *ret_log)
{
    const struct evaluation *e = &facts->evaluation;
    const char *path;
    size_t i = 0;

    while (i < e->n_attempts && fence && e->attempts[i].record.fence != fence)
        i++;
    if (i == e->n_attempts && !fence) {
        *ret_log = (struct queue_log){.ended = queue_state_ended(queue_state_of(
                                          facts->job->state, facts->request->status)),
                                      .text = JB_STR("")};
        return 0;
    }
    if (i == e->n_attempts)
        return jb_fail(err, JB_ENOENT, "there is no such attempt at request %llu",
                       (unsigned long long)facts->request->id);
    if (!log_is_open(facts->job, e->now))
        return jb_fail(err, JB_ENOENT, "the log is published with the result");
    if (e->attempts[i].live)
        store_attempt_watch(store, e->attempts[i].record.fence, arena);
    int rc = store_attempt_log(store, e->attempts[i].record.fence, arena, &path);
    return rc ? rc : queue_log_read(path, &e->attempts[i].record, from, arena, err, ret_log);
}

int
request_facts_load(const struct site *site, const struct store *store, struct store_txn *txn,
                   uint64_t id, struct jb_arena *arena, struct jb_error *err,
                   struct request_facts *ret_facts)
{
    struct request *request = jb_arena_alloc(arena, sizeof *request);
    struct job *job = jb_arena_alloc(arena, sizeof *job);
    bool hidden = false;

    if (!request || !job)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    int rc = queue_load(txn, id, arena, request, job);
    if (rc == 0)
        rc = is_hidden(txn, request->model, arena, &hidden);
    if (rc && rc != JB_ENOENT)
        return jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    if (rc || hidden || job->hidden)
        return jb_fail(err, JB_ENOENT, "there is no request %llu", (unsigned long long)id);
    struct request_facts facts = {.request = request, .job = job, .lists_time = site->made};
    /* The lists may be a moment older than the store. */
    facts.entry = queue_lists_find(site->lists, id);
    if (facts.entry && facts.entry->state != queue_state_of(job->state, request->status))
        facts.entry = NULL;
    facts.row = request_row(site->board, id);
    rc = evaluation_load(store, txn, &facts, arena, err);
    if (rc)
        return rc;
    *ret_facts = facts;
    return 0;
}

void
request_page_answer(struct handling *h, uint64_t id, const struct request_view *view,
                    int status)
{
    struct jb_buf page = JB_BUF(PAGE_MAX);
    struct request_facts facts;
    struct jb_error err = {0};
    struct store_txn *txn;

    if (!page_begin(h, &txn))
        return;
    int rc = request_facts_load(h->site, keeper_store(server_keeper(h->server)), txn, id,
                                h->request->arena, &err, &facts);
    store_abort(txn);
    if (rc == 0)
        rc = request_page_put(h->site->conf, h->site->board, &facts, view, page_lang(h), &page,
                              &err);
    page_answer(h, status, "no-store", &page, rc, &err);
}

void
submit_page_answer(struct handling *h, struct submit_form *form, int status)
{
    struct jb_buf page = JB_BUF(PAGE_MAX);
    unsigned char random[NONCE_BYTES];
    char nonce[2 * NONCE_BYTES + 1];
    struct jb_error err = {0};
    int rc = 0;

    /* One that cannot be used must not come back. */
    if (form->answer && strncmp(form->answer->code, "nonce_", 6) == 0)
        form->values.nonce = JB_STR("");
    if (!form->values.nonce.n) {
        rc = crypto_random(random, sizeof random);
        if (rc == 0)
            crypto_hex(random, sizeof random, nonce);
        form->values.nonce = rc ? JB_STR("") : jb_str(nonce);
    }
    if (rc == 0)
        rc = submit_page_put(h->site->conf, board_config_of(h->site->board), h->site->texts,
                             form, page_lang(h), &page, &err);
    form->values.nonce = JB_STR("");
    page_answer(h, status, "no-store", &page, rc, &err);
}
