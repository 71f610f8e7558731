/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "crypto/pki.h"
#include "crypto/digest.h"
#include "crypto/x509.h"

#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <string.h>

const char *
pki_role_word(enum pki_role role)
{
    static const char *const words[] = {
        [PKI_ROOT] = "root",
        [PKI_HOST_ISSUER] = "host-issuer",
        [PKI_CONTROL_ISSUER] = "control-issuer",
        [PKI_HOST] = "host",
        [PKI_DISPATCHER] = "dispatcher",
        [PKI_ROLE_MAX] = "unknown",
    };

    return words[role < PKI_ROLE_MAX ? role : PKI_ROLE_MAX];
}

int
pki_name_check(struct jb_str name, struct jb_error *err)
{
    if (name.n < 1 || name.n > 40)
        return jb_fail(err, JB_EINVAL, "a host name has 1 to 40 characters");
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return jb_fail(err, JB_EINVAL, "a host name is made of a-z, 0-9 and '-'");
    }
    if (name.p[0] == '-' || name.p[name.n - 1] == '-')
        return jb_fail(err, JB_EINVAL, "a host name has no '-' at either end");
    return 0;
}

int
pki_dns_name(enum pki_role role, const char *name, struct jb_error *err, char ret_name[128])
{
    int rc = pki_name_check(jb_str(name), err);

    if (rc)
        return rc;
    if (role == PKI_HOST)
        snprintf(ret_name, 128, "h-%s." PKI_DOMAIN, name);
    else if (role == PKI_DISPATCHER)
        snprintf(ret_name, 128, "%s." PKI_CONTROL_DOMAIN, name);
    else
        return jb_fail(err, JB_EINVAL, "%s has no DNS name", pki_role_word(role));
    return 0;
}

void
pki_wipe(struct jb_buf *pem)
{
    if (pem->p)
        mbedtls_platform_zeroize(pem->p, pem->room);
    jb_buf_free(pem);
}

/* Copies a PEM text that the library wrote. */
static int
hand_over(const unsigned char *pem, struct jb_error *err, struct jb_buf *ret_pem)
{
    struct jb_buf out = JB_BUF(PKI_PEM_MAX);

    /* At once, so that no grown-out copy stays behind unwiped. */
    if (jb_buf_reserve(&out, strlen((const char *)pem) + 1) == 0)
        jb_buf_puts(&out, (const char *)pem);
    if (out.err) {
        int code = out.err;
        pki_wipe(&out);
        return jb_fail(err, code, "PEM text: %s", jb_strerror(code));
    }
    *ret_pem = out;
    return 0;
}

int
pki_key_new(enum pki_role role, struct jb_error *err, struct jb_buf *ret_pem)
{
    mbedtls_ecp_group_id curve =
        role == PKI_ROOT ? MBEDTLS_ECP_DP_SECP384R1 : MBEDTLS_ECP_DP_SECP256R1;
    unsigned char pem[4096] = {0};
    mbedtls_pk_context key;
    int rc;

    mbedtls_pk_init(&key);
    rc = shim_start();
    if (!rc)
        rc = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (!rc)
        rc = mbedtls_ecp_gen_key(curve, mbedtls_pk_ec(key), shim_random, NULL);
    if (!rc)
        rc = mbedtls_pk_write_key_pem(&key, pem, sizeof(pem));
    rc = rc ? x509_fail(err, JB_EIO, rc, "private key: cannot be made")
            : hand_over(pem, err, ret_pem);
    mbedtls_platform_zeroize(pem, sizeof(pem));
    mbedtls_pk_free(&key);
    return rc;
}

int
pki_key_hash(struct jb_str key_pem, struct jb_error *err,
             unsigned char ret_key_hash[PKI_HASH_SIZE])
{
    mbedtls_pk_context key;
    int rc;

    mbedtls_pk_init(&key);
    rc = x509_parse_key(key_pem, err, &key);
    if (!rc)
        rc = x509_key_hash(&key, err, ret_key_hash);
    mbedtls_pk_free(&key);
    return rc;
}

int
pki_csr_new(struct jb_str key_pem, struct jb_error *err, struct jb_buf *ret_pem)
{
    unsigned char pem[4096] = {0};
    mbedtls_x509write_csr csr;
    mbedtls_pk_context key;
    int rc;

    mbedtls_pk_init(&key);
    mbedtls_x509write_csr_init(&csr);
    rc = x509_parse_key(key_pem, err, &key);
    if (rc)
        goto out;
    rc = shim_start();
    mbedtls_x509write_csr_set_md_alg(&csr, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&csr, &key);
    /* The format wants a name; nobody reads it. */
    if (!rc)
        rc = mbedtls_x509write_csr_set_subject_name(&csr, "O=jinbang");
    if (!rc)
        rc = mbedtls_x509write_csr_pem(&csr, pem, sizeof(pem), shim_random, NULL);
    rc = rc ? x509_fail(err, JB_EIO, rc, "signing request: cannot be made")
            : hand_over(pem, err, ret_pem);
out:
    mbedtls_x509write_csr_free(&csr);
    mbedtls_pk_free(&key);
    return rc;
}

int
pki_csr_key(struct jb_str csr_pem, struct jb_error *err,
            unsigned char ret_key_hash[PKI_HASH_SIZE])
{
    mbedtls_x509_csr csr;
    int rc;

    mbedtls_x509_csr_init(&csr);
    rc = shim_start() ? jb_fail(err, JB_EIO, "mbedTLS does not start")
                      : x509_parse_csr(csr_pem, err, &csr);
    if (!rc)
        rc = x509_key_hash(&csr.pk, err, ret_key_hash);
    mbedtls_x509_csr_free(&csr);
    return rc;
}

int
pki_identity_read(struct jb_str pem, struct jb_error *err, struct pki_identity *ret)
{
    mbedtls_x509_crt crt;
    int rc;

    mbedtls_x509_crt_init(&crt);
    rc = x509_parse(pem, "certificate", err, &crt);
    if (!rc)
        rc = x509_identity(&crt, err, ret);
    mbedtls_x509_crt_free(&crt);
    return rc;
}

int
pki_verify(struct jb_str chain_pem, struct jb_str ca_pem, enum pki_role role, int64_t now,
           struct jb_error *err, struct pki_identity *ret)
{
    struct x509_walk walk = {.role = role, .now = now};
    mbedtls_x509_crt chain, ca;
    uint32_t flags = 0;
    int rc;

    mbedtls_x509_crt_init(&chain);
    mbedtls_x509_crt_init(&ca);
    rc = shim_start() ? jb_fail(err, JB_EIO, "mbedTLS does not start")
                      : x509_parse(chain_pem, "certificate", err, &chain);
    if (!rc)
        rc = x509_parse(ca_pem, "CA certificate", err, &ca);
    if (rc)
        goto out;
    rc = mbedtls_x509_crt_verify_with_profile(&chain, &ca, NULL, &x509_profile, NULL, &flags,
                                              x509_walk, &walk);
    if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || (rc == 0 && walk.reason[0]))
        rc = jb_fail(err, JB_EACCES, "%s",
                     walk.reason[0] ? walk.reason : "the certificate does not pass");
    else if (rc || !walk.has_leaf)
        rc = x509_fail(err, JB_EACCES, rc, "the chain of the certificate does not pass");
    else
        *ret = walk.leaf;
out:
    mbedtls_x509_crt_free(&chain);
    mbedtls_x509_crt_free(&ca);
    return rc;
}

bool
pki_key_fits(struct jb_str key_pem, struct jb_str certificate_pem)
{
    mbedtls_x509_crt crt;
    mbedtls_pk_context key;
    bool fits;

    mbedtls_x509_crt_init(&crt);
    mbedtls_pk_init(&key);
    fits = !x509_parse_key(key_pem, NULL, &key) &&
           !x509_parse(certificate_pem, "certificate", NULL, &crt) &&
           shim_key_pair(&crt.pk, &key) == 0;
    mbedtls_x509_crt_free(&crt);
    mbedtls_pk_free(&key);
    return fits;
}

int64_t
pki_renew_at(const struct pki_identity *id)
{
    int64_t issued = id->not_before + X509_EARLIER_US;
    int64_t life = id->not_after > issued ? id->not_after - issued : 0;
    int64_t jitter = life / 10 / 256 * id->key_hash[0];

    return issued + life / 2 - jitter;
}
