/* SPDX-License-Identifier: Apache-2.0 */
/* The query string of the board's page: whatever is accepted has one canonical form, which is
 * accepted too and means the same. */
#include <config.h> /* mkdtemp */

#include "store/store.h"
#include "views/board_page.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Columns and choices are all that a view needs; the store stays empty. */
static struct board *
empty_board(void)
{
    static const char config[] =
        "benchmarks = ({ key = \"arc\"; header = \"ARC\"; metric = \"acc\"; tasks = [\"arc\"]; "
        "}, { key = \"zh\"; header = \"语义\"; metric = \"acc\"; tasks = [\"zh\"]; });\n"
        "types = ({ key = \"chat\"; icon = \"C\"; label = \"chat\"; zh = \"对话\"; }, "
        "{ key = \"unknown\"; icon = \"?\"; label = \"\"; zh = \"未知\"; });\n"
        "precisions = [\"float16\", \"4bit\"];\n"
        "sizes = ({ label = \"~7\"; above = 0; to = 9; }, "
        "{ label = \"70+\"; above = 9; to = 10000; });\n";
    static struct board_config board_config;
    static struct jb_arena *arena; /* lives as long as the board */
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    char dir[] = "/tmp/jinbang-fuzz.XXXXXX", store[64], file[64], path[96];
    struct conf conf = {.store = {.path = store, .map_size = 1 << 20, .max_readers = 4},
                        .run = {.dir = dir}};
    struct store *s = NULL;
    struct store_txn *txn = NULL;
    struct board *board = NULL;

    arena = jb_arena_new(1 << 20);
    if (!arena || !mkdtemp(dir))
        abort();
    snprintf(store, sizeof(store), "%s/store", dir);
    snprintf(file, sizeof(file), "%s/board.conf", dir);
    FILE *f = fopen(file, "w");
    if (!f || fputs(config, f) < 0 || fclose(f))
        abort();
    if (board_config_load(file, arena, &board_config, &report)) {
        fputs(report.text.p ? report.text.p : "", stderr);
        abort();
    }
    if (store_create(&conf, NULL) || store_open(&conf, false, NULL, &s) ||
        store_begin(s, STORE_READ, NULL, NULL, &txn) ||
        board_build(txn, &board_config, NULL, &board))
        abort();
    store_abort(txn);
    store_close(s);
    static const char *const made[] = {"store/data.mdb", "store/lock.mdb", "board.conf",
                                       "store", ""};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, made[i]);
        remove(path);
    }
    jb_buf_free(&report.text);
    return board;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct board *board;
    const struct board_limits limits = {20, 1000};
    struct board_view view, again;
    struct jb_error err = {0};

    if (!board)
        board = empty_board();
    struct jb_arena *arena = jb_arena_new(8 << 20);
    if (!arena)
        return 0;
    struct jb_str in = {(const char *)data, size};
    struct jb_buf first = JB_BUF(1 << 20), second = JB_BUF(1 << 20);
    if (board_view_parse(board, in, &limits, arena, &err, &view)) {
        if (!err.code || !err.text[0])
            abort();
    } else {
        board_view_put(board, &view, &first);
        if ((first.n == 0) != board_view_is_default(board, &view))
            abort();
        if (board_view_parse(board, jb_buf_view(&first), &limits, arena, &err, &again))
            abort();
        board_view_put(board, &again, &second);
        if (!jb_str_eq(jb_buf_view(&first), jb_buf_view(&second)) ||
            view.columns != again.columns || view.sort != again.sort ||
            view.descending != again.descending || view.query.hide != again.query.hide)
            abort();
    }
    jb_buf_free(&first);
    jb_buf_free(&second);
    jb_arena_free(arena);
    return 0;
}
