/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "dispatch/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR (INT64_C(3600) * 1000000)
#define NOW  (1000 * HOUR)

static struct schedule *s;

static int
setup(void **state)
{
    (void)state;
    s = schedule_new();
    return s == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    schedule_free(s);
    return 0;
}

static void
host(const char *name, int64_t slots, int64_t gib)
{
    assert_int_equal(schedule_host_put(s, &(struct schedule_host){.name = name,
                                                                  .slots = slots,
                                                                  .gpus = slots,
                                                                  .memory_mib = gib << 10,
                                                                  .open = true}),
                     0);
}

static struct schedule_job
job(uint64_t id, const char *owner, double gib, double hours)
{
    return (struct schedule_job){.id = id,
                                 .class = SCHEDULE_NORMAL,
                                 .owner = owner,
                                 .need_mib = gib * 1024,
                                 .seconds = hours * 3600,
                                 .queued = NOW + (int64_t)id};
}

static void
put(struct schedule_job j)
{
    assert_int_equal(schedule_job_put(s, &j), 0);
}

/* "1@a 2@b" */
static const char *
pass(int64_t now)
{
    static char text[4096];
    const struct schedule_choice *c;
    size_t n, at = 0;

    assert_int_equal(schedule_pass(s, now, &c, &n), 0);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        if (c[i].host)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu@%s", i ? " " : "",
                                   (unsigned long long)c[i].job, c[i].host);
        else
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu:%lld", i ? " " : "",
                                   (unsigned long long)c[i].job, (long long)c[i].needs_gib);
    return text;
}

static void
test_capacity(void **state)
{
    const struct schedule_host two = {
        .name = "a", .slots = 2, .gpus = 2, .memory_mib = 160 << 10, .open = true};
    struct schedule_job j = job(1, "o", 0, 1);

    (void)state;
    /* 7 billion of 16 bits: 1.2 x 13,351 MiB of weights. */
    assert_true(fabs(schedule_need(7, 16, 0) - 16021.7) < 1);
    assert_true(fabs(schedule_need(7, 4.4, 100) - (1.2 * 7e9 * 0.55 / 1048576 + 100)) < 0.01);
    assert_true(schedule_need(NAN, 16, 0) == 0);
    /* 0.9 x 80 - 2 = 70 GiB a slot. */
    j.need_mib = 70 * 1024;
    assert_int_equal(schedule_slots(&two, &j), 1);
    j.need_mib = 70.5 * 1024;
    assert_int_equal(schedule_slots(&two, &j), 2);
    j.need_mib = 140.5 * 1024;
    assert_int_equal(schedule_slots(&two, &j), 0);
    j.need_mib = 0;
    assert_int_equal(schedule_slots(&two, &j), 1);
    j.more_than_mib = 80 << 10;
    assert_int_equal(schedule_slots(&two, &j), 2);
    j.more_than_mib = 160 << 10;
    assert_int_equal(schedule_slots(&two, &j), 0);
}

static void
test_best_fit_and_cache(void **state)
{
    const char *cached[] = {"m@1"};
    struct schedule_job j;

    (void)state;
    host("big", 1, 80);
    host("small", 1, 24);
    put(job(1, "o", 10, 1));
    assert_string_equal(pass(NOW), "1@small");
    assert_true(schedule_job_drop(s, 1));
    assert_false(schedule_job_drop(s, 1));
    assert_int_equal(schedule_host_put(s, &(struct schedule_host){.name = "big",
                                                                  .slots = 1,
                                                                  .gpus = 1,
                                                                  .memory_mib = 80 << 10,
                                                                  .open = true,
                                                                  .n_cached = 1,
                                                                  .cached = cached}),
                     0);
    j = job(2, "o", 10, 1);
    j.revision = "m@1";
    put(j);
    assert_string_equal(pass(NOW), "2@big");
    schedule_host_drop(s, "big");
    j.id = 3;
    put(j);
    assert_string_equal(pass(NOW), "3@small");
}

static void
test_classes(void **state)
{
    struct schedule_job j = job(1, "o", 1, 1);

    (void)state;
    host("a", 1, 24);
    j.class = SCHEDULE_BULK;
    j.queued = NOW - 71 * HOUR;
    put(j);
    put(job(2, "p", 1, 1));
    j = job(3, "o", 1, 1);
    j.class = SCHEDULE_OPERATOR;
    put(j);
    assert_string_equal(pass(NOW), "3@a");
    schedule_job_drop(s, 3);
    assert_string_equal(pass(NOW + 1), "2@a");
    schedule_job_drop(s, 2);
    put(job(4, "p", 1, 1));
    /* 72 hours later it is as good as a normal one, and its owner has had less than p. */
    assert_string_equal(pass(NOW + HOUR), "1@a");
    schedule_job_drop(s, 1);
    assert_string_equal(pass(NOW + HOUR), "4@a");
}

static void
test_owners(void **state)
{
    double given[3] = {0};

    (void)state;
    host("a", 1, 24);
    for (uint64_t i = 1; i <= 400; i++)
        put(job(i, i <= 300 ? "many" : i <= 350 ? "few" : "long", 1, i > 350 ? 3 : 1));
    for (int i = 0; i < 100; i++) {
        const struct schedule_choice *c;
        size_t n;

        assert_int_equal(schedule_pass(s, NOW, &c, &n), 0);
        assert_int_equal(n, 1);
        given[c->job <= 300 ? 0 : c->job <= 350 ? 1 : 2] += c->job > 350 ? 3 : 1;
        schedule_job_drop(s, c->job);
    }
    for (int i = 0; i < 3; i++)
        assert_true(fabs(given[i] - (given[0] + given[1] + given[2]) / 3) <= 3);
    assert_int_equal(schedule_waiting(s), 300);
}

static void
test_reservation(void **state)
{
    struct schedule_job large = job(3, "o", 100, 5), j;

    (void)state;
    host("a", 2, 160);
    put(job(1, "o", 10, 10));
    assert_string_equal(pass(NOW), "1@a");
    /* It needs both slots, the second of which is free in ten hours. */
    put(large);
    assert_string_equal(pass(NOW), "");
    put(job(4, "p", 10, 11));
    put(job(5, "q", 10, 9));
    assert_string_equal(pass(NOW), "5@a");
    schedule_job_drop(s, 5);
    assert_string_equal(pass(NOW), "");
    j = job(6, "p", 10, 11);
    j.class = SCHEDULE_OPERATOR;
    put(j);
    assert_string_equal(pass(NOW), "6@a");
    schedule_job_drop(s, 6);
    schedule_job_drop(s, 1);
    assert_string_equal(pass(NOW + HOUR), "3@a");
    assert_int_equal(schedule_free_slots(s), 0);
    schedule_job_drop(s, 3);
    assert_string_equal(pass(NOW + HOUR), "4@a");
}

static void
test_reserver_goes(void **state)
{
    (void)state;
    host("a", 2, 160);
    put(job(1, "o", 10, 10));
    assert_string_equal(pass(NOW), "1@a");
    put(job(2, "o", 100, 5));
    assert_string_equal(pass(NOW), "");
    put(job(3, "p", 10, 11));
    assert_true(schedule_job_drop(s, 2));
    assert_string_equal(pass(NOW), "3@a");
    put(job(4, "o", 100, 5));
    schedule_job_drop(s, 3);
    assert_string_equal(pass(NOW), "");
    schedule_host_drop(s, "a");
    assert_int_equal(schedule_waiting(s), 1);
    host("b", 2, 160);
    assert_string_equal(pass(NOW), "4@b");
}

static void
test_too_large(void **state)
{
    (void)state;
    put(job(1, "o", 100, 1));
    put(job(2, "o", 5, 1));
    assert_string_equal(pass(NOW), ""); /* no host is known: nothing can be said */
    host("a", 1, 24);
    assert_string_equal(pass(NOW), "1:100 2@a");
    assert_string_equal(pass(NOW), "");
    assert_int_equal(schedule_waiting(s), 1);
    host("b", 2, 160);
    assert_string_equal(pass(NOW), "1@b");
}

static void
test_avoid(void **state)
{
    struct schedule_job j = job(1, "o", 10, 1);

    (void)state;
    host("a", 1, 24);
    host("b", 1, 24);
    j.avoid[0] = "b";
    put(j);
    put(job(2, "o", 10, 1));
    put(job(3, "o", 10, 1));
    assert_string_equal(pass(NOW), "1@a 2@b");
    schedule_job_drop(s, 2);
    assert_string_equal(pass(NOW), "3@b");
    schedule_job_drop(s, 3);
    j.id = 4;
    put(j);
    put(job(5, "o", 10, 1));
    /* It waits for the other host, and what is behind it does not. */
    assert_string_equal(pass(NOW), "5@b");
    schedule_job_drop(s, 5);
    schedule_job_drop(s, 1);
    schedule_host_drop(s, "a");
    /* Rather there than never. */
    assert_string_equal(pass(NOW), "4@b");
}

static void
test_closed_and_running(void **state)
{
    struct schedule_host a = {
        .name = "a", .slots = 2, .gpus = 2, .memory_mib = 48 << 10, .open = false};
    struct schedule_job j = job(9, "o", 1, 1);

    (void)state;
    assert_int_equal(schedule_host_put(s, &a), 0);
    put(job(1, "o", 1, 1));
    put(job(2, "o", 1, 1));
    assert_string_equal(pass(NOW), "");
    assert_int_equal(schedule_job_runs(s, &j, "none", 1, NOW), JB_ENOENT);
    assert_int_equal(schedule_job_runs(s, &j, "a", 1, NOW), 0);
    a.open = true;
    assert_int_equal(schedule_host_put(s, &a), 0);
    assert_int_equal(schedule_free_slots(s), 1);
    assert_string_equal(pass(NOW), "1@a");
    put(j); /* it waits again */
    assert_string_equal(pass(NOW), "2@a");
    j.seconds = 0;
    assert_int_equal(schedule_job_put(s, &j), JB_EINVAL);
    a.slots = 0;
    assert_int_equal(schedule_host_put(s, &a), JB_EINVAL);
}

/* Whatever happens, no slot is given twice, and all that fits runs in the end. */
static void
test_random(void **state)
{
    enum { JOBS = 400, HOSTS = 12 };
    static const int64_t gib[HOSTS] = {24, 24, 48, 80, 160, 320, 640, 24, 80, 96, 192, 40};
    static const int64_t slots[HOSTS] = {1, 1, 2, 1, 2, 4, 8, 1, 1, 4, 4, 1};
    uint64_t seed = 7;

    (void)state;
    for (int round = 0; round < 20; round++) {
        bool done[JOBS + 1] = {false}, runs[JOBS + 1] = {false};
        int at[JOBS + 1], takes[JOBS + 1], left = JOBS, used[HOSTS] = {0};

        for (int i = 0; i < HOSTS; i++) {
            char name[16];

            snprintf(name, sizeof(name), "h%d", i);
            host(name, slots[i], gib[i]);
        }
        for (uint64_t i = 1; i <= JOBS; i++) {
            char owner[4] = {(char)('a' + (seed = seed * 6364136223846793005u + 1) % 17), 0};
            struct schedule_job j = job(i, owner, (double)(seed >> 40 & 255), 1);

            j.seconds = 60 + (double)(seed >> 50 & 1023) * 20;
            j.class = (enum schedule_class)((seed >> 30) % 3);
            if (seed >> 60 == 0)
                j.avoid[0] = "h6";
            put(j);
        }
        for (int step = 0; step < 4000 && left; step++) {
            const struct schedule_choice *c;
            size_t n;

            assert_int_equal(schedule_pass(s, NOW + step * HOUR / 4, &c, &n), 0);
            for (size_t i = 0; i < n; i++) {
                assert_non_null(c[i].host);
                assert_false(runs[c[i].job] || done[c[i].job]);
                runs[c[i].job] = true;
                at[c[i].job] = atoi(c[i].host + 1);
                takes[c[i].job] = (int)c[i].slots;
                used[at[c[i].job]] += takes[c[i].job];
                assert_true(used[at[c[i].job]] <= slots[at[c[i].job]]);
            }
            for (uint64_t i = 1; i <= JOBS; i++)
                if (runs[i] && (seed = seed * 6364136223846793005u + 1) >> 61 == 0) {
                    runs[i] = false;
                    done[i] = true;
                    left--;
                    used[at[i]] -= takes[i];
                    assert_true(schedule_job_drop(s, i));
                }
        }
        assert_int_equal(left, 0);
        assert_int_equal(schedule_waiting(s), 0);
        assert_int_equal(schedule_free_slots(s), 30);
    }
}

static void
host_with(const char *name, uint64_t plans)
{
    assert_int_equal(schedule_host_put(s, &(struct schedule_host){.name = name,
                                                                  .slots = 1,
                                                                  .gpus = 1,
                                                                  .memory_mib = 24 << 10,
                                                                  .open = true,
                                                                  .plans = plans}),
                     0);
}

static void
test_plans(void **state)
{
    struct schedule_job j = job(1, "o", 1, 1);

    (void)state;
    host_with("a", 1);
    host_with("b", 3);
    j.plans = 2;
    put(j);
    assert_string_equal(pass(NOW), "1@b");
    /* Nobody else has it: this one waits, and holds up no other. */
    j.id = 2;
    j.avoid[0] = "b";
    put(j);
    put(job(3, "p", 1, 1));
    assert_string_equal(pass(NOW), "3@a");
    assert_true(schedule_job_drop(s, 1));
    /* It avoids the only host that has it: then none. */
    assert_string_equal(pass(NOW), "2@b");
    assert_true(schedule_job_drop(s, 2));
    /* Another host comes that has it, then that is the one. */
    put(j);
    host_with("c", 2);
    assert_string_equal(pass(NOW), "2@c");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_capacity),
        T(test_best_fit_and_cache),
        T(test_classes),
        T(test_owners),
        T(test_reservation),
        T(test_reserver_goes),
        T(test_too_large),
        T(test_avoid),
        T(test_closed_and_running),
        T(test_plans),
        T(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
