/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attempts at a request and their logs, as people may see them. A log is a file beside the
 * store that grows while its attempt runs; everything in it is hostile, and only whole lines
 * leave it, since half a line hides what makes a token one.
 */
#pragma once

#include "store/host.h"

/* A benchmark of an attempt. */
struct queue_step {
    const char *benchmark; /* key */
    bool done, now;
    double seconds; /* how long it took; NAN unknown */
};

struct queue_attempt {
    struct attempt record;
    bool live;
    double progress; /* of all of it, 0 to 1; NAN unknown */
    size_t at;       /* number of the benchmark that runs now, from 1; 0 unknown */
    size_t done;     /* how many are */
    size_t n_steps;  /* those it was to run: earlier attempts may have left some */
    const struct queue_step *steps;
};

/* Newest first. Strings live in the arena. JB_ENOMEM and what the store says (sticky). */
int queue_attempts_load(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                        const struct queue_attempt **ret_attempts, size_t *ret_n);

/* The live one alone. JB_ENOENT: nothing is under way. */
int queue_attempt_live(struct store_txn *txn, uint64_t request, struct jb_arena *arena,
                       struct queue_attempt *ret_attempt);

#define QUEUE_LOG_MAX  (64u << 10) /* bytes of the file that one call reads */
#define QUEUE_LOG_TAIL UINT64_MAX  /* as `from`: the last QUEUE_LOG_LAST bytes */
#define QUEUE_LOG_LAST (16u << 10)

struct queue_log {
    uint64_t fence;
    /* Bytes of the file, as it came from the host: `text` is made of [from, next), there are
     * `end` at present. Reading goes on at `next`. */
    uint64_t from, next, end;
    bool ended;         /* the attempt: nothing more will come */
    struct jb_str text; /* whole lines, redacted; a line longer than a call reads is "[…]" */
};

/*
 * What can be read from byte `from` on, which may be any number: it begins with the next line.
 * Carriage returns end lines as well (progress bars). Of an attempt that has not ended an
 * unfinished last line waits for its end. No file: an empty log. JB_EIO, JB_ENOMEM.
 */
int queue_log_read(const char *path, const struct attempt *attempt, uint64_t from,
                   struct jb_arena *arena, struct jb_error *err, struct queue_log *ret_log);
