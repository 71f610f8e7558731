/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new name for a model: its old id becomes an alias, so that what was submitted, measured and
 * linked under the old one belongs to the new one.
 */
#pragma once

#include "store/record.h"

/* Longest way from an old id to the present one; queue_model_now() follows no more. */
#define QUEUE_ALIASES_MAX 8

/*
 * Both are model ids. JB_EINVAL: one is not, or they are the same. JB_ECONFLICT: names would go
 * in a circle, or some name would be more than QUEUE_ALIASES_MAX steps from its present one.
 * None of these sticks.
 */
int queue_rename(struct store_txn *txn, const char *old_id, const char *new_id,
                 struct jb_error *err, enum store_outcome *ret_outcome);
