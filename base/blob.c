/* SPDX-License-Identifier: Apache-2.0 */
/* Shared immutable bytes, and their gzip twins. */
#include "base/buf.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct jb_blob *
jb_blob_new(const void *p, size_t n)
{
    struct jb_blob *b = malloc(sizeof(*b) + n + 1);

    if (!b)
        return NULL;
    b->refs = 1;
    b->n = n;
    if (n)
        memcpy(b->p, p, n);
    b->p[n] = '\0';
    return b;
}

struct jb_blob *
jb_blob_from_buf(struct jb_buf *buf)
{
    struct jb_blob *b = buf->err ? NULL : jb_blob_new(buf->p, buf->n);

    jb_buf_free(buf);
    return b;
}

struct jb_blob *
jb_blob_ref(struct jb_blob *b)
{
    if (b)
        __atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
    return b;
}

void
jb_blob_unref(struct jb_blob *b)
{
    if (b && __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(b);
}

int
jb_gzip(struct jb_str in, int level, struct jb_blob **ret_out)
{
    z_stream z = {0};

    /* 15 window bits, 16 more asks zlib for a gzip header; its mtime is 0 by default. */
    if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return JB_ENOMEM;
    size_t room = deflateBound(&z, in.n);
    struct jb_blob *out = malloc(sizeof(*out) + room + 1);
    int rc = JB_ENOMEM;
    if (!out)
        goto out;
    z.next_in = (unsigned char *)(uintptr_t)in.p;
    z.next_out = (unsigned char *)out->p;
    size_t left_in = in.n, left_out = room;
    int status = Z_OK;
    while (status == Z_OK) {
        /* avail_* are 32 bits wide; large input goes in slices. */
        uInt step_in = left_in > 1u << 30 ? 1u << 30 : (uInt)left_in;
        uInt step_out = left_out > 1u << 30 ? 1u << 30 : (uInt)left_out;
        z.avail_in = step_in;
        z.avail_out = step_out;
        status = deflate(&z, left_in > step_in ? Z_NO_FLUSH : Z_FINISH);
        left_in -= step_in - z.avail_in;
        left_out -= step_out - z.avail_out;
        if (status == Z_BUF_ERROR)
            break;
    }
    if (status != Z_STREAM_END)
        goto out;
    out->n = room - left_out;
    out->refs = 1;
    struct jb_blob *fit = realloc(out, sizeof(*out) + out->n + 1);
    out = fit ? fit : out;
    out->p[out->n] = '\0';
    *ret_out = out;
    out = NULL;
    rc = 0;
out:
    free(out);
    deflateEnd(&z);
    return rc;
}
