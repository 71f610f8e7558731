/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "crypto/x509.h"
#include "base/clock.h"
#include "crypto/digest.h"

#include <mbedtls/asn1.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const mbedtls_x509_crt_profile x509_profile = {
    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) |
                   MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
                   MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    .allowed_pks =
        MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA),
    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
                      MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1),
    .rsa_min_bitlen = 0x7fffffff,
};

int
x509_fail(struct jb_error *err, int otherwise, int rc, const char *what)
{
    bool memory = rc == MBEDTLS_ERR_X509_ALLOC_FAILED || rc == MBEDTLS_ERR_PK_ALLOC_FAILED ||
                  rc == MBEDTLS_ERR_SSL_ALLOC_FAILED || rc == MBEDTLS_ERR_MD_ALLOC_FAILED;

    if (memory)
        return jb_fail(err, JB_ENOMEM, "%s: out of memory", what);
    return jb_fail(err, otherwise, "%s (mbedTLS -0x%04x)", what, (unsigned)-rc);
}

/* The library wants the NUL of a PEM text counted, and takes DER as well, which we do not. */
static int
copy_pem(struct jb_str pem, size_t most, const char *what, struct jb_error *err,
         unsigned char **ret_copy)
{
    unsigned char *copy;

    if (pem.n > most)
        return jb_fail(err, JB_EINVAL, "%s: longer than %zu bytes", what, most);
    if (pem.n == 0 || memchr(pem.p, '\0', pem.n))
        return jb_fail(err, JB_EINVAL, "%s: not PEM", what);
    copy = malloc(pem.n + 1);
    if (!copy)
        return jb_fail(err, JB_ENOMEM, "%s: out of memory", what);
    memcpy(copy, pem.p, pem.n);
    copy[pem.n] = '\0';
    if (!strstr((char *)copy, "-----BEGIN ")) {
        mbedtls_platform_zeroize(copy, pem.n);
        free(copy);
        return jb_fail(err, JB_EINVAL, "%s: not PEM", what);
    }
    *ret_copy = copy;
    return 0;
}

int
x509_parse(struct jb_str pem, const char *what, struct jb_error *err, mbedtls_x509_crt *ret_crt)
{
    unsigned char *copy;
    size_t certificates = 0;
    int rc = copy_pem(pem, X509_CHAIN_MAX, what, err, &copy);

    if (rc)
        return rc;
    rc = mbedtls_x509_crt_parse(ret_crt, copy, pem.n + 1);
    free(copy);
    if (rc > 0)
        return jb_fail(err, JB_EINVAL, "%s: %d certificates in it cannot be read", what, rc);
    if (rc)
        return x509_fail(err, JB_EINVAL, rc, what);
    for (const mbedtls_x509_crt *c = ret_crt; c; c = c->next)
        certificates++;
    if (certificates > X509_CHAIN_CERTS)
        return jb_fail(err, JB_EINVAL, "%s: more than %d certificates", what, X509_CHAIN_CERTS);
    return 0;
}

int
x509_parse_key(struct jb_str pem, struct jb_error *err, mbedtls_pk_context *ret_key)
{
    unsigned char *copy;
    mbedtls_ecp_group_id curve;
    int rc = copy_pem(pem, X509_KEY_MAX, "private key", err, &copy);

    if (rc)
        return rc;
    rc = shim_key_parse(ret_key, copy, pem.n + 1);
    mbedtls_platform_zeroize(copy, pem.n);
    free(copy);
    if (rc)
        return x509_fail(err, JB_EINVAL, rc, "private key: cannot be read");
    curve = shim_key_curve(ret_key);
    if (curve != MBEDTLS_ECP_DP_SECP256R1 && curve != MBEDTLS_ECP_DP_SECP384R1)
        return jb_fail(err, JB_EINVAL, "private key: not an EC key on P-256 or P-384");
    return 0;
}

static int
check_csr(mbedtls_x509_csr *csr, struct jb_error *err)
{
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];
    mbedtls_md_type_t md = shim_csr_md(csr);
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md);
    int rc;

    if (shim_key_curve(&csr->pk) != MBEDTLS_ECP_DP_SECP256R1)
        return jb_fail(err, JB_EINVAL, "signing request: its key is not an EC key on P-256");
    if (shim_csr_pk(csr) != MBEDTLS_PK_ECDSA || !info ||
        (md != MBEDTLS_MD_SHA256 && md != MBEDTLS_MD_SHA384 && md != MBEDTLS_MD_SHA512))
        return jb_fail(err, JB_EINVAL,
                       "signing request: not signed by ECDSA with SHA-256 or above");
    rc = mbedtls_md(info, csr->cri.p, csr->cri.len, hash);
    if (rc)
        return x509_fail(err, JB_EIO, rc, "signing request: hash");
    rc = shim_csr_verify(csr, hash, mbedtls_md_get_size(info));
    if (rc)
        return x509_fail(err, JB_EINVAL, rc,
                         "signing request: not signed by the key it is for");
    return 0;
}

int
x509_parse_csr(struct jb_str pem, struct jb_error *err, mbedtls_x509_csr *ret_csr)
{
    unsigned char *copy;
    int rc = copy_pem(pem, X509_KEY_MAX, "signing request", err, &copy);

    if (rc)
        return rc;
    rc = mbedtls_x509_csr_parse(ret_csr, copy, pem.n + 1);
    free(copy);
    if (rc)
        return x509_fail(err, JB_EINVAL, rc, "signing request: cannot be read");
    return check_csr(ret_csr, err);
}

int
x509_key_hash(mbedtls_pk_context *key, struct jb_error *err,
              unsigned char ret_hash[PKI_HASH_SIZE])
{
    unsigned char der[1024]; /* written at its end */
    int n = mbedtls_pk_write_pubkey_der(key, der, sizeof(der));
    struct jb_str spki = {0};

    if (n <= 0)
        return x509_fail(err, JB_EINVAL, n, "public key");
    spki = (struct jb_str){(const char *)der + sizeof(der) - n, (size_t)n};
    if (crypto_sha256(spki, ret_hash))
        return jb_fail(err, JB_EIO, "public key: hash");
    return 0;
}

/* A member of a distinguished name as text; false when it is missing, twice, or not of plain
 * characters. */
static bool
name_part(const mbedtls_x509_name *name, const char *oid, size_t oid_n, char *out, size_t room)
{
    const mbedtls_x509_name *found = NULL;

    for (const mbedtls_x509_name *n = name; n; n = n->next)
        if (n->oid.len == oid_n && memcmp(n->oid.p, oid, oid_n) == 0) {
            if (found)
                return false;
            found = n;
        }
    if (!found || found->val.len == 0 || found->val.len >= room)
        return false;
    for (size_t i = 0; i < found->val.len; i++)
        if (found->val.p[i] < 0x20 || found->val.p[i] > 0x7e)
            return false;
    memcpy(out, found->val.p, found->val.len);
    out[found->val.len] = '\0';
    return true;
}

static bool
unit_is(const mbedtls_x509_name *name, enum pki_role role)
{
    char unit[32];

    return name_part(name, MBEDTLS_OID_AT_ORG_UNIT, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_ORG_UNIT),
                     unit, sizeof(unit)) &&
           strcmp(unit, pki_role_word(role)) == 0;
}

/* Exactly one extended key usage, this one. */
static bool
usage_is(const mbedtls_x509_crt *crt, const char *oid, size_t n)
{
    const mbedtls_x509_sequence *usage = &crt->ext_key_usage;

    return usage->buf.p && !usage->next && usage->buf.len == n &&
           memcmp(usage->buf.p, oid, n) == 0;
}

static enum pki_role
ca_role(const mbedtls_x509_crt *crt)
{
    if (mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0 ||
        !unit_is(&crt->issuer, PKI_ROOT))
        return PKI_ROLE_MAX;
    if (unit_is(&crt->subject, PKI_ROOT))
        return PKI_ROOT;
    if (unit_is(&crt->subject, PKI_HOST_ISSUER))
        return PKI_HOST_ISSUER;
    if (unit_is(&crt->subject, PKI_CONTROL_ISSUER))
        return PKI_CONTROL_ISSUER;
    return PKI_ROLE_MAX;
}

static bool
ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n > m && strcmp(text + n - m, end) == 0;
}

static enum pki_role
leaf_role(const mbedtls_x509_crt *crt, const char *name)
{
    if (mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
        return PKI_ROLE_MAX;
    if (unit_is(&crt->issuer, PKI_HOST_ISSUER) &&
        usage_is(crt, MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) &&
        strncmp(name, "h-", 2) == 0 && ends_with(name, "." PKI_DOMAIN))
        return PKI_HOST;
    if (unit_is(&crt->issuer, PKI_CONTROL_ISSUER) &&
        usage_is(crt, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) &&
        ends_with(name, "." PKI_CONTROL_DOMAIN))
        return PKI_DISPATCHER;
    return PKI_ROLE_MAX;
}

/* The one DNS name; "" when there is none, or several, or other characters in it. */
static void
dns_name(const mbedtls_x509_crt *crt, char out[128])
{
    const mbedtls_x509_sequence *alt = &crt->subject_alt_names;
    size_t n = alt->buf.len;

    out[0] = '\0';
    if (!alt->buf.p || alt->next || n == 0 || n >= 128 ||
        alt->buf.tag != (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2))
        return;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = alt->buf.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.')
            return;
    }
    memcpy(out, alt->buf.p, n);
    out[n] = '\0';
}

static int
read_time(const mbedtls_x509_time *t, struct jb_error *err, int64_t *ret_us)
{
    char text[80];
    int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", t->year, t->mon,
                     t->day, t->hour, t->min, t->sec);

    if (jb_time_parse(text, (size_t)n, ret_us))
        return jb_fail(err, JB_EINVAL, "certificate: %s is no date", text);
    return 0;
}

int
x509_identity(const mbedtls_x509_crt *crt, struct jb_error *err, struct pki_identity *ret)
{
    struct pki_identity id = {.role = PKI_ROLE_MAX};
    struct jb_str spki = {(const char *)crt->pk_raw.p, crt->pk_raw.len};
    size_t n = crt->serial.len;
    int rc;

    rc = read_time(&crt->valid_from, err, &id.not_before);
    if (!rc)
        rc = read_time(&crt->valid_to, err, &id.not_after);
    if (rc)
        return rc;
    if (crypto_sha256(spki, id.key_hash))
        return jb_fail(err, JB_EIO, "certificate: hash");
    if (n > (sizeof(id.serial) - 1) / 2)
        n = (sizeof(id.serial) - 1) / 2;
    crypto_hex(crt->serial.p, n, id.serial);
    if (shim_crt_is_ca(crt)) {
        if (!name_part(&crt->subject, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN),
                       id.name, sizeof(id.name)))
            id.name[0] = '\0';
        id.role = ca_role(crt);
    } else {
        dns_name(crt, id.name);
        id.role = leaf_role(crt, id.name);
    }
    *ret = id;
    return 0;
}

static void
refuse(struct x509_walk *w, const char *reason)
{
    if (!w->reason[0])
        snprintf(w->reason, sizeof(w->reason), "%s", reason);
}

static void
refuse_time(struct x509_walk *w, const struct pki_identity *id, bool past)
{
    char when[JB_TIME_SIZE], text[240];

    jb_time_format(past ? id->not_after : id->not_before, 0, when);
    snprintf(text, sizeof(text),
             past ? "%s certificate expired at %s" : "%s certificate is not valid before %s",
             id->role == PKI_ROLE_MAX ? "the" : pki_role_word(id->role), when);
    refuse(w, text);
}

/* The role that must sign what has this role. */
static enum pki_role
issuer_of(enum pki_role role)
{
    return role == PKI_HOST         ? PKI_HOST_ISSUER
           : role == PKI_DISPATCHER ? PKI_CONTROL_ISSUER
                                    : PKI_ROOT;
}

static void
check_leaf(struct x509_walk *w, uint32_t *flags)
{
    const char *reason = "not known here";
    char text[400];

    if (*flags || w->reason[0])
        return;
    if (w->leaf.role != w->role) {
        snprintf(text, sizeof(text), "%.100s is the certificate of a %s, not of a %s",
                 w->leaf.name[0] ? w->leaf.name : "it", pki_role_word(w->leaf.role),
                 pki_role_word(w->role));
        refuse(w, text);
        *flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    } else if (w->allowed && !w->allowed(w->ctx, &w->leaf, &reason)) {
        snprintf(text, sizeof(text), "%s: %.160s", w->leaf.name, reason);
        refuse(w, text);
        *flags |= MBEDTLS_X509_BADCERT_OTHER;
    }
}

/*
 * The library's own clock is put aside: `now` decides. A chain that ends at no CA of ours comes
 * here too, with NOT_TRUSTED at its upper end.
 */
int
x509_walk(void *walk, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    static const struct {
        uint32_t flags;
        const char *reason;
    } words[] = {
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "not issued by a CA that is trusted here"},
        {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
             MBEDTLS_X509_BADCERT_BAD_KEY,
         "a key or signature that is not ECDSA on P-256 or P-384 with SHA-256 or above"},
        {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE,
         "its key usage does not allow this"},
    };
    struct x509_walk *w = walk;
    struct pki_identity id;

    if (x509_identity(crt, NULL, &id)) {
        refuse(w, "a certificate with fields that cannot be read");
        *flags |= MBEDTLS_X509_BADCERT_OTHER;
        return 0;
    }
    if (depth == 0) {
        w->leaf = id;
        w->has_leaf = true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (*flags & words[i].flags)
            refuse(w, words[i].reason);
    *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    if (w->now > id.not_after) {
        refuse_time(w, &id, true);
        *flags |= MBEDTLS_X509_BADCERT_EXPIRED;
    }
    if (w->now < id.not_before) {
        refuse_time(w, &id, false);
        *flags |= MBEDTLS_X509_BADCERT_FUTURE;
    }
    if (*flags && !w->reason[0])
        refuse(w, "the certificate does not pass");
    if (depth == 1 && id.role != issuer_of(w->role)) {
        refuse(w, "issued by a CA of another role");
        *flags |= MBEDTLS_X509_BADCERT_OTHER;
    }
    if (depth == 0)
        check_leaf(w, flags);
    return 0;
}
