/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cli/cli.h"

#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command commands[] = {
    {"init", "", "make an empty store", cmd_init, false},
    {"import", "requests|results DIR, models|flags|aliases|blocked FILE, table FILE [--invert]",
     "read hub-shaped files or a published table", cmd_import, false},
    {"export", "DIR", "write everything as hub-shaped files", cmd_export, false},
    {"list", "requests|results|models|flags|aliases|blocked [--json]", "what is stored",
     cmd_list, false},
    {"show", "MODEL [--json]", "all that is stored of a model", cmd_show, false},
    {"flag", "add MODEL [URL] | remove MODEL", "mark a model, with the discussion about it",
     cmd_note, false},
    {"alias", "add OLD NEW | remove OLD", "an old name of a model", cmd_note, false},
    {"blocked", "add MODEL [REASON] | remove MODEL", "models that may not be submitted",
     cmd_note, false},
    {"rescore", "", "compute all scores anew, after the board file has changed", cmd_rescore,
     false},
    {"log", "[--json] [AFTER]", "the change log, from an entry on", cmd_log, false},
    {"verify", "", "look for damage in the store", cmd_verify, false},
    {"backup", "FILE [--compact] [--replace]", "a consistent copy, while others write",
     cmd_backup, false},
    {"config", "", "print every setting with its default", cmd_config, true},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_help(FILE *to)
{
    fputs("Usage: jinbang [--config FILE] [--board FILE] COMMAND …\n"
          "       jinbang [--config FILE] -t | --help | --version\n\n"
          "Keeps the store of a leaderboard.\n\n",
          to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %s%s%s\n        %s\n", commands[i].noun,
                *commands[i].arguments ? " " : "", commands[i].arguments, commands[i].help);
    fputs("\n  --config FILE   settings (default " JB_SYSCONFDIR "/jinbang/jinbang.conf)\n"
          "  --board FILE    board file, instead of the settings' site.board\n"
          "  -t              check settings and board file, and exit\n\n"
          "Exit status: 0 done, 1 failed, 2 wrong use, 3 refused because it would lose or "
          "break something.\n",
          to);
}

int
cli_usage(const struct cli *cli, const char *fmt, ...)
{
    va_list ap;
    char text[256];

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fputs("jinbang: ", stderr);
    cli_put_text(stderr, text);
    if (cli->command)
        fprintf(stderr, "\nUsage: jinbang %s %s\n", cli->command->noun,
                cli->command->arguments);
    else
        fputs("\nTry `jinbang --help`.\n", stderr);
    return CLI_USAGE;
}

static void
name_actor(struct cli *cli)
{
    const struct passwd *who = getpwuid(getuid());

    if (who)
        snprintf(cli->actor, sizeof(cli->actor), "shell:%.60s", who->pw_name);
    else
        snprintf(cli->actor, sizeof(cli->actor), "shell:%ld", (long)getuid());
    for (char *p = cli->actor; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            *p = '_';
}

static int
load_settings(struct cli *cli)
{
    struct settings_report report = {0};
    struct jb_error err = {0};
    int rc;

    rc = conf_load(cli->config_file, cli->arena, &cli->conf, &report);
    if (rc && report.text.n)
        fputs(report.text.p, stderr);
    else if (rc)
        cli_fail(cli, (jb_fail(&err, rc, "settings: %s", jb_strerror(rc)), &err));
    jb_buf_free(&report.text);
    return rc ? CLI_FAILED : CLI_DONE;
}

static int
test_settings(struct cli *cli)
{
    struct board_config board;
    struct jb_error err = {0};

    if (load_settings(cli))
        return CLI_FAILED;
    if (cli_board(cli, &err, &board))
        return err.code ? cli_fail(cli, &err) : CLI_FAILED;
    puts("jinbang: settings and board file are in order");
    return CLI_DONE;
}

static int
run(struct cli *cli, int argc, char **argv)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (argc > 0 && strcmp(argv[0], commands[i].noun) == 0) {
            cli->command = &commands[i];
            if (!commands[i].bare && load_settings(cli))
                return CLI_FAILED;
            return commands[i].run(cli, argc, argv);
        }
    return argc > 0 ? cli_usage(cli, "there is no command \"%.60s\"", argv[0])
                    : cli_usage(cli, "which command?");
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"board", required_argument, NULL, 'b'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    struct cli cli = {0};
    bool test = false;
    int c, rc;

    signal(SIGPIPE, SIG_IGN);
    while ((c = getopt_long(argc, argv, "+:t", options, NULL)) != -1)
        switch (c) {
        case 'c': cli.config_file = optarg; break;
        case 'b': cli.board_file = optarg; break;
        case 't': test = true; break;
        case 'h': print_help(stdout); return CLI_DONE;
        case 'v': puts("jinbang " PACKAGE_VERSION); return CLI_DONE;
        case ':': return cli_usage(&cli, "%s needs a value", argv[optind - 1]);
        default: return cli_usage(&cli, "unknown option %s", argv[optind - 1]);
        }
    if (test && optind < argc)
        return cli_usage(&cli, "-t takes no command");
    cli.arena = jb_arena_new(64 << 20);
    if (!cli.arena) {
        fputs("jinbang: out of memory\n", stderr);
        return CLI_FAILED;
    }
    name_actor(&cli);
    rc = test ? test_settings(&cli) : run(&cli, argc - optind, argv + optind);
    jb_arena_free(cli.arena);
    if (fflush(stdout) != 0 && rc == CLI_DONE) {
        perror("jinbang: standard output");
        rc = CLI_FAILED;
    }
    return rc;
}
