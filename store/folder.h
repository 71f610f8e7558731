/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files below one folder, kept so that a reader sees the old file or the new one, whatever
 * happens to whoever writes. Symbolic links below the folder are neither followed nor kept:
 * nothing outside is ever touched. Paths are relative; one that leaves the folder, has an empty
 * part or reaches into a repository's own folder (".git…") is JB_EINVAL, as is a place that
 * cannot hold a file (a name too long, a folder or a link in the way). JB_EFULL: no space left;
 * other failures as jb_fail_errno().
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

struct folder;

enum folder_outcome { FOLDER_SAME, FOLDER_NEW, FOLDER_CHANGED };

/* The folder itself may be a link; it is made if it is not there. `durable`: contents are on
 * disk before a name shows them, and folder_sync() is used. */
int folder_open(const char *dir, bool durable, struct jb_error *err,
                struct folder **ret_folder);
/* False: its path leads elsewhere by now. */
bool folder_is_there(const struct folder *folder);
void folder_close(struct folder *folder); /* NULL is fine */

/* A file that holds these bytes already is left alone. */
int folder_write(struct folder *folder, const char *path, struct jb_str bytes,
                 struct jb_error *err, enum folder_outcome *ret_outcome);
/* Folders that are empty then go too, but the first one of the path. What is not there: 0. */
int folder_delete(struct folder *folder, const char *path, struct jb_error *err);
/* All names written and deleted since the last call are on disk. */
int folder_sync(struct folder *folder, struct jb_error *err);

/*
 * Every regular file below `path` (none: 0), at most FOLDER_DEPTH_MAX folders deep, or for ""
 * those in the folder itself; names that begin with a dot are left out. `each` returns 0 to go
 * on, anything else ends the walk and is returned; it may delete.
 */
#define FOLDER_DEPTH_MAX 8
int folder_walk(struct folder *folder, const char *path,
                int (*each)(void *ctx, const char *path), void *ctx, struct jb_error *err);
