/* SPDX-License-Identifier: Apache-2.0 */
/* The plans that are installed. Comes behind <config.h>. */
#pragma once

#include "arena_help.h"

#include "harness/plan.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static struct plans plans;

static inline int
plans_setup(void **state)
{
    struct settings_report report = {.text = JB_BUF(1 << 16)};
    const char *top = getenv("JB_SRCDIR");

    if (arena_setup(state))
        return -1;
    const char *file = jb_arena_printf(arena, "%s/contrib/harness/plans.conf", top ? top : ".");
    if (!file || plan_load(file, arena, &plans, &report)) {
        print_error("%s", report.text.p ? report.text.p : "?");
        return -1;
    }
    return 0;
}

static inline const struct plan *
plan(const char *name)
{
    const struct plan *p = plan_find(&plans, name);

    assert_non_null(p);
    return p;
}
