/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records share a file name, which files the export folder holds because of them, and
 * which of it is to be looked at: a picture in memory of the layouts of the hub, made anew at
 * each start and moved on by the change log. A group is all records of one plain name. Knows
 * neither store nor folder.
 */
#pragma once

#include "store/export.h"

struct export_index;
struct export_group;

struct export_file {
    uint64_t id;
    char *file; /* <layout>/… */
};

struct export_index *export_index_new(void); /* NULL when memory is out */
void export_index_free(struct export_index *index);

/* The record goes out under this name; whatever was known of it before is replaced. Its group
 * is dirty when something is new, and so is the group that it leaves; `changed`: in any case.
 * JB_ENOMEM. */
int export_index_put(struct export_index *index, enum export_layout layout,
                     const struct export_name *name, const char *model, bool changed);
/* It does not go out (any more). JB_ENOMEM. */
int export_index_drop(struct export_index *index, enum export_layout layout, uint64_t id);
/* The model of a record that goes out; NULL. Until the next put or drop. */
const char *export_index_model(const struct export_index *index, enum export_layout layout,
                               uint64_t id);

/* The folder holds this file. False: none of ours has that name now. JB_ENOMEM. */
int export_index_found(struct export_index *index, const char *file, bool *ret_ours);
/* After all that is there was found, and before anything is dirty: groups of which files are
 * missing or left over are dirty then, or, with `all`, every group. JB_ENOMEM. */
int export_index_settle(struct export_index *index, bool all);

size_t export_index_dirty(const struct export_index *index); /* how many groups */
struct export_group *
export_index_next(struct export_index *index); /* the longest dirty; NULL */
enum export_layout export_group_layout(const struct export_group *group);
/* What the folder is to hold of it, by id; strings live in the arena. JB_ENOMEM. */
int export_group_files(const struct export_group *group, struct jb_arena *arena,
                       struct export_file **ret_files, size_t *ret_n);
/* Calls `gone` for each file that the folder may hold of the group, is not among `files`, and
 * is of no other group. Stops at what is not 0 and returns it. */
int export_group_gone(const struct export_index *index, const struct export_group *group,
                      const struct export_file *files, size_t n,
                      int (*gone)(void *ctx, const char *file), void *ctx);
/* The folder holds `files` and nothing else of the group, which may be freed. JB_ENOMEM: the
 * group is still dirty. */
int export_group_done(struct export_index *index, struct export_group *group,
                      const struct export_file *files, size_t n);

/* Does the path look like a file of the layouts, or like one that was being written? Only such
 * ones are ever removed from a folder. */
bool export_file_is_ours(const char *file);
