/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "crypto/digest.h"
#include "crypto/shim.h"

#include <mbedtls/ecp.h>
#include <mbedtls/error.h>

#define IS_3 (MBEDTLS_VERSION_NUMBER >= 0x03000000)

#if IS_3
#include <psa/crypto.h>
#endif

int
shim_start(void)
{
#if IS_3
    return psa_crypto_init() == PSA_SUCCESS ? 0 : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
#else
    return 0;
#endif
}

int
shim_random(void *ctx, unsigned char *out, size_t n)
{
    (void)ctx;
    return crypto_random(out, n) ? MBEDTLS_ERR_ERROR_GENERIC_ERROR : 0;
}

int
shim_key_parse(mbedtls_pk_context *key, const unsigned char *text, size_t n)
{
#if IS_3
    return mbedtls_pk_parse_key(key, text, n, NULL, 0, shim_random, NULL);
#else
    return mbedtls_pk_parse_key(key, text, n, NULL, 0);
#endif
}

int
shim_key_pair(mbedtls_pk_context *public_key, mbedtls_pk_context *private_key)
{
#if IS_3
    return mbedtls_pk_check_pair(public_key, private_key, shim_random, NULL);
#else
    return mbedtls_pk_check_pair(public_key, private_key);
#endif
}

int
shim_sign(mbedtls_pk_context *key, const unsigned char *hash, size_t hash_n,
          unsigned char *signature, size_t size, size_t *ret_n)
{
#if IS_3
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, hash_n, signature, size, ret_n,
                           shim_random, NULL);
#else
    (void)size; /* MBEDTLS_PK_SIGNATURE_MAX_SIZE */
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, hash_n, signature, ret_n, shim_random,
                           NULL);
#endif
}

mbedtls_ecp_group_id
shim_key_curve(const mbedtls_pk_context *key)
{
    mbedtls_pk_type_t type = mbedtls_pk_get_type(key);
    const mbedtls_ecp_keypair *ec;

    if (type != MBEDTLS_PK_ECKEY && type != MBEDTLS_PK_ECDSA)
        return MBEDTLS_ECP_DP_NONE;
    ec = mbedtls_pk_ec(*key);
    return ec ? ec->MBEDTLS_PRIVATE(grp).id : MBEDTLS_ECP_DP_NONE;
}

mbedtls_md_type_t
shim_csr_md(const mbedtls_x509_csr *csr)
{
    return csr->MBEDTLS_PRIVATE(sig_md);
}

mbedtls_pk_type_t
shim_csr_pk(const mbedtls_x509_csr *csr)
{
    return csr->MBEDTLS_PRIVATE(sig_pk);
}

int
shim_csr_verify(mbedtls_x509_csr *csr, const unsigned char *hash, size_t n)
{
    return mbedtls_pk_verify_ext(csr->MBEDTLS_PRIVATE(sig_pk), csr->MBEDTLS_PRIVATE(sig_opts),
                                 &csr->pk, csr->MBEDTLS_PRIVATE(sig_md), hash, n,
                                 csr->MBEDTLS_PRIVATE(sig).p, csr->MBEDTLS_PRIVATE(sig).len);
}

int
shim_crt_is_ca(const mbedtls_x509_crt *crt)
{
    return crt->MBEDTLS_PRIVATE(ca_istrue);
}

int
shim_crt_set_serial(mbedtls_x509write_cert *crt, unsigned char *serial, size_t n)
{
#if IS_3
    return mbedtls_x509write_crt_set_serial_raw(crt, serial, n);
#else
    mbedtls_mpi number;
    int rc;

    mbedtls_mpi_init(&number);
    rc = mbedtls_mpi_read_binary(&number, serial, n);
    if (rc == 0)
        rc = mbedtls_x509write_crt_set_serial(crt, &number);
    mbedtls_mpi_free(&number);
    return rc;
#endif
}

void
shim_ssl_conf(mbedtls_ssl_config *conf)
{
#if IS_3
    static const uint16_t algorithms[] = {
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_NONE};

    mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_sig_algs(conf, algorithms);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    mbedtls_ssl_conf_tls13_key_exchange_modes(conf,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL);
#endif
#else
    static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512,
                                 MBEDTLS_MD_NONE};

    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_sig_hashes(conf, hashes);
#endif
}

const int *
shim_ssl_suites(void)
{
    static const int suites[] = {
#if IS_3
        MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
        MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
#endif
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        0,
    };

    return suites;
}

int
shim_ssl_is_old_version(int code)
{
#if IS_3
    return code == MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION;
#else
    return code == MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION;
#endif
}
