/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/state.h"

#include <string.h>

static const struct {
    const char *word;
    enum queue_table table;
} states[QUEUE_STATE_MAX] = {
    [QUEUE_SUBMITTED] = {"SUBMITTED", QUEUE_TABLE_PENDING},
    [QUEUE_PENDING] = {"PENDING", QUEUE_TABLE_PENDING},
    [QUEUE_RERUN] = {"RERUN", QUEUE_TABLE_PENDING},
    [QUEUE_RUNNING] = {"RUNNING", QUEUE_TABLE_RUNNING},
    [QUEUE_FINISHED] = {"FINISHED", QUEUE_TABLE_FINISHED},
    [QUEUE_PENDING_NEW_EVAL] = {"PENDING_NEW_EVAL", QUEUE_TABLE_FINISHED},
    [QUEUE_FAILED] = {"FAILED", QUEUE_TABLE_FAILED},
    [QUEUE_CANCELLED] = {"CANCELLED", QUEUE_TABLE_NONE},
    [QUEUE_DUPLICATE] = {"DUPLICATE", QUEUE_TABLE_NONE},
};

enum queue_state
queue_state_from(const char *status)
{
    if (!status)
        return QUEUE_STATE_MAX;
    for (int i = 0; i < QUEUE_STATE_MAX; i++) {
        if (strcmp(status, states[i].word) == 0)
            return (enum queue_state)i;
    }
    if (strncmp(status, "FINISHED", strlen("FINISHED")) == 0)
        return QUEUE_FINISHED;
    return QUEUE_STATE_MAX;
}

const char *
queue_state_word(enum queue_state state)
{
    return (unsigned)state < QUEUE_STATE_MAX ? states[state].word : "";
}

enum queue_table
queue_state_table(enum queue_state state)
{
    return (unsigned)state < QUEUE_STATE_MAX ? states[state].table : QUEUE_TABLE_NONE;
}
