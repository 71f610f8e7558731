/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests/cli_hosts.test: what a dispatcher writes, without a dispatcher.
 *
 *   plant_attempts STORE RUN attempt REQUEST HOST   leased and running; prints its fence
 *   plant_attempts STORE RUN end FENCE              ended, lost with its host
 *   plant_attempts STORE RUN enrol HOST URL         proved its token
 */
#include <config.h>

#include "base/clock.h"
#include "queue/host.h"
#include "queue/move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
attempt(struct store_txn *txn, uint64_t request, const char *host, struct jb_error *err)
{
    const struct queue_move lease = {.event = QUEUE_EVENT_LEASE,
                                     .who = QUEUE_PLATFORM,
                                     .counts = true},
                            start = {.event = QUEUE_EVENT_START, .who = QUEUE_PLATFORM};
    int64_t now = jb_now_us();
    struct attempt a = {.id = "00112233445566778899aabbccddeeff",
                        .request = request,
                        .round = 1,
                        .host = host,
                        .state = "running",
                        .spec = "{\"plan\":\"random-baseline\"}",
                        .leased = now,
                        .started = now,
                        .lease_until = now + INT64_C(900000000)};
    int rc;

    if ((rc = queue_move(txn, request, &lease, now, err, NULL)) ||
        (rc = queue_move(txn, request, &start, now, err, NULL)) ||
        (rc = store_fence_next(txn, &a.fence)))
        return rc;
    printf("%llu\n", (unsigned long long)a.fence);
    return store_attempt_put(txn, &a);
}

static int
end(struct store_txn *txn, uint64_t fence, struct jb_arena *arena, struct jb_error *err)
{
    const struct queue_move retry = {.event = QUEUE_EVENT_RETRY,
                                     .who = QUEUE_PLATFORM,
                                     .failure = FAILURE_WORKER_LOST,
                                     .reason = "nothing heard"};
    struct attempt a;
    int rc = store_attempt_get(txn, fence, arena, &a);

    if (rc)
        return rc;
    a.state = ATTEMPT_ENDED;
    a.ended = jb_now_us();
    a.failure = "worker_lost";
    a.reason = "nothing heard";
    rc = queue_move(txn, a.request, &retry, a.ended, err, NULL);
    return rc ? rc : store_attempt_put(txn, &a);
}

static int
work(struct store_txn *txn, char **argv, struct jb_arena *arena, struct jb_error *err)
{
    const unsigned char key[HOST_HASH_SIZE] = {0xab, 0xcd};
    int64_t now = jb_now_us();

    if (strcmp(argv[3], "attempt") == 0)
        return attempt(txn, strtoull(argv[4], NULL, 10), argv[5], err);
    if (strcmp(argv[3], "end") == 0)
        return end(txn, strtoull(argv[4], NULL, 10), arena, err);
    return queue_host_enrol(txn, argv[4], argv[5], key, now + INT64_C(604800000000), now, arena,
                            err);
}

int
main(int argc, char **argv)
{
    struct jb_arena *arena = jb_arena_new((size_t)1 << 20);
    struct jb_error err = {0};
    struct store *store = NULL;
    struct store_txn *txn;
    struct conf conf = {0};
    int rc;

    if (argc < 5 || !arena)
        return 2;
    conf.store.path = argv[1];
    conf.store.max_readers = 16;
    conf.run.dir = argv[2];
    rc = store_open(&conf, false, &err, &store);
    if (!rc && !(rc = store_begin(store, STORE_WRITE, "dispatch", &err, &txn))) {
        rc = work(txn, argv, arena, &err);
        if (rc)
            store_abort(txn);
        else
            rc = store_commit(txn, &err);
    }
    if (rc)
        fprintf(stderr, "plant_attempts: %s\n", err.text[0] ? err.text : jb_strerror(rc));
    store_close(store);
    jb_arena_free(arena);
    return rc ? 1 : 0;
}
