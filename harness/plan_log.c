/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "harness/plan.h"

#include "base/text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const char traceback[] = "Traceback (most recent call last)";

/* The next line from `*at`; progress bars rewrite theirs with a carriage return. */
static bool
next_line(struct jb_str text, size_t *at, struct jb_str *ret_line)
{
    size_t end = *at;

    if (*at >= text.n)
        return false;
    while (end < text.n && text.p[end] != '\n' && text.p[end] != '\r')
        end++;
    *ret_line = (struct jb_str){text.p + *at, end - *at};
    *at = end + 1;
    return true;
}

static const char *
find(struct jb_str text, const char *what, size_t n)
{
    return n && text.n >= n ? memmem(text.p, text.n, what, n) : NULL;
}

/* The parts of a sign between its stars, one after the other. */
static bool
sign_matches(const char *sign, struct jb_str line)
{
    while (*sign) {
        size_t n = strcspn(sign, "*");
        const char *hit;

        if (n) {
            hit = find(line, sign, n);
            if (!hit)
                return false;
            line.n -= (size_t)(hit - line.p) + n;
            line.p = hit + n;
        }
        sign += n;
        sign += *sign == '*';
    }
    return true;
}

static bool
find_sign(const struct plan_sign *sign, const struct plan_job *job, struct jb_str text,
          struct jb_str *ret_line)
{
    struct jb_str line;
    size_t at = 0;

    if (sign->weight_type[0] &&
        (!job || strcmp(sign->weight_type, job->weight_type ? job->weight_type : "") != 0))
        return false;
    while (next_line(text, &at, &line)) {
        if (sign_matches(sign->text, line)) {
            *ret_line = line;
            return true;
        }
    }
    return false;
}

static const struct plan_sign *
first_sign(const struct setting_list *list, const struct plan_job *job, struct jb_str text,
           struct jb_str *ret_line)
{
    const struct plan_sign *signs = list->items;

    for (size_t i = 0; i < list->n; i++)
        if (find_sign(&signs[i], job, text, ret_line))
            return &signs[i];
    return NULL;
}

/* From the last traceback on; all of it when there is none. */
static struct jb_str
last_traceback(struct jb_str tail)
{
    const char *last = NULL, *hit;
    struct jb_str rest = tail;

    while ((hit = find(rest, traceback, sizeof(traceback) - 1))) {
        last = hit;
        rest.n -= (size_t)(hit + 1 - rest.p);
        rest.p = hit + 1;
    }
    return last ? (struct jb_str){last, (size_t)(tail.p + tail.n - last)} : tail;
}

/* One line for people: no control characters, what is no UTF-8 as '?'. */
static void
put_line(struct jb_str line, char ret_reason[PLAN_REASON])
{
    size_t n = 0;

    while (line.n && (*line.p == ' ' || *line.p == '\t')) {
        line.p++;
        line.n--;
    }
    for (size_t i = 0; i < line.n;) {
        unsigned char c = (unsigned char)line.p[i];
        size_t len = 1;
        uint32_t cp = c;

        if (c >= 0x80) {
            size_t room = line.n - i < 4 ? line.n - i : 4;

            for (len = 2; len <= room && jb_utf8_valid(line.p + i, len) != len;)
                len++;
            if (len > room) {
                len = 1;
                cp = '?';
            } else {
                (void)jb_utf8_decode(line.p + i, len, &cp);
            }
        }
        if (n + len >= PLAN_REASON)
            break;
        if (cp == '?' && len == 1)
            ret_reason[n++] = '?';
        else if (cp >= 0x20 && cp != 0x7f && !jb_cp_forbidden(cp)) {
            memcpy(ret_reason + n, line.p + i, len);
            n += len;
        }
        i += len;
    }
    while (n && ret_reason[n - 1] == ' ')
        n--;
    ret_reason[n] = '\0';
}

static bool
is_bar(struct jb_str line)
{
    return find(line, "%|", 2) != NULL;
}

static bool
last_line(struct jb_str tail, char ret_reason[PLAN_REASON])
{
    struct jb_str line, last = {NULL, 0};
    size_t at = 0;

    while (next_line(tail, &at, &line)) {
        size_t blanks = 0;

        while (blanks < line.n && (line.p[blanks] == ' ' || line.p[blanks] == '\t'))
            blanks++;
        if (blanks < line.n && !is_bar(line))
            last = line;
    }
    if (!last.n)
        return false;
    put_line(last, ret_reason);
    return ret_reason[0] != '\0';
}

static const char *
say(char ret_reason[PLAN_REASON], const char *failure, const char *reason)
{
    snprintf(ret_reason, PLAN_REASON, "%s", reason);
    return failure;
}

const char *
plan_failure(const struct plans *plans, const struct plan *plan, const struct plan_job *job,
             const struct plan_end *end, struct jb_str tail, char ret_reason[PLAN_REASON])
{
    int sig = WIFSIGNALED(end->status) ? WTERMSIG(end->status) : 0;
    int code = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : 0;
    struct jb_str texts[2] = {last_traceback(tail), tail}, line;

    if (code > 128 && code < 128 + 64)
        sig = code - 128; /* what a shell or a container says of a signal */
    if (end->timed_out)
        return say(ret_reason, "timeout", "it ran into its time limit");
    if (sig == SIGKILL)
        return say(ret_reason, "out_of_memory",
                   "killed by the system (signal 9), as happens when main memory runs out");
    for (size_t i = 0; i < 2; i++) {
        const struct plan_sign *sign = first_sign(&plan->signs, job, texts[i], &line);

        if (!sign)
            sign = first_sign(&plans->signs, job, texts[i], &line);
        if (sign) {
            put_line(line, ret_reason);
            return sign->failure;
        }
    }
    if (sig == SIGTERM)
        return say(ret_reason, "preempted", "ended from outside (signal 15)");
    if (sig) {
        snprintf(ret_reason, PLAN_REASON, "the harness was ended by signal %d", sig);
        return "harness_crash";
    }
    if (code == 126 || code == 127) {
        snprintf(ret_reason, PLAN_REASON, "the harness could not be started (exit status %d)",
                 code);
        return "harness_crash";
    }
    if (code == 0)
        return say(ret_reason, "incomplete_results", "it ended without a result");
    if (!last_line(texts[0], ret_reason))
        snprintf(ret_reason, PLAN_REASON, "exit status %d and nothing in the log", code);
    return "harness_crash";
}

/* Digits of a bar's "123/456 [": a fraction of the two. */
static double
bar_fraction(const char *p, const char *end)
{
    int64_t done, total;
    size_t n = 0, m;

    while (p + n < end && p[n] >= '0' && p[n] <= '9')
        n++;
    if (p + n >= end || p[n] != '/')
        return -1;
    for (m = n + 1; p + m < end && p[m] >= '0' && p[m] <= '9';)
        m++;
    if (jb_parse_int((struct jb_str){p, n}, 0, INT64_MAX, &done) ||
        jb_parse_int((struct jb_str){p + n + 1, m - n - 1}, 1, INT64_MAX, &total))
        return -1;
    return done > total ? 1 : (double)done / (double)total;
}

/* tqdm: "Running loglikelihood requests:  45%|####5     | 72/160 [00:01<00:01, 58.3it/s]". */
static double
read_bar(const struct plan *plan, struct jb_str line)
{
    const char *mark = find(line, "%|", 2), *end = line.p + line.n, *bar, *from;
    size_t n;
    bool wanted = false;

    if (!mark)
        return -1;
    bar = memchr(mark + 2, '|', (size_t)(end - mark - 2));
    for (from = mark; from > line.p && from[-1] >= '0' && from[-1] <= '9';)
        from--;
    for (n = (size_t)(from - line.p); n && line.p[n - 1] == ' ';)
        n--;
    if (n && line.p[n - 1] == ':')
        n--;
    for (size_t i = 0; i < plan->progress.n && !wanted; i++)
        wanted = jb_str_is((struct jb_str){line.p, n}, plan->progress.items[i]);
    if (!wanted || !bar)
        return -1;
    while (++bar < end && *bar == ' ')
        ;
    return bar_fraction(bar, end);
}

double
plan_progress(const struct plan *plan, struct jb_str tail)
{
    struct jb_str line;
    size_t at = 0;
    double last = -1;

    while (next_line(tail, &at, &line)) {
        double done = read_bar(plan, line);

        if (done >= 0)
            last = done;
    }
    return last;
}
