/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a change of a record was, for the change log: two JSON objects with the members that
 * differ. Of a new record `after` has all that are not empty, of a deleted one `before` has.
 * Private to store/.
 */
#pragma once

#include "base/json.h"
#include "store/record.h"

/* A text longer than this is cut at a character and ends in an ellipsis. */
#define DIFFERENCE_TEXT_MAX 4096

struct difference {
    struct jb_json before, after;
    bool had, has; /* is there a record before, after? */
};

/* Into the buffers of the transaction: one difference at a time. */
void difference_begin(struct difference *d, struct store_txn *txn, bool had, bool has);
void difference_text(struct difference *d, const char *member, const char *old,
                     const char *now); /* NULL as "" */
void difference_number(struct difference *d, const char *member, double old,
                       double now); /* NAN is empty: null */
void difference_count(struct difference *d, const char *member, uint64_t old, uint64_t now);
void difference_truth(struct difference *d, const char *member, bool old, bool now);
void difference_time(struct difference *d, const char *member, int64_t old,
                     int64_t now); /* 0 is empty: null */
void difference_list(struct difference *d, const char *member, const char *const *old,
                     size_t old_n, const char *const *now, size_t now_n);
/* The two objects, "" for one without members; they live until the next difference. Errors
 * stick in the transaction. */
int difference_end(struct difference *d, struct store_txn *txn, const char **ret_before,
                   const char **ret_after);
