/* SPDX-License-Identifier: Apache-2.0 */
/* The world of test_simulation.c, and the hosts in it (simulation_hosts.c). */
#pragma once

#include "store_help.h"

#include "dispatch/lease.h"

enum {
    BENCHMARKS = 2,
    HOSTS = 3,
    JOBS = 2,
    HELD = 96, /* attempts of one host */
    MESSAGES = 8192,
    STEPS = 20000,
    BATCH = 50, /* seeds of one store */
    SEEDS = 500,
    MOST = 12,
};
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define WALL   INT64_C(1790000000000000)
#define ROUGH  (18 * MINUTE) /* then all troubles end */
#define STUCK  (60 * HOUR)   /* and by then all is over */

struct held {
    bool used, wants[BENCHMARKS];
    char id[WIRE_ID_SIZE], hash[SPEC_HASH_HEX], boot[16];
    uint64_t fence, job;
    enum wire_phase phase;
    bool told;      /* its manifest was given out */
    bool prompt;    /* the dispatcher waits for it: it was live, and came in time */
    uint64_t turns; /* of its log */
    int64_t lease, begun, takes; /* of the host's own clock */
    int64_t dies;                /* how long stopping takes it */
    const char *failure;         /* how it will end; "" well */
    unsigned done;
};

struct machine {
    char name[16], boot[16];
    unsigned boots;
    int64_t ahead; /* its clock against ours */
    int64_t deaf;  /* paused or down until then */
    bool paused;   /* messages wait for it; else they are lost */
    struct held held[HELD];
    uint64_t highest[JOBS + 1], refused[JOBS + 1]; /* fences */
};

struct message {
    int64_t time, sent;
    uint64_t order, token, life;
    bool to_host;
    int machine, status;
    enum lease_call call;
    char id[WIRE_ID_SIZE], part[8];
    uint64_t from, epoch, log_epoch, log_end, log_kept;
    struct jb_str body;
};

struct job_seen {
    uint64_t id;
    unsigned finished;
    bool was_finished, charged;
    uint64_t last_fence; /* that was seen live */
    uint64_t moved;      /* the last fence when people moved it */
};

struct world {
    struct fixture *f;
    struct lease_rules rules;
    struct jb_arena *arena;
    struct lease *lease, *old; /* old: another process that should be gone, and is not yet */
    uint64_t old_life;
    int64_t old_until;
    int64_t now, lease_next, offer_next, up_at, answer_ms;
    uint64_t random, seed, order, life;
    bool calm, doubled, died, dying, offering,
        changed; /* changed: since the store was looked at */
    bool thrice; /* each message comes three times */
    struct machine machines[HOSTS];
    struct message messages[MESSAGES];
    size_t n_messages;
    struct job_seen jobs[JOBS];
    const char *wrong;
    /* how much happened in all */
    uint64_t results, deaths, reruns, lost, offered, refunds, removals, cancels, log_bytes,
        canaries, doubles;
    struct {
        const char *where;
        uint64_t n;
    } died_at[8];
};
extern struct world w;

uint64_t draw(uint64_t below);
bool chance(unsigned percent);
void post(struct message m); /* the body is copied */

/* A message at its host; true: it waits there, with its body. */
bool simulation_at_host(const struct message *msg);
/* What happened at the host until now. */
void simulation_pass_time(struct machine *m);
enum { LOG_KEPT = 100 };
char simulation_log_byte(uint64_t fence, uint64_t epoch, uint64_t at);
void simulation_wrong(const char *what);
int64_t simulation_wall(void); /* microseconds since 1970, as the world has it */
/* After every step, in simulation_inspect.c; thorough looks at results, parts and logs too.
 * Returns whether all is over. */
bool simulation_inspect(bool thorough);
