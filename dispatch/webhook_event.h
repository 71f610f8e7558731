/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What webhooks say, how it is signed, and when a failed one is tried again. No store, no
 * network, no clock.
 */
#pragma once

#include "base/buf.h"
#include "base/conf.h"
#include "store/job.h"
#include "store/record.h"

/* A mark that counts what the operator did to deliveries: they are to be read anew then. */
#define WEBHOOK_MARK_TOUCHED "webhooks.touched"

/* What `jinbang webhook test` sends, whatever a target wants. */
#define WEBHOOK_PING         "ping"

bool webhook_wants(const struct conf_webhook *hook, const char *event);

/* What a job became, taken from the `after` of its change; "" where it does not say. Strings
 * live in the arena. JB_ENOMEM. */
struct webhook_change {
    const char *state, *failure, *reason;
    bool failure_said, reason_said;
    bool submitted; /* by a submitter: it is another round */
};
int webhook_change_read(const struct change *change, struct jb_arena *arena,
                        struct webhook_change *ret_change);
/* "submitted" (waits for the check, or for a host where there is nothing to check), "started"
 * (runs), "finished", "failed" (for good, quarantined ones too); NULL for what is none:
 * cancelled, queued, an unknown word, no new state. */
const char *webhook_event_of(const struct webhook_change *change);

struct webhook_event {
    uint64_t delivery; /* its id: the same in every try */
    const char *event;
    int64_t time; /* of the change */
    /* NULL for a ping. Of a request that is gone by now: identity only. */
    const struct request *request;
    const char *state;            /* word of queue/state.h */
    const char *failure, *reason; /* of "failed" */
    const char *mount;            /* site.mount */
};
/* {"event","id","time","request":{…}|null,"failure":{"class","reason"}|null,"url"|null}; no
 * scores. Errors of `out`. */
int webhook_body(const struct webhook_event *event, struct jb_buf *out);

/* "sha256=" and the hex of HMAC-SHA-256 over "<timestamp>.<body>". Errors of
 * crypto_hmac_sha256(). */
#define WEBHOOK_SIGNATURE_SIZE (7 + 64 + 1)
int webhook_sign(struct jb_str key, int64_t timestamp, struct jb_str body,
                 char ret_signature[WEBHOOK_SIGNATURE_SIZE]);

/* Longest wait before a further try. */
#define WEBHOOK_WAIT_MOST ((int64_t)3600 * 1000)
/*
 * Milliseconds until the try after `attempts` failed ones (1 or more): `first`, doubled each
 * time, 20 % more or less by `random`, at least retry_after (negative: none), at most
 * WEBHOOK_WAIT_MOST.
 */
int64_t webhook_wait(int64_t first, uint64_t attempts, int64_t retry_after, uint32_t random);
