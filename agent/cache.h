/* SPDX-License-Identifier: Apache-2.0 */
/* Which models lie in a cache of the hub's client: models--<org>--<name>/snapshots/<commit>. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/settings.h"

/* "org/name@commit" of each, at most `max`; folders that cannot be read are passed over.
 * JB_ENOMEM. */
int cache_list(const struct setting_strings *folders, size_t max, struct jb_arena *arena,
               struct jb_error *err, size_t *ret_n, const char *const **ret_names);
