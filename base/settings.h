/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings files: libconfig syntax, read through a table that gives key, type, range, default
 * and help. Every mistake in a file is reported, each as `file:line: key: reason`, before
 * anything starts. The same table prints the man page and the annotated default file.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_STRING, /* const char * (UTF-8, no control characters) */
    SETTING_PATH,   /* const char *; a relative one is taken from the settings file's folder */
    SETTING_INT,    /* int64_t within [min, max] */
    SETTING_NUMBER, /* double within [min, max] */
    SETTING_BOOL,   /* bool */
    SETTING_DURATION, /* int64_t milliseconds; "500ms" "15s" "10m" "2h" "7d"; min, max in ms */
    SETTING_SIZE,     /* int64_t bytes; "64K" "16M" "64G" (powers of 1024); min, max in bytes */
    SETTING_STRINGS,  /* struct setting_strings; array of strings, or one string */
    SETTING_CHOICE,   /* int: index into `choices` ("a|b|c") */
    SETTING_LIST,     /* struct setting_list of groups, each read by `items` */
};

struct setting_strings {
    size_t n;
    const char *const *items;
};

struct setting_list {
    size_t n;
    void *items; /* n elements of the item_size of the table */
};

struct setting {
    const char *key; /* dotted path, "web.workers" */
    enum setting_type type;
    size_t offset;       /* of the field in the target struct */
    const char *def;     /* default as it would stand in the file (the items of a list between
                            bars); NULL = must be given */
    double min, max;     /* both 0 = any */
    const char *choices; /* SETTING_CHOICE */
    const struct setting *items; /* SETTING_LIST: table of the group, ended by key == NULL */
    size_t item_size;            /* SETTING_LIST */
    /* Extra check of the value that was read (points to the field); returns NULL or the reason.
     */
    const char *(*check)(const void *value);
    const char *help; /* one or two sentences for the man page */
};

/* All complaints of one load, a line each. */
struct settings_report {
    struct jb_buf text; /* lines `file:line: key: reason`, each ended by newline */
    size_t n;
};

/*
 * Reads `file` into `target` by `table` (ended by key == NULL). Strings and lists live in
 * `arena`. An unknown key is an error (with the nearest known key as a hint), a key twice is an
 * error, `@include` is refused. Keys under the groups named in `foreign` (NULL-ended list of
 * first path components, NULL = none) belong to another table and are left alone.
 * Returns 0; JB_ENOENT or JB_EIO when the file cannot be read; JB_EINVAL when there is anything
 * in the report. `target` is filled only on 0.
 */
int settings_load(const char *file, const struct setting *table, const char *const *foreign,
                  struct jb_arena *arena, void *target, struct settings_report *report);

/* As settings_load(), from memory; `name` stands for the file in messages. For tests and
 * fuzzing. */
int settings_parse(const char *name, const char *text, size_t n, const struct setting *table,
                   const char *const *foreign, struct jb_arena *arena, void *target,
                   struct settings_report *report);

/* All defaults, no file. Keys without a default are left zero. */
int settings_defaults(const struct setting *table, struct jb_arena *arena, void *target);

/* The table as mdoc list items for jinbang.conf(5). */
void settings_mdoc(const struct setting *table, struct jb_buf *out);

/* The table as a commented settings file with every default. */
void settings_example(const struct setting *table, struct jb_buf *out);
