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
    {"init", "", "make an empty store", cmd_init, false, NULL},
    {"import", "requests|results DIR, models|flags|aliases|blocked FILE, table FILE [--invert]",
     "read hub-shaped files or a published table", cmd_import, false, NULL},
    {"export", "DIR [--all]", "write what may be published as hub-shaped files", cmd_export,
     false, NULL},
    {"list", "requests|results|models|flags|aliases|blocked|hidden [--json]", "what is stored",
     cmd_list, false, NULL},
    {"show", "MODEL [--json]", "all that is stored of a model", cmd_show, false, NULL},
    {"queue", "[--json]", "what runs, what waits and for how long, what failed", cmd_queue,
     false, NULL},
    {"request", "VERB …", "one submission: submit, show, cancel, rerun, correct …", NULL, false,
     request_verbs},
    {"model", "VERB …", "one model: show, rename, delete, restore, correct", NULL, false,
     model_verbs},
    {"quota", "VERB …", "how much an organisation has submitted", NULL, false, quota_verbs},
    {"flag", "VERB …", "marked models, with the discussion about each", NULL, false,
     flag_verbs},
    {"alias", "VERB …", "old names of models", NULL, false, alias_verbs},
    {"blocked", "VERB …", "models that may not be submitted", NULL, false, blocked_verbs},
    {"hidden", "VERB …", "deleted models: shown nowhere, kept", NULL, false, hidden_verbs},
    {"host", "VERB …", "the GPU hosts: add, drain, quarantine, remove", NULL, false,
     host_verbs},
    {"job", "VERB …", "attempts at evaluations: where, how long, their logs", NULL, false,
     job_verbs},
    {"webhook", "VERB …", "events on their way to others", NULL, false, webhook_verbs},
    {"pki", "VERB …", "keys and certificates: init, issue, renew, revoke, list", NULL, false,
     pki_verbs},
    {"rescore", "", "compute all scores anew, after the board file has changed", cmd_rescore,
     false, NULL},
    {"log", "[--since DATE] [--kind K] [--model M] [--actor A] [--json] [AFTER]",
     "who changed what, from an entry on", cmd_log, false, NULL},
    {"verify", "", "look for damage in the store", cmd_verify, false, NULL},
    {"backup", "FILE [--compact] [--replace]", "a consistent copy, while others write",
     cmd_backup, false, NULL},
    {"config", "", "print every setting with its default", cmd_config, true, NULL},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_help(FILE *to)
{
    fputs("Usage: jinbang [--config FILE] [--board FILE] COMMAND …\n"
          "       jinbang COMMAND --help\n"
          "       jinbang [--config FILE] -t | --help | --version\n\n"
          "Keeps the store of a leaderboard.\n\n",
          to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-9s %s\n", commands[i].noun, commands[i].help);
    fputs("\n  --config FILE   settings (default " JB_SYSCONFDIR "/jinbang/jinbang.conf)\n"
          "  --board FILE    board file, instead of the settings' site.board\n"
          "  -t              check settings and board file, and exit\n\n"
          "Exit status: 0 done, 1 failed, 2 wrong use, 3 refused because it would lose or "
          "break something.\n",
          to);
}

static void
print_line(FILE *to, const char *before, const char *noun, const char *word,
           const char *arguments)
{
    fprintf(to, "%sjinbang %s%s%s%s%s\n", before, noun, *word ? " " : "", word,
            *arguments ? " " : "", arguments);
}

/* With `help`, what each of them does. */
static void
print_usage(FILE *to, const struct cli_command *command, const struct cli_verb *verb, bool help)
{
    if (verb || !command->verbs) {
        print_line(to, "Usage: ", command->noun, verb ? verb->word : "",
                   verb ? verb->arguments : command->arguments);
        if (help)
            fprintf(to, "\n%s\n", verb ? verb->help : command->help);
        return;
    }
    if (help)
        fprintf(to, "%s\n\n", command->help);
    for (const struct cli_verb *v = command->verbs; v->word; v++) {
        print_line(to, v == command->verbs ? "Usage: " : "       ", command->noun, v->word,
                   v->arguments);
        if (help)
            fprintf(to, "           %s\n", v->help);
    }
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
    fputc('\n', stderr);
    if (cli->command)
        print_usage(stderr, cli->command, cli->verb, false);
    else
        fputs("Try `jinbang --help`.\n", stderr);
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

static bool
asks_help(int argc, char **argv)
{
    return argc > 0 && strcmp(argv[0], "--help") == 0;
}

static int
run_command(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    int (*run)(struct cli * cli, int argc, char **argv) = command->run;

    cli->command = command;
    argc -= command->verbs != NULL;
    argv += command->verbs != NULL;
    for (const struct cli_verb *v = command->verbs; v && v->word && argc > 0; v++)
        if (strcmp(argv[0], v->word) == 0) {
            cli->verb = v;
            run = v->run;
        }
    if (asks_help(argc, argv) || (argc > 1 && asks_help(1, argv + 1))) {
        print_usage(stdout, command, cli->verb, true);
        return CLI_DONE;
    }
    if (!run && argc > 0)
        return cli_usage(cli, "%s cannot \"%.60s\"", command->noun, argv[0]);
    if (!run)
        return cli_usage(cli, "what about the %s?", command->noun);
    if (!command->bare && load_settings(cli))
        return CLI_FAILED;
    return run(cli, argc, argv);
}

static int
run(struct cli *cli, int argc, char **argv)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (argc > 0 && strcmp(argv[0], commands[i].noun) == 0)
            return run_command(cli, &commands[i], argc, argv);
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
