/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "crypto/digest.h"
#include "wire/message.h"

#include <string.h>

static const char domain[] = "jinbang-manifest-1\n";
static const char member[] = "\"signature\":\"";

int
wire_manifest_sign(struct wire_manifest *manifest, struct jb_str key_pem,
                   struct jb_arena *arena, struct jb_error *err)
{
    char public[PKI_PUBLIC_SIZE], signature[PKI_SIGNATURE_SIZE];
    struct jb_buf text = JB_BUF(WIRE_BODY_MAX);
    struct wire_manifest m = *manifest;
    int rc = pki_public(key_pem, err, public);

    if (!rc) {
        m.key = jb_arena_dup(arena, public, strlen(public));
        m.signature = "";
        jb_buf_puts(&text, domain);
        wire_manifest_put(&m, &text);
        rc = !m.key || text.err ? jb_fail(err, JB_ENOMEM, "out of memory")
                                : pki_sign(key_pem, jb_buf_view(&text), err, signature);
    }
    if (!rc) {
        m.signature = jb_arena_dup(arena, signature, strlen(signature));
        rc = m.signature ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
    }
    jb_buf_free(&text);
    if (!rc)
        *manifest = m;
    return rc;
}

/* The bytes that are signed: those that came, the value of their last member left out. */
static int
put_signed(struct jb_str json, const char *signature, struct jb_error *err, struct jb_buf *out)
{
    size_t n = strlen(signature), behind = n + 2, before = sizeof(member) - 1;
    const char *value;

    if (json.n < before + behind)
        return jb_fail(err, JB_EUNPROC, "signature: is not the last member");
    value = json.p + json.n - behind;
    if (memcmp(value, signature, n) != 0 || memcmp(value + n, "\"}", 2) != 0 ||
        memcmp(value - before, member, before) != 0)
        return jb_fail(err, JB_EUNPROC, "signature: is not the last member");
    jb_buf_puts(out, domain);
    jb_buf_put(out, json.p, json.n - behind);
    jb_buf_puts(out, "\"}");
    return out->err ? jb_fail(err, out->err, "out of memory") : 0;
}

int
wire_manifest_check(struct jb_str json, size_t n_keys,
                    const unsigned char (*keys)[PKI_HASH_SIZE], struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new(4 * WIRE_BODY_MAX);
    struct jb_buf text = JB_BUF(2 * WIRE_BODY_MAX);
    unsigned char hash[PKI_HASH_SIZE];
    struct wire_manifest m;
    bool known = false;
    int rc = arena ? wire_manifest_read(json, arena, err, &m)
                   : jb_fail(err, JB_ENOMEM, "out of memory");

    if (!rc && (!m.key[0] || !m.signature[0]))
        rc = jb_fail(err, JB_EACCES, "the manifest is not signed");
    if (!rc)
        rc = put_signed(json, m.signature, err, &text);
    if (!rc) {
        rc = pki_sign_check(m.key, m.signature, jb_buf_view(&text), err, hash);
        if (rc == JB_EINVAL)
            rc = JB_EACCES;
        if (rc)
            jb_error_prefix(err, "the manifest");
    }
    for (size_t i = 0; !rc && i < n_keys; i++)
        known = known || crypto_equal(hash, keys[i], PKI_HASH_SIZE);
    if (!rc && !known)
        rc =
            jb_fail(err, JB_EACCES, "the manifest is signed with a key that is not its host's");
    if (rc && err)
        err->code = rc;
    jb_buf_free(&text);
    jb_arena_free(arena);
    return rc;
}
