/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: known offsets, names that are none, and UTC without any file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/zone.h"

static int64_t
at(const char *text)
{
    int64_t us = 0;

    assert_int_equal(jb_time_parse(text, strlen(text), &us), 0);
    return us;
}

static void
test_offsets(void **state)
{
    struct jb_arena *arena = jb_arena_new(1 << 20);
    const struct jb_zone *zone = NULL;
    char text[JB_ZONE_TIME_SIZE];
    (void)state;

    if (access("/usr/share/zoneinfo/Asia/Shanghai", R_OK) != 0)
        skip();
    assert_int_equal(jb_zone_load("Asia/Shanghai", arena, NULL, &zone), 0);
    assert_string_equal(jb_zone_name(zone), "Asia/Shanghai");
    assert_int_equal(jb_zone_offset(zone, at("2026-10-05T16:30:00Z")), 8 * 3600);
    assert_int_equal(jb_zone_offset(zone, at("1988-07-01T00:00:00Z")), 9 * 3600); /* summer */
    assert_int_equal(jb_zone_offset(zone, at("1970-01-01T00:00:00Z")), 8 * 3600);
    jb_zone_format(zone, at("2026-12-31T16:30:05Z"), 0, text);
    assert_string_equal(text, "2027-01-01 00:30");
    jb_zone_format(zone, at("2026-12-31T16:30:05Z"), 1, text);
    assert_string_equal(text, "2027-01-01 00:30:05");
    jb_arena_free(arena);
}

static void
test_changes(void **state)
{
    struct jb_arena *arena = jb_arena_new(1 << 20);
    const struct jb_zone *zone = NULL;
    (void)state;

    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        skip();
    assert_int_equal(jb_zone_load("Europe/Berlin", arena, NULL, &zone), 0);
    assert_int_equal(jb_zone_offset(zone, at("2026-03-29T00:59:59Z")), 3600);
    assert_int_equal(jb_zone_offset(zone, at("2026-03-29T01:00:00Z")), 7200);
    assert_int_equal(jb_zone_offset(zone, at("2026-10-25T00:59:59Z")), 7200);
    assert_int_equal(jb_zone_offset(zone, at("2026-10-25T01:00:00Z")), 3600);
    jb_arena_free(arena);
}

static void
test_utc(void **state)
{
    char text[JB_ZONE_TIME_SIZE];
    struct jb_arena *arena = jb_arena_new(1 << 20);
    const struct jb_zone *zone = (const struct jb_zone *)arena;
    (void)state;

    assert_int_equal(jb_zone_load("UTC", arena, NULL, &zone), 0);
    assert_null(zone);
    assert_string_equal(jb_zone_name(NULL), "UTC");
    assert_int_equal(jb_zone_offset(NULL, 0), 0);
    jb_zone_format(NULL, -1, 1, text);
    assert_string_equal(text, "1969-12-31 23:59:59");
    jb_arena_free(arena);
}

static void
test_no_zone(void **state)
{
    static const char *const names[] = {"/etc/passwd", "../../../etc/passwd", "Asia/Shanghai\n",
                                        "a b", "zone.tab"};
    struct jb_arena *arena = jb_arena_new(1 << 20);
    const struct jb_zone *zone = NULL;
    struct jb_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(jb_zone_load(names[i], arena, NULL, &zone), JB_EINVAL);
    if (access("/usr/share/zoneinfo", X_OK) == 0) {
        assert_int_equal(jb_zone_load("Asia/Nowhere", arena, &err, &zone), JB_ENOENT);
        assert_non_null(strstr(err.text, "Asia/Nowhere"));
        /* a folder, and a text file */
        assert_int_not_equal(jb_zone_load("Asia", arena, NULL, &zone), 0);
    }
    assert_null(zone);
    jb_arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_utc),
        cmocka_unit_test(test_no_zone),
    };

    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
