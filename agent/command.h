/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that runs beside the loop and is looked at now and then: nobody waits for it. It
 * dies with us, and at its limit with all of its process group.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define COMMAND_INPUT_MAX 4096

struct command {
    struct jb_buf out, says; /* what came on 1 and 2; what is past their caps is dropped */
    int status;              /* as of waitpid(), once it is over */
    bool late;               /* it was killed at its limit */
    /* private */
    pid_t pid; /* 0 none */
    int fds[2];
    int64_t until_ms;
};

#define COMMAND(out_max, says_max)                                                             \
    ((struct command){.out = JB_BUF(out_max), .says = JB_BUF(says_max), .fds = {-1, -1}})

/*
 * argv[0] is an absolute path; argv and env end with NULL; `input` is all of its standard
 * input, COMMAND_INPUT_MAX at most. Not while it is running. JB_EIO, JB_ENOMEM; a program that
 * is not there ends with 127.
 */
int command_start(struct command *c, const char *const *argv, const char *const *env,
                  struct jb_str input, int64_t limit_ms, struct jb_error *err);
bool command_runs(const struct command *c);
/* True once when it is over: status, late, out and says are there until the next start. */
bool command_over(struct command *c, int64_t now_ms);
/* Did it end by itself, with status 0? */
bool command_fine(const struct command *c);
/* Kills it if it runs. */
void command_free(struct command *c);
