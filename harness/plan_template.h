/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of plans: their placeholders, checked and filled. Private to harness/. */
#pragma once

#include "harness/plan.h"

enum plan_use { PLAN_FOR_ARGV, PLAN_FOR_ARGUMENT, PLAN_FOR_FETCH };

/* NULL, or the reason why these strings are no templates for that use. */
const char *plan_template_check(const struct setting_strings *texts, enum plan_use use);

/* Do the plan's arguments name the model of this job, and a base where its weights need one?
 * JB_EACCES, JB_EINVAL. */
int plan_template_fits(const struct plan *plan, const struct plan_job *job,
                       struct jb_error *err);
