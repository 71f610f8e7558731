/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"emergency", "alert",  "critical", "error",
                                          "warning",   "notice", "info",     "debug"};

static const char *program_name = "jinbang";
static atomic_int most_detailed_level = JB_LOG_INFO;
static bool journal;

void
jb_log_open(const char *program, enum jb_log_level most_detailed)
{
    program_name = program;
    journal = getenv("JOURNAL_STREAM") != NULL;
    atomic_store(&most_detailed_level, (int)most_detailed);
}

void
jb_log_level_set(enum jb_log_level most_detailed)
{
    atomic_store(&most_detailed_level, (int)most_detailed);
}

int
jb_log_level_from(const char *word)
{
    for (int i = JB_LOG_ERR; i <= JB_LOG_DEBUG; i++)
        if (strcmp(word, level_names[i]) == 0)
            return i;
    return -1;
}

static size_t
append_clean(char *out, size_t n, size_t room, const char *text)
{
    static const char hex[] = "0123456789abcdef";

    for (const unsigned char *p = (const unsigned char *)text; *p && n + 4 < room; p++) {
        /* C1 controls are U+0080..009F: c2 80..9f in UTF-8. */
        bool c1 = *p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
        if (*p >= 0x20 && *p != 0x7f && !c1) {
            out[n++] = (char)*p;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[*p >> 4];
        out[n++] = hex[*p & 15];
    }
    return n;
}

void
jb_vlog(enum jb_log_level level, const char *fmt, va_list ap)
{
    char text[2048];
    char line[4096];

    if ((int)level > atomic_load(&most_detailed_level))
        return;
    int saved = errno;
    vsnprintf(text, sizeof(text), fmt, ap);
    int head;
    if (journal) {
        head = snprintf(line, sizeof(line), "<%d>", (int)level);
    } else {
        char now[JB_TIME_SIZE];
        jb_time_format(jb_now_us(), 0, now);
        head = snprintf(line, sizeof(line), "%s %s[%ld]: %s: ", now, program_name,
                        (long)getpid(), level_names[level]);
    }
    size_t n = append_clean(line, head > 0 ? (size_t)head : 0, sizeof(line) - 2, text);
    line[n++] = '\n';
    ssize_t done;
    do
        done = write(STDERR_FILENO, line, n);
    while (done < 0 && errno == EINTR);
    errno = saved;
}

void
jb_log(enum jb_log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    jb_vlog(level, fmt, ap);
    va_end(ap);
}

void
jb_log_limited(struct jb_log_limit *state, enum jb_log_level level, const char *fmt, ...)
{
    long long now = jb_monotonic_ms() / 1000 + 1;
    long long seen = __atomic_load_n(&state->second, __ATOMIC_RELAXED);

    if (seen == now || !__atomic_compare_exchange_n(&state->second, &seen, now, false,
                                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_add_fetch(&state->dropped, 1, __ATOMIC_RELAXED);
        return;
    }
    unsigned dropped = __atomic_exchange_n(&state->dropped, 0, __ATOMIC_RELAXED);
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (dropped)
        jb_log(level, "%s (%u more left out)", text, dropped);
    else
        jb_log(level, "%s", text);
}
