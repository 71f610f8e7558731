/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in an address and in header fields: escapes, search text, encodings, ETags. */
#include "base/text.h"
#include "fcgi/request.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_arena *arena = jb_arena_new(16 << 20);
    struct jb_str in = {(const char *)data, size};
    struct jb_str out;
    struct jb_error err = {0};
    struct web_request request = {.arena = arena, .query = in};

    if (!arena)
        return 0;
    web_request_decode(in, arena, &err, &out);
    web_request_query_value(&request, "session_hash", &out);
    web_request_accepts_gzip(in);
    web_request_etag_matches(in, JB_STR("\"0123456789abcdef\""));
    jb_model_id_check(in, NULL);
    jb_revision_check(in, NULL);
    char *folded = malloc(size + 1);
    if (folded && jb_fold(in.p, in.n, folded) > size)
        abort();
    free(folded);
    struct jb_buf b = JB_BUF(16 << 20);
    jb_put_html(&b, in);
    if (b.n && jb_utf8_valid(b.p, b.n) != b.n)
        abort();
    jb_put_csv(&b, in);
    jb_put_url_query(&b, in);
    jb_buf_free(&b);
    jb_arena_free(arena);
    return 0;
}
