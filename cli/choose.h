/* SPDX-License-Identifier: Apache-2.0 */
/* Words that the board file offers: types, precisions; and the kinds of weights. */
#pragma once

#include "cli/cli.h"
#include "queue/submit.h"

/* From what was typed to what requests hold, a complaint and an exit code where it is none. */
int choose_type(struct cli *cli, const char *typed, const char **ret_type);
int choose_precision(struct cli *cli, const char *typed, const char **ret_precision);
int choose_weights(struct cli *cli, const char *typed, const char **ret_weights);

/* What a submission may choose from; lives as long as `cli`. */
int choose_rules(struct cli *cli, struct submit_rules *ret_rules);
