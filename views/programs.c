/* SPDX-License-Identifier: Apache-2.0 */
#include "views/programs.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "views/request_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX ((size_t)1 << 30)

/* Encoded rows, one after the other, with `separator` between them. */
struct encoded {
    struct jb_buf bytes;
    size_t *begin, *end;
};

struct programs {
    struct board *board;
    struct encoded objects, lines;
};

static void
put_time(struct jb_json *j, const char *key, int64_t time)
{
    char text[JB_TIME_SIZE];

    if (!time) {
        jb_json_knull(j, key);
        return;
    }
    jb_time_format(time, 0, text);
    jb_json_ktext(j, key, text);
}

/* Sums and quotients of scores as people would write them, without the noise of the last bits.
 */
static double
exact(double d)
{
    return round(d * 1e10) / 1e10;
}

static void
put_likes(struct jb_json *j, double likes)
{
    jb_json_key(j, "hub_hearts");
    if (isnan(likes))
        jb_json_null(j);
    else
        jb_json_int(j, (int64_t)likes);
}

static void
put_evaluations(const struct board_config *config, const struct board_row *row,
                struct jb_json *j)
{
    const struct benchmark *benchmarks = config->benchmarks.items;

    jb_json_key(j, "evaluations");
    jb_json_object(j);
    for (size_t i = 0; i < config->benchmarks.n; i++) {
        if (isnan(row->scores[i]))
            continue;
        jb_json_key(j, benchmarks[i].key);
        jb_json_object(j);
        jb_json_ktext(j, "name", benchmarks[i].header);
        jb_json_kdouble(j, "value", exact(row->scores[i] / 100));
        jb_json_kdouble(j, "normalized_score", exact(row->scores[i]));
        jb_json_end(j);
    }
    jb_json_end(j);
}

/* What nobody told us is null; no provider is highlighted here. */
static void
put_object(const struct board_config *config, const struct board_row *row, struct jb_buf *out)
{
    const struct board_type *type = (const struct board_type *)config->types.items + row->type;
    struct jb_buf id = JB_BUF(4096);
    struct jb_json j;

    jb_buf_str(&id, row->model);
    jb_buf_putc(&id, '_');
    jb_buf_str(&id, row->revision);
    jb_buf_putc(&id, '_');
    jb_buf_str(&id, row->precision);
    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_kstr(&j, "id", jb_buf_view(&id));
    jb_json_key(&j, "model");
    jb_json_object(&j);
    jb_json_kstr(&j, "name", row->model);
    jb_json_kstr(&j, "sha", row->revision);
    jb_json_kstr(&j, "precision", row->precision);
    jb_json_ktext(&j, "type", type->label);
    jb_json_kstr(&j, "weight_type", row->weight_type);
    jb_json_kstr(&j, "architecture", row->architecture);
    jb_json_kdouble(&j, "average_score", exact(row->average));
    jb_json_knull(&j, "has_chat_template");
    jb_json_end(&j);
    put_evaluations(config, row, &j);
    jb_json_key(&j, "features");
    jb_json_object(&j);
    jb_json_kbool(&j, "is_not_available_on_hub", !row->available);
    jb_json_kbool(&j, "is_merged", row->merged);
    jb_json_kbool(&j, "is_moe", row->moe);
    jb_json_kbool(&j, "is_flagged", row->flagged);
    jb_json_kbool(&j, "is_highlighted_by_maintainer", false);
    jb_json_kbool(&j, "is_official_provider", false);
    jb_json_end(&j);
    jb_json_key(&j, "metadata");
    jb_json_object(&j);
    jb_json_knull(&j, "upload_date");
    put_time(&j, "submission_date", row->submitted);
    jb_json_knull(&j, "generation");
    jb_json_key(&j, "base_model");
    if (row->base_model.n)
        jb_json_str(&j, row->base_model);
    else
        jb_json_null(&j);
    jb_json_key(&j, "hub_license");
    if (row->license.n)
        jb_json_str(&j, row->license);
    else
        jb_json_null(&j);
    put_likes(&j, row->likes);
    jb_json_kdouble(&j, "params_billions", row->params);
    jb_json_knull(&j, "co2_cost");
    jb_json_end(&j);
    jb_json_end(&j);
    if (id.err && !out->err)
        out->err = id.err;
    jb_buf_free(&id);
}

static void
put_number(double value, struct jb_buf *out)
{
    char text[JB_DOUBLE_SIZE];

    if (!isnan(value))
        jb_buf_put(out, text, jb_format_double(value, text));
}

static void
put_truth(bool value, struct jb_buf *out)
{
    jb_buf_puts(out, value ? "true" : "false");
}

static void
put_csv_cell(const struct board_config *config, const struct board_row *row,
             const struct board_column *c, struct jb_buf *out)
{
    const struct board_type *type = (const struct board_type *)config->types.items + row->type;

    switch (c->field) {
    case FIELD_T: jb_put_csv(out, jb_str(type->icon)); break;
    case FIELD_MODEL:
    case FIELD_NAME: jb_put_csv(out, row->model); break;
    case FIELD_AVERAGE: put_number(exact(row->average), out); break;
    case FIELD_SCORE: put_number(exact(row->scores[c->benchmark]), out); break;
    case FIELD_TYPE: jb_put_csv(out, jb_str(type->label)); break;
    case FIELD_ARCHITECTURE: jb_put_csv(out, row->architecture); break;
    case FIELD_WEIGHT_TYPE: jb_put_csv(out, row->weight_type); break;
    case FIELD_PRECISION: jb_put_csv(out, row->precision); break;
    case FIELD_MERGED: put_truth(row->merged, out); break;
    case FIELD_LICENSE: jb_put_csv(out, row->license); break;
    case FIELD_PARAMS: put_number(row->params, out); break;
    case FIELD_LIKES:
        if (!isnan(row->likes))
            jb_buf_printf(out, "%.0f", row->likes);
        break;
    case FIELD_AVAILABLE: put_truth(row->available, out); break;
    case FIELD_SHA: jb_put_csv(out, row->revision); break;
    case FIELD_FLAGGED: put_truth(row->flagged, out); break;
    case FIELD_MOE: put_truth(row->moe, out); break;
    }
}

static void
put_csv_row(const struct board *board, const struct board_row *row, struct jb_buf *out)
{
    for (size_t i = 0; i < board_columns(board); i++) {
        if (i)
            jb_buf_putc(out, ',');
        put_csv_cell(board_config_of(board), row, board_column(board, i), out);
    }
    jb_buf_puts(out, "\r\n");
}

void
programs_put_header(const struct board *board, struct jb_buf *out)
{
    for (size_t i = 0; i < board_columns(board); i++) {
        const struct board_column *c = board_column(board, i);

        if (i)
            jb_buf_putc(out, ',');
        jb_put_csv(out, c->state == COLUMN_NAME ? JB_STR("fullname") : jb_str(c->header));
    }
    jb_buf_puts(out, "\r\n");
}

static int
encode(struct programs *p, struct encoded *e, bool csv)
{
    size_t n = board_rows(p->board);

    e->bytes = JB_BUF(ROWS_MAX);
    e->begin = calloc(n ? n : 1, sizeof(*e->begin));
    e->end = calloc(n ? n : 1, sizeof(*e->end));
    if (!e->begin || !e->end)
        return JB_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct board_row *row = board_row(p->board, i);

        if (!row->baseline && !csv && e->bytes.n)
            jb_buf_putc(&e->bytes, ',');
        e->begin[i] = e->bytes.n;
        if (!row->baseline && csv)
            put_csv_row(p->board, row, &e->bytes);
        else if (!row->baseline)
            put_object(board_config_of(p->board), row, &e->bytes);
        e->end[i] = e->bytes.n;
    }
    if (e->bytes.err)
        return e->bytes.err;
    char *fit = e->bytes.n ? realloc(e->bytes.p, e->bytes.n) : NULL;
    if (fit) /* the buffer doubles as it grows */
        e->bytes.p = fit;
    return 0;
}

int
programs_new(struct board *board, struct jb_error *err, struct programs **ret_programs)
{
    struct programs *p = calloc(1, sizeof(*p));
    int rc = p ? 0 : JB_ENOMEM;

    if (p) {
        p->board = board_ref(board);
        rc = encode(p, &p->objects, false);
    }
    if (rc == 0)
        rc = encode(p, &p->lines, true);
    if (rc) {
        programs_free(p);
        return jb_fail(err, rc, "the rows for programs cannot be made: %s", jb_strerror(rc));
    }
    *ret_programs = p;
    return 0;
}

static void
encoded_free(struct encoded *e)
{
    jb_buf_free(&e->bytes);
    free(e->begin);
    free(e->end);
}

void
programs_free(struct programs *p)
{
    if (!p)
        return;
    encoded_free(&p->objects);
    encoded_free(&p->lines);
    board_unref(p->board);
    free(p);
}

struct jb_str
programs_objects(const struct programs *p)
{
    return (struct jb_str){p->objects.bytes.p, p->objects.bytes.n};
}

struct jb_str
programs_lines(const struct programs *p)
{
    return (struct jb_str){p->lines.bytes.p, p->lines.bytes.n};
}

static struct jb_str
part(const struct encoded *e, size_t row)
{
    return (struct jb_str){e->bytes.p + e->begin[row], e->end[row] - e->begin[row]};
}

struct jb_str
programs_object(const struct programs *p, size_t row)
{
    return part(&p->objects, row);
}

struct jb_str
programs_line(const struct programs *p, size_t row)
{
    return part(&p->lines, row);
}

/* --- the queue -------------------------------------------------------------------------------
 */

static void
put_table(struct jb_json *j, const struct queue_lists *lists, enum queue_table table)
{
    size_t n = 0;
    const struct queue_entry *entries = queue_lists_table(lists, table, &n);

    jb_json_array(j);
    for (size_t i = 0; i < n; i++)
        request_json_put_entry(&entries[i], j);
    jb_json_end(j);
}

static const struct {
    const char *name;
    enum queue_table table;
} tables[] = {{"pending", QUEUE_TABLE_PENDING},
              {"evaluating", QUEUE_TABLE_RUNNING},
              {"finished", QUEUE_TABLE_FINISHED},
              {"failed", QUEUE_TABLE_FAILED},
              {"cancelled", QUEUE_TABLE_CANCELLED}};

void
programs_put_status(const struct queue_lists *lists, struct jb_buf *out)
{
    struct jb_json j;

    jb_json_init(&j, out);
    jb_json_object(&j);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        jb_json_key(&j, tables[i].name);
        put_table(&j, lists, tables[i].table);
    }
    jb_json_end(&j);
}

void
programs_put_pending(const struct queue_lists *lists, struct jb_buf *out)
{
    struct jb_json j;

    jb_json_init(&j, out);
    put_table(&j, lists, QUEUE_TABLE_PENDING);
}

struct of_model {
    const struct queue_entry *newest;
    int64_t now;
    const char *mount;
    struct jb_json *j;
};

static void
find_newest(void *ctx, const struct queue_entry *e)
{
    struct of_model *m = ctx;

    if (!m->newest || e->submitted > m->newest->submitted ||
        (e->submitted == m->newest->submitted && e->id > m->newest->id))
        m->newest = e;
}

static void
put_one(void *ctx, const struct queue_entry *e)
{
    struct of_model *m = ctx;

    request_json_put_long(e, m->now, m->mount, m->j);
}

bool
programs_put_model(const struct queue_lists *lists, struct jb_str model, int64_t now,
                   const char *mount, struct jb_buf *out)
{
    struct jb_json j;
    struct of_model m = {.now = now, .mount = mount, .j = &j};

    queue_lists_model(lists, model, find_newest, &m);
    if (!m.newest)
        return false;
    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_kstr(&j, "model_id", model);
    jb_json_kstr(&j, "status", m.newest->status);
    jb_json_kstr(&j, "revision", m.newest->revision);
    jb_json_kstr(&j, "precision", m.newest->precision);
    put_time(&j, "submission_time", m.newest->submitted);
    jb_json_key(&j, "requests");
    jb_json_array(&j);
    queue_lists_model(lists, model, put_one, &m);
    jb_json_end(&j);
    jb_json_end(&j);
    return true;
}
