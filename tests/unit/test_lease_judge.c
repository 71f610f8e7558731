/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a failure, by what happened before. */
#include <config.h>

#include "cmocka_all.h"

#include "dispatch/lease.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

static void
test_judge(void **state)
{
    static const struct {
        char letter;
        struct lease_past past;
        enum lease_verdict verdict;
        int64_t least, most; /* seconds */
    } cases[] = {
        {'I', {.i = 1}, LEASE_RETRY, 48, 72},
        {'I', {.i = 2}, LEASE_RETRY, 192, 288},
        {'I', {.i = 3}, LEASE_FAIL, 0, 0},
        {'M', {.m = 5}, LEASE_RETRY, 2880, 4320},
        {'M', {.m = 6}, LEASE_FAIL, 0, 0},
        {'O', {.o = 1}, LEASE_RETRY, 0, 60},
        {'O', {.o = 2}, LEASE_FAIL, 0, 0},
        {'P', {.attempts = 1}, LEASE_FAIL, 0, 0},
        {'B', {.b = 1, .b_hosts = 1}, LEASE_RETRY, 0, 60},
        {'B', {.b = 2, .b_hosts = 2}, LEASE_POISON, 0, 0},
        {'B', {.b = 3, .b_hosts = 1}, LEASE_POISON, 0, 0},
        {'I', {.i = 2, .died_hosts = 2}, LEASE_POISON, 0, 0},
        {'I', {.i = 1, .attempts = 12}, LEASE_FAIL, 0, 0},
        {'I', {.i = 1, .attempts = 11}, LEASE_RETRY, 48, 72},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t random = 0; random < 3; random++) {
            struct lease_past past = cases[i].past;
            int64_t wait = -1;
            past.most = 12;
            past.first_ms = MINUTE;
            past.most_ms = 60 * MINUTE;
            assert_int_equal(
                lease_judge(cases[i].letter, &past, random * UINT32_C(2000000011), &wait),
                cases[i].verdict);
            if (cases[i].verdict == LEASE_RETRY)
                assert_true(wait >= cases[i].least * SECOND && wait <= cases[i].most * SECOND);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_judge)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
