/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts step by step: what is sent when, what is waited for, and what is kept. What chance
 * finds is in test_simulation.c. */
#include <config.h>

#include "store_help.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "dispatch/lease.h"
#include "queue/host.h"
#include "queue/move.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define WALL   INT64_C(1790000000000000)
#define START  (1000 * SECOND)

static const char *const task_names[] = {"t0", "t1"};
static const struct benchmark board[] = {
    {.key = "b0", .header = "B0", .metric = "acc", .tasks = {1, &task_names[0]}},
    {.key = "b1", .header = "B1", .metric = "acc", .tasks = {1, &task_names[1]}},
};
static const struct lease_plan plan = {
    .name = "plan",
    .suite = "1",
    .dialect = DIALECT_PINNED,
    .seed = 1,
    .wall_seconds = 86400,
    .n_benchmarks = 2,
    .benchmarks = board,
};
static const double scores[] = {50, 50}, tolerances[] = {1, 1};
static const struct lease_canary canary = {
    .plan = &plan,
    .model = "org/canary",
    .revision = "0123456789012345678901234567890123456789",
    .precision = "float16",
    .weight_type = "Original",
    .params = 1,
    .scores = scores,
    .tolerances = tolerances,
};
static const struct lease_rules rules = {
    .lease_ms = 15 * MINUTE,
    .grace_ms = 90 * SECOND,
    .restart_ms = 5 * MINUTE,
    .renew_ms = 15 * SECOND,
    .suspect_ms = 60 * SECOND,
    .answer_ms = 20 * SECOND,
    .log_ms = 15 * SECOND,
    .log_watched_ms = 2 * SECOND,
    .log_max = 1000,
    .retry_ms = MINUTE,
    .retry_most_ms = 60 * MINUTE,
    .n_plans = 1,
    .plans = &plan,
    .canary = &canary,
    .most_attempts = 12,
    .random = 1,
};

struct sent {
    enum lease_call call;
    char host[16], id[WIRE_ID_SIZE], part[8];
    uint64_t token, from, epoch;
    int64_t at;
    char *body;
};

enum { SENT = 4096 };
static struct t {
    struct fixture *f;
    struct lease *lease;
    struct jb_arena *arena;
    int64_t now, ahead;
    struct sent sent[SENT];
    size_t n;
    uint64_t jobs[4];
} t;

static void
net_send(void *ctx, const struct lease_ask *ask)
{
    struct sent *s = &t.sent[t.n];

    (void)ctx;
    assert_true(t.n++ < SENT);
    *s = (struct sent){.call = ask->call,
                       .token = ask->token,
                       .from = ask->from,
                       .epoch = ask->epoch,
                       .at = t.now};
    snprintf(s->host, sizeof s->host, "%s", ask->host);
    snprintf(s->id, sizeof s->id, "%s", ask->attempt);
    snprintf(s->part, sizeof s->part, "%s", ask->part);
    s->body = strndup(ask->body.n ? ask->body.p : "", ask->body.n);
}

static int64_t
wall(void)
{
    return WALL + t.now * 1000;
}

static void
run(void)
{
    struct jb_error err = {0};
    int64_t next;

    assert_int_equal(lease_run(t.lease, t.now, wall(), &err, &next), 0);
    (void)next;
}

static void
run_until(int64_t end)
{
    for (; t.now < end; t.now += SECOND)
        run();
    t.now = end;
    run();
}

/* The last call of its kind to a host. */
static struct sent *
last(enum lease_call call, const char *host)
{
    for (size_t i = t.n; i-- > 0;)
        if (t.sent[i].call == call && !strcmp(t.sent[i].host, host))
            return &t.sent[i];
    return NULL;
}

static size_t
count(enum lease_call call)
{
    size_t n = 0;

    for (size_t i = 0; i < t.n; i++)
        n += t.sent[i].call == call;
    return n;
}

static void
answer_with(const struct sent *to, struct lease_reply reply)
{
    struct jb_error err = {0};

    assert_non_null(to);
    assert_int_equal(lease_answer(t.lease, to->token, &reply, t.now, wall(), &err), 0);
    run();
}

static void
answer(const struct sent *to, int status, const char *body)
{
    answer_with(to, (struct lease_reply){.status = status, .body = jb_str(body)});
}

static void
answer_info(const char *host)
{
    const struct wire_gpu gpus[] = {{"Card 9", 24576, 20000}};
    static const char *const plans[] = {"plan", "other"};
    const struct wire_info info = {.host = host,
                                   .boot_id = "boot",
                                   .version = "1.2",
                                   .protocol_min = 1,
                                   .protocol_max = 1,
                                   .monotonic_ms = t.now + t.ahead,
                                   .wall_us = wall() + 120 * 1000000,
                                   .slots = 2,
                                   .slots_free = 2,
                                   .engine = "local",
                                   .policy = "abcd",
                                   .n_gpus = 1,
                                   .gpus = gpus,
                                   .n_plans = 2,
                                   .plans = plans};
    struct jb_buf out = JB_BUF(WIRE_BODY_MAX);

    wire_info_put(&info, &out);
    answer(last(LEASE_INFO, host), 200, out.p);
    jb_buf_free(&out);
}

static struct wire_state
state_of(const char *id, uint64_t fence, enum wire_phase phase)
{
    struct wire_state s = {.fence = fence,
                           .phase = phase,
                           .progress = -1,
                           .step = "",
                           .failure = "",
                           .reason = ""};

    memcpy(s.id, id, WIRE_ID_SIZE);
    return s;
}

static void
answer_state(const struct sent *to, const struct wire_state *state)
{
    struct jb_buf out = JB_BUF(WIRE_BODY_MAX);

    if (to->call == LEASE_RENEW)
        wire_renewed_put(&(struct wire_renewed){.monotonic_ms = t.now + t.ahead,
                                                .boot_id = "boot",
                                                .n = state ? 1 : 0,
                                                .states = state},
                         &out);
    else
        wire_state_put(state, &out);
    assert_int_equal(out.err, 0);
    answer(to, 200, out.p);
    jb_buf_free(&out);
}

static struct job
job_of(size_t i)
{
    struct store_txn *txn = fixture_begin(t.f, STORE_READ);
    struct request r;
    struct job job;

    assert_int_equal(queue_load(txn, t.jobs[i], t.f->arena, &r, &job), 0);
    store_abort(txn);
    return job;
}

static struct attempt
attempt_of(uint64_t fence)
{
    struct store_txn *txn = fixture_begin(t.f, STORE_READ);
    struct attempt a;

    assert_int_equal(store_attempt_get(txn, fence, t.f->arena, &a), 0);
    store_abort(txn);
    return a;
}

static struct host
host_of(const char *name)
{
    struct store_txn *txn = fixture_begin(t.f, STORE_READ);
    struct host host;

    assert_int_equal(store_host_get(txn, name, t.f->arena, &host), 0);
    store_abort(txn);
    return host;
}

static struct lease_hint
hint_of(size_t i)
{
    struct store_txn *txn = fixture_begin(t.f, STORE_READ);
    struct lease_hint hint;

    assert_int_equal(lease_past_of(txn, t.jobs[i], 1, wall(), t.f->arena, &hint), 0);
    store_abort(txn);
    return hint;
}

/* A lease is begun; the attempt's fence. */
static uint64_t
offer(size_t i, const char *host)
{
    const struct lease_work work = {
        .request = t.jobs[i], .host = host, .plan = "plan", .slots = 1, .mib = 12288};
    struct jb_error err = {0};
    struct store_txn *txn;
    uint64_t fence;

    assert_int_equal(lease_offer(t.lease, &work, t.now, wall(), &err), 0);
    txn = fixture_begin(t.f, STORE_READ);
    assert_int_equal(store_fence_last(txn, &fence), 0);
    store_abort(txn);
    return fence;
}

static void
accept(const char *host, uint64_t fence, enum wire_phase phase)
{
    struct sent *put = last(LEASE_PUT, host);
    struct wire_state state = state_of(put->id, fence, phase);

    answer_state(put, &state);
}

static void
fails(size_t i, const char *host, const char *failure, const char *reason)
{
    uint64_t fence = offer(i, host);
    struct sent *put = last(LEASE_PUT, host);
    struct wire_state state = state_of(put->id, fence, WIRE_FAILED);

    state.failure = failure;
    state.reason = reason;
    answer_state(put, &state);
}

/* Time goes on until a call of this kind has just been sent. */
static struct sent *
next_call(enum lease_call call, const char *host)
{
    struct sent *s;

    do {
        t.now += SECOND;
        run();
        s = last(call, host);
    } while (!s || s->at != t.now);
    return s;
}

static void
awake(const char *host)
{
    if (lease_host(t.lease, host))
        return;
    next_call(LEASE_INFO, host);
    answer_info(host);
    assert_non_null(lease_host(t.lease, host));
}

/* Its wait is over, and it is in the queue again. */
static void
until_queued(size_t i)
{
    struct job job = job_of(i);

    assert_string_equal(job.state, "RETRY_WAIT");
    t.now = (job.due - WALL) / 1000 + 1;
    run();
    awake("h0");
    awake("h1");
    assert_string_equal(job_of(i).state, "QUEUED");
}

static int
setup(void **state)
{
    const struct lease_net net = {.send = net_send};
    struct store_txn *txn;
    enum store_outcome outcome;

    (void)state;
    memset(&t, 0, sizeof t);
    t.now = START;
    t.ahead = 12345678;
    t.arena = jb_arena_new(64 << 20);
    t.f = fixture_new(64 << 20);
    assert_int_equal(store_create(&t.f->conf, &t.f->err), 0);
    fixture_open(t.f);
    txn = fixture_begin(t.f, STORE_WRITE);
    for (int h = 0; h < 3; h++) {
        char name[16];
        snprintf(name, sizeof name, "h%d", h);
        const struct host host = {
            .name = name, .state = "active", .url = "https://h:1", .slots = 2};
        assert_int_equal(store_host_put(txn, &host, &outcome), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        char model[32], commit[48];
        snprintf(model, sizeof model, "org/m%zu", i);
        snprintf(commit, sizeof commit, "%040zu", i + 1);
        struct request request = a_request(model);
        request.commit = commit;
        assert_int_equal(store_request_put(txn, &request, &outcome), 0);
        const struct job job = {.id = request.id,
                                .state = "QUEUED",
                                .round = 1,
                                .priority = 1,
                                .owner = "org",
                                .accepted = WALL,
                                .checked = WALL,
                                .queued = WALL};
        assert_int_equal(store_job_put(txn, &job, &outcome), 0);
        t.jobs[i] = request.id;
    }
    fixture_commit(t.f, txn);
    assert_int_equal(lease_new(t.f->store, &net, &rules, t.now, &t.f->err, &t.lease), 0);
    run();
    answer_info("h0");
    answer_info("h1");
    return 0;
}

static int
teardown(void **state)
{
    void *f = t.f;

    (void)state;
    lease_free(t.lease);
    for (size_t i = 0; i < t.n; i++)
        free(t.sent[i].body);
    jb_arena_free(t.arena);
    return fixture_teardown(&f);
}

/* Nobody knows whether it arrived: the same to the same host, and nothing elsewhere before the
 * lease of the last one has passed there, with what stopping takes. */
static void
test_unknown_outcome(void **state)
{
    static const struct lease_reply none[] = {{.status = 0},
                                              {.status = 500},
                                              {.status = 503, .retry_after_ms = 40000},
                                              {.status = 200}};
    uint64_t fence = offer(0, "h0");
    struct sent *first = last(LEASE_PUT, "h0"), *put = first;
    size_t puts;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        put = i ? next_call(LEASE_PUT, "h0") : put;
        puts = count(LEASE_PUT);
        answer_with(put, none[i]);
        assert_string_equal(job_of(0).state, "LEASED");
        if (i == 2) {
            run_until(t.now + 39 * SECOND);
            assert_int_equal(count(LEASE_PUT), puts);
        }
        run_until(t.now + MINUTE);
        put = last(LEASE_PUT, "h0");
        assert_true(count(LEASE_PUT) > puts);
        assert_string_equal(put->id, first->id);
        assert_string_equal(put->body, first->body);
    }
    run_until(START + 16 * MINUTE);
    put = last(LEASE_PUT, "h0");
    int64_t end = put->at + rules.answer_ms + rules.lease_ms + rules.grace_ms;
    run_until(end);
    assert_ptr_equal(last(LEASE_PUT, "h0"), put);
    assert_string_equal(job_of(0).state, "LEASED");
    t.now = end + 1;
    run();
    assert_string_equal(job_of(0).state, "RETRY_WAIT");
    assert_string_equal(attempt_of(fence).failure, "worker_lost");
}

static void
test_silence(void **state)
{
    uint64_t fence = offer(0, "h0");

    (void)state;
    accept("h0", fence, WIRE_RUNNING);
    assert_string_equal(job_of(0).state, "RUNNING");
    run_until(t.now + MINUTE);
    struct sent *renewal = last(LEASE_RENEW, "h0");
    char want[64];
    snprintf(want, sizeof want, "\"stamp_ms\":%lld,", (long long)(START + t.ahead));
    assert_non_null(strstr(renewal->body, want));
    /* All were sent with the stamp of the start, so that is what the lease counts from; the
     * offer came later and is longer. */
    struct sent *put = last(LEASE_PUT, "h0");
    int64_t end = put->at + rules.answer_ms + rules.lease_ms + rules.grace_ms;
    struct wire_state s = state_of(put->id, fence, WIRE_RUNNING);
    int64_t stamp = t.now;
    answer_state(renewal, &s);
    run_until(t.now + 50 * SECOND);
    assert_true(last(LEASE_RENEW, "h0")->at > stamp);
    end = stamp + rules.lease_ms + rules.grace_ms > end
              ? stamp + rules.lease_ms + rules.grace_ms
              : end;
    run_until(end);
    assert_string_equal(job_of(0).state, "RUNNING");
    t.now = end + 1;
    run();
    assert_string_equal(job_of(0).state, "RETRY_WAIT");
    assert_null(lease_host(t.lease, "h0"));
}

static void
test_refusals(void **state)
{
    uint64_t fence = offer(0, "h0");
    struct sent *put = last(LEASE_PUT, "h0");
    struct wire_state s = state_of(put->id, fence + 7, WIRE_RUNNING);

    (void)state;
    assert_int_equal(job_of(0).attempts, 1);
    answer_state(put, &s); /* of another attempt: it says nothing */
    assert_string_equal(job_of(0).state, "LEASED");
    run_until(t.now + MINUTE);
    answer(last(LEASE_PUT, "h0"), 429, "");
    assert_string_equal(job_of(0).state, "QUEUED");
    assert_int_equal(job_of(0).attempts, 0);
    assert_string_equal(hint_of(0).avoid[0], "h0");
    t.now += 2 * MINUTE;
    assert_null(hint_of(0).avoid[0]);
    /* By its own rules: an attempt, but not the host's failure. */
    for (int i = 0; i < 3; i++) {
        awake("h1");
        offer((size_t)i, "h1");
        answer(last(LEASE_PUT, "h1"), 422, "");
        assert_string_equal(job_of((size_t)i).state, "RETRY_WAIT");
    }
    assert_string_equal(host_of("h1").state, "active");
}

static void
test_quarantine_and_canary(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        fails(i, "h0", "worker_lost", "the card fell off the bus");
    assert_string_equal(host_of("h0").state, "quarantined");
    assert_null(last(LEASE_LOG, "h0"));
    size_t puts = count(LEASE_PUT);
    for (int round = 0; round < 2; round++) {
        int64_t hold = (host_of("h0").hold_until - WALL) / 1000;
        assert_int_equal(hold - t.now, (round ? 20 : 10) * MINUTE);
        t.now = hold - 1;
        run();
        assert_int_equal(count(LEASE_PUT), puts);
        t.now = hold + MINUTE;
        run();
        answer_info("h0");
        run();
        struct sent *put = last(LEASE_PUT, "h0");
        assert_int_equal(count(LEASE_PUT), ++puts);
        assert_non_null(strstr(put->body, "org/canary"));
        struct wire_offer o;
        assert_int_equal(wire_offer_read(jb_str(put->body), t.arena, NULL, &o), 0);
        accept("h0", o.fence, WIRE_SUCCEEDED);
        struct wire_part parts[2] = {{.benchmark = "b0", .seconds = 1},
                                     {.benchmark = "b1", .seconds = 1}};
        char docs[2][300];
        for (int b = 0; b < 2; b++) {
            unsigned char digest[CRYPTO_SHA256_SIZE];
            snprintf(docs[b], sizeof docs[b],
                     "{\"results\": {\"t%d\": {\"acc\": 0.5%d}}, \"versions\": {\"t%d\": 1}, "
                     "\"config\": {\"model\": \"hf\", \"model_args\": \"x\", "
                     "\"num_fewshot\": 0, \"batch_size\": 1, \"limit\": null}}",
                     b, round == 0 && b == 1 ? 2 : 0, b);
            parts[b].size = strlen(docs[b]);
            assert_int_equal(crypto_sha256(jb_str(docs[b]), digest), 0);
            crypto_hex(digest, sizeof digest, parts[b].sha256);
        }
        struct wire_manifest m = {.fence = o.fence,
                                  .plan = "plan",
                                  .plan_version = "1",
                                  .environment = "",
                                  .key = "",
                                  .signature = "",
                                  .n = 2,
                                  .parts = parts};
        memcpy(m.id, o.id, sizeof m.id);
        memcpy(m.spec_hash, o.spec_hash, sizeof m.spec_hash);
        struct jb_buf out = JB_BUF(WIRE_BODY_MAX);
        wire_manifest_put(&m, &out);
        answer(last(LEASE_MANIFEST, "h0"), 200, out.p);
        jb_buf_free(&out);
        for (int tries = 0; tries < 6 && !strcmp(host_of("h0").state, "quarantined"); tries++) {
            struct sent *part = last(LEASE_PART, "h0");
            if (!part || part->token == 0)
                break;
            answer(part, 200, docs[part->part[1] - '0']);
            part->token = 0;
        }
        /* 52 where 50 is right within 1: it is held again, for longer. */
        assert_string_equal(host_of("h0").state, round ? "active" : "quarantined");
        if (!round)
            assert_non_null(strstr(host_of("h0").reason, "b1 is 52.00"));
    }
}

static int
count_part(void *ctx, const struct part *part)
{
    (void)part;
    ++*(size_t *)ctx;
    return 0;
}

static size_t
parts_of(size_t i)
{
    struct store_txn *txn = fixture_begin(t.f, STORE_READ);
    size_t n = 0;

    store_parts_each(txn, t.jobs[i], 1, t.f->arena, count_part, &n);
    store_abort(txn);
    return n;
}

/* Another attempt became the live one: what comes of the first is not stored. */
static void
test_old_fence(void **state)
{
    static const char *const done[] = {"b0"};
    const char *doc = "{\"results\": {\"t0\": {\"acc\": 0.5}}, \"versions\": {\"t0\": 1}, "
                      "\"config\": {\"model\": \"hf\", \"model_args\": \"x\", "
                      "\"num_fewshot\": 0, \"batch_size\": 1, \"limit\": null}}";

    (void)state;
    for (size_t late = 0; late < 2; late++) {
        uint64_t fence = offer(late, "h0");
        struct sent *put = last(LEASE_PUT, "h0");
        struct wire_state s = state_of(put->id, fence, WIRE_RUNNING);
        s.done = done;
        s.n_done = 1;
        answer_state(put, &s);
        struct attempt a = attempt_of(fence);
        if (late) {
            struct store_txn *txn = fixture_begin(t.f, STORE_WRITE);
            a.state = ATTEMPT_ENDED;
            assert_int_equal(store_attempt_put(txn, &a), 0);
            assert_int_equal(store_fence_next(txn, &a.fence), 0);
            a.state = "running";
            a.id = "00000000000000000000000000000001";
            assert_int_equal(store_attempt_put(txn, &a), 0);
            fixture_commit(t.f, txn);
        }
        struct lease_reply reply = {.status = 200, .body = jb_str(doc)};
        answer_with(last(LEASE_PART, "h0"), reply);
        assert_int_equal(parts_of(late), !late);
    }
}

static void
test_poison(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *host = i ? "h1" : "h0";
        uint64_t fence = offer(0, host);
        accept(host, fence, WIRE_LOST);
        assert_string_equal(attempt_of(fence).failure, "worker_lost");
        if (!i)
            until_queued(0);
    }
    assert_string_equal(job_of(0).state, "QUARANTINED");
}

static void
test_memory(void **state)
{
    (void)state;
    fails(0, "h0", "out_of_memory", "CUDA out of memory");
    assert_int_equal(hint_of(0).more_than_mib, 12288);
    until_queued(0);
    fails(0, "h1", "out_of_memory", "CUDA out of memory");
    assert_string_equal(job_of(0).state, "FAILED");
    assert_string_equal(job_of(0).reason, "CUDA out of memory (it had 12.0 GiB of GPU memory)");
}

static void
test_hub_wait(void **state)
{
    (void)state;
    fails(0, "h0", "dataset_missing",
          "429: Too Many Requests. Retry after 2450 seconds (0/10)");
    assert_true(job_of(0).due - wall() >= INT64_C(2450) * 1000000);
    fails(1, "h0", "dataset_missing", "503, Retry-After: 900");
    assert_true(job_of(1).due - wall() >= INT64_C(900) * 1000000);
    assert_true(job_of(1).due - wall() < INT64_C(1000) * 1000000);
    fails(2, "h0", "dataset_missing", "it went away");
    assert_true(job_of(2).due - wall() < INT64_C(100) * 1000000);
    assert_string_equal(host_of("h0").state, "active");
}

static void
test_told(void **state)
{
    static const char *const done[] = {"b0"};
    uint64_t fence = offer(0, "h0");
    struct store_seq before, after;
    struct host host = host_of("h0");

    (void)state;
    assert_string_equal(host.gpu, "Card 9");
    assert_int_equal(host.memory_mib, 24576);
    assert_int_equal(host.slots, 2);
    assert_string_equal(host.plans, "plan other");
    assert_string_equal(host.policy, "abcd");
    assert_int_equal(host.skew_ms, 120000);
    assert_int_equal(host.seen, WALL + START * 1000);
    accept("h0", fence, WIRE_RUNNING);
    struct store_txn *txn = fixture_begin(t.f, STORE_READ);
    store_seq_get(txn, &before);
    store_abort(txn);
    run_until(t.now + 61 * SECOND);
    struct wire_state s = state_of(last(LEASE_PUT, "h0")->id, fence, WIRE_RUNNING);
    s.progress = 0.25;
    s.step = "b1";
    s.done = done;
    s.n_done = 1;
    s.log_epoch = 1;
    s.log_end = 2000;
    answer_state(last(LEASE_RENEW, "h0"), &s);
    struct attempt a = attempt_of(fence);
    assert_true(a.progress > 0.249 && a.progress < 0.251);
    assert_string_equal(a.step, "b1");
    assert_int_equal(a.done, 1);
    assert_int_equal(a.of, 2);
    assert_true(host_of("h0").seen > host.seen);
    /* Its log, by ranges, and no more of it than is kept. */
    char bytes[601];
    memset(bytes, 'x', 600);
    bytes[600] = '\0';
    run_until(t.now + 16 * SECOND);
    struct sent *log = last(LEASE_LOG, "h0");
    assert_int_equal(log->from, 0);
    struct lease_reply reply = {
        .status = 200, .body = jb_str(bytes), .log_epoch = 1, .log_end = 2000, .log_kept = 100};
    answer_with(log, reply);
    assert_int_equal(attempt_of(fence).log_end, 600);
    log = last(LEASE_LOG, "h0");
    assert_int_equal(log->from, 600);
    assert_int_equal(log->epoch, 1);
    /* It turned there: what is the same in all epochs stays. */
    reply = (struct lease_reply){
        .status = 416, .body = JB_STR(""), .log_epoch = 2, .log_end = 1500, .log_kept = 100};
    answer_with(log, reply);
    log = last(LEASE_LOG, "h0");
    assert_int_equal(log->from, 100);
    assert_int_equal(log->epoch, 2);
    for (int i = 0; i < 2; i++) {
        reply = (struct lease_reply){
            .status = 200, .body = jb_str(bytes), .log_epoch = 2, .log_end = 1500};
        answer_with(last(LEASE_LOG, "h0"), reply);
    }
    size_t asked = count(LEASE_LOG);
    run_until(t.now + MINUTE);
    assert_int_equal(count(LEASE_LOG), asked);
    assert_true(attempt_of(fence).log_end > 1000 && attempt_of(fence).log_end < 1100);
    txn = fixture_begin(t.f, STORE_READ);
    store_seq_get(txn, &after);
    store_abort(txn);
    assert_true(before.board == after.board && before.queue == after.queue);
}

/* Somebody reads it: every two seconds instead of every fifteen. */
static void
test_watched(void **state)
{
    uint64_t fence = offer(0, "h0");
    struct wire_state s = state_of(last(LEASE_PUT, "h0")->id, fence, WIRE_RUNNING);

    (void)state;
    s.log_epoch = 1;
    s.log_end = 10;
    answer_state(last(LEASE_PUT, "h0"), &s);
    struct lease_reply reply = {
        .status = 200, .body = JB_STR("0123456789"), .log_epoch = 1, .log_end = 10};
    answer_with(last(LEASE_LOG, "h0"), reply);
    size_t asked = count(LEASE_LOG);
    run_until(t.now + 10 * SECOND);
    assert_int_equal(count(LEASE_LOG), asked);
    store_attempt_watch(t.f->store, fence, t.arena);
    assert_true(store_attempt_watched(t.f->store, fence, jb_now_us(), t.arena));
    assert_false(store_attempt_watched(t.f->store, fence, jb_now_us() + 60000000, t.arena));
    assert_false(store_attempt_watched(t.f->store, fence + 1, jb_now_us(), t.arena));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_unknown_outcome),
        TEST(test_silence),
        TEST(test_refusals),
        TEST(test_quarantine_and_canary),
        TEST(test_old_fence),
        TEST(test_poison),
        TEST(test_memory),
        TEST(test_hub_wait),
        TEST(test_told),
        TEST(test_watched),

    };

    jb_log_level_set(JB_LOG_ERR);
    if (access("/dev/shm", W_OK) == 0)
        fixture_parent = "/dev/shm";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
