/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arrivals.h"
#include "cli/cli.h"

#include <string.h>

static const struct {
    const char *name;
    enum store_note kind;
} notes[] = {{"flags", NOTE_FLAG}, {"aliases", NOTE_ALIAS}, {"blocked", NOTE_BLOCKED}};

static int
import_kind(struct cli *cli, struct store *store, const char *what, const char *from,
            bool invert, const struct board_config *board, const struct import_sink *sink,
            struct jb_error *err, struct import_counts *counts)
{
    const struct import_table_options options = {.invert = invert};
    const struct benchmark *benchmarks = board->benchmarks.items;
    size_t n = board->benchmarks.n;

    if (strcmp(what, "requests") == 0)
        return import_requests(store, from, cli->actor, sink, err, counts);
    if (strcmp(what, "results") == 0)
        return import_results(store, from, benchmarks, n, cli->actor, sink, err, counts);
    if (strcmp(what, "models") == 0)
        return import_models(store, from, cli->actor, sink, err, counts);
    if (strcmp(what, "table") == 0)
        return import_table(store, from, benchmarks, n, &options, cli->actor, sink, err,
                            counts);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
        if (strcmp(what, notes[i].name) == 0)
            return import_notes(store, notes[i].kind, from, cli->actor, sink, err, counts);
    return jb_fail(err, JB_EINVAL, "cannot import \"%s\"", what);
}

static bool
is_kind(const char *what)
{
    static const char *const kinds[] = {"requests", "results", "models", "table",
                                        "flags",    "aliases", "blocked"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(what, kinds[i]) == 0)
            return true;
    return false;
}

int
cmd_import(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"invert", NULL};
    struct board_config board = {0};
    struct import_counts counts = {0};
    struct import_sink sink;
    struct jb_error err = {0};
    struct store *store;
    bool invert, results;
    uint64_t mark = 0;
    size_t finished = 0;
    int rc, code;

    if (!cli_switches(cli, &argc, argv, switches, &invert))
        return CLI_USAGE;
    if (argc != 3)
        return cli_usage(cli, "import what, and from where?");
    if (!is_kind(argv[1]))
        return cli_usage(cli, "cannot import \"%.60s\"", argv[1]);
    if (invert && strcmp(argv[1], "table") != 0)
        return cli_usage(cli, "--invert is for tables");
    results = strcmp(argv[1], "results") == 0;
    if ((results || strcmp(argv[1], "table") == 0) && cli_board(cli, &err, &board))
        return err.code ? cli_fail(cli, &err) : CLI_FAILED;
    if (cli_open(cli, false, &err, &store))
        return cli_fail(cli, &err);
    cli_sink(cli, &sink);
    rc = results ? arrivals_begin(cli, store, &err, &mark) : 0;
    if (!rc)
        rc = import_kind(cli, store, argv[1], argv[2], invert, &board, &sink, &err, &counts);
    if (!rc && results)
        rc = arrivals_end(cli, store, mark, &err, &finished);
    store_close(store);
    code = cli_report(cli, rc, &err, &counts);
    if (finished)
        printf("%zu request%s finished\n", finished, finished == 1 ? "" : "s");
    return code;
}

int
cmd_rescore(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {NULL};
    struct board_config board;
    struct import_counts counts = {0};
    struct import_sink sink;
    struct jb_error err = {0};
    struct store *store;
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, NULL))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "rescore takes no arguments");
    if (cli_board(cli, &err, &board))
        return err.code ? cli_fail(cli, &err) : CLI_FAILED;
    if (cli_open(cli, false, &err, &store))
        return cli_fail(cli, &err);
    cli_sink(cli, &sink);
    rc = import_rescore(store, board.benchmarks.items, board.benchmarks.n, cli->actor, &sink,
                        &err, &counts);
    store_close(store);
    return cli_report(cli, rc, &err, &counts);
}
