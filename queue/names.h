/* SPDX-License-Identifier: Apache-2.0 */
/* All ids that a model has or had. */
#pragma once

#include "base/error.h"
#include "store/store.h"

/*
 * Calls `each` for the model's present id, then for every id whose aliases lead there, until it
 * returns anything but 0, which is then returned. Names live until it returns. JB_ENOMEM and
 * what the store says.
 */
int queue_names_each(struct store_txn *txn, const char *model,
                     int (*each)(void *ctx, const char *name), void *ctx);
