/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs see of submissions. */
#include "base/clock.h"
#include "base/text.h"
#include "fcgi/handlers.h"
#include "fcgi/queue_pages.h"
#include "fcgi/server.h"
#include "queue/publish.h"
#include "store/export.h"
#include "views/queue_page.h"
#include "views/request_json.h"

#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 16 << 20 };

/* --- pages -----------------------------------------------------------------------------------
 */

static void
answer_queue_view(struct handling *h, enum text_lang lang, const struct queue_view *view)
{
    const struct site *site = h->site;
    struct jb_buf page = JB_BUF(BODY_MAX);
    struct jb_error err = {0};
    int rc = queue_page_put(site->conf, board_config_of(site->board), site->lists, site->made,
                            lang, view, &page, &err);

    page_answer(h, 200, "no-cache", &page, rc, &err);
}

void
handle_queue(struct handling *h)
{
    static const enum site_ready ready[] = {READY_QUEUE_ZH, READY_QUEUE_EN, READY_QUEUE};
    enum text_lang lang = page_lang(h);
    struct jb_str table = {NULL, 0}, page = {NULL, 0};
    struct queue_view view;
    struct jb_error err = {0};

    web_request_query_value(h->request, "table", &table);
    web_request_query_value(h->request, "page", &page);
    int rc = queue_view_read(h->site->lists, table, page, &err, &view);
    if (rc)
        server_error(h, jb_error_status(rc), err.text);
    else if (view.table == QUEUE_TABLE_NONE)
        response_ready(h->response, h->request, &h->site->ready[ready[lang]]);
    else
        answer_queue_view(h, lang, &view);
}

void
handle_hosts(struct handling *h)
{
    static const enum site_ready ready[] = {READY_HOSTS_ZH, READY_HOSTS_EN, READY_HOSTS};

    response_ready(h->response, h->request, &h->site->ready[ready[page_lang(h)]]);
}

void
handle_submit_form(struct handling *h)
{
    struct submit_form form = {0};

    submit_page_answer(h, &form, 200);
}

void
handle_request(struct handling *h)
{
    struct jb_str manage = {NULL, 0};
    struct request_view view = {0};
    uint64_t id;

    if (!page_id(h, h->request->param[0], &id))
        return;
    view.manage =
        web_request_query_value(h->request, "manage", &manage) && jb_str_is(manage, "1");
    request_page_answer(h, id, &view, 200);
}

void
handle_feed_results(struct handling *h)
{
    response_ready(h->response, h->request, &h->site->ready[READY_FEED_RESULTS]);
}

void
handle_feed_status(struct handling *h)
{
    response_ready(h->response, h->request, &h->site->ready[READY_FEED_STATUS]);
}

/* --- for programs ----------------------------------------------------------------------------
 */

static void
answer_json(struct handling *h, struct jb_buf *body, int rc, const struct jb_error *err)
{
    if (rc == 0)
        rc = body->err;
    response_cors(h->response, h->request);
    if (rc) {
        jb_buf_free(body);
        response_json_error(h->response, jb_error_status(rc),
                            err->text[0] ? err->text : jb_strerror(rc));
        return;
    }
    response_header(h->response, "Cache-Control", "no-cache");
    response_header(h->response, "Vary", "Accept-Encoding");
    response_buf(h->response, 200, "application/json", body);
}

void
handle_api_request(struct handling *h)
{
    struct jb_buf body = JB_BUF(BODY_MAX);
    struct request_facts facts;
    struct jb_error err = {0};
    struct store_txn *txn;
    uint64_t id;

    if (!page_id(h, h->request->param[0], &id) || !page_begin(h, &txn))
        return;
    int rc = request_facts_load(h->site, keeper_store(server_keeper(h->server)), txn, id,
                                h->request->arena, &err, &facts);
    store_abort(txn);
    if (rc == 0)
        request_json_put(&facts, h->site->board, h->site->conf->site.mount, &body);
    answer_json(h, &body, rc, &err);
}

/* `attempt` and `from` of the query, and nothing else; what is not there stays. */
static int
read_log_query(struct jb_str query, struct jb_error *err, uint64_t *ret_fence,
               uint64_t *ret_from)
{
    while (query.n) {
        const char *amp = memchr(query.p, '&', query.n);
        struct jb_str item = {query.p, amp ? (size_t)(amp - query.p) : query.n};
        const char *equals = memchr(item.p, '=', item.n);
        size_t key = equals ? (size_t)(equals - item.p) : item.n,
               taken = item.n + (amp != NULL);
        struct jb_str name = {item.p, key}, value = {equals, 0};
        bool from = jb_str_is(name, "from");
        int64_t number;

        query = (struct jb_str){query.p + taken, query.n - taken};
        if (!item.n)
            continue;
        if (equals)
            value = (struct jb_str){equals + 1, item.n - key - 1};
        if (!from && !jb_str_is(name, "attempt"))
            return jb_fail(err, JB_EINVAL, "the parameters are attempt and from");
        if (!equals || jb_parse_int(value, 0, INT64_MAX, &number))
            return jb_fail(err, JB_EINVAL, "attempt and from are numbers");
        *(from ? ret_from : ret_fence) = (uint64_t)number;
    }
    return 0;
}

void
handle_api_request_log(struct handling *h)
{
    const struct store *store = keeper_store(server_keeper(h->server));
    struct jb_buf body = JB_BUF(BODY_MAX);
    struct request_facts facts;
    struct jb_error err = {0};
    struct store_txn *txn;
    struct queue_log log;
    uint64_t id, fence = 0, from = QUEUE_LOG_TAIL;

    int rc = read_log_query(h->request->query, &err, &fence, &from);

    if (rc) {
        answer_json(h, &body, rc, &err);
        return;
    }
    if (!page_id(h, h->request->param[0], &id) || !page_begin(h, &txn))
        return;
    rc = request_facts_load(h->site, store, txn, id, h->request->arena, &err, &facts);
    store_abort(txn);
    if (rc == 0)
        rc = request_log_load(store, &facts, fence, from, h->request->arena, &err, &log);
    if (rc == 0)
        request_json_put_log(id, &log, h->site->conf->site.mount, &body);
    answer_json(h, &body, rc, &err);
}

/* For a browser that saves it: the last part of its path. */
static void
put_file_name(struct handling *h, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct jb_buf value = JB_BUF(1 << 10);

    jb_buf_puts(&value, "attachment; filename=\"");
    for (; *name; name++)
        jb_buf_putc(&value, strchr("-._", *name) || (*name >= '0' && *name <= '9') ||
                                    ((*name | 32) >= 'a' && (*name | 32) <= 'z')
                                ? *name
                                : '_');
    jb_buf_putc(&value, '"');
    if (!value.err)
        response_header(h->response, "Content-Disposition", value.p);
    jb_buf_free(&value);
}

/* The file of the requests layout. */
void
handle_api_request_file(struct handling *h)
{
    struct jb_arena *arena = h->request->arena;
    struct jb_buf body = JB_BUF(BODY_MAX);
    struct request_facts facts;
    struct request request;
    struct export_name name = {.path = "request.json"};
    struct jb_error err = {0};
    struct store_txn *txn;
    uint64_t id;

    if (!page_id(h, h->request->param[0], &id) || !page_begin(h, &txn))
        return;
    int rc = request_facts_load(h->site, keeper_store(server_keeper(h->server)), txn, id, arena,
                                &err, &facts);
    if (rc == 0)
        rc = store_request_get(txn, id, arena, &request);
    if (rc == 0)
        rc = export_request_name(&request, arena, &name);
    if (rc == 0)
        rc = export_request_write(txn, &request, arena, &err, &body);
    store_abort(txn);
    if (rc == 0)
        put_file_name(h, name.path);
    answer_json(h, &body, rc, &err);
}

/* Of a result that may be known: its document. */
static int
read_result(struct store_txn *txn, uint64_t id, struct jb_arena *arena, struct jb_error *err,
            struct result *ret_result)
{
    struct queue_publish *publish = queue_publish_new(jb_now_us());
    int rc = publish ? store_result_get(txn, id, arena, ret_result) : JB_ENOMEM;

    if (rc == 0) {
        struct export_rule rule = queue_publish_rule(publish);
        int passes = rule.result(rule.ctx, txn, ret_result);
        rc = passes < 0 ? passes : passes && ret_result->doc.n ? 0 : JB_ENOENT;
    }
    queue_publish_free(publish);
    if (rc == JB_ENOENT)
        return jb_fail(err, rc, "there is no result %llu", (unsigned long long)id);
    return rc ? jb_fail(err, rc, "%s", store_txn_reason(txn)->text) : 0;
}

void
handle_api_result(struct handling *h)
{
    struct jb_buf body = JB_BUF(STORE_DOC_MAX + 1);
    struct result result;
    struct jb_error err = {0};
    struct store_txn *txn;
    uint64_t id;

    if (!page_id(h, h->request->param[0], &id) || !page_begin(h, &txn))
        return;
    int rc = read_result(txn, id, h->request->arena, &err, &result);
    store_abort(txn);
    if (rc == 0) {
        put_file_name(h, result.path);
        jb_buf_str(&body, result.doc);
    }
    answer_json(h, &body, rc, &err);
}
