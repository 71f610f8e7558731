/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in every state beside the board of views_help.h, with reasons and logs that mean
 * harm. */
#pragma once

#include "views_help.h"

#include "queue/lists.h"
#include "queue/move.h"

#define HOUR           (INT64_C(3600) * 1000000)
#define NOW            (INT64_C(1716448486) * 1000000) /* 2024-05-23T07:14:46Z */
#define HOSTILE_MODEL  "evil/<img src=x>\"'&"
#define HOSTILE_REASON "<script>alert(1)</script> \"'&"
#define HOSTILE_LOG    "first line\n</code></pre><img src=x>\nlast line\n"

static inline uint64_t
put_request(struct store_txn *txn, const char *model, const char *status, int64_t submitted)
{
    struct request request = a_request(model);
    enum store_outcome outcome;

    request.status = status;
    request.submitted = submitted;
    request.model_type = "🟢 : pretrained";
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    return request.id;
}

static inline void
move_request(struct store_txn *txn, uint64_t id, struct queue_move move)
{
    struct jb_error err = {0};

    move.who = QUEUE_PLATFORM;
    if (queue_move(txn, id, &move, NOW, &err, NULL))
        fail_msg("%s", err.text);
}

static inline uint64_t
put_failed(struct store_txn *txn, const char *model)
{
    uint64_t id = put_request(txn, model, "RUNNING", NOW - 3 * HOUR);

    move_request(txn, id,
                 (struct queue_move){.event = QUEUE_EVENT_FAIL,
                                     .failure = FAILURE_OUT_OF_MEMORY,
                                     .reason = HOSTILE_REASON,
                                     .log_tail = HOSTILE_LOG});
    return id;
}

static inline struct queue_lists *
the_lists(struct views *v)
{
    struct store_txn *txn = fixture_begin(v->f, STORE_READ);
    struct queue_lists *lists = NULL;

    assert_int_equal(queue_lists_build(txn, NOW, &v->f->err, &lists), 0);
    store_abort(txn);
    return lists;
}
