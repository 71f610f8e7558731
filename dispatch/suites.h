/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By which plans this board evaluates: evaluate.plans of the plans file, each with the
 * benchmarks of the board file that it runs.
 */
#pragma once

#include "base/conf.h"
#include "dispatch/lease.h"
#include "harness/plan.h"
#include "store/record.h"

#define SUITES_MAX 32

struct suites;

/* JB_EINVAL with file and reason: a file has mistakes, there is no such plan, it runs none of
 * the board's benchmarks, or takes any model and lacks one of the average; or the canary's
 * settings do not fit. Without evaluate.plans no file is read. */
int suites_load(const struct conf *conf, struct jb_error *err, struct suites **ret_suites);
void suites_free(struct suites *suites); /* NULL is fine */

/* Those of evaluate.plans, in that order; live as long as the suites. */
const struct lease_plan *suites_plans(const struct suites *suites, size_t *ret_n);
/*
 * The plan for a request, as an index: the first that takes it, of those that name its model
 * before those that take any. SIZE_MAX: none does.
 */
size_t suites_choose(const struct suites *suites, const struct request *request,
                     const char *base_commit);
/* evaluate.canary; NULL: none. */
const struct lease_canary *suites_canary(const struct suites *suites);
/* Does the plan use GPUs at all? */
bool suites_wants_gpu(const struct suites *suites, size_t plan);
