/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a message as a table: one table writes it and reads it. Reading is strict:
 * every member is there exactly once, nothing else is, and each is within its bounds. For
 * wire/ alone and for what the agent keeps on disk in the same way.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cJSON holds numbers as doubles: what is whole and exact there. */
#define FIELD_INT_MAX ((int64_t)1 << 53)

enum field_type {
    FIELD_TEXT,   /* const char *: UTF-8 without control characters, min..max bytes */
    FIELD_LINES,  /* as FIELD_TEXT, with newlines: PEM */
    FIELD_CHARS,  /* char[max + 1] within the struct, else as FIELD_TEXT */
    FIELD_INT,    /* int64_t or uint64_t within min..max, 0 <= max <= FIELD_INT_MAX */
    FIELD_NUMBER, /* double within min..max */
    FIELD_MAYBE,  /* as FIELD_NUMBER, or NAN, which is null */
    FIELD_BOOL,   /* bool */
    FIELD_WORD,   /* an enum: index into `words`, max of them */
    FIELD_TEXTS,  /* const char *const *, max of them, each of 1..item_size bytes */
    FIELD_LIST,   /* array of structs, max of them */
    FIELD_GROUP,  /* a struct within the struct */
};

struct field {
    const char *name; /* NULL ends a table */
    enum field_type type;
    size_t offset;
    int64_t min, max;
    size_t count;              /* offset of the size_t, FIELD_TEXTS and FIELD_LIST */
    const struct field *items; /* FIELD_LIST, FIELD_GROUP */
    size_t item_size;          /* FIELD_LIST: of one; FIELD_TEXTS: most bytes of one */
    const char *const *words;  /* FIELD_WORD */
};

/* Rows of a table: the member has the field's name. */
#define FIELD_ROW(struct_, member, kind, ...)                                                  \
    {                                                                                          \
        .name = #member, .type = (kind), .offset = offsetof(struct struct_, member),           \
        __VA_ARGS__                                                                            \
    }
#define FIELD_SPAN(struct_, member, kind, low, high)                                           \
    FIELD_ROW(struct_, member, kind, .min = (low), .max = (high))
#define FIELD_TRUTH(struct_, member) FIELD_ROW(struct_, member, FIELD_BOOL, .max = 1)
#define FIELD_ITEMS(struct_, member, n, kind, low, high, ...)                                  \
    FIELD_ROW(struct_, member, kind, .min = (low), .max = (high),                              \
              .count = offsetof(struct struct_, n), __VA_ARGS__)

/* One object, the members in the order of the table. NULL texts are written as "". */
void fields_put(const struct field *table, const void *from, struct jb_buf *out);

/*
 * `json` has at most `bytes` bytes. Texts and lists live in the arena; `ret` is filled on 0
 * only, up to `size` bytes of it. JB_EPARSE: not JSON; JB_ETOOBIG: past a bound of the whole;
 * JB_EUNPROC: a member is missing, unknown, there twice or out of bounds; JB_ENOMEM.
 */
int fields_read(const struct field *table, struct jb_str json, size_t bytes,
                struct jb_arena *arena, struct jb_error *err, void *ret, size_t size);

/* A spec (struct spec) and the part of a manifest (struct wire_part), within a message. */
extern const struct field spec_fields[];
extern const struct field part_fields[];
