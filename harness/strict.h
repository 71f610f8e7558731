/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The score of one benchmark from a run of our own. What an import lets pass with a remark is
 * refused here, with the class of the failure: a task that is missing is no 0, and a run on
 * some of the items, or with other shots, is no run of the benchmark.
 */
#pragma once

#include "harness/scores.h"

/*
 * JB_EUNPROC with the reason, and `*ret_failure` one of
 *   "bad_result_json"     no JSON, another dialect than the plan's, a value that is no number
 * or outside 0..100, other shots "incomplete_results"  a task, or its metric, is missing; some
 * of the items only "precision_nan"       NaN, infinite or null JB_ENOMEM leaves it untouched.
 * `limit` is what the plan was run with, 0 for all items.
 */
int harness_strict_scores(struct jb_str doc, const struct benchmark *benchmark,
                          enum harness_dialect dialect, int64_t limit, struct jb_arena *arena,
                          struct jb_error *err, struct score *ret_score,
                          const char **ret_failure);
