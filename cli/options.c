/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the arguments of a command, and the question before something is destroyed. */
#include <config.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#define OPTIONS_MAX 12

/* Takes argv[*at] (and the value behind it) if it is one of the options. */
static bool
take_option(const struct cli *cli, int argc, char **argv, const struct cli_option *options,
            int *at)
{
    const char *given = argv[*at] + 2, *equals = strchr(given, '=');
    size_t n = equals ? (size_t)(equals - given) : strlen(given);

    for (const struct cli_option *o = options; strncmp(argv[*at], "--", 2) == 0 && o->name;
         o++) {
        if (strncmp(o->name, given, n) != 0 || o->name[n])
            continue;
        if (!o->ret_value) {
            if (equals) {
                cli_usage(cli, "--%s takes no value", o->name);
                return false;
            }
            *o->ret_on = true;
            return true;
        }
        if (!equals && *at + 1 >= argc) {
            cli_usage(cli, "--%s needs a value", o->name);
            return false;
        }
        *o->ret_value = equals ? equals + 1 : argv[++*at];
        return true;
    }
    cli_usage(cli, "unknown option %.60s", argv[*at]);
    return false;
}

bool
cli_options(const struct cli *cli, int *argc, char **argv, const struct cli_option *options)
{
    int kept = 0, n = *argc;
    bool more = true;

    for (int a = 0; a < n; a++) {
        if (!more || argv[a][0] != '-' || !argv[a][1])
            argv[kept++] = argv[a];
        else if (strcmp(argv[a], "--") == 0)
            more = false;
        else if (!take_option(cli, n, argv, options, &a))
            return false;
    }
    *argc = kept;
    return true;
}

bool
cli_switches(const struct cli *cli, int *argc, char **argv, const char *const *names,
             bool *ret_on)
{
    struct cli_option options[OPTIONS_MAX] = {{0}};

    for (size_t i = 0; names[i] && i + 1 < OPTIONS_MAX; i++) {
        ret_on[i] = false;
        options[i] = (struct cli_option){names[i], &ret_on[i], NULL};
    }
    return cli_options(cli, argc, argv, options);
}

const char *
cli_operand(const struct cli *cli, int argc, char **argv, const char *question, bool *ret_json)
{
    static const char *const switches[] = {"json", NULL};

    if (!cli_switches(cli, &argc, argv, switches, ret_json))
        return NULL;
    if (argc == 2)
        return argv[1];
    cli_usage(cli, "%s", question);
    return NULL;
}

bool
cli_id(const struct cli *cli, const char *text, uint64_t *ret_id)
{
    int64_t id;

    if (jb_parse_int(jb_str(text), 1, INT64_MAX, &id)) {
        cli_usage(cli, "\"%.60s\" is not the number of a request", text);
        return false;
    }
    *ret_id = (uint64_t)id;
    return true;
}

bool
cli_date(const struct cli *cli, const char *text, int64_t *ret_us)
{
    if (jb_time_parse(text, strlen(text), ret_us) == 0)
        return true;
    cli_usage(cli, "\"%.60s\" is not a date such as 2026-12-01 or 2026-12-01T08:00:00+08:00",
              text);
    return false;
}

bool
cli_confirm(bool yes, const char *fmt, ...)
{
    char text[512], answer[16];
    va_list ap;

    if (yes)
        return true;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fputs("jinbang: ", stderr);
    cli_put_text(stderr, text);
    if (!isatty(STDIN_FILENO)) {
        fputs("; say --yes if it shall\n", stderr);
        return false;
    }
    fputs(". Go on? [y/N] ", stderr);
    fflush(stderr);
    if (fgets(answer, sizeof(answer), stdin) &&
        (strcasecmp(answer, "y\n") == 0 || strcasecmp(answer, "yes\n") == 0))
        return true;
    fputs("jinbang: nothing was changed\n", stderr);
    return false;
}
