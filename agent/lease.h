/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the dispatcher still want an attempt? The lease says until when on the clock of the
 * agent's boot. Who has another clock, a shim on a node of a cluster or an agent after a
 * reboot, counts on its own: the lease holds for its length from when the file was last seen to
 * change. That is late by how long the change took to be seen, and by one length for a lease
 * that ran out before it was first looked at.
 */
#pragma once

#include "agent/run.h"

#include <stdbool.h>

struct lease_watch {
    bool here;             /* only a lease of our own boot counts */
    struct run_lease seen; /* boot_id "": nothing yet */
    int64_t until_ms;      /* on our clock */
};

/*
 * `boot_id` is of our boot. Where the file cannot be read, a lease of our own boot is over; one
 * that was seen of another boot goes on until its time, since a shared disk may hiccup. `arena`
 * is for the look alone.
 */
bool lease_holds(struct lease_watch *w, int dir, const char *boot_id, int64_t now_ms,
                 struct jb_arena *arena);
