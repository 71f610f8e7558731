/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/hub_known.h"

#include "base/arena.h"
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)4 << 20)

static const char *const kinds[HUB_WORD_MAX] = {
    [HUB_ARCHITECTURE] = "architecture",
    [HUB_MODEL_TYPE] = "model_type",
    [HUB_TOKENIZER] = "tokenizer",
};

struct hub_known {
    unsigned refs; /* one thread */
    struct jb_arena *arena;
    struct {
        const char **names; /* sorted */
        size_t n, room;
    } words[HUB_WORD_MAX];
};

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
add(struct hub_known *k, enum hub_word kind, const char *name, size_t n)
{
    const char *copy = jb_arena_dup(k->arena, name, n);

    if (k->words[kind].n == k->words[kind].room) {
        size_t room = k->words[kind].room ? k->words[kind].room * 2 : 256;
        const char **names = reallocarray(k->words[kind].names, room, sizeof *names);
        if (!names)
            return JB_ENOMEM;
        k->words[kind].names = names;
        k->words[kind].room = room;
    }
    if (!copy)
        return JB_ENOMEM;
    k->words[kind].names[k->words[kind].n++] = copy;
    return 0;
}

/* JB_EPARSE: neither empty nor a kind and a name. */
static int
read_line(struct hub_known *k, const char *line, size_t n)
{
    static const char blank[] = " \t\r";
    const char *hash = memchr(line, '#', n);

    n = hash ? (size_t)(hash - line) : n;
    while (n && strchr(blank, line[n - 1]))
        n--;
    while (n && strchr(blank, *line)) {
        line++;
        n--;
    }
    if (n == 0)
        return 0;
    for (int kind = 0; kind < HUB_WORD_MAX; kind++) {
        size_t m = strlen(kinds[kind]);
        if (n <= m || memcmp(line, kinds[kind], m) != 0 || !strchr(" \t", line[m]))
            continue;
        while (strchr(" \t", line[m]))
            m++;
        for (size_t i = m; i < n; i++)
            if ((unsigned char)line[i] <= ' ' || (unsigned char)line[i] > '~')
                return JB_EPARSE;
        return add(k, (enum hub_word)kind, line + m, n - m);
    }
    return JB_EPARSE;
}

int
hub_known_parse(const char *name, const char *text, size_t n, struct jb_error *err,
                struct hub_known **ret_known)
{
    struct hub_known *k = calloc(1, sizeof *k);
    size_t number = 0;
    int rc = 0;

    if (k)
        k->arena = jb_arena_new(2 * FILE_MAX);
    if (!k || !k->arena)
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    if (!rc && memchr(text, '\0', n))
        rc = jb_fail(err, JB_EPARSE, "%s: not a text", name);
    for (const char *end = text + n; !rc && text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        number++;
        rc = read_line(k, text, (size_t)(stop - text));
        if (rc == JB_EPARSE)
            jb_fail(err, rc,
                    "%s:%zu: not `architecture NAME`, `model_type NAME` or `tokenizer NAME`",
                    name, number);
        else if (rc)
            jb_fail(err, rc, "out of memory");
        text = stop + 1;
    }
    if (rc) {
        hub_known_unref(k);
        return rc;
    }
    for (int kind = 0; kind < HUB_WORD_MAX; kind++)
        if (k->words[kind].n)
            qsort(k->words[kind].names, k->words[kind].n, sizeof(char *), by_text);
    k->refs = 1;
    *ret_known = k;
    return 0;
}

int
hub_known_load(const char *file, struct jb_error *err, struct hub_known **ret_known)
{
    FILE *in = fopen(file, "re");
    char *text = in ? malloc(FILE_MAX + 1) : NULL;
    int rc;

    if (!in)
        return jb_fail_errno(err, errno, "%s", file);
    if (!text) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    size_t n = fread(text, 1, FILE_MAX + 1, in);
    if (ferror(in))
        rc = jb_fail_errno(err, errno, "%s", file);
    else if (n > FILE_MAX)
        rc = jb_fail(err, JB_ETOOBIG, "%s: more than %zu bytes", file, FILE_MAX);
    else
        rc = hub_known_parse(file, text, n, err, ret_known);
out:
    free(text);
    fclose(in);
    return rc;
}

struct hub_known *
hub_known_ref(struct hub_known *known)
{
    if (known)
        known->refs++;
    return known;
}

void
hub_known_unref(struct hub_known *known)
{
    if (!known || (known->refs && --known->refs))
        return;
    for (int kind = 0; kind < HUB_WORD_MAX; kind++)
        free(known->words[kind].names);
    jb_arena_free(known->arena);
    free(known);
}

bool
hub_known_has(const struct hub_known *known, enum hub_word kind, const char *name)
{
    return name && *name && known->words[kind].n &&
           bsearch(&name, known->words[kind].names, known->words[kind].n, sizeof(char *),
                   by_text);
}
