/* SPDX-License-Identifier: Apache-2.0 */
/* Searches of a small board: the first four bytes tick choices, the rest is the text. */
#include <config.h> /* mkdtemp */

#include "base/text.h"
#include "board/board.h"
#include "store/store.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config_text[] =
    "benchmarks = ({ key = \"arc\"; header = \"ARC\"; metric = \"acc\"; tasks = [\"arc\"]; "
    "});\n"
    "types = ({ key = \"chat\"; icon = \"C\"; label = \"chat\"; }, "
    "{ key = \"unknown\"; icon = \"?\"; label = \"\"; });\n"
    "precisions = [\"float16\", \"4bit\"];\n"
    "sizes = ({ label = \"~7\"; above = 0; to = 9; }, "
    "{ label = \"70+\"; above = 9; to = 10000; });\n";

static void
fill(struct store_txn *txn)
{
    static const char *const models[] = {"Yi/Chat", "qwen/a", "a/aa", "aa/aaa", "a", "语/b"};
    static const char *const licenses[] = {"mit",        "MIT, other", "",
                                           "apache-2.0", "llama2",     "mit"};
    const char *tag = "merge";
    enum store_outcome outcome;

    for (unsigned i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        struct request r = {.model = models[i],
                            .revision = "main",
                            .precision = i % 3 ? "float16" : "int3",
                            .weight_type = "Original",
                            .status = "FINISHED",
                            .model_type = i % 2 ? "chat" : "",
                            .params = i % 4 ? i * 5 : NAN,
                            .likes = NAN};
        struct result_score score = {"arc", i * 10, NAN, 0};
        struct result s = {.model = models[i],
                           .precision = r.precision,
                           .time = 1,
                           .dialect = "table",
                           .path = "results_1.json",
                           .n = 1,
                           .scores = &score};
        struct model_info m = {.model = models[i],
                               .likes = NAN,
                               .license = licenses[i],
                               .still_on_hub = i != 2,
                               .n_tags = i == 4,
                               .tags = &tag};
        store_request_put(txn, &r, &outcome);
        store_result_put(txn, &s, &outcome);
        store_model_put(txn, &m, &outcome);
    }
}

static struct board *
make_board(void)
{
    static struct board_config config;
    static struct jb_arena *arena; /* lives as long as the board */
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    char dir[] = "/tmp/jinbang-fuzz.XXXXXX", folder[64], path[96];
    struct conf conf = {.store = {.path = folder, .map_size = 1 << 20, .max_readers = 4},
                        .run = {.dir = dir}};
    struct store *store = NULL;
    struct store_txn *txn = NULL;
    struct board *board = NULL;

    arena = jb_arena_new(1 << 20);
    if (!arena || !mkdtemp(dir))
        abort();
    snprintf(folder, sizeof(folder), "%s/store", dir);
    snprintf(path, sizeof(path), "%s/board.conf", dir);
    FILE *f = fopen(path, "w");
    if (!f || fputs(config_text, f) < 0 || fclose(f) ||
        board_config_load(path, arena, &config, &report) || store_create(&conf, NULL) ||
        store_open(&conf, false, NULL, &store) ||
        store_begin(store, STORE_WRITE, "fuzz", NULL, &txn))
        abort();
    fill(txn);
    if (store_commit(txn, NULL) || store_begin(store, STORE_READ, NULL, NULL, &txn) ||
        board_build(txn, &config, NULL, &board) || board_rows(board) != 7)
        abort();
    store_abort(txn);
    store_close(store);
    static const char *const made[] = {"store/data.mdb", "store/lock.mdb", "board.conf",
                                       "store", ""};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, made[i]);
        remove(path);
    }
    jb_buf_free(&report.text);
    return board;
}

/* Rows found as bits; aborts when one is found twice or does not exist. */
static unsigned
filter(const struct board *board, struct board_query q, struct jb_str text,
       const struct board_limits *limits, struct jb_arena *arena)
{
    struct jb_error err = {0};
    const uint32_t *rows;
    size_t n;
    unsigned found = 0;

    q.text = text;
    if (board_filter(board, &q, limits, arena, &err, &rows, &n))
        abort();
    for (size_t i = 0; i < n; i++) {
        if (rows[i] >= board_rows(board) || found & 1u << rows[i])
            abort();
        found |= 1u << rows[i];
    }
    return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct board *board;
    const struct board_limits tight = {3, 64}, wide = {size + 2, size + 2};

    if (size < 4)
        return 0;
    if (!board)
        board = make_board();
    struct jb_arena *arena = jb_arena_new(16 << 20);
    size_t n = size - 4;
    char *more = malloc(n + 1);
    if (!arena || !more || n > 1 << 16)
        goto out;
    struct board_query q = {
        .types = data[0], .precisions = data[1], .sizes = data[2], .hide = data[3] & 15u};
    struct jb_str text = {(const char *)data + 4, n};
    unsigned everything = filter(board, q, JB_STR(""), &wide, arena);
    unsigned found = filter(board, q, text, &wide, arena);
    /* A search never finds what the choices leave out. */
    if (found & ~everything || filter(board, q, text, &tight, arena) & ~everything)
        abort();
    /* Neither case nor an empty part at the end changes anything. */
    for (size_t i = 0; i < n; i++)
        more[i] = (char)(text.p[i] >= 'a' && text.p[i] <= 'z' ? text.p[i] - 32 : text.p[i]);
    more[n] = ';';
    if (filter(board, q, (struct jb_str){more, n}, &wide, arena) != found)
        abort();
    bool blank = n == strspn(more, " \t\r\n");
    if (!blank && filter(board, q, (struct jb_str){more, n + 1}, &wide, arena) != found)
        abort();
out:
    free(more);
    jb_arena_free(arena);
    return 0;
}
