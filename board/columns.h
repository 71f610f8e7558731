/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of columns that every board has around its benchmarks. */
#pragma once

#include <stdbool.h>

/* Whether the frame has a column of this header, so that no benchmark may take it. The average,
 * whose header a board file gives, is not among them. */
bool columns_frame_has(const char *header);
