/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a request and what the datasets call them. One table that everything obeys.
 */
#pragma once

#include <stdbool.h>

enum queue_state {
    QUEUE_SUBMITTED, /* accepted, not yet checked with the hub */
    QUEUE_PENDING,
    QUEUE_RERUN,
    QUEUE_RUNNING,
    QUEUE_FINISHED,
    QUEUE_PENDING_NEW_EVAL,
    QUEUE_FAILED,
    QUEUE_CANCELLED,
    QUEUE_DUPLICATE,
    QUEUE_STATE_MAX,
};

/* The table of the Submit tab in which a state is shown. */
enum queue_table {
    QUEUE_TABLE_FINISHED,
    QUEUE_TABLE_RUNNING,
    QUEUE_TABLE_PENDING,
    QUEUE_TABLE_FAILED,
    QUEUE_TABLE_NONE
};

/* The word as stored -> state; any text beginning FINISHED is FINISHED, an unknown word is
 * QUEUE_STATE_MAX. Case matters, as upstream. */
enum queue_state queue_state_from(const char *status);
const char *queue_state_word(enum queue_state state); /* "" for QUEUE_STATE_MAX */
/* QUEUE_TABLE_NONE for what is cancelled, a duplicate or unknown. */
enum queue_table queue_state_table(enum queue_state state);
