/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates, signing requests and keys of anybody. The first byte of the input chooses what
 * they are taken for; its high bit says that the rest is DER, which becomes PEM here, each part
 * (a length of two bytes before it) a block of its own.
 */
#include <config.h> /* strnlen */

#include "crypto/pki.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1900000000000000) /* 2030 */

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
must_fail_well(int rc, const struct jb_error *err)
{
    must(rc < 0 && err->code == rc && err->text[0]);
}

static void
put_block(const uint8_t *p, size_t n, const char *label, struct jb_buf *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    jb_buf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;

        if (i + 1 < n)
            v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n)
            v |= p[i + 2];
        jb_buf_putc(out, digits[v >> 18]);
        jb_buf_putc(out, digits[v >> 12 & 63]);
        jb_buf_putc(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
        jb_buf_putc(out, i + 2 < n ? digits[v & 63] : '=');
        if (i % 48 == 45)
            jb_buf_putc(out, '\n');
    }
    jb_buf_printf(out, "\n-----END %s-----\n", label);
}

static void
put_blocks(const uint8_t *p, size_t n, const char *label, struct jb_buf *out)
{
    while (n >= 2) {
        size_t part = (size_t)p[0] << 8 | p[1];

        p += 2;
        n -= 2;
        if (part > n)
            part = n;
        put_block(p, part, label, out);
        p += part;
        n -= part;
    }
}

static void
must_be_text(const char *text, size_t room)
{
    size_t n = strnlen(text, room);

    must(n < room);
    for (size_t i = 0; i < n; i++)
        must(text[i] >= 0x20 && text[i] <= 0x7e);
}

static void
certificate(struct jb_str pem)
{
    struct jb_error err = {0};
    struct pki_identity id;
    int rc = pki_identity_read(pem, &err, &id);

    if (rc) {
        must_fail_well(rc, &err);
        return;
    }
    must(id.role <= PKI_ROLE_MAX);
    must_be_text(id.name, sizeof(id.name));
    must_be_text(id.serial, sizeof(id.serial));
    (void)pki_renew_at(&id);
}

/* A chain that is its own CA; what is signed well by itself is no leaf of ours. */
static void
chain(struct jb_str pem)
{
    enum pki_role role = (enum pki_role)(pem.n % PKI_ROLE_MAX);
    struct jb_error err = {0};
    struct pki_identity id;
    int rc = pki_verify(pem, pem, role, NOW, &err, &id);

    if (rc)
        must_fail_well(rc, &err);
    else
        must(id.role == role && id.not_before <= NOW && NOW <= id.not_after);
}

static void
request(struct jb_str pem)
{
    unsigned char hash[PKI_HASH_SIZE];
    struct jb_error err = {0};
    int rc = pki_csr_key(pem, &err, hash);

    if (rc)
        must_fail_well(rc, &err);
}

static void
key(struct jb_str pem)
{
    unsigned char hash[PKI_HASH_SIZE];
    struct jb_error err = {0};
    struct jb_buf csr = {0};
    int rc = pki_key_hash(pem, &err, hash);

    if (rc) {
        must_fail_well(rc, &err);
        return;
    }
    /* the two halves may be of different keys */
    rc = pki_csr_new(pem, &err, &csr);
    if (rc)
        must_fail_well(rc, &err);
    else
        request(jb_buf_view(&csr));
    jb_buf_free(&csr);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *label;
        void (*take)(struct jb_str pem);
    } kinds[] = {
        {"CERTIFICATE", certificate},
        {"CERTIFICATE", chain},
        {"CERTIFICATE REQUEST", request},
        {"EC PRIVATE KEY", key},
    };
    struct jb_buf pem = JB_BUF(1 << 20);

    if (size < 1)
        return 0;
    size_t kind = data[0] % 4;
    if (data[0] & 0x80)
        put_blocks(data + 1, size - 1, kinds[kind].label, &pem);
    else
        jb_buf_str(&pem, (struct jb_str){(const char *)data + 1, size - 1});
    if (!pem.err)
        kinds[kind].take(jb_buf_view(&pem));
    jb_buf_free(&pem);
    return 0;
}
