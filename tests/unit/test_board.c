/* SPDX-License-Identifier: Apache-2.0 */
/* A board made from a store, and its filters against a slow reference. */
#include <config.h>

#include "tests/unit/cmocka_all.h"

#include "base/text.h"
#include "board/board.h"
#include "board/choices.h"
#include "store/record.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODELS = 300 };

static char dir[] = "/tmp/jinbang-board.XXXXXX";
static struct jb_arena *arena;
static struct conf conf;
static struct board_config config;
static struct store *store;
static struct board *board;
static const struct board_limits limits = {64, 4096};

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void
put_request(struct store_txn *txn, const char *model, const char *revision,
            const char *precision, const char *status, const char *type, double params)
{
    struct request r = {.model = model,
                        .base_model = "",
                        .revision = revision,
                        .commit = "",
                        .precision = precision,
                        .weight_type = "Original",
                        .status = status,
                        .model_type = type,
                        .architectures = "LlamaForCausalLM",
                        .license = "",
                        .job_id = "",
                        .params = params,
                        .likes = NAN,
                        .submitted = 1700000000000000,
                        .path = ""};
    enum store_outcome outcome;

    assert_int_equal(store_request_put(txn, &r, &outcome), 0);
}

static void
put_result(struct store_txn *txn, const char *model, const char *revision,
           const char *precision, int64_t time, double base, size_t n)
{
    static const char *const keys[] = {"arc",        "hellaswag",  "mmlu",
                                       "truthfulqa", "winogrande", "gsm8k"};
    struct result_score scores[6];
    char path[300];
    enum store_outcome outcome;

    for (size_t i = 0; i < 6; i++)
        scores[i] = (struct result_score){keys[i], base + (double)i, NAN, 0};
    snprintf(path, sizeof(path), "%s/results_%s_%s_%lld.json", model, revision, precision,
             (long long)time);
    struct result r = {.model = model,
                       .revision = revision,
                       .precision = precision,
                       .time = time,
                       .dialect = "table",
                       .path = path,
                       .n = n,
                       .scores = scores};
    assert_int_equal(store_result_put(txn, &r, &outcome), 0);
}

static void
put_model(struct store_txn *txn, const char *model, const char *license, bool on_hub,
          const char *tag)
{
    const char *tags[] = {tag};
    struct model_info info = {.model = model,
                              .likes = 7,
                              .license = license,
                              .still_on_hub = on_hub,
                              .n_tags = tag ? 1 : 0,
                              .tags = tags};
    enum store_outcome outcome;

    assert_int_equal(store_model_put(txn, &info, &outcome), 0);
}

static const char *const types[] = {"🟢 : pretrained",
                                    "🔶 : fine-tuned on domain-specific datasets",
                                    "instruction-tuned", "🤝 : base merges and moerges", ""};
static const char *const precisions[] = {"float16", "bfloat16", "4bit", "int3"};
static const char *const orgs[] = {"Yi", "meta", "qwen", "Org"};
static const char *const licenses[] = {"apache-2.0", "MIT", "other", ""};

static void
fill(void)
{
    struct jb_error err = {0};
    struct store_txn *txn;
    char model[100], sha[41];

    assert_int_equal(store_begin(store, STORE_WRITE, "test", &err, &txn), 0);
    srand(5);
    for (int i = 0; i < MODELS; i++) {
        snprintf(model, sizeof(model), "%s/Model-%d-%cB", orgs[rand() % 4], i,
                 "137"[rand() % 3]);
        snprintf(sha, sizeof(sha), "%040x", i + 1);
        const char *precision = precisions[rand() % 4];
        put_request(txn, model, sha, precision, "FINISHED", types[rand() % 5],
                    rand() % 5 ? (rand() % 800) / 10.0 : 0);
        put_result(txn, model, sha, precision, 1000 + i, 10 + (rand() % 7000) / 100.0,
                   rand() % 20 ? 6 : 3);
        put_model(txn, model, licenses[rand() % 4], rand() % 6 != 0,
                  rand() % 8 == 0   ? "merge"
                  : rand() % 8 == 0 ? "moe"
                                    : NULL);
    }
    /* Special cases, known by name. */
    put_request(txn, "special/two", "main", "float16", "FINISHED", types[0], 7);
    put_result(txn, "special/two", "1111111111111111111111111111111111111111", "float16", 10, 1,
               6);
    put_result(txn, "special/two", "2222222222222222222222222222222222222222", "float16", 10, 2,
               6);
    put_request(txn, "special/later", "main", "float16", "FINISHED", types[0], 7);
    put_result(txn, "special/later", "", "float16", 20, 50, 1);
    put_result(txn, "special/later", "", "float16", 10, 40, 6);
    put_request(txn, "special/failed", "main", "float16", "FAILED", types[0], 7);
    put_result(txn, "special/failed", "", "float16", 20, 50, 6);
    put_result(txn, "special/no-request", "", "float16", 20, 50, 6);
    put_request(txn, "special/blocked", "main", "float16", "FINISHED", types[0], 7);
    put_result(txn, "special/blocked", "", "float16", 20, 50, 6);
    put_request(txn, "special/flagged", "main", "float16", "FINISHED", types[0], 7);
    put_result(txn, "special/flagged", "", "float16", 20, 50, 6);
    put_request(txn, "special/old-name", "main", "float16", "FINISHED", types[0], 7);
    put_result(txn, "special/old-name", "", "float16", 20, 50, 6);
    enum store_outcome outcome;
    store_note_put(txn, NOTE_BLOCKED, "special/blocked", "by its author", &outcome);
    store_note_put(txn, NOTE_FLAG, "special/flagged", "https://x.example/discussions/9",
                   &outcome);
    store_note_put(txn, NOTE_ALIAS, "special/old-name", "special/new-name", &outcome);
    assert_int_equal(store_commit(txn, &err), 0);
    assert_int_equal(store_begin(store, STORE_READ, NULL, &err, &txn), 0);
    assert_int_equal(board_build(txn, &config, &err, &board), 0);
    store_abort(txn);
}

static int
setup(void **state)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    char file[2000];
    const char *src = getenv("JB_SRCDIR");

    (void)state;
    arena = jb_arena_new(64 << 20);
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof(file),
             "store = { path = \"%s/store\"; map_size = \"256M\"; min_free = \"0\"; }; run = { "
             "dir = \"%s\"; };",
             dir, dir);
    assert_int_equal(
        settings_parse("t", file, strlen(file), conf_table, NULL, arena, &conf, &report), 0);
    snprintf(file, sizeof(file), "%s/contrib/boards/mini-leaderboard.conf", src ? src : ".");
    if (board_config_load(file, arena, &config, &report))
        fail_msg("%s", report.text.p);
    assert_int_equal(store_create(&conf, &err), 0);
    assert_int_equal(store_open(&conf, false, &err, &store), 0);
    fill();
    jb_buf_free(&report.text);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    board_unref(board);
    store_close(store);
    jb_arena_free(arena);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const struct board_row *
find(const char *model, size_t *ret_count)
{
    const struct board_row *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < board_rows(board); i++)
        if (jb_str_is(board_row(board, i)->model, model)) {
            found = board_row(board, i);
            n++;
        }
    if (ret_count)
        *ret_count = n;
    return found;
}

static void
rows_of_the_store(void **state)
{
    size_t n;

    (void)state;
    find("special/two", &n);
    assert_int_equal(n, 2); /* two revisions are two rows */
    const struct board_row *later = find("special/later", &n);
    assert_int_equal(n, 1);
    assert_true(later->scores[0] == 50 &&
                later->scores[1] == 41); /* the latest of each benchmark */
    assert_string_equal(jb_arena_dup(arena, later->revision.p, later->revision.n), "main");
    assert_null(find("special/failed", NULL));
    assert_null(find("special/no-request", NULL));
    assert_null(find("special/blocked", NULL));
    assert_null(find("special/old-name", NULL));
    assert_non_null(find("special/new-name", NULL));
    assert_true(find("special/flagged", NULL)->flagged);
    const struct board_row *baseline = find("Baseline", &n);
    assert_int_equal(n, 1);
    assert_true(baseline->baseline && !isnan(baseline->average));
}

static void
order_and_averages(void **state)
{
    bool seen_missing = false;

    (void)state;
    for (size_t i = 0; i < board_rows(board); i++) {
        const struct board_row *row = board_row(board, i);
        double sum = 0;
        bool missing = false;
        for (int k = 0; k < 6; k++) {
            missing = missing || isnan(row->scores[k]);
            sum += row->scores[k];
        }
        assert_true(missing == isnan(row->average)); /* never 0 for what is missing */
        if (!missing)
            assert_true(fabs(row->average - sum / 6) < 1e-9);
        if (missing)
            seen_missing = true;
        else
            assert_false(seen_missing);
        if (i && !missing)
            assert_true(board_row(board, i - 1)->average >= row->average);
    }
    assert_true(seen_missing);
}

static void
columns_of_the_frame(void **state)
{
    static const char *const headers[] = {"T",
                                          "Model",
                                          "Average ⬆️",
                                          "ARC",
                                          "HellaSwag",
                                          "MMLU",
                                          "TruthfulQA",
                                          "Winogrande",
                                          "GSM8K",
                                          "Type",
                                          "Architecture",
                                          "Weight type",
                                          "Precision",
                                          "Merged",
                                          "Hub License",
                                          "#Params (B)",
                                          "Hub ❤️",
                                          "Available on the hub",
                                          "Model sha",
                                          "Flagged",
                                          "MoE",
                                          "model_name_for_query"};

    (void)state;
    assert_int_equal(board_columns(board), sizeof(headers) / sizeof(headers[0]));
    for (size_t i = 0; i < board_columns(board); i++)
        assert_string_equal(board_column(board, i)->header, headers[i]);
    assert_int_equal(board_column_find(board, JB_STR("Hub ❤️")), 16);
    assert_int_equal(board_type_find(&config, JB_STR("? ")), 4);
    assert_int_equal(board_type_find(&config, JB_STR("🟢 pretrained")), 0);
    assert_int_equal(board_type_find(&config, JB_STR("nonsense")), -1);
}

/* The reference: one row and one part at a time, by the words of the header. */
static bool
contains_folded(struct jb_str text, const char *part)
{
    char folded[400];
    size_t n = jb_fold(text.p, text.n, folded);

    return memmem(folded, n, part, strlen(part)) != NULL;
}

static bool
reference_passes(const struct board_row *row, const struct board_query *q)
{
    int precision = board_precision_find(&config, row->precision);
    const struct board_size *sizes = config.sizes.items;
    bool size = row->baseline;

    if (!(q->types >> row->type & 1))
        return false;
    if (precision < 0)
        precision = (int)config.precisions.n;
    if (!row->baseline && !(q->precisions >> precision & 1))
        return false;
    for (size_t i = 0; i < config.sizes.n; i++)
        if ((q->sizes >> i & 1) && row->params > sizes[i].above && row->params <= sizes[i].to)
            size = true;
    return size && !((q->hide & HIDE_DELETED) && !row->available) &&
           !((q->hide & HIDE_MERGED) && row->merged) &&
           !((q->hide & HIDE_FLAGGED) && row->flagged) && !((q->hide & HIDE_MOE) && row->moe);
}

static size_t
reference(const struct board_query *q, char parts[][40], size_t n_parts, uint32_t *out)
{
    size_t n = 0, names = 0, with_license = 0;

    for (size_t p = 0; p < n_parts; p++)
        if (strncmp(parts[p], "license:", 8) == 0)
            with_license++;
        else if (parts[p][0])
            names++;
    for (size_t p = 0; p < (names ? n_parts : 1); p++) {
        for (uint32_t i = 0; i < board_rows(board); i++) {
            const struct board_row *row = board_row(board, i);
            bool license = with_license == 0, already = false;
            for (size_t k = 0; k < n_parts; k++)
                if (strncmp(parts[k], "license:", 8) == 0 &&
                    contains_folded(row->license, parts[k] + 8))
                    license = true;
            for (size_t k = 0; k < n; k++)
                already = already || out[k] == i;
            bool name = names == 0 ? (with_license > 0 || n_parts == 0)
                                   : (strncmp(parts[p], "license:", 8) != 0 && parts[p][0] &&
                                      contains_folded(row->model, parts[p]));
            if (name && license && !already && reference_passes(row, q))
                out[n++] = i;
        }
    }
    return n;
}

static void
filters_equal_the_reference(void **state)
{
    static const char *const words[] = {"yi",    "model-1", "special",        "7b",
                                        "qwen/", "nothing", "license:apache", "license:mit",
                                        "-",     ""};
    static uint32_t want[MODELS + 50];

    (void)state;
    srand(11);
    for (int round = 0; round < 4000; round++) {
        struct board_query q;
        char parts[4][40], text[400] = "";
        size_t n_parts = (size_t)(rand() % 4), n;
        const uint32_t *rows;
        struct jb_error err = {0};
        bool only_separators = n_parts > 0;
        board_query_default(board, &q);
        if (rand() % 2)
            q.types = (uint32_t)rand() & 31;
        if (rand() % 2)
            q.precisions = (uint32_t)rand() & 63;
        if (rand() % 2)
            q.sizes = (uint32_t)rand() & 255;
        q.hide = (unsigned)rand() & 15;
        for (size_t p = 0; p < n_parts; p++) {
            snprintf(parts[p], sizeof(parts[p]), "%s", words[rand() % 10]);
            only_separators = only_separators && !parts[p][0];
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s ", p ? ";" : "",
                     parts[p]);
        }
        if (n_parts == 1 && only_separators)
            n_parts = 0; /* blanks alone are no search */
        for (char *c = text; *c; c++)
            if (rand() % 3 == 0 && *c >= 'a' && *c <= 'z' && !strstr(text, "license"))
                *c -= 32;
        q.text = jb_str(text);
        jb_arena_reset(arena);
        assert_int_equal(board_filter(board, &q, &limits, arena, &err, &rows, &n), 0);
        size_t expected = n_parts && only_separators ? 0 : reference(&q, parts, n_parts, want);
        if (n != expected || (n && memcmp(rows, want, n * sizeof(*rows)) != 0))
            fail_msg("round %d, text '%s': %zu rows, want %zu", round, text, n, expected);
    }
}

static void
hostile_searches_are_bounded(void **state)
{
    struct board_query q;
    struct jb_error err = {0};
    const uint32_t *rows;
    size_t n, size = 200001;
    char *text = malloc(size);

    (void)state;
    board_query_default(board, &q);
    for (size_t i = 0; i + 1 < size; i += 2)
        memcpy(text + i, "m;", 2);
    q.text = (struct jb_str){text, size - 1};
    jb_arena_reset(arena);
    assert_int_equal(board_filter(board, &q, &limits, arena, &err, &rows, &n), 0);
    memset(text, '\0', size);
    q.text = (struct jb_str){text, size};
    assert_int_equal(board_filter(board, &q, &limits, arena, &err, &rows, &n), 0);
    assert_int_equal(n, 0);
    memset(text, 0xff, size);
    q.text = (struct jb_str){text, size};
    assert_int_equal(board_filter(board, &q, &limits, arena, &err, &rows, &n), 0);
    assert_int_equal(n, 0);
    q.text = JB_STR(".*");
    assert_int_equal(board_filter(board, &q, &limits, arena, &err, &rows, &n), 0);
    assert_int_equal(n, 0); /* literal, not a pattern */
    free(text);
}

static void
sorting(void **state)
{
    struct board_query q;
    struct jb_error err = {0};
    const uint32_t *found;
    size_t n;
    static uint32_t rows[MODELS + 50];

    (void)state;
    board_query_default(board, &q);
    q.hide = 0;
    jb_arena_reset(arena);
    assert_int_equal(board_filter(board, &q, &limits, arena, &err, &found, &n), 0);
    memcpy(rows, found, n * sizeof(*rows));
    for (int descending = 0; descending < 2; descending++) {
        board_sort(board, 3, descending, rows, n);
        for (size_t i = 1; i < n; i++) {
            double a = board_row(board, rows[i - 1])->scores[0],
                   b = board_row(board, rows[i])->scores[0];
            if (isnan(b))
                continue;
            assert_false(isnan(a)); /* missing last, whichever way */
            assert_true(descending ? a >= b : a <= b);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_the_store),
        cmocka_unit_test(order_and_averages),
        cmocka_unit_test(columns_of_the_frame),
        cmocka_unit_test(filters_equal_the_reference),
        cmocka_unit_test(hostile_searches_are_bounded),
        cmocka_unit_test(sorting),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
