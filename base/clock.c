/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t
jb_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
jb_monotonic_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Exactly `digits` digits at *at; moves on. */
static int
read_digits(const char *text, size_t n, size_t *at, int digits, int *ret)
{
    int value = 0;

    if (n - *at < (size_t)digits)
        return JB_EPARSE;
    for (int i = 0; i < digits; i++) {
        char c = text[*at + (size_t)i];
        if (c < '0' || c > '9')
            return JB_EPARSE;
        value = value * 10 + (c - '0');
    }
    *at += (size_t)digits;
    *ret = value;
    return 0;
}

static int
read_one_of(const char *text, size_t n, size_t *at, const char *set)
{
    if (*at >= n || !strchr(set, text[*at]))
        return JB_EPARSE;
    (*at)++;
    return 0;
}

static int
read_zone(const char *text, size_t n, size_t *at, int *ret_minutes)
{
    int hours, minutes = 0;

    *ret_minutes = 0;
    if (*at == n)
        return 0;
    if (text[*at] == 'Z' || text[*at] == 'z') {
        (*at)++;
        return 0;
    }
    int sign = text[*at] == '-' ? -1 : 1;
    if (read_one_of(text, n, at, "+-") || read_digits(text, n, at, 2, &hours))
        return JB_EPARSE;
    if (*at < n && text[*at] == ':')
        (*at)++;
    if (*at < n && read_digits(text, n, at, 2, &minutes))
        return JB_EPARSE;
    if (hours > 14 || minutes > 59)
        return JB_EPARSE;
    *ret_minutes = sign * (hours * 60 + minutes);
    return 0;
}

int
jb_time_parse(const char *text, size_t n, int64_t *ret_us)
{
    struct tm tm = {0};
    size_t at = 0;
    int year, month, zone;
    int64_t fraction = 0;

    if (read_digits(text, n, &at, 4, &year) || read_one_of(text, n, &at, "-") ||
        read_digits(text, n, &at, 2, &month) || read_one_of(text, n, &at, "-") ||
        read_digits(text, n, &at, 2, &tm.tm_mday))
        return JB_EPARSE;
    if (at < n) {
        if (read_one_of(text, n, &at, "T t") || read_digits(text, n, &at, 2, &tm.tm_hour) ||
            read_one_of(text, n, &at, ":-") || read_digits(text, n, &at, 2, &tm.tm_min) ||
            read_one_of(text, n, &at, ":-") || read_digits(text, n, &at, 2, &tm.tm_sec))
            return JB_EPARSE;
        if (at < n && text[at] == '.') {
            int64_t unit = 100000;
            size_t first = ++at;
            for (; at < n && text[at] >= '0' && text[at] <= '9'; at++, unit /= 10)
                fraction += (text[at] - '0') * unit;
            if (at == first)
                return JB_EPARSE;
        }
    }
    if (read_zone(text, n, &at, &zone) || at != n)
        return JB_EPARSE;
    if (year < 1970 || month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return JB_EPARSE;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    /* timegm() carries the 30th of February into March; a leap second may carry. */
    int day = tm.tm_mday, leap = tm.tm_sec == 60;
    time_t seconds = timegm(&tm);
    if (seconds == (time_t)-1 || (tm.tm_mday != day && !leap))
        return JB_EPARSE;
    *ret_us = ((int64_t)seconds - (int64_t)zone * 60) * 1000000 + fraction;
    return 0;
}

static void
split(int64_t us, struct tm *tm, int *micros)
{
    int64_t seconds = us / 1000000;

    *micros = (int)(us % 1000000);
    if (*micros < 0) {
        *micros += 1000000;
        seconds--;
    }
    time_t t = (time_t)seconds;
    if (!gmtime_r(&t, tm))
        memset(tm, 0, sizeof(*tm));
}

void
jb_time_format(int64_t us, int micros, char out[JB_TIME_SIZE])
{
    struct tm tm;
    int fraction;

    split(us, &tm, &fraction);
    int n = snprintf(out, JB_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (n < 0 || n >= JB_TIME_SIZE)
        return;
    if (micros)
        snprintf(out + n, JB_TIME_SIZE - (size_t)n, ".%06dZ", fraction);
    else
        snprintf(out + n, JB_TIME_SIZE - (size_t)n, "Z");
}

void
jb_time_http(int64_t us, char out[JB_TIME_SIZE])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    int fraction;

    split(us, &tm, &fraction);
    snprintf(out, JB_TIME_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
}
