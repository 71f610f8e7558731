/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones of the system (TZif files, RFC 8536), for times that people read. A zone is read
 * once and never changes; no environment variable and no state of the C library is involved, so
 * that threads and a reload with another zone do not meet.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdint.h>

struct jb_zone;

/*
 * Reads the zone of a name as "Asia/Shanghai". "UTC" and "" need no file, and a system without
 * zone files has no other zone: NULL is given for those, which stands for UTC everywhere here.
 * Memory from `arena`. JB_EINVAL (not a name), JB_ENOENT, JB_EPARSE (not a zone file), JB_EIO,
 * JB_ENOMEM.
 */
int jb_zone_load(const char *name, struct jb_arena *arena, struct jb_error *err,
                 const struct jb_zone **ret_zone);

const char *jb_zone_name(const struct jb_zone *zone); /* "UTC" for NULL */

/* Seconds east of UTC at a time (microseconds UTC). Behind the last change that the file lists
 * the last offset stays. */
int jb_zone_offset(const struct jb_zone *zone, int64_t us);

#define JB_ZONE_TIME_SIZE 24
/* `2026-01-02 11:04`, with seconds `2026-01-02 11:04:05`, as clocks of the zone show it. */
void jb_zone_format(const struct jb_zone *zone, int64_t us, int seconds,
                    char out[JB_ZONE_TIME_SIZE]);
