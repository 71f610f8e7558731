/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of `jinbang` share. One file per noun; the table is in jinbang.c. */
#pragma once

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/json.h"
#include "board/config.h"
#include "store/import.h"
#include "store/record.h"
#include "store/store.h"

#include <stdio.h>

/* Exit codes, the same in every program. */
enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_REFUSED = 3 };

struct cli {
    struct conf conf;
    const char *config_file, *board_file; /* as given; NULL: the default, conf.site.board */
    struct jb_arena *arena;               /* settings, and what lives to the end */
    char actor[80];                       /* "shell:alice" */
    const struct cli_command *command;
    const struct cli_verb *verb; /* of that command; NULL none */
    bool stopped_half_way;
};

/* What a noun can do: `jinbang request cancel 7`. */
struct cli_verb {
    const char *word, *arguments, *help;
    int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the word */
};

struct cli_command {
    const char *noun, *arguments, *help;
    int (*run)(struct cli *cli, int argc,
               char **argv);      /* argv[0] is the noun; returns cli_exit */
    bool bare;                    /* needs no settings */
    const struct cli_verb *verbs; /* in place of `run`; one without a word ends them */
};

/* "jinbang: reason" on standard error; the exit code that fits the error. */
int cli_fail(const struct cli *cli, const struct jb_error *err);
/* The usage of the command under way; returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * Takes options of a command from its arguments: `names` are switches ("json", NULL at the
 * end), `ret_on` says for each whether it was given. Operands are left in argv[0..*argc]. False
 * after a complaint about an unknown one.
 */
bool cli_switches(const struct cli *cli, int *argc, char **argv, const char *const *names,
                  bool *ret_on);
/* `[--json] OPERAND`, all that most verbs take: the operand. NULL after a complaint, which asks
 * the question where it is missing or more is there. */
const char *cli_operand(const struct cli *cli, int argc, char **argv, const char *question,
                        bool *ret_json);

/*
 * Options of which some have values, `--name VALUE` or `--name=VALUE`; what was not given is
 * left as it is. An option without a name ends the list. Operands and complaints as
 * cli_switches().
 */
struct cli_option {
    const char *name;
    bool *ret_on;
    const char **ret_value; /* in place of ret_on */
};
bool cli_options(const struct cli *cli, int *argc, char **argv,
                 const struct cli_option *options);
/* The number of a request; false after a complaint. */
bool cli_id(const struct cli *cli, const char *text, uint64_t *ret_id);
/* A date, or date and time, UTC unless it names a zone; false after a complaint. */
bool cli_date(const struct cli *cli, const char *text, int64_t *ret_us);

/*
 * Asks before something is destroyed: true when `yes` (the switch) or the answer on the
 * terminal says so. Else the reason is on standard error, and the command ends with
 * CLI_REFUSED. `what` is a sentence without its end: "this deletes request 7".
 */
bool cli_confirm(bool yes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Text from outside: control and bidirectional characters come out as \xNN or \u{NNNN}. */
void cli_put_text(FILE *to, const char *text);

int cli_open(struct cli *cli, bool read_only, struct jb_error *err, struct store **ret_store);
/* One write transaction around `change`, which returns 0 to have it committed. Complains for
 * itself; returns the exit code. */
int cli_change(struct cli *cli,
               int (*change)(void *ctx, struct store_txn *txn, struct jb_error *err),
               void *ctx);
/* The same around a read. */
int cli_look(struct cli *cli,
             int (*look)(void *ctx, struct store_txn *txn, struct jb_error *err), void *ctx);
/* The reason of a call that may have spoiled the transaction; returns `rc`. */
int cli_reason(struct store_txn *txn, int rc, struct jb_error *err);
/* The board file's benchmarks. Complaints go to standard error. */
int cli_board(struct cli *cli, struct jb_error *err, struct board_config *ret_board);

/* Problems to standard error, a bar there when it is a terminal, stop on SIGINT and SIGTERM. */
void cli_sink(struct cli *cli, struct import_sink *ret_sink);
/* Ends the bar, prints the counts; the exit code of an import or export. */
int cli_report(struct cli *cli, int rc, const struct jb_error *err,
               const struct import_counts *counts);

/* Writes what a JSON writer made, and a newline. */
int cli_print(const struct cli *cli, struct jb_json *j, struct jb_buf *out);

int cmd_init(struct cli *cli, int argc, char **argv);
int cmd_import(struct cli *cli, int argc, char **argv);
int cmd_rescore(struct cli *cli, int argc, char **argv);
int cmd_export(struct cli *cli, int argc, char **argv);
int cmd_list(struct cli *cli, int argc, char **argv);
int cmd_show(struct cli *cli, int argc, char **argv);
int cmd_verify(struct cli *cli, int argc, char **argv);
int cmd_backup(struct cli *cli, int argc, char **argv);
int cmd_log(struct cli *cli, int argc, char **argv);
int cmd_queue(struct cli *cli, int argc, char **argv);
int host_enrol(struct cli *cli, int argc, char **argv);
int host_remove(struct cli *cli, int argc, char **argv);
int cmd_config(struct cli *cli, int argc, char **argv);

extern const struct cli_verb request_verbs[], model_verbs[], quota_verbs[], pki_verbs[];
extern const struct cli_verb flag_verbs[], alias_verbs[], blocked_verbs[], hidden_verbs[];
extern const struct cli_verb webhook_verbs[], host_verbs[], job_verbs[];
