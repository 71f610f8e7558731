/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

int
cmd_config(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {NULL};
    struct jb_buf out = JB_BUF(1 << 20);
    int rc = CLI_DONE;

    if (!cli_switches(cli, &argc, argv, switches, NULL))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "config takes no arguments");
    settings_example(conf_table, &out);
    if (out.err)
        rc = CLI_FAILED;
    else
        fwrite(out.p, 1, out.n, stdout);
    jb_buf_free(&out);
    return rc;
}
