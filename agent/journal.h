/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host knows of its attempts, on disk and in memory:
 *
 *   <spool>/fences.json              highest fence seen of each job
 *   <spool>/attempts/<id>/           one attempt: offer.json, state.json, results/<key>.json
 *                                    and the files of agent/run.h
 *
 * Every change is whole or not there, by agent/files.h; an attempt's folder appears by rename
 * with offer, state and lease in it. After kill -9 at any point journal_open() finds what was
 * there before the last call or after it. Bounded: so many attempts, so many fences; below the
 * floor of forgotten fences nothing is taken.
 */
#pragma once

#include "agent/process.h"
#include "agent/run.h"
#include "base/error.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_FENCES  4096
#define JOURNAL_FAILURE 65
#define JOURNAL_REASON  400

struct attempt {
    struct wire_offer offer; /* as it came */
    int dir;                 /* its folder, open */
    const char *folder;      /* the same, absolute */
    /* state.json */
    enum wire_phase phase;
    bool cancel; /* somebody wants it to end */
    int64_t slot;
    char boot_id[BOOT_ID_SIZE]; /* of the boot that accepted it */
    char failure[JOURNAL_FAILURE];
    char reason[JOURNAL_REASON];
    int64_t accepted_us, ended_us; /* wall clock, for people and for expiry */
    size_t n_parts;
    const struct wire_part *parts; /* results that can be fetched */
    /* of this process alone */
    double progress;
    char step[65];
    int64_t starts, started_ms; /* tries to start its shim */
    struct jb_arena *arena;     /* private, as all below */
    struct wire_part *all_parts;
};

struct journal;

struct journal_limits {
    size_t attempts;
    uint64_t bytes; /* of the spool when an attempt is added; 0 any */
};

/* Makes the folders, reads what is there. What cannot be read any more is told in the log, its
 * shim told to stop, and set aside. JB_EIO and the like; JB_EBUSY: another agent has it. */
int journal_open(const char *spool, const struct journal_limits *limits, struct jb_error *err,
                 struct journal **ret_journal);
void journal_close(struct journal *j);

size_t journal_count(const struct journal *j);
struct attempt *journal_at(const struct journal *j, size_t i);
struct attempt *journal_find(const struct journal *j, const char *id);
/* An attempt that is not over. */
bool attempt_live(const struct attempt *a);

/*
 * May an attempt with this fence come for this job? 0; JB_ECONFLICT: a newer one was seen, or
 * the attempt of this one was deleted.
 */
int journal_fence_check(const struct journal *j, uint64_t job, uint64_t fence,
                        struct jb_error *err);

/*
 * A new attempt in phase WIRE_ACCEPTED; raises the job's fence first. JB_EEXIST; JB_ECONFLICT
 * as journal_fence_check(); JB_ELIMIT: as many as are kept; JB_EFULL: no room in the spool.
 */
int journal_add(struct journal *j, const struct wire_offer *offer, int64_t slot,
                const struct run_lease *lease, struct jb_error *err,
                struct attempt **ret_attempt);
/* state.json after its fields were changed. On failure the fields stand, the file does not. */
int journal_save(struct journal *j, struct attempt *a, struct jb_error *err);
/* The result of a benchmark; then state.json. The same one again is replaced. */
int journal_part_put(struct journal *j, struct attempt *a, const char *benchmark,
                     struct jb_str doc, double seconds, struct jb_error *err);
/* JB_ENOENT; JB_ECORRUPT: not what the digest says. */
int journal_part_get(const struct attempt *a, const char *benchmark, struct jb_arena *arena,
                     struct jb_error *err, struct jb_str *ret_doc);
/* Its job's fence is closed, then the folder goes; `a` is gone. Not while it is live. */
int journal_remove(struct journal *j, struct attempt *a, struct jb_error *err);

/* No new attempts, through restarts. */
bool journal_draining(const struct journal *j);
int journal_drain(struct journal *j, bool drain, struct jb_error *err);
/* Bytes free on the spool's disk. */
int64_t journal_free_bytes(const struct journal *j);
