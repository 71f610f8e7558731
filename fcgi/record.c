/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/record.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    HEADER = 8,
    TYPE_END_REQUEST = 3,
    TYPE_STDOUT = 6,
    MOST_CONTENT = 65528, /* a multiple of 8, so that no padding is needed within a body */
    IOV_AT_ONCE = 512,
};

struct output {
    struct iovec *iov;
    unsigned char *headers;
    struct jb_blob **blobs;
    size_t n_iov, at, n_blobs, left;
    struct output_owner owner;
};

struct slice
slice_of_blob(struct jb_blob *blob)
{
    return (struct slice){{blob->p, blob->n}, blob};
}

static void
put_header(unsigned char *h, unsigned type, uint16_t id, size_t content)
{
    h[0] = 1;
    h[1] = (unsigned char)type;
    h[2] = (unsigned char)(id >> 8);
    h[3] = (unsigned char)id;
    h[4] = (unsigned char)(content >> 8);
    h[5] = (unsigned char)content;
    h[6] = 0;
    h[7] = 0;
}

static void
add(struct output *out, const void *p, size_t n)
{
    out->iov[out->n_iov].iov_base = (void *)(uintptr_t)p;
    out->iov[out->n_iov].iov_len = n;
    out->n_iov++;
    out->left += n;
}

struct output *
output_new(uint16_t id, const struct slice *slices, size_t n, bool end,
           struct output_owner owner)
{
    size_t total = 0, blobs = 0;

    for (size_t i = 0; i < n; i++) {
        total += slices[i].bytes.n;
        blobs += slices[i].blob != NULL;
    }
    /* Every record cuts at most one slice in two. */
    size_t records = (total + MOST_CONTENT - 1) / MOST_CONTENT;
    size_t pieces = records * 2 + n + 1;
    size_t header_bytes = records * HEADER + 3 * HEADER;
    struct output *out = malloc(sizeof(*out) + pieces * sizeof(struct iovec) +
                                blobs * sizeof(struct jb_blob *) + header_bytes);
    if (!out) {
        if (owner.release)
            owner.release(owner.it);
        return NULL;
    }
    *out = (struct output){.owner = owner};
    out->iov = (struct iovec *)(out + 1);
    out->blobs = (struct jb_blob **)(out->iov + pieces);
    out->headers = (unsigned char *)(out->blobs + blobs);
    unsigned char *h = out->headers;
    size_t slice = 0, offset = 0;
    for (size_t done = 0; done < total;) {
        size_t content = total - done < MOST_CONTENT ? total - done : MOST_CONTENT;
        put_header(h, TYPE_STDOUT, id, content);
        add(out, h, HEADER);
        h += HEADER;
        for (size_t want = content; want;) {
            size_t here = slices[slice].bytes.n - offset;
            if (here > want)
                here = want;
            if (here)
                add(out, slices[slice].bytes.p + offset, here);
            offset += here;
            want -= here;
            if (offset == slices[slice].bytes.n) {
                slice++;
                offset = 0;
            }
        }
        done += content;
    }
    if (end) {
        put_header(h, TYPE_STDOUT, id, 0);
        put_header(h + HEADER, TYPE_END_REQUEST, id, HEADER);
        memset(h + 2 * HEADER, 0, HEADER); /* exit status 0, FCGI_REQUEST_COMPLETE */
        add(out, h, 3 * (size_t)HEADER);
    }
    for (size_t i = 0; i < n; i++)
        if (slices[i].blob)
            out->blobs[out->n_blobs++] = jb_blob_ref(slices[i].blob);
    return out;
}

void
output_free(struct output *out)
{
    if (!out)
        return;
    for (size_t i = 0; i < out->n_blobs; i++)
        jb_blob_unref(out->blobs[i]);
    if (out->owner.release)
        out->owner.release(out->owner.it);
    free(out);
}

int
output_send(struct output *out, int fd)
{
    while (out->at < out->n_iov) {
        size_t n = out->n_iov - out->at;
        struct msghdr msg = {.msg_iov = out->iov + out->at,
                             .msg_iovlen = n < IOV_AT_ONCE ? n : IOV_AT_ONCE};
        ssize_t sent = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR)
                continue;
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : JB_ECLOSED;
        }
        out->left -= (size_t)sent;
        while (sent > 0) {
            struct iovec *v = &out->iov[out->at];
            if ((size_t)sent < v->iov_len) {
                v->iov_base = (char *)v->iov_base + sent;
                v->iov_len -= (size_t)sent;
                break;
            }
            sent -= (ssize_t)v->iov_len;
            out->at++;
        }
    }
    return 1;
}

size_t
output_left(const struct output *out)
{
    return out->left;
}
