/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/fences.h"

#include "agent/files.h"
#include "agent/journal.h"
#include "wire/fields.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JSON_MAX = 1 << 20 };

struct fence {
    uint64_t job, fence;
    bool closed;
};

struct fences {
    int dir;
    uint64_t floor;
    size_t n;
    const struct fence *jobs; /* of the table below: `items` */
    struct fence items[JOURNAL_FENCES];
};

static const struct field fence_fields[] = {
    FIELD_SPAN(fence, job, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_SPAN(fence, fence, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_TRUTH(fence, closed),
    {0},
};

static const struct field fences_fields[] = {
    FIELD_SPAN(fences, floor, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_ITEMS(fences, jobs, n, FIELD_LIST, 0, JOURNAL_FENCES, .items = fence_fields,
                .item_size = sizeof(struct fence)),
    {0},
};

int
fences_open(int dir, struct jb_error *err, struct fences **ret_fences)
{
    struct jb_arena *arena = jb_arena_new(16 << 20);
    struct fences *f = calloc(1, sizeof(*f));
    struct jb_str json;
    int rc = arena && f ? file_get(dir, "fences.json", JSON_MAX, arena, err, &json)
                        : jb_fail(err, JB_ENOMEM, "out of memory");

    if (rc == JB_ENOENT && f) {
        jb_error_clear(err);
        rc = 0;
    } else if (!rc) {
        rc = fields_read(fences_fields, json, JSON_MAX, arena, err, f, sizeof(*f));
        if (rc)
            jb_error_prefix(err, "fences.json");
        else if (f->n)
            memcpy(f->items, f->jobs, f->n * sizeof(*f->jobs));
    }
    jb_arena_free(arena);
    if (rc) {
        free(f);
        return rc;
    }
    f->dir = dir;
    f->jobs = f->items;
    *ret_fences = f;
    return 0;
}

void
fences_free(struct fences *f)
{
    free(f);
}

static size_t
find(const struct fences *f, uint64_t job)
{
    size_t i = 0;

    while (i < f->n && f->items[i].job != job)
        i++;
    return i;
}

int
fences_check(const struct fences *f, uint64_t job, uint64_t fence, struct jb_error *err)
{
    size_t i = find(f, job);

    if (i == f->n && fence <= f->floor)
        return jb_fail(err, JB_ECONFLICT, "fence %llu is older than all that is remembered",
                       (unsigned long long)fence);
    if (i < f->n && fence < f->items[i].fence)
        return jb_fail(err, JB_ECONFLICT, "fence %llu is below %llu, seen of job %llu before",
                       (unsigned long long)fence, (unsigned long long)f->items[i].fence,
                       (unsigned long long)job);
    if (i < f->n && fence == f->items[i].fence && f->items[i].closed)
        return jb_fail(err, JB_ECONFLICT, "the attempt of fence %llu is over and deleted",
                       (unsigned long long)fence);
    return 0;
}

int
fences_raise(struct fences *f, uint64_t job, uint64_t fence, bool closed, struct jb_error *err)
{
    struct jb_buf json = JB_BUF(JSON_MAX);
    size_t i = find(f, job);
    struct fence was = {0};
    uint64_t floor = f->floor;
    size_t n = f->n;

    if (i < n && (fence < f->items[i].fence ||
                  (fence == f->items[i].fence && (f->items[i].closed || !closed))))
        return 0;
    if (i == JOURNAL_FENCES) {
        /* the lowest one makes room */
        i = 0;
        for (size_t k = 1; k < n; k++)
            if (f->items[k].fence < f->items[i].fence)
                i = k;
        if (f->items[i].fence > f->floor)
            f->floor = f->items[i].fence;
    }
    was = f->items[i];
    f->items[i] = (struct fence){job, fence, closed};
    if (i == n)
        f->n++;
    fields_put(fences_fields, f, &json);
    int rc = json.err ? jb_fail(err, json.err, "fences.json")
                      : file_put(f->dir, "fences.json", jb_buf_view(&json), err);
    jb_buf_free(&json);
    if (rc) {
        f->items[i] = was;
        f->floor = floor;
        f->n = n;
    }
    return rc;
}
