/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/parts.h"

#include <stdlib.h>
#include <string.h>

#define BODY_MAX  ((size_t)1 << 30)
#define ARENA_MAX ((size_t)1 << 28)

/* Zh and en, in the words and the look of the Space's answers. */
static void
choose_columns(struct gradio_site *site)
{
    size_t n = board_columns(site->board);

    site->columns_all = n >= 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
    for (size_t i = 0; i < n; i++) {
        enum board_column_state state = board_column(site->board, i)->state;

        if (state == COLUMN_PINNED || state == COLUMN_NAME)
            site->columns_always |= (uint64_t)1 << i;
    }
}

static int
choose_rows(struct gradio_site *site, struct jb_error *err)
{
    static const struct board_limits limits = {1, 1};
    size_t n = board_rows(site->board), k = 0;
    uint32_t *all = jb_arena_array(site->arena, n ? n : 1, sizeof(*all));
    struct board_query query;

    if (!all)
        return jb_fail(err, JB_ENOMEM, "no memory for the rows");
    /* scrapers stop at the baseline, the one row that links to no model */
    for (int baseline = 0; baseline < 2; baseline++)
        for (size_t i = 0; i < n; i++)
            if (board_row(site->board, i)->baseline == (baseline == 1))
                all[k++] = (uint32_t)i;
    site->rows_all = all;
    site->n_all = n;
    board_query_default(site->board, &query);
    return board_filter(site->board, &query, &limits, site->arena, err, &site->rows_default,
                        &site->n_default);
}

/* `[frame]`, the answer of a function with one table. */
static int
make_frame(struct gradio_site *site, const uint32_t *rows, size_t n, uint64_t columns,
           struct jb_blob **ret_blob, struct jb_error *err)
{
    struct jb_buf b = JB_BUF(BODY_MAX);

    jb_buf_putc(&b, '[');
    cells_put_frame(site->cells, rows, n, columns, "model_name_for_query", &b);
    jb_buf_putc(&b, ']');
    *ret_blob = jb_blob_from_buf(&b);
    return *ret_blob ? 0 : jb_fail(err, JB_ENOMEM, "no memory for a table");
}

static int
make_answers(struct gradio_site *site, struct jb_error *err)
{
    int rc =
        make_frame(site, site->rows_all, site->n_all, site->columns_all, &site->predict, err);

    if (rc)
        return rc;
    return make_frame(site, site->rows_default, site->n_default,
                      site->columns_always | site->choices[CHOICES_COLUMNS].ticked,
                      &site->update_default, err);
}

int
gradio_site_new(const struct conf *conf, struct board *board, struct queue_lists *lists,
                const struct cells *cells, const struct texts *texts,
                const struct gradio_frontend *frontend, uint64_t app_id, struct jb_error *err,
                struct gradio_site **ret_site)
{
    struct gradio_site *site = calloc(1, sizeof(*site));
    int rc;

    if (!site)
        return jb_fail(err, JB_ENOMEM, "no memory for the site");
    site->arena = jb_arena_new(ARENA_MAX);
    site->board = board_ref(board);
    site->lists = queue_lists_ref(lists);
    site->cells = cells;
    site->app_id = app_id;
    site->show_error = conf->gradio.show_error;
    site->config = site->info = site->head = JB_BUF(BODY_MAX);
    site->tail = site->csp = JB_BUF(64 << 10);
    rc = site->arena ? 0 : jb_fail(err, JB_ENOMEM, "no memory for the site");
    if (!rc)
        rc = choices_make(board, site->arena, err, site->choices);
    if (!rc) {
        choose_columns(site);
        rc = choose_rows(site, err);
    }
    if (!rc)
        rc = make_answers(site, err);
    if (!rc)
        rc = config_put(site, conf, texts, &site->config, err);
    if (!rc)
        rc = info_put(site, &site->info, err);
    if (!rc)
        rc = page_make(site, conf, frontend, err);
    if (rc) {
        gradio_site_free(site);
        return rc;
    }
    *ret_site = site;
    return 0;
}

void
gradio_site_free(struct gradio_site *site)
{
    if (!site)
        return;
    jb_buf_free(&site->config);
    jb_buf_free(&site->info);
    jb_buf_free(&site->head);
    jb_buf_free(&site->tail);
    jb_buf_free(&site->csp);
    jb_blob_unref(site->predict);
    jb_blob_unref(site->update_default);
    board_unref(site->board);
    queue_lists_unref(site->lists);
    jb_arena_free(site->arena);
    free(site);
}

struct jb_str
gradio_site_config(const struct gradio_site *site)
{
    return jb_buf_view(&site->config);
}

struct jb_str
gradio_site_info(const struct gradio_site *site)
{
    return jb_buf_view(&site->info);
}

struct jb_str
gradio_site_page_head(const struct gradio_site *site)
{
    return jb_buf_view(&site->head);
}

struct jb_str
gradio_site_page_tail(const struct gradio_site *site)
{
    return jb_buf_view(&site->tail);
}

uint64_t
gradio_site_app_id(const struct gradio_site *site)
{
    return site->app_id;
}

const char *
gradio_site_csp(const struct gradio_site *site)
{
    return site->csp.p;
}
