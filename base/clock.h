/* SPDX-License-Identifier: Apache-2.0 */
/* Times. Stored and sent in UTC; shown in site.timezone. Units stand in the names. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int64_t jb_now_us(void);       /* microseconds since 1970, UTC */
int64_t jb_monotonic_ms(void); /* for intervals and time-outs */

/*
 * Reads what the datasets hold: `2023-12-04T08:52:23Z`, `2023-09-27 04:58:53`,
 * `2024-05-23T07-14-41.086185`, `2023-10-15T01:39:25.710626`, with or without fraction and zone
 * (no zone = UTC; `+08:00` is understood). Microseconds since 1970. JB_EPARSE.
 */
int jb_time_parse(const char *text, size_t n, int64_t *ret_us);

#define JB_TIME_SIZE 40
/* `2026-01-02T03:04:05Z`; with `micros` `2026-01-02T03:04:05.000006Z`. */
void jb_time_format(int64_t us, int micros, char out[JB_TIME_SIZE]);

/* RFC 9110 date: `Mon, 23 Nov 2026 16:16:03 GMT`. */
void jb_time_http(int64_t us, char out[JB_TIME_SIZE]);
