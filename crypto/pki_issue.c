/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates written: a fixed form for each role. The extensions that mbedTLS 2.28 has no
 * setter for (extended key usage, alternative name) are put together by hand.
 */
#include <config.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "crypto/pki.h"
#include "crypto/x509.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define LONGEST_S (INT64_C(50) * 366 * 86400)
#define LAST_YEAR_S                                                                            \
    INT64_C(253402300799) /* 9999-12-31T23:59:59Z, the last a certificate knows */

enum { SERIAL_SIZE = 16, DN_SIZE = 160 };

/* One certificate on its way. */
struct making {
    mbedtls_x509write_cert crt;
    char subject[DN_SIZE], issuer[DN_SIZE];
    char dns[128]; /* "" none */
    const char *usage;
    size_t usage_n;  /* an OID; 0 none */
    int path_length; /* of a CA; -1: none */
    unsigned key_usage;
    int64_t not_before, not_after;
};

static int
check_ca_name(const char *name, struct jb_error *err)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-";
    size_t n = strlen(name);

    if (n < 1 || n > 60 || strspn(name, allowed) != n || name[0] == ' ' || name[n - 1] == ' ')
        return jb_fail(err, JB_EINVAL,
                       "a CA is named with 1 to 60 letters, digits, spaces, '.' and '-'");
    return 0;
}

/* Each of these has a fixed template behind it, so that no name can bring a part of its own. */
static int
name_ca(enum pki_role role, const char *name, struct jb_error *err, char out[DN_SIZE])
{
    int rc = check_ca_name(name, err);

    if (!rc)
        snprintf(out, DN_SIZE, "CN=%s,OU=%s,O=jinbang", name, pki_role_word(role));
    return rc;
}

static int
describe(const struct pki_order *order, struct jb_error *err, struct making *m)
{
    int rc;

    m->path_length = -1;
    m->key_usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
    switch (order->role) {
    case PKI_ROOT:
    case PKI_HOST_ISSUER:
    case PKI_CONTROL_ISSUER:
        m->path_length = order->role == PKI_ROOT ? 1 : 0;
        m->key_usage = MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN;
        rc = name_ca(order->role, order->name, err, m->subject);
        break;
    case PKI_HOST:
    case PKI_DISPATCHER:
        rc = pki_dns_name(order->role, order->name, err, m->dns);
        if (!rc) /* a common name has at most 64 characters; the alternative name counts */
            snprintf(m->subject, sizeof(m->subject), "CN=%s,OU=%s,O=jinbang", order->name,
                     pki_role_word(order->role));
        break;
    case PKI_ROLE_MAX:
    default: return jb_fail(err, JB_EINVAL, "a certificate needs a role");
    }
    if (order->role == PKI_HOST || order->role == PKI_HOST_ISSUER) {
        m->usage = MBEDTLS_OID_SERVER_AUTH;
        m->usage_n = MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH);
    } else if (order->role == PKI_DISPATCHER || order->role == PKI_CONTROL_ISSUER) {
        m->usage = MBEDTLS_OID_CLIENT_AUTH;
        m->usage_n = MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH);
    }
    return rc;
}

static int
set_life(const struct pki_order *order, struct jb_error *err, struct making *m)
{
    if (order->life < 1 || order->life > LONGEST_S)
        return jb_fail(err, JB_EINVAL, "a certificate lives from 1 second to 50 years");
    if (order->now < X509_EARLIER_US || order->now / SECOND_US + order->life > LAST_YEAR_S)
        return jb_fail(err, JB_EINVAL, "the clock is wrong");
    m->not_before = order->now - X509_EARLIER_US;
    m->not_after = order->now + order->life * SECOND_US;
    return 0;
}

/* "2026-01-02T03:04:05Z" as "20260102030405". */
static void
put_time(int64_t us, char out[16])
{
    char text[JB_TIME_SIZE];
    size_t n = 0;

    jb_time_format(us, 0, text);
    for (const char *p = text; *p && n < 14; p++)
        if (*p >= '0' && *p <= '9')
            out[n++] = *p;
    out[n] = '\0';
}

/* SEQUENCE { element }, which both extensions are. Written from the end of `der`; returns the
 * length or the library's code. */
static int
wrap(unsigned char *der, unsigned char *p, size_t n)
{
    int len = mbedtls_asn1_write_len(&p, der, n), tag;

    if (len < 0)
        return len;
    tag = mbedtls_asn1_write_tag(&p, der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    return tag < 0 ? tag : (int)n + len + tag;
}

/* RFC 5280 4.2.1.12; critical, so that nobody may overlook it. */
static int
add_usage(struct making *m)
{
    unsigned char der[64] = {0}, *p = der + sizeof(der);
    int n;

    if (!m->usage_n)
        return 0;
    n = mbedtls_asn1_write_oid(&p, der, m->usage, m->usage_n);
    if (n > 0)
        n = wrap(der, p, (size_t)n);
    if (n < 0)
        return n;
    return mbedtls_x509write_crt_set_extension(&m->crt, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE),
                                               1, der + sizeof(der) - n, (size_t)n);
}

/* RFC 5280 4.2.1.6: one dNSName, [2] IMPLICIT IA5String. */
static int
add_dns(struct making *m)
{
    unsigned char der[256] = {0}, *p = der + sizeof(der);
    size_t n = strlen(m->dns);
    int len, tag, all;

    if (n == 0)
        return 0;
    len = mbedtls_asn1_write_raw_buffer(&p, der, (const unsigned char *)m->dns, n);
    if (len < 0)
        return len;
    len = mbedtls_asn1_write_len(&p, der, n);
    if (len < 0)
        return len;
    tag = mbedtls_asn1_write_tag(&p, der, MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2);
    if (tag < 0)
        return tag;
    all = wrap(der, p, n + (size_t)len + (size_t)tag);
    if (all < 0)
        return all;
    return mbedtls_x509write_crt_set_extension(&m->crt, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME),
                                               0, der + sizeof(der) - all, (size_t)all);
}

static int
add_extensions(struct making *m)
{
    int rc = mbedtls_x509write_crt_set_basic_constraints(&m->crt, m->path_length >= 0,
                                                         m->path_length);

    if (!rc)
        rc = mbedtls_x509write_crt_set_key_usage(&m->crt, (unsigned char)m->key_usage);
    if (!rc)
        rc = add_usage(m);
    if (!rc)
        rc = add_dns(m);
    if (!rc)
        rc = mbedtls_x509write_crt_set_subject_key_identifier(&m->crt);
    if (!rc)
        rc = mbedtls_x509write_crt_set_authority_key_identifier(&m->crt);
    return rc;
}

/* Signs `m` for `subject` with `issuer`, whose keys the caller holds. */
static int
sign(struct making *m, mbedtls_pk_context *subject, mbedtls_pk_context *issuer,
     struct jb_error *err, struct jb_buf *ret_pem)
{
    unsigned char pem[8192] = {0}, serial[SERIAL_SIZE];
    struct jb_buf out = JB_BUF(PKI_PEM_MAX);
    char from[16], to[16];
    int rc;

    if (crypto_random(serial, sizeof(serial)))
        return jb_fail(err, JB_EIO, "no random bytes");
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, and 16 bytes long */
    put_time(m->not_before, from);
    put_time(m->not_after, to);
    mbedtls_x509write_crt_init(&m->crt);
    mbedtls_x509write_crt_set_version(&m->crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&m->crt, shim_key_curve(issuer) == MBEDTLS_ECP_DP_SECP384R1
                                                  ? MBEDTLS_MD_SHA384
                                                  : MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&m->crt, subject);
    mbedtls_x509write_crt_set_issuer_key(&m->crt, issuer);
    rc = shim_start();
    if (!rc)
        rc = shim_crt_set_serial(&m->crt, serial, sizeof(serial));
    if (!rc)
        rc = mbedtls_x509write_crt_set_validity(&m->crt, from, to);
    if (!rc)
        rc = mbedtls_x509write_crt_set_subject_name(&m->crt, m->subject);
    if (!rc)
        rc = mbedtls_x509write_crt_set_issuer_name(&m->crt, m->issuer);
    if (!rc)
        rc = add_extensions(m);
    if (!rc)
        rc = mbedtls_x509write_crt_pem(&m->crt, pem, sizeof(pem), shim_random, NULL);
    mbedtls_x509write_crt_free(&m->crt);
    if (rc)
        return x509_fail(err, JB_EIO, rc, "certificate: cannot be made");
    jb_buf_puts(&out, (const char *)pem);
    if (out.err) {
        rc = jb_fail(err, out.err, "certificate: %s", jb_strerror(out.err));
        jb_buf_free(&out);
        return rc;
    }
    *ret_pem = out;
    return 0;
}

static int
self_signed(struct making *m, struct jb_str key_pem, bool root, struct jb_error *err,
            struct jb_buf *ret_pem)
{
    mbedtls_pk_context key;
    int rc;

    mbedtls_pk_init(&key);
    rc = x509_parse_key(key_pem, err, &key);
    if (!rc && root && shim_key_curve(&key) != MBEDTLS_ECP_DP_SECP384R1)
        rc = jb_fail(err, JB_EINVAL, "the key of a root is on P-384");
    if (!rc) {
        memcpy(m->issuer, m->subject, sizeof(m->issuer));
        rc = sign(m, &key, &key, err, ret_pem);
    }
    mbedtls_pk_free(&key);
    return rc;
}

int
pki_root_new(const struct pki_order *order, struct jb_str key_pem, struct jb_error *err,
             struct jb_buf *ret_pem)
{
    struct making m = {0};
    int rc;

    if (order->role != PKI_ROOT)
        return jb_fail(err, JB_EINVAL, "only a root signs itself");
    rc = describe(order, err, &m);
    if (!rc)
        rc = set_life(order, err, &m);
    return rc ? rc : self_signed(&m, key_pem, true, err, ret_pem);
}

int
pki_interim_new(const struct pki_order *order, struct jb_str key_pem, struct jb_error *err,
                struct jb_buf *ret_pem)
{
    struct making m = {.path_length = -1, .key_usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE};
    int rc = pki_name_check(jb_str(order->name), err);

    if (!rc)
        rc = set_life(order, err, &m);
    if (rc)
        return rc;
    snprintf(m.subject, sizeof(m.subject), "CN=%s,OU=interim,O=jinbang", order->name);
    return self_signed(&m, key_pem, false, err, ret_pem);
}

/* May it sign this, now and for so long? */
static int
check_issuer(const struct pki_order *order, const struct pki_identity *issuer,
             struct jb_error *err, struct making *m)
{
    enum pki_role wanted = order->role == PKI_HOST         ? PKI_HOST_ISSUER
                           : order->role == PKI_DISPATCHER ? PKI_CONTROL_ISSUER
                                                           : PKI_ROOT;
    char when[JB_TIME_SIZE];

    if (order->role == PKI_ROOT)
        return jb_fail(err, JB_EINVAL, "a root is signed by nobody but itself");
    if (issuer->role != wanted)
        return jb_fail(err, JB_EINVAL, "a %s certificate is not signed by %s but by a %s",
                       pki_role_word(order->role), pki_role_word(issuer->role),
                       pki_role_word(wanted));
    jb_time_format(issuer->not_after, 0, when);
    if (m->not_after > issuer->not_after)
        return jb_fail(err, JB_EINVAL, "the %s's own certificate ends before, at %s",
                       pki_role_word(issuer->role), when);
    if (order->now < issuer->not_before)
        return jb_fail(err, JB_EINVAL, "the %s's own certificate is not valid yet",
                       pki_role_word(issuer->role));
    if (m->not_before < issuer->not_before)
        m->not_before = issuer->not_before;
    return name_ca(issuer->role, issuer->name, err, m->issuer);
}

int
pki_issue(const struct pki_order *order, struct jb_str csr_pem, struct jb_str issuer_pem,
          struct jb_str issuer_key_pem, struct jb_error *err, struct jb_buf *ret_pem)
{
    struct pki_identity issuer;
    struct making m = {0};
    mbedtls_x509_crt issuer_crt;
    mbedtls_x509_csr csr;
    mbedtls_pk_context key;
    int rc;

    mbedtls_x509_crt_init(&issuer_crt);
    mbedtls_x509_csr_init(&csr);
    mbedtls_pk_init(&key);
    rc = describe(order, err, &m);
    if (!rc)
        rc = set_life(order, err, &m);
    if (!rc)
        rc = x509_parse(issuer_pem, "issuer's certificate", err, &issuer_crt);
    if (!rc)
        rc = x509_identity(&issuer_crt, err, &issuer);
    if (!rc)
        rc = check_issuer(order, &issuer, err, &m);
    if (!rc)
        rc = x509_parse_key(issuer_key_pem, err, &key);
    if (!rc && shim_key_pair(&issuer_crt.pk, &key) != 0)
        rc = jb_fail(err, JB_EINVAL, "the issuer's key belongs to another certificate");
    if (!rc && shim_start())
        rc = jb_fail(err, JB_EIO, "mbedTLS does not start");
    if (!rc)
        rc = x509_parse_csr(csr_pem, err, &csr);
    if (!rc)
        rc = sign(&m, &csr.pk, &key, err, ret_pem);
    mbedtls_x509_crt_free(&issuer_crt);
    mbedtls_x509_csr_free(&csr);
    mbedtls_pk_free(&key);
    return rc;
}
