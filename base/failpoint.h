/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points at which a test may let a program die as kill -9 would, in builds with
 * AddressSanitizer; in others there is nothing of it.
 *
 * The environment's JINBANG_FAILPOINTS names a folder. Who comes to the point WHERE, or
 * WHERE.WHAT, and finds a file of that name there takes it away and dies: each file is one
 * death, of one process.
 */
#pragma once

#include <stddef.h>

#ifdef __SANITIZE_ADDRESS__
/* `what` NULL: none. */
void jb_failpoint(const char *where, const char *what);
/* "JINBANG_FAILPOINTS=…" for a program with an environment of its own; NULL without one. */
const char *jb_failpoint_env(void);
#else
static inline void
jb_failpoint(const char *where, const char *what)
{
    (void)where;
    (void)what;
}

static inline const char *
jb_failpoint_env(void)
{
    return NULL;
}
#endif
