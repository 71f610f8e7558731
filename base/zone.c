/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/zone.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ZONES "/usr/share/zoneinfo"

enum { FILE_MAX = 64 << 10, HEADER = 44, DAY = 86400 };

struct jb_zone {
    const char *name;
    size_t n;
    const int64_t *at;     /* seconds since 1970, ascending */
    const int32_t *offset; /* n + 1; offset[0] holds before the first change */
};

static bool
is_name(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                            "_+-/");

    return n && n <= 64 && !name[n] && name[0] != '/';
}

/* Numbers in zone files are big-endian, in two's complement. */
static int64_t
number(const unsigned char *p, size_t n)
{
    uint64_t value = p[0] & 0x80 ? UINT64_MAX : 0;

    for (size_t i = 0; i < n; i++)
        value = value << 8 | p[i];
    return (int64_t)value;
}

struct counts {
    size_t utc, standard, leap, changes, types, letters;
};

static bool
read_header(const unsigned char *p, size_t n, struct counts *ret)
{
    size_t *fields[] = {&ret->utc,     &ret->standard, &ret->leap,
                        &ret->changes, &ret->types,    &ret->letters};

    if (n < HEADER || memcmp(p, "TZif", 4) != 0)
        return false;
    for (size_t i = 0; i < 6; i++) {
        int64_t value = number(p + 20 + 4 * i, 4);
        if (value < 0 || value > FILE_MAX)
            return false;
        *fields[i] = (size_t)value;
    }
    return ret->types > 0;
}

static size_t
block_size(const struct counts *c, size_t time_size)
{
    return c->changes * (time_size + 1) + c->types * 6 + c->letters +
           c->leap * (time_size + 4) + c->standard + c->utc;
}

/* A data block whose times take `size` bytes. */
static int
read_block(const unsigned char *p, const struct counts *c, size_t size, struct jb_arena *arena,
           struct jb_zone *zone)
{
    const unsigned char *kinds = p + c->changes * size, *types = kinds + c->changes;
    int64_t *at = jb_arena_array(arena, c->changes + 1, sizeof *at);
    int32_t *offset = jb_arena_array(arena, c->changes + 1, sizeof *offset);

    if (!at || !offset)
        return JB_ENOMEM;
    offset[0] = (int32_t)number(types, 4);
    for (size_t i = 0; i < c->changes; i++) {
        if (kinds[i] >= c->types)
            return JB_EPARSE;
        at[i] = number(p + i * size, size);
        offset[i + 1] = (int32_t)number(types + kinds[i] * 6, 4);
        if (i && at[i] <= at[i - 1])
            return JB_EPARSE;
    }
    for (size_t i = 0; i <= c->changes; i++)
        if (offset[i] <= -DAY || offset[i] >= DAY)
            return JB_EPARSE;
    zone->n = c->changes;
    zone->at = at;
    zone->offset = offset;
    return 0;
}

/* Files of version 2 and later hold everything twice, the second time with long times. */
static int
read_zone(const unsigned char *p, size_t n, struct jb_arena *arena, struct jb_zone *zone)
{
    struct counts c;

    if (!read_header(p, n, &c) || block_size(&c, 4) > n - HEADER)
        return JB_EPARSE;
    if (p[4] < '2')
        return read_block(p + HEADER, &c, 4, arena, zone);
    size_t skip = HEADER + block_size(&c, 4);
    if (!read_header(p + skip, n - skip, &c) || block_size(&c, 8) > n - skip - HEADER)
        return JB_EPARSE;
    return read_block(p + skip + HEADER, &c, 8, arena, zone);
}

static int
read_file(const char *path, struct jb_arena *arena, const unsigned char **ret_p, size_t *ret_n)
{
    unsigned char *p = jb_arena_alloc(arena, FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t got = 0;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? JB_ENOENT : JB_EIO;
    while (p && n < FILE_MAX && (got = read(fd, p + n, FILE_MAX - n)) > 0)
        n += (size_t)got;
    close(fd);
    if (!p)
        return JB_ENOMEM;
    if (got < 0)
        return JB_EIO;
    *ret_p = p;
    *ret_n = n;
    return 0;
}

int
jb_zone_load(const char *name, struct jb_arena *arena, struct jb_error *err,
             const struct jb_zone **ret_zone)
{
    struct jb_zone *zone;
    const unsigned char *p = NULL;
    size_t n = 0;

    if (!name[0] || strcmp(name, "UTC") == 0) {
        *ret_zone = NULL;
        return 0;
    }
    if (!is_name(name))
        return jb_fail(err, JB_EINVAL, "\"%s\" is not the name of a time zone", name);
    if (access(ZONES, X_OK) != 0) {
        *ret_zone = NULL;
        return 0;
    }
    const char *path = jb_arena_printf(arena, ZONES "/%s", name);
    zone = jb_arena_alloc(arena, sizeof *zone);
    int rc = path && zone ? read_file(path, arena, &p, &n) : JB_ENOMEM;
    if (rc == 0)
        rc = read_zone(p, n, arena, zone);
    if (rc == 0 && !(zone->name = jb_arena_dup(arena, name, strlen(name))))
        rc = JB_ENOMEM;
    if (rc)
        return jb_fail(err, rc, "the time zone \"%s\": %s in " ZONES, name, jb_strerror(rc));
    *ret_zone = zone;
    return 0;
}

const char *
jb_zone_name(const struct jb_zone *zone)
{
    return zone ? zone->name : "UTC";
}

int
jb_zone_offset(const struct jb_zone *zone, int64_t us)
{
    int64_t seconds = us / 1000000 - (us % 1000000 < 0);
    size_t low = 0, high = zone ? zone->n : 0;

    if (!zone)
        return 0;
    while (low < high) { /* how many changes were before */
        size_t middle = low + (high - low) / 2;
        if (zone->at[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return zone->offset[low];
}

void
jb_zone_format(const struct jb_zone *zone, int64_t us, int seconds, char out[JB_ZONE_TIME_SIZE])
{
    char text[JB_TIME_SIZE];

    jb_time_format(us + (int64_t)jb_zone_offset(zone, us) * 1000000, 0, text);
    text[10] = ' ';
    snprintf(out, JB_ZONE_TIME_SIZE, "%.*s", seconds ? 19 : 16, text);
}
