/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests/cli_hosts.test: what a dispatcher writes, without a dispatcher.
 *
 *   plant_attempts STORE RUN attempt REQUEST HOST   leased and running; prints its fence
 *   plant_attempts STORE RUN tell FENCE PROGRESS STEP DONE LOG
 *                                                  how far it is; LOG becomes its log
 *   plant_attempts STORE RUN end FENCE              ended, lost with its host
 *   plant_attempts STORE RUN enrol HOST URL         proved its token
 *   plant_attempts STORE RUN late HOST              its token has run out
 */
#include <config.h>

#include "base/clock.h"
#include "queue/host.h"
#include "queue/move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
attempt(struct store_txn *txn, uint64_t request, const char *host, struct jb_error *err)
{
    const struct queue_move back = {.event = QUEUE_EVENT_RETURN, .who = QUEUE_PLATFORM},
                            lease = {.event = QUEUE_EVENT_LEASE,
                                     .who = QUEUE_PLATFORM,
                                     .counts = true},
                            start = {.event = QUEUE_EVENT_START, .who = QUEUE_PLATFORM};
    int64_t now = jb_now_us();
    struct attempt a = {.id = "00112233445566778899aabbccddeeff",
                        .request = request,
                        .round = 1,
                        .host = host,
                        .state = "running",
                        .spec = "{\"plan\":\"random-baseline\",\"tasks\":["
                                "{\"benchmark\":\"arc\"},{\"benchmark\":\"hellaswag\"},"
                                "{\"benchmark\":\"mmlu\"},{\"benchmark\":\"<b>odd\"}]}",
                        .leased = now,
                        .started = now,
                        .lease_until = now + INT64_C(900000000)};
    int rc;

    rc = queue_move(txn, request, &back, now, err, NULL); /* after an attempt that ended */
    if (rc && rc != JB_ECONFLICT)
        return rc;
    if ((rc = queue_move(txn, request, &lease, now, err, NULL)) ||
        (rc = queue_move(txn, request, &start, now, err, NULL)) ||
        (rc = store_fence_next(txn, &a.fence)))
        return rc;
    printf("%llu\n", (unsigned long long)a.fence);
    return store_attempt_put(txn, &a);
}

static int
put_log(const struct store *store, uint64_t fence, const char *from, struct jb_arena *arena,
        uint64_t *ret_n)
{
    const char *folder, *path;
    char block[4096];
    size_t n, all = 0;

    if (store_attempt_log(store, 0, arena, &folder) ||
        store_attempt_log(store, fence, arena, &path))
        return JB_ENOMEM;
    mkdir(folder, 0770);
    FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
    while (in && out && (n = fread(block, 1, sizeof block, in)) > 0)
        all += fwrite(block, 1, n, out);
    int rc = in && out ? 0 : JB_EIO;
    if (in)
        fclose(in);
    if (out && fclose(out))
        rc = JB_EIO;
    *ret_n = all;
    return rc;
}

static int
tell(const struct store *store, struct store_txn *txn, char **argv, struct jb_arena *arena)
{
    struct attempt a;
    int rc = store_attempt_get(txn, strtoull(argv[4], NULL, 10), arena, &a);

    if (rc || (rc = put_log(store, a.fence, argv[8], arena, &a.log_end)))
        return rc;
    a.progress = strtod(argv[5], NULL);
    a.step = argv[6];
    a.done = strtoull(argv[7], NULL, 10);
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
late(struct store_txn *txn, const char *name, struct jb_arena *arena)
{
    enum store_outcome outcome;
    struct host host;
    int rc = store_host_get(txn, name, arena, &host);

    host.token_until = jb_now_us() - 1;
    return rc ? rc : store_host_put(txn, &host, &outcome);
}

static int
work(const struct store *store, struct store_txn *txn, char **argv, struct jb_arena *arena,
     struct jb_error *err)
{
    const unsigned char key[HOST_HASH_SIZE] = {0xab, 0xcd};
    int64_t now = jb_now_us();

    if (strcmp(argv[3], "attempt") == 0)
        return attempt(txn, strtoull(argv[4], NULL, 10), argv[5], err);
    if (strcmp(argv[3], "tell") == 0 && argv[5] && argv[6] && argv[7] && argv[8])
        return tell(store, txn, argv, arena);
    if (strcmp(argv[3], "end") == 0)
        return end(txn, strtoull(argv[4], NULL, 10), arena, err);
    if (strcmp(argv[3], "late") == 0)
        return late(txn, argv[4], arena);
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
        rc = work(store, txn, argv, arena, &err);
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
