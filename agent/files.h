/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are whole or not there: written aside, synced, renamed, and the folder synced.
 * Folders are descriptors; names have no slash. No symbolic link is followed, since folders of
 * jobs stand beside ours.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* JB_EFULL, JB_EIO, … as jb_fail_errno(). What was there before stays until the rename. */
int file_put(int dir, const char *name, struct jb_str bytes, struct jb_error *err);
/* A plain file of at most `max` bytes. JB_ENOENT, JB_ETOOBIG, JB_EIO, JB_ENOMEM. */
int file_get(int dir, const char *name, size_t max, struct jb_arena *arena,
             struct jb_error *err, struct jb_str *ret_bytes);
/* The same by path, through links as usual: what the operator gave. */
int file_read(const char *path, size_t max, struct jb_arena *arena, struct jb_error *err,
              struct jb_str *ret_bytes);
bool file_is(int dir, const char *name);
/* Makes a folder unless it is there, opens it, and syncs `dir`. */
int folder_make(int dir, const char *name, mode_t mode, struct jb_error *err, int *ret_fd);
int folder_open(int dir, const char *name, struct jb_error *err, int *ret_fd);
/* A file, or a folder with all within; what is not there is fine. Syncs `dir`. */
int tree_remove(int dir, const char *name, struct jb_error *err);
/* Bytes on the disk of all within. */
int tree_size(int dir, struct jb_error *err, uint64_t *ret_bytes);
/* Names in a folder but "." and "..", in order. */
int folder_list(int dir, struct jb_arena *arena, struct jb_error *err, size_t *ret_n,
                const char *const **ret_names);
