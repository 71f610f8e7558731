/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may become of a GPU host, and when: the table that scheduler and shell obey. (Facts:
 * quarantine after three infrastructure failures in a row on different jobs, or five of the
 * last ten attempts; held for ten minutes, doubling to six hours; back only through a canary,
 * which also catches GPUs that compute wrongly. The registry is the real revocation: a key that
 * is not here is refused at the next handshake.)
 */
#pragma once

#include "store/host.h"

enum queue_host_state {
    HOST_NEW,         /* has a token, waits for its enrolment */
    HOST_ACTIVE,      /* gets work */
    HOST_DRAINING,    /* ends what it has, gets nothing new */
    HOST_QUARANTINED, /* failed too often: gets nothing but a canary, once its hold is over */
    HOST_REMOVED,     /* its keys are refused */
    HOST_STATE_MAX
};

enum queue_host_event {
    HOST_EVENT_ADD,        /* a token for it, also for one that was removed */
    HOST_EVENT_ENROL,      /* it proved the token and has a certificate */
    HOST_EVENT_DRAIN,      /* before maintenance */
    HOST_EVENT_UNDRAIN,    /* after it */
    HOST_EVENT_QUARANTINE, /* by the rules above, or by an operator */
    HOST_EVENT_PASS,       /* its canary came back with the right scores */
    HOST_EVENT_MISS,       /* its canary did not: held again, for longer */
    HOST_EVENT_LIFT,       /* an operator trusts it again, without a canary */
    HOST_EVENT_REMOVE,
    HOST_EVENT_MAX
};

#define HOST_HOLD_FIRST  (INT64_C(600) * 1000000) /* microseconds, as all times */
#define HOST_HOLD_MOST   (INT64_C(6) * 3600 * 1000000)
#define HOST_FORGIVE     (INT64_C(24) * 3600 * 1000000) /* then a hold is short again */
#define HOST_IN_A_ROW    3
#define HOST_LAST        10
#define HOST_OF_LAST     5
#define HOST_TOKEN_LIFE  (INT64_C(24) * 3600 * 1000000)
#define HOST_TOKEN_SIZE  65 /* 64 lower-case hex digits, 256 bits, and a NUL */
#define HOST_REASON_SIZE 160

const char *queue_host_word(enum queue_host_state state);     /* as stored; "" for the end */
enum queue_host_state queue_host_from_word(const char *word); /* HOST_STATE_MAX */
const char *queue_host_event_word(enum queue_host_event event);
/* HOST_STATE_MAX: that cannot happen in this state. */
enum queue_host_state queue_host_next(enum queue_host_state from, enum queue_host_event event);
/* [a-z0-9-]{1,40}, no hyphen at either end; not what the board calls itself: "dispatcher". */
bool queue_host_name(const char *name);
/* https://HOST:PORT, an address or a name, nothing behind it. JB_EINVAL with the reason. */
int queue_host_url(const char *url, struct jb_error *err);

/*
 * Applies an event to the record in memory, with its hold, counters, keys and token; the caller
 * stores it. `reason` is one line ("" none), kept by reference. JB_ECONFLICT with the reason,
 * nothing done. ADD and ENROL have functions of their own.
 */
int queue_host_apply(struct host *host, enum queue_host_event event, const char *reason,
                     int64_t now, struct jb_error *err);
/* The same to the host of that name in the store. JB_ENOENT, JB_ECONFLICT: not sticky. */
int queue_host_move(struct store_txn *txn, const char *name, enum queue_host_event event,
                    const char *reason, int64_t now, struct jb_arena *arena,
                    struct jb_error *err);

/*
 * A record and a one-time token for it, or another token for one that still waits or was
 * removed; what a removed one was is forgotten. `url` may be "". Of the token only the SHA-256
 * of its text is stored; it is good for HOST_TOKEN_LIFE. JB_EINVAL (name, url), JB_ECONFLICT
 * (in use), not sticky; JB_EIO: no random bytes.
 */
int queue_host_add(struct store_txn *txn, const char *name, const char *url, int64_t now,
                   struct jb_arena *arena, struct jb_error *err,
                   char ret_token[HOST_TOKEN_SIZE]);
/* Does a new host wait for this token? `hash` is the SHA-256 of its text. JB_EACCES: not this
 * one, or too late; JB_ECONFLICT: the host waits for none. */
int queue_host_token(const struct host *host, const unsigned char hash[HOST_HASH_SIZE],
                     int64_t now, struct jb_error *err);
/*
 * Burns the token and records the key of a host that proved it: in the transaction that decides
 * so. The token may have run out since it was proved, not have been used. JB_ENOENT,
 * JB_ECONFLICT: not sticky.
 */
int queue_host_enrol(struct store_txn *txn, const char *name, const char *url,
                     const unsigned char key[HOST_HASH_SIZE], int64_t certificate_until,
                     int64_t now, struct jb_arena *arena, struct jb_error *err);

/* May a peer with this key speak for the host? Its current or its next key, unless it is new or
 * removed. */
bool queue_host_knows(const struct host *host, const unsigned char key[HOST_HASH_SIZE]);

enum queue_host_work { HOST_NO_WORK, HOST_ONLY_CANARY, HOST_ANY_WORK };
/* What it may be given now. */
enum queue_host_work queue_host_work(const struct host *host, int64_t now);

/*
 * An attempt at `request` ended at an active or draining host: `through_host` when the host is
 * the reason (class I of queue/failure.h), else it counts as good. Canaries end in PASS or
 * MISS, not here. True when the host is quarantined now, with the reason, written to
 * `ret_reason`, in host->reason.
 */
bool queue_host_outcome(struct host *host, uint64_t request, bool through_host, int64_t now,
                        char ret_reason[HOST_REASON_SIZE]);
