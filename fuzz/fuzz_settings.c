/* SPDX-License-Identifier: Apache-2.0 */
/* A settings file and a board file from anybody. */
#include "base/conf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_arena *arena = jb_arena_new(16 << 20);
    struct settings_report report = {0};
    struct conf conf;

    if (!arena)
        return 0;
    settings_parse("fuzz", (const char *)data, size, conf_table, NULL, arena, &conf, &report);
    jb_buf_free(&report.text);
    jb_arena_free(arena);
    return 0;
}
