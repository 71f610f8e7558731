/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/state.h"

#include <string.h>

static const struct {
    const char *word, *status;
    enum queue_table table;
} states[QUEUE_STATE_MAX] = {
    [QUEUE_SUBMITTED] = {"SUBMITTED", "PENDING", QUEUE_TABLE_PENDING},
    [QUEUE_QUEUED] = {"QUEUED", "PENDING", QUEUE_TABLE_PENDING},
    [QUEUE_LEASED] = {"LEASED", "PENDING", QUEUE_TABLE_PENDING},
    [QUEUE_RUNNING] = {"RUNNING", "RUNNING", QUEUE_TABLE_RUNNING},
    [QUEUE_STORING] = {"STORING", "RUNNING", QUEUE_TABLE_RUNNING},
    [QUEUE_RETRY_WAIT] = {"RETRY_WAIT", "RERUN", QUEUE_TABLE_PENDING},
    [QUEUE_CANCELLING] = {"CANCELLING", "RUNNING", QUEUE_TABLE_RUNNING},
    [QUEUE_FINISHED] = {"FINISHED", "FINISHED", QUEUE_TABLE_FINISHED},
    [QUEUE_PENDING_NEW_EVAL] = {"PENDING_NEW_EVAL", "PENDING_NEW_EVAL", QUEUE_TABLE_FINISHED},
    [QUEUE_FAILED] = {"FAILED", "FAILED", QUEUE_TABLE_FAILED},
    [QUEUE_CANCELLED] = {"CANCELLED", "CANCELLED", QUEUE_TABLE_CANCELLED},
    [QUEUE_QUARANTINED] = {"QUARANTINED", "FAILED", QUEUE_TABLE_FAILED},
    [QUEUE_DUPLICATE] = {"DUPLICATE", "CANCELLED", QUEUE_TABLE_CANCELLED},
};

static const char *const events[QUEUE_EVENT_MAX] = {
    [QUEUE_EVENT_SUBMIT] = "submit",     [QUEUE_EVENT_PASS] = "pass",
    [QUEUE_EVENT_REFUSE] = "refuse",     [QUEUE_EVENT_SAME] = "same",
    [QUEUE_EVENT_LEASE] = "lease",       [QUEUE_EVENT_START] = "start",
    [QUEUE_EVENT_READY] = "ready",       [QUEUE_EVENT_RESULT] = "result",
    [QUEUE_EVENT_RETRY] = "retry",       [QUEUE_EVENT_RETURN] = "return",
    [QUEUE_EVENT_FAIL] = "fail",         [QUEUE_EVENT_POISON] = "poison",
    [QUEUE_EVENT_CANCEL] = "cancel",     [QUEUE_EVENT_STOPPED] = "stopped",
    [QUEUE_EVENT_RERUN] = "rerun",       [QUEUE_EVENT_RECHECK] = "recheck",
    [QUEUE_EVENT_OUTDATED] = "outdated",
};

#define BY(who)   (1u << (who))
#define SUBMITTER (BY(QUEUE_SUBMITTER) | BY(QUEUE_OPERATOR))
#define PLATFORM  (BY(QUEUE_PLATFORM) | BY(QUEUE_OPERATOR))
#define OPERATOR  BY(QUEUE_OPERATOR)
#define IN(state) (1u << (state))

#define ENDED_BADLY                                                                            \
    (IN(QUEUE_FAILED) | IN(QUEUE_CANCELLED) | IN(QUEUE_QUARANTINED) | IN(QUEUE_DUPLICATE))
#define AT_A_HOST (IN(QUEUE_LEASED) | IN(QUEUE_RUNNING) | IN(QUEUE_STORING))
#define WAITS     (IN(QUEUE_SUBMITTED) | IN(QUEUE_QUEUED) | IN(QUEUE_RETRY_WAIT))
#define OPEN      (AT_A_HOST | WAITS | IN(QUEUE_CANCELLING))
#define CHECKED   (OPEN & ~IN(QUEUE_SUBMITTED))

/* The first row that fits says it. */
static const struct {
    enum queue_event event;
    unsigned from, who;
    enum queue_state to;
} moves[] = {
    {QUEUE_EVENT_SUBMIT, ENDED_BADLY, BY(QUEUE_PLATFORM), QUEUE_SUBMITTED},
    {QUEUE_EVENT_PASS, IN(QUEUE_SUBMITTED), PLATFORM, QUEUE_QUEUED},
    {QUEUE_EVENT_REFUSE, IN(QUEUE_SUBMITTED), PLATFORM, QUEUE_FAILED},
    {QUEUE_EVENT_SAME, IN(QUEUE_SUBMITTED), PLATFORM, QUEUE_DUPLICATE},
    {QUEUE_EVENT_LEASE, IN(QUEUE_QUEUED), PLATFORM, QUEUE_LEASED},
    {QUEUE_EVENT_START, IN(QUEUE_LEASED) | IN(QUEUE_QUEUED) | IN(QUEUE_RETRY_WAIT), PLATFORM,
     QUEUE_RUNNING},
    {QUEUE_EVENT_READY, IN(QUEUE_LEASED) | IN(QUEUE_RUNNING), PLATFORM, QUEUE_STORING},
    {QUEUE_EVENT_RESULT, CHECKED, PLATFORM, QUEUE_FINISHED},
    {QUEUE_EVENT_RESULT, ENDED_BADLY | IN(QUEUE_PENDING_NEW_EVAL), OPERATOR, QUEUE_FINISHED},
    {QUEUE_EVENT_RETRY, AT_A_HOST, PLATFORM, QUEUE_RETRY_WAIT},
    {QUEUE_EVENT_RETURN, IN(QUEUE_LEASED) | IN(QUEUE_RETRY_WAIT), PLATFORM, QUEUE_QUEUED},
    {QUEUE_EVENT_FAIL, CHECKED & ~IN(QUEUE_CANCELLING), PLATFORM, QUEUE_FAILED},
    {QUEUE_EVENT_FAIL, IN(QUEUE_SUBMITTED), PLATFORM, QUEUE_FAILED},
    {QUEUE_EVENT_POISON, AT_A_HOST | IN(QUEUE_RETRY_WAIT), PLATFORM, QUEUE_QUARANTINED},
    {QUEUE_EVENT_CANCEL, WAITS, SUBMITTER, QUEUE_CANCELLED},
    {QUEUE_EVENT_CANCEL, AT_A_HOST, SUBMITTER, QUEUE_CANCELLING},
    {QUEUE_EVENT_CANCEL, IN(QUEUE_CANCELLING), OPERATOR, QUEUE_CANCELLED},
    {QUEUE_EVENT_STOPPED, IN(QUEUE_CANCELLING), PLATFORM, QUEUE_CANCELLED},
    /* A rerun of what was never checked begins with the check; queue/move.c sees to it. */
    {QUEUE_EVENT_RERUN, IN(QUEUE_FAILED) | IN(QUEUE_CANCELLED), SUBMITTER, QUEUE_QUEUED},
    {QUEUE_EVENT_RERUN, ~0u, OPERATOR, QUEUE_QUEUED},
    {QUEUE_EVENT_RECHECK, WAITS | ENDED_BADLY, OPERATOR, QUEUE_SUBMITTED},
    {QUEUE_EVENT_OUTDATED, IN(QUEUE_FINISHED), OPERATOR, QUEUE_PENDING_NEW_EVAL},
};

enum queue_state
queue_state_from_status(const char *status)
{
    static const enum queue_state by_status[] = {
        QUEUE_QUEUED,           QUEUE_RUNNING, QUEUE_RETRY_WAIT, QUEUE_FINISHED,
        QUEUE_PENDING_NEW_EVAL, QUEUE_FAILED,  QUEUE_CANCELLED,
    };

    if (!status)
        return QUEUE_STATE_MAX;
    for (size_t i = 0; i < sizeof by_status / sizeof *by_status; i++)
        if (strcmp(status, states[by_status[i]].status) == 0)
            return by_status[i];
    if (strncmp(status, "FINISHED", strlen("FINISHED")) == 0)
        return QUEUE_FINISHED;
    return QUEUE_STATE_MAX;
}

const char *
queue_state_status(enum queue_state state)
{
    return (unsigned)state < QUEUE_STATE_MAX ? states[state].status : "";
}

const char *
queue_state_word(enum queue_state state)
{
    return (unsigned)state < QUEUE_STATE_MAX ? states[state].word : "";
}

enum queue_state
queue_state_from_word(const char *word)
{
    for (int i = 0; word && i < QUEUE_STATE_MAX; i++)
        if (strcmp(word, states[i].word) == 0)
            return (enum queue_state)i;
    return QUEUE_STATE_MAX;
}

enum queue_state
queue_state_of(const char *word, const char *status)
{
    enum queue_state state = queue_state_from_word(word);

    return state == QUEUE_STATE_MAX ? queue_state_from_status(status) : state;
}

enum queue_table
queue_state_table(enum queue_state state)
{
    return (unsigned)state < QUEUE_STATE_MAX ? states[state].table : QUEUE_TABLE_NONE;
}

bool
queue_state_ended(enum queue_state state)
{
    return (unsigned)state < QUEUE_STATE_MAX && !(IN(state) & OPEN);
}

enum queue_state
queue_next(enum queue_state from, enum queue_event event, enum queue_who who)
{
    if ((unsigned)from >= QUEUE_STATE_MAX)
        return QUEUE_STATE_MAX;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (moves[i].event == event && moves[i].from & IN(from) && moves[i].who & BY(who))
            return moves[i].to;
    return QUEUE_STATE_MAX;
}

const char *
queue_event_word(enum queue_event event)
{
    return (unsigned)event < QUEUE_EVENT_MAX ? events[event] : "";
}
