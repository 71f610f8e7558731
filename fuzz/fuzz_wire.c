/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between dispatcher and agent, and of an enrolment. The first byte of the input
 * chooses the message, the rest is its body. What is taken is written, read and written again:
 * the same bytes.
 */
#include "wire/enrol.h"
#include "wire/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
turn(uint8_t which, struct jb_str json, struct jb_arena *arena, struct jb_error *err,
     struct jb_buf *out)
{
    int rc;

#define TURN(kind, name)                                                                       \
    {                                                                                          \
        struct kind##_##name m;                                                                \
        rc = kind##_##name##_read(json, arena, err, &m);                                       \
        if (!rc)                                                                               \
            kind##_##name##_put(&m, out);                                                      \
        break;                                                                                 \
    }
    switch (which & 0x40 ? 8 + which % 3 : which % 8) {
    case 0: TURN(wire, offer)
    case 1: TURN(wire, state)
    case 2: TURN(wire, info)
    case 3: TURN(wire, renew)
    case 4: TURN(wire, renewed)
    case 5: TURN(wire, manifest)
    case 6: TURN(wire, drain)
    case 7: TURN(wire, refusal)
    case 8: TURN(enrol, hello)
    case 9: TURN(enrol, answer)
    default: TURN(enrol, finish)
    }
#undef TURN
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_arena *arena = jb_arena_new(64u << 20);
    struct jb_buf once = JB_BUF(32u << 20), twice = JB_BUF(32u << 20);
    struct jb_error err = {0};

    if (!arena || size < 1)
        goto out;
    const struct jb_str json = {(const char *)data + 1, size - 1};
    /* its signature, too; without a key that is known it is never good */
    if (!(data[0] & 0x40) && data[0] % 8 == 5 && wire_manifest_check(json, 0, NULL, &err) == 0)
        abort();
    jb_error_clear(&err);
    int rc = turn(data[0], json, arena, &err, &once);
    if (rc) {
        if (err.code != rc || !err.text[0] || once.n)
            abort();
        goto out;
    }
    jb_error_clear(&err);
    /* what was taken may grow past the cap of a body by its escapes */
    if (once.err || (once.n <= WIRE_BODY_MAX / 4 &&
                     (turn(data[0], jb_buf_view(&once), arena, &err, &twice) ||
                      !jb_str_eq(jb_buf_view(&once), jb_buf_view(&twice)))))
        abort();
out:
    jb_buf_free(&once);
    jb_buf_free(&twice);
    jb_arena_free(arena);
    return 0;
}
