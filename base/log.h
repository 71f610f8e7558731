/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on standard error: `2026-01-02T03:04:05Z jinbang-web[123]: notice: text`, or with
 * the `<N>` priority prefix and nothing else when systemd reads them (JOURNAL_STREAM is set).
 * Levels are syslog's. Control characters in the text come out as \xNN, so that no input can
 * forge a line. Safe from several threads: a line is one write(2).
 */
#pragma once

#include <stdarg.h>

enum jb_log_level {
    JB_LOG_ERR = 3,
    JB_LOG_WARNING = 4,
    JB_LOG_NOTICE = 5,
    JB_LOG_INFO = 6,
    JB_LOG_DEBUG = 7
};

/* `program` is kept, not copied. */
void jb_log_open(const char *program, enum jb_log_level most_detailed);
void jb_log_level_set(enum jb_log_level most_detailed);

/* "error" | "warning" | "notice" | "info" | "debug" -> level; negative for another word. */
int jb_log_level_from(const char *word);

void jb_log(enum jb_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void jb_vlog(enum jb_log_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* For complaints that a peer could repeat without end: at most one line a second for each
 * `state` (a static zero-initialised struct at the call site); says how many were left out. */
struct jb_log_limit {
    long long second;
    unsigned dropped;
};
void jb_log_limited(struct jb_log_limit *state, enum jb_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
