/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The highest fence seen of each job, through restarts. Fences are numbers of one counter of
 * the dispatcher. Only so many jobs are remembered, those of the highest fences; for a job that
 * is not, what lies at or below the highest forgotten one is taken for old.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct fences;

int fences_open(int dir, struct jb_error *err, struct fences **ret_fences);
void fences_free(struct fences *f);
/* JB_ECONFLICT: the fence is below the job's highest, or equal and closed. */
int fences_check(const struct fences *f, uint64_t job, uint64_t fence, struct jb_error *err);
/* Durable when it returns 0. */
int fences_raise(struct fences *f, uint64_t job, uint64_t fence, bool closed,
                 struct jb_error *err);
