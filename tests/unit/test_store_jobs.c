/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: what is stored comes back, what moves the counters, the index by state and time, what
 * goes with a request, and who has a commit. */
#include <config.h>

#include "job_help.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define OTHER  "fedcba9876543210fedcba9876543210fedcba98"

static void
assert_same_job(const struct job *a, const struct job *b)
{
    assert_int_equal(a->id, b->id);
    assert_string_equal(a->state, b->state);
    assert_int_equal(a->round, b->round);
    assert_string_equal(a->failure, b->failure);
    assert_string_equal(a->reason, b->reason);
    assert_string_equal(a->log_tail, b->log_tail);
    assert_int_equal(a->same_as, b->same_as);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->checks, b->checks);
    assert_int_equal(a->due, b->due);
    assert_int_equal(a->priority, b->priority);
    assert_string_equal(a->owner, b->owner);
    assert_int_equal(a->charged, b->charged);
    assert_int_equal(a->accepted, b->accepted);
    assert_int_equal(a->checked, b->checked);
    assert_int_equal(a->queued, b->queued);
    assert_int_equal(a->started, b->started);
    assert_int_equal(a->ended, b->ended);
    assert_int_equal(a->embargo, b->embargo);
    assert_int_equal(a->hidden, b->hidden);
    assert_int_equal(a->has_secret, b->has_secret);
    assert_memory_equal(a->secret, b->secret, sizeof a->secret);
}

static int
count_job(void *ctx, const struct job *job)
{
    uint64_t *sum = ctx;

    *sum = *sum * 10 + job->id;
    return 0;
}

static void
test_round_trip(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct job got, least = {.id = 2, .state = "FAILED"};
    enum store_outcome outcome;
    uint64_t sum = 0;
    const struct job all = {
        .id = 1,
        .state = "FAILED",
        .round = 3,
        .failure = "out_of_memory",
        .reason = "显存不足 on \"gpu1\"",
        .log_tail = "line one\nline two\n",
        .same_as = 2,
        .attempts = 4,
        .checks = 5,
        .due = T0 + 6,
        .priority = 2,
        .owner = "组织",
        .charged = false,
        .accepted = T0 + 7,
        .checked = T0 + 8,
        .queued = T0 + 9,
        .started = T0 + 10,
        .ended = T0 + 11,
        .embargo = T0 + 12,
        .hidden = true,
        .has_secret = true,
        .secret = {0, 1, 2, 0xff},
    };

    put_some_request(txn, "a/b");
    put_some_request(txn, "a/c");
    assert_int_equal(store_job_get(txn, 1, f->arena, &got), JB_ENOENT);
    assert_int_equal(store_job_put(txn, &all, &outcome), 0);
    assert_int_equal(outcome, STORE_NEW);
    assert_int_equal(store_job_put(txn, &least, &outcome), 0);
    fixture_commit(f, txn);
    fixture_close(f);
    fixture_open(f);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_job_get(txn, 1, f->arena, &got), 0);
    assert_same_job(&got, &all);
    assert_int_equal(store_job_get(txn, 2, f->arena, &got), 0);
    least.failure = least.reason = least.log_tail = least.owner = "";
    assert_same_job(&got, &least);
    assert_int_equal(store_jobs_each(txn, f->arena, count_job, &sum), 0);
    assert_int_equal(sum, 12);
    struct store_stat stat;
    assert_int_equal(store_stat_get(txn, &stat), 0);
    assert_int_equal(stat.jobs, 2);
    store_abort(txn);
    assert_sound(f);
}

static void
assert_refused(struct fixture *f, const struct job *job, int code, const char *reason)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_job_put(txn, job, &outcome), code);
    if (!strstr(store_txn_reason(txn)->text, reason))
        print_error("%s\n", store_txn_reason(txn)->text);
    assert_non_null(strstr(store_txn_reason(txn)->text, reason));
    assert_int_equal(store_commit(txn, NULL), code);
}

static void
test_checks(void **state)
{
    struct fixture *f = *state;
    static char text[STORE_TEXT_MAX + 2];
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    memset(text, 'x', STORE_TEXT_MAX + 1);
    put_some_request(txn, "a/b");
    fixture_commit(f, txn);
    struct job job = a_job(2, "SUBMITTED");
    assert_refused(f, &job, JB_ENOENT, "there is no request 2");
    job = a_job(1, "");
    assert_refused(f, &job, JB_EINVAL, "state: missing");
    job = a_job(1, "SUB\nMITTED");
    assert_refused(f, &job, JB_EINVAL, "state: contains a control character");
    job = a_job(1, "SUBMITTED");
    job.reason = "two\nlines";
    assert_refused(f, &job, JB_EINVAL, "reason: ");
    job.reason = "bad \xff";
    assert_refused(f, &job, JB_EINVAL, "reason: not valid UTF-8");
    job.reason = "";
    job.log_tail = text;
    assert_refused(f, &job, JB_ETOOBIG, "log_tail: ");
    job.log_tail = text + 1;
    job.due = -1;
    assert_refused(f, &job, JB_EINVAL, "due: a time before 1970");
    job.due = 0;
    job.owner = text + 1;
    assert_refused(f, &job, JB_ETOOBIG, "owner: ");
    job.owner = "org";
    assert_int_equal(put_job(f, &job), STORE_NEW);
}

/* What each member moves: board, queue, log. */
static void
test_moves(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    put_some_request(txn, "a/b");
    put_some_request(txn, "a/c");
    fixture_commit(f, txn);
    struct store_seq seq = fixture_seq(f);
    struct job job = a_job(1, "SUBMITTED");
    assert_int_equal(put_job(f, &job), STORE_NEW);
    assert_moved(f, &seq, 0, 1, 1);
    assert_int_equal(put_job(f, &job), STORE_SAME);
    assert_moved(f, &seq, 0, 0, 0);
    job.checks = 1;
    job.due = T0;
    assert_int_equal(put_job(f, &job), STORE_CHANGED);
    job.checked = job.queued = T0;
    assert_int_equal(put_job(f, &job), STORE_CHANGED);
    assert_moved(f, &seq, 0, 0, 0);
#define QUEUE(member, value)                                                                   \
    job.member = value;                                                                        \
    assert_int_equal(put_job(f, &job), STORE_CHANGED);                                         \
    assert_moved(f, &seq, 0, 1, 1)
    QUEUE(state, "FAILED");
    QUEUE(failure, "timeout");
    QUEUE(reason, "too slow");
    QUEUE(log_tail, "the end");
    QUEUE(log_tail, "The end");
    QUEUE(same_as, 2);
    QUEUE(attempts, 1);
    QUEUE(started, T0);
    QUEUE(ended, T0);
    QUEUE(priority, 0);
#define LOG(member, value)                                                                     \
    job.member = value;                                                                        \
    assert_int_equal(put_job(f, &job), STORE_CHANGED);                                         \
    assert_moved(f, &seq, 0, 0, 1)
    LOG(round, 2);
    LOG(owner, "other");
    LOG(charged, true);
    LOG(charged, false);
    LOG(accepted, T0 + 1);
    LOG(has_secret, true);
    LOG(secret[31], 1);
    job.hidden = true;
    assert_int_equal(put_job(f, &job), STORE_CHANGED);
    assert_moved(f, &seq, 1, 1, 1);
    job.embargo = T0;
    assert_int_equal(put_job(f, &job), STORE_CHANGED);
    assert_moved(f, &seq, 1, 0, 1);
    job = a_job(2, "SUBMITTED");
    job.embargo = T0;
    assert_int_equal(put_job(f, &job), STORE_NEW);
    assert_moved(f, &seq, 1, 1, 1);
    assert_sound(f);
}

struct due {
    int n, stop_at;
    uint64_t ids[16];
    int64_t times[16];
};

static int
see_due(void *ctx, uint64_t id, int64_t due)
{
    struct due *seen = ctx;

    assert_true(seen->n < 16);
    seen->ids[seen->n] = id;
    seen->times[seen->n++] = due;
    return seen->n == seen->stop_at ? 7 : 0;
}

static void
assert_due(struct fixture *f, const char *word, int64_t until, int n, const uint64_t *ids)
{
    struct due due = {0};
    struct store_txn *txn = fixture_begin(f, STORE_READ);

    assert_int_equal(store_jobs_due(txn, word, until, see_due, &due), 0);
    store_abort(txn);
    assert_int_equal(due.n, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(due.ids[i], ids[i]);
}
#define DUE(f, word, until, ...)                                                               \
    assert_due(f, word, until, (int)(sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)),    \
               (const uint64_t[]){__VA_ARGS__})

static void
assert_count(struct fixture *f, const char *word, uint64_t n)
{
    uint64_t got = 99;
    struct store_txn *txn = fixture_begin(f, STORE_READ);

    assert_int_equal(store_jobs_count(txn, word, &got), 0);
    store_abort(txn);
    assert_int_equal(got, n);
}

static void
test_due(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    /* due, priority of jobs 1 to 6 */
    static const int64_t dues[] = {30, 10, 20, 0, 10, INT64_MAX};
    static const uint64_t priorities[] = {1, 1, 0, 2, UINT64_MAX, 0};
    enum store_outcome outcome;
    char model[16];

    for (uint64_t i = 1; i <= 6; i++) {
        snprintf(model, sizeof model, "a/m%d", (int)i);
        put_some_request(txn, model);
        struct job job = a_job(i, "RETRY_WAIT");
        job.due = dues[i - 1];
        job.priority = priorities[i - 1];
        assert_int_equal(store_job_put(txn, &job, &outcome), 0);
    }
    put_some_request(txn, "a/m7");
    struct job job = a_job(7, "RETRY"); /* a word that begins another */
    assert_int_equal(store_job_put(txn, &job, &outcome), 0);
    fixture_commit(f, txn);
    DUE(f, "RETRY_WAIT", INT64_MAX, 3, 6, 2, 1, 4, 5);
    DUE(f, "RETRY_WAIT", 30, 3, 2, 1, 4, 5);
    DUE(f, "RETRY_WAIT", 29, 3, 2, 4, 5);
    DUE(f, "RETRY_WAIT", 9, 4);
    assert_due(f, "RETRY_WAIT", -1, 0, NULL);
    DUE(f, "RETRY", 0, 7);
    assert_due(f, "FINISHED", INT64_MAX, 0, NULL);
    assert_due(f, "", INT64_MAX, 0, NULL);
    assert_count(f, "RETRY_WAIT", 6);
    assert_count(f, "RETRY", 1);
    assert_count(f, "FINISHED", 0);

    /* The index follows each of the three. */
    job = a_job(2, "RETRY_WAIT");
    job.due = 40;
    put_job(f, &job);
    DUE(f, "RETRY_WAIT", 40, 3, 1, 2, 4, 5);
    job.priority = 0;
    put_job(f, &job);
    DUE(f, "RETRY_WAIT", 40, 3, 2, 1, 4, 5);
    job.state = "RUNNING";
    put_job(f, &job);
    DUE(f, "RETRY_WAIT", 40, 3, 1, 4, 5);
    DUE(f, "RUNNING", 40, 2);
    assert_count(f, "RETRY_WAIT", 5);

    struct due seen = {.stop_at = 2};
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_jobs_due(txn, "RETRY_WAIT", 40, see_due, &seen), 7);
    assert_int_equal(store_txn_error(txn), 0);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.times[1], 30);
    store_abort(txn);
    assert_sound(f);
}

struct mover {
    struct store_txn *txn;
    int n;
};

static int
move_on(void *ctx, uint64_t id, int64_t due)
{
    struct mover *mover = ctx;
    struct job job = a_job(id, "QUEUED");
    enum store_outcome outcome;

    (void)due;
    mover->n++;
    return store_job_put(mover->txn, &job, &outcome);
}

static void
test_moving_in_a_walk(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct mover mover = {txn, 0};
    enum store_outcome outcome;
    char model[16];

    for (uint64_t i = 1; i <= 50; i++) {
        snprintf(model, sizeof model, "a/m%d", (int)i);
        put_some_request(txn, model);
        struct job job = a_job(i, "SUBMITTED");
        job.priority = i % 3;
        job.due = (int64_t)i;
        assert_int_equal(store_job_put(txn, &job, &outcome), 0);
    }
    assert_int_equal(store_jobs_due(txn, "SUBMITTED", 40, move_on, &mover), 0);
    fixture_commit(f, txn);
    assert_int_equal(mover.n, 40);
    assert_count(f, "SUBMITTED", 10);
    assert_count(f, "QUEUED", 40);
    assert_sound(f);
}

static uint64_t
owner_of(struct store_txn *txn, const char *model, const char *commit, const char *precision)
{
    uint64_t owner = 99;

    assert_int_equal(store_commit_owner(txn, model, commit, precision, "Original", &owner), 0);
    return owner;
}

static void
test_claims(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;
    struct request request;
    uint64_t owner;

    assert_int_equal(put_submission(txn, "a/b", COMMIT, T0), 1);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "float16"), 1);
    assert_int_equal(owner_of(txn, "a/b", OTHER, "float16"), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "bfloat16"), 0);
    /* Held by another. */
    assert_int_equal(put_some_request(txn, "a/c"), 2);
    assert_int_equal(store_commit_claim(txn, "a/b", COMMIT, "float16", "Original", 2, &owner),
                     0);
    assert_int_equal(owner, 1);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "float16"), 1);
    /* Again by its holder. */
    assert_int_equal(store_commit_claim(txn, "a/b", COMMIT, "float16", "Original", 1, &owner),
                     0);
    assert_int_equal(owner, 1);
    /* Given up by one who does not hold it: nothing. */
    assert_int_equal(store_commit_release(txn, "a/b", COMMIT, "float16", "Original", 2), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "float16"), 1);
    assert_int_equal(store_commit_release(txn, "a/b", COMMIT, "float16", "Original", 1), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "float16"), 0);
    assert_int_equal(store_commit_release(txn, "a/b", COMMIT, "float16", "Original", 1), 0);
    assert_int_equal(store_commit_claim(txn, "a/b", COMMIT, "float16", "Original", 1, &owner),
                     0);

    /* It goes along with its request. */
    assert_int_equal(store_request_get(txn, 1, f->arena, &request), 0);
    request.precision = "bfloat16";
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "float16"), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "bfloat16"), 1);
    request.status = "RUNNING";
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "bfloat16"), 1);
    request.commit = "";
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "bfloat16"), 0);
    /* Nobody claims for one who held nothing. */
    request.commit = OTHER;
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    request.commit = COMMIT;
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "bfloat16"), 0);
    /* To a commit that another holds: given up. */
    assert_int_equal(store_commit_claim(txn, "a/b", COMMIT, "bfloat16", "Original", 1, &owner),
                     0);
    assert_int_equal(put_submission(txn, "a/d", OTHER, T0), 3);
    request.model = "a/d";
    request.precision = "float16";
    request.revision = "v2";
    request.commit = OTHER;
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "bfloat16"), 0);
    assert_int_equal(owner_of(txn, "a/d", OTHER, "float16"), 3);
    fixture_commit(f, txn);
    assert_sound(f);

    /* At the hub the case of a name does not matter. */
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(put_submission(txn, "Org/Model-7B", COMMIT, T0), 4);
    assert_int_equal(owner_of(txn, "org/model-7b", COMMIT, "float16"), 4);
    assert_int_equal(owner_of(txn, "ORG/Model-7B", COMMIT, "float16"), 4);
    fixture_commit(f, txn);
    assert_sound(f);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(
        store_commit_release(txn, "org/model-7b", COMMIT, "float16", "Original", 4), 0);
    assert_int_equal(owner_of(txn, "Org/Model-7B", COMMIT, "float16"), 0);
    assert_int_equal(
        store_commit_claim(txn, "org/MODEL-7b", COMMIT, "float16", "Original", 4, &owner), 0);
    assert_int_equal(store_request_delete(txn, 4), 0);
    assert_int_equal(owner_of(txn, "org/model-7b", COMMIT, "float16"), 0);
    fixture_commit(f, txn);
    assert_sound(f);

    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_commit_claim(txn, "a/b", "", "float16", "Original", 1, &owner),
                     JB_EINVAL);
    store_abort(txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_commit_claim(txn, "a/b", COMMIT, "float16", "Original", 0, &owner),
                     JB_EINVAL);
    store_abort(txn);
}

/* A request takes with it all that hangs on it, and nothing of others. */
static void
test_delete(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct job job;
    uint64_t n;

    assert_int_equal(put_submission(txn, "a/b", COMMIT, T0), 1);
    assert_int_equal(put_submission(txn, "a/c", COMMIT, T0), 2);
    fixture_commit(f, txn);
    assert_sound(f);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_request_delete(txn, 1), 0);
    assert_int_equal(store_job_get(txn, 1, f->arena, &job), JB_ENOENT);
    assert_int_equal(store_job_get(txn, 2, f->arena, &job), 0);
    assert_int_equal(owner_of(txn, "a/b", COMMIT, "float16"), 0);
    assert_int_equal(owner_of(txn, "a/c", COMMIT, "float16"), 2);
    assert_int_equal(store_quota_count(txn, "org", 0, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_int_equal(store_jobs_count(txn, "SUBMITTED", &n), 0);
    assert_int_equal(n, 1);
    fixture_commit(f, txn);
    assert_sound(f);
    /* One without a job, without a commit. */
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(put_some_request(txn, "a/d"), 3);
    assert_int_equal(store_request_delete(txn, 3), 0);
    fixture_commit(f, txn);
    assert_sound(f);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_round_trip), WITH_STORE(test_checks),           WITH_STORE(test_moves),
        WITH_STORE(test_due),        WITH_STORE(test_moving_in_a_walk), WITH_STORE(test_claims),
        WITH_STORE(test_delete),
    };

    return cmocka_run_group_tests_name("store_jobs", tests, NULL, NULL);
}
