/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of Gradio calls. The first byte of the input chooses the route, the second the
 * function of the path, the rest is the body. Whatever it is, the answer is JSON with a fitting
 * status.
 */
#include <config.h> /* mkdtemp */

#include "base/text.h"
#include "gradio/call.h"
#include "gradio/functions.h"
#include "gradio/scan.h"
#include "views/cells.h"
#include "views/texts.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char board_file[] =
    "benchmarks = ({ key = \"arc\"; header = \"ARC\"; metric = \"acc\"; tasks = [\"arc\"]; "
    "baseline = 25.0; });\n"
    "types = ({ key = \"chat\"; icon = \"🟢\"; label = \"chat\"; zh = \"对话\"; }, "
    "{ key = \"unknown\"; icon = \"?\"; label = \"\"; zh = \"未知\"; });\n"
    "precisions = [\"float16\", \"4bit\"];\n"
    "sizes = ({ label = \"~7\"; above = 0; to = 9; });\n";

/* All of it lives as long as the process. */
static struct gradio_site *
small_site(void)
{
    static struct board_config config;
    static struct conf conf;
    const char *src = getenv("JB_SRCDIR");
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    static struct jb_arena *arena; /* the settings live in it */
    char dir[] = "/tmp/jinbang-fuzz.XXXXXX", path[96];
    struct cells_options options = {"https://huggingface.co", ""};
    struct store *s = NULL;
    struct store_txn *txn = NULL;
    struct board *board = NULL;
    struct queue_lists *lists = NULL;
    struct texts *texts = NULL;
    struct cells *cells = NULL;
    struct gradio_site *site = NULL;

    arena = jb_arena_new(1 << 20);
    if (!arena || !mkdtemp(dir) || settings_defaults(conf_table, arena, &conf))
        abort();
    conf.store.path = jb_arena_printf(arena, "%s/store", dir);
    conf.store.map_size = 1 << 20;
    conf.store.min_free = 0;
    conf.run.dir = jb_arena_printf(arena, "%s", dir);
    snprintf(path, sizeof(path), "%s/board.conf", dir);
    FILE *f = fopen(path, "w");
    if (!f || fputs(board_file, f) < 0 || fclose(f))
        abort();
    if (board_config_load(path, arena, &config, &report)) {
        fputs(report.text.p ? report.text.p : "", stderr);
        abort();
    }
    if (store_create(&conf, NULL) || store_open(&conf, false, NULL, &s) ||
        store_begin(s, STORE_READ, NULL, NULL, &txn) ||
        board_build(txn, &config, NULL, &board) || queue_lists_build(txn, 0, NULL, &lists))
        abort();
    store_abort(txn);
    store_close(s);
    if (cells_new(board, &options, NULL, &cells) ||
        texts_load(jb_arena_printf(arena, "%s/views/texts", src ? src : "."), NULL, &texts) ||
        gradio_site_new(&conf, board, lists, cells, texts, NULL, 7, NULL, &site))
        abort();
    texts_free(texts);
    board_unref(board);
    queue_lists_unref(lists);
    static const char *const made[] = {"store/data.mdb", "store/lock.mdb", "board.conf",
                                       "store", ""};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, made[i]);
        remove(path);
    }
    jb_buf_free(&report.text);
    return site;
}

static void
check_json(const struct jb_buf *b)
{
    struct scan_item item;
    struct scan s;

    scan_init(&s, jb_buf_view(b));
    if (b->err || scan_value(&s, &item) || scan_finish(&s) || item.kind != SCAN_OBJECT ||
        jb_utf8_valid(b->p, b->n) != b->n)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gradio_site *site;
    static const enum gradio_route routes[] = {ROUTE_RUN, ROUTE_JOIN, ROUTE_CALL,
                                               ROUTE_CALL_V2};
    const struct board_limits limits = {20, 1000};
    struct gradio_answer answer = {0};
    struct jb_error err = {0};
    struct jb_buf out = JB_BUF(4 << 20);
    struct jb_str session, event;
    int status = 0;

    if (!site)
        site = small_site();
    struct jb_arena *arena = jb_arena_new(8 << 20);
    if (!arena || size < 2)
        goto out;
    struct gradio_call call = {
        .route = routes[data[0] % 4],
        .name = data[1] % 11 < GRADIO_FUNCTIONS
                    ? jb_str(gradio_functions[data[1] % 11].api_name)
                    : JB_STR("nope"),
        .query = {(const char *)data + 2, size - 2},
        .body = {(const char *)data + 2, size - 2},
    };
    int rc = gradio_call_run(site, &call, &limits, arena, &err, &answer);
    if (rc == 0) {
        if (gradio_run_body(&answer, data[0] & 4, 0.001, &out, &status) ||
            (status != 200 && status != 500))
            abort();
        if (answer.fn_index < 0 || answer.fn_index >= GRADIO_FUNCTIONS)
            abort();
    } else {
        gradio_error_body(rc, &err, &out, &status);
        if (status < 400 || status > 599 || !err.text[0])
            abort();
    }
    check_json(&out);
    jb_blob_unref(answer.outcome.output);
    jb_error_clear(&err);
    gradio_cancel_read(call.body, arena, &err, &session, &event);
out:
    jb_buf_free(&out);
    jb_arena_free(arena);
    return 0;
}
