/* SPDX-License-Identifier: Apache-2.0 */
/* The API for programs: copies of rows that were encoded with the snapshot. */
#include "base/json.h"
#include "fcgi/handlers.h"
#include "fcgi/openapi.h"
#include "fcgi/server.h"
#include "views/programs.h"

#include <string.h>

#define BODY_MAX ((size_t)256 << 20)
#define CSV_TYPE "text/csv; charset=utf-8"

/* What is asked for, as rows of the board. */
struct asked {
    const uint32_t *rows; /* the baseline's left out */
    size_t n;             /* from the offset on, at most the limit */
    size_t total;         /* that match */
    struct board_view view;
    struct board_page page;
};

static void
answer_ready(struct handling *h, enum site_ready which)
{
    response_cors(h->response, h->request);
    response_ready(h->response, h->request, &h->site->ready[which]);
}

/* Refuses keys that mean nothing; false when it answered. */
static bool
takes_no_query(struct handling *h)
{
    if (!h->request->query.n)
        return true;
    response_cors(h->response, h->request);
    response_json_error(h->response, 400, "this address takes no parameters");
    return false;
}

/* Reads the query and finds the rows; false when it answered with what is wrong. */
static bool
find_rows(struct handling *h, uint64_t limit, struct asked *a)
{
    const struct site *site = h->site;
    struct jb_arena *arena = h->request->arena;
    struct jb_error err = {0};
    uint32_t *kept;
    size_t n = 0, k = 0;

    a->page = (struct board_page){.limit = limit, .most = API_ROWS_MOST};
    int rc = board_view_parse_page(site->board, h->request->query, &site->limits, arena, &err,
                                   &a->view, &a->page);
    if (rc == 0)
        rc = site_rows(site, &a->view, arena, &err, &a->rows, &n);
    if (rc == 0) {
        kept = jb_arena_array(arena, n ? n : 1, sizeof(*kept));
        if (!kept)
            rc = JB_ENOMEM;
        for (size_t i = 0; i < n && rc == 0; i++)
            if (!board_row(site->board, a->rows[i])->baseline)
                kept[k++] = a->rows[i];
    }
    if (rc) {
        response_cors(h->response, h->request);
        response_json_error(h->response, jb_error_status(rc),
                            err.text[0] ? err.text : jb_strerror(rc));
        return false;
    }
    size_t from = a->page.offset < k ? (size_t)a->page.offset : k;
    a->total = k;
    a->rows = kept + from;
    a->n = k - from < a->page.limit ? k - from : (size_t)a->page.limit;
    return true;
}

/* How many there are, and where the next page is (RFC 8288). */
static void
put_page_headers(struct handling *h, const struct asked *a)
{
    struct jb_buf *head = &h->response->head;

    jb_buf_printf(head, "X-Total-Count: %zu\r\n", a->total);
    if (a->page.offset + a->n >= a->total || !a->n)
        return;
    struct jb_buf query = JB_BUF(64 << 10);
    board_view_put_page(h->site->board, &a->view, &query);
    jb_buf_printf(head,
                  "Link: <%s/api/leaderboard?%.*s%soffset=%zu&limit=%zu>; rel=\"next\"\r\n",
                  h->site->conf->site.mount, JB_STR_FMT(jb_buf_view(&query)),
                  query.n ? "&" : "", (size_t)a->page.offset + a->n, (size_t)a->page.limit);
    jb_buf_free(&query);
}

static void
answer_rows(struct handling *h, const char *type, struct jb_buf *body)
{
    response_cors(h->response, h->request);
    response_header(h->response, "Cache-Control", "no-cache");
    response_header(h->response, "Vary", "Accept-Encoding");
    response_buf(h->response, 200, type, body);
}

/* Rows as the table shows them, keyed by column. */
void
handle_api_leaderboard(struct handling *h)
{
    const struct board *board = h->site->board;
    struct jb_buf body = JB_BUF(BODY_MAX), keys[64] = {{0}};
    size_t columns = board_columns(board);
    struct asked a;

    if (!find_rows(h, API_ROWS, &a))
        return;
    for (size_t c = 0; c < columns && c < 64; c++) {
        const struct board_column *column = board_column(board, c);

        keys[c] = JB_BUF(4096);
        jb_put_json(&keys[c],
                    column->state == COLUMN_NAME ? JB_STR("fullname") : jb_str(column->header));
        jb_buf_putc(&keys[c], ':');
    }
    jb_buf_putc(&body, '[');
    for (size_t i = 0; i < a.n; i++) {
        jb_buf_puts(&body, i ? ",{" : "{");
        for (size_t c = 0; c < columns && c < 64; c++) {
            if (c)
                jb_buf_putc(&body, ',');
            jb_buf_str(&body, jb_buf_view(&keys[c]));
            jb_buf_str(&body, cells_json(h->site->cells, a.rows[i], c));
        }
        jb_buf_putc(&body, '}');
    }
    jb_buf_putc(&body, ']');
    for (size_t c = 0; c < columns && c < 64; c++)
        jb_buf_free(&keys[c]);
    put_page_headers(h, &a);
    answer_rows(h, "application/json", &body);
}

void
handle_api_formatted(struct handling *h)
{
    struct jb_buf body = JB_BUF(BODY_MAX);
    struct asked a;

    if (!h->request->query.n) {
        answer_ready(h, READY_API_FORMATTED);
        return;
    }
    if (!find_rows(h, UINT32_MAX, &a))
        return;
    jb_buf_putc(&body, '[');
    for (size_t i = 0; i < a.n; i++) {
        if (i)
            jb_buf_putc(&body, ',');
        jb_buf_str(&body, programs_object(h->site->programs, a.rows[i]));
    }
    jb_buf_putc(&body, ']');
    answer_rows(h, "application/json", &body);
}

void
handle_api_csv(struct handling *h)
{
    struct jb_buf body = JB_BUF(BODY_MAX);
    struct asked a;

    if (!h->request->query.n) {
        response_header(h->response, "Content-Disposition",
                        "attachment; filename=\"leaderboard.csv\"");
        answer_ready(h, READY_API_CSV);
        return;
    }
    if (!find_rows(h, UINT32_MAX, &a))
        return;
    programs_put_header(h->site->board, &body);
    for (size_t i = 0; i < a.n; i++)
        jb_buf_str(&body, programs_line(h->site->programs, a.rows[i]));
    response_header(h->response, "Content-Disposition",
                    "attachment; filename=\"leaderboard.csv\"");
    answer_rows(h, CSV_TYPE, &body);
}

void
handle_api_status(struct handling *h)
{
    if (takes_no_query(h))
        answer_ready(h, READY_API_STATUS);
}

void
handle_api_pending(struct handling *h)
{
    if (takes_no_query(h))
        answer_ready(h, READY_API_PENDING);
}

/* /api/models/<id>/status; an id has a slash in it, or none. */
void
handle_api_model(struct handling *h)
{
    static const char tail[] = "/status";
    struct jb_str id = h->request->param[0];
    struct jb_buf body = JB_BUF(16 << 20);
    size_t n = sizeof(tail) - 1;

    if (id.n <= n || memcmp(id.p + id.n - n, tail, n) != 0) {
        response_cors(h->response, h->request);
        response_json_error(h->response, 404, "Not Found");
        return;
    }
    if (!takes_no_query(h))
        return;
    id.n -= n;
    if (!programs_put_model(h->site->lists, id, h->site->made, h->site->conf->site.mount,
                            &body)) {
        jb_buf_free(&body);
        response_cors(h->response, h->request);
        response_json_error(h->response, 404, "no request for this model is known");
        return;
    }
    answer_rows(h, "application/json", &body);
}

void
handle_openapi(struct handling *h)
{
    answer_ready(h, READY_OPENAPI);
}
