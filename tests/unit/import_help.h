/* SPDX-License-Identifier: Apache-2.0 */
/* Files and what an import tells, for the tests of import and export. */
#pragma once

#include "store_help.h"

#include "store/export.h"
#include "store/import.h"

struct heard {
    int n;
    char path[32][256], reason[32][512];
    struct import_sink sink;
};

static inline void
hear(void *ctx, const char *path, const char *reason)
{
    struct heard *heard = ctx;

    if (heard->n < 32) {
        snprintf(heard->path[heard->n], sizeof heard->path[0], "%s", path);
        snprintf(heard->reason[heard->n], sizeof heard->reason[0], "%s", reason);
    }
    heard->n++;
}

static inline struct heard *
heard_new(void)
{
    struct heard *heard = calloc(1, sizeof *heard);

    assert_non_null(heard);
    heard->sink = (struct import_sink){.ctx = heard, .problem = hear};
    return heard;
}

static inline void
assert_heard(const struct heard *heard, const char *path, const char *reason)
{
    for (int i = 0; i < heard->n && i < 32; i++)
        if (strstr(heard->path[i], path) && strstr(heard->reason[i], reason))
            return;
    for (int i = 0; i < heard->n && i < 32; i++)
        print_error("%s: %s\n", heard->path[i], heard->reason[i]);
    fail_msg("nothing was said of %s: %s", path, reason);
}

/* Writes <fixture>/<path>, folders and all. */
static inline void
write_bytes(struct fixture *f, const char *path, const char *bytes, size_t n)
{
    char full[512];
    FILE *file;

    assert_true(snprintf(full, sizeof full, "%s/%s", f->dir, path) < (int)sizeof full);
    for (char *p = full + strlen(f->dir) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(full, 0777);
        *p = '/';
    }
    file = fopen(full, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static inline void
write_text(struct fixture *f, const char *path, const char *text)
{
    write_bytes(f, path, text, strlen(text));
}

/* The bytes of a file, ended by NUL; NULL when there is none. Lives in the fixture's arena. */
static inline char *
slurp(struct fixture *f, const char *path, size_t *ret_n)
{
    char *bytes = jb_arena_alloc(f->arena, 1 << 20);
    FILE *file = fopen(path, "rb");
    size_t n;

    assert_non_null(bytes);
    if (!file)
        return NULL;
    n = fread(bytes, 1, (1 << 20) - 1, file);
    fclose(file);
    if (ret_n)
        *ret_n = n;
    return bytes;
}

static inline const char *
below(struct fixture *f, const char *path)
{
    const char *full = jb_arena_printf(f->arena, "%s/%s", f->dir, path);

    assert_non_null(full);
    return full;
}

static inline const char *
test_data(struct fixture *f, const char *path)
{
    const char *top = getenv("JB_SRCDIR");
    const char *full = jb_arena_printf(f->arena, "%s/tests/data/%s", top ? top : ".", path);

    assert_non_null(full);
    return full;
}

static inline void
copy_data(struct fixture *f, const char *from, const char *to)
{
    size_t n = 0;
    const char *bytes = slurp(f, test_data(f, from), &n);

    assert_non_null(bytes);
    write_bytes(f, to, bytes, n);
}

static inline void
assert_same_file(struct fixture *f, const char *a, const char *b)
{
    size_t n = 0, m = 0;
    const char *x = slurp(f, a, &n), *y = slurp(f, b, &m);

    if (!x || !y)
        fail_msg("%s is missing", x ? b : a);
    if (n != m || memcmp(x, y, n) != 0)
        fail_msg("%s and %s differ", a, b);
}

static inline void
assert_counts(const struct import_counts *c, size_t added, size_t changed, size_t same,
              size_t broken)
{
    if (c->added != added || c->changed != changed || c->same != same || c->broken != broken)
        fail_msg("%zu new, %zu changed, %zu same, %zu broken", c->added, c->changed, c->same,
                 c->broken);
}
