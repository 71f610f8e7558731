/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of one attempt: a file that grows up to a cap. At the cap it is written anew: the
 * first half as it is, a line that says how much is left out, and the newest quarter. Each such
 * file is an epoch, "log.1", "log.2", …: offsets of different epochs have nothing to do with
 * each other but below spool_kept(), where all epochs are the same. One writer; readers at any
 * time.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct spool {
    int dir, fd;
    uint64_t cap, end, left_out;
    uint64_t epoch;
};

/* Goes on with the newest epoch. */
int spool_open(int dir, uint64_t cap, struct jb_error *err, struct spool *ret_spool);
void spool_close(struct spool *s);
int spool_write(struct spool *s, struct jb_str bytes, struct jb_error *err);

/* Bytes at the start that are the same in every epoch. */
uint64_t spool_kept(uint64_t cap);
/* The newest epoch and its length; 0, 0 when there is no log. */
int spool_look(int dir, struct jb_error *err, uint64_t *ret_epoch, uint64_t *ret_end);
/* Up to `max` bytes from `from`, appended. JB_EINVAL: `from` is past the end; JB_ENOENT: there
 * is no such epoch (any more). */
int spool_read(int dir, uint64_t epoch, uint64_t from, size_t max, struct jb_error *err,
               struct jb_buf *ret_bytes);
