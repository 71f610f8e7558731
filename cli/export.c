/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

int
cmd_export(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {NULL};
    struct import_counts counts = {0};
    struct import_sink sink;
    struct jb_error err = {0};
    struct store *store;
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, NULL))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "export to which folder?");
    if (cli_open(cli, true, &err, &store))
        return cli_fail(cli, &err);
    cli_sink(cli, &sink);
    rc = export_all(store, argv[1], &sink, &err, &counts);
    store_close(store);
    return cli_report(cli, rc, &err, &counts);
}
