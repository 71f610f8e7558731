/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the agent. The first byte of the input says in which pieces the rest arrives:
 * whatever they are, the outcome is the same, and what is taken has a form that is known.
 */
#include "agent/http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
feed(struct http_parser *p, const uint8_t *data, size_t size, size_t piece,
     struct jb_error *err)
{
    int rc = 0;

    for (size_t at = 0; at < size && rc == 0; at += piece)
        rc = http_push(p, data + at, size - at < piece ? size - at : piece, err);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_parser one, many;
    struct jb_error err = {0}, err2 = {0};

    if (size < 2)
        return 0;
    http_parser_init(&one, 4096);
    http_parser_init(&many, 4096);
    int rc = feed(&one, data + 1, size - 1, size - 1, &err);
    int rc2 = feed(&many, data + 1, size - 1, data[0] % 16 + 1, &err2);
    /* in pieces a complete request may be seen before what is wrong behind it */
    if (rc != rc2 && !(rc < 0 && rc2 == 1) && !(rc < 0 && rc2 < 0))
        abort();
    if (rc < 0 && (err.code != rc || !err.text[0] || http_push(&one, "G", 1, NULL) != rc))
        abort();
    if (rc == 1) {
        const struct http_request *r = http_parser_request(&one);
        uint64_t n;

        if (r->path.n == 0 || r->path.p[0] != '/' || memchr(r->path.p, '%', r->path.n) ||
            r->body.n > 4096 || (r->has_range && r->from > r->to) ||
            (r->method == HTTP_GET && r->body.n))
            abort();
        http_query_uint(r->query, "from", &n);
        http_parser_next(&one);
        if (http_parser_begun(&one))
            abort();
    }
    http_parser_free(&one);
    http_parser_free(&many);
    return 0;
}
