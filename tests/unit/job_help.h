/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with jobs, for the tests of store/. */
#pragma once

#include "store_help.h"

#include "store/job.h"

#define SECONDS INT64_C(1000000)
#define T0      (INT64_C(1790000000) * SECONDS) /* 2026-09-21T14:13:20Z */

/* A request of its own with id 1, 2 … in the order of the calls. */
static inline uint64_t
put_some_request(struct store_txn *txn, const char *model)
{
    struct request request = a_request(model);
    enum store_outcome outcome;

    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    assert_int_equal(outcome, STORE_NEW);
    return request.id;
}

static inline struct job
a_job(uint64_t id, const char *state)
{
    struct job job = {
        .id = id,
        .state = state,
        .round = 1,
        .failure = "",
        .reason = "",
        .log_tail = "",
        .priority = 1,
        .owner = "org",
        .accepted = T0,
    };

    return job;
}

static inline enum store_outcome
put_job(struct fixture *f, const struct job *job)
{
    enum store_outcome outcome = 99;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    assert_int_equal(store_job_put(txn, job, &outcome), 0);
    fixture_commit(f, txn);
    return outcome;
}

/* A submission that counts, with a claim on its commit: all that hangs on a request. */
static inline uint64_t
put_submission(struct store_txn *txn, const char *model, const char *commit, int64_t time)
{
    struct request request = a_request(model);
    enum store_outcome outcome;
    uint64_t owner;

    request.commit = commit;
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    struct job job = a_job(request.id, "SUBMITTED");
    job.charged = true;
    job.accepted = time;
    assert_int_equal(store_job_put(txn, &job, &outcome), 0);
    assert_int_equal(store_quota_add(txn, "org", time, request.id), 0);
    assert_int_equal(store_commit_claim(txn, model, commit, request.precision,
                                        request.weight_type, request.id, &owner),
                     0);
    assert_int_equal(owner, request.id);
    return request.id;
}
