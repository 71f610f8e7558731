/* SPDX-License-Identifier: Apache-2.0 */
/* The verification finds damage in jobs and in what belongs to them. */
#include <config.h>

#include "job_help.h"
#include "plant_help.h"

#include "store/codec.h"

#define COMMIT     "0123456789abcdef0123456789abcdef01234567"
#define ID(n)      "\0\0\0\0\0\0\0" n, 8

/* The bytes of a key, as what plants takes them. */
#define BYTES(key) (key).p, (key).n

static struct store_key
state_key(const char *state, uint64_t priority, uint64_t due, uint64_t id)
{
    struct store_key key = {0};

    store_key_put(&key, state, strlen(state) + 1);
    store_key_id(&key, priority);
    store_key_id(&key, due);
    store_key_id(&key, id);
    return key;
}

static struct store_key
ledger_key(const char *owner, int64_t time, uint64_t id)
{
    struct store_key key;

    quota_key(&key, owner, time, id);
    return key;
}

static void
plant_job(struct fixture *f, const struct job *job)
{
    struct jb_buf b = JB_BUF(1 << 16);
    struct store_key key = {0};

    store_key_id(&key, job->id);
    assert_int_equal(job_encode(job, &b), 0);
    plant(f, "job", BYTES(key), b.p, b.n);
    jb_buf_free(&b);
}

static void
test_job(void **state)
{
    struct fixture *f = *state;
    struct job job;

    plant(f, "job", ID("\2"), "nonsense, no job", 16);
    FINDS(f, "job/2: the CRC does not match");
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_job_get(txn, 2, f->arena, &job), JB_ECORRUPT);
    assert_non_null(strstr(store_txn_reason(txn)->text, "job/2"));
    store_abort(txn);
    plant(f, "job", ID("\2"), NULL, 0);
    FINDS(f, "job_state/SUBMITTED|1 0 2: names job 2, which is not there",
          "quota/org|1790000000000000 2: counts job 2, which is not there");
    job = a_job(2, "SUBMITTED");
    plant_job(f, &job); /* as it was, but it does not count */
    FINDS(f, "quota/org|1790000000000000 2: counts job 2, which does not count so");
    job.charged = true;
    plant_job(f, &job);
    assert_sound(f);
    job.reason = "two\nlines";
    plant_job(f, &job);
    FINDS(f, "job/2: reason: contains a control character");
    job.reason = "";
    job.due = 5;
    plant_job(f, &job);
    FINDS(f, "job/2: has no entry in job_state",
          "job_state/SUBMITTED|1 0 2: names job 2, which is not in this state");
    job.due = 0;
    plant_job(f, &job);
    plant(f, "job", "odd", 3, "x", 1);
    FINDS(f, "job/odd: the key is not an id");
    plant(f, "job", "odd", 3, NULL, 0);
    job = a_job(9, "SUBMITTED");
    plant_job(f, &job);
    FINDS(f, "job/9: belongs to no request", "job/9: has no entry in job_state");
}

static void
test_states(void **state)
{
    struct fixture *f = *state;
    struct store_key own = state_key("SUBMITTED", 1, 0, 2),
                     other = state_key("QUEUED", 1, 0, 2),
                     stranger = state_key("QUEUED", 1, 0, 99);

    plant(f, "job_state", BYTES(own), NULL, 0);
    FINDS(f, "job/2: has no entry in job_state");
    plant(f, "job_state", BYTES(own), "x", 1);
    FINDS(f, "job_state/SUBMITTED|1 0 2: the value is not empty");
    plant(f, "job_state", BYTES(own), "", 0);
    assert_sound(f);
    plant(f, "job_state", BYTES(other), "", 0);
    FINDS(f, "job_state/QUEUED|1 0 2: names job 2, which is not in this state");
    plant(f, "job_state", BYTES(other), NULL, 0);
    plant(f, "job_state", BYTES(stranger), "", 0);
    FINDS(f, "job_state/QUEUED|1 0 99: names job 99, which is not there");
    plant(f, "job_state", BYTES(stranger), NULL, 0);
    plant(f, "job_state", "SUBMITTED", 10, "", 0); /* of the state alone */
    FINDS(f, "job_state/SUBMITTED|: the key is not a state and three numbers");
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    uint64_t n;
    assert_int_equal(store_jobs_count(txn, "SUBMITTED", &n), 0);
    store_abort(txn);
}

static void
test_claims(void **state)
{
    struct fixture *f = *state;
    static const char own[] = "a/m1\0" COMMIT "\0float16\0Original", other[] = "a/m1\0" COMMIT;

    plant(f, "commit_key", own, sizeof own, ID("\1"));
    FINDS(f, "commit_key/a/m1|" COMMIT "|float16|Original|: names request 1, which is of "
             "another commit");
    plant(f, "commit_key", own, sizeof own, ID("\x7f"));
    FINDS(f, ": names request 127, which is not there");
    plant(f, "commit_key", own, sizeof own, "odd", 3);
    FINDS(f, ": does not hold an id");
    plant(f, "commit_key", own, sizeof own, ID("\2"));
    assert_sound(f);
    plant(f, "commit_key", other, sizeof other, ID("\2"));
    FINDS(f, "commit_key/a/m1|" COMMIT "|: names request 2, which is of another commit");
    plant(f, "commit_key", other, sizeof other, ID("\4")); /* has no commit at all */
    FINDS(f, "commit_key/a/m1|" COMMIT "|: names request 4, which is of another commit");
}

static void
test_nonces(void **state)
{
    struct fixture *f = *state;
    unsigned char digest[STORE_DIGEST_SIZE];
    struct store_key key, at, elsewhere;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct nonce got;

    memset(digest, 'z', sizeof digest);
    assert_int_equal(store_nonce_put(txn, digest, &(struct nonce){1, 1, T0}), 0);
    fixture_commit(f, txn);
    assert_sound(f);
    nonce_key(&key, digest);
    nonce_time_key(&at, T0, digest);
    nonce_time_key(&elsewhere, T0 + 1, digest);
    plant(f, "nonce", BYTES(at), NULL, 0);
    FINDS(f, "nonce/dzzzz");
    plant(f, "nonce", BYTES(elsewhere), "", 0);
    FINDS(f, ": has no entry by time", ": names a nonce of another time");
    plant(f, "nonce", BYTES(elsewhere), NULL, 0);
    plant(f, "nonce", BYTES(at), "x", 1);
    FINDS(f, ": the value is not empty");
    plant(f, "nonce", BYTES(at), "", 0);
    plant(f, "nonce", BYTES(key), NULL, 0);
    FINDS(f, ": names a nonce that is not there");
    plant(f, "nonce", BYTES(key), "damaged", 7);
    FINDS(f, ": the CRC does not match");
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_nonce_get(txn, digest, &got), JB_ECORRUPT);
    store_abort(txn);
    plant(f, "nonce", "short", 5, "", 0);
    FINDS(f, "nonce/short: the key is not that of a nonce", ": the CRC does not match");
}

static void
test_quota(void **state)
{
    struct fixture *f = *state;
    struct store_key own = ledger_key("org", T0, 2), other = ledger_key("org2", T0, 2),
                     late = ledger_key("org", T0 + 1, 2), stranger = ledger_key("org", T0, 99);
    const struct store_key *strange[] = {&other, &late};

    plant(f, "quota", BYTES(own), NULL, 0);
    FINDS(f, "job/2: counts, but has no entry in quota");
    plant(f, "quota", BYTES(own), "x", 1);
    FINDS(f, "quota/org|1790000000000000 2: the value is not empty");
    plant(f, "quota", BYTES(own), "", 0);
    for (int i = 0; i < 2; i++) {
        plant(f, "quota", BYTES(*strange[i]), "", 0);
        FINDS(f, ": counts job 2, which does not count so");
        plant(f, "quota", BYTES(*strange[i]), NULL, 0);
    }
    plant(f, "quota", BYTES(stranger), "", 0);
    FINDS(f, "quota/org|1790000000000000 99: counts job 99, which is not there");
    plant(f, "quota", BYTES(stranger), NULL, 0);
    assert_sound(f);
    plant(f, "quota", "org", 4, "", 0);
    FINDS(f, "quota/org|: the key is not an owner and two numbers");
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    uint64_t n;
    assert_int_equal(store_quota_count(txn, "org", -1, &n, NULL), JB_ECORRUPT);
    store_abort(txn);
}

static void
test_timings(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct timing timing = {"", "float16", 7, 60, T0};
    struct jb_buf b = JB_BUF(256);

    for (int i = 0; i < 4; i++)
        assert_int_equal(store_timing_add(txn, &timing), 0);
    fixture_commit(f, txn);
    assert_sound(f);
    timing.seconds = -1;
    assert_int_equal(timing_encode(&timing, &b), 0);
    plant(f, "timing", ID("\2"), b.p, b.n);
    FINDS(f, "timing/2: seconds: not a time that something takes");
    b.p[8] ^= 1;
    plant(f, "timing", ID("\2"), b.p, b.n);
    FINDS(f, "timing/2: the CRC does not match");
    plant(f, "timing", ID("\2"), NULL, 0);
    FINDS(f, "timing/3: follows entry 1");
    plant(f, "timing", ID("\3"), NULL, 0);
    plant(f, "timing", ID("\4"), NULL, 0);
    FINDS(f, "meta/timing_seq: is 4, but the last entry of timing is 1");
    jb_buf_free(&b);
}

static void
test_deliveries(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct delivery d = {.target = "chat", .event = "failed", .body = "{}"};
    struct jb_buf b = JB_BUF(256);

    assert_int_equal(store_delivery_put(txn, &d), 0);
    fixture_commit(f, txn);
    assert_sound(f);
    d.target = "";
    assert_int_equal(delivery_encode(&d, &b), 0);
    plant(f, "delivery", ID("\1"), b.p, b.n);
    FINDS(f, "delivery/1: target: missing");
    plant(f, "delivery", ID("\1"), "x", 1);
    FINDS(f, "delivery/1: the value is cut short");
    plant(f, "delivery", ID("\1"), NULL, 0);
    assert_sound(f);
    d.target = "chat";
    assert_int_equal(delivery_encode(&d, &b), 0);
    plant(f, "delivery", ID("\5"), b.p, b.n);
    FINDS(f, "meta/delivery_id: is 1, but the last entry of delivery is 5");
    jb_buf_free(&b);
}

static void
test_log_and_cursors(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct change change = {.time = T0,
                            .actor = "a",
                            .kind = "job",
                            .action = "new",
                            .name = "n",
                            .before = "",
                            .after = "not JSON"};
    struct store_seq seq;
    struct jb_buf b = JB_BUF(256);

    assert_int_equal(store_seq_get(txn, &seq), 0);
    assert_int_equal(store_cursor_put(txn, "export", seq.change), 0);
    fixture_commit(f, txn);
    assert_sound(f);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_cursor_put(txn, "export", seq.change + 1), 0);
    fixture_commit(f, txn);
    FINDS(f, "meta/cursor/export: is ");
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_cursor_put(txn, "export", 0), 0);
    fixture_commit(f, txn);
    assert_int_equal(change_encode(&change, &b), 0);
    plant(f, "change", ID("\1"), b.p, b.n);
    FINDS(f, "change/1: the entry does not have its form");
    plant(f, "meta", "cursor/", 7, "x", 1);
    FINDS(f, "change/1", "meta/cursor/: not known");
    jb_buf_free(&b);
}

static int
setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    char model[16];

    for (int i = 0; i < 3; i++) {
        snprintf(model, sizeof model, "a/m%d", i);
        put_submission(txn, model, COMMIT, T0);
    }
    put_some_request(txn, "a/none");
    fixture_commit(f, txn);
    assert_sound(f);
    return 0;
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_job),        WITH_STORE(test_states),          WITH_STORE(test_claims),
        WITH_STORE(test_nonces),     WITH_STORE(test_quota),           WITH_STORE(test_timings),
        WITH_STORE(test_deliveries), WITH_STORE(test_log_and_cursors),
    };

    return cmocka_run_group_tests_name("store_verify_jobs", tests, NULL, NULL);
}
