/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a failure. (Facts: the classes of the dispatch protocol.) */
#include "dispatch/lease.h"

enum { I_MOST = 3, M_MOST = 6, O_MOST = 2, B_HOSTS = 2, B_MOST = 3, DIED_HOSTS = 2 };

/* Four times longer each time, up to a most, 20 % more or less. */
static int64_t
wait_after(const struct lease_past *past, unsigned failures, uint32_t random)
{
    int64_t wait = past->first_ms;

    for (unsigned i = 1; i < failures && wait < past->most_ms; i++)
        wait *= 4;
    wait = wait < past->most_ms ? wait : past->most_ms;
    return wait * 8 / 10 + random % (wait * 4 / 10 + 1);
}

enum lease_verdict
lease_judge(char letter, const struct lease_past *past, uint32_t random, int64_t *ret_wait_ms)
{
    *ret_wait_ms = past->first_ms;
    if (letter == 'P')
        return LEASE_FAIL;
    if (past->died_hosts >= DIED_HOSTS || past->b_hosts >= B_HOSTS || past->b >= B_MOST)
        return LEASE_POISON;
    if (past->i >= I_MOST || past->m >= M_MOST || past->o >= O_MOST ||
        past->attempts >= past->most)
        return LEASE_FAIL;
    switch (letter) {
    case 'I': *ret_wait_ms = wait_after(past, past->i, random); break;
    case 'M': *ret_wait_ms = wait_after(past, past->m, random); break;
    default: break;
    }
    return LEASE_RETRY;
}
