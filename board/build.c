/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the store to rows. A result is shown when a finished request stands behind it: of the
 * same model and precision, and of its revision; a request for a branch ("main") stands behind
 * results of whatever commit the branch was then. Results of one row are merged benchmark by
 * benchmark, the latest run wins. A row that lacks a benchmark of the average has no average
 * and comes last, so that nobody gains by leaving one out.
 */
#include "base/clock.h"
#include "base/text.h"
#include "board/choices.h"
#include "board/snapshot.h"
#include "queue/state.h"
#include "store/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) (b->err = JB_ENOMEM)

enum { ARENA_MAX = 1 << 30 };

/* Something known by a name: alias, flag, blocked model, model information. */
struct named {
    const char *name;
    const char *text;
    bool own; /* said of this very id, not of a former one */
    struct model_info info;
    UT_hash_handle hh;
};

/* The finished requests of a model, newest first. */
struct candidate {
    struct request request;
    struct candidate *next;
};

struct candidates {
    const char *model;
    struct candidate *first;
    UT_hash_handle hh;
};

struct row {
    const char *key;
    struct board_row row;
    int64_t *times; /* of each score */
    UT_hash_handle hh;
};

struct build {
    struct board *board;
    struct store_txn *txn;
    int64_t now;
    struct jb_arena *scratch; /* lives as long as the building */
    struct named *aliases, *flags, *blocked, *models;
    struct candidates *requests;
    struct row *rows;
    int err;
};

static struct named *
find_named(struct named *map, const char *name)
{
    struct named *n = NULL;

    HASH_FIND_STR(map, name, n);
    return n;
}

/* Follows renames; a circle ends after a few steps. */
static const char *
present_name(struct build *b, const char *model)
{
    for (int i = 0; i < 8; i++) {
        const struct named *n = find_named(b->aliases, model);
        if (!n)
            break;
        model = n->text;
    }
    return model;
}

static struct named *
add_named(struct build *b, struct named **map, const char *name, const char *text)
{
    struct named *n = jb_arena_alloc(b->scratch, sizeof(*n));

    if (!n)
        return NULL;
    n->name = name;
    n->text = text;
    HASH_ADD_KEYPTR(hh, *map, n->name, strlen(n->name), n);
    return b->err ? NULL : n;
}

/* Files what is said of a model under its present id, so that a rename sheds neither a flag nor
 * a block. What is said of the present id itself goes before what is said of a former one.
 * `ret_named` is NULL when there is nothing to fill in. */
static int
file_named(struct build *b, struct named **map, const char *name, const char *text,
           struct named **ret_named)
{
    const char *present = present_name(b, name);
    bool own = strcmp(present, name) == 0;
    struct named *n = find_named(*map, present);

    *ret_named = NULL;
    if (n && !own)
        return 0;
    if (!n)
        n = add_named(b, map, present, text);
    if (!n)
        return JB_ENOMEM;
    n->text = text;
    n->own = own;
    *ret_named = n;
    return 0;
}

static int
each_alias(void *ctx, const char *name, const char *text)
{
    struct build *b = ctx;

    return add_named(b, &b->aliases, name, text) ? 0 : JB_ENOMEM;
}

static int
each_flag(void *ctx, const char *name, const char *text)
{
    struct build *b = ctx;
    struct named *n;

    return file_named(b, &b->flags, name, text, &n);
}

static int
each_blocked(void *ctx, const char *name, const char *text)
{
    struct build *b = ctx;
    struct named *n;

    return file_named(b, &b->blocked, name, text, &n);
}

static int
each_model(void *ctx, const struct model_info *model)
{
    struct build *b = ctx;
    struct named *n;
    int rc = file_named(b, &b->models, model->model, "", &n);

    if (rc || !n)
        return rc;
    n->info = *model;
    /* An id that is gone because it was changed says nothing of the present one. */
    if (!n->own)
        n->info.still_on_hub = true;
    return 0;
}

/* Deleted by a moderator, or not to be published yet. */
static int
is_withheld(struct build *b, uint64_t id, bool *ret_withheld)
{
    struct job job = {0};
    int rc = store_job_get(b->txn, id, b->scratch, &job);

    if (rc && rc != JB_ENOENT)
        return rc;
    *ret_withheld = job.hidden || job.embargo > b->now;
    return 0;
}

static int
each_request(void *ctx, const struct request *request)
{
    struct build *b = ctx;
    const char *model = present_name(b, request->model);
    struct candidates *list = NULL;

    if (queue_state_table(queue_state_from_status(request->status)) != QUEUE_TABLE_FINISHED)
        return 0;
    bool withheld;
    int rc = is_withheld(b, request->id, &withheld);
    if (rc || withheld)
        return rc;
    HASH_FIND_STR(b->requests, model, list);
    if (!list) {
        list = jb_arena_alloc(b->scratch, sizeof(*list));
        if (!list)
            return JB_ENOMEM;
        list->model = model;
        HASH_ADD_KEYPTR(hh, b->requests, list->model, strlen(list->model), list);
        if (b->err)
            return b->err;
    }
    struct candidate *c = jb_arena_alloc(b->scratch, sizeof(*c));
    if (!c)
        return JB_ENOMEM;
    c->request = *request;
    struct candidate **at = &list->first;
    while (*at && (*at)->request.submitted > request->submitted)
        at = &(*at)->next;
    c->next = *at;
    *at = c;
    return 0;
}

static bool
same_precision(const struct result *result, const struct request *request)
{
    return result->precision[0] == '\0' || strcmp(result->precision, request->precision) == 0;
}

/* The request behind a result, NULL if there is none. */
static const struct request *
request_behind(struct build *b, const char *model, const struct result *result)
{
    struct candidates *list = NULL;
    const struct request *branch = NULL;

    HASH_FIND_STR(b->requests, model, list);
    for (const struct candidate *c = list ? list->first : NULL; c; c = c->next) {
        const struct request *r = &c->request;
        if (!same_precision(result, r))
            continue;
        if (result->revision[0] == '\0' || strcmp(result->revision, r->revision) == 0 ||
            strcmp(result->revision, r->commit) == 0)
            return r;
        if (!branch && !jb_is_commit(jb_str(r->revision)))
            branch = r;
    }
    return branch;
}

static struct jb_str
keep(struct build *b, const char *text)
{
    size_t n = strlen(text);
    const char *copy = jb_arena_dup(b->board->arena, text, n);

    if (!copy)
        b->err = JB_ENOMEM;
    return (struct jb_str){copy, copy ? n : 0};
}

static bool
has_alias(const struct board_type *type, const char *text)
{
    for (size_t i = 0; i < type->aliases.n; i++)
        if (strstr(text, type->aliases.items[i]))
            return true;
    return false;
}

/* By an icon anywhere in the text, then by a whole label, then by the words and icons of the
 * past; the last type is "unknown". */
static int
type_of(const struct board_config *config, const char *text)
{
    const struct board_type *types = config->types.items;
    size_t n = config->types.n - 1;

    for (size_t i = 0; i < n; i++)
        if (strstr(text, types[i].icon))
            return (int)i;
    for (size_t i = 0; i < n; i++)
        if (strstr(text, types[i].label))
            return (int)i;
    for (size_t i = 0; i < n; i++)
        if (has_alias(&types[i], text))
            return (int)i;
    return (int)n;
}

static bool
has_tag(const struct model_info *info, const char *tag, const char *undisclosed)
{
    for (size_t i = 0; i < info->n_tags; i++)
        if (strcmp(info->tags[i], tag) == 0 || strcmp(info->tags[i], undisclosed) == 0)
            return true;
    return false;
}

static bool
has_prefix(const struct model_info *info, const char *prefix)
{
    for (size_t i = 0; i < info->n_tags; i++)
        if (strncmp(info->tags[i], prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

static void
add_model_facts(struct build *b, struct board_row *row, const char *model,
                const struct request *request)
{
    struct named *known = find_named(b->models, model);
    struct named *flag = find_named(b->flags, model);
    bool undisclosed = known && has_prefix(&known->info, "flagged:");

    /* The flag "merged" holds the discussion about merges that do not say what they are. */
    if (!flag && undisclosed)
        flag = find_named(b->flags, "merged");
    /* Older files hold licence and likes in the request; the dynamic file is newer. */
    row->likes = known && !isnan(known->info.likes) ? known->info.likes : request->likes;
    row->license =
        keep(b, known && known->info.license[0] ? known->info.license : request->license);
    row->available = known ? known->info.still_on_hub : !request->private_;
    row->merged = known && has_tag(&known->info, "merge", "flagged:undisclosed_merge");
    row->moe = known && has_tag(&known->info, "moe", "flagged:undisclosed_moe");
    row->flagged = flag || undisclosed;
    row->flag_url = keep(b, flag ? flag->text : "");
}

static struct row *
new_row(struct build *b, const char *key, const char *model, const char *revision,
        const struct request *request)
{
    size_t n = b->board->config->benchmarks.n;
    struct row *row = jb_arena_alloc(b->scratch, sizeof(*row));
    double *scores = jb_arena_array(b->board->arena, 2 * n, sizeof(*scores));

    if (!row || !scores)
        return NULL;
    row->times = jb_arena_array(b->scratch, n, sizeof(*row->times));
    if (!row->times)
        return NULL;
    for (size_t i = 0; i < 2 * n; i++)
        scores[i] = NAN;
    for (size_t i = 0; i < n; i++)
        row->times[i] = INT64_MIN;
    row->key = key;
    row->row = (struct board_row){
        .model = keep(b, model),
        .revision = keep(b, revision),
        .precision = keep(b, request->precision),
        .weight_type = keep(b, request->weight_type),
        .base_model = keep(b, request->base_model),
        .architecture = keep(b, request->architectures),
        .type = type_of(b->board->config, request->model_type),
        .params = request->params,
        .average = NAN,
        .scores = scores,
        .errors = scores + n,
        .submitted = request->submitted,
        .request = request->id,
    };
    add_model_facts(b, &row->row, model, request);
    HASH_ADD_KEYPTR(hh, b->rows, row->key, strlen(row->key), row);
    return b->err ? NULL : row;
}

static int
benchmark_index(const struct board_config *config, const char *key)
{
    const struct benchmark *benchmarks = config->benchmarks.items;

    for (size_t i = 0; i < config->benchmarks.n; i++)
        if (strcmp(benchmarks[i].key, key) == 0)
            return (int)i;
    return -1;
}

/* Results of benchmarks that another board has make no row of this one. */
static bool
has_score_of_board(const struct board_config *config, const struct result *result)
{
    for (size_t i = 0; i < result->n; i++)
        if (benchmark_index(config, result->scores[i].benchmark) >= 0)
            return true;
    return false;
}

static int
each_result(void *ctx, const struct result *result)
{
    struct build *b = ctx;
    const char *model = present_name(b, result->model);

    if (find_named(b->blocked, model) || !has_score_of_board(b->board->config, result))
        return 0;
    const struct request *request = request_behind(b, model, result);
    if (!request)
        return 0;
    const char *revision = result->revision[0]  ? result->revision
                           : request->commit[0] ? request->commit
                                                : request->revision;
    /* Names have no control characters. */
    const char *key =
        jb_arena_printf(b->scratch, "%s\n%s\n%s", model, revision, request->precision);
    if (!key)
        return JB_ENOMEM;
    struct row *row = NULL;
    HASH_FIND_STR(b->rows, key, row);
    if (!row)
        row = new_row(b, key, model, revision, request);
    if (!row)
        return JB_ENOMEM;
    for (size_t i = 0; i < result->n; i++) {
        int at = benchmark_index(b->board->config, result->scores[i].benchmark);
        if (at < 0 || result->time < row->times[at])
            continue;
        row->times[at] = result->time;
        ((double *)(uintptr_t)row->row.scores)[at] = result->scores[i].value;
        ((double *)(uintptr_t)row->row.errors)[at] = result->scores[i].error;
    }
    if (result->time > row->row.evaluated)
        row->row.evaluated = result->time;
    return b->err;
}

static double
average_of(const struct board_config *config, const double *scores)
{
    const struct benchmark *benchmarks = config->benchmarks.items;
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < config->benchmarks.n; i++) {
        if (!benchmarks[i].in_average)
            continue;
        /* NaN makes the sum NaN: no average without all of them. */
        sum += scores[i];
        n++;
    }
    return n ? sum / (double)n : NAN;
}

static int
add_baseline(struct build *b, struct board_row *row)
{
    const struct board_config *config = b->board->config;
    const struct benchmark *benchmarks = config->benchmarks.items;
    size_t n = config->benchmarks.n;
    double *scores = jb_arena_array(b->board->arena, 2 * n, sizeof(*scores));

    if (!scores)
        return JB_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        scores[i] = benchmarks[i].baseline;
        scores[n + i] = NAN;
    }
    *row = (struct board_row){
        .model = JB_STR("Baseline"),
        .revision = JB_STR("N/A"),
        .precision = JB_STR("None"),
        .weight_type = JB_STR(""),
        .base_model = JB_STR(""),
        .architecture = JB_STR(""),
        .license = JB_STR(""),
        .flag_url = JB_STR(""),
        .type = (int)config->types.n - 1,
        .params = NAN,
        .likes = NAN,
        .average = average_of(config, scores),
        .scores = scores,
        .errors = scores + n,
        .available = true,
        .baseline = true,
    };
    return 0;
}

static int
compare_text(struct jb_str a, struct jb_str b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int
compare_rows(const void *pa, const void *pb)
{
    const struct board_row *a = pa, *b = pb;

    if (isnan(a->average) != isnan(b->average))
        return isnan(a->average) ? 1 : -1;
    if (a->average < b->average || a->average > b->average)
        return a->average < b->average ? 1 : -1;
    int c = compare_text(a->model, b->model);
    if (c == 0)
        c = compare_text(a->revision, b->revision);
    return c ? c : compare_text(a->precision, b->precision);
}

static int
collect_rows(struct build *b)
{
    struct board *board = b->board;
    size_t n = HASH_COUNT(b->rows);
    struct board_row *rows = jb_arena_array(board->arena, n + 1, sizeof(*rows));
    struct row *row, *tmp;
    size_t at = 0;

    if (!rows)
        return JB_ENOMEM;
    HASH_ITER (hh, b->rows, row, tmp) {
        row->row.average = average_of(board->config, row->row.scores);
        rows[at++] = row->row;
    }
    if (board->config->baseline) {
        int rc = add_baseline(b, &rows[at]);
        if (rc)
            return rc;
        at++;
    }
    qsort(rows, at, sizeof(*rows), compare_rows);
    board->rows = rows;
    board->n_rows = at;
    return 0;
}

static int
walk_store(struct build *b, struct store_txn *txn)
{
    struct jb_arena *a = b->scratch;
    int rc = store_notes_each(txn, NOTE_ALIAS, a, each_alias, b);

    if (rc == 0)
        rc = store_notes_each(txn, NOTE_FLAG, a, each_flag, b);
    if (rc == 0)
        rc = store_notes_each(txn, NOTE_BLOCKED, a, each_blocked, b);
    if (rc == 0) /* deleted by a moderator */
        rc = store_notes_each(txn, NOTE_HIDDEN, a, each_blocked, b);
    if (rc == 0)
        rc = store_models_each(txn, a, false, each_model, b);
    if (rc == 0)
        rc = store_requests_each(txn, a, false, each_request, b);
    if (rc == 0)
        rc = store_results_each(txn, a, false, each_result, b);
    return rc;
}

int
board_build(struct store_txn *txn, const struct board_config *config, struct jb_error *err,
            struct board **ret_board)
{
    struct board *board = calloc(1, sizeof(*board));
    struct build b = {
        .board = board, .txn = txn, .now = jb_now_us(), .scratch = jb_arena_new(ARENA_MAX)};
    int rc = JB_ENOMEM;

    if (!board || !b.scratch)
        goto out;
    board->refs = 1;
    board->config = config;
    board->arena = jb_arena_new(ARENA_MAX);
    if (!board->arena)
        goto out;
    rc = walk_store(&b, txn);
    if (rc && store_txn_error(txn)) {
        jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
        goto out;
    }
    if (rc == 0)
        rc = collect_rows(&b);
    if (rc == 0)
        rc = board_make_columns(board);
    if (rc == 0)
        rc = board_make_indexes(board);
out:
    HASH_CLEAR(hh, b.aliases);
    HASH_CLEAR(hh, b.flags);
    HASH_CLEAR(hh, b.blocked);
    HASH_CLEAR(hh, b.models);
    HASH_CLEAR(hh, b.requests);
    HASH_CLEAR(hh, b.rows);
    jb_arena_free(b.scratch);
    if (rc) {
        jb_fail(err, rc, "the board cannot be made: %s", jb_strerror(rc));
        board_unref(board);
        return rc;
    }
    *ret_board = board;
    return 0;
}
