/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters, searches and orders against a reference that is written the plainest way and shares
 * nothing with the board but its rows: it folds ASCII by itself, looks choices up by their
 * labels, and goes row by row. Search texts are made of pieces of the names there are, so that
 * they hit, and of what may break a search through all names at once.
 */
#include "board_help.h"

enum { MODELS = 400, QUERIES = 6000, TEXT_MAX_BYTES = 600 };

static const struct board_limits wide = {1000, 1 << 20};

/* A generator of its own, so that a failure can be repeated anywhere. */
static uint64_t seed;

static unsigned
any(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static const char *const orgs[] = {"Yi", "meta-LLAMA",   "Qwen",  "a",
                                   "aa", "baichuan.inc", "01-ai", "license-free"};
static const char *const words[] = {"Chat",          "7B", "a", "aa", "aaa",
                                    "Instruct_v0.2", "hf", "-x"};
static const char *const licenses[] = {"apache-2.0", "MIT", "llama2",
                                       "other",      "",    "cc-by-nc-4.0, Other"};
static const char *const types[] = {"🟢 : pretrained", "🔶", "💬", "merged", "", "?"};
static const char *const precisions[] = {"float16", "bfloat16", "8bit", "4bit",
                                         "GPTQ",    "float32",  "None"};
static const double params[] = {NAN, -1, 0,  0.5, 1.5, 2,  2.001, 4,    7.24,
                                9,   13, 20, 45,  70,  71, 10000, 10001};
static const char *const tags[] = {"merge", "moe", "flagged:undisclosed_merge",
                                   "flagged:undisclosed_moe", "text"};

static int
filter_setup(void **state)
{
    struct boarding *b;
    char model[96];

    boarding_setup((void **)&b);
    seed = 20240501;
    for (int i = 0; i < MODELS; i++) {
        snprintf(model, sizeof model, "%s/%s-%s%d", orgs[any(8)], words[any(8)], words[any(8)],
                 i);
        struct request r = finished(model, any(3) ? SHA_A : SHA_B, precisions[any(7)]);
        r.model_type = types[any(6)];
        r.params = params[any(sizeof params / sizeof params[0])];
        put_request(b, r);
        put_flat(b, model, r.revision, r.precision, 1, any(40));
        if (any(5))
            put_info(b, model, any(9), licenses[any(6)], any(6) != 0,
                     any(2) ? tags[any(5)] : NULL, NULL);
    }
    boarding_build(b);
    assert_int_equal(board_rows(b->board), MODELS + 1);
    *state = b;
    return 0;
}

/* Strings in a form to compare: ASCII in lower case, ended by NUL. */
static void
lower(struct jb_str s, char *out)
{
    for (size_t i = 0; i < s.n; i++)
        out[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] - 'A' + 'a' : s.p[i]);
    out[s.n] = '\0';
}

static bool
row_passes(const struct boarding *b, const struct board_row *row, const struct board_query *q)
{
    const struct board_size *sizes = b->config.sizes.items;
    const char *const *known = b->config.precisions.items;
    size_t n = b->config.precisions.n, i = 0;

    if (!(q->types & 1u << row->type))
        return false;
    if (!jb_str_is(row->precision, "None")) {
        while (i < n && !jb_str_is(row->precision, known[i]))
            i++;
        if (!(q->precisions & 1u << i))
            return false;
    }
    bool size = row->baseline;
    for (i = 0; i < b->config.sizes.n; i++)
        if (q->sizes & 1u << i && row->params > sizes[i].above && row->params <= sizes[i].to)
            size = true;
    if ((q->hide & HIDE_DELETED && !row->available) || (q->hide & HIDE_MERGED && row->merged) ||
        (q->hide & HIDE_FLAGGED && row->flagged) || (q->hide & HIDE_MOE && row->moe))
        return false;
    return size;
}

struct reference {
    uint32_t rows[MODELS + 1];
    size_t n;
};

static void
take(struct reference *ref, uint32_t row)
{
    for (size_t i = 0; i < ref->n; i++)
        if (ref->rows[i] == row)
            return;
    ref->rows[ref->n++] = row;
}

/* Splits `text` in place; blanks around a part are cut off. */
static size_t
split_parts(char *text, const char **parts)
{
    size_t n = 0;

    for (char *p = text, *next; p; p = next) {
        next = strchr(p, ';');
        if (next)
            *next++ = '\0';
        p += strspn(p, " \t\r\n");
        size_t len = strlen(p);
        while (len && strchr(" \t\r\n", p[len - 1]))
            p[--len] = '\0';
        if (len)
            parts[n++] = p;
    }
    return n;
}

static void
search(const struct boarding *b, const struct board_query *q, struct reference *ret)
{
    static char text[TEXT_MAX_BYTES + 1], name[256], license[256];
    static const char *parts[TEXT_MAX_BYTES + 1], *want[TEXT_MAX_BYTES + 1];
    size_t n_want = 0, n_names = 0;

    ret->n = 0;
    lower(q->text, text);
    bool all = text[strspn(text, " \t\r\n")] == '\0';
    size_t n = split_parts(text, parts);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(parts[i], "license", 7) != 0) {
            parts[n_names++] = parts[i];
            continue;
        }
        const char *rest = parts[i] + 7;
        rest += strspn(rest, " \t\r\n");
        if (*rest == ':')
            rest++;
        want[n_want++] = rest + strspn(rest, " \t\r\n");
    }
    /* Without a name to look for, one round that takes what the licences leave. */
    for (size_t part = 0; part < (n_names ? n_names : all || n_want); part++)
        for (uint32_t i = 0; i < board_rows(b->board); i++) {
            const struct board_row *row = board_row(b->board, i);
            bool licensed = n_want == 0;
            lower(row->license, license);
            lower(row->model, name);
            for (size_t k = 0; k < n_want; k++)
                licensed = licensed || strstr(license, want[k]);
            if (row_passes(b, row, q) && licensed && (!n_names || strstr(name, parts[part])))
                take(ret, i);
        }
}

/* A piece of a name, in any case; now and then one that reaches over a name's end. */
static void
put_piece(const struct boarding *b, struct jb_buf *text)
{
    const struct board_row *row = board_row(b->board, any((unsigned)board_rows(b->board)));
    size_t from = any((unsigned)row->model.n), n = 1 + any(any(2) ? 3 : 12);

    for (size_t i = from; i < row->model.n && i < from + n; i++) {
        char c = row->model.p[i];
        jb_buf_putc(text, (char)(any(2) && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
    }
    if (any(12) == 0)
        jb_buf_puts(text, "a");
}

static void
put_text(const struct boarding *b, struct jb_buf *text)
{
    static const char *const odd[] = {";",  ";;",       " ",        "\t",       "license",
                                      ".*", "license:", "a",        "aa",       "LICENSE : mit",
                                      "-",  "/",        "License;", "语义模型", "licens"};
    unsigned parts = any(5);

    for (unsigned i = 0; i < parts; i++) {
        if (i)
            jb_buf_puts(text, any(3) ? ";" : " ; ");
        switch (any(6)) {
        case 0: jb_buf_puts(text, odd[any(sizeof odd / sizeof odd[0])]); break;
        case 1: jb_buf_printf(text, "license:%s%s", any(2) ? " " : "", licenses[any(6)]); break;
        default: put_piece(b, text);
        }
    }
}

static void
check_query(const struct boarding *b, const struct board_query *q, struct jb_arena *arena)
{
    static struct reference want;
    const uint32_t *rows = NULL;
    struct jb_error err = {0};
    size_t n = 0;

    search(b, q, &want);
    jb_arena_reset(arena);
    assert_int_equal(board_filter(b->board, q, &wide, arena, &err, &rows, &n), 0);
    if (n != want.n || (n && memcmp(rows, want.rows, n * sizeof *rows) != 0))
        fail_msg("\"%.*s\" types %x precisions %x sizes %x hide %x: %zu rows, not %zu",
                 JB_STR_FMT(q->text), q->types, q->precisions, q->sizes, q->hide, n, want.n);
}

static void
test_random(void **state)
{
    struct boarding *b = *state;
    struct jb_arena *arena = jb_arena_new(16 << 20);
    struct jb_buf text = JB_BUF(TEXT_MAX_BYTES);

    for (int i = 0; i < QUERIES; i++) {
        struct board_query q;
        seed = (uint64_t)i + 1;
        any(1);
        board_query_default(b->board, &q);
        assert_int_equal(q.hide, HIDE_DELETED | HIDE_MERGED | HIDE_FLAGGED);
        jb_buf_reset(&text);
        put_text(b, &text);
        assert_int_equal(text.err, 0);
        q.text = jb_buf_view(&text);
        if (any(3))
            q.hide = any(16);
        if (any(2))
            q.types = any(32);
        if (any(2))
            q.precisions = any(64);
        if (any(2))
            q.sizes = any(256);
        check_query(b, &q, arena);
    }
    jb_buf_free(&text);
    jb_arena_free(arena);
}

/* Each choice alone, and nothing at all. */
static void
test_each_choice(void **state)
{
    struct boarding *b = *state;
    struct jb_arena *arena = jb_arena_new(16 << 20);
    struct board_query all, q;

    board_query_default(b->board, &all);
    all.hide = 0;
    check_query(b, &all, arena);
    for (unsigned i = 0; i < 32; i++) {
        q = all;
        q.types = 1u << i;
        check_query(b, &q, arena);
        q = all;
        q.precisions = 1u << i;
        check_query(b, &q, arena);
        q = all;
        q.sizes = 1u << i;
        check_query(b, &q, arena);
        q = all;
        q.hide = i & 15;
        check_query(b, &q, arena);
    }
    q = all;
    q.types = 0;
    check_query(b, &q, arena);
    q = all;
    q.precisions = 0; /* leaves the baseline and rows of precision "None" */
    check_query(b, &q, arena);
    q = all;
    q.sizes = 0; /* leaves the baseline */
    check_query(b, &q, arena);
    jb_arena_free(arena);
}

static size_t
count(const struct boarding *b, struct jb_str text, const struct board_limits *limits)
{
    struct jb_arena *arena = jb_arena_new(64 << 20);
    struct jb_error err = {0};
    const uint32_t *rows;
    struct board_query q;
    size_t n;

    board_query_default(b->board, &q);
    q.hide = 0;
    q.text = text;
    assert_int_equal(board_filter(b->board, &q, limits, arena, &err, &rows, &n), 0);
    jb_arena_free(arena);
    return n;
}

/* What stands past the limits is as if it were not there. */
static void
test_limits(void **state)
{
    const struct boarding *b = *state;
    const struct board_limits two = {2, 1 << 20}, ten = {1000, 10}, none = {0, 1 << 20};
    size_t yi = count(b, JB_STR("yi/"), &wide), qwen = count(b, JB_STR("qwen/"), &wide);

    assert_true(yi > 0 && qwen > 0);
    assert_int_equal(count(b, JB_STR("yi/;qwen/"), &wide), yi + qwen);
    assert_int_equal(count(b, JB_STR("zzz;yi/;qwen/"), &two), yi);
    assert_int_equal(count(b, JB_STR(";; ;zzz;;yi/;qwen/"), &two),
                     yi); /* empty ones are free */
    assert_int_equal(count(b, JB_STR("yi/;zzzzz;qwen/"), &ten), yi);
    assert_int_equal(count(b, JB_STR("yi/"), &none), 0);
    assert_int_equal(count(b, JB_STR(""), &none), count(b, JB_STR(""), &wide));
}

static void
test_hostile(void **state)
{
    enum { PARTS = 100000 };
    const struct boarding *b = *state;
    const struct board_limits usual = {64, 4096};
    char *text = malloc(2 * PARTS), *piece = text;

    assert_non_null(text);
    for (size_t i = 0; i < PARTS; i++, piece += 2)
        memcpy(piece, "q;", 2);
    struct jb_str all = {text, 2 * PARTS};
    assert_int_equal(count(b, all, &usual), count(b, JB_STR("q"), &usual));
    memset(text, ';', all.n);
    assert_int_equal(count(b, all, &usual), 0);
    memset(text, ' ', all.n);
    assert_int_equal(count(b, all, &usual), count(b, JB_STR(""), &usual));
    memset(text, 'a', all.n);
    assert_int_equal(count(b, all, &usual), 0);
    memset(text, 0xff, all.n);
    assert_int_equal(count(b, all, &usual), 0);
    memset(text, 0, all.n);
    assert_int_equal(count(b, all, &usual), 0);
    free(text);
    /* The end of one name and the start of the next are no name. */
    for (size_t i = 0; i + 1 < board_rows(b->board); i++) {
        struct jb_str one = board_row(b->board, i)->model,
                      two = board_row(b->board, i + 1)->model;
        char over[8] = {one.p[one.n - 1], '\0', two.p[0]};
        assert_int_equal(count(b, (struct jb_str){over, 3}, &wide), 0);
        assert_int_equal(count(b, (struct jb_str){over, 2}, &wide), 0);
    }
    assert_int_equal(count(b, JB_STR("(.*)*$|^[a-z]+\\"), &usual), 0);
    assert_int_equal(count(b, JB_STR("."), &usual), count(b, JB_STR(" . "), &usual));
}

/* Memory that runs out is an error, and nothing is handed out. */
static void
test_no_memory(void **state)
{
    const struct boarding *b = *state;
    const uint32_t *rows = NULL;
    size_t n = 77;
    struct board_query q;

    board_query_default(b->board, &q);
    q.text = JB_STR("yi");
    for (size_t cap = 0; cap < 2000; cap += 100) {
        struct jb_arena *arena = jb_arena_new(cap);
        struct jb_error err = {0};
        assert_int_equal(board_filter(b->board, &q, &wide, arena, &err, &rows, &n), JB_ENOMEM);
        assert_true(err.text[0] != '\0');
        assert_true(rows == NULL && n == 77);
        jb_arena_free(arena);
    }
}

/* The value of a cell, as what a reader would order by. */
static int
compare_cells(const struct board_row *a, const struct board_row *b,
              const struct board_column *c)
{
    char x[256], y[256];
    struct jb_str s = {0}, t = {0};
    double d = 0, e = 0;

    switch (c->field) {
    case FIELD_T:
    case FIELD_TYPE: d = a->type, e = b->type; break;
    case FIELD_MODEL:
    case FIELD_NAME: s = a->model, t = b->model; break;
    case FIELD_AVERAGE: d = a->average, e = b->average; break;
    case FIELD_SCORE: d = a->scores[c->benchmark], e = b->scores[c->benchmark]; break;
    case FIELD_ARCHITECTURE: s = a->architecture, t = b->architecture; break;
    case FIELD_WEIGHT_TYPE: s = a->weight_type, t = b->weight_type; break;
    case FIELD_PRECISION: s = a->precision, t = b->precision; break;
    case FIELD_MERGED: d = a->merged, e = b->merged; break;
    case FIELD_LICENSE: s = a->license, t = b->license; break;
    case FIELD_PARAMS: d = a->params, e = b->params; break;
    case FIELD_LIKES: d = a->likes, e = b->likes; break;
    case FIELD_AVAILABLE: d = a->available, e = b->available; break;
    case FIELD_SHA: s = a->revision, t = b->revision; break;
    case FIELD_FLAGGED: d = a->flagged, e = b->flagged; break;
    case FIELD_MOE: d = a->moe, e = b->moe; break;
    }
    if (c->type != COLUMN_NUMBER && c->type != COLUMN_BOOL && s.p) {
        lower(s, x);
        lower(t, y);
        /* 2: the one that is missing comes last whichever way. */
        return !s.n || !t.n ? 2 * (!s.n - !t.n) : (strcmp(x, y) > 0) - (strcmp(x, y) < 0);
    }
    if (isnan(d) || isnan(e))
        return 2 * ((isnan(d) != 0) - (isnan(e) != 0));
    return (d > e) - (d < e);
}

static void
test_sort(void **state)
{
    const struct boarding *b = *state;
    uint32_t rows[MODELS + 1];

    for (size_t column = 0; column < board_columns(b->board); column++)
        for (int descending = 0; descending < 2; descending++) {
            size_t n = 0, seen = 0;
            seed = column;
            for (uint32_t i = 0; i < board_rows(b->board); i++)
                if (any(4))
                    rows[n++] = i;
            for (size_t i = n; i > 1; i--) {
                size_t k = any((unsigned)i);
                uint32_t kept = rows[i - 1];
                rows[i - 1] = rows[k];
                rows[k] = kept;
            }
            for (size_t i = 0; i < n; i++)
                seen += rows[i];
            board_sort(b->board, column, descending, rows, n);
            for (size_t i = 0; i < n; i++)
                seen -= rows[i];
            assert_int_equal(seen, 0);
            for (size_t i = 1; i < n; i++) {
                int c =
                    compare_cells(board_row(b->board, rows[i - 1]),
                                  board_row(b->board, rows[i]), board_column(b->board, column));
                if (c == 2 || (descending ? c == -1 : c == 1) ||
                    (c == 0 && rows[i - 1] > rows[i]))
                    fail_msg("column %zu, descending %d: %u before %u", column, descending,
                             rows[i - 1], rows[i]);
            }
        }
    board_sort(b->board, 0, false, rows, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),    cmocka_unit_test(test_each_choice),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_sort),
    };

    return cmocka_run_group_tests(tests, filter_setup, boarding_teardown);
}
