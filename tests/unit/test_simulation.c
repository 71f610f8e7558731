/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts over a network that loses, repeats, delays and reorders, with hosts that crash,
 * reboot and pause, a dispatcher that dies at named points, and an operator who cancels and
 * reruns: one thread, a clock of its own, everything decided by one seed. A seed that fails is
 * printed; SIMULATION_SEED=N runs it alone, with SIMULATION_SEEDS=M it and those behind it.
 */
#include <config.h>

#include "simulation.h"

#include "base/log.h"
#include "queue/host.h"
#include "queue/move.h"

#include <time.h>

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
    .n_benchmarks = BENCHMARKS,
    .benchmarks = board,
};
static const double canary_scores[] = {50, 50}, canary_tolerances[] = {1, 1};
static const struct lease_canary canary = {
    .plan = &plan,
    .model = "org/canary",
    .revision = "0123456789012345678901234567890123456789",
    .precision = "float16",
    .weight_type = "Original",
    .params = 1,
    .scores = canary_scores,
    .tolerances = canary_tolerances,
};
static const struct lease_rules rules = {
    .lease_ms = 5 * MINUTE,
    .grace_ms = 60 * SECOND,
    .restart_ms = 2 * MINUTE,
    .renew_ms = 60 * SECOND,
    .suspect_ms = 150 * SECOND,
    .answer_ms = 30 * SECOND,
    .log_ms = 60 * SECOND,
    .log_max = 1 << 20,
    .n_plans = 1,
    .plans = &plan,
    .canary = &canary,
    .retry_ms = 60000,
    .retry_most_ms = 3600000,
    .most_attempts = MOST,
    .random = 1,
};

struct world w;

uint64_t
draw(uint64_t below)
{
    w.random = w.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (w.random >> 33) % below;
}

bool
chance(unsigned percent)
{
    return !w.calm && draw(100) < percent;
}

void
simulation_wrong(const char *what)
{
    if (!w.wrong)
        w.wrong = what;
}

int64_t
simulation_wall(void)
{
    return WALL + w.now * 1000;
}

/* Each copy on its own way: none, one or three of them. */
void
post(struct message m)
{
    unsigned copies = chance(6) ? 0 : w.thrice || chance(8) ? 3 : 1;
    const struct jb_str body = m.body;

    w.lost += copies == 0;
    for (; copies; copies--) {
        char *copy = malloc(body.n + 1);

        assert_non_null(copy);
        if (body.n)
            memcpy(copy, body.p, body.n);
        copy[body.n] = '\0';
        m.body = (struct jb_str){copy, body.n};
        assert_true(w.n_messages < MESSAGES);
        m.time = w.now + 1 + (int64_t)draw(chance(4) ? 8 * MINUTE : chance(20) ? 40000 : 400);
        m.sent = w.now;
        m.order = w.order++;
        w.messages[w.n_messages++] = m;
    }
}

static void
net_send(void *ctx, const struct lease_ask *ask)
{
    struct message m = {.to_host = true,
                        .machine = atoi(ask->host + 1),
                        .call = ask->call,
                        .body = ask->body,
                        .token = ask->token};

    m.life = *(uint64_t *)ctx;
    m.from = ask->from;
    m.epoch = ask->epoch;
    snprintf(m.id, sizeof m.id, "%s", ask->attempt);
    snprintf(m.part, sizeof m.part, "%s", ask->part);
    /* It is told that nothing came; it may have come. */
    if (chance(3)) {
        struct message lost = m;
        lost.to_host = false;
        lost.body = JB_STR("");
        post(lost);
    }
    post(m);
}

static bool
net_dies(void *ctx, const char *where)
{
    (void)ctx;
    if (!strcmp(where, "after commit"))
        w.changed = w.offering = true;
    w.dying = chance(1);
    for (size_t i = 0; w.dying && i < sizeof w.died_at / sizeof *w.died_at; i++)
        if (!w.died_at[i].where || !strcmp(w.died_at[i].where, where)) {
            w.died_at[i].where = where;
            w.died_at[i].n++;
            break;
        }
    return w.dying;
}

/* Whoever is old ends; what it decided last is not held against the other. */
static void
end_old(void)
{
    struct store_txn *txn = fixture_begin(w.f, STORE_READ);

    for (int i = 0; i < JOBS; i++)
        store_fence_last(txn, &w.jobs[i].moved);
    store_abort(txn);
    lease_free(w.old);
    w.old = NULL;
}

static void
check_old(int rc, const struct jb_error *err)
{
    if (rc && !(rc == JB_ECLOSED && w.dying)) {
        print_error("%s: %s\n", jb_strerror(rc), err->text);
        simulation_wrong("an error of the old dispatcher");
    }
    if (rc)
        end_old();
}

static void
check_rc(int rc, const struct jb_error *err)
{
    if (rc == 0)
        return;
    if (rc == JB_ECLOSED && w.dying) {
        lease_free(w.lease);
        w.lease = NULL;
        w.deaths++;
        w.died = true;
        w.up_at = w.now + (int64_t)draw(150 * SECOND);
        return;
    }
    print_error("%s: %s\n", jb_strerror(rc), err->text);
    simulation_wrong("an error of the dispatcher");
}

/* An operator or a submitter moves a job. */
static void
move_job(enum queue_event event)
{
    const struct queue_move move = {.event = event, .who = QUEUE_OPERATOR};
    struct job_seen *job = &w.jobs[draw(JOBS)];
    struct store_txn *txn = fixture_begin(w.f, STORE_WRITE);
    struct jb_error err = {0};

    store_fence_last(txn, &job->moved);
    if (queue_move(txn, job->id, &move, simulation_wall(), &err, NULL) == 0) {
        w.changed = w.offering = true;
        w.reruns += event == QUEUE_EVENT_RERUN;
        w.cancels += event == QUEUE_EVENT_CANCEL;
        fixture_commit(w.f, txn);
    } else {
        store_abort(txn);
    }
}

/* An operator moves a host. */
static void
move_host(struct machine *m, enum queue_host_event event)
{
    static const unsigned char key[HOST_HASH_SIZE] = {1};
    struct store_txn *txn = fixture_begin(w.f, STORE_WRITE);
    char token[HOST_TOKEN_SIZE];
    struct jb_error err = {0};
    int rc = 0;

    if (event == HOST_EVENT_ENROL) {
        rc = queue_host_add(txn, m->name, "https://h:1", simulation_wall(), w.f->arena, &err,
                            token);
        if (!rc)
            rc = queue_host_enrol(txn, m->name, "https://h:1", key, simulation_wall() + HOUR,
                                  simulation_wall(), w.f->arena, &err);
    } else {
        rc = queue_host_move(txn, m->name, event, "", simulation_wall(), w.f->arena, &err);
    }
    if (!rc && event == HOST_EVENT_REMOVE) {
        /* What it runs is nobody's: another may begin. */
        for (int i = 0; i < JOBS; i++)
            store_fence_last(txn, &w.jobs[i].moved);
        w.removals++;
    }
    w.changed = w.changed || !rc;
    if (rc)
        store_abort(txn);
    else
        fixture_commit(w.f, txn);
    jb_arena_reset(w.f->arena);
}

static void start_lease(void);

static void
reboot(struct machine *m)
{
    simulation_pass_time(m);
    snprintf(m->boot, sizeof m->boot, "boot%u", ++m->boots);
    m->ahead = (int64_t)draw(HOUR) - w.now;
    m->deaf = w.now + (int64_t)draw(8 * MINUTE);
    m->paused = false;
}

/* Cancels, reruns, drains; hosts crash, reboot, pause, go. */
static void
trouble(void)
{
    struct machine *m = &w.machines[draw(HOSTS)];

    switch (draw(12)) {
    case 0: move_job(QUEUE_EVENT_CANCEL); break;
    case 1: move_job(QUEUE_EVENT_RERUN); break;
    case 2: reboot(m); break; /* what ran is lost, what was done is on its disk */
    case 3:                   /* paused, perhaps for longer than a lease */
        m->deaf = w.now + (int64_t)draw(12 * MINUTE);
        m->paused = true;
        break;
    case 4: /* cut off */
        m->deaf = w.now + (int64_t)draw(12 * MINUTE);
        m->paused = false;
        break;
    case 5: /* its disk is lost as well */
        memset(m->held, 0, sizeof m->held);
        snprintf(m->boot, sizeof m->boot, "boot%u", ++m->boots);
        break;
    case 6: move_host(m, draw(2) ? HOST_EVENT_DRAIN : HOST_EVENT_UNDRAIN); break;
    case 7: move_host(m, draw(2) ? HOST_EVENT_QUARANTINE : HOST_EVENT_LIFT); break;
    case 9: /* a second dispatcher is started beside the first */
        if (w.lease && !w.old) {
            w.old = w.lease;
            w.old_life = w.life;
            w.old_until = w.now + (int64_t)draw(10 * MINUTE);
            w.doubles++;
            w.doubled = true;
            start_lease();
        }
        break;
    case 8: move_host(m, draw(3) ? HOST_EVENT_ENROL : HOST_EVENT_REMOVE); break;
    default: break;
    }
}

static void
start_lease(void)
{
    static uint64_t lives[2];
    struct lease_net net = {.send = net_send, .dies = net_dies};
    struct jb_error err = {0};

    net.ctx = &lives[(w.life + 1) % 2];
    lives[(w.life + 1) % 2] = w.life + 1;
    w.life++;
    int rc = lease_new(w.f->store, &net, &w.rules, w.now, &err, &w.lease);

    if (rc) {
        print_error("%s\n", err.text);
        simulation_wrong("the dispatcher does not start");
    }
    w.lease_next = w.now;
}

static int
first_due(void *ctx, uint64_t id, int64_t due)
{
    uint64_t *ids = ctx;

    (void)due;
    for (int i = 0; i < JOBS; i++)
        if (w.jobs[i].id == id)
            ids[i] = id;
    return 0;
}

static void
offer_work(void)
{
    uint64_t ids[JOBS] = {0};
    struct store_txn *txn = fixture_begin(w.f, STORE_READ);

    store_jobs_due(txn, queue_state_word(QUEUE_QUEUED), INT64_MAX, first_due, ids);
    store_abort(txn);
    for (int i = 0; i < JOBS && w.lease; i++) {
        struct machine *m = &w.machines[draw(HOSTS)];
        struct jb_error err = {0};
        int rc;

        if (!ids[i] || !lease_host(w.lease, m->name) || lease_live_at(w.lease, m->name) >= 2)
            continue;
        rc = lease_offer(w.lease,
                         &(struct lease_work){
                             .request = ids[i], .host = m->name, .plan = "plan", .slots = 1},
                         w.now, simulation_wall(), &err);
        w.offered += rc == 0;
        if (rc != JB_EBUSY && rc != JB_ECONFLICT)
            check_rc(rc, &err);
        if (!rc)
            w.lease_next = w.now;
    }
}

static void
run_lease(void)
{
    struct jb_error err = {0};

    w.lease_next = w.now + MINUTE;
    if (w.old) {
        int64_t next;

        check_old(lease_run(w.old, w.now, simulation_wall(), &err, &next), &err);
        jb_error_clear(&err);
        if (w.old && w.now > w.old_until)
            end_old();
    }
    check_rc(lease_run(w.lease, w.now, simulation_wall(), &err, &w.lease_next), &err);
    if (w.lease && (w.offering || w.now > w.offer_next)) {
        w.offering = false;
        w.offer_next = w.now + MINUTE;
        offer_work();
    }
    if (w.lease && w.lease_next > w.now + 5 * MINUTE)
        w.lease_next = w.now + 5 * MINUTE; /* people ring the doorbell too */
}

static void
deliver(size_t at)
{
    struct message m = w.messages[at];
    struct jb_error err = {0};

    w.messages[at] = w.messages[--w.n_messages];
    jb_arena_reset(w.arena);
    if (m.to_host) {
        if (simulation_at_host(&m))
            return;
    } else if (w.lease && m.life == w.life) { /* connections end with their process */
        const struct lease_reply reply = {.status = m.status,
                                          .body = m.body,
                                          .log_epoch = m.log_epoch,
                                          .log_end = m.log_end,
                                          .log_kept = m.log_kept};
        check_rc(lease_answer(w.lease, m.token, &reply, w.now, simulation_wall(), &err), &err);
        if (w.lease)
            run_lease();
    } else if (w.old && m.life == w.old_life) {
        const struct lease_reply reply = {.status = m.status, .body = m.body};
        if (m.call != LEASE_LOG)
            check_old(lease_answer(w.old, m.token, &reply, w.now, simulation_wall(), &err),
                      &err);
    }
    free((char *)m.body.p);
}

static size_t
next_message(void)
{
    size_t best = 0;

    for (size_t i = 1; i < w.n_messages; i++)
        if (w.messages[i].time < w.messages[best].time ||
            (w.messages[i].time == w.messages[best].time &&
             w.messages[i].order < w.messages[best].order))
            best = i;
    return best;
}

static void
set_up(void)
{
    struct store_txn *txn = fixture_begin(w.f, STORE_WRITE);
    enum store_outcome outcome;

    w.calm = false;
    w.offer_next = 0;
    w.died = w.doubled = false;
    /* Not all of it in each world: many small ones find more. */
    w.rules = rules;
    w.rules.log_ms = w.seed % 4 ? 0 : rules.log_ms;
    w.rules.canary = w.seed % 2 ? &canary : NULL;
    w.thrice = w.seed % 5 == 0;
    w.wrong = NULL;
    w.now = 0;
    w.n_messages = 0;
    w.order = 0;
    w.random = w.seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (int i = 0; i < HOSTS; i++) {
        struct machine *m = &w.machines[i];

        *m = (struct machine){.ahead = (int64_t)draw(100 * HOUR)};
        snprintf(m->name, sizeof m->name, "h%d", i);
        snprintf(m->boot, sizeof m->boot, "boot0");
        assert_int_equal(store_host_put(txn,
                                        &(struct host){.name = m->name,
                                                       .state = "active",
                                                       .url = "https://h:1",
                                                       .slots = 2},
                                        &outcome),
                         0);
    }
    for (int i = 0; i < JOBS; i++) {
        char model[64], commit[48];

        snprintf(model, sizeof model, "org/s%llu-%d", (unsigned long long)w.seed, i);
        snprintf(commit, sizeof commit, "%040d", i + 1);
        struct request request = a_request(model);
        request.commit = commit;
        assert_int_equal(store_request_put(txn, &request, &outcome), 0);
        struct job job = {.id = request.id,
                          .state = queue_state_word(QUEUE_QUEUED),
                          .round = 1,
                          .priority = 1,
                          .owner = "org",
                          .charged = true,
                          .accepted = WALL,
                          .checked = WALL,
                          .queued = WALL};
        assert_int_equal(store_job_put(txn, &job, &outcome), 0);
        assert_int_equal(store_quota_add(txn, "org", WALL, request.id), 0);
        w.jobs[i] = (struct job_seen){.id = request.id, .charged = true};
    }
    fixture_commit(w.f, txn);
    start_lease();
}

/* Hosts may be held for hours by their failures; here an operator lifts that. */
static void
lift_hosts(void)
{
    for (struct machine *m = w.machines; m < w.machines + HOSTS; m++) {
        move_host(m, HOST_EVENT_LIFT);
        if (w.calm) {
            move_host(m, HOST_EVENT_UNDRAIN);
            move_host(m, HOST_EVENT_ENROL);
        }
    }
}

static size_t
left_at_hosts(void)
{
    size_t n = 0;

    for (int i = 0; i < HOSTS; i++)
        for (int j = 0; j < HELD; j++)
            n += w.machines[i].held[j].used;
    return n;
}

static int
tell_attempt(void *ctx, const struct attempt *a)
{
    (void)ctx;
    print_error("  fence %llu at %s: %s, cancel %d, %s %s\n", (unsigned long long)a->fence,
                a->host, a->state, a->cancel, a->failure, a->reason);
    return 0;
}

/* For whoever looks why a seed failed. */
static void
tell_all(void)
{
    struct store_txn *txn = fixture_begin(w.f, STORE_READ);

    for (int i = 0; i < JOBS; i++) {
        struct job job;

        if (store_job_get(txn, w.jobs[i].id, w.f->arena, &job))
            continue;
        print_error("job %llu: %s, %llu attempts, due in %lld s, %s %s\n",
                    (unsigned long long)job.id, job.state, (unsigned long long)job.attempts,
                    (long long)(job.due ? (job.due - simulation_wall()) / 1000000 : 0),
                    job.failure, job.reason);
        store_attempts_of(txn, job.id, w.f->arena, tell_attempt, NULL);
    }
    for (int i = 0; i < HOSTS; i++) {
        struct host host;

        if (!store_host_get(txn, w.machines[i].name, w.f->arena, &host))
            print_error("host %s: %s, %s\n", host.name, host.state, host.reason);
    }
    store_abort(txn);
}

static void
simulate(uint64_t seed)
{
    int64_t next_trouble, next_lift = 30 * MINUTE;
    bool over = false;

    w.seed = seed;
    set_up();
    next_trouble = (int64_t)draw(150 * SECOND);
    for (uint64_t step = 0; !w.wrong; step++) {
        if (step > STEPS)
            simulation_wrong("it turns without end");
        size_t at = next_message();
        int64_t due = w.lease ? w.lease_next : w.up_at;

        if (!w.calm && next_trouble < due)
            due = next_trouble;
        if (next_lift < due)
            due = next_lift;
        if (w.n_messages && w.messages[at].time <= due) {
            w.now = w.messages[at].time > w.now ? w.messages[at].time : w.now;
            deliver(at);
        } else {
            w.now = due > w.now ? due : w.now;
            if (!w.calm && w.now >= next_trouble) {
                trouble();
                next_trouble = w.now + 1 + (int64_t)draw(150 * SECOND);
            } else if (w.now >= next_lift) {
                lift_hosts();
                next_lift = w.now + HOUR;
            } else if (!w.lease) {
                start_lease();
            } else {
                run_lease();
            }
        }
        w.calm = w.now > ROUGH;
        if (w.changed || step % 256 == 0) {
            w.changed = false;
            over = simulation_inspect(step % 64 == 0);
        }
        if (over && w.calm && w.lease && !w.old && !left_at_hosts())
            break;
        if (w.now > STUCK)
            simulation_wrong(over ? "hosts keep what is over" : "a job is stuck");
    }
    simulation_inspect(true);
    lease_free(w.lease);
    lease_free(w.old);
    w.lease = w.old = NULL;
    for (size_t i = 0; i < w.n_messages; i++)
        free((char *)w.messages[i].body.p);
    if (w.wrong) {
        print_error("seed %llu, at %lld ms: %s\n", (unsigned long long)seed, (long long)w.now,
                    w.wrong);
        tell_all();
        fail();
    }
}

static void
problem(void *ctx, const char *text)
{
    (void)ctx;
    print_error("verify: %s\n", text);
}

static void
new_world(void)
{
    w.f = fixture_new(256 << 20);
    assert_int_equal(store_create(&w.f->conf, &w.f->err), 0);
    fixture_open(w.f);
    rmdir(w.f->run); /* nobody listens there */
}

static void
end_world(void)
{
    void *state = w.f;

    assert_int_equal(store_verify(w.f->store, problem, NULL, &w.f->err), 0);
    fixture_teardown(&state);
}

static void
test_seeds(void **state)
{
    const char *only = getenv("SIMULATION_SEED"), *count = getenv("SIMULATION_SEEDS");
    uint64_t n = count ? strtoull(count, NULL, 10) : SEEDS;
    uint64_t first = only ? strtoull(only, NULL, 10) : 1;

    (void)state;
    n = only && !count ? 1 : n;
    w.answer_ms = rules.answer_ms;
    w.arena = jb_arena_new(256 << 20);
    for (uint64_t i = 0; i < n; i++) {
        if (i % BATCH == 0)
            new_world();
        simulate(first + i);
        if (i % BATCH == BATCH - 1 || i == n - 1)
            end_world();
    }
    jb_arena_free(w.arena);
    print_message("%llu seeds: %llu attempts, %llu results, %llu deaths of the dispatcher, "
                  "%llu reruns, %llu messages lost\n",
                  (unsigned long long)n, (unsigned long long)w.offered,
                  (unsigned long long)w.results, (unsigned long long)w.deaths,
                  (unsigned long long)w.reruns, (unsigned long long)w.lost);
    /* A run in which little happened shows nothing. */
    if (n > 100)
        assert_true(w.offered > n && w.results > n && w.deaths > n / 10 && w.lost > n &&
                    w.log_bytes > n && w.canaries > n / 20 && w.doubles > n / 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds)};

    jb_log_level_set(JB_LOG_ERR);
    if (access("/dev/shm", W_OK) == 0)
        fixture_parent = "/dev/shm";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
