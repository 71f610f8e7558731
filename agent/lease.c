/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lease.h"

#include <string.h>

bool
lease_holds(struct lease_watch *w, int dir, const char *boot_id, int64_t now_ms,
            struct jb_arena *arena)
{
    struct run_lease lease;
    int rc = run_lease_read(dir, arena, NULL, &lease);

    if (!rc && strcmp(lease.boot_id, boot_id) == 0) {
        w->until_ms = lease.until_ms;
        w->seen = lease;
    } else if (w->here) {
        return false;
    } else if (!rc && (strcmp(lease.boot_id, w->seen.boot_id) != 0 ||
                       lease.until_ms != w->seen.until_ms)) {
        w->until_ms = now_ms + lease.length_ms;
        w->seen = lease;
    } else if (rc && (!w->seen.boot_id[0] || strcmp(w->seen.boot_id, boot_id) == 0)) {
        return false;
    }
    return now_ms < w->until_ms;
}
