/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/slurm_queue.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { ATTEMPT_HEX = 32, RANDOM_HEX = 8, ID_MAX = INT32_MAX };

static bool
is_hex(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr("0123456789abcdef", p[i]) || !p[i])
            return false;
    return true;
}

bool
slurm_name_valid(struct jb_str name)
{
    return name.n == 4 + ATTEMPT_HEX + 1 + RANDOM_HEX && memcmp(name.p, "olb-", 4) == 0 &&
           is_hex(name.p + 4, ATTEMPT_HEX) && name.p[4 + ATTEMPT_HEX] == '-' &&
           is_hex(name.p + 5 + ATTEMPT_HEX, RANDOM_HEX);
}

static const struct {
    const char *state;
    enum slurm_kind kind;
} states[] = {
    {"PENDING", SLURM_WAITS},        {"REQUEUED", SLURM_WAITS},
    {"REQUEUE_FED", SLURM_WAITS},    {"REQUEUE_HOLD", SLURM_STUCK},
    {"SPECIAL_EXIT", SLURM_STUCK},   {"RESV_DEL_HOLD", SLURM_STUCK},
    {"RUNNING", SLURM_ACTIVE},       {"CONFIGURING", SLURM_ACTIVE},
    {"COMPLETING", SLURM_ACTIVE},    {"SUSPENDED", SLURM_ACTIVE},
    {"STOPPED", SLURM_ACTIVE},       {"SIGNALING", SLURM_ACTIVE},
    {"STAGE_OUT", SLURM_ACTIVE},     {"RESIZING", SLURM_ACTIVE},
    {"POWER_UP_NODE", SLURM_ACTIVE}, {"COMPLETED", SLURM_ENDED},
    {"FAILED", SLURM_ENDED},         {"CANCELLED", SLURM_ENDED},
    {"TIMEOUT", SLURM_ENDED},        {"OUT_OF_MEMORY", SLURM_ENDED},
    {"NODE_FAIL", SLURM_ENDED},      {"PREEMPTED", SLURM_ENDED},
    {"BOOT_FAIL", SLURM_ENDED},      {"DEADLINE", SLURM_ENDED},
    {"REVOKED", SLURM_ENDED},        {"LAUNCH_FAILED", SLURM_ENDED},
};

/* Why a job waits that nobody but an operator can help. A failed launch is "launch failed
 * requeued held". */
static bool
is_stuck(const char *reason)
{
    static const char *const signs[] = {
        "held",
        "Held",
        "JobHoldMaxRequeue",
        "BadConstraints",
        "InvalidAccount",
        "InvalidQOS",
        "PartitionTimeLimit",
        "PartitionNodeLimit",
        "AccountNotAllowed",
        "QOSNotAllowed",
        "DependencyNeverSatisfied",
    };

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (strstr(reason, signs[i]))
            return true;
    return false;
}

/* A state that is not known yet may be anything but over. */
static enum slurm_kind
kind_of(const struct slurm_line *line)
{
    enum slurm_kind kind = SLURM_ACTIVE;

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strcmp(line->state, states[i].state) == 0)
            kind = states[i].kind;
    return kind == SLURM_WAITS && is_stuck(line->reason) ? SLURM_STUCK : kind;
}

/* What stands before the next bar; false without one. */
static bool
next_part(struct jb_str *rest, struct jb_str *ret)
{
    const char *bar = rest->n ? memchr(rest->p, '|', rest->n) : NULL;

    if (!bar)
        return false;
    *ret = (struct jb_str){rest->p, (size_t)(bar - rest->p)};
    rest->n -= ret->n + 1;
    rest->p = bar + 1;
    return true;
}

static bool
is_plain(struct jb_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return true;
}

/* `line` without its last part, the name. */
static int
read_line(struct jb_str line, struct slurm_line *ret)
{
    struct jb_str id, submitted, state;

    if (!next_part(&line, &id) || !next_part(&line, &submitted) || !next_part(&line, &state) ||
        jb_parse_int(id, 1, ID_MAX, &ret->id) || submitted.n == 0 ||
        submitted.n >= sizeof(ret->submitted) || state.n == 0 ||
        state.n >= sizeof(ret->state) || !is_plain(submitted) || !is_plain(state))
        return JB_EPARSE;
    if (!is_plain(line))
        line.n = 0;
    if (line.n >= sizeof(ret->reason))
        line.n = sizeof(ret->reason) - 1;
    memcpy(ret->submitted, submitted.p, submitted.n);
    memcpy(ret->state, state.p, state.n);
    memcpy(ret->reason, line.p, line.n);
    ret->kind = kind_of(ret);
    return 0;
}

int
slurm_lines_read(struct jb_str text, size_t max, struct slurm_line *ret_lines, size_t *ret_n,
                 struct jb_error *err)
{
    size_t n = 0;

    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        struct jb_str line = {text.p, end ? (size_t)(end - text.p) : text.n};
        const char *bar = line.n ? memrchr(line.p, '|', line.n) : NULL;
        struct jb_str name = {bar, 0};
        struct slurm_line read = {.id = 0};

        text.p += line.n + (end != NULL);
        text.n -= line.n + (end != NULL);
        if (bar)
            name = (struct jb_str){bar + 1, (size_t)(line.p + line.n - bar - 1)};
        if (!bar || !slurm_name_valid(name))
            continue;
        memcpy(read.name, name.p, name.n);
        line.n -= name.n + 1;
        if (read_line(line, &read))
            return jb_fail(err, JB_EPARSE, "a line of squeue: %.*s",
                           (int)(line.n < 120 ? line.n : 120), line.p);
        if (n == max)
            return jb_fail(err, JB_ELIMIT, "more than %zu jobs of ours in the queue", max);
        ret_lines[n++] = read;
    }
    *ret_n = n;
    return 0;
}

int
slurm_submitted_read(struct jb_str text, int64_t *ret_id, struct jb_error *err)
{
    struct jb_str id = text;
    const char *semicolon;

    if (id.n && id.p[id.n - 1] == '\n')
        id.n--;
    semicolon = id.n ? memchr(id.p, ';', id.n) : NULL;
    if (semicolon)
        id.n = (size_t)(semicolon - id.p);
    if (jb_parse_int(id, 1, ID_MAX, ret_id))
        return jb_fail(err, JB_EPARSE, "the answer of sbatch: %.*s",
                       (int)(text.n < 120 ? text.n : 120), text.p);
    return 0;
}

bool
slurm_unreachable(struct jb_str says)
{
    static const char *const signs[] = {"Unable to contact", "timed out", "Connection refused",
                                        "Communication", "Zero Bytes"};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (says.n && memmem(says.p, says.n, signs[i], strlen(signs[i])))
            return true;
    return false;
}
