/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may leave the house: the rule of exports.
 *
 * Requests: all but those that a moderator deleted (the request or its model), those that
 * turned out to be another one, and those whose check with the hub is not done (in the datasets
 * PENDING means that a model may be evaluated). Results: those of hidden models not; those with
 * an embargoed request behind them not before it ends; those whose requests were all deleted
 * not. A request is behind a result as on the board: same model whatever it was called, same
 * precision, same revision or commit; where there is none, a branch. An embargo on a branch
 * whose commit is known holds for that commit.
 */
#pragma once

#include "store/export.h"

struct queue_publish;

/* For transactions that see the store at `now`. NULL when memory is out. */
struct queue_publish *queue_publish_new(int64_t now);
void queue_publish_free(struct queue_publish *publish); /* NULL is fine */
/* Points into `publish`. */
struct export_rule queue_publish_rule(struct queue_publish *publish);
