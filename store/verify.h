/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a verification, shared by the files that it is made of. Private to store/. */
#pragma once

#include "store/env.h"

struct verify {
    struct store_txn *txn;
    struct jb_arena *arena; /* of the value at hand */
    void (*problem)(void *ctx, const char *text);
    void *ctx;
    int n;
    const struct verify_kind *kind; /* of the records being walked */
    uint64_t last;                  /* greatest id or seq seen */
};

/* Tells of a mistake at a key, which is shown as people can read it. */
void verify_problem(struct verify *v, enum store_dbi dbi, struct jb_str key, const char *fmt,
                    ...) __attribute__((format(printf, 4, 5)));
/* The counter of meta against the last entry seen. One that is damaged was reported with meta;
 * its errors do not end the walk. `exact`: equal, else not less. */
void verify_counter(struct verify *v, const char *name, enum store_dbi dbi, bool exact);

/* Jobs and what belongs to them; an error of the walk itself. */
int verify_jobs(struct verify *v);
/* Hosts, attempts with their indexes, parts. */
int verify_hosts(struct verify *v);
bool verify_is_there(struct verify *v, enum store_dbi dbi, const struct store_key *key);
void verify_empty(struct verify *v, enum store_dbi dbi, struct jb_str key, struct jb_str value);
