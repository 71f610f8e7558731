/* SPDX-License-Identifier: Apache-2.0 */
/* When a waiting request will begin, for `queue` and `request show`. */
#pragma once

#include "base/json.h"
#include "queue/lists.h"

#define QUEUE_START_SIZE 96

/* "in 2 h to 5 h", or "unknown". Returns `out`. */
const char *queue_start_text(const struct queue_estimate *start, char out[QUEUE_START_SIZE]);
/* "start": seconds from now and how many runs they are learned from, or null. */
void queue_put_start(struct jb_json *j, const struct queue_estimate *start);
