/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Result documents of any dialect. Whatever comes in, a score is within 0..100, no benchmark
 * has both a score and a problem, and reasons are one line.
 */
#include "harness/scores.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const arc[] = {"c_arc_challenge"}, *const arc_zh[] = {"arc_zh"},
                         *const cmmlu[] = {"cmmlu-*"}, *const cmmlu_cn[] = {"cmmlu"},
                         *const sem[] = {"sem-A", "sem-B"};
static struct benchmark_source arc_sources[] = {{DIALECT_PRESENT, {1, arc_zh}, ""}};
static struct benchmark_source cmmlu_sources[] = {{DIALECT_CN, {1, cmmlu_cn}, "acc_norm"},
                                                  {DIALECT_PRESENT, {1, cmmlu_cn}, ""}};
static const struct benchmark board[] = {
    {.key = "arc",
     .header = "C-ARC",
     .shots = 25,
     .metric = "acc_norm",
     .tasks = {1, arc},
     .sources = {1, arc_sources}},
    {.key = "cmmlu",
     .header = "CMMLU",
     .shots = 5,
     .metric = "acc",
     .tasks = {1, cmmlu},
     .count = 2,
     .sources = {2, cmmlu_sources}},
    {.key = "sem", .header = "C-SEM", .shots = 5, .metric = "acc", .tasks = {2, sem}},
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct jb_arena *arena = jb_arena_new(16u << 20);
    struct jb_error err = {0};
    struct scores s;

    if (!arena)
        return 0;
    if (scores_read((struct jb_str){(const char *)data, n}, board, 3, arena, &err, &s) == 0) {
        for (size_t i = 0; i < s.n; i++)
            if (!(s.items[i].value >= 0 && s.items[i].value <= 100))
                abort();
        for (size_t i = 0; i < s.problems; i++) {
            if (strchr(s.problem[i].reason, '\n'))
                abort();
            for (size_t j = 0; j < s.n; j++)
                if (strcmp(s.items[j].benchmark, s.problem[i].benchmark) == 0)
                    abort();
        }
    } else if (!err.code) {
        abort();
    }
    jb_arena_free(arena);
    return 0;
}
