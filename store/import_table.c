/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A published table back into what it was made of: for each row a request, a result document
 * and what the hub says of the model, so that everything after goes one way.
 */
#include "base/clock.h"
#include "base/text.h"
#include "store/document.h"
#include "store/import_results.h"
#include "store/import_run.h"
#include "store/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum column {
    COL_T,
    COL_MODEL,
    COL_NAME,
    COL_TYPE,
    COL_ARCHITECTURE,
    COL_WEIGHT,
    COL_PRECISION,
    COL_MERGED,
    COL_LICENSE,
    COL_PARAMS,
    COL_LIKES,
    COL_ON_HUB,
    COL_SHA,
    COL_FLAGGED,
    COL_MOE,
    COL_DATE,
    COL_MAX,
};

/* Headers as the boards wrote them over time, and the short names of a CSV archive of them. */
static const struct {
    const char *header;
    enum column column; /* COL_MAX: known, not needed */
} known[] = {
    {"T", COL_T},
    {"Model", COL_MODEL},
    {"model_name_for_query", COL_NAME},
    {"fullname", COL_NAME},
    {"Type", COL_TYPE},
    {"Architecture", COL_ARCHITECTURE},
    {"Weight type", COL_WEIGHT},
    {"weight_type", COL_WEIGHT},
    {"Precision", COL_PRECISION},
    {"Merged", COL_MERGED},
    {"Hub License", COL_LICENSE},
    {"hub_license", COL_LICENSE},
    {"#Params (B)", COL_PARAMS},
    {"params_b", COL_PARAMS},
    {"Hub ❤️", COL_LIKES},
    {"Hub ❤", COL_LIKES},
    {"hub_hearts", COL_LIKES},
    {"Available on the hub", COL_ON_HUB},
    {"available_on_the_hub", COL_ON_HUB},
    {"Model sha", COL_SHA},
    {"model_sha", COL_SHA},
    {"Flagged", COL_FLAGGED},
    {"MoE", COL_MOE},
    {"date", COL_DATE},
    {"Average ⬆️", COL_MAX},
    {"Average", COL_MAX},
    {"url", COL_MAX},
};

/* A row that was understood. */
struct row {
    size_t number; /* for people */
    struct request request;
    const struct cell *cells;
    int64_t time;
    bool flagged, first; /* first: of its model, with what the table says of the model */
    struct row *of_model;
    struct model_info info; /* of the first row */
    bool merged, moe;       /* in any row of the model */
    char *key;
    UT_hash_handle by_key, by_model;
};

struct importing {
    const char *file;
    const struct benchmark *benchmarks;
    size_t n_benchmarks;
    const struct import_table_options *options;
    const struct import_sink *sink;
    struct jb_arena *arena; /* of the table */
    struct table table;
    int at[COL_MAX];     /* column of the table, -1 none */
    const char **scores; /* by column of the table: name of the task, NULL no benchmark */
    size_t n;
    struct row *rows;
    struct row *by_key, *by_model;
    bool nomem;
};

#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) t->nomem = true

static bool
is_benchmark(const struct benchmark *b, const char *header)
{
    const struct benchmark_source *sources = b->sources.items;

    for (size_t i = 0; i < b->sources.n; i++) {
        if (sources[i].dialect != DIALECT_TABLE || !sources[i].tasks.n)
            continue;
        for (size_t j = 0; j < sources[i].tasks.n; j++)
            if (strcasecmp(sources[i].tasks.items[j], header) == 0)
                return true;
        return false;
    }
    return strcasecmp(b->header, header) == 0 || strcasecmp(b->key, header) == 0;
}

static int
know_columns(struct importing *t, struct jb_error *err)
{
    size_t found = 0;

    for (size_t i = 0; i < COL_MAX; i++)
        t->at[i] = -1;
    t->scores = jb_arena_array(t->arena, t->table.columns + 1, sizeof(*t->scores));
    if (!t->scores)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t c = 0; c < t->table.columns; c++) {
        const char *header = t->table.headers[c];
        bool is_known = false;

        for (size_t b = 0; b < t->n_benchmarks && !t->scores[c]; b++)
            if (is_benchmark(&t->benchmarks[b], header))
                t->scores[c] = header;
        if (t->scores[c]) {
            found++;
            continue;
        }
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !is_known; i++) {
            if (strcasecmp(known[i].header, header) != 0)
                continue;
            is_known = true;
            if (known[i].column == COL_MAX)
                break;
            if (t->at[known[i].column] >= 0)
                return jb_fail(err, JB_EUNPROC, "%s: two columns for %.60s", t->file, header);
            t->at[known[i].column] = (int)c;
        }
        if (!is_known)
            import_problem(t->sink, t->file, "column \"%.80s\" is not known and left out",
                           header);
    }
    if (t->at[COL_MODEL] < 0 && t->at[COL_NAME] < 0)
        return jb_fail(err, JB_EUNPROC, "%s: no column of models (Model, fullname)", t->file);
    if (!found)
        return jb_fail(err, JB_EUNPROC, "%s: no column is a benchmark of the board", t->file);
    return 0;
}

static const struct cell *
cell_at(const struct importing *t, const struct row *row, enum column column)
{
    static const struct cell none = {.kind = CELL_NONE, .text = ""};

    return t->at[column] < 0 ? &none : &row->cells[t->at[column]];
}

static const char *
cell_text(const struct importing *t, const struct row *row, enum column column)
{
    const struct cell *cell = cell_at(t, row, column);
    const char *text = cell->kind == CELL_TEXT ? cell->text : "";

    return strcmp(text, "?") == 0 || strcmp(text, "None") == 0 ? "" : text;
}

/* `🟢 : pretrained` of the icon and the label, which may begin with the icon itself. */
static const char *
model_type(const struct importing *t, const struct row *row)
{
    const char *icon = cell_text(t, row, COL_T), *label = cell_text(t, row, COL_TYPE);
    size_t n = strlen(icon);

    if (n && strncmp(label, icon, n) == 0)
        label += n;
    label += strspn(label, " :");
    if (!n || !*label)
        return *label ? label : icon;
    return jb_arena_printf(t->arena, "%s : %s", icon, label);
}

static int
read_request(struct importing *t, struct row *row, struct jb_error *err)
{
    struct request *r = &row->request;
    const char *date = cell_text(t, row, COL_DATE);
    double params = table_number(cell_at(t, row, COL_PARAMS));
    int rc;

    r->model = t->at[COL_NAME] >= 0 ? cell_text(t, row, COL_NAME)
                                    : table_link_text(cell_text(t, row, COL_MODEL), t->arena);
    r->revision = document_clean_text(cell_text(t, row, COL_SHA), t->arena);
    r->precision = document_clean_text(cell_text(t, row, COL_PRECISION), t->arena);
    r->weight_type = document_clean_text(cell_text(t, row, COL_WEIGHT), t->arena);
    r->architectures = document_clean_text(cell_text(t, row, COL_ARCHITECTURE), t->arena);
    r->model_type = model_type(t, row);
    if (r->model_type)
        r->model_type = document_clean_text(r->model_type, t->arena);
    if (!r->model || !r->revision || !r->precision || !r->weight_type || !r->architectures ||
        !r->model_type)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = document_model_check(r->model, err);
    if (rc)
        return rc;
    if (!r->revision[0])
        r->revision = "main";
    if (!r->weight_type[0])
        r->weight_type = "Original";
    if (strchr(r->precision, '/') || strchr(r->weight_type, '/'))
        return jb_fail(err, JB_EUNPROC, "precision or weight type with a slash");
    r->base_model = r->license = r->job_id = r->path = "";
    r->commit = jb_is_commit(jb_str(r->revision)) ? r->revision : "";
    r->status = "FINISHED";
    r->params = params >= 0 && isfinite(params) ? params : NAN;
    r->likes = NAN;
    if (*date && jb_time_parse(date, strlen(date), &r->submitted) != 0)
        return jb_fail(err, JB_EUNPROC, "date \"%.40s\" is no date", date);
    row->time = t->options->time ? t->options->time : r->submitted;
    return store_request_check(r, err);
}

/* What the table says of the model: the first row counts, tags are those of any row. */
static void
read_info(struct importing *t, struct row *row)
{
    struct row *first;
    double likes = table_number(cell_at(t, row, COL_LIKES));

    row->flagged = table_truth(cell_at(t, row, COL_FLAGGED), t->options->invert) == 1;
    HASH_FIND(by_model, t->by_model, row->request.model, strlen(row->request.model), first);
    if (!first) {
        row->first = true;
        row->info = (struct model_info){
            .model = row->request.model,
            .likes = likes >= 0 && likes < 1e15 ? likes : NAN,
            .license = document_clean_text(cell_text(t, row, COL_LICENSE), t->arena),
            .still_on_hub = table_truth(cell_at(t, row, COL_ON_HUB), false) != 0,
        };
        HASH_ADD_KEYPTR(by_model, t->by_model, row->request.model, strlen(row->request.model),
                        row);
        first = row;
    }
    first->merged |= table_truth(cell_at(t, row, COL_MERGED), t->options->invert) == 1;
    first->moe |= table_truth(cell_at(t, row, COL_MOE), t->options->invert) == 1;
}

static bool
is_baseline(const char *model)
{
    return strcasecmp(model, "baseline") == 0 || strcasecmp(model, "human_baseline") == 0 ||
           strcasecmp(model, "human performance") == 0;
}

static int
read_rows(struct importing *t, struct jb_error *err, size_t *ret_broken)
{
    t->rows = jb_arena_array(t->arena, t->table.rows + 1, sizeof(*t->rows));
    if (!t->rows)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t i = 0; i < t->table.rows; i++) {
        struct row *row = &t->rows[t->n], *twin = NULL;
        struct jb_error why = {0};
        int rc;

        memset(row, 0, sizeof(*row));
        row->number = t->table.first_line + i;
        row->cells = &t->table.cells[i * t->table.columns];
        rc = read_request(t, row, &why);
        if (rc == JB_ENOMEM)
            return jb_fail(err, rc, "out of memory");
        if (row->request.model && is_baseline(row->request.model))
            continue;
        if (!rc) {
            row->key = jb_arena_printf(t->arena, "%s\n%s\n%s\n%s", row->request.model,
                                       row->request.revision, row->request.precision,
                                       row->request.weight_type);
            if (!row->key)
                return jb_fail(err, JB_ENOMEM, "out of memory");
            HASH_FIND(by_key, t->by_key, row->key, strlen(row->key), twin);
        }
        if (rc || twin) {
            if (twin)
                jb_fail(&why, JB_ECONFLICT,
                        "%s: the same model, revision, precision and weight type as row %zu",
                        row->request.model, twin->number);
            import_problem(t->sink, t->file, "row %zu: %s", row->number, why.text);
            ++*ret_broken;
            continue;
        }
        HASH_ADD_KEYPTR(by_key, t->by_key, row->key, strlen(row->key), row);
        read_info(t, row);
        if (t->nomem)
            return jb_fail(err, JB_ENOMEM, "out of memory");
        t->n++;
    }
    return 0;
}

/* The row as a result document of the table dialect. */
static int
write_result(const struct importing *t, const struct row *row, const char *where,
             struct jb_buf *out)
{
    const struct request *r = &row->request;
    char time[JB_TIME_SIZE];
    bool first = true;

    jb_buf_puts(out, "{\"jinbang\": {\"dialect\": \"table\", \"version\": 1}, "
                     "\"config_general\": {\"model_name\": ");
    document_put_string(out, r->model, true);
    jb_buf_puts(out, ", \"model_sha\": ");
    document_put_string(out, strcmp(r->revision, "main") == 0 ? "" : r->revision, true);
    jb_buf_puts(out, ", \"model_dtype\": ");
    document_put_string(out, r->precision, true);
    jb_buf_puts(out, ", \"evaluated_time\": ");
    if (row->time) {
        jb_time_format(row->time, row->time % 1000000 != 0, time);
        document_put_string(out, time, true);
    } else {
        jb_buf_puts(out, "null");
    }
    jb_buf_puts(out, "}, \"results\": {");
    for (size_t c = 0; c < t->table.columns; c++) {
        double value = table_number(&row->cells[c]);
        char digits[JB_DOUBLE_SIZE];

        if (!t->scores[c] || row->cells[c].kind == CELL_NONE)
            continue;
        if (!isfinite(value)) {
            import_problem(t->sink, where, "no score for %s: not a number", t->scores[c]);
            continue;
        }
        if (!first)
            jb_buf_puts(out, ", ");
        first = false;
        document_put_string(out, t->scores[c], true);
        jb_format_double(value, digits);
        jb_buf_printf(out, ": {\"score\": %s}", digits);
    }
    jb_buf_puts(out, "}}");
    return out->err;
}

/* results_<time>_<precision>_<12 of the revision>.json: rows of one model have the same time.
 */
static char *
result_path(const struct row *row, struct jb_arena *arena)
{
    const struct request *r = &row->request;
    char time[JB_TIME_SIZE], revision[13];

    snprintf(revision, sizeof(revision), "%s", r->revision);
    for (char *p = revision; *p; p++)
        if (*p == '/' || (unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
            *p = '-';
    jb_time_format(row->time, row->time % 1000000 != 0, time);
    time[strcspn(time, "Z")] = '\0';
    for (char *p = time; *p; p++)
        if (*p == ':')
            *p = '-';
    return jb_arena_printf(
        arena, "%s/results_%s_%s_%s_%s.json", r->model, row->time ? time : "table",
        r->precision[0] ? r->precision : "unknown", r->weight_type, revision);
}

struct record {
    struct row *row;
    struct result result;
    bool has_result;
};

static int
read_record(void *ctx, size_t i, struct jb_arena *arena, struct jb_error *err,
            const char **ret_path, void **ret_record)
{
    struct importing *t = ctx;
    struct row *row = &t->rows[i];
    struct record *record = jb_arena_alloc(arena, sizeof(*record));
    struct jb_buf doc = JB_BUF(1 << 20);
    const char *path = result_path(row, arena), *bytes;
    int rc;

    *ret_path =
        jb_arena_printf(arena, "%s: row %zu: %s", t->file, row->number, row->request.model);
    if (!record || !path || !*ret_path) {
        *ret_path = t->file;
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    record->row = row;
    rc = write_result(t, row, *ret_path, &doc);
    bytes = rc ? NULL : jb_arena_dup(arena, doc.p, doc.n);
    if (!bytes) {
        jb_buf_free(&doc);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    rc = import_result_make((struct jb_str){bytes, doc.n}, path, t->benchmarks, t->n_benchmarks,
                            t->sink, arena, err, &record->result);
    jb_buf_free(&doc);
    if (rc == JB_EUNPROC) {
        /* a row without any score: the request alone is kept */
        import_problem(t->sink, *ret_path, "no scores");
        jb_error_clear(err);
        rc = 0;
    } else {
        record->has_result = !rc;
    }
    if (!rc)
        *ret_record = record;
    return rc;
}

/* What the hub says, with the columns that the table has put over what is stored. */
static int
put_info(struct importing *t, struct store_txn *txn, const struct row *row,
         struct jb_arena *arena, enum store_outcome *ret_outcome)
{
    struct model_info info = {
        .model = row->request.model, .likes = NAN, .license = "", .still_on_hub = true};
    const char **tags;
    size_t n = 0;
    int rc;

    if (t->at[COL_LIKES] < 0 && t->at[COL_LICENSE] < 0 && t->at[COL_ON_HUB] < 0 &&
        t->at[COL_MERGED] < 0 && t->at[COL_MOE] < 0)
        return 0;
    rc = store_model_get(txn, info.model, arena, &info);
    if (rc && rc != JB_ENOENT)
        return rc;
    tags = jb_arena_array(arena, info.n_tags + 2, sizeof(*tags));
    if (!tags)
        return JB_ENOMEM;
    if (row->merged)
        tags[n++] = "merge";
    if (row->moe)
        tags[n++] = "moe";
    for (size_t i = 0; i < info.n_tags; i++)
        if (!(t->at[COL_MERGED] >= 0 && strcmp(info.tags[i], "merge") == 0) &&
            !(t->at[COL_MOE] >= 0 && strcmp(info.tags[i], "moe") == 0))
            tags[n++] = info.tags[i];
    info.tags = tags;
    info.n_tags = n;
    if (t->at[COL_LIKES] >= 0 && !isnan(row->info.likes))
        info.likes = row->info.likes;
    if (t->at[COL_LICENSE] >= 0)
        info.license = row->info.license ? row->info.license : "";
    if (t->at[COL_ON_HUB] >= 0)
        info.still_on_hub = row->info.still_on_hub;
    info.doc = (struct jb_str){NULL, 0}; /* keeps what is stored; an export splices */
    return store_model_put(txn, &info, ret_outcome);
}

static int
put_record(void *ctx, struct store_txn *txn, void *item, struct jb_arena *arena,
           struct jb_error *err, enum store_outcome *ret_outcome)
{
    struct importing *t = ctx;
    struct record *record = item;
    struct request request = record->row->request, stored;
    enum store_outcome done[4] = {STORE_SAME, STORE_SAME, STORE_SAME, STORE_SAME};
    const char *text;
    int rc;

    (void)err;
    rc = store_request_find(txn, request.model, request.revision, request.precision,
                            request.weight_type, arena, &stored);
    /* a request that came as a document says more than a row of a table */
    if (rc == JB_ENOENT || (rc == 0 && !stored.doc.n)) {
        if (rc == 0)
            request.path = stored.path;
        rc = store_request_put(txn, &request, &done[0]);
    }
    if (!rc && record->has_result)
        rc = store_result_put(txn, &record->result, &done[1]);
    if (!rc && record->row->first)
        rc = put_info(t, txn, record->row, arena, &done[2]);
    if (!rc && record->row->flagged) {
        rc = store_note_get(txn, NOTE_FLAG, request.model, arena, &text);
        if (rc == JB_ENOENT)
            rc = store_note_put(txn, NOTE_FLAG, request.model, "", &done[3]);
    }
    *ret_outcome = STORE_SAME;
    for (size_t i = 0; i < 4; i++)
        if (done[i] != STORE_SAME)
            *ret_outcome = STORE_CHANGED;
    if (done[0] == STORE_NEW || done[1] == STORE_NEW)
        *ret_outcome = STORE_NEW;
    return rc;
}

static int
read_file(struct importing *t, struct jb_error *err)
{
    size_t n = strlen(t->file);
    struct jb_str bytes;
    int rc;

    rc = import_file_read(NULL, t->file, TABLE_BYTES, t->arena, err, &bytes);
    if (!rc && n > 4 && strcasecmp(t->file + n - 4, ".csv") == 0)
        rc = table_read_csv(bytes, t->arena, err, &t->table);
    else if (!rc && n > 5 && strcasecmp(t->file + n - 5, ".json") == 0)
        rc = table_read_json(bytes, t->arena, err, &t->table);
    else if (!rc)
        rc = jb_fail(err, JB_EINVAL, "a table is a .csv or a .json file");
    if (rc)
        jb_error_prefix(err, "%s", t->file);
    return rc;
}

int
import_table(struct store *store, const char *file, const struct benchmark *benchmarks,
             size_t n, const struct import_table_options *options, const char *actor,
             const struct import_sink *sink, struct jb_error *err,
             struct import_counts *ret_counts)
{
    struct importing t = {.file = file,
                          .benchmarks = benchmarks,
                          .n_benchmarks = n,
                          .options = options,
                          .sink = sink};
    struct import_work work = {.store = store,
                               .actor = actor,
                               .sink = sink,
                               .ctx = &t,
                               .read = read_record,
                               .put = put_record};
    size_t broken = 0;
    int rc;

    t.arena = jb_arena_new((size_t)1 << 30);
    if (!t.arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = read_file(&t, err);
    if (!rc)
        rc = know_columns(&t, err);
    if (!rc)
        rc = read_rows(&t, err, &broken);
    if (!rc) {
        work.n = t.n;
        rc = import_work_run(&work, err, ret_counts);
        ret_counts->files += broken;
        ret_counts->broken += broken;
    }
    HASH_CLEAR(by_key, t.by_key);
    HASH_CLEAR(by_model, t.by_model);
    jb_arena_free(t.arena);
    return rc;
}
