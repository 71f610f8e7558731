/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler over simulated days: hosts of several sizes, a queue filled at once and
 * refilled so that every owner always has work waiting. Prints a table: times of passes, what
 * each owner got against its fair share, how long the longest waited. `bench/schedule [HOSTS
 * [JOBS]]`.
 */
#include "dispatch/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OWNERS = 20, SHOWN = 6, STEP_S = 60, STEPS = 3000 };
#define US INT64_C(1000000)

struct item {
    int64_t end, queued;
    unsigned owner;
    double seconds, params;
    bool runs;
};

static uint64_t seed = 42;

static double
uniform(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) / 9007199254740992.0;
}

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
must(int rc)
{
    if (!rc)
        return;
    fprintf(stderr, "schedule: %s\n", jb_strerror(rc));
    exit(1);
}

/* Owner 0 submits ten times as much as any other. */
static void
submit(struct schedule *s, struct item *items, size_t i, int64_t now)
{
    static const double sizes[] = {0.5, 1.8, 7, 7, 7, 13, 34, 70};
    char owner[16], revision[32];
    struct item *item = &items[i];
    unsigned at = (unsigned)(uniform() * (OWNERS + 9));

    item->owner = at < 10 ? 0 : at - 9;
    item->params = sizes[(size_t)(uniform() * 8)];
    item->seconds = 600 + item->params * 300 * (0.5 + uniform());
    item->queued = now;
    item->runs = false;
    snprintf(owner, sizeof(owner), "org%u", item->owner);
    snprintf(revision, sizeof(revision), "model%u", (unsigned)(uniform() * 5000));
    must(schedule_job_put(
        s, &(struct schedule_job){.id = i + 1,
                                  .class = SCHEDULE_NORMAL,
                                  .owner = owner,
                                  .need_mib = schedule_need(item->params, 16, 1024),
                                  .seconds = item->seconds,
                                  .queued = now,
                                  .revision = revision}));
}

int
main(int argc, char **argv)
{
    const size_t n_hosts = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    const size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    struct item *items = calloc(n, sizeof(*items));
    double *took = calloc(STEPS, sizeof(*took));
    double given[OWNERS] = {0}, all = 0, longest = 0, longest_of = 0, first;
    struct schedule *s = schedule_new();
    size_t begun = 0;

    if (!items || !took || !s || !n_hosts || !n)
        return 1;
    for (size_t i = 0; i < n_hosts; i++) {
        static const struct schedule_host kinds[] = {
            {.slots = 1, .gpus = 1, .memory_mib = 24 << 10, .open = true},
            {.slots = 4, .gpus = 4, .memory_mib = 4 * 48 << 10, .open = true},
            {.slots = 8, .gpus = 8, .memory_mib = 8 * 80 << 10, .open = true},
            {.slots = 2, .gpus = 2, .memory_mib = 2 * 80 << 10, .open = true}};
        struct schedule_host host = kinds[i % 4];
        char name[32];

        snprintf(name, sizeof(name), "host%zu", i);
        host.name = name;
        must(schedule_host_put(s, &host));
    }
    for (size_t i = 0; i < n; i++)
        submit(s, items, i, (int64_t)i);
    for (int step = 0; step < STEPS; step++) {
        const struct schedule_choice *choices;
        const int64_t now = (int64_t)step * STEP_S * US + (int64_t)n;
        size_t chosen;
        double before = now_ms();

        must(schedule_pass(s, now, &choices, &chosen));
        took[step] = now_ms() - before;
        for (size_t i = 0; i < chosen; i++) {
            struct item *item = &items[choices[i].job - 1];

            if (!choices[i].host)
                continue;
            item->runs = true;
            item->end = now + (int64_t)(item->seconds * 1e6);
            given[item->owner] += item->seconds;
            all += item->seconds;
            begun++;
            if ((double)(now - item->queued) > longest) {
                longest = (double)(now - item->queued);
                longest_of = item->params;
            }
        }
        for (size_t i = 0; i < n; i++)
            if (items[i].runs && items[i].end <= now + STEP_S * US) {
                schedule_job_drop(s, i + 1);
                submit(s, items, i, now + STEP_S * US);
            }
    }
    first = took[0];
    qsort(took, STEPS, sizeof(*took), by_value);
    printf("%-28s %zu hosts, %zu jobs waiting, %d passes, %zu begun\n", "size", n_hosts,
           schedule_waiting(s), STEPS, begun);
    printf("%-28s of processor time: first %.2f ms, median %.3f, p99 %.3f, longest %.2f\n",
           "pass", first, took[STEPS / 2], took[STEPS * 99 / 100], took[STEPS - 1]);
    for (int i = 0; i < SHOWN; i++)
        printf("%-24s%4d %.4f of a fair share\n", i ? "owner" : "owner, asks ten times more", i,
               given[i] / (all / (double)OWNERS));
    printf("%-28s %.1f h, of %g billion parameters\n", "longest that waited and began",
           longest / 3.6e9, longest_of);
    longest = 0;
    for (size_t i = 0; i < n; i++)
        if (!items[i].runs)
            longest = fmax(longest, (double)STEPS * STEP_S - (double)items[i].queued / 1e6);
    printf("%-28s %.1f h\n", "longest that still waits", longest / 3600);
    schedule_free(s);
    free(items);
    free(took);
    return 0;
}
