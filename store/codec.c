/* SPDX-License-Identifier: Apache-2.0 */
#include "store/codec.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

static uint32_t
crc_of(const unsigned char *p, size_t n)
{
    uint32_t crc = (uint32_t)crc32_z(0, p, 2);
    return (uint32_t)crc32_z(crc, p + CODEC_HEAD, n - CODEC_HEAD);
}

void
codec_seal(void *p, size_t n, enum codec_kind kind, unsigned version)
{
    unsigned char *head = p;

    head[0] = (unsigned char)kind;
    head[1] = (unsigned char)version;
    uint32_t crc = crc_of(head, n);
    for (int i = 0; i < 4; i++)
        head[2 + i] = (unsigned char)(crc >> (24 - 8 * i));
}

void
codec_begin(struct jb_buf *b)
{
    jb_buf_reset(b);
    jb_buf_put(b, "\0\0\0\0\0\0", CODEC_HEAD);
}

void
codec_put_uint(struct jb_buf *b, uint64_t v)
{
    unsigned char bytes[10];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (unsigned char)(v | 0x80);
    bytes[n++] = (unsigned char)v;
    jb_buf_put(b, bytes, n);
}

void
codec_put_int(struct jb_buf *b, int64_t v)
{
    codec_put_uint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void
codec_put_double(struct jb_buf *b, double v)
{
    unsigned char bytes[8];
    uint64_t bits;

    if (isnan(v))
        v = NAN; /* one NaN, so that unknown equals unknown */
    memcpy(&bits, &v, sizeof bits);
    if (isnan(v))
        bits = UINT64_C(0x7ff8000000000000);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(bits >> (56 - 8 * i));
    jb_buf_put(b, bytes, sizeof bytes);
}

void
codec_put_bool(struct jb_buf *b, bool v)
{
    jb_buf_putc(b, v ? 1 : 0);
}

void
codec_put_text(struct jb_buf *b, const char *text)
{
    size_t n = text ? strlen(text) : 0;

    codec_put_uint(b, n);
    jb_buf_put(b, text ? text : "", n + 1);
}

void
codec_put_bytes(struct jb_buf *b, const void *p, size_t n)
{
    jb_buf_put(b, p, n);
}

int
codec_end(struct jb_buf *b, enum codec_kind kind, unsigned version)
{
    if (b->err)
        return b->err;
    codec_seal(b->p, b->n, kind, version);
    return 0;
}

int
codec_open(struct jb_str value, enum codec_kind kind, unsigned version, struct jb_error *err,
           struct codec_in *ret_in)
{
    const unsigned char *p = (const unsigned char *)value.p;

    if (value.n < CODEC_HEAD)
        return jb_fail(err, JB_ECORRUPT, "the value is cut short (%zu bytes)", value.n);
    uint32_t crc = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];
    if (crc != crc_of(p, value.n))
        return jb_fail(err, JB_ECORRUPT, "the CRC does not match");
    if (p[0] != (unsigned char)kind)
        return jb_fail(err, JB_ECORRUPT, "the value is of kind 0x%02x instead of 0x%02x", p[0],
                       (unsigned)kind);
    if (p[1] == 0)
        return jb_fail(err, JB_ECORRUPT, "the value has version 0");
    if (p[1] > version)
        return jb_fail(err, JB_EVERSION, "the value has version %u, this program knows %u",
                       p[1], version);
    *ret_in =
        (struct codec_in){.p = p + CODEC_HEAD, .n = value.n - CODEC_HEAD, .version = p[1]};
    return 0;
}

int
codec_open_copy(struct jb_str value, enum codec_kind kind, unsigned version,
                struct jb_arena *arena, struct jb_error *err, struct codec_in *ret_in)
{
    struct codec_in in;
    int rc = codec_open(value, kind, version, err, &in);

    if (rc)
        return rc;
    in.p = (const unsigned char *)jb_arena_dup(arena, (const char *)in.p, in.n);
    if (!in.p)
        return jb_fail(err, JB_ENOMEM, "no room for a record of %zu bytes", in.n);
    *ret_in = in;
    return 0;
}

static void
damage(struct codec_in *in)
{
    in->err = JB_ECORRUPT;
    in->n = 0;
}

uint64_t
codec_uint(struct codec_in *in)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in->n == 0)
            break;
        unsigned char c = *in->p++;
        in->n--;
        if (shift == 63 && c > 1)
            break;
        if (shift > 0 && c == 0)
            break; /* not the shortest form */
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
    damage(in);
    return 0;
}

int64_t
codec_int(struct codec_in *in)
{
    uint64_t v = codec_uint(in);

    return (int64_t)((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
}

double
codec_double(struct codec_in *in)
{
    uint64_t bits = 0;
    double v;

    if (in->n < 8) {
        damage(in);
        return 0;
    }
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | in->p[i];
    in->p += 8;
    in->n -= 8;
    memcpy(&v, &bits, sizeof v);
    if (isinf(v) || (isnan(v) && bits != UINT64_C(0x7ff8000000000000))) {
        damage(in);
        return 0;
    }
    return v;
}

bool
codec_bool(struct codec_in *in)
{
    if (in->n == 0 || in->p[0] > 1) {
        damage(in);
        return false;
    }
    in->n--;
    return *in->p++;
}

const char *
codec_text(struct codec_in *in)
{
    uint64_t n = codec_uint(in);

    if (in->err || n >= in->n || memchr(in->p, '\0', (size_t)n + 1) != in->p + n) {
        damage(in);
        return "";
    }
    const char *text = (const char *)in->p;
    in->p += n + 1;
    in->n -= (size_t)n + 1;
    return text;
}

void
codec_bytes(struct codec_in *in, void *ret, size_t n)
{
    if (in->n < n) {
        damage(in);
        memset(ret, 0, n);
        return;
    }
    memcpy(ret, in->p, n);
    in->p += n;
    in->n -= n;
}

int
codec_close(struct codec_in *in, struct jb_error *err)
{
    if (in->err)
        return jb_fail(err, in->err, "the value does not have its form");
    if (in->n)
        return jb_fail(err, JB_ECORRUPT, "%zu bytes are left over at the end of the value",
                       in->n);
    return 0;
}
