/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a model, and the way from its former names. */
#include "base/clock.h"
#include "base/text.h"
#include "fcgi/handlers.h"
#include "fcgi/queue_pages.h"
#include "fcgi/server.h"
#include "queue/moderate.h"
#include "queue/publish.h"
#include "store/export.h"
#include "views/frame.h"
#include "views/model_page.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 16 << 20, NAMES_MAX = 64, RESULTS_MAX = 500 };

struct gathering {
    const struct site *site;
    struct store_txn *txn;
    struct jb_arena *arena;
    const char *model;
    struct export_rule rule;
    const char **former;
    size_t n_former;
    struct result *results;
    size_t n_results;
    const struct queue_entry **requests;
    size_t n_requests, requests_room;
};

static int
each_alias(void *ctx, const char *name, const char *text)
{
    struct gathering *g = ctx;

    if (strcmp(text, g->model) != 0 || strcmp(name, text) == 0)
        return 0;
    const char *copy = jb_arena_dup(g->arena, name, strlen(name));
    if (!copy)
        return JB_ENOMEM;
    g->former[g->n_former++] = copy;
    return g->n_former == NAMES_MAX;
}

static int
each_result(void *ctx, const struct result *result)
{
    struct gathering *g = ctx;
    int passes = g->rule.result(g->rule.ctx, g->txn, result);

    if (passes <= 0)
        return passes;
    g->results[g->n_results++] = *result;
    return g->n_results == RESULTS_MAX;
}

static void
each_request(void *ctx, const struct queue_entry *entry)
{
    struct gathering *g = ctx;

    if (g->n_requests < g->requests_room)
        g->requests[g->n_requests++] = entry;
}

static int
result_order(const void *pa, const void *pb)
{
    const struct result *a = pa, *b = pb;

    if (a->time != b->time)
        return a->time > b->time ? -1 : 1;
    return a->id > b->id ? -1 : a->id < b->id;
}

static int
request_order(const void *pa, const void *pb)
{
    const struct queue_entry *a = *(const struct queue_entry *const *)pa,
                             *b = *(const struct queue_entry *const *)pb;

    return a->id > b->id ? -1 : a->id < b->id;
}

/* Results and requests under every name that the model had. */
static int
gather_names(struct gathering *g)
{
    const struct queue_lists *lists = g->site->lists;

    g->former = jb_arena_array(g->arena, NAMES_MAX, sizeof *g->former);
    g->results = jb_arena_array(g->arena, RESULTS_MAX, sizeof *g->results);
    if (!g->former || !g->results)
        return JB_ENOMEM;
    int rc = store_notes_each(g->txn, NOTE_ALIAS, g->arena, each_alias, g);
    g->requests_room = queue_lists_model(lists, jb_str(g->model), NULL, NULL);
    for (size_t i = 0; i < g->n_former; i++)
        g->requests_room += queue_lists_model(lists, jb_str(g->former[i]), NULL, NULL);
    g->requests = jb_arena_array(g->arena, g->requests_room + 1, sizeof(g->requests[0]));
    if (!g->requests)
        return JB_ENOMEM;
    for (size_t i = 0; i <= g->n_former && rc >= 0; i++) {
        const char *name = i ? g->former[i - 1] : g->model;
        queue_lists_model(lists, jb_str(name), each_request, g);
        rc = store_model_results(g->txn, name, g->arena, false, each_result, g);
        if (g->n_results == RESULTS_MAX)
            break;
    }
    qsort(g->results, g->n_results, sizeof *g->results, result_order);
    qsort(g->requests, g->n_requests, sizeof(g->requests[0]), request_order);
    return rc < 0 ? rc : 0;
}

static int
gather_rows(struct gathering *g, struct model_facts *facts)
{
    const struct board *board = g->site->board;
    uint32_t *rows = jb_arena_array(g->arena, board_rows(board) + 1, sizeof *rows);

    if (!rows)
        return JB_ENOMEM;
    for (size_t i = 0; i < board_rows(board); i++) {
        const struct board_row *row = board_row(board, i);
        if (row->baseline || !jb_str_is(row->model, g->model))
            continue;
        rows[facts->n_rows++] = (uint32_t)i;
        if (row->flagged)
            facts->flag = row->flag_url.p ? row->flag_url.p : "";
        facts->gone = facts->gone || !row->available;
    }
    facts->rows = rows;
    return 0;
}

/* 0 with and without one. */
static int
note(struct gathering *g, enum store_note kind, const char **ret_text)
{
    int rc = store_note_get(g->txn, kind, g->model, g->arena, ret_text);

    if (rc == JB_ENOENT)
        *ret_text = NULL;
    return rc == JB_ENOENT ? 0 : rc;
}

static int
gather(struct gathering *g, struct jb_error *err, struct model_facts *facts)
{
    const char *flag = NULL, *blocked = NULL, *hidden = NULL;
    int rc;

    if ((rc = note(g, NOTE_FLAG, &flag)) || (rc = note(g, NOTE_BLOCKED, &blocked)) ||
        (rc = note(g, NOTE_HIDDEN, &hidden)) || (rc = gather_names(g)) ||
        (rc = gather_rows(g, facts)))
        return jb_fail(err, rc, "%s",
                       store_txn_error(g->txn) ? store_txn_reason(g->txn)->text
                                               : jb_strerror(rc));
    facts->model = jb_str(g->model);
    facts->flag = flag ? flag : facts->flag;
    facts->blocked = blocked != NULL;
    facts->former = g->former;
    facts->n_former = g->n_former;
    facts->requests = g->requests;
    facts->n_requests = g->n_requests;
    facts->results = g->results;
    facts->n_results = g->n_results;
    if (hidden || !model_facts_any(facts))
        return jb_fail(err, JB_ENOENT, "nothing is known of this model");
    return 0;
}

static void
redirect(struct handling *h, const char *model)
{
    struct jb_buf *head = &h->response->head;

    h->response->status = 301;
    jb_buf_puts(head, "Location: ");
    frame_put_base(h->site->conf, page_lang(h), head);
    jb_buf_puts(head, "/models/");
    jb_put_url_path(head, jb_str(model));
    jb_buf_puts(head, "\r\nCache-Control: no-cache\r\nContent-Length: 0\r\n");
}

void
handle_model(struct handling *h)
{
    struct jb_arena *arena = h->request->arena;
    struct jb_str param = h->request->param[0];
    struct gathering g = {.site = h->site, .arena = arena};
    struct model_facts facts = {0};
    struct jb_buf page = JB_BUF(PAGE_MAX);
    struct jb_error err = {0};
    struct queue_publish *publish = NULL;
    const char *asked = jb_arena_dup(arena, param.p, param.n);
    int rc = JB_ENOMEM;

    if (param.n > STORE_NAME_MAX) {
        server_error(h, 404, "nothing is known of this model");
        return;
    }
    if (!asked || !page_begin(h, &g.txn))
        return;
    publish = queue_publish_new(jb_now_us());
    if (publish) {
        g.rule = queue_publish_rule(publish);
        rc = queue_model_now(g.txn, asked, arena, &g.model);
    }
    bool moved = rc == 0 && strcmp(g.model, asked) != 0;
    if (rc == 0 && !moved)
        rc = gather(&g, &err, &facts);
    store_abort(g.txn);
    queue_publish_free(publish);
    if (moved) {
        redirect(h, g.model);
        return;
    }
    if (rc == 0)
        rc = model_page_put(h->site->conf, h->site->board, &facts, page_lang(h), &page, &err);
    page_answer(h, 200, "no-cache", &page, rc, &err);
}
