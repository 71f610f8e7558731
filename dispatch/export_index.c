/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/export_index.h"

#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(item) ((item)->lost = true)

#define GROUP_MAX                 ((size_t)64 << 20)

struct key {
    uint64_t layout, id;
};

struct entry {
    struct key key;
    struct export_name name; /* its path is the group's */
    char *model;
    struct export_group *group;
    struct entry *next; /* in the group, by id */
    bool lost;
    UT_hash_handle hh;
};

struct export_group {
    char *file; /* <layout>/<plain path> */
    enum export_layout layout;
    struct entry *entries;
    char **disk; /* files that the folder may hold */
    size_t n_disk;
    bool dirty, lost;
    struct export_group *prev, *next; /* of the dirty ones */
    UT_hash_handle hh;
};

struct export_index {
    struct entry *entries;
    struct export_group *groups, *dirty;
    size_t n_dirty;
    bool settled; /* before that nothing is dirty: the folder was not looked at */
};

struct export_index *
export_index_new(void)
{
    return calloc(1, sizeof(struct export_index));
}

static void
entry_free(struct entry *entry)
{
    free(entry->model);
    free(entry);
}

static void
forget_disk(struct export_group *group)
{
    for (size_t i = 0; i < group->n_disk; i++)
        free(group->disk[i]);
    free(group->disk);
    group->disk = NULL;
    group->n_disk = 0;
}

static void
group_free(struct export_group *group)
{
    forget_disk(group);
    free(group->file);
    free(group);
}

void
export_index_free(struct export_index *index)
{
    struct entry *entry, *next_entry;
    struct export_group *group, *next_group;

    if (!index)
        return;
    HASH_ITER (hh, index->entries, entry, next_entry) {
        HASH_DEL(index->entries, entry);
        entry_free(entry);
    }
    HASH_ITER (hh, index->groups, group, next_group) {
        HASH_DEL(index->groups, group);
        group_free(group);
    }
    free(index);
}

/* What only goes away goes first: that works, and is wanted, on a full disk too. */
static void
set_dirty(struct export_index *index, struct export_group *group)
{
    if (!index->settled || (group->dirty && group->entries))
        return;
    if (group->dirty)
        DL_DELETE(index->dirty, group);
    else
        index->n_dirty++;
    group->dirty = true;
    if (group->entries)
        DL_APPEND(index->dirty, group);
    else
        DL_PREPEND(index->dirty, group);
}

static struct export_group *
find_group(const struct export_index *index, const char *file, size_t n)
{
    struct export_group *group = NULL;

    HASH_FIND(hh, index->groups, file, n, group);
    return group;
}

/* Of a name: that group, made if there is none. */
static struct export_group *
get_group(struct export_index *index, enum export_layout layout, const char *path)
{
    size_t n = strlen(export_folders[layout]), m = strlen(path);
    struct export_group *group;
    char *file = malloc(n + 1 + m + 1);

    if (!file)
        return NULL;
    memcpy(file, export_folders[layout], n);
    file[n] = '/';
    memcpy(file + n + 1, path, m + 1);
    group = find_group(index, file, n + 1 + m);
    if (group) {
        free(file);
        return group;
    }
    group = calloc(1, sizeof(*group));
    if (!group) {
        free(file);
        return NULL;
    }
    group->file = file;
    group->layout = layout;
    HASH_ADD_KEYPTR(hh, index->groups, group->file, n + 1 + m, group);
    if (group->lost) {
        group_free(group);
        return NULL;
    }
    return group;
}

/* One that holds nothing and is clean is of no use. */
static void
tidy_group(struct export_index *index, struct export_group *group)
{
    if (group->entries || group->n_disk || group->dirty)
        return;
    HASH_DEL(index->groups, group);
    group_free(group);
}

static struct entry *
find_entry(const struct export_index *index, enum export_layout layout, uint64_t id)
{
    const struct key key = {layout, id};
    struct entry *entry = NULL;

    HASH_FIND(hh, index->entries, &key, sizeof(key), entry);
    return entry;
}

static int
entry_by_id(const struct entry *a, const struct entry *b)
{
    return a->key.id < b->key.id ? -1 : a->key.id > b->key.id;
}

static void
leave_group(struct export_index *index, struct entry *entry)
{
    struct export_group *group = entry->group;

    if (!group)
        return;
    LL_DELETE(group->entries, entry);
    set_dirty(index, group);
    entry->group = NULL;
}

static void
join_group(struct entry *entry, struct export_group *group)
{
    entry->group = group;
    entry->name.path = strchr(group->file, '/') + 1;
    /* Ids grow: mostly it is the last one, and a group is small. */
    LL_INSERT_INORDER(group->entries, entry, entry_by_id);
}

static struct entry *
add_entry(struct export_index *index, enum export_layout layout, uint64_t id)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    entry->key = (struct key){layout, id};
    HASH_ADD(hh, index->entries, key, sizeof(entry->key), entry);
    if (entry->lost) {
        entry_free(entry);
        return NULL;
    }
    return entry;
}

int
export_index_put(struct export_index *index, enum export_layout layout,
                 const struct export_name *name, const char *model, bool changed)
{
    struct entry *entry = find_entry(index, layout, name->id);
    struct export_group *group = get_group(index, layout, name->path);
    char *copy = strdup(model);

    if (!entry && group && copy)
        entry = add_entry(index, layout, name->id);
    if (!entry || !group || !copy) {
        free(copy);
        if (group)
            tidy_group(index, group);
        return JB_ENOMEM;
    }
    free(entry->model);
    entry->model = copy;
    if (entry->group != group || entry->name.time != name->time ||
        strcmp(entry->name.hex, name->hex) != 0)
        changed = true;
    if (entry->group != group) {
        leave_group(index, entry);
        entry->name = *name;
        join_group(entry, group);
    } else {
        entry->name.time = name->time;
        memcpy(entry->name.hex, name->hex, sizeof(entry->name.hex));
    }
    if (changed)
        set_dirty(index, group);
    return 0;
}

int
export_index_drop(struct export_index *index, enum export_layout layout, uint64_t id)
{
    struct entry *entry = find_entry(index, layout, id);

    if (!entry)
        return 0;
    leave_group(index, entry);
    HASH_DEL(index->entries, entry);
    entry_free(entry);
    return 0;
}

const char *
export_index_model(const struct export_index *index, enum export_layout layout, uint64_t id)
{
    const struct entry *entry = find_entry(index, layout, id);

    return entry ? entry->model : NULL;
}

static int
add_disk(struct export_group *group, const char *file)
{
    char **disk, *copy;

    for (size_t i = 0; i < group->n_disk; i++)
        if (strcmp(group->disk[i], file) == 0)
            return 0;
    disk = realloc(group->disk, (group->n_disk + 1) * sizeof(*disk));
    if (!disk)
        return JB_ENOMEM;
    group->disk = disk;
    copy = strdup(file);
    if (!copy)
        return JB_ENOMEM;
    group->disk[group->n_disk++] = copy;
    return 0;
}

int
export_index_found(struct export_index *index, const char *file, bool *ret_ours)
{
    size_t n = strlen(file);
    struct export_group *group = find_group(index, file, n);

    /* x_<12 hex>.json is of the group x.json. */
    if (!group && n > 18 && file[n - 18] == '_' &&
        strspn(file + n - 17, "0123456789abcdef") == 12 && strcmp(file + n - 5, ".json") == 0) {
        char *plain = malloc(n);

        if (!plain)
            return JB_ENOMEM;
        memcpy(plain, file, n - 18);
        memcpy(plain + n - 18, ".json", 6);
        group = find_group(index, plain, n - 18 + 5);
        free(plain);
    }
    *ret_ours = group != NULL;
    return group ? add_disk(group, file) : 0;
}

static bool
is_among(const struct export_file *files, size_t n, const char *file)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(files[i].file, file) == 0)
            return true;
    return false;
}

static bool
on_disk(const struct export_group *group, const char *file)
{
    for (size_t i = 0; i < group->n_disk; i++)
        if (strcmp(group->disk[i], file) == 0)
            return true;
    return false;
}

static int
settle_group(struct export_index *index, struct export_group *group, struct jb_arena *arena)
{
    struct export_file *files;
    size_t n;
    int rc = export_group_files(group, arena, &files, &n);

    if (rc)
        return rc;
    for (size_t i = 0; i < group->n_disk; i++)
        if (!is_among(files, n, group->disk[i]))
            set_dirty(index, group);
    for (size_t i = 0; i < n; i++)
        if (!on_disk(group, files[i].file))
            set_dirty(index, group);
    jb_arena_reset(arena);
    return 0;
}

int
export_index_settle(struct export_index *index, bool all)
{
    struct jb_arena *arena = jb_arena_new(GROUP_MAX);
    struct export_group *group, *next;
    int rc = arena ? 0 : JB_ENOMEM;

    index->settled = true;
    HASH_ITER (hh, index->groups, group, next) {
        if (all)
            set_dirty(index, group);
        else if (!rc)
            rc = settle_group(index, group, arena);
    }
    jb_arena_free(arena);
    return rc;
}

size_t
export_index_dirty(const struct export_index *index)
{
    return index->n_dirty;
}

struct export_group *
export_index_next(struct export_index *index)
{
    return index->dirty;
}

enum export_layout
export_group_layout(const struct export_group *group)
{
    return group->layout;
}

int
export_group_files(const struct export_group *group, struct jb_arena *arena,
                   struct export_file **ret_files, size_t *ret_n)
{
    const struct entry *entry, *owner = NULL;
    struct export_file *files;
    size_t n = 0, i = 0;

    LL_FOREACH (group->entries, entry) {
        if (!owner || export_name_order(&entry->name, &owner->name) < 0)
            owner = entry;
        n++;
    }
    files = jb_arena_array(arena, n ? n : 1, sizeof(*files));
    if (!files)
        return JB_ENOMEM;
    LL_FOREACH (group->entries, entry) {
        files[i].id = entry->key.id;
        files[i].file = export_name_file(&entry->name, group->layout, entry == owner, arena);
        if (!files[i++].file)
            return JB_ENOMEM;
    }
    *ret_files = files;
    *ret_n = n;
    return 0;
}

int
export_group_gone(const struct export_index *index, const struct export_group *group,
                  const struct export_file *files, size_t n,
                  int (*gone)(void *ctx, const char *file), void *ctx)
{
    for (size_t i = 0; i < group->n_disk; i++) {
        const char *file = group->disk[i];
        const struct export_group *other = find_group(index, file, strlen(file));
        int rc;

        if (is_among(files, n, file) || (other && other != group && other->entries))
            continue;
        rc = gone(ctx, file);
        if (rc)
            return rc;
    }
    return 0;
}

int
export_group_done(struct export_index *index, struct export_group *group,
                  const struct export_file *files, size_t n)
{
    /* Added first, so that nothing is forgotten when memory is out half way. */
    for (size_t i = 0; i < n; i++)
        if (add_disk(group, files[i].file))
            return JB_ENOMEM;
    for (size_t i = 0; i < group->n_disk;) {
        if (is_among(files, n, group->disk[i])) {
            i++;
            continue;
        }
        free(group->disk[i]);
        group->disk[i] = group->disk[--group->n_disk];
    }
    group->dirty = false;
    index->n_dirty--;
    DL_DELETE(index->dirty, group);
    tidy_group(index, group);
    return 0;
}

static bool
ends_in(const char *text, size_t n, const char *end)
{
    size_t m = strlen(end);

    return n > m && memcmp(text + n - m, end, m) == 0;
}

bool
export_file_is_ours(const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    size_t n = strlen(name);
    bool unfinished = ends_in(name, n, ".tmp");
    enum export_layout layout;

    /* <name>.json.<process>.tmp */
    if (unfinished) {
        n -= 4;
        while (n && name[n - 1] >= '0' && name[n - 1] <= '9')
            n--;
        n -= n > 0;
    }
    if (!ends_in(name, n, ".json"))
        return false;
    if (!slash) {
        for (int list = 0; list < EXPORT_LISTS; list++)
            if (unfinished && strlen(export_list_file(list)) == n &&
                memcmp(name, export_list_file(list), n) == 0)
                return true;
        return false;
    }
    for (layout = 0; layout < EXPORT_LAYOUTS; layout++)
        if (strncmp(file, export_folders[layout], strlen(export_folders[layout])) == 0 &&
            file[strlen(export_folders[layout])] == '/')
            break;
    if (layout == EXPORT_LAYOUTS)
        return false;
    return layout == EXPORT_REQUESTS
               ? strstr(name, "_eval_request_") != NULL
               : strncmp(name, "results_", 8) == 0 || strncmp(name, "eval_", 5) == 0;
}
