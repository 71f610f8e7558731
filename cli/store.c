/* SPDX-License-Identifier: Apache-2.0 */
/* The store as a whole: init, verify, backup. */
#include "cli/cli.h"

#include "base/conf.h"

int
cmd_init(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {NULL};
    struct jb_error err = {0};

    if (!cli_switches(cli, &argc, argv, switches, NULL))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "init takes no arguments");
    if (store_create(&cli->conf, &err))
        return cli_fail(cli, &err);
    fputs("jinbang: made an empty store in ", stdout);
    cli_put_text(stdout, cli->conf.store.path);
    putchar('\n');
    return CLI_DONE;
}

static void
say_damage(void *ctx, const char *text)
{
    (void)ctx;
    cli_put_text(stdout, text);
    putchar('\n');
}

int
cmd_verify(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {NULL};
    struct jb_error err = {0};
    int found;

    if (!cli_switches(cli, &argc, argv, switches, NULL))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "verify takes no arguments");
    fflush(stdout);
    found = store_verify_apart(&cli->conf, say_damage, NULL, &err);
    if (found < 0)
        return cli_fail(cli, &err);
    if (found)
        printf("jinbang: %d mistakes found\n", found);
    else
        puts("jinbang: the store is in order");
    return found ? CLI_FAILED : CLI_DONE;
}

int
cmd_backup(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"compact", "replace", NULL};
    struct jb_error err = {0};
    struct store *store;
    bool on[2];
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, on))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "backup to which file?");
    if (cli_open(cli, true, &err, &store))
        return cli_fail(cli, &err);
    rc = store_backup(store, argv[1], on[0], on[1], &err);
    store_close(store);
    return rc ? cli_fail(cli, &err) : CLI_DONE;
}
