/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "crypto/digest.h"
#include "base/error.h"

#include <errno.h>
#include <mbedtls/base64.h>
#include <mbedtls/md.h>
#include <sys/random.h>

/* The generic md interface is the same in mbedTLS 2.28 and 3.6. */
static int
translate(int rc)
{
    if (rc == 0)
        return 0;
    return rc == MBEDTLS_ERR_MD_ALLOC_FAILED ? JB_ENOMEM : JB_EIO;
}

int
crypto_sha256(struct jb_str in, unsigned char ret_digest[CRYPTO_SHA256_SIZE])
{
    return translate(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
                                (const unsigned char *)in.p, in.n, ret_digest));
}

int
crypto_hmac_sha256(struct jb_str key, struct jb_str in,
                   unsigned char ret_mac[CRYPTO_SHA256_SIZE])
{
    return translate(mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
                                     (const unsigned char *)key.p, key.n,
                                     (const unsigned char *)in.p, in.n, ret_mac));
}

bool
crypto_equal(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *p = a, *q = b;
    unsigned char difference = 0;

    for (size_t i = 0; i < n; i++)
        difference |= p[i] ^ q[i];
    return difference == 0;
}

int
crypto_random(void *ret, size_t n)
{
    unsigned char *p = ret;

    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            return JB_EIO;
        }
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

void
crypto_hex(const void *in, size_t n, char *out)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = in;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex[p[i] >> 4];
        out[2 * i + 1] = hex[p[i] & 15];
    }
    out[2 * n] = '\0';
}

void
crypto_base64(const void *in, size_t n, char *out)
{
    size_t written = 0;

    mbedtls_base64_encode((unsigned char *)out, 4 * ((n + 2) / 3) + 1, &written, in, n);
    out[written] = '\0';
}
