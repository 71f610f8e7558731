/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/cache.h"

#include "agent/files.h"
#include "base/text.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "models--"

struct list {
    struct jb_arena *arena;
    size_t n, max;
    const char **names;
};

/* "models--org--name" -> "org/name"; NULL when it is none. */
static const char *
model_of(const char *folder, struct jb_arena *arena)
{
    const char *rest = folder + strlen(PREFIX), *dashes;
    char *id;

    if (strncmp(folder, PREFIX, strlen(PREFIX)) != 0)
        return NULL;
    dashes = strstr(rest, "--");
    id = dashes ? jb_arena_printf(arena, "%.*s/%s", (int)(dashes - rest), rest, dashes + 2)
                : jb_arena_dup(arena, rest, strlen(rest));
    return id && jb_model_id_check(jb_str(id), NULL) == 0 ? id : NULL;
}

static int
add_snapshots(struct list *l, int cache, const char *folder)
{
    const char *id = model_of(folder, l->arena);
    const char *const *commits;
    char *path;
    size_t n;
    int fd, rc = 0;

    if (!id || !(path = jb_arena_printf(l->arena, "%s/snapshots", folder)) ||
        folder_open(cache, path, NULL, &fd))
        return 0;
    if (folder_list(fd, l->arena, NULL, &n, &commits) == 0) {
        for (size_t i = 0; !rc && i < n && l->n < l->max; i++) {
            if (!jb_is_commit(jb_str(commits[i])))
                continue;
            l->names[l->n] = jb_arena_printf(l->arena, "%s@%s", id, commits[i]);
            rc = l->names[l->n] ? 0 : JB_ENOMEM;
            l->n += rc == 0;
        }
    }
    close(fd);
    return rc;
}

int
cache_list(const struct setting_strings *folders, size_t max, struct jb_arena *arena,
           struct jb_error *err, size_t *ret_n, const char *const **ret_names)
{
    struct list l = {arena, 0, max, jb_arena_array(arena, max, sizeof(char *))};
    int rc = l.names ? 0 : JB_ENOMEM;

    for (size_t i = 0; !rc && i < folders->n; i++) {
        const char *const *models;
        size_t n;
        int fd = open(folders->items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
            continue;
        if (folder_list(fd, arena, NULL, &n, &models) == 0)
            for (size_t k = 0; !rc && k < n && l.n < max; k++)
                rc = add_snapshots(&l, fd, models[k]);
        close(fd);
    }
    if (rc)
        return jb_fail(err, rc, "out of memory");
    *ret_n = l.n;
    *ret_names = l.names;
    return 0;
}
