/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a commit the writer drops one byte on the datagram sockets in the run directory, so
 * that readers look at once; a poll each second is their fallback. Losing a ring is harmless.
 */
#pragma once

#include "base/error.h"

/* Binds <run_dir>/<name>.bell (0660), replacing a stale one; returns the descriptor
 * (non-blocking, close-on-exec) or JB_E*: JB_EBUSY when another process listens there,
 * JB_EINVAL when the path is too long for a socket. */
int doorbell_listen(const char *run_dir, const char *name, struct jb_error *err);
/* Reads away what is there. */
void doorbell_clear(int fd);
/* One byte to every *.bell in the run directory; errors are ignored. */
void doorbell_ring(const char *run_dir);
void doorbell_close(int fd, const char *run_dir, const char *name);
