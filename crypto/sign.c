/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "crypto/digest.h"
#include "crypto/x509.h"

#include <mbedtls/base64.h>
#include <string.h>

enum { DER_MAX = 256 };

int
pki_public(struct jb_str key_pem, struct jb_error *err, char ret_public[PKI_PUBLIC_SIZE])
{
    unsigned char der[DER_MAX];
    mbedtls_pk_context key;
    int n = 0, rc;

    mbedtls_pk_init(&key);
    rc = x509_parse_key(key_pem, err, &key);
    if (!rc) {
        n = mbedtls_pk_write_pubkey_der(&key, der, sizeof(der));
        if (n < 0 || 4 * ((size_t)n + 2) / 3 >= PKI_PUBLIC_SIZE)
            rc = x509_fail(err, JB_EIO, n, "public key: cannot be written");
    }
    /* the library writes at the end of the buffer */
    if (!rc)
        crypto_base64(der + sizeof(der) - n, (size_t)n, ret_public);
    mbedtls_pk_free(&key);
    return rc;
}

int
pki_sign(struct jb_str key_pem, struct jb_str text, struct jb_error *err,
         char ret_signature[PKI_SIGNATURE_SIZE])
{
    unsigned char hash[CRYPTO_SHA256_SIZE], der[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    mbedtls_pk_context key;
    size_t n = 0;
    int rc;

    mbedtls_pk_init(&key);
    rc = shim_start() ? jb_fail(err, JB_EIO, "mbedTLS does not start")
                      : x509_parse_key(key_pem, err, &key);
    if (!rc && (rc = crypto_sha256(text, hash)))
        jb_fail(err, rc, "a digest");
    if (!rc) {
        int bad = shim_sign(&key, hash, sizeof(hash), der, sizeof(der), &n);

        if (bad || 4 * (n + 2) / 3 >= PKI_SIGNATURE_SIZE)
            rc = x509_fail(err, JB_EIO, bad, "a signature: cannot be made");
    }
    if (!rc)
        crypto_base64(der, n, ret_signature);
    mbedtls_pk_free(&key);
    return rc;
}

/* One text for each value: the library overlooks bits behind the end. */
static int
decode(const char *text, const char *what, struct jb_error *err, unsigned char ret[DER_MAX],
       size_t *ret_n)
{
    char again[4 * ((DER_MAX + 2) / 3) + 1];

    if (mbedtls_base64_decode(ret, DER_MAX, ret_n, (const unsigned char *)text, strlen(text)) ||
        *ret_n == 0)
        return jb_fail(err, JB_EINVAL, "%s: no base64, or too long", what);
    crypto_base64(ret, *ret_n, again);
    return strcmp(again, text) == 0 ? 0 : jb_fail(err, JB_EINVAL, "%s: no base64", what);
}

int
pki_sign_check(const char *public, const char *signature, struct jb_str text,
               struct jb_error *err, unsigned char ret_key_hash[PKI_HASH_SIZE])
{
    unsigned char hash[CRYPTO_SHA256_SIZE], der[DER_MAX], signed_der[DER_MAX];
    unsigned char key_hash[PKI_HASH_SIZE];
    size_t n = 0, signed_n = 0;
    mbedtls_pk_context key;
    int rc;

    mbedtls_pk_init(&key);
    rc = shim_start() ? jb_fail(err, JB_EIO, "mbedTLS does not start")
                      : decode(public, "public key", err, der, &n);
    if (!rc)
        rc = decode(signature, "signature", err, signed_der, &signed_n);
    if (!rc && (mbedtls_pk_parse_public_key(&key, der, n) ||
                shim_key_curve(&key) != MBEDTLS_ECP_DP_SECP256R1))
        rc = jb_fail(err, JB_EINVAL, "public key: not an EC key on P-256");
    if (!rc)
        rc = x509_key_hash(&key, err, key_hash);
    if (!rc && (rc = crypto_sha256(text, hash)))
        jb_fail(err, rc, "a digest");
    if (!rc &&
        mbedtls_pk_verify(&key, MBEDTLS_MD_SHA256, hash, sizeof(hash), signed_der, signed_n))
        rc = jb_fail(err, JB_EACCES, "the signature does not hold");
    if (!rc)
        memcpy(ret_key_hash, key_hash, PKI_HASH_SIZE);
    mbedtls_pk_free(&key);
    return rc;
}
