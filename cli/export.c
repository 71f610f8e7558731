/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/clock.h"
#include "queue/publish.h"

int
cmd_export(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"all", NULL};
    struct queue_publish *publish;
    struct import_counts counts = {0};
    struct export_rule rule;
    struct import_sink sink;
    struct jb_error err = {0};
    struct store *store;
    bool all;
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, &all))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "export to which folder?");
    if (cli_open(cli, true, &err, &store))
        return cli_fail(cli, &err);
    cli_sink(cli, &sink);
    publish = queue_publish_new(jb_now_us());
    if (publish) {
        rule = queue_publish_rule(publish);
        rc = export_all(store, argv[1], all ? NULL : &rule, &sink, &err, &counts);
    } else {
        rc = jb_fail(&err, JB_ENOMEM, "out of memory");
    }
    queue_publish_free(publish);
    store_close(store);
    return cli_report(cli, rc, &err, &counts);
}
