/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `jinbang request`, by file. */
#pragma once

#include "cli/cli.h"

/* request_show.c */
int request_list(struct cli *cli, int argc, char **argv);
int request_show(struct cli *cli, int argc, char **argv);

/* request_submit.c */
int request_submit(struct cli *cli, int argc, char **argv);

/* request_edit.c */
int request_delete(struct cli *cli, int argc, char **argv);
int request_restore(struct cli *cli, int argc, char **argv);
int request_correct(struct cli *cli, int argc, char **argv);
int request_embargo(struct cli *cli, int argc, char **argv);
int request_priority(struct cli *cli, int argc, char **argv);
int request_secret(struct cli *cli, int argc, char **argv);

/*
 * The line, or with `as_json` the object, that tells what became of request `id` within its
 * transaction: made before the commit and printed after it.
 */
struct request_outcome {
    uint64_t id;
    char state[32], model[256];
};
int request_outcome(struct store_txn *txn, uint64_t id, struct jb_error *err,
                    struct request_outcome *ret_outcome);
/* `more` and `value` (NULL: none) are one more member. */
int request_say(struct cli *cli, bool as_json, const struct request_outcome *outcome,
                const char *more, const char *value);
