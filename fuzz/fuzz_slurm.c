/* SPDX-License-Identifier: Apache-2.0 */
/* What squeue and sbatch say. Names of ours come out only, and texts of one plain line. */
#include "agent/slurm_queue.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 16 };

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
must_be_plain(const char *text, size_t room, bool may_be_empty)
{
    const char *end = memchr(text, '\0', room);

    must(end != NULL && (end > text || may_be_empty));
    for (const char *c = text; c < end; c++)
        must(*c >= ' ' && *c <= '~');
}

static void
must_fail_well(int rc, const struct jb_error *err)
{
    must(rc < 0 && err->code == rc && err->text[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_str text = {(const char *)data, size};
    struct slurm_line lines[LINES];
    struct jb_error err = {0};
    int64_t id = 0;
    size_t n = 0;
    int rc = slurm_lines_read(text, LINES, lines, &n, &err);

    if (rc)
        must_fail_well(rc, &err);
    must(n <= LINES && (rc == 0 || n == 0));
    for (size_t i = 0; i < n; i++) {
        must(slurm_name_valid(jb_str(lines[i].name)) && lines[i].id > 0);
        must(lines[i].kind <= SLURM_ENDED);
        must_be_plain(lines[i].submitted, sizeof(lines[i].submitted), false);
        must_be_plain(lines[i].state, sizeof(lines[i].state), false);
        must_be_plain(lines[i].reason, sizeof(lines[i].reason), true);
    }
    jb_error_clear(&err);
    rc = slurm_submitted_read(text, &id, &err);
    if (rc)
        must_fail_well(rc, &err);
    must(rc ? id == 0 : id > 0);
    (void)slurm_unreachable(text);
    return 0;
}
