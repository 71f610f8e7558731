/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a request, what the datasets call them, and how it gets from one to the next.
 * One table that everything obeys. (Facts: the statuses and their tables are those of the
 * Space's requests dataset; the finer states are ours.)
 */
#pragma once

#include <stdbool.h>

enum queue_state {
    QUEUE_SUBMITTED, /* accepted, waits for the check with the hub */
    QUEUE_QUEUED,    /* checked, waits for a host */
    QUEUE_LEASED,    /* offered to a host */
    QUEUE_RUNNING,
    QUEUE_STORING,    /* its result is being fetched */
    QUEUE_RETRY_WAIT, /* waits for its next attempt */
    QUEUE_CANCELLING, /* asked to stop, not yet confirmed */
    QUEUE_FINISHED,
    QUEUE_PENDING_NEW_EVAL, /* finished under an older set of benchmarks */
    QUEUE_FAILED,
    QUEUE_CANCELLED,
    QUEUE_QUARANTINED, /* failed in a way that an operator must look at */
    QUEUE_DUPLICATE,   /* the same model and commit as another request */
    QUEUE_STATE_MAX,
};

/* The table in which a state is shown. */
enum queue_table {
    QUEUE_TABLE_FINISHED,
    QUEUE_TABLE_RUNNING,
    QUEUE_TABLE_PENDING,
    QUEUE_TABLE_FAILED,
    QUEUE_TABLE_CANCELLED, /* and duplicates */
    QUEUE_TABLE_NONE
};

/* What can happen to a request. */
enum queue_event {
    QUEUE_EVENT_SUBMIT,   /* submitted again after it ended badly */
    QUEUE_EVENT_PASS,     /* the hub check is passed */
    QUEUE_EVENT_REFUSE,   /* the hub check is not */
    QUEUE_EVENT_SAME,     /* the commit belongs to another request */
    QUEUE_EVENT_LEASE,    /* a host is chosen */
    QUEUE_EVENT_START,    /* it runs */
    QUEUE_EVENT_READY,    /* the host has a result */
    QUEUE_EVENT_RESULT,   /* the result is stored, by the dispatcher or by hand */
    QUEUE_EVENT_RETRY,    /* this attempt failed, another will be made */
    QUEUE_EVENT_RETURN,   /* back into the queue, the wait is over or the host refused */
    QUEUE_EVENT_FAIL,     /* it failed for good */
    QUEUE_EVENT_POISON,   /* it failed in a way that an operator must look at */
    QUEUE_EVENT_CANCEL,   /* somebody who may asks it to stop */
    QUEUE_EVENT_STOPPED,  /* the host confirms that it stopped */
    QUEUE_EVENT_RERUN,    /* evaluate again, from the check on if it was never passed */
    QUEUE_EVENT_RECHECK,  /* evaluate again, and ask the hub again before */
    QUEUE_EVENT_OUTDATED, /* a new set of benchmarks */
    QUEUE_EVENT_MAX,
};

/* Who makes it happen. */
enum queue_who {
    QUEUE_SUBMITTER, /* holds the secret of the request */
    QUEUE_PLATFORM,  /* web process, dispatcher */
    QUEUE_OPERATOR,  /* the shell */
};

/* A status word as the datasets write it -> state: PENDING is QUEUED, RERUN is RETRY_WAIT, any
 * text beginning FINISHED is FINISHED; an unknown word is QUEUE_STATE_MAX. Case matters, as
 * upstream. */
enum queue_state queue_state_from_status(const char *status);
/* The word for the datasets; several states share one. "" for QUEUE_STATE_MAX. */
const char *queue_state_status(enum queue_state state);
/* The state's own word, as jobs store it, and back; "" and QUEUE_STATE_MAX for what is not one.
 */
const char *queue_state_word(enum queue_state state);
enum queue_state queue_state_from_word(const char *word);
/* The state that a stored pair says: the job's word if it has one that is known, else the
 * request's status. `word` may be NULL. */
enum queue_state queue_state_of(const char *word, const char *status);
/* QUEUE_TABLE_NONE for an unknown state. */
enum queue_table queue_state_table(enum queue_state state);
/* Nothing more happens to it by itself. */
bool queue_state_ended(enum queue_state state);

/* The state that follows, QUEUE_STATE_MAX when that cannot happen in this state or `who` may
 * not make it happen. */
enum queue_state queue_next(enum queue_state from, enum queue_event event, enum queue_who who);
const char *queue_event_word(enum queue_event event); /* "submit", "pass" … */
