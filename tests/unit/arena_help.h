/* SPDX-License-Identifier: Apache-2.0 */
/* One arena for all tests of a program, and files of tests/data in it. */
#pragma once

#include "cmocka_all.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

static struct jb_arena *arena;

/* For cmocka_run_group_tests(). */
static inline int
arena_setup(void **state)
{
    (void)state;
    arena = jb_arena_new((size_t)64 << 20);
    return arena ? 0 : -1;
}

static inline int
arena_teardown(void **state)
{
    (void)state;
    jb_arena_free(arena);
    return 0;
}

/* A file below tests/data, with a NUL behind it. */
static inline struct jb_str
data_file(const char *name)
{
    const char *top = getenv("JB_SRCDIR");
    const size_t room = (size_t)1 << 20;
    char *path = jb_arena_printf(arena, "%s/tests/data/%s", top ? top : ".", name);
    char *bytes = jb_arena_alloc(arena, room);
    FILE *file = path ? fopen(path, "rb") : NULL;
    size_t n;

    if (!file || !bytes)
        fail_msg("%s cannot be opened", name);
    n = fread(bytes, 1, room - 1, file);
    fclose(file);
    bytes[n] = '\0';
    return (struct jb_str){bytes, n};
}
